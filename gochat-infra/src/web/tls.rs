//! Certificates from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a certificate can't be used; each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read, or is not PEM.
    #[error("{path}: {source}; give a PEM file that this user may read")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The file has no certificate in it.
    #[error("{0}: there is no certificate in it; give the chain as PEM, the server's own certificate first")]
    Empty(PathBuf),
    /// They don't go together, or are of a kind that is not supported.
    #[error("{cert} and {key}: {source}; give the key that belongs to the first certificate")]
    Pair {
        /// The chain.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// Reads a certificate chain and its key, both PEM.
///
/// # Errors
/// They can't be read, or don't go together.
pub fn load(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let broken = |path: &Path, source| TlsError::File { path: path.into(), source };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| broken(cert, e))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(cert.into()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| broken(key, e))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|source| TlsError::Pair { cert: cert.into(), key: key.into(), source })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CERT: &str = include_str!("testdata/cert.pem");
    const KEY: &str = include_str!("testdata/key.pem");
    const OTHER_KEY: &str = include_str!("testdata/other-key.pem");

    fn try_load(cert: &str, key: &str) -> Result<Arc<ServerConfig>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let (c, k) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        fs::write(&c, cert).expect("written");
        fs::write(&k, key).expect("written");
        load(&c, &k).map_err(|e| e.to_string())
    }

    #[test]
    fn a_chain_and_its_key_are_taken() {
        assert_eq!(try_load(CERT, KEY).expect("they fit").alpn_protocols, [b"http/1.1".to_vec()]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (cert, key, said) in [
            (CERT, OTHER_KEY, "the key that belongs to the first certificate"),
            (CERT, "", "k.pem: "),
            (CERT, CERT, "k.pem: "),
            ("", KEY, "there is no certificate in it"),
            (KEY, KEY, "there is no certificate in it"),
        ] {
            let error = try_load(cert, key).expect_err("it does not fit");
            assert!(error.contains(said), "{error}");
        }
        let missing = load(Path::new("/none.pem"), Path::new("/none.pem")).expect_err("missing").to_string();
        assert!(missing.starts_with("/none.pem: "), "{missing}");
    }
}

//! Signatures as Standard Webhooks has them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::WebhookError;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Most secrets at a time.
const SECRETS_MAX: usize = 4;

/// The secrets that a receiver may know: several while one is changed for another.
#[derive(Clone)]
pub struct SigningSecrets(Vec<Hmac<Sha256>>);

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({})", self.0.len())
    }
}

impl SigningSecrets {
    /// Reads 1 to 4 secrets, separated by spaces: each `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// What is wrong with them; never with any of their text.
    pub fn parse(text: &str) -> Result<Self, WebhookError> {
        let secrets = text.split_whitespace().map(|secret| {
            let encoded =
                secret.strip_prefix(PREFIX).ok_or(WebhookError::Secret("does not begin with whsec_"))?;
            let key =
                STANDARD.decode(encoded).map_err(|_| WebhookError::Secret("is not base64 after whsec_"))?;
            if !(24..=64).contains(&key.len()) {
                return Err(WebhookError::Secret("does not have 24 to 64 bytes"));
            }
            Hmac::new_from_slice(&key).map_err(|_| WebhookError::Secret("can't be used as a key"))
        });
        let secrets: Vec<_> = secrets.collect::<Result<_, _>>()?;
        match secrets.len() {
            0 => Err(WebhookError::Secret("is empty")),
            n if n > SECRETS_MAX => Err(WebhookError::Secret("has more than 4 parts")),
            _ => Ok(Self(secrets)),
        }
    }

    /// The value of `webhook-signature`; `seconds` since 1970 is what `webhook-timestamp` says.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut value = String::new();
        for secret in &self.0 {
            let mut mac = secret.clone();
            mac.update(id.as_bytes());
            mac.update(format!(".{seconds}.").as_bytes());
            mac.update(body);
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str("v1,");
            STANDARD.encode_string(mac.finalize().into_bytes(), &mut value);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_known_signature() {
        let secrets = SigningSecrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signed = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs() {
        let (one, two) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        let sign = |text: &str| SigningSecrets::parse(text).expect("secrets").sign("a", 1, b"{}");
        assert_eq!(sign(&format!("{one}  {two}")), format!("{} {}", sign(one), sign(two)));
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_shown() {
        for bad in ["", "  ", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!"] {
            let e = SigningSecrets::parse(bad).expect_err(bad).to_string();
            assert!(!e.contains("c2hv") && !e.contains("MfKQ"), "{e}");
        }
        let five = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"; 5].join(" ");
        assert!(SigningSecrets::parse(&five).is_err());
    }
}

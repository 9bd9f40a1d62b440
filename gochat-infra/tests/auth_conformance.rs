//! The adapters of `auth` do what their ports say.
#![cfg(feature = "auth")]

use std::sync::Arc;

use gochat_core::ports::PasswordHasher;
use gochat_core::testing::conformance::TokensFixture;
use gochat_infra::auth::{BcryptHasher, HasherConfig, JwtSigner, SigningKeys};

gochat_core::conformance_tests!(hasher, async {
    // The least cost: the cases are about what is compared, not how slowly.
    let config = HasherConfig { cost: 4, threads: 2, queue: 64, ..HasherConfig::default() };
    Arc::new(BcryptHasher::start(config).expect("started")) as Arc<dyn PasswordHasher>
});

gochat_core::conformance_tests!(tokens, async {
    let signer = |secret: &str| Arc::new(JwtSigner::new(&SigningKeys::parse(secret).expect("a secret")));
    TokensFixture {
        signer: signer("0123456789abcdef0123456789abcdef"),
        stranger: signer("fedcba9876543210fedcba9876543210"),
    }
});

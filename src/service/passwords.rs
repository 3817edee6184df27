//! Passwords: argon2id, away from the async threads and bounded in number, since each takes a core and 19 MiB.

use super::Failure;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes and verifies, at most one per core at a time.
#[derive(Debug)]
pub struct Passwords {
    at_once: Arc<Semaphore>,
    /// A hash that nothing verifies against, so that an unknown name takes as long as a wrong password.
    nobody: String,
}

impl Passwords {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let nobody = hash("a password that nobody has").unwrap_or_default();
        Self { at_once: Arc::new(Semaphore::new(cores)), nobody }
    }

    /// The PHC string of a password, under OWASP's parameters, which are the crate's defaults.
    pub(super) async fn hash(&self, password: String) -> Result<String, Failure> {
        self.away(move || hash(&password)).await?.ok_or_else(|| broken("a password could not be hashed"))
    }

    /// Whether the password belongs to the hash. Without a hash the same time is taken, and the answer is no.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Failure> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let right = self.away(move || verify(&password, &hash)).await?;
        Ok(right && known)
    }

    async fn away<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let permit = Arc::clone(&self.at_once).acquire_owned().await.map_err(|_| Failure::Unavailable)?;
        // The permit goes along: a caller who hangs up does not make room for another hash before this one is done.
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.map_err(|_| broken("the hashing of a password panicked"))
    }
}

fn broken(what: &str) -> Failure {
    tracing::error!("{what}");
    Failure::Broken
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

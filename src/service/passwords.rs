//! Passwords: argon2id, away from the async threads and bounded in number, since each takes a core and 19 MiB.

use super::Failure;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::try_generate_salt;
use argon2::{Algorithm, Argon2, Block, Params, Version};
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
        // Verifying against it takes as long whatever it says, so that no start has to compute one.
        let nobody = phc(&Params::default(), &[0; 16], Output::new(&[0; Params::DEFAULT_OUTPUT_LEN]).ok());
        Self { at_once: Arc::new(Semaphore::new(cores)), nobody: nobody.unwrap_or_default() }
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
    let (argon2, salt) = (Argon2::default(), try_generate_salt().ok()?);
    phc(argon2.params(), &salt, output(&argon2, password, &salt))
}

/// What came out for a password under our own algorithm, as it is kept.
fn phc(params: &Params, salt: &[u8], output: Option<Output>) -> Option<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(output?),
    };
    Some(hash.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    let computed = |known: &PasswordHash| {
        let algorithm = Algorithm::try_from(known.algorithm.as_str()).ok()?;
        let version = known.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, Params::try_from(known).ok()?);
        output(&argon2, password, known.salt.as_ref()?)
    };
    // Outputs are compared in constant time.
    PasswordHash::new(hash).is_ok_and(|known| known.hash.is_some() && computed(&known) == known.hash)
}

fn output(argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Option<Output> {
    let params = argon2.params();
    let mut output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory(params)).ok()?;
    Output::new(&output).ok()
}

/// The memory that a hash is computed in. The C library keeps what is freed of less than 32 MiB, apart for each thread, so
/// that after some logins an idle server would hold hundreds of megabytes; more than that it gives back at once. Of
/// what is asked for here only what is used is ever there.
fn memory(params: &Params) -> Vec<Block> {
    const GIVEN_BACK: usize = 33 << 20;
    let mut memory = Vec::with_capacity(params.block_count().max(GIVEN_BACK / Block::SIZE));
    memory.resize(params.block_count(), Block::new());
    memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher, PasswordVerifier};

    #[test]
    fn passwords_are_hashed_as_others_hash_them() {
        let ours = hash("correct horse").unwrap();
        assert!(ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ours}");
        assert!(Argon2::default().verify_password(b"correct horse", ours.as_str()).is_ok());
        let params = Params::new(64, 1, 1, Some(24)).unwrap();
        for theirs in [Argon2::default(), Argon2::new(Algorithm::Argon2i, Version::V0x10, params)] {
            let theirs = theirs.hash_password(b"correct horse").unwrap().to_string();
            assert!(verify("correct horse", &theirs) && !verify("correct horses", &theirs), "{theirs}");
        }
        let nobody = Passwords::new().nobody;
        let shape = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(shape(&nobody), shape(&ours), "whoever is not there takes as long: {nobody}");
        assert!(nobody.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !verify("", &nobody), "{nobody}");
        let without = ours.rsplit_once('$').unwrap().0;
        assert!(!verify("correct horse", without) && !verify("correct horse", "") && !verify("", &ours));
    }
}

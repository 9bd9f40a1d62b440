//! Passwords by bcrypt, on a few threads of their own.
//!
//! A hash takes tens of milliseconds of one core. So it never runs on a thread that moves messages; no more run at a time
//! than there are threads here, with a lower priority than everything else; and when too many wait, the next is refused.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bcrypt::BcryptError;
use gochat_core::model::{Password, PasswordHash};
use gochat_core::ports::{ErrorKind, PasswordHasher, Result, Retry, StoreError, Verdict};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// How passwords are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherConfig {
    /// Two to the power of this many rounds; 4 to 31. 10 takes about 50 ms.
    pub cost: u32,
    /// Threads, and so hashes at a time.
    pub threads: usize,
    /// Most that wait.
    pub queue: usize,
    /// Who has waited for so long is refused when the turn comes: the answer is a clear one, and the queue catches up.
    pub patience: Duration,
}

impl Default for HasherConfig {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { cost: 10, threads: cores.clamp(1, 4), queue: 256, patience: Duration::from_secs(3) }
    }
}

/// The hasher could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HasherError {
    /// The cost is out of range.
    #[error("the cost of password hashing must be 4 to 31, not {0}")]
    Cost(u32),
    /// There is no thread or no room in the queue.
    #[error("password hashing needs at least one thread and one place in its queue")]
    Size,
    /// The system gave no thread or no random bytes.
    #[error("can't start password hashing")]
    System(#[source] Box<dyn std::error::Error + Send + Sync>),
}

type Job = Box<dyn FnOnce() + Send>;

/// A pool of threads that hash passwords. They end when it is dropped, each after what it is doing.
#[derive(Debug)]
pub struct BcryptHasher {
    cost: u32,
    patience: Duration,
    jobs: SyncSender<Job>,
    /// What is compared with where there is no hash: takes as long, and matches nothing.
    nobody: Arc<str>,
}

impl BcryptHasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// The configuration is not usable, or the system gives no thread.
    pub fn start(config: HasherConfig) -> std::result::Result<Self, HasherError> {
        if !(4..=31).contains(&config.cost) {
            return Err(HasherError::Cost(config.cost));
        }
        if config.threads == 0 || config.queue == 0 {
            return Err(HasherError::Size);
        }
        let mut unknown = [0; 32];
        getrandom::fill(&mut unknown).map_err(|e| HasherError::System(e.into()))?;
        let nobody = bcrypt::hash(unknown, config.cost).map_err(|e| HasherError::System(e.into()))?;
        let (jobs, waiting) = sync_channel(config.queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for n in 0..config.threads {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name(format!("gochat-bcrypt-{n}"))
                .spawn(move || work(&waiting))
                .map_err(|e| HasherError::System(e.into()))?;
        }
        Ok(Self { cost: config.cost, patience: config.patience, jobs, nobody: nobody.into() })
    }

    /// Runs `job` on one of the threads. When the caller has gone, it is not run any more.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce() -> std::result::Result<T, BcryptError> + Send + 'static,
    ) -> Result<T> {
        let (answer, done) = oneshot::channel();
        let (patience, since) = (self.patience, Instant::now());
        let job = move || {
            if !answer.is_closed() {
                let result = if since.elapsed() > patience { None } else { Some(job()) };
                let _caller_has_gone = answer.send(result);
            }
        };
        self.jobs.try_send(Box::new(job)).map_err(|e| {
            let kind = match e {
                TrySendError::Full(_) => ErrorKind::Overloaded,
                TrySendError::Disconnected(_) => ErrorKind::Closed,
            };
            StoreError::new(kind, Retry::Safe, operation)
        })?;
        match done.await {
            Ok(Some(result)) => result.map_err(|e| internal(operation).because(e)),
            Ok(None) => Err(StoreError::new(ErrorKind::Overloaded, Retry::Safe, operation)),
            Err(gone) => Err(internal(operation).because(gone)),
        }
    }
}

fn internal(operation: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Internal, Retry::Never, operation)
}

/// One thread: job after job, until nobody can bring any more.
fn work(waiting: &Mutex<Receiver<Job>>) {
    // On Linux this is the priority of the calling thread alone; elsewhere it would be the process's. A third of the usual
    // share: messages go first, and on a machine that others use too, logins still get on.
    #[cfg(target_os = "linux")]
    let _best_effort = rustix::process::nice(5);
    loop {
        let job = waiting.lock().recv();
        match job {
            // A fault in one job must not cost a thread; its caller sees that no answer came.
            Ok(job) => drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: Password) -> Result<PasswordHash> {
        let cost = self.cost;
        let hash = self.run("hasher.hash", move || bcrypt::hash(password.reveal(), cost)).await?;
        Ok(PasswordHash::new(&hash))
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verdict> {
        // bcrypt sees the first 72 bytes, and a NUL as the end before its next round: longer passwords and those with a NUL
        // are nobody's, but take their time all the same.
        let possible = password.len() <= Password::MAX_BYTES && !password.contains('\0');
        let known = hash.is_some() && possible;
        let hash = hash.map_or_else(|| Arc::clone(&self.nobody), |h| h.reveal().into());
        let password = password.to_owned();
        let same = self.run("hasher.verify", move || bcrypt::verify(password, &hash)).await?;
        Ok(if same && known { Verdict::Matches } else { Verdict::Differs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(cost: u32, threads: usize, queue: usize) -> BcryptHasher {
        BcryptHasher::start(HasherConfig { cost, threads, queue, ..HasherConfig::default() })
            .expect("started")
    }

    fn password(text: &str) -> Password {
        Password::new(text).expect("a good password")
    }

    #[tokio::test]
    async fn the_same_password_matches_and_others_differ() {
        let hasher = hasher(4, 1, 4);
        let longest = "x".repeat(72);
        for right in ["secret", "密码密码密码", longest.as_str()] {
            let hash = hasher.hash(password(right)).await.expect("hashed");
            assert!(hash.reveal().starts_with("$2b$04$"), "{}", hash.reveal());
            let verify = |text: String| hasher.verify_owned(text, hash.clone());
            assert_eq!(verify(right.to_owned()).await, Verdict::Matches);
            for wrong in [format!("{right}x"), format!("{right}\0{right}"), String::new(), "Secret".into()] {
                assert_eq!(verify(wrong.clone()).await, Verdict::Differs, "{wrong:?}");
            }
        }
    }

    impl BcryptHasher {
        async fn verify_owned(&self, text: String, hash: PasswordHash) -> Verdict {
            self.verify(&text, Some(hash)).await.expect("compared")
        }
    }

    #[tokio::test]
    async fn without_a_hash_it_takes_as_long_and_differs() {
        let hasher = hasher(6, 1, 4);
        let hash = hasher.hash(password("secret")).await.expect("hashed");
        let time = async |hash: Option<PasswordHash>| {
            let mut best = Duration::MAX;
            for _ in 0..5 {
                let start = Instant::now();
                assert_eq!(hasher.verify("wrong!", hash.clone()).await.expect("compared"), Verdict::Differs);
                best = best.min(start.elapsed());
            }
            best
        };
        let (with, without) = (time(Some(hash)).await, time(None).await);
        assert!(without * 2 > with && with * 2 > without, "{with:?} {without:?}");
    }

    #[tokio::test]
    async fn too_many_are_refused_and_the_rest_answered() {
        let hasher = Arc::new(hasher(6, 1, 2));
        let calls: Vec<_> = (0..20).map(|_| hasher.verify("secret", None)).collect();
        let answers = futures_util::future::join_all(calls).await;
        let refused = answers.iter().filter(|a| a.is_err()).count();
        assert!((17..=18).contains(&refused), "one is worked on, two wait: {refused} refused");
        assert!(answers.iter().flat_map(|a| a.as_ref().err()).all(|e| e.kind() == ErrorKind::Overloaded));
        assert_eq!(hasher.verify("secret", None).await.expect("room again"), Verdict::Differs);
    }

    #[tokio::test]
    async fn who_waited_too_long_is_refused() {
        // Any hop from thread to thread takes longer than no time.
        let config = HasherConfig { cost: 4, threads: 1, queue: 1, patience: Duration::ZERO };
        let hasher = BcryptHasher::start(config).expect("started");
        let error = hasher.verify("secret", None).await.expect_err("refused");
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Overloaded, Retry::Safe));
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_an_error() {
        let hash = PasswordHash::new("not a hash");
        let error = hasher(4, 1, 1).verify("secret", Some(hash)).await.expect_err("no hash");
        assert_eq!(error.kind(), ErrorKind::Internal);
    }

    #[test]
    fn unusable_configurations_are_named() {
        let start = |cost, threads, queue| {
            BcryptHasher::start(HasherConfig { cost, threads, queue, ..HasherConfig::default() })
        };
        assert!(matches!(start(3, 1, 1), Err(HasherError::Cost(3))));
        assert!(matches!(start(32, 1, 1), Err(HasherError::Cost(32))));
        assert!(matches!(start(4, 0, 1), Err(HasherError::Size)));
        assert!(matches!(start(4, 1, 0), Err(HasherError::Size)));
    }
}

//! Transactions that begin again when others were in the way, and reads that survive a lost connection.

use std::ops::ControlFlow;
use std::time::Duration;

use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use mysql_async::{Conn, Transaction, TxOpts};
use tokio::time::{Instant, sleep, timeout_at};

use super::error::{Done, Fail};

/// A transaction on the primary. Dropped without an end, it is rolled back.
pub(super) type Tx<'c> = Transaction<'c>;

pub(super) async fn begin(conn: &mut Conn) -> Done<Tx<'_>> {
    Ok(conn.start_transaction(TxOpts::default()).await?)
}

/// Commits what was done, or rolls back.
pub(super) async fn end<T>(tx: Tx<'_>, done: Done<T>) -> Done<T> {
    match done {
        Ok(value) => tx.commit().await.map(|()| value).map_err(Fail::Commit),
        Err(fail) => {
            // The failure that matters is the first; a lost connection has rolled back already.
            let _ = tx.rollback().await;
            Err(fail)
        }
    }
}

/// What a call that is cut short by its deadline leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    Write,
}

/// The attempts of one call.
pub(super) struct Tries {
    operation: &'static str,
    call: Call,
    deadline: Instant,
    left: u32,
    done: u32,
}

impl Tries {
    pub(super) fn new(operation: &'static str, call: Call, time: Duration, retries: u32) -> Self {
        Self { operation, call, deadline: Instant::now() + time, left: retries, done: 0 }
    }

    /// Makes one attempt; says whether another one is to follow, after a pause that it has made.
    pub(super) async fn attempt<T>(
        &mut self,
        attempt: impl Future<Output = Done<T>> + Send,
    ) -> ControlFlow<Result<T>> {
        let fail = match timeout_at(self.deadline, attempt).await {
            Ok(Ok(value)) => return ControlFlow::Break(Ok(value)),
            Ok(Err(fail)) => fail,
            Err(_) => {
                let retry = if self.call == Call::Write { Retry::Ambiguous } else { Retry::Safe };
                return ControlFlow::Break(Err(StoreError::new(ErrorKind::Timeout, retry, self.operation)));
            }
        };
        if self.left == 0 || !fail.again() {
            return ControlFlow::Break(Err(fail.into_store(self.operation)));
        }
        self.left -= 1;
        self.done += 1;
        sleep(pause(self.done)).await;
        ControlFlow::Continue(())
    }
}

/// 1 to 2 ms at first, twice as long each time, up to 64: those who met don't meet again.
fn pause(attempt: u32) -> Duration {
    let base = 1_000_u64 << attempt.min(6).saturating_sub(1);
    let jitter = getrandom::u64().unwrap_or(0) % base;
    Duration::from_micros(base + jitter)
}

/// Does `$body`, a future that works on `$tx`, in a transaction; begins again when others were in the way.
macro_rules! transact {
    ($store:expr, $operation:literal, |$tx:ident| $body:expr) => {{
        let store = $store;
        let mut tries = store.tries($operation, $crate::mysql::tx::Call::Write);
        loop {
            let attempt = async {
                let mut conn = store.inner.primary.conn().await?;
                let mut transaction = $crate::mysql::tx::begin(&mut conn).await?;
                let done = {
                    let $tx = &mut transaction;
                    $body.await
                };
                $crate::mysql::tx::end(transaction, done).await
            };
            if let std::ops::ControlFlow::Break(result) = tries.attempt(attempt).await {
                break result;
            }
        }
    }};
}

/// Does `$body`, a future that reads through `$conn`, on the primary.
macro_rules! read {
    ($store:expr, $operation:literal, |$conn:ident| $body:expr) => {{
        let store = $store;
        let mut tries = store.tries($operation, $crate::mysql::tx::Call::Read);
        loop {
            let attempt = async {
                let mut conn = store.inner.primary.conn().await?;
                let $conn = &mut *conn;
                $body.await
            };
            if let std::ops::ControlFlow::Break(result) = tries.attempt(attempt).await {
                break result;
            }
        }
    }};
}
pub(super) use {read, transact};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        for (attempt, least) in [(1, 1), (2, 2), (3, 4), (7, 32), (100, 32)] {
            let pause = pause(attempt);
            let least = Duration::from_millis(least);
            assert!(pause >= least && pause < least * 2, "{attempt}: {pause:?}");
        }
    }

    #[tokio::test]
    async fn attempts_are_bounded_and_end_with_the_failure() {
        let mut tries = Tries::new("test", Call::Write, Duration::from_secs(5), 2);
        let mut made = 0;
        let error = loop {
            made += 1;
            match tries.attempt(async { Err::<(), _>(Fail::Again) }).await {
                ControlFlow::Break(result) => break result.expect_err("it never works"),
                ControlFlow::Continue(()) => {}
            }
        };
        assert_eq!((made, error.kind(), error.retry()), (3, ErrorKind::Overloaded, Retry::Safe));
    }

    #[tokio::test]
    async fn a_write_past_its_deadline_may_have_happened() {
        for (call, retry) in [(Call::Write, Retry::Ambiguous), (Call::Read, Retry::Safe)] {
            let mut tries = Tries::new("test", call, Duration::ZERO, 2);
            match tries.attempt(std::future::pending::<Done<()>>()).await {
                ControlFlow::Break(Err(e)) => assert_eq!((e.kind(), e.retry()), (ErrorKind::Timeout, retry)),
                other => panic!("{other:?}"),
            }
        }
    }
}

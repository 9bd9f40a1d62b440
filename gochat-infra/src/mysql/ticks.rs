//! Change numbers: what the cursor of [`changes`](super::changes) counts.
//!
//! Wanted: a reader who has seen number 7 never misses number 5, though the writer of 5 may commit after that of 7. A counter
//! whose row is locked until commit would give numbers in the order of commits, and one commit at a time to the whole system.
//! Instead, two rules:
//!
//! 1. A writer first locks (or inserts) every row that will carry the number, and only then takes one.
//! 2. A reader first takes a number itself, its bound; then reads its rows with locking reads, which wait for who holds them;
//!    and shows nothing above its bound.
//!
//! So a change numbered below the bound had its row locked before the reader came: the reader waits, and sees it. One that
//! locks its row after the reader has looked gets a number above the bound, and no cursor is above the bound.
//!
//! Numbers come from an AUTO_INCREMENT column, which counts on without transactions. The row is deleted where it is made, or
//! rolled back: only the counter is wanted. It is replicated with the rows, so a replica that becomes primary counts on.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, TxOpts};

use super::error::{Done, Fail};
use super::rows::int;

/// Bits of a change number that tell changes of one transaction apart.
pub(super) const SHIFT: u32 = 18;
/// Most changes of one transaction.
pub(super) const CHANGES_MAX: u64 = 1 << SHIFT;

/// Change numbers for one transaction, each greater than the one before.
#[derive(Debug)]
pub(super) struct Numbers {
    next: u64,
    end: u64,
}

impl Numbers {
    fn new(tick: u64) -> Self {
        let next = tick << SHIFT;
        Self { next, end: next + CHANGES_MAX }
    }

    pub(super) fn next(&mut self) -> Done<i64> {
        if self.next == self.end {
            return Err(Fail::Corrupt("a transaction with too many changes".to_owned()));
        }
        self.next += 1;
        Ok(int(self.next - 1))
    }
}

/// Takes a number, which `LAST_INSERT_ID()` is for the statements behind it: shifted by [`SHIFT`], with less than
/// [`CHANGES_MAX`] added, it is a change number.
pub(super) const TAKE: &str = "INSERT INTO ticks () VALUES (); DELETE FROM ticks WHERE n = LAST_INSERT_ID()";

/// Takes numbers, once every row that is to carry one is locked.
pub(super) async fn take(conn: &mut impl Queryable) -> Done<Numbers> {
    let result = conn.query_iter(TAKE).await?;
    let tick = result.last_insert_id();
    result.drop_result().await?;
    Ok(Numbers::new(found(tick)?))
}

/// A reader's bound: every number taken before is below it, every later one above.
pub(super) async fn bound(conn: &mut Conn) -> Done<u64> {
    let mut tx = conn.start_transaction(TxOpts::default()).await?;
    tx.query_drop("INSERT INTO ticks () VALUES ()").await?;
    let tick = tx.last_insert_id();
    tx.rollback().await?;
    Ok(found(tick)? << SHIFT)
}

/// Lets numbers go on behind `changed`, if they are not there already: those of a store whose changes were copied.
#[cfg(feature = "transfer")]
pub(super) async fn go_behind(conn: &mut Conn, changed: u64) -> Done<()> {
    let past = (changed >> SHIFT) + 1;
    let mut tx = conn.start_transaction(TxOpts::default()).await?;
    tx.exec_drop("INSERT INTO ticks (n) VALUES (?)", (past,)).await?;
    tx.exec_drop("DELETE FROM ticks WHERE n = ?", (past,)).await?;
    tx.commit().await?;
    match bound(conn).await? {
        first if first > changed => Ok(()),
        first => Err(Fail::Corrupt(format!("changes go on at {first}, and {changed} is taken"))),
    }
}

fn found(tick: Option<u64>) -> Done<u64> {
    tick.filter(|n| *n > 0 && *n < 1 << (63 - SHIFT))
        .ok_or_else(|| Fail::Corrupt("the counter of changes".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_later_ticks_are_greater() {
        let (mut first, mut second) = (Numbers::new(1), Numbers::new(2));
        let mut last = 0;
        for _ in 0..1 << SHIFT {
            let number = first.next().expect("one more");
            assert!(number > last);
            last = number;
        }
        assert!(first.next().is_err());
        assert!(second.next().expect("one") > last);
    }
}

//! Both sides side by side, in order of their keys.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::cell::{Cell, Cells, Sum, show};
use super::tables::Table;
use super::{Findings, Progress, Step, TransferError};
use crate::mysql::import::Import;
use crate::sqlite::export::{Bounds, Export};

/// Compares everything: each row, the number of rows, the sums over all rows in order, and sequences with heads.
pub(super) async fn verify(
    export: &Export,
    import: &mut Import,
    sums: &[(Table, Sum)],
    bounds: Bounds,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), TransferError> {
    let mut findings = Findings::default();
    for (table, expected) in sums {
        let mut pair = Pair::new(*table);
        loop {
            pair.fill(export, import, bounds, &mut findings).await?;
            let more = pair.compare(&mut findings);
            // Those that are there only are no progress.
            let rows = pair.theirs.sum.rows.min(expected.rows);
            progress(Progress { step: Step::Verify, table: table.name(), rows, of: expected.rows });
            if !more {
                break;
            }
        }
        let found = &pair.theirs.sum;
        if (found.rows, found.digest()) != (expected.rows, expected.digest()) {
            let (name, rows, wanted) = (table.name(), found.rows, expected.rows);
            findings.add(format!("{name}: {rows} rows of {wanted}, and the sums over all of them differ"));
        }
    }
    import.broken_sequences().await?.into_iter().for_each(|what| findings.add(what));
    if findings.is_empty() { Ok(()) } else { Err(TransferError::Differs(findings)) }
}

/// What was read of a side, and not compared yet.
struct Side {
    rows: VecDeque<Cells>,
    upto: Cells,
    last: bool,
    sum: Sum,
}

impl Side {
    fn new(table: Table) -> Self {
        Self { rows: VecDeque::new(), upto: table.start(), last: false, sum: Sum::default() }
    }

    fn wants(&self) -> bool {
        self.rows.is_empty() && !self.last
    }

    fn pop(&mut self) -> Option<Cells> {
        let row = self.rows.pop_front()?;
        self.sum.add(&row);
        Some(row)
    }
}

/// A table on both sides.
struct Pair {
    table: Table,
    ours: Side,
    theirs: Side,
}

impl Pair {
    fn new(table: Table) -> Self {
        Self { table, ours: Side::new(table), theirs: Side::new(table) }
    }

    async fn fill(
        &mut self,
        export: &Export,
        import: &mut Import,
        bounds: Bounds,
        findings: &mut Findings,
    ) -> Result<(), TransferError> {
        let Self { table, ours, theirs } = self;
        while ours.wants() {
            let part = export.part(*table, &ours.upto, bounds)?;
            // It was whole when it was checked.
            part.faults.into_iter().for_each(|what| findings.add(what));
            (ours.rows, ours.upto, ours.last) = (part.rows.into(), part.upto, part.last);
        }
        if theirs.wants() {
            let (rows, last) = import.part(*table, &theirs.upto, bounds.rows).await?;
            if let Some(row) = rows.last() {
                theirs.upto = row[..table.key()].to_vec();
            }
            (theirs.rows, theirs.last) = (rows.into(), last);
        }
        Ok(())
    }

    /// Compares until one side is to be read further; false when both have come to their ends.
    fn compare(&mut self, findings: &mut Findings) -> bool {
        let Self { table, ours, theirs } = self;
        let (name, key) = (table.name(), table.key());
        loop {
            let order = match (ours.rows.front(), theirs.rows.front()) {
                (None, None) => return ours.wants() || theirs.wants(),
                (Some(_), None) if theirs.wants() => return true,
                (None, Some(_)) if ours.wants() => return true,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a[..key].cmp(&b[..key]),
            };
            let (our, their) = match order {
                Ordering::Less => (ours.pop(), None),
                Ordering::Greater => (None, theirs.pop()),
                Ordering::Equal => (ours.pop(), theirs.pop()),
            };
            match (our, their) {
                (Some(a), Some(b)) if a != b => {
                    let differ = differing(*table, &a, &b).join(", ");
                    findings.add(format!("{name} {}: other values in {differ}", show(&a[..key])));
                }
                (Some(a), None) => findings.add(format!("{name} {}: not in the database", show(&a[..key]))),
                (None, Some(b)) => {
                    findings.add(format!("{name} {}: only in the database", show(&b[..key])));
                }
                _ => {}
            }
        }
    }
}

fn differing(table: Table, a: &[Cell], b: &[Cell]) -> Vec<&'static str> {
    let columns = table.columns().iter().zip(a.iter().zip(b));
    columns.filter(|(_, (a, b))| a != b).map(|(column, _)| column.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: i64, changed: i64) -> Cells {
        vec![Cell::Int(user), Cell::Int(1), Cell::Int(changed)]
    }

    fn side(rows: &[(i64, i64)]) -> Side {
        let rows = rows.iter().map(|(user, changed)| row(*user, *changed)).collect();
        Side { rows, last: true, ..Side::new(Table::Departures) }
    }

    #[test]
    fn what_differs_is_named() {
        let mut findings = Findings::default();
        let ours = side(&[(1, 1), (2, 2), (3, 3), (5, 5)]);
        let theirs = side(&[(1, 1), (3, 4), (4, 4), (5, 5), (6, 6)]);
        let mut pair = Pair { table: Table::Departures, ours, theirs };
        assert!(!pair.compare(&mut findings));
        let told = [
            "departures 2/1: not in the database",
            "departures 3/1: other values in changed",
            "departures 4/1: only in the database",
            "departures 6/1: only in the database",
        ];
        assert_eq!(findings.first, told);
        assert_eq!((pair.ours.sum.rows, pair.theirs.sum.rows), (4, 5));
    }

    #[test]
    fn a_side_that_is_to_be_read_further_is_waited_for() {
        let mut findings = Findings::default();
        let mut pair =
            Pair { table: Table::Departures, ours: side(&[(1, 1), (2, 2)]), theirs: side(&[(1, 1)]) };
        pair.theirs.last = false;
        assert!(pair.compare(&mut findings));
        assert!(findings.is_empty());
        (pair.theirs.rows, pair.theirs.last) = ([row(2, 2)].into(), true);
        assert!(!pair.compare(&mut findings));
        assert!(findings.is_empty());
        assert_eq!(pair.ours.sum.digest(), pair.theirs.sum.digest());
    }
}

//! Rows as both databases have them: whole numbers, bytes, nothing.

use std::fmt;

use sha2::{Digest, Sha256};

/// A value of a row. The order is that of keys in both databases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Bytes(Vec<u8>),
}

/// A row, or the values of its key.
pub(crate) type Cells = Vec<Cell>;

const NULL: u8 = 0;
const INT: u8 = 1;
const BYTES: u8 = 2;

/// A row as bytes that no other row has.
pub(crate) fn encode(row: &[Cell]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(weight(row));
    for cell in row {
        match cell {
            Cell::Null => bytes.push(NULL),
            Cell::Int(n) => {
                bytes.push(INT);
                bytes.extend(n.to_be_bytes());
            }
            Cell::Bytes(value) => {
                bytes.push(BYTES);
                bytes.extend((value.len() as u64).to_be_bytes());
                bytes.extend(value);
            }
        }
    }
    bytes
}

/// The row that [`encode`] made bytes of; `None` for other bytes.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Cells> {
    let mut row = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        bytes = rest;
        if *tag == NULL {
            row.push(Cell::Null);
            continue;
        }
        let (number, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        row.push(match *tag {
            INT => Cell::Int(i64::from_be_bytes(*number)),
            BYTES => {
                let length = usize::try_from(u64::from_be_bytes(*number)).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Cell::Bytes(value.to_vec())
            }
            _ => return None,
        });
    }
    Some(row)
}

/// About as many bytes as the row takes.
pub(crate) fn weight(row: &[Cell]) -> usize {
    let of = |cell: &Cell| if let Cell::Bytes(value) = cell { 9 + value.len() } else { 9 };
    row.iter().map(of).sum()
}

/// How many rows, and SHA-256 over all of them in order.
#[derive(Clone, Default)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    hash: Sha256,
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sum").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Sum {
    pub(crate) fn add(&mut self, row: &[Cell]) {
        self.rows += 1;
        let bytes = encode(row);
        // With its length, so that no two lists of rows are the same bytes.
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

/// Keys as people read them: `5`, `5/17`, `x'00ff'`.
pub(crate) fn show(key: &[Cell]) -> String {
    let one = |cell: &Cell| match cell {
        Cell::Null => "null".to_owned(),
        Cell::Int(n) => n.to_string(),
        Cell::Bytes(bytes) => {
            let hex: String = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("x'{hex}'{}", if bytes.len() > 8 { "…" } else { "" })
        }
    };
    key.iter().map(one).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Null),
            any::<i64>().prop_map(Cell::Int),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Cell::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn rows_come_back_and_hostile_bytes_do_no_harm(
            row in proptest::collection::vec(cell(), 0..6),
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            prop_assert_eq!(decode(&encode(&row)), Some(row));
            if let Some(row) = decode(&bytes) {
                prop_assert_eq!(encode(&row), bytes);
            }
        }
    }

    #[test]
    fn where_a_row_ends_is_in_the_sum() {
        let sum = |rows: &[&[Cell]]| {
            let mut sum = Sum::default();
            rows.iter().for_each(|row| sum.add(row));
            sum.digest()
        };
        let (a, b) = (Cell::Int(1), Cell::Int(2));
        assert_ne!(sum(&[&[a.clone(), b.clone()]]), sum(&[&[a], &[b]]));
        assert_eq!(show(&[Cell::Int(5), Cell::Bytes(vec![0, 255])]), "5/x'00ff'");
    }
}

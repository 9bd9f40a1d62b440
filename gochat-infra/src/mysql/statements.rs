//! SQL text that is known to the test of query plans.

/// A statement. Made by [`statements!`] only, so that the test of query plans sees each one. `{}` in it stands for a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql {
    text: &'static str,
    unit: &'static str,
    between: &'static str,
}

impl Sql {
    pub(super) const fn registered(text: &'static str, unit: &'static str, between: &'static str) -> Self {
        Self { text, unit, between }
    }

    /// The text of a statement without a list.
    pub(super) const fn one(self) -> &'static str {
        self.text
    }

    /// The text for a list with these numbers in it, each thing's one after the other: for what goes together with others in one
    /// round trip, as prepared statements can't.
    pub(super) fn with(self, numbers: &[i64]) -> String {
        let each = self.unit.matches('?').count().max(1);
        let text = self.of(numbers.len() / each);
        let mut written = String::with_capacity(text.len() + numbers.len() * 20);
        let mut numbers = numbers.iter();
        for part in text.split_inclusive('?') {
            written.push_str(part.trim_end_matches('?'));
            if let Some(number) = numbers.next().filter(|_| part.ends_with('?')) {
                written.push_str(&number.to_string());
            }
        }
        written
    }

    /// The text for a list of `n`.
    pub(super) fn of(self, n: usize) -> String {
        let mut list = String::with_capacity((self.unit.len() + self.between.len()) * n);
        for i in 0..n {
            if i > 0 {
                list.push_str(self.between);
            }
            list.push_str(self.unit);
        }
        self.text.replacen("{}", &list, 1)
    }
}

/// Longest list in one statement: longer ones are asked for in parts. Both servers plan a longer one otherwise (MariaDB
/// makes a join of it) or not at all.
pub(super) const LIST_MAX: usize = 512;

/// The length of the list for `n` things: few lengths, so that few statements are prepared. The rest is filled up by
/// repeating the last.
pub(super) const fn padded(n: usize) -> usize {
    n.next_power_of_two()
}

/// Defines a module's statements, and `ALL` of them for the test of query plans.
macro_rules! statements {
    ($($vis:vis $name:ident = [$($part:expr),+] $(each ($unit:expr, $between:expr))?;)*) => {
        $($vis const $name: $crate::mysql::statements::Sql = $crate::mysql::statements::Sql::registered(
            concat!($($part),+), concat!($($unit)?), concat!($($between)?));)*
        pub(super) const ALL: &[$crate::mysql::statements::Sql] = &[$($name),*];
    };
}
pub(super) use statements;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_out() {
        let sql = Sql::registered("SELECT 1 WHERE 2 IN ({})", "?", ",");
        assert_eq!(sql.of(3), "SELECT 1 WHERE 2 IN (?,?,?)");
        assert_eq!([1, 2, 3, 5, 512].map(padded), [1, 2, 4, 8, 512]);
    }

    #[test]
    fn numbers_take_the_places_of_marks() {
        let sql = Sql::registered("INSERT INTO t VALUES {} ON DUPLICATE KEY UPDATE b = 1", "(?,? + 1)", ",");
        let text = "INSERT INTO t VALUES (1,-2 + 1),(3,4 + 1) ON DUPLICATE KEY UPDATE b = 1";
        assert_eq!(sql.with(&[1, -2, 3, 4]), text);
    }
}

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
}

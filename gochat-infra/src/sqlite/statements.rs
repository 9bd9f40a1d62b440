//! SQL text that is known to the test of query plans.

use rusqlite::{CachedStatement, Connection, Result};

/// A statement. One that has a plan is made by [`statements!`] only, so that the test of query plans sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql(&'static str);

impl Sql {
    pub(super) const fn registered(text: &'static str) -> Self {
        Self(text)
    }

    #[cfg(test)]
    pub(super) const fn text(self) -> &'static str {
        self.0
    }
}

pub(super) trait Prepare {
    /// The statement, prepared at its first use on this connection.
    fn stmt(&self, sql: Sql) -> Result<CachedStatement<'_>>;
}

impl Prepare for Connection {
    fn stmt(&self, sql: Sql) -> Result<CachedStatement<'_>> {
        self.prepare_cached(sql.0)
    }
}

/// Defines a module's statements, and `ALL` of them for tests.
macro_rules! statements {
    ($($name:ident = $($part:expr),+;)*) => {
        $(const $name: $crate::sqlite::statements::Sql =
            $crate::sqlite::statements::Sql::registered(concat!($($part),+));)*
        #[cfg(test)]
        pub(super) const ALL: &[$crate::sqlite::statements::Sql] = &[$($name),*];
    };
}
pub(super) use statements;

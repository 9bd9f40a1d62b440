//! What is wrong, where, and how to mend it: a line each.

use std::error::Error;
use std::fmt;

/// Something that keeps a program from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which file and line, variable, flag or thing.
    pub at: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub mend: String,
}

impl Problem {
    /// Makes one.
    pub fn new(at: impl Into<String>, what: impl fmt::Display, mend: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.to_string(), mend: mend.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Causes from elsewhere may have several lines; ours has one.
        let what = self.what.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        write!(f, "{}: {what}; {}", self.at, self.mend)
    }
}

impl Error for Problem {}

/// All that was found wrong at once, so that nobody mends one line after the other by trying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// `Ok` when there are none.
    ///
    /// # Errors
    /// Itself, when there are some.
    pub fn none(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Error for Problems {}

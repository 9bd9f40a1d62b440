//! The cases of the benchmark, by name, and what each must reach.

mod connects;
mod fanout;
mod history;
mod idle;
mod pairs;
mod rounds;
mod scaling;
mod soak;

#[cfg(feature = "cluster")]
pub(crate) use rounds::median;

use crate::load::Tally;
use crate::run::Bench;

pub(crate) const NAMES: [&str; 9] =
    ["fanout-1", "fanout-64", "pairs", "pairs-paced", "idle", "connects", "history", "scaling", "soak"];

/// What a case gave.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// What GoChat reached, and the bare server beside it.
    pub(crate) reached: String,
    pub(crate) bare: String,
    pub(crate) others: &'static str,
    pub(crate) must: &'static str,
    pub(crate) aim: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) clean: bool,
    pub(crate) checks: String,
    /// Markdown below the table.
    pub(crate) details: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Aim,
    Must,
    Missed,
    Open,
}

impl Verdict {
    /// Judges `value`, where more is better.
    pub(crate) fn at_least(value: f64, must: f64, aim: f64) -> Self {
        match value {
            _ if value >= aim => Self::Aim,
            _ if value >= must => Self::Must,
            _ => Self::Missed,
        }
    }

    /// Judges `value`, where less is better.
    pub(crate) fn at_most(value: f64, must: f64, aim: f64) -> Self {
        match value {
            _ if value <= aim => Self::Aim,
            _ if value <= must => Self::Must,
            _ => Self::Missed,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Aim => "aim reached",
            Self::Must => "must reached",
            Self::Missed => "missed",
            Self::Open => "-",
        }
    }
}

impl Outcome {
    pub(crate) fn judged_by(mut self, tally: &Tally) -> Self {
        self.clean = tally.is_clean();
        self.checks = tally.to_string();
        self
    }
}

pub(crate) fn run(name: &str, bench: &Bench) -> anyhow::Result<Outcome> {
    match name {
        "fanout-1" => fanout::run(bench, fanout::ONE),
        "fanout-64" => fanout::run(bench, fanout::MANY),
        "pairs" => pairs::windowed(bench),
        "pairs-paced" => pairs::paced(bench),
        "idle" => idle::run(bench),
        "connects" => connects::run(bench),
        "history" => history::run(bench),
        "scaling" => scaling::run(bench),
        "soak" => soak::run(bench),
        _ => anyhow::bail!("no such case: {name}"),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

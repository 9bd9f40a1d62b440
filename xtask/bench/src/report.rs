//! The table of results, and the part of `docs/benchmarks.md` that the run writes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::cases::Outcome;

const BEGIN: &str = "<!-- results: begin -->";
const END: &str = "<!-- results: end -->";

/// One line a case.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| case | GoChat | bare server | must | aim | | others, measured this way |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for outcome in outcomes {
        let Outcome { what, name, reached, bare, must, aim, others, .. } = outcome;
        let verdict = outcome.verdict.text();
        let _ = writeln!(
            text,
            "| `{name}`: {what} | {reached} | {bare} | {must} | {aim} | {verdict} | {others} |"
        );
    }
    text
}

/// Puts the results between the markers of `path`, and leaves the prose around them as it is.
pub(crate) fn write(
    path: &Path,
    facts: &[(&str, String)],
    outcomes: &[Outcome],
    quick: bool,
) -> anyhow::Result<()> {
    let page = fs::read_to_string(path).unwrap_or_else(|_| format!("# Benchmarks\n\n{BEGIN}\n{END}\n"));
    let (before, rest) =
        page.split_once(BEGIN).with_context(|| format!("{} lacks {BEGIN}", path.display()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{} lacks {END}", path.display()))?;
    let mut text = String::new();
    if quick {
        text.push_str("A quick run: it shows that the cases work, not what the server reaches.\n\n");
    }
    text.push_str(&table(outcomes));
    text.push_str("\n### Where it was measured\n\n");
    for (name, value) in facts {
        let _ = writeln!(text, "- {name}: {value}");
    }
    for outcome in outcomes {
        let _ = write!(text, "\n### {}\n\n{}.\n\n", outcome.name, capital(outcome.what));
        outcome.details.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        let _ = writeln!(text, "\nChecks: {}.", outcome.checks);
    }
    fs::write(path, format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim_end()))?;
    println!("written to {}", path.display());
    Ok(())
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

//! The table of results, and the part of a page that the run writes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::cases::{NAMES, Outcome};

const BEGIN: &str = "<!-- results: begin -->";
const END: &str = "<!-- results: end -->";
const SECTION: &str = "\n### ";

/// What a page of results shows.
pub(crate) struct Page {
    /// The cases, in their order.
    pub(crate) names: &'static [&'static str],
    /// Head of the table, of seven columns.
    pub(crate) head: &'static str,
    /// What a quick run says of itself.
    pub(crate) quick: &'static str,
}

/// `docs/benchmarks.md`.
pub(crate) const ALONE: Page = Page {
    names: &NAMES,
    head: HEAD,
    quick: "A quick run: it shows that the cases work, not what the server reaches.\n\n",
};

const HEAD: &str = "| case | GoChat | bare server | must | aim | | others, measured this way |\n\
                    | --- | --- | --- | --- | --- | --- | --- |\n";

/// One line a case.
pub(crate) fn table(page: &Page, outcomes: &[Outcome]) -> String {
    page.head.to_owned() + &outcomes.iter().map(row).collect::<String>()
}

fn row(outcome: &Outcome) -> String {
    let Outcome { what, name, reached, bare, must, aim, others, .. } = outcome;
    let verdict = outcome.verdict.text();
    format!("| `{name}`: {what} | {reached} | {bare} | {must} | {aim} | {verdict} | {others} |\n")
}

fn section(outcome: &Outcome) -> String {
    let mut text = format!("{}{}\n\n{}.\n\n", SECTION, outcome.name, capital(outcome.what));
    outcome.details.iter().for_each(|line| {
        let _ = writeln!(text, "{line}");
    });
    let _ = writeln!(text, "\nChecks: {}.", outcome.checks);
    text
}

/// Puts the results between the markers of `path`, and leaves the prose around them as it is. Cases that this run
/// didn't have keep what they had.
pub(crate) fn write(
    shown: &Page,
    path: &Path,
    facts: &[(&str, String)],
    outcomes: &[Outcome],
    quick: bool,
) -> anyhow::Result<()> {
    let page = fs::read_to_string(path).unwrap_or_else(|_| format!("# Benchmarks\n\n{BEGIN}\n{END}\n"));
    let (before, rest) =
        page.split_once(BEGIN).with_context(|| format!("{} lacks {BEGIN}", path.display()))?;
    let (earlier, after) = rest.split_once(END).with_context(|| format!("{} lacks {END}", path.display()))?;
    let results = merged(shown, earlier, facts, outcomes, quick);
    fs::write(path, format!("{before}{BEGIN}\n{}\n{END}{after}", results.trim_end()))?;
    println!("written to {}", path.display());
    Ok(())
}

fn merged(page: &Page, earlier: &str, facts: &[(&str, String)], outcomes: &[Outcome], quick: bool) -> String {
    let (mut rows, mut sections) = (String::new(), String::new());
    for &name in page.names {
        let (row, section) = match outcomes.iter().find(|outcome| outcome.name == name) {
            Some(outcome) => (row(outcome), section(outcome)),
            None => (earlier_row(earlier, name), earlier_section(earlier, name)),
        };
        rows.push_str(&row);
        sections.push_str(&section);
    }
    let mut text = String::new();
    if quick {
        text.push_str(page.quick);
    }
    let _ = write!(text, "{}{rows}{SECTION}Where it was measured\n\n", page.head);
    for (name, value) in facts {
        let _ = writeln!(text, "- {name}: {value}");
    }
    text + &sections
}

fn earlier_row(earlier: &str, name: &str) -> String {
    let start = format!("| `{name}`:");
    earlier.lines().find(|line| line.starts_with(&start)).map_or_else(String::new, |line| format!("{line}\n"))
}

fn earlier_section(earlier: &str, name: &str) -> String {
    let start = format!("{SECTION}{name}\n");
    let Some(at) = earlier.find(&start) else { return String::new() };
    let body = &earlier[at + start.len()..];
    let end = body.find(SECTION).unwrap_or(body.len());
    format!("{start}{}\n", body[..end].trim_end())
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Verdict;

    fn outcome(name: &'static str, reached: &str) -> Outcome {
        Outcome {
            name,
            what: "what it is",
            reached: reached.into(),
            bare: "-".into(),
            others: "-",
            must: "",
            aim: "",
            verdict: Verdict::Open,
            clean: true,
            checks: "fine".into(),
            details: vec![format!("details {reached}")],
        }
    }

    #[test]
    fn a_part_run_replaces_its_cases_and_keeps_the_others() {
        let first = merged(&ALONE, "", &[], &[outcome("pairs", "one"), outcome("idle", "two")], false);
        let second = merged(&ALONE, &first, &[("kernel", "x".into())], &[outcome("pairs", "three")], false);
        let whole = merged(
            &ALONE,
            "",
            &[("kernel", "x".into())],
            &[outcome("pairs", "three"), outcome("idle", "two")],
            false,
        );
        assert_eq!(second, whole);
        assert!(!second.contains("one") && second.contains("details two"), "{second}");
    }
}

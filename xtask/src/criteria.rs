//! `docs/criteria.md` says which test shows each requirement: all 56 have a row, and each test that a row names exists.

use std::fs;

use anyhow::{Context, Result, bail};

const DOCUMENT: &str = "docs/criteria.md";

pub(crate) fn check() -> Result<()> {
    let text = fs::read_to_string(DOCUMENT).context(DOCUMENT)?;
    let wrong = wrong(&text, |path| fs::read_to_string(path).ok());
    if wrong.is_empty() {
        println!("{DOCUMENT} names {} tests that exist", tests(&text).count());
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

fn wrong(text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let numbers: Vec<&str> = text.lines().filter_map(number).collect();
    let all: Vec<String> = (1..=7).flat_map(|part| (1..=8).map(move |n| format!("{part}.{n}"))).collect();
    let mut wrong = Vec::new();
    if numbers != all {
        wrong.push(format!(
            "{DOCUMENT}: rows must be 1.1 to 7.8, each once and in order; there are {numbers:?}"
        ));
    }
    for (path, name) in tests(text) {
        match read(path) {
            None => wrong.push(format!("{DOCUMENT}: there is no file {path}")),
            Some(source) if !has(&source, name) => {
                wrong.push(format!("{DOCUMENT}: {path} has no test {name}"));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// The number of a row of the table.
fn number(line: &str) -> Option<&str> {
    let number = line.strip_prefix("| ")?.split(' ').next()?;
    number.starts_with(|c: char| c.is_ascii_digit()).then_some(number)
}

/// Tests that the rows name: `path/of/file.rs::name`.
fn tests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let rows = text.lines().filter(|line| number(line).is_some());
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter_map(|code| code.rsplit_once("::"))
}

/// Whether a source has the name, as a whole word: in a function, a list of cases, or the title of a page's test.
fn has(source: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    source.match_indices(name).any(|(at, _)| {
        !source[..at].ends_with(part) && !source[at + name.len()..].starts_with(part) && !name.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_too_few_and_a_test_that_is_not_there_are_found() {
        let row = |n: String| format!("| {n} | it works | `a.rs::it_works` | |\n");
        let all: String = (1..=7).flat_map(|p| (1..=8).map(move |n| row(format!("{p}.{n}")))).collect();
        let read = |source: &'static str| move |path: &str| (path == "a.rs").then(|| source.to_owned());
        assert_eq!(wrong(&all, read("fn it_works() {}")), [""; 0]);
        assert_eq!(wrong(&all, read("fn it_works_not() {}")).len(), 56);
        assert_eq!(wrong(&all.replace("a.rs", "b.rs"), read("")).len(), 56);
        assert_eq!(wrong(&all.replace("| 7.8 ", "| "), read("fn it_works() {}")).len(), 1);
    }
}

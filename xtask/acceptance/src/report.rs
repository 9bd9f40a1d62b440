//! The table of cases and results for `docs/acceptance.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::case::Case;

/// How a case ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// As the contract says.
    Passed(Duration),
    /// Not so; what was seen.
    Failed(String),
}

/// Results as they come in from the test threads.
#[derive(Debug, Default)]
pub struct Results(Mutex<Vec<(&'static str, Ended)>>);

impl Results {
    /// Notes how a case ended; the last word on a case counts.
    pub fn note(&self, name: &'static str, ended: Ended) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, _)| *known != name);
        all.push((name, ended));
    }

    fn of(&self, name: &str) -> Option<Ended> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| *known == name).map(|(_, ended)| ended.clone())
    }

    /// Writes the table as Markdown.
    pub fn write(&self, path: &Path, title: &str, cases: &[Case]) -> Result<()> {
        let (mut passed, mut failed, mut not_run) = (0, 0, 0);
        let (mut table, mut area) = (String::new(), "");
        for case in cases {
            let (of, name) = case.name.split_once("::").unwrap_or(("", case.name));
            if of != area {
                area = of;
                write!(
                    table,
                    "\n## {of}\n\n| case | what the contract says | result |\n| --- | --- | --- |\n"
                )?;
            }
            let result = match self.of(case.name) {
                Some(Ended::Passed(took)) => {
                    passed += 1;
                    format!("passed, {:.2} s", took.as_secs_f32())
                }
                Some(Ended::Failed(why)) => {
                    failed += 1;
                    format!("**failed**: {}", why.lines().next().unwrap_or(""))
                }
                None => {
                    not_run += 1;
                    "not run".to_owned()
                }
            };
            writeln!(table, "| `{name}` | {} | {} |", cell(case.says), cell(&result))?;
        }
        let head = format!(
            "# {title}\n\nWritten by the suite itself (`--report`); every case is a test that can be run by its name.\n\n\
             {passed} passed, {failed} failed, {not_run} not run.\n"
        );
        std::fs::write(path, head + &table).with_context(|| path.display().to_string())
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

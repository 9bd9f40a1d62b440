//! Values before they have a type, and where in the file each stands.

use std::fmt;

use toml::de::{DeTable, DeValue};

use crate::process::Problem;

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// From a variable or flag, where everything is text.
    Loose(String),
    Text(String),
    Number(i64),
    Real(f64),
    Flag(bool),
    List(Vec<Self>),
}

impl Raw {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Loose(s) | Self::Text(s) => Some(s),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Loose(s) => s.trim().replace('_', "").parse().ok(),
            _ => None,
        }
    }

    pub(super) fn real(&self) -> Option<f64> {
        match self {
            Self::Real(n) => Some(*n),
            Self::Loose(s) => s.trim().parse().ok(),
            // Whoever writes 1 means 1.0.
            Self::Number(n @ 0..=1) => Some(if *n == 1 { 1.0 } else { 0.0 }),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(b) => Some(*b),
            Self::Loose(s) => s.trim().parse().ok(),
            _ => None,
        }
    }

    /// A list; in a variable or flag its parts are separated by commas.
    pub(super) fn list(&self) -> Option<Vec<String>> {
        match self {
            Self::List(all) => all.iter().map(|raw| raw.text().map(str::to_owned)).collect(),
            Self::Loose(s) => {
                Some(s.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loose(s) | Self::Text(s) => write!(f, "{s:?}"),
            Self::Number(n) => n.fmt(f),
            Self::Real(n) => n.fmt(f),
            Self::Flag(b) => b.fmt(f),
            Self::List(_) => f.write_str("a list"),
        }
    }
}

/// One line of a file: a key and its value.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) raw: Raw,
    pub(super) line: usize,
}

/// Reads a file's text; `file` is its name in messages.
pub(super) fn read(file: &str, text: &str) -> Result<Vec<Entry>, Problem> {
    let line = |at: usize| 1 + text.get(..at).unwrap_or(text).matches('\n').count();
    let table = DeTable::parse(text).map_err(|e| {
        let at = e.span().map_or_else(|| file.to_owned(), |s| format!("{file}:{}", line(s.start)));
        Problem::new(at, e.message(), "mend the file; its format is TOML, https://toml.io")
    })?;
    let mut entries = Vec::new();
    for (section, value) in table.get_ref() {
        let DeValue::Table(keys) = value.get_ref() else {
            let at = format!("{file}:{}", line(section.span().start));
            let mend = "put it below a line such as [server]";
            return Err(Problem::new(
                at,
                format!("\"{}\" stands outside of any section", section.get_ref()),
                mend,
            ));
        };
        for (name, value) in keys {
            let line = line(name.span().start);
            let raw = convert(value.get_ref()).map_err(|what| {
                let at = format!("{file}:{line}");
                let what = format!("{}.{}: {what}", section.get_ref(), name.get_ref());
                Problem::new(at, what, "write a text, number, true, false, or a list of texts")
            })?;
            let (section, name) = (section.get_ref().to_string(), name.get_ref().to_string());
            entries.push(Entry { section, name, raw, line });
        }
    }
    Ok(entries)
}

fn convert(value: &DeValue<'_>) -> Result<Raw, String> {
    Ok(match value {
        DeValue::String(s) => Raw::Text(s.to_string()),
        DeValue::Boolean(b) => Raw::Flag(*b),
        DeValue::Integer(i) => {
            let number = i64::from_str_radix(i.as_str(), i.radix());
            Raw::Number(number.map_err(|_| format!("{} is too large", i.as_str()))?)
        }
        DeValue::Float(f) => {
            Raw::Real(f.as_str().parse().map_err(|_| format!("{} is no number", f.as_str()))?)
        }
        DeValue::Array(all) => Raw::List(all.iter().map(|v| convert(v.get_ref())).collect::<Result<_, _>>()?),
        other => return Err(format!("a {} has no meaning here", other.type_str())),
    })
}

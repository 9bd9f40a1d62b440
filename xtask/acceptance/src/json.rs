//! Reading loose JSON with errors that say what was there instead.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

/// Typed access by dotted path: `body.text("data.user.userId")?`.
pub trait Json {
    /// Whatever is at `path`; an error if nothing is.
    fn at(&self, path: &str) -> Result<&Value>;
    /// Whether the field is there and not null.
    fn has(&self, path: &str) -> bool;
    /// A string.
    fn text(&self, path: &str) -> Result<&str>;
    /// An integer (a number without a fraction).
    fn int(&self, path: &str) -> Result<i64>;
    /// A boolean.
    fn flag(&self, path: &str) -> Result<bool>;
    /// An array.
    fn list(&self, path: &str) -> Result<&Vec<Value>>;
    /// The texts at `field` of each entry of this array.
    fn each(&self, field: &str) -> Result<Vec<String>>;
    /// The integers at `field` of each entry of this array.
    fn ints(&self, field: &str) -> Result<Vec<i64>>;
    /// The entry of this array whose `field` is `value`.
    fn find(&self, field: &str, value: &str) -> Result<&Value>;
}

fn short(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > 1500 {
        let end = (0..=1500).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Json for Value {
    fn at(&self, path: &str) -> Result<&Value> {
        let mut here = self;
        for step in path.split('.').filter(|s| !s.is_empty()) {
            let next = match step.parse::<usize>() {
                Ok(index) if here.is_array() => here.get(index),
                _ => here.get(step),
            };
            here = next.ok_or_else(|| anyhow!("no field `{path}` in {}", short(self)))?;
        }
        Ok(here)
    }

    fn has(&self, path: &str) -> bool {
        self.at(path).is_ok_and(|v| !v.is_null())
    }

    fn text(&self, path: &str) -> Result<&str> {
        self.at(path)?.as_str().ok_or_else(|| anyhow!("`{path}` is not a string in {}", short(self)))
    }

    fn int(&self, path: &str) -> Result<i64> {
        self.at(path)?.as_i64().ok_or_else(|| anyhow!("`{path}` is not an integer in {}", short(self)))
    }

    fn flag(&self, path: &str) -> Result<bool> {
        self.at(path)?.as_bool().ok_or_else(|| anyhow!("`{path}` is not a boolean in {}", short(self)))
    }

    fn list(&self, path: &str) -> Result<&Vec<Value>> {
        self.at(path)?.as_array().ok_or_else(|| anyhow!("`{path}` is not an array in {}", short(self)))
    }

    fn each(&self, field: &str) -> Result<Vec<String>> {
        self.list("")?.iter().map(|entry| Ok(entry.text(field)?.to_owned())).collect()
    }

    fn ints(&self, field: &str) -> Result<Vec<i64>> {
        self.list("")?.iter().map(|entry| entry.int(field)).collect()
    }

    fn find(&self, field: &str, value: &str) -> Result<&Value> {
        for entry in self.list("")? {
            if entry.at(field).ok().and_then(Value::as_str) == Some(value) {
                return Ok(entry);
            }
        }
        bail!("no entry with {field} = {value:?} in {}", short(self))
    }
}

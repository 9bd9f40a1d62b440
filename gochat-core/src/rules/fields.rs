//! Fields of requests: each rule in one place, and all faults of a request in one answer.

use std::sync::Arc;

use crate::error::{Error, Fault, FieldError};

/// Most characters of a nickname.
pub const NICKNAME_MAX: usize = 50;
/// Longest id of an embedding program, in bytes.
pub const EXTERNAL_MAX: usize = 255;

/// Collects the faults of one request, so that its author learns of all at once.
///
/// ```
/// use gochat_core::error::{Error, Fault};
/// use gochat_core::model::{Password, Username};
/// use gochat_core::rules::fields::Faults;
///
/// let mut faults = Faults::default();
/// let name = faults.take("username", Username::new("al"));
/// let password = faults.take("password", Password::new("123"));
/// assert!(name.is_none() && password.is_none());
/// let Error::Validation(fields) = faults.into_error() else { panic!() };
/// assert_eq!(fields.iter().map(|f| f.field).collect::<Vec<_>>(), ["username", "password"]);
/// assert_eq!(fields[0].fault, Fault::TooShort { min: 3 });
/// ```
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Keeps the fault of a field, or hands on its value.
    pub fn take<T>(&mut self, field: &'static str, checked: Result<T, Fault>) -> Option<T> {
        checked.map_err(|fault| self.0.push(FieldError { field, fault })).ok()
    }

    /// The same for a field that may be absent.
    pub fn take_option<T>(
        &mut self,
        field: &'static str,
        checked: Option<Result<T, Fault>>,
    ) -> Option<Option<T>> {
        match checked {
            None => Some(None),
            Some(checked) => self.take(field, checked).map(Some),
        }
    }

    /// The error that names every faulty field.
    #[must_use]
    pub fn into_error(self) -> Error {
        Error::Validation(self.0)
    }
}

/// A line of text that people see, such as a group's name: trimmed, not blank, without control characters.
///
/// # Errors
/// The rule that it breaks.
pub fn title(raw: &str, max: usize) -> Result<Arc<str>, Fault> {
    let text = raw.trim();
    if text.is_empty() {
        return Err(Fault::Missing);
    }
    if text.chars().count() > max {
        return Err(Fault::TooLong { max });
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::Malformed);
    }
    Ok(text.into())
}

/// A nickname; a blank one is none.
///
/// # Errors
/// The rule that it breaks.
pub fn nickname(raw: &str) -> Result<Option<Arc<str>>, Fault> {
    if raw.trim().is_empty() {
        return Ok(None);
    }
    title(raw, NICKNAME_MAX).map(Some)
}

/// Some lines of text, or none.
///
/// # Errors
/// The rule that it breaks.
pub fn description(raw: &str, max: usize) -> Result<Arc<str>, Fault> {
    let text = raw.trim();
    if text.chars().count() > max {
        return Err(Fault::TooLong { max });
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Fault::Malformed);
    }
    Ok(text.into())
}

/// Address of a picture, or nothing. Clients load it, so it is only kept short and on one line here.
///
/// # Errors
/// The rule that it breaks.
pub fn avatar(raw: &str, max: usize) -> Result<Arc<str>, Fault> {
    let text = raw.trim();
    if text.len() > max {
        return Err(Fault::TooLong { max });
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::Malformed);
    }
    Ok(text.into())
}

/// What an embedding program calls a user.
///
/// # Errors
/// The rule that it breaks.
pub fn external(raw: &str) -> Result<&str, Fault> {
    if raw.is_empty() {
        return Err(Fault::Missing);
    }
    if raw.len() > EXTERNAL_MAX {
        return Err(Fault::TooLong { max: EXTERNAL_MAX });
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_one_line_and_not_blank() {
        for (raw, want) in [
            ("  Team  ", Ok("Team")),
            ("", Err(Fault::Missing)),
            (" \n ", Err(Fault::Missing)),
            ("a\nb", Err(Fault::Malformed)),
            ("12345", Ok("12345")),
            ("123456", Err(Fault::TooLong { max: 5 })),
            ("界界界界界", Ok("界界界界界")),
            ("👩‍👩‍👧", Ok("👩‍👩‍👧")),
        ] {
            assert_eq!(title(raw, 5).as_deref(), want.as_ref().map(|s| *s), "{raw:?}");
        }
    }

    #[test]
    fn a_blank_nickname_is_none() {
        assert_eq!(nickname("  "), Ok(None));
        assert_eq!(nickname(" Al "), Ok(Some("Al".into())));
        assert_eq!(nickname(&"x".repeat(51)), Err(Fault::TooLong { max: 50 }));
    }

    #[test]
    fn descriptions_may_have_lines_and_be_empty() {
        assert_eq!(description("", 3).as_deref(), Ok(""));
        assert_eq!(description("a\nb", 3).as_deref(), Ok("a\nb"));
        assert_eq!(description("a\0b", 3), Err(Fault::Malformed));
        assert_eq!(description("abcd", 3), Err(Fault::TooLong { max: 3 }));
    }

    #[test]
    fn pictures_and_outside_ids_are_counted_in_bytes() {
        assert_eq!(avatar("界界", 6).as_deref(), Ok("界界"));
        assert_eq!(avatar("界界界", 8), Err(Fault::TooLong { max: 8 }));
        assert_eq!(avatar("a\nb", 8), Err(Fault::Malformed));
        assert_eq!(external(""), Err(Fault::Missing));
        assert_eq!(external(&"x".repeat(256)), Err(Fault::TooLong { max: 255 }));
        assert_eq!(external("user:7"), Ok("user:7"));
    }
}

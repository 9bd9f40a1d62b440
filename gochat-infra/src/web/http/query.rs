//! What stands behind the question mark.

use axum::extract::FromRequestParts;
use gochat_core::error::Fault;
use http::request::Parts;

use crate::web::error::Problem;

/// The parameters of a request; of several with one name, the first counts. Unknown ones are ignored.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::parse(parts.uri.query().unwrap_or("")))
    }
}

impl Query {
    fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of the parameter with this name, or the same in snake_case.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let is_it = |key: &str| key == name || key == snake(name);
        self.0.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value.as_str())
    }

    /// A whole number from 0; what is larger than any is cut.
    ///
    /// # Errors
    /// `VALIDATION` when it is none.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Problem::field(name, Fault::Malformed));
        }
        Ok(Some(text.parse().unwrap_or(u64::MAX)))
    }

    /// The same, from 1, as a size or a page.
    ///
    /// # Errors
    /// `VALIDATION` when it is none.
    pub(super) fn count(&self, name: &'static str) -> Result<Option<u32>, Problem> {
        match self.number(name)? {
            Some(0) => Err(Problem::field(name, Fault::Malformed)),
            n => Ok(n.map(|n| u32::try_from(n).unwrap_or(u32::MAX))),
        }
    }
}

fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_and_the_first_of_many() {
        let query = Query::parse("afterSeq=3&limit=0&limit=9&x=%E5%BC%A0+%26&b");
        assert_eq!(query.number("afterSeq").expect("a number"), Some(3));
        assert_eq!(Query::parse("after_seq=4").number("afterSeq").expect("a number"), Some(4));
        assert_eq!(query.text("x"), Some("张 &"));
        assert_eq!(query.text("b"), Some(""));
        assert_eq!(query.text("nothing"), None);
    }

    #[test]
    fn numbers() {
        for bad in ["n=", "n=-1", "n=x", "n=1.5", "n=+1", "n=%D9%A1"] {
            assert!(Query::parse(bad).number("n").is_err(), "{bad}");
        }
        assert_eq!(Query::parse("n=99999999999999999999").number("n").expect("cut"), Some(u64::MAX));
        assert_eq!(Query::parse("n=99999999999").count("n").expect("cut"), Some(u32::MAX));
        assert!(Query::parse("n=0").count("n").is_err());
        assert_eq!(Query::parse("").count("n").expect("nothing"), None);
    }
}

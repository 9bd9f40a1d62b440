//! How long a call may take, from the first caller to the last callee.
//!
//! A server sets the deadline that its caller named around the handling of the call; a client that is called meanwhile, in
//! the same task, gives its callee no more than what is left.

use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderValue;
use tokio::time::Instant;

const HEADER: &str = "grpc-timeout";

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs `call`, whose own calls are to end by `deadline`. Does not end it.
pub async fn within<T>(deadline: Instant, call: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, call).await
}

/// When the call that this task handles is to have ended, where it handles one.
#[must_use]
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

/// What the caller allows; `None` when it says nothing, or nothing understandable.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // At most 8 digits, as the gRPC protocol has it: no product below overflows.
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(n * 3_600),
        "M" => Duration::from_secs(n * 60),
        "S" => Duration::from_secs(n),
        "m" => Duration::from_millis(n),
        "u" => Duration::from_micros(n),
        "n" => Duration::from_nanos(n),
        _ => return None,
    })
}

pub(super) fn write(allowed: Duration, headers: &mut HeaderMap) {
    let micros = allowed.as_micros();
    let text = if micros <= 99_999_999 {
        format!("{micros}u")
    } else {
        format!("{}m", allowed.as_millis().min(99_999_999))
    };
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(HEADER, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(HEADER),
            HeaderValue::try_from(text).expect("a header"),
        )])
    }

    #[test]
    fn what_is_written_is_read() {
        for ms in [0, 1, 5_000, 99_999, 100_000, 3_600_000] {
            let mut headers = HeaderMap::new();
            write(Duration::from_millis(ms), &mut headers);
            assert_eq!(read(&headers), Some(Duration::from_millis(ms)));
        }
        let mut headers = HeaderMap::new();
        write(Duration::MAX, &mut headers);
        assert_eq!(read(&headers), Some(Duration::from_millis(99_999_999)));
    }

    #[test]
    fn units_are_those_of_the_protocol_and_nonsense_is_nothing() {
        for (text, seconds) in [("2H", 7_200), ("3M", 180), ("4S", 4), ("5000m", 5), ("6000000u", 6)] {
            assert_eq!(read(&header(text)), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "S", "5", "-1S", "123456789S", "1x", "1 S", "é"] {
            assert_eq!(read(&header(text)), None, "{text}");
        }
        assert_eq!(read(&HeaderMap::new()), None);
    }
}

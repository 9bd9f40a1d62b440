//! What names a piece of work, and how it is written: W3C Trace Context, level 1.

use std::fmt;
use std::num::NonZeroU64;

use super::chance;

/// Name of the header that carries a context, in HTTP, gRPC and Kafka alike.
pub const HEADER: &str = "traceparent";

/// Length of a context as text.
const LENGTH: usize = 55;
/// Longest text of a later version that is looked at.
const LENGTH_MAX: usize = 256;
/// The one flag that is known: somebody records this trace.
const SAMPLED: u64 = 1;

/// A piece of work, and the trace that it belongs to. Small, and copied about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: TraceId,
    span: NonZeroU64,
    sampled: bool,
}

/// The name of a trace: 32 hexadecimal digits when written.
///
/// In two halves, not both 0, since a number of 128 bits would make all that holds it larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u64; 2]);

fn span() -> NonZeroU64 {
    NonZeroU64::new(chance::next()).unwrap_or(NonZeroU64::MIN)
}

impl TraceContext {
    /// The first piece of a new trace.
    #[must_use]
    pub fn root(sampled: bool) -> Self {
        // The second half is never 0, which costs one name in as many as there are.
        Self { trace: TraceId([chance::next(), span().get()]), span: span(), sampled }
    }

    /// Another piece of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span: span(), ..self }
    }

    /// The same, recorded or not.
    #[must_use]
    pub const fn with_sampled(self, sampled: bool) -> Self {
        Self { sampled, ..self }
    }

    /// The name of the trace.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// The name of the piece.
    #[must_use]
    pub const fn span_id(&self) -> u64 {
        self.span.get()
    }

    /// Whether spans of this trace are recorded.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Reads the value of a header; `None` for everything that is no context. Later versions are read as far as this one goes,
    /// as the standard asks.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if !(LENGTH..=LENGTH_MAX).contains(&text.len()) {
            return None;
        }
        let (version, rest) = (hex(&text[..2])?, &text[LENGTH..]);
        let fits = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        if !fits || [2, 35, 52].iter().any(|at| text[*at] != b'-') {
            return None;
        }
        let trace = [hex(&text[3..19])?, hex(&text[19..35])?];
        let span = NonZeroU64::new(hex(&text[36..52])?)?;
        let sampled = hex(&text[53..55])? & SAMPLED != 0;
        (trace != [0, 0]).then_some(Self { trace: TraceId(trace), span, sampled })
    }
}

/// Lowercase digits only: others are not in the standard.
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

impl TraceId {
    /// The number that it is.
    #[must_use]
    pub fn get(self) -> u128 {
        let [high, low] = self.0;
        u128::from(high) << 64 | u128::from(low)
    }
}

/// As in the header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parse(text: &str) -> Option<TraceContext> {
        TraceContext::parse(text.as_bytes())
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(parse(GOOD).expect("a context").to_string(), GOOD);
        for context in [TraceContext::root(true), TraceContext::root(false).child()] {
            assert_eq!(parse(&context.to_string()), Some(context));
            assert_eq!(context.trace_id().to_string().len(), 32);
        }
    }

    #[test]
    fn later_versions_and_unknown_flags_are_read_as_far_as_they_are_known() {
        for text in [GOOD.replacen("00", "01", 1), GOOD.replacen("00", "cc", 1) + "-what-else"] {
            assert_eq!(parse(&text), parse(GOOD), "{text}");
        }
        let flags = |flags: &str| parse(&GOOD.replace("-01", flags)).expect("a context").is_sampled();
        assert_eq!(["-00", "-02", "-03", "-ff"].map(flags), [false, false, true, true]);
    }

    #[test]
    fn what_is_no_context_is_none() {
        for text in [
            "",
            "00",
            &GOOD[..54],
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replacen("00", "0x", 1),
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
            &(GOOD.to_owned() + "-"),
            &(GOOD.to_owned() + "-more"),
            &(GOOD.replacen("00", "01", 1) + "more"),
            &(GOOD.replacen("00", "01", 1) + &"-x".repeat(200)),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(context) = TraceContext::parse(&bytes) {
                prop_assert_ne!(context.span_id(), 0);
            }
        }
    }
}

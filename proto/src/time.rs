//! Times as RFC 3339 in UTC with milliseconds, such as `2026-01-31T09:30:00.123Z`.

use serde::{Serialize, Serializer};

const DAY_MS: i64 = 86_400_000;
/// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: RFC 3339 has four digits for the year.
const MIN: i64 = -62_167_219_200_000;
const MAX: i64 = 253_402_300_799_999;

/// A point in time, in milliseconds since 1970-01-01 UTC. Years outside 0 to 9999 are written as the nearest of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireTime(pub i64);

impl WireTime {
    /// The 24 ASCII bytes of its text.
    #[must_use]
    pub fn format(self) -> [u8; 24] {
        let ms = self.0.clamp(MIN, MAX);
        let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
        let rest = ms.rem_euclid(DAY_MS);
        let mut out = *b"0000-00-00T00:00:00.000Z";
        let mut put = |at: usize, width: usize, mut n: i64| {
            for slot in out[at..at + width].iter_mut().rev() {
                // A digit fits in a byte.
                *slot = b'0' + (n % 10) as u8;
                n /= 10;
            }
        };
        put(0, 4, year);
        put(5, 2, month);
        put(8, 2, day);
        put(11, 2, rest / 3_600_000);
        put(14, 2, rest / 60_000 % 60);
        put(17, 2, rest / 1_000 % 60);
        put(20, 3, rest % 1_000);
        out
    }

    /// Reads RFC 3339, with any offset; digits after the milliseconds are dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if b.len() < 20
            || separators.iter().any(|(at, c)| b[*at] != *c)
            || !matches!(b[10], b'T' | b't' | b' ')
        {
            return None;
        }
        let (year, month, day) = (number(&b[0..4])?, number(&b[5..7])?, number(&b[8..10])?);
        let (hour, minute, second) = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
        if !(1..=12).contains(&month) || day < 1 || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        let (millis, zone) = fraction(&b[19..])?;
        let offset = offset_ms(zone)?;
        Some(Self(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1_000 + millis - offset))
    }
}

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.format();
        serializer.serialize_str(std::str::from_utf8(&text).expect("digits and punctuation are ASCII"))
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
}

/// Splits `.123456Z` into 123 and `Z`.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let end = digits.iter().position(|c| !c.is_ascii_digit())?;
    let mut millis = 0;
    for at in 0..3 {
        millis = millis * 10 + digits[..end].get(at).map_or(0, |d| i64::from(d - b'0'));
    }
    (end > 0).then_some((millis, &digits[end..]))
}

fn offset_ms(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let ms = hours * 3_600_000 + minutes * 60_000;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -ms } else { ms })
        }
        _ => None,
    }
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// The same page, `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ms: i64) -> String {
        String::from_utf8(WireTime(ms).format().to_vec()).expect("ASCII")
    }

    #[test]
    fn known_times() {
        for (ms, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_769_851_800_123, "2026-01-31T09:30:00.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (MIN, "0000-01-01T00:00:00.000Z"),
            (MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(text(ms), want);
        }
    }

    #[test]
    fn days_of_ten_thousand_years_read_back() {
        // 11 shares no factor with 7, 28 to 31, 365 or 146,097: all months and leap years come up.
        for day in ((MIN / DAY_MS)..=(MAX / DAY_MS)).step_by(11) {
            let ms = day * DAY_MS + day.rem_euclid(DAY_MS);
            assert_eq!(WireTime::parse(&text(ms)), Some(WireTime(ms)));
        }
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        let noon = WireTime::parse("2026-01-31T12:00:00Z");
        for same in
            ["2026-01-31T20:00:00+08:00", "2026-01-31 06:30:00.0009-05:30", "2026-01-31t12:00:00.000000000z"]
        {
            assert_eq!(WireTime::parse(same), noon, "{same}");
        }
        assert_eq!(WireTime::parse("2026-01-31T12:00:00.5Z"), noon.map(|t| WireTime(t.0 + 500)));
        for bad in [
            "",
            "2026-01-31",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00+0800",
            "２026-01-31T12:00:00Z",
            "2026-01-31T12:00:00Zé",
        ] {
            assert_eq!(WireTime::parse(bad), None, "{bad:?}");
        }
    }
}

//! A session as it stands in its user's hash: `<since, ms> <gateway> <login> <guest>`, in characters that scripts can read.

use gochat_core::model::GatewayId;
use gochat_core::ports::SessionRecord;

/// The value; the session's id is its field.
pub(super) fn value(record: &SessionRecord) -> String {
    let SessionRecord { gateway, login, guest, at, .. } = record;
    format!("{} {} {} {}", at.as_millis(), gateway.as_str(), login, u8::from(*guest))
}

/// The gateway that a value names; `None` for what is no such value.
pub(super) fn gateway(value: &str) -> Option<&str> {
    let mut parts = value.split(' ');
    parts.next()?.parse::<i64>().ok()?;
    let name = parts.next()?;
    GatewayId::new(name).map(|_| name)
}

/// Whether a value is a guest's.
pub(super) fn is_guest(value: &str) -> bool {
    value.rsplit_once(' ').is_some_and(|(_, guest)| guest == "1")
}

#[cfg(test)]
mod tests {
    use gochat_core::model::{LoginId, SessionId, Timestamp, UserId};

    use super::*;

    #[test]
    fn the_gateway_is_read_back() {
        let record = SessionRecord {
            user: UserId::new(2).expect("in range"),
            session: SessionId::new(3).expect("in range"),
            gateway: GatewayId::new("gw-1").expect("a name"),
            login: LoginId::new(4).expect("in range"),
            guest: true,
            at: Timestamp::from_millis(-7),
        };
        assert_eq!(value(&record), "-7 gw-1 4 1");
        assert_eq!(gateway(&value(&record)), Some("gw-1"));
        assert!(is_guest(&value(&record)) && !is_guest("-7 gw-1 4 0") && !is_guest("1"));
        for bad in ["", "7", "x gw-1 4 1", "7 a.b 4 1", "7  4 1"] {
            assert_eq!(gateway(bad), None, "{bad:?}");
        }
    }
}

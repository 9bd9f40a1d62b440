//! Who a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};

/// Addresses with a common beginning, such as `10.0.0.0/8`; a single address is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    address: IpAddr,
    bits: u8,
}

/// Something that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network such as 10.0.0.0/8")]
pub struct BadNet(String);

impl FromStr for Net {
    type Err = BadNet;

    fn from_str(text: &str) -> Result<Self, BadNet> {
        let bad = || BadNet(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(bad()) } else { Ok(Self { address, bits }) }
    }
}

impl Net {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |own: u128, other: u128, width: u32| {
            // A shift by the whole width is not defined; 0 bits hold everything.
            (own ^ other).checked_shr(width - u32::from(self.bits)).unwrap_or(0) == 0
        };
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// The client's address: that of the connection; behind proxies that are trusted, the last one in `X-Forwarded-For` that no
/// trusted proxy has (what stands further left, anybody can have written).
pub(super) fn address(extensions: &Extensions, headers: &HeaderMap, trusted: &[Net]) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let is_trusted = |address| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.ip().to_canonical();
    if trusted.is_empty() {
        return Some(client);
    }
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
    for hop in hops {
        if !is_trusted(client) {
            break;
        }
        match parse_hop(hop.trim()) {
            Some(address) => client = address,
            None => break,
        }
    }
    Some(client)
}

/// An address, with or without a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|a| a.ip())).ok()?;
    Some(address.to_canonical())
}

/// What limits by address count by: the whole address, or of IPv6 the 64 bits that one customer has at least (RFC 6177);
/// `None` where no limit holds, which is on this machine.
pub(super) fn limited_by(address: IpAddr) -> Option<IpAddr> {
    match address {
        _ if address.is_loopback() => None,
        IpAddr::V4(_) => Some(address),
        IpAddr::V6(v6) => Some(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().expect("an address"), 1)));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("a value"));
        }
        let trusted: Vec<_> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
        address(&extensions, &headers, &trusted).expect("an address").to_string()
    }

    #[test]
    fn proxies_are_believed_only_when_trusted() {
        assert_eq!(client("9.9.9.9", &["1.1.1.1"], &[]), "9.9.9.9");
        assert_eq!(client("9.9.9.9", &["1.1.1.1"], &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["127.0.0.1, 1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(client("::ffff:10.0.0.1", &["[2001:db8::1]:443"], &["10.0.0.0/8"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["nonsense"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], &["10.0.0.1"]), "10.0.0.1");
    }

    #[test]
    fn networks() {
        let net = |text: &str| text.parse::<Net>();
        let has =
            |text: &str, address: &str| net(text).expect("a network").contains(address.parse().expect("one"));
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("0.0.0.0/0", "1.2.3.4") && !has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "::1") && has("fd00::/8", "fd12::1") && !has("fd00::/8", "fe80::1"));
        assert!(has("1.2.3.4", "1.2.3.4") && !has("1.2.3.4", "1.2.3.5"));
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10/8"] {
            assert!(net(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_spare_this_machine_and_count_ipv6_by_customer() {
        let by = |text: &str| limited_by(text.parse().expect("an address")).map(|a| a.to_string());
        assert_eq!(by("127.0.0.2"), None);
        assert_eq!(by("::1"), None);
        assert_eq!(by("1.2.3.4").as_deref(), Some("1.2.3.4"));
        assert_eq!(by("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1:2::"));
    }
}

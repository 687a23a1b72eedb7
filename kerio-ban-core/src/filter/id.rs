//! Failure ids: what is counted and banned.
//!
//! An id is normally an address, but fail2ban bans whatever a filter
//! captures: networks, malformed addresses, user names. [`FailureId`] keeps
//! the same four forms and prints, compares and hashes them the same way.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use regex::Regex;

/// What a failure is counted under.
///
/// Two addresses are equal when family, number and prefix length are; text is
/// compared as text, case-sensitively, and never equals an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureId(Form);

#[derive(Clone, Debug, Eq)]
enum Form {
    V4 {
        bits: u32,
        prefix: u32,
    },
    /// The bits are in two halves, so that an id is no larger than it must be:
    /// jails keep very many.
    V6 {
        high: u64,
        low: u64,
        prefix: u32,
    },
    /// Text that was to be an address and is none.
    NoAddress(Arc<str>),
    /// Text that was never to be an address.
    Raw(Arc<str>),
    /// Several captures taken together; absent ones are `None`.
    Tuple(Arc<[Option<Arc<str>>]>),
}

/// The family of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    Inet4,
    /// IPv6.
    Inet6,
}

impl Family {
    /// fail2ban's name of it: `inet4` or `inet6`.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Inet4 => "inet4",
            Family::Inet6 => "inet6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A network mask with holes in it, such as `255.0.255.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadMask;

impl FailureId {
    /// Reads an id the way fail2ban reads addresses typed by people: one pair
    /// of surrounding brackets is dropped (also from text that is no address),
    /// `address/length` and `address/mask` become networks with their host
    /// bits cleared, an IPv4-mapped IPv6 address becomes the IPv4 address, and
    /// anything else stays text.
    ///
    /// `None` for a mask that is not contiguous, which fail2ban refuses.
    ///
    /// ```
    /// use kerio_ban_core::FailureId;
    /// assert_eq!(FailureId::parse("192.0.2.77/24").unwrap().to_string(), "192.0.2.0/24");
    /// assert_eq!(FailureId::parse("[2001:DB8::1]").unwrap().to_string(), "2001:db8::1");
    /// assert_eq!(FailureId::parse("01.02.03.04").unwrap().family(), None);
    /// assert!(FailureId::parse("192.0.2.0/255.0.255.0").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<FailureId> {
        FailureId::free(text).ok()
    }

    /// The free mode: see [`FailureId::parse`].
    pub(crate) fn free(text: &str) -> Result<FailureId, BadMask> {
        let inner = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .filter(|inner| !inner.is_empty())
            .unwrap_or(text);
        match split_network(inner)? {
            Some((address, prefix)) => Ok(FailureId::prefixed(address, prefix)),
            None => Ok(inner.parse::<IpAddr>().map_or_else(
                |_| FailureId(Form::NoAddress(inner.into())),
                FailureId::from,
            )),
        }
    }

    /// Text that must be an address of one family, or else stays text.
    pub(crate) fn of_family(text: &str, family: Family) -> FailureId {
        let address = match family {
            Family::Inet4 => text.parse().ok().map(IpAddr::V4),
            Family::Inet6 => text.parse().ok().map(IpAddr::V6),
        };
        address.map_or_else(|| FailureId(Form::NoAddress(text.into())), FailureId::from)
    }

    /// An address with a prefix length: host bits are cleared; a length beyond
    /// the address's width changes nothing but is remembered.
    pub(crate) fn prefixed(text: &str, prefix: u64) -> FailureId {
        let prefix = u32::try_from(prefix).unwrap_or(u32::MAX);
        FailureId(match text.parse() {
            Ok(IpAddr::V4(address)) => Form::V4 {
                bits: address.to_bits() & !u32::MAX.checked_shr(prefix).unwrap_or(0),
                prefix,
            },
            Ok(IpAddr::V6(address)) => Form::v6(
                address.to_bits() & !u128::MAX.checked_shr(prefix).unwrap_or(0),
                prefix,
            ),
            Err(_) => Form::NoAddress(text.into()),
        })
    }

    /// Text that is kept as it is.
    pub(crate) fn raw(text: &str) -> FailureId {
        FailureId(Form::Raw(text.into()))
    }

    /// Several captures as one id.
    pub(crate) fn tuple(parts: &[Option<Arc<str>>]) -> FailureId {
        FailureId(Form::Tuple(parts.into()))
    }

    /// The family, for addresses and networks.
    pub fn family(&self) -> Option<Family> {
        match self.0 {
            Form::V4 { .. } => Some(Family::Inet4),
            Form::V6 { .. } => Some(Family::Inet6),
            _ => None,
        }
    }

    /// The address, or the first address of the network.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.0 {
            Form::V4 { bits, .. } => Some(Ipv4Addr::from_bits(bits).into()),
            Form::V6 { high, low, .. } => Some(v6(high, low).into()),
            _ => None,
        }
    }

    /// The prefix length, for addresses and networks: 32 or 128 for a single
    /// address. Lengths beyond that are possible, as in fail2ban.
    pub fn prefix_len(&self) -> Option<u64> {
        match self.0 {
            Form::V4 { prefix, .. } | Form::V6 { prefix, .. } => Some(u64::from(prefix)),
            _ => None,
        }
    }

    /// The parts of an id made of several captures.
    pub fn parts(&self) -> Option<&[Option<Arc<str>>]> {
        match &self.0 {
            Form::Tuple(parts) => Some(parts),
            _ => None,
        }
    }
}

/// A single address; one inside `::ffff:0:0/96` becomes the IPv4 address.
impl From<IpAddr> for FailureId {
    fn from(address: IpAddr) -> FailureId {
        FailureId(match address.to_canonical() {
            IpAddr::V4(address) => Form::V4 {
                bits: address.to_bits(),
                prefix: 32,
            },
            IpAddr::V6(address) => Form::v6(address.to_bits(), 128),
        })
    }
}

impl Form {
    /// Whether two forms are equal of which none is of IPv4.
    fn is_same(&self, other: &Form) -> bool {
        match (self, other) {
            (
                &Form::V6 { high, low, prefix },
                &Form::V6 {
                    high: other_high,
                    low: other_low,
                    prefix: other_prefix,
                },
            ) => (high, low, prefix) == (other_high, other_low, other_prefix),
            (Form::NoAddress(text), Form::NoAddress(other))
            | (Form::Raw(text), Form::Raw(other)) => text == other,
            (Form::Tuple(parts), Form::Tuple(other)) => parts == other,
            _ => false,
        }
    }

    fn v6(bits: u128, prefix: u32) -> Form {
        Form::V6 {
            high: (bits >> 64) as u64,
            low: bits as u64,
            prefix,
        }
    }
}

/// What would be derived, but that IPv4 addresses, most of what is compared by
/// far, are compared on the spot.
impl PartialEq for Form {
    #[inline]
    fn eq(&self, other: &Form) -> bool {
        match (self, other) {
            (
                &Form::V4 { bits, prefix },
                &Form::V4 {
                    bits: other_bits,
                    prefix: other_prefix,
                },
            ) => (bits, prefix) == (other_bits, other_prefix),
            (Form::V4 { .. }, _) | (_, Form::V4 { .. }) => false,
            _ => self.is_same(other),
        }
    }
}

fn v6(high: u64, low: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low))
}

impl Hash for FailureId {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            // The most common form by far is hashed at one go.
            Form::V4 { bits, prefix } => {
                state.write_u64(u64::from(*bits) << 32 | u64::from(*prefix));
            }
            Form::V6 { high, low, prefix } => (high, low, prefix).hash(state),
            Form::NoAddress(text) | Form::Raw(text) => text.hash(state),
            Form::Tuple(parts) => parts.hash(state),
        }
    }
}

/// As fail2ban prints it: addresses in the C library's form, networks with
/// `/length`, text as it is, several captures as a Python tuple.
impl fmt::Display for FailureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::V4 { bits, prefix } => {
                write_v4(f, *bits)?;
                write_prefix(f, *prefix, 32)
            }
            Form::V6 { high, low, prefix } => {
                write_v6(f, v6(*high, *low))?;
                write_prefix(f, *prefix, 128)
            }
            Form::NoAddress(text) | Form::Raw(text) => f.write_str(text),
            Form::Tuple(parts) => {
                f.write_str("(")?;
                for (i, part) in parts.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    match part {
                        Some(text) => write!(f, "'{text}'")?,
                        None => f.write_str("None")?,
                    }
                }
                f.write_str(")")
            }
        }
    }
}

fn write_prefix(f: &mut fmt::Formatter<'_>, prefix: u32, width: u32) -> fmt::Result {
    if prefix > 0 && prefix < width {
        write!(f, "/{prefix}")?;
    }
    Ok(())
}

/// Writes the numbers by hand: reports print an address for almost every line
/// of theirs, and formatting each number apart takes several times as long.
fn write_v4(f: &mut fmt::Formatter<'_>, bits: u32) -> fmt::Result {
    let mut text = [0; 15];
    let mut length = 0;
    let mut put = |byte| {
        text[length] = byte;
        length += 1;
    };
    for (index, number) in bits.to_be_bytes().into_iter().enumerate() {
        if index > 0 {
            put(b'.');
        }
        if number >= 100 {
            put(b'0' + number / 100);
        }
        if number >= 10 {
            put(b'0' + number / 10 % 10);
        }
        put(b'0' + number % 10);
    }
    f.write_str(std::str::from_utf8(&text[..length]).unwrap_or_default())
}

/// The C library writes an address with exactly six leading zero groups with a
/// dotted end; Rust's `Display` does so only for IPv4-mapped ones.
fn write_v6(f: &mut fmt::Formatter<'_>, address: Ipv6Addr) -> fmt::Result {
    let bits = address.to_bits();
    if bits >> 32 == 0 && bits >> 16 != 0 {
        write!(f, "::{}", Ipv4Addr::from_bits(bits as u32))
    } else {
        fmt::Display::fmt(&address, f)
    }
}

/// `address/length` or `address/mask`; `None` for anything else.
fn split_network(text: &str) -> Result<Option<(&str, u64)>, BadMask> {
    let Some((address, length)) = text.split_once('/') else {
        return Ok(None);
    };
    // fail2ban's `$` lets one newline follow.
    let length = length.strip_suffix('\n').unwrap_or(length);
    if !looks_like_address(address) {
        return Ok(None);
    }
    if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds are as far beyond the width as any.
        return Ok(Some((address, length.parse().unwrap_or(u64::MAX))));
    }
    if !looks_like_address(length) {
        return Ok(None);
    }
    mask_length(length).map(|prefix| Some((address, prefix)))
}

/// The prefix length a mask stands for. Text that is no address counts as the
/// mask 0, as it does in fail2ban.
fn mask_length(mask: &str) -> Result<u64, BadMask> {
    let bits = match FailureId::free(mask)?.0 {
        Form::V4 { bits, .. } => u128::from(bits),
        Form::V6 { high, low, .. } => v6(high, low).to_bits(),
        _ => 0,
    };
    let short = u32::try_from(bits)
        .ok()
        .filter(|bits| bits.leading_ones() + bits.trailing_zeros() == 32);
    match short {
        Some(bits) => Ok(u64::from(bits.leading_ones())),
        None if bits.leading_ones() + bits.trailing_zeros() == 128 => {
            Ok(u64::from(bits.leading_ones()))
        }
        None => Err(BadMask),
    }
}

/// The shape fail2ban takes for an address, valid or not.
pub(crate) fn looks_like_address(text: &str) -> bool {
    static V4: &str = r"(?:\d{1,3}\.){3}\d{1,3}";
    static V6: &str = r"(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:)";
    static SHAPE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!("^(?:{V4}|{V6})$")).expect("a constant expression"));
    SHAPE.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        FailureId::parse(text).map_or("refused".to_owned(), |id| id.to_string())
    }

    #[test]
    fn addresses_print_as_the_c_library_does() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("::ffff:192", "::255.255.1.146"),
            ("::1:2", "::0.1.0.2"),
            ("::1", "::1"),
            ("::", "::"),
            ("::ffff:c000:0201", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn ipv4_addresses_print_as_the_standard_library_does() {
        let numbers = [0, 1, 9, 10, 19, 99, 100, 109, 192, 255];
        for (a, b) in numbers.into_iter().flat_map(|a| numbers.map(|b| (a, b))) {
            let address = Ipv4Addr::new(a, b, b, a);
            assert_eq!(
                FailureId::from(IpAddr::V4(address)).to_string(),
                address.to_string()
            );
        }
    }

    #[test]
    fn networks_lose_their_host_bits() {
        for (text, expected) in [
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("192.0.2.77/255.255.255.0", "192.0.2.0/24"),
            ("192.0.2.77/32", "192.0.2.77"),
            ("192.0.2.77/99", "192.0.2.77"),
            ("192.0.2.77/0", "0.0.0.0"),
            ("[2001:db8::77/32]", "2001:db8::/32"),
            ("2001:db8::/ffff:ffff::", "2001:db8::/32"),
            ("2001:db8::1/0", "::"),
            ("192.0.2.0/255.0.255.0", "refused"),
            ("host/24", "host/24"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_stays_text() {
        for (text, expected) in [
            ("01.02.03.04", "01.02.03.04"),
            ("999.1.1.1", "999.1.1.1"),
            ("[foo]", "foo"),
            ("[]", "[]"),
            ("10:20:30", "10:20:30"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
            assert_eq!(FailureId::parse(text).unwrap().family(), None);
        }
    }

    #[test]
    fn equality_goes_by_family_number_and_length() {
        let parse = |text| FailureId::parse(text).unwrap();
        assert_eq!(parse("192.0.2.1"), parse("192.0.2.1/32"));
        assert_eq!(parse("192.0.2.1/24"), parse("192.0.2.9/24"));
        assert_ne!(parse("192.0.2.0"), parse("192.0.2.0/24"));
        assert_ne!(parse("192.0.2.1"), FailureId::raw("192.0.2.1"));
        assert_ne!(parse("foo"), FailureId::raw("foo"));
        assert_ne!(parse("foo"), parse("Foo"));
    }

    #[test]
    fn a_family_is_insisted_on() {
        let v4 = FailureId::of_family("192.0.2.1", Family::Inet4);
        assert_eq!(v4.family(), Some(Family::Inet4));
        let wrong = FailureId::of_family("192.0.2.1", Family::Inet6);
        assert_eq!(
            (wrong.family(), wrong.to_string().as_str()),
            (None, "192.0.2.1")
        );
    }

    #[test]
    fn tuples_print_as_python_does() {
        let id = FailureId::tuple(&[Some("a".into()), None]);
        assert_eq!(id.to_string(), "('a', None)");
    }
}

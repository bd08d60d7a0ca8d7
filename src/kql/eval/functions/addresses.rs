//! IPv4 and IPv6 addresses and networks.
//!
//! A network is written `address/bits` ("IP-prefix notation"). Functions that compare take the shortest of all prefixes
//! that they are given. In the functions for IPv6, an IPv4 address stands for `::ffff:a.b.c.d`, its prefix counted
//! from bit 96. What cannot be read gives null, or an empty string where the result is a string.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::argument::{arg, items, long, long_or, strings, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("parse_ipv4", parse_ipv4),
    function("parse_ipv4_mask", parse_ipv4),
    function("format_ipv4", |_, args| format_ipv4(args, false)),
    function("format_ipv4_mask", |_, args| format_ipv4(args, true)),
    function("ipv4_compare", |_, args| compare(args, Family::V4)),
    function("ipv4_is_match", |_, args| is_match(args, Family::V4)),
    function("ipv4_is_in_range", |_, args| is_in_range(args, Family::V4)),
    function("ipv4_is_in_any_range", |_, args| is_in_any_range(args, Family::V4)),
    function("ipv4_is_private", ipv4_is_private),
    function("ipv4_netmask_suffix", ipv4_netmask_suffix),
    function("ipv4_range_to_cidr_list", ipv4_range_to_cidr_list),
    function("parse_ipv6", parse_ipv6),
    function("parse_ipv6_mask", parse_ipv6),
    function("ipv6_compare", |_, args| compare(args, Family::V6)),
    function("ipv6_is_match", |_, args| is_match(args, Family::V6)),
    function("ipv6_is_in_range", |_, args| is_in_range(args, Family::V6)),
    function("ipv6_is_in_any_range", |_, args| is_in_any_range(args, Family::V6)),
    function("has_ipv4", |_, args| has_address(args, Search::Whole)),
    function("has_any_ipv4", |_, args| has_address(args, Search::Whole)),
    function("has_ipv4_prefix", |_, args| has_address(args, Search::Prefix)),
    function("has_any_ipv4_prefix", |_, args| has_address(args, Search::Prefix)),
];

/// Which addresses a function takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn bits(self) -> u32 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// All but the first `prefix` bits cleared.
    fn masked(self, address: u128, prefix: u32) -> u128 {
        let cleared = self.bits().saturating_sub(prefix);
        address.checked_shr(cleared).and_then(|high| high.checked_shl(cleared)).unwrap_or(0)
    }

    fn read(self, text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        if self == Family::V4 {
            let prefix = prefix.unwrap_or(32);
            let address = u128::from(u32::from(ipv4(address)?));
            return (prefix <= 32).then_some(Network { address, prefix });
        }
        // `::192.168.0.1` is read as an IPv4 address too.
        if let Some(address) = ipv4(address.strip_prefix("::").unwrap_or(address)) {
            let prefix = prefix.unwrap_or(32);
            let address = u128::from(address.to_ipv6_mapped());
            return (prefix <= 32).then_some(Network { address, prefix: prefix + 96 });
        }
        let address = u128::from(address.parse::<Ipv6Addr>().ok()?);
        let prefix = prefix.unwrap_or(128);
        (prefix <= 128).then_some(Network { address, prefix })
    }
}

/// An address with its prefix; the bits behind the prefix are kept.
#[derive(Clone, Copy)]
struct Network {
    address: u128,
    prefix: u32,
}

fn ipv4(text: &str) -> Option<Ipv4Addr> {
    text.trim().parse().ok()
}

/// The prefix argument: the longest if it is not given, `None` if it is out of range.
fn prefix_argument(args: &[Value], index: usize, family: Family) -> Option<u32> {
    let bits = family.bits();
    let prefix = long_or(args, index, i64::from(bits))?;
    u32::try_from(prefix).ok().filter(|prefix| *prefix <= bits)
}

/// The second argument of `parse_ipv4_mask` is one more prefix.
fn parse_ipv4(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let network = Family::V4.read(&text(args, 0)).zip(prefix_argument(args, 1, Family::V4));
    let masked =
        network.map(|(network, prefix)| Family::V4.masked(network.address, prefix.min(network.prefix)));
    Ok(masked.and_then(|address| i64::try_from(address).ok()).into())
}

fn format_ipv4(args: &[Value], with_prefix: bool) -> Result<Value, Fault> {
    let network = match long(args, 0) {
        Some(number) => {
            u32::try_from(number).ok().map(|number| Network { address: number.into(), prefix: 32 })
        }
        None => Family::V4.read(&text(args, 0)),
    };
    let made = network.zip(prefix_argument(args, 1, Family::V4)).and_then(|(network, prefix)| {
        let prefix = prefix.min(network.prefix);
        let address = Ipv4Addr::from(u32::try_from(Family::V4.masked(network.address, prefix)).ok()?);
        Some(if with_prefix { format!("{address}/{prefix}") } else { address.to_string() })
    });
    Ok(Value::from(made.unwrap_or_default()))
}

fn parse_ipv6(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let network = Family::V6.read(&text(args, 0)).zip(prefix_argument(args, 1, Family::V6));
    let made = network.map(|(network, prefix)| {
        let address = Ipv6Addr::from(Family::V6.masked(network.address, prefix.min(network.prefix)));
        address.segments().map(|group| format!("{group:04x}")).join(":")
    });
    Ok(Value::from(made.unwrap_or_default()))
}

/// Both addresses under the shortest of the three prefixes.
fn under_one_prefix(args: &[Value], family: Family) -> Option<(u128, u128)> {
    let (a, b) = (family.read(&text(args, 0))?, family.read(&text(args, 1))?);
    let prefix = prefix_argument(args, 2, family)?.min(a.prefix).min(b.prefix);
    Some((family.masked(a.address, prefix), family.masked(b.address, prefix)))
}

fn compare(args: &[Value], family: Family) -> Result<Value, Fault> {
    Ok(under_one_prefix(args, family).map(|(a, b)| a.cmp(&b) as i64).into())
}

fn is_match(args: &[Value], family: Family) -> Result<Value, Fault> {
    Ok(under_one_prefix(args, family).map(|(a, b)| a == b).into())
}

fn in_range(address: Option<Network>, range: &str, family: Family) -> Option<bool> {
    let (address, range) = (address?, family.read(range)?);
    Some(family.masked(address.address, range.prefix) == family.masked(range.address, range.prefix))
}

fn is_in_range(args: &[Value], family: Family) -> Result<Value, Fault> {
    Ok(in_range(family.read(&text(args, 0)), &text(args, 1), family).into())
}

/// True as soon as one range has the address; otherwise null if one of them cannot be read.
fn is_in_any_range(args: &[Value], family: Family) -> Result<Value, Fault> {
    let address = family.read(&text(args, 0));
    let mut answer = Some(false);
    for range in listed(args) {
        match in_range(address, &range, family) {
            Some(true) => return Ok(Value::Bool(true)),
            Some(false) => {}
            None => answer = None,
        }
    }
    Ok(answer.into())
}

/// The arguments after the first, arrays taken apart.
fn listed(args: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for index in 1..args.len() {
        match items(args, index) {
            Some(items) => found.extend(items.iter().filter_map(|item| match item {
                Dynamic::String(item) => Some(item.to_string()),
                _ => None,
            })),
            None if arg(args, index).is_null() => {}
            None => found.push(text(args, index).to_string()),
        }
    }
    found
}

/// The networks of RFC 1918.
fn ipv4_is_private(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let found = ipv4(text(args, 0).split('/').next().unwrap_or_default());
    let valid = Family::V4.read(&text(args, 0)).and(found);
    Ok(valid.map(|address| address.is_private()).into())
}

fn ipv4_netmask_suffix(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Family::V4.read(&text(args, 0)).map(|network| i64::from(network.prefix)).into())
}

/// The fewest networks that are exactly the range.
fn ipv4_range_to_cidr_list(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (Some(start), Some(end)) = (ipv4(&text(args, 0)), ipv4(&text(args, 1))) else {
        return Ok(Value::Null);
    };
    let (mut at, end) = (u64::from(u32::from(start)), u64::from(u32::from(end)));
    let mut networks = Vec::new();
    while at <= end {
        let aligned = at.trailing_zeros().min(32);
        let fitting = (end - at + 1).ilog2();
        let bits = aligned.min(fitting);
        let address = Ipv4Addr::from(u32::try_from(at).unwrap_or(u32::MAX));
        networks.push(format!("{address}/{}", 32 - bits));
        at += 1 << bits;
    }
    Ok(strings(networks))
}

/// What is looked for in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    Whole,
    /// A whole address, or its beginning up to and with a dot.
    Prefix,
}

/// Addresses in a text have no letter or digit next to them.
fn has_address(args: &[Value], search: Search) -> Result<Value, Fault> {
    let source = text(args, 0);
    let wanted = listed(args);
    let matches = |address: &str| {
        wanted.iter().any(|wanted| match search {
            _ if ipv4(wanted).is_some() => wanted.trim() == address,
            Search::Prefix => is_prefix(wanted) && address.starts_with(wanted.as_str()),
            Search::Whole => false,
        })
    };
    Ok(Value::Bool(addresses_in(&source).any(matches)))
}

/// `10.`, `10.1.`, `10.1.2.`
fn is_prefix(text: &str) -> bool {
    let Some(parts) = text.strip_suffix('.') else { return false };
    let parts: Vec<&str> = parts.split('.').collect();
    parts.len() <= 3 && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

fn addresses_in(text: &str) -> impl Iterator<Item = &str> {
    let mut before = None;
    text.char_indices().filter_map(move |(at, c)| {
        let starts = c.is_ascii_digit() && !before.is_some_and(char::is_alphanumeric);
        before = Some(c);
        let rest = text.get(at..).filter(|_| starts)?;
        let mut dots = 0;
        let end = rest.find(|c: char| {
            dots += usize::from(c == '.');
            dots > 3 || !(c.is_ascii_digit() || c == '.')
        });
        let (candidate, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let glued = after.chars().next().is_some_and(char::is_alphanumeric);
        (!glued && ipv4(candidate).is_some()).then_some(candidate)
    })
}

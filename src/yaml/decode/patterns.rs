//! Values of an allowlist that have a grammar of their own: expressions and networks.

use std::net::IpAddr;

use super::predicate::string;
use super::scalar::invalid;
use crate::diagnostic::Diagnostics;
use crate::source::Spanned;
use crate::yaml::Node;

/// KQL's `matches regex` is RE2; regex-syntax speaks the same language, without look-around and backreferences.
pub(super) fn regex(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let found = string(node, out)?;
    let error = match regex_syntax::parse(&found.value) {
        Ok(_) => return Some(found),
        Err(error) => error,
    };
    let reason = match &error {
        regex_syntax::Error::Parse(error) => match error.kind() {
            regex_syntax::ast::ErrorKind::UnsupportedLookAround => {
                "look-around does not exist in RE2".to_owned()
            }
            regex_syntax::ast::ErrorKind::UnsupportedBackreference => {
                "backreferences do not exist in RE2".to_owned()
            }
            kind => kind.to_string(),
        },
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "not a regular expression".to_owned(),
    };
    out.push(
        invalid(node.span, "not a regular expression", reason)
            .with_help("expressions are RE2, as in KQL; write them in single quotes"),
    );
    None
}

/// An address with an optional prefix length; the bits below the prefix are zero.
pub(super) fn cidr(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let found = string(node, out)?;
    let (address, prefix) =
        found.value.split_once('/').map_or((found.value.as_str(), None), |(a, p)| (a, Some(p)));
    let problem = match address.parse::<IpAddr>() {
        Err(_) => Some("not an IPv4 or IPv6 address".to_owned()),
        Ok(address) => prefix.and_then(|prefix| check_prefix(address, prefix)),
    };
    if let Some(problem) = problem {
        out.push(
            invalid(node.span, "not a network", problem)
                .with_help("a network is 10.1.2.0/24 or 2001:db8::/48"),
        );
        return None;
    }
    Some(found)
}

fn check_prefix(address: IpAddr, prefix: &str) -> Option<String> {
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let length = prefix.parse::<u32>().ok().filter(|length| plain && *length <= width);
    let Some(length) = length else { return Some(format!("the prefix length must be from 0 to {width}")) };
    let host = if length == 0 { u128::MAX } else { (1u128 << (width - length)).wrapping_sub(1) };
    if length > 0 && bits & host != 0 {
        let network = bits & !host;
        let network = match address {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(network).unwrap_or(0).into()),
            IpAddr::V6(_) => IpAddr::V6(network.into()),
        };
        return Some(format!("bits beyond the prefix are set; the network is {network}/{length}"));
    }
    None
}

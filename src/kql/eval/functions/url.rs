//! `parse_url` and `parse_urlquery`.

use super::argument::text;
use super::encoding::percent_decoded;
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};
use std::sync::Arc;

use super::argument::string;

pub(super) const FUNCTIONS: &[Function] = &[
    function("parse_url", parse_url),
    function("parseurl", parse_url),
    function("parse_urlquery", parse_urlquery),
    function("parseurlquery", parse_urlquery),
];

const QUERY: &str = "Query Parameters";

fn member(name: &str, value: Dynamic) -> (Arc<str>, Dynamic) {
    (Arc::from(name), value)
}

/// Parts that are missing are empty strings. Without a scheme only the query is looked for.
fn parse_url(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let url = text(args, 0);
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
    let (authority, path) = match rest.find('/') {
        Some(at) if !scheme.is_empty() => rest.split_at_checked(at).unwrap_or((rest, "")),
        None if !scheme.is_empty() => (rest, ""),
        _ => ("", ""),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    // A colon inside brackets belongs to an IPv6 address.
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (host, ""),
    };
    Ok(Value::dynamic(Dynamic::Bag(vec![
        member("Scheme", string(scheme)),
        member("Host", string(host)),
        member("Port", string(port)),
        member("Path", string(path)),
        member("Username", string(name)),
        member("Password", string(password)),
        member(QUERY, parameters(query)),
        member("Fragment", string(fragment)),
    ])))
}

fn parse_urlquery(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let query = text(args, 0);
    let query = query.strip_prefix('?').unwrap_or(&query);
    Ok(Value::dynamic(Dynamic::Bag(vec![member(QUERY, parameters(query))])))
}

/// The last value of a name counts.
fn parameters(query: &str) -> Dynamic {
    let mut found: Vec<(Arc<str>, Dynamic)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decoded(name), string(&percent_decoded(value)));
        match found.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, old)) => *old = value,
            None => found.push((Arc::from(name), value)),
        }
    }
    Dynamic::Bag(found)
}

//! `parse_url` and `parse_urlquery`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::argument::{string, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};

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

/// Parts that are missing are empty strings; so are all parts of what has no scheme. Nothing is decoded.
///
/// The page shows one address; the rest is what the service does (docs/kql-semantics.md).
fn parse_url(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let url = text(args, 0);
    Ok(Value::dynamic(Dynamic::Bag(match url.split_once("://") {
        Some((scheme, rest)) => parts(scheme, rest),
        None => parts("", ""),
    })))
}

/// What stands behind the `://`.
fn parts(scheme: &str, rest: &str) -> Vec<(Arc<str>, Dynamic)> {
    let (rest, fragment) =
        rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (user, rest) = match rest.split_once('@') {
        // A user without a password stays with the host.
        Some((user, after)) if !user.contains('/') => match user.split_once(':') {
            Some(user) => (user, after),
            None => (("", ""), rest),
        },
        _ => (("", ""), rest),
    };
    let (host, rest) = host(rest);
    let after_colon = rest.strip_prefix(':');
    let digits = after_colon
        .map_or(0, |rest| rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    let (port, path) = after_colon.and_then(|rest| rest.split_at_checked(digits)).unwrap_or(("", rest));
    let path = if path == "/" && query.is_none() && fragment.is_none() { "" } else { path };
    vec![
        member("Scheme", string(scheme)),
        member("Host", string(host)),
        member("Port", string(port)),
        member("Path", string(path)),
        member("Username", string(user.0)),
        member("Password", string(user.1)),
        member(QUERY, parameters(query.unwrap_or_default())),
        member("Fragment", string(fragment.unwrap_or_default())),
    ]
}

/// The host, and what follows it. A colon inside brackets belongs to an IPv6 address.
fn host(text: &str) -> (&str, &str) {
    let from = match text.starts_with('[') {
        true => text.find(']').unwrap_or(0),
        false => 0,
    };
    let end = text.get(from..).and_then(|rest| rest.find([':', '/'])).map_or(text.len(), |end| from + end);
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn parse_urlquery(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let query = text(args, 0);
    let query = query.strip_prefix('?').unwrap_or(&query);
    Ok(Value::dynamic(Dynamic::Bag(vec![member(QUERY, parameters(query))])))
}

/// Sorted by name. Without a name or a value a parameter is dropped; several values of a name are an array.
fn parameters(query: &str) -> Dynamic {
    let mut found: BTreeMap<&str, Vec<Dynamic>> = BTreeMap::new();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if !name.is_empty() && !value.is_empty() {
            found.entry(name).or_default().push(string(value));
        }
    }
    let member = |(name, mut values): (&str, Vec<Dynamic>)| {
        let value =
            if values.len() == 1 { values.pop().unwrap_or(Dynamic::Null) } else { Dynamic::Array(values) };
        (Arc::from(name), value)
    };
    Dynamic::Bag(found.into_iter().map(member).collect())
}

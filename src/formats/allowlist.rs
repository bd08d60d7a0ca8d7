//! An allowlist, and the watchlists that entries refer to.

use serde_json::{Value, json};

use super::shape::{
    boolean, date, file, form, insert, line, list, map, name, names, object, one_or_many, some, text, time,
    words,
};
use crate::model::rule::Strength;

pub(super) fn schema() -> Value {
    let mut rules = one_or_many(super::shape::rule_glob());
    if let Some(many) = rules.pointer_mut("/anyOf/1") {
        insert(many, "minItems", json!(1));
    }
    file(
        [("rules", rules), ("slot", name("._-", 60)), ("sensitive", boolean()), ("entries", some(entry()))],
        &["rules", "entries"],
    )
}

fn entry() -> Value {
    let mut predicates = map(predicate());
    insert(&mut predicates, "minProperties", json!(1));
    insert(&mut predicates, "propertyNames", form("^[A-Za-z0-9_]+$", "SHA1"));
    object(
        [
            ("id", name("._-", 100)),
            ("reason", text()),
            ("owner", line()),
            ("ticket", line()),
            ("created", date()),
            ("expires", date()),
            ("required", boolean()),
            (
                "exception",
                object(
                    [("approver", line()), ("reason", text()), ("strength", names(&Strength::NAMES))],
                    &["approver", "reason"],
                ),
            ),
            ("match", predicates),
        ],
        &["id", "reason", "owner", "expires", "match"],
    )
}

/// Exactly one operator; `min` and `max` are one.
fn predicate() -> Value {
    let value = || {
        let scalar = json!({"type": ["string", "number", "boolean"]});
        json!({"anyOf": [scalar, object([("datetime", time())], &["datetime"])]})
    };
    let bound = || json!({"anyOf": [{"type": "number"}, time()]});
    let alias = || form("^[A-Za-z0-9_-]{1,64}$", "scanners");
    let watchlist =
        object([("alias", alias()), ("column", form("^[A-Za-z0-9 _-]{1,200}$", "Host"))], &["alias"]);
    let mut predicate = object(
        [
            ("equals", value()),
            ("in", list(value())),
            ("starts_with", one_or_many(text())),
            ("ends_with", one_or_many(text())),
            ("contains", one_or_many(text())),
            ("has", one_or_many(text())),
            ("regex", text()),
            ("cidr", one_or_many(form("^[0-9a-fA-F.:]+(/[0-9]{1,3})?$", "10.1.2.0/24"))),
            ("watchlist", json!({"anyOf": [alias(), watchlist]})),
            ("min", bound()),
            ("max", bound()),
            ("case", words(&["sensitive", "insensitive"])),
        ],
        &[],
    );
    let mut one: Vec<Value> =
        ["equals", "in", "starts_with", "ends_with", "contains", "has", "regex", "cidr", "watchlist"]
            .map(|operator| json!({"required": [operator]}))
            .into();
    one.push(json!({"anyOf": [{"required": ["min"]}, {"required": ["max"]}]}));
    insert(&mut predicate, "oneOf", json!(one));
    predicate
}

pub(super) fn watchlist() -> Value {
    let column = "^[A-Za-z0-9_]{1,100}$";
    let mut row = map(line());
    insert(&mut row, "propertyNames", form(column, "Host"));
    file(
        [
            ("name", line()),
            ("description", text()),
            ("search_key", form(column, "Host")),
            ("items", some(json!({"anyOf": [line(), row]}))),
        ],
        &["name", "search_key", "items"],
    )
}

//! `watchlists/*.yaml`: values that are too many for a query, kept in the workspace.

use std::collections::{BTreeSet, HashMap};

use super::object::{Object, list, wrong_type};
use super::scalar::{invalid, line, made_of, text};
use crate::address::RuleId;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::allowlist::Scope;
use crate::model::watchlist::{Item, Watchlist};
use crate::source::{Span, Spanned};
use crate::yaml::{Node, NodeKind};

/// Every key of a watchlist.
pub(crate) const KEYS: &[&str] = &["name", "description", "search_key", "items"];
/// The longest row that the service takes, in bytes (CONTRACT B.11: 10 KB).
const MAX_ROW: usize = 10_000;
/// The column that every watchlist has by itself.
const SEARCH_KEY: &str = "SearchKey";

/// An item as it is written: columns and values.
struct Written {
    cells: Vec<(Spanned<String>, Spanned<String>)>,
    span: Span,
}

/// A watchlist; its alias is the file's stem.
#[must_use]
pub fn watchlist(document: &Node, stem: &str, scope: Scope, out: &mut Diagnostics) -> Option<Watchlist> {
    let file = Object::open_file(document, "a watchlist", KEYS, out)?;
    let start = file.entries().first().map_or(file.span(), |(key, _)| key.span);
    let alias = match RuleId::new(stem) {
        Ok(alias) => Some(Spanned::new(alias, start)),
        Err(why) => {
            out.push(
                invalid(
                    start,
                    "the file's name cannot be an alias",
                    format!("`{}` {why}", super::object::shown(stem)),
                )
                .with_help("queries name the list by the file's name without extension; rename the file"),
            );
            None
        }
    };
    let name = file.required("name", out, line);
    let description = file.optional("description", out, text);
    let search_key = file.required("search_key", out, column);
    let written = file.required("items", out, |node, out| {
        let key = search_key.as_ref().map(|key| key.value.as_str());
        let found = list(node, out, |node, out| item(node, key, out))?;
        if matches!(&node.kind, NodeKind::Seq(items) if items.is_empty()) {
            out.push(
                Diagnostic::error(codes::EMPTY_VALUE, "the watchlist has no items")
                    .labelled(node.span, "an empty list")
                    .with_help("remove the file, or write an item"),
            );
        }
        Some(found)
    });
    let (search_key, written) = (search_key?, written?);
    let columns = columns(&search_key.value, &written);
    let items = items(&search_key.value, &columns, &written, out);
    let (alias, name) = (alias?, name?);
    let reference = match &scope {
        Scope::Shared => format!("_shared/{}", alias.value),
        Scope::Environment(_) => alias.value.to_string(),
    };
    Some(Watchlist {
        alias,
        reference,
        scope,
        name,
        description,
        search_key,
        columns,
        items,
        span: file.span(),
    })
}

fn column(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    made_of(allowed, 100, "letters, digits and `_`, at most 100")(node, out)
}

/// `value`, which is one of the search key, or `{Column: value, …}`.
fn item(node: &Node, key: Option<&str>, out: &mut Diagnostics) -> Option<Written> {
    match &node.kind {
        NodeKind::Map(entries) => {
            let mut cells = Vec::with_capacity(entries.len());
            for (name, value) in entries {
                let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if name.name.is_empty() || name.name.len() > 100 || !name.name.chars().all(allowed) {
                    out.push(invalid(
                        name.span,
                        "not a name for a column",
                        "letters, digits and `_`, at most 100",
                    ));
                    continue;
                }
                if name.name == SEARCH_KEY {
                    out.push(invalid(
                        name.span,
                        "a column that every watchlist has by itself",
                        "choose another name",
                    ));
                    continue;
                }
                if let Some(value) = line(value, out) {
                    cells.push((Spanned::new(name.name.clone(), name.span), value));
                }
            }
            Some(Written { cells, span: node.span })
        }
        NodeKind::Str(_) => {
            let value = line(node, out)?;
            let key = Spanned::new(key?.to_owned(), node.span);
            Some(Written { cells: vec![(key, value)], span: node.span })
        }
        _ => {
            out.push(wrong_type(node, "a string, or a mapping from column to string"));
            None
        }
    }
}

fn columns(key: &str, written: &[Written]) -> Vec<String> {
    let all: BTreeSet<&str> =
        written.iter().flat_map(|item| &item.cells).map(|(column, _)| column.value.as_str()).collect();
    let others = all.into_iter().filter(|column| *column != key).map(str::to_owned);
    std::iter::once(key.to_owned()).chain(others).collect()
}

/// Rows in the order of the columns; every one has its search key, and none has that of another.
fn items(key: &str, columns: &[String], written: &[Written], out: &mut Diagnostics) -> Vec<Item> {
    let mut seen: HashMap<String, Span> = HashMap::with_capacity(written.len());
    let mut items = Vec::with_capacity(written.len());
    for one in written {
        let cell =
            |column: &str| one.cells.iter().find(|(name, _)| name.value == column).map(|(_, value)| value);
        let Some(own) = cell(key) else {
            out.push(
                Diagnostic::error(codes::MISSING_KEY, format!("`{key}` is missing"))
                    .labelled(one.span, "every item needs its search key"),
            );
            continue;
        };
        if let Some(first) = seen.insert(own.value.to_lowercase(), own.span) {
            out.push(
                Diagnostic::error(codes::DUPLICATE_NAME, "two items have the same search key")
                    .labelled(own.span, "used before in this file")
                    .with_related(first, "first used here"),
            );
            continue;
        }
        let values: Vec<String> = columns
            .iter()
            .map(|column| cell(column).map_or_else(String::new, |value| value.value.clone()))
            .collect();
        if values.iter().map(String::len).sum::<usize>() > MAX_ROW {
            out.push(invalid(one.span, "the item is too long", "the service takes 10 KB for a row"));
            continue;
        }
        items.push(Item { values, span: one.span });
    }
    items
}

//! Watchlists as resources of the workspaces, and what entries may ask of them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::address::{Address, Target};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Test};
use crate::model::environment::Environment;
use crate::model::watchlist::Watchlist;
use crate::resource::{Body, Kind, Resource, csv_line, watchlist_id};

/// The column that every watchlist has by itself.
const SEARCH_KEY: &str = "SearchKey";

/// Every watchlist of the environment, once for each of its workspaces.
pub(super) fn resources(repository: &Repository, environment: &Environment) -> Vec<Resource> {
    let lists = repository.watchlists.iter().filter(|list| environment.takes_watchlist(list));
    lists
        .flat_map(|list| {
            environment
                .sentinel
                .iter()
                .map(|workspace| resource(list, Target::Sentinel(Arc::clone(&workspace.value))))
        })
        .collect()
}

/// The list as it should be: each item under its search key, so that a difference is one of items.
fn resource(list: &Watchlist, target: Target) -> Resource {
    let items: Body = list
        .items
        .iter()
        .filter_map(|item| {
            let row = csv_line(item.values.iter().map(String::as_str));
            Some((item.values.first()?.clone(), Value::String(row)))
        })
        .collect();
    let mut body = Body::new();
    body.insert("displayName".into(), json!(list.name.value));
    if let Some(description) = &list.description {
        body.insert("description".into(), json!(description.value));
    }
    body.insert("itemsSearchKey".into(), json!(list.search_key.value));
    body.insert("columns".into(), json!(list.columns));
    body.insert("items".into(), Value::Object(items));
    let id = watchlist_id(list.alias.value.as_str());
    Resource {
        address: Address { target, rule: id.clone() },
        remote_id: id,
        kind: Kind::Watchlist,
        pinned: false,
        body: Arc::new(body),
        protect: false,
        lines: Arc::default(),
        entries: Vec::new(),
    }
}

/// An entry may ask for a column that its list has, and a sensitive list must not have its values in a watchlist, whose items
/// plans show.
pub(super) fn check(
    repository: &Repository,
    environment: &Environment,
    list: &Allowlist,
    diagnostics: &mut Diagnostics,
) {
    let known = |alias: &str| {
        let mut own = repository.watchlists.iter().filter(|list| environment.takes_watchlist(list));
        own.find(|known| known.alias.value.as_str() == alias)
    };
    for predicate in list.entries.iter().flat_map(|entry| &entry.predicates) {
        let Test::Watchlist { alias, column } = &predicate.test else { continue };
        let Some(watchlist) = known(&alias.value) else { continue };
        if list.sensitive {
            diagnostics.push(
                Diagnostic::error("ALW-25", "a sensitive value is shown")
                    .labelled(alias.span, "plans show the items of this watchlist")
                    .with_related(watchlist.span, "its items")
                    .with_help("take `sensitive: true` away, or keep the values in the list itself"),
            );
        }
        let columns = || watchlist.columns.iter().map(String::as_str).chain([SEARCH_KEY]);
        if !columns().any(|known| known == column.value) {
            let help = match did_you_mean(&column.value, columns()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its columns: {}", columns().collect::<Vec<_>>().join(", ")),
            };
            diagnostics.push(
                Diagnostic::error("ALW-05", "the watchlist has no such column")
                    .labelled(column.span, format!("`{}` has no column `{}`", alias.value, column.value))
                    .with_related(watchlist.search_key.span, "the watchlist")
                    .with_help(help),
            );
        }
    }
}

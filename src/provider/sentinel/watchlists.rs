//! Watchlists of a workspace (CONTRACT B.11): one list with its items is one [`Live`], of the kind [`Kind::Watchlist`].
//!
//! A new list is uploaded as CSV in one call. A list that is there is changed item by item, because nobody knows what an
//! upload over it does to the items it has. The marker is the last line of its description and is written before the items:
//! what breaks off half way is drift in the next plan, and is finished then. The service works on uploads and deletions by
//! itself for a while, so both are waited for: rules must not refer to a list that is not there yet.

use std::time::Duration;

use azure_core::http::{Method, Url};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::api::{Sentinel, changed_meanwhile};
use super::wire::NEXT_LINK;
use crate::provider::fields::{text, unix_lines};
use crate::provider::http::{Answer, Call};
use crate::provider::{ErrorKind, ProviderError, Write};
use crate::resource::{
    Body, Kind, Live, Marker, MarkerCarrier, ServerFacts, WATCHLIST, csv_line, watchlist_id,
};

/// Properties that the service keeps for itself (read-only in the specification, or answers to an upload).
const SERVER: [&str; 11] = [
    "watchlistId",
    "watchlistAlias",
    "watchlistType",
    "created",
    "createdBy",
    "updated",
    "updatedBy",
    "isDeleted",
    "tenantId",
    "uploadStatus",
    "provisioningState",
];
/// How often an upload or a deletion is asked after, and how long to wait between: doubling up to the longest.
const POLLS: u32 = 60;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// An item of a list: the service's id, the value of the search key, and the whole row.
struct Item {
    id: String,
    values: Map<String, Value>,
}

impl Sentinel {
    /// Every watchlist of the workspace; items of those that carry a marker only.
    pub(super) async fn list_watchlists(&self) -> Result<Vec<Live>, ProviderError> {
        let subject = self.subject("watchlists");
        let url = self.url_of(["watchlists"].into_iter());
        let mut lists = Vec::new();
        for value in self.service.pages(&subject, url, NEXT_LINK).await? {
            lists.extend(self.whole(value, false).await?);
        }
        Ok(lists)
    }

    /// One watchlist with its items.
    pub(super) async fn read_watchlist(&self, alias: &str) -> Result<Option<Live>, ProviderError> {
        match self.get_watchlist(alias).await? {
            Some(value) => self.whole(value, true).await,
            None => Ok(None),
        }
    }

    /// Uploads a list and waits until it is there.
    pub(super) async fn create_watchlist(&self, write: &Write) -> Result<Live, ProviderError> {
        let alias = alias_of(&write.remote_id);
        let answer =
            self.put_watchlist("create", alias, &upload(write, alias, &self.api_version), None).await?;
        self.until_uploaded(alias).await?;
        let live = self.read_watchlist(alias).await.map_err(ProviderError::after_a_write)?;
        let mut live = live.ok_or_else(|| {
            self.service.nonsense(
                "create",
                &self.subject(&write.remote_id),
                "the watchlist was accepted, but is not there",
            )
        })?;
        live.server.request_id = answer.request_id;
        Ok(live)
    }

    /// Changes what differs: the list's own properties with the marker, then item by item.
    pub(super) async fn update_watchlist(&self, write: &Write, before: &Live) -> Result<Live, ProviderError> {
        let alias = alias_of(&write.remote_id);
        let subject = self.subject(&write.remote_id);
        // An upload that a run was stopped in goes on at the service: what it brings would be there twice.
        self.until_uploaded(alias).await?;
        let now = self.items(alias).await?;
        let key = text(&write.body, "itemsSearchKey").unwrap_or_default();
        let columns = columns_of(&write.body);
        let empty = Body::new();
        let wanted = write.body.get("items").and_then(Value::as_object).unwrap_or(&empty);
        let seen = before.body.get("items").and_then(Value::as_object).unwrap_or(&empty);
        let there = rows(&now, key, &columns);
        if there.len() != seen.len() || there.iter().any(|(key, row, _)| seen.get(key) != Some(&json!(row))) {
            return Err(changed_meanwhile("update", subject));
        }
        let properties = properties(write, &before.unknown, alias, &self.api_version);
        let answer = self.put_watchlist("update", alias, &properties, before.server.etag.as_deref()).await?;
        self.change_items(alias, &columns, &there, wanted).await.map_err(partly)?;
        let live = self.read_watchlist(alias).await.map_err(ProviderError::after_a_write)?;
        let mut live = live.ok_or_else(|| {
            self.service.nonsense("update", &subject, "the watchlist was accepted, but is not there")
        })?;
        live.server.request_id = answer.request_id;
        Ok(live)
    }

    /// Makes the items that are there those that are wanted.
    async fn change_items(
        &self,
        alias: &str,
        columns: &[String],
        there: &[(String, String, &Item)],
        wanted: &Body,
    ) -> Result<(), ProviderError> {
        // Deletions first: an item that we make may have the id of one whose search key somebody changed.
        for (_, _, item) in there.iter().filter(|(key, ..)| !wanted.contains_key(key)) {
            self.item(Method::Delete, alias, &item.id, None).await?;
        }
        let known: std::collections::HashMap<&str, (&str, &Item)> =
            there.iter().map(|(key, row, item)| (key.as_str(), (row.as_str(), *item))).collect();
        for (key, row) in wanted {
            let row = row.as_str().unwrap_or_default();
            let known = known.get(key.as_str());
            if known.is_some_and(|(old, _)| *old == row) {
                continue;
            }
            let id = known.map_or_else(|| item_id(alias, key), |(_, item)| item.id.clone());
            let values: Map<String, Value> =
                columns.iter().cloned().zip(cells(row).into_iter().map(Value::String)).collect();
            self.item(Method::Put, alias, &id, Some(&json!({"properties": {"itemsKeyValue": values}})))
                .await?;
        }
        Ok(())
    }

    /// Deletes a list that still is as it was seen, and waits until it is gone.
    pub(super) async fn delete_watchlist(&self, before: &Live) -> Result<Option<String>, ProviderError> {
        let alias = alias_of(&before.remote_id);
        let subject = self.subject(&before.remote_id);
        match self.read_watchlist(alias).await? {
            None => return Ok(None),
            Some(now) if now.body == before.body && now.marker == before.marker => {}
            Some(_) => return Err(changed_meanwhile("delete", subject)),
        }
        let call = Call {
            operation: "delete",
            subject: &subject,
            method: Method::Delete,
            url: self.watchlist_url(alias, &[]),
            body: None,
            if_match: None,
        };
        let request_id = match self.service.call(call).await {
            Ok(answer) => answer.request_id,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(error.request_id),
            Err(error) => return Err(error),
        };
        let mut wait = FIRST_WAIT;
        for _ in 0..POLLS {
            let gone = self.get_watchlist(alias).await.map_err(ProviderError::after_a_write)?.is_none();
            if gone || !self.service.wait(wait).await {
                break;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Ok(request_id)
    }

    fn watchlist_url(&self, alias: &str, below: &[&str]) -> Url {
        self.url_of(["watchlists", alias].into_iter().chain(below.iter().copied()))
    }

    async fn get_watchlist(&self, alias: &str) -> Result<Option<Value>, ProviderError> {
        let subject = self.subject(&watchlist_id(alias));
        let url = self.watchlist_url(alias, &[]);
        let call = Call {
            operation: "read",
            subject: &subject,
            method: Method::Get,
            url,
            body: None,
            if_match: None,
        };
        match self.service.call(call).await {
            Ok(Answer { body, .. }) => Ok(Some(body).filter(|body| !is_deleted(body))),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put_watchlist(
        &self,
        operation: &'static str,
        alias: &str,
        properties: &Body,
        etag: Option<&str>,
    ) -> Result<Answer, ProviderError> {
        let mut body = json!({ "properties": properties });
        if let Some(etag) = etag {
            body["etag"] = json!(etag);
        }
        let subject = self.subject(&watchlist_id(alias));
        let url = self.watchlist_url(alias, &[]);
        let call = Call {
            operation,
            subject: &subject,
            method: Method::Put,
            url,
            body: Some(&body),
            if_match: etag,
        };
        self.service.call(call).await
    }

    async fn until_uploaded(&self, alias: &str) -> Result<(), ProviderError> {
        let subject = self.subject(&watchlist_id(alias));
        let mut wait = FIRST_WAIT;
        for _ in 0..POLLS {
            let now = self.get_watchlist(alias).await.map_err(ProviderError::after_a_write)?;
            let Some(now) = now else {
                if !self.service.wait(wait).await {
                    break;
                }
                continue;
            };
            let state = |name: &str| now.pointer(&format!("/properties/{name}")).and_then(Value::as_str);
            match state("provisioningState") {
                Some("Failed" | "Canceled") => {
                    return Err(ProviderError {
                        kind: ErrorKind::Rejected,
                        help: Some("look at the watchlist in the portal; delete it there if it is empty, and plan again".to_owned()),
                        ..self.service.nonsense("create", &subject, "the service could not take the items in")
                    });
                }
                Some("Succeeded") | None if state("uploadStatus") != Some("InProgress") => return Ok(()),
                _ => {}
            }
            if !self.service.wait(wait).await {
                break;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Err(ProviderError {
            kind: ErrorKind::Ambiguous,
            help: Some("the service is still working on it; plan again later".to_owned()),
            ..self.service.nonsense("create", &subject, "the upload did not end in time")
        })
    }

    async fn items(&self, alias: &str) -> Result<Vec<Item>, ProviderError> {
        let subject = self.subject(&watchlist_id(alias));
        let url = self.watchlist_url(alias, &["watchlistItems"]);
        let values = self.service.pages(&subject, url, NEXT_LINK).await?;
        let mut seen = std::collections::HashSet::new();
        let items = values.iter().filter(|value| !is_deleted(value)).filter_map(|value| {
            let id = value.get("name")?.as_str()?.to_owned();
            let values = value.pointer("/properties/itemsKeyValue")?.as_object()?.clone();
            Some(Item { id, values })
        });
        Ok(items.filter(|item| seen.insert(item.id.to_ascii_lowercase())).collect())
    }

    async fn item(
        &self,
        method: Method,
        alias: &str,
        id: &str,
        body: Option<&Value>,
    ) -> Result<(), ProviderError> {
        let subject = self.subject(&watchlist_id(alias));
        let url = self.watchlist_url(alias, &["watchlistItems", id]);
        let call = Call { operation: "update", subject: &subject, method, url, body, if_match: None };
        match self.service.call(call).await {
            Err(error) if error.kind == ErrorKind::NotFound && body.is_none() => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// A list as the service shows it, with its items when it is somebody's or when they are asked for.
    async fn whole(&self, value: Value, items: bool) -> Result<Option<Live>, ProviderError> {
        let alias = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if is_deleted(&value) {
            return Ok(None);
        }
        let Some(mut live) = live(&alias, value) else {
            let subject = self.subject(&watchlist_id(&alias));
            return Err(self.service.nonsense("list", &subject, "a watchlist in the answer makes no sense"));
        };
        if items || live.marker.is_some() {
            let items = self.items(&alias).await?;
            let key = text(&live.body, "itemsSearchKey").unwrap_or_default().to_owned();
            let columns = columns_in(&items, &key);
            let rows: Body =
                rows(&items, &key, &columns).into_iter().map(|(key, row, _)| (key, json!(row))).collect();
            live.body.insert("columns".into(), json!(columns));
            live.body.insert("items".into(), Value::Object(rows));
        }
        Ok(Some(live))
    }
}

/// A list without its items.
fn live(alias: &str, mut value: Value) -> Option<Live> {
    let etag = value.get("etag").and_then(Value::as_str).map(str::to_owned);
    let Value::Object(properties) = value.get_mut("properties")?.take() else { return None };
    let mut body = Body::new();
    let mut unknown = Body::new();
    let mut server = ServerFacts { etag, ..ServerFacts::default() };
    server.modified_at = text(&properties, "updated").map(str::to_owned);
    let who = properties.get("updatedBy");
    let who = who.and_then(|who| ["email", "name"].into_iter().find_map(|key| who.get(key)?.as_str()));
    server.modified_by = who.filter(|who| !who.is_empty()).map(str::to_owned);
    let mut marker = None;
    for (name, value) in properties {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("description", Value::String(whole)) => {
                let whole = unix_lines(whole);
                let (rest, found) = Marker::split(&whole, MarkerCarrier::Description);
                marker = found.map(|found| Marker { rule: watchlist_id(&found.rule), ..found });
                if !rest.is_empty() {
                    body.insert(name, json!(rest));
                }
            }
            ("displayName" | "itemsSearchKey", value) => {
                body.insert(name, value);
            }
            (known, _) if SERVER.contains(&known) => {}
            (_, value) => {
                unknown.insert(name, value);
            }
        }
    }
    Some(Live {
        remote_id: watchlist_id(alias),
        kind: Kind::Watchlist,
        name: text(&body, "displayName").unwrap_or(alias).to_owned(),
        body,
        unknown,
        marker,
        server,
        auto_disabled: None,
    })
}

/// What the first PUT sends.
pub(super) fn upload(write: &Write, alias: &str, api_version: &str) -> Body {
    let mut properties = properties(write, &Body::new(), alias, api_version);
    properties.insert("contentType".into(), json!("text/csv"));
    properties.insert("numberOfLinesToSkip".into(), json!(0));
    properties.insert("rawContent".into(), json!(content(&write.body)));
    properties
}

/// What every PUT sends.
fn properties(write: &Write, unknown: &Body, alias: &str, api_version: &str) -> Body {
    let mut properties = unknown.clone();
    for name in ["displayName", "itemsSearchKey"] {
        properties.insert(name.into(), write.body.get(name).cloned().unwrap_or_default());
    }
    let marker = Marker { rule: alias.to_owned(), ..write.marker.clone() };
    let description = text(&write.body, "description").unwrap_or_default();
    properties.insert("description".into(), json!(marker.append(description, MarkerCarrier::Description)));
    properties.entry("provider").or_insert(json!("Palisade"));
    // The word for an upload changed with the versions of 2025.
    if api_version >= "2025" {
        properties.entry("source").or_insert(json!(format!("{alias}.csv")));
        properties.entry("sourceType").or_insert(json!("Local"));
    } else {
        properties.entry("source").or_insert(json!("Local file"));
    }
    properties
}

/// The list as CSV with a header.
fn content(body: &Body) -> String {
    let columns = columns_of(body);
    let rows = body.get("items").and_then(Value::as_object).into_iter().flatten();
    let rows = rows.filter_map(|(_, row)| row.as_str().map(str::to_owned));
    let lines: Vec<String> =
        std::iter::once(csv_line(columns.iter().map(String::as_str))).chain(rows).collect();
    format!("{}\n", lines.join("\n"))
}

fn columns_of(body: &Body) -> Vec<String> {
    let columns = body.get("columns").and_then(Value::as_array).into_iter().flatten();
    columns.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The columns of items: the search key, then the others by name, because the service keeps no order.
fn columns_in(items: &[Item], key: &str) -> Vec<String> {
    let all: std::collections::BTreeSet<&String> = items.iter().flat_map(|item| item.values.keys()).collect();
    let others = all.into_iter().filter(|column| *column != key).cloned();
    if items.is_empty() { Vec::new() } else { std::iter::once(key.to_owned()).chain(others).collect() }
}

/// Search key, row and item. A key that is there twice is told apart, because each of its rows counts.
fn rows<'i>(items: &'i [Item], key: &str, columns: &[String]) -> Vec<(String, String, &'i Item)> {
    let mut seen: std::collections::HashMap<String, u32> = std::collections::HashMap::new();
    let value = |item: &Item, column: &str| match item.values.get(column) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    let row = |item: &'i Item| {
        let name = value(item, key);
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { name } else { format!("{name} ({count})") };
        let cells: Vec<String> = columns.iter().map(|column| value(item, column)).collect();
        (name, csv_line(cells.iter().map(String::as_str)), item)
    };
    items.iter().map(row).collect()
}

/// The cells of a line that [`csv_line`] made.
fn cells(line: &str) -> Vec<String> {
    let (mut out, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => out.push(std::mem::take(&mut cell)),
            (c, _) => cell.push(c),
        }
    }
    out.push(cell);
    out
}

/// Some items are written, some are not.
fn partly(error: ProviderError) -> ProviderError {
    let why = error.help.map(|help| format!("{help}; ")).unwrap_or_default();
    ProviderError {
        kind: ErrorKind::Partly,
        help: Some(format!(
            "{why}some items are written; the next plan shows the others as drift and writes them"
        )),
        ..error
    }
}

fn is_deleted(value: &Value) -> bool {
    value.pointer("/properties/isDeleted") == Some(&Value::Bool(true))
}

fn alias_of(remote_id: &str) -> &str {
    remote_id.strip_prefix(WATCHLIST).unwrap_or(remote_id)
}

/// The id of an item that we make: the same each time, so that a repeated write makes no second one.
fn item_id(alias: &str, key: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{alias}/{key}").as_bytes()).to_string()
}

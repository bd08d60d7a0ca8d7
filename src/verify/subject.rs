//! A compiled rule as something that cases are played against: its query in versions with more or less allowlist.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::compile::Known;
use crate::kql::Span;
use crate::kql::eval::Table;
use crate::resource::{EntryUse, Kind, LineOrigin, Resource};
use crate::source::SourceMap;

/// A compiled query and what the service makes of its rows.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) resource: &'a Resource,
    /// What its query is evaluated under.
    pub(crate) known: Arc<Known>,
    /// Watchlists that the repository holds for the environment.
    pub(crate) lists: Arc<BTreeMap<String, Table>>,
    /// The query as compiled.
    pub(crate) whole: Version,
    /// When rows are an alert.
    trigger: Trigger,
    /// Kind of entity and the columns that identify one, for every mapping.
    pub(crate) entities: Vec<(String, Vec<String>)>,
}

/// A text with the origin of each line.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) text: Arc<str>,
    pub(crate) lines: Arc<[LineOrigin]>,
}

/// The comparison of the number of rows that raises an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    More(u64),
    Less(u64),
    Equal(u64),
    NotEqual(u64),
}

/// How a slot's lines begin and end (`compile::allowlist`).
const OPEN: &str = "| where not(";
const OR: &str = "or ";

impl<'a> Subject<'a> {
    /// `None` for rules without a query.
    pub(crate) fn of(
        resource: &'a Resource,
        known: Arc<Known>,
        lists: Arc<BTreeMap<String, Table>>,
    ) -> Option<Self> {
        let body = &resource.body;
        let text = match resource.kind {
            Kind::CustomDetection => body.get("queryCondition")?.get("queryText")?,
            _ => body.get("query")?,
        };
        let whole = Version { text: text.as_str()?.into(), lines: Arc::clone(&resource.lines) };
        let threshold = body.get("triggerThreshold").and_then(Json::as_u64).unwrap_or(0);
        let trigger = match body.get("triggerOperator").and_then(Json::as_str) {
            Some("LessThan") => Trigger::Less(threshold),
            Some("Equal") => Trigger::Equal(threshold),
            Some("NotEqual") => Trigger::NotEqual(threshold),
            _ => Trigger::More(threshold),
        };
        Some(Self { resource, known, lists, whole, trigger, entities: entities(resource) })
    }

    /// Whether so many rows raise an alert.
    pub(crate) fn fires(&self, rows: usize) -> bool {
        let rows = rows as u64;
        match self.trigger {
            Trigger::More(threshold) => rows > threshold,
            Trigger::Less(threshold) => rows < threshold,
            Trigger::Equal(threshold) => rows == threshold,
            Trigger::NotEqual(threshold) => rows != threshold,
        }
    }

    /// The query without any allowlist entry.
    pub(crate) fn without_allowlist(&self) -> Version {
        self.with_entries(|_| false)
    }

    /// The query with one entry only.
    pub(crate) fn with_only(&self, entry: &EntryUse) -> Version {
        let name = name_of(entry);
        self.with_entries(|entries| entries.contains(&name))
    }

    /// The query with those allowlist lines whose entries are wanted. A slot of which nothing is left disappears.
    fn with_entries(&self, wanted: impl Fn(&[String]) -> bool) -> Version {
        let mut text = String::with_capacity(self.whole.text.len());
        let mut lines = Vec::with_capacity(self.whole.lines.len());
        let mut open = false;
        for (line, origin) in self.whole.text.split('\n').zip(self.whole.lines.iter()) {
            let LineOrigin::Allowlist { entries } = origin else {
                push(&mut text, &mut lines, line, origin);
                continue;
            };
            let body = line.trim_start();
            if entries.is_empty() {
                if std::mem::take(&mut open) {
                    push(&mut text, &mut lines, line, origin);
                }
                continue;
            }
            let condition = body.strip_prefix(OPEN).or_else(|| body.strip_prefix(OR));
            if let Some(condition) = condition.filter(|_| wanted(entries)) {
                let start = if std::mem::replace(&mut open, true) { OR } else { OPEN };
                push(&mut text, &mut lines, &format!("{start}{condition}"), origin);
            }
        }
        Version { text: text.into(), lines: lines.into() }
    }
}

/// `file#entry`, as origins of lines have it.
pub(crate) fn name_of(entry: &EntryUse) -> String {
    format!("{}#{}", entry.path, entry.entry)
}

fn push(text: &mut String, lines: &mut Vec<LineOrigin>, line: &str, origin: &LineOrigin) {
    if !lines.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
    lines.push(origin.clone());
}

impl Version {
    /// Where a place of the text was written: `path:line:column`, as exact as is known.
    pub(crate) fn place(&self, span: Span, sources: &SourceMap) -> String {
        let start = (span.start as usize).min(self.text.len());
        let before = self.text.get(..start).unwrap_or("");
        let number = before.matches('\n').count();
        let in_line = before.rsplit('\n').next().unwrap_or("").chars().count();
        match self.lines.get(number) {
            Some(LineOrigin::Rule { path, line }) => {
                let compiled = self.text.split('\n').nth(number).unwrap_or("");
                match column(sources, path, *line, compiled) {
                    Some(indent) => format!("{path}:{line}:{}", indent + in_line + 1),
                    None => format!("{path}:{line}"),
                }
            }
            Some(LineOrigin::Parameter { path, line, .. }) => format!("{path}:{line}"),
            Some(LineOrigin::Allowlist { entries }) => entries.join(", "),
            None => "the query".to_owned(),
        }
    }
}

/// By how many characters a line of a query is indented in its file.
fn column(sources: &SourceMap, path: &str, line: u32, compiled: &str) -> Option<usize> {
    let file = sources.files().iter().find(|file| file.path == path)?;
    let written = file.text.lines().nth((line as usize).checked_sub(1)?)?.trim_end();
    let compiled = compiled.trim_end();
    written.ends_with(compiled).then(|| written.chars().count() - compiled.chars().count())
}

/// The entity mappings of a rule's body: Sentinel's types, and Defender's collections under the same names.
fn entities(resource: &Resource) -> Vec<(String, Vec<String>)> {
    let texts = |values: Vec<Option<&str>>| values.into_iter().flatten().map(str::to_owned).collect();
    if resource.kind == Kind::CustomDetection {
        let template = resource.body.get("detectionAction").and_then(|action| action.get("alertTemplate"));
        let collections =
            template.and_then(|template| template.get("entityMappings")).and_then(Json::as_object);
        let collections = collections.into_iter().flatten();
        return collections
            .flat_map(|(name, items)| {
                items
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Json::as_object)
                    .map(move |members| (kind_of(name), texts(members.values().map(Json::as_str).collect())))
            })
            .collect();
    }
    let mappings = resource.body.get("entityMappings").and_then(Json::as_array).into_iter().flatten();
    mappings
        .filter_map(|mapping| {
            let kind = mapping.get("entityType")?.as_str()?.to_owned();
            let fields = mapping.get("fieldMappings")?.as_array()?;
            Some((kind, texts(fields.iter().map(|field| field.get("columnName")?.as_str()).collect())))
        })
        .collect()
}

/// Sentinel's word for a collection of Defender.
fn kind_of(collection: &str) -> String {
    match collection {
        "processes" => "Process".to_owned(),
        "mailboxes" => "Mailbox".to_owned(),
        "ips" => "IP".to_owned(),
        "urls" => "URL".to_owned(),
        "dns" => "DNS".to_owned(),
        other => {
            let one = other.strip_suffix('s').unwrap_or(other);
            let mut letters = one.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
                .unwrap_or_default()
        }
    }
}

//! Showing custom detections: the form they come back in, and the pages of a list.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::tables::RULE;
use super::{error, filter, newest_known, retired};
use crate::sandbox::answer::Twist;
use crate::sandbox::http::{Call, Reply, list_body, percent_encode};
use crate::sandbox::schema::{self, Look};
use crate::sandbox::shelf::{Gone, Record};
use crate::sandbox::switches::{Newlines, Omitted, Order, Spelling, Switches};
use crate::sandbox::world::World;
use crate::sandbox::{clock, jwt, paths};

/// `GET …/detectionRules/{id}`
pub(crate) fn get(world: &mut World, call: &Call, key: &str, twist: &Twist) -> Reply {
    let id = call.segment(4).to_owned();
    let newest = newest_known(call.segment(0), &world.switches);
    let found = match past(world, key, twist) {
        Some(view) => view.into_values().find(|record| record.id.eq_ignore_ascii_case(&id)),
        None => world.shelf(key).and_then(|shelf| shelf.get(&id)).cloned(),
    };
    let record = found.or_else(|| lingering(world, key, Some(&id)).pop().map(Arc::new));
    match record {
        Some(record) => Reply::text(200, render(&record, newest, &world.switches)),
        None => missing(world, call),
    }
}

/// The rule as the answer to the write that made it.
pub(crate) fn one(world: &World, call: &Call, key: &str, id: &str, status: u16) -> Reply {
    let newest = newest_known(call.segment(0), &world.switches);
    match world.shelf(key).and_then(|shelf| shelf.get(id)) {
        Some(record) => Reply::text(status, render(record, newest, &world.switches)),
        None => missing(world, call),
    }
}

pub(crate) fn missing(world: &World, call: &Call) -> Reply {
    let message = format!("Resource '{}' does not exist.", call.segment(4));
    error(call, world.now_ms(), 404, &world.switches.graph_missing_rule_code, &message)
}

/// Are name, title and id of a deleted rule still held?
pub(crate) fn reserved(gone: &Gone, world: &World) -> bool {
    let age = world.now_ms().saturating_sub(gone.deleted_ms);
    let seconds =
        world.switches.graph_delete_linger_seconds.saturating_add(world.switches.graph_reserved_seconds);
    gone.reads_left > 0 || age < i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// `GET …/detectionRules`, a page at a time.
pub(crate) fn list(world: &mut World, call: &Call, key: &str, twist: &Twist) -> Reply {
    let options = match Options::read(call, &world.switches) {
        Ok(options) => options,
        Err(message) => return error(call, world.now_ms(), 400, "BadRequest", &message),
    };
    let newest = newest_known(call.segment(0), &world.switches);
    let switches = world.switches.clone();
    let gone = if options.after.is_none() { lingering(world, key, None) } else { Vec::new() };
    let view = past(world, key, twist);
    let (mut items, last, more, count) = match view {
        None if options.plain() => plain_page(world, key, newest, &options),
        view => {
            let records = view.unwrap_or_else(|| {
                world
                    .shelf(key)
                    .map(|s| s.all().map(|(q, r)| (q, Arc::clone(r))).collect())
                    .unwrap_or_default()
            });
            match computed_page(&records, newest, &options, &switches) {
                Ok(page) => page,
                Err(message) => return error(call, world.now_ms(), 400, "BadRequest", &message),
            }
        }
    };
    items.extend(gone.iter().map(|record| Arc::from(render(record, newest, &switches))));
    if switches.graph_list_order == Order::Unstable {
        items.reverse();
    }
    if twist.repeat {
        items.extend(items.first().cloned());
    }
    let next = match (&twist.foreign_link, twist.loop_link) {
        (Some(host), _) => Some(format!("{host}{}", link(call, last.unwrap_or(0)))),
        (None, true) => Some(format!("{}{}?{}", call.origin(), call.path, query_text(call, false))),
        (None, false) => last.filter(|_| more).map(|last| format!("{}{}", call.origin(), link(call, last))),
    };
    let context = format!("{}/{}/$metadata#security/rules/detectionRules", call.origin(), call.segment(0));
    let mut head = format!("{{\"@odata.context\":{},", Value::String(context));
    if options.count {
        head.push_str(&format!("\"@odata.count\":{count},"));
    }
    let mut body = list_body(&head, items.iter().map(AsRef::as_ref));
    if let Some(next) = next {
        body.push_str(&format!(",\"@odata.nextLink\":{}", Value::String(next)));
    }
    body.push('}');
    Reply::text(200, body)
}

/// The rule as a version shows it.
pub(crate) fn render(record: &Record, newest: bool, switches: &Switches) -> String {
    let document: Map<String, Value> = serde_json::from_str(&record.document).unwrap_or_default();
    let look = Look {
        durations: Spelling::AsSent,
        omitted: Omitted::Absent,
        empty: switches.graph_empty_collections,
        new_known: newest,
    };
    let shown = schema::present(RULE, document, look);
    let mut out = Map::new();
    out.insert("@odata.type".to_owned(), json!("#microsoft.graph.security.detectionRule"));
    for (name, value) in shown {
        let after_status = name == "queryCondition";
        if after_status {
            out.insert("createdBy".to_owned(), json!(record.created_by.name));
            out.insert("createdDateTime".to_owned(), json!(clock::rfc3339(record.created_ms)));
            out.insert("lastModifiedBy".to_owned(), json!(record.modified_by.name));
            out.insert("lastModifiedDateTime".to_owned(), json!(clock::rfc3339(record.modified_ms)));
        }
        out.insert(name, value);
    }
    let mut root = Value::Object(out);
    let frequency = paths::text(&root, "schedule.frequency").to_owned();
    paths::set(
        &mut root,
        "schedule.frequency",
        json!(schema::respell(&frequency, switches.graph_frequency_spelling)),
    );
    if switches.graph_query_newlines == Newlines::Crlf {
        let text = paths::text(&root, "queryCondition.queryText").replace("\r\n", "\n").replace('\n', "\r\n");
        paths::set(&mut root, "queryCondition.queryText", json!(text));
    }
    normalise_techniques(&mut root, switches);
    if retired::is_retired(record, switches) {
        retired::dress(&mut root);
    }
    serde_json::to_string(&root).unwrap_or_default()
}

/// `T1059.001` alone is read back as its parent with a sub-technique (CONTRACT A.4).
fn normalise_techniques(root: &mut Value, switches: &Switches) {
    let tactics = root.pointer_mut("/detectionAction/alertTemplate/tactics").and_then(Value::as_array_mut);
    for techniques in tactics.into_iter().flatten().filter_map(|t| t.get_mut("techniques")?.as_array_mut()) {
        let mut out: Vec<Value> = Vec::new();
        for technique in techniques.iter() {
            let name = paths::text(technique, "technique");
            if switches.graph_drop_unknown_techniques && !looks_known(name) {
                continue;
            }
            let Some((parent, _)) = name.split_once('.').filter(|_| switches.graph_normalise_techniques)
            else {
                out.push(technique.clone());
                continue;
            };
            let same = out.iter_mut().find(|known| paths::text(known, "technique") == parent);
            match same.and_then(Value::as_object_mut) {
                Some(known) => {
                    if let Some(list) =
                        known.entry("subTechniques").or_insert_with(|| json!([])).as_array_mut()
                    {
                        list.push(json!(name));
                    }
                }
                None => out.push(json!({"technique": parent, "subTechniques": [name]})),
            }
        }
        *techniques = out;
    }
}

/// ATT&CK numbers techniques from T1001; anything else is unknown to every version of it.
fn looks_known(name: &str) -> bool {
    let number = name.strip_prefix('T').and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    number.is_some_and(|number| (1001..=1999).contains(&number))
}

/// The query options of a list.
struct Options {
    after: Option<u64>,
    top: usize,
    skip: usize,
    count: bool,
    select: Vec<String>,
    filter: Option<filter::Filter>,
    order: Option<(String, bool)>,
}

impl Options {
    fn read(call: &Call, switches: &Switches) -> Result<Self, String> {
        let number = |name: &str| match call.query(name) {
            Some(text) => text
                .parse::<usize>()
                .map(Some)
                .map_err(|_| format!("Invalid value '{text}' for {name} query option.")),
            None => Ok(None),
        };
        let after = match call.query("$skiptoken") {
            Some(token) => Some(read_token(token).ok_or("The $skiptoken is not valid.")?),
            None => None,
        };
        let page = usize::try_from(switches.graph_page_size.max(1)).unwrap_or(usize::MAX);
        let list = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let order = call.query("$orderby").map(|text| match text.trim().split_once(' ') {
            Some((path, direction)) => (path.replace('/', "."), direction.trim() == "desc"),
            None => (text.trim().replace('/', "."), false),
        });
        Ok(Self {
            after,
            top: number("$top")?.unwrap_or(page).clamp(1, page),
            skip: number("$skip")?.unwrap_or(0),
            count: call.query("$count") == Some("true"),
            select: call.query("$select").map(list).unwrap_or_default(),
            filter: call.query("$filter").map(filter::Filter::parse).transpose()?,
            order,
        })
    }

    /// Can the cached text of whole rules be used?
    fn plain(&self) -> bool {
        self.select.is_empty() && self.filter.is_none() && self.order.is_none() && self.skip == 0
    }
}

type Page = (Vec<Arc<str>>, Option<u64>, bool, usize);

fn plain_page(world: &mut World, key: &str, newest: bool, options: &Options) -> Page {
    let stamp = world.stamp() * 2 + u64::from(newest);
    let switches = world.switches.clone();
    let Some(shelf) = world.shelf_mut(key) else { return (Vec::new(), None, false, 0) };
    let mut wanted: Vec<u64> = shelf.after(options.after).map(|(seq, _)| seq).take(options.top + 1).collect();
    let more = wanted.len() > options.top;
    wanted.truncate(options.top);
    let items = wanted
        .iter()
        .filter_map(|seq| shelf.rendered(*seq, stamp, |record| render(record, newest, &switches)))
        .collect();
    (items, wanted.last().copied(), more, shelf.len())
}

fn computed_page(
    records: &BTreeMap<u64, Arc<Record>>,
    newest: bool,
    options: &Options,
    switches: &Switches,
) -> Result<Page, String> {
    let mut rules: Vec<(u64, Value)> = Vec::new();
    for (seq, record) in records {
        let rule: Value = serde_json::from_str(&render(record, newest, switches)).unwrap_or_default();
        if options.filter.as_ref().is_none_or(|filter| filter.matches(&rule)) {
            rules.push((*seq, rule));
        }
    }
    if let Some((path, descending)) = &options.order {
        rules.sort_by(|(_, a), (_, b)| paths::text(a, path).cmp(paths::text(b, path)));
        if *descending {
            rules.reverse();
        }
    }
    let count = rules.len();
    // With `$orderby` the sequence number no longer orders the list, so the token counts entries instead.
    let start = match options.after {
        Some(after) if options.order.is_some() => usize::try_from(after).unwrap_or(usize::MAX),
        Some(after) => rules.iter().position(|(seq, _)| *seq > after).unwrap_or(rules.len()),
        None => options.skip,
    };
    let page: Vec<&(u64, Value)> = rules.iter().skip(start).take(options.top).collect();
    let more = start + page.len() < rules.len();
    let last = match &options.order {
        Some(_) => u64::try_from(start + page.len()).ok(),
        None => page.last().map(|(seq, _)| *seq),
    };
    let items = page.iter().map(|(_, rule)| Arc::from(select(rule, &options.select).to_string())).collect();
    Ok((items, last, more, count))
}

fn select(rule: &Value, names: &[String]) -> Value {
    match rule {
        Value::Object(map) if !names.is_empty() => {
            let kept =
                map.iter().filter(|(name, _)| names.iter().any(|n| n == *name) || *name == "@odata.type");
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        _ => rule.clone(),
    }
}

/// Deleted rules that this read still shows. Each read they are shown in uses one up.
fn lingering(world: &mut World, key: &str, id: Option<&str>) -> Vec<Record> {
    let now = world.now_ms();
    let window =
        i64::try_from(world.switches.graph_delete_linger_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    let Some(shelf) = world.shelf_mut(key) else { return Vec::new() };
    let mut shown = Vec::new();
    for gone in
        shelf.all_gone_mut().filter(|gone| id.is_none_or(|id| gone.record.id.eq_ignore_ascii_case(id)))
    {
        if gone.reads_left > 0 || now.saturating_sub(gone.deleted_ms) < window {
            gone.reads_left = gone.reads_left.saturating_sub(1);
            shown.push(gone.record.clone());
        }
    }
    shown
}

/// The state that a lagging read shows, if this one lags.
fn past(world: &mut World, key: &str, twist: &Twist) -> Option<BTreeMap<u64, Arc<Record>>> {
    let lag = world.switches.graph_read_lag;
    let shelf = world.shelf_mut(key)?;
    shelf.reads_since_write += 1;
    match twist.lag {
        Some((writes, since)) => Some(shelf.as_before(writes, since)),
        None if shelf.reads_since_write <= lag => Some(shelf.as_before(Some(1), None)),
        None => None,
    }
}

fn read_token(token: &str) -> Option<u64> {
    String::from_utf8(jwt::decode(token)?).ok()?.strip_prefix("after:")?.parse().ok()
}

fn link(call: &Call, last: u64) -> String {
    debug_assert_eq!(call.method, Method::GET);
    let token = jwt::encode(format!("after:{last}").as_bytes());
    let others = query_text(call, true);
    let joint = if others.is_empty() { "" } else { "&" };
    format!("{}?{others}{joint}$skiptoken={token}", call.path)
}

/// The query of a request, perhaps without the options that a next link replaces.
fn query_text(call: &Call, for_next: bool) -> String {
    let replaced =
        |name: &str| for_next && ["$skiptoken", "$skip"].iter().any(|n| name.eq_ignore_ascii_case(n));
    let kept = call.query.iter().filter(|(name, _)| !replaced(name));
    kept.map(|(name, value)| format!("{name}={}", percent_encode(value))).collect::<Vec<_>>().join("&")
}

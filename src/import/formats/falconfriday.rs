//! FalconFriday's markdown: metadata in bold words and tables, sections of text, and the query in a fence.

use serde_json::{Map, Value};

use super::falconforge::add;
use super::{Foreign, Format, Reading, section, words};
use crate::import::Fate;
use crate::import::draft::Draft;
use crate::model::rule::Severity;

/// How often a rule runs whose format does not say so.
const DAILY: &str = "PT24H";

/// A part of the document under one heading.
#[derive(Debug, Default)]
struct Part {
    /// Its heading, without signs.
    title: String,
    /// How deep it is.
    level: usize,
    /// Its text, without fences.
    text: String,
    /// What stands in its fences.
    fences: Vec<String>,
}

/// Whether a text is markdown with a fence and a heading.
pub(super) fn is_markdown(text: &str) -> bool {
    let has = |start: &str| text.lines().any(|line| line.starts_with(start));
    has("```") && has("# ")
}

/// The rules of a document: one for each query.
pub(super) fn read(text: &str, reading: &mut Reading) {
    let parts = parts(text);
    let title = parts.iter().find(|part| part.level == 1).map(|part| part.title.clone());
    let queries: Vec<(String, String)> = parts
        .iter()
        .flat_map(|part| part.fences.iter().map(|fence| (part.title.clone(), fence.clone())))
        .filter(|(_, query)| !query.trim().is_empty())
        .collect();
    let (Some(title), true) = (title, parts.iter().any(|part| part.text.contains("**Query:**"))) else {
        return reading.no_rule(None, "it is markdown without a title and a `**Query:**`");
    };
    if queries.is_empty() {
        return reading.broken(None, "it has no query in a fence (```)");
    }
    let several = queries.len() > 1;
    for (number, (part, query)) in (1..).zip(queries) {
        let mut draft = Draft { name: title.clone(), ..Draft::default() };
        if several {
            draft.name = format!("{title} ({number})");
            draft.remark(Fate::Changed, "queries", "the document has several; each became a rule");
        }
        draft.query = Some(words::tidy(&query));
        let id = describe(&parts, &mut draft);
        deploy(&mut draft, &parts, &part);
        let id_from = id.map(|id| if several { format!("{id}-{number}") } else { id });
        let part = several.then(|| format!("query {number}"));
        reading.rules.push(Foreign { part, id_from, ..Foreign::new(Format::FalconFriday, draft) });
    }
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = vec![Part::default()];
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let Some(part) = parts.last_mut() else { break };
        if line.trim_start().starts_with("```") {
            match fence.take() {
                Some(content) => part.fences.push(content),
                None => fence = Some(String::new()),
            }
            continue;
        }
        if let Some(fence) = &mut fence {
            fence.push_str(line);
            fence.push('\n');
            continue;
        }
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        match line.get(level..).and_then(|rest| rest.strip_prefix(' ')).filter(|_| (1..=6).contains(&level)) {
            Some(title) => parts.push(Part { title: title.trim().to_owned(), level, ..Part::default() }),
            None => {
                part.text.push_str(line);
                part.text.push('\n');
            }
        }
    }
    // A fence that nobody closed ends with the file.
    if let (Some(content), Some(part)) = (fence, parts.last_mut()) {
        part.fences.push(content);
    }
    parts
}

/// `**Key:** value` lines of a text.
fn bold(text: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (key, value) = line.trim().strip_prefix("**")?.split_once(":**")?;
        Some((key.trim().to_owned(), value.trim().trim_matches('*').trim().to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

/// The rows of a text's table, by column.
fn table(text: &str) -> Vec<Map<String, Value>> {
    let cells = |line: &str| -> Option<Vec<String>> {
        let inner = line.trim().strip_prefix('|')?;
        Some(inner.trim_end().trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
    };
    let mut rows = text.lines().filter_map(cells);
    let Some(head) = rows.next() else { return Vec::new() };
    let is_line = |row: &[String]| row.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':' | ' ')));
    rows.filter(|row| !is_line(row))
        .map(|row| head.iter().cloned().zip(row.into_iter().map(Value::from)).collect())
        .collect()
}

/// Everything about the rule but its query; gives its id.
fn describe(parts: &[Part], draft: &mut Draft) -> Option<String> {
    let mut id = None;
    let mut sections = Map::new();
    let mut metadata = Map::new();
    let mut about_attack = None;
    for part in parts {
        let title = part.title.to_lowercase();
        let text = part.text.trim().trim_end_matches("---").trim();
        for (key, value) in bold(text) {
            match key.as_str() {
                "ID" => id = Some(value),
                "Query" => {}
                "FP Rate" | "Language" | "Platform" | "Source" | "Description" if value.is_empty() => {}
                "Tactic" => tactics(&value, parts, draft, &mut metadata),
                "Technique" => {}
                _ if !value.is_empty() => {
                    metadata.insert(key, value.into());
                }
                _ => {}
            }
        }
        let rest: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("**")).collect();
        let rest = rest.join("\n");
        let rest = rest.trim();
        if rest.is_empty() {
            continue;
        }
        match title.as_str() {
            "detection description" => draft.description = Some(rest.to_owned()),
            "description of the attack" | "technical description of the attack" => {
                about_attack = Some((part.title.clone(), rest.to_owned()));
            }
            "false positives" => draft.false_positives = vec![rest.to_owned()],
            "detection blind spots" => draft.blind_spots = vec![rest.to_owned()],
            "suggested response actions" => draft.response = Some(rest.to_owned()),
            "references" => references(rest, draft, &mut sections),
            "att&ck tags" => attack(rest, draft, &mut sections),
            "version history" => history(rest, draft, &mut sections),
            _ => {
                let tables = table(rest);
                let named = tables.iter().filter_map(|row| row.get("Table Name")?.as_str());
                let named: Vec<String> = named.filter(|name| !name.is_empty()).map(str::to_owned).collect();
                for name in named {
                    if !draft.data_sources.contains(&name) {
                        draft.data_sources.push(name);
                    }
                }
                sections.insert(part.title.clone(), rest.into());
            }
        }
    }
    match (about_attack, &draft.description) {
        (Some((_, text)), None) => draft.description = Some(text),
        (Some((title, text)), Some(_)) => {
            sections.insert(title, text.into());
        }
        (None, _) => {}
    }
    if let Some(id) = &id {
        draft.keep("original-id", id.as_str().into(), "a rule's id is in lower case here");
    }
    draft.keep("metadata", metadata.into(), "a rule file has no key for it");
    draft.keep("sections", sections.into(), "a rule file has no key for it");
    id
}

/// The older form: `**Tactic:** Execution` with `**Technique:** … (T1059)`.
fn tactics(value: &str, parts: &[Part], draft: &mut Draft, metadata: &mut Map<String, Value>) {
    let technique = parts.iter().flat_map(|part| bold(&part.text)).find(|(key, _)| key == "Technique");
    let ids: Vec<String> = technique
        .iter()
        .flat_map(|(_, text)| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.'))
        .filter_map(words::technique)
        .collect();
    let mut known = false;
    for tactic in value.split([',', '/']).filter_map(words::tactic) {
        known = true;
        add(draft, tactic, None);
        for id in &ids {
            add(draft, tactic, Some(id.clone()));
        }
    }
    if !known {
        metadata.insert("Tactic".to_owned(), value.into());
    }
    // The name beside the id is ATT&CK's own; it is kept because it is written there.
    if let Some((key, text)) = technique {
        metadata.insert(key, text.into());
    }
}

fn attack(text: &str, draft: &mut Draft, sections: &mut Map<String, Value>) {
    let rows = table(text);
    for row in &rows {
        let said = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let tactic = said("Tactic").split(" - ").find_map(words::tactic);
        let technique = match said("Subtechnique") {
            "" => said("Technique").to_owned(),
            sub => format!("{}.{sub}", said("Technique")),
        };
        if let Some(tactic) = tactic {
            add(draft, tactic, words::technique(&technique));
        }
    }
    sections.insert("ATT&CK Tags".to_owned(), text.into());
}

fn references(text: &str, draft: &mut Draft, sections: &mut Map<String, Value>) {
    let mut others = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix(['*', '-']).map(str::trim).filter(|line| !line.is_empty()) {
            Some(reference) => draft.references.push(reference.to_owned()),
            None => others.push(line),
        }
    }
    if !others.is_empty() {
        sections.insert("References".to_owned(), others.join("\n").into());
    }
}

fn history(text: &str, draft: &mut Draft, sections: &mut Map<String, Value>) {
    let mut impacts = Vec::new();
    let rows = table(text);
    for row in &rows {
        let said = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, date, message) = (said("Version"), said("Date"), said("Notes"));
        if version.is_empty() || message.is_empty() || date.parse::<jiff::civil::Date>().is_err() {
            impacts.push(Value::Object(row.clone()));
            continue;
        }
        impacts.push(format!("{version}: {}", said("Impact")).into());
        draft.changelog.push((version, date, message));
    }
    if rows.is_empty() {
        sections.insert("Version History".to_owned(), text.into());
    } else {
        sections.insert("Impact of versions".to_owned(), impacts.into());
    }
}

/// Markdown does not say how often a query runs, and which severity its alerts have.
fn deploy(draft: &mut Draft, parts: &[Part], title: &str) {
    let said: Vec<(String, String)> = parts.iter().flat_map(|part| bold(&part.text)).collect();
    let value = |name: &str| said.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_lowercase());
    let platform = value("Platform").or_else(|| value("Source")).unwrap_or_default();
    let query = draft.query.clone().unwrap_or_default();
    let is_sentinel = platform.contains("sentinel") || title.to_lowercase().contains("sentinel");
    draft.severity = Some(Severity::Medium);
    let is_defender = !is_sentinel
        && (["m365", "datp", "mde", "mtp", "defender"].iter().any(|word| platform.contains(word))
            || section::is_defender(&query));
    if is_defender {
        section::defender(draft, DAILY);
    } else {
        section::sentinel(draft, "P1D");
    }
    draft.remark(
        Fate::Changed,
        "schedule and severity",
        "the format has neither: once a day and medium were chosen, look at both",
    );
}

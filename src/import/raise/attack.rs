//! Tactics and techniques. Both services hold them apart from how a rule file does: Sentinel as three flat lists, Defender
//! as a tree.

use serde_json::Value;

use super::rest::Rest;
use crate::model::attack::{TACTICS, split_technique};

/// Tactic and techniques, as in [`crate::import::Draft::attack`].
pub(super) type Attack = Vec<(String, Vec<String>)>;

/// `tactics`, `techniques` and `subTechniques` of an analytics rule.
///
/// The lists do not say which technique belongs to which tactic; all of them go under the first, the main one. A
/// sub-technique implies its parent.
pub(super) fn flat(rest: &mut Rest) -> Attack {
    let tactics = rest.take("tactics", |value| {
        let found: Option<Vec<String>> = value.as_array()?.iter().map(tactic).collect();
        found.map(without_repetitions)
    });
    let Some(tactics) = tactics.filter(|tactics| !tactics.is_empty()) else { return Vec::new() };
    let subs = rest.take("subTechniques", |value| ids(value, true)).unwrap_or_default();
    let parents = rest.take("techniques", |value| ids(value, false)).unwrap_or_default();
    let mut techniques = Vec::new();
    for parent in &parents {
        let below = |sub: &&String| split_technique(sub).is_some_and(|(above, _)| above == parent);
        let own: Vec<String> = subs.iter().filter(below).cloned().collect();
        if own.is_empty() {
            techniques.push(parent.clone());
        }
        techniques.extend(own);
    }
    let orphans: Vec<String> = subs.into_iter().filter(|sub| !techniques.contains(sub)).collect();
    techniques.extend(orphans);
    let mut attack: Attack = tactics.into_iter().map(|tactic| (tactic, Vec::new())).collect();
    if let Some((_, of_main)) = attack.first_mut() {
        *of_main = without_repetitions(techniques);
    }
    attack
}

/// `tactics` of a custom detection.
pub(super) fn tree(value: &Value) -> Option<Attack> {
    value.as_array()?.iter().map(branch).collect()
}

fn branch(value: &Value) -> Option<(String, Vec<String>)> {
    let members = value.as_object()?;
    if members.keys().any(|key| !matches!(key.as_str(), "tactic" | "techniques")) {
        return None;
    }
    let mut techniques = Vec::new();
    for entry in members.get("techniques").and_then(Value::as_array).into_iter().flatten() {
        let entry = entry.as_object()?;
        if entry.keys().any(|key| !matches!(key.as_str(), "technique" | "subTechniques")) {
            return None;
        }
        let id = entry.get("technique")?.as_str()?;
        split_technique(id)?;
        let subs: Vec<String> = match entry.get("subTechniques") {
            Some(subs) if !subs.is_null() => ids(subs, true)?,
            _ => Vec::new(),
        };
        if subs.iter().any(|sub| split_technique(sub).is_none_or(|(parent, _)| parent != id)) {
            return None;
        }
        if subs.is_empty() {
            techniques.push(id.to_owned());
        }
        techniques.extend(subs);
    }
    Some((tactic(members.get("tactic")?)?, without_repetitions(techniques)))
}

fn tactic(value: &Value) -> Option<String> {
    let found = value.as_str()?;
    TACTICS.iter().any(|(name, _)| *name == found).then(|| found.to_owned())
}

/// Technique ids, or sub-technique ids when `sub`; nothing when any is of another form.
fn ids(value: &Value, sub: bool) -> Option<Vec<String>> {
    let fits = |id: &str| split_technique(id).is_some_and(|(_, found)| found.is_some() == sub || !sub);
    value.as_array()?.iter().map(|id| id.as_str().filter(|id| fits(id)).map(str::to_owned)).collect()
}

fn without_repetitions(items: Vec<String>) -> Vec<String> {
    let mut seen = Vec::with_capacity(items.len());
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

//! Which changes let more pass than before (product.md §1.6), by comparing meaning.

use serde_json::Value;

use crate::diff::{LineTag, hunks};
use crate::duration::IsoDuration;
use crate::resource::{Body, LineOrigin};

use super::change::CoverageReduction;

/// A number that falls or rises in a direction that reduces coverage.
struct Measure {
    /// JSON pointers to look at; the first that both bodies have decides.
    pointers: &'static [&'static str],
    kind: &'static str,
    /// What a value is worth; `None`: it cannot be compared.
    worth: fn(&Value) -> Option<i64>,
    /// Coverage is reduced when the worth falls (otherwise when it rises).
    falling: bool,
    what: &'static str,
}

const MEASURES: [Measure; 7] = [
    Measure {
        pointers: &["/enabled", "/status"],
        kind: "disabled",
        worth: switched_on,
        falling: true,
        what: "switch",
    },
    Measure {
        pointers: &["/severity", "/detectionAction/alertTemplate/severity"],
        kind: "severity_lowered",
        worth: severity,
        falling: true,
        what: "severity",
    },
    Measure {
        pointers: &["/queryFrequency", "/schedule/frequency"],
        kind: "runs_less_often",
        worth: seconds,
        falling: false,
        what: "frequency",
    },
    Measure {
        pointers: &["/queryPeriod", "/schedule/lookback"],
        kind: "looks_back_less",
        worth: seconds,
        falling: true,
        what: "look-back",
    },
    Measure {
        pointers: &["/suppressionEnabled"],
        kind: "suppression_on",
        worth: switched_on,
        falling: false,
        what: "suppression",
    },
    Measure {
        pointers: &["/incidentConfiguration/createIncident"],
        kind: "no_incident",
        worth: switched_on,
        falling: true,
        what: "incident creation",
    },
    Measure {
        pointers: &["/suppressionDuration"],
        kind: "suppression_on",
        worth: seconds,
        falling: false,
        what: "suppression time",
    },
];

/// Every way in which `after` detects less than `before`. `lines` are the origins of the lines of `after`'s query.
pub(super) fn of_update(before: &Body, after: &Body, lines: &[LineOrigin]) -> Vec<CoverageReduction> {
    let (old, new) = (Value::Object(before.clone()), Value::Object(after.clone()));
    let mut found = Vec::new();
    for measure in &MEASURES {
        if !applies(measure, &new) {
            continue;
        }
        let values = measure.pointers.iter().find_map(|at| Some((old.pointer(at)?, new.pointer(at)?)));
        let Some((was, is)) = values else { continue };
        let (Some(from), Some(to)) = ((measure.worth)(was), (measure.worth)(is)) else { continue };
        if (measure.falling && to < from) || (!measure.falling && to > from) {
            found.push(reduction(measure.kind, format!("{}: {} → {}", measure.what, plain(was), plain(is))));
        }
    }
    trigger_narrowed(&old, &new, &mut found);
    lists_lost(&old, &new, &mut found);
    allowlist_widened(&old, &new, lines, &mut found);
    found
}

/// Items of a watchlist that were not there, or are something else now: each may silence what was reported.
pub(super) fn of_items(before: &Body, after: &Body) -> Vec<CoverageReduction> {
    const MOST_NAMED: usize = 5;
    let empty = Body::new();
    let items = |body: &'_ Body| body.get("items").and_then(Value::as_object).cloned();
    let (was, is) = (items(before).unwrap_or(empty.clone()), items(after).unwrap_or(empty));
    let new: Vec<&String> =
        is.iter().filter(|(key, row)| was.get(*key) != Some(*row)).map(|(key, _)| key).collect();
    if new.is_empty() {
        return Vec::new();
    }
    let named: Vec<&str> = new.iter().take(MOST_NAMED).map(|key| key.as_str()).collect();
    let more = match new.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let what = if new.len() == 1 { "item" } else { "items" };
    vec![reduction(
        "allowlist_widened",
        format!("{} {what} added or changed: {}{more}", new.len(), named.join(", ")),
    )]
}

/// Settings that do nothing in the new rule reduce nothing.
fn applies(measure: &Measure, new: &Value) -> bool {
    match measure.what {
        "suppression time" => new.pointer("/suppressionEnabled") == Some(&Value::Bool(true)),
        _ => true,
    }
}

/// Whether some number of results raised an alert and does not any more. Raising the threshold of `GreaterThan` does that,
/// lowering the one of `LessThan`, and most changes of the operator.
fn trigger_narrowed(old: &Value, new: &Value, found: &mut Vec<CoverageReduction>) {
    let trigger = |body: &Value| -> Option<(String, i64)> {
        let operator = body.pointer("/triggerOperator")?.as_str()?.to_owned();
        Some((operator, body.pointer("/triggerThreshold")?.as_i64()?))
    };
    let (Some(was), Some(is)) = (trigger(old), trigger(new)) else { return };
    let fires = |(operator, threshold): &(String, i64), results: i64| match operator.as_str() {
        "GreaterThan" => results > *threshold,
        "LessThan" => results < *threshold,
        "Equal" => results == *threshold,
        "NotEqual" => results != *threshold,
        _ => true,
    };
    // Whether a rule fires changes only next to a threshold, so these numbers stand for all.
    let around = |threshold: i64| [threshold.saturating_sub(1), threshold, threshold.saturating_add(1)];
    let numbers = around(was.1).into_iter().chain(around(is.1)).chain([0, i64::MAX]);
    let lost = numbers
        .filter(|results| *results >= 0)
        .find(|results| fires(&was, *results) && !fires(&is, *results));
    if lost.is_some() {
        let detail = if was.0 == is.0 {
            format!("threshold: {} → {}", was.1, is.1)
        } else {
            format!("alerts when results are {} {} → {} {}", was.0, was.1, is.0, is.1)
        };
        found.push(reduction("threshold_raised", detail));
    }
}

fn lists_lost(old: &Value, new: &Value, found: &mut Vec<CoverageReduction>) {
    let tactics = |body: &Value| -> Vec<String> {
        let sentinel = body.pointer("/tactics").and_then(Value::as_array).into_iter().flatten();
        let defender = body
            .pointer("/detectionAction/alertTemplate/tactics")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|tactic| tactic.get("tactic"));
        sentinel.chain(defender).filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kept = tactics(new);
    for tactic in tactics(old).into_iter().filter(|tactic| !kept.contains(tactic)) {
        found.push(reduction("tactic_lost", format!("tactic {tactic}")));
    }
    let actions = |body: &Value| -> Vec<(String, usize)> {
        body.pointer("/detectionAction/automatedActions")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, items)| (name.clone(), items.as_array().map_or(0, Vec::len)))
            .collect()
    };
    let kept = actions(new);
    for (name, count) in actions(old) {
        if kept.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count) < count {
            found.push(reduction("response_action_removed", format!("response action {name}")));
        }
    }
    let groups = |body: &Value| -> Option<Vec<String>> {
        let groups = body.pointer("/detectionAction/organizationalScope/deviceGroups")?.as_array()?;
        Some(groups.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    // No group at all means every device.
    if let Some(now) = groups(new) {
        match groups(old) {
            None => found.push(reduction("scope_narrowed", format!("only device groups {}", now.join(", ")))),
            Some(was) => {
                for lost in was.iter().filter(|group| !now.contains(group)) {
                    found.push(reduction("scope_narrowed", format!("device group {lost} left out")));
                }
            }
        }
    }
}

/// Every line of an allowlist slot that the live query does not have. An entry that was prolonged or widened is such a
/// line too, because its text changed.
fn allowlist_widened(old: &Value, new: &Value, lines: &[LineOrigin], found: &mut Vec<CoverageReduction>) {
    let query = |body: &Value| -> String {
        body.pointer("/query")
            .or_else(|| body.pointer("/queryCondition/queryText"))
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let (before, after) = (query(old), query(new));
    let known: std::collections::BTreeMap<String, String> = before.lines().map(condition).collect();
    for line in hunks(&before, &after, 0).into_iter().flat_map(|hunk| hunk.lines) {
        if line.tag != LineTag::Added {
            continue;
        }
        let text: String = line.pieces.iter().map(|(_, piece)| piece.as_str()).collect();
        let origin = line.new.and_then(|number| lines.get(number - 1));
        let (silenced, until) = condition(&text);
        // The same noise until the same day or an earlier one is nothing new.
        let narrower = known.get(&silenced).is_some_and(|before| until <= *before);
        if let Some(LineOrigin::Allowlist { entries }) = origin
            && !narrower
        {
            found.extend(
                entries.iter().map(|entry| reduction("allowlist_widened", format!("allowlist {entry}"))),
            );
        }
    }
}

/// What a slot line silences, without what its place in the slot adds, and until when. Days compare as text; a line
/// without a day holds longest.
fn condition(line: &str) -> (String, String) {
    const UNTIL: &str = " and now() < datetime(";
    let line = line.trim();
    let line = line.strip_prefix("| where not(").or_else(|| line.strip_prefix("or ")).unwrap_or(line);
    match line.rfind(UNTIL).map(|at| (&line[..at], &line[at + UNTIL.len()..])) {
        Some((silenced, rest)) => {
            let until: String = rest.chars().take_while(|c| *c != ')').collect();
            (silenced.to_owned(), until)
        }
        None => (line.to_owned(), "9999".to_owned()),
    }
}

fn switched_on(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(on) => Some(i64::from(*on)),
        Value::String(status) => Some(i64::from(status == "enabled")),
        _ => None,
    }
}

fn severity(value: &Value) -> Option<i64> {
    let word = value.as_str()?.to_ascii_lowercase();
    ["informational", "low", "medium", "high"].iter().position(|known| *known == word)?.try_into().ok()
}

/// Continuous (zero) is the most often that a rule can run.
fn seconds(value: &Value) -> Option<i64> {
    IsoDuration::parse(value.as_str()?).ok()?.seconds().try_into().ok()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn reduction(kind: &str, detail: String) -> CoverageReduction {
    CoverageReduction { kind: kind.into(), detail }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds(before: &Value, after: &Value) -> Vec<String> {
        of_update(before.as_object().unwrap(), after.as_object().unwrap(), &[])
            .into_iter()
            .map(|reduction| reduction.kind)
            .collect()
    }

    #[test]
    fn one_direction_only() {
        for (kind, less, more) in [
            ("disabled", json!({"enabled": false}), json!({"enabled": true})),
            ("disabled", json!({"status": "disabled"}), json!({"status": "enabled"})),
            ("severity_lowered", json!({"severity": "Low"}), json!({"severity": "High"})),
            ("runs_less_often", json!({"queryFrequency": "P1D"}), json!({"queryFrequency": "PT1H"})),
            (
                "runs_less_often",
                json!({"schedule": {"frequency": "PT1H"}}),
                json!({"schedule": {"frequency": "PT0S"}}),
            ),
            ("looks_back_less", json!({"queryPeriod": "PT1H"}), json!({"queryPeriod": "PT2H"})),
            (
                "threshold_raised",
                json!({"triggerThreshold": 5, "triggerOperator": "GreaterThan"}),
                json!({"triggerThreshold": 0, "triggerOperator": "GreaterThan"}),
            ),
            (
                "threshold_raised",
                json!({"triggerThreshold": 2, "triggerOperator": "LessThan"}),
                json!({"triggerThreshold": 5, "triggerOperator": "LessThan"}),
            ),
            (
                "threshold_raised",
                json!({"triggerThreshold": 3, "triggerOperator": "Equal"}),
                json!({"triggerThreshold": 2, "triggerOperator": "GreaterThan"}),
            ),
            (
                "threshold_raised",
                json!({"triggerThreshold": 1, "triggerOperator": "GreaterThan"}),
                json!({"triggerThreshold": 0, "triggerOperator": "NotEqual"}),
            ),
            ("tactic_lost", json!({"tactics": ["A"]}), json!({"tactics": ["A", "B"]})),
            (
                "response_action_removed",
                json!({"detectionAction": {"automatedActions": {}}}),
                json!({"detectionAction": {"automatedActions": {"isolateDevices": [{}]}}}),
            ),
        ] {
            assert_eq!(kinds(&more, &less), [kind]);
            assert_eq!(kinds(&less, &more), Vec::<String>::new(), "{kind} the other way round");
        }
    }

    #[test]
    fn a_new_entry_widens_and_a_moved_one_does_not() {
        let before = json!({"query": "T\n| where not((a)\n  )"});
        let after = json!({"query": "T\n| where not((b)\n    or (a)\n  )"});
        let entry = |name: &str| LineOrigin::Allowlist { entries: vec![name.to_owned()] };
        let rule = LineOrigin::Rule { path: "r".into(), line: 1 };
        let lines = [rule, entry("f#b"), entry("f#a"), LineOrigin::Allowlist { entries: vec![] }];
        let found = of_update(before.as_object().unwrap(), after.as_object().unwrap(), &lines);
        assert_eq!(found.into_iter().map(|r| r.detail).collect::<Vec<_>>(), ["allowlist f#b"]);
    }

    #[test]
    fn a_later_day_widens_and_an_earlier_one_does_not() {
        let until =
            |day: &str| json!({"query": format!("T\n| where not((a and now() < datetime({day}))\n  )")});
        let lines = vec![LineOrigin::Allowlist { entries: vec!["f#a".into()] }; 3];
        let count = |from: &str, to: &str| {
            of_update(until(from).as_object().unwrap(), until(to).as_object().unwrap(), &lines).len()
        };
        assert_eq!((count("2027-05-01", "2027-06-01"), count("2027-05-01", "2027-01-01")), (1, 0));
    }
}

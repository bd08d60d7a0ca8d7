//! A plan without the values of sensitive allowlists (product.md §2): what outputs show; only a saved plan keeps them.
//!
//! A line of a sensitive list carries a mark in the deployed query itself (`resource::mark_sensitive`), so this works on
//! the text alone, for lines that come and for lines that go.

use std::borrow::Cow;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::resource::{SENSITIVE_OPEN, hex, sensitive_condition};

use super::change::{Change, Plan};

/// The plan as it may be shown. Differences stay visible: each hidden line shows a digest of its own.
#[must_use]
pub fn redacted(plan: &Plan) -> Cow<'_, Plan> {
    if !plan.changes.iter().any(is_concerned) {
        return Cow::Borrowed(plan);
    }
    let mut plan = plan.clone();
    for change in &mut plan.changes {
        for field in &mut change.fields {
            hide(&mut field.before);
            hide(&mut field.after);
        }
        if let Some(write) = &mut change.write {
            write.body.values_mut().for_each(hide);
        }
    }
    Cow::Owned(plan)
}

fn is_concerned(change: &Change) -> bool {
    change.fields.iter().any(|field| holds_secret(&field.before) || holds_secret(&field.after))
        || change.write.as_ref().is_some_and(|write| write.body.values().any(holds_secret))
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().any(holds_secret),
        Value::Array(items) => items.iter().any(holds_secret),
        Value::String(text) => {
            text.contains(SENSITIVE_OPEN) && text.lines().any(|line| sensitive_condition(line).is_some())
        }
        _ => false,
    }
}

pub(super) fn hide(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(hide),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) => {
            *text = text.lines().map(redacted_line).collect::<Vec<_>>().join("\n");
        }
        _ => {}
    }
}

/// A line of a query as it may be shown: `    or (sensitive, sha256:1f2e3d4c5b6a)` instead of the condition.
#[must_use]
pub fn redacted_line(line: &str) -> Cow<'_, str> {
    match sensitive_condition(line) {
        None => Cow::Borrowed(line),
        Some(at) => {
            let digest = hex(&Sha256::digest(&line.as_bytes()[at..]));
            Cow::Owned(format!("{}(sensitive, sha256:{})", &line[..at], &digest[..12]))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::mark_sensitive;

    #[test]
    fn hides_marked_conditions_only() {
        let secret = mark_sensitive("(A =~ \"secret\")");
        let mut value = json!({"query": format!("T\n  | where not({secret}\n    or (B =~ \"shown\")\n    or {secret}\n  )")});
        hide(&mut value);
        let text = value["query"].as_str().unwrap();
        assert!(!text.contains("secret\""), "{text}");
        assert!(text.contains("or (B =~ \"shown\")"), "{text}");
        assert_eq!(text.lines().count(), 5);
        assert_eq!(text.matches("(sensitive, sha256:").count(), 2);
    }

    #[test]
    fn ordinary_conditions_never_look_marked() {
        for line in [
            "| where not(((A startswith \"x\" or A startswith \"y\"))",
            "    or ((a) and b)",
            "| where (((x)))",
        ] {
            assert_eq!(sensitive_condition(line), None, "{line}");
        }
    }
}

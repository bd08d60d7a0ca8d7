//! What happens during an apply, as values: `apply --format ndjson` prints one to a line, as it happens.
//!
//! Readers ignore types and members that they do not know; the first event says which version of the format it is.

use serde_json::{Value, json};

use crate::apply::{ChangeResult, Event};
use crate::plan::{Change, Plan};
use crate::provider::ProviderError;

/// Version of the stream: the major part changes when a reader would misunderstand.
pub const FORMAT_VERSION: &str = "1.0";

/// The first line of every stream.
#[must_use]
pub fn version() -> Value {
    json!({"type": "version", "format_version": FORMAT_VERSION, "tool_version": env!("CARGO_PKG_VERSION")})
}

/// What is about to be done in one environment, and then each change of it.
#[must_use]
pub fn planned(plan: &Plan) -> Vec<Value> {
    let mut events = vec![json!({
        "type": "plan", "environment": plan.environment, "digest": plan.digest, "valid_until": plan.valid_until,
        "estimated_seconds": plan.estimated_seconds, "summary": plan.summary,
    })];
    events.extend(plan.changes.iter().map(|change| {
        json!({
            "type": "planned_change", "environment": plan.environment, "address": change.address, "actions": change.actions,
            "class": change.class, "coverage_reducing": change.coverage_reducing, "blocked": change.blocked,
        })
    }));
    events
}

/// One event of a run.
#[must_use]
pub fn event(environment: &str, event: &Event<'_>) -> Value {
    let of = |kind: &str, change: &Change| json!({"type": kind, "environment": environment, "address": change.address, "actions": change.actions});
    match event {
        Event::Started(change) => of("change_started", change),
        Event::Waiting(change, why, milliseconds) => {
            with(of("change_waiting", change), json!({"reason": why, "milliseconds": milliseconds}))
        }
        Event::ReadingBack(count) => {
            json!({"type": "reading_back", "environment": environment, "count": count})
        }
        Event::Finished(change, result) => {
            let fields: Option<Vec<&str>> = match result {
                ChangeResult::Deviates(fields) => {
                    Some(fields.iter().map(|field| field.path.as_str()).collect())
                }
                _ => None,
            };
            let error = match result {
                ChangeResult::Failed(error) | ChangeResult::Unknown(error) => Some(refusal(error)),
                _ => None,
            };
            with(
                of("change_finished", change),
                json!({"result": result.word(), "error": error, "deviating_fields": fields}),
            )
        }
    }
}

fn refusal(error: &ProviderError) -> Value {
    json!({
        "operation": error.operation, "subject": error.subject, "message": error.message, "status": error.status,
        "code": error.code, "request_id": error.request_id, "help": error.help,
    })
}

fn with(mut event: Value, more: Value) -> Value {
    if let (Value::Object(members), Value::Object(more)) = (&mut event, more) {
        members.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    event
}

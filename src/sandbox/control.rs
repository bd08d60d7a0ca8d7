//! The control API under `/_sandbox/`, and the operations behind it.
//!
//! `palisade sandbox edit-rule` and its siblings are the same operations, carried out on the state
//! directory, or by the process that holds it. Tests reach them through [`super::Running::control`].

use std::time::Duration;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::faults::Faults;
use super::http::{Call, Reply};
use super::plays::{self, Found, PORTAL_USER, Target};
use super::switches::SWITCHES;
use super::world::World;
use super::{SandboxError, paths};

/// Answers a request of the control API.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let body = if call.body.is_empty() { Ok(json!({})) } else { call.json() };
    let body = match body {
        Ok(body) => body,
        Err(e) => return Reply::cloud_error(400, "BadRequest", &format!("the body is not JSON: {e}")),
    };
    let (name, get) = (call.segment(1), call.method == Method::GET);
    let operation = match (name, &call.method) {
        ("switches", &Method::GET) => json!({"op": "switches"}),
        ("switches", &Method::PUT) => json!({"op": "set_switches", "values": body}),
        ("faults", &Method::GET) => json!({"op": "faults"}),
        ("faults", &Method::PUT) => json!({"op": "set_faults", "orders": body}),
        ("faults", &Method::POST) => json!({"op": "add_faults", "orders": body}),
        ("faults", &Method::DELETE) => json!({"op": "set_faults", "orders": []}),
        ("requests", &Method::GET) => {
            json!({"op": "requests", "since": call.query("since").and_then(|n| n.parse::<u64>().ok())})
        }
        ("requests", &Method::DELETE) => json!({"op": "forget_requests"}),
        ("rules", &Method::GET) => json!({"op": "list"}),
        ("do", &Method::POST) => body,
        (other, &Method::POST) if !get => {
            let mut operation = body;
            paths::set(&mut operation, "op", json!(other.replace('-', "_")));
            operation
        }
        _ => json!({"op": format!("{} {}", call.method, name)}),
    };
    match execute(world, &operation) {
        Ok(result) => Reply::json(200, &result),
        Err(e) => Reply::cloud_error(400, "BadRequest", &e.to_string()),
    }
}

/// Carries out one operation: `{"op": NAME, …}`.
pub(crate) fn execute(world: &mut World, operation: &Value) -> Result<Value, SandboxError> {
    let text = |name: &str| paths::text(operation, name).to_owned();
    let part = |name: &str| operation.get(name).cloned().unwrap_or_default();
    let by = Some(text("by")).filter(|by| !by.is_empty()).unwrap_or_else(|| PORTAL_USER.to_owned());
    match text("op").as_str() {
        "switches" => Ok(switches(world)),
        "set_switches" => {
            let values = part("values");
            let values = values.as_object().ok_or_else(|| needs("an object of names and values"))?;
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let pairs: Vec<(String, String)> =
                values.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
            world.set_switches(&pairs)?;
            Ok(switches(world))
        }
        "faults" => Ok(json!(world.faults.orders())),
        "set_faults" => {
            let orders = Faults::parse(&part("orders"))?;
            world.faults.set(orders);
            world.store_faults()?;
            Ok(json!(world.faults.orders()))
        }
        "add_faults" => {
            let orders = Faults::parse(&part("orders"))?;
            world.faults.add(orders);
            world.store_faults()?;
            Ok(json!(world.faults.orders()))
        }
        "requests" => Ok(Value::Array(world.log.since(part("since").as_u64().unwrap_or(0)))),
        "forget_requests" => {
            world.log.clear();
            Ok(json!({}))
        }
        "list" => Ok(Value::Array(plays::list(world))),
        "edit" => {
            let set = part("set");
            let set = set
                .as_object()
                .filter(|set| !set.is_empty())
                .ok_or_else(|| needs("`set`: paths and new values"))?;
            plays::edit(world, &target(operation)?, set, &by).map(|found| named(&found))
        }
        "auto_disable" => {
            let reason = Some(text("reason")).filter(|r| !r.is_empty());
            let reason = reason.unwrap_or_else(|| "The query failed repeatedly.".to_owned());
            plays::auto_disable(world, &target(operation)?, &reason).map(|found| named(&found))
        }
        "delete" => plays::delete(world, &target(operation)?).map(|found| named(&found)),
        "add" => plays::add(world, &part("rule_body"), &scope(operation), &by).map(|found| named(&found)),
        "advance" => {
            let seconds = part("seconds").as_u64().ok_or_else(|| needs("`seconds`: a whole number"))?;
            world.clock().advance(Duration::from_secs(seconds));
            Ok(json!({"now": super::clock::rfc3339(world.now_ms())}))
        }
        "reset" => {
            world.reset()?;
            Ok(json!({}))
        }
        other => Err(SandboxError::Refused(format!("the sandbox has no operation `{other}`"))),
    }
}

fn needs(what: &str) -> SandboxError {
    SandboxError::Refused(format!("this operation needs {what}"))
}

fn named(found: &Found) -> Value {
    json!({"place": found.shelf, "id": found.id, "name": found.name})
}

fn target(operation: &Value) -> Result<Target, SandboxError> {
    let target = scope(operation);
    if target.rule.is_empty() {
        Err(needs("`rule`: an id, a name, or a text the rule contains"))
    } else {
        Ok(target)
    }
}

fn scope(operation: &Value) -> Target {
    let list = |name: &str| match operation.get(name) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Target {
        rule: paths::text(operation, "rule").to_owned(),
        platform: operation.get("platform").and_then(Value::as_str).map(str::to_owned),
        workspaces: list("workspace"),
        tenants: list("tenant"),
    }
}

fn switches(world: &World) -> Value {
    let values: Map<String, Value> =
        world.switches.values().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let docs: Vec<Value> = SWITCHES
        .iter()
        .map(|info| {
            json!({"name": info.name, "value": values.get(info.name), "values": info.values,
                   "doc": info.doc.trim(), "source": info.source})
        })
        .collect();
    Value::Array(docs)
}

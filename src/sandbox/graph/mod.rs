//! Microsoft Graph: custom detection rules of Microsoft Defender XDR (CONTRACT A).
//!
//! Start with [`answer`]; [`rules`] creates, changes and deletes, [`check`] holds the validation messages,
//! [`read`] shows and lists, [`filter`] evaluates `$filter`, [`tables`] holds the properties, [`hunting`] answers which columns a
//! table has, [`retired`] shows rules as they were shown before 2026-10-01.

pub(crate) mod check;
pub(crate) mod filter;
mod hunting;
pub(crate) mod read;
pub(crate) mod retired;
pub(crate) mod rules;
pub(crate) mod tables;

use axum::http::Method;
use serde_json::json;

use super::answer::Twist;
use super::clock;
use super::http::{Call, Reply};
use super::switches::{GraphRole, Newest, Switches};
use super::token::Caller;
use super::world::World;

/// Name of the shelf that holds a tenant's rules.
pub(crate) fn shelf(tenant: &str) -> String {
    format!("defender:{tenant}").to_lowercase()
}

/// Answers a request whose token is good.
pub(crate) fn answer(world: &mut World, call: &Call, caller: &Caller, twist: &Twist) -> Reply {
    if hunting::is_query(call) {
        return hunting::answer(world, call);
    }
    if let Some(throttled) = throttle(world, call) {
        return throttled;
    }
    let now = world.now_ms();
    let at = |index: usize| call.segment(index).to_lowercase();
    let path = (at(1), at(2), at(3));
    let rules_path = path == ("security".to_owned(), "rules".to_owned(), "detectionrules".to_owned());
    let version_known = at(0) == "beta" || world.switches.graph_v1;
    if !rules_path || !version_known || call.segments.len() > 5 {
        let segment = call.segments.last().map_or("", String::as_str);
        return error(
            call,
            now,
            400,
            "BadRequest",
            &format!("Resource not found for the segment '{segment}'."),
        );
    }
    let role = world.switches.graph_role;
    if role == GraphRole::None || (role == GraphRole::Read && call.is_write()) {
        return forbidden(call, now);
    }
    let key = shelf(&caller.tenant);
    match (call.segments.len(), &call.method) {
        (4, &Method::GET) => read::list(world, call, &key, twist),
        (4, &Method::POST) => rules::create(world, call, &key, twist),
        (5, &Method::GET) => read::get(world, call, &key, twist),
        (5, &Method::PATCH) => rules::update(world, call, &key, twist),
        (5, &Method::DELETE) => rules::delete(world, call, &key),
        _ => error(call, now, 405, "MethodNotAllowed", "Method not allowed."),
    }
}

/// An error in Graph's envelope.
pub(crate) fn error(call: &Call, now_ms: i64, status: u16, code: &str, message: &str) -> Reply {
    let request = uuid::Uuid::new_v4().to_string();
    let client = call.header("client-request-id").map_or_else(|| request.clone(), str::to_owned);
    Reply::json(
        status,
        &json!({"error": {"code": code, "message": message, "innerError": {
            "date": clock::bare(now_ms), "request-id": request, "client-request-id": client,
        }}}),
    )
}

/// 403 for a caller without the permission. The wording is inferred.
pub(crate) fn forbidden(call: &Call, now_ms: i64) -> Reply {
    let needed = if call.is_write() {
        "CustomDetection.ReadWrite.All"
    } else {
        "CustomDetection.Read.All, CustomDetection.ReadWrite.All"
    };
    let message =
        format!("Insufficient privileges to complete the operation. Required permission: {needed}.");
    error(call, now_ms, 403, "Forbidden", &message)
}

/// Does this version know lookback, eventGroupingKind and incidentConfiguration?
pub(crate) fn newest_known(version: &str, switches: &Switches) -> bool {
    match switches.graph_newest_properties {
        Newest::None => false,
        Newest::Beta => version.eq_ignore_ascii_case("beta"),
        Newest::Both => true,
    }
}

fn throttle(world: &mut World, call: &Call) -> Option<Reply> {
    let now = world.now_ms();
    let switches = &world.switches;
    let (enforced, every) = (switches.graph_throttle, switches.graph_throttle_every_nth_write);
    let (window, limit) = match (&call.method, call.segments.len()) {
        (&Method::POST, _) => ("creates", switches.graph_creates_per_minute),
        (&Method::GET, 4) => ("lists", switches.graph_lists_per_minute),
        _ => ("calls", switches.graph_calls_per_minute),
    };
    let mut wait = if enforced { world.throttle.count(window, limit, now) } else { None };
    if call.is_write() {
        world.throttle.writes += 1;
        if every > 0 && world.throttle.writes.is_multiple_of(every) {
            wait = wait.or(Some(10));
        }
    }
    let reply = |seconds: u64| {
        error(call, now, 429, "TooManyRequests", "Too many requests.")
            .header("retry-after", seconds.to_string())
    };
    wait.map(reply)
}

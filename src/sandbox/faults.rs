//! Faults to order: what goes wrong, at which request, how often.
//!
//! An order is JSON, `{"match": {…}, "fault": {"kind": …}}`; [`Order`] documents the fields. Orders come from
//! `faults.json` in the state directory at start, and from the control API while running, which keeps that file. They are asked in
//! sequence; the first that ends a request decides how it ends, the others (delays, edits, garbled lists) add up.

use serde::{Deserialize, Serialize};

use super::SandboxError;
use super::http::Call;

/// One order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[serde(rename = "match", default)]
    when: When,
    fault: Fault,
    /// Requests that fitted so far.
    #[serde(default)]
    seen: u64,
    /// Times it struck so far.
    #[serde(default)]
    struck: u64,
}

/// Which requests an order is for. Everything that is left out fits everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    /// `arm`, `graph`, `token`, `oidc` or `any`.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Only requests that write (`true`) or only those that read (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    writes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_contains: Option<String>,
    /// The rule's id in the path, or any text in the body (an id, a name, a marker).
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Only the Nth request that fits, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    nth: Option<u64>,
    /// Every Nth.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<u64>,
    /// From the Nth on.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    /// At most so many times.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// An HTTP status instead of an answer; nothing is done.
    Status {
        status: u16,
        /// Seconds in a `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        /// The same as an HTTP date, so many seconds ahead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_date: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The whole body, instead of the service's error envelope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// 401 as for an expired token.
    #[serde(alias = "unauthorized_once")]
    Unauthorized {},
    /// 403 as for a missing permission.
    Forbidden {},
    /// The answer comes so much later.
    Delay { ms: u64 },
    /// The connection is reset; nothing is done.
    ResetBefore {},
    /// The request is carried out, then the connection is reset.
    ResetAfterAccept {},
    /// No answer for so long (60 s when left out), then a reset.
    Silence {
        #[serde(default = "a_minute")]
        ms: u64,
        /// Is the request carried out first?
        #[serde(default)]
        accepted: bool,
    },
    /// Every connection is cut and new ones are refused for so long.
    Refuse { ms: u64 },
    /// The body ends early, after so many bytes (half when left out), against its content-length.
    TruncatedBody {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<usize>,
    },
    /// 2xx with a body that is not JSON.
    InvalidJson {},
    /// A write is carried out and answered with 400.
    #[serde(rename = "create_then_400")]
    CreateThen400 {},
    /// A write is carried out and answered with 409.
    #[serde(rename = "create_then_409")]
    CreateThen409 {},
    /// Reads (lists and GETs) show the state before the last `writes` writes (default: all it remembers), or before those of
    /// the last `seconds`.
    #[serde(alias = "lag")]
    ListLag {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        writes: Option<usize>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<i64>,
    },
    /// A list holds an entry twice.
    ListRepeat {},
    /// A list names itself as its next page.
    NextLinkLoop {},
    /// A list's next page is on another host.
    NextLinkForeignHost {
        #[serde(default = "foreign_host")]
        host: String,
    },
    /// The service forgets a property of what is written. Dotted path, e.g. `properties.customDetails`.
    DropProperty { property: String },
    /// The sandbox's clock is off by so many seconds from now on.
    ClockSkew { seconds: i64 },
    /// The process that holds the sandbox ends at once, as if it were killed: with `cloud: sandbox` that is the client too.
    Die {
        /// Is the request carried out first?
        #[serde(default)]
        accepted: bool,
    },
    /// Somebody edits the rule just before this request. Dotted paths and new values.
    EditBetween { set: serde_json::Map<String, serde_json::Value> },
    /// Somebody deletes the rule just before this request.
    DeleteBetween {},
}

fn a_minute() -> u64 {
    60_000
}

fn foreign_host() -> String {
    "https://next-link.example.org".to_owned()
}

/// The orders in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    orders: Vec<Order>,
}

impl Faults {
    /// Reads orders: one, or a list.
    pub(crate) fn parse(value: &serde_json::Value) -> Result<Vec<Order>, SandboxError> {
        let items = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        items
            .iter()
            .map(|item| {
                let mut order: Order = serde_json::from_value(item.clone())
                    .map_err(|e| SandboxError::Fault(format!("this is not a fault order: {e}: {item}")))?;
                let once =
                    item.pointer("/fault/kind").and_then(|kind| kind.as_str()) == Some("unauthorized_once");
                if once && order.when.count.is_none() {
                    order.when.count = Some(1);
                }
                Ok(order)
            })
            .collect()
    }

    pub(crate) fn set(&mut self, orders: Vec<Order>) {
        self.orders = orders;
    }

    pub(crate) fn add(&mut self, orders: Vec<Order>) {
        self.orders.extend(orders);
    }

    pub(crate) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The faults that strike this request. Every order that fits counts it, struck or not.
    pub(crate) fn strike(&mut self, call: &Call) -> Vec<Fault> {
        self.orders.iter_mut().filter_map(|order| order.strike(call)).collect()
    }
}

impl Order {
    fn strike(&mut self, call: &Call) -> Option<Fault> {
        if !self.when.fits(call) {
            return None;
        }
        self.seen += 1;
        let when = &self.when;
        let turn = when.nth.is_none_or(|nth| self.seen == nth)
            && when.every.is_none_or(|every| every > 0 && self.seen.is_multiple_of(every))
            && when.from.is_none_or(|from| self.seen >= from)
            && when.count.is_none_or(|count| self.struck < count);
        turn.then(|| {
            self.struck += 1;
            self.fault.clone()
        })
    }
}

impl When {
    fn fits(&self, call: &Call) -> bool {
        let service = self.service.as_deref().unwrap_or("any");
        (service == "any" || service == call.service.name())
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(call.method.as_str()))
            && self.writes.is_none_or(|writes| writes == call.is_write())
            && self
                .path_contains
                .as_ref()
                .is_none_or(|part| call.path.to_lowercase().contains(&part.to_lowercase()))
            && self.rule.as_ref().is_none_or(|rule| concerns(call, rule))
    }
}

fn concerns(call: &Call, rule: &str) -> bool {
    call.segments.last().is_some_and(|last| last.eq_ignore_ascii_case(rule))
        || String::from_utf8_lossy(&call.body).contains(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::http::call;
    use serde_json::{Value, json};

    fn struck(order: &Value, calls: &[(&str, &str)]) -> Vec<bool> {
        let mut faults = Faults::default();
        faults.set(Faults::parse(order).unwrap());
        calls
            .iter()
            .map(|(method, path)| !faults.strike(&call(method, path, &Value::Null)).is_empty())
            .collect()
    }

    const PUT: (&str, &str) = ("PUT", "/subscriptions/s/x/alertRules/Rule-1");
    const GET: (&str, &str) = ("GET", "/beta/security/rules/detectionRules");

    #[test]
    fn orders_fit_by_service_method_rule_and_turn() {
        let fault = json!({"kind": "reset_before"});
        let with = |when: Value| json!({"match": when, "fault": fault});
        assert_eq!(struck(&with(json!({"service": "arm"})), &[PUT, GET]), [true, false]);
        assert_eq!(struck(&with(json!({"method": "get"})), &[PUT, GET]), [false, true]);
        assert_eq!(struck(&with(json!({"rule": "rule-1"})), &[PUT, GET]), [true, false]);
        assert_eq!(struck(&with(json!({"writes": false})), &[PUT, GET]), [false, true]);
        assert_eq!(struck(&with(json!({"nth": 2})), &[GET, PUT, GET]), [false, true, false]);
        assert_eq!(struck(&with(json!({"every": 2})), &[GET, PUT, GET, PUT]), [false, true, false, true]);
        assert_eq!(struck(&with(json!({"from": 2, "count": 1})), &[GET, PUT, GET]), [false, true, false]);
        assert_eq!(struck(&with(json!({"path_contains": "ALERTRULES"})), &[GET, PUT]), [false, true]);
        assert_eq!(struck(&json!({"fault": {"kind": "unauthorized_once"}}), &[GET, PUT]), [true, false]);
    }

    #[test]
    fn orders_that_make_no_sense_are_refused() {
        for bad in [
            json!({}),
            json!({"fault": {"kind": "nonsense"}}),
            json!({"fault": {"kind": "delay"}}),
            json!({"match": {"verb": "PUT"}, "fault": {"kind": "reset_before"}}),
        ] {
            assert!(Faults::parse(&bad).is_err(), "{bad}");
        }
    }
}

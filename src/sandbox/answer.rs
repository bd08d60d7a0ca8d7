//! Answering one request: the faults ordered for it, the service it is for, the headers every answer carries.

use serde_json::{Value, json};

use super::faults::Fault;
use super::http::{Call, Reply, Service};
use super::world::World;
use super::{arm, clock, control, graph, plays, token};

/// Where bodies are kept besides the log in memory.
const LOG_FILE: &str = "requests.ndjson";

/// What the server does with the reply.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reply: Reply,
    pub(crate) delay_ms: u64,
    pub(crate) ending: Ending,
}

/// How the connection ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    /// After so many bytes of the body.
    Truncated(usize),
    Cut,
    /// Nothing for so many milliseconds, then cut.
    Silent(u64),
    /// Cut, with the door closed for so many milliseconds.
    Refusing(u64),
}

/// What the faults of one request change inside the service.
#[derive(Debug, Default)]
pub(crate) struct Twist {
    pub(crate) lag: Option<(Option<usize>, Option<i64>)>,
    pub(crate) repeat: bool,
    pub(crate) loop_link: bool,
    pub(crate) foreign_link: Option<String>,
    pub(crate) drop: Vec<String>,
}

impl World {
    /// Answers one request.
    pub(crate) fn answer(&mut self, call: &Call) -> Outcome {
        let latency = self.switches.latency_ms;
        let (struck, outcome) = match call.service {
            Service::Control => {
                return Outcome { reply: control::answer(self, call), delay_ms: 0, ending: Ending::Whole };
            }
            _ => {
                let struck = self.faults.strike(call);
                let outcome = self.under_faults(call, &struck);
                (struck, outcome)
            }
        };
        let file = self.state_dir().filter(|_| self.switches.record_bodies).map(|dir| dir.join(LOG_FILE));
        let now = self.now_ms();
        self.log.add(call, outcome.reply.status, struck, now, self.switches.record_bodies, file.as_deref());
        Outcome { delay_ms: outcome.delay_ms + latency, ..outcome }
    }

    fn under_faults(&mut self, call: &Call, struck: &[Fault]) -> Outcome {
        let mut twist = Twist::default();
        let (mut delay_ms, mut early, mut late, mut dies) = (0, None, None, false);
        for fault in struck {
            match fault {
                Fault::Delay { ms } => delay_ms += ms,
                Fault::ClockSkew { seconds } => self.skew(*seconds),
                Fault::EditBetween { set } => plays::between(self, call, Some(set)),
                Fault::DeleteBetween {} => plays::between(self, call, None),
                Fault::ListLag { writes, seconds } => {
                    let since = seconds.map(|s| self.now_ms().saturating_sub(s.saturating_mul(1000)));
                    twist.lag = Some((writes.or(since.is_none().then_some(usize::MAX)), since));
                }
                Fault::ListRepeat {} => twist.repeat = true,
                Fault::NextLinkLoop {} => twist.loop_link = true,
                Fault::NextLinkForeignHost { host } => twist.foreign_link = Some(host.clone()),
                Fault::DropProperty { property } => twist.drop.push(property.clone()),
                Fault::Die { accepted: false } => std::process::abort(),
                Fault::Die { accepted: true } => dies = true,
                Fault::Status { .. }
                | Fault::Unauthorized {}
                | Fault::Forbidden {}
                | Fault::ResetBefore {}
                | Fault::Silence { accepted: false, .. }
                | Fault::Refuse { .. } => early = early.or(Some(fault)),
                Fault::ResetAfterAccept {}
                | Fault::Silence { .. }
                | Fault::TruncatedBody { .. }
                | Fault::InvalidJson {}
                | Fault::CreateThen400 {}
                | Fault::CreateThen409 {} => late = late.or(Some(fault)),
            }
        }
        let (reply, ending) = match early {
            Some(fault) => self.instead(call, fault),
            None => {
                let reply = self.dispatch(call, &twist);
                if dies {
                    std::process::abort();
                }
                match late {
                    None => (reply, Ending::Whole),
                    Some(fault) => self.afterwards(call, reply, fault),
                }
            }
        };
        Outcome { reply, delay_ms, ending }
    }

    fn instead(&mut self, call: &Call, fault: &Fault) -> (Reply, Ending) {
        match fault {
            Fault::Unauthorized {} => (
                self.refusal(
                    call,
                    &token::Unauthorized::Expired { expired_ms: self.now_ms() - 1000, now_ms: self.now_ms() },
                ),
                Ending::Whole,
            ),
            Fault::Forbidden {} => (self.forbidden(call), Ending::Whole),
            Fault::Status { status, retry_after, retry_after_date, code, message, body } => {
                let code = code.as_deref().unwrap_or_else(|| code_of(*status));
                let message = message.as_deref().unwrap_or("The sandbox was ordered to answer like this.");
                let mut reply = self.error(call, *status, code, message);
                if let Some(body) = body {
                    reply.body.clone_from(body);
                }
                if let Some(seconds) = retry_after {
                    reply = reply.header("retry-after", seconds.to_string());
                }
                if let Some(seconds) = retry_after_date {
                    let then = self.now_ms().saturating_add(seconds.saturating_mul(1000));
                    reply = reply.header("retry-after", clock::http_date(then));
                }
                (reply, Ending::Whole)
            }
            Fault::Silence { ms, .. } => (Reply::empty(504), Ending::Silent(*ms)),
            Fault::Refuse { ms } => (Reply::empty(503), Ending::Refusing(*ms)),
            _ => (Reply::empty(503), Ending::Cut),
        }
    }

    fn afterwards(&mut self, call: &Call, reply: Reply, fault: &Fault) -> (Reply, Ending) {
        match fault {
            Fault::ResetAfterAccept {} => (reply, Ending::Cut),
            Fault::Silence { ms, .. } => (reply, Ending::Silent(*ms)),
            Fault::TruncatedBody { bytes } => {
                let keep = bytes.unwrap_or(reply.body.len() / 2);
                (reply, Ending::Truncated(keep))
            }
            Fault::InvalidJson {} => {
                (Reply { body: "<html>upstream</html>{".to_owned(), ..reply }, Ending::Whole)
            }
            Fault::CreateThen400 {} if reply.ok() => {
                (self.error(call, 400, "BadRequest", "Bad request. Please check your input."), Ending::Whole)
            }
            Fault::CreateThen409 {} if reply.ok() => {
                let message = "A detection rule with this name, title, or rule ID already exists.";
                (self.error(call, 409, "Conflict", message), Ending::Whole)
            }
            _ => (reply, Ending::Whole),
        }
    }

    fn dispatch(&mut self, call: &Call, twist: &Twist) -> Reply {
        let now = self.now_ms();
        let reply = match call.service {
            Service::Token => token::token(call, &self.identity, &self.switches, now),
            Service::Oidc => token::oidc(call, &self.identity, &self.switches, now),
            Service::MachineIdentity => token::managed_identity(call, &self.identity, &self.switches, now),
            Service::Arm | Service::Graph => match token::check(call, &self.identity, &self.switches, now) {
                Ok(caller) if call.service == Service::Arm => arm::answer(self, call, &caller, twist),
                Ok(caller) => graph::answer(self, call, &caller, twist),
                Err(why) => return self.refusal(call, &why),
            },
            Service::Control | Service::Unknown => {
                Reply::cloud_error(404, "NotFound", "The sandbox has nothing at this path.")
            }
        };
        self.with_ids(call, reply)
    }

    fn refusal(&mut self, call: &Call, why: &token::Unauthorized) -> Reply {
        let (code, message) = if call.service == Service::Graph { why.graph() } else { why.arm() };
        let tenant = &self.switches.arm_subscription_tenant;
        let tenant = if tenant.is_empty() { "common" } else { tenant };
        let challenge =
            format!("Bearer authorization_uri=\"{}/{tenant}\", error=\"invalid_token\"", call.origin());
        self.error(call, 401, code, &message).header("www-authenticate", challenge)
    }

    fn forbidden(&mut self, call: &Call) -> Reply {
        let caller = token::Caller {
            tenant: String::new(),
            app_id: self.identity.client_id.clone(),
            object_id: self.identity.object_id.clone(),
        };
        let reply = match call.service {
            Service::Graph => graph::forbidden(call, self.now_ms()),
            _ => arm::forbidden(call, &caller),
        };
        self.with_ids(call, reply)
    }

    /// An error in the envelope of the service that was called.
    fn error(&mut self, call: &Call, status: u16, code: &str, message: &str) -> Reply {
        let reply = match call.service {
            Service::Graph => graph::error(call, self.now_ms(), status, code, message),
            Service::Token => Reply::json(status, &json!({"error": code, "error_description": message})),
            _ => Reply::cloud_error(status, code, message),
        };
        self.with_ids(call, reply)
    }

    fn with_ids(&self, call: &Call, reply: Reply) -> Reply {
        let id = uuid::Uuid::new_v4().to_string();
        let client = |name: &str| call.header(name).map_or_else(|| id.clone(), str::to_owned);
        let reply = reply.header("date", clock::http_date(self.now_ms()));
        match call.service {
            Service::Arm => {
                let correlation = client("x-ms-correlation-request-id");
                reply.header("x-ms-request-id", id).header("x-ms-correlation-request-id", correlation)
            }
            Service::Graph => {
                // The ids of the headers are those of the body's innerError.
                let inner: Option<Value> =
                    if reply.ok() { None } else { serde_json::from_str(&reply.body).ok() };
                let of_body = |name: &str| {
                    inner.as_ref()?.pointer(&format!("/error/innerError/{name}"))?.as_str().map(str::to_owned)
                };
                let request = of_body("request-id").unwrap_or_else(|| id.clone());
                let client = of_body("client-request-id").unwrap_or_else(|| client("client-request-id"));
                reply.header("request-id", request).header("client-request-id", client)
            }
            _ => reply.header("x-ms-request-id", id),
        }
    }
}

fn code_of(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "InvalidAuthenticationToken",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        412 => "PreconditionFailed",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "Error",
    }
}

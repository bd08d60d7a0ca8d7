//! The tenant: its rules, its clock, its switches, and the one function that answers a request.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::clock::{self, Clock};
use super::faults::{Fault, Faults};
use super::http::{Call, Reply, Service};
use super::journal::{Journal, Line};
use super::shelf::{Gone, Record, Shelf};
use super::switches::Switches;
use super::throttle::Throttle;
use super::token::Identity;
use super::{SandboxError, arm, control, graph, plays, token};

/// Requests kept in the log.
const LOG: usize = 50_000;

/// Everything the sandbox knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) identity: Identity,
    pub(crate) switches: Switches,
    pub(crate) faults: Faults,
    pub(crate) throttle: Throttle,
    /// By `sentinel:{subscription}/{group}/{workspace}` and `defender:{tenant}`, lower case.
    shelves: BTreeMap<String, Shelf>,
    clock: Clock,
    log: VecDeque<Logged>,
    logged: u64,
    journal: Option<Journal>,
    /// Changes whenever a switch does: rendered rules of older stamps are stale.
    stamp: u64,
    etags: u64,
    /// Switches given by the program that started the sandbox; a reset returns to them.
    initial: Switches,
}

#[derive(Debug)]
struct Logged {
    number: u64,
    at_ms: i64,
    service: Service,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    status: u16,
    faults: Vec<Fault>,
    body: Option<Value>,
}

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
    /// Starts a world, from what a state directory holds if one is given.
    pub(crate) fn open(
        dir: Option<&Path>,
        switches: Switches,
        clock: Clock,
        wait: Option<Duration>,
    ) -> Result<Self, SandboxError> {
        let mut world = Self {
            identity: Identity::generate(),
            switches: switches.clone(),
            faults: Faults::default(),
            throttle: Throttle::default(),
            shelves: BTreeMap::new(),
            clock,
            log: VecDeque::new(),
            logged: 0,
            journal: None,
            stamp: 0,
            etags: 0,
            initial: switches,
        };
        if let Some(dir) = dir {
            let (journal, lines) = Journal::open(dir, wait)?;
            for line in lines {
                world.replay(line);
            }
            world.journal = Some(journal);
            world.compact()?;
            world.read_fault_file(dir)?;
        }
        Ok(world)
    }

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
        self.record(call, outcome.reply.status, struck);
        Outcome { delay_ms: outcome.delay_ms + latency, ..outcome }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms().saturating_add(self.switches.clock_skew_seconds.saturating_mul(1000))
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn stamp(&self) -> u64 {
        self.stamp
    }

    pub(crate) fn state_dir(&self) -> Option<&Path> {
        self.journal.as_ref().map(Journal::dir)
    }

    /// A new etag. Like the real ones it holds double quotes.
    pub(crate) fn new_etag(&mut self) -> String {
        self.etags += 1;
        let random = uuid::Uuid::new_v4().as_fields().0;
        format!("\"{random:08x}-0000-0100-0000-{:08x}0000\"", self.etags)
    }

    pub(crate) fn shelf(&self, key: &str) -> Option<&Shelf> {
        self.shelves.get(key)
    }

    pub(crate) fn shelves(&self) -> impl Iterator<Item = (&str, &Shelf)> {
        self.shelves.iter().map(|(key, shelf)| (key.as_str(), shelf))
    }

    /// The shelf, made if it is new; `true` when it was made now.
    pub(crate) fn open_shelf(&mut self, key: &str) -> Result<(&mut Shelf, bool), SandboxError> {
        let fresh = !self.shelves.contains_key(key);
        if fresh {
            self.persist(&Line::Shelf { shelf: key.to_owned() })?;
        }
        Ok((self.shelves.entry(key.to_owned()).or_default(), fresh))
    }

    /// Writes a rule; it is on disk when this returns.
    pub(crate) fn put(&mut self, key: &str, record: Record) -> Result<(), SandboxError> {
        let now = self.now_ms();
        let (shelf, _) = self.open_shelf(key)?;
        shelf.forget_gone(&record.id);
        let seq = shelf.put(record.clone(), now);
        self.persist(&Line::Put { shelf: key.to_owned(), seq, record })
    }

    /// Removes a rule, leaving `reads_left` reads in which it is still shown.
    pub(crate) fn remove(&mut self, key: &str, id: &str, reads_left: u64) -> Result<bool, SandboxError> {
        let now = self.now_ms();
        let Some(shelf) = self.shelves.get_mut(key) else { return Ok(false) };
        let Some(record) = shelf.remove(id, now) else { return Ok(false) };
        let gone = Gone { record: Record::clone(&record), deleted_ms: now, reads_left };
        shelf.bury(gone.clone());
        self.persist(&Line::Remove { shelf: key.to_owned(), id: record.id.clone(), gone: Some(gone) })?;
        Ok(true)
    }

    pub(crate) fn shelf_mut(&mut self, key: &str) -> Option<&mut Shelf> {
        self.shelves.get_mut(key)
    }

    /// Sets switches and remembers them.
    pub(crate) fn set_switches(&mut self, values: &[(String, String)]) -> Result<(), SandboxError> {
        let mut changed = self.switches.clone();
        for (name, value) in values {
            changed.set(name, value)?;
        }
        self.switches = changed;
        self.stamp += 1;
        self.persist(&self.switches_line())
    }

    /// Sets the skew without remembering it: a fault, not a setting.
    fn skew(&mut self, seconds: i64) {
        self.switches.clock_skew_seconds = seconds;
    }

    /// Back to an empty tenant, with the switches the sandbox was started with.
    pub(crate) fn reset(&mut self) -> Result<(), SandboxError> {
        self.shelves.clear();
        self.faults = Faults::default();
        self.throttle = Throttle::default();
        self.log.clear();
        self.switches = self.initial.clone();
        self.stamp += 1;
        self.compact()
    }

    /// Rewrites the state file to what is live.
    pub(crate) fn compact(&mut self) -> Result<(), SandboxError> {
        let Some(mut journal) = self.journal.take() else { return Ok(()) };
        let now = self.now_ms();
        let mut lines = vec![self.switches_line()];
        for (key, shelf) in &self.shelves {
            lines.push(Line::Shelf { shelf: key.clone() });
            lines.extend(shelf.all().map(|(seq, record)| Line::Put {
                shelf: key.clone(),
                seq,
                record: Record::clone(record),
            }));
            // A day is the longest window anybody has reported.
            let recent = shelf.all_gone().filter(|gone| now.saturating_sub(gone.deleted_ms) < 86_400_000);
            lines.extend(recent.map(|gone| Line::Remove {
                shelf: key.clone(),
                id: gone.record.id.clone(),
                gone: Some(gone.clone()),
            }));
        }
        let done = journal.rewrite(lines.into_iter());
        self.journal = Some(journal);
        done
    }

    /// Lets go of the state directory.
    pub(crate) fn close(&mut self) {
        self.journal = None;
    }

    /// The request log from number `since` on.
    pub(crate) fn requests(&self, since: u64) -> Vec<Value> {
        self.log.iter().filter(|entry| entry.number >= since).map(Logged::json).collect()
    }

    pub(crate) fn forget_requests(&mut self) {
        self.log.clear();
    }

    fn persist(&mut self, line: &Line) -> Result<(), SandboxError> {
        self.journal.as_mut().map_or(Ok(()), |journal| journal.append(line))
    }

    fn switches_line(&self) -> Line {
        let defaults = Switches::default().values();
        let changed =
            self.switches.values().into_iter().zip(defaults).filter(|(now, default)| now != default);
        let values: Map<String, Value> =
            changed.map(|((name, value), _)| (name.to_owned(), json!(value))).collect();
        Line::Switches { values }
    }

    fn replay(&mut self, line: Line) {
        match line {
            Line::Format { .. } => {}
            Line::Shelf { shelf } => {
                self.shelves.entry(shelf).or_default();
            }
            Line::Put { shelf, seq, record } => {
                let shelf = self.shelves.entry(shelf).or_default();
                shelf.forget_gone(&record.id);
                shelf.restore(seq, record);
            }
            Line::Remove { shelf, id, gone } => {
                let shelf = self.shelves.entry(shelf).or_default();
                shelf.remove(&id, 0);
                if let Some(gone) = gone {
                    shelf.bury(gone);
                }
            }
            Line::Switches { values } => {
                // What the starting program asks for goes before what was stored; a switch that no longer
                // exists is skipped, so that an older state directory stays usable.
                let defaults = Switches::default();
                let mut merged = defaults.clone();
                for (name, value) in &values {
                    let _ = merged.set(name, value.as_str().unwrap_or_default());
                }
                let asked = self.initial.values().into_iter().zip(defaults.values());
                for ((name, value), _) in asked.filter(|(asked, default)| asked != default) {
                    let _ = merged.set(name, &value);
                }
                self.switches = merged;
            }
        }
    }

    fn read_fault_file(&mut self, dir: &Path) -> Result<(), SandboxError> {
        let path = dir.join("faults.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(SandboxError::io("read", &path, e)),
        };
        let value: Value = serde_json::from_str(&text)
            .map_err(|e| SandboxError::Fault(format!("{} is not JSON: {e}", path.display())))?;
        self.faults.set(Faults::parse(&value)?);
        Ok(())
    }

    fn under_faults(&mut self, call: &Call, struck: &[Fault]) -> Outcome {
        let mut twist = Twist::default();
        let (mut delay_ms, mut early, mut late) = (0, None, None);
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
                late.map_or((reply.clone(), Ending::Whole), |fault| self.afterwards(call, reply, fault))
            }
        };
        Outcome { reply, delay_ms, ending }
    }

    fn instead(&mut self, call: &Call, fault: &Fault) -> (Reply, Ending) {
        match fault {
            Fault::Unauthorized {} => (
                self.refusal(
                    call,
                    token::Unauthorized::Expired { expired_ms: self.now_ms() - 1000, now_ms: self.now_ms() },
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
            Service::Arm | Service::Graph => match token::check(call, &self.identity, &self.switches, now) {
                Ok(caller) if call.service == Service::Arm => arm::answer(self, call, &caller, twist),
                Ok(caller) => graph::answer(self, call, &caller, twist),
                Err(why) => return self.refusal(call, why),
            },
            Service::Control | Service::Unknown => {
                Reply::cloud_error(404, "NotFound", "The sandbox has nothing at this path.")
            }
        };
        self.with_ids(call, reply)
    }

    fn refusal(&mut self, call: &Call, why: token::Unauthorized) -> Reply {
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
                let inner = serde_json::from_str::<Value>(&reply.body).ok().filter(|_| !reply.ok());
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

    fn record(&mut self, call: &Call, status: u16, faults: Vec<Fault>) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        let keep = self.switches.record_bodies && matches!(call.service, Service::Arm | Service::Graph);
        let body = (keep && !call.body.is_empty())
            .then(|| call.json().unwrap_or_else(|_| json!(String::from_utf8_lossy(&call.body))));
        self.logged += 1;
        let entry = Logged {
            number: self.logged,
            at_ms: self.now_ms(),
            service: call.service,
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            status,
            faults,
            body,
        };
        if let Some(dir) = self.state_dir().filter(|_| keep) {
            // A log for people and tests: losing a line of it must not fail a request.
            let _ = append_line(&dir.join("requests.ndjson"), &entry.json());
        }
        self.log.push_back(entry);
    }
}

impl Logged {
    fn json(&self) -> Value {
        let query: Map<String, Value> =
            self.query.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let mut entry = json!({
            "number": self.number, "at": clock::rfc3339(self.at_ms), "service": self.service.name(),
            "method": self.method, "path": self.path, "query": query, "status": self.status, "faults": self.faults,
        });
        if let (Some(body), Value::Object(map)) = (&self.body, &mut entry) {
            map.insert("body".to_owned(), body.clone());
        }
        entry
    }
}

fn append_line(path: &Path, entry: &Value) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{entry}\n").as_bytes())
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

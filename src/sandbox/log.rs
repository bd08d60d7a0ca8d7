//! The requests that were received, for tests and for people. Of the headers only the user agent is kept, and bodies only
//! of ARM and Graph.

use std::collections::VecDeque;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::clock;
use super::faults::Fault;
use super::http::{Call, Service};

/// Requests kept.
const KEPT: usize = 50_000;

/// The latest requests.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<Logged>,
    count: u64,
}

#[derive(Debug)]
struct Logged {
    number: u64,
    at_ms: i64,
    service: Service,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    user_agent: Option<String>,
    status: u16,
    faults: Vec<Fault>,
    body: Option<Value>,
}

impl RequestLog {
    /// Adds a request; with `bodies` also its body, there and in `file`.
    pub(crate) fn add(
        &mut self,
        call: &Call,
        status: u16,
        faults: Vec<Fault>,
        at_ms: i64,
        bodies: bool,
        file: Option<&Path>,
    ) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        let keep = bodies && matches!(call.service, Service::Arm | Service::Graph);
        let body = (keep && !call.body.is_empty())
            .then(|| call.json().unwrap_or_else(|_| json!(String::from_utf8_lossy(&call.body))));
        self.count += 1;
        let entry = Logged {
            number: self.count,
            at_ms,
            service: call.service,
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            user_agent: call.header("user-agent").map(str::to_owned),
            status,
            faults,
            body,
        };
        if let Some(file) = file {
            // Losing a line of it must not fail a request.
            let _ = append_line(file, &entry.json());
        }
        self.entries.push_back(entry);
    }

    /// The requests from number `since` on, oldest first.
    pub(crate) fn since(&self, since: u64) -> Vec<Value> {
        self.entries.iter().filter(|entry| entry.number >= since).map(Logged::json).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

impl Logged {
    fn json(&self) -> Value {
        let query: Map<String, Value> =
            self.query.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let mut entry = json!({
            "number": self.number, "at": clock::rfc3339(self.at_ms), "service": self.service.name(),
            "method": self.method, "path": self.path, "query": query, "status": self.status, "faults": self.faults,
            "user_agent": self.user_agent,
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

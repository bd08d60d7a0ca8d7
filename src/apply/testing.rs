//! A service in memory that answers as ordered, and a world without a clock, for the tests of apply.

#![expect(clippy::needless_pass_by_value, reason = "json! values read best as arguments")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::address::{Address, Target, Workspace};
use crate::model::environment::{Guards, Prune};
use crate::plan::{Adoption, Input, Migration, Policy, TargetState, plan};
use crate::provider::{ProviderError, Write};
use crate::resource::{Body, Kind, Marker, Resource, Schema, ServerFacts};

pub(super) static SCHEMA: Schema = Schema { fields: &[] };

/// What the service does with the next write, besides doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// It is done and answered.
    Do,
    /// It is done, and answered with an error of this kind.
    DoAndSay(ErrorKind),
    /// It is not done, and answered with an error of this kind.
    Refuse(ErrorKind),
    /// Somebody edits the rule just before, and the write meets the new etag.
    EditedMeanwhile,
    /// The rule's `severity` is forgotten.
    Drop,
    /// It never answers.
    Hang,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) rules: Vec<Live>,
    pub(super) orders: VecDeque<Order>,
    /// Method and id of everything that was asked to be written.
    pub(super) writes: Vec<String>,
    /// Reads that still show the rules as they were when this began to count.
    pub(super) lag: usize,
    pub(super) old: Vec<Live>,
    pub(super) list_fails: bool,
}

pub(super) struct Service {
    pub(super) target: Target,
    pub(super) state: Mutex<State>,
}

impl Service {
    pub(super) fn sentinel() -> Self {
        Self { target: Target::Sentinel(workspace()), state: Mutex::default() }
    }

    pub(super) fn graph() -> Self {
        Self { target: Target::Defender, state: Mutex::default() }
    }

    pub(super) fn ordered(orders: &[Order]) -> Self {
        let service = Self::sentinel();
        service.state.lock().unwrap().orders = orders.iter().copied().collect();
        service
    }

    pub(super) fn with(self, rules: Vec<Live>) -> Self {
        self.state.lock().unwrap().rules = rules;
        self
    }

    pub(super) fn rules(&self) -> Vec<Live> {
        self.state.lock().unwrap().rules.clone()
    }

    pub(super) fn writes(&self) -> Vec<String> {
        self.state.lock().unwrap().writes.clone()
    }

    async fn write(
        &self,
        method: &str,
        id: &str,
        change: impl FnOnce(&mut State, bool),
    ) -> Result<(), ProviderError> {
        let order = {
            let mut state = self.state.lock().unwrap();
            state.writes.push(format!("{method} {id}"));
            let order = state.orders.pop_front().unwrap_or(Order::Do);
            match order {
                Order::Do | Order::DoAndSay(_) => change(&mut state, false),
                Order::Drop => change(&mut state, true),
                Order::EditedMeanwhile => {
                    let mut rules = state.rules.iter_mut();
                    let rule = rules.find(|live| live.remote_id == id).unwrap();
                    rule.body.insert("severity".into(), json!("Portal"));
                }
                Order::Refuse(_) | Order::Hang => {}
            }
            order
        };
        match order {
            Order::Do | Order::Drop => Ok(()),
            Order::DoAndSay(kind) | Order::Refuse(kind) => Err(error(kind)),
            Order::EditedMeanwhile => Err(error(ErrorKind::Conflict)),
            Order::Hang => std::future::pending().await,
        }
    }

    fn show(&self) -> Vec<Live> {
        let mut state = self.state.lock().unwrap();
        if state.lag > 0 {
            state.lag -= 1;
            return state.old.clone();
        }
        state.rules.clone()
    }
}

pub(super) fn error(kind: ErrorKind) -> ProviderError {
    ProviderError {
        operation: "write",
        subject: "rule".into(),
        kind,
        message: format!("{kind:?}"),
        status: None,
        code: None,
        request_id: Some("request-1".into()),
        help: None,
        source: None,
    }
}

pub(super) fn live_of(write: &Write, forget: bool) -> Live {
    let mut body = write.body.clone();
    if forget {
        body.shift_remove("severity");
    }
    Live {
        remote_id: write.remote_id.clone(),
        kind: write.kind.clone(),
        name: body.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned(),
        body,
        unknown: Body::new(),
        marker: write.kind.marker_carrier().map(|_| write.marker.clone()),
        server: ServerFacts { request_id: Some("request-2".into()), ..ServerFacts::default() },
        auto_disabled: None,
    }
}

#[async_trait]
impl Provider for Service {
    fn target(&self) -> &Target {
        &self.target
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    async fn list(&self) -> Result<Vec<Live>, ProviderError> {
        if self.state.lock().unwrap().list_fails {
            return Err(error(ErrorKind::Unavailable));
        }
        Ok(self.show())
    }

    async fn read(&self, remote_id: &str) -> Result<Option<Live>, ProviderError> {
        Ok(self.show().into_iter().find(|live| live.remote_id == remote_id))
    }

    async fn create(&self, write: &Write) -> Result<Live, ProviderError> {
        let mut kept = live_of(write, false);
        self.write("create", &write.remote_id, |state, forget| {
            kept = live_of(write, forget);
            state.rules.push(kept.clone());
        })
        .await?;
        Ok(kept)
    }

    async fn update(&self, write: &Write, before: &Live) -> Result<Live, ProviderError> {
        let mut kept = live_of(write, false);
        self.write("update", &before.remote_id, |state, forget| {
            kept = live_of(write, forget);
            state.rules.retain(|live| live.remote_id != before.remote_id);
            state.rules.push(kept.clone());
        })
        .await?;
        Ok(kept)
    }

    async fn delete(&self, before: &Live) -> Result<Option<String>, ProviderError> {
        self.write("delete", &before.remote_id, |state, _| {
            state.rules.retain(|live| live.remote_id != before.remote_id);
        })
        .await?;
        Ok(None)
    }
}

/// Counts waits, keeps the journal, and can stop the run or refuse to record.
#[derive(Default)]
pub(super) struct TestEdge {
    pub(super) journal: Mutex<Vec<Entry>>,
    pub(super) waited: Mutex<u64>,
    pub(super) full_after: Option<usize>,
    pub(super) stop_at: Option<(usize, Urgency, watch::Sender<Urgency>)>,
}

impl TestEdge {
    pub(super) fn endings(&self) -> Vec<Ending> {
        let journal = self.journal.lock().unwrap();
        let done = journal.iter().filter_map(|entry| match entry {
            Entry::Done { ending, .. } => Some(*ending),
            _ => None,
        });
        done.collect()
    }

    pub(super) fn waited(&self) -> u64 {
        *self.waited.lock().unwrap()
    }
}

#[async_trait]
impl Edge for TestEdge {
    fn record(&self, entry: &Entry) -> Result<(), String> {
        let mut journal = self.journal.lock().unwrap();
        if self.full_after.is_some_and(|lines| journal.len() >= lines) {
            return Err("the disk is full".into());
        }
        journal.push(entry.clone());
        if let Some((lines, urgency, sender)) = &self.stop_at
            && journal.len() == *lines
        {
            sender.send_replace(*urgency);
        }
        Ok(())
    }

    async fn wait(&self, milliseconds: u64) {
        *self.waited.lock().unwrap() += milliseconds;
    }

    fn tell(&self, _: &Event<'_>) {}
}

pub(super) fn workspace() -> Arc<Workspace> {
    Arc::new(Workspace { subscription: "s".into(), resource_group: "rg".into(), workspace: "law".into() })
}

pub(super) fn body(value: Value) -> Body {
    value.as_object().unwrap().clone()
}

pub(super) fn rule(id: &str) -> Resource {
    Resource {
        address: Address { target: Target::Sentinel(workspace()), rule: id.into() },
        remote_id: format!("id-{id}"),
        kind: Kind::Scheduled,
        pinned: false,
        body: body(json!({"displayName": id, "severity": "High", "query": "T"})).into(),
        protect: false,
        lines: Arc::default(),
        entries: vec![],
    }
}

pub(super) fn detection(id: &str, title: &str) -> Resource {
    let body = body(json!({"displayName": id, "detectionAction": {"alertTemplate": {"title": title}}}));
    let address = Address { target: Target::Defender, rule: id.into() };
    Resource { address, kind: Kind::CustomDetection, body: body.into(), ..rule(id) }
}

/// The rule as an earlier apply left it, with one property changed.
pub(super) fn deployed(resource: &Resource, severity: &str) -> Live {
    let mut body = Body::clone(&resource.body);
    body.insert("severity".into(), json!(severity));
    let marker = Marker {
        owner: "acme".into(),
        rule: resource.address.rule.clone(),
        digest: crate::resource::digest(&resource.kind, &body).chars().take(Marker::DIGEST_LENGTH).collect(),
        protect: false,
    };
    let write = Write { remote_id: resource.remote_id.clone(), kind: resource.kind.clone(), body, marker };
    live_of(&write, false)
}

pub(super) fn planned(service: &Service, desired: &[Resource]) -> Plan {
    let policy = Policy {
        prune: Prune::Owned,
        guards: Guards::default(),
        on_drift: None,
        take_over: vec![],
        adoption: Adoption::Leave,
        migration: Migration::Leave,
        reenable_auto_disabled: false,
        targets: vec![],
        allow_empty: true,
        changed: None,
        replace_ids: vec![],
    };
    plan(&Input {
        environment: "lab",
        owner: "acme",
        tenant_id: "t",
        desired,
        actual: &[TargetState { target: service.target.clone(), schema: &SCHEMA, live: service.rules() }],
        policy: &policy,
        evaluated_at: "2026-11-23T08:00:00Z",
        valid_until: "2026-11-24T08:00:00Z",
    })
}

pub(super) async fn run_with(
    service: &Service,
    plan: &Plan,
    live: &[Live],
    edge: &TestEdge,
    settings: Settings,
) -> Outcome {
    let bound = [Bound { provider: service, live }];
    let receiver = match &edge.stop_at {
        Some((_, _, sender)) => sender.subscribe(),
        None => watch::channel(Urgency::None).1,
    };
    apply(plan, &bound, settings, &receiver, edge).await.unwrap()
}

pub(super) async fn run(service: &Service, plan: &Plan) -> (Outcome, TestEdge) {
    let (edge, live) = (TestEdge::default(), service.rules());
    let settings = Settings { parallelism: 1, ..Settings::default() };
    let outcome = run_with(service, plan, &live, &edge, settings).await;
    (outcome, edge)
}

pub(super) fn words(outcome: &Outcome) -> Vec<&'static str> {
    outcome.results.iter().map(|ended| ended.result.word()).collect()
}

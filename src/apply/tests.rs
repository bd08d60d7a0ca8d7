//! A service in memory that answers as ordered, and what an apply makes of it. No clock: waiting is only counted.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::address::{Address, Target, Workspace};
use crate::model::environment::{Guards, Prune};
use crate::plan::{Input, Policy, TargetState, plan};
use crate::provider::{ProviderError, Write};
use crate::resource::{Body, Kind, Marker, Resource, Schema, ServerFacts};

static SCHEMA: Schema = Schema { fields: &[] };

/// What the service does with the next write, besides doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
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
struct State {
    rules: Vec<Live>,
    orders: VecDeque<Order>,
    /// Method and id of everything that was asked to be written.
    writes: Vec<String>,
    /// Reads that still show the rules as they were when this began to count.
    lag: usize,
    old: Vec<Live>,
    list_fails: bool,
}

struct Service {
    target: Target,
    state: Mutex<State>,
}

impl Service {
    fn sentinel() -> Self {
        Self { target: Target::Sentinel(workspace()), state: Mutex::default() }
    }

    fn ordered(orders: &[Order]) -> Self {
        let service = Self::sentinel();
        service.state.lock().unwrap().orders = orders.iter().copied().collect();
        service
    }

    fn with(self, rules: Vec<Live>) -> Self {
        self.state.lock().unwrap().rules = rules;
        self
    }

    fn rules(&self) -> Vec<Live> {
        self.state.lock().unwrap().rules.clone()
    }

    fn writes(&self) -> Vec<String> {
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

fn error(kind: ErrorKind) -> ProviderError {
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

fn live_of(write: &Write, forget: bool) -> Live {
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
struct TestEdge {
    journal: Mutex<Vec<Entry>>,
    waited: Mutex<u64>,
    full_after: Option<usize>,
    stop_at: Option<(usize, Urgency, watch::Sender<Urgency>)>,
}

impl TestEdge {
    fn endings(&self) -> Vec<Ending> {
        let journal = self.journal.lock().unwrap();
        let done = journal.iter().filter_map(|entry| match entry {
            Entry::Done { ending, .. } => Some(*ending),
            _ => None,
        });
        done.collect()
    }

    fn waited(&self) -> u64 {
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

fn workspace() -> Arc<Workspace> {
    Arc::new(Workspace { subscription: "s".into(), resource_group: "rg".into(), workspace: "law".into() })
}

fn body(value: Value) -> Body {
    value.as_object().unwrap().clone()
}

fn rule(id: &str) -> Resource {
    Resource {
        address: Address { target: Target::Sentinel(workspace()), rule: id.into() },
        remote_id: format!("id-{id}"),
        kind: Kind::Scheduled,
        pinned: false,
        body: body(json!({"displayName": id, "severity": "High", "query": "T"})),
        protect: false,
        lines: vec![],
        entries: vec![],
    }
}

fn detection(id: &str, title: &str) -> Resource {
    let body = body(json!({"displayName": id, "detectionAction": {"alertTemplate": {"title": title}}}));
    let address = Address { target: Target::Defender, rule: id.into() };
    Resource { address, kind: Kind::CustomDetection, body, ..rule(id) }
}

/// The rule as an earlier apply left it, with one property changed.
fn deployed(resource: &Resource, severity: &str) -> Live {
    let mut body = resource.body.clone();
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

fn planned(service: &Service, desired: &[Resource]) -> Plan {
    let policy = Policy {
        prune: Prune::Owned,
        guards: Guards::default(),
        on_drift: None,
        take_over: vec![],
        reenable_auto_disabled: false,
        targets: vec![],
        allow_empty: true,
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

async fn run_with(
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

async fn run(service: &Service, plan: &Plan) -> (Outcome, TestEdge) {
    let (edge, live) = (TestEdge::default(), service.rules());
    let settings = Settings { parallelism: 1, ..Settings::default() };
    let outcome = run_with(service, plan, &live, &edge, settings).await;
    (outcome, edge)
}

fn words(outcome: &Outcome) -> Vec<&'static str> {
    outcome.results.iter().map(|ended| ended.result.word()).collect()
}

#[tokio::test]
async fn every_write_is_recorded_before_and_after_and_read_back() {
    let service = Service::sentinel();
    let plan = planned(&service, &[rule("a")]);
    let (outcome, edge) = run(&service, &plan).await;
    assert_eq!(words(&outcome), ["applied"]);
    assert_eq!(outcome.results[0].request_ids, ["request-2"]);
    let journal = edge.journal.lock().unwrap().clone();
    assert!(matches!(&journal[0], Entry::Begin { plan: digest, changes: 1, .. } if *digest == plan.digest));
    assert!(
        matches!(&journal[1], Entry::Intent { operation: Operation::Create, remote_id, .. } if remote_id == "id-a")
    );
    assert!(matches!(&journal[2], Entry::Done { ending: Ending::Written, .. }));
    assert!(matches!(&journal[3], Entry::End { applied: 1, failed: 0, not_attempted: 0 }));
    assert_eq!(journal.len(), 4);
    // The same plan again writes nothing.
    let (again, edge) = run(&service, &plan).await;
    assert_eq!(words(&again), ["already_done"]);
    assert_eq!(edge.journal.lock().unwrap().len(), 2);
    assert_eq!(service.writes(), ["create id-a"]);
}

/// First answer to a create → how it ends, what the journal says, how many creates were sent.
#[tokio::test]
async fn an_answer_that_says_no_is_checked_against_the_rule_itself() {
    use ErrorKind::{Ambiguous, Conflict, Forbidden, Protocol, Rejected, Unavailable};
    let cases: &[(&[Order], &str, &[Ending], usize)] = &[
        (&[Order::DoAndSay(Ambiguous)], "applied", &[Ending::Written], 1),
        (&[Order::DoAndSay(Rejected)], "applied", &[Ending::Written], 1),
        (&[Order::DoAndSay(Conflict)], "applied", &[Ending::Written], 1),
        (&[Order::DoAndSay(Protocol)], "applied", &[Ending::Written], 1),
        (&[Order::DoAndSay(Unavailable)], "applied", &[Ending::Written], 1),
        (&[Order::Refuse(Ambiguous)], "applied", &[Ending::NotWritten, Ending::Written], 2),
        (&[Order::Refuse(Rejected)], "failed", &[Ending::NotWritten], 1),
        (&[Order::Refuse(Forbidden)], "failed", &[Ending::NotWritten], 1),
        (&[Order::Refuse(Unavailable)], "failed", &[Ending::NotWritten], 1),
    ];
    for (orders, word, endings, creates) in cases {
        let service = Service::ordered(orders);
        let (outcome, edge) = run(&service, &planned(&service, &[rule("a")])).await;
        assert_eq!(words(&outcome), [*word], "{orders:?}");
        assert_eq!(edge.endings(), *endings, "{orders:?}");
        assert_eq!(service.writes().len(), *creates, "{orders:?}");
        assert!(service.rules().len() <= 1, "{orders:?}");
    }
}

#[tokio::test]
async fn an_id_that_somebody_else_took_meanwhile_is_left_alone() {
    let service = Service::sentinel();
    let plan = planned(&service, &[rule("a")]);
    let mut theirs = deployed(&rule("a"), "High");
    theirs.marker.as_mut().unwrap().owner = "other".into();
    let service = service.with(vec![theirs.clone()]);
    let edge = TestEdge::default();
    let outcome = run_with(&service, &plan, &[], &edge, Settings::default()).await;
    assert_eq!(words(&outcome), ["stale"]);
    assert_eq!((service.rules(), service.writes()), (vec![theirs], vec![]));
}

#[tokio::test]
async fn a_held_id_is_waited_for_within_bounds() {
    let held = Order::Refuse(ErrorKind::RecentlyDeleted);
    let service = Service::ordered(&[held, held, held]);
    let (outcome, edge) = run(&service, &planned(&service, &[rule("a")])).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["applied"], 1_000 + 2_000 + 4_000));

    let service = Service::ordered(&[held; 30]);
    let (outcome, edge) = run(&service, &planned(&service, &[rule("a")])).await;
    assert_eq!(words(&outcome), ["failed"]);
    assert_eq!(edge.waited(), Settings::default().hold);
    let ChangeResult::Failed(error) = &outcome.results[0].result else { panic!() };
    assert!(error.help.as_ref().unwrap().contains("--replace-id a"));
}

#[tokio::test]
async fn a_name_that_a_visible_rule_has_is_not_waited_for() {
    let service = Service { target: Target::Defender, state: Mutex::default() };
    let service = service.with(vec![deployed(&detection("theirs", "Same title"), "High")]);
    service.state.lock().unwrap().rules[0].marker = None;
    service.state.lock().unwrap().orders = [Order::Refuse(ErrorKind::Conflict); 3].into();
    let (outcome, edge) = run(&service, &planned(&service, &[detection("ours", "Same title")])).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["failed"], 0));
    let ChangeResult::Failed(error) = &outcome.results[0].result else { panic!() };
    assert!(error.help.as_ref().unwrap().contains("`theirs` (id-theirs)"), "{error:?}");

    // Nobody visible has it: a deleted rule's name, which comes free.
    let service = Service { target: Target::Defender, state: Mutex::default() };
    service.state.lock().unwrap().orders = [Order::Refuse(ErrorKind::Conflict); 2].into();
    let (outcome, edge) = run(&service, &planned(&service, &[detection("ours", "Same title")])).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["applied"], 3_000));
}

#[tokio::test]
async fn a_conflict_is_decided_by_what_the_rule_holds_now() {
    let conflict = Order::Refuse(ErrorKind::Conflict);
    let old = deployed(&rule("a"), "Low");
    let changed = |orders: &[Order]| Service::ordered(orders).with(vec![old.clone()]);
    // Only the etag moved, or the service is confused: the same again.
    let service = changed(&[conflict, conflict]);
    let (outcome, _) = run(&service, &planned(&service, &[rule("a")])).await;
    assert_eq!((words(&outcome), service.writes().len()), (vec!["applied"], 3));
    // Not for ever.
    let service = changed(&[conflict; 9]);
    let (outcome, _) = run(&service, &planned(&service, &[rule("a")])).await;
    assert_eq!((words(&outcome), service.writes().len()), (vec!["failed"], 3));
    // Somebody edited it: theirs stays.
    let service = changed(&[Order::EditedMeanwhile]);
    let (outcome, edge) = run(&service, &planned(&service, &[rule("a")])).await;
    assert_eq!((words(&outcome), edge.endings()), (vec!["stale"], vec![Ending::SomeoneElse]));
    assert_eq!(service.rules()[0].body["severity"], "Portal");
    // A deletion likewise.
    let service = changed(&[Order::EditedMeanwhile]);
    let (outcome, _) = run(&service, &planned(&service, &[])).await;
    assert_eq!((words(&outcome), service.rules().len()), (vec!["stale"], 1));
}

#[tokio::test]
async fn a_changed_owner_is_stale_although_the_content_is_the_same() {
    let service = Service::sentinel().with(vec![deployed(&rule("a"), "Low")]);
    let plan = planned(&service, &[rule("a")]);
    let mut theirs = deployed(&rule("a"), "Low");
    theirs.marker.as_mut().unwrap().owner = "other".into();
    let service = service.with(vec![theirs]);
    let (outcome, _) = run(&service, &plan).await;
    assert_eq!((words(&outcome), service.writes()), (vec!["stale"], vec![]));
}

#[tokio::test]
async fn a_lagging_read_is_waited_for_and_a_lost_property_is_not() {
    let service = Service::sentinel();
    let plan = planned(&service, &[rule("a")]);
    service.state.lock().unwrap().lag = 4;
    let (outcome, edge) = run(&service, &plan).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["applied"], 250 + 500 + 1_000));

    let service = Service::sentinel();
    service.state.lock().unwrap().lag = 1_000;
    let (outcome, edge) = run(&service, &plan).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["unseen"], Settings::default().lag));

    let service = Service::ordered(&[Order::Drop]);
    let (outcome, edge) = run(&service, &plan).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["deviates"], 0));
    let ChangeResult::Deviates(fields) = &outcome.results[0].result else { panic!() };
    assert_eq!(fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>(), ["severity"]);
}

#[tokio::test]
async fn a_replacement_stands_before_the_old_rule_goes() {
    let old = deployed(&rule("a"), "High");
    let near_real_time = Resource { kind: Kind::Nrt, ..rule("a") };
    let service = Service::sentinel().with(vec![old.clone()]);
    let plan = planned(&service, std::slice::from_ref(&near_real_time));
    assert_eq!((plan.summary.replace, plan.summary.blocked), (1, 0));
    let (outcome, _) = run(&service, &plan).await;
    assert_eq!(words(&outcome), ["applied"]);
    let new = service.rules()[0].remote_id.clone();
    assert_eq!(service.writes(), [format!("create {new}"), "delete id-a".to_owned()]);
    assert!(planned(&service, std::slice::from_ref(&near_real_time)).is_empty());
    // Again: nothing.
    assert_eq!(words(&run(&service, &plan).await.0), ["already_done"]);

    // The create is refused: the old rule stays.
    let service = Service::ordered(&[Order::Refuse(ErrorKind::Rejected)]).with(vec![old.clone()]);
    let (outcome, _) = run(&service, &plan).await;
    assert_eq!((words(&outcome), service.rules()), (vec!["failed"], vec![old.clone()]));

    // Cut off between the two: the same plan goes on, and a new plan only takes the old rule away.
    let service = Service::ordered(&[Order::Do, Order::Refuse(ErrorKind::Unavailable)]).with(vec![old]);
    assert_eq!(words(&run(&service, &plan).await.0), ["failed"]);
    let both = service.rules();
    let left_over = planned(&service, std::slice::from_ref(&near_real_time));
    assert_eq!(
        (left_over.summary.delete, left_over.changes.len(), left_over.summary.coverage_reducing),
        (1, 1, 0)
    );
    assert_eq!(words(&run(&service, &plan).await.0), ["applied"]);
    assert_eq!((both.len(), service.rules().len()), (2, 1));
}

#[tokio::test]
async fn deletes_come_last_and_response_actions_after_other_writes() {
    let armed = |id: &str| {
        let mut armed = detection(id, id);
        let action = armed.body["detectionAction"].as_object_mut().unwrap();
        action.insert("automatedActions".into(), json!({"isolateDevices": [{"deviceIdColumn": "DeviceId"}]}));
        armed
    };
    let service = Service { target: Target::Defender, state: Mutex::default() };
    let service = service.with(vec![deployed(&detection("gone", "old title"), "High")]);
    let desired = [armed("a-armed"), detection("m", "m"), detection("reuses", "old title")];
    let plan = planned(&service, &desired);
    run(&service, &plan).await;
    let order = ["create id-m", "create id-a-armed", "delete id-gone", "create id-reuses"];
    assert_eq!(service.writes(), order);
}

#[tokio::test]
async fn failing_fast_and_refused_credentials_end_the_run() {
    let rules = [rule("a"), rule("b"), rule("c")];
    for (kind, fail_fast, expected) in [
        (ErrorKind::Rejected, false, ["failed", "applied", "applied"]),
        (ErrorKind::Rejected, true, ["failed", "not_attempted", "not_attempted"]),
        (ErrorKind::Unauthenticated, false, ["failed", "not_attempted", "not_attempted"]),
    ] {
        let service = Service::ordered(&[Order::Refuse(kind)]);
        let plan = planned(&service, &rules);
        let settings = Settings { parallelism: 1, fail_fast, ..Settings::default() };
        let outcome = run_with(&service, &plan, &[], &TestEdge::default(), settings).await;
        assert_eq!(words(&outcome), expected, "{kind:?} {fail_fast}");
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_written() {
    let service = Service::sentinel();
    let plan = planned(&service, &[rule("a"), rule("b"), rule("c")]);
    // Begin, intent and end of a; then the disk is full.
    let edge = TestEdge { full_after: Some(3), ..TestEdge::default() };
    let settings = Settings { parallelism: 1, ..Settings::default() };
    let outcome = run_with(&service, &plan, &[], &edge, settings).await;
    assert_eq!(words(&outcome), ["applied", "not_attempted", "not_attempted"]);
    assert_eq!(service.writes(), ["create id-a"]);
    assert_eq!(outcome.unrecorded.as_deref(), Some("the disk is full"));

    let edge = TestEdge { full_after: Some(0), ..TestEdge::default() };
    let (_, receiver) = watch::channel(Urgency::None);
    let bound = [Bound { provider: &service, live: &[] }];
    assert!(apply(&plan, &bound, settings, &receiver, &edge).await.is_err());
    assert_eq!(service.writes().len(), 1);
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_stopping_at_once_does_not() {
    let rules = [rule("a"), rule("b"), rule("c")];
    let settings = Settings { parallelism: 1, ..Settings::default() };
    // The second line of the journal is the intent of the first write.
    let stopped = |urgency| TestEdge {
        stop_at: Some((2, urgency, watch::channel(Urgency::None).0)),
        ..TestEdge::default()
    };

    let service = Service::sentinel();
    let plan = planned(&service, &rules);
    let outcome = run_with(&service, &plan, &[], &stopped(Urgency::Finish), settings).await;
    assert_eq!(words(&outcome), ["applied", "not_attempted", "not_attempted"]);

    let service = Service::ordered(&[Order::Hang]);
    let outcome = run_with(&service, &plan, &[], &stopped(Urgency::Now), settings).await;
    assert_eq!(words(&outcome), ["interrupted", "not_attempted", "not_attempted"]);

    // Waiting for a held id is not worth finishing.
    let service = Service::ordered(&[Order::Refuse(ErrorKind::RecentlyDeleted); 9]);
    let edge = stopped(Urgency::Finish);
    let outcome = run_with(&service, &plan, &[], &edge, settings).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["failed", "not_attempted", "not_attempted"], 0));
}

#[tokio::test]
async fn many_written_rules_are_read_back_with_one_list() {
    let rules: Vec<Resource> = (0..20).map(|n| rule(&format!("r{n:02}"))).collect();
    let service = Service::sentinel();
    let plan = planned(&service, &rules);
    let (outcome, _) = run(&service, &plan).await;
    assert_eq!(outcome.on(List::Applied).count(), 20);
    // A list that fails is replaced by single reads.
    let service = Service::sentinel();
    service.state.lock().unwrap().list_fails = true;
    let (outcome, edge) = run(&service, &plan).await;
    assert_eq!((outcome.on(List::Applied).count(), edge.waited()), (20, 0));
}

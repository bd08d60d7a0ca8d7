//! A state machine: whatever people do to the files and to the tenant, after an apply the next plan is empty, and no rule
//! that is not ours was touched. 5,000 sequences from a fixed seed, the same on every machine; with `PALISADE_LONG_TESTS`
//! other ones each time, and 20,000 of them.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;
use tokio::sync::watch;

use super::testing::*;
use super::*;
use crate::address::Target;
use crate::model::environment::{Guards, Prune};
use crate::plan::{Adoption, Input, Migration, OnDrift, Policy, TargetState, plan};
use crate::resource::{Kind, Marker, Resource};

/// Something that happens between two applies. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Edit {
    Add(u8),
    Remove(u8),
    Severity(u8, u8),
    Kind(u8, bool),
    Protect(u8, bool),
    PortalSeverity(u8, u8),
    PortalDelete(u8),
    PortalTakesMarkerOff(u8),
    SomebodyElses(u8, bool),
    /// The next writes are answered like this, done or not.
    Trouble(bool, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    let rule = 0..6_u8;
    prop_oneof![
        4 => rule.clone().prop_map(Edit::Add),
        2 => rule.clone().prop_map(Edit::Remove),
        3 => (rule.clone(), 0..3_u8).prop_map(|(rule, to)| Edit::Severity(rule, to)),
        1 => (rule.clone(), any::<bool>()).prop_map(|(rule, nrt)| Edit::Kind(rule, nrt)),
        1 => (rule.clone(), any::<bool>()).prop_map(|(rule, on)| Edit::Protect(rule, on)),
        2 => (rule.clone(), 0..3_u8).prop_map(|(rule, to)| Edit::PortalSeverity(rule, to)),
        1 => rule.clone().prop_map(Edit::PortalDelete),
        1 => rule.clone().prop_map(Edit::PortalTakesMarkerOff),
        1 => (rule, any::<bool>()).prop_map(|(rule, marked)| Edit::SomebodyElses(rule, marked)),
        1 => (any::<bool>(), 0..3_u8).prop_map(|(done, kind)| Edit::Trouble(done, kind)),
    ]
}

const SEVERITIES: [&str; 3] = ["Low", "Medium", "High"];

fn name(rule: u8) -> String {
    format!("r{rule}")
}

fn is_long() -> bool {
    std::env::var_os("PALISADE_LONG_TESTS").is_some()
}

struct Machine {
    service: Service,
    files: std::collections::BTreeMap<u8, Resource>,
}

/// A rule for the machine's platform.
fn file_of(service: &Service, id: &str) -> Resource {
    match service.target {
        Target::Defender => super::testing::detection(id, id),
        Target::Sentinel(_) => super::testing::rule(id),
    }
}

impl Machine {
    fn take(&mut self, edit: &Edit) {
        let file = |files: &mut std::collections::BTreeMap<u8, Resource>,
                    rule: &u8,
                    change: &dyn Fn(&mut Resource)| {
            files.get_mut(rule).map(change);
        };
        let mut state = self.service.state.lock().unwrap();
        let ours = |live: &Live, rule: u8| {
            live.marker.as_ref().is_some_and(|marker| marker.owner == "acme" && marker.rule == name(rule))
        };
        match edit {
            Edit::Add(rule) => {
                self.files.entry(*rule).or_insert_with(|| file_of(&self.service, &name(*rule)));
            }
            Edit::Remove(rule) => {
                self.files.remove(rule);
            }
            Edit::Severity(rule, to) => file(&mut self.files, rule, &|file| {
                Arc::make_mut(&mut file.body).insert("severity".into(), json!(SEVERITIES[usize::from(*to)]));
            }),
            // Graph has one kind.
            Edit::Kind(rule, nrt) => file(&mut self.files, rule, &|file| {
                if file.kind == Kind::CustomDetection {
                    return;
                }
                file.kind = if *nrt { Kind::Nrt } else { Kind::Scheduled };
            }),
            Edit::Protect(rule, on) => file(&mut self.files, rule, &|file| file.protect = *on),
            Edit::PortalSeverity(rule, to) => {
                for live in state.rules.iter_mut().filter(|live| ours(live, *rule)) {
                    live.body.insert("severity".into(), json!(SEVERITIES[usize::from(*to)]));
                }
            }
            Edit::PortalDelete(rule) => state.rules.retain(|live| !ours(live, *rule)),
            Edit::PortalTakesMarkerOff(rule) => {
                for live in state.rules.iter_mut().filter(|live| ours(live, *rule)) {
                    live.marker = None;
                }
            }
            Edit::SomebodyElses(rule, marked) => {
                let mut theirs = deployed(&file_of(&self.service, &format!("theirs-{rule}")), "High");
                theirs.marker =
                    marked.then(|| Marker { owner: "other".into(), ..theirs.marker.clone().unwrap() });
                state.rules.retain(|live| live.remote_id != theirs.remote_id);
                state.rules.push(theirs);
            }
            Edit::Trouble(done, kind) => {
                let kind =
                    [ErrorKind::Ambiguous, ErrorKind::Conflict, ErrorKind::Unavailable][usize::from(*kind)];
                state.orders.push_back(if *done { Order::DoAndSay(kind) } else { Order::Refuse(kind) });
            }
        }
    }

    fn plan(&self) -> Plan {
        let desired: Vec<Resource> = self.files.values().cloned().collect();
        let policy = Policy {
            prune: Prune::Owned,
            guards: Guards { max_deletes: 99, max_coverage_reducing: 99, max_change_percent: 100 },
            on_drift: Some(OnDrift::Revert),
            take_over: vec![],
            adoption: Adoption::Leave,
            migration: Migration::Leave,
            reenable_auto_disabled: false,
            targets: vec![],
            allow_empty: true,
            changed: None,
            replace_ids: vec![],
        };
        let live = self.service.rules();
        plan(&Input {
            environment: "lab",
            owner: "acme",
            tenant_id: "t",
            desired: &desired,
            actual: &[TargetState {
                target: self.service.target.clone(),
                schema: self.service.schema(),
                live,
            }],
            policy: &policy,
            evaluated_at: "2026-11-23T08:00:00Z",
            valid_until: "2026-11-24T08:00:00Z",
        })
    }

    /// Rules that nobody may touch: unmarked ones that no file of ours computes the id of, and those of others.
    fn others(&self) -> Vec<Live> {
        let is_ours = |live: &Live| match &live.marker {
            Some(marker) => marker.owner == "acme",
            None => self.files.values().any(|file| file.remote_id == live.remote_id),
        };
        let mut others: Vec<Live> = self.service.rules().into_iter().filter(|live| !is_ours(live)).collect();
        others.sort_by(|a, b| a.remote_id.cmp(&b.remote_id));
        others
    }
}

fn applied(machine: &Machine, plan: &Plan) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let live = machine.service.rules();
    let bound = [Bound { provider: &machine.service, live: &live }];
    let (_sender, stop) = watch::channel(Urgency::None);
    runtime.block_on(apply(plan, &bound, Settings::default(), &stop, &TestEdge::default())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if is_long() { 20_000 } else { 5_000 },
        rng_seed: if is_long() { RngSeed::Random } else { RngSeed::Fixed(20_261_123) },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn after_an_apply_the_plan_is_empty_and_nobody_elses_rule_was_touched(
        graph in any::<bool>(),
        rounds in prop::collection::vec(prop::collection::vec(edit(), 1..8), 1..6)
    ) {
        let service = if graph { Service::graph() } else { Service::sentinel() };
        let mut machine = Machine { service, files: Default::default() };
        for edits in rounds {
            edits.iter().for_each(|edit| machine.take(edit));
            let others = machine.others();
            // Trouble may leave something undone; the same again must do it.
            let first = machine.plan();
            applied(&machine, &first);
            machine.service.state.lock().unwrap().orders.clear();
            let second = machine.plan();
            let outcome = applied(&machine, &second);
            prop_assert_eq!(outcome.on(List::Applied).count(), outcome.results.len());
            let third = machine.plan();
            let left: Vec<_> = third.effective().collect();
            prop_assert!(left.is_empty(), "{:#?}", left);
            prop_assert_eq!(machine.others(), others);
            // Exactly one live rule of ours for each file that is not held back.
            for file in machine.files.values() {
                let held = third.changes.iter().any(|change| change.rule == file.address.rule);
                let live = machine.service.rules().into_iter().filter(|live| {
                    live.marker.as_ref().is_some_and(|marker| marker.owner == "acme" && marker.rule == file.address.rule)
                });
                prop_assert!(held || live.count() == 1);
            }
        }
    }
}

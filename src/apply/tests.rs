//! What an apply makes of every kind of answer. No clock: waiting is only counted.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::watch;

use super::testing::*;
use super::*;
use crate::address::Target;
use crate::resource::{Kind, Resource};

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

    // A deletion that was accepted and is still shown is no failure.
    let service = Service::sentinel().with(vec![deployed(&rule("a"), "High")]);
    let deletion = planned(&service, &[]);
    {
        let mut state = service.state.lock().unwrap();
        (state.lag, state.old) = (1_000, state.rules.clone());
    }
    let (outcome, edge) = run(&service, &deletion).await;
    assert_eq!((words(&outcome), edge.waited()), (vec!["deletion_accepted"], Settings::default().lag));
    assert_eq!(outcome.on(List::Applied).count(), 1);

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
async fn what_gave_up_while_it_waited_was_not_attempted() {
    let service = Service::ordered(&[Order::Refuse(ErrorKind::Stopped)]);
    let plan = planned(&service, &[rule("a")]);
    let (outcome, edge) = run(&service, &plan).await;
    assert_eq!((words(&outcome), edge.endings()), (vec!["not_attempted"], vec![Ending::NotWritten]));
    // Half of a replacement is not nothing: both rules are there.
    let old = deployed(&rule("a"), "High");
    let service = Service::ordered(&[Order::Do, Order::Refuse(ErrorKind::Stopped)]).with(vec![old]);
    let near_real_time = [Resource { kind: Kind::Nrt, ..rule("a") }];
    let plan = planned(&service, &near_real_time);
    assert_eq!(words(&run(&service, &plan).await.0), ["interrupted"]);
    assert_eq!(service.rules().len(), 2);
    assert_eq!(words(&run(&service, &plan).await.0), ["applied"]);
    assert!(planned(&service, &near_real_time).is_empty());
}

#[tokio::test]
async fn a_deletion_that_is_still_to_be_seen_is_reported_and_done_by_the_next_apply() {
    let old = deployed(&rule("a"), "High");
    let service = Service::sentinel().with(vec![old.clone()]);
    let plan = planned(&service, &[]);
    {
        let mut state = service.state.lock().unwrap();
        (state.lag, state.old) = (usize::MAX, vec![old.clone()]);
    }
    let (outcome, edge) = run(&service, &plan).await;
    assert_eq!((words(&outcome), edge.endings()), (vec!["deletion_accepted"], vec![Ending::Written]));
    assert_eq!(edge.waited(), Settings::default().lag);
    // It is gone when the next plan is made.
    service.state.lock().unwrap().lag = 0;
    assert!(planned(&service, &[]).is_empty());
    assert_eq!(words(&run(&service, &plan).await.0), ["already_done"]);
}

#[tokio::test]
async fn deletes_come_last_and_response_actions_after_other_writes() {
    let armed = |id: &str| {
        let mut armed = detection(id, id);
        let action = Arc::make_mut(&mut armed.body)["detectionAction"].as_object_mut().unwrap();
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

//! The edge of an apply: signals, the journal, progress, and what is said when it is over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::apply::{
    Bound, ChangeResult, Edge, Ended, Entry, Event, List, Operation, Outcome, Settings, apply,
};
use crate::plan::{Plan, TargetState};
use crate::render::safe;
use async_trait::async_trait;

use super::connection::Connection;
use super::failure::{Exit, Failure};
use super::interrupt::Interrupt;
use super::journal::Journal;
use super::progress::Progress;
use super::ui::Ui;

/// Names of each of the three lists that are printed; the report has all.
const SHOWN: usize = 30;

struct World<'a> {
    journal: &'a Journal,
    progress: &'a Progress<'a>,
    /// The environment whose events are printed as JSON lines.
    stream: Option<&'a str>,
    ui: &'a Ui,
}

#[async_trait]
impl Edge for World<'_> {
    fn record(&self, entry: &Entry) -> Result<(), String> {
        self.journal.record(entry)
    }

    async fn wait(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    fn tell(&self, event: &Event<'_>) {
        if let Some(environment) = self.stream {
            self.ui.json_line(&crate::render::events::event(environment, event));
        }
        self.progress.event(event);
    }
}

/// What an apply talks to.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    /// The environment's name, where every event is also printed as a line of JSON.
    pub(crate) stream: Option<&'a str>,
    /// What may stop it.
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) ui: &'a Ui,
}

/// Carries out a plan; everything that happened. The journal is kept by `journal`.
pub(crate) async fn carry_out(
    plan: &Plan,
    connection: &Connection,
    states: &[TargetState],
    settings: Settings,
    journal: &Journal,
    around: &Around<'_>,
) -> Result<Outcome, Failure> {
    let Around { stream, interrupt, ui } = *around;
    let bound: Vec<Bound<'_>> = connection
        .providers
        .iter()
        .zip(states)
        .map(|(provider, state)| Bound { provider: provider.as_ref(), live: &state.live })
        .collect();
    for (address, operation) in &journal.open_ends {
        let what = match operation {
            Operation::Create => "creating",
            Operation::Update => "updating",
            Operation::Delete => "deleting",
        };
        ui.say(&format!(
            "An earlier run was cut off while {what} {}; the rule itself is asked now.",
            safe::line(address)
        ));
    }
    interrupt.listen()?;
    let progress = Progress::new(ui, plan.effective().count(), connection.estimate(plan));
    interrupt.draw_around(ui.animated.then(|| progress.bar()));
    let world = World { journal, progress: &progress, stream, ui };
    let outcome = apply(plan, &bound, settings, &interrupt.stop(), &world).await;
    progress.finish();
    interrupt.draw_around(None);
    outcome.map_err(|why| Failure::error(format!("{}; nothing was changed", safe::line(&why))))
}

/// Says what happened, with every failure in full, and decides the exit code. Of `several` environments, it is said in which.
pub(crate) fn report(plan: &Plan, outcome: &Outcome, several: bool, ui: &Ui) -> Exit {
    for ended in &outcome.results {
        match &ended.result {
            ChangeResult::Failed(error) | ChangeResult::Unknown(error) => ui.failure(&Failure::from(error)),
            _ => {}
        }
    }
    if let Some(why) = &outcome.unrecorded {
        ui.failure(&Failure::error(format!("{}; no further write was begun", safe::line(why))));
    }
    let stale = outcome.count(|result| matches!(result, ChangeResult::Stale));
    let failed = outcome.on(List::Failed).count() - stale;
    let open = outcome.on(List::NotAttempted).count();
    let done = outcome.on(List::Applied).count();
    let already = outcome.count(|result| matches!(result, ChangeResult::AlreadyDone));
    let name = if several { format!("{}: ", safe::line(&plan.environment)) } else { String::new() };
    let mut text = format!("{name}Applied {done} of {} changes.", outcome.results.len());
    for (count, what) in [
        (already, "already as planned"),
        (failed, "failed"),
        (stale, "stale (the rule changed since the plan was made; plan again)"),
        (open, "not attempted"),
        (plan.summary.blocked, "held back"),
    ] {
        if count > 0 {
            let _ = write!(text, " {count} {what}.");
        }
    }
    let pending = outcome.count(|result| matches!(result, ChangeResult::Lingers));
    if pending > 0 {
        let _ = write!(
            text,
            " {pending} deletion{} accepted, but not seen to be done yet; plan again later.",
            if pending == 1 { " was" } else { "s were" }
        );
    }
    let exit = match exit(plan, done, failed, stale, open) {
        // What a stopped run began may be there, whatever it counts as.
        Exit::Error if outcome.stopped => Exit::Partial,
        exit => exit,
    };
    if exit == Exit::Partial {
        ui.tell(&lists(outcome));
    }
    ui.tell(&ui.err.strong(&text));
    if failed + open > 0 {
        ui.say("Run the same command again to go on; what is done already is skipped.");
    }
    exit
}

fn exit(plan: &Plan, done: usize, failed: usize, stale: usize, open: usize) -> Exit {
    match (failed + open, stale, plan.summary.blocked) {
        (0, 0, 0) => Exit::Done,
        (0, 0, _) => Exit::Refused,
        (0, _, _) if done == 0 => Exit::Stale,
        (_, _, _) if done == 0 && stale == 0 && open == 0 => Exit::Error,
        _ => Exit::Partial,
    }
}

/// `Applied: …`, `Failed: …`, `Not attempted: …`, with the addresses.
fn lists(outcome: &Outcome) -> String {
    let list = |name: &str, list: List| {
        let of: Vec<&Ended> = outcome.on(list).collect();
        let mut text = format!("{name} ({}):", of.len());
        for ended in of.iter().take(SHOWN) {
            let _ = write!(text, "\n  {}", safe::line(&ended.address));
            if list == List::Failed {
                let _ = write!(text, "  ({})", ended.result.word());
            }
        }
        if of.len() > SHOWN {
            let _ = write!(text, "\n  … and {} more; --report FILE has all", of.len() - SHOWN);
        }
        text
    };
    [list("Applied", List::Applied), list("Failed", List::Failed), list("Not attempted", List::NotAttempted)]
        .join("\n")
}

/// The three lists as JSON: per rule what was to be done, how it ended, and the requests that wrote.
pub(crate) fn lists_json(outcome: &Outcome) -> BTreeMap<&'static str, serde_json::Value> {
    let of = |list: List| {
        let entries = outcome.on(list).map(|ended| {
            let message = match &ended.result {
                ChangeResult::Failed(error) | ChangeResult::Unknown(error) => Some(error.message.clone()),
                ChangeResult::Deviates(fields) => {
                    let names: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
                    Some(format!("the service keeps other values in {}", names.join(", ")))
                }
                _ => None,
            };
            let refused = match &ended.result {
                ChangeResult::Failed(error) | ChangeResult::Unknown(error) => error.request_id.clone(),
                _ => None,
            };
            let request_ids: Vec<&String> = ended.request_ids.iter().chain(&refused).collect();
            serde_json::json!({
                "address": ended.address,
                "actions": ended.actions,
                "result": ended.result.word(),
                "message": message,
                "request_ids": request_ids,
            })
        });
        serde_json::Value::Array(entries.collect())
    };
    BTreeMap::from([
        ("applied", of(List::Applied)),
        ("failed", of(List::Failed)),
        ("not_attempted", of(List::NotAttempted)),
    ])
}

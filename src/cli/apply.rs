//! `palisade apply`: a saved plan, or a new one after confirmation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::apply::{Bound, ChangeResult, Outcome, Settings as ApplySettings, apply};
use crate::plan::{Plan, TargetState};
use crate::render::safe;

use super::block_on;
use super::connection::{Connection, connect};
use super::failure::{Exit, Failure};
use super::planning::{Planned, PlanningArgs, plan_environment, shown_json, text, write_private};
use super::progress::Progress;
use super::repository::{Opened, open};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved with `plan --out`; it is carried out as it is, without asking
    #[arg(value_name = "PLAN", conflicts_with_all = ["environments", "all_envs", "target", "on_drift", "take_over"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    planning: PlanningArgs,
    /// Do not ask for confirmation
    #[arg(long)]
    auto_approve: bool,
    /// Apply only if the new plan has this digest (`sha256:…`, from the plan that was reviewed); does not ask
    #[arg(long, value_name = "DIGEST", conflicts_with = "plan")]
    expect_digest: Option<String>,
    /// How many changes are under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    parallelism: u16,
}

pub(crate) fn run(args: &ApplyArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    if let Some(file) = &args.plan {
        let plan = super::show::read(file)?;
        return block_on(saved(&opened, plan, args, settings, ui));
    }
    opened.require_sound(ui)?;
    let environments = opened.choose(&args.planning.environments)?;
    if args.expect_digest.is_some() && environments.len() != 1 {
        return Err(Failure::error("a digest is of one environment's plan")
            .help("use --expect-digest with a single -e NAME"));
    }
    let mut worst = Exit::Done;
    let mut plans = Vec::new();
    for environment in environments {
        let outcome = block_on(async {
            let planned = plan_environment(&opened, environment, &args.planning, settings, ui).await?;
            fresh(planned, args, ui).await
        });
        match outcome {
            Ok((plan, exit)) => {
                plans.push(plan);
                worst = worst.max(exit);
            }
            // The other environments go on; the worst outcome is the command's.
            Err(failure) => {
                ui.failure(&failure);
                worst = worst.max(failure.exit);
            }
        }
    }
    if let Some(file) = &args.planning.json_into
        && !plans.is_empty()
    {
        write_private(file, &shown_json(&plans)?)?;
    }
    Ok(worst)
}

/// Shows a new plan, asks, and carries it out.
async fn fresh(planned: Planned, args: &ApplyArgs, ui: &Ui) -> Result<(Plan, Exit), Failure> {
    let Planned { plan, connection, states } = planned;
    ui.data(&text(&plan, ui));
    let exit = match approve(&plan, &connection, args, ui) {
        Ok(true) => carry_out(&plan, &connection, &states, args, ui).await,
        Ok(false) => Ok(Exit::Done),
        Err(failure) => Err(failure),
    };
    connection.close().await?;
    Ok((plan, exit?))
}

/// Whether to go on. A guard or a missing approval is a failure; an empty plan simply ends here.
fn approve(plan: &Plan, connection: &Connection, args: &ApplyArgs, ui: &Ui) -> Result<bool, Failure> {
    if let Some(expected) = &args.expect_digest
        && *expected != plan.digest
    {
        return Err(Failure::with(
            Exit::Stale,
            format!("the plan's digest is {}, not the expected {expected}", plan.digest),
        )
        .help("something changed since the plan was reviewed; review the new plan"));
    }
    if plan.effective().next().is_none() {
        return match plan.summary.blocked {
            0 => Ok(false),
            _ => Err(blocked(plan)),
        };
    }
    guard(plan)?;
    if args.auto_approve || args.expect_digest.is_some() {
        return Ok(true);
    }
    if !ui.interactive {
        return Err(Failure::error("nobody can be asked for approval here; nothing was changed")
            .help("give --auto-approve, a saved plan, or --expect-digest"));
    }
    let who = connection.identity.as_ref().map(|identity| format!(" as {identity}")).unwrap_or_default();
    let question =
        format!("\nCarry out these changes in {}{}?", safe::line(&plan.environment), safe::line(&who));
    if ui.confirm(&question, "yes") {
        Ok(true)
    } else {
        Err(Failure::error("not approved; nothing was changed"))
    }
}

fn guard(plan: &Plan) -> Result<(), Failure> {
    match plan.guards.as_slice() {
        [] => Ok(()),
        guards => {
            let options: Vec<&str> = guards.iter().map(|guard| guard.option.as_str()).collect();
            let names: Vec<&str> = guards.iter().map(|guard| guard.guard.as_str()).collect();
            Err(Failure::with(Exit::Refused, format!("refused by {}; nothing was changed", names.join(", ")))
                .help(format!("if these changes are right, approve their number: {}", options.join(" "))))
        }
    }
}

fn blocked(plan: &Plan) -> Failure {
    let count = plan.summary.blocked;
    Failure::with(
        Exit::Refused,
        format!("{count} change{} held back; nothing was changed", if count == 1 { " is" } else { "s are" }),
    )
}

/// Carries out a saved plan after checking that it still is what was reviewed.
async fn saved(
    opened: &Opened,
    plan: Plan,
    args: &ApplyArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let until: Option<jiff::Timestamp> = plan.valid_until.parse().ok();
    if until.is_none_or(|until| settings.now().is_ok_and(|now| now >= until)) {
        return Err(Failure::with(
            Exit::Stale,
            format!("the plan was valid until {}", safe::line(&plan.valid_until)),
        )
        .help("make it again with `palisade plan --out FILE`"));
    }
    let environments = &opened.repository.environments;
    let Some(environment) = environments.iter().find(|environment| environment.name == plan.environment)
    else {
        return Err(Failure::error(format!(
            "there is no environment `{}` here",
            safe::line(&plan.environment)
        )));
    };
    let workspaces: Vec<String> =
        environment.sentinel.iter().map(|workspace| workspace.resource_id()).collect();
    let same = environment.tenant_id.value == plan.tenant_id
        && environment.owner.value == plan.owner
        && plan.workspaces.iter().all(|id| workspaces.iter().any(|known| known.eq_ignore_ascii_case(id)));
    if !same {
        return Err(Failure::with(
            Exit::Stale,
            format!("the plan is for another tenant, owner or workspace than `{}` has now", environment.name),
        )
        .help("make it again with `palisade plan --out FILE`"));
    }
    ui.data(&text(&plan, ui));
    if plan.effective().next().is_none() {
        return if plan.summary.blocked > 0 { Err(blocked(&plan)) } else { Ok(Exit::Done) };
    }
    guard(&plan)?;
    let connection = connect(environment, &opened.root, args.planning.credential.0, settings).await?;
    let exit = match connection.list().await {
        Ok(states) => carry_out(&plan, &connection, &states, args, ui).await,
        Err(failure) => Err(failure),
    };
    connection.close().await?;
    exit
}

async fn carry_out(
    plan: &Plan,
    connection: &Connection,
    states: &[TargetState],
    args: &ApplyArgs,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let bound: Vec<Bound<'_>> = connection
        .providers
        .iter()
        .zip(states)
        .map(|(provider, state)| Bound { provider: provider.as_ref(), live: &state.live })
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch_signals(Arc::clone(&stop)));
    let progress = Progress::new(ui, plan.effective().count());
    let settings = ApplySettings { parallelism: usize::from(args.parallelism) };
    let outcome = apply(plan, &bound, settings, &stop, &|event| progress.event(&event)).await;
    progress.finish();
    watcher.abort();
    Ok(report(plan, &outcome, ui))
}

/// The first Ctrl-C lets changes under way finish; the second ends the process.
async fn watch_signals(stop: Arc<AtomicBool>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.store(true, Ordering::SeqCst);
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(5);
    }
}

/// Says what happened, with every failure in full, and decides the exit code.
fn report(plan: &Plan, outcome: &Outcome, ui: &Ui) -> Exit {
    for (_, _, result) in &outcome.results {
        if let ChangeResult::Failed(error) = result {
            ui.failure(&Failure::from(error));
        }
    }
    let failed =
        outcome.count(|result| matches!(result, ChangeResult::Failed(_) | ChangeResult::Deviates(_)));
    let stale = outcome.count(|result| matches!(result, ChangeResult::Stale));
    let open = outcome.count(|result| matches!(result, ChangeResult::NotAttempted));
    let done = outcome.results.len() - failed - stale - open;
    let mut text = format!("Applied {done} of {} changes.", outcome.results.len());
    for (count, what) in [
        (failed, "failed"),
        (stale, "stale (the rule changed since the plan was made; plan again)"),
        (open, "not attempted"),
        (plan.summary.blocked, "held back"),
    ] {
        if count > 0 {
            text.push_str(&format!(" {count} {what}."));
        }
    }
    ui.tell(&ui.err.strong(&text));
    if failed + open > 0 {
        ui.say("Run the same command again to go on; what is done already is skipped.");
    }
    match (failed + open, stale, plan.summary.blocked) {
        (0, 0, 0) => Exit::Done,
        (0, 0, _) => Exit::Refused,
        (0, _, _) if done == 0 => Exit::Stale,
        (_, _, _) if done == 0 && stale == 0 && open == 0 => Exit::Error,
        _ => Exit::Partial,
    }
}

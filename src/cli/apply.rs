//! `palisade apply`: a saved plan, or a new one after confirmation.

use std::path::{Path, PathBuf};

use crate::apply::Settings as ApplySettings;
use crate::plan::{GuardViolation, Plan, TargetState};
use crate::render::safe;

use super::connection::{Connection, connect};
use super::failure::{Exit, Failure};
use super::journal::Journal;
use super::planning::{
    Planned, PlanningArgs, plan_environment, say_estimate, shown_json, text, write_private,
};
use super::record::{self, Facts};
use super::repository::Opened;
use super::settings::Settings;
use super::ui::Ui;
use super::{audit, block_on, carry_out};

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved with `plan --out`; it is carried out as it is, without asking
    #[arg(value_name = "PLAN", conflicts_with_all = ["all_envs", "target", "on_drift", "take_over", "at", "ring", "replace_id",
        "allow_empty", "reenable_auto_disabled", "json_into"])]
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
    /// Begin nothing more after the first change that fails, no further environment either
    #[arg(long)]
    fail_fast: bool,
    /// How long a change waits for an id or a name that the service still holds after a deletion
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    /// Write what was done, by whom and with which result to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What every environment of one command shares.
#[derive(Clone, Copy)]
struct Run<'a> {
    root: &'a Path,
    args: &'a ApplyArgs,
    settings: &'a Settings,
    ui: &'a Ui,
}

pub(crate) fn run(args: &ApplyArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = args.planning.open(start)?;
    let run = Run { root: &opened.root, args, settings, ui };
    if let Some(file) = &args.plan {
        let plan = super::show::read(file)?;
        return block_on(saved(&opened, plan, &run));
    }
    opened.require_sound(ui)?;
    let environments = opened.choose(&args.planning.environments)?;
    if (args.expect_digest.is_some() || args.report.is_some()) && environments.len() != 1 {
        return Err(Failure::error("a digest and a report are of one environment's plan")
            .help("use --expect-digest and --report with a single -e NAME"));
    }
    let mut worst = Exit::Done;
    let mut plans = Vec::new();
    let mut environments = environments.into_iter();
    let mut stopped = false;
    while let Some(environment) = environments.next() {
        let outcome = block_on(async {
            let planned = plan_environment(&opened, environment, &args.planning, settings, ui).await?;
            fresh(planned, &run).await
        });
        match outcome {
            Ok((plan, Applied { exit, stopped: by_signal })) => {
                plans.push(plan);
                worst = worst.max(exit);
                stopped = by_signal;
            }
            // The other environments go on; the worst outcome is the command's.
            Err(failure) => {
                ui.failure(&failure);
                worst = worst.max(failure.exit);
            }
        }
        let failed = args.fail_fast && worst != Exit::Done;
        if (stopped || failed) && !environments.as_slice().is_empty() {
            let rest: Vec<String> = environments.map(|one| safe::line(&one.name)).collect();
            ui.tell(&format!("Not begun: {}.", rest.join(", ")));
            worst = worst.max(Exit::Partial);
            break;
        }
    }
    if let Some(file) = &args.planning.json_into
        && !plans.is_empty()
    {
        write_private(file, &shown_json(&plans)?)?;
    }
    Ok(worst)
}

/// How carrying out a plan ended.
struct Applied {
    exit: Exit,
    /// Somebody stopped it: the next environment is not begun.
    stopped: bool,
}

/// Shows a new plan, asks, and carries it out.
async fn fresh(planned: Planned, run: &Run<'_>) -> Result<(Plan, Applied), Failure> {
    let Run { args, ui, .. } = *run;
    let Planned { plan, connection, states } = planned;
    ui.data(&text(&plan, ui));
    say_estimate(&plan, &connection, ui);
    let applied = match approve(&plan, &connection, args, ui) {
        Ok(true) => carry_out(&plan, &connection, &states, run).await,
        Ok(false) => Ok(Applied { exit: Exit::Done, stopped: false }),
        Err(failure) => Err(failure),
    };
    connection.close().await?;
    Ok((plan, applied?))
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
    guard(plan, &args.planning)?;
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

/// Stops at limits that nobody approved to exceed: when the plan was made, or now.
fn guard(plan: &Plan, approved: &PlanningArgs) -> Result<(), Failure> {
    let limit = |guard: &GuardViolation| match guard.guard.as_str() {
        "max_deletes" => approved.max_deletes,
        "max_coverage_reducing" => approved.max_coverage_reducing,
        "max_change_percent" => approved.max_change_percent,
        _ => None,
    };
    let exceeds = |guard: &&GuardViolation| limit(guard).is_none_or(|most| guard.planned > u64::from(most));
    let exceeded: Vec<&GuardViolation> = plan.guards.iter().filter(exceeds).collect();
    match exceeded.as_slice() {
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
async fn saved(opened: &Opened, plan: Plan, run: &Run<'_>) -> Result<Exit, Failure> {
    let Run { args, settings, ui, .. } = *run;
    let until: Option<jiff::Timestamp> = plan.valid_until.parse().ok();
    if until.is_none_or(|until| settings.now().is_ok_and(|now| now >= until)) {
        return Err(Failure::with(
            Exit::Stale,
            format!("the plan was valid until {}", safe::line(&plan.valid_until)),
        )
        .help("make it again with `palisade plan --out FILE`"));
    }
    // PALISADE_ENV may be set for a whole pipeline.
    let wanted = &args.planning.environments.environments;
    if !wanted.is_empty() && !wanted.contains(&plan.environment) {
        return Err(Failure::error(format!(
            "the plan is for `{}`, not for {}",
            safe::line(&plan.environment),
            safe::line(&wanted.join(", "))
        ))
        .help("leave out --env (and PALISADE_ENV), or make a plan for that environment"));
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
    guard(&plan, &args.planning)?;
    let connection = connect(environment, &opened.root, args.planning.credential.0, settings).await?;
    let exit = match connection.list().await {
        Ok(states) => {
            say_estimate(&plan, &connection, ui);
            carry_out(&plan, &connection, &states, run).await.map(|applied| applied.exit)
        }
        Err(failure) => Err(failure),
    };
    connection.close().await?;
    exit
}

/// Carries a plan out, records it, and says what happened.
async fn carry_out(
    plan: &Plan,
    connection: &Connection,
    states: &[TargetState],
    run: &Run<'_>,
) -> Result<Applied, Failure> {
    let Run { root, args, settings, ui } = *run;
    let started_at = settings.moment().to_string();
    let journal = Journal::open(root, plan, settings.fixed_now())?;
    let how = ApplySettings {
        parallelism: usize::from(args.parallelism),
        fail_fast: args.fail_fast,
        hold: args.wait.saturating_mul(1_000),
        ..ApplySettings::default()
    };
    let outcome = carry_out::carry_out(plan, connection, states, how, &journal, ui).await?;
    let exit = carry_out::report(plan, &outcome, ui);
    let facts = Facts {
        plan,
        outcome: &outcome,
        exit,
        identity: connection.identity.as_ref(),
        started_at,
        ended_at: settings.moment().to_string(),
    };
    let record = audit::append(root, record::record(&facts, root, &settings.variables))?;
    if let Some(file) = &args.report {
        write_private(file, &format!("{record:#}\n"))?;
    }
    Ok(Applied { exit, stopped: outcome.stopped })
}

//! `palisade apply`: a saved plan, or a new one after confirmation.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::apply::{Outcome, Settings as ApplySettings};
use crate::diagnostic::Diagnostics;
use crate::model::environment::Environment;
use crate::plan::{GuardViolation, Plan, TargetState, redacted};
use crate::render::{events, json, outcome, safe};
use crate::resource::Kind;

use super::connection::{Connection, connect};
use super::expected::Expected;
use super::failure::{Exit, Failure};
use super::journal::Journal;
use super::outputs;
use super::planning::{self, Planned, PlanningArgs, plan_environment, text, write_private};
use super::record::{self, Facts};
use super::repository::Opened;
use super::settings::Settings;
use super::ui::Ui;
use super::{audit, block_on, carry_out};

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved with `plan --out`; it is carried out as it is, without asking
    #[arg(value_name = "PLAN", conflicts_with_all = ["all_envs", "target", "on_drift", "take_over", "at", "changed_since", "ring",
        "replace_id", "allow_empty", "reenable_auto_disabled"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    planning: PlanningArgs,
    /// Do not ask for confirmation
    #[arg(long)]
    auto_approve: bool,
    /// Apply only if the new plan has this digest: `sha256:…`, or the reviewed plan's JSON file, which has it; does not
    /// ask
    #[arg(long, value_name = "DIGEST", conflicts_with = "plan")]
    expect_digest: Option<String>,
    /// How many changes are under way at once
    #[arg(long, value_name = "N", default_value_t = PARALLELISM, value_parser = clap::value_parser!(u16).range(1..=32))]
    parallelism: u16,
    /// Begin nothing more after the first change that fails, no further environment either
    #[arg(long)]
    fail_fast: bool,
    /// How long a change waits for an id or a name that the service still holds after a deletion
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT)]
    wait: u64,
    /// Write what was done, by whom and with which result to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to print the plan and what happens
    #[arg(long, value_enum, default_value_t = ApplyFormat::Text)]
    format: ApplyFormat,
}

/// How to print an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ApplyFormat {
    /// The plan, for people
    Text,
    /// Plan and report, when it is over
    Json,
    /// One JSON object a line for everything that happens, as it happens
    Ndjson,
}

/// What became of one environment.
struct Applied {
    plan: Plan,
    findings: Diagnostics,
    exit: Exit,
    /// The record and the outcome; none when there was nothing to do.
    done: Option<(Value, Outcome)>,
}

impl ApplyArgs {
    /// An apply of nothing but a new plan made with `planning`.
    pub(crate) const fn of(planning: PlanningArgs, auto_approve: bool, report: Option<PathBuf>) -> Self {
        Self {
            plan: None,
            planning,
            auto_approve,
            expect_digest: None,
            parallelism: PARALLELISM,
            fail_fast: false,
            wait: WAIT,
            report,
            format: ApplyFormat::Text,
        }
    }
}

/// How many changes are under way at once.
const PARALLELISM: u16 = 4;
/// How many seconds a change waits for an id or a name that the service still holds.
const WAIT: u64 = 120;

/// What every environment of one command shares.
#[derive(Clone, Copy)]
struct Run<'a> {
    root: &'a Path,
    args: &'a ApplyArgs,
    settings: &'a Settings,
    expected: Option<&'a Expected>,
    ui: &'a Ui,
}

pub(crate) fn run(args: &ApplyArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    args.planning.check_outputs()?;
    outputs::writable([&args.report])?;
    let opened = args.planning.open(start)?;
    let expected = args.expect_digest.as_deref().map(Expected::read).transpose()?;
    let run = Run { root: &opened.root, args, settings, expected: expected.as_ref(), ui };
    run.event(&events::version());
    let mut ended = Vec::new();
    let worst = if let Some(file) = &args.plan {
        let plan = super::show::read(file)?;
        keep(block_on(saved(&opened, plan, &run)), &mut ended, &run)
    } else {
        all(&opened, &run, &mut ended)?
    };
    show(&ended, &run);
    write_files(ended, &opened, &run)?;
    run.event(&json!({"type": "end", "exit_code": worst.code()}));
    Ok(worst)
}

/// Every environment that was asked for, one after the other; the worst outcome is the command's.
fn all(opened: &Opened, run: &Run<'_>, ended: &mut Vec<Applied>) -> Result<Exit, Failure> {
    let Run { args, settings, ui, .. } = *run;
    opened.require_sound(ui)?;
    let environments = args.planning.choose(opened, settings, ui)?;
    if (run.expected.is_some_and(Expected::is_one) || args.report.is_some()) && environments.len() != 1 {
        return Err(Failure::error("a digest and a report are of one environment's plan")
            .help("use --expect-digest and --report with a single -e NAME"));
    }
    let mut worst = Exit::Done;
    let mut environments = environments.into_iter();
    while let Some(environment) = environments.next() {
        let outcome = block_on(async {
            let planned = plan_environment(opened, environment, &args.planning, settings, ui).await?;
            fresh(planned, run).await
        });
        let before = ended.len();
        worst = worst.max(keep(outcome, ended, run));
        let done = ended.get(before).and_then(|applied| applied.done.as_ref());
        let stopped = done.is_some_and(|(_, outcome)| outcome.stopped);
        let failed = args.fail_fast && worst != Exit::Done;
        if (stopped || failed) && !environments.as_slice().is_empty() {
            let rest: Vec<&str> = environments.map(|one| one.name.as_str()).collect();
            ui.tell(&format!("Not begun: {}.", safe::line(&rest.join(", "))));
            run.event(&json!({"type": "not_begun", "environments": rest}));
            return Ok(worst.max(Exit::Partial));
        }
    }
    Ok(worst)
}

/// Keeps what was done, or says why it was not; the other environments go on either way.
fn keep(outcome: Result<Applied, Failure>, ended: &mut Vec<Applied>, run: &Run<'_>) -> Exit {
    match outcome {
        Ok(applied) => {
            let exit = applied.exit;
            ended.push(applied);
            exit
        }
        Err(failure) => {
            run.ui.failure(&failure);
            run.event(&json!({
                "type": "error", "message": failure.message, "causes": failure.causes, "help": failure.help,
                "exit_code": failure.exit.code(),
            }));
            failure.exit
        }
    }
}

impl Run<'_> {
    /// A line of `--format ndjson`.
    fn event(&self, event: &Value) {
        if self.args.format == ApplyFormat::Ndjson {
            self.ui.json_line(event);
        }
    }

    /// Shows the plan before anything is asked or done.
    fn show_plan(&self, plan: &Plan) {
        match self.args.format {
            ApplyFormat::Text => self.ui.data(&text(plan, self.ui)),
            ApplyFormat::Json => {}
            ApplyFormat::Ndjson => events::planned(plan).iter().for_each(|event| self.event(event)),
        }
    }
}

/// What `--format json` prints: plan and report of one environment, or a list of them.
fn show(ended: &[Applied], run: &Run<'_>) {
    if run.args.format != ApplyFormat::Json {
        return;
    }
    let one = |applied: &Applied| {
        let plan = crate::plan::file::to_json(&redacted(&applied.plan)).unwrap_or_default();
        json!({"plan": plan, "report": applied.done.as_ref().map(|(record, _)| record)})
    };
    match ended {
        [] => {}
        [only] => run.ui.json(&one(only)),
        several => run.ui.json(&json!({"environments": several.iter().map(one).collect::<Vec<_>>()})),
    }
}

/// The files beside: of the plans, and in front of their markdown how it ended.
fn write_files(ended: Vec<Applied>, opened: &Opened, run: &Run<'_>) -> Result<(), Failure> {
    let (mut findings, mut plans, mut outcomes) = (Diagnostics::default(), Vec::new(), Vec::new());
    for applied in ended {
        findings.extend(applied.findings);
        outcomes.extend(applied.done.map(|(_, outcome)| (applied.plan.environment.clone(), outcome)));
        plans.push(applied.plan);
    }
    let planning = &run.args.planning;
    if plans.is_empty() {
        return Ok(());
    }
    planning.write_outputs(&plans, findings, opened, run.ui)?;
    if outcomes.is_empty() {
        return Ok(());
    }
    planning.markdown.write(|limit| {
        let share = limit / 2 / outcomes.len();
        let ends: String =
            outcomes.iter().map(|(name, outcome)| outcome::markdown(name, outcome, share) + "\n").collect();
        let rest = limit.saturating_sub(ends.len());
        ends + &outputs::plans_markdown(&plans, rest).text
    })
}

/// Shows a new plan, asks, and carries it out.
async fn fresh(planned: Planned, run: &Run<'_>) -> Result<Applied, Failure> {
    let Planned { plan, connection, states, findings } = planned;
    run.show_plan(&plan);
    let done = match approve(&plan, &connection, run) {
        Ok(true) => carry_out(&plan, &connection, &states, run).await.map(Some),
        Ok(false) => Ok(None),
        Err(failure) => Err(failure),
    };
    connection.close().await?;
    let (exit, done) =
        done?.map_or((Exit::Done, None), |(exit, record, outcome)| (exit, Some((record, outcome))));
    Ok(Applied { plan, findings, exit, done })
}

/// A saved plan may be of a time when the environment still had watchlists.
fn plans_watchlists(plan: &Plan) -> bool {
    plan.changes.iter().any(|change| change.kind == Kind::Watchlist)
}

/// Whether to go on. A guard or a missing approval is a failure; an empty plan simply ends here.
fn approve(plan: &Plan, connection: &Connection, run: &Run<'_>) -> Result<bool, Failure> {
    let Run { args, ui, .. } = *run;
    if let Some(expected) = run.expected {
        expected.check(plan)?;
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
        return Err(Failure::error(format!(
            "nobody can be asked here to approve the changes in {}; nothing was changed",
            safe::line(&plan.environment)
        ))
        .help("save the plan with `palisade plan -e NAME --out FILE`, review it and `palisade apply FILE`; or give --expect-digest, or --auto-approve"));
    }
    let who = connection.identity().map(|identity| format!(" as {identity}")).unwrap_or_default();
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
async fn saved(opened: &Opened, plan: Plan, run: &Run<'_>) -> Result<Applied, Failure> {
    let Run { args, settings, .. } = *run;
    let of = args
        .plan
        .as_ref()
        .map_or_else(|| "the plan".to_owned(), |file| format!("the plan `{}`", file.display()));
    let name = safe::line(&plan.environment);
    let again =
        format!("make it again with `palisade plan -e {name} --out FILE`, and have the new one reviewed");
    let now = settings.now()?;
    let until: Option<jiff::Timestamp> = plan.valid_until.parse().ok();
    if until.is_none_or(|until| now >= until) {
        let found = format!(
            "{of} was valid until {}, and it is {}; nothing was changed",
            safe::line(&plan.valid_until),
            planning::seconds(now)
        );
        return Err(Failure::with(Exit::Stale, found).help(again));
    }
    // PALISADE_ENV may be set for a whole pipeline.
    let wanted = &args.planning.environments.environments;
    if !wanted.is_empty() && !wanted.contains(&plan.environment) {
        return Err(Failure::error(format!(
            "{of} is for `{name}`, not for {}; nothing was changed",
            safe::line(&wanted.join(", "))
        ))
        .help("leave out --env (and PALISADE_ENV), or make a plan for that environment"));
    }
    let environments = &opened.repository.environments;
    let Some(environment) = environments.iter().find(|environment| environment.name == plan.environment)
    else {
        return Err(Failure::error(format!(
            "{of} is for `{name}`, and `{}` has no such environment; nothing was changed",
            opened.root.display()
        ))
        .help("apply it in the detection repository that it was made in, or name that with -C DIR"));
    };
    if let Some(other) = elsewhere(&plan, environment) {
        let found = format!("{of} is for another {other}; nothing was changed");
        return Err(Failure::with(Exit::Stale, found).help(again));
    }
    run.show_plan(&plan);
    let applied = |plan, exit, done| Applied { plan, findings: Diagnostics::default(), exit, done };
    if plan.effective().next().is_none() {
        return if plan.summary.blocked > 0 {
            Err(blocked(&plan))
        } else {
            Ok(applied(plan, Exit::Done, None))
        };
    }
    guard(&plan, &args.planning)?;
    let connection = connect(
        environment,
        opened.has_watchlists(environment) || plans_watchlists(&plan),
        &opened.root,
        args.planning.credential.0,
        settings,
    )
    .await?;
    let done = match connection.list().await {
        Ok(states) => carry_out(&plan, &connection, &states, run).await,
        Err(failure) => Err(failure),
    };
    connection.close().await?;
    let (exit, record, outcome) = done?;
    Ok(applied(plan, exit, Some((record, outcome))))
}

/// In what the environment is another one than the plan was made for: `tenant (…) than `lab` has now (…)`.
fn elsewhere(plan: &Plan, environment: &Environment) -> Option<String> {
    let differs = |what: &str, planned: &str, now: &str| {
        format!("{what} ({}) than `{}` has now ({})", safe::line(planned), environment.name, safe::line(now))
    };
    if environment.tenant_id.value != plan.tenant_id {
        return Some(differs("tenant", &plan.tenant_id, &environment.tenant_id.value));
    }
    if environment.owner.value != plan.owner {
        return Some(differs("owner", &plan.owner, &environment.owner.value));
    }
    let known: Vec<String> = environment.sentinel.iter().map(|workspace| workspace.resource_id()).collect();
    let gone = plan.workspaces.iter().find(|id| !known.iter().any(|one| one.eq_ignore_ascii_case(id)))?;
    Some(differs(
        "workspace",
        gone,
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }.as_str(),
    ))
}

/// Carries a plan out, records it, and says what happened.
async fn carry_out(
    plan: &Plan,
    connection: &Connection,
    states: &[TargetState],
    run: &Run<'_>,
) -> Result<(Exit, Value, Outcome), Failure> {
    let Run { root, args, settings, ui, .. } = *run;
    let started_at = settings.moment().to_string();
    let journal = Journal::open(root, plan, settings.fixed_now())?;
    let how = ApplySettings {
        parallelism: usize::from(args.parallelism),
        fail_fast: args.fail_fast,
        hold: args.wait.saturating_mul(1_000),
        ..ApplySettings::default()
    };
    let stream = (args.format == ApplyFormat::Ndjson).then_some(plan.environment.as_str());
    let outcome = carry_out::carry_out(plan, connection, states, how, &journal, stream, ui).await?;
    let exit = carry_out::report(plan, &outcome, ui);
    let identity = connection.identity();
    let facts = Facts {
        plan,
        outcome: &outcome,
        exit,
        identity: identity.as_ref(),
        started_at,
        ended_at: settings.moment().to_string(),
    };
    let record = audit::append(root, record::record(&facts, root, &settings.variables))?;
    if let Some(file) = &args.report {
        write_private(file, &json::pretty(&record))?;
    }
    run.event(&json!({"type": "report", "environment": plan.environment, "report": record}));
    Ok((exit, record, outcome))
}

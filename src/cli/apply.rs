//! `palisade apply`: a saved plan, or a new one after confirmation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::apply::{Outcome, Settings as ApplySettings};
use crate::diagnostic::Diagnostics;
use crate::model::environment::Environment;
use crate::plan::{GuardViolation, Plan, TargetState, redacted};
use crate::render::{events, json, outcome, safe};
use crate::resource::Kind;

use super::connection::{Connection, connect_within};
use super::expected::Expected;
use super::failure::{Exit, Failure};
use super::journal::Journal;
use super::outputs::{self, Missing};
use super::planning::{Planned, PlanningArgs, plan_environment, text, write_private};
use super::record::{self, Facts};
use super::repository::Opened;
use super::saved::{located, named};
use super::selection::stage;
use super::settings::Settings;
use super::tenants::{Next, Tally, TenantArgs, Tenants, show_findings};
use super::ui::Ui;
use super::{audit, carry_out};

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved with `plan --out`, or several in one file; carried out as they are, without asking
    #[arg(value_name = "PLAN", conflicts_with_all = ["all_envs", "target", "on_drift", "take_over", "at", "changed_since", "ring", "shard",
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
    #[command(flatten)]
    tenants: TenantArgs,
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
            tenants: TenantArgs { tenant_parallelism: 1 },
        }
    }
}

/// How many changes are under way at once.
const PARALLELISM: u16 = 4;
/// How many seconds a change waits for an id or a name that the service still holds.
const WAIT: u64 = 120;

/// What every environment of one command shares, and where this one's words go.
#[derive(Clone, Copy)]
struct Run<'r, 'a> {
    tenants: &'r Tenants<'a>,
    args: &'r ApplyArgs,
    expected: Option<&'r Expected>,
    ui: &'r Ui,
}

pub(crate) fn run(args: &ApplyArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    args.planning.check_outputs()?;
    outputs::writable([&args.report])?;
    let opened = args.planning.open(start)?;
    let expected = args.expect_digest.as_deref().map(Expected::read).transpose()?;
    if args.format == ApplyFormat::Ndjson {
        ui.json_line(&events::version());
    }
    let jobs = match &args.plan {
        Some(file) => Jobs::saved(super::show::read(file)?, &opened, args, settings)?,
        None => {
            opened.require_sound(ui)?;
            Jobs { environments: args.planning.choose(&opened, settings, ui)?, ..Jobs::default() }
        }
    };
    let count = jobs.environments.len() + jobs.refused.len();
    if (expected.as_ref().is_some_and(Expected::is_one)) && count != 1 {
        return Err(Failure::error("a digest is of one environment's plan").help(
            "use it with a single -e NAME, or give --expect-digest the JSON file of all reviewed plans",
        ));
    }
    let tenants = Tenants::new(&opened, settings, args.tenants, count)?;
    let approved = args.auto_approve || args.expect_digest.is_some() || args.plan.is_some();
    if tenants.are_parallel() && !approved {
        return Err(Failure::error(
            "nobody can be asked about several environments at once; nothing was begun",
        )
        .help("give --auto-approve, --expect-digest or saved plans; or leave out --tenant-parallelism"));
    }
    let mut all = Ended::default();
    jobs.carry_out(&Run { tenants: &tenants, args, expected: expected.as_ref(), ui }, &mut all);
    tenants.close()?;
    all.finish(&opened, args, count, ui)
}

/// The environments of one command, in the order of their rings, with the plans that were saved for them.
#[derive(Default)]
struct Jobs<'a> {
    environments: Vec<&'a Environment>,
    saved: BTreeMap<&'a str, Plan>,
    /// Saved plans that cannot be carried out, by the name of their environment.
    refused: Vec<(String, Failure)>,
}

impl<'a> Jobs<'a> {
    /// Checks that saved plans still are what was reviewed. One that is not does not keep the others.
    fn saved(
        (plans, several): (Vec<Plan>, bool),
        opened: &'a Opened,
        args: &ApplyArgs,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let mut jobs = Self::default();
        // PALISADE_ENV may be set for a whole pipeline, and each job of a matrix may take its own plan of a file of all.
        let wanted = &args.planning.environments.environments;
        let is_wanted = |plan: &Plan| wanted.is_empty() || wanted.contains(&plan.environment);
        if let Some(plan) = plans.first().filter(|_| !plans.iter().any(is_wanted)) {
            let found = match several {
                true => format!("{} has no plan", named(args.plan.as_deref())),
                false => {
                    format!("{} is for `{}`, not", named(args.plan.as_deref()), safe::line(&plan.environment))
                }
            };
            let wanted = safe::line(&wanted.join(", "));
            return Err(Failure::error(format!("{found} for {wanted}; nothing was changed"))
                .help("leave out --env (and PALISADE_ENV), or make a plan for that environment"));
        }
        for plan in plans.into_iter().filter(is_wanted) {
            match located(&plan, opened, args.plan.as_deref(), settings) {
                Ok(environment) => {
                    if jobs.saved.insert(&environment.name, plan).is_none() {
                        jobs.environments.push(environment);
                    }
                }
                Err(failure) => jobs.refused.push((plan.environment, failure)),
            }
        }
        jobs.environments.sort_by_key(|environment| stage(environment));
        Ok(jobs)
    }

    /// One ring after the other: what is in a later one is not begun before the earlier one has ended.
    fn carry_out(self, run: &Run<'_, 'a>, all: &mut Ended<'a>) {
        let Self { environments, saved, refused } = self;
        for (name, failure) in &refused {
            all.refused(name, failure, run);
        }
        let work = async |environment: &'a Environment, ui: &Ui| {
            let run = Run { ui, ..*run };
            match saved.get(environment.name.as_str()) {
                Some(plan) => carry_out_saved(environment, plan.clone(), &run).await,
                None => {
                    let planning = plan_environment(run.tenants, environment, &run.args.planning, ui);
                    fresh(run.tenants.interrupt.or_give_up(planning).await?, &run).await
                }
            }
        };
        let mut rest: Vec<&Environment> = Vec::new();
        for ring in environments.chunk_by(|a, b| stage(a) == stage(b)) {
            let halted = !rest.is_empty() || (run.args.fail_fast && all.worst != Exit::Done);
            if halted {
                rest.extend(ring);
                continue;
            }
            rest.extend(run.tenants.each(ring, run.ui, work, |environment, applied| {
                let exit = all.take(environment, applied, run);
                if run.args.fail_fast && exit != Exit::Done { Next::Halt } else { Next::GoOn }
            }));
        }
        all.not_begun(&rest, run);
    }
}

/// What became of all environments.
struct Ended<'a> {
    applied: Vec<Applied>,
    missing: Vec<Missing>,
    findings: Diagnostics,
    tally: Tally<'a>,
    worst: Exit,
}

impl Default for Ended<'_> {
    fn default() -> Self {
        Self {
            applied: Vec::new(),
            missing: Vec::new(),
            findings: Diagnostics::default(),
            tally: Tally::default(),
            worst: Exit::Done,
        }
    }
}

impl<'a> Ended<'a> {
    /// Keeps what was done, as far as somebody wants to read it, or says why it was not.
    fn take(
        &mut self,
        environment: &'a Environment,
        applied: Result<Applied, Failure>,
        run: &Run<'_, '_>,
    ) -> Exit {
        let exit = match applied {
            Ok(mut applied) => {
                let exit = applied.exit;
                match (&applied.done, exit) {
                    (None, _) => self.tally.count("with nothing to do"),
                    (Some(_), Exit::Done) => self.tally.count("applied"),
                    _ => self.tally.failed(environment),
                }
                self.findings.extend(std::mem::take(&mut applied.findings));
                let planning = &run.args.planning;
                if planning.has_outputs() || run.args.report.is_some() || run.args.format == ApplyFormat::Json
                {
                    self.applied.push(applied);
                }
                exit
            }
            Err(failure) => {
                run.tenants.failed(environment, &failure, run.ui);
                run.failure(&failure, &environment.name);
                self.missing.push(Missing::new(&environment.name, &failure));
                self.tally.failed(environment);
                let exit = failure.exit;
                self.findings.extend(failure.findings);
                exit
            }
        };
        self.worst = self.worst.max(exit);
        exit
    }

    /// A saved plan that cannot be carried out.
    fn refused(&mut self, name: &str, failure: &Failure, run: &Run<'_, '_>) {
        run.ui.failure(failure);
        run.failure(failure, name);
        self.missing.push(Missing::new(name, failure));
        self.worst = self.worst.max(failure.exit);
    }

    fn not_begun(&mut self, rest: &[&'a Environment], run: &Run<'_, '_>) {
        if rest.is_empty() {
            return;
        }
        let names: Vec<&str> = rest.iter().map(|one| one.name.as_str()).collect();
        run.ui.tell(&format!("Not begun: {}.", safe::line(&names.join(", "))));
        run.event(&json!({"type": "not_begun", "environments": names}));
        self.tally.not_begun(rest);
        self.worst = self.worst.max(Exit::Partial);
    }

    /// Says and writes what was asked for; the worst outcome is the command's.
    fn finish(mut self, opened: &Opened, args: &ApplyArgs, count: usize, ui: &Ui) -> Result<Exit, Failure> {
        let listed = (count != 1).then_some(self.missing.as_slice());
        if listed.is_some() {
            self.findings.settle(&opened.repository.sources);
            show_findings(&self.findings, opened, ui);
            self.tally.say(ui);
        }
        if args.format == ApplyFormat::Json {
            show(&self.applied, listed, ui);
        }
        if let (Some(file), Some(missing)) = (&args.report, listed) {
            let records: Vec<&Value> =
                self.applied.iter().filter_map(|one| one.done.as_ref()).map(|(record, _)| record).collect();
            let all = json!({"environments": records, "failed": Missing::json(missing)});
            write_private(file, &json::pretty(&all))?;
        }
        let worst = self.worst;
        write_files(self.applied, self.findings, &self.missing, count, opened, args, ui)?;
        if args.format == ApplyFormat::Ndjson {
            ui.json_line(&json!({"type": "end", "exit_code": worst.code()}));
        }
        Ok(worst)
    }
}

impl Run<'_, '_> {
    /// A line of `--format ndjson`.
    fn event(&self, event: &Value) {
        if self.args.format == ApplyFormat::Ndjson {
            self.ui.json_line(event);
        }
    }

    fn failure(&self, failure: &Failure, environment: &str) {
        self.event(&json!({
            "type": "error", "environment": environment, "message": failure.message, "causes": failure.causes,
            "help": failure.help, "exit_code": failure.exit.code(),
        }));
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

/// What `--format json` prints: plan and report of one environment, or a list of them with those that failed.
fn show(applied: &[Applied], several: Option<&[Missing]>, ui: &Ui) {
    let one = |applied: &Applied| {
        let plan = crate::plan::file::to_json(&redacted(&applied.plan)).unwrap_or_default();
        json!({"plan": plan, "report": applied.done.as_ref().map(|(record, _)| record)})
    };
    let all = || applied.iter().map(one).collect::<Vec<_>>();
    match (several, applied) {
        (None, [only]) => ui.json(&one(only)),
        (Some(missing), _) if !missing.is_empty() => {
            ui.json(&json!({"environments": all(), "failed": Missing::json(missing)}));
        }
        (_, []) => {}
        _ => ui.json(&json!({ "environments": all() })),
    }
}

/// The files beside: of the plans, and in front of their markdown how it ended.
fn write_files(
    applied: Vec<Applied>,
    findings: Diagnostics,
    missing: &[Missing],
    count: usize,
    opened: &Opened,
    args: &ApplyArgs,
    ui: &Ui,
) -> Result<(), Failure> {
    let (mut plans, mut outcomes) = (Vec::new(), Vec::new());
    for applied in applied {
        outcomes.extend(applied.done.map(|(_, outcome)| (applied.plan.environment.clone(), outcome)));
        plans.push(applied.plan);
    }
    let planning = &args.planning;
    if plans.is_empty() && (count == 1 || !planning.has_outputs()) {
        return Ok(());
    }
    planning.write_outputs(&plans, (count != 1).then_some(missing), findings, opened, ui)?;
    if outcomes.is_empty() {
        return Ok(());
    }
    planning.markdown.write(|limit| {
        let share = limit / 2 / outcomes.len();
        let ends: String =
            outcomes.iter().map(|(name, outcome)| outcome::markdown(name, outcome, share) + "\n").collect();
        let rest = limit.saturating_sub(ends.len());
        ends + &outputs::plans_markdown(&plans, missing, rest).text
    })
}

/// Shows a new plan, asks, and carries it out.
async fn fresh(planned: Planned, run: &Run<'_, '_>) -> Result<Applied, Failure> {
    let Planned { plan, connection, states, findings } = planned;
    run.show_plan(&plan);
    if !approve(&plan, &connection, run)? {
        return Ok(Applied { plan, findings, exit: Exit::Done, done: None });
    }
    let (exit, record, outcome) = carry_out(&plan, &connection, &states, run).await?;
    Ok(Applied { plan, findings, exit, done: Some((record, outcome)) })
}

/// A saved plan may be of a time when the environment still had watchlists.
fn plans_watchlists(plan: &Plan) -> bool {
    plan.changes.iter().any(|change| change.kind == Kind::Watchlist)
}

/// Whether to go on. A guard or a missing approval is a failure; an empty plan simply ends here.
fn approve(plan: &Plan, connection: &Connection, run: &Run<'_, '_>) -> Result<bool, Failure> {
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
    if run.tenants.interrupt.while_asking(|| ui.confirm(&question, "yes")) {
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

/// Carries out a saved plan.
async fn carry_out_saved(
    environment: &Environment,
    plan: Plan,
    run: &Run<'_, '_>,
) -> Result<Applied, Failure> {
    let Run { args, tenants, .. } = *run;
    let opened = tenants.opened;
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
    let reading = async {
        let watchlists = opened.has_watchlists(environment) || plans_watchlists(&plan);
        let credential = args.planning.credential.0;
        let (network, settings) = (&tenants.network, tenants.settings);
        let connection =
            connect_within(network, environment, watchlists, &opened.root, credential, settings).await?;
        let states = connection.list().await?;
        Ok((connection, states))
    };
    let (connection, states) = tenants.interrupt.or_give_up(reading).await?;
    let (exit, record, outcome) = carry_out(&plan, &connection, &states, run).await?;
    Ok(applied(plan, exit, Some((record, outcome))))
}

/// Carries a plan out, records it, and says what happened.
async fn carry_out(
    plan: &Plan,
    connection: &Connection,
    states: &[TargetState],
    run: &Run<'_, '_>,
) -> Result<(Exit, Value, Outcome), Failure> {
    let Run { tenants, args, ui, .. } = *run;
    let (root, settings) = (tenants.opened.root.as_path(), tenants.settings);
    let started_at = settings.moment().to_string();
    let journal = Journal::open(root, plan, settings.fixed_now())?;
    let how = ApplySettings {
        parallelism: usize::from(args.parallelism),
        fail_fast: args.fail_fast,
        hold: args.wait.saturating_mul(1_000),
        ..ApplySettings::default()
    };
    let stream = (args.format == ApplyFormat::Ndjson).then_some(plan.environment.as_str());
    let around = carry_out::Around { stream, interrupt: &tenants.interrupt, ui };
    let outcome = carry_out::carry_out(plan, connection, states, how, &journal, &around).await?;
    let exit = carry_out::report(plan, &outcome, tenants.several, ui);
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
    // Of several, all come into one file, at the end.
    if let Some(file) = args.report.as_ref().filter(|_| !tenants.several) {
        write_private(file, &json::pretty(&record))?;
    }
    run.event(&json!({"type": "report", "environment": plan.environment, "report": record}));
    Ok((exit, record, outcome))
}

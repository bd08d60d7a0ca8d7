//! `palisade plan`.

use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::model::environment::Environment;
use crate::plan::Plan;

use super::failure::{Exit, Failure};
use super::outputs::{self, Missing};
use super::planning::{PlanningArgs, json, plan_environment, shown_json, text, write_private};
use super::repository::Opened;
use super::settings::Settings;
use super::tenants::{Next, Tally, TenantArgs, Tenants, show_findings};
use super::ui::Ui;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    planning: PlanningArgs,
    /// Save the plan, to be carried out with `palisade apply FILE`; of several environments, all of them in one file. It
    /// holds allowlist values in the clear
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    #[command(flatten)]
    tenants: TenantArgs,
}

impl PlanArgs {
    /// Only what to plan and how to print it.
    pub(crate) const fn of(planning: PlanningArgs, format: Format) -> Self {
        let format = match format {
            Format::Text => PlanFormat::Text,
            Format::Json => PlanFormat::Json,
        };
        Self {
            planning,
            out: None,
            detailed_exitcode: false,
            format,
            tenants: TenantArgs { tenant_parallelism: 1 },
        }
    }

    /// The same, saved to a file.
    pub(crate) fn into_file(self, out: Option<PathBuf>) -> Self {
        Self { out, ..self }
    }
}

/// How to print a plan, or drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a comment or a step summary, at most --max-bytes long
    Markdown,
}

/// How to print an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What became of the environments, gathered while they are worked off.
#[derive(Default)]
struct Made<'a> {
    plans: Vec<Plan>,
    findings: Diagnostics,
    missing: Vec<Missing>,
    tally: Tally<'a>,
    worst: Option<Exit>,
    changes: bool,
}

pub(crate) fn run(args: &PlanArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    args.planning.check_outputs()?;
    outputs::writable([&args.out])?;
    let opened = args.planning.open(start)?;
    opened.require_sound(ui)?;
    let environments = args.planning.choose(&opened, settings, ui)?;
    if args.out.is_some() && environments.is_empty() {
        ui.say("No environment is planned, so no plan is saved.");
    }
    let several = environments.len() != 1;
    let tenants = Tenants::new(&opened, settings, args.tenants, environments.len())?.compiling_ahead();
    let made = all(&tenants, &environments, args, ui)?;
    tenants.close()?;
    made.say(&opened, ui);
    // No environment that changed is an answer too; one that failed is none.
    let answered = several || made.worst.is_none();
    let listed = several.then_some(made.missing.as_slice());
    match args.format {
        PlanFormat::Json if answered => ui.data(&shown_json(&made.plans, listed)?),
        PlanFormat::Markdown if answered => {
            ui.data(
                &outputs::plans_markdown(&made.plans, &made.missing, args.planning.markdown.max_bytes).text,
            );
        }
        _ => {}
    }
    if answered {
        save(args, &made, listed, ui)?;
        args.planning.write_outputs(&made.plans, listed, made.findings.clone(), &opened, ui)?;
    }
    Ok(match made.worst {
        Some(exit) => exit,
        None if args.detailed_exitcode && made.changes => Exit::Changes,
        None => Exit::Done,
    })
}

/// Plans every environment. Only what somebody wants to read is kept.
fn all<'a>(
    tenants: &Tenants<'a>,
    environments: &[&'a Environment],
    args: &PlanArgs,
    ui: &Ui,
) -> Result<Made<'a>, Failure> {
    let keep = args.planning.has_outputs() || args.out.is_some() || args.format != PlanFormat::Text;
    if tenants.several {
        tenants.block_on(async { tenants.interrupt.listen() })?;
    }
    let mut made = Made::default();
    let plan = async |environment: &'a Environment, ui: &Ui| {
        let planning = plan_environment(tenants, environment, &args.planning, ui);
        let planned = tenants.interrupt.or_give_up(planning).await?;
        if args.format == PlanFormat::Text {
            ui.data(&text(&planned.plan, ui));
        }
        let changes = !planned.plan.is_empty();
        Ok((keep.then_some(planned.plan), changes, planned.findings))
    };
    let rest = tenants.each(environments, ui, plan, |environment, planned| {
        match planned {
            Ok((plan, changes, findings)) => {
                made.findings.extend(findings);
                made.plans.extend(plan);
                made.changes |= changes;
                made.tally.count(if changes { "with changes" } else { "without changes" });
            }
            // One environment's trouble does not hide the others' plans.
            Err(failure) => {
                tenants.failed(environment, &failure, ui);
                made.worst = made.worst.max(Some(failure.exit));
                made.missing.push(Missing::new(&environment.name, &failure));
                made.findings.extend(failure.findings);
                made.tally.failed(environment);
            }
        }
        Next::GoOn
    });
    if !rest.is_empty() {
        made.tally.not_begun(&rest);
        made.worst = made.worst.max(Some(Exit::Partial));
    }
    made.findings.settle(&tenants.opened.repository.sources);
    Ok(made)
}

impl Made<'_> {
    /// What concerns several environments is said once.
    fn say(&self, opened: &Opened, ui: &Ui) {
        if self.tally.is_of_several() {
            show_findings(&self.findings, opened, ui);
            self.tally.say(ui);
        }
    }
}

fn save(args: &PlanArgs, made: &Made<'_>, several: Option<&[Missing]>, ui: &Ui) -> Result<(), Failure> {
    let (Some(file), false) = (&args.out, made.plans.is_empty()) else { return Ok(()) };
    write_private(file, &json(&made.plans.iter().collect::<Vec<_>>(), several.map(|_| [].as_slice()))?)?;
    let what = match made.plans.len() {
        1 => "exactly this plan".to_owned(),
        count => format!("exactly these {count} plans"),
    };
    ui.say(&format!("Saved. To carry out {what}: palisade apply {}", file.display()));
    Ok(())
}

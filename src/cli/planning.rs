//! What `plan` and `apply` share: their options, and the way from an environment to its plan.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use jiff::ToSpan as _;

use crate::address::matches_glob;
use crate::diagnostic::{Diagnostics, Severity, did_you_mean};
use crate::model::environment::{Environment, Guards};
use crate::plan::{Adoption, Affected, Input, Migration, OnDrift, Plan, Policy, TargetState, redacted};
use crate::provider::auth::CredentialChoice;
use crate::resource::Resource;

use super::connection::{Connection, prepare};
use super::failure::Failure;
use super::outputs::{self, MarkdownArgs, Missing};
use super::repository::{EnvironmentArgs, Opened};
use super::settings::Settings;
use super::tenants::Tenants;
use super::ui::Ui;

/// How long a plan may be applied when nothing expires sooner.
const VALID_HOURS: i64 = 24;

/// Options of `plan` and `apply`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct PlanningArgs {
    #[command(flatten)]
    pub(crate) environments: EnvironmentArgs,
    /// Consider only these rules: an address, a rule id, or a glob of either (repeatable). Other rules are neither
    /// changed nor deleted
    #[arg(long, value_name = "GLOB")]
    pub(crate) target: Vec<String>,
    /// What to do about rules that were changed outside of Palisade [default: revert drift, hold conflicts back]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) on_drift: Option<DriftChoice>,
    /// Take rules that belong to this owner (repeatable)
    #[arg(long, value_name = "OWNER")]
    pub(crate) take_over: Vec<String>,
    /// Adopt too: write the ownership marker into rules that their files pin by id and that carry none
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Plan nothing but that.
    #[arg(skip)]
    pub(crate) only_adopt: bool,
    /// Migrate too: write custom detections anew that the service still answers for in the shape it retired on 2026-10-01
    #[arg(long)]
    pub(crate) migrate: bool,
    /// Plan nothing but that.
    #[arg(skip)]
    pub(crate) only_migrate: bool,
    /// Switch rules on again that the service switched off by itself
    #[arg(long)]
    pub(crate) reenable_auto_disabled: bool,
    /// Approve this many deletions for this run
    #[arg(long, value_name = "N")]
    pub(crate) max_deletes: Option<u32>,
    /// Approve this many coverage-reducing changes for this run
    #[arg(long, value_name = "N")]
    pub(crate) max_coverage_reducing: Option<u32>,
    /// Approve changes to this percentage of the deployed rules for this run
    #[arg(long, value_name = "N")]
    pub(crate) max_change_percent: Option<u32>,
    /// Allow a plan that deletes everything because nothing is desired
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Create these analytics rules under a new id, because the service still holds the old one after a deletion: a rule
    /// id, an address, or a glob of either (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(crate) replace_id: Vec<String>,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = credential, default_value = "auto", hide_default_value = true,
          env = "PALISADE_CREDENTIAL", help = credential_help())]
    pub(crate) credential: CredentialArg,
    /// Plan towards the repository as it was at this git revision: a rollback. The working tree is not touched
    #[arg(long, value_name = "REVISION")]
    pub(crate) at: Option<String>,
    /// Consider only what changed between this git revision and the files: every rule that compiles differently, be it
    /// through its own file, an allowlist, a parameter, an override or a setting
    #[arg(long, value_name = "REVISION", conflicts_with = "at")]
    pub(crate) changed_since: Option<String>,
    /// Also write the plan as JSON to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json_into: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) markdown: MarkdownArgs,
    /// Also write findings and coverage-reducing changes as SARIF to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif_into: Option<PathBuf>,
}

/// `--on-drift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DriftChoice {
    /// Put our content back
    Revert,
    /// Leave what is there
    Keep,
    /// Hold such changes back
    Fail,
}

/// A parsed `--credential`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CredentialArg(pub(crate) CredentialChoice);

pub(crate) fn credential(word: &str) -> Result<CredentialArg, String> {
    CredentialChoice::parse(word)
        .map(CredentialArg)
        .ok_or_else(|| format!("possible values: {}", credential_words()))
}

fn credential_words() -> String {
    CredentialChoice::ALL.map(CredentialChoice::as_str).join(", ")
}

pub(crate) fn credential_help() -> String {
    format!("Which credential to use: {} [default: auto]", credential_words())
}

impl PlanningArgs {
    /// Opens the repository, as it is or as it was at `--at`, together with that of `--changed-since`.
    pub(crate) fn open(&self, start: &Path) -> Result<Opened, Failure> {
        let mut opened = match &self.at {
            None => super::repository::open(start)?,
            Some(revision) => super::repository::open_at(start, revision)?,
        };
        if let Some(revision) = &self.changed_since {
            opened.compare_with(start, revision)?;
        }
        Ok(opened)
    }

    /// Writes what was asked for beside the printed plans.
    pub(crate) fn write_outputs(
        &self,
        plans: &[Plan],
        several: Option<&[Missing]>,
        mut findings: Diagnostics,
        opened: &Opened,
        ui: &Ui,
    ) -> Result<(), Failure> {
        if let Some(file) = &self.json_into {
            write_private(file, &shown_json(plans, several)?)?;
        }
        self.markdown.write_plans(plans, several.unwrap_or_default(), ui)?;
        if let Some(file) = &self.sarif_into {
            for plan in plans {
                findings.extend(outputs::reductions(plan, &opened.repository));
            }
            findings.settle(&opened.repository.sources);
            outputs::write(file, &outputs::sarif_text(&findings, &opened.repository))?;
        }
        Ok(())
    }

    /// Whether plans are written somewhere beside what is printed.
    pub(crate) const fn has_outputs(&self) -> bool {
        self.json_into.is_some() || self.markdown.markdown_into.is_some() || self.sarif_into.is_some()
    }

    /// Fails before anything is done if one of the files cannot be written.
    pub(crate) fn check_outputs(&self) -> Result<(), Failure> {
        outputs::writable([&self.json_into, &self.markdown.markdown_into, &self.sarif_into])
    }

    /// The environments that were asked for. Of a whole set, those that did not change are left out and told.
    pub(crate) fn choose<'o>(
        &self,
        opened: &'o Opened,
        settings: &Settings,
        ui: &Ui,
    ) -> Result<Vec<&'o Environment>, Failure> {
        let chosen = opened.select(&self.environments, ui)?;
        if opened.since.is_some() && self.environments.environments.is_empty() {
            return Ok(opened.changed(chosen, settings.today()?, ui));
        }
        Ok(chosen)
    }

    fn policy(&self, environment: &Environment, changed: Option<(String, Affected)>) -> Policy {
        let guards = environment.guards;
        Policy {
            prune: environment.prune.value,
            guards: Guards {
                max_deletes: self.max_deletes.unwrap_or(guards.max_deletes),
                max_coverage_reducing: self.max_coverage_reducing.unwrap_or(guards.max_coverage_reducing),
                max_change_percent: self.max_change_percent.unwrap_or(guards.max_change_percent),
            },
            on_drift: self.on_drift.map(|choice| match choice {
                DriftChoice::Revert => OnDrift::Revert,
                DriftChoice::Keep => OnDrift::Keep,
                DriftChoice::Fail => OnDrift::Fail,
            }),
            take_over: self.take_over.clone(),
            adoption: match (self.only_adopt, self.adopt) {
                (true, _) => Adoption::Only,
                (false, true) => Adoption::Also,
                (false, false) => Adoption::Leave,
            },
            migration: match (self.only_migrate, self.migrate) {
                (true, _) => Migration::Only,
                (false, true) => Migration::Also,
                (false, false) => Migration::Leave,
            },
            reenable_auto_disabled: self.reenable_auto_disabled,
            targets: self.target.clone(),
            allow_empty: self.allow_empty,
            replace_ids: self.replace_id.clone(),
            changed,
        }
    }
}

/// An environment's plan together with what it was made from.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) connection: Connection,
    pub(crate) states: Vec<TargetState>,
    /// What compiling it found.
    pub(crate) findings: Diagnostics,
}

/// Compiles, connects, lists and plans one environment.
pub(crate) async fn plan_environment<'a>(
    tenants: &Tenants<'a>,
    environment: &'a Environment,
    args: &PlanningArgs,
    ui: &Ui,
) -> Result<Planned, Failure> {
    let (opened, settings) = (tenants.opened, tenants.settings);
    let (today, watchlists) = (settings.today()?, opened.has_watchlists(environment));
    // Preparing sends nothing, and what does not compile must send nothing. But a sandbox reads its state meanwhile.
    let (connection, compiled) = futures::join!(
        prepare(&tenants.network, environment, watchlists, &opened.root, args.credential.0, settings),
        async { tenants.compile(environment, ui) }
    );
    let (desired, diagnostics) = compiled?;
    if !tenants.several {
        warn(opened, &diagnostics, ui);
    }
    let connection = connection?;
    let states = tenants.list(&connection).await?;
    if let Some(target) = unknown_target(&args.target, opened, environment, &desired.resources, &states) {
        return Err(target);
    }
    let now = settings.now()?;
    let ttl = now.checked_add(VALID_HOURS.hours()).unwrap_or(now);
    let expiry = desired.next_expiry.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let valid_until = expiry.map_or(ttl, |expiry| expiry.timestamp().min(ttl));
    let policy = args.policy(environment, opened.affected(environment, today));
    let mut plan = crate::plan::plan(&Input {
        environment: &environment.name,
        owner: &environment.owner.value,
        tenant_id: &environment.tenant_id.value,
        desired: &desired.resources,
        actual: &states,
        policy: &policy,
        evaluated_at: &seconds(now),
        valid_until: &seconds(valid_until),
    });
    plan.estimated_seconds = connection.estimate(&plan).as_secs();
    if let serde_json::Value::Array(items) =
        crate::render::diagnostics::json(&diagnostics, &opened.repository.sources)
    {
        plan.diagnostics = items;
    }
    Ok(Planned { plan, connection, states, findings: diagnostics })
}

/// A `--target` that fits nothing is a slip of the pen: an empty plan would look like success.
fn unknown_target(
    targets: &[String],
    opened: &Opened,
    environment: &Environment,
    desired: &[Resource],
    states: &[TargetState],
) -> Option<Failure> {
    let rules = opened.repository.rules.iter().map(|rule| rule.id.to_string());
    let orphans = states.iter().flat_map(|state| {
        let ours = state.live.iter().filter_map(|live| live.marker.as_ref());
        let ours = ours.filter(|marker| marker.owner == environment.owner.value);
        ours.flat_map(|marker| [marker.rule.clone(), format!("{}:{}", state.target, marker.rule)])
    });
    let addresses = desired.iter().map(|resource| resource.address.to_string());
    let known: Vec<String> = rules.chain(orphans).chain(addresses).collect();
    let unknown = targets.iter().find(|target| !known.iter().any(|one| matches_glob(target, one)))?;
    let help = match did_you_mean(unknown, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "a target is a rule id, an address such as `defender:RULE`, or a glob of either".to_owned(),
    };
    Some(Failure::error(format!("the target `{unknown}` fits no rule in {}", environment.name)).help(help))
}

/// Warnings do not stop anything, but are never swallowed. Remarks are for `validate`.
pub(crate) fn warn(opened: &Opened, diagnostics: &Diagnostics, ui: &Ui) {
    let worth: Diagnostics =
        diagnostics.iter().filter(|finding| finding.severity < Severity::Info).cloned().collect();
    if !worth.is_empty() {
        let sources = &opened.repository.sources;
        ui.say(crate::render::diagnostics::text(&worth, sources, ui.err.color, ui.width).trim_end());
    }
}

/// RFC 3339 with whole seconds.
pub(crate) fn seconds(time: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// Writes a file that may hold allowlist values: readable by its owner only.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        file.write_all(text.as_bytes())
    });
    written
        .map_err(|error| Failure::error(format!("`{}` cannot be written", path.display())).caused_by(&error))
}

/// The text of a plan for people.
pub(crate) fn text(plan: &Plan, ui: &Ui) -> String {
    crate::render::plan::text(&redacted(plan), ui.out)
}

/// The JSON form of plans without sensitive values: one object, or `{"plans": […]}` where `several` were asked for, with
/// those that failed.
pub(crate) fn shown_json(plans: &[Plan], several: Option<&[Missing]>) -> Result<String, Failure> {
    written(plans.iter().map(redacted), several)
}

/// The JSON form of plans, whole: for saved plans.
pub(crate) fn json(plans: &[&Plan], several: Option<&[Missing]>) -> Result<String, Failure> {
    written(plans.iter().map(|plan| Cow::Borrowed(*plan)), several)
}

/// One plan after the other becomes text, so that of hundreds only one is there as a tree.
fn written<'p>(
    plans: impl ExactSizeIterator<Item = Cow<'p, Plan>>,
    several: Option<&[Missing]>,
) -> Result<String, Failure> {
    let alone = several.is_none() && plans.len() == 1;
    let mut members: Vec<String> = Vec::with_capacity(plans.len());
    for plan in plans {
        let sealed = crate::plan::file::to_json(&plan)
            .map_err(|error| Failure::error("the plan cannot be written as JSON").caused_by(&error))?;
        let text = crate::render::json::pretty(&sealed);
        if alone {
            return Ok(text);
        }
        members.push(text);
    }
    Ok(crate::render::json::list("plans", members, "failed", several.map(Missing::json)))
}

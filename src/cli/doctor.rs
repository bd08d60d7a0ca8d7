//! `palisade doctor`: whether an environment could be applied, before anybody tries. Reads only.
//!
//! What is asked stands here, in the order in which one answer depends on another; what an answer means is in `checkup`.
//! The clock of this machine is looked at as it is, whatever `PALISADE_NOW` says.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::address::{Platform, Target, Workspace};
use crate::checkup::{self, Check, Federation, Report, Repository, Status};
use crate::compile::compile;
use crate::model::environment::{Cloud, Environment};
use crate::provider::auth::{Identity, Variables};
use crate::provider::probe::{Host, Probe, Reached, Unreached};
use crate::provider::{ErrorKind, Provider as _, ProviderError};
use crate::render::checkup as rendered;
use crate::resource::{Body, Kind, Live, Resource};

use super::connection::{self, Line};
use super::failure::{Exit, Failure, credential_error};
use super::planning::CredentialArg;
use super::repository::{EnvironmentArgs, Opened, open};
use super::settings::Settings;
use super::tenants::{Next, TenantArgs, Tenants};
use super::ui::Ui;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing stands in the way (warnings included) · 1 a check failed. Without -e, every environment is looked at."
)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text)]
    format: DoctorFormat,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::planning::credential_help())]
    credential: CredentialArg,
    #[command(flatten)]
    tenants: TenantArgs,
}

/// How to print what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DoctorFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(crate) fn run(args: &DoctorArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let chosen: Vec<&Environment> = if args.environments.is_given() {
        opened.choose(&args.environments)?
    } else {
        opened.repository.environments.iter().collect()
    };
    if chosen.is_empty() {
        return Err(Failure::error("there is no environment to look at")
            .help("an environment is a file environments/NAME/environment.yaml"));
    }
    let repository = github(&opened.root, &settings.variables);
    let tenants = Tenants::new(&opened, settings, args.tenants, chosen.len())?;
    let first = chosen.first().map(|first| &first.name);
    let look = async |environment: &'_ Environment, ui: &Ui| {
        let report = examine(&tenants, environment, args, &repository).await;
        if args.format == DoctorFormat::Text {
            let space = if first == Some(&environment.name) { "" } else { "\n" };
            ui.data(&format!("{space}{}", rendered::text(&report, ui.out, ui.width)));
        }
        Ok(report)
    };
    let mut reports = Vec::new();
    tenants.each(&chosen, ui, look, |_, report| {
        reports.extend(report);
        Next::GoOn
    });
    tenants.close()?;
    if args.format == DoctorFormat::Json {
        match reports.as_slice() {
            [only] => ui.json(&rendered::json(only)),
            several => {
                ui.json(&json!({"environments": several.iter().map(rendered::json).collect::<Vec<_>>()}));
            }
        }
    }
    let worst = reports.iter().map(Report::worst).max();
    Ok(if worst == Some(Status::Fail) { Exit::Error } else { Exit::Done })
}

/// The repository on GitHub: what a job of GitHub Actions says, or the clone.
fn github(root: &Path, variables: &Variables) -> Repository {
    let get = |name: &str| variables.get(name).map(str::to_owned);
    let named = get("GITHUB_REPOSITORY").filter(|name| name.contains('/'));
    Repository {
        ids: named
            .as_ref()
            .and_then(|_| Some((get("GITHUB_REPOSITORY_OWNER_ID")?, get("GITHUB_REPOSITORY_ID")?))),
        name: named.or_else(|| Repository::of_remote(&super::git::origin(root)?)),
    }
}

async fn examine(
    tenants: &Tenants<'_>,
    environment: &Environment,
    args: &DoctorArgs,
    repository: &Repository,
) -> Report {
    let (opened, settings) = (tenants.opened, tenants.settings);
    let mut report = Report {
        environment: environment.name.clone(),
        tenant_id: environment.tenant_id.value.clone(),
        checks: Vec::new(),
        federation: Federation::github(repository, &environment.name, FEDERATION_AUDIENCE),
    };
    let credential = args.credential.0;
    let line = match connection::open(&tenants.network, environment, &opened.root, credential, settings).await
    {
        Ok(line) => line,
        Err(failure) => {
            report.checks.push(of_failure(&failure));
            return report;
        }
    };
    let mut examination = Examination { opened, environment, settings, line, checks: &mut report.checks };
    examination.all().await;
    let Line { session, endpoints } = examination.line;
    report.federation.audience = endpoints.federation_audience().to_owned();
    report.federation.presented = session
        .presented()
        // An application's certificate speaks for itself and needs no federated credential.
        .filter(|presented| presented.issuer.starts_with("https://"))
        .map(|presented| (presented.issuer, presented.subject));
    report
}

/// What the public cloud wants; replaced by the environment's own as soon as that is known.
const FEDERATION_AUDIENCE: &str = "api://AzureADTokenExchange";

/// An environment that cannot even be asked.
fn of_failure(failure: &Failure) -> Check {
    Check {
        name: "settings",
        subject: String::new(),
        status: Status::Fail,
        found: failure.message.clone(),
        details: failure.causes.clone(),
        next: failure.help.clone(),
    }
}

struct Examination<'a> {
    opened: &'a Opened,
    environment: &'a Environment,
    settings: &'a Settings,
    line: Line,
    checks: &'a mut Vec<Check>,
}

impl Examination<'_> {
    async fn all(&mut self) {
        let probe = self.line.session.probe();
        let sign_in = self.network(&probe).await;
        self.proxy();
        let signed_in = self.sign_in(sign_in).await;
        for (platform, identity) in signed_in {
            match platform {
                Platform::Sentinel => {
                    for workspace in &self.environment.sentinel {
                        self.workspace(&probe, &workspace.value).await;
                    }
                }
                Platform::Defender => self.defender(&identity).await,
            }
        }
    }

    /// The platforms that the environment deploys to.
    fn platforms(&self) -> Vec<Platform> {
        let sentinel = (!self.environment.sentinel.is_empty()).then_some(Platform::Sentinel);
        sentinel.into_iter().chain(self.environment.defender.as_ref().map(|_| Platform::Defender)).collect()
    }

    /// Every host, and how far its clock is away; whether the sign-in service can be reached at all.
    async fn network(&mut self, probe: &Probe) -> bool {
        let of_platform = |platform: &Platform| match platform {
            Platform::Sentinel => Host::Arm,
            Platform::Defender => Host::Graph,
        };
        let platforms = self.platforms();
        let hosts: Vec<Host> =
            std::iter::once(Host::SignIn).chain(platforms.iter().map(of_platform)).collect();
        let answers: Vec<Result<Reached, Unreached>> =
            futures::future::join_all(hosts.iter().map(|host| probe.reach(*host))).await;
        let mut clocks = Vec::new();
        let mut sign_in = false;
        for (host, answer) in hosts.iter().zip(&answers) {
            self.checks.push(checkup::network(name(*host), probe.base(*host), answer));
            if let Ok(reached) = answer {
                clocks.extend(reached.ahead.map(|ahead| (name(*host).to_owned(), ahead)));
                sign_in |= *host == Host::SignIn;
            }
        }
        let clock = checkup::clock(&clocks);
        let unknown = || checkup::skipped("clock", "", "no service said what time it is");
        self.checks.push(clock.unwrap_or_else(unknown));
        sign_in
    }

    /// Where requests go through, and whom TLS trusts, when somebody set that.
    fn proxy(&mut self) {
        const PROXIES: [&str; 6] =
            ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];
        let set = PROXIES.iter().filter_map(|name| Some((*name, self.settings.variables.get(name)?)));
        let mut said: Vec<String> =
            set.map(|(name, value)| format!("{name} is {}", without_sign_in(value))).collect();
        let roots = self.settings.variables.get("PALISADE_CA_FILE");
        said.extend(roots.map(|file| format!("PALISADE_CA_FILE adds the roots in {file}")));
        if !said.is_empty() {
            self.checks.push(Check {
                name: "proxy",
                subject: String::new(),
                status: Status::Ok,
                found: said.join("; "),
                details: Vec::new(),
                next: None,
            });
        }
    }

    /// A token for each service, and whose it is.
    async fn sign_in(&mut self, reachable: bool) -> Vec<(Platform, Identity)> {
        let mut signed_in = Vec::new();
        for platform in self.platforms() {
            let service = service(platform);
            if !reachable {
                self.checks.push(checkup::skipped("token", service, "the sign-in service cannot be reached"));
                continue;
            }
            let answer = self.line.session.sign_in(platform).await;
            match &answer {
                Err(error) if error.kind == ErrorKind::WrongTenant => {
                    self.checks.push(checkup::trouble("tenant", service, error));
                }
                _ => self.checks.push(checkup::credentials(
                    service,
                    &answer,
                    answer.as_ref().err().and_then(credential_error),
                )),
            }
            signed_in.extend(answer.ok().map(|identity| (platform, identity)));
        }
        if let Some((_, identity)) = signed_in.first() {
            let variable = self.settings.variables.get("AZURE_TENANT_ID");
            let variable = variable.filter(|_| self.environment.cloud.value != Cloud::Sandbox);
            self.checks.push(checkup::tenant(&self.environment.tenant_id.value, identity, variable));
        }
        signed_in
    }

    async fn workspace(&mut self, probe: &Probe, workspace: &Arc<Workspace>) {
        let target = Target::Sentinel(Arc::clone(workspace));
        let name = target.to_string();
        let version = self.environment.sentinel_api_version.as_ref().map(|version| version.value.as_str());
        let sentinel = self.line.session.sentinel(Arc::clone(workspace), version);
        let version = sentinel.api_version();
        if let Err(error) = probe.workspace(workspace).await
            && error.kind == ErrorKind::TargetMissing
        {
            // Nothing below it can be there either.
            self.checks.push(checkup::trouble("workspace", &name, &error));
            return;
        }
        let (onboarded, allowed, list, repositories) = futures::join!(
            probe.onboarded(workspace, version),
            probe.allowed(workspace),
            sentinel.list(),
            probe.repositories(workspace, version),
        );
        let refusal = list.as_ref().err();
        if let Some(check) = checkup::version(&name, version, refusal) {
            let unknown = check.status == Status::Fail;
            self.checks.push(check);
            if unknown {
                return;
            }
        }
        self.checks.push(checkup::onboarding(&name, &onboarded));
        if matches!(onboarded, Ok(false)) {
            self.checks.push(checkup::skipped("limits", &name, "Microsoft Sentinel is not on"));
            return;
        }
        self.checks.push(checkup::permissions(&name, &allowed, refusal));
        match &list {
            Ok(live) => {
                let limits = checkup::limits(&name, counts(live), self.wanted(&target, live));
                self.checks.push(limits);
            }
            Err(error) if error.kind == ErrorKind::Forbidden => {
                self.checks.push(checkup::skipped("limits", &name, "the rules cannot be read"));
            }
            Err(error) => self.checks.push(checkup::trouble("rules", &name, error)),
        }
        self.checks.push(checkup::repositories(&name, &repositories));
    }

    async fn defender(&mut self, identity: &Identity) {
        let Some(target) = &self.environment.defender else { return };
        let version = target.api_version.as_ref().map(|version| version.value.as_str());
        let defender = self.line.session.defender(version);
        let list: Result<usize, ProviderError> = defender.list().await.map(|rules| rules.len());
        if let Some(check) = checkup::version("defender", defender.api_version(), list.as_ref().err()) {
            let unknown = check.status == Status::Fail;
            self.checks.push(check);
            if unknown {
                return;
            }
        }
        self.checks.push(checkup::detections(identity, &list));
    }

    /// Enabled scheduled and NRT rules that the files would add to a workspace; `None` when they do not compile.
    fn wanted(&self, target: &Target, live: &[Live]) -> Option<[usize; 2]> {
        if self.opened.diagnostics.has_errors() {
            return None;
        }
        let today = self.settings.today().ok()?;
        let (desired, diagnostics) = compile(&self.opened.repository, self.environment, today);
        if diagnostics.has_errors() {
            return None;
        }
        let on_already = |resource: &Resource| {
            live.iter()
                .any(|one| one.remote_id.eq_ignore_ascii_case(&resource.remote_id) && enabled(&one.body))
        };
        let added = |kind: Kind| {
            let here =
                desired.resources.iter().filter(|one| one.address.target == *target && one.kind == kind);
            here.filter(|one| enabled(&one.body) && !on_already(one)).count()
        };
        Some([added(Kind::Scheduled), added(Kind::Nrt)])
    }
}

/// Enabled scheduled and NRT rules.
fn counts(live: &[Live]) -> [usize; 2] {
    [Kind::Scheduled, Kind::Nrt]
        .map(|kind| live.iter().filter(|one| one.kind == kind && enabled(&one.body)).count())
}

fn enabled(body: &Body) -> bool {
    body.get("enabled").and_then(serde_json::Value::as_bool).unwrap_or(true)
}

const fn name(host: Host) -> &'static str {
    match host {
        Host::SignIn => "sign-in",
        Host::Arm => service(Platform::Sentinel),
        Host::Graph => service(Platform::Defender),
    }
}

const fn service(platform: Platform) -> &'static str {
    match platform {
        Platform::Sentinel => "Resource Manager",
        Platform::Defender => "Graph",
    }
}

/// A proxy's address without user and password, with or without a scheme before them.
fn without_sign_in(value: &str) -> &str {
    value.rsplit_once('@').map_or(value, |(_, host)| host)
}

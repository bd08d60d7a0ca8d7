//! One environment's providers: endpoints, credential, and, for `cloud: sandbox`, the embedded tenant itself.

use std::path::Path;
use std::sync::Arc;

use crate::address::Platform;
use crate::model::environment::{Cloud, Environment};
use crate::plan::{Action, Plan, TargetState};
use crate::provider::auth::{CredentialChoice, Files, Identity, Variables};
use crate::provider::cloud::Endpoints;
use crate::provider::schema::SchemaReader;
use crate::provider::{CALL_VARIABLES, ConnectOptions, Provider, Session, Waits};
use crate::sandbox;

use super::failure::Failure;
use super::settings::Settings;

/// Where the sandbox keeps its state, below the repository's root.
pub(crate) const SANDBOX_STATE: &str = ".palisade/sandbox";

/// An environment's connections. Call [`Connection::close`] at the end: the sandbox writes its state then.
pub(crate) struct Connection {
    pub(crate) providers: Vec<Box<dyn Provider>>,
    session: Session,
    sandbox: Option<sandbox::Running>,
}

/// The machine's files, for the credentials whose variables name some.
#[derive(Debug)]
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// The way to an environment's services, with nobody signed in yet.
pub(crate) struct Line {
    pub(crate) session: Session,
    pub(crate) endpoints: Endpoints,
    pub(crate) sandbox: Option<sandbox::Running>,
}

/// Prepares the way to an environment's services. Nothing is sent; `cloud: sandbox` is started.
pub(crate) async fn open(
    environment: &Environment,
    root: &Path,
    credential: CredentialChoice,
    settings: &Settings,
) -> Result<Line, Failure> {
    let (endpoints, local) = endpoints(environment, root, &settings.variables).await?;
    let (credential, variables) = match &local {
        // The sandbox has one identity of its own; the user's credentials never go there.
        Some(running) => (CredentialChoice::ClientSecret, sandbox_variables(running, &settings.variables)),
        None => (credential, settings.variables.clone()),
    };
    let session = Session::connect(ConnectOptions {
        endpoints: endpoints.clone(),
        tenant_id: environment.tenant_id.value.clone(),
        credential,
        variables,
        files: Arc::new(Disk),
        client: None,
    })?;
    Ok(Line { session, endpoints, sandbox: local })
}

/// Connects to every target of an environment and signs in to each service that it uses.
pub(crate) async fn connect(
    environment: &Environment,
    watchlists: bool,
    root: &Path,
    credential: CredentialChoice,
    settings: &Settings,
) -> Result<Connection, Failure> {
    let connection = prepare(environment, watchlists, root, credential, settings).await?;
    let platforms: std::collections::BTreeSet<_> =
        connection.providers.iter().map(|provider| provider.target().platform()).collect();
    let sign_ins = platforms.into_iter().map(|platform| connection.session.sign_in(platform));
    for signed_in in futures::future::join_all(sign_ins).await {
        signed_in?;
    }
    Ok(connection)
}

/// As [`connect`], without asking anybody anything yet. Watchlists are looked at where `watchlists` says so.
pub(crate) async fn prepare(
    environment: &Environment,
    watchlists: bool,
    root: &Path,
    credential: CredentialChoice,
    settings: &Settings,
) -> Result<Connection, Failure> {
    let Line { session, sandbox: local, .. } = open(environment, root, credential, settings).await?;
    let mut providers: Vec<Box<dyn Provider>> = Vec::new();
    if let Some(target) = &environment.defender {
        let version = target.api_version.as_ref().map(|version| version.value.as_str());
        let defender = session.defender(version).managing_preview(target.preview_fields);
        providers.push(Box::new(defender));
    }
    let version = environment.sentinel_api_version.as_ref().map(|version| version.value.as_str());
    for workspace in &environment.sentinel {
        let sentinel = session.sentinel(Arc::clone(&workspace.value), version);
        providers.push(Box::new(sentinel.with_watchlists(watchlists)));
    }
    Ok(Connection { providers, session, sandbox: local })
}

impl Connection {
    /// Who it acts as, once somebody signed in.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.session.identity()
    }

    /// Lists every target, all at once, each as soon as its service is signed in to.
    pub(crate) async fn list(&self) -> Result<Vec<TargetState>, Failure> {
        let reads = self.providers.iter().map(|provider| async move {
            self.session.sign_in(provider.target().platform()).await?;
            provider.list().await.map(|live| TargetState {
                target: provider.target().clone(),
                schema: provider.schema(),
                live,
            })
        });
        let states: Result<Vec<_>, _> = futures::future::join_all(reads).await.into_iter().collect();
        Ok(states?)
    }

    /// What ends every wait for a service's quota.
    pub(crate) fn waits(&self) -> Waits {
        self.session.waits()
    }

    /// What reads the tenant's tables.
    pub(crate) fn schema_reader(&self) -> SchemaReader {
        self.session.schema_reader()
    }

    /// The least time that carrying out the plan takes within the services' quotas.
    pub(crate) fn estimate(&self, plan: &Plan) -> std::time::Duration {
        let of = |platform: Platform| {
            let count = |action: Action| {
                let here = plan.effective().filter(|change| change.platform == platform.as_str());
                here.filter(|change| change.actions.contains(&action)).count()
            };
            let updates = count(Action::Update) + count(Action::Adopt);
            self.session.estimate(platform, count(Action::Create), updates, count(Action::Delete))
        };
        of(Platform::Sentinel).max(of(Platform::Defender))
    }

    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self.sandbox {
            Some(running) => Ok(running.stop().await?),
            None => Ok(()),
        }
    }
}

async fn endpoints(
    environment: &Environment,
    root: &Path,
    variables: &Variables,
) -> Result<(Endpoints, Option<sandbox::Running>), Failure> {
    let mut local = None;
    let mut endpoints = match &environment.cloud.value {
        Cloud::Public => Endpoints::public(),
        Cloud::UsGov => Endpoints::us_gov(),
        Cloud::UsGovDod => Endpoints::us_gov_dod(),
        Cloud::China => Endpoints::china(),
        Cloud::Custom { authority, arm, graph, ca_file } => {
            let allowed = variables.get("PALISADE_ALLOW_CUSTOM_CLOUD") == Some("1");
            let endpoints = Endpoints::custom(&authority.value, &arm.value, &graph.value, allowed)
                .map_err(|error| Failure::error(error.to_string()).help(error.help()))?;
            match ca_file {
                Some(file) => endpoints.with_root(pem(&root.join(&file.value))?),
                None => endpoints,
            }
        }
        Cloud::Sandbox => {
            let options =
                sandbox::Options { state_dir: Some(root.join(SANDBOX_STATE)), ..sandbox::Options::default() };
            let running = sandbox::start(options).await?;
            let endpoints = Endpoints::custom(&running.authority(), &running.arm(), &running.graph(), false)
                .map_err(|error| Failure::error(error.to_string()))?
                .with_root(running.ca_pem().as_bytes().to_vec());
            local = Some(running);
            endpoints
        }
    };
    if let Some(file) = variables.get("PALISADE_CA_FILE") {
        endpoints = endpoints.with_root(pem(Path::new(file))?);
    }
    Ok((endpoints, local))
}

fn pem(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::error(format!("the certificate file `{}` cannot be read", path.display()))
            .caused_by(&error)
            .help("`ca_file` and PALISADE_CA_FILE name a PEM file with further root certificates")
    })
}

/// The sandbox's own credential, and the pace and patience that somebody wants to try out.
fn sandbox_variables(running: &sandbox::Running, given: &Variables) -> Variables {
    let own = [("AZURE_CLIENT_ID", running.client_id()), ("AZURE_CLIENT_SECRET", running.client_secret())];
    let calls = CALL_VARIABLES.iter().filter_map(|name| Some((*name, given.get(name)?)));
    own.into_iter().chain(calls).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

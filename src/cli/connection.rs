//! One environment's providers: endpoints, credential, and, for `cloud: sandbox`, the embedded tenant itself.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::address::Platform;
use crate::model::environment::{Cloud, Environment};
use crate::plan::{Action, Plan, TargetState};
use crate::provider::auth::{CredentialChoice, Files, Identity, Variables};
use crate::provider::cloud::Endpoints;
use crate::provider::schema::SchemaReader;
use crate::provider::{CALL_VARIABLES, Common, ConnectOptions, Provider, ProviderError, Session, Waits};
use crate::sandbox;

use super::failure::Failure;
use super::settings::Settings;

/// Where the sandbox keeps its state, below the repository's root.
pub(crate) const SANDBOX_STATE: &str = ".palisade/sandbox";

/// What the environments of one command share: the client, the quotas of each tenant, and the embedded tenant of
/// `cloud: sandbox`, which is started when the first of them asks for it. Call [`Network::close`] at the end.
#[derive(Default)]
pub(crate) struct Network {
    common: Common,
    sandbox: tokio::sync::Mutex<Option<sandbox::Running>>,
}

impl Network {
    /// What ends every wait for a quota, in every tenant.
    pub(crate) fn waits(&self) -> Waits {
        self.common.waits()
    }

    /// Lets go of it: the sandbox writes its state now.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self.sandbox.into_inner() {
            Some(running) => Ok(running.stop().await?),
            None => Ok(()),
        }
    }
}

/// An environment's connections. Call [`Connection::close`] at the end.
pub(crate) struct Connection {
    pub(crate) providers: Vec<Arc<dyn Provider>>,
    session: Arc<Session>,
    /// The network, where it is for this environment alone.
    own: Option<Network>,
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
}

/// Prepares the way to the services of one of several environments. Nothing is sent; `cloud: sandbox` is started.
pub(crate) async fn open(
    network: &Network,
    environment: &Environment,
    root: &Path,
    credential: CredentialChoice,
    settings: &Settings,
) -> Result<Line, Failure> {
    let (endpoints, own) = endpoints(network, environment, root, &settings.variables).await?;
    let (credential, variables) = match own {
        // The sandbox has one identity of its own; the user's credentials never go there.
        Some(variables) => (CredentialChoice::ClientSecret, variables),
        None => (credential, settings.variables.clone()),
    };
    let options = ConnectOptions {
        endpoints: endpoints.clone(),
        tenant_id: environment.tenant_id.value.clone(),
        credential,
        variables,
        files: Arc::new(Disk),
        client: None,
    };
    Ok(Line { session: Session::connect_with(options, &network.common)?, endpoints })
}

/// Connects to every target of an environment and signs in to each service that it uses.
pub(crate) async fn connect(
    environment: &Environment,
    watchlists: bool,
    root: &Path,
    credential: CredentialChoice,
    settings: &Settings,
) -> Result<Connection, Failure> {
    let network = Network::default();
    let connection = connect_within(&network, environment, watchlists, root, credential, settings).await?;
    Ok(Connection { own: Some(network), ..connection })
}

/// As [`connect`], for one of several environments.
pub(crate) async fn connect_within(
    network: &Network,
    environment: &Environment,
    watchlists: bool,
    root: &Path,
    credential: CredentialChoice,
    settings: &Settings,
) -> Result<Connection, Failure> {
    let connection = prepare(network, environment, watchlists, root, credential, settings).await?;
    let platforms: std::collections::BTreeSet<_> =
        connection.providers.iter().map(|provider| provider.target().platform()).collect();
    let sign_ins = platforms.into_iter().map(|platform| connection.session.sign_in(platform));
    for signed_in in futures::future::join_all(sign_ins).await {
        signed_in?;
    }
    Ok(connection)
}

/// As [`connect_within`], without asking anybody anything yet. Watchlists are looked at where `watchlists` says so.
pub(crate) async fn prepare(
    network: &Network,
    environment: &Environment,
    watchlists: bool,
    root: &Path,
    credential: CredentialChoice,
    settings: &Settings,
) -> Result<Connection, Failure> {
    let Line { session, .. } = open(network, environment, root, credential, settings).await?;
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(target) = &environment.defender {
        let version = target.api_version.as_ref().map(|version| version.value.as_str());
        let defender = session.defender(version).managing_preview(target.preview_fields);
        providers.push(Arc::new(defender));
    }
    let version = environment.sentinel_api_version.as_ref().map(|version| version.value.as_str());
    for workspace in &environment.sentinel {
        let sentinel = session.sentinel(Arc::clone(&workspace.value), version);
        providers.push(Arc::new(sentinel.with_watchlists(watchlists)));
    }
    Ok(Connection { providers, session: Arc::new(session), own: None })
}

impl Connection {
    /// Who it acts as, once somebody signed in.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.session.identity()
    }

    /// Lists every target, all at once, each as soon as its service is signed in to.
    pub(crate) async fn list(&self) -> Result<Vec<TargetState>, Failure> {
        let reads = self.providers.iter().map(|provider| read(&self.session, provider.as_ref()));
        Ok(futures::future::join_all(reads).await.into_iter().collect::<Result<Vec<_>, _>>()?)
    }

    /// As [`Self::list`], by the runtime's threads: with many environments under way, whoever waits for the result may be busy with
    /// another's rules, and an answer must not wait for that before the next page is asked for.
    pub(crate) async fn list_apart(&self) -> Result<Vec<TargetState>, Failure> {
        let mut reads = JoinSet::new();
        for (at, provider) in self.providers.iter().enumerate() {
            let (session, provider) = (Arc::clone(&self.session), Arc::clone(provider));
            reads.spawn(async move { (at, read(&session, provider.as_ref()).await) });
        }
        let mut states = reads.join_all().await;
        states.sort_by_key(|(at, _)| *at);
        Ok(states.into_iter().map(|(_, state)| state).collect::<Result<Vec<_>, _>>()?)
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
        match self.own {
            Some(network) => network.close().await,
            None => Ok(()),
        }
    }
}

/// What is at one target, after signing in to its service.
async fn read(session: &Session, provider: &dyn Provider) -> Result<TargetState, ProviderError> {
    session.sign_in(provider.target().platform()).await?;
    let live = provider.list().await?;
    Ok(TargetState { target: provider.target().clone(), schema: provider.schema(), live })
}

/// Where an environment's services are, and the variables of the sandbox's own identity if that is what it is.
async fn endpoints(
    network: &Network,
    environment: &Environment,
    root: &Path,
    variables: &Variables,
) -> Result<(Endpoints, Option<Variables>), Failure> {
    let mut own = None;
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
            let mut held = network.sandbox.lock().await;
            let running = match held.take() {
                Some(running) => running,
                None => {
                    let state_dir = Some(root.join(SANDBOX_STATE));
                    sandbox::start(sandbox::Options { state_dir, ..sandbox::Options::default() }).await?
                }
            };
            let running = held.insert(running);
            let endpoints = Endpoints::custom(&running.authority(), &running.arm(), &running.graph(), false)
                .map_err(|error| Failure::error(error.to_string()))?
                .with_root(running.ca_pem().as_bytes().to_vec());
            own = Some(sandbox_variables(running, variables));
            endpoints
        }
    };
    if let Some(file) = variables.get("PALISADE_CA_FILE") {
        endpoints = endpoints.with_root(pem(Path::new(file))?);
    }
    Ok((endpoints, own))
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

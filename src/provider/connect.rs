//! One environment's way to its services, built once per run.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::HttpClient;

use super::auth::{CredentialChoice, Credentials, Files, Identity, Presented, Surroundings, Variables};
use super::cloud::Endpoints;
use super::common::Common;
use super::defender::Defender;
use super::http::{self, Service, Waits};
use super::probe::{Host, Probe};
use super::schema::SchemaReader;
use super::sentinel::Sentinel;
use super::{ErrorKind, ProviderError};
use crate::address::{Platform, Workspace};

/// What a session needs.
#[derive(Debug)]
pub struct ConnectOptions {
    /// Where the services are.
    pub endpoints: Endpoints,
    /// The environment's tenant; tokens of any other are refused.
    pub tenant_id: String,
    /// Which credential.
    pub credential: CredentialChoice,
    /// Environment variables.
    pub variables: Variables,
    /// Reads the files that variables name.
    pub files: Arc<dyn Files>,
    /// The HTTP client; `None` builds the run's own from the endpoints' roots.
    pub client: Option<Arc<dyn HttpClient>>,
}

/// Connections to one tenant: one credential, one pipeline per service.
pub struct Session {
    credentials: Arc<Credentials>,
    arm: Arc<Service>,
    graph: Arc<Service>,
    scopes: [(Platform, String, String); 2],
    waits: Waits,
    client: Arc<dyn HttpClient>,
    bases: [(Host, String); 3],
    tenant_id: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl Session {
    /// Prepares the connections. Nothing is sent yet; call [`Session::sign_in`] to find out early whether it works.
    ///
    /// # Errors
    /// Additional roots that cannot be used.
    pub fn connect(options: ConnectOptions) -> Result<Self, ProviderError> {
        Self::connect_with(options, &Common::default())
    }

    #[cfg(test)]
    pub(super) fn with_pacing(
        options: ConnectOptions,
        pacing: &Arc<dyn super::http::patience::Pacing>,
    ) -> Result<Self, ProviderError> {
        Self::connect_with(options, &Common::paced(Arc::clone(pacing)))
    }

    /// As [`Self::connect`], as one of several sessions of a run.
    ///
    /// # Errors
    /// Additional roots that cannot be used.
    pub fn connect_with(options: ConnectOptions, common: &Common) -> Result<Self, ProviderError> {
        let ConnectOptions { endpoints, tenant_id, credential, variables, files, client } = options;
        let silence = variables.get(http::TIMEOUT_VARIABLE).and_then(|text| text.trim().parse().ok());
        let silence = silence.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let client = match client {
            Some(client) => client,
            None => common.client(endpoints.extra_roots(), silence)?,
        };
        let figure = |name| variables.get(name).and_then(|text| text.trim().parse().ok());
        let figures = [figure(http::pace::CREATES_VARIABLE), figure(http::pace::CALLS_VARIABLE)];
        let surroundings = Surroundings { variables, client: Arc::clone(&client), files, executor: None };
        let credentials = Credentials::resolve(credential, &tenant_id, &endpoints, &surroundings);
        let service = |platform, base: &str, scope| {
            let lane = common.lane(platform, base, &tenant_id, figures)?;
            Ok::<_, ProviderError>(Arc::new(Service::new(
                platform,
                lane,
                scope,
                Arc::clone(&credentials),
                Arc::clone(&client),
            )))
        };
        Ok(Self {
            arm: service(Platform::Sentinel, endpoints.arm(), endpoints.arm_scope())?,
            graph: service(Platform::Defender, endpoints.graph(), endpoints.graph_scope())?,
            scopes: [
                (Platform::Sentinel, endpoints.arm_scope(), endpoints.authority().to_owned()),
                (Platform::Defender, endpoints.graph_scope(), endpoints.authority().to_owned()),
            ],
            waits: common.waits(),
            credentials,
            bases: [
                (Host::SignIn, endpoints.authority().to_owned()),
                (Host::Arm, endpoints.arm().to_owned()),
                (Host::Graph, endpoints.graph().to_owned()),
            ],
            client,
            tenant_id,
        })
    }

    /// What ends every wait for a service's quota.
    #[must_use]
    pub fn waits(&self) -> Waits {
        self.waits.clone()
    }

    /// Fetches a token for `platform`, so that a missing credential or a wrong tenant shows before anything is read.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`], [`ErrorKind::WrongTenant`] or [`ErrorKind::Unavailable`].
    pub async fn sign_in(&self, platform: Platform) -> Result<Identity, ProviderError> {
        let subject = platform.as_str();
        for (_, scope, authority) in self.scopes.iter().filter(|(of, _, _)| *of == platform) {
            self.credentials
                .get_token(&[scope], None)
                .await
                .map_err(|error| http::from_azure(subject, platform, authority, error))?;
        }
        self.identity()
            .ok_or_else(|| self.service(platform).nonsense("authenticate", subject, "no token was given"))
    }

    /// Who the session acts as; `None` before the first token.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.credentials.identity()
    }

    /// The least time that so many creates, updates and deletes take within the platform's quotas.
    #[must_use]
    pub fn estimate(&self, platform: Platform, creates: usize, updates: usize, deletes: usize) -> Duration {
        self.service(platform).estimate(creates, updates, deletes)
    }

    /// The analytics rules of a workspace.
    #[must_use]
    pub fn sentinel(&self, workspace: Arc<Workspace>, api_version: Option<&str>) -> Sentinel {
        Sentinel::new(Arc::clone(&self.arm), workspace, api_version)
    }

    /// The tenant's custom detections.
    #[must_use]
    pub fn defender(&self, api_version: Option<&str>) -> Defender {
        Defender::new(Arc::clone(&self.graph), api_version)
    }

    /// What asks whether an apply could work.
    #[must_use]
    pub fn probe(&self) -> Probe {
        Probe {
            arm: Arc::clone(&self.arm),
            client: Arc::clone(&self.client),
            bases: self.bases.clone(),
            tenant_id: self.tenant_id.clone(),
        }
    }

    /// Who the latest assertion said that it is: what a federated credential must name.
    #[must_use]
    pub fn presented(&self) -> Option<Presented> {
        self.credentials.presented()
    }

    /// The tenant's tables.
    #[must_use]
    pub fn schema_reader(&self) -> SchemaReader {
        SchemaReader::new(Arc::clone(&self.arm), Arc::clone(&self.graph))
    }

    fn service(&self, platform: Platform) -> &Service {
        match platform {
            Platform::Sentinel => &self.arm,
            Platform::Defender => &self.graph,
        }
    }
}

/// The error for an id that cannot be part of an address; nothing is sent.
pub(super) fn unusable_id(operation: &'static str, subject: &str, id: &str) -> ProviderError {
    ProviderError {
        operation,
        subject: subject.to_owned(),
        kind: ErrorKind::Rejected,
        message: http::clean(&format!("`{id}` cannot be a rule's id")),
        status: None,
        code: None,
        request_id: None,
        help: Some("ids consist of letters, digits, `-`, `_` and `.`".to_owned()),
        source: None,
    }
}

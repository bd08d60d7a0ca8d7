//! A tenant that runs beside the program, and an environment that names it: for everything that needs the user's own credentials,
//! which never go to `cloud: sandbox`.

use palisade::sandbox::{Options, Running, Switches, start};
use serde_json::json;

use crate::world::{Ran, TENANT, World};

/// The application of every test here.
pub(crate) const CLIENT: &str = "44444444-4444-4444-8444-444444444444";
pub(crate) const ENVIRONMENT: &str = "environments/lab/environment.yaml";

/// The tenant and the repository.
pub(crate) struct Beside {
    pub(crate) tenant: Running,
    pub(crate) world: World,
}

impl Beside {
    /// A tenant with these switches, that knows every application.
    pub(crate) async fn with(set: impl FnOnce(&mut Switches)) -> Self {
        let mut switches = Switches { token_any_client: true, ..Switches::default() };
        set(&mut switches);
        let tenant = start(Options { switches, ..Options::default() }).await.unwrap();
        let world = World::new();
        world.write("ca.pem", tenant.ca_pem());
        let cloud = format!(
            "cloud: {{authority: '{}', arm: '{}', graph: '{}', ca_file: ca.pem}}",
            tenant.authority(),
            tenant.arm(),
            tenant.graph()
        );
        world.edit(ENVIRONMENT, "cloud: sandbox", &cloud);
        Self { tenant, world }
    }

    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) fn switch(&self, name: &str, value: &str) -> &Self {
        self.tenant.control(&json!({"op": "set_switches", "values": {name: value}})).unwrap();
        self
    }

    /// Plans at trace level; neither a token nor anything with `canary` in it may be seen.
    #[track_caller]
    pub(crate) fn plan(&self, variables: &[(&str, &str)]) -> Ran {
        clean(self.world.run_with("plan -e lab -vv", variables))
    }

    /// Both services give a token to this credential, and it may do what is needed.
    #[track_caller]
    pub(crate) fn signs_in(&self, variables: &[(&str, &str)], credential: &str) {
        let ran = clean(self.world.run_with("doctor -e lab --format json -vv", variables)).exits(0);
        let report = ran.json();
        let checks = report["checks"].as_array().unwrap().iter();
        let tokens: Vec<&str> =
            checks.filter(|one| one["name"] == "token").map(|one| one["found"].as_str().unwrap()).collect();
        assert_eq!(tokens.len(), 2, "{ran}");
        assert!(tokens.iter().all(|found| found.ends_with(&format!("({credential})"))), "{ran}");
        self.plan(variables).exits(0);
    }

    /// What reached the token endpoint.
    pub(crate) fn sign_ins(&self) -> usize {
        self.tenant
            .requests()
            .iter()
            .filter(|request| request["service"] == "token" && request["method"] == "POST")
            .count()
    }

    /// An access token for a scope, as the program would get it.
    pub(crate) async fn token(&self, scope: &str) -> String {
        let root = reqwest::Certificate::from_pem(self.tenant.ca_pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder().tls_certs_merge([root]).build().unwrap();
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", self.tenant.authority());
        let body = format!(
            "grant_type=client_credentials&client_id={CLIENT}&client_secret=x&scope={}",
            scope.replace(':', "%3A").replace('/', "%2F")
        );
        let answer = http.post(url).body(body).send().await.unwrap().text().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// No token, no key and no canary is in what a run said.
#[track_caller]
pub(crate) fn clean(ran: Ran) -> Ran {
    ran.never_says(&["eyJ", "canary", "PRIVATE KEY", "Bearer e", "bearer e"])
}

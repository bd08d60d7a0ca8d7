//! Harmless reads that say whether an apply could work: what `palisade doctor` is made of.
//!
//! Nothing here writes, and nothing is decided: answers are facts, and what they mean is in `checkup`. Reaching a service
//! ([`Probe::reach`]) needs no token and is tried once, because how it fails is the answer. Everything else goes through
//! the same pipeline as rules do.

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::headers::HeaderName;
use azure_core::http::{HttpClient, Method, Request, Url};
use jiff::Timestamp;
use serde_json::Value;

use super::http::patience::http_date;
use super::http::{self, Call, Obstacle, Service};
use super::{ErrorKind, ProviderError};
use crate::address::{Target, Workspace};

/// `Microsoft.Authorization/permissions`.
const PERMISSIONS_VERSION: &str = "2022-04-01";
const WORKSPACE_VERSION: &str = "2022-10-01";
const NEXT_LINK: &str = "nextLink";

/// A host that is asked without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The token authority.
    SignIn,
    /// Resource Manager.
    Arm,
    /// Microsoft Graph.
    Graph,
}

/// An answer of a host, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Its status.
    pub status: u16,
    /// How long it took, connecting included.
    pub took: Duration,
    /// The host's clock minus this machine's, in seconds; `None` without a `Date`. A second either way is rounding.
    pub ahead: Option<i64>,
    /// The answer is JSON, as these services give it even when they refuse.
    pub json: bool,
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// What stood in the way, where that is known.
    pub obstacle: Option<Obstacle>,
    /// The innermost cause, in its own words.
    pub words: String,
}

/// What the caller may do with the rules of a workspace, by roles in Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Reading analytics rules.
    pub read: bool,
    /// Creating and changing them.
    pub write: bool,
    /// Deleting them.
    pub delete: bool,
}

/// A repository that Sentinel's Repositories feature deploys to the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Its address, or its name.
    pub repository: String,
    /// What it deploys: `AnalyticsRule`, `Playbook`, ….
    pub content: Vec<String>,
}

/// Asks. Made by [`super::Session::probe`].
#[derive(Debug)]
pub struct Probe {
    pub(super) arm: Arc<Service>,
    pub(super) client: Arc<dyn HttpClient>,
    pub(super) bases: [(Host, String); 3],
    pub(super) tenant_id: String,
}

impl Probe {
    /// The address at which a host is asked.
    #[must_use]
    pub fn base(&self, host: Host) -> &str {
        self.bases.iter().find(|(one, _)| *one == host).map_or("", |(_, base)| base)
    }

    /// One request without a token, through the run's proxy, with the run's roots.
    ///
    /// # Errors
    /// No answer came.
    pub async fn reach(&self, host: Host) -> Result<Reached, Unreached> {
        // Each of them answers JSON to anybody: who the tenant is, or that a token is missing.
        let path = match host {
            Host::SignIn => format!("/{}/v2.0/.well-known/openid-configuration", self.tenant_id),
            Host::Arm => "/subscriptions?api-version=2022-12-01".to_owned(),
            Host::Graph => "/v1.0/security/rules/detectionRules".to_owned(),
        };
        let address = format!("{}{path}", self.base(host));
        let url = Url::parse(&address)
            .map_err(|_| Unreached { obstacle: None, words: "is not an address".to_owned() })?;
        let started = std::time::Instant::now();
        let request = Request::new(url, Method::Get);
        let answer = async { self.client.execute_request(&request).await?.try_into_raw_response().await };
        let response = answer.await.map_err(|error| unreached(&error))?;
        let took = started.elapsed();
        let date = response.headers().get_optional_str(&DATE).and_then(http_date);
        // The answer was written somewhere between asking and now.
        let middle = Timestamp::now().as_millisecond() - i64::try_from(took.as_millis() / 2).unwrap_or(0);
        Ok(Reached {
            status: u16::from(response.status()),
            took,
            // `Date` has whole seconds, cut off: on average half a second is missing.
            ahead: date.map(|date| (date.as_millisecond() + 500 - middle) / 1_000),
            json: serde_json::from_slice::<Value>(response.body().as_ref()).is_ok(),
        })
    }

    /// Whether the workspace is there.
    ///
    /// # Errors
    /// Those of a read: missing, forbidden.
    pub async fn workspace(&self, workspace: &Arc<Workspace>) -> Result<(), ProviderError> {
        self.get(workspace, &[], WORKSPACE_VERSION).await.map(|_| ())
    }

    /// Whether Microsoft Sentinel is switched on for the workspace.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn onboarded(&self, workspace: &Arc<Workspace>, version: &str) -> Result<bool, ProviderError> {
        match self.get(workspace, &[INSIGHTS, "onboardingStates", "default"], version).await {
            Ok(_) => Ok(true),
            Err(error) if error.status == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the caller may do there.
    ///
    /// # Errors
    /// Those of a list.
    pub async fn allowed(&self, workspace: &Arc<Workspace>) -> Result<Allowed, ProviderError> {
        let subject = subject(workspace);
        let url = self.url(workspace, &["Microsoft.Authorization", "permissions"], PERMISSIONS_VERSION);
        let granted = self.arm.pages(&subject, url, NEXT_LINK).await?;
        let may =
            |verb: &str| granted.iter().any(|one| grants(one, &format!("{INSIGHTS}/alertRules/{verb}")));
        Ok(Allowed { read: may("read"), write: may("write"), delete: may("delete") })
    }

    /// What Sentinel's Repositories feature deploys to the workspace.
    ///
    /// # Errors
    /// Those of a list.
    pub async fn repositories(
        &self,
        workspace: &Arc<Workspace>,
        version: &str,
    ) -> Result<Vec<Connected>, ProviderError> {
        let url = self.url(workspace, &[INSIGHTS, "sourcecontrols"], version);
        let all = self.arm.pages(&subject(workspace), url, NEXT_LINK).await?;
        Ok(all.iter().map(connected).collect())
    }

    async fn get(
        &self,
        workspace: &Arc<Workspace>,
        below: &[&str],
        version: &str,
    ) -> Result<Value, ProviderError> {
        let (subject, url) = (subject(workspace), self.url(workspace, below, version));
        let call = Call {
            operation: "read",
            subject: &subject,
            method: Method::Get,
            url,
            body: None,
            if_match: None,
        };
        self.arm.call(call).await.map(|answer| answer.body)
    }

    /// The address of the workspace, or of what a provider keeps for it.
    fn url(&self, workspace: &Workspace, below: &[&str], version: &str) -> Url {
        let own = [
            "subscriptions",
            &workspace.subscription,
            "resourceGroups",
            &workspace.resource_group,
            "providers",
            "Microsoft.OperationalInsights",
            "workspaces",
            &workspace.workspace,
        ];
        let providers = if below.is_empty() { None } else { Some("providers") };
        let mut url = self.arm.url(own.into_iter().chain(providers).chain(below.iter().copied()));
        url.query_pairs_mut().append_pair("api-version", version);
        url
    }
}

const DATE: HeaderName = HeaderName::from_static("date");
const INSIGHTS: &str = "Microsoft.SecurityInsights";

fn subject(workspace: &Arc<Workspace>) -> String {
    Target::Sentinel(Arc::clone(workspace)).to_string()
}

fn unreached(error: &azure_core::Error) -> Unreached {
    let mut words = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        words = cause.to_string();
        next = cause.source();
    }
    Unreached { obstacle: Obstacle::of(error), words: http::clean(&words) }
}

/// Whether an item of the permissions grants an action: named by `actions`, and not taken back by `notActions`.
fn grants(item: &Value, action: &str) -> bool {
    let named = |list: &str| {
        let patterns = item.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        patterns.iter().filter_map(Value::as_str).any(|pattern| fits(pattern, action))
    };
    named("actions") && !named("notActions")
}

/// `*` stands for anything, slashes included; letters compare without case.
fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(part) => action.ends_with(part),
    }
}

fn connected(item: &Value) -> Connected {
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let places = [
        "/properties/repository/displayUrl",
        "/properties/repository/url",
        "/properties/displayName",
        "/name",
    ];
    let content = item.pointer("/properties/contentTypes").and_then(Value::as_array);
    Connected {
        repository: http::clean(places.into_iter().find_map(text).unwrap_or("unnamed")),
        content: content.into_iter().flatten().filter_map(Value::as_str).map(http::clean).collect(),
    }
}

/// Whether a refusal says that the service does not know the API version.
#[must_use]
pub fn is_unknown_version(error: &ProviderError) -> bool {
    const CODES: [&str; 3] =
        ["InvalidApiVersionParameter", "NoRegisteredProviderFound", "UnsupportedApiVersion"];
    error.code.as_deref().is_some_and(|code| CODES.iter().any(|known| known.eq_ignore_ascii_case(code)))
        || (error.kind == ErrorKind::TargetMissing
            && error.message.to_ascii_lowercase().contains("resource not found for the segment"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn actions_are_granted_by_patterns_and_taken_back_by_others() {
        let write = "Microsoft.SecurityInsights/alertRules/write";
        for (pattern, expected) in [
            ("*", true),
            ("Microsoft.SecurityInsights/*", true),
            ("microsoft.securityinsights/ALERTRULES/write", true),
            ("Microsoft.SecurityInsights/*/write", true),
            ("*/write", true),
            ("*/read", false),
            ("Microsoft.SecurityInsights/*/read", false),
            ("Microsoft.SecurityInsights", false),
            ("Microsoft.OperationalInsights/*", false),
            ("", false),
        ] {
            assert_eq!(grants(&json!({"actions": [pattern]}), write), expected, "{pattern}");
        }
        assert!(!grants(
            &json!({"actions": ["*"], "notActions": ["Microsoft.SecurityInsights/*/write"]}),
            write
        ));
        assert!(!grants(&json!({}), write));
    }
}

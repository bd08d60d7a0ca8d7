//! The operations on `alertRules` (CONTRACT B.2, B.4).
//!
//! An update sends the etag that the plan saw, in the body and as `If-Match`, so nobody's change is overwritten unseen.
//! PUT has the same effect twice as once, so it is repeated after a lost answer; when the first try did land, the second
//! meets a newer etag, and the conflict is recognised as our own by what the rule then holds.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{Method, Url};
use serde_json::Value;

use super::{convert, schema, wire};
use crate::address::{Target, Workspace};
use crate::provider::connect::unusable_id;
use crate::provider::http::{Answer, Call, Service};
use crate::provider::{ErrorKind, Provider, ProviderError, Write};
use crate::resource::{Kind, Live, Schema, WATCHLIST};

/// The analytics rules of one workspace.
#[derive(Debug)]
pub struct Sentinel {
    pub(super) service: Arc<Service>,
    target: Target,
    workspace: Arc<Workspace>,
    pub(super) api_version: String,
    /// Watchlists are looked at as well.
    watchlists: bool,
}

impl Sentinel {
    pub(in crate::provider) fn new(
        service: Arc<Service>,
        workspace: Arc<Workspace>,
        api_version: Option<&str>,
    ) -> Self {
        Self {
            service,
            target: Target::Sentinel(Arc::clone(&workspace)),
            workspace,
            api_version: api_version.unwrap_or(wire::API_VERSION).to_owned(),
            watchlists: false,
        }
    }

    /// The API version in which it speaks.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// Looks at watchlists as well, when the environment has any of its own.
    #[must_use]
    pub fn with_watchlists(mut self, wanted: bool) -> Self {
        self.watchlists = wanted;
        self
    }

    /// The address of the collection, or of one rule in it.
    fn url(&self, remote_id: Option<&str>) -> Url {
        self.url_of(std::iter::once("alertRules").chain(remote_id))
    }

    /// The address of something that Sentinel keeps in the workspace.
    pub(super) fn url_of<'s>(&'s self, below: impl Iterator<Item = &'s str>) -> Url {
        let segments = [
            "subscriptions",
            &self.workspace.subscription,
            "resourceGroups",
            &self.workspace.resource_group,
            "providers",
            "Microsoft.OperationalInsights",
            "workspaces",
            &self.workspace.workspace,
            "providers",
            "Microsoft.SecurityInsights",
        ];
        let mut url = self.service.url(segments.into_iter().chain(below));
        url.query_pairs_mut().append_pair("api-version", &self.api_version);
        url
    }

    pub(super) fn subject(&self, rule: &str) -> String {
        format!("{}:{rule}", self.target)
    }

    async fn put(
        &self,
        operation: &'static str,
        write: &Write,
        before: Option<&Live>,
    ) -> Result<Live, ProviderError> {
        let subject = self.subject(&write.marker.rule);
        let url = self.rule_url(operation, &subject, &write.remote_id)?;
        let put = convert::sent(write, before);
        let if_match = put.etag.clone();
        let body = serde_json::to_value(&put)
            .map_err(|_| self.service.nonsense(operation, &subject, "the rule cannot be written as JSON"))?;
        let call = Call {
            operation,
            subject: &subject,
            method: Method::Put,
            url,
            body: Some(&body),
            if_match: if_match.as_deref(),
        };
        let answer = self.service.call(call).await?;
        let mut live = match answer.body {
            // A service that says yes and nothing else is asked what it has now.
            Value::Null => {
                let now = self.read(&write.remote_id).await.map_err(ProviderError::after_a_write)?;
                now.ok_or_else(|| {
                    self.service.nonsense(operation, &subject, "the rule was accepted, but is not there")
                })?
            }
            body => self.rule(operation, &subject, body)?,
        };
        live.server.request_id = answer.request_id;
        Ok(live)
    }

    fn rule_url(
        &self,
        operation: &'static str,
        subject: &str,
        remote_id: &str,
    ) -> Result<Url, ProviderError> {
        // Such an id would make another address of the path.
        if matches!(remote_id, "" | "." | "..") || remote_id.contains(['/', '\\']) {
            return Err(unusable_id(operation, subject, remote_id));
        }
        Ok(self.url(Some(remote_id)))
    }

    fn rule(&self, operation: &'static str, subject: &str, value: Value) -> Result<Live, ProviderError> {
        match wire::AlertRule::read(value) {
            Ok(rule) => Ok(convert::live(rule)),
            Err(error) => Err(self.service.nonsense(
                operation,
                subject,
                &format!("a rule in the answer makes no sense: {error}"),
            )),
        }
    }

    async fn get(
        &self,
        operation: &'static str,
        subject: &str,
        remote_id: &str,
    ) -> Result<Option<Live>, ProviderError> {
        let url = self.rule_url(operation, subject, remote_id)?;
        let call = Call { operation, subject, method: Method::Get, url, body: None, if_match: None };
        match self.service.call(call).await {
            Ok(Answer { body, .. }) => self.rule(operation, subject, body).map(Some),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Provider for Sentinel {
    fn target(&self) -> &Target {
        &self.target
    }

    fn schema(&self) -> &'static Schema {
        &schema::SCHEMA
    }

    async fn list(&self) -> Result<Vec<Live>, ProviderError> {
        let subject = self.target.to_string();
        let values = self.service.pages(&subject, self.url(None), wire::NEXT_LINK).await?;
        // Pages of a list that changes meanwhile may repeat a rule.
        let mut seen = HashSet::new();
        let mut rules = Vec::with_capacity(values.len());
        for value in values {
            let rule = self.rule("list", &subject, value)?;
            if seen.insert(rule.remote_id.to_ascii_lowercase()) {
                rules.push(rule);
            }
        }
        if self.watchlists {
            rules.extend(self.list_watchlists().await?);
        }
        Ok(rules)
    }

    async fn read(&self, remote_id: &str) -> Result<Option<Live>, ProviderError> {
        if let Some(alias) = remote_id.strip_prefix(WATCHLIST) {
            return self.read_watchlist(alias).await;
        }
        self.get("read", &self.subject(remote_id), remote_id).await
    }

    async fn create(&self, write: &Write) -> Result<Live, ProviderError> {
        if write.kind == Kind::Watchlist {
            return self.create_watchlist(write).await;
        }
        self.put("create", write, None).await
    }

    async fn update(&self, write: &Write, before: &Live) -> Result<Live, ProviderError> {
        if write.kind == Kind::Watchlist {
            return self.update_watchlist(write, before).await;
        }
        let mut sent_back = before.clone();
        loop {
            let error = match self.put("update", write, Some(&sent_back)).await {
                Ok(live) => return Ok(live),
                Err(error) => error,
            };
            // A property that is new to us may be the server's own; then it must not be sent back, and the rest may.
            if error.kind == ErrorKind::Rejected
                && let Some(name) = read_only_property(&error.message)
                && sent_back.unknown.shift_remove(name).is_some()
            {
                continue;
            }
            if error.kind == ErrorKind::Conflict
                && let Ok(Some(now)) = self.read(&write.remote_id).await
                && landed(write, before, &now)
            {
                return Ok(now);
            }
            return Err(error);
        }
    }

    async fn delete(&self, before: &Live) -> Result<Option<String>, ProviderError> {
        if before.kind == Kind::Watchlist {
            return self.delete_watchlist(before).await;
        }
        let name = before.marker.as_ref().map_or(before.remote_id.as_str(), |marker| marker.rule.as_str());
        let subject = self.subject(name);
        // DELETE documents no condition, so the question comes first.
        match self.get("delete", &subject, &before.remote_id).await? {
            None => return Ok(None),
            Some(now) if now.server.etag == before.server.etag => {}
            Some(now) if now.body == before.body && now.marker == before.marker => {}
            Some(_) => {
                return Err(changed_meanwhile("delete", subject));
            }
        }
        let url = self.rule_url("delete", &subject, &before.remote_id)?;
        let call = Call {
            operation: "delete",
            subject: &subject,
            method: Method::Delete,
            url,
            body: None,
            if_match: None,
        };
        match self.service.call(call).await {
            Ok(answer) => Ok(answer.request_id),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(error.request_id),
            Err(error) => Err(error),
        }
    }
}

/// It is no longer what the plan saw.
pub(super) fn changed_meanwhile(operation: &'static str, subject: String) -> ProviderError {
    ProviderError {
        operation,
        subject,
        kind: ErrorKind::Conflict,
        message: "the rule was changed after the plan was made".to_owned(),
        status: None,
        code: None,
        request_id: None,
        help: Some("plan again and look at the difference".to_owned()),
        source: None,
    }
}

/// Whether the rule holds what we tried to write, so that the conflict was with ourselves.
fn landed(write: &Write, before: &Live, now: &Live) -> bool {
    let ours = now.marker.as_ref() == Some(&write.marker);
    ours && (before.marker.as_ref() != Some(&write.marker) || now.body == write.body)
}

/// `X` of "Read-only property 'X' cannot be assigned" (CONTRACT B.3).
fn read_only_property(message: &str) -> Option<&str> {
    message.split_once("Read-only property '")?.1.split('\'').next()
}

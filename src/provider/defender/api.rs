//! The operations on `detectionRules` (CONTRACT A.1, A.5).
//!
//! The service has no etag, so an update and a delete first read the rule and stop when it is not what the plan saw.
//! A create is sent once. When its answer is lost, or is an error that the service is known to give for rules that it
//! did create, the rule is looked up: it counts as created only if it carries exactly our marker and is minutes old by
//! the service's own clock, because for hours after a deletion the old rule is still answered.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{Method, Url};
use serde_json::Value;

use super::{convert, schema, wire};
use crate::address::Target;
use crate::provider::connect::unusable_id;
use crate::provider::http::{Answer, Call, Service};
use crate::provider::{ErrorKind, Provider, ProviderError, Write};
use crate::resource::{Body, Live, Schema, is_defender_rule_id};

/// A rule that is older than this, by the service's clock, is not the one that we have just tried to create.
const JUST_NOW_SECONDS: i64 = 300;

/// The custom detections of one tenant.
#[derive(Debug)]
pub struct Defender {
    service: Arc<Service>,
    target: Target,
    api_version: String,
    /// Whether the properties of the newest beta are managed.
    preview: bool,
}

impl Defender {
    pub(in crate::provider) fn new(service: Arc<Service>, api_version: Option<&str>) -> Self {
        Self {
            service,
            target: Target::Defender,
            api_version: api_version.unwrap_or(wire::API_VERSION).to_owned(),
            preview: true,
        }
    }

    /// The API version in which it speaks.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// Without `preview`, the properties of the newest beta are left as the service has them.
    #[must_use]
    pub const fn managing_preview(mut self, preview: bool) -> Self {
        self.preview = preview;
        self
    }

    fn url(&self, remote_id: Option<&str>) -> Url {
        let segments = [self.api_version.as_str(), "security", "rules", "detectionRules"];
        self.service.url(segments.into_iter().chain(remote_id))
    }

    fn subject(&self, rule: &str) -> String {
        format!("{}:{rule}", self.target)
    }

    /// Ids of rules from before 2026 are numbers; everything else that is not an id would make another path.
    fn rule_url(
        &self,
        operation: &'static str,
        subject: &str,
        remote_id: &str,
    ) -> Result<Url, ProviderError> {
        let numeric = !remote_id.is_empty()
            && remote_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if numeric || is_defender_rule_id(remote_id) {
            Ok(self.url(Some(remote_id)))
        } else {
            Err(unusable_id(operation, subject, remote_id))
        }
    }

    async fn send(
        &self,
        operation: &'static str,
        subject: &str,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Answer, ProviderError> {
        self.service.call(Call { operation, subject, method, url, body, if_match: None }).await
    }

    fn rule(&self, operation: &'static str, subject: &str, value: Value) -> Result<Live, ProviderError> {
        match value {
            Value::Object(rule) if rule.get("id").is_some_and(Value::is_string) => {
                Ok(if self.preview { convert::live(rule) } else { convert::live_without_preview(rule) })
            }
            _ => Err(self.service.nonsense(operation, subject, "a rule in the answer has no id")),
        }
    }

    /// The rule, and the service's clock when it answered.
    async fn get(
        &self,
        operation: &'static str,
        subject: &str,
        remote_id: &str,
    ) -> Result<Option<(Live, Option<jiff::Timestamp>)>, ProviderError> {
        let url = self.rule_url(operation, subject, remote_id)?;
        match self.send(operation, subject, Method::Get, url, None).await {
            Ok(answer) => Ok(Some((self.rule(operation, subject, answer.body)?, answer.date))),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the service answered to a write, or what it has now when it answered nothing.
    async fn outcome(
        &self,
        operation: &'static str,
        subject: &str,
        write: &Write,
        answer: Answer,
    ) -> Result<Live, ProviderError> {
        let mut live = if answer.body.is_null() {
            let now =
                self.get(operation, subject, &write.remote_id).await.map_err(ProviderError::after_a_write)?;
            now.map(|(live, _)| live).ok_or_else(|| {
                self.service.nonsense(operation, subject, "the rule was accepted, but is not there")
            })?
        } else {
            self.rule(operation, subject, answer.body)?
        };
        live.server.request_id = answer.request_id;
        Ok(live)
    }

    /// Stops unless the rule still is what the plan saw; `None` when it is gone.
    async fn unchanged(
        &self,
        operation: &'static str,
        subject: &str,
        before: &Live,
    ) -> Result<Option<()>, ProviderError> {
        let Some((now, _)) = self.get(operation, subject, &before.remote_id).await? else { return Ok(None) };
        if same_moment(&now, before) || same_content(&now, before) {
            return Ok(Some(()));
        }
        let who = now.server.modified_by.as_deref().unwrap_or("somebody");
        let when = now.server.modified_at.as_deref().unwrap_or("an unknown time");
        Err(ProviderError {
            operation,
            subject: subject.to_owned(),
            kind: ErrorKind::Conflict,
            message: crate::provider::http::clean(&format!(
                "the rule was changed by {who} at {when}, after the plan was made"
            )),
            status: None,
            code: None,
            request_id: None,
            help: Some("plan again and look at the difference".to_owned()),
            source: None,
        })
    }
}

#[async_trait]
impl Provider for Defender {
    fn target(&self) -> &Target {
        &self.target
    }

    fn schema(&self) -> &'static Schema {
        &schema::SCHEMA
    }

    async fn list(&self) -> Result<Vec<Live>, ProviderError> {
        let subject = self.target.to_string();
        let values = self.service.pages(&subject, self.url(None), wire::NEXT_LINK).await?;
        let mut seen = HashSet::new();
        let mut rules = Vec::with_capacity(values.len());
        for value in values {
            let rule = self.rule("list", &subject, value)?;
            // Ids compare without case (peers, quirk 4).
            if seen.insert(rule.remote_id.to_ascii_lowercase()) {
                rules.push(rule);
            }
        }
        Ok(rules)
    }

    async fn read(&self, remote_id: &str) -> Result<Option<Live>, ProviderError> {
        Ok(self.get("read", &self.subject(remote_id), remote_id).await?.map(|(live, _)| live))
    }

    async fn create(&self, write: &Write) -> Result<Live, ProviderError> {
        let subject = self.subject(&write.marker.rule);
        if !is_defender_rule_id(&write.remote_id) {
            return Err(unusable_id("create", &subject, &write.remote_id));
        }
        let body = Value::Object(convert::created(write));
        let error = match self.send("create", &subject, Method::Post, self.url(None), Some(&body)).await {
            Ok(answer) => return self.outcome("create", &subject, write, answer).await,
            Err(error) => error,
        };
        if !may_have_landed(error.kind) {
            return Err(error);
        }
        match self.get("create", &subject, &write.remote_id).await {
            Ok(Some((now, clock))) if now.marker.as_ref() == Some(&write.marker) && is_fresh(&now, clock) => {
                Ok(now)
            }
            // Nothing we could learn takes anything from what the service said.
            _ => Err(error),
        }
    }

    async fn update(&self, write: &Write, before: &Live) -> Result<Live, ProviderError> {
        let subject = self.subject(&write.marker.rule);
        // A rule that GET does not know any more is answered by PATCH with the reason.
        self.unchanged("update", &subject, before).await?;
        let url = self.rule_url("update", &subject, &before.remote_id)?;
        let body: Body = convert::updated(write, before);
        let answer = self.send("update", &subject, Method::Patch, url, Some(&Value::Object(body))).await?;
        self.outcome("update", &subject, write, answer).await
    }

    async fn delete(&self, before: &Live) -> Result<Option<String>, ProviderError> {
        let name = before.marker.as_ref().map_or(before.remote_id.as_str(), |marker| marker.rule.as_str());
        let subject = self.subject(name);
        if self.unchanged("delete", &subject, before).await?.is_none() {
            return Ok(None);
        }
        let url = self.rule_url("delete", &subject, &before.remote_id)?;
        match self.send("delete", &subject, Method::Delete, url, None).await {
            Ok(answer) => Ok(answer.request_id),
            // Deletion is asynchronous: the second DELETE answers 404 while GET still shows the rule.
            Err(error) if error.kind == ErrorKind::NotFound => Ok(error.request_id),
            Err(error) => Err(error),
        }
    }
}

/// Kinds of answer that were seen, or may be given, for rules that exist afterwards (CONTRACT A.5, "Errors that lie").
const fn may_have_landed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Ambiguous | ErrorKind::Rejected | ErrorKind::Conflict | ErrorKind::Protocol)
}

fn is_fresh(now: &Live, clock: Option<jiff::Timestamp>) -> bool {
    let changed = now.server.modified_at.as_deref().and_then(moment);
    match (changed, clock) {
        (Some(changed), Some(clock)) => (clock.as_second() - changed.as_second()).abs() <= JUST_NOW_SECONDS,
        _ => false,
    }
}

/// Whether nothing was saved in between, by the service's own time; whole seconds prove nothing, because an apply and an
/// edit may fall into the same one.
fn same_moment(now: &Live, before: &Live) -> bool {
    let exact = |live: &Live| {
        let at = live.server.modified_at.as_deref().and_then(moment)?;
        (at.subsec_nanosecond() != 0).then_some(at)
    };
    exact(now).is_some_and(|at| Some(at) == exact(before))
}

fn same_content(now: &Live, before: &Live) -> bool {
    now.body == before.body
        && now.unknown == before.unknown
        && now.marker == before.marker
        && now.auto_disabled == before.auto_disabled
}

fn moment(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

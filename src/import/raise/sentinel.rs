//! An analytics rule's properties as a rule file. Facts: CONTRACT B.3.

use serde_json::{Value, json};

use super::rest::{Rest, line, lines, severity, severity_word};
use super::{alerting, attack};
use crate::import::draft::{Draft, Properties, Section};
use crate::model::vocabulary::{FUSION_TEMPLATE, PRODUCTS, TRIGGER_OPERATORS};
use crate::resource::Kind;

/// The draft of an analytics rule: its `kind` and `properties` in the API's words, without the server's own.
///
/// The id, what pins the rule and which workspaces take it are the caller's to fill in. The properties of an unknown kind
/// are kept whole, and the draft then has no `sentinel` section.
#[must_use]
pub fn sentinel(kind: &Kind, properties: &Properties) -> Draft {
    let mut draft = Draft::default();
    let mut rest = Rest::new(properties);
    let mut settings = Properties::new();
    draft.name = rest.line("displayName").unwrap_or_default();
    draft.enabled = rest.boolean("enabled").filter(|enabled| !enabled);
    match kind {
        Kind::Scheduled => {
            settings.insert("kind".into(), "scheduled".into());
            with_query(&mut draft, &mut rest);
            template(&mut rest, &mut settings);
            schedule(&mut rest, &mut settings);
            alerting::raise(&mut rest, &mut settings);
        }
        Kind::Nrt => {
            settings.insert("kind".into(), "nrt".into());
            with_query(&mut draft, &mut rest);
            template(&mut rest, &mut settings);
            alerting::raise(&mut rest, &mut settings);
        }
        Kind::MicrosoftSecurityIncidentCreation => {
            settings.insert("kind".into(), "microsoft-security".into());
            draft.description = rest.text("description");
            template(&mut rest, &mut settings);
            microsoft_security(&mut rest, &mut settings);
        }
        Kind::Fusion => {
            settings.insert("kind".into(), "fusion".into());
            // Every rule of the kind has this one.
            rest.take("alertRuleTemplateName", |name| (name.as_str() == Some(FUSION_TEMPLATE)).then_some(()));
            template(&mut rest, &mut settings);
            fusion(&mut rest, &mut settings);
        }
        Kind::MlBehaviorAnalytics => {
            settings.insert("kind".into(), "ml-behavior-analytics".into());
            template(&mut rest, &mut settings);
        }
        Kind::ThreatIntelligence => {
            settings.insert("kind".into(), "threat-intelligence".into());
            template(&mut rest, &mut settings);
        }
        Kind::Watchlist | Kind::CustomDetection | Kind::Other(_) => {
            draft.keep("kind", kind.as_str().into(), "no rule of this kind can be written");
            draft.keep("sentinel", Value::Object(properties.clone()), "nothing is known about its kind");
            return draft;
        }
    }
    rest.settle(&mut draft, "sentinel");
    draft.sentinel = Some(Section { settings, ..Section::default() });
    draft
}

fn with_query(draft: &mut Draft, rest: &mut Rest) {
    draft.description = rest.text("description");
    draft.severity = rest.severity("severity");
    draft.attack = attack::flat(rest);
    draft.query = rest.text("query");
}

fn template(rest: &mut Rest, settings: &mut Properties) {
    let Some(name) = rest.line("alertRuleTemplateName") else { return };
    let template = match rest.line("templateVersion") {
        Some(version) => json!({"name": name, "version": version}),
        None => json!({"name": name}),
    };
    settings.insert("template".into(), template);
}

fn schedule(rest: &mut Rest, settings: &mut Properties) {
    for (name, property) in [("frequency", "queryFrequency"), ("period", "queryPeriod")] {
        if let Some(duration) = rest.duration(property) {
            settings.insert(name.into(), duration.to_string().into());
        }
    }
    let operator =
        rest.word("triggerOperator", TRIGGER_OPERATORS).unwrap_or_else(|| "GreaterThan".to_owned());
    let threshold = rest.take("triggerThreshold", |value| value.as_u64().filter(|count| *count <= 10_000));
    let threshold = threshold.unwrap_or(0);
    if operator != "GreaterThan" || threshold != 0 {
        settings.insert("trigger".into(), json!({"operator": operator, "threshold": threshold}));
    }
}

fn microsoft_security(rest: &mut Rest, settings: &mut Properties) {
    if let Some(product) = rest.word("productFilter", PRODUCTS) {
        settings.insert("product".into(), product.into());
    }
    let severities = rest.take("severitiesFilter", |value| {
        let word = |item: &Value| severity(item).map(severity_word);
        value.as_array()?.iter().map(word).collect::<Option<Vec<_>>>()
    });
    if let Some(severities) = severities {
        settings.insert("severities".into(), json!(severities));
    }
    for (name, property) in
        [("display_names", "displayNamesFilter"), ("exclude_display_names", "displayNamesExcludeFilter")]
    {
        if let Some(names) = rest.take(property, lines) {
            settings.insert(name.into(), json!(names));
        }
    }
}

fn fusion(rest: &mut Rest, settings: &mut Properties) {
    let every = |read: fn(&Value) -> Option<Value>| {
        move |value: &Value| value.as_array()?.iter().map(read).collect::<Option<Vec<_>>>()
    };
    if let Some(sources) = rest.take("sourceSettings", every(source)) {
        settings.insert("sources".into(), sources.into());
    }
    if let Some(patterns) = rest.take("scenarioExclusionPatterns", every(pattern)) {
        settings.insert("exclusion_patterns".into(), patterns.into());
    }
}

fn source(value: &Value) -> Option<Value> {
    let mut rest = Rest::new(value.as_object()?);
    let mut raised = Properties::new();
    raised.insert("name".into(), rest.line("sourceName")?.into());
    raised.insert("enabled".into(), rest.boolean("enabled")?.into());
    let sub_types = rest
        .take("sourceSubTypes", |value| value.as_array()?.iter().map(sub_type).collect::<Option<Vec<_>>>());
    if let Some(sub_types) = sub_types {
        raised.insert("sub_types".into(), sub_types.into());
    }
    rest.is_empty().then(|| raised.into())
}

fn sub_type(value: &Value) -> Option<Value> {
    let mut rest = Rest::new(value.as_object()?);
    let mut raised = Properties::new();
    raised.insert("name".into(), rest.line("sourceSubTypeName")?.into());
    raised.insert("enabled".into(), rest.boolean("enabled")?.into());
    let severities = rest.object("severityFilters", |rest| {
        rest.take("filters", |value| {
            let mut found = Properties::new();
            for filter in value.as_array()? {
                let mut rest = Rest::new(filter.as_object()?);
                let of = severity_word(rest.severity("severity")?);
                let repeated = found.insert(of.to_owned(), rest.boolean("enabled")?.into()).is_some();
                if repeated || !rest.is_empty() {
                    return None;
                }
            }
            Some(found)
        })
    });
    if let Some(severities) = severities.flatten() {
        raised.insert("severities".into(), severities.into());
    }
    rest.is_empty().then(|| raised.into())
}

fn pattern(value: &Value) -> Option<Value> {
    let mut rest = Rest::new(value.as_object()?);
    let pattern = rest.line("exclusionPattern")?;
    let added = rest
        .take("dateAddedInUTC", |value| line(value).filter(|text| text.parse::<jiff::Timestamp>().is_ok()))?;
    rest.is_empty().then(|| json!({"pattern": pattern, "added": added}))
}

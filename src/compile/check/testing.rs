//! Rules to check, and a table runner. Only for tests.
//!
//! Every value has the same place except what a case wrapped in [`mark`]: that is where its findings must point.

use std::sync::Arc;

use super::{CODES, Context, rule};
use crate::address::{RuleId, Workspace};
use crate::diagnostic::{Diagnostics, Severity};
use crate::duration::IsoDuration;
use crate::model::defender::{Collection, Defender, MemberValue};
use crate::model::environment::{
    Cloud, DefenderTarget, Environment, Guards, Lifecycle, Prune, ResponseActions, Select,
};
use crate::model::project::Project;
use crate::model::rule::{Attack, Query, Rule, Status};
use crate::model::sentinel::{
    AlertOverride, Alerting, EntityMapping, Grouping, Kind, MicrosoftSecurity, Schedule, Sentinel,
    Suppression,
};
use crate::source::{SourceMap, Span, Spanned};
use crate::yaml::Text;

/// Name, what it changes in a good rule, and what must be found: code, severity, parts of summary and help.
pub(in crate::compile) struct Case(
    pub(super) &'static str,
    pub(super) fn(&mut Rule),
    pub(super) &'static [(&'static str, Severity, &'static str, &'static str)],
);

/// Applies each case to `good` and compares all findings.
pub(in crate::compile) fn run(good: &Rule, environment: Option<&Environment>, cases: &[Case]) {
    for Case(name, change, expected) in cases {
        let mut changed = good.clone();
        change(&mut changed);
        let found = findings_of(&changed, environment);
        let shown: Vec<_> = found.iter().map(|f| (f.code, f.severity, &f.summary, &f.help)).collect();
        assert_eq!(found.iter().count(), expected.len(), "{name}: {shown:#?}");
        for (finding, (code, severity, summary, help)) in found.iter().zip(*expected) {
            assert_eq!((finding.code, finding.severity), (*code, *severity), "{name}: {shown:#?}");
            assert!(finding.summary.contains(summary), "{name}: {shown:#?}");
            assert!(finding.help.as_ref().is_some_and(|text| text.contains(help)), "{name}: {shown:#?}");
            assert!(finding.detail.as_ref().is_some_and(|text| text.len() > 10), "{name}: {shown:#?}");
            assert_eq!(finding.span, Some(mark_span()), "{name} points elsewhere: {shown:#?}");
            assert!(CODES.iter().any(|known| known.code == finding.code), "{code} is not documented");
        }
    }
}

pub(in crate::compile) fn findings_of(checked: &Rule, environment: Option<&Environment>) -> Diagnostics {
    let mut found = Diagnostics::default();
    rule(checked, &Context { environment, project: &Project::default() }, &mut found);
    found
}

fn span(start: u32) -> Span {
    Span::new(SourceMap::default().add("test.yaml", ""), start, start + 1)
}

pub(in crate::compile) fn mark_span() -> Span {
    span(777)
}

pub(in crate::compile) fn plain<T>(value: T) -> Spanned<T> {
    Spanned::new(value, span(0))
}

pub(in crate::compile) fn mark<T>(value: T) -> Spanned<T> {
    Spanned::new(value, mark_span())
}

pub(in crate::compile) fn minutes(count: u64) -> IsoDuration {
    IsoDuration::from_minutes(count)
}

pub(in crate::compile) fn hours(count: u64) -> IsoDuration {
    IsoDuration::from_hours(count)
}

pub(in crate::compile) fn query(text: &str) -> Query {
    Query { text: Text { value: text.to_owned(), line_starts: Vec::new() }, span: span(0) }
}

pub(in crate::compile) fn attack(tactic: &str, techniques: &[&str]) -> Attack {
    Attack {
        tactic: plain(tactic.to_owned()),
        techniques: techniques.iter().map(|technique| plain((*technique).to_owned())).collect(),
    }
}

pub(in crate::compile) fn details(count: usize) -> Vec<(Spanned<String>, Spanned<String>)> {
    (0..count).map(|index| (plain(format!("Key{index}")), plain(format!("Column{index}")))).collect()
}

pub(in crate::compile) fn mapping(entity: &str, fields: &[(&str, &str)]) -> EntityMapping {
    EntityMapping {
        entity: plain(entity.to_owned()),
        fields: fields
            .iter()
            .map(|(name, column)| (plain((*name).into()), plain((*column).into())))
            .collect(),
        span: span(0),
    }
}

/// A collection with one item.
pub(in crate::compile) fn collection(name: &str, members: &[(&str, &str)]) -> Collection {
    let item = members
        .iter()
        .map(|(member, value)| (plain((*member).to_owned()), MemberValue::One(plain((*value).to_owned()))))
        .collect();
    Collection { name: plain(name.to_owned()), items: vec![item] }
}

pub(in crate::compile) fn microsoft_security(product: Spanned<String>) -> Spanned<Kind> {
    plain(Kind::MicrosoftSecurity(Box::new(MicrosoftSecurity {
        product,
        severities: Vec::new(),
        display_names: Vec::new(),
        exclude_display_names: Vec::new(),
    })))
}

fn base() -> Rule {
    Rule {
        id: plain(RuleId::new("scheduled-task").unwrap()),
        previous_ids: Vec::new(),
        name: plain("Scheduled task".into()),
        status: plain(Status::Production),
        enabled: None,
        severity: plain(crate::model::rule::Severity::Medium),
        description: Some(plain("What it finds.".into())),
        attack: vec![attack("Persistence", &["T1053.005"])],
        references: Vec::new(),
        false_positives: Vec::new(),
        blind_spots: Vec::new(),
        response: None,
        owner: None,
        tags: Vec::new(),
        data_sources: Vec::new(),
        environments: Vec::new(),
        protect: false,
        query: Some(query("SecurityEvent | where EventID == 4698")),
        allowlist: Vec::new(),
        defender: None,
        sentinel: None,
        changelog: Vec::new(),
        silence: Vec::new(),
        tests: None,
    }
}

fn alerting() -> Alerting {
    Alerting {
        entities: vec![mapping("Host", &[("HostName", "Computer")])],
        custom_details: vec![(plain("Task".into()), plain("TaskName".into()))],
        ..Alerting::default()
    }
}

fn section(kind: Kind) -> Sentinel {
    Sentinel {
        rule_id: None,
        workspaces: Vec::new(),
        kind: plain(kind),
        template: None,
        query: None,
        span: span(0),
    }
}

/// A good scheduled analytics rule: every hour over two hours.
pub(in crate::compile) fn scheduled() -> Rule {
    let schedule = Schedule {
        frequency: plain(hours(1)),
        period: plain(hours(2)),
        operator: plain("GreaterThan".into()),
        threshold: plain(0),
    };
    Rule { sentinel: Some(section(Kind::Scheduled(Box::new((schedule, alerting()))))), ..base() }
}

/// A good NRT rule.
pub(in crate::compile) fn nrt() -> Rule {
    Rule { sentinel: Some(section(Kind::Nrt(Box::new(alerting())))), ..base() }
}

/// A good custom detection: daily, on one device.
pub(in crate::compile) fn custom() -> Rule {
    let section = Defender {
        rule_id: None,
        frequency: plain(hours(24)),
        lookback: None,
        title: None,
        description: None,
        rule_description: None,
        recommended_actions: None,
        entities: vec![collection("hosts", &[("deviceIdColumn", "DeviceId")])],
        custom_details: Vec::new(),
        event_grouping: None,
        actions: Vec::new(),
        device_groups: Vec::new(),
        exclude_from_correlation: None,
        query: None,
        span: span(0),
    };
    Rule { defender: Some(section), ..base() }
}

/// A good rule for both platforms.
pub(in crate::compile) fn everywhere() -> Rule {
    Rule { sentinel: scheduled().sentinel, ..custom() }
}

/// Both platforms, nothing special.
pub(in crate::compile) fn environment() -> Environment {
    let workspace =
        Workspace { subscription: "s".into(), resource_group: "rg".into(), workspace: "law-soc".into() };
    Environment {
        name: "production".into(),
        owner: plain("acme/production".into()),
        tenant_id: plain("00000000-0000-0000-0000-000000000000".into()),
        cloud: plain(Cloud::Public),
        defender: Some(DefenderTarget { api_version: None, preview_fields: false, span: span(0) }),
        sentinel: vec![plain(Arc::new(workspace))],
        sentinel_api_version: None,
        select: Select::default(),
        parameters: Vec::new(),
        overrides: Vec::new(),
        watchlists: None,
        allowlists: Vec::new(),
        lifecycle: Lifecycle::default(),
        prune: plain(Prune::Owned),
        guards: Guards::default(),
        response_actions: ResponseActions::Forbid,
        shares: Vec::new(),
        ring: None,
        span: span(0),
    }
}

pub(in crate::compile) fn section_of(rule: &mut Rule) -> &mut Sentinel {
    rule.sentinel.as_mut().unwrap()
}

pub(in crate::compile) fn schedule_of(rule: &mut Rule) -> &mut Schedule {
    match &mut section_of(rule).kind.value {
        Kind::Scheduled(both) => &mut both.0,
        other => panic!("{other:?} has no schedule"),
    }
}

pub(in crate::compile) fn alerting_of(rule: &mut Rule) -> &mut Alerting {
    match &mut section_of(rule).kind.value {
        Kind::Scheduled(both) => &mut both.1,
        Kind::Nrt(alerting) => alerting,
        other => panic!("{other:?} raises no alerts"),
    }
}

pub(in crate::compile) fn alert_of(rule: &mut Rule) -> &mut AlertOverride {
    alerting_of(rule).alert.get_or_insert_default()
}

/// Sets the suppression, its duration marked.
pub(in crate::compile) fn suppression(rule: &mut Rule, enabled: bool, duration: IsoDuration) {
    alerting_of(rule).suppression = Some(Suppression { enabled: plain(enabled), duration: mark(duration) });
}

/// The grouping, switched on by all entities.
pub(in crate::compile) fn grouping_of(rule: &mut Rule) -> &mut Grouping {
    alerting_of(rule).grouping.get_or_insert_with(|| Grouping {
        enabled: plain(true),
        reopen_closed: plain(false),
        lookback: plain(hours(5)),
        matching: plain("AllEntities".into()),
        by_entities: Vec::new(),
        by_alert_details: Vec::new(),
        by_custom_details: Vec::new(),
    })
}

pub(in crate::compile) fn defender_of(rule: &mut Rule) -> &mut Defender {
    rule.defender.as_mut().unwrap()
}

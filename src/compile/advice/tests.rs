//! Advice about small rules and environments that are made by hand.

use super::*;
use crate::compile::check::testing;
use crate::diagnostic::Severity;
use crate::model::rule::{ChangelogEntry, Rule, Silence, Status};
use crate::source::Spanned;
use std::sync::Arc;

fn plain<T>(value: T) -> Spanned<T> {
    testing::plain(value)
}

fn complete() -> Rule {
    Rule {
        references: vec![plain("https://example.com".into())],
        false_positives: vec![plain("Installers.".into())],
        blind_spots: vec![plain("Renamed tools.".into())],
        response: Some(plain("Look at the task.".into())),
        owner: Some(plain("soc@example.com".into())),
        query: Some(testing::query(
            "SecurityEvent | where EventID == 4698 | project TaskName = Activity, Computer",
        )),
        ..testing::everywhere()
    }
}

fn entry(version: &str, date: &str, message: &str) -> ChangelogEntry {
    ChangelogEntry {
        version: plain(version.into()),
        date: plain(date.parse().unwrap()),
        message: plain(message.into()),
    }
}

fn codes_of(rule: Rule) -> Vec<(&'static str, Severity)> {
    let repository = Repository { rules: vec![Arc::new(rule)], ..Repository::default() };
    advise(&repository).iter().map(|finding| (finding.code, finding.severity)).collect()
}

#[test]
fn a_complete_rule_needs_no_advice() {
    assert_eq!(codes_of(complete()), []);
}

#[test]
fn rules_say_what_an_analyst_needs() {
    use Severity::{Error, Info, Warning};
    type Change = fn(&mut Rule);
    type Case = (&'static str, Change, &'static [(&'static str, Severity)]);
    let cases: [Case; 12] = [
        ("no response", |r| r.response = None, &[("META-03", Warning)]),
        ("empty description", |r| r.description = Some(plain(" ".into())), &[("META-03", Warning)]),
        ("not in production", |r| (r.response, r.status) = (None, plain(Status::Test)), &[]),
        ("no link", |r| r.references.push(plain("http://example.com".into())), &[("META-04", Warning)]),
        ("left-over", |r| r.response = Some(plain("TODO: write".into())), &[("META-04", Warning)]),
        ("part of a word", |r| r.response = Some(plain("MasTODOnt, todos".into())), &[]),
        ("no owner", |r| r.owner = None, &[("META-06", Info)]),
        ("no technique", |r| r.attack.clear(), &[("META-07", Info)]),
        (
            "newest last",
            |r| r.changelog = vec![entry("1.9", "2026-01-02", "a"), entry("1.10", "2026-01-01", "b")],
            &[("LIFE-02", Error)],
        ),
        (
            "dates the wrong way",
            |r| r.changelog = vec![entry("1.10", "2026-01-01", "a"), entry("1.9", "2026-01-02", "b")],
            &[("LIFE-02", Error)],
        ),
        ("no number", |r| r.changelog = vec![entry("one", "2026-01-01", "a")], &[("LIFE-02", Error)]),
        ("deprecated", |r| r.status = plain(Status::Deprecated), &[("LIFE-03", Warning)]),
    ];
    for (name, change, expected) in cases {
        let mut rule = complete();
        change(&mut rule);
        assert_eq!(codes_of(rule), expected, "{name}");
    }
}

#[test]
fn queries_are_linted_once_and_may_be_silenced() {
    let mut rule = complete();
    rule.query = Some(testing::query(
        "SecurityEvent | join (SecurityAlert) on TenantId | project TaskName = Activity",
    ));
    assert_eq!(codes_of(rule.clone()), [("KQL-C05", Severity::Warning)]);
    let silence =
        |lint: &str| Silence { lint: testing::mark(lint.into()), reason: plain("on purpose".into()) };
    rule.silence = vec![silence("KQL-C05")];
    let repository = Repository { rules: vec![Arc::new(rule.clone())], ..Repository::default() };
    let advice = advise(&repository);
    assert!(advice.is_empty());
    assert!(useless_silences(&repository, &advice).is_empty());

    rule.silence = vec![silence("KQL-C06")];
    let repository = Repository { rules: vec![Arc::new(rule)], ..Repository::default() };
    let useless = useless_silences(&repository, &advise(&repository));
    assert_eq!(useless.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["SUP-01"]);
}

#[test]
fn environments_that_share_a_place_are_told() {
    let one = testing::environment();
    let mut other = testing::environment();
    other.name = "test".into();
    let codes = |environments: Vec<Environment>| -> Vec<&'static str> {
        advise(&Repository { environments, ..Repository::default() }).iter().map(|f| f.code).collect()
    };
    assert_eq!(codes(vec![one.clone(), other.clone()]), ["ENV-02"]);
    other.tenant_id = plain("11111111-0000-0000-0000-000000000000".into());
    assert_eq!(codes(vec![one, other]), Vec::<&str>::new());
}

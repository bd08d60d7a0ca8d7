//! The detection repository at the root of this project: complete, and clean in every environment.

use std::collections::BTreeSet;
use std::path::Path;

use palisade::address::Platform;
use palisade::compile::compile;
use palisade::diagnostic::Severity;
use palisade::load::load;
use palisade::model::Repository;

fn shipped() -> Repository {
    let (repository, diagnostics) = load(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    repository
}

#[test]
fn compiles_without_errors_or_warnings_in_every_environment() {
    let repository = shipped();
    let names: Vec<&str> =
        repository.environments.iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["production", "sandbox"]);
    for environment in &repository.environments {
        // A day on which every entry is in force, so that this test does not age.
        let day = "2026-11-23".parse().unwrap();
        let (desired, diagnostics) = compile(&repository, environment, day);
        let bad: Vec<_> = diagnostics.iter().filter(|finding| finding.severity != Severity::Info).collect();
        assert!(bad.is_empty(), "{}: {bad:#?}", environment.name);
        let on = |platform: Platform| -> BTreeSet<&str> {
            let here =
                desired.resources.iter().filter(|resource| resource.address.target.platform() == platform);
            here.map(|resource| resource.address.rule.as_str()).collect()
        };
        let (defender, sentinel) = (on(Platform::Defender), on(Platform::Sentinel));
        assert!(defender.len() >= 2 && sentinel.len() >= 2, "{defender:?} {sentinel:?}");
        assert!(defender.intersection(&sentinel).next().is_some(), "no rule is deployed to both platforms");
        let filtered = desired.resources.iter().filter(|resource| !resource.entries.is_empty());
        assert!(filtered.count() >= 2, "{} has too few allowlist entries to show anything", environment.name);
    }
}

#[test]
fn rules_say_all_that_an_analyst_needs() {
    let repository = shipped();
    assert!(repository.rules.len() >= 5);
    for rule in &repository.rules {
        let id = &rule.id.value;
        let techniques = rule.attack.iter().flat_map(|attack| &attack.techniques);
        assert!(techniques.into_iter().any(|technique| technique.value == "T1053.005"), "{id}");
        assert!(rule.description.as_ref().is_some_and(|text| text.value.len() > 100), "{id}");
        assert!(rule.response.as_ref().is_some_and(|text| text.value.len() > 100), "{id}");
        assert!(!rule.false_positives.is_empty() && !rule.blind_spots.is_empty(), "{id}");
        assert!(rule.references.iter().all(|link| link.value.starts_with("https://")), "{id}");
        assert!(!rule.references.is_empty() && !rule.tags.is_empty() && !rule.changelog.is_empty(), "{id}");
        assert!(rule.owner.is_some() && !rule.data_sources.is_empty(), "{id}");
    }
}

#[test]
fn every_exception_has_a_ticket_and_ends_within_a_year() {
    for allowlist in &shipped().allowlists {
        for entry in &allowlist.entries {
            let id = &entry.id.value;
            let created = entry.created.as_ref().unwrap().value;
            let days = created.until(entry.expires.value).unwrap().get_days();
            assert!((1..=365).contains(&days), "{id}: {days} days");
            assert!(entry.ticket.is_some(), "{id}");
        }
    }
}

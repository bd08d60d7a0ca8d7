//! ATT&CK coverage as text, as JSON, and as a layer of the ATT&CK Navigator.

use serde_json::{Value, json};

use crate::catalogue::coverage::{Coverage, TacticCoverage};
use crate::model::attack::matrix::{ATTACK_VERSION, ENTERPRISE};

use super::paint::Paint;
use super::safe;

/// Version of the layer format (github.com/mitre-attack/attack-navigator, `layers/spec/v4.5/layerv4_5.md`).
const LAYER: &str = "4.5";
/// Version of the Navigator that introduced that format.
const NAVIGATOR: &str = "5.0.0";
/// Rule ids on one line of the text.
const RULES_SHOWN: usize = 3;

/// For people: one environment, its tactics in the order of the matrix.
#[must_use]
pub fn text(coverage: &Coverage, paint: Paint) -> String {
    let mut out = format!(
        "{}: {} of {} deployed rules {}, {} in {}\n",
        paint.strong(&safe::line(&coverage.environment)),
        coverage.watching,
        coverage.deployed,
        if coverage.seen { "are watching, as the tenant says" } else { "are switched on in the files" },
        counted(techniques(coverage), "technique"),
        counted(coverage.tactics.len(), "tactic"),
    );
    for tactic in &coverage.tactics {
        out.push_str(&format!("\n{}\n", paint.strong(words(tactic.tactic))));
        for technique in &tactic.techniques {
            out.push_str(&format!(
                "  {:<10} {:<34} {}\n",
                safe::line(&technique.id),
                technique.name.unwrap_or("(not in this version's table)"),
                shown(&technique.rules)
            ));
        }
        if !tactic.bare.is_empty() {
            out.push_str(&format!("  {:<10} {:<34} {}\n", "-", "no technique named", shown(&tactic.bare)));
        }
    }
    out
}

/// For programs.
#[must_use]
pub fn json(coverage: &Coverage) -> Value {
    json!({
        "environment": coverage.environment,
        "live": coverage.seen,
        "attack_version": ATTACK_VERSION,
        "deployed": coverage.deployed,
        "watching": coverage.watching,
        "tactics": coverage.tactics.iter().map(|tactic| json!({
            "tactic": tactic.tactic,
            "id": tactic.id,
            "techniques": tactic.techniques.iter().map(|technique| json!({
                "id": technique.id, "name": technique.name, "rules": technique.rules,
            })).collect::<Vec<_>>(),
            "rules_without_technique": tactic.bare,
        })).collect::<Vec<_>>(),
    })
}

/// A layer that the Navigator opens: the score of a technique is the number of rules that watch for it.
#[must_use]
pub fn navigator(coverage: &Coverage) -> Value {
    let tactics = || coverage.tactics.iter().filter(|tactic| tactic.enterprise);
    let most = tactics().flat_map(|tactic| &tactic.techniques).map(|one| one.rules.len()).max().unwrap_or(0);
    let kind = if coverage.seen { "enabled in the tenant" } else { "enabled in the repository" };
    json!({
        "name": safe::line(&coverage.environment),
        "versions": {"attack": ATTACK_VERSION, "navigator": NAVIGATOR, "layer": LAYER},
        "domain": "enterprise-attack",
        "description": format!("Rules {kind}; the score is the number of rules that name the technique"),
        "sorting": 3,
        "hideDisabled": false,
        "techniques": tactics().flat_map(scored).collect::<Vec<_>>(),
        "gradient": {"colors": ["#cfe8ff", "#0b5cad"], "minValue": 0, "maxValue": most.max(1)},
        "legendItems": [],
        "metadata": [{"name": "environment", "value": safe::line(&coverage.environment)}],
        "showTacticRowBackground": false,
        "selectTechniquesAcrossTactics": false,
        "selectSubtechniquesWithParent": false,
    })
}

fn scored(tactic: &TacticCoverage) -> impl Iterator<Item = Value> + '_ {
    let short = words(tactic.tactic).to_lowercase().replace(' ', "-");
    let has_sub = |id: &str| {
        tactic.techniques.iter().any(|one| one.id.split_once('.').is_some_and(|(parent, _)| parent == id))
    };
    let named = tactic.techniques.iter().map({
        let short = short.clone();
        move |technique| {
            json!({
                "techniqueID": technique.id,
                "tactic": short,
                "score": technique.rules.len(),
                "comment": technique.rules.join("\n"),
                "enabled": true,
                "showSubtechniques": has_sub(&technique.id),
            })
        }
    });
    // A parent without a rule of its own is opened, or nobody would see what stands below it.
    let mut parents: Vec<&str> =
        tactic.techniques.iter().filter_map(|one| one.id.split_once('.').map(|(parent, _)| parent)).collect();
    parents.dedup();
    parents.retain(|parent| !tactic.techniques.iter().any(|one| one.id == *parent));
    named.chain(parents.into_iter().map(move |parent| {
        json!({"techniqueID": parent, "tactic": short, "enabled": true, "showSubtechniques": true})
    }))
}

/// Different techniques, whatever the tactic.
fn techniques(coverage: &Coverage) -> usize {
    let mut ids: Vec<&str> = coverage
        .tactics
        .iter()
        .flat_map(|tactic| tactic.techniques.iter().map(|one| one.id.as_str()))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

/// The words of a tactic as people read them.
pub(super) fn words(tactic: &'static str) -> &'static str {
    ENTERPRISE.iter().find(|(word, _)| *word == tactic).map_or(tactic, |(_, words)| words)
}

fn shown(rules: &[String]) -> String {
    let more = rules.len().saturating_sub(RULES_SHOWN);
    let mut text = rules.iter().take(RULES_SHOWN).map(|rule| safe::line(rule)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

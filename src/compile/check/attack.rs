//! ATT&CK: tactics as the services spell them, techniques by form, each once.

use crate::compile::check::codes;
use crate::compile::check::words::{one_of, repeated};
use crate::diagnostic::Diagnostics;
use crate::model::attack::{TACTICS, split_technique};
use crate::model::rule::Rule;

pub(super) fn check(rule: &Rule, diagnostics: &mut Diagnostics) {
    for attack in &rule.attack {
        let names = TACTICS.iter().map(|(name, _)| *name);
        if let Some(finding) = one_of(codes::ATTACK, "tactic", "ATT&CK", &attack.tactic, names) {
            diagnostics.push(match by_attack_id(&attack.tactic.value) {
                Some(name) => finding.with_help(format!("write the tactic's name: `{name}`")),
                None => finding,
            });
        }
        for technique in &attack.techniques {
            if split_technique(&technique.value).is_none() {
                diagnostics.push(
                    codes::ATTACK
                        .error("malformed technique")
                        .labelled(technique.span, "not a technique id")
                        .with_detail(
                            "Both services take ids of the form T1053, sub-techniques of the form T1053.005.",
                        )
                        .with_help("look the id up on https://attack.mitre.org/techniques/"),
                );
            }
        }
        for (earlier, later) in repeated(&attack.techniques, |technique| &technique.value) {
            diagnostics.push(
                codes::ATTACK
                    .warning("technique listed twice")
                    .labelled(later.span, "again")
                    .with_related(earlier.span, "first here")
                    .with_detail("It is sent once.")
                    .with_help("remove one of them"),
            );
        }
    }
    for (earlier, later) in repeated(&rule.attack, |attack| &attack.tactic.value) {
        diagnostics.push(
            codes::ATTACK
                .warning("tactic listed twice")
                .labelled(later.tactic.span, "again")
                .with_related(earlier.tactic.span, "first here")
                .with_detail("Both services hold a tactic once a rule; the techniques are merged.")
                .with_help("put the techniques under one entry"),
        );
    }
}

/// The services' name for `TA0003`.
fn by_attack_id(text: &str) -> Option<&'static str> {
    TACTICS.iter().find(|(_, id)| !id.is_empty() && *id == text).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{Case, attack, everywhere, mark, plain, run};
    use crate::diagnostic::Severity::{Error, Warning};

    #[test]
    #[rustfmt::skip]
    fn tactics_and_techniques() {
        run(
            &everywhere(),
            None,
            &[
                Case("misspelt tactic", |r| r.attack[0].tactic = mark("Persistance".into()), &[("META-02", Error, "unknown tactic", "did you mean `Persistence`?")]),
                Case("tactic by id", |r| r.attack[0].tactic = mark("TA0003".into()), &[("META-02", Error, "unknown tactic", "`Persistence`")]),
                Case("tactic in another case", |r| r.attack[0].tactic = mark("persistence".into()), &[("META-02", Error, "unknown tactic", "`Persistence`")]),
                Case("technique in another form", |r| r.attack[0].techniques = vec![mark("1053.005".into())], &[("META-02", Error, "malformed technique", "attack.mitre.org")]),
                Case("parent and sub-technique are two", |r| r.attack[0].techniques = vec![plain("T1053".into()), plain("T1053.005".into())], &[]),
                Case("technique twice", |r| r.attack[0].techniques = vec![plain("T1053".into()), mark("T1053".into())], &[("META-02", Warning, "technique listed twice", "remove")]),
                Case("tactic twice", |r| { let mut again = attack("Persistence", &["T1547"]); again.tactic = mark("Persistence".into()); r.attack.insert(1, again); r.defender = None; }, &[("META-02", Warning, "tactic listed twice", "one entry")]),
            ],
        );
    }
}

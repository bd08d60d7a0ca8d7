//! What a rule says about itself.

use crate::diagnostic::Diagnostics;
use crate::model::rule::{Rule, Status};
use crate::source::Spanned;

use super::codes;

/// Words that say "not finished", as whole words in capitals or with a colon.
const LEFT_OVERS: [&str; 5] = ["TODO", "TBD", "FIXME", "XXX", "CHANGEME"];

pub(super) fn check(rule: &Rule, found: &mut Diagnostics) {
    if rule.status.value == Status::Production {
        complete(rule, found);
    }
    for link in rule.references.iter().filter(|link| !link.value.starts_with("https://")) {
        found.push(
            codes::UNFINISHED
                .warning("a reference is no https link")
                .labelled(link.span, "not an https link")
                .with_help("give the https address of the page"),
        );
    }
    let texts =
        rule.description.iter().chain(&rule.response).chain(&rule.false_positives).chain(&rule.blind_spots);
    for text in texts.chain([&rule.name]) {
        if let Some(word) = left_over(text) {
            found.push(
                codes::UNFINISHED
                    .warning("a text is unfinished")
                    .labelled(text.span, format!("contains `{word}`"))
                    .with_help("write what was meant to stand there, or remove the word"),
            );
        }
    }
}

fn complete(rule: &Rule, found: &mut Diagnostics) {
    let filled =
        |text: &Option<Spanned<String>>| text.as_ref().is_some_and(|text| !text.value.trim().is_empty());
    let missing: Vec<&str> = [
        ("description", filled(&rule.description)),
        ("false_positives", !rule.false_positives.is_empty()),
        ("blind_spots", !rule.blind_spots.is_empty()),
        ("response", filled(&rule.response)),
    ]
    .into_iter()
    .filter_map(|(key, present)| (!present).then_some(key))
    .collect();
    if !missing.is_empty() {
        found.push(
            codes::INCOMPLETE
                .warning("a rule in production lacks what an analyst needs")
                .labelled(rule.status.span, format!("without {}", missing.join(", ")))
                .with_help(format!("add {}, or set `status: test`", missing.join(", "))),
        );
    }
    if rule.owner.is_none() {
        found.push(
            codes::NO_OWNER
                .info("nobody answers for this rule")
                .labelled(rule.status.span, "in production without an owner")
                .with_help("add `owner`"),
        );
    }
    if rule.attack.iter().all(|attack| attack.techniques.is_empty()) {
        found.push(
            codes::NO_TECHNIQUE
                .info("the rule is in no coverage report")
                .labelled(rule.status.span, "in production without a technique")
                .with_help("add `attack` with a tactic and its techniques"),
        );
    }
}

fn left_over(text: &Spanned<String>) -> Option<&'static str> {
    let mut words = text.value.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| LEFT_OVERS.into_iter().find(|left| *left == word))
}

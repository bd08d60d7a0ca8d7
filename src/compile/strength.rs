//! How hard an entry is to walk through (product.md §3), with the way in that a weak one leaves open.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::model::allowlist::{Entry, Predicate, Test, Value};
use crate::model::rule::Strength;

use super::columns::{self, ColumnClass};

/// The strength of an entry and, when it is not strong, how an attacker walks through it.
pub(crate) fn of_entry(entry: &Entry) -> (Strength, Option<String>) {
    let valid_signature = entry.predicates.iter().any(asserts_signature);
    let mut best = (Strength::Weak, String::from("it has no predicate that an attacker cannot satisfy"));
    for (position, predicate) in entry.predicates.iter().enumerate() {
        let (strength, weakness) = of_predicate(predicate, valid_signature);
        if position == 0 || strength > best.0 {
            best = (strength, weakness);
        }
    }
    match best {
        (Strength::Strong, _) => (Strength::Strong, None),
        (strength, weakness) => (strength, Some(weakness)),
    }
}

/// Entries that match every event are refused whatever the policy: what is wrong with it, if so.
pub(crate) fn matches_everything(predicate: &Predicate) -> Option<String> {
    let blank = |text: &str| text.trim_matches(['*', '%', '.', ' ']).is_empty();
    match &predicate.test {
        Test::StartsWith(values) | Test::EndsWith(values) | Test::Contains(values) | Test::Has(values) => {
            values
                .iter()
                .find(|value| blank(&value.value))
                .map(|value| format!("`{}` is in every value", value.value))
        }
        Test::Regex(pattern) => regex_syntax::parse(&pattern.value)
            .is_ok_and(|hir| finds_everything(&hir))
            .then(|| format!("the expression `{}` matches every value", pattern.value)),
        Test::Cidr(networks) => networks
            .iter()
            .find(|network| network.value.ends_with("/0"))
            .map(|network| format!("`{}` is every address", network.value)),
        Test::Equals(value) if value.value == Value::String("*".into()) => {
            Some("`*` is no wildcard here; it would be compared as it stands".to_owned())
        }
        _ => None,
    }
}

/// Whether an expression is found in every text, but perhaps for a few very short ones.
///
/// That is one whose parts can all be empty or take any character, unless it is tied to both ends and cannot stretch.
/// Expressions that match everything by cleverer means are not recognised; they are weak in any case.
fn finds_everything(hir: &Hir) -> bool {
    let parts = match hir.kind() {
        HirKind::Alternation(branches) => return branches.iter().any(finds_everything),
        HirKind::Capture(group) => return finds_everything(&group.sub),
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let is_anchor = |part: &&Hir| matches!(part.kind(), HirKind::Look(look) if !is_word_boundary(*look));
    let anchors = parts.iter().filter(is_anchor).count();
    let rest = || parts.iter().filter(|part| !is_anchor(part));
    let idle = |part: &Hir| {
        let properties = part.properties();
        takes_anything(part) || (properties.minimum_len() == Some(0) && properties.look_set().is_empty())
    };
    rest().all(idle) && (anchors < 2 || rest().any(|part| takes_anything(part) && stretches(part)))
}

fn is_word_boundary(look: Look) -> bool {
    !matches!(look, Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF)
}

/// `.`, `[\s\S]`, `.+`, `.{3}` and their kin.
fn takes_anything(hir: &Hir) -> bool {
    /// Nearly all of Unicode: `.` leaves out the line break.
    const ANY: u32 = 0x10_f000;
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().map(|range| u32::from(range.end()) - u32::from(range.start()) + 1).sum::<u32>() > ANY
        }
        HirKind::Repetition(repetition) => takes_anything(&repetition.sub),
        HirKind::Capture(group) => takes_anything(&group.sub),
        _ => false,
    }
}

fn stretches(hir: &Hir) -> bool {
    hir.properties().maximum_len().is_none()
}

fn asserts_signature(predicate: &Predicate) -> bool {
    columns::class(&predicate.column.value) == ColumnClass::SignatureValidity
        && match &predicate.test {
            Test::Equals(value) => match &value.value {
                Value::Bool(truth) => *truth,
                Value::Long(number) => *number == 1,
                Value::String(text) => {
                    ["1", "true", "signedvalid", "valid"].contains(&text.to_lowercase().as_str())
                }
                _ => false,
            },
            _ => false,
        }
}

fn of_predicate(predicate: &Predicate, valid_signature: bool) -> (Strength, String) {
    let column = &predicate.column.value;
    let exact = matches!(predicate.test, Test::Equals(_) | Test::In(_));
    let weak = |why: String| (Strength::Weak, why);
    if let Test::Watchlist { alias, .. } = &predicate.test {
        let counts = !matches!(
            columns::class(column),
            ColumnClass::ChosenName
                | ColumnClass::SignatureValidity
                | ColumnClass::SignaturePresence
                | ColumnClass::Signer
                | ColumnClass::Issuer
                | ColumnClass::ApplicationId
                | ColumnClass::Path
        );
        let strength = if counts { Strength::Medium } else { Strength::Weak };
        let why = format!(
            "whoever may edit the watchlist `{}` in the portal can add to it, and no review sees it",
            alias.value
        );
        return (strength, why);
    }
    match columns::class(column) {
        ColumnClass::Hash | ColumnClass::DirectoryId if exact => (Strength::Strong, String::new()),
        ColumnClass::BrokenHash if exact => (
            Strength::Medium,
            format!("two files with one `{column}` can be made, one of them harmless; use SHA256 or SHA1"),
        ),
        ColumnClass::AccountName if exact => (
            Strength::Medium,
            format!(
                "an administrator of the directory can give this `{column}` to another account; an id or SID stays"
            ),
        ),
        ColumnClass::Hash | ColumnClass::BrokenHash | ColumnClass::DirectoryId | ColumnClass::AccountName => {
            weak(format!("only part of `{column}` is compared, and parts can be brought about"))
        }
        ColumnClass::Signer if exact && valid_signature => (Strength::Strong, String::new()),
        ColumnClass::Signer => weak(format!(
            "anyone can put this name into a certificate of their own, or copy a certificate onto another file; `{column}` counts only together with a check that the signature is valid (IsTrusted, SignatureState, IsCertificateValid)"
        )),
        ColumnClass::Issuer => {
            weak(format!("whoever buys a certificate from the same authority has this `{column}`"))
        }
        ColumnClass::SignatureValidity | ColumnClass::SignaturePresence => {
            weak(format!("`{column}` holds for every signed program, whoever signed it"))
        }
        ColumnClass::ApplicationId => weak(format!(
            "who signs in chooses `{column}`: public applications need no secret, so any stolen session can use it"
        )),
        ColumnClass::Path => of_path(predicate, exact),
        ColumnClass::CommandLine if exact => {
            (Strength::Medium, format!("an attacker who knows this exact `{column}` can reuse it"))
        }
        ColumnClass::CommandLine => weak(format!("an attacker can put this text somewhere into `{column}`")),
        ColumnClass::Address => of_address(predicate),
        ColumnClass::ChosenName => weak(format!("whoever makes the thing chooses `{column}`")),
    }
}

fn of_path(predicate: &Predicate, exact: bool) -> (Strength, String) {
    let column = &predicate.column.value;
    let paths: Vec<&str> = match &predicate.test {
        Test::Equals(value) => text(&value.value).into_iter().collect(),
        Test::In(values) => values.iter().filter_map(|value| text(&value.value)).collect(),
        Test::StartsWith(values) => values.iter().map(|value| value.value.as_str()).collect(),
        _ => {
            return (
                Strength::Weak,
                format!("only part of `{column}` is compared, and any user can make a path with it"),
            );
        }
    };
    match paths.iter().find_map(|path| columns::way_to_write(path)) {
        Some(way) => (Strength::Weak, way),
        None if paths.is_empty() => (Strength::Weak, format!("`{column}` is not compared with a path")),
        None if exact => {
            (Strength::Medium, "an administrator of the device can replace this file".to_owned())
        }
        None => {
            (Strength::Medium, "an administrator of the device can put any file below this folder".to_owned())
        }
    }
}

fn of_address(predicate: &Predicate) -> (Strength, String) {
    let wide = |network: &str| {
        let (address, length) = network.split_once('/').unwrap_or((network, ""));
        let bits = if address.contains(':') { 128 } else { 32 };
        length.parse::<u32>().is_ok_and(|length| bits - length.min(bits) > 8)
    };
    match &predicate.test {
        Test::Cidr(networks) => match networks.iter().find(|network| wide(&network.value)) {
            Some(network) => (
                Strength::Weak,
                format!(
                    "`{}` is more than 256 addresses; one compromised host in it is enough",
                    network.value
                ),
            ),
            None => (Strength::Medium, "an attacker on one of these hosts is silenced".to_owned()),
        },
        Test::Equals(_) | Test::In(_) => {
            (Strength::Medium, "an attacker on one of these hosts is silenced".to_owned())
        }
        _ => (Strength::Weak, "part of an address says little about who has it".to_owned()),
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_are_found_in_every_text() {
        for everything in [
            "", ".*", "^", "$", "^.*$", "^.*", ".*$", ".+", "^.+$", ".", "^(.*)$", "(a|.*)", "x?", "a*",
            "(?i)", "(?s).*", r"[\s\S]*", "^a?.*b?$", ".{3}", "(|x)", "^.",
        ] {
            assert!(finds_everything(&regex_syntax::parse(everything).unwrap()), "{everything:?}");
        }
        for something in [
            "a",
            "^a",
            "a$",
            "^$",
            "^a?$",
            r"\.exe$",
            r"^C:\\.*\.exe$",
            "a.*",
            ".*a",
            "[a-z]+",
            r"\d",
            "^.{3}$",
            r"\b",
            "(a|b)",
        ] {
            assert!(!finds_everything(&regex_syntax::parse(something).unwrap()), "{something:?}");
        }
    }
}

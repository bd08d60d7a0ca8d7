//! Words that the formats spell in many ways, in the one way of the services.

use serde_json::Value;

use crate::duration::IsoDuration;
use crate::model::attack::{TACTICS, split_technique};

/// `1h`, `1d12h`, `PT1H`, `pt1h` as ISO-8601.
pub(super) fn duration(text: &str) -> Option<String> {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    if let Ok(found) = IsoDuration::parse(&upper) {
        return Some(found.to_string());
    }
    let mut seconds: u64 = 0;
    let mut count = String::new();
    for c in upper.chars() {
        if c.is_ascii_digit() {
            count.push(c);
            continue;
        }
        let unit = match c {
            'S' => 1,
            'M' => 60,
            'H' => 3_600,
            'D' => 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(count.parse::<u64>().ok()?.checked_mul(unit)?)?;
        count.clear();
    }
    (count.is_empty() && !upper.is_empty()).then(|| IsoDuration::from_seconds(seconds).to_string())
}

/// The value as a duration, in place; anything else stays.
pub(super) fn fix_duration(value: &mut Value) {
    if let Some(found) = value.as_str().and_then(duration) {
        *value = found.into();
    }
}

/// A tactic in the services' spelling, from that, from ATT&CK's own or from its id.
pub(super) fn tactic(text: &str) -> Option<&'static str> {
    let plain: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let is_meant = |(name, id): &&(&'static str, &'static str)| {
        name.eq_ignore_ascii_case(&plain) || (!id.is_empty() && id.eq_ignore_ascii_case(&plain))
    };
    TACTICS.iter().find(is_meant).map(|(name, _)| *name)
}

/// A technique's id, without blanks and in upper case.
pub(super) fn technique(text: &str) -> Option<String> {
    let id = text.trim().to_ascii_uppercase();
    split_technique(&id).map(|_| id.clone())
}

/// `gt`, `GreaterThan` as the services have it.
pub(super) fn operator(text: &str) -> Option<&'static str> {
    let words = [
        ("gt", "GreaterThan"),
        ("lt", "LessThan"),
        ("eq", "Equal"),
        ("ne", "NotEqual"),
        ("GreaterThan", "GreaterThan"),
        ("LessThan", "LessThan"),
        ("Equal", "Equal"),
        ("NotEqual", "NotEqual"),
    ];
    words.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim())).map(|(_, operator)| operator)
}

/// The word of `words` that `text` is, however it is capitalised.
pub(super) fn one_of<'w>(text: &str, words: &[&'w str]) -> Option<&'w str> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text.trim())).copied()
}

/// Lines without the ones that are empty at both ends, line feeds only.
pub(super) fn tidy(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, iso) in [
            ("1h", Some("PT1H")),
            ("1d", Some("P1D")),
            ("1h10m", Some("PT1H10M")),
            ("PT24H", Some("P1D")),
            ("pt5m", Some("PT5M")),
            ("0", None),
            ("", None),
            ("h", None),
            ("1w", None),
            ("99999999999999999999d", None),
            ("soon", None),
        ] {
            assert_eq!(duration(text).as_deref(), iso, "{text}");
        }
        assert_eq!(tactic("lateral-movement"), Some("LateralMovement"));
        assert_eq!(tactic("TA0008"), Some("LateralMovement"));
        assert_eq!(tactic("SuspiciousActivity"), None);
        assert_eq!(technique(" t1053.005 ").as_deref(), Some("T1053.005"));
        assert_eq!(technique("TA0008"), None);
        assert_eq!(operator("GT"), Some("GreaterThan"));
    }
}

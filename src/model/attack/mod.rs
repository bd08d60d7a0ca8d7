//! ATT&CK: the tactics as both services spell them, the form of a technique's id, and the [`matrix`] of techniques.
//! Facts: CONTRACT B.3 (tactics), MITRE ATT&CK (ids).

pub mod matrix;

/// Tactic in the services' spelling, and its ATT&CK id. `PreAttack` and the two ICS ones have none in Enterprise.
pub const TACTICS: [(&str, &str); 17] = [
    ("Reconnaissance", "TA0043"),
    ("ResourceDevelopment", "TA0042"),
    ("InitialAccess", "TA0001"),
    ("Execution", "TA0002"),
    ("Persistence", "TA0003"),
    ("PrivilegeEscalation", "TA0004"),
    ("DefenseEvasion", "TA0005"),
    ("CredentialAccess", "TA0006"),
    ("Discovery", "TA0007"),
    ("LateralMovement", "TA0008"),
    ("Collection", "TA0009"),
    ("Exfiltration", "TA0010"),
    ("CommandAndControl", "TA0011"),
    ("Impact", "TA0040"),
    ("PreAttack", ""),
    ("ImpairProcessControl", "TA0106"),
    ("InhibitResponseFunction", "TA0107"),
];

/// A technique id taken apart: `T1053.005` is (`T1053`, Some(`T1053.005`)), `T1053` is (`T1053`, None).
/// `None` when it is neither form.
#[must_use]
pub fn split_technique(text: &str) -> Option<(&str, Option<&str>)> {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    let rest = text.strip_prefix('T')?;
    match rest.split_once('.') {
        None => digits(rest, 4).then_some((text, None)),
        Some((parent, sub)) => (digits(parent, 4) && digits(sub, 3)).then(|| (&text[..5], Some(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques() {
        assert_eq!(split_technique("T1053"), Some(("T1053", None)));
        assert_eq!(split_technique("T1053.005"), Some(("T1053", Some("T1053.005"))));
        for bad in ["", "T", "1053", "T105", "T1053.", "T1053.05", "t1053", "T1053.0055", "Tä53"] {
            assert_eq!(split_technique(bad), None, "{bad}");
        }
    }
}

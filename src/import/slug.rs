//! Ids of imported rules, from their names: each a rule id, a safe file name everywhere, and taken only once.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::address::RuleId;

/// How long an id made from a name may be: room for a number behind it, and for a tool's own ending.
const LONGEST: usize = 80;

/// Names that Windows keeps for devices, whatever their extension.
const RESERVED: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt"];

/// Ids that are in use.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    taken: BTreeSet<String>,
}

impl Ids {
    /// With the ids of rules that are there already.
    pub fn new(taken: impl IntoIterator<Item = String>) -> Self {
        Self { taken: taken.into_iter().collect() }
    }

    /// Whether the id is in use.
    #[must_use]
    pub fn is_taken(&self, id: &str) -> bool {
        self.taken.contains(id)
    }

    /// An id that nobody has yet, made from `name`; the second rule of one name gets `-2`, and so on.
    pub fn claim(&mut self, name: &str) -> String {
        let wanted = slug(name);
        let numbered = (2u32..).map(|number| format!("{wanted}-{number}"));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|id| !self.taken.contains(id));
        // The numbers do not run out before memory does.
        let id = free.unwrap_or(wanted);
        self.taken.insert(id.clone());
        id
    }

    /// Takes exactly this id; `false` when somebody has it.
    pub fn claim_exactly(&mut self, id: &str) -> bool {
        self.taken.insert(id.to_owned())
    }
}

/// A rule id made from a name: lower-case words joined by `-`, at most 80 characters, cut between words where possible.
///
/// Whatever the name holds (slashes, `..`, emoji, nothing at all), the result is a rule id and a plain file name. Names
/// without a single letter or digit that ids may have get `rule-` and a digest of the name.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for c in name.chars() {
        match plain(c) {
            "" if c.is_ascii_alphanumeric() => id.push(c.to_ascii_lowercase()),
            "" if matches!(c, '\'' | '’') => {}
            "" if !id.ends_with('-') && !id.is_empty() => id.push('-'),
            letters => id.push_str(letters),
        }
    }
    let mut id = id.trim_matches('-');
    if id.len() > LONGEST {
        let cut = id.get(..LONGEST).unwrap_or(id);
        id = cut.rfind('-').filter(|at| *at > LONGEST / 2).and_then(|at| cut.get(..at)).unwrap_or(cut);
    }
    let id = id.trim_matches('-');
    if id.is_empty() {
        let digest = crate::resource::hex(&Sha256::digest(name.as_bytes()));
        return format!("rule-{}", digest.get(..8).unwrap_or_default());
    }
    let device = id.trim_end_matches(|c: char| c.is_ascii_digit());
    if RESERVED.contains(&device) || RuleId::new(id).is_err() { format!("rule-{id}") } else { id.to_owned() }
}

/// Letters of Western European languages without their marks; empty for everything else.
const fn plain(c: char) -> &'static str {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'À' | 'Á' | 'Â' | 'Ã' | 'Å' => "a",
        'ä' | 'æ' | 'Ä' | 'Æ' => "ae",
        'ç' | 'Ç' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' => "i",
        'ñ' | 'Ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ø' => "o",
        'ö' | 'œ' | 'Ö' | 'Œ' => "oe",
        'ù' | 'ú' | 'û' | 'Ù' | 'Ú' | 'Û' => "u",
        'ü' | 'Ü' => "ue",
        'ß' => "ss",
        'ý' | 'ÿ' | 'Ý' => "y",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_ids() {
        // Digests: printf %s NAME | sha256sum.
        for (name, id) in [
            ("Scheduled Task: Untrusted Binary", "scheduled-task-untrusted-binary"),
            ("../../etc/passwd", "etc-passwd"),
            ("a / b \\ c", "a-b-c"),
            ("..", "rule-5ec1f7e7"),
            ("", "rule-e3b0c442"),
            ("🔥🔥", "rule-c76bbcb8"),
            ("🔥 Fire", "fire"),
            ("Größe überschritten – Straße", "groesse-ueberschritten-strasse"),
            ("User's token", "users-token"),
            ("T1053.005", "t1053-005"),
            ("NUL", "rule-nul"),
            ("com1", "rule-com1"),
            ("console", "console"),
            ("42", "42"),
        ] {
            assert_eq!(slug(name), id, "{name}");
        }
        let long = slug(&"lateral movement ".repeat(20));
        assert!(long.len() <= LONGEST && long.ends_with("-lateral"), "{long}");
        assert_eq!(slug(&"x".repeat(300)).len(), LONGEST);
    }

    #[test]
    fn nobody_gets_an_id_twice() {
        let mut ids = Ids::new(["a-2".to_owned()]);
        let got: Vec<String> = ["A", "a", "A!", "a 2"].iter().map(|name| ids.claim(name)).collect();
        assert_eq!(got, ["a", "a-3", "a-4", "a-2-2"]);
        assert!(!ids.claim_exactly("a-4") && ids.claim_exactly("b"));
    }

    proptest! {
        #[test]
        fn every_name_becomes_a_rule_id(name in any::<String>()) {
            let id = slug(&name);
            prop_assert!(RuleId::new(&id).is_ok(), "{}", id);
            prop_assert_eq!(slug(&id), id);
        }
    }
}

//! Names of things, each a type of its own so that none is mistaken for another.
//!
//! An [`Address`] says where a rule lives: `defender:rule-id` or `sentinel/law-soc:rule-id`. It is what plans print,
//! `--target` matches and the journal records. Nothing here knows how a platform builds its own ids (see `resource`).

use std::fmt;
use std::sync::Arc;

/// The stable slug of a rule, for example `scheduled-task-untrusted-binary`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// The longest slug that is accepted, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Takes a slug: lower-case letters, digits, `-`, `_` and `.`, starting with a letter or digit.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that starts with the id.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        match text.chars().next() {
            None => Err("is empty"),
            Some(first) if !(first.is_ascii_lowercase() || first.is_ascii_digit()) => {
                Err("must start with a lower-case letter or a digit")
            }
            _ if !text.chars().all(allowed) => {
                Err("may contain only lower-case letters, digits, `-`, `_` and `.`")
            }
            _ if text.len() > Self::MAX_LENGTH => Err("is longer than 100 characters"),
            _ => Ok(Self(text.into())),
        }
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The two products that rules are deployed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Microsoft Defender XDR custom detections, through Microsoft Graph.
    Defender,
    /// Microsoft Sentinel analytics rules, through Azure Resource Manager.
    Sentinel,
}

impl Platform {
    /// The word used in addresses and machine output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Defender => "defender",
            Self::Sentinel => "sentinel",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A Log Analytics workspace with Sentinel on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workspace {
    /// Subscription id (a GUID).
    pub subscription: String,
    /// Resource group name.
    pub resource_group: String,
    /// Workspace name.
    pub workspace: String,
}

impl Workspace {
    /// The ARM resource id, without a host; ARM compares such ids without case (CONTRACT B.1).
    #[must_use]
    pub fn resource_id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.OperationalInsights/workspaces/{}",
            self.subscription, self.resource_group, self.workspace
        )
    }
}

/// Where rules of one environment are deployed: its tenant's Defender, or one of its workspaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The tenant's custom detections.
    Defender,
    /// One workspace's analytics rules.
    Sentinel(Arc<Workspace>),
}

impl Target {
    /// Which product it is.
    #[must_use]
    pub const fn platform(&self) -> Platform {
        match self {
            Self::Defender => Platform::Defender,
            Self::Sentinel(_) => Platform::Sentinel,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defender => f.write_str("defender"),
            Self::Sentinel(workspace) => write!(f, "sentinel/{}", workspace.workspace),
        }
    }
}

/// One rule at one target: `defender:rule-id`, `sentinel/law-soc:rule-id`.
///
/// For rules that no file of ours stands behind (unmanaged, foreign), the part after the colon is the platform's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Where.
    pub target: Target,
    /// Which: a rule id, or the platform's id of a rule that is not ours.
    pub rule: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.target, self.rule)
    }
}

/// `*` stands for any run of characters, `?` for one; everything else for itself.
#[must_use]
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match last_star {
                Some((star, from)) => {
                    last_star = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for good in ["a", "scheduled-task-untrusted-binary", "t1053.005_x", "9lives"] {
            assert!(RuleId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a b", "../x", "-a", "ä", "a/b", &"a".repeat(101)] {
            assert!(RuleId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_print_their_target() {
        let workspace = Arc::new(Workspace {
            subscription: "s".into(),
            resource_group: "rg".into(),
            workspace: "law-soc".into(),
        });
        let address = Address { target: Target::Sentinel(workspace.clone()), rule: "r".into() };
        assert_eq!(address.to_string(), "sentinel/law-soc:r");
        assert_eq!(Address { target: Target::Defender, rule: "r".into() }.to_string(), "defender:r");
        assert_eq!(
            workspace.resource_id(),
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/law-soc"
        );
    }

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("scheduled-*", "scheduled-task", true),
            ("*task*", "a-task-b", true),
            ("abc", "abc", true),
            ("ab", "abc", false),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(matches_glob(pattern, text), expected, "{pattern} on {text}");
        }
    }
}

//! Which id a rule gets on each platform (product.md §4). Nothing is stored anywhere: both are functions of the
//! environment's owner id and the rule's id.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::hex;

/// Namespace of our version 5 UUIDs. Changing it would orphan every deployed analytics rule.
const NAMESPACE: Uuid = Uuid::from_u128(0x6a1f_5c8e_2b34_5d0f_9c7a_41d8_73b2_e690);

/// The longest id that Graph accepts (CONTRACT A.2).
const DEFENDER_MAX: usize = 100;

/// `ruleId` of an analytics rule: UUIDv5 of owner and rule id, lower case as the portal writes it.
#[must_use]
pub fn sentinel_rule_id(owner: &str, rule: &str) -> String {
    Uuid::new_v5(&NAMESPACE, format!("{owner}/{rule}").as_bytes()).to_string()
}

/// `ruleId` of an analytics rule that takes the place of `previous`, whose id cannot be used again: another UUIDv5, which
/// no pair of owner and rule id has by itself, because neither can hold a blank.
#[must_use]
pub fn sentinel_successor_id(owner: &str, rule: &str, previous: &str) -> String {
    Uuid::new_v5(&NAMESPACE, format!("{owner}/{rule} after {}", previous.to_lowercase()).as_bytes())
        .to_string()
}

/// What stands before a watchlist's alias in its id and in its address, so that neither is ever a rule's.
pub const WATCHLIST: &str = "watchlist/";

/// The id of a watchlist in a workspace. The alias is what queries name, so it is the same for every owner.
#[must_use]
pub fn watchlist_id(alias: &str) -> String {
    format!("{WATCHLIST}{alias}")
}

/// `id` of a custom detection: letter first, letters, digits, `-` and `_` only, at most 100 characters.
///
/// Owner and rule id are joined readably. Whenever that loses information (a character had to be replaced, or the
/// result was too long) a digest of the exact pair is added, so two pairs never share an id.
#[must_use]
pub fn defender_rule_id(owner: &str, rule: &str) -> String {
    let exact = format!("{owner}/{rule}");
    let mut lossy = false;
    let mut slug = String::with_capacity(exact.len() + 1);
    if !exact.starts_with(|c: char| c.is_ascii_alphabetic()) {
        slug.push_str("r-");
        lossy = true;
    }
    // The one separator between owner and rule becomes "--"; further slashes and dots are replaced and counted as loss.
    slug.extend(owner.chars().map(|c| replace(c, &mut lossy)));
    slug.push_str("--");
    slug.extend(rule.chars().map(|c| replace(c, &mut lossy)));
    // "--" inside either part would make the join ambiguous.
    lossy |= owner.contains("--") || rule.contains("--") || owner.ends_with('-') || rule.starts_with('-');
    if !lossy && slug.len() <= DEFENDER_MAX {
        return slug;
    }
    let digest = hex(&Sha256::digest(exact.as_bytes()));
    slug.truncate(DEFENDER_MAX - 13);
    format!("{slug}-{}", &digest[..12])
}

/// Whether Graph accepts `id` for a custom detection.
#[must_use]
pub fn is_defender_rule_id(id: &str) -> bool {
    id.len() <= DEFENDER_MAX
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn replace(c: char, lossy: &mut bool) -> char {
    if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
        c
    } else {
        *lossy = true;
        '-'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinel_ids_are_stable() {
        // Independent value: python3 -c 'import uuid; print(uuid.uuid5(uuid.UUID("6a1f5c8e-2b34-5d0f-9c7a-41d873b2e690"), "acme/prod/rule-a"))'
        assert_eq!(sentinel_rule_id("acme/prod", "rule-a"), "194bee2c-47d6-548a-b639-4e3ce2d230ad");
        assert_ne!(sentinel_rule_id("acme/prod", "rule-a"), sentinel_rule_id("acme/test", "rule-a"));
    }

    #[test]
    fn defender_ids_are_valid_readable_and_distinct() {
        assert_eq!(defender_rule_id("acme", "rule-a"), "acme--rule-a");
        let long = "x".repeat(100);
        let pairs = [
            ("acme", "rule-a"),
            ("acme/prod", "rule-a"),
            ("acme-prod", "rule-a"),
            ("acme.prod", "rule-a"),
            ("acme--prod", "rule-a"),
            ("acme", "prod--rule-a"),
            ("9acme", "rule-a"),
            ("acme", "rule.a"),
            ("acme", long.as_str()),
        ];
        let ids: std::collections::BTreeSet<_> =
            pairs.iter().map(|(owner, rule)| defender_rule_id(owner, rule)).collect();
        assert_eq!(ids.len(), pairs.len());
        for id in &ids {
            assert!(is_defender_rule_id(id), "{id}");
        }
    }
}

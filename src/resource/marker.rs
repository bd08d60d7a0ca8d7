//! The ownership marker that every rule of ours carries (product.md §4).
//!
//! It is the only state there is: owner, rule id and the digest of what was last applied. Sentinel keeps it as the last
//! line of the query, a comment; Defender as the last line of the rule's own description, because continuous queries
//! refuse comments. Nothing volatile (time, commit) is ever in it.

/// Who owns a deployed rule and what was last applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The environment's owner id.
    pub owner: String,
    /// The rule's id.
    pub rule: String,
    /// Digest of the canonical form that was last applied, shortened to [`Marker::DIGEST_LENGTH`].
    pub digest: String,
    /// The rule must not be deleted, even when its file is gone.
    pub protect: bool,
}

/// Where the marker stands, which decides its brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkerCarrier {
    /// Last line of a Sentinel query: `// palisade:v1 …`.
    QueryComment,
    /// Last line of a description: `[palisade:v1 …]`.
    Description,
}

impl Marker {
    /// How many hexadecimal digits of a digest the marker keeps (128 bits).
    pub const DIGEST_LENGTH: usize = 32;

    /// The longest owner id.
    pub const OWNER_MAX: usize = 100;

    /// Whether `owner` can stand in a marker: letters, digits, `.`, `_`, `-` and `/`, at most 100 characters.
    #[must_use]
    pub fn is_owner(owner: &str) -> bool {
        !owner.is_empty()
            && owner.len() <= Self::OWNER_MAX
            && owner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/'))
    }

    /// The marker's line, without a line break.
    #[must_use]
    pub fn line(&self, carrier: MarkerCarrier) -> String {
        let protect = if self.protect { " protect" } else { "" };
        let text = format!("palisade:v1 owner={} rule={} h={}{protect}", self.owner, self.rule, self.digest);
        match carrier {
            MarkerCarrier::QueryComment => format!("// {text}"),
            MarkerCarrier::Description => format!("[{text}]"),
        }
    }

    /// `text` with the marker as its last line.
    #[must_use]
    pub fn append(&self, text: &str, carrier: MarkerCarrier) -> String {
        let text = text.trim_end();
        if text.is_empty() { self.line(carrier) } else { format!("{text}\n{}", self.line(carrier)) }
    }

    /// Takes the marker off the last line of `text`: the rest, and the marker if there is a well-formed one.
    ///
    /// Only the last non-blank line counts, so a marker that was copied into the middle of a text owns nothing.
    #[must_use]
    pub fn split(text: &str, carrier: MarkerCarrier) -> (&str, Option<Self>) {
        let trimmed = text.trim_end();
        let (rest, last) = match trimmed.rfind('\n') {
            Some(at) => (&trimmed[..at], &trimmed[at + 1..]),
            None => ("", trimmed),
        };
        match Self::parse(last.trim(), carrier) {
            Some(marker) => (rest.trim_end(), Some(marker)),
            None => (text, None),
        }
    }

    fn parse(line: &str, carrier: MarkerCarrier) -> Option<Self> {
        let inner = match carrier {
            MarkerCarrier::QueryComment => line.strip_prefix("// ")?,
            MarkerCarrier::Description => line.strip_prefix('[')?.strip_suffix(']')?,
        };
        let mut words = inner.split(' ');
        if words.next()? != "palisade:v1" {
            return None;
        }
        let owner = words.next()?.strip_prefix("owner=")?;
        let rule = words.next()?.strip_prefix("rule=")?;
        let digest = words.next()?.strip_prefix("h=")?;
        let protect = match words.next() {
            None => false,
            Some("protect") => true,
            Some(_) => return None,
        };
        let whole = words.next().is_none()
            && Self::is_owner(owner)
            && crate::address::RuleId::new(rule).is_ok()
            && digest.len() == Self::DIGEST_LENGTH
            && digest.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        whole.then(|| Self { owner: owner.into(), rule: rule.into(), digest: digest.into(), protect })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(protect: bool) -> Marker {
        Marker {
            owner: "acme/prod".into(),
            rule: "rule-a".into(),
            digest: "0123456789abcdef0123456789abcdef".into(),
            protect,
        }
    }

    #[test]
    fn spelling_is_fixed() {
        assert_eq!(
            marker(true).append("T\n| take 1\n", MarkerCarrier::QueryComment),
            "T\n| take 1\n// palisade:v1 owner=acme/prod rule=rule-a h=0123456789abcdef0123456789abcdef protect"
        );
        assert_eq!(
            marker(false).append("", MarkerCarrier::Description),
            "[palisade:v1 owner=acme/prod rule=rule-a h=0123456789abcdef0123456789abcdef]"
        );
    }

    #[test]
    fn splits_what_it_appended() {
        for carrier in [MarkerCarrier::QueryComment, MarkerCarrier::Description] {
            for text in ["", "T", "T\n| where x\n\n", "a\nb"] {
                let joined = marker(true).append(text, carrier).replace('\n', "\r\n") + "\r\n";
                let (rest, found) = Marker::split(&joined, carrier);
                assert_eq!(found, Some(marker(true)), "{text:?}");
                assert_eq!(rest.replace("\r\n", "\n"), text.trim_end().replace("\r\n", "\n"));
            }
        }
    }

    #[test]
    fn anything_else_is_no_marker() {
        let good = marker(false).line(MarkerCarrier::QueryComment);
        for text in [
            format!("{good}\nT"),
            good.replace("v1", "v2"),
            good.replace("h=0", "h="),
            format!("{good} x"),
            good.replace("rule-a", "../x"),
            marker(false).line(MarkerCarrier::Description),
        ] {
            assert_eq!(Marker::split(&text, MarkerCarrier::QueryComment), (text.as_str(), None));
        }
    }
}

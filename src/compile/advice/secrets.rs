//! Values that look like credentials, anywhere in the files.
//!
//! Only forms that are hardly anything else: a fixed beginning with the right number of the right characters behind it. A
//! detection rule may well *look for* `AKIA` or `-----BEGIN`; it does not contain a whole key.

use crate::diagnostic::Diagnostics;
use crate::source::{SourceMap, Span};

use super::codes;

/// A kind of credential: its name, how it begins, how many characters must follow, and which.
struct Form {
    what: &'static str,
    start: &'static str,
    least: usize,
    accepts: fn(char) -> bool,
}

const FORMS: [Form; 9] = [
    Form {
        what: "an AWS access key",
        start: "AKIA",
        least: 16,
        accepts: |c| c.is_ascii_uppercase() || c.is_ascii_digit(),
    },
    Form { what: "a GitHub token", start: "ghp_", least: 36, accepts: |c| c.is_ascii_alphanumeric() },
    Form {
        what: "a GitHub token",
        start: "github_pat_",
        least: 50,
        accepts: |c| c.is_ascii_alphanumeric() || c == '_',
    },
    Form {
        what: "a Slack token",
        start: "xoxb-",
        least: 30,
        accepts: |c| c.is_ascii_alphanumeric() || c == '-',
    },
    Form {
        what: "a signed storage address",
        start: "&sig=",
        least: 40,
        accepts: |c| c.is_ascii_alphanumeric() || "%+/=".contains(c),
    },
    Form { what: "a storage account key", start: "AccountKey=", least: 80, accepts: is_base64 },
    Form { what: "a shared access key", start: "SharedAccessKey=", least: 40, accepts: is_base64 },
    Form {
        what: "a signed token",
        start: "eyJhbGciOi",
        least: 60,
        accepts: |c| is_base64(c) || "._-".contains(c),
    },
    Form {
        what: "a client secret",
        start: "8Q~",
        least: 31,
        accepts: |c| c.is_ascii_alphanumeric() || "._~-".contains(c),
    },
];

/// A private key begins like this, and goes on for lines.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=".contains(c)
}

pub(super) fn check(sources: &SourceMap, found: &mut Diagnostics) {
    for file in sources.ids() {
        let Some(source) = sources.file(file) else { continue };
        for (start, end, what) in credentials(&source.text) {
            let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
            found.push(
                codes::CREDENTIAL
                    .warning("a value looks like a credential")
                    .labelled(Span::new(file, at(start), at(end)), format!("looks like {what}"))
                    .with_help("remove it, and replace the credential: it must be taken as known"),
            );
        }
    }
}

/// Every place with what it looks like. Only the beginning is marked, so that a report does not repeat the secret.
fn credentials(text: &str) -> Vec<(usize, usize, &'static str)> {
    let mut places = Vec::new();
    for form in &FORMS {
        for (at, start) in text.match_indices(form.start) {
            let rest = text.get(at + start.len()..).unwrap_or("");
            if rest.chars().take(form.least).filter(|c| (form.accepts)(*c)).count() == form.least {
                places.push((at, at + start.len(), form.what));
            }
        }
    }
    for (at, start) in text.match_indices(PRIVATE_KEY) {
        let end = at + start.len();
        let body: String =
            text.get(end..).unwrap_or("").chars().filter(|c| !c.is_whitespace()).take(64).collect();
        if body.len() == 64 && body.chars().all(is_base64) {
            places.push((at, end, "a private key"));
        }
    }
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_credentials_are_found_and_what_looks_for_them_is_not() {
        let key = format!("AKIA{}", "A1".repeat(8));
        let token = format!("ghp_{}", "a".repeat(36));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n  {}\n", "Ab".repeat(40));
        for (text, expected) in [
            (key.as_str(), Some("an AWS access key")),
            (token.as_str(), Some("a GitHub token")),
            (pem.as_str(), Some("a private key")),
            ("where CommandLine has 'AKIA' or x has 'ghp_'", None),
            ("where Text has '-----BEGIN RSA PRIVATE KEY-----'", None),
            ("DefaultEndpointsProtocol=https;AccountKey=...", None),
        ] {
            assert_eq!(credentials(text).first().map(|found| found.2), expected, "{text}");
        }
    }
}

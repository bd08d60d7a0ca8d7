//! The codes of diagnostics about what people write, with what `palisade explain CODE` says about each.
//!
//! A code is stable: it is never given another meaning, and one that is retired is not used again. Other modules have
//! tables of their own for what they find (for example `compile`).

use super::{Diagnostic, Severity};

/// One code and its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// For example `FMT-01`.
    pub code: &'static str,
    /// One line, without a full stop.
    pub title: &'static str,
    /// A short paragraph: what it means, why it is refused, what to do.
    pub explanation: &'static str,
}

impl Code {
    /// An error of this kind.
    #[must_use]
    pub fn error(self, summary: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.code, summary)
    }

    /// A warning of this kind.
    #[must_use]
    pub fn warning(self, summary: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(self.code, summary)
    }

    /// A remark of this kind.
    #[must_use]
    pub fn info(self, summary: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.code, Severity::Info, summary)
    }
}

/// What is known of a code of this table.
#[must_use]
pub fn explain(code: &str) -> Option<&'static Code> {
    AUTHORING.iter().find(|entry| entry.code.eq_ignore_ascii_case(code))
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $explanation:literal;)+) => {
        $(
            $(#[$doc])*
            pub const $name: &str = $code;
        )+
        /// Every code that reading, decoding and loading can report, in order.
        pub const AUTHORING: &[Code] = &[$(Code { code: $code, title: $title, explanation: $explanation }),+];
    };
}

codes! {
    /// The text is not YAML.
    YAML_SYNTAX = "YAML-01", "the file is not valid YAML",
        "The parser could not make sense of the text. Usual causes: a value that contains `: ` or starts with one of \
         @ ` % * & ! and is not quoted, a quote or bracket that is never closed, indentation that does not line up.";
    /// A key stands twice in one mapping.
    YAML_DUPLICATE_KEY = "YAML-02", "a key is given twice in one mapping",
        "Other tools silently keep one of the two values, and people rarely agree on which. Remove one of them.";
    /// YAML that is legal but not accepted here.
    YAML_FEATURE = "YAML-03", "a YAML feature that is not used in these files",
        "Merge keys (`<<`), tags (`!name`), keys that are not plain text and several documents in one file are refused, \
         because they make a review harder than it needs to be. Write the values out.";
    /// Too deep, too many nodes, too many aliases.
    YAML_LIMIT = "YAML-04", "the document is too large or too deeply nested",
        "A file may nest 32 levels deep, hold 200,000 values and repeat 20,000 values through aliases. This stops small \
         files that unfold into gigabytes.";
    /// Encoding and control characters.
    YAML_CHARACTER = "YAML-05", "the text contains characters that do not belong in a text file",
        "Files are UTF-8 without a byte order mark; control characters other than tab and line break are refused, \
         because they are invisible in a review and can hide what a value really is.";

    /// A key that is not known here.
    UNKNOWN_KEY = "FMT-01", "a key is not known here",
        "Unknown keys are errors, so that a misspelt key cannot silently switch a setting off. Keys that start with \
         `x-` are allowed at the top level of every file and are ignored.";
    /// A mandatory key that is not there.
    MISSING_KEY = "FMT-02", "a key is missing", "The mapping needs a key that is not there.";
    /// A list where a string was expected, and the like.
    WRONG_TYPE = "FMT-03", "a value has the wrong type",
        "A list, mapping, string, number or boolean was expected and something else was found. Numbers and booleans \
         become strings when quoted.";
    /// The right type, but not an acceptable value.
    INVALID_VALUE = "FMT-04", "a value is not acceptable",
        "The value has the right type but is not one of the words, or not in the range or form, that is allowed.";
    /// A key that exists, but not for this kind of thing.
    MISPLACED_KEY = "FMT-05", "a key does not belong to this kind of rule",
        "The key exists, but the service has no such property for this kind of rule, for example a frequency on a \
         near-real-time rule.";
    /// Nothing where something was expected.
    EMPTY_VALUE = "FMT-06", "a value is empty",
        "An empty value is refused: leave the key out to get the default, or give a value.";
    /// The same name twice where names must differ.
    DUPLICATE_NAME = "FMT-07", "a name is used twice", "Names must be unique here, so that messages and reports can point at one thing.";
    /// Control characters, bidirectional controls.
    UNSAFE_TEXT = "FMT-08", "a text contains characters that cannot be seen",
        "Control characters and bidirectional controls can make a value look different from what it is, in a review, in \
         a terminal and in the portals. Remove the character.";

    /// Part of a custom detection in the shape of before 2026-10-01.
    RETIRED_SHAPE = "FMT-09", "part of a retired shape cannot be migrated",
        "Microsoft removed the old properties of custom detections (`isEnabled`, `period`, `category`, `impactedAssets`, \
         `responseActions`, `scopeNames`) on 2026-10-01. `palisade migrate` says them in today's words; this one has none: a kind \
         of asset or action that nobody knows, a period `Custom`, or something that today's words beside it say already. Say it \
         by hand and take the old property out.";

    /// No `palisade.yaml` anywhere.
    NO_PROJECT = "FILE-01", "no palisade.yaml was found",
        "A detection repository has a palisade.yaml at its root. Run `palisade init` to make one, or name the folder \
         with `-C`.";
    /// The operating system refused.
    UNREADABLE = "FILE-02", "a file or folder cannot be read",
        "The operating system refused to open it; its reason is in the message.";
    /// Symbolic links out of the repository, devices, odd names.
    UNSAFE_PATH = "FILE-03", "a path leads out of the repository or is not a regular file",
        "Links that leave the root, devices, pipes and names that cannot be shown safely are refused: a pull request \
         must not be able to make the pipeline read anything else.";
    /// Too large, or too many.
    TOO_LARGE = "FILE-04", "a file, or the whole repository, is too large",
        "A file may have 1 MiB, a file of events 16 MiB, all files together 256 MiB, and there may be 50,000 of them; a case may have \
         100,000 events.";
    /// A file that nothing uses.
    STRAY_FILE = "FILE-05", "a file is not used by anything",
        "A file lies where it looks as if it were in force, but nothing reads it: most often a query without its rule, \
         or a folder below environments/ without an environment.yaml.";

    /// Rule ids.
    RULE_ID = "RULE-01", "rule ids must be unique and equal to the file's name",
        "The id is a rule's identity: the platform's id is computed from it. It equals the file's stem, is used by no \
         other rule in any case, and is in no other rule's previous_ids.";
    /// Display names.
    RULE_NAME = "RULE-02", "two rules of one platform have the same name",
        "Analysts tell alerts apart by the rule's name, and Defender refuses a second detection with the same name.";
    /// Inline and sibling query, or none.
    RULE_QUERY = "RULE-03", "a rule needs exactly one query",
        "The query stands either in the rule file under `query`, or in a file of the same name with the extension \
         .kql. A platform section may have its own query instead.";
    /// Neither `defender` nor `sentinel`.
    RULE_NOWHERE = "RULE-04", "a rule is deployed nowhere",
        "A rule is deployed to the platforms whose sections it has: add `defender:` or `sentinel:`.";

    /// Two environments with one owner id.
    ENVIRONMENT_OWNER = "REPO-01", "two environments have the same owner id",
        "The owner id is how Palisade recognises its own rules in a tenant. Two environments that share one would \
         delete each other's rules.";
    /// A name that leads nowhere.
    ENVIRONMENT_REFERENCE = "REPO-02", "an environment names something that does not exist",
        "A rule, tag or shared allowlist that an environment names must exist: a misspelt name would silently leave an \
         override, a parameter or an allowlist out.";
    /// `extends`.
    ENVIRONMENT_EXTENDS = "REPO-03", "an environment extends something that it cannot",
        "`extends: _base` lays the environment over environments/_base/environment.yaml. There is one level only, so \
         that the effective settings can be read in two files.";
    /// Keys that an override may not touch.
    OVERRIDE_KEY = "REPO-04", "an override changes what no environment may change",
        "An environment may change how a rule is deployed, not what it is: id, query, allowlist policy, tests and \
         history stay in the rule file. Use parameters and allowlists to vary a query.";
    /// Two environments at one place.
    ENVIRONMENT_PLACE = "REPO-05", "two environments deploy to one workspace, or to one tenant's Defender",
        "Usually a file was copied and an id forgotten. A rule that both select is there twice and alerts twice, Defender \
         refuses the second one of a name, and what one of them adopts or takes over, the next apply of the other undoes. \
         A workspace in common is an error, a Defender a warning. If it is meant (two teams with rules of their own), `shares: [OTHER]` in one of the two files says so.";

    /// No rules named, or no entries.
    ALLOWLIST_RULES = "LIST-01", "an allowlist must name its rules",
        "An allowlist with an empty list of rules would, in other tools, apply to every rule. Name the rules; `any` \
         must be spelled out.";
    /// Rules that do not exist.
    ALLOWLIST_TARGET = "LIST-02", "an allowlist names a rule that does not exist",
        "The list would silence nothing, and nobody would notice until the alert fires again.";
    /// Predicates.
    ALLOWLIST_PREDICATE = "LIST-03", "a predicate of an allowlist is not well formed",
        "A predicate is a mapping with exactly one operator: equals, in, starts_with, ends_with, contains, has, regex, \
         cidr, or the bounds min and max; `case: sensitive` may stand beside it.";
    /// Values that match everything or cannot be seen.
    ALLOWLIST_VALUE = "LIST-04", "a value of an allowlist is not acceptable",
        "Empty values match everything; control and bidirectional characters make a value look different from what it \
         is. Neither belongs into an allowlist.";

    /// `tests/<rule-id>.yaml` without that rule.
    CASE_RULE = "CASE-01", "cases for a rule that does not exist",
        "A file directly in tests/ holds the cases of the rule that it is named after. Cases of a misspelt rule would never be \
         played, and nobody would notice. Folders below tests/ are not searched for cases.";
    /// An environment or entry that a case names.
    CASE_REFERENCE = "CASE-02", "a case names something that does not exist",
        "An environment under `environments:` and an allowlist entry under `silenced_by:` must exist: with a misspelt name the case \
         would be played nowhere, or prove nothing.";
    /// Files of events.
    CASE_EVENTS = "CASE-03", "a file of events cannot be used",
        "A case names files of events by their path below tests/. They are YAML or JSON (a list of mappings, or a portal's export), \
         NDJSON (one object a line) or CSV (the first line names the columns).";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        for (index, code) in AUTHORING.iter().enumerate() {
            assert!(AUTHORING.iter().skip(index + 1).all(|other| other.code != code.code), "{}", code.code);
            assert!(code.explanation.ends_with('.') && !code.title.ends_with('.'), "{}", code.code);
        }
        assert_eq!(explain("fmt-01").map(|code| code.title), Some("a key is not known here"));
        assert_eq!(explain("FMT-99"), None);
    }
}

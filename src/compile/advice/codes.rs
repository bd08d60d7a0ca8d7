//! The codes of this folder's findings; those of query lints are in `kql::lints`.

use crate::diagnostic::codes::Code;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: Code = Code { code: $code, title: $title, explanation: $explanation };)*

        /// Every code of this folder, in the order of the documentation.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    /// Nothing is done about late events.
    INGESTION_DELAY = "KQL-C08", "a scheduled rule does not reckon with late events",
        "Events arrive minutes after they happen. When the period equals the frequency, an event that arrives late falls between two \
         runs and is never looked at. Make the period longer by the usual delay and take only what arrived since the last run: \
         `where ingestion_time() > ago(1h)`. Source: https://learn.microsoft.com/azure/sentinel/ingestion-delay";
    /// Tuning beside the allowlist.
    TUNING = "ALW-26", "an exclusion stands in the query, not in an allowlist",
        "Between the markers of environment-specific filters, and in the steps behind an allowlist slot, stands what was tuned for one \
         environment. In the query it holds everywhere and for ever, and nobody wrote down why, or who answers for it. Entries of an \
         allowlist say all that. `palisade import … --extract-allowlist` moves what provably means the same; the rest stays and has this \
         code. Source: https://github.com/FalconForceTeam/FalconFriday";
    /// Costs more than asked for.
    COST = "KQL-COST", "a query costs more than is allowed",
        "`--max-cost N` refuses queries whose cost score is above N. The score is relative: it adds a weight for each thing that makes a \
         query slow, such as a table without a condition on time, a search over all columns, or a join that is not limited. \
         `palisade kql check` lists what it is made of.";
    /// What the analyst needs.
    INCOMPLETE = "META-03", "a rule in production does not say what an analyst needs",
        "At three in the morning somebody has to know what was detected, what looks the same but is harmless, what the rule cannot see, \
         and what to do. A rule with `status: production` has `description`, `false_positives`, `blind_spots` and `response`.";
    /// Left-overs.
    UNFINISHED = "META-04", "a text is unfinished or a reference is no link",
        "References are https links, so that they can be followed and trusted. Words such as TODO or TBD say that something was meant to be \
         written before the rule went into service.";
    /// Nobody answers for it.
    NO_OWNER = "META-06", "nobody answers for a rule in production",
        "`owner` names the person or team to ask when the rule fires at night, breaks, or drowns everybody in alerts.";
    /// Not in the coverage.
    NO_TECHNIQUE = "META-07", "a rule in production names no ATT&CK technique",
        "Coverage reports count techniques. A rule that names none, or only a tactic, does not appear in them.";
    /// A change without a version.
    VERSION = "LIFE-01", "a rule changed and its version does not say so",
        "`validate --since REVISION` compares with an earlier state: a rule that keeps a changelog gets a new entry with every change, its \
         version rises by one step, never falls and skips none. Otherwise an alert cannot be matched with the text that raised it.";
    /// Gone.
    REMOVED = "LIFE-04", "a rule in production disappeared",
        "`validate --since REVISION` compares with an earlier state: a rule whose file is deleted leaves a hole that nobody decided. Set \
         `status: deprecated` first, with the reason, and delete the file when nobody depends on it any more.";
    /// History.
    CHANGELOG = "LIFE-02", "the changelog is not in order",
        "The newest entry stands first; versions are numbers such as 1.2 that fall strictly from entry to entry, and no entry is dated after \
         the one above it. Otherwise nobody can tell which version is deployed.";
    /// Deprecated how?
    DEPRECATION = "LIFE-03", "a deprecated rule does not say why",
        "The newest entry of the changelog of a rule with `status: deprecated` says since when and why it is deprecated and what \
         replaces it, so that whoever still depends on it knows what to do.";
    /// The same place twice.
    SAME_TARGET = "ENV-02", "two environments deploy to the same place",
        "Two environments with one tenant and workspace deploy their rules beside each other: rules that both take raise every \
         alert twice. If it is meant, let `select` keep them apart and allow this lint.";
    /// Nothing selected.
    NO_RULES = "ENV-03", "an environment takes no rule",
        "`select` and `lifecycle` leave nothing over. With `prune: owned` an apply would delete every rule of this environment, so it \
         is worth a second look.";
    /// Secrets.
    CREDENTIAL = "SEC-02", "a value looks like a credential",
        "Repositories are copied, forked and read by build agents; rules are shown in portals. What was committed once stays in the history: \
         remove the value and replace the credential, do not only delete the line.";
    /// Silences.
    USELESS_SILENCE = "SUP-01", "a silence has no effect",
        "The finding that it silenced is gone, or its code is misspelt. A silence that is left behind would hide the same mistake \
         when it comes back.";
}

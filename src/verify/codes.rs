//! The codes of what playing cases finds.

use crate::diagnostic::codes::Code;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Code = Code { code: $code, title: $title, explanation: $explanation };)*

        /// Every code of this folder, in the order of the documentation.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    /// A table or column that is not there.
    UNKNOWN_NAME = "CASE-10", "a case names a table or column that does not exist",
        "The tables and columns of a case are those of the schema that its rule is checked against: the built-in one, and the \
         environment's own below environments/NAME/schema/. An event in a misspelt table or column would prove nothing.";
    /// A value of the wrong type.
    WRONG_CELL = "CASE-11", "a value in a case does not fit its column",
        "Every column has a type in the schema. Texts are quoted where they look like numbers; times are written as \
         2026-11-23T08:00:00Z, or relative to the case's clock as -5m, -2h or -14d. In CSV everything is text and is converted.";
    /// Events nobody reads.
    UNREAD = "CASE-12", "a case has events that the rule never reads",
        "The rule's query does not name this table, so its events cannot change the result. A case that expects silence would pass \
         for the wrong reason.";
    /// The promise is broken.
    SILENCED = "CASE-20", "an allowlist silences an attack that must alert",
        "A case with `must_alert: true` is an attack that no allowlist entry of any environment may silence. Nothing is deployed to an \
         environment that breaks this promise. Narrow the entry: `palisade test` shows the case, `palisade allowlist why` the event.";
    /// The promise cannot be checked.
    UNPROVEN = "CASE-21", "a case that must alert cannot be played",
        "The query uses something that Palisade does not evaluate, or the case itself has mistakes, so that nobody knows whether the \
         attack still raises an alert. Not knowing counts as broken. The message names what is not evaluated; a case without \
         `must_alert` is only reported by `palisade test`.";
    /// No alert at all.
    NO_ALERT = "CASE-22", "a case that must alert does not, even without an allowlist",
        "The rule as compiled for this environment stays silent on the attack. A parameter of the environment may be too tight, the \
         query may have changed, or the case may lack a column that the query needs.";
    /// Production without cases.
    UNTESTED = "CASE-30", "a rule in production has no case that alerts, or none that stays silent",
        "A rule with `status: production` has at least one case that must raise an alert and one that must not: without the first nobody \
         knows that it works, without the second nobody knows that it tells attacks from noise. Write them under `tests:` or into \
         tests/RULE.yaml.";
    /// A way through an entry.
    BYPASS = "CASE-40", "an attacker walks through an allowlist entry",
        "The events of a case with `must_alert: true` were changed in ways that are the attacker's to choose (names, folders that every \
         user can write, text added to a command line, the user agent), and the changed attack is silenced by this entry. Without it the \
         attack would raise an alert. Add a predicate that the attacker cannot choose: a hash, a valid signer, a device or account id.";
}

//! Columns that say what happened, not who did it or with what: a condition on one is the detection itself.
//!
//! `ActionType != "ConnectionFailed"` excludes no known noise of an environment; moved into an allowlist it would end with its entry,
//! and the rule would become another one. So outside of the markers such conditions stay where they are. This is a judgement about
//! names, not a proof; between the markers the author has said what it is.

/// Ends of their names, lower case. From the tables of Defender and Sentinel.
const ENDS: [&str; 27] = [
    "type",
    "subtype",
    "typename",
    "status",
    "statusvalue",
    "substatus",
    "result",
    "resultdescription",
    "resultsignature",
    "resultreason",
    "action",
    "operation",
    "operationname",
    "operationnamevalue",
    "activity",
    "category",
    "categoryvalue",
    "categories",
    "severity",
    "level",
    "code",
    "eventid",
    "eventname",
    "state",
    "protocol",
    "direction",
    "method",
];

/// Whether a column names a kind of event, a result or a grade.
pub(super) fn says_what_happened(column: &str) -> bool {
    let lower = column.to_ascii_lowercase();
    ENDS.iter().any(|end| lower.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::says_what_happened;

    #[test]
    fn kinds_of_events_and_not_their_actors() {
        for column in
            ["ActionType", "ResultType", "OperationNameValue", "EventID", "ActivityStatusValue", "LogonType"]
        {
            assert!(says_what_happened(column), "{column}");
        }
        for column in [
            "FolderPath",
            "AccountName",
            "UserPrincipalName",
            "IPAddress",
            "ProcessCommandLine",
            "DeviceName",
            "Computer",
        ] {
            assert!(!says_what_happened(column), "{column}");
        }
    }
}

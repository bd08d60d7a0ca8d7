//! The stable codes of this folder's findings, each with what `palisade explain CODE` says about it.
//!
//! A code never changes its meaning and is never reused. Numbers follow the order in which the checks were written;
//! gaps belong to checks of other modules (query length, output columns).

pub use crate::diagnostic::codes::Code;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: Code = Code { code: $code, title: $title, explanation: $explanation };)*

        /// Every code of this folder, in the order of the documentation.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    /// `search *`, `union *`.
    WILDCARD_QUERY = "SEN-02", "Sentinel query reads every table",
        "Microsoft's rule validation refuses `search *` and `union *`: a rule that reads every table is slow, and changes its \
         meaning whenever a table appears. Name the tables that the detection needs, for example `union SecurityEvent, WindowsEvent`.";
    /// `queryFrequency`, `queryPeriod`.
    SCHEDULE = "SEN-03", "Sentinel schedule outside the service's limits",
        "`frequency` and `period` each lie between 5 minutes and 14 days. The period is at least the frequency, otherwise events between \
         two runs are never looked at. A period of two days or more needs a frequency of at least one hour.";
    /// `displayName`, `description`.
    TEXT_LENGTH = "SEN-04", "Sentinel name or description too long",
        "A rule's name may have 256 characters and its description 5,000. Put longer text into a reference.";
    /// `customDetails`.
    SENTINEL_DETAILS = "SEN-06", "Sentinel custom detail not accepted",
        "At most 20 custom details a rule. A key has at most 20 letters, digits and underscores and starts with a letter; a column has \
         at most 500 and starts with a letter or an underscore.";
    /// Columns that the alert names.
    SENTINEL_COLUMNS = "SEN-11", "Sentinel alert names a column that the query does not return",
        "Entity mappings, custom details, `{{Column}}` placeholders and overrides of an alert name columns of the query's result. A \
         column that is not there (or is spelled with another case) makes the service refuse the rule, or leaves the alert without \
         the value. Results that cannot be known offline are not checked.";
    /// What NRT rules cannot do.
    NRT = "SEN-08", "Near-real-time rule outside its limits",
        "An NRT rule runs every minute over the events that were ingested in the last minute, in one workspace. It cannot read another \
         workspace, and an alert per result is cut off at 30 alerts a run.";
    /// `triggerOperator`, `triggerThreshold`.
    TRIGGER = "SEN-12", "Sentinel trigger not accepted",
        "The operator is GreaterThan, LessThan, Equal or NotEqual; the threshold a whole number from 0 to 10,000.";
    /// `suppressionDuration`.
    SUPPRESSION = "SEN-13", "Sentinel suppression outside the service's limits",
        "Suppression lasts between 5 minutes and 24 hours, and at least as long as the time between two runs: a shorter one is over \
         before the next run and suppresses nothing.";
    /// `entityMappings`.
    SENTINEL_ENTITIES = "SEN-14", "Sentinel entity mapping not accepted",
        "At most 10 mappings a rule (entity and Sentinel-entity mappings together), at most 3 identifiers each. Types and identifiers come \
         from Microsoft's closed list, spelled exactly so, and each type needs at least one identifier that tells two entities apart \
         (a FileHash both Algorithm and Value).";
    /// `alertDetailsOverride`.
    ALERT_FORMAT = "SEN-15", "Sentinel alert format not accepted",
        "An alert's name format may have 256 characters and its description format 5,000, each with at most three `{{Column}}` \
         placeholders. Dynamic properties come from a closed list.";
    /// `incidentConfiguration`, `eventGroupingSettings`.
    INCIDENTS = "SEN-16", "Sentinel incident settings not accepted",
        "Grouping looks back between 5 minutes and 7 days. `Selected` needs something to group by, and what it groups by must exist in \
         the rule: an entity type that is mapped, a custom detail that is defined. Events become `SingleAlert` or `AlertPerResult`.";
    /// `alertRuleTemplateName`, `templateVersion`.
    TEMPLATE = "SEN-17", "Sentinel template reference not accepted",
        "`template.version` has the form 1.2.3 with at most 20 characters and only goes with a template name. ML behaviour analytics and \
         threat intelligence rules exist only as instances of a template; Fusion has a single template.";
    /// What only some kinds have.
    KIND = "SEN-18", "Setting does not fit the Sentinel rule's kind",
        "Each kind of analytics rule has its own settings and closed lists, for example the product names of a microsoft-security rule, \
         which are still the old ones.";
    /// `rule_id`.
    SENTINEL_ID = "SEN-19", "Pinned Sentinel rule id not accepted",
        "`sentinel.rule_id` becomes the last segment of an Azure resource id: letters, digits, `-`, `_` and `.`, starting with a letter or \
         digit. Normally it is left out and computed.";
    /// Settings that the stable API drops.
    API_VERSION = "SEN-20", "Setting needs a preview version of the Sentinel API",
        "The stable API versions know only Scheduled, Fusion and MicrosoftSecurityIncidentCreation rules and fewer properties. Remove \
         `sentinel_api_version` from the environment to use the default preview version, or drop the setting.";
    /// `schedule.frequency`.
    FREQUENCY = "XDR-01", "Defender frequency not accepted",
        "Custom detections run continuously (PT0S), every hour (PT1H), 3 hours (PT3H), 12 hours (PT12H) or day (PT24H). Any other frequency, \
         from 5 minutes to 14 days, is accepted only when the query reads nothing but data that was ingested into Sentinel.";
    /// Mandatory columns.
    RESULT_COLUMNS = "XDR-02", "Defender query does not return the columns that identify an event",
        "A custom detection returns Timestamp (or TimeGenerated) as the table has it. For tables of Defender for Endpoint it returns DeviceId and \
         ReportId of the same event too, for Observation tables ObservationId, for other tables except Alert tables ReportId.";
    /// Aggregation.
    SUMMARIZE = "XDR-03", "Aggregation loses the event behind a Defender alert",
        "`summarize` keeps only what it is told to. `summarize arg_max(Timestamp, *), count() by DeviceId` keeps one whole event of each \
         group, with the columns by which Defender finds it; max() and take_any() side by side may each pick another event.";
    /// `PT0S`.
    CONTINUOUS = "XDR-04", "Query not eligible for continuous detection",
        "Continuous rules (`frequency: PT0S`) look at each event as it arrives: one table of a published list, no join, union, lookup, search, \
         externaldata or let. Comments are taken out when the rule is compiled.";
    /// `entityMappings`.
    DEFENDER_ENTITIES = "XDR-07", "Defender entity mapping not accepted",
        "Collections and their members come from a closed list, and each mapping needs a complete combination of columns, for example \
         nameColumn together with ntDomainColumn for an account.";
    /// Response actions and the environment.
    RESPONSE_ACTION = "XDR-08", "Response action not allowed here",
        "Response actions change machines and accounts without asking anybody, so an environment must allow each kind by name under \
         `response_actions: {allow: [...]}`, and a rule should be in production before it carries one.";
    /// `schedule.lookback`.
    LOOKBACK = "XDR-11", "Defender look-back not accepted",
        "`lookback` is at least the frequency, does not exist for continuous rules, and lies between 5 minutes and 30 days: below 48 hours \
         when the rule runs more often than hourly, up to 14 days when it runs more often than daily.";
    /// `id`.
    DEFENDER_ID = "XDR-13", "Pinned Defender rule id not accepted",
        "`defender.rule_id` has 1 to 100 letters, digits, `-` and `_` and starts with a letter; a bare GUID often starts with a digit and \
         then needs a prefix. Normally the id is left out and computed.";
    /// `alertTemplate.tactics`.
    TACTICS_SENT = "XDR-14", "Only the first tactic reaches Defender",
        "Microsoft Graph refuses more than one tactic a rule. The first entry of `attack` is sent; the others still reach Sentinel and \
         the coverage report. Order them so that the main one comes first.";
    /// `{{Column}}` in title and description.
    PLACEHOLDERS = "XDR-15", "Too many dynamic columns in a Defender alert",
        "Documentation allows three `{{Column}}` placeholders in the title and three in the description; the service has been seen to count \
         both together. Use at most three different columns over both.";
    /// `customDetails`.
    DEFENDER_DETAILS = "XDR-16", "Defender custom detail not accepted",
        "At most 20 custom details a rule. When keys and values of an alert exceed 4 KB, the service drops all of them.";
    /// Fields that only the newest beta knows.
    PREVIEW_FIELD = "XDR-17", "Preview field is not switched on",
        "`lookback`, `event_grouping` and `exclude_from_correlation` are in the newest beta of Microsoft Graph only. They are sent where the \
         environment says `defender: {preview_fields: true}`.";
    /// `automatedActions`.
    DEFENDER_ACTIONS = "XDR-18", "Defender response action incomplete",
        "Response actions and their members come from a closed list: every action names the columns that say what to act on, and \
         isolateDevices also `isolationType: full` or `selective`.";
    /// `eventGroupingKind`.
    EVENT_GROUPING = "XDR-19", "Defender event grouping not accepted",
        "`event_grouping` is `alertPerEvent` (the default) or `singleAlert`.";
    /// An asset entity is needed.
    ASSET = "XDR-20", "Defender rule maps no asset",
        "The service refuses a custom detection without an impacted asset: map at least one of hosts, accounts, mailboxes or ips.";
    /// `workspace()`.
    OTHER_WORKSPACE = "XDR-21", "Custom detection reads another workspace",
        "Microsoft Graph refuses custom detections that call workspace(). Tables of the connected workspace are read by their names; rules over \
         other workspaces belong to Sentinel.";
    /// Columns that the alert names.
    DEFENDER_COLUMNS = "XDR-22", "Defender alert names a column that the query does not return",
        "Entity mappings, response actions, custom details and `{{Column}}` placeholders name columns of the query's result; Microsoft Graph refuses \
         a mapping that is not projected. Names are compared with case. Results that cannot be known offline are not checked.";
    /// `data_sources`.
    DATA_SOURCES = "KQL-C12", "Declared data sources differ from the tables that are read",
        "`data_sources` says which connectors a rule needs. It is compared with the tables that the rule's queries name, once it holds the name of \
         a table at all.";
    /// Tactics and techniques.
    ATTACK = "META-02", "ATT&CK reference not accepted",
        "Tactics are spelled as both services spell them (LateralMovement), techniques as T1053 or T1053.005, each once.";
    /// Malformed placeholders.
    PLACEHOLDER_FORM = "META-08", "Malformed placeholder",
        "A placeholder is a column name in double braces: `{{DeviceName}}`. Anything else would appear in the alert as it stands.";
}

//! Properties of alert rules by kind (CONTRACT B.3), as tables.

use crate::sandbox::schema::{Field, Kind, ignored, newer, optional, read_only, required};

/// One rule kind.
#[derive(Debug)]
pub(crate) struct RuleKind {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// Known to stable API versions (CONTRACT B.1).
    pub(crate) stable: bool,
}

pub(crate) const KINDS: &[RuleKind] = &[
    RuleKind { name: "Scheduled", fields: SCHEDULED, stable: true },
    RuleKind { name: "NRT", fields: NRT, stable: false },
    RuleKind { name: "MicrosoftSecurityIncidentCreation", fields: INCIDENT_CREATION, stable: true },
    RuleKind { name: "Fusion", fields: FUSION, stable: true },
    RuleKind { name: "MLBehaviorAnalytics", fields: MACHINE_LEARNING, stable: false },
    RuleKind { name: "ThreatIntelligence", fields: THREAT_INTELLIGENCE, stable: false },
];

pub(crate) const STABLE_VERSIONS: &[&str] = &[
    "2025-09-01",
    "2025-06-01",
    "2025-03-01",
    "2024-09-01",
    "2024-03-01",
    "2023-11-01",
    "2023-02-01",
    "2022-11-01",
];
pub(crate) const PREVIEW_VERSIONS: &[&str] =
    &["2025-10-01-preview", "2025-07-01-preview", "2024-01-01-preview", "2023-12-01-preview"];
pub(crate) const WORKSPACE_VERSIONS: &[&str] =
    &["2025-07-01", "2025-02-01", "2023-09-01", "2022-10-01", "2021-06-01", "2020-08-01"];

/// Template of the one Fusion rule.
pub(crate) const FUSION_TEMPLATE: &str = "f71aba3d-28fb-450b-b192-4e76a83015c8";

const DAY: u64 = 86_400;
const SEVERITY: &[&str] = &["High", "Medium", "Low", "Informational"];
const NAME: Kind = Kind::Text { max: 256 };
const DESCRIPTION: Kind = Kind::Text { max: 5_000 };
const ANY_TEXT: Kind = Kind::Text { max: usize::MAX };
const PERIOD: Kind = Kind::Duration { min: 300, max: 14 * DAY };
const TACTICS: Kind = Kind::List { of: &Kind::OneOf(TACTIC), max: usize::MAX };
const TACTIC: &[&str] = &[
    "Reconnaissance",
    "ResourceDevelopment",
    "InitialAccess",
    "Execution",
    "Persistence",
    "PrivilegeEscalation",
    "DefenseEvasion",
    "CredentialAccess",
    "Discovery",
    "LateralMovement",
    "Collection",
    "Exfiltration",
    "CommandAndControl",
    "Impact",
    "PreAttack",
    "ImpairProcessControl",
    "InhibitResponseFunction",
];
const ENTITY_TYPE: &[&str] = &[
    "Account",
    "AzureResource",
    "CloudApplication",
    "DNS",
    "File",
    "FileHash",
    "Host",
    "IP",
    "MailCluster",
    "MailMessage",
    "Mailbox",
    "Malware",
    "Process",
    "RegistryKey",
    "RegistryValue",
    "SecurityGroup",
    "SubmissionMail",
    "URL",
];
const ALERT_PROPERTY: &[&str] = &[
    "AlertLink",
    "ConfidenceLevel",
    "ConfidenceScore",
    "ExtendedLinks",
    "ProductComponentName",
    "ProductName",
    "ProviderName",
    "RemediationSteps",
    "Techniques",
    "SubTechniques",
];
const PRODUCT: &[&str] = &[
    "Azure Active Directory Identity Protection",
    "Azure Advanced Threat Protection",
    "Azure Security Center",
    "Azure Security Center for IoT",
    "Microsoft Cloud App Security",
    "Microsoft Defender Advanced Threat Protection",
    "Office 365 Advanced Threat Protection",
];
/// Values of productFilter that only preview versions know.
pub(crate) const PREVIEW_PRODUCTS: &[&str] =
    &["Microsoft Defender Advanced Threat Protection", "Office 365 Advanced Threat Protection"];

const SUPPRESSION_DURATION: Field = required("suppressionDuration", Kind::Duration { min: 300, max: DAY });
const QUERY: Field = required("query", Kind::Text { max: 10_000 });
const SEVERITY_FIELD: Field = required("severity", Kind::OneOf(SEVERITY));
const TECHNIQUES: Field = optional(
    "techniques",
    Kind::List { of: &Kind::Form(is_technique, "a technique such as T1053"), max: usize::MAX },
);
const SUB_TECHNIQUES: Field = newer(
    "subTechniques",
    Kind::List { of: &Kind::Form(is_sub_technique, "a sub-technique such as T1053.005"), max: usize::MAX },
);
const CUSTOM_DETAILS: Field = optional("customDetails", Kind::Map { max: 20, key: is_detail_key });
const ENTITY_MAPPINGS: Field =
    optional("entityMappings", Kind::List { of: &Kind::Object(ENTITY_MAPPING), max: 10 });
const SENTINEL_MAPPINGS: Field = newer(
    "sentinelEntitiesMappings",
    Kind::List { of: &Kind::Object(&[required("columnName", ANY_TEXT)]), max: 10 },
);
const ALERT_OVERRIDE: Field = optional("alertDetailsOverride", Kind::Object(OVERRIDE));
const EVENT_GROUPING: Field = optional(
    "eventGroupingSettings",
    Kind::Object(&[required("aggregationKind", Kind::OneOf(&["SingleAlert", "AlertPerResult"]))]),
);
const INCIDENTS: Field = optional("incidentConfiguration", Kind::Object(INCIDENT));
const TEMPLATE: Field = optional("alertRuleTemplateName", ANY_TEXT);
const TEMPLATE_VERSION: Field =
    optional("templateVersion", Kind::Form(is_version, "a version of the form a.b.c"));

const SCHEDULED: &[Field] = &[
    required("queryFrequency", PERIOD),
    required("queryPeriod", PERIOD),
    required("triggerOperator", Kind::OneOf(&["GreaterThan", "LessThan", "Equal", "NotEqual"])),
    required("triggerThreshold", Kind::Integer { min: 0, max: 10_000 }),
    EVENT_GROUPING,
    SEVERITY_FIELD,
    QUERY,
    SUPPRESSION_DURATION,
    required("suppressionEnabled", Kind::Bool),
    INCIDENTS,
    CUSTOM_DETAILS,
    ENTITY_MAPPINGS,
    ALERT_OVERRIDE,
    SENTINEL_MAPPINGS,
    required("displayName", NAME),
    required("enabled", Kind::Bool),
    optional("description", DESCRIPTION),
    optional("tactics", TACTICS),
    TECHNIQUES,
    SUB_TECHNIQUES,
    TEMPLATE,
    TEMPLATE_VERSION,
    ignored("lastModifiedUtc"),
];

const NRT: &[Field] = &[
    EVENT_GROUPING,
    SEVERITY_FIELD,
    QUERY,
    SUPPRESSION_DURATION,
    required("suppressionEnabled", Kind::Bool),
    INCIDENTS,
    CUSTOM_DETAILS,
    ENTITY_MAPPINGS,
    ALERT_OVERRIDE,
    SENTINEL_MAPPINGS,
    required("displayName", NAME),
    required("enabled", Kind::Bool),
    optional("description", DESCRIPTION),
    optional("tactics", TACTICS),
    TECHNIQUES,
    SUB_TECHNIQUES,
    TEMPLATE,
    TEMPLATE_VERSION,
    ignored("lastModifiedUtc"),
];

const INCIDENT_CREATION: &[Field] = &[
    required("productFilter", Kind::OneOf(PRODUCT)),
    optional("severitiesFilter", Kind::List { of: &Kind::OneOf(SEVERITY), max: usize::MAX }),
    optional("displayNamesFilter", Kind::List { of: &ANY_TEXT, max: usize::MAX }),
    optional("displayNamesExcludeFilter", Kind::List { of: &ANY_TEXT, max: usize::MAX }),
    required("displayName", NAME),
    required("enabled", Kind::Bool),
    optional("description", DESCRIPTION),
    TEMPLATE,
    ignored("lastModifiedUtc"),
];

const FUSION: &[Field] = &[
    required("alertRuleTemplateName", ANY_TEXT),
    required("enabled", Kind::Bool),
    newer("sourceSettings", Kind::List { of: &Kind::Object(SOURCE), max: usize::MAX }),
    newer("scenarioExclusionPatterns", Kind::List { of: &Kind::Object(EXCLUSION), max: usize::MAX }),
    read_only("displayName"),
    read_only("description"),
    read_only("severity"),
    read_only("tactics"),
    read_only("techniques"),
    read_only("subTechniques"),
    read_only("lastModifiedUtc"),
];

const MACHINE_LEARNING: &[Field] = &[
    required("alertRuleTemplateName", ANY_TEXT),
    required("enabled", Kind::Bool),
    read_only("displayName"),
    read_only("description"),
    read_only("severity"),
    read_only("tactics"),
    read_only("techniques"),
    read_only("lastModifiedUtc"),
];

/// The specification calls displayName read-only here; the service was seen to demand it.
const THREAT_INTELLIGENCE: &[Field] = &[
    required("alertRuleTemplateName", ANY_TEXT),
    required("displayName", NAME),
    required("enabled", Kind::Bool),
    read_only("description"),
    read_only("severity"),
    read_only("tactics"),
    read_only("techniques"),
    read_only("lastModifiedUtc"),
];

const ENTITY_MAPPING: &[Field] = &[
    required("entityType", Kind::OneOf(ENTITY_TYPE)),
    required("fieldMappings", Kind::List { of: &Kind::Object(FIELD_MAPPING), max: 3 }),
];
const FIELD_MAPPING: &[Field] = &[required("identifier", ANY_TEXT), required("columnName", ANY_TEXT)];

const OVERRIDE: &[Field] = &[
    optional("alertDisplayNameFormat", Kind::Text { max: 256 }),
    optional("alertDescriptionFormat", Kind::Text { max: 5_000 }),
    optional("alertTacticsColumnName", ANY_TEXT),
    optional("alertSeverityColumnName", ANY_TEXT),
    optional(
        "alertDynamicProperties",
        Kind::List {
            of: &Kind::Object(&[
                required("alertProperty", Kind::OneOf(ALERT_PROPERTY)),
                required("value", ANY_TEXT),
            ]),
            max: usize::MAX,
        },
    ),
];

const INCIDENT: &[Field] =
    &[required("createIncident", Kind::Bool), optional("groupingConfiguration", Kind::Object(GROUPING))];
const GROUPING: &[Field] = &[
    required("enabled", Kind::Bool),
    required("reopenClosedIncident", Kind::Bool),
    required("lookbackDuration", Kind::Duration { min: 300, max: 7 * DAY }),
    required("matchingMethod", Kind::OneOf(&["AllEntities", "AnyAlert", "Selected"])),
    optional("groupByEntities", Kind::List { of: &Kind::OneOf(ENTITY_TYPE), max: usize::MAX }),
    optional(
        "groupByAlertDetails",
        Kind::List { of: &Kind::OneOf(&["DisplayName", "Severity"]), max: usize::MAX },
    ),
    optional("groupByCustomDetails", Kind::List { of: &ANY_TEXT, max: usize::MAX }),
];

const SOURCE: &[Field] = &[
    required("sourceName", ANY_TEXT),
    required("enabled", Kind::Bool),
    optional("sourceSubTypes", Kind::List { of: &Kind::Object(SUB_SOURCE), max: usize::MAX }),
];
const SUB_SOURCE: &[Field] = &[
    required("sourceSubTypeName", ANY_TEXT),
    required("enabled", Kind::Bool),
    ignored("sourceSubTypeDisplayName"),
    required("severityFilters", Kind::Object(SEVERITY_FILTERS)),
];
const SEVERITY_FILTERS: &[Field] = &[
    ignored("isSupported"),
    optional(
        "filters",
        Kind::List {
            of: &Kind::Object(&[
                required("severity", Kind::OneOf(SEVERITY)),
                required("enabled", Kind::Bool),
            ]),
            max: usize::MAX,
        },
    ),
];
const EXCLUSION: &[Field] = &[required("exclusionPattern", ANY_TEXT), required("dateAddedInUTC", ANY_TEXT)];

/// Identifiers of each entity type, and which of them it needs: one of the first list, or with `all` every one.
pub(crate) struct EntityIdentifiers {
    pub(crate) entity: &'static str,
    pub(crate) known: &'static [&'static str],
    pub(crate) needed: &'static [&'static str],
    pub(crate) all: bool,
}

const fn entity(
    entity: &'static str,
    known: &'static [&'static str],
    needed: &'static [&'static str],
) -> EntityIdentifiers {
    EntityIdentifiers { entity, known, needed, all: false }
}

/// CONTRACT B.3, entity identifiers. Types that are missing here are not checked.
pub(crate) const IDENTIFIERS: &[EntityIdentifiers] = &[
    entity(
        "Account",
        &[
            "Name",
            "FullName",
            "NTDomain",
            "DnsDomain",
            "UPNSuffix",
            "Sid",
            "AadTenantId",
            "AadUserId",
            "PUID",
            "IsDomainJoined",
            "DisplayName",
            "ObjectGuid",
        ],
        &["FullName", "Sid", "Name", "AadUserId", "PUID", "ObjectGuid"],
    ),
    entity("AzureResource", &["ResourceId"], &["ResourceId"]),
    entity("CloudApplication", &["AppId", "Name", "InstanceName"], &["AppId", "Name"]),
    entity("DNS", &["DomainName"], &["DomainName"]),
    entity("File", &["Directory", "Name"], &["Name"]),
    EntityIdentifiers {
        entity: "FileHash",
        known: &["Algorithm", "Value"],
        needed: &["Algorithm", "Value"],
        all: true,
    },
    entity(
        "Host",
        &[
            "DnsDomain",
            "NTDomain",
            "HostName",
            "FullName",
            "NetBiosName",
            "AzureID",
            "OMSAgentID",
            "OSFamily",
            "OSVersion",
            "IsDomainJoined",
        ],
        &["FullName", "HostName", "NetBiosName", "AzureID", "OMSAgentID"],
    ),
    entity("IP", &["Address", "AddressScope"], &["Address"]),
    entity("Malware", &["Name", "Category"], &["Name"]),
    entity(
        "Process",
        &["ProcessId", "CommandLine", "ElevationToken", "CreationTimeUtc"],
        &["CommandLine", "ProcessId"],
    ),
    entity("RegistryKey", &["Hive", "Key"], &["Hive", "Key"]),
    entity("RegistryValue", &["Name", "Value", "ValueType"], &["Name"]),
    entity(
        "SecurityGroup",
        &["DistinguishedName", "SID", "ObjectGuid"],
        &["DistinguishedName", "SID", "ObjectGuid"],
    ),
    entity("URL", &["Url"], &["Url"]),
];

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_technique(text: &str) -> bool {
    text.strip_prefix('T').is_some_and(|rest| digits(rest, 4))
}

fn is_sub_technique(text: &str) -> bool {
    text.split_once('.').is_some_and(|(parent, child)| is_technique(parent) && digits(child, 3))
}

/// `^[a-zA-Z]+\w*$`, at most 20 characters.
fn is_detail_key(key: &str) -> bool {
    key.len() <= 20
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Three dotted numbers, at most 20 characters.
fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    text.len() <= 20
        && parts.len() == 3
        && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

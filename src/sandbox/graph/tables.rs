//! Properties of custom detections (CONTRACT A.2–A.4), as tables.

use crate::sandbox::schema::{Field, Kind, newer, optional, read_only, required};

const TEXT: Kind = Kind::Text { max: usize::MAX };

/// The resource, as it may be written.
pub(crate) const RULE: &[Field] = &[
    optional("@odata.type", Kind::Form(is_type, "#microsoft.graph.security.detectionRule")),
    required("id", TEXT),
    required("displayName", TEXT),
    optional("description", TEXT),
    required("status", Kind::OneOf(&["enabled", "disabled"])),
    read_only("createdBy"),
    read_only("createdDateTime"),
    read_only("lastModifiedBy"),
    read_only("lastModifiedDateTime"),
    required("queryCondition", Kind::Object(&[required("queryText", TEXT)])),
    required("schedule", Kind::Object(SCHEDULE)),
    required("detectionAction", Kind::Object(ACTION)),
];

/// Properties that the service owns: refused in a PATCH even when they are unchanged (CONTRACT A.5).
pub(crate) const SERVICE_OWNED: &[&str] =
    &["id", "@odata.type", "createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime"];

/// Removed on 2026-10-01 (CONTRACT A.0).
pub(crate) const LEGACY: &[&str] = &[
    "isEnabled",
    "detectorId",
    "lastRunDetails",
    "queryCondition.lastModifiedDateTime",
    "schedule.period",
    "schedule.nextRunDateTime",
    "detectionAction.alertTemplate.category",
    "detectionAction.alertTemplate.mitreTechniques",
    "detectionAction.alertTemplate.impactedAssets",
    "detectionAction.responseActions",
    "detectionAction.organizationalScope.scopeType",
    "detectionAction.organizationalScope.scopeNames",
];

/// Frequencies for queries over Defender tables.
pub(crate) const FREQUENCIES: &[u64] = &[0, 3_600, 10_800, 43_200, 86_400];
/// Bounds of a custom frequency, which only Sentinel data allows (CONTRACT A.3).
pub(crate) const CUSTOM_FREQUENCY: (u64, u64) = (300, 14 * 86_400);

const SCHEDULE: &[Field] = &[
    required("frequency", Kind::Duration { min: 0, max: 14 * 86_400 }),
    newer("lookback", Kind::Duration { min: 300, max: 30 * 86_400 }),
];

const ACTION: &[Field] = &[
    required("alertTemplate", Kind::Object(TEMPLATE)),
    optional("automatedActions", Kind::Object(ACTIONS)),
    optional("organizationalScope", Kind::Object(&[optional("deviceGroups", LIST_OF_TEXT)])),
    newer(
        "incidentConfiguration",
        Kind::Object(&[optional("isExcludedFromIncidentCorrelation", Kind::Bool)]),
    ),
];
const LIST_OF_TEXT: Kind = Kind::List { of: &TEXT, max: usize::MAX };

const TEMPLATE: &[Field] = &[
    required("title", TEXT),
    optional("description", TEXT),
    required("severity", Kind::OneOf(&["informational", "low", "medium", "high"])),
    optional("recommendedActions", TEXT),
    optional("tactics", Kind::List { of: &Kind::Object(TACTIC), max: usize::MAX }),
    optional("entityMappings", Kind::Object(ENTITIES)),
    optional("customDetails", Kind::Map { max: 20, key: is_not_empty }),
    newer("eventGroupingKind", Kind::OneOf(&["alertPerEvent", "singleAlert"])),
];
const TACTIC: &[Field] = &[
    required("tactic", TEXT),
    optional("techniques", Kind::List { of: &Kind::Object(TECHNIQUE), max: usize::MAX }),
];
const TECHNIQUE: &[Field] = &[required("technique", TEXT), optional("subTechniques", LIST_OF_TEXT)];

/// One collection of entity mappings: its name, its members, its name in messages, and the combinations of which one
/// must be complete. Without combinations nothing is known, and nothing is checked.
pub(crate) struct Entity {
    pub(crate) collection: &'static str,
    pub(crate) label: &'static str,
    pub(crate) combinations: &'static [&'static [&'static str]],
}

/// CONTRACT A.5. The labels other than 'User' and 'Machine' are inferred.
pub(crate) const COMBINATIONS: &[Entity] = &[
    Entity {
        collection: "accounts",
        label: "User",
        combinations: &[
            &["aadUserIdColumn"],
            &["sidColumn"],
            &["upnColumn"],
            &["nameColumn", "ntDomainColumn"],
            &["nameColumn", "dnsDomainColumn"],
            &["nameColumn", "upnSuffixColumn"],
        ],
    },
    Entity {
        collection: "hosts",
        label: "Machine",
        combinations: &[
            &["deviceIdColumn"],
            &["nameColumn"],
            &["nameColumn", "ntDomainColumn"],
            &["nameColumn", "dnsDomainColumn"],
            &["netBiosNameColumn", "ntDomainColumn"],
            &["netBiosNameColumn", "dnsDomainColumn"],
        ],
    },
    Entity {
        collection: "files",
        label: "File",
        combinations: &[
            &["sha1Column"],
            &["sha256Column"],
            &["nameColumn", "sha1Column"],
            &["nameColumn", "sha256Column"],
        ],
    },
    Entity {
        collection: "mailMessages",
        label: "MailMessage",
        combinations: &[&["networkMessageIdColumn", "recipientColumn", "senderColumn", "subjectColumn"]],
    },
    Entity {
        collection: "registryValues",
        label: "RegistryValue",
        combinations: &[&["keyColumn", "valueNameColumn"]],
    },
    Entity { collection: "ips", label: "IP", combinations: &[&["addressColumn"]] },
    Entity { collection: "urls", label: "URL", combinations: &[&["addressColumn"]] },
    Entity { collection: "mailboxes", label: "Mailbox", combinations: &[&["primaryAddressColumn"]] },
];

/// One of these collections must not be empty.
pub(crate) const ASSETS: &[&str] = &["hosts", "accounts", "mailboxes", "ips"];

macro_rules! collections {
    ($($name:literal : $($member:literal)+;)+) => {
        &[$( optional($name, Kind::List { of: &Kind::Object(&[$( optional($member, TEXT) ),+]), max: usize::MAX }) ),+]
    };
}

const ENTITIES: &[Field] = collections! {
    "accounts": "aadUserIdColumn" "dnsDomainColumn" "nameColumn" "ntDomainColumn" "sidColumn" "upnColumn" "upnSuffixColumn";
    "amazonResources": "amazonResourceIdColumn";
    "azureResources": "resourceIdColumn";
    "cloudApplications": "appIdColumn" "nameColumn";
    "dns": "domainNameColumn" "hostIpAddressColumn" "serverIpColumn";
    "files": "nameColumn" "sha1Column" "sha256Column";
    "googleCloudResources": "fullResourceNameColumn";
    "hosts": "deviceIdColumn" "dnsDomainColumn" "nameColumn" "netBiosNameColumn" "ntDomainColumn";
    "ips": "addressColumn" "scopeColumn";
    "mailboxes": "primaryAddressColumn";
    "mailClusters": "queryColumn" "sourceColumn";
    "mailMessages": "networkMessageIdColumn" "recipientColumn" "senderColumn" "subjectColumn";
    "oAuthApplications": "oAuthAppIdColumn";
    "processes": "sha1Column" "sha256Column";
    "registryValues": "keyColumn" "valueNameColumn";
    "securityGroups": "distinguishedNameColumn" "objectIdColumn" "sidColumn";
    "urls": "addressColumn";
};

const FILE_ACTION: &[Field] = &[
    optional("sha1Column", TEXT),
    optional("sha256Column", TEXT),
    optional("deviceGroupNames", LIST_OF_TEXT),
];
const DEVICE_ACTION: &[Field] = &[required("deviceIdColumn", TEXT)];
const MAIL_ACTION: &[Field] = &[required("networkMessageIdColumn", TEXT), required("recipientColumn", TEXT)];
const ISOLATION: &[Field] =
    &[required("deviceIdColumn", TEXT), required("isolationType", Kind::OneOf(&["full", "selective"]))];
const QUARANTINE: &[Field] = &[required("deviceIdColumn", TEXT), required("sha1Column", TEXT)];

const fn action(name: &'static str, of: &'static Kind) -> Field {
    optional(name, Kind::List { of, max: usize::MAX })
}

const ACTIONS: &[Field] = &[
    action("allowFiles", &Kind::Object(FILE_ACTION)),
    action("blockFiles", &Kind::Object(FILE_ACTION)),
    action("collectInvestigationPackages", &Kind::Object(DEVICE_ACTION)),
    action("initiateInvestigations", &Kind::Object(DEVICE_ACTION)),
    action("restrictAppExecutions", &Kind::Object(DEVICE_ACTION)),
    action("runAntivirusScans", &Kind::Object(DEVICE_ACTION)),
    action("isolateDevices", &Kind::Object(ISOLATION)),
    action("disableUsers", &Kind::Object(&[required("accountSidColumn", TEXT)])),
    action("forceUserPasswordResets", &Kind::Object(&[required("accountSidColumn", TEXT)])),
    action("markUsersAsCompromised", &Kind::Object(&[required("accountObjectIdColumn", TEXT)])),
    action("hardDeleteEmails", &Kind::Object(MAIL_ACTION)),
    action("softDeleteEmails", &Kind::Object(MAIL_ACTION)),
    action("moveEmailsToInbox", &Kind::Object(MAIL_ACTION)),
    action("moveEmailsToJunk", &Kind::Object(MAIL_ACTION)),
    action("moveEmailsToDeletedItems", &Kind::Object(MAIL_ACTION)),
    action("stopAndQuarantineFiles", &Kind::Object(QUARANTINE)),
];

fn is_type(text: &str) -> bool {
    text == "#microsoft.graph.security.detectionRule"
}

fn is_not_empty(text: &str) -> bool {
    !text.is_empty()
}

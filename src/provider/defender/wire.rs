//! Messages of `security/rules/detectionRules` (CONTRACT A.1–A.4): properties, and the two sets of collections.
//!
//! Rules stay JSON objects: their names are ours already (`resource::Body`).

use crate::provider::fields::Known::{Object, Server, Value};
use crate::provider::fields::Table;

/// The Graph version that is used unless the environment names one; the only one that was observed to work.
pub(crate) const API_VERSION: &str = "beta";

/// Member of a page that leads to the next.
pub(super) const NEXT_LINK: &str = "@odata.nextLink";

/// The properties of a rule.
pub(super) const RULE: Table = &[
    ("displayName", Value),
    ("description", Value),
    ("status", Value),
    ("queryCondition", Object(&[("queryText", Value), ("lastModifiedDateTime", Server)])),
    (
        "schedule",
        Object(&[("frequency", Value), ("lookback", Value), ("period", Server), ("nextRunDateTime", Server)]),
    ),
    (
        "detectionAction",
        Object(&[
            ("alertTemplate", Object(ALERT_TEMPLATE)),
            ("automatedActions", Object(AUTOMATED_ACTIONS)),
            (
                "organizationalScope",
                Object(&[("deviceGroups", Value), ("scopeType", Server), ("scopeNames", Server)]),
            ),
            ("incidentConfiguration", Object(&[("isExcludedFromIncidentCorrelation", Value)])),
            ("responseActions", Server),
        ]),
    ),
    ("id", Server),
    ("createdBy", Server),
    ("createdDateTime", Server),
    ("lastModifiedBy", Server),
    ("lastModifiedDateTime", Server),
    ("isEnabled", Server),
    ("detectorId", Server),
    ("lastRunDetails", Server),
];

const ALERT_TEMPLATE: Table = &[
    ("title", Value),
    ("description", Value),
    ("severity", Value),
    ("recommendedActions", Value),
    ("tactics", Value),
    ("entityMappings", Object(ENTITY_MAPPINGS)),
    ("customDetails", Value),
    ("eventGroupingKind", Value),
    ("category", Server),
    ("mitreTechniques", Server),
    ("impactedAssets", Server),
];

/// The collections of `entityMappings`.
pub(super) const ENTITY_MAPPINGS: Table = &[
    ("accounts", Value),
    ("amazonResources", Value),
    ("azureResources", Value),
    ("cloudApplications", Value),
    ("dns", Value),
    ("files", Value),
    ("googleCloudResources", Value),
    ("hosts", Value),
    ("ips", Value),
    ("mailboxes", Value),
    ("mailClusters", Value),
    ("mailMessages", Value),
    ("oAuthApplications", Value),
    ("processes", Value),
    ("registryValues", Value),
    ("securityGroups", Value),
    ("urls", Value),
];

/// The collections of `automatedActions`.
pub(super) const AUTOMATED_ACTIONS: Table = &[
    ("allowFiles", Value),
    ("blockFiles", Value),
    ("collectInvestigationPackages", Value),
    ("disableUsers", Value),
    ("forceUserPasswordResets", Value),
    ("hardDeleteEmails", Value),
    ("initiateInvestigations", Value),
    ("isolateDevices", Value),
    ("markUsersAsCompromised", Value),
    ("moveEmailsToDeletedItems", Value),
    ("moveEmailsToInbox", Value),
    ("moveEmailsToJunk", Value),
    ("restrictAppExecutions", Value),
    ("runAntivirusScans", Value),
    ("softDeleteEmails", Value),
    ("stopAndQuarantineFiles", Value),
];

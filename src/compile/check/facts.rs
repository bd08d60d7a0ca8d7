//! What the two services accept, as data: closed lists, limits, combinations.
//!
//! Every table says which section of the API contract it comes from (A: Microsoft Graph, B: Sentinel). Only checks read
//! this file; nothing here decides anything.

use crate::duration::IsoDuration;

// --- Sentinel: limits (B.3) -----------------------------------------------------------------------------------------

/// `displayName`, and `alertDisplayNameFormat`.
pub(super) const SENTINEL_NAME: usize = 256;
/// `description`, and `alertDescriptionFormat`.
pub(super) const SENTINEL_DESCRIPTION: usize = 5_000;
/// `queryFrequency` and `queryPeriod`, both bounds included.
pub(super) const SENTINEL_SCHEDULE: (IsoDuration, IsoDuration) =
    (IsoDuration::from_minutes(5), IsoDuration::from_days(14));
/// From this period on ...
pub(super) const SENTINEL_LONG_PERIOD: IsoDuration = IsoDuration::from_days(2);
/// ... the frequency is at least this.
pub(super) const SENTINEL_LONG_PERIOD_FREQUENCY: IsoDuration = IsoDuration::from_hours(1);
/// `triggerThreshold`, from 0.
pub(super) const SENTINEL_THRESHOLD: u32 = 10_000;
/// `suppressionDuration`.
pub(super) const SENTINEL_SUPPRESSION: (IsoDuration, IsoDuration) =
    (IsoDuration::from_minutes(5), IsoDuration::from_hours(24));
/// `groupingConfiguration.lookbackDuration`.
pub(super) const SENTINEL_GROUPING: (IsoDuration, IsoDuration) =
    (IsoDuration::from_minutes(5), IsoDuration::from_days(7));
/// `entityMappings` and `sentinelEntitiesMappings` together.
pub(super) const SENTINEL_MAPPINGS: usize = 10;
/// `fieldMappings` of one entity.
pub(super) const SENTINEL_IDENTIFIERS: usize = 3;
/// `customDetails`, on both services (A.6, B.3).
pub(super) const CUSTOM_DETAILS: usize = 20;
/// A key of Sentinel's `customDetails`.
pub(super) const SENTINEL_DETAIL_KEY: usize = 20;
/// A column of Sentinel's `customDetails`.
pub(super) const SENTINEL_DETAIL_COLUMN: usize = 500;
/// Placeholders of one format (B.3), and of a Defender alert's title and description together (A.5).
pub(super) const PLACEHOLDERS: usize = 3;
/// `templateVersion`.
pub(super) const TEMPLATE_VERSION: usize = 20;
/// A pinned rule id: Azure's usual length of a resource name.
pub(super) const SENTINEL_ID: usize = 260;
/// Alerts of one NRT run before the last becomes a summary (B.8).
pub(super) const NRT_ALERTS: usize = 30;

// --- Sentinel: closed lists (B.3) -----------------------------------------------------------------------------------

// Plain lists of words are the vocabulary of rule files; here stands only what a check must know beyond a word.
pub(super) use crate::model::vocabulary::{
    AGGREGATION_KINDS, ALERT_DETAILS, ALERT_PROPERTIES, EVENT_GROUPING_KINDS, FUSION_TEMPLATE,
    ISOLATION_TYPES, MATCHING_METHODS, TRIGGER_OPERATORS,
};

/// The property of [`ALERT_PROPERTIES`] that stable versions do not know.
pub(super) const ALERT_PROPERTY_PREVIEW: &str = "SubTechniques";

/// A product of `productFilter`.
pub(super) struct Product {
    /// What the API says: the old name.
    pub(super) name: &'static str,
    /// What people say today.
    pub(super) today: &'static str,
    /// Unknown to stable versions.
    pub(super) preview: bool,
}

const fn product(name: &'static str, today: &'static str, preview: bool) -> Product {
    Product { name, today, preview }
}

/// `productFilter` of microsoft-security rules.
pub(super) const PRODUCTS: [Product; 7] = [
    product("Azure Active Directory Identity Protection", "Microsoft Entra ID Protection", false),
    product("Azure Advanced Threat Protection", "Microsoft Defender for Identity", false),
    product("Azure Security Center", "Microsoft Defender for Cloud", false),
    product("Azure Security Center for IoT", "Microsoft Defender for IoT", false),
    product("Microsoft Cloud App Security", "Microsoft Defender for Cloud Apps", false),
    product("Microsoft Defender Advanced Threat Protection", "Microsoft Defender for Endpoint", true),
    product("Office 365 Advanced Threat Protection", "Microsoft Defender for Office 365", true),
];

/// An entity type with its identifiers.
pub(super) struct EntityType {
    /// `entityType`.
    pub(super) name: &'static str,
    /// Every `identifier`.
    pub(super) identifiers: &'static [&'static str],
    /// Those that tell two entities apart.
    pub(super) strong: &'static [&'static str],
    /// All of `strong` are needed instead of any one.
    pub(super) all_of: bool,
}

const fn entity(
    name: &'static str,
    identifiers: &'static [&'static str],
    strong: &'static [&'static str],
) -> EntityType {
    EntityType { name, identifiers, strong, all_of: false }
}

/// Every entity type. `AddressScope` of IP is documented, though Microsoft's own validator does not list it.
pub(super) const ENTITY_TYPES: [EntityType; 18] = [
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
    EntityType {
        name: "FileHash",
        identifiers: &["Algorithm", "Value"],
        strong: &["Algorithm", "Value"],
        all_of: true,
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
    entity(
        "Mailbox",
        &["MailboxPrimaryAddress", "DisplayName", "Upn", "ExternalDirectoryObjectId", "RiskLevel"],
        &["MailboxPrimaryAddress"],
    ),
    entity(
        "MailCluster",
        &[
            "NetworkMessageIds",
            "CountByDeliveryStatus",
            "CountByThreatType",
            "CountByProtectionStatus",
            "Threats",
            "Query",
            "QueryTime",
            "MailCount",
            "IsVolumeAnomaly",
            "Source",
            "ClusterSourceIdentifier",
            "ClusterSourceType",
            "ClusterQueryStartTime",
            "ClusterQueryEndTime",
            "ClusterGroup",
        ],
        &["Query", "Source"],
    ),
    entity(
        "MailMessage",
        &[
            "Recipient",
            "Urls",
            "Threats",
            "Sender",
            "P1Sender",
            "P1SenderDisplayName",
            "P1SenderDomain",
            "SenderIP",
            "P2Sender",
            "P2SenderDisplayName",
            "P2SenderDomain",
            "ReceivedDate",
            "NetworkMessageId",
            "InternetMessageId",
            "Subject",
            "BodyFingerprintBin1",
            "BodyFingerprintBin2",
            "BodyFingerprintBin3",
            "BodyFingerprintBin4",
            "BodyFingerprintBin5",
            "AntispamDirection",
            "DeliveryAction",
            "DeliveryLocation",
            "Language",
            "ThreatDetectionMethods",
        ],
        &["NetworkMessageId", "Recipient"],
    ),
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
    entity(
        "SubmissionMail",
        &[
            "NetworkMessageId",
            "Timestamp",
            "Recipient",
            "Sender",
            "SenderIp",
            "Subject",
            "ReportType",
            "SubmissionId",
            "SubmissionDate",
            "Submitter",
        ],
        &["SubmissionId", "NetworkMessageId", "Recipient", "Submitter"],
    ),
    entity("URL", &["Url"], &["Url"]),
];

/// The entity type of that exact name.
pub(super) fn entity_type(name: &str) -> Option<&'static EntityType> {
    ENTITY_TYPES.iter().find(|entity| entity.name == name)
}

// --- Defender: limits (A.3, A.4) ------------------------------------------------------------------------------------

/// `schedule.frequency`, continuous first.
pub(super) const FREQUENCIES: [IsoDuration; 5] = [
    CONTINUOUS,
    IsoDuration::from_hours(1),
    IsoDuration::from_hours(3),
    IsoDuration::from_hours(12),
    IsoDuration::from_hours(24),
];
/// `PT0S`: near real time.
pub(super) const CONTINUOUS: IsoDuration = IsoDuration::from_seconds(0);
/// Tables that continuous rules may read (A.6): Defender's, then Sentinel's.
pub(super) const CONTINUOUS_TABLES: [&str; 38] = [
    "AlertEvidence",
    "CloudAppEvents",
    "DeviceEvents",
    "DeviceFileCertificateInfo",
    "DeviceFileEvents",
    "DeviceImageLoadEvents",
    "DeviceLogonEvents",
    "DeviceNetworkEvents",
    "DeviceNetworkInfo",
    "DeviceInfo",
    "DeviceProcessEvents",
    "DeviceRegistryEvents",
    "EmailAttachmentInfo",
    "EmailEvents",
    "EmailPostDeliveryEvents",
    "EmailUrlInfo",
    "IdentityDirectoryEvents",
    "IdentityLogonEvents",
    "IdentityQueryEvents",
    "UrlClickEvents",
    "ABAPAuditLog_C",
    "ABAPChangeDocsLog_CL",
    "AuditLogs",
    "AWSCloudTrail",
    "AWSGuardDuty",
    "AzureActivity",
    "CommonSecurityLog",
    "GCPAuditLogs",
    "MicrosoftGraphActivityLogs",
    "OfficeActivity",
    "Okta_CL",
    "OktaV2_CL",
    "ProofpointPOD",
    "ProofPointTAPClicksPermitted_CL",
    "ProofPointTAPMessagesDelivered_CL",
    "SecurityAlert",
    "SecurityEvent",
    "SigninLogs",
];
/// Any other frequency, for queries over Sentinel's data alone.
pub(super) const CUSTOM_FREQUENCY: (IsoDuration, IsoDuration) =
    (IsoDuration::from_minutes(5), IsoDuration::from_days(14));
/// `schedule.lookback`, whatever the frequency.
pub(super) const LOOKBACK: (IsoDuration, IsoDuration) =
    (IsoDuration::from_minutes(5), IsoDuration::from_days(30));
/// Rules that run more often than hourly look back less than this.
pub(super) const LOOKBACK_SUB_HOURLY: IsoDuration = IsoDuration::from_hours(48);
/// Rules that run more often than daily look back at most this.
pub(super) const LOOKBACK_SUB_DAILY: IsoDuration = IsoDuration::from_days(14);
/// `id`.
pub(super) const DEFENDER_ID: usize = 100;

// --- Defender: closed lists (A.4) -----------------------------------------------------------------------------------

/// Collections of which one must be mapped (A.5).
pub(super) const ASSETS: [&str; 4] = ["hosts", "accounts", "mailboxes", "ips"];

/// A collection of `entityMappings`.
pub(super) struct EntityCollection {
    /// Its name.
    pub(super) name: &'static str,
    /// Every member.
    pub(super) members: &'static [&'static str],
    /// Sets of members of which one must be complete (A.5). Empty: unknown, any member will do.
    pub(super) combinations: &'static [&'static [&'static str]],
}

const fn collection(
    name: &'static str,
    members: &'static [&'static str],
    combinations: &'static [&'static [&'static str]],
) -> EntityCollection {
    EntityCollection { name, members, combinations }
}

/// `entityMappings`. Combinations that contain a shorter accepted one are left out: they add nothing.
pub(super) const ENTITY_COLLECTIONS: [EntityCollection; 17] = [
    collection(
        "accounts",
        &[
            "aadUserIdColumn",
            "dnsDomainColumn",
            "nameColumn",
            "ntDomainColumn",
            "sidColumn",
            "upnColumn",
            "upnSuffixColumn",
        ],
        &[
            &["aadUserIdColumn"],
            &["sidColumn"],
            &["upnColumn"],
            &["nameColumn", "ntDomainColumn"],
            &["nameColumn", "dnsDomainColumn"],
            &["nameColumn", "upnSuffixColumn"],
        ],
    ),
    collection("amazonResources", &["amazonResourceIdColumn"], &[]),
    collection("azureResources", &["resourceIdColumn"], &[]),
    collection("cloudApplications", &["appIdColumn", "nameColumn"], &[]),
    collection("dns", &["domainNameColumn", "hostIpAddressColumn", "serverIpColumn"], &[]),
    collection("files", &["nameColumn", "sha1Column", "sha256Column"], &[&["sha1Column"], &["sha256Column"]]),
    collection("googleCloudResources", &["fullResourceNameColumn"], &[]),
    collection(
        "hosts",
        &["deviceIdColumn", "dnsDomainColumn", "nameColumn", "netBiosNameColumn", "ntDomainColumn"],
        &[
            &["deviceIdColumn"],
            &["nameColumn"],
            &["netBiosNameColumn", "ntDomainColumn"],
            &["netBiosNameColumn", "dnsDomainColumn"],
        ],
    ),
    collection("ips", &["addressColumn", "scopeColumn"], &[&["addressColumn"]]),
    collection("mailboxes", &["primaryAddressColumn"], &[&["primaryAddressColumn"]]),
    collection("mailClusters", &["queryColumn", "sourceColumn"], &[]),
    collection(
        "mailMessages",
        &["networkMessageIdColumn", "recipientColumn", "senderColumn", "subjectColumn"],
        &[&["networkMessageIdColumn", "recipientColumn", "senderColumn", "subjectColumn"]],
    ),
    collection("oAuthApplications", &["oAuthAppIdColumn"], &[]),
    collection("processes", &["sha1Column", "sha256Column"], &[]),
    collection("registryValues", &["keyColumn", "valueNameColumn"], &[&["keyColumn", "valueNameColumn"]]),
    collection("securityGroups", &["distinguishedNameColumn", "objectIdColumn", "sidColumn"], &[]),
    collection("urls", &["addressColumn"], &[&["addressColumn"]]),
];

/// A collection of `automatedActions`.
pub(super) struct Action {
    /// Its name.
    pub(super) name: &'static str,
    /// Every member that holds one value.
    pub(super) members: &'static [&'static str],
    /// Members that must be there.
    pub(super) required: &'static [&'static str],
    /// Members of which at least one must be there.
    pub(super) any_of: &'static [&'static str],
    /// Whether it takes `deviceGroupNames`, a list.
    pub(super) device_groups: bool,
}

const fn action(name: &'static str, members: &'static [&'static str]) -> Action {
    Action { name, members, required: members, any_of: &[], device_groups: false }
}

const fn file_action(name: &'static str) -> Action {
    let hashes = &["sha1Column", "sha256Column"];
    Action { name, members: hashes, required: &[], any_of: hashes, device_groups: true }
}

/// `automatedActions`.
pub(super) const ACTIONS: [Action; 16] = [
    file_action("allowFiles"),
    file_action("blockFiles"),
    action("collectInvestigationPackages", &["deviceIdColumn"]),
    action("initiateInvestigations", &["deviceIdColumn"]),
    action("restrictAppExecutions", &["deviceIdColumn"]),
    action("runAntivirusScans", &["deviceIdColumn"]),
    action("isolateDevices", &["deviceIdColumn", "isolationType"]),
    action("disableUsers", &["accountSidColumn"]),
    action("forceUserPasswordResets", &["accountSidColumn"]),
    action("markUsersAsCompromised", &["accountObjectIdColumn"]),
    action("hardDeleteEmails", &["networkMessageIdColumn", "recipientColumn"]),
    action("softDeleteEmails", &["networkMessageIdColumn", "recipientColumn"]),
    action("moveEmailsToInbox", &["networkMessageIdColumn", "recipientColumn"]),
    action("moveEmailsToJunk", &["networkMessageIdColumn", "recipientColumn"]),
    action("moveEmailsToDeletedItems", &["networkMessageIdColumn", "recipientColumn"]),
    action("stopAndQuarantineFiles", &["deviceIdColumn", "sha1Column"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::vocabulary;

    fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        names.into_iter().collect()
    }

    /// The decoder accepts the vocabulary's words, the checks know more about each: neither may have a word alone.
    #[test]
    fn the_rich_tables_have_the_words_of_the_vocabulary() {
        let words = |list: &[&'static str]| list.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(set(ENTITY_TYPES.iter().map(|one| one.name)), words(vocabulary::ENTITY_TYPES));
        assert_eq!(set(PRODUCTS.iter().map(|one| one.name)), words(vocabulary::PRODUCTS));
        let collections = vocabulary::ENTITY_MAPPINGS;
        assert_eq!(ENTITY_COLLECTIONS.len(), collections.len());
        for (name, members) in collections {
            let found = ENTITY_COLLECTIONS.iter().find(|one| one.name == *name);
            assert_eq!(found.map(|one| words(one.members)), Some(words(members)), "{name}");
        }
        assert_eq!(ACTIONS.len(), vocabulary::AUTOMATED_ACTIONS.len());
        for (name, members) in vocabulary::AUTOMATED_ACTIONS {
            let found = ACTIONS.iter().find(|one| one.name == *name);
            let all = found.map(|one| {
                set(one.members.iter().copied().chain(one.device_groups.then_some("deviceGroupNames")))
            });
            assert_eq!(all, Some(words(members)), "{name}");
        }
    }
}

//! The words of both services that a rule file may use. Facts only: CONTRACT A.4 (Defender) and B.3 (Sentinel).

/// `triggerOperator`.
pub const TRIGGER_OPERATORS: &[&str] = &["GreaterThan", "LessThan", "Equal", "NotEqual"];
/// `eventGroupingSettings.aggregationKind`.
pub const AGGREGATION_KINDS: &[&str] = &["SingleAlert", "AlertPerResult"];
/// `groupingConfiguration.matchingMethod`.
pub const MATCHING_METHODS: &[&str] = &["AllEntities", "AnyAlert", "Selected"];
/// `groupByAlertDetails`.
pub const ALERT_DETAILS: &[&str] = &["DisplayName", "Severity"];
/// `alertDynamicProperties[].alertProperty`, the preview one last.
pub const ALERT_PROPERTIES: &[&str] = &[
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
/// Sentinel's `entityType`.
pub const ENTITY_TYPES: &[&str] = &[
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
/// `productFilter`, in the old product names; the last two need the preview API.
pub const PRODUCTS: &[&str] = &[
    "Azure Active Directory Identity Protection",
    "Azure Advanced Threat Protection",
    "Azure Security Center",
    "Azure Security Center for IoT",
    "Microsoft Cloud App Security",
    "Microsoft Defender Advanced Threat Protection",
    "Office 365 Advanced Threat Protection",
];
/// Defender's `eventGroupingKind`.
pub const EVENT_GROUPING_KINDS: &[&str] = &["alertPerEvent", "singleAlert"];
/// `isolateDevices[].isolationType`.
pub const ISOLATION_TYPES: &[&str] = &["full", "selective"];

/// Defender's `entityMappings`: collection and its members, each of which names a column.
pub const ENTITY_MAPPINGS: &[(&str, &[&str])] = &[
    (
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
    ),
    ("amazonResources", &["amazonResourceIdColumn"]),
    ("azureResources", &["resourceIdColumn"]),
    ("cloudApplications", &["appIdColumn", "nameColumn"]),
    ("dns", &["domainNameColumn", "hostIpAddressColumn", "serverIpColumn"]),
    ("files", &["nameColumn", "sha1Column", "sha256Column"]),
    ("googleCloudResources", &["fullResourceNameColumn"]),
    ("hosts", &["deviceIdColumn", "dnsDomainColumn", "nameColumn", "netBiosNameColumn", "ntDomainColumn"]),
    ("ips", &["addressColumn", "scopeColumn"]),
    ("mailboxes", &["primaryAddressColumn"]),
    ("mailClusters", &["queryColumn", "sourceColumn"]),
    ("mailMessages", &["networkMessageIdColumn", "recipientColumn", "senderColumn", "subjectColumn"]),
    ("oAuthApplications", &["oAuthAppIdColumn"]),
    ("processes", &["sha1Column", "sha256Column"]),
    ("registryValues", &["keyColumn", "valueNameColumn"]),
    ("securityGroups", &["distinguishedNameColumn", "objectIdColumn", "sidColumn"]),
    ("urls", &["addressColumn"]),
];

/// Defender's `automatedActions`: collection and its members. All name columns, except `isolationType`
/// ([`ISOLATION_TYPES`]) and `deviceGroupNames` (a list of names).
pub const AUTOMATED_ACTIONS: &[(&str, &[&str])] = &[
    ("allowFiles", &["sha1Column", "sha256Column", "deviceGroupNames"]),
    ("blockFiles", &["sha1Column", "sha256Column", "deviceGroupNames"]),
    ("collectInvestigationPackages", &["deviceIdColumn"]),
    ("disableUsers", &["accountSidColumn"]),
    ("forceUserPasswordResets", &["accountSidColumn"]),
    ("hardDeleteEmails", &["networkMessageIdColumn", "recipientColumn"]),
    ("initiateInvestigations", &["deviceIdColumn"]),
    ("isolateDevices", &["deviceIdColumn", "isolationType"]),
    ("markUsersAsCompromised", &["accountObjectIdColumn"]),
    ("moveEmailsToDeletedItems", &["networkMessageIdColumn", "recipientColumn"]),
    ("moveEmailsToInbox", &["networkMessageIdColumn", "recipientColumn"]),
    ("moveEmailsToJunk", &["networkMessageIdColumn", "recipientColumn"]),
    ("restrictAppExecutions", &["deviceIdColumn"]),
    ("runAntivirusScans", &["deviceIdColumn"]),
    ("softDeleteEmails", &["networkMessageIdColumn", "recipientColumn"]),
    ("stopAndQuarantineFiles", &["deviceIdColumn", "sha1Column"]),
];

/// `alertRuleTemplateName` of the one Fusion rule that every workspace has.
pub const FUSION_TEMPLATE: &str = "f71aba3d-28fb-450b-b192-4e76a83015c8";

//! Every switch of the sandbox: its name, its default, and which open question of the API contract it
//! stands for.
//!
//! A behaviour that nobody has confirmed is never hard-coded: it is a switch here, marked `[UNK]`, so that
//! a test which relies on it says so by name. The table is the documentation: `palisade sandbox switches`
//! prints it.

use super::SandboxError;

/// What `palisade sandbox switches` prints about one switch.
#[derive(Debug, Clone, Copy)]
pub struct SwitchInfo {
    /// The name, as in `--switch NAME=VALUE`.
    pub name: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// Where the behaviour comes from: a section of the API contract, `[UNK]` for an open question.
    pub source: &'static str,
    /// The values it takes, for people.
    pub values: &'static str,
}

/// A type that a switch can have.
trait Setting: Sized {
    const VALUES: &'static str;
    fn read(text: &str) -> Option<Self>;
    fn write(&self) -> String;
}

impl Setting for bool {
    const VALUES: &'static str = "true | false";
    fn read(text: &str) -> Option<Self> {
        match text {
            "true" | "on" | "yes" | "1" => Some(true),
            "false" | "off" | "no" | "0" => Some(false),
            _ => None,
        }
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Setting for u64 {
    const VALUES: &'static str = "a whole number";
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Setting for i64 {
    const VALUES: &'static str = "a whole number, may be negative";
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    const VALUES: &'static str = "text";
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn write(&self) -> String {
        self.clone()
    }
}

/// A comma-separated list.
impl Setting for Vec<String> {
    const VALUES: &'static str = "a list: a,b,c";
    fn read(text: &str) -> Option<Self> {
        Some(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }
    fn write(&self) -> String {
        self.join(",")
    }
}

macro_rules! choice {
    ($(#[doc = $doc:literal])* $name:ident { $( $(#[doc = $vdoc:literal])* $variant:ident = $text:literal, )+ }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $(#[doc = $vdoc])* $variant, )+ }
        impl Setting for $name {
            const VALUES: &'static str = choice!(@join $($text)+);
            fn read(text: &str) -> Option<Self> {
                match text { $( $text => Some(Self::$variant), )+ _ => None }
            }
            fn write(&self) -> String {
                match self { $( Self::$variant => $text, )+ }.to_owned()
            }
        }
    };
    (@join $first:literal $($rest:literal)*) => { concat!($first $(, " | ", $rest)*) };
}

choice! {
    /// Role of the caller on Azure (CONTRACT C.4).
    ArmRole {
        /// Reads and writes rules.
        Contributor = "contributor",
        /// Reads only; a write answers 403 AuthorizationFailed.
        Reader = "reader",
        /// Not even reads.
        None = "none",
    }
}
choice! {
    /// Application permission of the caller on Graph (CONTRACT A.7).
    GraphRole {
        /// `CustomDetection.ReadWrite.All`.
        ReadWrite = "readwrite",
        /// `CustomDetection.Read.All`; a write answers 403.
        Read = "read",
        /// No permission.
        None = "none",
    }
}
choice! {
    /// How a duration that was written comes back.
    Spelling {
        /// Exactly as sent.
        AsSent = "as_sent",
        /// With days where possible: PT24H → P1D.
        Days = "days",
        /// Without days: P1D → PT24H.
        Hours = "hours",
    }
}
choice! {
    /// What an omitted optional property looks like on read.
    Omitted {
        /// Present with value null.
        Null = "null",
        /// Absent.
        Absent = "absent",
    }
}
choice! {
    /// What an empty collection looks like on read.
    Empty {
        /// `[]` as sent.
        AsSent = "as_sent",
        /// null.
        Null = "null",
        /// Absent.
        Absent = "absent",
    }
}
choice! {
    /// What happens to a property the service does not know (or no longer knows).
    Unknown {
        /// 400.
        Refused = "refused",
        /// Silently dropped.
        Ignored = "ignored",
    }
}
choice! {
    /// What a stale `If-Match` header leads to.
    IfMatch {
        /// 412 PreconditionFailed.
        Precondition = "412",
        /// 409 Conflict, as for the etag in the body.
        Conflict = "409",
        /// The header is ignored.
        Ignored = "ignored",
    }
}
choice! {
    /// A status that peers disagree about.
    BadOrConflict {
        /// 400.
        BadRequest = "400",
        /// 409.
        Conflict = "409",
    }
}
choice! {
    /// What happens to the items of a watchlist when content is uploaded over it.
    RawContent {
        /// Items with the same search key are replaced, others are added.
        Upsert = "upsert",
        /// All are replaced.
        Replace = "replace",
        /// All are added.
        Append = "append",
    }
}
choice! {
    /// Order of a list.
    Order {
        /// As created.
        Insertion = "insertion",
        /// Each page backwards: callers must not rely on the order.
        Unstable = "unstable",
    }
}
choice! {
    /// Which Graph versions know `lookback`, `eventGroupingKind` and `incidentConfiguration`.
    Newest {
        /// Neither.
        None = "none",
        /// beta only.
        Beta = "beta",
        /// beta and v1.0.
        Both = "both",
    }
}
choice! {
    /// Line ends of `queryText` on read.
    Newlines {
        /// CRLF, whatever was sent.
        Crlf = "crlf",
        /// As sent.
        AsSent = "as_sent",
    }
}
choice! {
    /// How a PATCH that fails validation answers.
    PatchErrors {
        /// Only `Bad request. Please check your input.`
        Opaque = "opaque",
        /// The reason, as POST gives it.
        Detailed = "detailed",
    }
}
choice! {
    /// How the limit of three dynamic columns is counted.
    Dynamic {
        /// Over title and description together.
        Together = "together",
        /// In each field.
        PerField = "per_field",
        /// Not at all.
        Off = "off",
    }
}

macro_rules! switches {
    ($( $(#[doc = $doc:literal])+ $name:ident : $type:ty = $default:expr, $source:literal; )+) => {
        /// The values of all switches. Set fields directly, or by name with [`Switches::set`].
        #[derive(Debug, Clone, PartialEq)]
        pub struct Switches { $( $(#[doc = $doc])+ pub $name: $type, )+ }

        impl Default for Switches {
            fn default() -> Self {
                Self { $( $name: $default, )+ }
            }
        }

        /// Every switch, in the order of the documentation.
        pub const SWITCHES: &[SwitchInfo] = &[ $( SwitchInfo {
            name: stringify!($name),
            doc: concat!($($doc),+),
            source: $source,
            values: <$type as Setting>::VALUES,
        }, )+ ];

        impl Switches {
            /// Sets one switch from text.
            ///
            /// # Errors
            /// [`SandboxError::Switch`] when there is no such switch or it does not take that value.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), SandboxError> {
                match name {
                    $( stringify!($name) => {
                        self.$name = <$type as Setting>::read(value).ok_or_else(|| SandboxError::Switch(format!(
                            "switch `{}` takes {}, not `{value}`", stringify!($name), <$type as Setting>::VALUES
                        )))?;
                        Ok(())
                    } )+
                    _ => Err(SandboxError::Switch(format!(
                        "there is no switch `{name}`; `palisade sandbox switches` lists them"
                    ))),
                }
            }

            /// Every switch with its value as text, in the order of [`SWITCHES`].
            #[must_use]
            pub fn values(&self) -> Vec<(&'static str, String)> {
                vec![ $( (stringify!($name), Setting::write(&self.$name)), )+ ]
            }
        }
    };
}

switches! {
    /// Milliseconds added to every answer of the emulated services.
    latency_ms: u64 = 0, "-";
    /// Keep request bodies in the request log (and append it to requests.ndjson in the state directory). Bodies of the token endpoint are never kept.
    record_bodies: bool = false, "-";
    /// The sandbox's clock runs this many seconds ahead of (negative: behind) the caller's.
    clock_skew_seconds: i64 = 0, "-";

    /// Tenant (`tid`) of issued tokens; empty: the tenant that was asked. Set it to play a token of the wrong tenant.
    token_tenant: String = String::new(), "C.2";
    /// Tenants the token endpoint knows; empty: any. Another one answers AADSTS90002.
    token_known_tenants: Vec<String> = Vec::new(), "C.2";
    /// Lifetime of access tokens.
    token_lifetime_seconds: u64 = 3599, "C.2";
    /// Accept any client id and secret, instead of the printed ones.
    token_any_client: bool = false, "-";
    /// Subjects that a client assertion may carry; empty: any. Another one answers AADSTS700213.
    token_federated_subjects: Vec<String> = Vec::new(), "C.2";
    /// Certificates of the application, base64 of their DER; a client assertion made with another one answers AADSTS700027.
    token_certificates: Vec<String> = Vec::new(), "C.2";
    /// Subject of the tokens that the OIDC stub issues.
    oidc_subject: String = "repo:acme/detections:ref:refs/heads/main".to_owned(), "C.3";

    /// Role of the caller in Azure.
    arm_role: ArmRole = ArmRole::Contributor, "C.4";
    /// Tenant that every subscription belongs to; empty: any. A token of another tenant answers 401.
    arm_subscription_tenant: String = String::new(), "-";
    /// Is Microsoft Sentinel enabled on the workspaces?
    arm_onboarded: bool = true, "B.7";
    /// Is the subscription registered to Microsoft.SecurityInsights?
    arm_provider_registered: bool = true, "B.7";
    /// Repositories that Sentinel's own Repositories feature deploys from, into every workspace: REPOSITORY, or REPOSITORY:TYPE+TYPE (AnalyticsRule, Playbook, ...).
    arm_repositories: Vec<String> = Vec::new(), "B.13";
    /// Resource groups that do not exist (404 ResourceGroupNotFound).
    arm_missing_resource_groups: Vec<String> = Vec::new(), "B.7";
    /// Workspaces that do not exist (404 ResourceNotFound).
    arm_missing_workspaces: Vec<String> = Vec::new(), "B.7";
    /// Rules per page of a list. The live service was seen to use about 500.
    arm_page_size: u64 = 100, "B.2";
    /// Order of a list.
    arm_list_order: Order = Order::Insertion, "peers 29";
    /// The first reads after a write that still show the old state.
    arm_read_lag: u64 = 0, "peers 29 [UNK]";
    /// Does every workspace hold the built-in Fusion rule?
    arm_fusion_rule: bool = true, "peers 25";
    /// Spelling of durations on read.
    arm_duration_spelling: Spelling = Spelling::AsSent, "B.3 [INF]";
    /// Omitted optional properties on read.
    arm_omitted_optionals: Omitted = Omitted::Null, "B.3";
    /// Empty arrays on read.
    arm_empty_arrays: Empty = Empty::AsSent, "peers 31 [UNK]";
    /// Does the service fill in incidentConfiguration and eventGroupingSettings when they are omitted?
    arm_fill_defaults: bool = true, "peers 31";
    /// Does the envelope carry systemData?
    arm_system_data: bool = true, "B.2 [UNK]";
    /// Does the service return ids in another casing than sent?
    arm_mixed_id_casing: bool = false, "B.1";
    /// Properties outside the schema of a PUT.
    arm_unknown_properties: Unknown = Unknown::Ignored, "B.3 [UNK]";
    /// Does a list at a stable api-version contain NRT rules?
    arm_stable_lists_nrt: bool = false, "B.1, E7 [UNK]";
    /// What a stable api-version does with subTechniques, sentinelEntitiesMappings and Fusion settings in a PUT.
    arm_stable_preview_properties: Unknown = Unknown::Ignored, "B.1, E7 [UNK]";
    /// Must entities and custom details that incidents are grouped by exist in the rule? The documentation says so; an official example does not comply.
    arm_check_grouping: bool = true, "B.3 [UNK]";
    /// A stale If-Match header.
    arm_if_match: IfMatch = IfMatch::Precondition, "B.4, E5 [UNK]";
    /// Seconds for which the id of a deleted rule cannot be used again. Peers report up to 60 minutes and about 24 hours.
    arm_tombstone_seconds: u64 = 3600, "B.5, E6 [UNK]";
    /// Status of the answer to a PUT with a recently deleted id.
    arm_tombstone_status: BadOrConflict = BadOrConflict::Conflict, "B.5, E6 [UNK]";
    /// Error code for a rule that does not exist.
    arm_missing_rule_code: String = "ResourceNotFound".to_owned(), "B.7, E9 [UNK]";
    /// DELETE of a rule that does not exist answers 404 instead of 204.
    arm_delete_missing_404: bool = false, "B.2";
    /// Tables of the workspace; empty: not checked. An enabled rule whose query starts from another table is refused.
    arm_tables: Vec<String> = Vec::new(), "B.6";
    /// Limit of enabled Scheduled rules (1024 on a dedicated cluster).
    arm_limit_scheduled: u64 = 512, "B.8";
    /// Limit of enabled NRT rules.
    arm_limit_nrt: u64 = 50, "B.8";
    /// What a PUT of content over a watchlist that is there does with the items that it has.
    arm_watchlist_content: RawContent = RawContent::Upsert, "B.11 [UNK]";
    /// Reads of a watchlist for which an upload is still under way.
    arm_watchlist_polls: u64 = 0, "B.11";
    /// Send the x-ms-ratelimit-remaining-* headers.
    arm_rate_headers: bool = true, "B.9";
    /// Answer 429 when a token bucket is empty.
    arm_throttle: bool = false, "B.9";
    /// Size of the bucket of reads.
    arm_bucket_reads: u64 = 250, "B.9";
    /// Reads refilled per second.
    arm_refill_reads: u64 = 25, "B.9";
    /// Size of the bucket of writes.
    arm_bucket_writes: u64 = 200, "B.9";
    /// Writes refilled per second.
    arm_refill_writes: u64 = 10, "B.9";
    /// Size of the bucket of deletes.
    arm_bucket_deletes: u64 = 200, "B.9";
    /// Deletes refilled per second.
    arm_refill_deletes: u64 = 10, "B.9";

    /// Permission of the caller on Graph.
    graph_role: GraphRole = GraphRole::ReadWrite, "A.7";
    /// Does v1.0 have detectionRules?
    graph_v1: bool = true, "A.0, E2 [UNK]";
    /// Rules per page of a list.
    graph_page_size: u64 = 50, "A.1, E3 [UNK]";
    /// Order of a list.
    graph_list_order: Order = Order::Insertion, "[UNK]";
    /// The first reads after a write that still show the old state.
    graph_read_lag: u64 = 0, "peers 5 [UNK]";
    /// Properties that were removed on 2026-10-01.
    graph_legacy_properties: Unknown = Unknown::Refused, "A.0, E1 [UNK]";
    /// Rules, by name or id, that are still answered in the shape removed on 2026-10-01 until they are updated through the
    /// API; `*`: all. Properties that the shape has no word for stay in the present one.
    graph_retired_shape: Vec<String> = Vec::new(), "A.0, E1 [UNK]";
    /// Properties that never existed.
    graph_unknown_properties: Unknown = Unknown::Refused, "A.5 [UNK]";
    /// Versions that know lookback, eventGroupingKind and incidentConfiguration.
    graph_newest_properties: Newest = Newest::Beta, "A.4, E4 [UNK]";
    /// Must a rule name a tactic? (Seen until August 2026, not since.)
    graph_tactic_required: bool = false, "A.5";
    /// Must a tactic name a technique? (Seen until August 2026, not since.)
    graph_technique_required: bool = false, "A.5";
    /// Are flat techniques (T1059.001) read back as parent and sub-technique?
    graph_normalise_techniques: bool = true, "A.4";
    /// Does the service drop techniques it does not know?
    graph_drop_unknown_techniques: bool = false, "A.5 [UNK]";
    /// Spelling of schedule.frequency on read.
    graph_frequency_spelling: Spelling = Spelling::AsSent, "A.3";
    /// Line ends of queryText on read.
    graph_query_newlines: Newlines = Newlines::Crlf, "peers 15";
    /// Empty collections on read.
    graph_empty_collections: Empty = Empty::Absent, "A.5 [UNK]";
    /// Do file actions keep only one hash column?
    graph_one_hash_in_file_actions: bool = false, "peers 6 [UNK]";
    /// Is an explicit null for organizationalScope or a collection refused?
    graph_null_refused: bool = true, "A.5 [UNK]";
    /// Errors of PATCH.
    graph_patch_errors: PatchErrors = PatchErrors::Opaque, "A.5";
    /// Check that the query is well formed and that mapped columns are in its last projection.
    graph_check_query: bool = true, "A.5";
    /// Refuse in continuous (PT0S) rules what was seen to be refused: let, comments, join, union, externaldata.
    graph_check_continuous: bool = true, "A.5";
    /// How dynamic columns of title and description are counted against the limit of three.
    graph_dynamic_columns: Dynamic = Dynamic::Together, "A.5";
    /// Seconds for which a deleted rule is still listed, with name and id reserved.
    graph_delete_linger_seconds: u64 = 0, "A.5, E10 [UNK]";
    /// Reads (list or GET) for which a deleted rule is still shown, with name and id reserved.
    graph_delete_linger_reads: u64 = 0, "A.5, E10 [UNK]";
    /// Seconds for which name, title and id of a deleted rule stay reserved after it has disappeared.
    graph_reserved_seconds: u64 = 0, "A.5, E10 [UNK]";
    /// Error code for a rule that does not exist.
    graph_missing_rule_code: String = "NotFound".to_owned(), "A.5, E9 [UNK]";
    /// Answer 429 beyond the per-minute quotas below.
    graph_throttle: bool = false, "A.7 [UNK]";
    /// Creates per minute.
    graph_creates_per_minute: u64 = 10, "peers 17 [UNK]";
    /// Lists per minute.
    graph_lists_per_minute: u64 = 10, "peers 17 [UNK]";
    /// Other calls per minute.
    graph_calls_per_minute: u64 = 100, "peers 17 [UNK]";
    /// Answer 429 to every Nth write; 0: never.
    graph_throttle_every_nth_write: u64 = 0, "D.2";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_can_be_set_to_its_own_value() {
        let mut switches = Switches::default();
        let values = switches.values();
        assert_eq!(values.len(), SWITCHES.len());
        for (name, value) in values {
            switches.set(name, &value).unwrap();
        }
        assert_eq!(switches, Switches::default());
    }

    #[test]
    fn unknown_names_and_values_are_errors_that_say_what_is_allowed() {
        let mut switches = Switches::default();
        assert!(switches.set("nonsense", "1").unwrap_err().to_string().contains("no switch `nonsense`"));
        let error = switches.set("arm_if_match", "418").unwrap_err().to_string();
        assert_eq!(error, "switch `arm_if_match` takes 412 | 409 | ignored, not `418`");
        assert_eq!(switches, Switches::default());
    }

    #[test]
    fn every_switch_is_documented() {
        for info in SWITCHES {
            assert!(info.doc.trim().len() > 10, "{}", info.name);
            assert!(!info.source.is_empty(), "{}", info.name);
        }
    }
}

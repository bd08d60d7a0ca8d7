//! What a refusal means and what to do about it: a table, and nothing else.
//!
//! Facts: CONTRACT A.5, A.7, B.4–B.7, B.9, C.2, C.4. The first row whose conditions all hold decides. Texts are compared
//! without case. What the world says about tokens has a table of its own; what it says about the network is in
//! `obstacle`.

use crate::address::Platform;
use crate::provider::ErrorKind;

/// One row.
pub(super) struct Row {
    platform: Option<Platform>,
    status: &'static [u16],
    /// Any of these error codes; empty: whatever it is.
    code: &'static [&'static str],
    /// Any of these in the message; empty: whatever it is.
    text: &'static [&'static str],
    /// What it means.
    pub(super) kind: ErrorKind,
    /// The next step.
    pub(super) help: Option<&'static str>,
}

/// The row for a refusal.
pub(super) fn for_refusal(
    platform: Platform,
    status: u16,
    code: &str,
    message: &str,
) -> Option<&'static Row> {
    let (code, message) = (code.to_ascii_lowercase(), message.to_ascii_lowercase());
    ROWS.iter().find(|row| {
        row.platform.is_none_or(|wanted| wanted == platform)
            && (row.status.is_empty() || row.status.contains(&status))
            && (row.code.is_empty() || row.code.iter().any(|wanted| wanted.eq_ignore_ascii_case(&code)))
            && (row.text.is_empty() || row.text.iter().any(|wanted| message.contains(wanted)))
    })
}

/// The hint for what the command line tools say.
pub(super) fn for_tool(words: &str) -> Option<&'static str> {
    let words = words.to_ascii_lowercase();
    TOOLS.iter().find(|(said, _)| words.contains(said)).map(|(_, help)| *help)
}

/// The hint for an Entra error (`AADSTS…`) somewhere in a message.
pub(super) fn for_entra(message: &str) -> Option<&'static str> {
    let digits: String = message.split("AADSTS").nth(1)?.chars().take_while(char::is_ascii_digit).collect();
    ENTRA.iter().find(|(codes, _)| codes.contains(&digits.as_str())).map(|(_, help)| *help)
}

const SENTINEL: Option<Platform> = Some(Platform::Sentinel);
const DEFENDER: Option<Platform> = Some(Platform::Defender);

const ROWS: &[Row] = &[
    row(
        None,
        &[401],
        &[],
        &[],
        ErrorKind::Unauthenticated,
        Some(
            "the token was not accepted: sign in again (`az login`), or check the credential's variables, or name one with `--credential`",
        ),
    ),
    row(
        SENTINEL,
        &[],
        &[],
        &["was recently deleted"],
        ErrorKind::RecentlyDeleted,
        Some(
            "Sentinel keeps the id of a deleted rule for up to a day: apply again later, or give the rule another id",
        ),
    ),
    row(
        SENTINEL,
        &[409, 412],
        &[],
        &["etag", "precondition"],
        ErrorKind::Conflict,
        Some("somebody changed the rule after the plan was made: plan again and look at the difference"),
    ),
    row(
        SENTINEL,
        &[412],
        &[],
        &[],
        ErrorKind::Conflict,
        Some("somebody changed the rule after the plan was made: plan again and look at the difference"),
    ),
    row(
        SENTINEL,
        &[],
        &[],
        &["is not onboarded to microsoft sentinel"],
        ErrorKind::TargetMissing,
        Some(
            "switch Microsoft Sentinel on for this workspace (portal, or the onboardingStates API), or correct `sentinel:` in the environment file",
        ),
    ),
    row(SENTINEL, &[], &["MissingSubscriptionRegistration"], &[], ErrorKind::TargetMissing, Some(REGISTER)),
    row(
        SENTINEL,
        &[],
        &[],
        &["not registered to 'microsoft.securityinsights'", "not registered to use namespace"],
        ErrorKind::TargetMissing,
        Some(REGISTER),
    ),
    row(
        SENTINEL,
        &[],
        &["InvalidApiVersionParameter", "NoRegisteredProviderFound", "UnsupportedApiVersion"],
        &[],
        ErrorKind::Rejected,
        Some(
            "the service does not know this API version for alert rules: correct `sentinel_api_version` in the environment file",
        ),
    ),
    row(
        SENTINEL,
        &[],
        &["SubscriptionNotFound", "InvalidSubscriptionId"],
        &[],
        ErrorKind::TargetMissing,
        Some(
            "no such subscription in this tenant, or this identity cannot see it: check `subscription` in the environment file",
        ),
    ),
    row(
        SENTINEL,
        &[],
        &["ResourceGroupNotFound"],
        &[],
        ErrorKind::TargetMissing,
        Some("no such resource group in the subscription: check `resource_group` in the environment file"),
    ),
    row(SENTINEL, &[404], &[], &["alertrules"], ErrorKind::NotFound, Some(GONE)),
    row(SENTINEL, &[404], &["ParentResourceNotFound"], &[], ErrorKind::TargetMissing, Some(WORKSPACE)),
    row(
        SENTINEL,
        &[404],
        &[],
        &["microsoft.operationalinsights/workspaces", "workspace"],
        ErrorKind::TargetMissing,
        Some(WORKSPACE),
    ),
    row(
        SENTINEL,
        &[403, 409],
        &["ScopeLocked"],
        &[],
        ErrorKind::Rejected,
        Some(
            "a lock on the workspace, resource group or subscription forbids it: remove the lock, or let its owner do it",
        ),
    ),
    row(
        SENTINEL,
        &[403],
        &["RequestDisallowedByPolicy"],
        &[],
        ErrorKind::Rejected,
        Some("an Azure Policy forbids it: ask the policy's owner"),
    ),
    row(
        SENTINEL,
        &[400],
        &[],
        &[
            "failed to run the analytics rule query",
            "failedtoresolve",
            "semanticerror",
            "the given column",
            "could not be found",
        ],
        ErrorKind::Rejected,
        Some(
            "the workspace cannot run the query: a table, column or function is missing there (connect the data source, or leave the rule out of this environment)",
        ),
    ),
    row(
        SENTINEL,
        &[400],
        &[],
        &["read-only property"],
        ErrorKind::Rejected,
        Some("the service owns this property for this kind of rule: take it out of the rule file"),
    ),
    row(
        DEFENDER,
        &[409],
        &[],
        &[],
        ErrorKind::Conflict,
        Some(
            "name, alert title and id must each be unique in the tenant, and a deleted rule keeps all three reserved, for hours at times: rename the rule, or apply again later",
        ),
    ),
    row(
        SENTINEL,
        &[409],
        &[],
        &[],
        ErrorKind::Conflict,
        Some("plan again; if it stays, look at the rule in the portal"),
    ),
    row(
        DEFENDER,
        &[400, 404],
        &[],
        &["resource not found for the segment", "invalid version"],
        ErrorKind::TargetMissing,
        Some(
            "this Graph version has no custom detections here: set `api_version: beta` under `defender:`; custom detections are documented for the public cloud only",
        ),
    ),
    row(
        DEFENDER,
        &[400],
        &[],
        &["please check your input"],
        ErrorKind::Rejected,
        Some(
            "the service gives no reason for updates; the usual ones are a column that the query does not return, FileProfile() columns without column_ifexists(), and a title or name that is taken",
        ),
    ),
    row(
        DEFENDER,
        &[400],
        &[],
        &["syntax error", "semantic error", "could not be parsed"],
        ErrorKind::Rejected,
        Some(
            "run the rendered query (`palisade render`) in Advanced Hunting: it must run there as it stands",
        ),
    ),
    row(
        DEFENDER,
        &[400],
        &[],
        &["not projected by the query"],
        ErrorKind::Rejected,
        Some("project these columns at the end of the query, or correct `entities`"),
    ),
    row(None, &[404], &[], &[], ErrorKind::NotFound, Some(GONE)),
    row(
        None,
        &[429],
        &[],
        &[],
        ErrorKind::Throttled,
        Some(
            "the service's quota is used up: wait a few minutes and run again, with a lower `--parallelism`",
        ),
    ),
    row(
        None,
        &[408, 500, 502, 503, 504],
        &[],
        &[],
        ErrorKind::Unavailable,
        Some("the service failed: run again in a few minutes; nothing needs to be undone"),
    ),
    row(None, &[400, 413, 422], &[], &[], ErrorKind::Rejected, None),
    row(
        None,
        &[407],
        &[],
        &[],
        ErrorKind::Unavailable,
        Some("the proxy wants credentials: put them into HTTPS_PROXY"),
    ),
    row(
        None,
        &[301, 302, 303, 307, 308],
        &[],
        &[],
        ErrorKind::Protocol,
        Some(
            "something answers in place of the service, often a proxy's sign-in page; redirects are never followed, because the token would go along",
        ),
    ),
];

const GONE: &str =
    "it was deleted after the plan was made, or the service still lists what it no longer has: plan again";
const REGISTER: &str =
    "register the resource provider: `az provider register --namespace Microsoft.SecurityInsights`";
const WORKSPACE: &str = "no such Log Analytics workspace there: check `workspace`, `resource_group` and `subscription` in the environment file";

const ENTRA: &[(&[&str], &str)] = &[
    (&["7000215"], "AZURE_CLIENT_SECRET is wrong: use the secret's value, not its id"),
    (
        &["7000222"],
        "the client secret has expired: make a new one, or better use workload identity federation",
    ),
    (
        &["700016"],
        "no such application in this tenant: check AZURE_CLIENT_ID and the environment's `tenant_id`",
    ),
    (&["90002", "900021", "900023"], "no such tenant: check `tenant_id` in the environment file"),
    (
        &["700213", "70021"],
        "no federated credential of the application matches: add one with exactly the subject in the message",
    ),
    (
        &["700212"],
        "the federated credential expects another audience: it should be api://AzureADTokenExchange in the public cloud",
    ),
    (&["700211"], "the federated credential expects another issuer: compare it with the pipeline's"),
    (
        &["700024"],
        "the assertion has expired or is not valid yet: set the clock of this machine right, and write the token file right before the run",
    ),
    (
        &["700027"],
        "the application does not know this certificate, or it has expired: upload the certificate (without its key) under `Certificates & secrets` of the application",
    ),
    (&["700021"], "the assertion was made for another application: check AZURE_CLIENT_ID"),
    (&["7000112"], "the application is disabled in Entra"),
    (&["500011"], "the service has no principal in this tenant: check `cloud` and `tenant_id`"),
    (&["65001"], "the application needs an administrator's consent in this tenant"),
    (
        &["53003", "530003"],
        "Conditional Access forbids this sign-in: use a workload identity, or sign in from a compliant device",
    ),
    (
        &["50076", "50079", "50158", "50074"],
        "sign in again with a second factor: `az login --tenant <tenant_id>`",
    ),
    (
        &["700082", "70043", "50173", "70008", "50078"],
        "the sign-in has expired: `az login --tenant <tenant_id>`",
    ),
    (
        &["50020", "90072"],
        "this account is not in that tenant: `az login --tenant <tenant_id>` with one that is",
    ),
];

const TOOLS: &[(&str, &str)] = &[
    ("az not found", "install the Azure CLI, then `az login --tenant <tenant_id>`"),
    ("azd not found", "install the Azure Developer CLI, then `azd auth login --tenant-id <tenant_id>`"),
    ("azd auth login", "sign in with `azd auth login --tenant-id <tenant_id>`"),
    ("az login", "sign in with `az login --tenant <tenant_id>`"),
    ("not logged in", "sign in again"),
];

const fn row(
    platform: Option<Platform>,
    status: &'static [u16],
    code: &'static [&'static str],
    text: &'static [&'static str],
    kind: ErrorKind,
    help: Option<&'static str>,
) -> Row {
    Row { platform, status, code, text, kind, help }
}

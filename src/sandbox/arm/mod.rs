//! Azure Resource Manager: alert rules of Microsoft Sentinel (CONTRACT B), and the few neighbours that a client asks first.
//!
//! Start with [`answer`], which checks in the order the real service does; [`rules`] writes and deletes, [`check`] objects,
//! [`read`] shows, [`tables`] holds the properties. [`watchlists`] are a resource of their own, and
//! [`workspace`] is the workspace below: its tables and functions; [`access`] is what is asked before any of it.

mod access;
pub(crate) mod check;
pub(crate) mod read;
pub(crate) mod rules;
pub(crate) mod tables;
mod watchlists;
mod workspace;

use axum::http::Method;
use serde_json::json;

use super::answer::Twist;
use super::http::{Call, Reply};
use super::switches::ArmRole;
use super::token::Caller;
use super::world::World;
use tables::{PREVIEW_VERSIONS, STABLE_VERSIONS, WORKSPACE_VERSIONS};

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) subscription: String,
    pub(crate) group: String,
    pub(crate) name: String,
}

impl Workspace {
    /// Name of its shelf.
    pub(crate) fn shelf(&self) -> String {
        format!("sentinel:{}/{}/{}", self.subscription, self.group, self.name).to_lowercase()
    }

    pub(crate) fn from_shelf(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix("sentinel:")?.split('/').map(str::to_owned);
        Some(Self { subscription: parts.next()?, group: parts.next()?, name: parts.next()? })
    }

    /// The workspace's own GUID, which error messages name.
    pub(crate) fn customer_id(&self) -> String {
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, self.shelf().as_bytes()).to_string()
    }

    pub(crate) fn path(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.OperationalInsights/workspaces/{}",
            self.subscription, self.group, self.name
        )
    }
}

/// Answers a request whose token is good.
pub(crate) fn answer(world: &mut World, call: &Call, caller: &Caller, twist: &Twist) -> Reply {
    let headers = match take_tokens(world, call) {
        Ok(headers) => headers,
        Err(throttled) => return throttled,
    };
    let mut reply = route(world, call, caller, twist);
    reply.headers.extend(headers);
    reply
}

/// 403 as the service words it for a caller without the role.
pub(crate) fn forbidden(call: &Call, caller: &Caller) -> Reply {
    let verb = match call.method {
        Method::GET => "read",
        Method::DELETE => "delete",
        _ => "write",
    };
    let action = match call.segments.get(9).map(|s| s.to_lowercase()).as_deref() {
        Some("microsoft.securityinsights") => {
            format!(
                "Microsoft.SecurityInsights/{}/{verb}",
                call.segments.get(10).map_or("alertRules", String::as_str)
            )
        }
        _ => format!("Microsoft.OperationalInsights/workspaces/{verb}"),
    };
    let message = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        caller.app_id, caller.object_id, call.path
    );
    Reply::cloud_error(403, "AuthorizationFailed", &message)
}

fn route(world: &mut World, call: &Call, caller: &Caller, twist: &Twist) -> Reply {
    let segment = |index: usize| call.segment(index).to_lowercase();
    let shape = (segment(2), segment(4), segment(5), segment(6));
    let workspace_path = call.segments.len() >= 8
        && shape
            == (
                "resourcegroups".to_owned(),
                "providers".to_owned(),
                "microsoft.operationalinsights".to_owned(),
                "workspaces".to_owned(),
            );
    if !workspace_path {
        return Reply::cloud_error(404, "NotFound", "The resource type could not be found in the namespace.");
    }
    let workspace = Workspace {
        subscription: call.segment(1).to_owned(),
        group: call.segment(3).to_owned(),
        name: call.segment(7).to_owned(),
    };
    let insights = segment(9) == "microsoft.securityinsights";
    let preview = match api_version(call, insights) {
        Ok(preview) => preview,
        Err(reply) => return reply,
    };
    let role = world.switches.arm_role;
    if segment(9) == "microsoft.authorization" && segment(10) == "permissions" && call.segments.len() == 11 {
        return access::permissions(call, role);
    }
    if role == ArmRole::None || (role == ArmRole::Reader && call.is_write()) {
        return forbidden(call, caller);
    }
    if let Some(missing) = missing_scope(world, &workspace) {
        return missing;
    }
    if call.segments.len() == 8 && call.method == Method::GET {
        return Reply::json(200, &workspace_resource(&workspace));
    }
    if call.segments.len() == 9 && call.method == Method::GET {
        match segment(8).as_str() {
            "tables" => return workspace::tables(world, &workspace),
            "savedsearches" => return workspace::saved_searches(&workspace),
            _ => {}
        }
    }
    if !insights {
        return Reply::cloud_error(404, "NotFound", "The resource type could not be found in the namespace.");
    }
    if !world.switches.arm_provider_registered {
        let message = format!(
            "The subscription '{}' is not registered to 'Microsoft.SecurityInsights'.",
            workspace.subscription
        );
        return Reply::cloud_error(400, "BadRequest", &message);
    }
    match (segment(10).as_str(), call.segments.len()) {
        ("onboardingstates", 12) => access::onboarding_state(world, call, &workspace),
        ("sourcecontrols", 11) if !world.switches.arm_onboarded => not_onboarded(&workspace),
        ("sourcecontrols", 11) => access::source_controls(world, call, &workspace),
        ("alertrules", 11 | 12) if !world.switches.arm_onboarded => not_onboarded(&workspace),
        ("watchlists", 11..=14) if !world.switches.arm_onboarded => not_onboarded(&workspace),
        ("watchlists", 11..=14) => watchlists::answer(world, call, &workspace),
        ("alertrules", 11) if call.method == Method::GET => {
            read::list(world, call, &workspace, preview, twist)
        }
        ("alertrules", 12) => match call.method {
            Method::GET => read::get(world, call, &workspace, preview, twist),
            Method::PUT => rules::put(world, call, &workspace, preview, twist),
            Method::DELETE => rules::delete(world, call, &workspace),
            _ => {
                Reply::cloud_error(405, "MethodNotAllowed", "The HTTP method is not supported at this path.")
            }
        },
        _ => Reply::cloud_error(404, "NotFound", "The sandbox does not emulate this resource type."),
    }
}

/// Is it a preview version? Or the error.
fn api_version(call: &Call, insights: bool) -> Result<bool, Reply> {
    let Some(version) = call.query("api-version").filter(|v| !v.is_empty()) else {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(Reply::cloud_error(400, "MissingApiVersionParameter", message));
    };
    let known: Vec<&str> = if insights {
        [STABLE_VERSIONS, PREVIEW_VERSIONS].concat()
    } else if call.segment(9).eq_ignore_ascii_case("microsoft.authorization") {
        access::VERSIONS.to_vec()
    } else {
        WORKSPACE_VERSIONS.to_vec()
    };
    if known.contains(&version) {
        return Ok(version.ends_with("-preview"));
    }
    let message =
        format!("The api-version '{version}' is invalid. The supported versions are '{}'.", known.join(","));
    Err(Reply::cloud_error(400, "InvalidApiVersionParameter", &message))
}

fn missing_scope(world: &World, workspace: &Workspace) -> Option<Reply> {
    let named = |list: &[String], name: &str| list.iter().any(|item| item.eq_ignore_ascii_case(name));
    if named(&world.switches.arm_missing_resource_groups, &workspace.group) {
        let message = format!("Resource group '{}' could not be found.", workspace.group);
        return Some(Reply::cloud_error(404, "ResourceGroupNotFound", &message));
    }
    if named(&world.switches.arm_missing_workspaces, &workspace.name) {
        let message = format!(
            "The Resource 'Microsoft.OperationalInsights/workspaces/{}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            workspace.name, workspace.group
        );
        return Some(Reply::cloud_error(404, "ResourceNotFound", &message));
    }
    None
}

fn workspace_resource(workspace: &Workspace) -> serde_json::Value {
    let customer = workspace.customer_id();
    json!({
        "id": workspace.path(), "name": workspace.name, "type": "Microsoft.OperationalInsights/workspaces",
        "location": "westeurope", "tags": {},
        "properties": {"customerId": customer, "provisioningState": "Succeeded", "sku": {"name": "PerGB2018"}, "retentionInDays": 90},
    })
}

/// The message is itself a JSON document, as observed (CONTRACT B.7).
fn not_onboarded(workspace: &Workspace) -> Reply {
    let message = format!(
        "Workspace '{}' is not onboarded to Microsoft Sentinel. Please onboard through the portal or use the OnboardingStates ARM api to onboard to Sentinel.",
        workspace.name
    );
    let inner = json!({"error": {"code": "BadRequest", "message": message}}).to_string();
    Reply::cloud_error(400, "BadRequest", &inner)
}

/// Takes from the buckets of the request's class; the headers to send, or 429.
fn take_tokens(world: &mut World, call: &Call) -> Result<Vec<(&'static str, String)>, Reply> {
    let switches = &world.switches;
    let (class, words, size, refill, names) = match call.method {
        Method::GET | Method::HEAD => {
            ("reads", "Read", switches.arm_bucket_reads, switches.arm_refill_reads, READS)
        }
        Method::DELETE => {
            ("deletes", "Delete", switches.arm_bucket_deletes, switches.arm_refill_deletes, DELETES)
        }
        _ => ("writes", "Write", switches.arm_bucket_writes, switches.arm_refill_writes, WRITES),
    };
    let (headers, enforced) = (switches.arm_rate_headers, switches.arm_throttle);
    let (now, subscription) = (world.now_ms(), call.segment(1).to_lowercase());
    if !enforced {
        // What is not enforced is not used up either, so that nobody who follows the headers is slowed down.
        world.throttle.refill(&subscription);
    }
    let own = world.throttle.take(&format!("{subscription}/{class}"), size, refill, now);
    let global = world.throttle.take(&format!("{subscription}/global/{class}"), size * 15, refill * 15, now);
    let mut out = Vec::new();
    if headers {
        out.push((names[0], own.remaining.to_string()));
        out.push((names[1], global.remaining.to_string()));
    }
    match own.retry_after.or(global.retry_after).filter(|_| enforced) {
        None => Ok(out),
        Some(seconds) => {
            let message = format!(
                "The request is being throttled as the limit has been reached for operation type - {words}. For more information, see - https://aka.ms/srpthrottlinglimits"
            );
            let mut reply = Reply::cloud_error(429, "TooManyRequests", &message);
            reply.headers.extend(out);
            Err(reply.header("retry-after", seconds.to_string()))
        }
    }
}

const READS: [&str; 2] =
    ["x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-subscription-global-reads"];
const WRITES: [&str; 2] =
    ["x-ms-ratelimit-remaining-subscription-writes", "x-ms-ratelimit-remaining-subscription-global-writes"];
const DELETES: [&str; 2] =
    ["x-ms-ratelimit-remaining-subscription-deletes", "x-ms-ratelimit-remaining-subscription-global-deletes"];

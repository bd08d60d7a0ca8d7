//! What somebody asks before deploying: is Sentinel on, what may I do here, does anything else deploy to this workspace.
//! (CONTRACT B.13 and C.4; permissions are those of `Microsoft.Authorization`.) Reads only.

use axum::http::Method;
use serde_json::{Value, json};

use super::Workspace;
use crate::sandbox::http::{Call, Reply};
use crate::sandbox::switches::ArmRole;
use crate::sandbox::world::World;

/// Versions of `Microsoft.Authorization/permissions`.
pub(super) const VERSIONS: &[&str] = &["2015-07-01", "2018-07-01", "2022-04-01"];

/// `GET …/onboardingStates/default`.
pub(super) fn onboarding_state(world: &World, call: &Call, workspace: &Workspace) -> Reply {
    if call.method != Method::GET {
        return reads_only();
    }
    if !world.switches.arm_onboarded {
        return Reply::cloud_error(404, "ResourceNotFound", "Resource was not found.");
    }
    Reply::json(
        200,
        &json!({
            "id": format!("{}/providers/Microsoft.SecurityInsights/onboardingStates/default", workspace.path()),
            "name": "default", "type": "Microsoft.SecurityInsights/onboardingStates",
            "properties": {"customerManagedKey": false},
        }),
    )
}

/// `GET …/providers/Microsoft.Authorization/permissions`: what the caller may do. Who may nothing gets an empty list.
pub(super) fn permissions(call: &Call, role: ArmRole) -> Reply {
    if call.method != Method::GET {
        return reads_only();
    }
    let actions: &[&str] = match role {
        ArmRole::Contributor => &[
            "Microsoft.SecurityInsights/*",
            "Microsoft.OperationalInsights/workspaces/*/read",
            "Microsoft.OperationalInsights/workspaces/savedSearches/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        ArmRole::Reader => &[
            "Microsoft.SecurityInsights/*/read",
            "Microsoft.OperationalInsights/workspaces/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        ArmRole::None => &[],
    };
    let granted = json!({
        "actions": actions, "notActions": ["Microsoft.SecurityInsights/ConfidentialWatchlists/*"],
        "dataActions": [], "notDataActions": [],
    });
    let all = if actions.is_empty() { Vec::new() } else { vec![granted] };
    Reply::json(200, &json!({ "value": all }))
}

/// `GET …/sourcecontrols`: the connections of Sentinel's Repositories feature, from the switch `arm_repositories`.
pub(super) fn source_controls(world: &World, call: &Call, workspace: &Workspace) -> Reply {
    if call.method != Method::GET {
        return reads_only();
    }
    let all: Vec<Value> =
        world.switches.arm_repositories.iter().map(|text| source_control(text, workspace)).collect();
    Reply::json(200, &json!({ "value": all }))
}

fn source_control(text: &str, workspace: &Workspace) -> Value {
    let (name, types) = text.rsplit_once(':').unwrap_or((text, "AnalyticsRule"));
    let types: Vec<&str> = types.split('+').collect();
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.as_bytes()).to_string();
    json!({
        "id": format!("{}/providers/Microsoft.SecurityInsights/sourcecontrols/{id}", workspace.path()),
        "name": id, "type": "Microsoft.SecurityInsights/sourcecontrols",
        "etag": "\"0\"",
        "properties": {
            "id": id, "displayName": name, "description": "", "repoType": "Github", "contentTypes": types,
            "repository": {
                "url": format!("https://github.com/{name}"), "displayUrl": format!("https://github.com/{name}"),
                "branch": "main", "pathMapping": [],
            },
            "version": "V2",
        },
    })
}

fn reads_only() -> Reply {
    Reply::cloud_error(405, "MethodNotAllowed", "The sandbox only reads this resource type.")
}

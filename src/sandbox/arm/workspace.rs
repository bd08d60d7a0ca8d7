//! The workspace that Sentinel lies on: its tables and its functions, as much as somebody who reads schemas asks for.

use serde_json::{Value, json};

use super::Workspace;
use crate::sandbox::http::Reply;
use crate::sandbox::world::World;

/// Names and types.
type Columns = &'static [(&'static str, &'static str)];

/// Name, kind, columns of its own. Types are the metadata's words, not those of queries.
const TABLES: &[(&str, &str, Columns)] = &[
    (
        "Heartbeat",
        "Microsoft",
        &[("Computer", "string"), ("ComputerEnvironment", "string"), ("OSType", "string")],
    ),
    ("SecurityEvent", "Microsoft", &[("Account", "string"), ("Computer", "string"), ("EventID", "int")]),
    (
        "Badges_CL",
        "CustomLog",
        &[
            ("BadgeId", "guid"),
            ("Door", "string"),
            ("Floor", "int"),
            ("Granted", "boolean"),
            ("Seconds", "real"),
            ("Swipes", "long"),
            ("Visitor", "dynamic"),
            ("LeftAt", "dateTime"),
        ],
    ),
];
const STANDARD: Columns = &[("TenantId", "guid"), ("TimeGenerated", "dateTime"), ("Type", "string")];

/// `GET …/tables`: those above, and an empty custom one for every other name in the switch `arm_tables`.
pub(super) fn tables(world: &World, workspace: &Workspace) -> Reply {
    let known = |name: &&String| !TABLES.iter().any(|(table, ..)| table == name);
    let told =
        world.switches.arm_tables.iter().filter(known).map(|name| (name.as_str(), "CustomLog", &[][..]));
    let table = |(name, kind, own): (&str, &str, &[(&str, &str)])| {
        json!({
            "id": format!("{}/tables/{name}", workspace.path()), "name": name,
            "type": "Microsoft.OperationalInsights/workspaces/tables",
            "properties": {
                "plan": "Analytics", "provisioningState": "Succeeded", "retentionInDays": 90,
                "schema": {"name": name, "tableType": kind, "standardColumns": columns(STANDARD), "columns": columns(own)},
            },
        })
    };
    let value: Vec<Value> = TABLES.iter().copied().chain(told).map(table).collect();
    Reply::json(200, &json!({"value": value}))
}

/// `GET …/savedSearches` (CONTRACT B.12): a function and a hunting query.
pub(super) fn saved_searches(workspace: &Workspace) -> Reply {
    let search = |id: &str, properties: Value| {
        json!({
            "id": format!("{}/savedSearches/{id}", workspace.path()), "name": id, "properties": properties,
            "type": "Microsoft.OperationalInsights/workspaces/savedSearches",
        })
    };
    let function = json!({
        "category": "Function", "displayName": "Badges of a floor", "functionAlias": "BadgesOfFloor",
        "functionParameters": "floor:int=1", "query": "Badges_CL | where Floor == floor", "version": 2,
    });
    let hunt = json!({
        "category": "Hunting Queries", "displayName": "Doors at night",
        "query": "Badges_CL | where hourofday(TimeGenerated) < 5", "version": 2,
    });
    Reply::json(200, &json!({"value": [search("badges-of-floor", function), search("doors-at-night", hunt)]}))
}

fn columns(columns: &[(&str, &str)]) -> Vec<Value> {
    let column = |(name, ty): &(&str, &str)| json!({"name": name, "type": ty, "isDefaultDisplay": true, "isHidden": false});
    columns.iter().map(column).collect()
}

//! `POST /security/runHuntingQuery`: not hunting, but the one question which columns a table has.

use axum::http::Method;
use serde_json::{Value, json};

use super::error;
use crate::sandbox::http::{Call, Reply};
use crate::sandbox::switches::GraphRole;
use crate::sandbox::world::World;

/// Queries a minute that the service documents for a tenant.
const PER_MINUTE: u64 = 45;

/// The tables of the tenant, each with all its columns.
const TABLES: &[(&str, &[(&str, &str)])] = &[
    (
        "UrlClickEvents",
        &[
            ("Timestamp", "datetime"),
            ("Url", "string"),
            ("ActionType", "string"),
            ("AccountUpn", "string"),
            ("Workload", "string"),
            ("NetworkMessageId", "string"),
            ("ThreatTypes", "string"),
            ("DetectionMethods", "string"),
            ("IPAddress", "string"),
            ("IsClickedThrough", "bool"),
            ("UrlChain", "string"),
            ("ReportId", "string"),
            ("AppName", "string"),
            ("AppVersion", "string"),
            ("SourceId", "string"),
            ("ClickSurface", "string"),
        ],
    ),
    (
        "DeviceTvmSecureConfigurationAssessmentKB",
        &[
            ("ConfigurationId", "string"),
            ("ConfigurationImpact", "real"),
            ("ConfigurationName", "string"),
            ("ConfigurationDescription", "string"),
            ("RiskDescription", "string"),
            ("ConfigurationCategory", "string"),
            ("ConfigurationSubcategory", "string"),
            ("ConfigurationBenchmarks", "dynamic"),
            ("Tags", "dynamic"),
            ("RemediationOptions", "string"),
        ],
    ),
];

/// Is this a hunting query?
pub(super) fn is_query(call: &Call) -> bool {
    call.method == Method::POST
        && call.segments.len() == 3
        && call.segment(1).eq_ignore_ascii_case("security")
        && call.segment(2).eq_ignore_ascii_case("runHuntingQuery")
}

/// The columns of the table before the first pipe.
pub(super) fn answer(world: &mut World, call: &Call) -> Reply {
    let now = world.now_ms();
    if world.switches.graph_role == GraphRole::None {
        let message =
            "Insufficient privileges to complete the operation. Required permission: ThreatHunting.Read.All.";
        return error(call, now, 403, "Forbidden", message);
    }
    let enforced = world.switches.graph_throttle;
    if let Some(wait) = enforced.then(|| world.throttle.count("queries", PER_MINUTE, now)).flatten() {
        return error(call, now, 429, "TooManyRequests", "Too many requests.")
            .header("retry-after", wait.to_string());
    }
    let body = call.json().unwrap_or_default();
    let Some((table, operators)) = body["Query"].as_str().and_then(|query| query.split_once('|')) else {
        return error(call, now, 400, "BadRequest", "The property 'Query' is required.");
    };
    if operators.split('|').next().map(str::trim) != Some("getschema") {
        return error(call, now, 400, "BadRequest", "The sandbox runs no query but `TABLE | getschema`.");
    }
    let table = table.trim();
    let Some((_, columns)) = TABLES.iter().find(|(name, _)| *name == table) else {
        let message =
            format!("'getschema' operator: Failed to resolve table or column expression named '{table}'");
        return error(call, now, 400, "BadRequest", &message);
    };
    let rows: Vec<Value> =
        columns.iter().map(|(name, ty)| json!({"ColumnName": name, "ColumnType": ty})).collect();
    let schema = ["ColumnName", "ColumnType"].map(|name| json!({"name": name, "type": "String"}));
    Reply::json(200, &json!({"schema": schema, "results": rows}))
}

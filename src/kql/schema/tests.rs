//! Facts checked here are from the public table references of Log Analytics and Defender XDR.

use super::*;

fn has(schema: &Schema, table: &str, column: &str, ty: ScalarType) -> bool {
    schema.table_columns(table).is_some_and(|columns| columns.contains(&(column, ty)))
}

#[test]
fn built_in_tables_of_both_platforms() {
    let sentinel = Schema::built_in(Platform::Sentinel);
    assert!(has(&sentinel, "SigninLogs", "UserPrincipalName", ScalarType::String));
    assert!(has(&sentinel, "SecurityEvent", "EventID", ScalarType::Int));
    assert!(sentinel.table_columns("NoSuchTable").is_none());
    let xdr = Schema::built_in(Platform::Xdr);
    assert!(has(&xdr, "DeviceProcessEvents", "Timestamp", ScalarType::DateTime));
    assert!(xdr.table_columns("SigninLogs").is_none());
}

#[test]
fn the_unified_portal_has_both_times() {
    let unified = Schema::built_in(Platform::Unified);
    assert!(has(&unified, "DeviceProcessEvents", "TimeGenerated", ScalarType::DateTime));
    assert!(has(&unified, "DeviceProcessEvents", "Timestamp", ScalarType::DateTime));
    assert!(unified.table_columns("SigninLogs").is_some());
}

#[test]
fn an_environment_adds_and_replaces() {
    let source = SchemaSource::from_json(
        r#"{"tables": {"App_CL": {"Own_s": "string"}, "SigninLogs": {"Only": "int"}}, "complete": true}"#,
    )
    .unwrap();
    let schema = Schema::built_in(Platform::Sentinel).with(source);
    assert_eq!(schema.table_columns("App_CL"), Some(vec![("Own_s", ScalarType::String)]));
    assert_eq!(schema.table_columns("SigninLogs"), Some(vec![("Only", ScalarType::Int)]));
    assert_eq!(schema.knowledge(), Knowledge::Complete);
    assert!(schema.unlisted_table("Other_CL").is_none());
}

#[test]
fn a_custom_table_may_exist_unless_all_are_known() {
    let schema = Schema::built_in(Platform::Sentinel);
    assert_eq!(schema.unlisted_table("Other_CL").map(|c| c.len()), Some(6));
    assert!(schema.unlisted_table("Other").is_none());
}

#[test]
fn names_keep_their_number_across_layers() {
    let source = SchemaSource::from_json(r#"{"tables": {"A_CL": {"zz_own_zz": "string"}}}"#).unwrap();
    let schema = Schema::built_in(Platform::Sentinel).with(source);
    let mut names = Names::new(&schema);
    for text in
        ["TimeGenerated", "zz_own_zz", "zz only in the query", "TimeGenerated", "zz only in the query"]
    {
        let name = names.intern(text);
        assert_eq!(names.text(name), text);
        assert_eq!(names.intern(text), name);
    }
}

//! What a query reads besides its text: events, watchlists, file profiles, files, stored functions; and coverage.

use super::{Fixtures, shown};
use crate::kql::eval::{Budget, Column, Fault, Table, Value};
use crate::kql::schema::{Platform, Schema, SchemaSource};
use crate::kql::types::ScalarType;

fn table(columns: &[(&str, ScalarType)], rows: Vec<Vec<Value>>) -> Table {
    Table { columns: columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect(), rows }
}

fn schema() -> Schema {
    let source = SchemaSource::from_json(
        r#"{"tables": {"Events": {"Computer": "string", "Id": "int", "Seen": "datetime", "Data": "dynamic"}},
            "functions": [
              {"name": "Loud", "params": "(least:int=5)", "body": "{ Events | where Id >= least | extend Loud = true }"},
              {"name": "Parser", "params": "(starttime:datetime=datetime(null))", "columns": {"User": "string"}}],
            "watchlists": {"vips": {"Upn": "string", "Level": "long"}},
            "complete": true}"#,
    )
    .unwrap();
    Schema::only(Platform::Unified, source)
}

fn fixtures() -> Fixtures {
    let mut fixtures = Fixtures::default();
    let events = table(
        &[("Computer", ScalarType::String), ("Id", ScalarType::Int), ("Extra_s", ScalarType::String)],
        vec![
            vec!["a".into(), Value::Int(1), "x".into()],
            vec!["b".into(), Value::Int(7), "".into()],
            vec!["c".into(), Value::Int(9), "y".into()],
        ],
    );
    fixtures.tables.insert("Events".to_owned(), events);
    fixtures
}

fn rows(fixtures: &Fixtures, query: &str) -> Vec<String> {
    match fixtures.run(&schema(), query, Budget::default()) {
        Ok(evaluated) => shown(&evaluated.table),
        Err(fault) => vec![fault.to_string()],
    }
}

#[test]
fn columns_that_a_case_does_not_name_are_empty_and_others_are_added() {
    assert_eq!(
        rows(&fixtures(), "Events | where Id > 5"),
        [
            "Computer:string Id:int Seen:datetime Data:dynamic Extra_s:string",
            "b | 7 | null | null | ",
            "c | 9 | null | null | y"
        ]
    );
    assert_eq!(rows(&fixtures(), "NoSuch | count"), ["no table is named 'NoSuch'"]);
    assert_eq!(
        rows(&fixtures(), "Events | where Nope == 1"),
        ["no column, variable or function is named 'Nope'"]
    );
}

#[test]
fn stored_functions_run_their_body_or_return_what_the_case_says() {
    assert_eq!(rows(&fixtures(), "Loud | count"), ["Count:long", "2"]);
    assert_eq!(
        rows(&fixtures(), "Loud(9) | project Computer, Loud"),
        ["Computer:string Loud:bool", "c | true"]
    );
    assert_eq!(rows(&fixtures(), "Parser(starttime=ago(1d)) | count"), ["Count:long", "0"]);
    let mut fixtures = fixtures();
    let users = table(&[("User", ScalarType::String)], vec![vec!["eve".into()]]);
    fixtures.tables.insert("Parser".to_owned(), users);
    assert_eq!(rows(&fixtures, "Parser() | where User == 'eve'"), ["User:string", "eve"]);
}

#[test]
fn a_fault_in_a_stored_function_points_at_its_call() {
    let query = "print 1 | extend x = 2; Loud(datatable(a:long)[1])";
    let schema = schema();
    let fault = fixtures().run(&schema, query, Budget::default()).unwrap_err();
    assert!(query.get(fault.span().range()).is_some(), "{fault:?}");
}

#[test]
fn watchlists_have_their_columns_and_the_service_s() {
    let mut fixtures = fixtures();
    let query = "_GetWatchlist('vips') | project Upn, Level, SearchKey, WatchlistItem";
    assert_eq!(rows(&fixtures, query), ["Upn:string Level:long SearchKey:string WatchlistItem:dynamic"]);
    let vips = table(
        &[("Upn", ScalarType::String), ("Level", ScalarType::Long)],
        vec![vec!["eve@x".into(), Value::Long(3)]],
    );
    fixtures.watchlists.insert("vips".to_owned(), vips);
    let expected = r#"eve@x | 3 | eve@x | {"Upn":"eve@x","Level":3}"#;
    assert_eq!(rows(&fixtures, query)[1], expected);
    // A watchlist that nobody listed may have any column.
    assert_eq!(
        rows(&fixtures, "_GetWatchlist('other') | where Anything == 'x' | count"),
        ["Count:long", "0"]
    );
}

#[test]
fn file_profiles_come_from_the_case_or_are_missing() {
    let mut fixtures = fixtures();
    fixtures.file_profiles = table(
        &[
            ("SHA1", ScalarType::String),
            ("GlobalPrevalence", ScalarType::Long),
            ("Signer", ScalarType::String),
        ],
        vec![vec!["AA11".into(), Value::Long(3), "Evil".into()]],
    );
    let query = "datatable(Hash:string)['aa11', 'bb22', '', 'cc33'] | invoke FileProfile(Hash, 2)
        | project Hash, GlobalPrevalence, Signer, ProfileAvailability, IsCertificateValid";
    assert_eq!(
        rows(&fixtures, query),
        [
            "Hash:string GlobalPrevalence:long Signer:string ProfileAvailability:string IsCertificateValid:bool",
            "aa11 | 3 | Evil | Available | null",
            "bb22 | null |  | Missing | null",
            " | null |  |  | null",
            "cc33 | null |  |  | null",
        ]
    );
}

#[test]
fn external_data_is_what_the_case_gives_and_never_invented() {
    let mut fixtures = fixtures();
    let query = "externaldata(ip:string, score:long)[@'https://x.example/feed.csv'] with (format='csv')";
    assert_eq!(
        rows(&fixtures, query),
        ["not evaluated: externaldata from https://x.example/feed.csv: the case has no such file"]
    );
    let feed = table(
        &[("ip", ScalarType::String), ("score", ScalarType::String)],
        vec![vec!["192.0.2.7".into(), "5".into()]],
    );
    fixtures.external.insert("https://x.example/feed.csv".to_owned(), feed);
    assert_eq!(rows(&fixtures, query), ["ip:string score:long", "192.0.2.7 | 5"]);
}

#[test]
fn coverage_counts_every_condition_of_every_where() {
    let query = "Events | where Id > 5 and Computer == 'b' | where isnotempty(Extra_s) or Id == 7";
    let evaluated = fixtures().run(&schema(), query, Budget::default()).unwrap();
    let counted: Vec<(&str, u64, u64)> =
        evaluated.coverage.iter().map(|e| (e.span.of(query), e.yes, e.no)).collect();
    assert_eq!(
        counted,
        [("Id > 5", 2, 1), ("Computer == 'b'", 1, 1), ("isnotempty(Extra_s) or Id == 7", 1, 0)]
    );
}

#[test]
fn what_is_not_evaluated_says_so_with_its_name_and_place() {
    for (query, what, place) in [
        ("Events | evaluate basket()", "evaluate basket()", "basket"),
        ("print x = rand()", "rand()", "rand()"),
        ("Events | make-graph Computer --> Id", "make-graph", "make-graph"),
        ("adx('c/d').T | count", "adx()", "adx('c/d')"),
    ] {
        let schema = schema();
        match fixtures().run(&schema, query, Budget::default()) {
            Err(Fault::NotEvaluated { what: got, span }) => {
                assert_eq!((got.as_str(), span.of(query)), (what, place), "{query}");
            }
            other => panic!("{query}: {other:?}"),
        }
    }
}

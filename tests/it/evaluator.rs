//! Every real query that binds, run on made-up events: how many run, and whether their columns are those that the binder
//! says. Needs the shared corpus; says so and passes without it. Figures: `cargo run --release --example evaluate`.

#![allow(clippy::print_stdout)] // saying why a test was skipped

#[path = "../../examples/support/events.rs"]
pub(crate) mod events;

use std::path::{Path, PathBuf};

use palisade::kql::bind::bind;
use palisade::kql::eval::{Budget, World, evaluate};
use palisade::kql::parse;
use palisade::kql::schema::{Platform, Schema};
use palisade::kql::types::ScalarType;

#[derive(Default)]
struct Share {
    bind: usize,
    run: usize,
    closed: usize,
    same: usize,
}

#[test]
fn real_queries_run_and_have_the_columns_that_the_binder_says() {
    let shared = std::env::var_os("PALISADE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let Ok(corpus) = std::fs::read_to_string(shared.join("corpus/queries.jsonl")) else {
        println!("skipped: no corpus in {} (set PALISADE_SHARED)", shared.display());
        return;
    };
    let [sentinel, xdr, unified] =
        [Platform::Sentinel, Platform::Xdr, Platform::Unified].map(Schema::built_in);
    let (mut rules, mut defender, mut falcon) = (Share::default(), Share::default(), Share::default());
    for line in corpus.lines() {
        let query: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = query["query"].as_str().unwrap();
        let (platform, kind) = (query["platform"].as_str().unwrap(), query["kind"].as_str().unwrap());
        let schema = match platform {
            "sentinel" => &sentinel,
            "xdr" => &xdr,
            _ => &unified,
        };
        let parsed = parse(text);
        let bound = bind(&parsed, text, schema);
        if !parsed.errors.is_empty() || !bound.is_ok() || !bound.tabular {
            continue;
        }
        let made = events::Made::new(&parsed, &bound, schema);
        let world = World {
            schema,
            tables: &made.tables,
            watchlists: &made.watchlists,
            external: &made.external,
            file_profiles: &made.file_profiles,
            now: events::NOW,
        };
        let answer = evaluate(&parsed, text, &world, Budget::default());
        let same = answer.as_ref().ok().filter(|_| !bound.open).map(|evaluated| {
            let ours = &evaluated.table.columns;
            let agree =
                |a: ScalarType, b: ScalarType| a == b || a == ScalarType::Unknown || b == ScalarType::Unknown;
            ours.len() == bound.columns.len()
                && ours.iter().zip(&bound.columns).all(|(a, b)| *a.name == *b.name && agree(a.ty, b.ty))
        });
        let falcon_friday = query["source_repo"].as_str().unwrap().contains("FalconFriday");
        let sets = [
            (&mut rules, platform == "sentinel" && kind == "analytics_rule"),
            (&mut defender, platform == "xdr"),
            (&mut falcon, falcon_friday),
        ];
        for (set, _) in sets.into_iter().filter(|(_, member)| *member) {
            set.bind += 1;
            set.run += usize::from(answer.is_ok());
            set.closed += usize::from(same.is_some());
            set.same += usize::from(same == Some(true));
        }
    }
    for (name, set) in [("Sentinel rules", rules), ("Defender queries", defender), ("FalconFriday", falcon)] {
        println!("{name}: {} of {} run; {} of {} columns", set.run, set.bind, set.same, set.closed);
        assert!(set.run * 100 >= set.bind * 95, "{name}: {} of {} run", set.run, set.bind);
        assert!(set.same * 100 >= set.closed * 98, "{name}: {} of {} columns", set.same, set.closed);
    }
}

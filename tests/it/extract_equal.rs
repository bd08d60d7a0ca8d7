//! What `--extract-allowlist` moves changes no result: the original query and the compiled one, entries included, are run on the same
//! made-up events and must give the same rows. The evaluator knows nothing of allowlists, so it is an independent judge.

#![allow(clippy::print_stdout)] // saying why a test was skipped, and the figures

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};
use palisade::compile::compile;
use palisade::import::extract::{Split, Terms, split};
use palisade::import::{Draft, Section, write};
use palisade::kql::TokenKind;
use palisade::kql::bind::bind;
use palisade::kql::eval::{Budget, Evaluated, Fault, Table, Value, World, evaluate};
use palisade::kql::parse;
use palisade::kql::schema::{Platform, Schema};
use palisade::kql::types::ScalarType;
use palisade::model::rule::Strength;
use proptest::prelude::*;

use crate::evaluator::events;

const TODAY: Date = date(2026, 11, 23);
const ENVIRONMENT: &str = "owner: acme/lab\ntenant_id: 11111111-1111-4111-8111-111111111111\ndefender: {}\nsentinel:\n  \
     - {subscription: 22222222-2222-4222-8222-222222222222, resource_group: rg-soc, workspace: law-lab}\nprune: never\n";

fn terms() -> Terms {
    Terms {
        owner: "soc@example.com".into(),
        ticket: None,
        created: TODAY,
        expires: date(2027, 5, 1),
        require: Strength::Weak,
    }
}

/// The deployed text of split queries, through files, loader and compiler.
fn compiled(rules: &[(String, bool, &Split)]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: String, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("palisade.yaml".into(), "owner: acme\n");
    put("environments/lab/environment.yaml".into(), ENVIRONMENT);
    for (id, sentinel, split) in rules {
        let settings = if *sentinel {
            serde_json::json!({"kind": "nrt"})
        } else {
            serde_json::json!({"frequency": "PT1H", "entities": {"hosts": [{"deviceIdColumn": "DeviceId"}]}})
        };
        let section = Some(Section { settings: settings.as_object().unwrap().clone(), ..Section::default() });
        let draft = Draft {
            id: id.clone(),
            name: id.clone(),
            severity: Some(palisade::model::rule::Severity::Low),
            query: Some(split.query.clone()),
            sentinel: section.clone().filter(|_| *sentinel),
            defender: section.filter(|_| !*sentinel),
            ..Draft::default()
        };
        put(format!("rules/{id}.yaml"), &write::yaml(&draft.document()));
        for list in &split.lists {
            put(list.path("lab", id), &list.text(id, &terms()));
        }
    }
    let (repository, found) = palisade::load::load(folder.path());
    assert!(!found.has_errors(), "{:?}", found.iter().next());
    let (desired, _) = compile(&repository, &repository.environments[0], TODAY);
    let text = |body: &palisade::resource::Body| {
        let query = body.get("query").or_else(|| body.get("queryCondition")?.get("queryText"));
        query.and_then(|query| query.as_str()).unwrap().to_owned()
    };
    desired.resources.iter().map(|resource| (resource.address.rule.clone(), text(&resource.body))).collect()
}

/// Numbers that look like chance and are the same at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Cells are mostly what the query compares with, in other cases and with something around it, and often nothing at all.
fn mix(made: &mut events::Made, text: &str, rows: usize, dice: &mut Dice) {
    let parsed = parse(text);
    let (mut texts, mut numbers): (BTreeSet<String>, BTreeSet<i64>) = Default::default();
    for token in &parsed.tokens {
        if matches!(token.kind, TokenKind::Literal(_)) {
            numbers.extend(token.text(text).parse::<i64>().ok());
            texts.extend(palisade::kql::string_value(token.text(text)));
        }
    }
    let texts: Vec<String> = texts.into_iter().chain(["x".into()]).collect();
    let numbers: Vec<i64> = numbers.into_iter().chain([0]).collect();
    for table in made.tables.values_mut() {
        let samples = table.rows.clone();
        let row = |dice: &mut Dice| {
            let sample = samples.get(dice.roll(samples.len().max(1)));
            let cells = table.columns.iter().enumerate().map(|(index, column)| match column.ty {
                ScalarType::String => match dice.roll(9) {
                    0 => Value::from(String::new()),
                    1 => sample.map_or(Value::Null, |sample| sample[index].clone()),
                    2 => Value::from(texts[dice.roll(texts.len())].to_uppercase()),
                    3 => Value::from(format!("a {} b", texts[dice.roll(texts.len())])),
                    4 => Value::from(format!("{}z", texts[dice.roll(texts.len())])),
                    _ => Value::from(texts[dice.roll(texts.len())].clone()),
                },
                ScalarType::Long if dice.roll(4) > 0 => Value::Long(numbers[dice.roll(numbers.len())]),
                ScalarType::Int if dice.roll(4) > 0 => {
                    Value::Int(i32::try_from(numbers[dice.roll(numbers.len())]).unwrap_or(0))
                }
                ScalarType::Long | ScalarType::Int => Value::Null,
                ScalarType::Bool => {
                    [Value::Null, Value::Bool(true), Value::Bool(false)][dice.roll(3)].clone()
                }
                _ => sample.map_or(Value::Null, |sample| sample[index].clone()),
            });
            cells.collect::<Vec<Value>>()
        };
        table.rows = (0..rows).map(|_| row(dice)).collect();
    }
}

fn run(text: &str, schema: &Schema, made: &events::Made) -> Result<Table, Fault> {
    let world = World {
        schema,
        tables: &made.tables,
        watchlists: &made.watchlists,
        external: &made.external,
        file_profiles: &made.file_profiles,
        now: events::NOW,
    };
    evaluate(&parse(text), text, &world, Budget::default()).map(|Evaluated { table, .. }| table)
}

/// `FileName`, `FolderPath` and `AccountName` are text, `ProcessId` is a number and may be null.
fn atom() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec!["a", "A", "b", "ab", "a b", "c d", "C:\\\\x\\\\y"]);
    let column = || prop::sample::select(vec!["FileName", "FolderPath", "AccountName"]);
    let one = prop::sample::select(vec![
        "==",
        "!=",
        "=~",
        "!~",
        "has",
        "!has",
        "has_cs",
        "!has_cs",
        "contains",
        "!contains",
        "contains_cs",
        "!contains_cs",
        "startswith",
        "!startswith",
        "startswith_cs",
        "!startswith_cs",
        "endswith",
        "!endswith",
        "endswith_cs",
        "!endswith_cs",
    ]);
    let many = prop::sample::select(vec!["in", "!in", "in~", "!in~", "has_any"]);
    prop_oneof![
        4 => (column(), one, text.clone()).prop_map(|(c, op, t)| format!("{c} {op} \"{t}\"")),
        3 => (column(), many, text.clone(), text.clone()).prop_map(|(c, op, t, u)| format!("{c} {op} (\"{t}\", \"{u}\")")),
        1 => (column(), prop::sample::select(vec!["a", "a.*", "(?i)AB"])).prop_map(|(c, t)| format!("{c} matches regex \"^{t}$\"")),
        1 => (prop::sample::select(vec!["==", "!="]), 1..4i64).prop_map(|(op, n)| format!("ProcessId {op} {n}")),
        1 => (1..4i64).prop_map(|n| format!("coalesce(ProcessId in ({n}, 7), false)")),
        1 => Just("isnotempty(AccountName)".to_owned()),
        1 => Just("ProcessId > 2".to_owned()),
        1 => Just("AccountName != listed".to_owned()),
        1 => Just("FileName !in (several)".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            3 => inner.clone().prop_map(|one| format!("not({one})")),
            1 => prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" and "))),
            1 => prop::collection::vec(inner, 2..4).prop_map(|all| format!("({})", all.join(" or "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_condition_that_is_moved_still_drops_the_same_rows(
        one in condition(), two in condition(), three in condition(), four in condition(), slot in 0..4usize,
    ) {
        let comment = |at: usize| if at == slot { "// Begin environment-specific filter.\n" } else { "" };
        let text = format!(
            "let listed = \"a b\";\nlet several = dynamic([\"a\", \"c d\"]);\nDeviceProcessEvents\n| where {one} // one\n{}| where {two}\n    \
             and {three}\n| extend FolderPath = strcat(FolderPath, \"y\")\n{}| where {four}\n{}| project FileName, FolderPath, \
             AccountName, ProcessId, DeviceId, ReportId, Timestamp\n",
            comment(1), comment(2), comment(3),
        );
        let schema = Schema::built_in(Platform::Unified);
        let split = split(&text, &[&schema], &[], &terms());
        if split.lists.is_empty() {
            prop_assert_eq!(&split.query, &text);
            return Ok(());
        }
        let deployed = compiled(&[("r".into(), false, &split)]);
        let parsed = parse(&text);
        let mut made = events::Made::new(&parsed, &bind(&parsed, &text, &schema), &schema);
        mix(&mut made, &text, 80, &mut Dice(0x1234_5678_9abc_def1));
        let (before, after) = (run(&text, &schema, &made).unwrap(), run(&deployed["r"], &schema, &made).unwrap());
        prop_assert_eq!(before.rows.len(), after.rows.len(), "{}\n{}", text, deployed["r"]);
        prop_assert_eq!(before, after, "{}\n{}", text, deployed["r"]);
    }
}

/// What the corpus test counts.
#[derive(Default)]
struct Figures {
    queries: usize,
    with: usize,
    split: usize,
    whole: usize,
    entries: usize,
    run: usize,
    bites: usize,
}

#[test]
fn real_queries_give_the_same_rows_with_their_exclusions_as_entries() {
    let shared = std::env::var_os("PALISADE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let Ok(corpus) = std::fs::read_to_string(shared.join("corpus/queries.jsonl")) else {
        println!("skipped: no corpus in {} (set PALISADE_SHARED)", shared.display());
        return;
    };
    let schemas = [Platform::Sentinel, Platform::Unified].map(Schema::built_in);
    let mut figures: BTreeMap<&str, Figures> = BTreeMap::new();
    let mut splits = Vec::new();
    for (number, line) in corpus.lines().enumerate() {
        let query: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = query["query"].as_str().unwrap().to_owned();
        let sentinel = query["platform"] == "sentinel";
        let kind = match (sentinel, query["kind"].as_str().unwrap()) {
            (true, "analytics_rule") => "Sentinel rules",
            _ if query["source_repo"].as_str().unwrap().contains("FalconFriday") => "FalconFriday",
            (true, _) => "other Sentinel queries",
            (false, _) => "other Defender queries",
        };
        let split = split(&text, &[&schemas[usize::from(!sentinel)]], &[], &terms());
        let figure = figures.entry(kind).or_default();
        figure.queries += 1;
        figure.with += usize::from(!split.lists.is_empty() || !split.kept.is_empty());
        figure.split += usize::from(!split.lists.is_empty());
        figure.whole += usize::from(!split.lists.is_empty() && split.kept.is_empty());
        figure.entries += split.lists.iter().map(|list| list.entries.len()).sum::<usize>();
        if !split.lists.is_empty() {
            splits.push((format!("q{number}"), sentinel, kind, text, split));
        }
    }
    let rules: Vec<_> =
        splits.iter().map(|(id, sentinel, _, _, split)| (id.clone(), *sentinel, split)).collect();
    let deployed = compiled(&rules);
    for (id, sentinel, kind, text, split) in &splits {
        let schema = &schemas[usize::from(!*sentinel)];
        let Some(compiled) = deployed.get(id) else { continue };
        let parsed = parse(text);
        let mut made = events::Made::new(&parsed, &bind(&parsed, text, schema), schema);
        mix(&mut made, text, 60, &mut Dice(0x9e37_79b9_7f4a_7c15));
        // What the evaluator cannot run says nothing either way.
        let Ok(before) = run(text, schema, &made) else { continue };
        let after = run(compiled, schema, &made).unwrap_or_else(|fault| panic!("{id}: {fault}\n{compiled}"));
        assert_eq!(before, after, "{id}\n{text}\n=>\n{compiled}");
        let figure = figures.entry(kind).or_default();
        figure.run += 1;
        figure.bites += usize::from(run(&split.query, schema, &made).is_ok_and(|bare| bare != before));
    }
    for (kind, f) in &figures {
        println!(
            "{kind}: {} queries, {} with exclusions, {} split ({} of them whole) into {} entries; {} run alike, in {} of them \
             the exclusions drop rows",
            f.queries, f.with, f.split, f.whole, f.entries, f.run, f.bites
        );
    }
    let all = |count: fn(&Figures) -> usize| figures.values().map(count).sum::<usize>();
    assert!(all(|f| f.split) * 3 >= all(|f| f.with), "a third of the queries with exclusions are split");
    assert!(all(|f| f.run) * 2 >= all(|f| f.split), "most of them could be run");
}

//! Queries that would run away, and queries broken at random: a fault or an answer, never a hang, never a panic.

use proptest::prelude::*;

use super::{Fixtures, run, shown};
use crate::kql::eval::{Budget, Fault};
use crate::kql::schema::{Platform, Schema};

#[test]
fn what_would_run_away_is_stopped() {
    let deep = format!("print x = {}1{}", "(1 + ".repeat(300), ")".repeat(300));
    let doubled: String =
        (1..60).map(|n| format!("let x{n} = () {{ x{}() + x{}() }}; ", n - 1, n - 1)).collect();
    let doubled = format!("let x0 = () {{ 1 }}; {doubled} print x59()");
    let piped: String = (1..300)
        .map(|n| {
            format!(
                "let t{n} = () {{ union (t{}() | mv-apply a = pack_array(x) on (where a > 0)) }}; ",
                n - 1
            )
        })
        .collect();
    let piped = format!("let t0 = () {{ print x = 1 }}; {piped} t299()");
    for query in [
        "range x from 1 to 1000000000000 step 1",
        "range x from 1 to 3000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 3000 step 1 | extend k = 1) on k",
        "range x from 1 to 2000 step 1 | extend a = range(1, 2000, 1) | mv-expand a",
        "range x from 0 to 1 step 0",
        "let f = () { f() }; f()",
        "let a = a; a",
        "datatable(t:long)[1] | make-series count() on t from 0 to 100000000 step 1",
        &deep,
        &doubled,
        &piped,
    ] {
        let schema = Schema::built_in(Platform::Unified);
        let budget = Budget { rows: 100_000, steps: 2_000_000, bytes: 256 << 20 };
        let answer = Fixtures::default().run(&schema, query, budget);
        assert!(answer.is_err(), "{}", query.chars().take(80).collect::<String>());
    }
    // All tables at once are fine: they hold nothing.
    assert!(run("union * | where TimeGenerated > ago(1d) | summarize count() by Type").is_ok());
    assert!(run("search 'needle'").is_ok());
}

#[test]
fn what_would_fill_the_memory_is_stopped() {
    let mut wrong = Vec::new();
    let repeated = |times: usize, piece: &str| piece.repeat(times);
    for (query, what) in [
        // Twice as long each time.
        (format!("print a = 'xxxxxxxx' {}", repeated(40, "| extend a = strcat(a, a)")), "stopped"),
        (format!("print a = dynamic([1]) {}", repeated(40, "| extend a = pack_array(a, a)")), "stopped"),
        (format!("print a = dynamic([1]) {}", repeated(40, "| extend a = array_concat(a, a)")), "stopped"),
        // One level deeper each time.
        (format!("print a = 1 {}", repeated(500, "| extend a = pack_array(a)")), "levels in one value"),
        (format!("print a = 1 {}", repeated(500, "| extend a = bag_pack('k', a)")), "levels in one value"),
        (format!("print a = 1 {}", repeated(500, "| summarize a = make_list(a)")), "levels in one value"),
        // Much for each row.
        ("range x from 1 to 1000000 step 1 | extend y = strcat(x, strrep('x', 1000))".into(), "stopped"),
        ("print a = replace_string(strrep('x', 1024), 'x', strrep(strrep('y', 1024), 1024))".into(), "stopped"),
        ("print a = replace_regex(strrep(strrep('x', 1024), 1024), '', strrep('y', 1024))".into(), "stopped"),
        ("print a = repeat(strrep('x', 1024), 1000000)".into(), "stopped"),
        (
            "range x from 1 to 1000 step 1 | extend k = 1, a = strrep('x', 1000) | as T | join kind=inner T on k \
             | join kind=inner T on k"
                .into(),
            "stopped"),
        ("range x from 1 to 100000 step 1 | summarize a = make_list(range(1, 1000, 1))".into(), "stopped"),
        ("print a = range(1, 1000000, 1) | mv-expand a | extend b = range(1, 1000, 1)".into(), "stopped"),
        // Much looking for each row.
        (
            "let t = strrep(strrep('x', 1024), 1024); range x from 1 to 1000000 step 1 | where strcat(t, x) contains 'y'"
                .into(),
            "stopped"),
        (
            "let t = toscalar(print strrep(strrep('x', 1024), 1024)); range x from 1 to 1000000 step 1 | extend t \
             | where t !contains tostring(x)"
                .into(),
            "stopped"),
        (
            "let t = strrep(strrep('x', 1024), 1024); range x from 1 to 1000000 step 1 | extend t \
             | where t matches regex strcat('(x+x+)+y', x)"
                .into(),
            "stopped"),
        (
            "let t = strrep(strrep('x', 1024), 1024); range x from 1 to 100000 step 1 | extend t | summarize count() by t"
                .into(),
            "stopped"),
        (
            "let t = strrep(strrep('x', 1024), 1024); range x from 1 to 100000 step 1 | extend t | sort by t"
                .into(),
            "stopped"),
    ] {
        let schema = Schema::built_in(Platform::Unified);
        let budget = Budget { rows: 1_000_000, steps: 1_000_000, bytes: 64 << 20 };
        let answer = Fixtures::default().run(&schema, &query, budget);
        let shown: String = query.chars().take(80).collect();
        match answer {
            Ok(_) => wrong.push(format!("{shown}: not stopped")),
            Err(fault) if fault.to_string().contains(what) => {}
            Err(fault) => wrong.push(format!("{shown}: {fault}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_looks_endless_ends() {
    for query in [
        "print indexof('abcabc', 'b', 0, -1, 9223372036854775807)",
        "print indexof_regex('abcabc', 'b', 0, -1, 9223372036854775807)",
        "print a = (strrep('a', 1000) matches regex '^(a+)+$'), b = (strrep('a', 1000) matches regex '(a*)*b')",
        "print substring('abc', 9223372036854775807, 9223372036854775807)",
        "print array_slice(dynamic([1]), -9223372036854775807, 9223372036854775807)",
        "range x from 9223372036854775806 to 9223372036854775807 step 1",
    ] {
        assert!(run(query).is_ok(), "{query}");
    }
}

#[test]
fn a_column_of_many_kinds_is_sorted_and_grouped() {
    // Kinds without an order among each other must not confuse the sort, nor bags of one size the grouping.
    let items: Vec<String> = (0..3000)
        .map(|n| match n % 5 {
            0 => format!("{}", n * 7919 % 1000),
            1 => format!("\"{}\"", n * 104_729 % 1000),
            2 => format!("{}.5", n * 31 % 1000),
            3 => format!("{{\"k\": {n}}}"),
            _ => "true".to_owned(),
        })
        .collect();
    let query = format!("print d = dynamic([{}]) | mv-expand d", items.join(", "));
    let sorted = run(&format!("{query} | sort by d asc")).unwrap();
    assert_eq!(sorted.table.rows.len(), 3000);
    let kinds = run(&format!("{query} | distinct d | where d has 'k' | count")).unwrap();
    assert_eq!(shown(&kinds.table), ["Count:long", "600"]);
}

#[test]
fn a_step_of_nothing_is_refused_by_name() {
    let fault = run("range x from 0 to 1 step 0").unwrap_err();
    assert!(matches!(fault, Fault::Failed { ref message, .. } if message.contains("zero")), "{fault}");
}

/// Pieces that queries are made of, put together at random.
const PIECES: &[&str] = &[
    "datatable(a:long, b:string, d:dynamic)[1, 'x', dynamic({\"k\": [1, 2]}), 2, '', dynamic(null)]",
    "| where a > 1",
    "| where b has 'x' and d.k[0] == 1",
    "| where isnull(a) or not(b == '')",
    "| extend c = a / 0",
    "| extend b = strcat(b, a), e = d.k",
    "| extend n = row_number(), p = prev(a, 9223372036854775807)",
    "| summarize count(), make_set(b), arg_max(a, *) by b",
    "| summarize (x, y) = arg_min(a, b), percentiles(a, 5, 95)",
    "| summarize take_any(*)",
    "| mv-expand d",
    "| mv-expand x = d.k to typeof(long)",
    "| mv-apply d on (summarize count())",
    "| parse b with * 'x' y:long *",
    "| parse kind=regex b with '(' z ')'",
    "| join kind=fullouter (print a = 1) on a",
    "| join (print a = 1, b = 'x') on $left.a == $right.a, b",
    "| lookup (print a = 1, q = 'z') on a",
    "| union (print a = 'text')",
    "| sort by a asc nulls last, b",
    "| top 1 by b",
    "| distinct *",
    "| project-away b*",
    "| project-rename z = a",
    "| evaluate bag_unpack(d)",
    "| evaluate pivot(b)",
    "| evaluate narrow()",
    "| make-series sum(a) on a from 0 to 5 step 2",
    "| serialize",
    "| getschema",
    "| partition by b (count)",
    "| take 1",
    "| count",
    "| as T | union T",
    "| render table",
    "| extend m = -9223372036854775808 - a, q = a % -1, r = a * 9223372036854775807",
    "| where a in ('1', 2, d)",
    "| extend t = datetime(9999-12-31) + a * 365d, s = ago(100000d * a)",
    "| extend i = iff(a, b, d)",
    "| search 'x'",
    "| parse-kv b as (k:int) with (pair_delimiter=',')",
    "| extend z = todatetime(b) - now(), w = substring(b, -1, 99)",
    "| reduce by b",
    "| scan with (step s: true;)",
    "| extend f = toscalar(range x from 1 to 3 step 1)",
    ")",
    "(",
    "| where",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_queries_give_an_answer_or_a_fault(
        picks in prop::collection::vec(0..PIECES.len(), 1..7),
        cut in any::<prop::sample::Index>(),
        mutate in any::<bool>(),
    ) {
        let mut query = PIECES[0].to_owned();
        for pick in picks {
            query.push(' ');
            query.push_str(PIECES[pick]);
        }
        if mutate {
            let at = cut.index(query.len());
            if query.is_char_boundary(at) {
                query.remove(at);
            }
        }
        let schema = Schema::built_in(Platform::Unified);
        let budget = Budget { rows: 10_000, steps: 500_000, bytes: 64 << 20 };
        if let Ok(evaluated) = Fixtures::default().run(&schema, &query, budget) {
            let width = evaluated.table.columns.len();
            prop_assert!(evaluated.table.rows.iter().all(|row| row.len() == width), "{query}");
        }
    }
}

//! Conditions and what they leave out: tables.

use super::*;
use crate::kql::parse;

/// The condition of `T | where …` as the text of its alternatives.
fn read(condition: &str) -> Result<String, &'static str> {
    let text = format!("let svc = dynamic([\"u\", \"v\"]);\nlet one = \"w\";\nT | where {condition}");
    let parsed = parse(&text);
    assert_eq!(parsed.errors, [], "{condition}");
    let Some(ExprKind::Pipeline(pipeline)) = parsed.query.body().map(|body| &body.kind) else { panic!() };
    let OperatorKind::Where(rows) = &pipeline.operators[0].kind else { panic!() };
    let alternatives =
        excluded(&text, &rows.value, &constants(&parsed.query)).map_err(|unread| unread.why)?;
    let shown = alternatives.iter().map(|alternative| {
        let tests = alternative.iter().map(|test| {
            let constants = test.constants.iter().map(|constant| match constant {
                Constant::Text(text) => text.to_string(),
                Constant::Whole(number) => number.to_string(),
                Constant::Truth(truth) => truth.to_string(),
            });
            let cased = if test.cased { "" } else { "~" };
            format!("{} {:?}{cased} {}", test.column, test.operator, constants.collect::<Vec<_>>().join(","))
        });
        tests.collect::<Vec<_>>().join(" & ")
    });
    Ok(shown.collect::<Vec<_>>().join(" | "))
}

#[test]
fn conditions_by_what_they_leave_out() {
    for (condition, expected) in [
        ("a != \"x\"", "a Equals x"),
        ("a !~ \"x\"", "a Equals~ x"),
        ("not(a == \"x\")", "a Equals x"),
        ("not(a =~ \"x\")", "a Equals~ x"),
        ("not(not(a != \"x\"))", "a Equals x"),
        ("a !in (\"x\", \"y\")", "a Equals x,y"),
        ("a !in~ (svc)", "a Equals~ u,v"),
        ("a != one", "a Equals w"),
        ("a !in (dynamic([\"x\", \"y\"]))", "a Equals x,y"),
        ("not(a in~ (\"x\"))", "a Equals~ x"),
        ("a !has \"x\" and b !contains_cs \"y\"", "a Has~ x | b Contains y"),
        ("not(a startswith \"x\" or b endswith_cs \"y\")", "a StartsWith~ x | b EndsWith y"),
        ("not(a == \"x\" and b has \"y\")", "a Equals x & b Has~ y"),
        ("a != \"x\" or b !has \"y\"", "a Equals x & b Has~ y"),
        ("not(a == \"x\" and (b has \"y\" or b has \"z\"))", "a Equals x & b Has~ y,z"),
        ("not(a == \"x\" and (b has \"y\" or c has \"z\"))", "a Equals x & b Has~ y | a Equals x & c Has~ z"),
        ("not(a == \"x\" and not(b !has \"y\"))", "a Equals x & b Has~ y"),
        ("not(a has_any (\"x\", \"y\"))", "a Has~ x,y"),
        ("not(a matches regex @\"^x\\d$\")", "a MatchesRegex ^x\\d$"),
        ("not(n == 5)", "n Equals 5"),
        ("not(t == true)", "t Equals true"),
        ("not(coalesce(ipv4_is_in_range(a, \"10.0.0.0/8\"), false))", "a InNetwork 10.0.0.0/8"),
        ("not(coalesce(n in (5, 6), false))", "n Equals 5,6"),
    ] {
        let condition = condition.replace("\\\\", "\\");
        assert_eq!(read(&condition), Ok(expected.replace("\\\\", "\\")), "{condition}");
    }
}

#[test]
fn whatever_is_not_exact_is_not_read() {
    for (condition, part) in [
        ("a == \"x\"", "what must be"),
        ("a != \"x\" or b == \"y\"", "what must be"),
        ("not(a == \"x\" and b != \"y\")", "what must be"),
        ("not(ipv4_is_in_range(a, \"10.0.0.0/8\"))", "null"),
        ("not(ipv4_is_private(a))", "compares no column"),
        ("not(coalesce(a == \"x\", true))", "empty column"),
        ("not(coalesce(ipv6_is_in_range(a, \"10.0.0.0/8\"), false))", "family"),
        ("tolower(a) != \"x\"", "computed"),
        ("a.b != \"x\"", "computed"),
        ("a !in (U | project x)", "no constant"),
        ("a !in (other)", "no constant"),
        ("a != b", "no constant"),
        ("not(a has \"x\" and a has \"y\")", "asks two"),
        ("not(a has_all (\"x\", \"y\"))", "one thing"),
        ("not(a between (1 .. 2))", "compares no column"),
        ("not(a < 5)", "compare like this"),
        ("not(a !between (1 .. 2))", "compares no column"),
        ("isnotempty(a)", "compares no column"),
    ] {
        let why = read(condition).expect_err(condition);
        assert!(why.contains(part), "{condition}: {why}");
    }
}

#[test]
fn what_looks_like_an_exception() {
    for (condition, expected) in [
        ("a != \"x\"", true),
        ("a !in (svc)", true),
        ("not(a == \"x\" and b == c)", true),
        ("not(ipv4_is_private(a))", true),
        ("(a != \"x\" or b !has \"y\")", true),
        ("a != \"\"", false),
        ("not(isempty(a))", false),
        ("a != b", false),
        ("a == \"x\"", false),
        ("a != \"x\" or b == \"y\"", false),
        ("a !in (U | project x)", false),
        ("not(a == b)", false),
    ] {
        let text = format!("T | where {condition}");
        let parsed = parse(&text);
        let Some(ExprKind::Pipeline(pipeline)) = parsed.query.body().map(|body| &body.kind) else { panic!() };
        let OperatorKind::Where(rows) = &pipeline.operators[0].kind else { panic!() };
        assert_eq!(is_exclusion(&rows.value), expected, "{condition}");
    }
}

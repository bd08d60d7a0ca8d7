//! Trees stated by hand, mistakes with their places, budgets, and any text.

use super::super::dump::dump;
use super::super::span::Span;
use super::super::syntax::*;
use super::*;
use proptest::prelude::*;

/// The dump of a text that has no errors, white space made single.
fn tree(text: &str) -> String {
    let parsed = parse(text);
    assert_eq!(parsed.errors, [], "{text}");
    dump(&parsed.query, text).split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(")
}

/// Code, place and text at the place of each error.
fn mistakes(text: &str) -> Vec<(SyntaxCode, u32, &str)> {
    parse(text).errors.iter().map(|e| (e.code, e.span.start, e.span.of(text))).collect()
}

#[test]
fn precedence_is_kustos() {
    for (text, expected) in [
        ("print a or b and c or d", "(or a (and b c) d)"),
        ("print a + b * c - d", "(- (+ a (* b c)) d)"),
        ("print a - b - c + d", "(+ (- a b c) d)"),
        ("print (a + b) * c", "(* (+ a b) c)"),
        ("print a == b + 1 and c < d", "(and (== a (+ b 1)) (< c d))"),
        ("print a has 'x' * 2", "(* (has a \"x\") 2)"),
        ("print -a.b[0] + +c", "(+ (neg (index (. a b) 0)) (pos c))"),
        ("print a < b == c", "(== (< a b) c)"),
        ("print a in (1, 2) or b !in~ ('x')", "(or (in a 1 2) (!in~ b \"x\"))"),
        ("print a between (1 .. 2) and b", "(and (between a 1 2) b)"),
        ("print a matches regex @'\\d' 'x'", "(matches regex a \"\\\\dx\")"),
        ("print f(x, y=1, *).g['h'].i", "(. (index (. (call f x (= y 1) *) g) \"h\") i)"),
    ] {
        assert_eq!(tree(text), format!("(pipeline (print {expected}))"), "{text}");
    }
}

#[test]
fn pipelines_are_a_source_and_operators() {
    for (text, expected) in [
        ("T", "T"),
        ("T | where a > 1 | count", "(pipeline T (where (> a 1)) (count))"),
        ("['my table'] | take 1", "(pipeline [\"my table\"] (take 1))"),
        (
            "union kind=outer T, U* | count",
            "(pipeline (union (with (= kind outer)) T (wildcard U*)) (count))",
        ),
        ("cluster('c').database('d').T", "(. (. (call cluster \"c\") (call database \"d\")) T)"),
        (
            "T | join kind=inner (U | take 1) on a, $left.b == $right.c",
            "(pipeline T (join (with (= kind inner)) (pipeline U (take 1)) (on a (== (. $left b) (. $right c)))))",
        ),
        (
            "T | summarize n = count() by a, bin(t, 1d)",
            "(pipeline T (summarize (= n (call count)) (by a (call bin t 1d))))",
        ),
        ("T | sort by a asc nulls last, b", "(pipeline T (sort (asc a nulls-last) b))"),
        (
            "T | mv-expand x = a to typeof(long) limit 3",
            "(pipeline T (mv-expand (to (= x a) (typeof long)) (limit 3)))",
        ),
        ("T | mv-apply a on (take 1)", "(pipeline T (mv-apply a (on (pipeline (take 1)))))"),
        ("T | parse m with * 'a' b:long", "(pipeline T (parse m * \"a\" (: b long)))"),
        ("T | extend (a, b) = f(c)", "(pipeline T (extend (= (a b) (call f c))))"),
        ("T | where a in (U | project x)", "(pipeline T (where (in a (pipeline U (project x)))))"),
        ("T | project-away a*, *_x", "(pipeline T (project-away (wildcard a*) (wildcard *_x)))"),
        (
            "T | make-series c=count() default=0 on t from x to y step 1h by a",
            "(pipeline T (make-series (default (= c (call count)) 0) (on t) (from x) (to y) (step 1h) (by a)))",
        ),
        (
            "T | graph-match (a)-[e*1..3]->(b)<--() where a.x == 1 project b",
            "(pipeline T (graph-match (pattern (node a) (--> e (.. 1 3)) (node b) (<--) (node)) \
             (where (== (. a x) 1)) (project b)))",
        ),
        (
            "datatable(a:string, b:long)['x', -1]",
            "(datatable (columns (: a string) (: b long)) (values \"x\" (neg 1)))",
        ),
        (
            "print dynamic({'a': [1, -2, null]})",
            "(pipeline (print (dynamic (object (\"a\" (array 1 (neg 2) null))))))",
        ),
        ("print datetime(2026-01-31), 2.5h", "(pipeline (print datetime(2026-01-31) 2.5h))"),
    ] {
        assert_eq!(tree(text), expected, "{text}");
    }
}

#[test]
fn statements_and_functions() {
    for (text, expected) in [
        ("let a = 1; T", "(let a 1) T"),
        ("set x; set y = 2; T", "(set x) (set y 2) T"),
        (
            "let f = (a:long = 5, T:(x:string)) { let b = a; T | take b }; f(1)",
            "(let f (function (parameters (: a long 5) (: T (table (: x string)))) (body (let b a) (pipeline T (take b))))) \
             (call f 1)",
        ),
        ("let v = view () { T }; v", "(let v (view (parameters) (body T))) v"),
        ("let m = materialize(T | take 1); m", "(let m (materialize (pipeline T (take 1)))) m"),
        ("declare query_parameters(a:string = 'x'); T", "(query-parameters (: a string \"x\")) T"),
    ] {
        assert_eq!(tree(text), expected, "{text}");
    }
}

#[test]
fn keywords_are_names_where_kusto_allows_it() {
    assert_eq!(tree("T | extend where = 1, by = count"), "(pipeline T (extend (= where 1) (= by count)))");
    assert_eq!(tree("T | project kind, range, a.type"), "(pipeline T (project kind range (. a type)))");
    assert_eq!(mistakes("T | where title == 1"), [(SyntaxCode::MissingName, 10, "title")]);
    assert_eq!(mistakes("T | extend string = 1"), [(SyntaxCode::MissingName, 11, "string")]);
    assert_eq!(mistakes("T | extend a-b = 1"), [(SyntaxCode::MissingName, 11, "a")]);
}

#[test]
fn one_mistake_is_one_error_at_its_place() {
    use SyntaxCode as C;
    for (text, code, start, at) in [
        ("T | where", C::MissingExpression, 9, ""),
        ("T | where a and", C::MissingExpression, 15, ""),
        ("T | wher a == 1 | take 1", C::UnknownOperator, 4, "wher"),
        ("T | | take 1", C::UnknownOperator, 4, "|"),
        ("T |", C::UnknownOperator, 3, ""),
        ("T where a", C::MissingToken, 2, "where"),
        ("T\n| project a\nextend b = 1", C::MissingToken, 14, "extend"),
        ("T | project a b | take 1", C::MissingToken, 14, "b"),
        ("T | where (a == 1 | take 1", C::MissingToken, 10, "("),
        ("T | where f(a == 1 | take 1", C::MissingToken, 19, "|"),
        ("T | where a == 1) | take 1", C::UnexpectedText, 16, ")"),
        ("T | where a == 1 b == 2 | take 1", C::UnexpectedText, 17, "b"),
        ("let a = 1\nlet b = 2;\nT", C::MissingToken, 10, "let"),
        ("T | sort a", C::MissingToken, 9, "a"),
        ("T | where a in 1", C::MissingToken, 15, "1"),
        ("T | where a == 'x | take 1", C::UnterminatedString, 15, "'x | take 1"),
        ("T | where a == \"C:\\Win\" | take 1", C::BadEscape, 15, "\"C:\\Win\""),
        ("T | where a == “x”", C::UnknownCharacter, 15, "“"),
        ("print 74be27de-1e4e-49d9-b579-fe0b331d3642", C::RawGuid, 6, "74be27de-1e4e-49d9-b579-fe0b331d3642"),
        ("let f = (a:strng) { a }; f(1)", C::InvalidType, 11, "strng"),
        ("T;;U", C::UnexpectedText, 2, ";"),
        (".show tables", C::UnexpectedText, 0, "."),
    ] {
        let found = mistakes(text);
        assert_eq!(found.first(), Some(&(code, start, at)), "{text}");
        let allowed = if text.contains('“') { 2 } else { 1 };
        assert!(found.len() <= allowed, "{text}: {found:?}");
    }
}

#[test]
fn what_follows_a_mistake_is_still_understood() {
    for (text, expected) in [
        ("T | where | take 1", "(pipeline T (where <missing>) (take 1))"),
        ("T | wher a | take 1", "(pipeline T (unknown wher) (take 1))"),
        ("T where a | take 1", "(pipeline T (where a) (take 1))"),
        ("T | where a) | take 1", "(pipeline T (where a) (take 1))"),
        ("T | where (a b) | take 1", "(pipeline T (where a) (take 1))"),
        ("let a = ;\nT | take a", "(let a <missing>)\n(pipeline T (take a))"),
    ] {
        let parsed = parse(text);
        assert_eq!(parsed.errors.len(), 1, "{text}: {:?}", parsed.errors);
        assert_eq!(dump(&parsed.query, text).trim_end(), expected, "{text}");
    }
    let typo = parse("T | summarise count()").errors;
    assert!(typo[0].message.contains("did you mean `summarize`?"), "{}", typo[0].message);
}

#[test]
fn texts_beyond_a_budget_get_one_error() {
    for (text, code) in [
        ("(".repeat(MAX_BYTES + 1), SyntaxCode::TooLarge),
        ("(".repeat(100_000), SyntaxCode::TooDeep),
        (format!("print dynamic({}", "[".repeat(100_000)), SyntaxCode::TooDeep),
        (format!("T | where {}", "a in (".repeat(100_000)), SyntaxCode::TooDeep),
        (format!("T | {}", "facet by x with ".repeat(50_000)), SyntaxCode::TooDeep),
        (format!("print a{}", ".b".repeat(100_000)), SyntaxCode::TooDeep),
        (format!("T{}", " | take 1".repeat(100_000)), SyntaxCode::TooManyOperators),
        (format!("T{}", " |".repeat(100_000)), SyntaxCode::TooManyOperators),
        ("\"".repeat(100_001), SyntaxCode::UnterminatedString),
        ("\0".repeat(100_000), SyntaxCode::UnknownCharacter),
        (")".repeat(100_000), SyntaxCode::UnexpectedText),
    ] {
        let errors = parse(&text).errors;
        assert_eq!(errors.iter().map(|e| e.code).collect::<Vec<_>>(), [code], "{}", &text[..20]);
    }
    assert_eq!(parse(&format!("print {}1{}", "(".repeat(60), ")".repeat(60))).errors, []);
    let long = parse(&format!("T | where {} a == 0", "a == 1 or ".repeat(50_000)));
    assert_eq!(long.errors, [], "long conditions are flat, not deep");
}

#[test]
fn spans_cover_exactly_what_was_written() {
    let text = "T | where  a == 1 // c\n | take 5";
    let query = parse(text).query;
    let Some(Expr { kind: ExprKind::Pipeline(pipeline), span }) = query.body() else { panic!("a pipeline") };
    assert_eq!(span.of(text), text);
    let parts: Vec<_> = pipeline.operators.iter().map(|o| (o.keyword.of(text), o.span.of(text))).collect();
    assert_eq!(parts, [("where", "where  a == 1"), ("take", "take 5")]);
}

/// Pieces that make texts that are nearly Kusto.
const PIECES: &[&str] = &[
    "T",
    "|",
    "where",
    "a",
    "==",
    "'x'",
    "\"y",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    "let",
    "=",
    "1d",
    "5",
    ".",
    "..",
    "summarize",
    "by",
    "join",
    "on",
    "union",
    "in",
    "between",
    "and",
    "-",
    "*",
    "!in",
    "has",
    "extend",
    "project",
    "mv-apply",
    "mv-expand",
    "to",
    "typeof(",
    "dynamic(",
    "datetime(",
    "fork",
    "facet",
    "with",
    "graph-match",
    "-[",
    "]->",
    "make-series",
    "scan",
    "step",
    "print",
    "toscalar(",
    "externaldata",
    "render",
    "kind",
    ":",
    "string",
    "\n",
    "// c\n",
    "#d",
    "parse",
    "é",
    "\\",
    "evaluate",
    "partition",
    "materialize(",
    "declare",
    "pattern",
    "view",
];

proptest! {
    #[test]
    fn any_text_gives_a_tree_and_errors_inside_it(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn nearly_kusto_gives_a_tree_and_errors_inside_it(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)
    ) {
        check(&pieces.join(" "));
    }
}

fn check(text: &str) {
    let parsed = parse(text);
    let whole = Span::new(0, u32::try_from(text.len()).unwrap());
    assert!(whole.covers(parsed.query.span));
    for error in &parsed.errors {
        assert!(whole.covers(error.span), "{error:?}");
        assert!(
            text.is_char_boundary(error.span.start as usize)
                && text.is_char_boundary(error.span.end as usize)
        );
    }
    let _ = dump(&parsed.query, text);
}

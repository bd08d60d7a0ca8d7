//! The lexer against tokens written down by hand, and against any text.

use super::super::literal::string_value;
use super::super::token::{LiteralKind as L, TokenKind as K, significant};
use super::*;
use proptest::prelude::*;

fn kinds(text: &str) -> Vec<(K, &str)> {
    let tokens = lex(text);
    significant(&tokens).map(|t| (t.kind, t.span.of(text))).collect()
}

fn one(text: &str) -> (K, Option<TokenFault>) {
    let tokens = lex(text);
    assert_eq!(tokens.len(), 1, "{text} is not one token: {tokens:?}");
    (tokens[0].kind, tokens[0].fault)
}

#[test]
fn numbers_take_the_longest_form_that_fits() {
    for (text, kind) in [
        ("12", L::Long),
        ("0x1F", L::Long),
        ("1.5", L::Real),
        ("1.", L::Real),
        ("1e10", L::Real),
        ("1.5e-3", L::Real),
        ("1d", L::Timespan),
        ("2.5h", L::Timespan),
        ("10ms", L::Timespan),
        ("1tick", L::Timespan),
        ("3microseconds", L::Timespan),
        ("datetime(2026-01-31 10:00)", L::Datetime),
        ("time(1.02:03)", L::Timespan),
        ("guid(x)", L::Guid),
        ("long(null)", L::Long),
        ("int(-3)", L::Int),
        ("decimal(1e5)", L::Decimal),
        ("bool(1)", L::Bool),
        ("TRUE", L::Bool),
        ("74be27de-1e4e-49d9-b579-fe0b331d3642", L::RawGuid),
    ] {
        assert_eq!(one(text), (K::Literal(kind), None), "{text}");
    }
    for text in ["2ndName", "0x", "1e", "12abc", "_x", "$left", "tRUE", "datetimes"] {
        assert_eq!(one(text), (K::Identifier, None), "{text}");
    }
    let (long, dots) = (K::Literal(L::Long), K::DotDot);
    assert_eq!(kinds("1..5"), [(long, "1"), (dots, ".."), (long, "5")]);
    assert_eq!(kinds("boolean(1)").len(), 4, "only some type names make literals");
}

#[test]
fn words_with_odd_characters_are_one_token() {
    for (text, keyword) in [
        ("project-away", Keyword::ProjectAway),
        ("mv-expand", Keyword::MvExpand),
        ("in~", Keyword::InTilde),
        ("!in", Keyword::NotIn),
        ("!in~", Keyword::NotInTilde),
        ("!contains_cs", Keyword::NotContainsCs),
        ("matches regex", Keyword::MatchesRegex),
        ("hint.shufflekey", Keyword::HintShufflekey),
        ("3Dchart", Keyword::ThreeDChart),
    ] {
        assert_eq!(one(text), (K::Keyword(keyword), None), "{text}");
    }
    assert_eq!(kinds("project-awayx").len(), 3, "not the operator");
    assert_eq!(kinds("matches  regex").len(), 2, "two spaces: two words");
    assert_eq!(kinds("!x")[0].0, K::Unknown);
}

#[test]
fn strings_of_every_form_end_at_their_own_quote() {
    for (raw, value) in [
        (r#""a\tb""#, "a\tb"),
        (r"'it\'s'", "it's"),
        (r#"@"C:\temp\""#, r"C:\temp\"),
        (r#"@"say ""hi""""#, r#"say "hi""#),
        (r"@'it''s'", "it's"),
        (r#"h"secret""#, "secret"),
        (r"H@'\d'", r"\d"),
        ("```a\n'b'\"```", "a\n'b'\""),
        ("~~~x\ny~~~", "x\ny"),
        (r#""\x41\u0042\U00000043\104""#, "ABCD"),
        (r#""\ud83d\ude00""#, "😀"),
        ("''", ""),
    ] {
        assert_eq!(one(raw), (K::Literal(L::String), None), "{raw}");
        assert_eq!(string_value(raw).as_deref(), Some(value), "{raw}");
    }
}

#[test]
fn a_string_without_end_stops_at_its_line() {
    for raw in [r#""abc"#, "'abc", r#"@"abc\"#, r#"h'x"#, r#""abc\""#] {
        let text = format!("{raw}\nnext");
        let tokens = lex(&text);
        assert_eq!(tokens[0].fault, Some(TokenFault::UnterminatedString), "{raw}");
        assert_eq!(tokens[0].span.of(&text), raw);
        assert!(!tokens[0].is_terminated());
        assert_eq!(string_value(raw), None, "{raw}");
    }
    assert_eq!(one("```abc\ndef").1, Some(TokenFault::UnterminatedString));
    assert_eq!(one("datetime(2026").1, Some(TokenFault::UnterminatedLiteral));
    assert_eq!(one(r#""C:\Windows""#).1, Some(TokenFault::BadEscape));
}

#[test]
fn trivia_is_kept_apart_from_what_counts() {
    let text = "T // a | b\n| where x // end";
    let tokens = lex(text);
    let comments: Vec<_> = tokens.iter().filter(|t| t.kind == K::Comment).map(|t| t.text(text)).collect();
    assert_eq!(comments, ["// a | b", "// end"]);
    assert_eq!(kinds(text).len(), 4);
    assert_eq!(kinds("\"// not a comment\"").len(), 1);
}

fn rebuilt(text: &str) -> String {
    lex(text).iter().map(|t| t.text(text)).collect()
}

proptest! {
    #[test]
    fn tokens_put_together_are_the_text(text in any::<String>()) {
        prop_assert_eq!(rebuilt(&text), text);
    }

    #[test]
    fn tokens_of_nearly_kusto_are_the_text(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("\""), Just("'"), Just("@"), Just("h"), Just("```"), Just("~~~"), Just("\\"), Just("\n"),
                Just("datetime("), Just(")"), Just("!in"), Just("in~"), Just("project-away"), Just("1.5e"),
                Just("0x"), Just("//"), Just("#"), Just(" "), Just("é"), Just("\u{2028}"), Just("a"), Just("\\u00"),
            ],
            0..40,
        )
    ) {
        let text = pieces.concat();
        prop_assert_eq!(rebuilt(&text), text.as_str());
        for token in lex(&text) {
            let _ = string_value(token.text(&text));
        }
    }
}

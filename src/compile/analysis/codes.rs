//! The codes of what parsing and binding a query finds, for `palisade explain CODE`.
//!
//! `KQL-Snn` are mistakes of syntax. `KQLnnn` are mistakes of meaning, with the number that Microsoft's own analyser gives
//! the same fault, so that an answer of Microsoft's can be found.

use crate::diagnostic::codes::Code;
use crate::kql::bind;
use crate::kql::parser::SyntaxCode;

const fn syntax(code: SyntaxCode, title: &'static str, explanation: &'static str) -> Code {
    Code { code: code.as_str(), title, explanation }
}

const SYNTAX: [Code; 14] = [
    syntax(
        SyntaxCode::UnterminatedString,
        "a string has no closing quote",
        "A string ends on its line with the quote that it began with; three backticks begin one of several lines.",
    ),
    syntax(
        SyntaxCode::BadEscape,
        "an escape in a string is not valid",
        "After a backslash stands one of a closed list of letters. Write @\"...\" for a string in which a backslash is just a \
         backslash, as in paths and regular expressions.",
    ),
    syntax(
        SyntaxCode::UnterminatedLiteral,
        "a typed literal has no closing parenthesis",
        "`datetime(`, `timespan(`, `guid(` and the like end with `)` on the same line.",
    ),
    syntax(
        SyntaxCode::UnknownCharacter,
        "a character is not part of the language",
        "Often a typographic quote or dash that came from a document: replace it by the plain one.",
    ),
    syntax(
        SyntaxCode::MissingExpression,
        "an expression is missing",
        "Something must stand here: a value, a column, a condition. Often a comma or an operator is left over.",
    ),
    syntax(
        SyntaxCode::MissingName,
        "a name is missing",
        "A name must stand here. A word of the language is used as a name by writing it as ['word'].",
    ),
    syntax(
        SyntaxCode::MissingToken,
        "a word or sign is missing",
        "The grammar wants a certain word or sign here, such as `by`, `,` or `)`; the message says which.",
    ),
    syntax(
        SyntaxCode::UnknownOperator,
        "no operator has this name",
        "After `|` comes an operator such as `where`, `extend`, `summarize` or `project`.",
    ),
    syntax(
        SyntaxCode::UnexpectedText,
        "text that belongs to nothing",
        "The query was complete before this. Often a `|` before it, or a `;` after a `let`, is missing.",
    ),
    syntax(
        SyntaxCode::InvalidType,
        "no type has this name",
        "Types are bool, int, long, real, decimal, string, datetime, timespan, guid and dynamic.",
    ),
    syntax(
        SyntaxCode::RawGuid,
        "a GUID is not a literal by itself",
        "Write guid(...) around it, or quotes when the column is a string.",
    ),
    syntax(
        SyntaxCode::TooLarge,
        "the query is too large to be read",
        "Services take 10,000 characters; texts far beyond that are not looked at.",
    ),
    syntax(
        SyntaxCode::TooDeep,
        "the query is nested too deeply",
        "Brackets and sub-queries may nest 200 levels deep; the services give up earlier.",
    ),
    syntax(
        SyntaxCode::TooManyOperators,
        "the query has too many operators",
        "More than 10,000 operators are not a query that a service would run.",
    ),
];

/// What is worth more than a reference to Microsoft's number.
const EXPLAINED: [(&str, &str); 7] = [
    (
        "KQL106",
        "The operator does not exist for these types, for example a number compared with a text, or `has` on a number. Convert one \
         side with tostring(), toint(), todatetime() and so on.",
    ),
    (
        "KQL107",
        "The place wants a value of another type, for example `where` a condition. Convert the value, or compare it with something.",
    ),
    (
        "KQL142",
        "No column, variable or function of this name exists at this place. Columns that a `project` or `summarize` before did not \
         keep are gone. Names are compared with case. Services refuse the rule, or switch it off once the column is gone.",
    ),
    (
        "KQL204",
        "No table of this name is known. It is an error when the environment's schema files say that they are complete \
         (`\"complete\": true` in environments/NAME/schema/*.json), or the service is known not to have it; otherwise a warning, \
         because a workspace may have tables and functions of its own. Describe them in such a file and their columns are \
         checked too.",
    ),
    (
        "KQL205",
        "A union with isfuzzy=true leaves out what does not exist, so this runs, but finds nothing there.",
    ),
    (
        "KQL211",
        "No function of this name is known: neither of the language, nor of the platform, nor of the environment's schema files. A \
         warning unless those files are complete, because a workspace may have functions of its own.",
    ),
    (
        "KQL236",
        "Behind `summarize` a column stands inside an aggregate such as max() or take_any(), or after `by`.",
    ),
];

const GENERIC: &str = "The service would refuse the query. Microsoft's own analyser reports this fault under the same number with the \
     letters KS, which is a good word to search for.";

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

const COUNT: usize = SYNTAX.len() + bind::CODES.len();

const TABLE: [Code; COUNT] = {
    let mut table = [SYNTAX[0]; COUNT];
    let mut at = 0;
    while at < SYNTAX.len() {
        table[at] = SYNTAX[at];
        at += 1;
    }
    let mut index = 0;
    while index < bind::CODES.len() {
        let (code, title) = bind::CODES[index];
        let mut explanation = GENERIC;
        let mut known = 0;
        while known < EXPLAINED.len() {
            if same(EXPLAINED[known].0, code) {
                explanation = EXPLAINED[known].1;
            }
            known += 1;
        }
        table[at + index] = Code { code, title, explanation };
        index += 1;
    }
    table
};

/// Mistakes of syntax, then of meaning, in the order of the codes.
pub const CODES: &[Code] = &TABLE;

/// What a code is about; a code that is not listed says so of itself.
pub(super) fn title(code: &'static str) -> &'static str {
    CODES.iter().find(|known| known.code == code).map_or(code, |known| known.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once() {
        for (index, code) in CODES.iter().enumerate() {
            assert!(CODES.iter().skip(index + 1).all(|other| other.code != code.code), "{}", code.code);
            assert!(code.explanation.ends_with('.') && !code.title.ends_with('.'), "{}", code.code);
        }
        for (code, explanation) in EXPLAINED {
            assert!(
                CODES.iter().any(|known| known.code == code && known.explanation == explanation),
                "{code}"
            );
        }
        assert_eq!(title("KQL-S09"), "text that belongs to nothing");
    }
}

//! The string operators: `has`, `contains`, `startswith`, `=~` and their kin, as functions on text.
//!
//! Three facts of the documentation ("String operators", "has operator") are all of this module:
//!
//! * Operators without `_cs` ignore case **in ASCII only**; `é` and `É` differ for them.
//! * A *term* is a maximal run of letters and digits. `has` looks for its right side with no letter or digit glued on at
//!   either end: `"North America" has "america"`, but not `has "amer"`. Where the right side itself begins or ends with
//!   another character, that end is a boundary already, so `"cmd.exe" has ".exe"`.
//! * `hasprefix` asks for the boundary on the left only, `hassuffix` on the right only.
//!
//! An empty right side is found in every text. Nothing here knows values, nulls or columns: a null right side is
//! decided by the caller.

use crate::kql::syntax::BinaryOp;

/// Whether `text OP part` holds; `None` if `op` is no operator on text, or is `matches regex`, which needs more.
pub(crate) fn test(op: BinaryOp, text: &str, part: &str) -> Option<bool> {
    use {BinaryOp as Op, Case::Ignored, Case::Sensitive};
    Some(match op {
        Op::EqualTilde => equal(text, part, Ignored),
        Op::NotEqualTilde => !equal(text, part, Ignored),
        Op::Contains => contains(text, part, Ignored),
        Op::NotContains => !contains(text, part, Ignored),
        Op::ContainsCs => contains(text, part, Sensitive),
        Op::NotContainsCs => !contains(text, part, Sensitive),
        Op::StartsWith => starts_with(text, part, Ignored),
        Op::NotStartsWith => !starts_with(text, part, Ignored),
        Op::StartsWithCs => starts_with(text, part, Sensitive),
        Op::NotStartsWithCs => !starts_with(text, part, Sensitive),
        Op::EndsWith => ends_with(text, part, Ignored),
        Op::NotEndsWith => !ends_with(text, part, Ignored),
        Op::EndsWithCs => ends_with(text, part, Sensitive),
        Op::NotEndsWithCs => !ends_with(text, part, Sensitive),
        Op::Has => has(text, part, Terms::Whole, Ignored),
        Op::NotHas => !has(text, part, Terms::Whole, Ignored),
        Op::HasCs => has(text, part, Terms::Whole, Sensitive),
        Op::NotHasCs => !has(text, part, Terms::Whole, Sensitive),
        Op::HasPrefix => has(text, part, Terms::Prefix, Ignored),
        Op::NotHasPrefix => !has(text, part, Terms::Prefix, Ignored),
        Op::HasPrefixCs => has(text, part, Terms::Prefix, Sensitive),
        Op::NotHasPrefixCs => !has(text, part, Terms::Prefix, Sensitive),
        Op::HasSuffix => has(text, part, Terms::Suffix, Ignored),
        Op::NotHasSuffix => !has(text, part, Terms::Suffix, Ignored),
        Op::HasSuffixCs => has(text, part, Terms::Suffix, Sensitive),
        Op::NotHasSuffixCs => !has(text, part, Terms::Suffix, Sensitive),
        _ => return None,
    })
}

/// Whether letters of different case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// `has_cs`, `contains_cs`, `==`: bytes are compared.
    Sensitive,
    /// `has`, `contains`, `=~`: ASCII letters are folded.
    Ignored,
}

/// At which ends of a find a term must end too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    /// `has`
    Whole,
    /// `hasprefix`
    Prefix,
    /// `hassuffix`
    Suffix,
}

/// `==` and `=~`.
pub(crate) fn equal(text: &str, other: &str, case: Case) -> bool {
    same(text.as_bytes(), other.as_bytes(), case)
}

/// `contains` and `contains_cs`.
pub(crate) fn contains(text: &str, part: &str, case: Case) -> bool {
    match case {
        Case::Sensitive => text.contains(part),
        Case::Ignored => Finds::new(text, part, case).next().is_some(),
    }
}

/// `startswith` and `startswith_cs`.
pub(crate) fn starts_with(text: &str, part: &str, case: Case) -> bool {
    text.as_bytes().get(..part.len()).is_some_and(|start| same(start, part.as_bytes(), case))
}

/// `endswith` and `endswith_cs`.
pub(crate) fn ends_with(text: &str, part: &str, case: Case) -> bool {
    let start = text.len().checked_sub(part.len());
    start.and_then(|start| text.as_bytes().get(start..)).is_some_and(|end| same(end, part.as_bytes(), case))
}

/// `has`, `hasprefix`, `hassuffix` and their `_cs` forms.
pub(crate) fn has(text: &str, part: &str, terms: Terms, case: Case) -> bool {
    let head = part.chars().next().is_some_and(char::is_alphanumeric) && terms != Terms::Suffix;
    let tail = part.chars().next_back().is_some_and(char::is_alphanumeric) && terms != Terms::Prefix;
    Finds::new(text, part, case).any(|at| {
        let before = || text.get(..at).and_then(|before| before.chars().next_back());
        let after = || text.get(at + part.len()..).and_then(|after| after.chars().next());
        let glued_before = head && before().is_some_and(char::is_alphanumeric);
        let glued_after = || tail && after().is_some_and(char::is_alphanumeric);
        !glued_before && !glued_after()
    })
}

fn same(a: &[u8], b: &[u8], case: Case) -> bool {
    match case {
        Case::Sensitive => a == b,
        Case::Ignored => a.eq_ignore_ascii_case(b),
    }
}

/// Byte offsets at which a part stands in a text, overlapping ones included.
struct Finds<'a> {
    text: &'a [u8],
    part: &'a [u8],
    case: Case,
    at: usize,
}

impl<'a> Finds<'a> {
    fn new(text: &'a str, part: &'a str, case: Case) -> Finds<'a> {
        Finds { text: text.as_bytes(), part: part.as_bytes(), case, at: 0 }
    }
}

impl Iterator for Finds<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        // Both sides are UTF-8 and only ASCII folds, so a find never starts inside a character.
        while let Some(window) = self.text.get(self.at..self.at + self.part.len()) {
            let at = self.at;
            self.at += 1;
            if same(window, self.part, self.case) {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left, operator, right, answer. Unless noted: the examples of the operator's page in the Kusto documentation.
    const CASES: &[(&str, &str, &str, bool)] = &[
        ("aBc", "==", "aBc", true),
        ("abc", "==", "ABC", false),
        ("abc", "=~", "ABC", true),
        ("FabriKam", "contains", "BRik", true),
        ("Fabrikam", "contains", "xyz", false),
        ("FabriKam", "contains_cs", "Kam", true),
        ("Fabrikam", "contains_cs", "Kam", false),
        ("Fabrikam", "endswith", "Kam", true),
        ("Fabrikam", "endswith", "brik", false),
        ("Fabrikam", "endswith_cs", "kam", true),
        ("Fabrikam", "endswith_cs", "Kam", false),
        ("Fabrikam", "startswith", "fab", true),
        ("Fabrikam", "startswith", "kam", false),
        ("Fabrikam", "startswith_cs", "Fab", true),
        ("Fabrikam", "startswith_cs", "fab", false),
        ("North America", "has", "america", true),
        ("North America", "has", "amer", false),
        ("North America", "has_cs", "America", true),
        ("North America", "has_cs", "america", false),
        ("North America", "hasprefix", "ame", true),
        ("North America", "hasprefix", "mer", false),
        ("North America", "hasprefix_cs", "Ame", true),
        ("North America", "hasprefix_cs", "CA", false),
        ("North America", "hassuffix", "ica", true),
        ("North America", "hassuffix", "americ", false),
        ("North America", "hassuffix_cs", "ica", true),
        ("North America", "hassuffix_cs", "icA", false),
        // "What is a term?"
        ("Kusto: ad67d136-c1db-4f9f-88ef-d94f3b6b0b5a;KustoExplorerQueryRun", "has", "kusto", true),
        ("Kusto: ad67d136-c1db-4f9f-88ef-d94f3b6b0b5a;KustoExplorerQueryRun", "has", "4f9f", true),
        ("KustoExplorerQueryRun", "has", "Explorer", false),
        ("KustoExplorerQueryRun", "contains", "Explorer", true),
        // Our own: ends that are not letters or digits, several finds, nothing, ASCII only.
        ("cmd.exe", "has", ".exe", true),
        ("cmd.exe", "has", "md.exe", false),
        ("a.b-c.d", "has", "b-c", true),
        ("xcmd cmd", "has", "cmd", true),
        ("under_score", "has", "score", true),
        ("abc", "has", "", true),
        ("", "has", "", true),
        ("", "has", "a", false),
        ("abc", "contains", "", true),
        ("abc", "startswith", "abcd", false),
        ("CAFÉ", "=~", "café", false),
        ("CAFÉ", "contains", "caf", true),
        ("été", "has", "t", false),
        ("größe x", "hasprefix", "Grö", true),
    ];

    #[test]
    fn operators_answer_as_documented() {
        for &(left, operator, right, expected) in CASES {
            let (name, case) = match operator.strip_suffix("_cs") {
                Some(name) => (name, Case::Sensitive),
                None => (operator, Case::Ignored),
            };
            let found = match name {
                "==" => equal(left, right, Case::Sensitive),
                "=~" => equal(left, right, case),
                "contains" => contains(left, right, case),
                "startswith" => starts_with(left, right, case),
                "endswith" => ends_with(left, right, case),
                "has" => has(left, right, Terms::Whole, case),
                "hasprefix" => has(left, right, Terms::Prefix, case),
                "hassuffix" => has(left, right, Terms::Suffix, case),
                _ => panic!("{operator}"),
            };
            assert_eq!(found, expected, "{left:?} {operator} {right:?}");
        }
    }
}

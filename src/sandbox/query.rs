//! The little the sandbox understands of KQL: enough to refuse what is plainly broken and to answer like the
//! services where peers recorded an answer. It never claims to parse a query; where it is unsure, it accepts.

/// A query with comments removed and string contents blanked, so that plain text search is safe.
#[derive(Debug)]
pub(crate) struct Query {
    bare: String,
    has_comment: bool,
    fault: Option<String>,
}

impl Query {
    pub(crate) fn read(text: &str) -> Self {
        let (mut bare, mut has_comment, mut fault) = (String::with_capacity(text.len()), false, None);
        let mut chars = text.chars().peekable();
        let mut open: Vec<char> = Vec::new();
        while let Some(c) = chars.next() {
            match c {
                '/' if chars.peek() == Some(&'/') => {
                    has_comment = true;
                    while chars.peek().is_some_and(|c| *c != '\n') {
                        chars.next();
                    }
                }
                '"' | '\'' => {
                    let verbatim = bare.ends_with('@');
                    let mut closed = false;
                    while let Some(inner) = chars.next() {
                        if inner == '\\' && !verbatim {
                            chars.next();
                        } else if inner == c {
                            if verbatim && chars.peek() == Some(&c) {
                                chars.next();
                                continue;
                            }
                            closed = true;
                            break;
                        } else if inner == '\n' && !verbatim {
                            break;
                        }
                    }
                    bare.push_str("\"\"");
                    if !closed {
                        fault.get_or_insert_with(|| "a string is not closed".to_owned());
                    }
                }
                '`' => {
                    // A multi-line literal is fenced by three; its content may hold anything.
                    let mut fence = 1;
                    while fence < 3 && chars.next_if_eq(&'`').is_some() {
                        fence += 1;
                    }
                    let mut closing = 0;
                    while fence == 3 && closing < 3 {
                        match chars.next() {
                            Some('`') => closing += 1,
                            Some(_) => closing = 0,
                            None => {
                                fault.get_or_insert_with(|| "a string is not closed".to_owned());
                                break;
                            }
                        }
                    }
                    bare.push_str("\"\"");
                }
                '(' | '[' | '{' => {
                    open.push(c);
                    bare.push(c);
                }
                ')' | ']' | '}' => {
                    let expected = match c {
                        ')' => '(',
                        ']' => '[',
                        _ => '{',
                    };
                    if open.pop() != Some(expected) {
                        fault.get_or_insert_with(|| format!("unexpected '{c}'"));
                    }
                    bare.push(c);
                }
                c => bare.push(c),
            }
        }
        if let Some(c) = open.last() {
            fault.get_or_insert_with(|| format!("'{c}' is not closed"));
        }
        if bare.trim().is_empty() {
            fault = Some("the query is empty".to_owned());
        }
        Self { bare, has_comment, fault }
    }

    /// Why the query cannot be well formed.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    pub(crate) fn has_comment(&self) -> bool {
        self.has_comment
    }

    /// Is `word` used outside strings and comments?
    pub(crate) fn uses(&self, word: &str) -> bool {
        self.bare.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|token| token == word)
    }

    /// Is `name` called as a function?
    pub(crate) fn calls(&self, name: &str) -> bool {
        self.bare.match_indices(name).any(|(at, _)| {
            let before = self.bare.get(..at).and_then(|text| text.chars().next_back());
            let after = self.bare.get(at + name.len()..).unwrap_or_default().trim_start();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_') && after.starts_with('(')
        })
    }

    /// The name the main statement starts from, if it is a plain name that no `let` defines.
    pub(crate) fn table(&self) -> Option<&str> {
        let statements = self.statements();
        let first = statements.last()?.split('|').next()?.trim();
        let plain = !first.is_empty() && first.chars().all(|c| c.is_alphanumeric() || c == '_');
        let defined = statements
            .iter()
            .filter_map(|s| s.strip_prefix("let "))
            .any(|rest| rest.split(['=', '(']).next().is_some_and(|name| name.trim() == first));
        (plain && !defined).then_some(first)
    }

    /// The columns of the result, when the query ends in a `project` (perhaps followed by operators that keep columns).
    pub(crate) fn columns(&self) -> Option<Vec<&str>> {
        let statements = self.statements();
        for stage in split_top(statements.last()?, '|').into_iter().rev() {
            let stage = stage.trim();
            let (operator, rest) = stage.split_once(char::is_whitespace).unwrap_or((stage, ""));
            match operator {
                "where" | "take" | "limit" | "sort" | "order" | "top" | "filter" => {}
                "project" => {
                    return split_top(rest, ',')
                        .into_iter()
                        .map(|part| {
                            let name = part.split_once('=').map_or(part, |(name, _)| name).trim();
                            name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
                        })
                        .collect();
                }
                _ => return None,
            }
        }
        None
    }

    fn statements(&self) -> Vec<&str> {
        split_top(&self.bare, ';').into_iter().map(str::trim).filter(|s| !s.is_empty()).collect()
    }
}

/// Splits outside brackets.
fn split_top(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            c if c == separator && depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_queries_are_seen_and_sound_ones_are_not() {
        for text in [
            "T | where x ==",
            "T | where a == \"(\" // )",
            "T | where a == @'c:\\' and b == 'it\\'s'",
            "T | where a == ```x ' \" (```",
        ] {
            assert_eq!(Query::read(text).fault(), None, "{text}");
        }
        for text in
            ["", " // only", "T | where (a == 1", "T | where a)", "T | where a == 'x", "T | extend a[1)"]
        {
            assert!(Query::read(text).fault().is_some(), "{text}");
        }
    }

    #[test]
    fn names_are_found_outside_strings_and_comments_only() {
        let query =
            Query::read("let x = 1; // join\nT | where a has 'union' | where workspace('b').T has 'c'");
        assert!(query.uses("let") && query.has_comment() && query.calls("workspace"));
        assert!(!query.uses("join") && !query.uses("union") && !query.calls("space"));
    }

    #[test]
    fn the_table_and_the_columns_are_read_when_they_are_plain() {
        let query = Query::read(
            "let t = 1d;\nSecurityEvent\n| where a > ago(t) | project A, B = f(x, y), C\n| take 5",
        );
        assert_eq!(query.table(), Some("SecurityEvent"));
        assert_eq!(query.columns().unwrap(), ["A", "B", "C"]);
        let query = Query::read("let t = X | where 1; t | extend a = 1");
        assert_eq!((query.table(), query.columns()), (None, None));
        assert_eq!(Query::read("union A, B").table(), None);
        assert_eq!(Query::read("T | project A, strcat(B, C)").columns(), None);
    }
}

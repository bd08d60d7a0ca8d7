//! `parse_command_line`: the arguments of a Windows command line, as `CommandLineToArgvW` finds them.
//!
//! Its rules: the first word is a program's name, in which only quotes count; later words are parted by blanks outside
//! quotes, a backslash is special only before a quote, and of three quotes in a row one stays.

use super::argument::{strings, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[function("parse_command_line", parse_command_line)];

fn parse_command_line(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let parser = text(args, 1);
    if !parser.eq_ignore_ascii_case("windows") {
        return Err(call.failed(format!("parse_command_line(): `{parser}` is no parser, only `windows` is")));
    }
    Ok(strings(arguments(&text(args, 0))))
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

fn arguments(line: &str) -> Vec<String> {
    if line.is_empty() {
        return Vec::new();
    }
    let (program, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => line.split_once(is_blank).unwrap_or((line, "")),
    };
    let mut found = vec![program.to_owned()];
    let mut rest = rest.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let (argument, after) = next_argument(rest);
        found.push(argument);
        rest = after.trim_start_matches(is_blank);
    }
    found
}

/// The first argument of a text that does not begin with a blank, and what follows it.
fn next_argument(line: &str) -> (String, &str) {
    let mut argument = String::new();
    let mut rest = line;
    // Quotes seen since the last that counted as text: inside quotes while there is one.
    let mut quotes = 0;
    while let Some(c) = rest.chars().next() {
        if is_blank(c) && quotes == 0 {
            break;
        }
        let backslashes = rest.len() - rest.trim_start_matches('\\').len();
        let after = rest.get(backslashes..).unwrap_or_default();
        if !after.starts_with('"') {
            let taken = backslashes.max(c.len_utf8());
            argument.push_str(rest.get(..taken).unwrap_or_default());
            rest = rest.get(taken..).unwrap_or_default();
            continue;
        }
        argument.extend(std::iter::repeat_n('\\', backslashes / 2));
        if backslashes % 2 == 1 {
            argument.push('"');
        } else {
            quotes += 1;
        }
        rest = after.strip_prefix('"').unwrap_or_default();
        while let Some(more) = rest.strip_prefix('"') {
            quotes += 1;
            if quotes == 3 {
                argument.push('"');
                quotes = 0;
            }
            rest = more;
        }
        if quotes == 2 {
            quotes = 0;
        }
    }
    (argument, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parted_as_windows_does() {
        // The table of "Parsing C command-line arguments" and the remarks of "CommandLineToArgvW".
        for (line, expected) in [
            ("echo \"hello world!\"", &["echo", "hello world!"][..]),
            (r#"x "a b c" d e"#, &["x", "a b c", "d", "e"]),
            (r#"x "ab\"c" "\\" d"#, &["x", r#"ab"c"#, r"\", "d"]),
            (r#"x a\\\b d"e f"g h"#, &["x", r"a\\\b", "de fg", "h"]),
            (r#"x a\\\"b c d"#, &["x", r#"a\"b"#, "c", "d"]),
            (r#"x a\\\\"b c" d e"#, &["x", r"a\\b c", "d", "e"]),
            (r#""C:\Program Files\a.exe" /c  dir	/b"#, &[r"C:\Program Files\a.exe", "/c", "dir", "/b"]),
            (r#"C:\a\"b c"#, &[r#"C:\a\"b"#, "c"]),
            (r#"x """a""" b"#, &["x", r#""a""#, "b"]),
            (r#"x "" y"#, &["x", "", "y"]),
            ("", &[]),
            ("x \"unclosed y", &["x", "unclosed y"]),
        ] {
            assert_eq!(arguments(line), expected, "{line}");
        }
    }
}

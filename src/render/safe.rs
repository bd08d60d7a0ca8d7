//! Text that others wrote, made harmless for terminals and build logs.
//!
//! Rule names, queries and service messages are influenced by attackers (ux.md §0.10): they must not move the cursor,
//! hide text by direction marks, or be taken for commands by a build agent (`##vso[…]`, `##[…]`, `::command::`).

use crate::characters::{is_bidi_control, is_control, is_invisible};

/// One line of foreign text: control and direction characters become visible escapes, build commands lose their form.
#[must_use]
pub fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => safe.push_str("    "),
            c if is_risky(c) => {
                safe.push_str("\\u{");
                safe.push_str(&format!("{:x}", u32::from(c)));
                safe.push('}');
            }
            c => safe.push(c),
        }
    }
    if safe.contains("##") {
        safe = safe.replace("##[", "# #[").replace("##vso", "# #vso");
    }
    match safe.trim_start().strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => safe,
    }
}

/// Several lines of foreign text, each made harmless.
#[must_use]
pub fn lines(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn is_risky(c: char) -> bool {
    is_control(c) || is_bidi_control(c) || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_loses_its_teeth() {
        for (text, safe) in [
            ("plain", "plain"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("##vso[task.setvariable]x", "# #vso[task.setvariable]x"),
            ("x ##[error]y", "x # #[error]y"),
            ("::set-output name=a::b", ": :set-output name=a::b"),
            ("  ::error::x", ": :error::x"),
            ("a::b", "a::b"),
        ] {
            assert_eq!(line(text), safe);
        }
    }
}

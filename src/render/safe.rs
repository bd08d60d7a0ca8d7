//! Text that others wrote, made harmless for terminals and build logs.
//!
//! Rule names, queries and service messages are influenced by attackers (ux.md §0.10): they must not move the cursor,
//! hide text by direction marks, or be taken for commands by a build agent (`##vso[…]`, `##[…]`, `::command::`). What
//! stands between the characters of a command without being seen (joiners, variation selectors) does not save it: agents
//! compare texts with the rules of a language, where such characters do not count.

use crate::characters::{is_bidi_control, is_control, is_invisible};

/// One line of foreign text: control and direction characters become visible escapes, build commands lose their form.
#[must_use]
pub fn line(text: &str) -> String {
    let shown_as_it_is = match text.is_ascii() {
        true => text.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        false => !text.contains(|c| c == '\t' || is_risky(c)),
    };
    if shown_as_it_is && has_no_command(text) {
        return text.to_owned();
    }
    pieces([((), text)]).into_iter().map(|((), piece)| piece).collect()
}

/// One line of foreign text that was cut into pieces: harmless also when the pieces are put together again.
#[must_use]
pub fn pieces<'a, M: Copy>(pieces: impl IntoIterator<Item = (M, &'a str)>) -> Vec<(M, String)> {
    let pieces: Vec<(M, &str)> = pieces.into_iter().collect();
    let all: Vec<char> = pieces.iter().flat_map(|(_, piece)| piece.chars()).collect();
    let breaks = breaks(&all);
    let (mut at, mut out) = (0, Vec::with_capacity(pieces.len()));
    for (mark, piece) in pieces {
        let mut safe = String::with_capacity(piece.len());
        for c in piece.chars() {
            if breaks.contains(&at) {
                safe.push(' ');
            }
            push(&mut safe, c);
            at += 1;
        }
        out.push((mark, safe));
    }
    out
}

/// Several lines of foreign text, each made harmless.
#[must_use]
pub fn lines(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Text whose parts are harmless each, made harmless as a whole: `:` and `: x` side by side would be the start of a command.
#[must_use]
pub fn composed(text: String) -> String {
    if !text.contains([':', '#']) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if has_no_command(line) {
            out.push_str(line);
            continue;
        }
        let chars: Vec<char> = line.chars().collect();
        let breaks = breaks(&chars);
        for (at, c) in chars.into_iter().enumerate() {
            if breaks.contains(&at) {
                out.push(' ');
            }
            out.push(c);
        }
    }
    out
}

fn push(safe: &mut String, c: char) {
    match c {
        '\t' => safe.push_str("    "),
        c if is_risky(c) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => safe.push(c),
    }
}

fn is_risky(c: char) -> bool {
    is_control(c) || is_bidi_control(c) || is_invisible(c)
}

/// Characters that are shown as they are and do not count when texts are compared as a language does it: joiners,
/// variation selectors, the grapheme joiner.
fn is_passed_over(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether nothing in a line can be a build command, as far as that shows at first sight: nearly every line of a plan.
fn has_no_command(line: &str) -> bool {
    match line.is_ascii() {
        true => !line.contains("##") && !line.trim_start().starts_with("::"),
        // What is passed over may stand between.
        false => !line.contains(['#', ':']),
    }
}

/// The characters before which a blank takes a build command its form.
fn breaks(text: &[char]) -> Vec<usize> {
    let seen: Vec<(usize, char)> =
        text.iter().copied().enumerate().filter(|(_, c)| !is_passed_over(*c)).collect();
    let mut found = Vec::new();
    for (index, window) in seen.windows(3).enumerate() {
        if let [(_, '#'), (second, '#'), (_, third)] = window {
            let word: String = seen.iter().skip(index + 2).take(3).map(|(_, c)| c).collect();
            if *third == '[' || word.eq_ignore_ascii_case("vso") {
                found.push(*second);
            }
        }
    }
    // GitHub obeys `::command::` at the start of a line, however far it is indented.
    let mut start = seen.iter().skip_while(|(_, c)| c.is_whitespace());
    if let (Some((_, ':')), Some((second, ':'))) = (start.next(), start.next()) {
        // `::: file:1:2` is how a diagnostic names a second file, and no command of anybody.
        if !(start.next().is_some_and(|(_, c)| *c == ':') && start.next().is_some_and(|(_, c)| *c == ' ')) {
            found.push(*second);
        }
    }
    found
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
            ("a\tb", "a    b"),
            ("##vso[task.setvariable]x", "# #vso[task.setvariable]x"),
            ("##VSO[task.setvariable]x", "# #VSO[task.setvariable]x"),
            ("#\u{200d}#v\u{fe0f}so[x]", "#\u{200d} #v\u{fe0f}so[x]"),
            ("x ##[error]y", "x # #[error]y"),
            ("###[error]y", "## #[error]y"),
            ("## a heading", "## a heading"),
            ("::set-output name=a::b", ": :set-output name=a::b"),
            ("  ::error::x", "  : :error::x"),
            ("\u{2003}::error::x", "\u{2003}: :error::x"),
            (":\u{200d}:error::x", ":\u{200d} :error::x"),
            ("a::b", "a::b"),
            (":", ":"),
        ] {
            assert_eq!(line(text), safe, "{text}");
        }
    }

    /// The way that every text went before the short ones were found.
    fn the_long_way(text: &str) -> String {
        pieces([((), text)]).into_iter().map(|((), piece)| piece).collect()
    }

    proptest::proptest! {
        #[test]
        fn short_ways_lead_to_the_same(text in "[#:a \\[\tvso\u{200d}\u{fe0f}é\u{2003}\u{1b}]{0,12}", more in "[#:a \n\u{200d}é]{0,12}") {
            proptest::prop_assert_eq!(line(&text), the_long_way(&text));
            let composed_lines: Vec<String> = more.split('\n').map(the_long_way).collect();
            proptest::prop_assume!(!more.contains('\u{200d}'));
            proptest::prop_assert_eq!(composed(more), composed_lines.join("\n"));
        }
    }

    #[test]
    fn what_is_cut_apart_is_as_harmless_as_what_is_whole() {
        let cut = pieces([(false, "x ##"), (true, "vso[a]"), (false, "b")]);
        let text: Vec<&str> = cut.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(text, ["x # #", "vso[a]", "b"]);
        let cut: String =
            pieces([((), "  :"), ((), ":error::x")]).into_iter().map(|(_, text)| text).collect();
        assert_eq!(cut, "  : :error::x");
    }
}

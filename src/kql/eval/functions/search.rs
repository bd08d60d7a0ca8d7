//! Functions that look for something in a text: positions, counts, extraction, replacement, trimming.
//!
//! Regular expressions are those of the `regex` crate, which is also what the service's are made of ("Regular
//! expression syntax"). Positions count characters (code points).

use regex::{Captures, Regex};

use super::argument::{arg, array, count, items, long, long_or, string, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::{convert, to_text};
use crate::kql::eval::text::{Case, Terms, has};
use crate::kql::eval::{Dynamic, Fault, Value};
use crate::kql::types::ScalarType;

pub(super) const FUNCTIONS: &[Function] = &[
    function("indexof", indexof),
    function("indexof_regex", indexof_regex),
    function("countof", countof),
    function("has_any_index", has_any_index),
    function("extract", extract),
    function("extract_all", extract_all),
    function("extractall", extract_all),
    function("replace_regex", replace_regex),
    function("replace", replace),
    function("replace_string", replace_string),
    function("replace_strings", replace_strings),
    function("translate", translate),
    function("trim", trim),
    function("trim_start", trim_start),
    function("trim_end", trim_end),
    function("regex_quote", regex_quote),
];

/// Where source and rewrite are no longer than this multiplied, no finds are counted before they are replaced.
const SURELY_SMALL: usize = 1 << 20;

/// A negative start is counted from the end: the page's own example finds something, though its text promises null.
/// Finds may overlap, and each is looked for in a window of the given length that begins after the one before, as the
/// page's example of a second find shows.
fn indexof(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let source: Vec<char> = text(args, 0).chars().collect();
    let part: Vec<char> = text(args, 1).chars().collect();
    let Some(Window { start, length, nth }) = window(args, source.len(), Start::FromEnd) else {
        return Ok(Value::Null);
    };
    let find = |from: usize| {
        let end = from.saturating_add(length).min(source.len());
        let last = end.checked_sub(part.len())?;
        (from..=last).find(|at| source.get(*at..).is_some_and(|rest| rest.starts_with(&part)))
    };
    call.context.look(source.len().saturating_mul(part.len()))?;
    let finds = std::iter::successors(find(start), |at| find(at + 1));
    Ok(Value::Long(finds.take(nth).nth(nth - 1).map_or(-1, count)))
}

fn indexof_regex(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let regex = call.regex(&text(args, 1))?;
    let source = text(args, 0);
    let Some(Window { start, length, nth }) = window(args, source.chars().count(), Start::Null) else {
        return Ok(Value::Null);
    };
    let searched: String = source.chars().skip(start).take(length).collect();
    let found = regex.find_iter(&searched).nth(nth - 1).and_then(|found| searched.get(..found.start()));
    Ok(Value::Long(found.map_or(-1, |before| count(start + before.chars().count()))))
}

/// What a negative start position means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    FromEnd,
    Null,
}

/// Where a position is looked for: from which character, in how many, and which find is wanted, from 1.
struct Window {
    start: usize,
    length: usize,
    nth: usize,
}

/// The window that the third to fifth arguments give; `None` for those that make the result null.
fn window(args: &[Value], characters: usize, negative: Start) -> Option<Window> {
    let (start, length, nth) = (long_or(args, 2, 0)?, long_or(args, 3, -1)?, long_or(args, 4, 1)?);
    if nth < 0 || length < -1 || (start < 0 && negative == Start::Null) {
        return None;
    }
    let start = if start < 0 { start.saturating_add(count(characters)).max(0) } else { start };
    Some(Window {
        start: usize::try_from(start).unwrap_or(usize::MAX).min(characters),
        length: usize::try_from(length).unwrap_or(characters).min(characters),
        nth: usize::try_from(nth).unwrap_or(1).max(1),
    })
}

/// Plain finds may overlap, those of a regular expression do not.
fn countof(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (source, part) = (text(args, 0), text(args, 1));
    let found = if text(args, 2).eq_ignore_ascii_case("regex") {
        call.regex(&part)?.find_iter(&source).count()
    } else if part.is_empty() {
        return Err(call.not_evaluated("of an empty string"));
    } else {
        source
            .char_indices()
            .filter(|(at, _)| source.get(*at..).is_some_and(|rest| rest.starts_with(&*part)))
            .count()
    };
    Ok(Value::Long(count(found)))
}

/// Finds as `has` does: whole terms, whatever their case.
fn has_any_index(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let source = text(args, 0);
    let at = items(args, 1).and_then(|items| {
        items.iter().position(|item| {
            has(&source, &to_text(&Value::dynamic(item.clone())), Terms::Whole, Case::Ignored)
        })
    });
    Ok(Value::Long(at.map_or(-1, count)))
}

/// No find is the empty string, or null where another type is asked for.
fn extract(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let regex = call.regex(&text(args, 0))?;
    let source = text(args, 2);
    let group = long(args, 1).and_then(|group| usize::try_from(group).ok());
    let Some(group) = group.filter(|group| *group < regex.captures_len()) else {
        return Err(call.failed("extract(): the regular expression has no such capture group"));
    };
    let found = regex.captures(&source).and_then(|found| found.get(group));
    Ok(match (found, call.returns) {
        (Some(found), ScalarType::Unknown) => Value::from(found.as_str()),
        (Some(found), returns) => convert(&Value::from(found.as_str()), returns),
        (None, ScalarType::String | ScalarType::Unknown) => Value::from(""),
        (None, _) => Value::Null,
    })
}

/// One group gives a flat array, several give an array for each find; no find is null.
fn extract_all(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let regex = call.regex(&text(args, 0))?;
    let source = text(args, args.len().saturating_sub(1));
    let groups = match items(args, 1).filter(|_| args.len() == 3) {
        Some(wanted) => {
            let groups: Option<Vec<usize>> = wanted.iter().map(|group| group_number(&regex, group)).collect();
            groups.ok_or_else(|| call.failed("the regular expression has no such capture group"))?
        }
        None => (1..regex.captures_len()).collect(),
    };
    if groups.is_empty() {
        return Err(call.failed("extract_all() needs a regular expression with 1 to 16 capture groups"));
    }
    let group =
        |found: &Captures<'_>, group: usize| string(found.get(group).map_or("", |part| part.as_str()));
    let found: Vec<Dynamic> = regex
        .captures_iter(&source)
        .map(|found| match groups.as_slice() {
            [only] => group(&found, *only),
            several => Dynamic::Array(several.iter().map(|number| group(&found, *number)).collect()),
        })
        .collect();
    Ok(if found.is_empty() { Value::Null } else { array(found) })
}

fn group_number(regex: &Regex, group: &Dynamic) -> Option<usize> {
    match group {
        Dynamic::Long(number) => {
            usize::try_from(*number).ok().filter(|number| *number < regex.captures_len())
        }
        Dynamic::String(name) => regex.capture_names().position(|known| known == Some(name)),
        _ => None,
    }
}

fn replace_regex(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    replace_matches(call, &text(args, 0), &text(args, 1), &text(args, 2))
}

/// The old form has the text last.
fn replace(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    replace_matches(call, &text(args, 2), &text(args, 0), &text(args, 1))
}

/// In the rewrite, `\0` is the whole find and `\1` to `\9` its groups.
fn replace_matches(call: &Call<'_>, source: &str, pattern: &str, rewrite: &str) -> Result<Value, Fault> {
    let regex = call.regex(pattern)?;
    call.context.scan(source.len())?;
    // Every place of the text may be a find.
    if source.len().saturating_mul(rewrite.len()) > SURELY_SMALL {
        let finds = regex.find_iter(source).count();
        call.context.room(source.len() + finds.saturating_mul(rewrite.len()), call.span)?;
    }
    let expand = |found: &Captures<'_>| {
        let mut out = String::new();
        let mut rest = rewrite.chars();
        while let Some(c) = rest.next() {
            match (c, rest.clone().next()) {
                ('\\', Some(next)) => {
                    rest.next();
                    match next.to_digit(10).and_then(|digit| usize::try_from(digit).ok()) {
                        Some(group) => out.push_str(found.get(group).map_or("", |part| part.as_str())),
                        None => out.push(next),
                    }
                }
                _ => out.push(c),
            }
        }
        out
    };
    Ok(Value::from(regex.replace_all(source, expand).as_ref()))
}

fn replace_string(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (source, part) = (text(args, 0), text(args, 1));
    if part.is_empty() {
        return Err(call.not_evaluated("of an empty string"));
    }
    let rewrite = text(args, 2);
    if source.len().saturating_mul(rewrite.len()) > SURELY_SMALL {
        let finds = source.matches(&*part).count();
        call.context.room(source.len() + finds.saturating_mul(rewrite.len()), call.span)?;
    }
    Ok(Value::from(source.replace(&*part, &rewrite)))
}

/// Look-ups are tried in their order, each over what those before it have left: an earlier one wins over a later one that
/// would begin further left. What was put in is not searched again.
fn replace_strings(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let source = text(args, 0);
    let (Some(lookups), Some(rewrites)) = (items(args, 1), items(args, 2)) else {
        return Ok(Value::String(source));
    };
    if lookups.len() != rewrites.len() {
        return Err(call.failed("replace_strings() needs as many rewrites as look-ups"));
    }
    let mut pieces = vec![Piece::Open(&source)];
    for pair in lookups.iter().zip(rewrites) {
        // A rewrite that is no string still claims its finds, which then stay as they are.
        let (lookup, rewrite) = match pair {
            (Dynamic::String(lookup), _) if lookup.is_empty() => continue,
            (Dynamic::String(lookup), Dynamic::String(rewrite)) => (&**lookup, &**rewrite),
            (Dynamic::String(lookup), _) => (&**lookup, &**lookup),
            _ => continue,
        };
        pieces = pieces
            .into_iter()
            .flat_map(|piece| match piece {
                Piece::Open(text) => split_around(text, lookup, rewrite),
                done @ Piece::Done(_) => vec![done],
            })
            .collect();
    }
    let text = |piece| match piece {
        Piece::Open(text) | Piece::Done(text) => text,
    };
    Ok(Value::from(pieces.into_iter().map(text).collect::<String>()))
}

/// A part of a text while its look-ups are replaced.
#[derive(Clone, Copy)]
enum Piece<'t> {
    /// Still to be searched.
    Open(&'t str),
    /// Put in by an earlier look-up.
    Done(&'t str),
}

fn split_around<'t>(text: &'t str, lookup: &str, rewrite: &'t str) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    for (at, between) in text.split(lookup).enumerate() {
        if at > 0 {
            pieces.push(Piece::Done(rewrite));
        }
        pieces.push(Piece::Open(between));
    }
    pieces
}

/// The nth character of the first list becomes the nth of the second, or its last where that is shorter.
fn translate(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let from: Vec<char> = text(args, 0).chars().collect();
    let to: Vec<char> = text(args, 1).chars().collect();
    let out: String = text(args, 2)
        .chars()
        .filter_map(|c| match from.iter().position(|known| *known == c) {
            Some(at) => to.get(at).or(to.last()).copied(),
            None => Some(c),
        })
        .collect();
    Ok(Value::from(out))
}

/// One find at each end: the service looks for this pattern, as its errors show.
fn trim(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let pattern = text(args, 0);
    without(call, &format!("^(?:{pattern})|(?:{pattern})$"), &text(args, 1))
}

fn trim_start(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    without(call, &format!("^(?:{})", text(args, 0)), &text(args, 1))
}

fn trim_end(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    without(call, &format!("(?:{})$", text(args, 0)), &text(args, 1))
}

fn without(call: &Call<'_>, pattern: &str, source: &str) -> Result<Value, Fault> {
    Ok(Value::from(call.regex(pattern)?.replace_all(source, "").into_owned()))
}

/// As the page shows: brackets, dots and other signs get a backslash.
fn regex_quote(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(regex::escape(&to_text(arg(args, 0)))))
}

//! Functions that make strings of strings: joining, cutting, changing case. Positions count characters (code points).
//!
//! Arguments of other types are cast to strings, as the pages of `reverse()` and `strcat()` say; null is empty.

use super::argument::{arg, array, count, items, long, long_or, string, strings, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::to_text;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("strcat", strcat),
    function("strcat_delim", strcat_delim),
    function("strcat_array", strcat_array),
    function("array_strcat", strcat_array),
    function("strcmp", strcmp),
    function("strrep", strrep),
    function("strlen", strlen),
    function("string_size", string_size),
    function("substring", substring),
    function("split", split),
    function("reverse", reverse),
    function("toupper", toupper),
    function("tolower", tolower),
    function("unicode_codepoints_from_string", codepoints_from_string),
    function("to_utf8", codepoints_from_string),
    function("unicode_codepoints_to_string", codepoints_to_string),
    function("make_string", codepoints_to_string),
];

/// Longer results are refused, so that `strrep` in a loop of rows cannot fill the memory.
const LONGEST: usize = 16 << 20;

fn strcat(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(args.iter().map(to_text).map(|part| part.to_string()).collect::<String>()))
}

fn strcat_delim(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let parts: Vec<_> = args.iter().skip(1).map(to_text).collect();
    Ok(Value::from(parts.join(&*text(args, 0))))
}

fn strcat_array(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(items) = items(args, 0) else { return Ok(Value::from("")) };
    let parts: Vec<_> = items.iter().map(|item| to_text(&Value::dynamic(item.clone()))).collect();
    Ok(Value::from(parts.join(&*text(args, 1))))
}

fn strcmp(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Long(i64::from(text(args, 0).cmp(&text(args, 1)) as i8)))
}

fn strrep(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let part = text(args, 0);
    let Some(times) = long(args, 1).and_then(|times| usize::try_from(times).ok()) else {
        return Ok(Value::from(""));
    };
    // "If multiplier is more than … 1024, the input string will be repeated 1024 times."
    let times = times.min(1024);
    let delimiter = text(args, 2);
    if (part.len() + delimiter.len()).saturating_mul(times) > LONGEST {
        return Err(call.not_evaluated("with a result this long"));
    }
    Ok(Value::from(vec![&*part; times].join(&*delimiter)))
}

fn strlen(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Long(count(text(args, 0).chars().count())))
}

/// Bytes of the text as UTF-8.
fn string_size(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Long(count(text(args, 0).len())))
}

fn substring(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let source = text(args, 0);
    let (Some(start), Some(length)) = (long(args, 1), long_or(args, 2, i64::MAX)) else {
        return Ok(Value::from(""));
    };
    let start = from_end(start, source.chars().count());
    let length = usize::try_from(length).unwrap_or(0);
    Ok(Value::from(source.chars().skip(start).take(length).collect::<String>()))
}

/// A position, negative ones counted from the end; before the beginning is the beginning.
fn from_end(position: i64, length: usize) -> usize {
    let position = if position < 0 { position.saturating_add(count(length)) } else { position };
    usize::try_from(position).unwrap_or(0)
}

fn split(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (source, delimiter) = (text(args, 0), text(args, 1));
    if delimiter.is_empty() {
        return Err(call.not_evaluated("with an empty delimiter"));
    }
    if args.len() < 3 {
        return Ok(strings(source.split(&*delimiter)));
    }
    let wanted = long(args, 2).and_then(|index| usize::try_from(index).ok());
    let part = wanted.and_then(|index| source.split(&*delimiter).nth(index));
    Ok(part.map_or(Value::Null, |part| array([string(part)])))
}

fn reverse(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(text(args, 0).chars().rev().collect::<String>()))
}

fn toupper(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(text(args, 0).to_uppercase()))
}

fn tolower(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(text(args, 0).to_lowercase()))
}

fn codepoints_from_string(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(array(text(args, 0).chars().map(|c| Dynamic::Long(i64::from(u32::from(c))))))
}

/// Numbers and arrays of numbers, in order; anything that is no code point makes the whole result empty.
fn codepoints_to_string(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let character = |number: Option<i64>| u32::try_from(number?).ok().and_then(char::from_u32);
    let mut made = Some(String::new());
    for (index, value) in args.iter().enumerate() {
        let part: Option<String> = match items(args, index) {
            Some(items) => items
                .iter()
                .map(|item| character(arg(&[Value::dynamic(item.clone())], 0).as_long()))
                .collect(),
            None => character(value.as_long()).map(String::from),
        };
        made = made.zip(part).map(|(made, part)| made + &part);
    }
    Ok(Value::from(made.unwrap_or_default()))
}

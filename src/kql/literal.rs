//! The inside of constants: how long one is, and the text that a string literal stands for.

use super::lexer::is_word_byte;
use super::token::{LiteralKind, TokenFault};

/// Length of a GUID written out: 8-4-4-4-12 hexadecimal digits.
pub(super) const GUID_LEN: usize = 36;

/// The two quotes of multi-line strings.
const MULTI_LINE_QUOTES: [&str; 2] = ["```", "~~~"];

/// Units that may follow a number directly (`10min`), per Kusto.Language's `TimespanSuffixes`.
const TIMESPAN_UNITS: &[&str] = &[
    "d",
    "day",
    "days",
    "h",
    "hour",
    "hours",
    "hr",
    "hrs",
    "m",
    "micro",
    "micros",
    "microsec",
    "microsecond",
    "microseconds",
    "milli",
    "millis",
    "millisec",
    "millisecond",
    "milliseconds",
    "min",
    "minute",
    "minutes",
    "ms",
    "nano",
    "nanos",
    "nanosec",
    "nanosecond",
    "nanoseconds",
    "s",
    "sec",
    "second",
    "seconds",
    "tick",
    "ticks",
];

/// The text that a string literal stands for: quotes and prefixes removed, escapes decoded.
///
/// `raw` is the literal as written, such as `@"C:\temp"`, `h'secret'` or `"a\tb"`. `None` if it is not one whole
/// string literal. Escapes are those of Kusto: `\' \" \\ \a \b \f \n \r \t \v \uXXXX \UXXXXXXXX \xXX` and octal.
#[must_use]
pub fn string_value(raw: &str) -> Option<String> {
    let (len, fault) = scan_string(raw)?;
    if len != raw.len() || fault.is_some() {
        return None;
    }
    let (body, verbatim) = strip_prefixes(raw);
    for quote in MULTI_LINE_QUOTES {
        if let Some(content) = body.strip_prefix(quote) {
            return content.strip_suffix(quote).map(str::to_owned);
        }
    }
    let quote = body.chars().next()?;
    let content = body.get(1..body.len().checked_sub(1)?)?;
    if verbatim {
        let doubled = [quote, quote].iter().collect::<String>();
        return Some(content.replace(&doubled, &quote.to_string()));
    }
    decode_escapes(content)
}

/// Length of the string literal at the start of `rest` and what is wrong with it; `None` if there is none.
pub(super) fn scan_string(rest: &str) -> Option<(usize, Option<TokenFault>)> {
    let (body, verbatim) = strip_prefixes(rest);
    let prefix = rest.len() - body.len();
    for quote in MULTI_LINE_QUOTES {
        if let Some(content) = body.strip_prefix(quote) {
            return Some(match content.find(quote) {
                Some(end) => (prefix + quote.len() * 2 + end, None),
                None => (rest.len(), Some(TokenFault::UnterminatedString)),
            });
        }
    }
    let quote = *body.as_bytes().first()?;
    if quote != b'"' && quote != b'\'' {
        return None;
    }
    let (len, fault) = scan_quoted(body.as_bytes(), quote, verbatim);
    Some((prefix + len, fault))
}

/// True for a byte that can open a string.
pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`' | b'~')
}

/// The literal without `h` and `@`, and whether `@` was there.
fn strip_prefixes(raw: &str) -> (&str, bool) {
    let body = raw.strip_prefix(['h', 'H']).unwrap_or(raw);
    body.strip_prefix('@').map_or((body, false), |body| (body, true))
}

/// A single-line string, `bytes` starting with its quote.
fn scan_quoted(bytes: &[u8], quote: u8, verbatim: bool) -> (usize, Option<TokenFault>) {
    let mut fault = None;
    let mut pos = 1;
    while let Some(&byte) = bytes.get(pos) {
        match byte {
            b'\r' | b'\n' => break,
            b'\\' if !verbatim => match escape_len(bytes.get(pos + 1..).unwrap_or_default()) {
                Some(len) => pos += 1 + len,
                None => {
                    fault = Some(TokenFault::BadEscape);
                    pos += 1;
                }
            },
            _ if byte == quote && verbatim && bytes.get(pos + 1) == Some(&quote) => pos += 2,
            _ if byte == quote => return (pos + 1, fault),
            _ => pos += 1,
        }
    }
    // A string with both faults gets this one: without a closing quote it is not clear where the text ended.
    (pos, Some(TokenFault::UnterminatedString))
}

/// Length of what follows a `\`, if it makes an escape.
fn escape_len(after: &[u8]) -> Option<usize> {
    let hex = |n: usize| {
        let digits = after.get(1..=n)?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(n + 1)
    };
    match after.first()? {
        b'\\' | b'\'' | b'"' | b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' => Some(1),
        b'u' => hex(4),
        b'U' => hex(8),
        b'x' => hex(2),
        b'0'..=b'7' => Some(octal_len(after)),
        _ => None,
    }
}

/// One to three octal digits; three only up to `\377`.
fn octal_len(after: &[u8]) -> usize {
    let limit = if after.first().is_some_and(|b| *b <= b'3') { 3 } else { 2 };
    after.iter().take(limit).take_while(|b| (b'0'..=b'7').contains(*b)).count()
}

fn decode_escapes(content: &str) -> Option<String> {
    // Collected as UTF-16: `\uD83D\uDE00` is one character written as two halves.
    let mut units: Vec<u16> = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            rest = rest.get(c.len_utf8()..)?;
            continue;
        }
        let after = rest.get(1..)?;
        let len = escape_len(after.as_bytes())?;
        let escape = after.get(..len)?;
        let code = match escape.as_bytes().first()? {
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => 0x0a,
            b'r' => 0x0d,
            b't' => 0x09,
            b'v' => 0x0b,
            b'u' | b'U' | b'x' => u32::from_str_radix(escape.get(1..)?, 16).ok()?,
            b'0'..=b'7' => u32::from_str_radix(escape, 8).ok()?,
            other => u32::from(*other),
        };
        match u16::try_from(code) {
            Ok(unit) => units.push(unit),
            Err(_) => units.extend_from_slice(
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf16(&mut [0; 2]),
            ),
        }
        rest = after.get(len..)?;
    }
    Some(String::from_utf16_lossy(&units))
}

/// True if the text starts with 8-4-4-4-12 hexadecimal digits.
pub(super) fn starts_with_guid(rest: &str) -> bool {
    rest.as_bytes().get(..GUID_LEN).is_some_and(|guid| {
        guid.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// A real, timespan or integer at the start of `rest`, tried in this order.
pub(super) fn scan_number(rest: &[u8]) -> Option<(LiteralKind, usize)> {
    real_len(rest)
        .map(|len| (LiteralKind::Real, len))
        .or_else(|| timespan_len(rest).map(|len| (LiteralKind::Timespan, len)))
        .or_else(|| integer_len(rest).map(|len| (LiteralKind::Long, len)))
}

fn real_len(rest: &[u8]) -> Option<usize> {
    let mut pos = digits(rest, 0);
    let dot = rest.get(pos) == Some(&b'.');
    // `1..5` is a range, not `1.` and `.5`.
    if dot && (rest.get(pos + 1) != Some(&b'.') || rest.get(pos + 2) == Some(&b'.')) {
        pos += 1;
        pos += digits(rest, pos);
        pos += exponent(rest, pos);
    } else {
        let len = exponent(rest, pos);
        if len == 0 {
            return None;
        }
        pos += len;
    }
    ends_word(rest, pos)
}

fn timespan_len(rest: &[u8]) -> Option<usize> {
    let mut pos = digits(rest, 0);
    if rest.get(pos) == Some(&b'.') {
        let fraction = digits(rest, pos + 1);
        if fraction > 0 {
            pos += 1 + fraction;
        }
    }
    let unit_len = rest.get(pos..)?.iter().take_while(|b| is_word_byte(**b)).count();
    let unit = std::str::from_utf8(rest.get(pos..pos + unit_len)?).ok()?;
    TIMESPAN_UNITS.binary_search(&unit).ok().map(|_| pos + unit_len)
}

fn integer_len(rest: &[u8]) -> Option<usize> {
    if matches!(rest, [b'0', b'x' | b'X', hex, ..] if hex.is_ascii_hexdigit()) {
        let hex = rest.iter().skip(2).take_while(|b| b.is_ascii_hexdigit()).count();
        return ends_word(rest, 2 + hex);
    }
    ends_word(rest, digits(rest, 0))
}

fn digits(rest: &[u8], from: usize) -> usize {
    rest.iter().skip(from).take_while(|b| b.is_ascii_digit()).count()
}

fn exponent(rest: &[u8], from: usize) -> usize {
    if !matches!(rest.get(from), Some(b'e' | b'E')) {
        return 0;
    }
    let sign = usize::from(matches!(rest.get(from + 1), Some(b'+' | b'-')));
    match digits(rest, from + 1 + sign) {
        0 => 0,
        count => 1 + sign + count,
    }
}

/// `pos`, unless a letter or digit goes on there.
fn ends_word(rest: &[u8], pos: usize) -> Option<usize> {
    (!rest.get(pos).copied().is_some_and(is_word_byte)).then_some(pos)
}

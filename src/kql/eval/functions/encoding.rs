//! Encodings of text: base64, percent-encoding, and what was compressed before it was encoded.
//!
//! What cannot be decoded is an empty string (null for arrays), as the pages of these functions say. Compression itself
//! is left out: its bytes depend on the compressor.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::argument::{arg, array, items, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("base64_encode_tostring", base64_encode),
    function("base64_encodestring", base64_encode),
    function("base64_decode_tostring", base64_decode),
    function("base64_decodestring", base64_decode),
    function("base64_decode_toarray", base64_decode_toarray),
    function("base64_encode_fromarray", base64_encode_fromarray),
    function("zlib_decompress_from_base64_string", zlib_decompress),
    function("gzip_decompress_from_base64_string", gzip_decompress),
    function("url_encode", url_encode),
    function("url_encode_component", url_encode_component),
    function("url_decode", url_decode),
];

/// What compressed text may grow to.
const LARGEST: u64 = 16 << 20;

fn base64_encode(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(STANDARD.encode(text(args, 0).as_bytes())))
}

fn base64_decode(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(decoded(args).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()))
}

fn base64_decode_toarray(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let numbers = |bytes: Vec<u8>| array(bytes.into_iter().map(|byte| Dynamic::Long(i64::from(byte))));
    Ok(decoded(args).map_or(Value::Null, numbers))
}

fn base64_encode_fromarray(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let bytes: Option<Vec<u8>> = items(args, 0).and_then(|items| {
        let byte = |item: &Dynamic| match item {
            Dynamic::Long(number) => u8::try_from(*number).ok(),
            _ => None,
        };
        items.iter().map(byte).collect()
    });
    Ok(Value::from(bytes.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()))
}

fn decoded(args: &[Value]) -> Option<Vec<u8>> {
    STANDARD.decode(arg(args, 0).as_str()?.trim().as_bytes()).ok()
}

fn zlib_decompress(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let bytes = decoded(args).unwrap_or_default();
    inflated(call, flate2::read::ZlibDecoder::new(bytes.as_slice()))
}

fn gzip_decompress(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let bytes = decoded(args).unwrap_or_default();
    inflated(call, flate2::read::GzDecoder::new(bytes.as_slice()))
}

fn inflated(call: &Call<'_>, decoder: impl Read) -> Result<Value, Fault> {
    let mut out = Vec::new();
    let read = decoder.take(LARGEST + 1).read_to_end(&mut out);
    if out.len() as u64 > LARGEST {
        return Err(call.not_evaluated("of a text this long"));
    }
    let made = read.ok().and_then(|_| String::from_utf8(out).ok());
    Ok(Value::from(made.unwrap_or_default()))
}

/// A space becomes `+`.
fn url_encode(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(percent_encoded(&text(args, 0), "+")))
}

/// A space becomes `%20`.
fn url_encode_component(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(percent_encoded(&text(args, 0), "%20")))
}

/// Lower-case digits; what stays as it is are the signs that the examples show and .NET's encoder leaves.
fn percent_encoded(text: &str, space: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(space),
            b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

fn url_decode(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::from(percent_decoded(&text(args, 0))))
}

/// `%41` is `A` and `+` a space; a `%` without two digits stays as it is.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (made, left) = match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or(0), after.get(2..)),
            (b'+', ..) => (b' ', Some(after)),
            _ => (byte, Some(after)),
        };
        out.push(made);
        rest = left.unwrap_or_default();
    }
    String::from_utf8_lossy(&out).into_owned()
}

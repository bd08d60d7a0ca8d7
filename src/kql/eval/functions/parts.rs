//! Texts of a known form taken apart: `parse_path`, `parse_csv`.

use std::sync::Arc;

use super::argument::{string, strings, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] =
    &[function("parse_path", parse_path), function("parse_csv", parse_csv)];

fn parse_path(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let path = text(args, 0);
    let (scheme, rest) = path.split_once("://").unwrap_or(("", &path));
    // `C:` begins the path; another colon, in the last part, begins the name of a stream.
    let drive = match rest.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => rest.get(..2).unwrap_or_default(),
        _ => "",
    };
    let is_slash = |c| c == '/' || c == '\\';
    let file_start = rest.rfind(is_slash).map_or(drive.len(), |at| at + 1);
    let (directory, last) = rest.split_at_checked(file_start).unwrap_or(("", rest));
    let directory = directory.strip_suffix(is_slash).unwrap_or(directory);
    let (file, stream) = last.split_once(':').unwrap_or((last, ""));
    let directory_name = directory.rsplit(is_slash).next().unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let member = |name: &str, value: &str| (Arc::from(name), string(value));
    Ok(Value::dynamic(Dynamic::Bag(vec![
        member("Scheme", scheme),
        member("RootPath", drive),
        member("DirectoryPath", directory),
        member("DirectoryName", directory_name),
        member("Filename", file),
        member("Extension", extension),
        member("AlternateDataStreamName", stream),
    ])))
}

/// One record: a comma in quotes is text, two quotes inside quotes are one, a line break outside them ends it.
fn parse_csv(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let line = text(args, 0);
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' | '\n' if !quoted => break,
            _ => field.push(c),
        }
    }
    fields.push(field);
    Ok(strings(fields))
}

//! `palisade kql check --jsonl`: a line in, a line out (product.md, "Names in machine output").
//!
//! Built for thousands of queries through one pipe: nothing is kept between lines, a line that is no query gets an answer
//! that says so, and answers are flushed whenever the input pauses, so that a program may ask one query at a time.

use std::io::{BufRead as _, BufReader, Read, Write};

use serde::Serialize;
use serde_json::Value;

use crate::kql::schema::Platform;
use crate::kql::verdict::{Schemas, Verdict, platform_named};

/// The longest line that is looked at, in bytes. The parser's own limit for a query is far lower; a longer line is
/// skipped without being kept.
const MAX_LINE: usize = 64 << 20;

/// The code for lines that hold no query.
const NO_QUERY: &str = "KQL-IN";

/// One answer.
#[derive(Debug, Serialize)]
struct Answer {
    id: Value,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Answers every line of `input` on `output`, in order. Blank lines are passed over.
///
/// # Errors
/// When reading or writing fails; a closed pipe is such an error.
pub(super) fn run(
    input: impl Read,
    mut output: impl Write,
    schemas: &Schemas,
    platform: Platform,
) -> std::io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut line = Vec::new();
    while let Some(complete) = read_line(&mut input, &mut line)? {
        if !line.trim_ascii().is_empty() {
            let answer = if complete {
                answer(&line, schemas, platform)
            } else {
                refused(Value::Null, format!("the line is longer than {} MiB", MAX_LINE >> 20))
            };
            output.write_all(crate::render::json::line_of(&answer)?.as_bytes())?;
            output.write_all(b"\n")?;
        }
        if input.buffer().is_empty() {
            output.flush()?; // the next read may wait for whoever waits for this answer
        }
    }
    output.flush()
}

/// Reads one line into `line`, without its line break. `None` at the end of the input; `false` if the line was too long
/// and only its beginning was kept.
fn read_line(input: &mut BufReader<impl Read>, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    line.clear();
    let (mut any, mut complete) = (false, true);
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        if buffer.is_empty() {
            return Ok(any.then_some(complete));
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
        if line.len() + part.len() <= MAX_LINE {
            line.extend_from_slice(part);
        } else {
            complete = false;
        }
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(complete));
        }
    }
}

fn answer(line: &[u8], schemas: &Schemas, platform: Platform) -> Answer {
    let mut object = match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return refused(Value::Null, "the line is no JSON object".to_owned()),
        Err(error) => return refused(Value::Null, format!("the line is no JSON: {error}")),
    };
    let id = object.remove("id").unwrap_or(Value::Null);
    let platform =
        object.get("platform").and_then(Value::as_str).and_then(platform_named).unwrap_or(platform);
    match object.get("query") {
        Some(Value::String(query)) => Answer { id, verdict: schemas.verdict(query, platform) },
        Some(_) => refused(id, "`query` is no string".to_owned()),
        None => refused(id, "the line has no `query`".to_owned()),
    }
}

fn refused(id: Value, message: String) -> Answer {
    Answer { id, verdict: Verdict::refused(NO_QUERY, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> Vec<Value> {
        let mut output = Vec::new();
        run(input, &mut output, &Schemas::new(&[]), Platform::Unified).unwrap();
        let text = String::from_utf8(output).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn answers_in_order_and_passes_ids_through() {
        let input = br#"{"id": {"a": [1]}, "query": "print x = 1"}

{"id": 7, "platform": "sentinel", "query": "DeviceEvents | take 1"}
{"query": "print ", "platform": "nowhere"}"#;
        let answers = answers(input);
        assert_eq!(answers.len(), 3);
        assert_eq!(
            answers[0].to_string(),
            r#"{"id":{"a":[1]},"syntax_ok":true,"ok":true,"diagnostics":[],"output_columns":[{"name":"x","type":"long"}],"output_open":false,"referenced_tables":[],"referenced_functions":[]}"#
        );
        assert_eq!(answers[1]["id"], 7);
        assert_eq!((&answers[2]["id"], &answers[2]["syntax_ok"]), (&Value::Null, &Value::Bool(false)));
    }

    #[test]
    fn bad_lines_get_an_answer_each() {
        let mut input = b"not json\n[1]\n{\"id\":1}\n{\"id\":2,\"query\":3}\n\xff\xfe\n{\"id\":3,\"query\":\"a\\u0000b\"}\n".to_vec();
        input.extend(b"{\"id\":4,\"query\":\"print 1\"}");
        let answers = answers(&input);
        let seen: Vec<(Value, Value)> = answers.iter().map(|a| (a["id"].clone(), a["ok"].clone())).collect();
        let null = Value::Null;
        let expected = [
            (null.clone(), false),
            (null.clone(), false),
            (1.into(), false),
            (2.into(), false),
            (null, false),
            (3.into(), false),
            (4.into(), true),
        ];
        assert_eq!(seen, expected.map(|(id, ok)| (id, Value::Bool(ok))));
        assert_eq!(answers[0]["diagnostics"][0]["code"], "KQL-IN");
    }

    #[test]
    fn long_lines_are_skipped_whole() {
        let mut input = vec![b'x'; MAX_LINE + 10];
        input.extend(b"\n{\"id\":1,\"query\":\"print 1\"}\n");
        let answers = answers(&input);
        assert_eq!((answers.len(), &answers[1]["ok"]), (2, &Value::Bool(true)));
    }
}

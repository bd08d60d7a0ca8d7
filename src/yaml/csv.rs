//! CSV to rows with the place of every cell: events as the portals export them (RFC 4180, the first line names columns).

use super::{Key, Node, NodeKind, Text};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, Span};

/// A row: a column's name and its cell, for every column.
pub type Record = Vec<(Key, Node)>;

/// The rows below the header; every cell is text. Blank lines are skipped. `most` rows are read.
///
/// # Errors
/// A quote that is not closed, a row that is longer or shorter than the header, a column that stands twice.
pub fn read(text: &str, file: FileId, most: usize) -> Result<Vec<Record>, Box<Diagnostic>> {
    let mut reader = Reader { text, at: 0, file };
    let header: Vec<Key> = reader.record()?.into_iter().map(|(name, span)| Key { name, span }).collect();
    for (number, key) in header.iter().enumerate() {
        if header.iter().take(number).any(|known| known.name == key.name) {
            let finding = Diagnostic::error(codes::YAML_DUPLICATE_KEY, "duplicate column")
                .labelled(key.span, "this column stands in the header before");
            return Err(Box::new(finding));
        }
    }
    let mut rows = Vec::new();
    while !reader.is_done() && rows.len() < most {
        let cells = reader.record()?;
        if let [(only, _)] = cells.as_slice()
            && only.is_empty()
        {
            continue;
        }
        if cells.len() != header.len() {
            let span = cells.first().map_or(Span::new(file, 0, 0), |(_, span)| *span);
            let finding = Diagnostic::error(codes::YAML_SYNTAX, "not valid CSV").labelled(
                span,
                format!("this row has {} cells, the header has {}", cells.len(), header.len()),
            );
            return Err(Box::new(finding));
        }
        let cell =
            |(value, span)| Node { kind: NodeKind::Str(Text { value, line_starts: Vec::new() }), span };
        rows.push(header.iter().cloned().zip(cells.into_iter().map(cell)).collect());
    }
    Ok(rows)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    file: FileId,
}

impl Reader<'_> {
    fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn span(&self, start: usize) -> Span {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span::new(self.file, place(start), place(self.at))
    }

    fn record(&mut self) -> Result<Vec<(String, Span)>, Box<Diagnostic>> {
        let mut cells = Vec::new();
        loop {
            cells.push(self.cell()?);
            match self.rest().as_bytes() {
                [b',', ..] => self.at += 1,
                [b'\r', b'\n', ..] => {
                    self.at += 2;
                    return Ok(cells);
                }
                [_, ..] => {
                    self.at += 1;
                    return Ok(cells);
                }
                [] => return Ok(cells),
            }
        }
    }

    fn cell(&mut self) -> Result<(String, Span), Box<Diagnostic>> {
        let start = self.at;
        if !self.rest().starts_with('"') {
            let length = self.rest().find([',', '\n', '\r']).unwrap_or(self.rest().len());
            let value = self.rest().get(..length).unwrap_or("").to_owned();
            self.at += length;
            return Ok((value, self.span(start)));
        }
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(quote) = self.rest().find('"') else {
                let finding = Diagnostic::error(codes::YAML_SYNTAX, "not valid CSV")
                    .labelled(self.span(start), "this quote is never closed");
                return Err(Box::new(finding));
            };
            value.push_str(self.rest().get(..quote).unwrap_or(""));
            self.at += quote + 1;
            if self.rest().starts_with('"') {
                value.push('"');
                self.at += 1;
                continue;
            }
            if self.rest().starts_with([',', '\n', '\r']) || self.rest().is_empty() {
                return Ok((value, self.span(start)));
            }
            let finding = Diagnostic::error(codes::YAML_SYNTAX, "not valid CSV")
                .labelled(self.span(start), "something follows the closing quote");
            return Err(Box::new(finding));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    fn cells(text: &str) -> Result<Vec<Vec<String>>, Box<Diagnostic>> {
        let rows = read(text, SourceMap::default().add("e.csv", text), 10)?;
        let cell = |(key, node): &(Key, Node)| format!("{}={}", key.name, node.as_str().unwrap());
        Ok(rows.iter().map(|row| row.iter().map(cell).collect()).collect())
    }

    #[test]
    fn rows() {
        let text = "A,B\r\n1,\"x,\"\"y\"\"\nz\"\r\n\r\n,\n";
        assert_eq!(cells(text).unwrap(), [["A=1", "B=x,\"y\"\nz"], ["A=", "B="]]);
        assert_eq!(cells("A,B").unwrap(), Vec::<Vec<String>>::new());
        for wrong in ["A,A\n", "A,B\n1\n", "A\n\"x\n", "A\n\"x\"y\n"] {
            assert!(cells(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn cells_come_back_whatever_they_hold(rows in proptest::collection::vec(proptest::collection::vec(r#"[a"', \n\r;é]{0,6}"#, 3), 1..4)) {
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let line = |cells: &Vec<String>| cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n";
            let text = format!("A,B,C\n{}", rows.iter().map(line).collect::<String>());
            let file = SourceMap::default().add("e.csv", text.as_str());
            let found = read(&text, file, 10).unwrap();
            let values: Vec<Vec<String>> = found
                .iter()
                .map(|row| row.iter().map(|(_, node)| node.as_str().unwrap().to_owned()).collect())
                .collect();
            proptest::prop_assert_eq!(values, rows);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|[\",\n\ra]{0,20}") {
            let _ = cells(&text);
        }
    }
}

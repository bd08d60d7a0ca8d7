//! `parse`, `parse-where` and `parse-kv`: columns out of text.
//!
//! Documentation: "parse operator". A pattern becomes a regular expression: `*` any text, a column any text up to what
//! comes next; a column with a type that is followed by `*` takes what looks like that type. In `simple` mode a row where
//! one column does not fit its type does not match at all; in `relaxed` mode only that column is null.

use std::rc::Rc;
use std::sync::Arc;

use regex::Regex;

use super::pipeline::word;
use crate::kql::eval::compile::{Compiler, declared_type};
use crate::kql::eval::convert::{convert, to_text};
use crate::kql::eval::frame::Frame;
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::At;
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{ExprKind, OperatorParameter, Parse, ParseKv, ParsePart, TypeRef};
use crate::kql::types::ScalarType;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Simple,
    Relaxed,
    Regex,
}

impl<'a> Run<'a> {
    /// `parse`; `strict` for `parse-where`, which drops rows that do not match.
    pub(super) fn parse(
        &self,
        parse: &'a Parse,
        strict: bool,
        frame: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let mode = match word(&parse.parameters, &["kind"]) {
            Some("regex") => Mode::Regex,
            Some("relaxed") => Mode::Relaxed,
            _ => Mode::Simple,
        };
        let flags = word(&parse.parameters, &["flags"]).unwrap_or_default();
        let columns = captured(&parse.pattern, scope)?;
        let pattern = pattern(&parse.pattern, mode, flags);
        let regex = self.context.regex(&pattern, scope.place(span))?;
        let source = Compiler::over(self, scope, &frame).compile(&parse.expr)?;
        let (made, places) = with_columns(&frame, &columns);
        let mut rows = Vec::with_capacity(frame.rows.len());
        self.context.spend(frame.rows.len() as u64 + 1, scope.place(span))?;
        for (index, row) in frame.rows.into_iter().enumerate() {
            let text = to_text(&source.value(At::new(&row, index, &self.context))?);
            let values = matched(&regex, &text, &columns, mode);
            if values.is_none() && strict {
                continue;
            }
            let mut cells = Rc::unwrap_or_clone(row);
            cells.resize(made.len(), Value::Null);
            for (number, (place, column)) in places.iter().zip(&columns).enumerate() {
                if let Some(cell) = cells.get_mut(*place) {
                    let value = values.as_ref().and_then(|values| values.get(number)).cloned();
                    *cell = value.unwrap_or_else(|| Value::missing(column.ty));
                }
            }
            rows.push(Rc::new(cells));
        }
        Ok(Frame { columns: Rc::new(made), rows, open: frame.open })
    }

    pub(super) fn parse_kv(
        &self,
        parse: &'a ParseKv,
        frame: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let columns = self.declared(&parse.columns, scope)?;
        let settings = KeyValues::new(&parse.properties, scope)?;
        let source = Compiler::over(self, scope, &frame).compile(&parse.expr)?;
        let (made, places) = with_columns(&frame, &columns);
        let mut rows = Vec::with_capacity(frame.rows.len());
        self.context.spend(frame.rows.len() as u64 + 1, scope.place(span))?;
        for (index, row) in frame.rows.into_iter().enumerate() {
            let text = to_text(&source.value(At::new(&row, index, &self.context))?);
            let pairs = settings.pairs(&text);
            let mut cells = Rc::unwrap_or_clone(row);
            cells.resize(made.len(), Value::Null);
            for (place, column) in places.iter().zip(&columns) {
                let found = pairs.iter().find(|(key, _)| **key == *column.name).map(|(_, value)| value);
                if let Some(cell) = cells.get_mut(*place) {
                    *cell = match found {
                        Some(text) => convert(&Value::string(text), column.ty),
                        None => Value::missing(column.ty),
                    };
                }
            }
            rows.push(Rc::new(cells));
        }
        Ok(Frame { columns: Rc::new(made), rows, open: frame.open })
    }
}

/// The input's columns and the new ones, and where those stand; one of a taken name replaces it.
fn with_columns(frame: &Frame, columns: &[Column]) -> (Vec<Column>, Vec<usize>) {
    let mut made = frame.columns.to_vec();
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        places.push(match made.iter().position(|known| known.name == column.name) {
            Some(place) => {
                if let Some(known) = made.get_mut(place) {
                    known.ty = column.ty;
                }
                place
            }
            None => {
                made.push(column.clone());
                made.len() - 1
            }
        });
    }
    (made, places)
}

/// The columns of a pattern.
fn captured(pattern: &[ParsePart], scope: &Scope<'_>) -> Result<Vec<Column>, Fault> {
    let mut columns = Vec::new();
    for part in pattern {
        let ParsePart::Column { name, ty } = part else { continue };
        match type_of(ty.as_ref()) {
            ScalarType::Decimal => return Err(scope.not_evaluated("the type decimal", name.span)),
            ty => columns.push(Column { name: Arc::from(&*name.text), ty }),
        }
    }
    Ok(columns)
}

fn type_of(ty: Option<&TypeRef>) -> ScalarType {
    ty.and_then(declared_type).unwrap_or(ScalarType::String)
}

/// The regular expression of a pattern, with one group `cN` for each column.
fn pattern(parts: &[ParsePart], mode: Mode, flags: &str) -> String {
    // In `regex` mode a column is greedy unless the flag `U` says otherwise; else it ends where the next part begins, as
    // what `*` leaves out always does.
    let any = if mode == Mode::Regex { ".*" } else { ".*?" };
    let letters: String = flags.chars().filter(|c| "imsUx".contains(*c)).collect();
    let mut regex = match (mode, letters.is_empty()) {
        (Mode::Regex, false) => format!("(?{letters})"),
        (Mode::Regex, true) => String::new(),
        _ => "(?s)".to_owned(),
    };
    let mut number = 0;
    for (index, part) in parts.iter().enumerate() {
        let next = parts.get(index + 1);
        let before_last_star = index + 2 == parts.len() && matches!(next, Some(ParsePart::Star(_)));
        match part {
            ParsePart::Star(_) => regex.push_str(if next.is_none() { ".*" } else { ".*?" }),
            ParsePart::Text(text) => {
                let ExprKind::String(literal) = &text.kind else { continue };
                match mode {
                    Mode::Regex => regex.push_str(&format!("(?:{})", literal.value)),
                    _ => regex.push_str(&regex_syntax::escape(&literal.value)),
                }
            }
            ParsePart::Column { ty, .. } => {
                let ty = type_of(ty.as_ref());
                let inner = match (mode, next) {
                    (Mode::Regex, _) => shape(ty, true).unwrap_or(any).to_owned(),
                    (_, Some(ParsePart::Star(_))) => match shape(ty, false) {
                        Some(shape) if before_last_star => format!("(?:{shape})?"),
                        shape => shape.unwrap_or(any).to_owned(),
                    },
                    (_, None) => ".*".to_owned(),
                    _ => any.to_owned(),
                };
                regex.push_str(&format!("(?P<c{number}>{inner})"));
                number += 1;
            }
        }
    }
    // Except in `regex` mode a pattern reaches the end of the text; there a last column that is a text does.
    let text_last = matches!(parts.last(), Some(ParsePart::Column { ty, .. }) if type_of(ty.as_ref()) == ScalarType::String);
    if mode != Mode::Regex || text_last {
        regex.push('$');
    }
    regex
}

/// What a value of a type looks like inside a text; `None` for texts. Outside `regex` mode a bool may be a number and a
/// real may begin with its point.
fn shape(ty: ScalarType, strict: bool) -> Option<&'static str> {
    Some(match ty {
        ScalarType::Real if !strict => r"\s*[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?",
        ScalarType::Bool if !strict => r"\s*(?i:true|false|[-+]?\d+)",
        ScalarType::Int | ScalarType::Long => r"\s*[-+]?\d+",
        ScalarType::Real => r"\s*[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?",
        ScalarType::Bool => r"\s*(?i:true|false)",
        ScalarType::Guid => r"\s*[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        ScalarType::TimeSpan => r"\s*-?(?:\d+\.)?\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?",
        ScalarType::DateTime => r"\s*\d[-0-9/.]*(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[AP]M)?Z?)?",
        _ => return None,
    })
}

/// The values of the columns; `None` if the text does not match.
fn matched(regex: &Regex, text: &str, columns: &[Column], mode: Mode) -> Option<Vec<Value>> {
    let captures = regex.captures(text)?;
    let mut values = Vec::with_capacity(columns.len());
    for (number, column) in columns.iter().enumerate() {
        let group = captures.name(&format!("c{number}")).map_or("", |group| group.as_str());
        let value = match column.ty {
            ScalarType::String => Value::string(group),
            ty => convert(&Value::string(group), ty),
        };
        if value.is_null() && mode != Mode::Relaxed {
            return None;
        }
        values.push(value);
    }
    Some(values)
}

/// How `parse-kv` finds keys and values.
struct KeyValues {
    pair: Vec<String>,
    key: Vec<String>,
    quotes: Vec<(char, char)>,
}

impl KeyValues {
    fn new(properties: &[OperatorParameter], scope: &Scope<'_>) -> Result<KeyValues, Fault> {
        let mut made =
            KeyValues { pair: vec![" ".to_owned()], key: vec!["=".to_owned()], quotes: Vec::new() };
        for property in properties {
            let text = word(std::slice::from_ref(property), &[&*property.name.text]).unwrap_or_default();
            match &*property.name.text {
                "pair_delimiter" => made.pair = vec![text.to_owned()],
                "kv_delimiter" => made.key = vec![text.to_owned()],
                "greedy" if text != "true" => {}
                "quote" => {
                    let mut letters = text.chars();
                    let open = letters.next();
                    made.quotes.extend(open.map(|open| (open, letters.next().unwrap_or(open))));
                }
                other => return Err(scope.not_evaluated(format!("parse-kv with {other}"), property.span)),
            }
        }
        Ok(made)
    }

    /// The pairs of a text; of several of one key the first counts.
    fn pairs(&self, text: &str) -> Vec<(String, String)> {
        let (Some(pair), Some(key)) = (self.pair.first(), self.key.first()) else { return Vec::new() };
        let mut pairs = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some((name, after)) = rest.split_once(key.as_str()) else { break };
            // Words without a value before a key belong to nothing.
            let name = name.rsplit(pair.as_str()).next().unwrap_or(name).trim();
            let name = self.unquoted(name);
            let (value, after) = self.value(after, pair);
            pairs.push((name.to_owned(), value.to_owned()));
            rest = after;
        }
        pairs
    }

    /// The value at the start of a text, and what follows its delimiter.
    fn value<'t>(&self, text: &'t str, pair: &str) -> (&'t str, &'t str) {
        for &(open, close) in &self.quotes {
            if let Some(inner) = text.strip_prefix(open)
                && let Some((value, after)) = inner.split_once(close)
            {
                return (value, after.strip_prefix(pair).unwrap_or(after));
            }
        }
        text.split_once(pair).unwrap_or((text, ""))
    }

    fn unquoted<'t>(&self, name: &'t str) -> &'t str {
        let quoted =
            self.quotes.iter().find_map(|&(open, close)| name.strip_prefix(open)?.strip_suffix(close));
        quoted.unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_the_documentation() {
        // learn.microsoft.com/kusto/query/parse-kv-operator, "Extraction with well-defined delimiters".
        let settings =
            KeyValues { pair: vec![", ".to_owned()], key: vec![": ".to_owned()], quotes: Vec::new() };
        let pairs = settings.pairs("ThreadId: 458745723, Machine: Node001, Text: The service is up");
        assert_eq!(pairs[1], ("Machine".to_owned(), "Node001".to_owned()));
        assert_eq!(pairs[2].1, "The service is up");
    }
}

//! `$filter`: the operators and functions that CONTRACT A.1 lists, over any property.

use std::cmp::Ordering;

use serde_json::Value;

use crate::sandbox::{duration, paths};

/// A parsed filter.
#[derive(Debug)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare { path: String, operator: Operator, value: String },
    In { path: String, values: Vec<String> },
    Text { function: Function, path: String, value: String },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Function {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Literal(String),
    Sign(char),
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let filter = parser.either()?;
        if parser.at < parser.tokens.len() {
            return Err(parser.error());
        }
        Ok(filter)
    }

    pub(crate) fn matches(&self, rule: &Value) -> bool {
        match self {
            Self::And(a, b) => a.matches(rule) && b.matches(rule),
            Self::Or(a, b) => a.matches(rule) || b.matches(rule),
            Self::Not(inner) => !inner.matches(rule),
            Self::In { path, values } => values.iter().any(|value| same(&shown(rule, path), value)),
            Self::Compare { path, operator, value } => {
                let found = shown(rule, path);
                let order = compare(&found, value);
                match operator {
                    Operator::Equal => same(&found, value),
                    Operator::NotEqual => !same(&found, value),
                    Operator::Less => order == Ordering::Less,
                    Operator::LessOrEqual => order != Ordering::Greater,
                    Operator::Greater => order == Ordering::Greater,
                    Operator::GreaterOrEqual => order != Ordering::Less,
                }
            }
            Self::Text { function, path, value } => {
                let (found, value) = (shown(rule, path).to_lowercase(), value.to_lowercase());
                match function {
                    Function::StartsWith => found.starts_with(&value),
                    Function::EndsWith => found.ends_with(&value),
                    Function::Contains => found.contains(&value),
                }
            }
        }
    }
}

fn shown(rule: &Value, path: &str) -> String {
    match paths::get(rule, path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "null".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn same(found: &str, wanted: &str) -> bool {
    found.eq_ignore_ascii_case(wanted) || compare(found, wanted) == Ordering::Equal
}

/// Durations by length, times by instant, everything else as text.
fn compare(found: &str, wanted: &str) -> Ordering {
    if let (Some(a), Some(b)) = (duration::seconds(found), duration::seconds(wanted)) {
        return a.cmp(&b);
    }
    if let (Ok(a), Ok(b)) = (found.parse::<jiff::Timestamp>(), wanted.parse::<jiff::Timestamp>()) {
        return a.cmp(&b);
    }
    found.cmp(wanted)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' | ')' | ',' => out.push(Token::Sign(c)),
            '\'' => {
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => literal.push('\''),
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err("Invalid filter clause: unterminated string literal.".to_owned()),
                    }
                }
                out.push(Token::Literal(literal));
            }
            c => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"(),'".contains(*c)) {
                    word.push(c);
                }
                out.push(Token::Word(word));
            }
        }
    }
    Ok(out)
}

/// Deeper brackets are refused, not recursed into.
const MAX_DEPTH: usize = 50;

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn either(&mut self) -> Result<Filter, String> {
        let mut left = self.both()?;
        while self.word_is("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut left = self.single()?;
        while self.word_is("and") {
            left = Filter::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("Invalid filter clause: too deep.".to_owned());
        }
        let filter = self.single_inner();
        self.depth -= 1;
        filter
    }

    fn single_inner(&mut self) -> Result<Filter, String> {
        if self.word_is("not") {
            return Ok(Filter::Not(Box::new(self.single()?)));
        }
        if self.sign_is('(') {
            let inner = self.either()?;
            return if self.sign_is(')') { Ok(inner) } else { Err(self.error()) };
        }
        let Some(Token::Word(word)) = self.next() else { return Err(self.error()) };
        let function = match word.to_lowercase().as_str() {
            "startswith" => Some(Function::StartsWith),
            "endswith" => Some(Function::EndsWith),
            "contains" => Some(Function::Contains),
            _ => None,
        };
        if let Some(function) = function.filter(|_| self.sign_is('(')) {
            let path = self.path()?;
            let comma = self.sign_is(',');
            let value = self.value()?;
            let closed = self.sign_is(')');
            return if comma && closed {
                Ok(Filter::Text { function, path, value })
            } else {
                Err(self.error())
            };
        }
        let path = word.replace('/', ".");
        let Some(Token::Word(operator)) = self.next() else { return Err(self.error()) };
        let operator = match operator.as_str() {
            "in" => return self.list().map(|values| Filter::In { path, values }),
            "eq" => Operator::Equal,
            "ne" => Operator::NotEqual,
            "lt" => Operator::Less,
            "le" => Operator::LessOrEqual,
            "gt" => Operator::Greater,
            "ge" => Operator::GreaterOrEqual,
            _ => return Err(self.error()),
        };
        Ok(Filter::Compare { path, operator, value: self.value()? })
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        let mut values = Vec::new();
        if !self.sign_is('(') {
            return Err(self.error());
        }
        loop {
            values.push(self.value()?);
            if self.sign_is(')') {
                return Ok(values);
            }
            if !self.sign_is(',') {
                return Err(self.error());
            }
        }
    }

    fn path(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word.replace('/', ".")),
            _ => Err(self.error()),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Literal(text)) => Ok(text),
            // `duration'PT1H'` is a word followed by a literal.
            Some(Token::Word(word)) if word == "duration" => self.value(),
            Some(Token::Word(word)) => Ok(word),
            _ => Err(self.error()),
        }
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn word_is(&mut self, word: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn sign_is(&mut self, sign: char) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(is);
        is
    }

    fn error(&self) -> String {
        format!("Invalid filter clause: syntax error at token {}.", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_select_what_they_say() {
        let rule = json!({"id": "r1", "displayName": "It's a Rule", "status": "enabled", "schedule": {"frequency": "P1D"},
            "createdDateTime": "2026-11-23T10:00:00Z"});
        for (text, want) in [
            ("id eq 'R1'", true),
            ("id ne 'r1'", false),
            ("displayName eq 'It''s a rule'", true),
            ("contains(displayName,'a r')", true),
            ("startsWith(displayName, 'a')", false),
            ("endsWith(displayName,'rule') and status eq 'enabled'", true),
            ("not (status eq 'enabled') or id in ('x','r1')", true),
            ("schedule/frequency eq PT24H", true),
            ("schedule/frequency gt duration'PT12H'", true),
            ("createdDateTime lt 2026-11-23T11:00:00+01:00", false),
            ("createdDateTime le 2026-11-23T11:00:00+01:00", true),
            ("description eq null", true),
        ] {
            assert_eq!(Filter::parse(text).unwrap().matches(&rule), want, "{text}");
        }
    }

    #[test]
    fn broken_filters_are_errors() {
        for text in [
            "",
            "id",
            "id eq",
            "id is 'x'",
            "(id eq 'x'",
            "id eq 'x",
            "id in ()",
            "id eq 'x' 'y'",
            &"(".repeat(10_000),
        ] {
            assert!(Filter::parse(text).is_err(), "{text:.40}");
        }
    }
}

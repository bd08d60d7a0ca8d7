//! `name = value` after an operator's name: which names exist, and what their values may be.

use super::super::keyword::Keyword as K;
use super::super::span::Span;
use super::super::syntax::{Expr, ExprKind, Name, NameForm, OperatorParameter};
use super::super::token::{LiteralKind, TokenKind as T};
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;

/// A parameter that an operator declares.
#[derive(Clone, Copy)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) value: Value,
}

/// What may follow the `=`.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// A literal or a name.
    Any,
    /// One of these words, even if it is reserved; or as `Any`.
    Word(&'static [&'static str]),
    /// A new name.
    Name,
    /// An existing column.
    Column,
    /// Several columns.
    Columns,
    /// A call, path or literal that gives text.
    Text,
}

/// Which names are taken as parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Those of the operator, and those that some operator has: a hint is accepted anywhere.
    DeclaredOrKnown,
    /// Those of the operator.
    Declared,
}

/// Short form for the tables.
pub(super) const fn spec(name: &'static str, value: Value) -> Spec {
    Spec { name, value }
}

pub(super) const KIND: Spec = spec("kind", Value::Any);
const NO_OPTIMIZATION: Spec = spec("kind", Value::Word(&["nooptimization"]));

/// Parameters that any operator may carry; what an operator does not know, it ignores.
const KNOWN: &[Spec] = &[
    spec("bagexpansion", Value::Any),
    spec("bin_legacy", Value::Any),
    spec("__crossCluster", Value::Any),
    spec("__crossDB", Value::Any),
    spec("cycles", Value::Any),
    spec("decodeblocks", Value::Any),
    spec("expandoutput", Value::Any),
    spec("force_remote", Value::Any),
    spec("hint.concurrency", Value::Any),
    spec("hint.distribution", Value::Any),
    spec("hint.materialized", Value::Any),
    spec("hint.num_partitions", Value::Any),
    spec("hint.pass_filters", Value::Any),
    spec("hint.pass_filters_column", Value::Column),
    spec("hint.progressive_top", Value::Any),
    spec("hint.remote", Value::Any),
    spec("hint.shufflekey", Value::Column),
    spec("hint.spread", Value::Any),
    spec("hint.strategy", Value::Any),
    spec("__id", Value::Any),
    spec("isfuzzy", Value::Any),
    spec("__isFuzzy", Value::Any),
    KIND,
    spec("__noWithSource", Value::Any),
    spec("__packedColumn", Value::Column),
    spec("__sourceColumnIndex", Value::Any),
    spec("with_itemindex", Value::Name),
    spec("with_match_id", Value::Name),
    spec("withsource", Value::Name),
    spec("with_source", Value::Name),
    spec("with_step_name", Value::Name),
];

/// The known names that are more than one token.
const JOINED: [&str; 2] = ["hint.pass_filters_column", "hint.pass_filters"];

impl Parser<'_> {
    /// Parameters one after the other. With `equals`, a name counts only if `=` follows, because what comes next
    /// might begin with a column of that name.
    pub(super) fn parameters(&mut self, specs: &'static [Spec], equals: bool) -> Vec<OperatorParameter> {
        let mut found = Vec::new();
        while let Some(parameter) = self.parameter_opt(specs, Names::DeclaredOrKnown, equals) {
            found.push(parameter);
        }
        found
    }

    /// Parameters separated by commas, as in `with (a=1, b=2)`.
    pub(super) fn parameter_list(&mut self, specs: &'static [Spec], names: Names) -> Vec<OperatorParameter> {
        self.list(
            List::COMMON,
            |p| p.parameter_opt(specs, names, false),
            |p| p.missing_parameter_value(specs),
        )
    }

    pub(super) fn parameter_opt(
        &mut self,
        specs: &'static [Spec],
        names: Names,
        equals: bool,
    ) -> Option<OperatorParameter> {
        let (count, spec) = self.scan_parameter(specs, names, 0)?;
        if equals && self.peek_at(count) != T::Equal {
            return None;
        }
        let start = self.here();
        self.pos += count;
        let span = self.since(start);
        let name = Name { text: span.of(self.text).into(), form: NameForm::Bare, span };
        self.expect(T::Equal, "=");
        Some(self.parameter_value(name, spec, specs))
    }

    /// The name of a parameter `ahead` places on: how many tokens, and which parameter.
    fn scan_parameter(&self, specs: &'static [Spec], names: Names, ahead: usize) -> Option<(usize, Spec)> {
        if !matches!(self.peek_at(ahead), T::Identifier | T::Keyword(_)) {
            return None;
        }
        let text = self.text_at(ahead);
        let known = if names == Names::Declared { &[] } else { KNOWN };
        if let Some(spec) = specs.iter().chain(known).find(|spec| spec.name == text) {
            return Some((1, *spec));
        }
        if text != "hint" || names == Names::Declared {
            return None;
        }
        JOINED.iter().find_map(|name| {
            let count = self.scan_joined(name, ahead)?;
            KNOWN.iter().find(|spec| spec.name == *name).map(|spec| (count, *spec))
        })
    }

    /// True at a known parameter with its `=`.
    pub(super) fn at_known_parameter(&self) -> bool {
        self.scan_parameter(&[], Names::DeclaredOrKnown, 1).is_some()
    }

    fn parameter_value(&mut self, name: Name, spec: Spec, specs: &'static [Spec]) -> OperatorParameter {
        let start = name.span;
        let mut columns = Vec::new();
        let value = match spec.value {
            Value::Any => self.any_value_opt(),
            Value::Word(words) => self.word_opt(words).or_else(|| self.any_value_opt()),
            Value::Name | Value::Column => {
                self.name_opt().map(Self::name_expr).or_else(|| self.any_value_opt())
            }
            Value::Text => self.postfix_opt(),
            Value::Columns => {
                columns = self.column_names(specs);
                Some(Expr { kind: ExprKind::Missing, span: Span::at(self.last_end()) })
            }
        };
        let value = value.unwrap_or_else(|| self.missing_expr());
        OperatorParameter { name, value, columns, span: self.since(start) }
    }

    fn word_opt(&mut self, words: &[&str]) -> Option<Expr> {
        let is_word =
            matches!(self.peek(), T::Identifier | T::Keyword(_)) && words.contains(&self.text_at(0));
        is_word.then(|| Self::name_expr(self.bare_name()))
    }

    /// A literal or a name.
    fn any_value_opt(&mut self) -> Option<Expr> {
        self.literal_opt().or_else(|| self.name_opt().map(Self::name_expr))
    }

    /// `a, b` up to the next parameter.
    fn column_names(&mut self, specs: &'static [Spec]) -> Vec<Name> {
        let mut names = Vec::new();
        loop {
            let next_parameter = self
                .scan_parameter(specs, Names::Declared, 0)
                .is_some_and(|(count, _)| self.peek_at(count) == T::Equal);
            let name = if next_parameter { None } else { self.declared_name_opt() };
            names.push(name.unwrap_or_else(|| self.missing_name()));
            let more = self.at(T::Comma)
                && !self.list_end_at(1)
                && self.scan_parameter(specs, Names::DeclaredOrKnown, 1).is_none();
            if !more {
                return names;
            }
            self.bump();
        }
    }

    fn missing_parameter_value(&mut self, specs: &[Spec]) -> OperatorParameter {
        let span = self.here();
        let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
        let message = format!("expected one of {}{}", names.join(", "), self.found());
        self.error(SyntaxCode::MissingName, message, span);
        let span = Span::at(self.last_end());
        OperatorParameter {
            name: Name { text: "".into(), form: NameForm::Bare, span },
            value: Expr { kind: ExprKind::Missing, span },
            columns: Vec::new(),
            span,
        }
    }

    /// `kind = nooptimization` of `toscalar` and `totable`.
    pub(super) fn conversion_kind_opt(&mut self) -> Option<OperatorParameter> {
        self.kind_opt(&[NO_OPTIMIZATION])
    }

    /// `kind = value` where only that parameter may stand.
    pub(super) fn kind_opt(&mut self, specs: &'static [Spec]) -> Option<OperatorParameter> {
        self.parameter_opt(specs, Names::Declared, true)
    }

    /// `name = value` of `externaldata ... with (...)` and `restrict ... with (...)`: any name.
    pub(super) fn property_list(&mut self) -> Vec<OperatorParameter> {
        self.expect(T::OpenParen, "(");
        let properties = self.list(List::COMMON, Self::free_property_opt, |p| p.missing_parameter_value(&[]));
        self.expect_close(T::CloseParen);
        properties
    }

    fn free_property_opt(&mut self) -> Option<OperatorParameter> {
        use LiteralKind as L;
        let name = self.declared_name_opt()?;
        let start = name.span;
        self.expect(T::Equal, "=");
        let value = match self.peek() {
            T::Literal(L::String | L::Long | L::Real | L::Bool | L::Datetime) => self.plain_literal_opt(),
            T::Literal(kind @ (L::Guid | L::RawGuid)) => {
                Some(Expr { kind: ExprKind::Literal(kind), span: self.bump() })
            }
            _ => self.declared_name_opt().map(Self::name_expr),
        };
        let value = value.unwrap_or_else(|| self.missing_expr());
        Some(OperatorParameter { name, value, columns: Vec::new(), span: self.since(start) })
    }

    /// `datascope = all`
    pub(super) fn data_scope_opt(&mut self) -> Option<Name> {
        self.eat_keyword(K::Datascope)?;
        self.expect(T::Equal, "=");
        Some(self.one_of(&["all", "hotcache"]))
    }

    /// One of these words, reserved or not.
    pub(super) fn one_of(&mut self, words: &[&str]) -> Name {
        if words.contains(&self.text_at(0)) && !self.at(T::End) {
            return self.bare_name();
        }
        let span = self.here();
        let message = format!("expected one of {}{}", words.join(", "), self.found());
        self.error(SyntaxCode::MissingName, message, span);
        Name { text: "".into(), form: NameForm::Bare, span: Span::at(self.last_end()) }
    }
}

//! Parameters of operators: `kind=inner`, `hint.strategy=shuffle`, `isfuzzy=true`.
//!
//! Facts: the pages of each operator in the Kusto documentation; what the language library accepts. A parameter that
//! nobody knows is a warning, never an error.

use super::Binder;
use super::symbols::Value;
use crate::kql::syntax::{Expr, ExprKind, OperatorParameter};
use crate::kql::types::Ty;

/// What a parameter's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    /// One of these words, whatever their case for hints.
    Word(&'static [&'static str]),
    WordOrNumber,
    Bool,
    Integer,
    Number,
    String,
    /// A literal string.
    Text,
    Column,
    Columns,
    Name,
    Scalar,
}

/// One parameter.
pub(super) type Known = (&'static str, Kind);

const SHUFFLE: [Known; 2] = [("hint.shufflekey", Kind::Column), ("hint.num_partitions", Kind::Integer)];

/// The parameters of an operator.
pub(super) type Params = &'static [&'static [Known]];

pub(super) const NONE: Params = &[];
pub(super) const AS: Params = &[&[("hint.materialized", Kind::Bool)]];
pub(super) const DISTINCT: Params =
    &[&SHUFFLE, &[("hint.strategy", Kind::Word(&["auto", "broadcast", "centralized", "shuffle"]))]];
pub(super) const EVALUATE: Params = &[&[
    ("hint.distribution", Kind::Word(&["single", "per_node", "per_shard", "default"])),
    ("hint.remote", Kind::Word(&["auto", "local"])),
]];
pub(super) const FIND: Params = &[&[("withsource", Kind::Name), ("with_source", Kind::Name)]];
pub(super) const JOIN: Params = &[
    &SHUFFLE,
    &[
        (
            "kind",
            Kind::Word(&[
                "inner",
                "fullouter",
                "innerunique",
                "leftanti",
                "leftantisemi",
                "anti",
                "leftouter",
                "leftsemi",
                "rightanti",
                "rightantisemi",
                "rightouter",
                "rightsemi",
            ]),
        ),
        ("hint.remote", Kind::Word(&["auto", "left", "local", "right", "unresolved"])),
        ("hint.strategy", Kind::Word(&["auto", "broadcast", "centralized", "shuffle"])),
    ],
];
pub(super) const LOOKUP: Params = &[&[("kind", Kind::Word(&["inner", "leftouter"]))]];
pub(super) const GRAPH_COMPONENTS: Params =
    &[&[("kind", Kind::Word(&["weak", "strong"])), ("with_component_id", Kind::Name)]];
pub(super) const MAKE_SERIES: Params = &[&SHUFFLE, &[("kind", Kind::Word(&["nonempty"]))]];
pub(super) const MV_APPLY: Params = &[&[("with_itemindex", Kind::Name)]];
pub(super) const MV_EXPAND: Params = &[&[
    ("kind", Kind::Word(&["bag", "array"])),
    ("bagexpansion", Kind::Word(&["bag", "array"])),
    ("with_itemindex", Kind::Name),
]];
pub(super) const PARSE: Params =
    &[&[("kind", Kind::Word(&["simple", "regex", "relaxed"])), ("flags", Kind::Any)]];
pub(super) const PARSE_KV: Params = &[&[
    ("pair_delimiter", Kind::Text),
    ("kv_delimiter", Kind::Text),
    ("regex", Kind::Text),
    ("quote", Kind::Text),
    ("escape", Kind::Text),
    ("greedy", Kind::Bool),
]];
pub(super) const PARTITION: Params = &[
    &SHUFFLE,
    &[
        ("hint.concurrency", Kind::WordOrNumber),
        ("hint.spread", Kind::WordOrNumber),
        ("hint.materialized", Kind::Bool),
        ("hint.strategy", Kind::Word(&["shuffle", "native", "legacy"])),
    ],
];
pub(super) const REDUCE: Params = &[&[("kind", Kind::Word(&["source"]))]];
pub(super) const REDUCE_WITH: Params = &[&[("threshold", Kind::Number), ("characters", Kind::Text)]];
pub(super) const RENDER: Params = &[&[
    ("kind", Kind::Word(&["default", "unstacked", "stacked", "stacked100", "map"])),
    ("title", Kind::String),
    ("accumulate", Kind::Bool),
    ("with", Kind::Any),
    ("by", Kind::Columns),
    ("xcolumn", Kind::Column),
    ("ycolumns", Kind::Columns),
    ("anomalycolumns", Kind::Columns),
    ("series", Kind::Columns),
    ("xtitle", Kind::String),
    ("ytitle", Kind::String),
    ("xaxis", Kind::Word(&["linear", "log"])),
    ("yaxis", Kind::Word(&["linear", "log"])),
    ("legend", Kind::Word(&["visible", "hidden"])),
    ("ysplit", Kind::Word(&["none", "axes", "panels"])),
    ("ymin", Kind::Number),
    ("ymax", Kind::Number),
    ("xmin", Kind::Scalar),
    ("xmax", Kind::Scalar),
]];
pub(super) const SCAN: Params =
    &[&[("kind", Kind::Word(&["partial", "full"])), ("with_match_id", Kind::Name)]];
pub(super) const SEARCH: Params =
    &[&[("kind", Kind::Word(&["default", "case_insensitive", "case_sensitive"]))]];
pub(super) const SORT: Params = &[&[("hint.strategy", Kind::Word(&["splitBlock", "multipleBlocks"]))]];
pub(super) const SUMMARIZE: Params = &[&SHUFFLE, &[("hint.strategy", Kind::Word(&["shuffle"]))]];
pub(super) const UNION: Params = &[&[
    ("kind", Kind::Word(&["inner", "outer"])),
    ("withsource", Kind::Name),
    ("with_source", Kind::Name),
    ("isfuzzy", Kind::Bool),
    ("__isFuzzy", Kind::Bool),
    ("best_effort", Kind::Bool),
    ("hint.concurrency", Kind::WordOrNumber),
    ("hint.spread", Kind::WordOrNumber),
]];

/// The value of a parameter that is a word or a name: `kind=inner`, `withsource=T`.
pub(super) fn word<'a>(parameters: &'a [OperatorParameter], names: &[&str]) -> Option<&'a str> {
    let parameter = parameters.iter().find(|p| names.contains(&&*p.name.text))?;
    match &parameter.value.kind {
        ExprKind::Name(name) => Some(&name.text),
        ExprKind::String(string) => Some(&string.value),
        _ => None,
    }
}

impl<'a> Binder<'a> {
    /// Checks the parameters of an operator and binds columns in them.
    pub(super) fn check_parameters(&mut self, parameters: &'a [OperatorParameter], known: Params) {
        for (index, parameter) in parameters.iter().enumerate() {
            let name: &str = &parameter.name.text;
            if name.is_empty() {
                continue;
            }
            let kind = known.iter().flat_map(|list| list.iter()).find(|(known, _)| *known == name);
            let Some(&(_, kind)) = kind else {
                self.warning(
                    "KQL179",
                    parameter.name.span,
                    format!("the operator has no parameter '{name}'"),
                );
                continue;
            };
            let repeated = parameters.iter().take(index).any(|p| *p.name.text == *name);
            if repeated && !matches!(name, "hint.shufflekey" | "quote" | "escape") {
                self.error("KQL180", parameter.name.span, format!("the parameter '{name}' is given twice"));
            }
            self.check_parameter(parameter, kind, name.starts_with("hint."));
        }
    }

    fn check_parameter(&mut self, parameter: &'a OperatorParameter, kind: Kind, ignore_case: bool) {
        let value = &parameter.value;
        let span = value.span;
        match kind {
            Kind::Any | Kind::Name | Kind::WordOrNumber => {}
            Kind::Word(words) => {
                let text = match &value.kind {
                    ExprKind::Name(name) => &*name.text,
                    ExprKind::Missing => return,
                    _ => span.of(self.text),
                };
                let fits = |w: &&str| if ignore_case { w.eq_ignore_ascii_case(text) } else { **w == *text };
                if !words.iter().any(fits) {
                    let what = format!("'{text}' is not one of: {}", words.join(", "));
                    self.error("KQL005", span, what);
                }
            }
            Kind::Bool => self.check_literal(value, &[Ty::Bool], "true or false"),
            Kind::Integer => self.check_literal(value, &[Ty::Long, Ty::Int], "a whole number"),
            Kind::Number => {
                self.check_literal(value, &[Ty::Long, Ty::Int, Ty::Real, Ty::Decimal], "a number");
            }
            Kind::Text => self.check_literal(value, &[Ty::String], "a string"),
            Kind::Scalar => {
                self.expr(value);
            }
            Kind::String => {
                let info = self.expr(value);
                let ty = self.reduced(info.ty);
                if !ty.is_string_or_dynamic() && !ty.is_opaque() && ty != Ty::Void {
                    self.error("KQL135", span, format!("a string is expected, not {}", ty.name()));
                }
            }
            Kind::Column => {
                let info = self.expr(value);
                if info.sym.column().is_none() && !info.ty.is_opaque() {
                    self.error("KQL109", span, "a column name is expected");
                }
            }
            Kind::Columns => {
                for column in &parameter.columns {
                    self.bind_name(column, false);
                }
            }
        }
    }

    fn check_literal(&mut self, value: &'a Expr, types: &[Ty], what: &'static str) {
        if matches!(value.kind, ExprKind::Missing) {
            return;
        }
        let info = self.expr(value);
        let literal = matches!(value.kind, ExprKind::String(_) | ExprKind::Literal(_))
            || matches!(&value.kind, ExprKind::Unary(_));
        let fits = info.ty.is_opaque() || literal && types.contains(&info.ty);
        if !fits {
            self.error("KQL131", value.span, format!("{what} is expected"));
        }
    }

    /// `isfuzzy=true` of a `union`; `None` if it is not given.
    pub(super) fn fuzziness(&self, parameters: &'a [OperatorParameter]) -> Option<bool> {
        let parameter = parameters.iter().find(|p| matches!(&*p.name.text, "isfuzzy" | "__isFuzzy"))?;
        Value { expr: &parameter.value, source: self.text }.boolean()
    }
}

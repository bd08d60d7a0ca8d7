//! The remaining operators: `as`, `invoke`, `range`, `render`, `scan`.

use super::super::keyword::Keyword as K;
use super::super::syntax::{
    As, Expr, Name, OperatorKind, OperatorParameter, Ordered, Parameter, Range, Render, Scan, ScanStep,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::list::List;
use super::parameter::{Names, Spec, Value, spec};

/// Charts by name; `render` takes any other identifier too.
const CHARTS: &[&str] = &[
    "3Dchart",
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "graph",
    "ladderchart",
    "linechart",
    "list",
    "piechart",
    "pivotchart",
    "plotly",
    "sankey",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timeline",
    "timepivot",
    "treemap",
];

const RENDER_KIND: Spec = spec("kind", Value::Any);
const RENDER_TITLE: Spec = spec("title", Value::Text);
const RENDER_ACCUMULATE: Spec = spec("accumulate", Value::Any);

/// What may stand directly after the chart's name (old form).
const RENDER_OLD: &[Spec] = &[RENDER_KIND, RENDER_TITLE, RENDER_ACCUMULATE];

/// What may stand in `with (...)`.
const RENDER_WITH: &[Spec] = &[
    RENDER_KIND,
    RENDER_TITLE,
    RENDER_ACCUMULATE,
    spec("xcolumn", Value::Column),
    spec("ycolumns", Value::Columns),
    spec("anomalycolumns", Value::Columns),
    spec("series", Value::Columns),
    spec("xtitle", Value::Text),
    spec("ytitle", Value::Text),
    spec("xaxis", Value::Any),
    spec("yaxis", Value::Any),
    spec("legend", Value::Any),
    spec("ysplit", Value::Any),
    spec("ymin", Value::Any),
    spec("ymax", Value::Any),
    spec("xmin", Value::Any),
    spec("xmax", Value::Any),
];

impl Parser<'_> {
    pub(super) fn as_operator(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        OperatorKind::As(As { parameters, name: self.name() })
    }

    pub(super) fn invoke(&mut self) -> OperatorKind {
        OperatorKind::Invoke(self.dotted_call_opt().unwrap_or_else(|| self.missing_expr()))
    }

    pub(super) fn range(&mut self) -> OperatorKind {
        let name = self.name();
        self.expect_keyword(K::From);
        let from = self.expr();
        self.expect_keyword(K::To);
        let to = self.expr();
        self.expect_keyword(K::Step);
        OperatorKind::Range(Box::new(Range { name, from, to, step: self.expr() }))
    }

    /// True at a chart's name `ahead` places on.
    pub(super) fn at_chart(&self, ahead: usize) -> bool {
        CHARTS.binary_search(&self.text_at(ahead)).is_ok()
    }

    pub(super) fn render(&mut self) -> OperatorKind {
        let chart = match self.at_chart(0) || self.at(T::Identifier) {
            true => self.bare_name(),
            false => self.missing_name(),
        };
        let mut properties = Vec::new();
        while let Some(property) = self.old_render_property_opt() {
            properties.push(property);
        }
        if self.eat_keyword(K::With).is_some() {
            properties.extend(self.parenthesised(|p| {
                p.eat(T::Comma);
                p.parameter_list(RENDER_WITH, Names::Declared)
            }));
        }
        OperatorKind::Render(Render { chart, properties })
    }

    /// `kind=stacked`, `title="x"`, `by a, b`, `with "x"`
    fn old_render_property_opt(&mut self) -> Option<OperatorParameter> {
        if let Some(property) = self.parameter_opt(RENDER_OLD, Names::Declared, true) {
            return Some(property);
        }
        let start = self.here();
        let with = self.at_keyword(K::With) && self.peek_at(1) != T::OpenParen;
        if !with && !self.at_keyword(K::By) {
            return None;
        }
        let name = self.bare_name();
        let mut columns = Vec::new();
        let value = if with {
            self.literal_opt()
                .or_else(|| self.name_opt().map(Self::name_expr))
                .unwrap_or_else(|| self.missing_expr())
        } else {
            columns = self.list(
                List::until(at_old_render_property).one_or_more(),
                Parser::declared_name_opt,
                Parser::missing_name,
            );
            Self::name_expr(self.no_name())
        };
        Some(OperatorParameter { name, value, columns, span: self.since(start) })
    }

    pub(super) fn scan(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], false);
        let order_by = match self.eat_keyword(K::Order) {
            Some(_) => self.scan_order(),
            None => Vec::new(),
        };
        let partition_by = match self.eat_keyword(K::Partition) {
            Some(_) => self.scan_partition(),
            None => Vec::new(),
        };
        let declare = match self.eat_keyword(K::Declare) {
            Some(_) => self.scan_declare(),
            None => Vec::new(),
        };
        self.expect_keyword(K::With);
        let steps = self.parenthesised(|p| {
            let mut steps = Vec::new();
            while let Some(step) = p.scan_step_opt() {
                steps.push(step);
            }
            steps
        });
        OperatorKind::Scan(Box::new(Scan { parameters, order_by, partition_by, declare, steps }))
    }

    fn scan_order(&mut self) -> Vec<Ordered> {
        self.expect_keyword(K::By);
        self.list(List::until(at_scan_clause).one_or_more(), Self::ordered_opt, Parser::missing_ordered)
    }

    fn scan_partition(&mut self) -> Vec<Expr> {
        self.expect_keyword(K::By);
        self.list(List::until(at_scan_clause).one_or_more(), Self::expr_opt, Parser::missing_expr)
    }

    fn scan_declare(&mut self) -> Vec<Parameter> {
        self.parenthesised(|p| p.list(List::COMMON, Self::parameter_decl_opt, Self::missing_parameter))
    }

    fn scan_step_opt(&mut self) -> Option<ScanStep> {
        let start = self.eat_keyword(K::Step)?;
        let name = self.declared_name();
        let optional = self.eat_keyword(K::Optional).is_some();
        let output: Option<Name> = self.eat_keyword(K::Output).map(|_| {
            self.expect(T::Equal, "=");
            self.one_of(&["all", "last", "none"])
        });
        self.expect(T::Colon, ":");
        let predicate = self.expr();
        let assignments = match self.eat(T::FatArrow) {
            Some(_) => self.list(List::COMMON.one_or_more(), Self::assignment_opt, |p| {
                (p.missing_name(), p.missing_expr())
            }),
            None => Vec::new(),
        };
        let span = self.since(start);
        self.expect(T::Semicolon, ";");
        Some(ScanStep { name, optional, output, predicate, assignments, span })
    }

    fn assignment_opt(&mut self) -> Option<(Name, Expr)> {
        let name = self.declared_name_opt()?;
        self.expect(T::Equal, "=");
        Some((name, self.expr()))
    }
}

fn at_old_render_property(parser: &Parser<'_>) -> bool {
    matches!(parser.peek(), T::Keyword(K::Kind | K::Title | K::Accumulate | K::With | K::By))
}

fn at_scan_clause(parser: &Parser<'_>) -> bool {
    let clause = matches!(parser.peek(), T::Keyword(K::Partition | K::Order | K::By | K::Declare | K::With));
    clause || parser.at_list_end()
}

//! The build of a query: which constructs it uses, and where. Facts of the tree only; what they mean to a service is decided
//! in `check`.

use crate::kql::Span;
use crate::kql::syntax::visit::{Node, walk};
use crate::kql::syntax::{Expr, ExprKind, Name, OperatorKind, Query, StatementKind, Summarize};

/// What a service may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Construct {
    Let,
    Join,
    Lookup,
    Union,
    Find,
    Search,
    ExternalData,
}

impl Construct {
    /// As it is written.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Let => "let",
            Self::Join => "join",
            Self::Lookup => "lookup",
            Self::Union => "union",
            Self::Find => "find",
            Self::Search => "search",
            Self::ExternalData => "externaldata",
        }
    }
}

/// The facts. Spans are places of the query's text.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// Every construct with its first word.
    pub(crate) constructs: Vec<(Construct, Span)>,
    /// `search *` and `union *`, from the operator to the star.
    pub(crate) wildcards: Vec<(Construct, Span)>,
    /// Calls of `workspace()`.
    pub(crate) workspaces: Vec<Span>,
    /// Calls of `ago()`.
    pub(crate) look_backs: Vec<Span>,
    /// Names at places where a table may stand: sources of pipelines, operands of joins and unions.
    pub(crate) sources: Vec<(Box<str>, Span)>,
    /// What the result's last steps do to columns, in order; only steps of the outermost pipeline.
    pub(crate) definitions: Vec<Definition>,
    /// `summarize` of the outermost pipeline, in order.
    pub(crate) summaries: Vec<Summary>,
}

/// A column that a step of the outermost pipeline gives a new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) column: Box<str>,
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a column is defined as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// The column of the same name, as it is or as it is in one of the events: max(), take_any() and the like.
    Itself,
    /// Another column, or something computed.
    Other,
}

/// A `summarize` of the outermost pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The word.
    pub(crate) span: Span,
    /// It keeps whole events: arg_max(), arg_min(), take_any(*).
    pub(crate) keeps_events: bool,
    /// Plain columns after `by`.
    pub(crate) by: Vec<Box<str>>,
}

impl Shape {
    pub(crate) fn of(query: &Query) -> Shape {
        let mut shape = Shape::default();
        walk(query, &mut |node| match node {
            Node::Statement(statement) => match &statement.kind {
                StatementKind::Let(_) => {
                    let word = Span::new(statement.span.start, statement.span.start + 3);
                    shape.constructs.push((Construct::Let, word));
                }
                StatementKind::Expr(expr) => shape.source(expr),
                _ => {}
            },
            Node::Operator(operator) => shape.operator(&operator.kind, operator.keyword),
            Node::Expr(expr) => shape.expr(expr),
        });
        if let Some(ExprKind::Pipeline(pipeline)) = query.body().map(|body| &body.kind) {
            for operator in &pipeline.operators {
                shape.step(&operator.kind, operator.keyword);
            }
        }
        shape
    }

    fn operator(&mut self, kind: &OperatorKind, word: Span) {
        let construct = match kind {
            OperatorKind::Join(join) => {
                self.source(&join.right);
                Construct::Join
            }
            OperatorKind::Lookup(join) => {
                self.source(&join.right);
                Construct::Lookup
            }
            OperatorKind::Union(union) => {
                union.items.iter().for_each(|item| self.source(item));
                self.wildcard(Construct::Union, word, &union.items);
                Construct::Union
            }
            OperatorKind::Find(find) => {
                find.tables.iter().for_each(|table| self.source(table));
                Construct::Find
            }
            OperatorKind::Search(search) => {
                search.tables.iter().for_each(|table| self.source(table));
                if search.tables.is_empty() {
                    self.wildcard(Construct::Search, word, std::slice::from_ref(&search.predicate));
                }
                Construct::Search
            }
            _ => return,
        };
        self.constructs.push((construct, word));
    }

    fn wildcard(&mut self, construct: Construct, word: Span, items: &[Expr]) {
        let is_star = |expr: &&Expr| match &expr.kind {
            ExprKind::Star => true,
            ExprKind::Wildcard(pattern) => &**pattern == "*",
            _ => false,
        };
        if let Some(star) = items.iter().find(is_star) {
            self.wildcards.push((construct, word.to(star.span)));
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Externaldata(_) => {
                let word = Span::new(expr.span.start, expr.span.start + 12);
                self.constructs.push((Construct::ExternalData, word));
            }
            ExprKind::Call(call) if &*call.name.text == "workspace" => self.workspaces.push(call.name.span),
            ExprKind::Call(call) if &*call.name.text == "ago" => self.look_backs.push(call.name.span),
            ExprKind::Pipeline(pipeline) => pipeline.source.iter().for_each(|source| self.source(source)),
            _ => {}
        }
    }

    fn source(&mut self, expr: &Expr) {
        if let ExprKind::Name(Name { text, span, .. }) = &expr.kind {
            self.sources.push((text.clone(), *span));
        }
    }

    fn step(&mut self, kind: &OperatorKind, word: Span) {
        match kind {
            OperatorKind::Extend(items)
            | OperatorKind::Project(items)
            | OperatorKind::ProjectRename(items) => {
                items.iter().for_each(|item| self.define(item));
            }
            OperatorKind::Summarize(summarize) => {
                summarize.aggregates.iter().chain(&summarize.by).for_each(|item| self.define(item));
                self.summaries.push(summary(summarize, word));
            }
            _ => {}
        }
    }

    fn define(&mut self, item: &Expr) {
        match &item.kind {
            ExprKind::Named(named) => {
                // `(a, b) = arg_max(a, b)`: each name stands for an argument.
                let whole_event = named.list && keeps_events(&named.value);
                for name in &named.names {
                    let same = whole_event || is_itself(&named.value, &name.text);
                    self.definitions.push(Definition {
                        column: name.text.clone(),
                        span: item.span,
                        value: if same { Value::Itself } else { Value::Other },
                    });
                }
            }
            // `bin(Timestamp, 1h)` is a column of that name, but not that value.
            ExprKind::Call(call) => {
                let rounds =
                    matches!(&*call.name.text, "bin" | "floor" | "bin_at" | "startofday" | "endofday");
                if let (true, Some(ExprKind::Name(column))) =
                    (rounds, call.arguments.first().map(|argument| &argument.kind))
                {
                    self.definitions.push(Definition {
                        column: column.text.clone(),
                        span: item.span,
                        value: Value::Other,
                    });
                }
            }
            ExprKind::Name(column) => self.definitions.push(Definition {
                column: column.text.clone(),
                span: item.span,
                value: Value::Itself,
            }),
            _ => {}
        }
    }
}

fn summary(summarize: &Summarize, span: Span) -> Summary {
    let value = |expr: &Expr| match &expr.kind {
        ExprKind::Named(named) => keeps_events(&named.value),
        _ => keeps_events(expr),
    };
    let by = summarize.by.iter().filter_map(|expr| match &expr.kind {
        ExprKind::Name(name) => Some(name.text.clone()),
        _ => None,
    });
    Summary { span, keeps_events: summarize.aggregates.iter().any(value), by: by.collect() }
}

/// An aggregate whose columns all come from one event.
fn keeps_events(expr: &Expr) -> bool {
    let ExprKind::Call(call) = &expr.kind else { return false };
    let several =
        call.arguments.len() > 1 || call.arguments.iter().any(|argument| argument.kind == ExprKind::Star);
    match &*call.name.text {
        "arg_max" | "arg_min" => true,
        "take_any" | "any" => several,
        _ => false,
    }
}

fn is_itself(value: &Expr, column: &str) -> bool {
    let names = |expr: &Expr| matches!(&expr.kind, ExprKind::Name(name) if &*name.text == column);
    match &value.kind {
        ExprKind::Call(call) => {
            let takes = matches!(
                &*call.name.text,
                "max"
                    | "min"
                    | "any"
                    | "take_any"
                    | "take_anyif"
                    | "anyif"
                    | "maxif"
                    | "minif"
                    | "column_ifexists"
                    | "arg_max"
                    | "arg_min"
            );
            takes
                && call.arguments.iter().any(|argument| {
                    names(argument)
                        || matches!(&argument.kind, ExprKind::String(text) if &*text.value == column)
                })
        }
        _ => names(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::parse;

    fn of(text: &str) -> Shape {
        Shape::of(&parse(text).query)
    }

    #[test]
    fn wildcards_outside_strings_and_comments() {
        for (text, expected) in [
            ("search *", vec!["search *"]),
            ("search \"evil\"", vec![]),
            ("search in (T) *", vec![]),
            ("union *", vec!["union *"]),
            ("union isfuzzy=true kind = outer * | take 1", vec!["union isfuzzy=true kind = outer *"]),
            ("union withsource=T *", vec!["union withsource=T *"]),
            ("union Security*, Syslog", vec![]),
            ("SecurityEvent | where CommandLine == \"union *\"", vec![]),
            ("// union *\nSecurityEvent", vec![]),
            ("T | where a == @'it''s \\' | union *", vec!["union *"]),
            ("T | where a == 'it\\'s union *'", vec![]),
            ("print ```union *\n``` | union\n  *", vec!["union\n  *"]),
            ("T | project research * 2", vec![]),
            ("T | where p == @\"C:\\\" | search *", vec!["search *"]),
            ("union", vec![]),
            ("union kind=", vec![]),
            ("T | where x == 'ä' | union *", vec!["union *"]),
        ] {
            let found: Vec<&str> = of(text).wildcards.iter().map(|(_, span)| span.of(text)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn workspace_calls() {
        for (text, expected) in [
            ("workspace('a').T", 1),
            ("union T, workspace (\"b\").T", 1),
            ("T | where workspace == 1", 0),
            ("T | where x has 'workspace('", 0),
        ] {
            let found = of(text).workspaces;
            assert_eq!(found.len(), expected, "{text}");
            assert!(found.iter().all(|span| span.of(text) == "workspace"), "{text}");
        }
    }

    #[test]
    fn constructs_with_their_words() {
        let text = "let a = 1;\nT | join (externaldata(x:string)['u'] | where x == a) on x | lookup U on x | union V";
        let found: Vec<&str> = of(text).constructs.iter().map(|(_, span)| span.of(text)).collect();
        assert_eq!(found, ["let", "join", "externaldata", "lookup", "union"]);
        let sources: Vec<String> = of(text).sources.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(sources, ["T", "U", "V"]);
    }

    #[test]
    fn what_becomes_of_the_time() {
        for (text, expected) in [
            ("T | project Timestamp", Some(Value::Itself)),
            ("T | project Timestamp = TimeGenerated", Some(Value::Other)),
            ("T | extend Timestamp = now()", Some(Value::Other)),
            ("T | summarize count() by bin(Timestamp, 1h)", Some(Value::Other)),
            ("T | summarize Timestamp = max(Timestamp)", Some(Value::Itself)),
            ("T | summarize (Timestamp, ReportId) = arg_max(Timestamp, ReportId)", Some(Value::Itself)),
            ("T | summarize arg_max(Timestamp, *) by DeviceId", None),
            ("T | project-rename Timestamp = TimeGenerated", Some(Value::Other)),
            ("T | where x", None),
        ] {
            let shape = of(text);
            let last = shape.definitions.iter().rev().find(|definition| &*definition.column == "Timestamp");
            assert_eq!(last.map(|definition| definition.value), expected, "{text}");
        }
    }

    #[test]
    fn summaries_that_keep_events() {
        for (text, keeps, by) in [
            ("T | summarize count() by DeviceId", false, vec!["DeviceId"]),
            ("T | summarize arg_max(Timestamp, *) by DeviceId, x = 1", true, vec!["DeviceId"]),
            ("T | summarize (a, b) = arg_max(a, b), count()", true, vec![]),
            ("T | summarize take_any(*) by bin(t, 1h)", true, vec![]),
            ("T | summarize take_any(a)", false, vec![]),
        ] {
            let shape = of(text);
            let summary = shape.summaries.first().unwrap();
            let names: Vec<&str> = summary.by.iter().map(AsRef::as_ref).collect();
            assert_eq!((summary.keeps_events, names), (keeps, by), "{text}");
        }
    }
}

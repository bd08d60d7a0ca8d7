//! Queries: a source piped through operators, and which word starts which operator.

use super::super::keyword::Keyword as K;
use super::super::span::Span;
use super::super::syntax::{Expr, ExprKind, Name, NameForm, Operator, OperatorKind};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::error::SyntaxCode;

/// Whether text that belongs to nothing is reported at the end of a pipeline's step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Yes: a `|`, `;`, `,` or closing bracket must come.
    Closed,
    /// No: the caller goes on with a word of its own (`where ... project` of `graph-match`).
    Open,
}

impl Parser<'_> {
    /// A query or any other expression, or `None` if none starts here.
    pub(super) fn query_expr_opt(&mut self) -> Option<Expr> {
        self.nested(|p| p.pipeline_opt(Ends::Closed))
    }

    /// A query or any other expression.
    pub(super) fn query_expr(&mut self) -> Expr {
        self.query_expr_opt().unwrap_or_else(|| self.missing_expr())
    }

    /// As [`Self::query_expr`], where the caller goes on with another word.
    pub(super) fn open_query_expr(&mut self) -> Expr {
        self.nested(|p| p.pipeline_opt(Ends::Open)).unwrap_or_else(|| self.missing_expr())
    }

    /// A sub-query that starts with an operator: it reads what surrounds it.
    pub(super) fn subquery(&mut self) -> Expr {
        self.nested(|p| {
            let first = p.required_operator(None);
            p.piped(None, vec![first], Ends::Closed)
        })
        .unwrap_or_else(|| self.missing_expr())
    }

    /// As [`Self::subquery`]; may also start with a contextual data table.
    pub(super) fn contextual_subquery(&mut self) -> Expr {
        if self.at_keyword(K::InternalContextualDatatable) { self.query_expr() } else { self.subquery() }
    }

    /// A sub-query of `fork` or `facet`, or `None` if no operator starts here.
    pub(super) fn branch_opt(&mut self) -> Option<Expr> {
        self.nested(|p| {
            let first = p.operator_opt(None)?;
            p.piped(None, vec![first], Ends::Closed)
        })
    }

    /// The operators after `expr`, which was parsed before an error.
    pub(super) fn resume_pipeline(&mut self, expr: Expr) -> Expr {
        let (source, operators) = match expr.kind {
            ExprKind::Pipeline(pipeline) => (pipeline.source, pipeline.operators),
            _ => (Some(expr), Vec::new()),
        };
        self.piped(source, operators, Ends::Closed).unwrap_or_else(|| self.missing_expr())
    }

    fn pipeline_opt(&mut self, ends: Ends) -> Option<Expr> {
        let first = if self.possible_operator() {
            self.operator_opt(None).map(Ok).or_else(|| self.expr_opt().map(Err))
        } else {
            self.expr_opt().map(Err).or_else(|| self.operator_opt(None).map(Ok))
        };
        match first? {
            Ok(operator) => self.piped(None, vec![operator], ends),
            Err(source) => self.piped(Some(source), Vec::new(), ends),
        }
    }

    fn piped(&mut self, source: Option<Expr>, mut operators: Vec<Operator>, ends: Ends) -> Option<Expr> {
        loop {
            let pipe_missing = ends == Ends::Closed && self.finish_step();
            let pipe = self.eat(T::Pipe);
            if pipe.is_none() && !pipe_missing {
                break;
            }
            let before = self.pos;
            operators.push(self.required_operator(pipe));
            if self.pos == before && pipe.is_none() {
                break;
            }
        }
        self.pipeline_node(source, operators)
    }

    /// The operator after a `|`.
    fn required_operator(&mut self, pipe: Option<Span>) -> Operator {
        if let Some(operator) = self.operator_opt(pipe) {
            return operator;
        }
        self.count_operator();
        let span = self.here();
        let known = matches!(self.peek(), T::Identifier | T::Keyword(_));
        let name = if known {
            let text = self.text_at(0);
            let message = match similar_operator(text) {
                Some(operator) => format!("`{text}` is not an operator; did you mean `{operator}`?"),
                None => format!("`{text}` is not an operator"),
            };
            self.error(SyntaxCode::UnknownOperator, message, span);
            let name = self.bare_name();
            self.skip_to_boundary();
            name
        } else {
            let message = format!("expected an operator{}", self.found());
            self.error(SyntaxCode::UnknownOperator, message, span);
            Name { text: "".into(), form: NameForm::Bare, span: Span::at(self.last_end()) }
        };
        let keyword = name.span;
        Operator { kind: OperatorKind::Unknown(name), pipe, keyword, span: self.since(keyword) }
    }

    /// An operator, or `None` if none starts here.
    pub(super) fn operator_opt(&mut self, pipe: Option<Span>) -> Option<Operator> {
        let T::Keyword(keyword) = self.peek() else { return None };
        let start = self.here();
        let kind = self.nested(|p| p.operator_kind_opt(keyword))?;
        self.count_operator();
        // The operator's own word: one token for all of them.
        Some(Operator { kind, pipe, keyword: start, span: self.since(start) })
    }

    /// Reads the operator that `keyword` starts, word included.
    fn operator_kind_opt(&mut self, keyword: K) -> Option<OperatorKind> {
        if !self.starts_operator(keyword) {
            return None;
        }
        if keyword == K::InlineExternalTable {
            return self.inline_external_table_opt().map(OperatorKind::InlineExternalTable);
        }
        if keyword == K::TopNested {
            return Some(self.top_nested());
        }
        self.bump();
        Some(match keyword {
            K::As => self.as_operator(),
            K::AssertSchema => OperatorKind::AssertSchema(self.row_schema()),
            K::Consume => self.consume(),
            K::Count => self.count(),
            K::Distinct => self.distinct(),
            K::Evaluate => self.evaluate(),
            K::InternalExecuteAndCache => OperatorKind::ExecuteAndCache,
            K::Extend => self.extend(),
            K::Facet => self.facet(),
            K::Find => self.find(),
            K::Fork => self.fork(),
            K::Getschema => self.getschema(),
            K::GraphMarkComponents => self.graph_mark_components(),
            K::GraphMatch => self.graph_match(),
            K::GraphShortestPaths => self.graph_shortest_paths(),
            K::GraphToTable => self.graph_to_table(),
            K::GraphWhereEdges => OperatorKind::GraphWhereEdges(self.expr()),
            K::GraphWhereNodes => OperatorKind::GraphWhereNodes(self.expr()),
            K::Invoke => self.invoke(),
            K::Join => self.join(),
            K::Lookup => self.lookup(),
            K::MacroExpand => self.macro_expand(),
            K::MakeGraph => self.make_graph(),
            K::MakeSeries => self.make_series(),
            K::MvApply | K::Mvapply => self.mv_apply(),
            K::MvExpand | K::Mvexpand => self.mv_expand(),
            K::Parse => OperatorKind::Parse(self.parse_parts()),
            K::ParseWhere => OperatorKind::ParseWhere(self.parse_parts()),
            K::ParseKv => self.parse_kv(),
            K::Partition => self.partition(),
            K::InternalPartitionby => self.partition_by(),
            K::Print => self.print(),
            K::Project => self.project(),
            K::ProjectAway => OperatorKind::ProjectAway(self.names_or_wildcards()),
            K::ProjectByNames => self.project_by_names(),
            K::ProjectKeep => OperatorKind::ProjectKeep(self.names_or_wildcards()),
            K::ProjectRename => self.project_rename(),
            K::ProjectReorder => self.project_reorder(),
            K::Range => self.range(),
            K::Reduce => self.reduce(),
            K::Render => self.render(),
            K::Sample => OperatorKind::Sample(self.rows()),
            K::SampleDistinct => self.sample_distinct(),
            K::Scan => self.scan(),
            K::Search => self.search(),
            K::Serialize => self.serialize(),
            K::Sort | K::Order => self.sort(),
            K::Summarize => self.summarize(),
            K::Take | K::Limit => OperatorKind::Take(self.rows()),
            K::Top => self.top(),
            K::TopHitters => self.top_hitters(),
            K::Union => self.union(),
            K::Where | K::Filter => OperatorKind::Where(self.rows()),
            _ => return None,
        })
    }

    /// True at a word that starts an operator somewhere.
    pub(super) fn at_operator_word(&self) -> bool {
        matches!(self.peek(), T::Keyword(keyword) if self.starts_operator(keyword))
    }

    /// False for a word that starts no operator, and for `count(` and `range(`, which are calls.
    fn starts_operator(&self, keyword: K) -> bool {
        match keyword {
            K::Count | K::Range => self.peek_at(1) != T::OpenParen,
            _ => OPERATORS.binary_search_by(|known| known.text().cmp(keyword.text())).is_ok(),
        }
    }

    /// True if what stands here is an operator rather than an expression that begins with a word of that name.
    pub(super) fn possible_operator(&self) -> bool {
        let T::Keyword(keyword) = self.peek() else { return false };
        let next = self.peek_at(1);
        match keyword {
            K::Evaluate => self.scan_name(1).is_some() || self.at_known_parameter(),
            K::Facet => next == T::Keyword(K::By),
            K::Partition | K::Reduce => next == T::Keyword(K::By) || self.at_known_parameter(),
            K::Range => self.scan_name(1).is_some_and(|count| self.peek_at(1 + count) == T::Keyword(K::From)),
            K::InlineExternalTable => matches!(next, T::OpenParen | T::Keyword(K::Kind)),
            K::Render => self.at_chart(1) || Self::is_identifier(next),
            // Too alike to a name; after a `|` they are operators all the same.
            K::Fork | K::Lookup | K::InternalPartitionby => false,
            K::GraphShortestPaths | K::GraphWhereEdges | K::GraphWhereNodes => false,
            _ => !Self::is_identifier(T::Keyword(keyword)) && self.starts_operator(keyword),
        }
    }
}

/// The words that start an operator, sorted.
const OPERATORS: &[K] = &[
    K::InternalExecuteAndCache,
    K::InternalPartitionby,
    K::As,
    K::AssertSchema,
    K::Consume,
    K::Count,
    K::Distinct,
    K::Evaluate,
    K::Extend,
    K::Facet,
    K::Filter,
    K::Find,
    K::Fork,
    K::Getschema,
    K::GraphMarkComponents,
    K::GraphMatch,
    K::GraphShortestPaths,
    K::GraphToTable,
    K::GraphWhereEdges,
    K::GraphWhereNodes,
    K::InlineExternalTable,
    K::Invoke,
    K::Join,
    K::Limit,
    K::Lookup,
    K::MacroExpand,
    K::MakeGraph,
    K::MakeSeries,
    K::MvApply,
    K::MvExpand,
    K::Mvapply,
    K::Mvexpand,
    K::Order,
    K::Parse,
    K::ParseKv,
    K::ParseWhere,
    K::Partition,
    K::Print,
    K::Project,
    K::ProjectAway,
    K::ProjectByNames,
    K::ProjectKeep,
    K::ProjectRename,
    K::ProjectReorder,
    K::Range,
    K::Reduce,
    K::Render,
    K::Sample,
    K::SampleDistinct,
    K::Scan,
    K::Search,
    K::Serialize,
    K::Sort,
    K::Summarize,
    K::Take,
    K::Top,
    K::TopHitters,
    K::TopNested,
    K::Union,
    K::Where,
];

/// The operator whose name is closest to `text`, if any is close.
fn similar_operator(text: &str) -> Option<&'static str> {
    if text.len() > 24 {
        return None;
    }
    OPERATORS
        .iter()
        .map(|keyword| (distance(&text.to_ascii_lowercase(), keyword.text()), keyword.text()))
        .filter(|(distance, name)| *distance <= 2 && distance * 2 < name.len())
        .min()
        .map(|(_, name)| name)
}

/// How many characters must be added, removed or changed to make `a` from `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let above = *cell;
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_sorted_and_typos_find_them() {
        assert!(OPERATORS.is_sorted_by_key(|keyword| keyword.text()));
        assert_eq!(similar_operator("wher"), Some("where"));
        assert_eq!(similar_operator("summarise"), Some("summarize"));
        assert_eq!(similar_operator("Extend"), Some("extend"));
        assert_eq!(similar_operator("foo"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

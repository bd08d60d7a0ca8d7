//! How much work a query asks for, as one number: relative, advisory, for comparing two versions of a query.
//!
//! The number is a sum of weights, one for each expensive thing that the query does; 0 is a query whose steps are all
//! cheap. It knows nothing of how much data a tenant has, and a high score is not wrong: it says where to look first.
//! [`cost`] names every item, so that the sum can be argued with.

use super::bind::Bound;
use super::lints::survey::{Survey, Test};
use super::parser::Parse;
use super::schema::Platform;
use super::span::Span;
use super::syntax::*;

/// The code of a query that costs more than `--max-cost` allows.
pub const CODE: &str = "KQL-COST";

/// A table with more columns is wide.
const WIDE: usize = 40;

/// What a query costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The sum of the items' weights.
    pub total: u32,
    /// What is expensive, in the order of the text.
    pub items: Vec<CostItem>,
}

/// One expensive thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostItem {
    /// Its weight.
    pub weight: u32,
    /// What it is, a few words.
    pub what: &'static str,
    /// Where.
    pub span: Span,
}

/// The cost of a query. `parse` is of `text`, `bound` of `parse`; a query with syntax errors costs nothing.
#[must_use]
pub fn cost(text: &str, parse: &Parse, bound: &Bound, platform: Platform) -> Cost {
    if !parse.errors.is_empty() {
        return Cost::default();
    }
    let survey = Survey::new(text, parse, bound, platform);
    let mut items = Vec::new();
    let mut add = |weight, what, span| items.push(CostItem { weight, what, span });
    // Defender limits a custom detection in time by itself, and so does a scheduled rule's period; a query that is
    // run by hand or looks back far is limited by its own condition only.
    let timeless = survey.time_filters.is_empty();
    for site in &survey.pipelines {
        if let Some(table) = site.table {
            let filtered = site.operators.iter().any(|o| matches!(o.kind, OperatorKind::Where(_)));
            match (filtered, timeless) {
                (false, _) => add(10, "a table is read without any condition", table.span),
                (true, true) => add(5, "a table is read without a condition on time", table.span),
                (true, false) => {}
            }
        }
        for operator in site.operators {
            if let Some((weight, what)) = of_operator(&survey, operator, timeless) {
                add(weight, what, operator.keyword);
            }
        }
    }
    for comparison in &survey.comparisons {
        let Test::One(op) = comparison.test else { continue };
        let wide = bound.columns.len() > WIDE;
        match op {
            _ if matches!(comparison.left.kind, ExprKind::Star) => {
                add(15, "every column is searched", comparison.left.span);
            }
            BinaryOp::MatchesRegex if wide => add(6, "a pattern over a wide table", comparison.op_span),
            BinaryOp::MatchesRegex => add(4, "a pattern", comparison.op_span),
            BinaryOp::Contains | BinaryOp::ContainsCs => {
                let first = comparison.place.step == Some(0);
                add(if first { 4 } else { 2 }, "`contains` reads every value", comparison.op_span);
            }
            _ => {}
        }
    }
    for span in &survey.external {
        add(5, "a file is fetched at every run", *span);
    }
    items.sort_by_key(|item| item.span.start);
    Cost { total: items.iter().fold(0, |sum, item| sum.saturating_add(item.weight)), items }
}

fn of_operator(survey: &Survey<'_>, operator: &Operator, timeless: bool) -> Option<(u32, &'static str)> {
    Some(match &operator.kind {
        OperatorKind::Search(_) => (20, "`search` reads every column"),
        OperatorKind::Find(_) => (15, "`find` reads several tables"),
        OperatorKind::Union(union)
            if union.items.iter().any(|i| matches!(i.kind, ExprKind::Wildcard(_) | ExprKind::Star)) =>
        {
            (20, "`union` with a wildcard")
        }
        OperatorKind::Join(join) if timeless || !survey.filters_time_in(join.right.span) => {
            (6, "a join whose right side is not limited in time")
        }
        OperatorKind::Join(_) => (3, "a join"),
        OperatorKind::MvExpand(expand) if expand.limit.is_none() => (2, "`mv-expand` without a limit"),
        OperatorKind::MvApply(_) => (2, "`mv-apply`"),
        OperatorKind::Sort(_) => (1, "every row is ordered"),
        OperatorKind::Evaluate(_) => (3, "a plugin"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::bind::bind;
    use crate::kql::parse;
    use crate::kql::schema::Schema;

    fn total(text: &str) -> u32 {
        let parse = parse(text);
        let bound = bind(&parse, text, &Schema::built_in(Platform::Sentinel));
        cost(text, &parse, &bound, Platform::Sentinel).total
    }

    #[test]
    fn dearer_queries_have_higher_scores() {
        let ladder = [
            "SigninLogs | where TimeGenerated > ago(1h) and Identity == 'x'",
            "SigninLogs | where Identity == 'x'",
            "SigninLogs | where Identity contains 'x'",
            "SigninLogs | where Identity contains 'x' | join kind=inner (AuditLogs | where Result == 'y') on CorrelationId",
            "search 'x' | where * has 'y'",
        ];
        assert_eq!(total(ladder[0]), 0);
        for pair in ladder.windows(2) {
            assert!(total(pair[0]) < total(pair[1]), "{pair:?}: {} {}", total(pair[0]), total(pair[1]));
        }
        assert_eq!(total("SigninLogs |"), 0);
    }
}

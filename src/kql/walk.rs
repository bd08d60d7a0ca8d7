//! One step down the tree: the direct children of a statement, an expression or an operator.
//!
//! For whoever asks the same question of every part of a query and does not care which of the seventy shapes it has:
//! lints, cost, statistics. It decides nothing and keeps nothing; call [`children`] again on what it gives to go on.
//! Nesting is bounded by the parser's budget, so a recursive walk cannot overflow the stack.

use super::syntax::*;

/// A part of the tree.
#[derive(Clone, Copy, Debug)]
pub enum Node<'t> {
    /// `let`, `set`, or a query.
    Statement(&'t Statement),
    /// Any expression, tables included.
    Expr(&'t Expr),
    /// One step of a pipeline.
    Operator(&'t Operator),
}

/// Calls `visit` with every direct child, in the order of the text.
pub fn children<'t>(node: Node<'t>, visit: &mut dyn FnMut(Node<'t>)) {
    match node {
        Node::Statement(statement) => of_statement(statement, visit),
        Node::Expr(expr) => of_expr(expr, visit),
        Node::Operator(operator) => of_operator(operator, visit),
    }
}

type Visit<'v, 't> = &'v mut dyn FnMut(Node<'t>);

fn of_statement<'t>(statement: &'t Statement, visit: Visit<'_, 't>) {
    match &statement.kind {
        StatementKind::Let(item) => match &item.value {
            LetValue::Expr(expr) => visit(Node::Expr(expr)),
            LetValue::Function(function) => {
                exprs(function.parameters.iter().filter_map(|p| p.default.as_ref()), visit);
                body(&function.body, visit);
            }
        },
        StatementKind::Set(option) => exprs(&option.value, visit),
        StatementKind::QueryParameters(items) => {
            exprs(items.iter().filter_map(|p| p.default.as_ref()), visit);
        }
        StatementKind::Alias(alias) => visit(Node::Expr(&alias.value)),
        StatementKind::Pattern(pattern) => {
            for case in &pattern.matches {
                exprs(&case.arguments, visit);
                exprs(&case.path, visit);
                body(&case.body, visit);
            }
        }
        StatementKind::Restrict(restrict) => {
            exprs(&restrict.entities, visit);
            parameters(&restrict.properties, visit);
        }
        StatementKind::Expr(expr) => visit(Node::Expr(expr)),
    }
}

fn body<'t>(body: &'t FunctionBody, visit: Visit<'_, 't>) {
    body.statements.iter().for_each(|s| visit(Node::Statement(s)));
    exprs(&body.result, visit);
}

fn of_expr<'t>(expr: &'t Expr, visit: Visit<'_, 't>) {
    use ExprKind as K;
    match &expr.kind {
        K::Missing
        | K::Name(_)
        | K::Wildcard(_)
        | K::Star
        | K::At
        | K::String(_)
        | K::Literal(_)
        | K::Null
        | K::TypeOf(_) => {}
        K::Dynamic(inner) | K::Bracketed(inner) | K::Paren(inner) | K::Materialize(inner) => {
            visit(Node::Expr(inner));
        }
        K::Array(items) | K::EntityGroup(items) => exprs(items, visit),
        K::Object(items) => exprs(items.iter().map(|p| &p.value), visit),
        K::Call(call) => exprs(&call.arguments, visit),
        K::Path(path) => exprs([&path.base, &path.selector], visit),
        K::Index(index) => exprs([&index.base, &index.index], visit),
        K::Unary(unary) => visit(Node::Expr(&unary.operand)),
        K::Chain(chain) => {
            visit(Node::Expr(&chain.first));
            exprs(chain.rest.iter().map(|link| &link.operand), visit);
        }
        K::Binary(binary) => exprs([&binary.left, &binary.right], visit),
        K::In(test) => {
            visit(Node::Expr(&test.left));
            exprs(&test.list, visit);
        }
        K::Between(test) => exprs([&test.left, &test.low, &test.high], visit),
        K::Named(named) => visit(Node::Expr(&named.value)),
        K::Pipeline(pipeline) => {
            exprs(&pipeline.source, visit);
            pipeline.operators.iter().for_each(|o| visit(Node::Operator(o)));
        }
        K::ToScalar(conversion) | K::ToTable(conversion) => visit(Node::Expr(&conversion.query)),
        K::Datatable(table) => exprs(&table.values, visit),
        K::Externaldata(data) => {
            exprs(&data.uris, visit);
            parameters(&data.properties, visit);
        }
        K::InlineExternalTable(table) => {
            exprs(table.partitions.iter().filter_map(|p| p.value.as_ref()), visit);
            exprs(&table.path, visit);
            exprs(&table.uris, visit);
            parameters(&table.properties, visit);
        }
        K::ContextualDatatable(table) => visit(Node::Expr(&table.id)),
        K::MaterializedViewCombine(view) => {
            exprs([&view.view, &view.base, &view.delta, &view.aggregations], visit);
        }
        K::DataScope(scope) => visit(Node::Expr(&scope.expr)),
    }
}

fn of_operator<'t>(operator: &'t Operator, visit: Visit<'_, 't>) {
    use OperatorKind as K;
    match &operator.kind {
        K::AssertSchema(_)
        | K::Consume(_)
        | K::Count(_)
        | K::As(_)
        | K::ExecuteAndCache
        | K::Getschema(_)
        | K::GraphMarkComponents(_)
        | K::GraphToTable(_)
        | K::Unknown(_) => {}
        K::Distinct(columns) | K::Serialize(columns) | K::Union(columns) => {
            parameters(&columns.parameters, visit);
            exprs(&columns.items, visit);
        }
        K::Evaluate(evaluate) => visit(Node::Expr(&evaluate.call)),
        K::Extend(items)
        | K::Print(items)
        | K::Project(items)
        | K::ProjectAway(items)
        | K::ProjectByNames(items)
        | K::ProjectKeep(items)
        | K::ProjectRename(items) => exprs(items, visit),
        K::Facet(facet) => {
            exprs(&facet.columns, visit);
            exprs(&facet.with, visit);
        }
        K::Find(find) => {
            exprs(&find.tables, visit);
            visit(Node::Expr(&find.predicate));
        }
        K::Fork(branches) => exprs(branches.iter().map(|b| &b.query), visit),
        K::GraphMatch(graph) | K::GraphShortestPaths(graph) => {
            exprs(&graph.predicate, visit);
            exprs(graph.project.iter().flatten(), visit);
        }
        K::GraphWhereEdges(expr)
        | K::GraphWhereNodes(expr)
        | K::InlineExternalTable(expr)
        | K::Invoke(expr) => {
            visit(Node::Expr(expr));
        }
        K::Join(join) | K::Lookup(join) => {
            visit(Node::Expr(&join.right));
            match &join.condition {
                Some(JoinCondition::On(keys)) => exprs(keys, visit),
                Some(JoinCondition::Where(predicate)) => visit(Node::Expr(predicate)),
                None => {}
            }
        }
        K::MacroExpand(expand) => {
            visit(Node::Expr(&expand.group));
            expand.statements.iter().for_each(|s| visit(Node::Statement(s)));
        }
        K::MakeGraph(graph) => {
            exprs(graph.nodes.iter().map(|n| &n.table), visit);
            exprs(graph.partitioned_by.iter().flat_map(|(column, query)| [column, query]), visit);
        }
        K::MakeSeries(series) => {
            for aggregate in &series.aggregates {
                visit(Node::Expr(&aggregate.expr));
                exprs(&aggregate.default, visit);
            }
            visit(Node::Expr(&series.axis));
            match &series.range {
                SeriesRange::FromToStep { from, to, step } => {
                    exprs(from.iter().chain(to).chain([step]), visit);
                }
                SeriesRange::InRange(items) => exprs(items, visit),
            }
            exprs(&series.by, visit);
        }
        K::MvApply(apply) => {
            exprs(apply.items.iter().map(|i| &i.expr), visit);
            exprs(apply.limit.iter().chain(&apply.id).chain([&apply.subquery]), visit);
        }
        K::MvExpand(expand) => {
            exprs(expand.items.iter().map(|i| &i.expr), visit);
            exprs(&expand.limit, visit);
        }
        K::Parse(parse) | K::ParseWhere(parse) => {
            visit(Node::Expr(&parse.expr));
            for part in &parse.pattern {
                if let ParsePart::Text(text) = part {
                    visit(Node::Expr(text));
                }
            }
        }
        K::ParseKv(parse) => visit(Node::Expr(&parse.expr)),
        K::Partition(partition) => {
            visit(Node::Expr(&partition.by));
            exprs(partition.scope.iter().chain([&partition.subquery]), visit);
        }
        K::PartitionBy(partition) => {
            visit(Node::Expr(&partition.by));
            exprs(partition.id.iter().chain([&partition.subquery]), visit);
        }
        K::ProjectReorder(items) => exprs(items.iter().map(|i| &i.expr), visit),
        K::Range(range) => exprs([&range.from, &range.to, &range.step], visit),
        K::Reduce(reduce) => visit(Node::Expr(&reduce.by)),
        K::Render(_) => {}
        K::Sample(rows) | K::Take(rows) | K::Where(rows) => visit(Node::Expr(&rows.value)),
        K::SampleDistinct(sample) => exprs([&sample.count, &sample.of], visit),
        K::Scan(scan) => {
            exprs(scan.order_by.iter().map(|o| &o.expr), visit);
            exprs(&scan.partition_by, visit);
            for step in &scan.steps {
                visit(Node::Expr(&step.predicate));
                exprs(step.assignments.iter().map(|(_, value)| value), visit);
            }
        }
        K::Search(search) => {
            exprs(&search.tables, visit);
            visit(Node::Expr(&search.predicate));
        }
        K::Sort(sort) => exprs(sort.by.iter().map(|o| &o.expr), visit),
        K::Summarize(summarize) => {
            exprs(&summarize.aggregates, visit);
            exprs(&summarize.by, visit);
        }
        K::Top(top) => exprs([&top.count, &top.by.expr], visit),
        K::TopHitters(top) => {
            exprs([&top.count, &top.of], visit);
            exprs(&top.by, visit);
        }
        K::TopNested(levels) => {
            for level in levels {
                exprs(&level.count, visit);
                visit(Node::Expr(&level.of));
                exprs(&level.others, visit);
                visit(Node::Expr(&level.by.expr));
            }
        }
    }
}

fn parameters<'t>(items: &'t [OperatorParameter], visit: Visit<'_, 't>) {
    exprs(items.iter().map(|p| &p.value), visit);
}

fn exprs<'t>(items: impl IntoIterator<Item = &'t Expr>, visit: Visit<'_, 't>) {
    items.into_iter().for_each(|expr| visit(Node::Expr(expr)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::parse;

    /// Every name of the tree, in the order of the walk.
    fn names(text: &str) -> Vec<String> {
        fn collect(node: Node<'_>, found: &mut Vec<String>) {
            if let Node::Expr(Expr { kind: ExprKind::Name(name), .. }) = node {
                found.push(name.text.to_string());
            }
            children(node, &mut |child| collect(child, found));
        }
        let parse = parse(text);
        assert_eq!(parse.errors, [], "{text}");
        let mut found = Vec::new();
        parse.query.statements.iter().for_each(|s| collect(Node::Statement(s), &mut found));
        found
    }

    #[test]
    fn reaches_every_part() {
        for (text, expected) in [
            ("let f = (a:long=1) { let b = x1; T | where b > x2 }; f(x3)", "x1 T b x2 x3"),
            (
                "T | extend a = iff(x1 has x2, x3[x4], -x5) | project x6, b = x7.x8",
                "T x1 x2 x3 x4 x5 x6 x7 x8",
            ),
            (
                "T | join kind=inner (U | where x1 in (x2, x3)) on k1, $left.k2 == $right.k3",
                "T U x1 x2 x3 k1 $left k2 $right k3",
            ),
            ("T | mv-apply x1 to typeof(long) on (where x2 between (x3 .. x4))", "T x1 x2 x3 x4"),
            ("T | make-series count() default=0 on x1 from x2 to x3 step x4 by x5", "T x1 x2 x3 x4 x5"),
            ("T | parse x1 with * 'a' b | top 5 by x2 | top-nested 3 of x3 by max(x4)", "T x1 x2 x3 x4"),
            ("union A, (B | take x1) | summarize make_set(x2) by x3 | sort by x4 asc", "A B x1 x2 x3 x4"),
            ("T | where x1 in (toscalar(U | summarize max(x2)))", "T x1 U x2"),
        ] {
            assert_eq!(names(text).join(" "), expected, "{text}");
        }
    }
}

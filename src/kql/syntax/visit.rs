//! Looking at every part of a tree without writing the recursion again.
//!
//! [`walk`] calls back for each statement, operator and expression, outer ones first, in the order of the text except that
//! an operator's parameters (`kind=inner`) come before its other parts. Names, types and column declarations are no nodes:
//! they hang on what declares them.

use super::*;

/// A part of a tree.
#[derive(Clone, Copy, Debug)]
pub enum Node<'t> {
    /// A statement of the query or of a function's body.
    Statement(&'t Statement),
    /// A tabular operator.
    Operator(&'t Operator),
    /// An expression, scalar or tabular.
    Expr(&'t Expr),
}

/// Calls `visit` for every part of a query.
pub fn walk<'t>(query: &'t Query, visit: &mut dyn FnMut(Node<'t>)) {
    Walk { visit }.statements(&query.statements);
}

/// Calls `visit` for an expression and every part of it.
pub fn walk_expr<'t>(expr: &'t Expr, visit: &mut dyn FnMut(Node<'t>)) {
    Walk { visit }.expr(expr);
}

struct Walk<'v, 't> {
    visit: &'v mut dyn FnMut(Node<'t>),
}

impl<'t> Walk<'_, 't> {
    fn statements(&mut self, statements: &'t [Statement]) {
        for statement in statements {
            (self.visit)(Node::Statement(statement));
            match &statement.kind {
                StatementKind::Let(declared) => match &declared.value {
                    LetValue::Expr(expr) => self.expr(expr),
                    LetValue::Function(function) => {
                        self.declared(&function.parameters);
                        self.body(&function.body);
                    }
                },
                StatementKind::Set(option) => self.exprs(&option.value),
                StatementKind::QueryParameters(parameters) => self.declared(parameters),
                StatementKind::Alias(alias) => self.expr(&alias.value),
                StatementKind::Pattern(pattern) => {
                    for case in &pattern.matches {
                        self.exprs(&case.arguments);
                        self.exprs(&case.path);
                        self.body(&case.body);
                    }
                }
                StatementKind::Restrict(restrict) => {
                    self.exprs(&restrict.entities);
                    self.parameters(&restrict.properties);
                }
                StatementKind::Expr(expr) => self.expr(expr),
            }
        }
    }

    fn body(&mut self, body: &'t FunctionBody) {
        self.statements(&body.statements);
        self.exprs(&body.result);
    }

    fn declared(&mut self, parameters: &'t [Parameter]) {
        parameters.iter().for_each(|parameter| self.exprs(&parameter.default));
    }

    fn parameters(&mut self, parameters: &'t [OperatorParameter]) {
        parameters.iter().for_each(|parameter| self.expr(&parameter.value));
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = &'t Expr>) {
        exprs.into_iter().for_each(|expr| self.expr(expr));
    }

    fn ordered(&mut self, items: &'t [Ordered]) {
        items.iter().for_each(|item| self.expr(&item.expr));
    }

    fn expr(&mut self, expr: &'t Expr) {
        (self.visit)(Node::Expr(expr));
        match &expr.kind {
            ExprKind::Missing
            | ExprKind::Name(_)
            | ExprKind::Wildcard(_)
            | ExprKind::Star
            | ExprKind::At
            | ExprKind::String(_)
            | ExprKind::Literal(_)
            | ExprKind::Null
            | ExprKind::TypeOf(_) => {}
            ExprKind::Dynamic(inner)
            | ExprKind::Bracketed(inner)
            | ExprKind::Paren(inner)
            | ExprKind::Materialize(inner) => self.expr(inner),
            ExprKind::Array(items) | ExprKind::EntityGroup(items) => self.exprs(items),
            ExprKind::Object(properties) => self.exprs(properties.iter().map(|property| &property.value)),
            ExprKind::Call(call) => self.exprs(&call.arguments),
            ExprKind::Path(path) => self.exprs([&path.base, &path.selector]),
            ExprKind::Index(index) => self.exprs([&index.base, &index.index]),
            ExprKind::Unary(unary) => self.expr(&unary.operand),
            ExprKind::Chain(chain) => {
                self.expr(&chain.first);
                self.exprs(chain.rest.iter().map(|link| &link.operand));
            }
            ExprKind::Binary(binary) => self.exprs([&binary.left, &binary.right]),
            ExprKind::In(list) => {
                self.expr(&list.left);
                self.exprs(&list.list);
            }
            ExprKind::Between(between) => self.exprs([&between.left, &between.low, &between.high]),
            ExprKind::Named(named) => self.expr(&named.value),
            ExprKind::Pipeline(pipeline) => {
                self.exprs(&pipeline.source);
                pipeline.operators.iter().for_each(|operator| self.operator(operator));
            }
            ExprKind::ToScalar(conversion) | ExprKind::ToTable(conversion) => {
                self.exprs(conversion.kind.iter().map(|kind| &kind.value));
                self.expr(&conversion.query);
            }
            ExprKind::Datatable(table) => {
                self.parameters(&table.parameters);
                self.exprs(&table.values);
            }
            ExprKind::Externaldata(data) => {
                self.parameters(&data.parameters);
                self.exprs(&data.uris);
                self.parameters(&data.properties);
            }
            ExprKind::InlineExternalTable(table) => {
                self.exprs(table.partitions.iter().filter_map(|partition| partition.value.as_ref()));
                self.exprs(&table.path);
                self.exprs(&table.uris);
                self.parameters(&table.properties);
            }
            ExprKind::ContextualDatatable(table) => self.expr(&table.id),
            ExprKind::MaterializedViewCombine(view) => {
                self.exprs([&view.view, &view.base, &view.delta, &view.aggregations]);
            }
            ExprKind::DataScope(scope) => self.expr(&scope.expr),
        }
    }

    fn operator(&mut self, operator: &'t Operator) {
        (self.visit)(Node::Operator(operator));
        match &operator.kind {
            OperatorKind::As(named) => self.parameters(&named.parameters),
            OperatorKind::AssertSchema(_)
            | OperatorKind::Count(_)
            | OperatorKind::ExecuteAndCache
            | OperatorKind::Unknown(_) => {}
            OperatorKind::Consume(parameters) | OperatorKind::GraphMarkComponents(parameters) => {
                self.parameters(parameters);
            }
            OperatorKind::Distinct(columns)
            | OperatorKind::Serialize(columns)
            | OperatorKind::Union(columns) => {
                self.parameters(&columns.parameters);
                self.exprs(&columns.items);
            }
            OperatorKind::Evaluate(evaluate) => {
                self.parameters(&evaluate.parameters);
                self.expr(&evaluate.call);
            }
            OperatorKind::Extend(items)
            | OperatorKind::Print(items)
            | OperatorKind::Project(items)
            | OperatorKind::ProjectAway(items)
            | OperatorKind::ProjectByNames(items)
            | OperatorKind::ProjectKeep(items)
            | OperatorKind::ProjectRename(items) => self.exprs(items),
            OperatorKind::Facet(facet) => {
                self.exprs(&facet.columns);
                self.exprs(&facet.with);
            }
            OperatorKind::Find(find) => {
                self.parameters(&find.parameters);
                self.exprs(&find.tables);
                self.expr(&find.predicate);
            }
            OperatorKind::Fork(branches) => self.exprs(branches.iter().map(|branch| &branch.query)),
            OperatorKind::Getschema(parameter) => {
                self.exprs(parameter.iter().map(|parameter| &parameter.value));
            }
            OperatorKind::GraphMatch(graph) | OperatorKind::GraphShortestPaths(graph) => {
                self.parameters(&graph.parameters);
                self.exprs(&graph.predicate);
                self.exprs(graph.project.iter().flatten());
            }
            OperatorKind::GraphToTable(outputs) => {
                outputs.iter().for_each(|output| self.parameters(&output.parameters));
            }
            OperatorKind::GraphWhereEdges(expr)
            | OperatorKind::GraphWhereNodes(expr)
            | OperatorKind::InlineExternalTable(expr)
            | OperatorKind::Invoke(expr) => self.expr(expr),
            OperatorKind::Join(join) | OperatorKind::Lookup(join) => {
                self.parameters(&join.parameters);
                self.expr(&join.right);
                match &join.condition {
                    Some(JoinCondition::On(conditions)) => self.exprs(conditions),
                    Some(JoinCondition::Where(condition)) => self.expr(condition),
                    None => {}
                }
            }
            OperatorKind::MacroExpand(expand) => {
                self.parameters(&expand.parameters);
                self.expr(&expand.group);
                self.statements(&expand.statements);
            }
            OperatorKind::MakeGraph(graph) => {
                self.parameters(&graph.parameters);
                self.exprs(graph.nodes.iter().map(|nodes| &nodes.table));
                self.exprs(graph.partitioned_by.iter().flat_map(|(by, query)| [by, query]));
            }
            OperatorKind::MakeSeries(series) => self.series(series),
            OperatorKind::MvApply(apply) => {
                self.parameters(&apply.parameters);
                self.items(&apply.items);
                self.exprs(&apply.limit);
                self.exprs(&apply.id);
                self.expr(&apply.subquery);
            }
            OperatorKind::MvExpand(expand) => {
                self.parameters(&expand.parameters);
                self.items(&expand.items);
                self.exprs(&expand.limit);
            }
            OperatorKind::Parse(parse) | OperatorKind::ParseWhere(parse) => {
                self.parameters(&parse.parameters);
                self.expr(&parse.expr);
                for part in &parse.pattern {
                    if let ParsePart::Text(text) = part {
                        self.expr(text);
                    }
                }
            }
            OperatorKind::ParseKv(parse) => {
                self.expr(&parse.expr);
                self.parameters(&parse.properties);
            }
            OperatorKind::Partition(partition) => {
                self.parameters(&partition.parameters);
                self.expr(&partition.by);
                self.exprs(&partition.scope);
                self.expr(&partition.subquery);
            }
            OperatorKind::PartitionBy(partition) => {
                self.parameters(&partition.parameters);
                self.expr(&partition.by);
                self.exprs(&partition.id);
                self.expr(&partition.subquery);
            }
            OperatorKind::ProjectReorder(items) => self.ordered(items),
            OperatorKind::Range(range) => self.exprs([&range.from, &range.to, &range.step]),
            OperatorKind::Reduce(reduce) => {
                self.parameters(&reduce.parameters);
                self.expr(&reduce.by);
                self.parameters(&reduce.with);
            }
            OperatorKind::Render(render) => self.parameters(&render.properties),
            OperatorKind::Sample(rows) | OperatorKind::Take(rows) | OperatorKind::Where(rows) => {
                self.parameters(&rows.parameters);
                self.expr(&rows.value);
            }
            OperatorKind::SampleDistinct(sample) => {
                self.parameters(&sample.parameters);
                self.exprs([&sample.count, &sample.of]);
            }
            OperatorKind::Scan(scan) => self.scan(scan),
            OperatorKind::Search(search) => {
                self.parameters(&search.parameters);
                self.exprs(&search.tables);
                self.expr(&search.predicate);
            }
            OperatorKind::Sort(sort) => {
                self.parameters(&sort.parameters);
                self.ordered(&sort.by);
            }
            OperatorKind::Summarize(summarize) => {
                self.parameters(&summarize.parameters);
                self.exprs(&summarize.aggregates);
                self.exprs(&summarize.by);
            }
            OperatorKind::Top(top) => self.exprs([&top.count, &top.by.expr]),
            OperatorKind::TopHitters(top) => {
                self.exprs([&top.count, &top.of]);
                self.exprs(&top.by);
            }
            OperatorKind::TopNested(levels) => {
                for level in levels {
                    self.exprs(&level.count);
                    self.expr(&level.of);
                    self.exprs(&level.others);
                    self.expr(&level.by.expr);
                }
            }
        }
    }

    fn items(&mut self, items: &'t [MvItem]) {
        for item in items {
            self.expr(&item.expr);
            self.exprs(&item.to);
        }
    }

    fn series(&mut self, series: &'t MakeSeries) {
        self.parameters(&series.parameters);
        for aggregate in &series.aggregates {
            self.expr(&aggregate.expr);
            self.exprs(&aggregate.default);
        }
        self.expr(&series.axis);
        match &series.range {
            SeriesRange::FromToStep { from, to, step } => {
                self.exprs(from);
                self.exprs(to);
                self.expr(step);
            }
            SeriesRange::InRange(values) => self.exprs(values),
        }
        self.exprs(&series.by);
    }

    fn scan(&mut self, scan: &'t Scan) {
        self.parameters(&scan.parameters);
        self.ordered(&scan.order_by);
        self.exprs(&scan.partition_by);
        self.declared(&scan.declare);
        for step in &scan.steps {
            self.expr(&step.predicate);
            self.exprs(step.assignments.iter().map(|(_, value)| value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::parse;

    #[test]
    fn reaches_every_corner() {
        let text = "let f = (a:long = 1) { let b = f1(); T | where x in (f2()) };\n\
            union isfuzzy=true (T | join (U | where f3()) on a), V\n\
            | summarize f4() by bin(f5(), 1h) | mv-apply e = f6() on (where f7() > 1)\n\
            | extend y = iff(f8() > 1, toscalar(T | take f9()), a.b[f10()])\n\
            | make-series f11() on t from f12() to f13() step 1h | top 5 by f14()";
        let mut calls = Vec::new();
        let (mut statements, mut operators) = (0, 0);
        let query = parse(text).query;
        walk(&query, &mut |node| match node {
            Node::Statement(_) => statements += 1,
            Node::Operator(_) => operators += 1,
            Node::Expr(expr) => {
                if let ExprKind::Call(call) = &expr.kind {
                    calls.extend(call.name.text.strip_prefix('f').and_then(|n| n.parse::<u32>().ok()));
                }
            }
        });
        assert_eq!(calls, (1..=14).collect::<Vec<_>>());
        assert_eq!((statements, operators), (3, 11));
    }
}

//! Operators as S-expressions: the operator's usual name, its parameters as `(with ...)`, then its parts.

use super::super::syntax::*;
use super::Dumper;
use super::sexp::{Sexp, atom, node};

impl Dumper<'_> {
    pub(super) fn operator(&self, operator: &Operator) -> Sexp {
        use OperatorKind as O;
        match &operator.kind {
            O::As(op) => self.built("as", &op.parameters, vec![self.name(&op.name)]),
            O::AssertSchema(columns) => node("assert-schema", self.columns(columns)),
            O::Consume(parameters) => self.built("consume", parameters, vec![]),
            O::Count(name) => node("count", name.iter().map(|n| self.name(n)).collect()),
            O::Distinct(op) => self.built("distinct", &op.parameters, self.exprs(&op.items)),
            O::Evaluate(op) => {
                let mut parts = vec![self.expr(&op.call)];
                parts.extend(op.schema.as_ref().map(|schema| {
                    let star = schema.star.then(|| atom("*"));
                    node("schema", star.into_iter().chain(self.columns(&schema.columns)).collect())
                }));
                self.built("evaluate", &op.parameters, parts)
            }
            O::ExecuteAndCache => node("execute-and-cache", vec![]),
            O::Extend(items) => node("extend", self.exprs(items)),
            O::Facet(op) => node(
                "facet",
                self.exprs(&op.columns).into_iter().chain(self.maybe(op.with.as_ref())).collect(),
            ),
            O::Find(op) => self.find_operator(op),
            O::Fork(branches) => node("fork", branches.iter().map(|b| self.branch(b)).collect()),
            O::Getschema(kind) => self.built("getschema", kind.as_slice(), vec![]),
            O::GraphMarkComponents(parameters) => self.built("graph-mark-components", parameters, vec![]),
            O::GraphMatch(op) => self.graph_match("graph-match", op),
            O::GraphShortestPaths(op) => self.graph_match("graph-shortest-paths", op),
            O::GraphToTable(outputs) => {
                node("graph-to-table", outputs.iter().map(|o| self.graph_output(o)).collect())
            }
            O::GraphWhereEdges(predicate) => node("graph-where-edges", vec![self.expr(predicate)]),
            O::GraphWhereNodes(predicate) => node("graph-where-nodes", vec![self.expr(predicate)]),
            O::InlineExternalTable(table) => self.expr(table),
            O::Invoke(call) => node("invoke", vec![self.expr(call)]),
            O::Join(op) => self.join("join", op),
            O::Lookup(op) => self.join("lookup", op),
            O::MacroExpand(op) => {
                let mut parts = vec![self.expr(&op.group)];
                parts.extend(op.scope.as_ref().map(|name| node("as", vec![self.name(name)])));
                parts.extend(op.statements.iter().map(|s| self.statement(s)));
                self.built("macro-expand", &op.parameters, parts)
            }
            O::MakeGraph(op) => self.make_graph(op),
            O::MakeSeries(op) => self.make_series(op),
            O::MvApply(op) => {
                let mut parts: Vec<Sexp> = op.items.iter().map(|i| self.mv_item(i)).collect();
                parts.extend(self.clause("limit", op.limit.as_ref()));
                parts.extend(self.clause("id", op.id.as_ref()));
                parts.push(node("on", vec![self.expr(&op.subquery)]));
                self.built("mv-apply", &op.parameters, parts)
            }
            O::MvExpand(op) => {
                let mut parts: Vec<Sexp> = op.items.iter().map(|i| self.mv_item(i)).collect();
                parts.extend(self.clause("limit", op.limit.as_ref()));
                self.built("mv-expand", &op.parameters, parts)
            }
            O::Parse(op) => self.parse("parse", op),
            O::ParseWhere(op) => self.parse("parse-where", op),
            O::ParseKv(op) => {
                let parts = vec![self.expr(&op.expr), node("columns", self.columns(&op.columns))];
                node("parse-kv", parts.into_iter().chain(self.parameters(&op.properties)).collect())
            }
            O::Partition(op) => {
                let mut parts = vec![self.expr(&op.by)];
                parts.extend(self.clause("in", op.scope.as_ref()));
                parts.push(self.expr(&op.subquery));
                self.built("partition", &op.parameters, parts)
            }
            O::PartitionBy(op) => {
                let mut parts = vec![self.expr(&op.by)];
                parts.extend(self.clause("id", op.id.as_ref()));
                parts.push(self.expr(&op.subquery));
                self.built("partition-by", &op.parameters, parts)
            }
            O::Print(items) => node("print", self.exprs(items)),
            O::Project(items) => node("project", self.exprs(items)),
            O::ProjectAway(items) => node("project-away", self.exprs(items)),
            O::ProjectByNames(items) => node("project-by-names", self.exprs(items)),
            O::ProjectKeep(items) => node("project-keep", self.exprs(items)),
            O::ProjectRename(items) => node("project-rename", self.exprs(items)),
            O::ProjectReorder(items) => node("project-reorder", self.ordered_list(items)),
            O::Range(op) => {
                let parts =
                    vec![self.name(&op.name), self.expr(&op.from), self.expr(&op.to), self.expr(&op.step)];
                node("range", parts)
            }
            O::Reduce(op) => {
                let parts = [self.expr(&op.by)].into_iter().chain(self.parameters(&op.with)).collect();
                self.built("reduce", &op.parameters, parts)
            }
            O::Render(op) => node(
                "render",
                [self.name(&op.chart)].into_iter().chain(self.parameters(&op.properties)).collect(),
            ),
            O::Sample(op) => self.rows("sample", op),
            O::SampleDistinct(op) => {
                self.built("sample-distinct", &op.parameters, vec![self.expr(&op.count), self.expr(&op.of)])
            }
            O::Scan(op) => self.scan(op),
            O::Search(op) => {
                let mut parts = self.tables(&op.tables);
                parts.extend(op.data_scope.as_ref().map(|scope| node("datascope", vec![self.name(scope)])));
                parts.push(self.expr(&op.predicate));
                self.built("search", &op.parameters, parts)
            }
            O::Serialize(op) => self.built("serialize", &op.parameters, self.exprs(&op.items)),
            O::Sort(op) => self.built("sort", &op.parameters, self.ordered_list(&op.by)),
            O::Summarize(op) => {
                let mut parts = self.exprs(&op.aggregates);
                parts.extend(self.by(&op.by));
                self.built("summarize", &op.parameters, parts)
            }
            O::Take(op) => self.rows("take", op),
            O::Top(op) => self.built("top", &op.parameters, vec![self.expr(&op.count), self.ordered(&op.by)]),
            O::TopHitters(op) => {
                let parts = vec![self.expr(&op.count), self.expr(&op.of)];
                node("top-hitters", parts.into_iter().chain(self.maybe(op.by.as_ref())).collect())
            }
            O::TopNested(items) => node("top-nested", items.iter().map(|i| self.top_nested(i)).collect()),
            O::Union(op) => self.built("union", &op.parameters, self.exprs(&op.items)),
            O::Where(op) => self.rows("where", op),
            O::Unknown(name) => node("unknown", vec![self.name(name)]),
        }
    }

    fn built(&self, head: &str, parameters: &[OperatorParameter], parts: Vec<Sexp>) -> Sexp {
        node(head, self.parameters(parameters).into_iter().chain(parts).collect())
    }

    fn rows(&self, head: &str, op: &Rows) -> Sexp {
        self.built(head, &op.parameters, vec![self.expr(&op.value)])
    }

    fn clause(&self, head: &str, expr: Option<&Expr>) -> Option<Sexp> {
        expr.map(|e| node(head, vec![self.expr(e)]))
    }

    fn by(&self, by: &[Expr]) -> Option<Sexp> {
        (!by.is_empty()).then(|| node("by", self.exprs(by)))
    }

    fn tables(&self, tables: &[Expr]) -> Vec<Sexp> {
        if tables.is_empty() { vec![] } else { vec![node("in", self.exprs(tables))] }
    }

    fn ordered_list(&self, items: &[Ordered]) -> Vec<Sexp> {
        items.iter().map(|o| self.ordered(o)).collect()
    }

    fn ordered(&self, item: &Ordered) -> Sexp {
        let direction = item.direction.map(|d| match d {
            Direction::Asc => "asc",
            Direction::Desc => "desc",
            Direction::GrannyAsc => "granny-asc",
            Direction::GrannyDesc => "granny-desc",
        });
        let nulls = item.nulls.map(|n| if n == Nulls::First { "nulls-first" } else { "nulls-last" });
        let expr = self.expr(&item.expr);
        match (direction, nulls) {
            (None, None) => expr,
            (direction, nulls) => {
                node(direction.unwrap_or("default"), [expr].into_iter().chain(nulls.map(atom)).collect())
            }
        }
    }

    fn branch(&self, branch: &Branch) -> Sexp {
        let name = branch.name.as_ref().map(|n| self.name(n));
        node("branch", name.into_iter().chain([self.expr(&branch.query)]).collect())
    }

    fn mv_item(&self, item: &MvItem) -> Sexp {
        match &item.to {
            Some(to) => node("to", vec![self.expr(&item.expr), self.expr(to)]),
            None => self.expr(&item.expr),
        }
    }

    fn join(&self, head: &str, op: &Join) -> Sexp {
        let mut parts = vec![self.expr(&op.right)];
        parts.extend(op.condition.as_ref().map(|condition| match condition {
            JoinCondition::On(items) => node("on", self.exprs(items)),
            JoinCondition::Where(predicate) => node("where", vec![self.expr(predicate)]),
        }));
        self.built(head, &op.parameters, parts)
    }

    fn find_operator(&self, op: &Find) -> Sexp {
        let mut parts = self.tables(&op.tables);
        parts.extend(op.data_scope.as_ref().map(|scope| node("datascope", vec![self.name(scope)])));
        parts.push(self.expr(&op.predicate));
        parts.extend(op.project.as_ref().map(|project| match project {
            FindProject::Columns(columns) => node("project", self.find_columns(columns)),
            FindProject::Smart => node("project-smart", vec![]),
        }));
        if !op.project_away.is_empty() {
            parts.push(node("project-away", self.find_columns(&op.project_away)));
        }
        self.built("find", &op.parameters, parts)
    }

    fn find_columns(&self, columns: &[FindColumn]) -> Vec<Sexp> {
        let column = |column: &FindColumn| match column {
            FindColumn::Pack(_) => node("pack", vec![atom("*")]),
            FindColumn::Star(_) => atom("*"),
            FindColumn::Column { name, ty: Some(ty) } => node(":", vec![self.name(name), self.ty(ty)]),
            FindColumn::Column { name, ty: None } => self.name(name),
        };
        columns.iter().map(column).collect()
    }

    fn parse(&self, head: &str, op: &Parse) -> Sexp {
        let part = |part: &ParsePart| match part {
            ParsePart::Star(_) => atom("*"),
            ParsePart::Text(text) => self.expr(text),
            ParsePart::Column { name, ty: Some(ty) } => node(":", vec![self.name(name), self.ty(ty)]),
            ParsePart::Column { name, ty: None } => self.name(name),
        };
        let parts = [self.expr(&op.expr)].into_iter().chain(op.pattern.iter().map(part)).collect();
        self.built(head, &op.parameters, parts)
    }

    fn graph_match(&self, head: &str, op: &GraphMatch) -> Sexp {
        let mut parts = Vec::new();
        for pattern in &op.patterns {
            parts.push(node("pattern", pattern.iter().map(|e| self.graph_element(e)).collect()));
        }
        parts.extend(self.clause("where", op.predicate.as_ref()));
        parts.extend(op.project.as_ref().map(|columns| node("project", self.exprs(columns))));
        self.built(head, &op.parameters, parts)
    }

    fn graph_element(&self, element: &GraphElement) -> Sexp {
        match element {
            GraphElement::Node { name, .. } => node("node", name.iter().map(|n| self.name(n)).collect()),
            GraphElement::Edge { direction, name, range, .. } => {
                let arrow = match direction {
                    EdgeDirection::Right => "-->",
                    EdgeDirection::Left => "<--",
                    EdgeDirection::Any => "--",
                };
                let name = name.iter().map(|n| self.name(n));
                let range = range.iter().map(|(low, high)| node("..", vec![self.expr(low), self.expr(high)]));
                node(arrow, name.chain(range).collect())
            }
        }
    }

    fn graph_output(&self, output: &GraphOutput) -> Sexp {
        let name = output.name.iter().map(|n| self.name(n)).collect();
        self.built(if output.nodes { "nodes" } else { "edges" }, &output.parameters, name)
    }

    fn make_graph(&self, op: &MakeGraph) -> Sexp {
        let arrow = if op.directed { "-->" } else { "--" };
        let mut parts = vec![node(arrow, vec![self.name(&op.source), self.name(&op.target)])];
        for nodes in &op.nodes {
            parts.push(node("nodes", vec![self.expr(&nodes.table), self.name(&nodes.key)]));
        }
        parts.extend(op.node_id.as_ref().map(|name| node("node-id", vec![self.name(name)])));
        parts.extend(
            op.partitioned_by
                .as_ref()
                .map(|(by, subquery)| node("partitioned-by", vec![self.expr(by), self.expr(subquery)])),
        );
        self.built("make-graph", &op.parameters, parts)
    }

    fn make_series(&self, op: &MakeSeries) -> Sexp {
        let mut parts = Vec::new();
        for aggregate in &op.aggregates {
            parts.push(match &aggregate.default {
                Some(default) => node("default", vec![self.expr(&aggregate.expr), self.expr(default)]),
                None => self.expr(&aggregate.expr),
            });
        }
        parts.push(node("on", vec![self.expr(&op.axis)]));
        match &op.range {
            SeriesRange::FromToStep { from, to, step } => {
                parts.extend(self.clause("from", from.as_ref()));
                parts.extend(self.clause("to", to.as_ref()));
                parts.push(node("step", vec![self.expr(step)]));
            }
            SeriesRange::InRange(items) => parts.push(node("in-range", self.exprs(items))),
        }
        parts.extend(self.by(&op.by));
        self.built("make-series", &op.parameters, parts)
    }

    fn scan(&self, op: &Scan) -> Sexp {
        let mut parts = Vec::new();
        if !op.order_by.is_empty() {
            parts.push(node("order-by", self.ordered_list(&op.order_by)));
        }
        if !op.partition_by.is_empty() {
            parts.push(node("partition-by", self.exprs(&op.partition_by)));
        }
        if !op.declare.is_empty() {
            parts.push(node("declare", op.declare.iter().map(|p| self.parameter(p)).collect()));
        }
        for step in &op.steps {
            let mut step_parts = vec![self.name(&step.name)];
            step_parts.extend(step.optional.then(|| atom("optional")));
            step_parts.extend(step.output.as_ref().map(|output| node("output", vec![self.name(output)])));
            step_parts.push(self.expr(&step.predicate));
            for (name, value) in &step.assignments {
                step_parts.push(node("=", vec![self.name(name), self.expr(value)]));
            }
            parts.push(node("step", step_parts));
        }
        self.built("scan", &op.parameters, parts)
    }

    fn top_nested(&self, item: &TopNested) -> Sexp {
        let mut parts: Vec<Sexp> = self.maybe(item.count.as_ref()).into_iter().collect();
        parts.push(node("of", vec![self.expr(&item.of)]));
        parts.extend(self.clause("others", item.others.as_ref()));
        parts.push(node("by", vec![self.ordered(&item.by)]));
        node("level", parts)
    }
}

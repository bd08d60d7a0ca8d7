//! Graphs: `make-graph`, `graph-match`, `graph-shortest-paths`, `graph-to-table` and what filters them.

use super::Binder;
use super::params;
use super::projection::{Projection, Style};
use super::symbols::{Graph, Info, TableId};
use crate::kql::schema::{FastSet, Name};
use crate::kql::span::Span;
use crate::kql::syntax;
use crate::kql::syntax::{
    Expr, ExprKind, GraphElement, GraphMatch, GraphOutput, MakeGraph, OperatorParameter,
};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    pub(super) fn make_graph(&mut self, make: &'a MakeGraph) -> Ty {
        let edges = self.input();
        let mut source_ty = Ty::Unknown;
        for (index, end) in [&make.source, &make.target].into_iter().enumerate() {
            let info = self.bind_name(end, false);
            self.graph_key(info, end);
            if index == 0 {
                source_ty = self.reduced(info.ty);
            }
        }
        let mut nodes: Vec<TableId> = Vec::new();
        for item in &make.nodes {
            let table = self.sub_query(item.table.span, &item.table);
            self.check_tabular(table.ty, item.table.span);
            let row = self.table_or_open(table.ty);
            self.scoped(|binder| {
                binder.cx.row = Some(row);
                let info = binder.bind_name(&item.key, false);
                binder.graph_key(info, &item.key);
            });
            nodes.push(row);
        }
        if let Some(id) = &make.node_id {
            let column = self.column_named(&id.text, source_ty);
            nodes.push(self.new_table(vec![column], false));
        }
        let nodes = match nodes.as_slice() {
            [] => None,
            list => {
                let mut columns = Vec::new();
                for &table in list {
                    columns.extend_from_slice(&self.declared(table));
                }
                let open = list.iter().any(|&t| self.is_open(t));
                let unified = self.unify_by_name(&columns);
                Some(self.new_table(unified, open))
            }
        };
        let graph = self.new_graph(Graph { edges, nodes });
        let Some((by, query)) = &make.partitioned_by else { return graph };
        let info = self.expr(by);
        self.check_column(info, by.span);
        self.scoped(|binder| {
            binder.cx.partitioned = Some(graph);
            binder.piped_query(query.span, query).ty
        })
    }

    /// Ids of nodes are scalars, and not dynamic.
    fn graph_key(&mut self, info: Info<'a>, name: &'a syntax::Name) {
        self.check_column(info, name.span);
        if self.reduced(info.ty).is_dynamic() {
            self.error("KQL240", name.span, "the id of a node cannot be dynamic: convert it first");
        }
    }

    fn input_graph(&self, input: Ty) -> Option<Graph> {
        self.graph_of(input).or_else(|| self.cx.partitioned.and_then(|ty| self.graph_of(ty)))
    }

    pub(super) fn graph_match(&mut self, pattern: &'a GraphMatch, input: Ty, at: Span) -> Ty {
        let graph = self.input_graph(input);
        if graph.is_none() && !matches!(input, Ty::Error | Ty::Unknown) {
            self.error("KQL219", at, "this operator needs a graph as input: see make-graph");
        }
        for elements in &pattern.patterns {
            self.check_graph_pattern(elements);
        }
        let head = self.scope_head;
        let several = self.declare_pattern(pattern, graph);
        let result = self.scoped(|binder| {
            binder.cx.row = None;
            binder.cx.graph = match input {
                Ty::Graph(id) => Some(id),
                _ => Some(u32::MAX),
            };
            if let Some(predicate) = &pattern.predicate {
                let info = binder.expr(predicate);
                binder.check_bool(info, predicate);
            }
            let Some(items) = &pattern.project else { return input };
            let mut projection = Projection::default();
            let infos: Vec<Info<'a>> = items.iter().map(|item| binder.item(item)).collect();
            for (item, info) in items.iter().zip(infos) {
                let along_path = binder.mentions(item, &several);
                let ty = if along_path {
                    let element = binder.reduced(info.ty);
                    Some(binder.array_of(element))
                } else {
                    None
                };
                binder.project_bound(&mut projection, item, info, Style::Graph, ty, false);
            }
            Ty::Table(binder.new_table(projection.columns(), graph.is_none()).0)
        });
        self.scope_head = head;
        result
    }

    /// Puts nodes and edges in scope; gives the names of edges that stand for several.
    fn declare_pattern(&mut self, pattern: &'a GraphMatch, graph: Option<Graph>) -> FastSet<Name> {
        let mut several: FastSet<Name> = FastSet::default();
        let edges = self.element_tuple(graph.map(|g| g.edges), graph.is_none());
        let nodes = self.element_tuple(graph.and_then(|g| g.nodes), graph.is_none());
        for element in pattern.patterns.iter().flatten() {
            match element {
                GraphElement::Node { name: Some(name), .. } => self.declare_variable(&name.text, nodes),
                GraphElement::Edge { name: Some(name), range, .. } => {
                    self.declare_variable(&name.text, edges);
                    if range.is_some() {
                        several.insert(self.names.intern(&name.text));
                    }
                }
                _ => {}
            }
        }
        several
    }

    fn element_tuple(&mut self, table: Option<TableId>, unknown: bool) -> Ty {
        match table {
            Some(table) => {
                let columns = self.declared(table);
                self.new_tuple(columns, Some(table))
            }
            None if unknown => Ty::Unknown,
            None => self.new_tuple(Vec::new(), None),
        }
    }

    /// Nodes and edges must alternate, with a node at both ends.
    fn check_graph_pattern(&mut self, elements: &'a [GraphElement]) {
        for (index, element) in elements.iter().enumerate() {
            let (node, span) = match element {
                GraphElement::Node { span, .. } => (true, *span),
                GraphElement::Edge { span, .. } => (false, *span),
            };
            if node != (index % 2 == 0) {
                self.error("KQL238", span, "nodes and edges must alternate");
            } else if !node && index + 1 == elements.len() {
                self.error("KQL238", span, "the pattern must end with a node");
            }
        }
    }

    /// Whether an expression names one of these.
    fn mentions(&mut self, expr: &'a Expr, names: &FastSet<Name>) -> bool {
        if names.is_empty() {
            return false;
        }
        let mut is_name = |name: &'a syntax::Name| names.contains(&self.names.intern(&name.text));
        match &expr.kind {
            ExprKind::Name(name) => is_name(name),
            ExprKind::Named(named) => self.mentions(&named.value, names),
            ExprKind::Paren(inner) => self.mentions(inner, names),
            ExprKind::Path(path) => self.mentions(&path.base, names),
            ExprKind::Index(index) => self.mentions(&index.base, names) || self.mentions(&index.index, names),
            ExprKind::Call(call) => call.arguments.iter().any(|arg| self.mentions(arg, names)),
            ExprKind::Chain(chain) => {
                self.mentions(&chain.first, names)
                    || chain.rest.iter().any(|link| self.mentions(&link.operand, names))
            }
            ExprKind::Binary(binary) => {
                self.mentions(&binary.left, names) || self.mentions(&binary.right, names)
            }
            ExprKind::In(test) => {
                self.mentions(&test.left, names) || test.list.iter().any(|item| self.mentions(item, names))
            }
            _ => false,
        }
    }

    pub(super) fn graph_to_table(&mut self, outputs: &'a [GraphOutput], input: Ty, at: Span) -> Ty {
        let Some(graph) = self.input_graph(input) else {
            if !matches!(input, Ty::Error | Ty::Unknown) {
                self.error("KQL219", at, "this operator needs a graph as input: see make-graph");
            }
            return self.open_result().ty;
        };
        let mut tables = Vec::new();
        for output in outputs {
            let ids: &[&str] =
                if output.nodes { &["with_node_id"] } else { &["with_source_id", "with_target_id"] };
            let mut columns = Vec::new();
            for id in ids {
                if let Some(name) = params::word(&output.parameters, &[id]) {
                    columns.push(self.column_named(name, Ty::Long));
                }
            }
            let shape = if output.nodes { graph.nodes } else { Some(graph.edges) };
            let mut open = false;
            if let Some(shape) = shape {
                columns.extend_from_slice(&self.declared(shape));
                open = self.is_open(shape);
            }
            let table = self.new_table(columns, open);
            if let Some(name) = output.name.as_ref().filter(|_| outputs.len() > 1) {
                self.declare_variable(&name.text, Ty::Table(table.0));
            }
            if outputs.len() > 1 && output.name.is_none() {
                self.error(
                    "KQL229",
                    output.span,
                    "several outputs of a graph need names: nodes as N, edges as E",
                );
            }
            tables.push(table);
        }
        match tables.as_slice() {
            [only] => Ty::Table(only.0),
            _ => Ty::Group(self.new_group(super::symbols::Group::Tables(tables))),
        }
    }

    pub(super) fn graph_components(&mut self, parameters: &'a [OperatorParameter], input: Ty) -> Ty {
        self.check_parameters(parameters, params::GRAPH_COMPONENTS);
        let Some(graph) = self.input_graph(input) else { return input };
        let name = params::word(parameters, &["with_component_id"]).unwrap_or("ComponentId");
        let mut columns = graph.nodes.map_or_else(Vec::new, |nodes| self.declared(nodes).to_vec());
        columns.push(self.column_named(name, Ty::Long));
        let nodes = self.new_table(columns, false);
        self.new_graph(Graph { nodes: Some(nodes), ..graph })
    }

    /// The predicate sees what only the graph knows: it is bound without complaint.
    pub(super) fn graph_where(&mut self, predicate: &'a Expr, input: Ty) -> Ty {
        self.scoped(|binder| {
            let open = binder.open_table();
            binder.cx.row = Some(open);
            binder.quietly(|binder| binder.expr(predicate));
        });
        input
    }
}

//! Graph operators: `make-graph`, `graph-match`, `graph-shortest-paths`, `graph-to-table` and their like.

use super::super::keyword::Keyword as K;
use super::super::syntax::{
    EdgeDirection, Expr, GraphElement, GraphMatch, GraphNodes, GraphOutput, MakeGraph, OperatorKind,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;
use super::parameter::{KIND, Spec, Value, spec};

const SHORTEST: &[Spec] = &[spec("output", Value::Any)];
const COMPONENTS: &[Spec] = &[KIND, spec("with_component_id", Value::Name)];
const NODES: &[Spec] = &[spec("with_node_id", Value::Name)];
const EDGES: &[Spec] = &[spec("with_source_id", Value::Name), spec("with_target_id", Value::Name)];

impl Parser<'_> {
    pub(super) fn make_graph(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let source = self.name();
        let directed = self.eat_joined("-->").is_some();
        if !directed && self.eat_joined("--").is_none() {
            let span = self.here();
            let message = format!("expected `-->` or `--`{}", self.found());
            self.error(SyntaxCode::MissingToken, message, span);
        }
        let target = self.name();
        let mut nodes = Vec::new();
        let mut node_id = None;
        if self.eat_keyword(K::WithNodeId).is_some() {
            self.expect(T::Equal, "=");
            node_id = Some(self.name());
        } else if self.eat_keyword(K::With).is_some() {
            let list = List::until(|p| p.at_keyword(K::PartitionedBy) || p.at_list_end());
            nodes = self.list(list.one_or_more(), Self::graph_nodes_opt, |p| GraphNodes {
                table: p.missing_expr(),
                key: p.no_name(),
            });
        }
        let partitioned_by = self.eat_keyword(K::PartitionedBy).map(|_| {
            let by = self.simple_path();
            (by, self.parenthesised(Self::contextual_subquery))
        });
        let graph = MakeGraph { parameters, source, directed, target, nodes, node_id, partitioned_by };
        OperatorKind::MakeGraph(Box::new(graph))
    }

    fn graph_nodes_opt(&mut self) -> Option<GraphNodes> {
        let table = self.unary_opt()?;
        self.expect_keyword(K::On);
        Some(GraphNodes { table, key: self.name() })
    }

    pub(super) fn graph_match(&mut self) -> OperatorKind {
        OperatorKind::GraphMatch(Box::new(self.graph_match_parts(&[])))
    }

    pub(super) fn graph_shortest_paths(&mut self) -> OperatorKind {
        OperatorKind::GraphShortestPaths(Box::new(self.graph_match_parts(SHORTEST)))
    }

    fn graph_match_parts(&mut self, specs: &'static [Spec]) -> GraphMatch {
        let parameters = self.parameters(specs, true);
        let patterns = self.list(List::OPEN, |p| Some(p.graph_pattern()), Parser::graph_pattern);
        let predicate = self.eat_keyword(K::Where).map(|_| self.open_query_expr());
        let project = self.eat_keyword(K::Project).map(|_| self.named_exprs(List::COMMON.one_or_more()));
        GraphMatch { parameters, patterns, predicate, project }
    }

    fn graph_pattern(&mut self) -> Vec<GraphElement> {
        let mut elements = Vec::new();
        while let Some(element) = self.graph_node_opt().or_else(|| self.graph_edge_opt()) {
            elements.push(element);
        }
        if elements.is_empty() {
            let span = self.here();
            let message = format!("expected a graph pattern such as `(a)-[e]->(b)`{}", self.found());
            self.error(SyntaxCode::MissingExpression, message, span);
        }
        elements
    }

    fn graph_node_opt(&mut self) -> Option<GraphElement> {
        let start = self.eat(T::OpenParen)?;
        let name = self.name_opt();
        self.expect_close(T::CloseParen);
        Some(GraphElement::Node { name, span: self.since(start) })
    }

    fn graph_edge_opt(&mut self) -> Option<GraphElement> {
        let start = self.here();
        for (arrow, direction) in
            [("-->", EdgeDirection::Right), ("<--", EdgeDirection::Left), ("--", EdgeDirection::Any)]
        {
            if let Some(span) = self.eat_joined(arrow) {
                return Some(GraphElement::Edge { direction, name: None, range: None, span });
            }
        }
        let left = match self.eat_joined("-[") {
            Some(_) => false,
            None => {
                self.eat_joined("<-[")?;
                true
            }
        };
        let name = self.name_opt();
        let range = self.eat(T::Star).map(|_| self.edge_range());
        let right = self.eat_joined("]->").is_some();
        if !right && self.eat_joined("]-").is_none() {
            let span = self.here();
            let message = format!("expected `]->` or `]-`{}", self.found());
            self.error(SyntaxCode::MissingToken, message, span);
        }
        let direction = match (left, right) {
            (true, false) => EdgeDirection::Left,
            (false, true) => EdgeDirection::Right,
            _ => EdgeDirection::Any,
        };
        Some(GraphElement::Edge { direction, name, range, span: self.since(start) })
    }

    fn edge_range(&mut self) -> (Expr, Expr) {
        let low = self.unary_opt().unwrap_or_else(|| self.missing_expr());
        self.expect(T::DotDot, "..");
        (low, self.unary_opt().unwrap_or_else(|| self.missing_expr()))
    }

    pub(super) fn graph_to_table(&mut self) -> OperatorKind {
        let outputs = self.list(List::OPEN, Self::graph_output_opt, |p| {
            let span = p.here();
            let message = format!("expected `nodes` or `edges`{}", p.found());
            p.error(SyntaxCode::MissingToken, message, span);
            GraphOutput { nodes: true, name: None, parameters: Vec::new(), span }
        });
        OperatorKind::GraphToTable(outputs)
    }

    fn graph_output_opt(&mut self) -> Option<GraphOutput> {
        let start = self.here();
        let nodes = self.eat_keyword(K::Nodes).is_some();
        if !nodes {
            self.eat_keyword(K::Edges)?;
        }
        let name = self.eat_keyword(K::As).map(|_| self.name());
        let parameters = self.parameters(if nodes { NODES } else { EDGES }, true);
        Some(GraphOutput { nodes, name, parameters, span: self.since(start) })
    }

    pub(super) fn graph_mark_components(&mut self) -> OperatorKind {
        OperatorKind::GraphMarkComponents(self.parameters(COMPONENTS, true))
    }
}

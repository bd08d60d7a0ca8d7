//! Operators that bring tables together or split one: `join`, `union`, `find`, `search`, `fork`, `partition`.

use super::super::keyword::Keyword as K;
use super::super::syntax::{
    Branch, Chain, ChainOp, Columns, Expr, ExprKind, Facet, Find, FindColumn, FindProject, Join,
    JoinCondition, Link, MacroExpand, OperatorKind, Partition, PartitionBy, Search, TypeRef,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;
use super::parameter::{Spec, Value, spec};

const UNION: &[Spec] = &[spec("best_effort", Value::Any)];

impl Parser<'_> {
    pub(super) fn join(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let right = self.expr();
        let condition = self.on_opt().or_else(|| {
            self.eat_keyword(K::Where)?;
            Some(JoinCondition::Where(self.expr()))
        });
        OperatorKind::Join(Join { parameters, right, condition })
    }

    pub(super) fn lookup(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let right = self.expr();
        let condition = self.on_opt();
        if condition.is_none() {
            let span = self.here();
            let message = format!("expected `on`{}", self.found());
            self.error(SyntaxCode::MissingToken, message, span);
        }
        OperatorKind::Lookup(Join { parameters, right, condition })
    }

    fn on_opt(&mut self) -> Option<JoinCondition> {
        self.eat_keyword(K::On)?;
        Some(JoinCondition::On(self.list(List::OPEN, Self::expr_opt, Parser::missing_expr)))
    }

    pub(super) fn union(&mut self) -> OperatorKind {
        let parameters = self.parameters(UNION, true);
        let items = self.list(
            List::COMMON.one_or_more(),
            |p| p.paren_opt().or_else(|| p.entity_opt()),
            Parser::missing_expr,
        );
        OperatorKind::Union(Columns { parameters, items })
    }

    pub(super) fn find(&mut self) -> OperatorKind {
        let data_scope = self.data_scope_opt();
        let parameters = self.parameters(&[], false);
        let (has_in, tables) = self.in_tables();
        if has_in || !parameters.is_empty() {
            self.expect_keyword(K::Where);
        } else {
            self.eat_keyword(K::Where);
        }
        let predicate = self.expr();
        let project = match self.peek() {
            T::Keyword(K::Project) => {
                self.bump();
                Some(FindProject::Columns(self.find_columns()))
            }
            T::Keyword(K::ProjectSmart) => {
                self.bump();
                Some(FindProject::Smart)
            }
            _ => None,
        };
        let project_away = match self.eat_keyword(K::InternalProjectAway) {
            Some(_) => self.find_columns(),
            None => Vec::new(),
        };
        let find = Find { parameters, data_scope, tables, predicate, project, project_away };
        OperatorKind::Find(Box::new(find))
    }

    fn find_columns(&mut self) -> Vec<FindColumn> {
        self.list(List::OPEN, Self::find_column_opt, |p| FindColumn::Column {
            name: p.missing_name(),
            ty: None,
        })
    }

    fn find_column_opt(&mut self) -> Option<FindColumn> {
        let start = self.here();
        if self.eat_keyword(K::Pack).is_some() {
            self.parenthesised(|p| p.expect(T::Star, "*"));
            return Some(FindColumn::Pack(self.since(start)));
        }
        if self.eat(T::Star).is_some() {
            return Some(FindColumn::Star(start));
        }
        let name = self.name_opt()?;
        let ty: Option<TypeRef> = self.eat(T::Colon).map(|_| self.scalar_type(true));
        Some(FindColumn::Column { name, ty })
    }

    /// `in (T, U*, V | as name)`, and whether `in` is written.
    fn in_tables(&mut self) -> (bool, Vec<Expr>) {
        if self.eat_keyword(K::In).is_none() {
            return (false, Vec::new());
        }
        let list = List::COMMON.one_or_more();
        (true, self.parenthesised(|p| p.list(list, Self::find_operand_opt, Parser::missing_expr)))
    }

    fn find_operand_opt(&mut self) -> Option<Expr> {
        let entity = self.entity_opt()?;
        let plain = matches!(entity.kind, ExprKind::Name(_));
        if plain && self.at(T::Pipe) && self.peek_at(1) == T::Keyword(K::As) {
            let pipe = self.eat(T::Pipe);
            let operator = self.operator_opt(pipe).into_iter().collect();
            return self.pipeline_node(Some(entity), operator);
        }
        Some(entity)
    }

    pub(super) fn search(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let data_scope = self.data_scope_opt();
        let (_, tables) = self.in_tables();
        let predicate = self.search_predicate();
        OperatorKind::Search(Box::new(Search { parameters, data_scope, tables, predicate }))
    }

    /// An expression, `*`, or `* and expression`.
    fn search_predicate(&mut self) -> Expr {
        if let Some(expr) = self.expr_opt() {
            return expr;
        }
        let Some(first) = self.star_opt() else { return self.missing_expr() };
        let Some(op_span) = self.eat_keyword(K::And) else { return first };
        let start = first.span;
        let operand = self.expr();
        let rest = vec![Link { op: ChainOp::And, op_span, operand }];
        self.node(start, ExprKind::Chain(Box::new(Chain { first, rest })))
    }

    pub(super) fn fork(&mut self) -> OperatorKind {
        let mut branches = Vec::new();
        while let Some(branch) = self.fork_branch_opt() {
            branches.push(branch);
        }
        if branches.is_empty() {
            self.expect(T::OpenParen, "(");
        }
        OperatorKind::Fork(branches)
    }

    fn fork_branch_opt(&mut self) -> Option<Branch> {
        let start = self.here();
        let named = self.scan_name(0).is_some_and(|count| self.peek_at(count) == T::Equal);
        if !named && !self.at(T::OpenParen) {
            return None;
        }
        let name = if named { self.name_opt() } else { None };
        if named {
            self.bump();
        }
        let query = self.parenthesised(|p| p.branch_opt().unwrap_or_else(|| p.query_expr()));
        Some(Branch { name, query, span: self.since(start) })
    }

    pub(super) fn facet(&mut self) -> OperatorKind {
        self.expect_keyword(K::By);
        let list = List::until(|p| p.at_keyword(K::With) || p.at_list_end()).one_or_more();
        let columns = self.list(list, Self::simple_path_opt, Parser::missing_expr);
        let with = self.eat_keyword(K::With).map(|_| {
            if self.at(T::OpenParen) {
                self.parenthesised(|p| p.branch_opt().unwrap_or_else(|| p.missing_expr()))
            } else {
                let operator = self.operator_opt(None).into_iter().collect();
                self.pipeline_node(None, operator).unwrap_or_else(|| self.missing_expr())
            }
        });
        OperatorKind::Facet(Facet { columns, with })
    }

    pub(super) fn partition(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], false);
        self.expect_keyword(K::By);
        let by = self.simple_path();
        let scope = self
            .eat_keyword(K::In)
            .map(|_| self.call_opt().or_else(|| self.dynamic_opt()).unwrap_or_else(|| self.missing_expr()));
        let braces = self.at(T::OpenBrace);
        let subquery = if self.eat(T::OpenBrace).is_some() {
            let query = self.query_expr();
            self.expect_close(T::CloseBrace);
            query
        } else {
            self.parenthesised(Self::subquery)
        };
        OperatorKind::Partition(Box::new(Partition { parameters, by, scope, subquery, braces }))
    }

    pub(super) fn partition_by(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], false);
        let by = self.simple_path();
        let id = self.eat_keyword(K::Id).map(|_| self.literal_opt().unwrap_or_else(|| self.missing_expr()));
        let subquery = self.parenthesised(Self::contextual_subquery);
        OperatorKind::PartitionBy(Box::new(PartitionBy { parameters, by, id, subquery }))
    }

    pub(super) fn simple_path(&mut self) -> Expr {
        self.simple_path_opt().unwrap_or_else(|| self.missing_expr())
    }

    pub(super) fn macro_expand(&mut self) -> OperatorKind {
        let parameters = self.parameters(UNION, true);
        let qualified = matches!(self.text_at(0), "database" | "cluster") && self.peek_at(1) == T::OpenParen;
        let group = self
            .entity_group_opt()
            .or_else(|| match qualified {
                true => self.entity_opt(),
                false => self.name_opt().map(Self::name_expr),
            })
            .unwrap_or_else(|| self.missing_expr());
        let scope = self.eat_keyword(K::As).map(|_| self.name());
        let statements = self.parenthesised(Self::statements);
        OperatorKind::MacroExpand(Box::new(MacroExpand { parameters, group, scope, statements }))
    }
}

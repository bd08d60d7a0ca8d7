//! Statements: `let`, `set`, `declare`, `alias`, `restrict`, and queries between them.

use super::super::keyword::Keyword as K;
use super::super::span::Span;
use super::super::syntax::{
    Alias, Expr, ExprKind, Function, FunctionBody, Let, LetValue, Name, NameForm, Pattern, PatternMatch,
    Query, Restrict, SetOption, Statement, StatementKind,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;

impl Parser<'_> {
    /// The whole text.
    pub(super) fn query(&mut self) -> Query {
        let start = self.here();
        let mut directives = Vec::new();
        while let Some(span) = self.eat(T::Directive) {
            directives.push(span);
        }
        let mut statements = self.statements();
        while !self.at(T::End) {
            let span = self.here();
            let message = match self.peek() {
                T::Dot if self.pos == 0 => "a command such as `.show` is not a query".to_owned(),
                kind if kind.is_close() => format!("`{}` closes nothing", self.text_at(0)),
                _ => format!("`{}` belongs to no statement", self.text_at(0)),
            };
            self.error(SyntaxCode::UnexpectedText, message, span);
            self.skip_stray();
            if self.at(T::Pipe)
                && let Some(expr) = statements.last_mut().and_then(last_expr)
            {
                let missing = Expr { kind: ExprKind::Missing, span: expr.span };
                let source = std::mem::replace(expr, missing);
                *expr = self.resume_pipeline(source);
                self.eat(T::Semicolon);
            }
            statements.extend(self.statements());
        }
        Query { directives, statements, span: self.since(start) }
    }

    /// Skips what was reported to belong nowhere, up to a place from which statements or operators go on.
    fn skip_stray(&mut self) {
        let pipe = self.at(T::Pipe);
        self.bump();
        if pipe && !self.at(T::Pipe) {
            return;
        }
        loop {
            self.skip_to_boundary();
            match self.peek() {
                T::Pipe if self.peek_at(1) != T::Pipe => return,
                T::Semicolon => {
                    self.bump();
                    return;
                }
                T::Pipe => {}
                kind if kind.is_close() => {}
                _ => return,
            }
            self.bump();
        }
    }

    /// Statements up to something that is none.
    pub(super) fn statements(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        while let Some(statement) = self.statement_opt() {
            statements.push(statement);
            if self.eat(T::Semicolon).is_none() && !self.at_list_end() {
                let span = self.here();
                let message = format!("expected `;`{}", self.found());
                self.error(SyntaxCode::MissingToken, message, span);
            }
        }
        statements
    }

    /// True at a word that starts a statement other than a query.
    pub(super) fn at_statement(&self) -> bool {
        let next = self.peek_at(1);
        match self.peek() {
            T::Keyword(K::Alias) => next == T::Keyword(K::Database),
            T::Keyword(K::Let) => self.scan_name(1).is_some(),
            T::Keyword(K::Declare) => matches!(next, T::Keyword(K::Pattern | K::QueryParameters)),
            T::Keyword(K::Restrict) => next == T::Keyword(K::Access),
            T::Keyword(K::Set) => true,
            _ => false,
        }
    }

    fn statement_opt(&mut self) -> Option<Statement> {
        let start = self.here();
        let kind = if self.at_statement() {
            match self.peek() {
                T::Keyword(K::Alias) => self.alias(),
                T::Keyword(K::Let) => self.let_statement(),
                T::Keyword(K::Declare) if self.peek_at(1) == T::Keyword(K::Pattern) => self.pattern(),
                T::Keyword(K::Declare) => self.query_parameters(),
                T::Keyword(K::Restrict) => self.restrict(),
                _ => self.set(),
            }
        } else {
            StatementKind::Expr(self.query_expr_opt()?)
        };
        Some(Statement { kind, span: self.since(start) })
    }

    fn alias(&mut self) -> StatementKind {
        self.bump();
        self.expect_keyword(K::Database);
        let name = self.name();
        self.expect(T::Equal, "=");
        StatementKind::Alias(Alias { name, value: self.expr() })
    }

    fn let_statement(&mut self) -> StatementKind {
        self.bump();
        let name = self.name();
        self.expect(T::Equal, "=");
        let value = if self.at_keyword(K::Materialize) {
            LetValue::Expr(self.materialize())
        } else if let Some(group) = self.entity_group_opt() {
            LetValue::Expr(group)
        } else if self.at_function() {
            LetValue::Function(Box::new(self.function()))
        } else {
            LetValue::Expr(self.query_expr())
        };
        if !self.at_list_end() && !self.at(T::Comma) {
            self.finish_let();
        }
        StatementKind::Let(Let { name, value })
    }

    /// After a `let`: reports what is not `;` and, if it is no statement, skips it.
    fn finish_let(&mut self) {
        let span = self.here();
        let message = format!("expected `;`{}", self.found());
        self.error(SyntaxCode::MissingToken, message, span);
        if !self.at_statement() && self.peek_at(0) != T::Identifier {
            self.skip_to_boundary();
        }
    }

    fn set(&mut self) -> StatementKind {
        self.bump();
        let name = self.name();
        let value = self.eat(T::Equal).map(|_| self.expr());
        StatementKind::Set(SetOption { name, value })
    }

    fn query_parameters(&mut self) -> StatementKind {
        self.bump();
        self.expect_keyword(K::QueryParameters);
        let list = List::COMMON.one_or_more();
        let parameters =
            self.parenthesised(|p| p.list(list, Self::parameter_decl_opt, Self::missing_parameter));
        StatementKind::QueryParameters(parameters)
    }

    fn restrict(&mut self) -> StatementKind {
        self.bump();
        self.expect_keyword(K::Access);
        self.expect_keyword(K::To);
        let list = List::COMMON.one_or_more();
        let entities = self.parenthesised(|p| p.list(list, Self::entity_opt, Parser::missing_expr));
        StatementKind::Restrict(Restrict { entities, properties: self.with_properties() })
    }

    /// `view`? `(` followed by what only a parameter list has.
    fn at_function(&self) -> bool {
        let open = usize::from(self.at_keyword(K::View));
        if self.peek_at(open) != T::OpenParen {
            return false;
        }
        match self.peek_at(open + 1) {
            T::CloseParen | T::Star => true,
            _ => self
                .scan_declared_name(open + 1)
                .is_some_and(|count| self.peek_at(open + 1 + count) == T::Colon),
        }
    }

    fn function(&mut self) -> Function {
        let start = self.here();
        let view = self.eat_keyword(K::View);
        let parameters =
            self.parenthesised(|p| p.list(List::COMMON, Self::parameter_decl_opt, Self::missing_parameter));
        let body = self.function_body();
        Function { view, parameters, body, span: self.since(start) }
    }

    /// `{ statements; result }`
    fn function_body(&mut self) -> FunctionBody {
        let start = self.here();
        let body = self.nested(|p| {
            p.expect(T::OpenBrace, "{");
            let mut statements = Vec::new();
            while let Some(statement) = p.body_statement_opt() {
                statements.push(statement);
            }
            let result = p.query_expr_opt();
            p.eat(T::Semicolon);
            p.expect_close(T::CloseBrace);
            Some((statements, result))
        });
        let (statements, result) = body.unwrap_or_default();
        FunctionBody { statements, result, span: self.since(start) }
    }

    /// `let` or `declare query_parameters`, which must end with `;` here.
    fn body_statement_opt(&mut self) -> Option<Statement> {
        let start = self.here();
        let kind = match self.peek() {
            T::Keyword(K::Let) => self.let_statement(),
            T::Keyword(K::Declare) => self.query_parameters(),
            _ => return None,
        };
        let span = self.since(start);
        self.expect(T::Semicolon, ";");
        Some(Statement { kind, span })
    }

    fn pattern(&mut self) -> StatementKind {
        self.bump();
        self.bump();
        let name = self.name();
        let mut pattern = Pattern { name, parameters: Vec::new(), path: None, matches: Vec::new() };
        if self.eat(T::Equal).is_some() {
            pattern.parameters = self
                .parenthesised(|p| p.list(List::COMMON, Self::column_decl_opt, Self::missing_column_decl));
            if self.eat(T::OpenBracket).is_some() {
                let path = self.column_decl_opt().unwrap_or_else(|| self.missing_column_decl());
                pattern.path = Some(path);
                self.expect_close(T::CloseBracket);
            }
            self.expect(T::OpenBrace, "{");
            while let Some(case) = self.pattern_match_opt() {
                pattern.matches.push(case);
            }
            if pattern.matches.is_empty() {
                self.missing_expr();
            }
            self.expect_close(T::CloseBrace);
        }
        StatementKind::Pattern(Box::new(pattern))
    }

    fn pattern_match_opt(&mut self) -> Option<PatternMatch> {
        let start = self.eat(T::OpenParen)?;
        let arguments = self.list(List::COMMON.one_or_more(), Self::expr_opt, Parser::missing_expr);
        self.expect_close(T::CloseParen);
        let path = self.eat(T::Dot).map(|_| {
            self.expect(T::OpenBracket, "[");
            let value = self.literal_opt().unwrap_or_else(|| self.missing_expr());
            self.expect_close(T::CloseBracket);
            value
        });
        self.expect(T::Equal, "=");
        let body = self.function_body();
        let span = self.since(start);
        self.expect(T::Semicolon, ";");
        Some(PatternMatch { arguments, path, body, span })
    }

    /// An empty name, where none is needed.
    pub(super) fn no_name(&self) -> Name {
        Name { text: "".into(), form: NameForm::Bare, span: Span::at(self.last_end()) }
    }
}

/// The expression that more operators may be piped to.
fn last_expr(statement: &mut Statement) -> Option<&mut Expr> {
    match &mut statement.kind {
        StatementKind::Expr(expr) | StatementKind::Let(Let { value: LetValue::Expr(expr), .. }) => Some(expr),
        _ => None,
    }
}

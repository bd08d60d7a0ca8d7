//! What names stand for besides columns: `let`, parameters, `as`. A list of bindings, innermost first, that is never
//! changed once made; whoever needs the surroundings of a declaration keeps its head.

use std::cell::RefCell;
use std::rc::Rc;

use super::Fault;
use super::frame::Frame;
use super::scalar::Typed;
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, Function};

/// The innermost binding.
pub(crate) type Env<'a> = Option<Rc<Binding<'a>>>;

pub(crate) struct Binding<'a> {
    pub(crate) name: &'a str,
    pub(crate) meaning: Meaning<'a>,
    pub(crate) outer: Env<'a>,
}

/// Names in scope and the text they stand in. Cheap to copy.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) env: Env<'a>,
    /// The text that spans refer to: the query's, or a stored function's.
    pub(crate) text: &'a str,
    /// In a stored function: where the query calls it, which is what faults point at.
    pub(crate) call: Option<Span>,
    /// Unknown tables are left out: `union isfuzzy=true`.
    pub(crate) fuzzy: bool,
}

#[derive(Clone)]
pub(crate) enum Meaning<'a> {
    /// A constant, or an argument that depends on the row at hand: see [`Bound::row`].
    Scalar(Rc<Bound>),
    Table(Frame),
    /// The right side of a `let`, evaluated when it is first needed.
    Lazy(Rc<Lazy<'a>>),
    Function(Rc<User<'a>>),
    /// `database("d")`, `workspace("w")` given a name.
    Database,
}

/// A scalar that has a name.
pub(crate) struct Bound {
    pub(crate) value: Rc<Typed>,
    /// The rows its columns belong to; `None` for a constant.
    pub(crate) row: Option<u64>,
}

pub(crate) struct Lazy<'a> {
    pub(crate) expr: &'a Expr,
    pub(crate) scope: Scope<'a>,
    pub(crate) state: RefCell<State<'a>>,
}

/// How far a [`Lazy`] is.
pub(crate) enum State<'a> {
    Todo,
    Busy,
    Done(Result<Meaning<'a>, Fault>),
}

/// A function of the query or of the schema.
pub(crate) struct User<'a> {
    pub(crate) name: &'a str,
    pub(crate) function: &'a Function,
    /// What its body sees.
    pub(crate) scope: Scope<'a>,
    /// Stored in the workspace: faults inside point at its call.
    pub(crate) stored: bool,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(text: &'a str) -> Scope<'a> {
        Scope { env: None, text, call: None, fuzzy: false }
    }

    #[must_use]
    pub(crate) fn with(&self, name: &'a str, meaning: Meaning<'a>) -> Scope<'a> {
        let binding = Binding { name, meaning, outer: self.env.clone() };
        Scope { env: Some(Rc::new(binding)), ..self.clone() }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Meaning<'a>> {
        let mut at = self.env.as_ref();
        while let Some(binding) = at {
            if binding.name == name {
                return Some(&binding.meaning);
            }
            at = binding.outer.as_ref();
        }
        None
    }

    /// Views: functions that take part in `union *`, outermost first.
    pub(crate) fn views(&self) -> Vec<Rc<User<'a>>> {
        let mut found = Vec::new();
        let mut at = self.env.as_ref();
        while let Some(binding) = at {
            if let Meaning::Function(user) = &binding.meaning
                && user.function.view.is_some()
                && user.function.parameters.iter().all(|p| p.default.is_some())
            {
                found.push(Rc::clone(user));
            }
            at = binding.outer.as_ref();
        }
        found.reverse();
        found
    }

    /// Where a fault is shown.
    pub(crate) fn place(&self, span: Span) -> Span {
        self.call.unwrap_or(span)
    }

    pub(crate) fn not_evaluated(&self, what: impl Into<String>, span: Span) -> Fault {
        Fault::NotEvaluated { what: what.into(), span: self.place(span) }
    }

    pub(crate) fn failed(&self, message: impl Into<String>, span: Span) -> Fault {
        Fault::Failed { message: message.into(), span: self.place(span) }
    }
}

impl Drop for Binding<'_> {
    /// A query may declare thousands of names; the list is taken apart without recursion.
    fn drop(&mut self) {
        let mut outer = self.outer.take();
        while let Some(binding) = outer {
            match Rc::try_unwrap(binding) {
                Ok(mut only) => outer = only.outer.take(),
                Err(_) => break,
            }
        }
    }
}

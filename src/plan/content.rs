//! A rule's content as a plan weighs it: its canonical form and that form's digest, each made when somebody asks.
//!
//! Most rules of most tenants are as their files say, and two bodies that are plainly equal need neither.

use std::sync::{Arc, OnceLock};

use crate::diff::Canonical;
use crate::resource::{Body, Kind, Schema, digest};

/// How the kinds of rules at one target compare.
pub(super) struct Comparing {
    schema: &'static Schema,
    kinds: Vec<(Kind, Arc<Canonical>)>,
}

/// What one rule says.
pub(super) struct Content<'a> {
    kind: &'a Kind,
    /// As it was read or compiled; `None`: there is nothing but the form.
    body: Option<&'a Body>,
    comparing: Arc<Canonical>,
    form: OnceLock<Body>,
    digest: OnceLock<String>,
}

impl Comparing {
    pub(super) const fn new(schema: &'static Schema) -> Self {
        Self { schema, kinds: Vec::new() }
    }

    /// The content of a rule of `kind`.
    pub(super) fn content<'a>(&mut self, kind: &'a Kind, body: &'a Body) -> Content<'a> {
        let known = self.kinds.iter().find(|(known, _)| known == kind).map(|(_, comparing)| comparing);
        let comparing = known.map(Arc::clone).unwrap_or_else(|| {
            let made = Arc::new(Canonical::new(self.schema, kind));
            self.kinds.push((kind.clone(), Arc::clone(&made)));
            made
        });
        Content { kind, body: Some(body), comparing, form: OnceLock::new(), digest: OnceLock::new() }
    }
}

impl Content<'_> {
    /// The canonical form.
    pub(super) fn form(&self) -> &Body {
        self.form.get_or_init(|| self.body.map(|body| self.comparing.form(body)).unwrap_or_default())
    }

    /// The canonical form, given away.
    pub(super) fn into_form(self) -> Body {
        self.form();
        self.form.into_inner().unwrap_or_default()
    }

    /// The digest of the canonical form.
    pub(super) fn digest(&self) -> &str {
        self.digest.get_or_init(|| digest(self.kind, self.form()))
    }

    /// Whether both stand for the same rule.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.is_plainly(other) || self.digest() == other.digest()
    }

    /// Whether that shows without a digest.
    pub(super) fn is_plainly(&self, other: &Self) -> bool {
        let bodies = self.body.zip(other.body);
        self.kind == other.kind
            && bodies.is_some_and(|(one, other)| self.comparing.is_plainly_equal(one, other))
    }

    /// The same with another form.
    pub(super) fn with_form(self, change: impl FnOnce(&mut Body)) -> Self {
        let Self { kind, comparing, .. } = &self;
        let (kind, comparing) = (*kind, Arc::clone(comparing));
        let mut form = self.into_form();
        change(&mut form);
        Self { kind, body: None, comparing, form: OnceLock::from(form), digest: OnceLock::new() }
    }
}

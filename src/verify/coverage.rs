//! Which conditions of a query its cases exercised: each operand of each `where`, both ways.
//!
//! Counted on the rules as they are written, so without allowlists: those have cases of their own kind.

use std::collections::BTreeMap;

use super::{Bare, Verifier};
use crate::address::RuleId;
use crate::kql::Span;

/// A rule's query with what its cases did to its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The rule.
    pub rule: RuleId,
    /// Where it is deployed, when its platforms have different queries.
    pub target: String,
    /// The query.
    pub text: String,
    /// Cases that were played.
    pub cases: usize,
    /// Cases that could not be: the first reason.
    pub not_played: Option<String>,
    /// In the order of the text.
    pub conditions: Vec<Condition>,
}

/// A condition of a `where`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// Its place in the query.
    pub span: Span,
    /// Rows that it let pass.
    pub yes: u64,
    /// Rows that it dropped.
    pub no: u64,
}

impl Condition {
    /// It was both met and not met.
    #[must_use]
    pub const fn is_exercised(&self) -> bool {
        self.yes > 0 && self.no > 0
    }
}

impl Verifier<'_> {
    /// Plays every case against the bare rules and counts.
    pub fn coverage(&self, bare: &Bare, wanted: &dyn Fn(&str) -> bool) -> Vec<Coverage> {
        let mut all = Vec::new();
        for suite in self.suites(wanted) {
            for subject in self.subjects(suite, &bare.environment, &bare.desired) {
                let mut coverage = Coverage {
                    rule: suite.rule.clone(),
                    target: subject.resource.address.target.platform().as_str().to_owned(),
                    text: subject.whole.text.to_string(),
                    cases: 0,
                    not_played: None,
                    conditions: Vec::new(),
                };
                let mut counts: BTreeMap<Span, (u64, u64)> = BTreeMap::new();
                for case in &suite.cases {
                    if !self.mistakes_of(suite, case).is_empty() {
                        continue;
                    }
                    match &*self.run(&subject, &subject.whole, case) {
                        Ok(evaluated) => {
                            coverage.cases += 1;
                            for exercised in &evaluated.coverage {
                                let count = counts.entry(exercised.span).or_default();
                                *count = (count.0 + exercised.yes, count.1 + exercised.no);
                            }
                        }
                        Err(fault) => {
                            coverage.not_played.get_or_insert_with(|| self.fault(fault, &subject.whole));
                        }
                    }
                }
                let condition = |(span, (yes, no))| Condition { span, yes, no };
                coverage.conditions = counts.into_iter().map(condition).collect();
                // One query on two platforms is shown once.
                let is_known = |known: &super::coverage::Coverage| {
                    known.rule == coverage.rule && known.text == coverage.text
                };
                if !all.iter().any(is_known) {
                    all.push(coverage);
                }
            }
        }
        all
    }
}

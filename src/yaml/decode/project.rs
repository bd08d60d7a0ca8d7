//! The project file: `palisade.yaml` as read becomes [`Project`].
//!
//! ```yaml
//! owner: contoso
//! allowlist: {max_ttl: P180D, warn: P14D, require: medium, require_ticket: true}
//! lint: {allow: [KQL-P09], strict: false}
//! ```

use super::object::Object;
use super::scalar::{boolean, duration, invalid, line, word};
use super::target::owner_id;
use crate::diagnostic::Diagnostics;
use crate::model::project::{AllowlistPolicy, LintPolicy, Project};
use crate::model::rule::Strength;
use crate::source::Spanned;
use crate::yaml::Node;

/// The project file.
#[must_use]
pub fn project(document: &Node, out: &mut Diagnostics) -> Option<Project> {
    let file = Object::open_file(document, "a project", &["owner", "allowlist", "lint"], out)?;
    Some(Project {
        owner: file.required("owner", out, owner_id),
        allowlist: file.optional("allowlist", out, allowlist_policy).unwrap_or_default(),
        lint: file.optional("lint", out, lint_policy).unwrap_or_default(),
    })
}

fn allowlist_policy(node: &Node, out: &mut Diagnostics) -> Option<AllowlistPolicy> {
    let keys = ["max_ttl", "warn", "require", "require_ticket"];
    let object = Object::open(node, "the allowlist policy", &keys, out)?;
    let default = AllowlistPolicy::default();
    Some(AllowlistPolicy {
        max_ttl_days: object.optional("max_ttl", out, days).map_or(default.max_ttl_days, |found| found.value),
        warn_days: object.optional("warn", out, days).map_or(default.warn_days, |found| found.value),
        require: object
            .optional("require", out, word(&Strength::NAMES))
            .map_or(default.require, |found| found.value),
        require_ticket: object
            .optional("require_ticket", out, boolean)
            .map_or(default.require_ticket, |found| found.value),
    })
}

fn lint_policy(node: &Node, out: &mut Diagnostics) -> Option<LintPolicy> {
    let object = Object::open(node, "the lint policy", &["allow", "strict"], out)?;
    Some(LintPolicy {
        allow: object.list("allow", out, line),
        strict: object.optional("strict", out, boolean).is_some_and(|found| found.value),
    })
}

/// A duration of whole days, at least one.
fn days(node: &Node, out: &mut Diagnostics) -> Option<Spanned<u32>> {
    let found = duration(node, out)?;
    let seconds = found.value.seconds();
    match u32::try_from(seconds / 86_400) {
        Ok(days) if days > 0 && seconds % 86_400 == 0 => Some(Spanned::new(days, found.span)),
        _ => {
            out.push(
                invalid(found.span, "expected whole days", "not a number of whole days")
                    .with_help("P90D is 90 days"),
            );
            None
        }
    }
}

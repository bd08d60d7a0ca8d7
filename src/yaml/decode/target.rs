//! Where an environment's rules go: owner id, cloud, workspaces, tenant settings.
//!
//! Everything here ends up in a URL or in a marker inside a rule, so each part has a narrow set of characters.

use std::sync::Arc;

use super::object::{Object, one_or_many};
use super::scalar::{boolean, guid, invalid, line, made_of, word};
use crate::address::Workspace;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::environment::{Cloud, DefenderTarget};
use crate::source::Spanned;
use crate::yaml::{Node, NodeKind};

/// The built-in clouds.
#[derive(Clone, Copy)]
enum CloudName {
    Public,
    UsGov,
    UsGovDod,
    China,
    Sandbox,
}

const CLOUDS: &[(&str, CloudName)] = &[
    ("public", CloudName::Public),
    ("us-gov", CloudName::UsGov),
    ("us-gov-dod", CloudName::UsGovDod),
    ("china", CloudName::China),
    ("sandbox", CloudName::Sandbox),
];

/// An ownership id, `acme/contoso-prod`: it is written into deployed rules.
pub(super) fn owner_id(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    made_of(allowed, 100, "letters, digits, `-`, `_`, `.` and `/`, at most 100")(node, out)
}

/// `cloud:`, a name or a mapping of endpoints.
pub(super) fn cloud(node: &Node, out: &mut Diagnostics) -> Option<Spanned<Cloud>> {
    if !matches!(node.kind, NodeKind::Map(_)) {
        let found = word(CLOUDS)(node, out)?;
        return Some(found.map(|name| match name {
            CloudName::Public => Cloud::Public,
            CloudName::UsGov => Cloud::UsGov,
            CloudName::UsGovDod => Cloud::UsGovDod,
            CloudName::China => Cloud::China,
            CloudName::Sandbox => Cloud::Sandbox,
        }));
    }
    let object = Object::open(node, "a custom cloud", &["authority", "arm", "graph", "ca_file"], out)?;
    let authority = object.required("authority", out, endpoint);
    let arm = object.required("arm", out, endpoint);
    let graph = object.required("graph", out, endpoint);
    let ca_file = object.optional("ca_file", out, line);
    Some(Spanned::new(Cloud::Custom { authority: authority?, arm: arm?, graph: graph?, ca_file }, node.span))
}

/// `https://host[:port]`, without a path, a query or credentials.
fn endpoint(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let found = line(node, out)?;
    let host = found.value.strip_prefix("https://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
    match host {
        Some(host) if !host.is_empty() && host.chars().all(allowed) => {
            let value = format!("https://{host}");
            Some(found.map(|_| value))
        }
        _ => {
            out.push(
                invalid(node.span, "not an endpoint", "not an https:// address of a host")
                    .with_help("write scheme, host and port only: https://localhost:8443"),
            );
            None
        }
    }
}

/// `sentinel:`, one workspace or a list of them.
pub(super) fn workspaces(node: &Node, out: &mut Diagnostics) -> Option<Vec<Spanned<Arc<Workspace>>>> {
    let found = one_or_many(node, out, workspace)?;
    for (index, one) in found.iter().enumerate() {
        let id = one.resource_id();
        // ARM compares ids without case (CONTRACT B.1).
        let twin = found.iter().take(index).find(|other| other.resource_id().eq_ignore_ascii_case(&id));
        if let Some(twin) = twin {
            out.push(
                Diagnostic::error(codes::DUPLICATE_NAME, "a workspace is listed twice")
                    .labelled(one.span, "this one again")
                    .with_related(twin.span, "first listed here"),
            );
        }
    }
    Some(found)
}

fn workspace(node: &Node, out: &mut Diagnostics) -> Option<Spanned<Arc<Workspace>>> {
    let object = Object::open(node, "a workspace", &["subscription", "resource_group", "workspace"], out)?;
    let subscription = object.required("subscription", out, guid);
    let group = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
    let resource_group = object.required(
        "resource_group",
        out,
        made_of(group, 90, "letters, digits, `-`, `_`, `.`, `(` and `)`, at most 90"),
    );
    let name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let workspace =
        object.required("workspace", out, made_of(name, 63, "letters, digits and `-`, at most 63"));
    let workspace = Workspace {
        subscription: subscription?.value,
        resource_group: resource_group?.value,
        workspace: workspace?.value,
    };
    Some(Spanned::new(Arc::new(workspace), node.span))
}

/// `defender:` of an environment.
pub(super) fn defender_target(node: &Node, out: &mut Diagnostics) -> Option<DefenderTarget> {
    let object = Object::open(node, "the defender section", &["api_version", "preview_fields"], out)?;
    Some(DefenderTarget {
        api_version: object.optional("api_version", out, api_version),
        preview_fields: object.optional("preview_fields", out, boolean).is_some_and(|found| found.value),
        span: object.span(),
    })
}

/// `beta`, `v1.0`, `2025-07-01-preview`.
pub(super) fn api_version(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    made_of(allowed, 40, "an API version looks like `beta` or `2025-07-01-preview`")(node, out)
}

//! Response actions: complete, and allowed where they would run.

use crate::compile::check::codes;
use crate::compile::check::defender::entities::is_column;
use crate::compile::check::facts::{self, Action};
use crate::compile::check::words::{list, one_of, repeated};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::defender::{Collection, Defender, MemberValue};
use crate::model::environment::{Environment, ResponseActions};
use crate::model::rule::{Rule, Status};
use crate::source::Spanned;

const DEVICE_GROUPS: &str = "deviceGroupNames";
const ISOLATION_TYPE: &str = "isolationType";

pub(super) fn check(rule: &Rule, section: &Defender, diagnostics: &mut Diagnostics) {
    for collection in &section.actions {
        let names = facts::ACTIONS.iter().map(|action| action.name);
        if let Some(finding) =
            one_of(codes::DEFENDER_ACTIONS, "response action", "Defender", &collection.name, names)
        {
            diagnostics.push(finding);
            continue;
        }
        let Some(action) = facts::ACTIONS.iter().find(|action| action.name == collection.name.value) else {
            continue;
        };
        for item in &collection.items {
            check_item(action, collection, item, diagnostics);
        }
        for (earlier, later) in repeated(&collection.items, |item| values(item)) {
            let first = |item: &[(Spanned<String>, MemberValue)]| {
                item.first().map_or(collection.name.span, |(m, _)| m.span)
            };
            diagnostics.push(
                codes::DEFENDER_ACTIONS
                    .warning("response action listed twice")
                    .labelled(first(later), "again")
                    .with_related(first(earlier), "first here")
                    .with_detail("It would act on the same entity twice.")
                    .with_help("remove one of them"),
            );
        }
    }
    if let Some(first) = section.actions.iter().find(|collection| !collection.items.is_empty())
        && rule.status.value != Status::Production
    {
        diagnostics.push(
            codes::RESPONSE_ACTION
                .warning("response action on a rule that is not in production")
                .labelled(first.name.span, "acts without asking")
                .with_related(rule.status.span, "still being worked on")
                .with_detail("False positives of an untested rule would isolate machines or lock accounts.")
                .with_help("set `status: production` first, or remove the action until then"),
        );
    }
}

/// Whether the environment allows what the rule does. The caller adds the environment's name.
pub(super) fn allowed(section: &Defender, environment: &Environment, diagnostics: &mut Diagnostics) {
    for collection in section.actions.iter().filter(|collection| !collection.items.is_empty()) {
        let name = collection.name.value.as_str();
        let known = facts::ACTIONS.iter().any(|action| action.name == name);
        let permitted = match &environment.response_actions {
            ResponseActions::Forbid => false,
            ResponseActions::Allow(names) => names.iter().any(|allowed| allowed.value == name),
        };
        if known && !permitted {
            diagnostics.push(not_allowed(&collection.name, environment));
        }
    }
}

fn not_allowed(action: &Spanned<String>, environment: &Environment) -> Diagnostic {
    codes::RESPONSE_ACTION
        .error("response action not allowed in this environment")
        .labelled(action.span, format!("not allowed in {}", environment.name))
        .with_detail(format!(
            "`{}` changes machines, files or accounts without asking anybody, so an environment must allow it by name.",
            action.value
        ))
        .with_help(format!(
            "remove the action, or add `response_actions: {{allow: [{}]}}` to environments/{}/environment.yaml",
            action.value, environment.name
        ))
}

fn check_item(
    action: &Action,
    collection: &Collection,
    item: &[(Spanned<String>, MemberValue)],
    diagnostics: &mut Diagnostics,
) {
    let mut good = true;
    for (member, value) in item {
        let what = format!("member of {}", action.name);
        let groups = action.device_groups.then_some(DEVICE_GROUPS);
        let members = action.members.iter().copied().chain(groups);
        if let Some(finding) = one_of(codes::DEFENDER_ACTIONS, &what, "Defender", member, members) {
            diagnostics.push(finding);
            good = false;
        } else {
            good &= check_value(member, value, diagnostics);
        }
    }
    let has = |wanted: &&str| item.iter().any(|(member, _)| member.value == **wanted);
    let missing: Vec<&str> = action.required.iter().copied().filter(|member| !has(member)).collect();
    let none_of = !action.any_of.is_empty() && !action.any_of.iter().any(has);
    // A misspelt member was probably the missing one: one finding is enough.
    if good && (none_of || !missing.is_empty()) {
        let need = match none_of {
            true => list(action.any_of.iter().copied(), "or"),
            false => list(missing.iter().copied(), "and"),
        };
        let span = item.first().map_or(collection.name.span, |(member, _)| member.span);
        diagnostics.push(
            codes::DEFENDER_ACTIONS
                .error("response action is incomplete")
                .labelled(span, format!("needs {need}"))
                .with_detail(format!("Defender cannot tell what {} acts on without {need}.", action.name))
                .with_help(format!("add {need}")),
        );
    }
}

/// Whether the member's value has the form that it needs; reported when not.
fn check_value(member: &Spanned<String>, value: &MemberValue, diagnostics: &mut Diagnostics) -> bool {
    let finding = match (member.value.as_str(), value) {
        (DEVICE_GROUPS, MemberValue::Many(_)) => None,
        (DEVICE_GROUPS, MemberValue::One(one)) => Some(
            codes::DEFENDER_ACTIONS
                .error("device groups are a list")
                .labelled(one.span, "a single value")
                .with_detail("`deviceGroupNames` takes a list of names.")
                .with_help(format!("write `deviceGroupNames: [{}]`", one.value)),
        ),
        (ISOLATION_TYPE, MemberValue::One(word)) => {
            let types = facts::ISOLATION_TYPES.iter().copied();
            one_of(codes::DEFENDER_ACTIONS, "isolation type", "Defender", word, types)
        }
        (_, value) if is_column(value) => None,
        _ => Some(
            codes::DEFENDER_ACTIONS
                .error("response action's member without a value")
                .labelled(member.span, "needs one value")
                .with_detail("It names one column of the query's result.")
                .with_help(format!("write `{}: <column>`", member.value)),
        ),
    };
    match finding {
        Some(finding) => {
            diagnostics.push(finding);
            false
        }
        None => true,
    }
}

/// Names and values without their places, for comparison.
fn values(item: &[(Spanned<String>, MemberValue)]) -> Vec<(&str, Vec<&str>)> {
    item.iter()
        .map(|(member, value)| {
            let values = match value {
                MemberValue::One(one) => vec![one.value.as_str()],
                MemberValue::Many(many) => many.iter().map(|one| one.value.as_str()).collect(),
            };
            (member.value.as_str(), values)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{
        Case, collection, custom, defender_of, environment, mark, plain, run,
    };
    use crate::diagnostic::Severity::{Error, Warning};
    use crate::model::defender::{Collection, MemberValue};
    use crate::model::environment::ResponseActions;
    use crate::model::rule::Status;

    /// An action whose first member is where findings should point.
    fn marked(name: &str, members: &[(&str, &str)]) -> Collection {
        let mut action = collection(name, members);
        action.items[0][0].0 = mark(members[0].0.into());
        action
    }

    #[test]
    #[rustfmt::skip]
    fn members() {
        run(&custom(), None, &[
            Case("legacy name", |r| { let mut a = collection("isolateDevice", &[("deviceIdColumn", "D"), ("isolationType", "full")]); a.name = mark("isolateDevice".into()); defender_of(r).actions = vec![a]; }, &[("XDR-18", Error, "unknown response action", "did you mean `isolateDevices`?")]),
            Case("isolate", |r| defender_of(r).actions = vec![collection("isolateDevices", &[("deviceIdColumn", "D"), ("isolationType", "selective")])], &[]),
            Case("isolate without a type", |r| defender_of(r).actions = vec![marked("isolateDevices", &[("deviceIdColumn", "D")])], &[("XDR-18", Error, "incomplete", "`isolationType`")]),
            Case("isolate with an unknown type", |r| { let mut a = collection("isolateDevices", &[("deviceIdColumn", "D"), ("isolationType", "x")]); a.items[0][1].1 = MemberValue::One(mark("Full".into())); defender_of(r).actions = vec![a]; }, &[("XDR-18", Error, "unknown isolation type", "did you mean `full`?")]),
            Case("unknown member", |r| defender_of(r).actions = vec![marked("disableUsers", &[("accountObjectIdColumn", "D")])], &[("XDR-18", Error, "unknown member of disableUsers", "accountSidColumn")]),
            Case("block by either hash", |r| defender_of(r).actions = vec![collection("blockFiles", &[("sha256Column", "H")])], &[]),
            Case("block without a hash", |r| { let mut a = marked("blockFiles", &[("deviceGroupNames", "x")]); a.items[0][0].1 = MemberValue::Many(vec![plain("all".into())]); defender_of(r).actions = vec![a]; }, &[("XDR-18", Error, "incomplete", "`sha1Column` or `sha256Column`")]),
            Case("groups as a word", |r| { let mut a = collection("blockFiles", &[("sha1Column", "H"), ("deviceGroupNames", "x")]); a.items[0][1].1 = MemberValue::One(mark("servers".into())); defender_of(r).actions = vec![a]; }, &[("XDR-18", Error, "device groups are a list", "deviceGroupNames: [servers]")]),
            Case("no groups here", |r| { let mut a = marked("runAntivirusScans", &[("deviceGroupNames", "x")]); a.items[0][0].1 = MemberValue::Many(vec![]); defender_of(r).actions = vec![a]; }, &[("XDR-18", Error, "unknown member", "deviceIdColumn")]),
            Case("half of an e-mail", |r| defender_of(r).actions = vec![marked("softDeleteEmails", &[("networkMessageIdColumn", "N")])], &[("XDR-18", Error, "incomplete", "`recipientColumn`")]),
            Case("empty value", |r| defender_of(r).actions = vec![marked("disableUsers", &[("accountSidColumn", " ")])], &[("XDR-18", Error, "without a value", "accountSidColumn: <column>")]),
            Case("twice", |r| { let mut a = collection("disableUsers", &[("accountSidColumn", "S")]); a.items.push(marked("disableUsers", &[("accountSidColumn", "S")]).items.remove(0)); defender_of(r).actions = vec![a]; }, &[("XDR-18", Warning, "listed twice", "remove")]),
            Case("under test", |r| { r.status = plain(Status::Test); let mut a = collection("disableUsers", &[("accountSidColumn", "S")]); a.name = mark("disableUsers".into()); defender_of(r).actions = vec![a]; }, &[("XDR-08", Warning, "not in production", "status: production")]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn environments_allow_by_name() {
        let mut environment = environment();
        let expected: &[_] = &[("XDR-08", Error, "not allowed in this environment", "response_actions: {allow: [disableUsers]}")];
        let disable: fn(&mut crate::model::rule::Rule) = |r| { let mut a = collection("disableUsers", &[("accountSidColumn", "S")]); a.name = mark("disableUsers".into()); defender_of(r).actions = vec![a]; };
        run(&custom(), Some(&environment), &[Case("forbidden", disable, expected)]);
        environment.response_actions = ResponseActions::Allow(vec![plain("isolateDevices".into())]);
        run(&custom(), Some(&environment), &[Case("another is allowed", disable, expected)]);
        environment.response_actions = ResponseActions::Allow(vec![plain("disableUsers".into())]);
        run(&custom(), Some(&environment), &[Case("allowed", disable, &[])]);
    }
}

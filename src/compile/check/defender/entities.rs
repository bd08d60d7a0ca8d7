//! Entity mappings: known collections and members, complete combinations, at least one asset.

use crate::compile::check::codes;
use crate::compile::check::facts::{self, EntityCollection};
use crate::compile::check::words::{list, one_of, repeated};
use crate::diagnostic::Diagnostics;
use crate::model::defender::{Collection, Defender, MemberValue};
use crate::source::Spanned;

pub(super) fn check(section: &Defender, diagnostics: &mut Diagnostics) {
    for collection in &section.entities {
        check_collection(collection, diagnostics);
    }
    asset(section, diagnostics);
}

fn check_collection(collection: &Collection, diagnostics: &mut Diagnostics) {
    let names = facts::ENTITY_COLLECTIONS.iter().map(|known| known.name);
    if let Some(finding) =
        one_of(codes::DEFENDER_ENTITIES, "entity collection", "Defender", &collection.name, names)
    {
        diagnostics.push(finding);
        return;
    }
    let known = facts::ENTITY_COLLECTIONS.iter().find(|known| known.name == collection.name.value);
    let Some(known) = known else { return };
    for item in &collection.items {
        let mut good = true;
        for (member, value) in item {
            let what = format!("member of {}", known.name);
            let members = known.members.iter().copied();
            if let Some(finding) = one_of(codes::DEFENDER_ENTITIES, &what, "Defender", member, members) {
                diagnostics.push(finding);
                good = false;
            } else if !is_column(value) {
                diagnostics.push(
                    codes::DEFENDER_ENTITIES
                        .error("entity member without a column")
                        .labelled(member.span, "needs the name of one column")
                        .with_detail("Defender fills the member from a column of the query's result.")
                        .with_help(format!("write `{}: <column>`", member.value)),
                );
                good = false;
            }
        }
        for (earlier, later) in repeated(item, |(member, _)| &member.value) {
            diagnostics.push(
                codes::DEFENDER_ENTITIES
                    .error("entity member mapped twice")
                    .labelled(later.0.span, "again")
                    .with_related(earlier.0.span, "first here")
                    .with_detail("An entity has one value for each member.")
                    .with_help("for a second entity, add another item to the list"),
            );
        }
        if good {
            combination(known, collection, item, diagnostics);
        }
    }
}

/// Whether a member names a column.
pub(super) fn is_column(value: &MemberValue) -> bool {
    matches!(value, MemberValue::One(column) if !column.value.trim().is_empty())
}

fn combination(
    known: &EntityCollection,
    collection: &Collection,
    item: &[(Spanned<String>, MemberValue)],
    diagnostics: &mut Diagnostics,
) {
    let has = |wanted: &&str| item.iter().any(|(member, _)| member.value == **wanted);
    let complete = match known.combinations {
        [] => !item.is_empty(),
        combinations => combinations.iter().any(|combination| combination.iter().all(&has)),
    };
    if complete {
        return;
    }
    let need = match known.combinations {
        [] => list(known.members.iter().copied(), "or"),
        combinations => {
            combinations.iter().map(|c| list(c.iter().copied(), "and")).collect::<Vec<_>>().join("; or ")
        }
    };
    let span = item.first().map_or(collection.name.span, |(member, _)| member.span);
    diagnostics.push(
        codes::DEFENDER_ENTITIES
            .error("entity mapping is incomplete")
            .labelled(span, "does not identify anything by itself")
            .with_detail(format!("Defender refuses a mapping of {} without one of: {need}.", known.name))
            .with_help("add the missing columns"),
    );
}

fn asset(section: &Defender, diagnostics: &mut Diagnostics) {
    let mapped = |collection: &&Collection| !collection.items.is_empty();
    // A misspelt collection was reported already and may have been the asset.
    let known = |collection: &&Collection| {
        facts::ENTITY_COLLECTIONS.iter().any(|known| known.name == collection.name.value)
    };
    let is_asset = |collection: &Collection| facts::ASSETS.contains(&collection.name.value.as_str());
    let mut present = section.entities.iter().filter(mapped).peekable();
    let first = present.peek().map(|collection| collection.name.span);
    if !present.clone().all(|collection| known(&collection)) || present.any(is_asset) {
        return;
    }
    let assets = list(facts::ASSETS.into_iter(), "or");
    diagnostics.push(
        codes::ASSET
            .error("no asset is mapped")
            .labelled(first.unwrap_or(section.span), match first {
                Some(_) => "evidence only",
                None => "no entities",
            })
            .with_detail("Defender refuses a custom detection that does not say which device, user, mailbox or address is affected.")
            .with_help(format!("map one of {assets}, for example `entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}`")),
    );
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{Case, collection, custom, defender_of, mark, plain, run};
    use crate::diagnostic::Severity::Error;
    use crate::model::defender::MemberValue;

    #[test]
    #[rustfmt::skip]
    fn collections() {
        run(&custom(), None, &[
            Case("misspelt collection", |r| defender_of(r).entities[0].name = mark("host".into()), &[("XDR-07", Error, "unknown entity collection", "did you mean `hosts`?")]),
            Case("misspelt member", |r| defender_of(r).entities[0].items[0][0].0 = mark("deviceIDColumn".into()), &[("XDR-07", Error, "unknown member of hosts", "did you mean `deviceIdColumn`?")]),
            Case("empty column", |r| { defender_of(r).entities[0].items[0][0].0 = mark("deviceIdColumn".into()); defender_of(r).entities[0].items[0][0].1 = MemberValue::One(plain(String::new())); }, &[("XDR-07", Error, "without a column", "deviceIdColumn: <column>")]),
            Case("list of columns", |r| { defender_of(r).entities[0].items[0][0].0 = mark("deviceIdColumn".into()); defender_of(r).entities[0].items[0][0].1 = MemberValue::Many(vec![plain("A".into())]); }, &[("XDR-07", Error, "without a column", "")]),
            Case("host by name", |r| defender_of(r).entities[0] = collection("hosts", &[("nameColumn", "N")]), &[]),
            Case("host by NetBIOS name alone", |r| { defender_of(r).entities[0] = collection("hosts", &[("netBiosNameColumn", "N")]); defender_of(r).entities[0].items[0][0].0 = mark("netBiosNameColumn".into()); }, &[("XDR-07", Error, "incomplete", "missing")]),
            Case("host by NetBIOS name and domain", |r| defender_of(r).entities[0] = collection("hosts", &[("netBiosNameColumn", "N"), ("ntDomainColumn", "D")]), &[]),
            Case("account by name alone", |r| { let mut c = collection("accounts", &[("nameColumn", "N")]); c.items[0][0].0 = mark("nameColumn".into()); defender_of(r).entities.push(c); }, &[("XDR-07", Error, "incomplete", "")]),
            Case("account by name and suffix", |r| defender_of(r).entities.push(collection("accounts", &[("nameColumn", "N"), ("upnSuffixColumn", "S")])), &[]),
            Case("account with more than needed", |r| defender_of(r).entities.push(collection("accounts", &[("sidColumn", "N"), ("nameColumn", "S")])), &[]),
            Case("file by name alone", |r| { let mut c = collection("files", &[("nameColumn", "N")]); c.items[0][0].0 = mark("nameColumn".into()); defender_of(r).entities.push(c); }, &[("XDR-07", Error, "incomplete", "")]),
            Case("file by hash", |r| defender_of(r).entities.push(collection("files", &[("sha1Column", "H")])), &[]),
            Case("half a registry value", |r| { let mut c = collection("registryValues", &[("keyColumn", "K")]); c.items[0][0].0 = mark("keyColumn".into()); defender_of(r).entities.push(c); }, &[("XDR-07", Error, "incomplete", "")]),
            Case("three of four of a message", |r| { let mut c = collection("mailMessages", &[("networkMessageIdColumn", "A"), ("recipientColumn", "B"), ("senderColumn", "C")]); c.items[0][0].0 = mark("networkMessageIdColumn".into()); defender_of(r).entities.push(c); }, &[("XDR-07", Error, "incomplete", "")]),
            Case("process, combinations unknown", |r| defender_of(r).entities.push(collection("processes", &[("sha256Column", "A")])), &[]),
            Case("nothing mapped in an item", |r| { let mut c = collection("processes", &[]); c.name = mark("processes".into()); defender_of(r).entities.push(c); }, &[("XDR-07", Error, "incomplete", "")]),
            Case("member twice", |r| { defender_of(r).entities[0] = collection("hosts", &[("nameColumn", "N"), ("nameColumn", "M")]); defender_of(r).entities[0].items[0][1].0 = mark("nameColumn".into()); }, &[("XDR-07", Error, "mapped twice", "another item")]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn assets() {
        run(&custom(), None, &[
            Case("none at all", |r| { defender_of(r).entities.clear(); defender_of(r).span = mark(()).span; }, &[("XDR-20", Error, "no asset is mapped", "deviceIdColumn")]),
            Case("empty collection", |r| { defender_of(r).entities[0].items.clear(); defender_of(r).span = mark(()).span; }, &[("XDR-20", Error, "no asset is mapped", "")]),
            Case("evidence only", |r| { defender_of(r).entities[0] = collection("files", &[("sha1Column", "H")]); defender_of(r).entities[0].name = mark("files".into()); }, &[("XDR-20", Error, "no asset is mapped", "`hosts`, `accounts`, `mailboxes` or `ips`")]),
            Case("address", |r| defender_of(r).entities[0] = collection("ips", &[("addressColumn", "IP")]), &[]),
            Case("mailbox", |r| defender_of(r).entities[0] = collection("mailboxes", &[("primaryAddressColumn", "M")]), &[]),
        ]);
    }
}

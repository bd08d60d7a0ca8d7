//! Entity mappings: how many, of which types, with which identifiers.

use crate::compile::check::codes;
use crate::compile::check::facts::{self, EntityType};
use crate::compile::check::words::{list, one_of, repeated};
use crate::diagnostic::Diagnostics;
use crate::model::sentinel::{Alerting, EntityMapping};

pub(super) fn check(alerting: &Alerting, diagnostics: &mut Diagnostics) {
    count(alerting, diagnostics);
    for mapping in &alerting.entities {
        check_mapping(mapping, diagnostics);
    }
    let pairs = |mapping: &EntityMapping| {
        let mut pairs: Vec<(String, String)> =
            mapping.fields.iter().map(|(name, column)| (name.value.clone(), column.value.clone())).collect();
        pairs.sort();
        (mapping.entity.value.clone(), pairs)
    };
    for (earlier, later) in repeated(&alerting.entities, pairs) {
        diagnostics.push(
            codes::SENTINEL_ENTITIES
                .warning("entity mapped twice")
                .labelled(later.span, "the same columns again")
                .with_related(earlier.span, "first here")
                .with_detail(
                    "The second mapping adds no entity and counts against the ten that a rule may have.",
                )
                .with_help("remove one of them"),
        );
    }
    for (earlier, later) in repeated(&alerting.sentinel_entities, |column| &column.value) {
        diagnostics.push(
            codes::SENTINEL_ENTITIES
                .warning("entity column listed twice")
                .labelled(later.span, "again")
                .with_related(earlier.span, "first here")
                .with_detail("It counts twice against the ten mappings that a rule may have.")
                .with_help("remove one of them"),
        );
    }
}

fn count(alerting: &Alerting, diagnostics: &mut Diagnostics) {
    let total = alerting.entities.len() + alerting.sentinel_entities.len();
    // The first mapping that is too many, in the order in which they are sent.
    let first_surplus = alerting
        .entities
        .iter()
        .map(|mapping| mapping.span)
        .chain(alerting.sentinel_entities.iter().map(|column| column.span))
        .nth(facts::SENTINEL_MAPPINGS);
    if let Some(span) = first_surplus {
        diagnostics.push(
            codes::SENTINEL_ENTITIES
                .error("too many entity mappings")
                .labelled(span, format!("one of {total}"))
                .with_detail(format!(
                    "Sentinel accepts {} mappings a rule, entity and Sentinel-entity mappings together.",
                    facts::SENTINEL_MAPPINGS
                ))
                .with_help("keep those that an analyst pivots on; put the rest into custom details"),
        );
    }
}

fn check_mapping(mapping: &EntityMapping, diagnostics: &mut Diagnostics) {
    let types = facts::ENTITY_TYPES.iter().map(|entity| entity.name);
    if let Some(finding) = one_of(codes::SENTINEL_ENTITIES, "entity type", "Sentinel", &mapping.entity, types)
    {
        diagnostics.push(finding);
        return;
    }
    let Some(entity) = facts::entity_type(&mapping.entity.value) else { return };
    let mut known = true;
    for (identifier, column) in &mapping.fields {
        let what = format!("identifier of {}", entity.name);
        let names = entity.identifiers.iter().copied();
        if let Some(finding) = one_of(codes::SENTINEL_ENTITIES, &what, "Sentinel", identifier, names) {
            diagnostics.push(finding);
            known = false;
        }
        if column.value.trim().is_empty() {
            diagnostics.push(
                codes::SENTINEL_ENTITIES
                    .error("identifier without a column")
                    .labelled(column.span, "no column")
                    .with_detail("Sentinel fills the identifier from a column of the query's result.")
                    .with_help("name a column, or remove the identifier"),
            );
        }
    }
    for (earlier, later) in repeated(&mapping.fields, |(identifier, _)| &identifier.value) {
        diagnostics.push(
            codes::SENTINEL_ENTITIES
                .error("identifier mapped twice")
                .labelled(later.0.span, "again")
                .with_related(earlier.0.span, "first here")
                .with_detail("An entity has one value for each identifier.")
                .with_help("for a second entity of this type, add another mapping"),
        );
    }
    if let Some((surplus, _)) = mapping.fields.get(facts::SENTINEL_IDENTIFIERS) {
        diagnostics.push(
            codes::SENTINEL_ENTITIES
                .error("too many identifiers of one entity")
                .labelled(surplus.span, format!("one of {}", mapping.fields.len()))
                .with_detail(format!(
                    "Sentinel accepts {} identifiers for each entity.",
                    facts::SENTINEL_IDENTIFIERS
                ))
                .with_help("keep the strongest ones, for example Sid or AadUserId of an account"),
        );
    }
    // A misspelt identifier was probably the one that is missing: one finding is enough.
    if known {
        identifiable(entity, mapping, diagnostics);
    }
}

fn identifiable(entity: &EntityType, mapping: &EntityMapping, diagnostics: &mut Diagnostics) {
    let mapped = |name: &&str| mapping.fields.iter().any(|(identifier, _)| identifier.value == **name);
    let (complete, conjunction) = match entity.all_of {
        true => (entity.strong.iter().all(mapped), "and"),
        false => (entity.strong.iter().any(mapped), "or"),
    };
    if !complete {
        let need = list(entity.strong.iter().copied(), conjunction);
        diagnostics.push(
            codes::SENTINEL_ENTITIES
                .error("entity mapping does not identify anything")
                .labelled(mapping.entity.span, format!("needs {need}"))
                .with_detail(format!(
                    "Sentinel cannot tell two entities of type {} apart without {need}.",
                    entity.name
                ))
                .with_help(format!("map {need}")),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{
        Case, alerting_of, mapping, mark, mark_span, plain, run, scheduled,
    };
    use crate::diagnostic::Severity::{Error, Warning};

    #[test]
    #[rustfmt::skip]
    fn entity_mappings() {
        run(
            &scheduled(),
            None,
            &[
                Case("none", |r| alerting_of(r).entities.clear(), &[]),
                Case("misspelt type", |r| alerting_of(r).entities[0].entity = mark("Hots".into()), &[("SEN-14", Error, "unknown entity type", "did you mean `Host`?")]),
                Case("type in another case", |r| alerting_of(r).entities[0].entity = mark("host".into()), &[("SEN-14", Error, "unknown entity type", "`Host`")]),
                Case("misspelt identifier", |r| alerting_of(r).entities[0].fields[0].0 = mark("Hostname".into()), &[("SEN-14", Error, "unknown identifier of Host", "did you mean `HostName`?")]),
                Case("identifier of another type", |r| alerting_of(r).entities[0].fields[0].0 = mark("Address".into()), &[("SEN-14", Error, "unknown identifier of Host", "use one of")]),
                Case("weak identifier alone", |r| { alerting_of(r).entities[0] = mapping("Host", &[("DnsDomain", "D")]); alerting_of(r).entities[0].entity = mark("Host".into()); }, &[("SEN-14", Error, "does not identify", "`FullName`, `HostName`")]),
                Case("weak with strong", |r| alerting_of(r).entities[0] = mapping("Account", &[("Name", "A"), ("NTDomain", "B")]), &[]),
                Case("hash without algorithm", |r| { alerting_of(r).entities[0] = mapping("FileHash", &[("Value", "SHA1")]); alerting_of(r).entities[0].entity = mark("FileHash".into()); }, &[("SEN-14", Error, "does not identify", "`Algorithm` and `Value`")]),
                Case("whole hash", |r| alerting_of(r).entities[0] = mapping("FileHash", &[("Value", "SHA1"), ("Algorithm", "A")]), &[]),
                Case("scope of an address", |r| alerting_of(r).entities[0] = mapping("IP", &[("Address", "A"), ("AddressScope", "B")]), &[]),
                Case("empty column", |r| alerting_of(r).entities[0].fields[0].1 = mark(String::new()), &[("SEN-14", Error, "without a column", "name a column")]),
                Case("three identifiers", |r| alerting_of(r).entities[0] = mapping("Account", &[("Name", "A"), ("NTDomain", "B"), ("Sid", "C")]), &[]),
                Case("four identifiers", |r| { alerting_of(r).entities[0] = mapping("Account", &[("Name", "A"), ("NTDomain", "B"), ("Sid", "C"), ("PUID", "D")]); alerting_of(r).entities[0].fields[3].0 = mark("PUID".into()); }, &[("SEN-14", Error, "too many identifiers", "Sid")]),
                Case("identifier twice", |r| { alerting_of(r).entities[0] = mapping("Account", &[("Name", "A"), ("Name", "B")]); alerting_of(r).entities[0].fields[1].0 = mark("Name".into()); }, &[("SEN-14", Error, "identifier mapped twice", "another mapping")]),
                Case("ten mappings", |r| { alerting_of(r).entities = (0..9).map(|i| mapping("IP", &[("Address", &format!("C{i}"))])).collect(); alerting_of(r).sentinel_entities = vec![plain("E".into())]; }, &[]),
                Case("eleven mappings", |r| { alerting_of(r).entities = (0..10).map(|i| mapping("IP", &[("Address", &format!("C{i}"))])).collect(); alerting_of(r).sentinel_entities = vec![mark("E".into())]; }, &[("SEN-14", Error, "too many entity mappings", "custom details")]),
                Case("mapping twice", |r| { let mut again = alerting_of(r).entities[0].clone(); again.span = mark_span(); alerting_of(r).entities.push(again); }, &[("SEN-14", Warning, "entity mapped twice", "remove")]),
                Case("two of a type", |r| alerting_of(r).entities.push(mapping("Host", &[("HostName", "Other")])), &[]),
            ],
        );
    }
}

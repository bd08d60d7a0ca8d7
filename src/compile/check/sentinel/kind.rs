//! What depends on the rule's kind: templates, product names, pinned ids, and what the stable API does not know.

use crate::compile::check::words::{is_word, length, one_of};
use crate::compile::check::{Context, codes, facts};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::sentinel::{Alerting, Kind, MicrosoftSecurity, Sentinel};
use crate::source::{Span, Spanned};

pub(super) fn check(section: &Sentinel, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    if let Some(id) = &section.rule_id {
        pinned_id(id, diagnostics);
    }
    template(section, diagnostics);
    if let Some(query) = section.query.as_ref().filter(|_| !section.kind.value.has_query()) {
        diagnostics.push(
            codes::KIND
                .warning("query without effect")
                .labelled(query.span, "never sent")
                .with_related(section.kind.span, "this kind has no query")
                .with_detail(format!(
                    "Rules of kind {} have no query of their own.",
                    section.kind.value.as_str()
                ))
                .with_help("remove the query, or use `kind: scheduled`"),
        );
    }
    match &section.kind.value {
        Kind::MicrosoftSecurity(settings) => product(settings, diagnostics),
        Kind::Nrt(alerting) => near_real_time(alerting, diagnostics),
        _ => {}
    }
    if let Some((name, version)) = stable_version(context) {
        let mut found = Diagnostics::default();
        preview_only(section, &version, &mut found);
        diagnostics.extend(found.into_iter().map(|finding| finding.in_environment(name)).collect());
    }
}

/// One segment of a resource id: nothing that could change the URL.
fn pinned_id(id: &Spanned<String>, diagnostics: &mut Diagnostics) {
    let plain = id.value.replace(['-', '.'], "_");
    let accepted = is_word(&plain, |c| c.is_ascii_alphanumeric()) && length(&id.value) <= facts::SENTINEL_ID;
    if !accepted {
        diagnostics.push(
            codes::SENTINEL_ID
                .error("rule id not accepted")
                .labelled(id.span, "not a resource name")
                .with_detail(
                    "The id becomes the last segment of an Azure resource id: at most 260 letters, digits, `-`, `_` and `.`, \
                     starting with a letter or digit.",
                )
                .with_help("copy the `name` of the deployed rule, usually a GUID, or remove the line to have it computed"),
        );
    }
}

fn template(section: &Sentinel, diagnostics: &mut Diagnostics) {
    let Some(template) = &section.template else {
        if matches!(section.kind.value, Kind::MlBehaviorAnalytics | Kind::ThreatIntelligence) {
            diagnostics.push(
                codes::TEMPLATE
                    .error("template missing")
                    .labelled(section.kind.span, "exists only as an instance of a template")
                    .with_detail("Sentinel requires `alertRuleTemplateName` for this kind and fills everything else from it.")
                    .with_help("add `template: {name: <id of the template>}`; `GET .../alertRuleTemplates` lists them"),
            );
        }
        return;
    };
    if template.name.value.trim().is_empty() {
        diagnostics.push(
            codes::TEMPLATE
                .error("empty template name")
                .labelled(template.name.span, "no name")
                .with_detail("Sentinel refuses a template version without a template name.")
                .with_help("name the template, or remove the whole `template`"),
        );
    }
    let fusion = matches!(section.kind.value, Kind::Fusion(_));
    if fusion && !template.name.value.eq_ignore_ascii_case(facts::FUSION_TEMPLATE) {
        diagnostics.push(
            codes::TEMPLATE
                .warning("unknown Fusion template")
                .labelled(template.name.span, "not the Fusion template")
                .with_detail("Only one template of this kind is known, and it is used when nothing is said.")
                .with_help(format!("remove `template`, or use {}", facts::FUSION_TEMPLATE)),
        );
    }
    if let Some(version) = &template.version {
        let parts: Vec<&str> = version.value.split('.').collect();
        let numeric = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if parts.len() != 3 || !numeric || length(&version.value) > facts::TEMPLATE_VERSION {
            diagnostics.push(
                codes::TEMPLATE
                    .error("malformed template version")
                    .labelled(version.span, "not of the form 1.2.3")
                    .with_detail("Sentinel accepts three numbers with dots, at most 20 characters.")
                    .with_help("copy the version of the template, for example `version: \"1.0.4\"`"),
            );
        }
    }
}

fn product(settings: &MicrosoftSecurity, diagnostics: &mut Diagnostics) {
    let names = facts::PRODUCTS.iter().map(|product| product.name);
    let Some(finding) = one_of(codes::KIND, "product", "Sentinel", &settings.product, names) else { return };
    let renamed =
        facts::PRODUCTS.iter().find(|product| product.today.eq_ignore_ascii_case(&settings.product.value));
    diagnostics.push(match renamed {
        Some(product) => finding
            .with_help(format!("the API still uses the old name of {}: `{}`", product.today, product.name)),
        None => finding,
    });
}

fn near_real_time(alerting: &Alerting, diagnostics: &mut Diagnostics) {
    let grouping = alerting.event_grouping.as_ref().filter(|grouping| grouping.value == "AlertPerResult");
    if let Some(grouping) = grouping {
        diagnostics.push(
            codes::NRT
                .info("alerts of one run are limited")
                .labelled(grouping.span, "an alert for each result")
                .with_detail(format!(
                    "An NRT rule raises at most {} alerts a run; the last one stands for all further results.",
                    facts::NRT_ALERTS
                ))
                .with_help("nothing to do when so many results within a minute cannot happen"),
        );
    }
}

/// The environment and its API version, when that is a stable one.
fn stable_version<'a>(context: &Context<'a>) -> Option<(&'a str, String)> {
    let environment = context.environment?;
    let version = &environment.sentinel_api_version.as_ref()?.value;
    (!version.ends_with("-preview")).then(|| (environment.name.as_str(), version.clone()))
}

fn preview_only(section: &Sentinel, version: &str, diagnostics: &mut Diagnostics) {
    let mut refuse = |what: &str, span: Span| diagnostics.push(unknown_to(version, what, span));
    let alerting = match &section.kind.value {
        Kind::Nrt(_) | Kind::MlBehaviorAnalytics | Kind::ThreatIntelligence => {
            return refuse("this kind of rule", section.kind.span);
        }
        Kind::MicrosoftSecurity(settings) => {
            if facts::PRODUCTS.iter().any(|product| product.preview && product.name == settings.product.value)
            {
                refuse("this product", settings.product.span);
            }
            return;
        }
        Kind::Fusion(fusion) => {
            if let Some(source) = fusion.sources.first() {
                refuse("Fusion's source settings", source.name.span);
            }
            if let Some((pattern, _)) = fusion.exclusion_patterns.first() {
                refuse("Fusion's exclusion patterns", pattern.span);
            }
            return;
        }
        Kind::Scheduled(both) => &both.1,
    };
    if let Some(column) = alerting.sentinel_entities.first() {
        refuse("Sentinel-entity mappings", column.span);
    }
    let properties = alerting.alert.iter().flat_map(|alert| &alert.dynamic_properties);
    if let Some((property, _)) =
        properties.into_iter().find(|(name, _)| name.value == facts::ALERT_PROPERTY_PREVIEW)
    {
        refuse("this alert property", property.span);
    }
}

fn unknown_to(version: &str, what: &str, span: Span) -> Diagnostic {
    codes::API_VERSION
        .error("needs a preview version of the Sentinel API")
        .labelled(span, format!("unknown to {version}"))
        .with_detail(format!(
            "The stable API version {version} does not know {what}; only preview versions do."
        ))
        .with_help(
            "remove `sentinel_api_version` from the environment to use the default, or drop the setting",
        )
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{
        Case, alert_of, alerting_of, environment, mark, microsoft_security, nrt, plain, query, run,
        scheduled, section_of,
    };
    use crate::diagnostic::Severity::{Error, Info, Warning};
    use crate::model::sentinel::{Fusion, Kind, Template};

    fn template(name: &str, version: &str) -> Template {
        Template { name: plain(name.into()), version: Some(mark(version.into())) }
    }

    #[test]
    #[rustfmt::skip]
    fn templates_and_ids() {
        run(&scheduled(), None, &[
            Case("guid", |r| section_of(r).rule_id = Some(mark("0f1e2d3c-0000-4000-8000-000000000000".into())), &[]),
            Case("the name that Fusion has", |r| section_of(r).rule_id = Some(mark("BuiltInFusion".into())), &[]),
            Case("slash", |r| section_of(r).rule_id = Some(mark("a/../b".into())), &[("SEN-19", Error, "rule id not accepted", "GUID")]),
            Case("empty", |r| section_of(r).rule_id = Some(mark(String::new())), &[("SEN-19", Error, "rule id not accepted", "")]),
            Case("dots only", |r| section_of(r).rule_id = Some(mark("..".into())), &[("SEN-19", Error, "rule id not accepted", "")]),
            Case("version", |r| section_of(r).template = Some(template("t", "1.0.12")), &[]),
            Case("two numbers", |r| section_of(r).template = Some(template("t", "1.0")), &[("SEN-17", Error, "malformed template version", "1.0.4")]),
            Case("letters", |r| section_of(r).template = Some(template("t", "1.0.0a")), &[("SEN-17", Error, "malformed template version", "")]),
            Case("21 characters", |r| section_of(r).template = Some(template("t", "1.0.12345678901234567")), &[("SEN-17", Error, "malformed template version", "")]),
            Case("no name", |r| section_of(r).template = Some(Template { name: mark(String::new()), version: None }), &[("SEN-17", Error, "empty template name", "")]),
            Case("machine learning without", |r| section_of(r).kind = mark(Kind::MlBehaviorAnalytics), &[("SEN-17", Error, "template missing", "alertRuleTemplates")]),
            Case("threat intelligence without", |r| section_of(r).kind = mark(Kind::ThreatIntelligence), &[("SEN-17", Error, "template missing", "")]),
            Case("Fusion without", |r| section_of(r).kind = mark(Kind::Fusion(Box::default())), &[]),
            Case("Fusion with its own", |r| { section_of(r).kind = plain(Kind::Fusion(Box::default())); section_of(r).template = Some(Template { name: mark("F71ABA3D-28fb-450b-b192-4e76a83015c8".into()), version: None }); }, &[]),
            Case("Fusion with another", |r| { section_of(r).kind = plain(Kind::Fusion(Box::<Fusion>::default())); section_of(r).template = Some(Template { name: mark("x".into()), version: None }); }, &[("SEN-17", Warning, "unknown Fusion template", "f71aba3d")]),
            Case("Fusion with a query", |r| { section_of(r).kind = plain(Kind::Fusion(Box::default())); let mut q = query("T"); q.span = mark(()).span; section_of(r).query = Some(q); }, &[("SEN-18", Warning, "query without effect", "scheduled")]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn products() {
        run(&scheduled(), None, &[
            Case("old name", |r| section_of(r).kind = microsoft_security(mark("Azure Security Center".into())), &[]),
            Case("new name", |r| section_of(r).kind = microsoft_security(mark("Microsoft Defender for Endpoint".into())), &[("SEN-18", Error, "unknown product", "`Microsoft Defender Advanced Threat Protection`")]),
            Case("misspelt", |r| section_of(r).kind = microsoft_security(mark("Azure Security Centre".into())), &[("SEN-18", Error, "unknown product", "did you mean `Azure Security Center`?")]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn near_real_time() {
        run(&nrt(), None, &[
            Case("alert per result", |r| alerting_of(r).event_grouping = Some(mark("AlertPerResult".into())), &[("SEN-08", Info, "alerts of one run", "nothing to do")]),
        ]);
        run(&scheduled(), None, &[
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn stable_api() {
        let mut stable = environment();
        stable.sentinel_api_version = Some(plain("2025-09-01".into()));
        run(&nrt(), Some(&stable), &[Case("nrt", |r| { let kind = section_of(r).kind.value.clone(); section_of(r).kind = mark(kind); }, &[("SEN-20", Error, "needs a preview version", "sentinel_api_version")])]);
        run(&scheduled(), Some(&stable), &[
            Case("plain", |_| {}, &[]),
            Case("entities", |r| alerting_of(r).sentinel_entities = vec![mark("E".into())], &[("SEN-20", Error, "needs a preview version", "")]),
            Case("property", |r| alert_of(r).dynamic_properties = vec![(mark("SubTechniques".into()), plain("S".into()))], &[("SEN-20", Error, "needs a preview version", "")]),
            Case("preview product", |r| section_of(r).kind = microsoft_security(mark("Office 365 Advanced Threat Protection".into())), &[("SEN-20", Error, "needs a preview version", "")]),
        ]);
        let mut preview = environment();
        preview.sentinel_api_version = Some(plain("2025-07-01-preview".into()));
        run(&nrt(), Some(&preview), &[Case("nrt", |_| {}, &[])]);
    }
}

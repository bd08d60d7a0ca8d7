//! What a check of an environment found: lines for people, one value for programs.

use serde_json::{Value, json};

use crate::checkup::{Check, Federation, Report, Status};

use super::paint::Paint;
use super::safe;

/// Columns before what was found: status and name.
const INDENT: usize = 21;

/// One environment, for people, in lines of at most `width` columns where words allow it.
#[must_use]
pub fn text(report: &Report, paint: Paint, width: usize) -> String {
    let mut out = format!(
        "{} {}\n",
        paint.strong(&safe::line(&report.environment)),
        paint.faint(&format!("(tenant {})", safe::line(&report.tenant_id)))
    );
    for check in &report.checks {
        line(&mut out, check, paint, width);
    }
    federation(&mut out, &report.federation, paint);
    let count = |status| report.checks.iter().filter(|check| check.status == status).count();
    let (failed, warned) = (count(Status::Fail), count(Status::Warn));
    let verdict = match (failed, warned) {
        (0, 0) => "Everything is as it should be.".to_owned(),
        (0, warned) => format!("Nothing stands in the way; {} to look at.", things(warned)),
        (failed, 0) => format!("{} in the way.", stand(failed)),
        (failed, warned) => format!("{} in the way, {} to look at.", stand(failed), things(warned)),
    };
    out.push_str(&format!("\n{}\n", if failed > 0 { paint.removed(&verdict) } else { verdict }));
    // A line that was broken may begin with what a build agent takes for a command.
    safe::composed(out)
}

fn things(count: usize) -> String {
    format!("{count} {}", if count == 1 { "thing" } else { "things" })
}

fn stand(count: usize) -> String {
    format!(
        "{count} {} stand{}",
        if count == 1 { "thing" } else { "things" },
        if count == 1 { "s" } else { "" }
    )
}

fn line(out: &mut String, check: &Check, paint: Paint, width: usize) {
    let word = format!("{:<4}", check.status.as_str());
    let word = match check.status {
        Status::Ok => paint.added(&word),
        Status::Skip => paint.faint(&word),
        Status::Warn => paint.changed(&word),
        Status::Fail => paint.removed(&word),
    };
    let said = if check.subject.is_empty() {
        safe::line(&check.found)
    } else {
        format!("{}: {}", safe::line(&check.subject), safe::line(&check.found))
    };
    out.push_str(&format!("  {word}  {:<12} ", check.name));
    wrapped(out, &said, INDENT, width);
    for detail in &check.details {
        out.push_str(&" ".repeat(INDENT));
        out.push_str("- ");
        wrapped(out, &safe::line(detail), INDENT + 2, width);
    }
    if let Some(next) = &check.next {
        out.push_str(&" ".repeat(INDENT));
        out.push_str(&paint.strong("next: "));
        wrapped(out, &safe::line(next), INDENT + 6, width);
    }
}

/// The text from where the line stands, continued below itself; ends the line. What has to be copied is never broken.
fn wrapped(out: &mut String, text: &str, indent: usize, width: usize) {
    let mut column = indent;
    for (number, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if number > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if number > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

fn federation(out: &mut String, federation: &Federation, paint: Paint) {
    out.push_str(&format!("\n  {}\n", paint.strong("Federated credential for GitHub Actions")));
    let mut fact = |name: &str, value: &str| out.push_str(&format!("    {name:<11} {}\n", safe::line(value)));
    fact("issuer", &federation.issuer);
    fact("audience", &federation.audience);
    for claim in &federation.claims {
        fact("subject of", claim.jobs);
        fact("", &claim.by_name);
        fact("or", &claim.by_id);
    }
    if let Some(missing) = &federation.missing {
        fact("look up", missing);
    }
    if let Some((issuer, subject)) = &federation.presented {
        fact("this run", subject);
        fact("of issuer", issuer);
    }
    out.push_str(
        &paint.faint("    The form with numbers is that of repositories made or renamed since 2026-07-15.\n"),
    );
}

/// One environment, for programs.
#[must_use]
pub fn json(report: &Report) -> Value {
    let checks: Vec<Value> = report
        .checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name, "subject": check.subject, "status": check.status.as_str(), "found": check.found,
                "details": check.details, "next": check.next,
            })
        })
        .collect();
    let federation = &report.federation;
    let claims: Vec<Value> = federation
        .claims
        .iter()
        .map(|claim| json!({"jobs": claim.jobs, "subject": claim.by_name, "immutable_subject": claim.by_id}))
        .collect();
    let presented =
        federation.presented.as_ref().map(|(issuer, subject)| json!({"issuer": issuer, "subject": subject}));
    json!({
        "environment": report.environment, "tenant_id": report.tenant_id, "status": report.worst().as_str(),
        "checks": checks,
        "federation": {
            "issuer": federation.issuer, "audience": federation.audience, "subjects": claims,
            "missing": federation.missing, "presented": presented,
        },
    })
}

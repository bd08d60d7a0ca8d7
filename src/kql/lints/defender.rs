//! What Defender's custom detections do differently.

use super::survey::{Survey, Test};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::schema::Platform;
use crate::kql::syntax::*;

const XDR: &[Platform] = &[Platform::Xdr, Platform::Unified];

pub(super) const TIMESTAMP_FILTER: Lint = Lint {
    id: "XDR-05",
    severity: Severity::Info,
    title: "a custom detection filters on Timestamp",
    why: "The service already limits a custom detection to the events of its look-back, by the time they arrived. A condition \
          on Timestamp on top of it drops events that arrive late, for example from a laptop that was offline. Leave it out, or \
          use ingestion_time().",
    bad: "DeviceProcessEvents | where Timestamp > ago(1h) | where FileName =~ \"certutil.exe\" | project Timestamp, DeviceId, ReportId",
    good: "DeviceProcessEvents | where ingestion_time() > ago(1h) | where FileName =~ \"certutil.exe\" | project Timestamp, DeviceId, ReportId",
    source: "https://learn.microsoft.com/defender-xdr/custom-detection-rules",
    platforms: XDR,
    check: timestamp_filter,
};

pub(super) const FILE_PROFILE: Lint = Lint {
    id: "XDR-09",
    severity: Severity::Warning,
    title: "FileProfile() looks at the first 100 files only",
    why: "FileProfile() enriches 100 rows unless its second argument says otherwise, 1,000 at most. Rows beyond that have \
          empty columns, so a condition on prevalence or signer lets them pass or drops them by chance.",
    bad: "DeviceFileEvents | where ActionType == \"FileCreated\" | invoke FileProfile(SHA1) | project SHA1",
    good: "DeviceFileEvents | where ActionType == \"FileCreated\" | invoke FileProfile(SHA1, 1000) | project SHA1",
    source: "https://learn.microsoft.com/defender-xdr/advanced-hunting-fileprofile-function",
    platforms: XDR,
    check: file_profile,
};

pub(super) const PREVALENCE: Lint = Lint {
    id: "XDR-10",
    severity: Severity::Warning,
    title: "GlobalPrevalence is compared without a thought for null",
    why: "A file that Microsoft has never seen has no GlobalPrevalence at all, and a comparison with null drops the event: \
          the rarest file of all passes unseen. `coalesce(GlobalPrevalence, 0)` counts it as never seen.",
    bad: "DeviceFileEvents | where ActionType == \"FileCreated\" | invoke FileProfile(SHA1, 1000) | where GlobalPrevalence < 100 | project SHA1",
    good: "DeviceFileEvents | where ActionType == \"FileCreated\" | invoke FileProfile(SHA1, 1000) | where coalesce(GlobalPrevalence, 0) < 100 | project SHA1",
    source: "https://learn.microsoft.com/defender-xdr/advanced-hunting-fileprofile-function",
    platforms: XDR,
    check: prevalence,
};

fn timestamp_filter(survey: &Survey<'_>, report: &mut Report) {
    for comparison in &survey.comparisons {
        let is_timestamp =
            matches!(&comparison.left.kind, ExprKind::Name(name) if &*name.text == "Timestamp");
        let bound = matches!(comparison.test, Test::One(BinaryOp::Greater | BinaryOp::GreaterEqual));
        let at_source = survey.pipeline(comparison.place).is_some_and(|site| site.table.is_some());
        let ago = comparison
            .right
            .iter()
            .any(|e| matches!(&e.kind, ExprKind::Call(call) if &*call.name.text == "ago"));
        if is_timestamp && bound && at_source && ago {
            report.add(
                comparison.left.span,
                "in a custom detection this drops events that arrive late",
                "leave the condition out, or use ingestion_time()",
            );
        }
    }
}

fn file_profile(survey: &Survey<'_>, report: &mut Report) {
    for site in survey.calls.iter().filter(|site| site.operator && &*site.call.name.text == "FileProfile") {
        let count = match site.call.arguments.get(1).map(|e| &e.kind) {
            None => Some(100),
            Some(ExprKind::Literal(_)) => {
                site.call.arguments.get(1).and_then(|e| e.span.of(survey.text).parse::<u32>().ok())
            }
            Some(_) => None,
        };
        if let Some(count) = count.filter(|count| *count < 1000) {
            report.add(site.span, format!("only {count} rows are enriched"), "write FileProfile(SHA1, 1000)");
        }
    }
}

fn prevalence(survey: &Survey<'_>, report: &mut Report) {
    let is_column =
        |expr: &Expr| matches!(&expr.kind, ExprKind::Name(name) if &*name.text == "GlobalPrevalence");
    let handled = survey.calls.iter().any(|site| {
        matches!(&*site.call.name.text, "isnull" | "isempty" | "isnotnull" | "isnotempty" | "coalesce")
            && site.call.arguments.iter().any(is_column)
    });
    for comparison in survey.comparisons.iter().filter(|_| !handled) {
        let less =
            matches!(comparison.test, Test::One(BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Equal));
        if less && is_column(comparison.left) {
            report.add(
                comparison.left.span,
                "a file that was never seen has no prevalence and is dropped",
                "write coalesce(GlobalPrevalence, 0)",
            );
        }
    }
}

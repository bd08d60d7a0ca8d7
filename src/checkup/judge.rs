//! What each fact means: a [`Check`] with a status, the measured value and the next step.

use super::{Check, Status};
use crate::provider::auth::{CredentialError, Identity};
use crate::provider::probe::{Allowed, Connected, Reached, Unreached, is_unknown_version};
use crate::provider::{ErrorKind, ProviderError};

/// Seconds that a clock may be off before anybody should know.
const CLOCK_WARN: i64 = 30;
/// Seconds from which Entra takes an assertion for one of another time.
const CLOCK_FAIL: i64 = 300;
/// Enabled rules that a workspace takes (CONTRACT B.8); 1,024 scheduled ones on a dedicated cluster.
const MOST_SCHEDULED: usize = 512;
const MOST_SCHEDULED_DEDICATED: usize = 1_024;
const MOST_NRT: usize = 50;
/// From this share of a limit on, in percent, somebody should know.
const NEARLY: usize = 90;

/// What a host answered to a question without a token, or why it did not.
#[must_use]
pub fn network(host: &str, address: &str, answer: &Result<Reached, Unreached>) -> Check {
    let subject = format!("{host}, {address}");
    let check = |status, found: String| Check::new("network", subject.clone(), status, found);
    let reached = match answer {
        Ok(reached) => reached,
        Err(unreached) => {
            let found = match unreached.obstacle {
                Some(obstacle) => format!("{} ({})", obstacle.summary(), unreached.words),
                None => format!("no answer ({})", unreached.words),
            };
            let next = unreached.obstacle.map_or(
                "look at the network, proxies and firewalls on the way; -vv traces the request",
                |one| one.help(),
            );
            return check(Status::Fail, found).next(next);
        }
    };
    match reached.status {
        407 => check(Status::Fail, "the proxy wants credentials (HTTP 407)".to_owned())
            .next("put them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"),
        status @ 300..=399 => {
            check(Status::Fail, format!("something else answers in its place (a redirect, HTTP {status})"))
                .next("often a proxy's sign-in page: sign in there, or have the host let through")
        }
        status if !reached.json => {
            check(Status::Fail, format!("something else answers in its place (no JSON, HTTP {status})")).next(
                "often a proxy's own page: have the host let through without inspection, or set HTTPS_PROXY",
            )
        }
        status @ 500.. => check(Status::Warn, format!("it is unwell (HTTP {status})"))
            .next("run again in a few minutes; nothing needs to be undone"),
        _ => check(Status::Ok, format!("TLS and HTTP work, {} ms", reached.took.as_millis())),
    }
}

/// How far this machine's clock is from the services': seconds that each is ahead of it, with its name.
#[must_use]
pub fn clock(ahead: &[(String, i64)]) -> Option<Check> {
    let (host, seconds) = ahead.iter().max_by_key(|(_, seconds)| seconds.abs())?;
    let apart = seconds.abs();
    let found = match (*seconds, apart) {
        (_, ..=1) => "agrees with the services".to_owned(),
        (1.., _) => format!("this machine is {} behind {host}", span(apart)),
        _ => format!("this machine is {} ahead of {host}", span(apart)),
    };
    let status = if apart > CLOCK_FAIL {
        Status::Fail
    } else if apart > CLOCK_WARN {
        Status::Warn
    } else {
        Status::Ok
    };
    let check = Check::new("clock", "", status, found);
    Some(if status == Status::Ok {
        check
    } else {
        check.next("set this machine's clock (NTP): assertions and tokens are refused when it is minutes off")
    })
}

fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Who signed in for a service, or a line for each credential that gave no token.
#[must_use]
pub fn credentials(
    service: &str,
    signed_in: &Result<Identity, ProviderError>,
    tried: Option<&CredentialError>,
) -> Check {
    let error = match signed_in {
        Ok(identity) => return Check::new("token", service, Status::Ok, identity.to_string()),
        Err(error) => error,
    };
    let Some(tried) = tried else { return trouble("token", service, error) };
    let line = |attempt: &crate::provider::auth::Attempt| {
        let next = attempt.next().filter(|next| error.help.as_ref() != Some(next));
        let next = next.map(|next| format!("; {next}")).unwrap_or_default();
        format!("{}: {}{next}", attempt.credential, attempt.reason())
    };
    let check = Check::new("token", service, Status::Fail, "no credential gave a token");
    Check { details: tried.attempts().map(line).collect(), next: error.help.clone(), ..check }
}

/// Whose the token is. `variable` is what AZURE_TENANT_ID says.
#[must_use]
pub fn tenant(wanted: &str, identity: &Identity, variable: Option<&str>) -> Check {
    let found = format!("the token is of {}, as the environment says", identity.tenant_id);
    match variable.filter(|named| !named.eq_ignore_ascii_case(wanted)) {
        None => Check::new("tenant", "", Status::Ok, found),
        Some(named) => Check::new(
            "tenant",
            "",
            Status::Warn,
            format!("{found}; AZURE_TENANT_ID is another one, {named}"),
        )
        .next("AZURE_TENANT_ID counts for nothing here; unset it, so that nobody believes it does"),
    }
}

/// Whether Microsoft Sentinel is on.
#[must_use]
pub fn onboarding(target: &str, answer: &Result<bool, ProviderError>) -> Check {
    match answer {
        Ok(true) => Check::new("onboarding", target, Status::Ok, "Microsoft Sentinel is on"),
        Ok(false) => Check::new("onboarding", target, Status::Fail, "Microsoft Sentinel is not on for this workspace")
            .next("add the workspace to Microsoft Sentinel in the portal, or correct `sentinel:` in the environment file"),
        Err(error) => trouble("onboarding", target, error),
    }
}

/// What the roles in Azure allow. `list` is what happened when the rules were read.
#[must_use]
pub fn permissions(
    target: &str,
    allowed: &Result<Allowed, ProviderError>,
    list: Option<&ProviderError>,
) -> Check {
    let check = |status, found: &str| Check::new("permissions", target, status, found);
    if let Some(error) = list.filter(|error| error.kind == ErrorKind::Forbidden) {
        return trouble("permissions", target, error);
    }
    match allowed {
        Ok(Allowed { write: true, delete: true, .. }) => check(Status::Ok, "may read, write and delete rules"),
        Ok(Allowed { write: true, .. }) => check(Status::Warn, "may read and write rules, not delete them")
            .next("rules without a file would stay: assign the role `Microsoft Sentinel Contributor` on the workspace"),
        Ok(Allowed { read: true, .. }) => check(Status::Warn, "may read rules, not write them: enough for `plan`")
            .next("to apply, assign the role `Microsoft Sentinel Contributor` on the workspace, to another identity than the one of pull requests"),
        Ok(_) if list.is_none() => check(Status::Warn, "rules can be read; no role that says so was found"),
        Ok(_) => check(Status::Fail, "may nothing here")
            .next("assign the role `Microsoft Sentinel Reader` (to plan) or `Microsoft Sentinel Contributor` (to apply) on the workspace"),
        Err(_) if list.is_none() => check(Status::Warn, "rules can be read; whether they can be written is not said")
            .next("the roles could not be read; look for `Microsoft Sentinel Contributor` among the workspace's role assignments"),
        Err(error) => trouble("permissions", target, error),
    }
}

/// What the token for Graph says, and what listing gave: the number of custom detections.
#[must_use]
pub fn detections(identity: &Identity, list: &Result<usize, ProviderError>) -> Check {
    let number = match list {
        Ok(number) => number,
        Err(error) => return trouble("permissions", "defender", error),
    };
    let has = |permission: &str| identity.permissions.iter().any(|one| one == permission);
    let seen = format!("{number} custom detection{} there", if *number == 1 { "" } else { "s" });
    if has("CustomDetection.ReadWrite.All") {
        return Check::new(
            "permissions",
            "defender",
            Status::Ok,
            format!("may read and write rules; {seen}"),
        );
    }
    let found = if has("CustomDetection.Read.All") {
        format!("may read rules, not write them: enough for `plan`; {seen}")
    } else {
        format!("rules can be read; the token does not say that they can be written; {seen}")
    };
    Check::new("permissions", "defender", Status::Warn, found).next(
        "to apply, grant `CustomDetection.ReadWrite.All` on Microsoft Graph with an administrator's consent, to another identity than the one of pull requests",
    )
}

/// Whether the service knows the API version.
#[must_use]
pub fn version(target: &str, version: &str, list: Option<&ProviderError>) -> Option<Check> {
    match list {
        None => Some(Check::new("api version", target, Status::Ok, format!("{version} is accepted"))),
        Some(error) if is_unknown_version(error) => Some(trouble("api version", target, error)),
        Some(_) => None,
    }
}

/// How many rules a workspace has, and how many more it will take: enabled scheduled and near-real-time rules that are
/// there, and those that the files would add, when they compile.
#[must_use]
pub fn limits(target: &str, there: [usize; 2], wanted: Option<[usize; 2]>) -> Check {
    let most = [MOST_SCHEDULED, MOST_NRT];
    let [added_scheduled, added_nrt] = wanted.unwrap_or_default();
    let after = [there[0] + added_scheduled, there[1] + added_nrt];
    let files = match wanted {
        Some([0, 0]) => "; the files add none".to_owned(),
        Some([scheduled, nrt]) => format!("; the files add {scheduled} and {nrt}"),
        None => "; the files do not compile, so what they add is not known".to_owned(),
    };
    let found = format!(
        "{} of {} enabled scheduled rules, {} of {} enabled NRT rules{files}",
        there[0], most[0], there[1], most[1]
    );
    let full = after[1] > most[1] || after[0] > MOST_SCHEDULED_DEDICATED;
    let status = if full || (after[0] > most[0] && there[0] <= most[0]) {
        Status::Fail
    } else if after.iter().zip(most).any(|(after, most)| after * 100 >= most * NEARLY) {
        Status::Warn
    } else {
        Status::Ok
    };
    let check = Check::new("limits", target, status, found);
    match status {
        Status::Ok => check,
        _ => check.next(
            "disable or delete rules that nobody needs, or make scheduled rules of NRT ones; a dedicated cluster takes 1,024 scheduled rules",
        ),
    }
}

/// Whether something else deploys to the workspace: two deployers would undo each other's work.
#[must_use]
pub fn repositories(target: &str, answer: &Result<Vec<Connected>, ProviderError>) -> Check {
    let all = match answer {
        Ok(all) => all,
        Err(error) => {
            let found = format!("could not be looked at: {}", error.message);
            return Check::new("deployers", target, Status::Warn, found)
                .next("look under Content management › Repositories in Sentinel whether one is connected");
        }
    };
    // `AnalyticRule` in older versions of the API (CONTRACT B.13).
    let ours = |one: &Connected| {
        one.content.iter().any(|kind| kind.starts_with("Analytic") || kind.starts_with("CustomDetection"))
    };
    let line = |one: &Connected| format!("{}: {}", one.repository, one.content.join(", "));
    let check = |status, found: &str| Check {
        details: all.iter().map(line).collect(),
        ..Check::new("deployers", target, status, found)
    };
    match all.iter().filter(|one| ours(one)).count() {
        _ if all.is_empty() => check(Status::Ok, "no repository is connected to Sentinel's Repositories"),
        0 => check(Status::Ok, "Sentinel's Repositories deploys other content than rules"),
        _ => check(Status::Fail, "Sentinel's Repositories deploys analytics rules here too: each would undo what the other does")
            .next("take `Analytics rules` out of that connection, or disconnect it, in Sentinel under Content management › Repositories"),
    }
}

/// A refusal, as it came.
#[must_use]
pub fn trouble(name: &'static str, subject: &str, error: &ProviderError) -> Check {
    let facts: Vec<String> = error
        .status
        .map(|status| format!("HTTP {status}"))
        .into_iter()
        .chain(error.code.clone())
        .chain(error.request_id.as_ref().map(|id| format!("request id {id}")))
        .collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    let check = Check::new(name, subject, Status::Fail, format!("{}{facts}", error.message));
    Check { next: error.help.clone(), ..check }
}

/// What was not looked at.
#[must_use]
pub fn skipped(name: &'static str, subject: &str, why: &str) -> Check {
    Check::new(name, subject, Status::Skip, why)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::provider::http::Obstacle;

    #[test]
    fn clocks_are_judged_by_how_far_they_are_apart() {
        for (ahead, status, found) in [
            (0, Status::Ok, "agrees with the services"),
            (-1, Status::Ok, "agrees with the services"),
            (30, Status::Ok, "this machine is 30 s behind host"),
            (-31, Status::Warn, "this machine is 31 s ahead of host"),
            (300, Status::Warn, "this machine is 5 minutes behind host"),
            (-301, Status::Fail, "this machine is 5 minutes ahead of host"),
            (-864_000, Status::Fail, "this machine is 10 days ahead of host"),
        ] {
            let check = clock(&[("other".into(), 0), ("host".into(), ahead)]).unwrap();
            assert_eq!(check.status, status, "{ahead}");
            if ahead.abs() > 1 {
                assert_eq!(check.found, found);
            }
            assert_eq!(check.next.is_some(), status != Status::Ok);
        }
        assert_eq!(clock(&[]), None);
    }

    #[test]
    fn answers_in_place_of_a_service_are_told_from_its_own() {
        let took = Duration::from_millis(12);
        let answer = |status, json| Ok(Reached { status, took, ahead: Some(0), json });
        let none = |obstacle| Err(Unreached { obstacle, words: "eof".into() });
        for (answer, status, found) in [
            (answer(200, true), Status::Ok, "TLS and HTTP work, 12 ms"),
            (answer(401, true), Status::Ok, "TLS and HTTP work, 12 ms"),
            (answer(407, false), Status::Fail, "the proxy wants credentials (HTTP 407)"),
            (answer(302, false), Status::Fail, "something else answers in its place (a redirect, HTTP 302)"),
            (answer(200, false), Status::Fail, "something else answers in its place (no JSON, HTTP 200)"),
            (answer(503, true), Status::Warn, "it is unwell (HTTP 503)"),
            (
                none(Some(Obstacle::TlsCut)),
                Status::Fail,
                "the connection was cut during the TLS handshake (eof)",
            ),
            (none(None), Status::Fail, "no answer (eof)"),
        ] {
            let check = network("h", "https://h", &answer);
            assert_eq!((check.status, check.found.as_str()), (status, found));
            assert_eq!(check.next.is_some(), status != Status::Ok, "{check:?}");
        }
    }

    #[test]
    fn limits_are_judged_by_what_will_be_there() {
        for (there, wanted, status) in [
            ([0, 0], Some([0, 0]), Status::Ok),
            ([459, 44], Some([1, 0]), Status::Ok),
            ([460, 0], Some([1, 0]), Status::Warn),
            ([0, 45], None, Status::Warn),
            ([512, 50], Some([0, 0]), Status::Warn),
            ([512, 0], Some([1, 0]), Status::Fail),
            ([0, 49], Some([0, 2]), Status::Fail),
            // A dedicated cluster, evidently.
            ([600, 0], Some([10, 0]), Status::Warn),
            ([1_020, 0], Some([10, 0]), Status::Fail),
        ] {
            assert_eq!(limits("t", there, wanted).status, status, "{there:?} {wanted:?}");
        }
    }

    #[test]
    fn only_who_deploys_rules_is_a_second_deployer() {
        let one = |content: &[&str]| Connected {
            repository: "acme/soc".into(),
            content: content.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        for (all, status) in [
            (vec![], Status::Ok),
            (vec![one(&["Playbook", "Workbook"])], Status::Ok),
            (vec![one(&["Playbook"]), one(&["AnalyticsRule"])], Status::Fail),
            (vec![one(&["AnalyticRule"])], Status::Fail),
        ] {
            assert_eq!(repositories("t", &Ok(all.clone())).status, status, "{all:?}");
        }
    }
}

use std::time::Duration;

use serde_json::json;

use super::patience::{Gate, Waits};
use crate::address::Platform;
use crate::provider::testing::*;
use crate::provider::{ErrorKind, Provider};
use crate::resource::Kind;

fn page(ids: &[&str], next: Option<&str>) -> Reply {
    let rules: Vec<_> =
        ids.iter().map(|id| json!({"id": id, "displayName": id, "status": "enabled"})).collect();
    let mut page = json!({"value": rules});
    if let Some(next) = next {
        page["@odata.nextLink"] = json!(next);
    }
    json_reply(200, &page)
}

#[tokio::test]
async fn follows_pages_verbatim_and_keeps_each_rule_once() {
    let next = "https://graph.microsoft.com/beta/security/rules/detectionRules?$skiptoken=a%2Fb&x=1";
    let responder = Responder::new([page(&["r1", "r2"], Some(next)), page(&["R2", "r3"], None)]);
    let (session, _) = session(&responder);
    let rules = session.defender(None).list().await.unwrap();
    assert_eq!(rules.iter().map(|rule| rule.remote_id.as_str()).collect::<Vec<_>>(), ["r1", "r2", "r3"]);
    let sent = responder.sent();
    assert_eq!(sent[0].url, "https://graph.microsoft.com/beta/security/rules/detectionRules");
    assert_eq!(sent[1].url, next);
    assert_eq!(sent[0].header("user-agent"), Some(concat!("palisade/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(sent[0].header("authorization"), Some(format!("Bearer {}", jwt(TENANT)).as_str()));
}

#[tokio::test]
async fn never_follows_a_link_elsewhere_or_in_a_circle() {
    for link in [
        "https://graph.microsoft.com.evil.example/beta",
        "http://graph.microsoft.com/beta",
        "https://graph.microsoft.com:8443/beta",
        "/beta",
        "https://graph.microsoft.com/beta/security/rules/detectionRules",
    ] {
        let responder = Responder::new([page(&["r1"], Some(link)), page(&["r1"], Some(link))]);
        let (session, _) = session(&responder);
        let error = session.defender(None).list().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{link}");
        assert_eq!(responder.sent().len(), 1, "{link}");
    }
}

#[tokio::test]
async fn waits_as_long_as_the_service_asks_in_either_form() {
    let throttled = |header: &'static str, value: &str| {
        Reply::Answer(
            429,
            vec![(header, value.to_owned()), ("date", "Mon, 23 Nov 2026 10:00:00 GMT".to_owned())],
            json!({"error": {"code": "TooManyRequests", "message": "Too many requests."}}).to_string(),
        )
    };
    let responder = Responder::new([
        throttled("retry-after", "17"),
        throttled("retry-after", "Mon, 23 Nov 2026 10:00:30 GMT"),
        throttled("retry-after-ms", "3000"),
        page(&[], None),
    ]);
    let (session, clock) = session(&responder);
    session.defender(None).list().await.unwrap();
    assert_eq!(clock.waits(), [17, 30, 3]);
}

/// A run that is stopped sends what need not wait, and gives up the rest; what may have had an effect stays in doubt.
#[tokio::test]
async fn waits_that_are_given_up_end_at_once() {
    let status = |status: u16, retry_after: &str| {
        Reply::Answer(status, vec![("retry-after", retry_after.to_owned())], "{}".to_owned())
    };
    let written = || write(Kind::CustomDetection, "rule-a", json!({"displayName": "a"}));
    for (reply, kind, sent) in [
        (status(429, "17"), ErrorKind::Stopped, 1),
        (status(503, "17"), ErrorKind::Ambiguous, 1),
        (Reply::Refused, ErrorKind::Unavailable, 1),
    ] {
        let responder = Responder::new([reply]);
        let (session, clock) = session(&responder);
        session.waits().give_up();
        let error = session.defender(None).create(&written()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        let posts = responder.methods().iter().filter(|method| *method == "POST").count();
        assert_eq!((posts, clock.waits()), (sent, vec![]), "{error}");
    }
    // A turn that is not to be had now.
    let full: Vec<Reply> = (0..10).map(|_| Reply::Refused).collect();
    let responder = Responder::new(full);
    let (session, _) = session(&responder);
    session.waits().give_up();
    for _ in 0..10 {
        session.defender(None).create(&written()).await.unwrap_err();
    }
    let error = session.defender(None).create(&written()).await.unwrap_err();
    assert_eq!((error.kind, responder.sent().len()), (ErrorKind::Stopped, 10));
}

/// A 401 says that nothing was done, so even a create is sent again with another token; but only once.
#[tokio::test]
async fn a_refused_token_is_replaced_and_the_request_sent_once_more() {
    let refused =
        || json_reply(401, &json!({"error": {"code": "InvalidAuthenticationToken", "message": "expired"}}));
    let written = || write(Kind::CustomDetection, "rule-a", json!({"displayName": "a"}));
    let made = json_reply(201, &json!({"id": "acme--rule-a", "displayName": "a", "status": "enabled"}));
    let responder = Responder::new([refused(), made]);
    let (first, clock) = session(&responder);
    first.defender(None).create(&written()).await.unwrap();
    assert_eq!((responder.methods(), responder.token_requests().len()), (vec!["POST".into(); 2], 2));
    assert!(clock.waits().is_empty());

    let responder = Responder::new([refused(), refused(), refused()]);
    let (second, _) = session(&responder);
    let error = second.defender(None).create(&written()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Unauthenticated, Some(401)));
    assert_eq!(responder.sent().len(), 2);
}

/// Entra is asked for another token and refuses, or cannot be reached: the one is why, the other changes nothing.
#[tokio::test]
async fn without_another_token_the_request_stays_refused() {
    let refused =
        json_reply(401, &json!({"error": {"code": "InvalidAuthenticationToken", "message": "expired"}}));
    let secret = json!({"error": "invalid_client", "error_description": "AADSTS7000222: The secret is expired.", "error_codes": [7_000_222]});
    for (tokens, said) in [(json_reply(401, &secret), "AADSTS7000222"), (Reply::Refused, "expired")] {
        let responder = Responder::new([refused.clone()]);
        let (session, _) = session(&responder);
        session.sign_in(Platform::Defender).await.unwrap();
        let responder = responder.refuse_tokens(tokens);
        let error = session.defender(None).list().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
        assert!(error.message.contains(said), "{error}");
        assert_eq!(responder.sent().len(), 1);
    }
}

#[tokio::test]
async fn gives_up_when_the_service_asks_for_too_long() {
    let reply = Reply::Answer(429, vec![("retry-after", "3600".to_owned())], String::new());
    let responder = Responder::new([reply]);
    let (session, clock) = session(&responder);
    let error = session.defender(None).list().await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Throttled, Some(429)));
    assert!(clock.waits().is_empty());
}

#[tokio::test]
async fn one_refusal_slows_every_task_on_that_host() {
    let (gate, clock) = (Gate::default(), Clock::default());
    assert!(gate.until_open(&clock, &Waits::default()).await);
    gate.close_until(Duration::from_secs(20));
    gate.close_until(Duration::from_secs(5));
    // Whoever comes next waits, and nobody after that.
    assert!(gate.until_open(&clock, &Waits::default()).await);
    assert!(gate.until_open(&clock, &Waits::default()).await);
    assert_eq!(clock.waits(), [20]);
}

#[tokio::test]
async fn repeats_reading_after_failures_with_growing_waits() {
    let responder = Responder::new([
        Reply::Lost,
        Reply::Refused,
        json_reply(503, &json!({})),
        json_reply(500, &json!({})),
        page(&[], None),
    ]);
    let (session, clock) = session(&responder);
    session.defender(None).list().await.unwrap();
    assert_eq!(responder.sent().len(), 5);
    assert_eq!(clock.waits().len(), 4);
    // Full jitter: anything up to the longest, which doubles, but never at once.
    for (wait, longest) in clock.exact().into_iter().zip([500, 1_000, 2_000, 4_000]) {
        assert!(wait >= longest / 10 && wait <= longest, "{:?}", clock.exact());
    }
}

#[tokio::test]
async fn says_what_is_wrong_with_the_network() {
    let responder = Responder::new(vec![Reply::Refused; 5]);
    let (session, _) = session(&responder);
    let error = session.sentinel(workspace(), None).list().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.message, "cannot reach management.azure.com: dns error: failed to lookup address");
    assert!(error.help.unwrap().contains("HTTPS_PROXY"));
}

/// Status, body, and what people must learn from it.
#[tokio::test]
async fn explains_refusals_of_resource_manager() {
    let error = |code: &str, message: &str| json!({"error": {"code": code, "message": message}});
    let onboarded = error(
        "BadRequest",
        &error("BadRequest", "Workspace 'ws' is not onboarded to Microsoft Sentinel. Please onboard.")
            .to_string(),
    );
    let forbidden = "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.SecurityInsights/alertRules/read' over scope '/subscriptions/s' or the scope is invalid.";
    let cases = [
        (400, onboarded, ErrorKind::TargetMissing, "Workspace 'ws' is not onboarded", "onboard"),
        (
            401,
            error("ExpiredAuthenticationToken", "The access token expired."),
            ErrorKind::Unauthenticated,
            "expired",
            "az login",
        ),
        (
            403,
            error("AuthorizationFailed", forbidden),
            ErrorKind::Forbidden,
            "does not have authorization",
            "`Microsoft Sentinel Reader`",
        ),
        (403, error("AuthorizationFailed", forbidden), ErrorKind::Forbidden, "", "on /subscriptions/s"),
        (
            404,
            error("ResourceGroupNotFound", "Resource group 'rg' could not be found."),
            ErrorKind::TargetMissing,
            "rg",
            "`resource_group`",
        ),
        (
            404,
            error("SubscriptionNotFound", "The subscription 's' could not be found."),
            ErrorKind::TargetMissing,
            "",
            "`subscription`",
        ),
        (
            404,
            error(
                "ResourceNotFound",
                "The Resource 'Microsoft.OperationalInsights/workspaces/w' under resource group 'rg' was not found.",
            ),
            ErrorKind::TargetMissing,
            "",
            "`workspace`",
        ),
        (
            409,
            error(
                "MissingSubscriptionRegistration",
                "The subscription is not registered to use namespace 'Microsoft.SecurityInsights'.",
            ),
            ErrorKind::TargetMissing,
            "",
            "az provider register",
        ),
        (
            400,
            error("BadRequest", "The subscription is not registered to 'Microsoft.SecurityInsights'."),
            ErrorKind::TargetMissing,
            "",
            "az provider register",
        ),
        (
            400,
            error("NoRegisteredProviderFound", "No registered resource provider found"),
            ErrorKind::Rejected,
            "",
            "sentinel_api_version",
        ),
        (302, json!({}), ErrorKind::Protocol, "HTTP 302", "redirect"),
    ];
    for (status, body, kind, message, help) in cases {
        // A refused token is replaced once; the other one is refused as well.
        let responder = Responder::new([json_reply(status, &body), json_reply(status, &body)]);
        let (session, _) = session(&responder);
        let error = session.sentinel(workspace(), None).list().await.unwrap_err();
        assert_eq!(error.kind, kind, "{status} {body}");
        assert_eq!(error.status, Some(status));
        assert!(error.message.contains(message), "{}", error.message);
        let given = error.help.unwrap_or_default();
        assert!(given.contains(help), "{status} {body}: {given}");
    }
}

#[tokio::test]
async fn explains_refusals_of_graph() {
    let cases = [
        (
            403,
            json!({"error": {"code": "Forbidden", "message": "Missing scope"}}),
            ErrorKind::Forbidden,
            "`CustomDetection.Read.All`",
        ),
        (
            400,
            json!({"error": {"code": "BadRequest", "message": "Resource not found for the segment 'rules'."}}),
            ErrorKind::TargetMissing,
            "api_version",
        ),
        (404, json!({}), ErrorKind::TargetMissing, "api_version"),
    ];
    for (status, body, kind, help) in cases {
        let responder = Responder::new([json_reply(status, &body)]);
        let (session, _) = session(&responder);
        let error = session.defender(None).list().await.unwrap_err();
        assert_eq!(
            (error.kind, error.operation, error.subject.as_str()),
            (kind, "list", "defender"),
            "{body}"
        );
        assert!(error.help.as_deref().unwrap_or_default().contains(help), "{body}: {:?}", error.help);
    }
}

#[tokio::test]
async fn messages_are_one_clean_bounded_line_with_the_request_id() {
    let nasty = format!("line one\r\nline \u{1b}[31mtwo\u{202e}\t {}", "x".repeat(5_000));
    let reply = Reply::Answer(
        400,
        vec![("x-ms-request-id", "req-1\u{7}".to_owned())],
        json!({"error": {"code": "Bad\nRequest", "message": nasty}}).to_string(),
    );
    let responder = Responder::new([reply]);
    let (session, _) = session(&responder);
    let error = session.sentinel(workspace(), None).list().await.unwrap_err();
    assert!(error.message.starts_with("line one line [31mtwo xxx"), "{}", error.message);
    assert!(error.message.chars().count() <= 1_001);
    assert!(!error.message.chars().any(char::is_control));
    assert_eq!(error.request_id.as_deref(), Some("req-1"));
    assert_eq!(error.code.as_deref(), Some("Bad Request"));
}

#[tokio::test]
async fn a_page_that_is_no_page_is_a_protocol_error() {
    for body in ["<html>sign in</html>", "[]", "{}", r#"{"value": 7}"#, r#"{"value": [7]}"#, ""] {
        let responder = Responder::new([Reply::Answer(200, Vec::new(), body.to_owned())]);
        let (session, _) = session(&responder);
        let error = session.sentinel(workspace(), None).list().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{body}");
    }
}

#[tokio::test]
async fn an_id_can_never_leave_the_collection() {
    for id in ["", ".", "..", "../x", "a/b", "a\\b"] {
        let responder = Responder::new([]);
        let (session, _) = session(&responder);
        for platform in [Platform::Sentinel, Platform::Defender] {
            let write = write(Kind::Scheduled, id, json!({"query": "T"}));
            let error = match platform {
                Platform::Sentinel => session.sentinel(workspace(), None).create(&write).await,
                Platform::Defender => session.defender(None).create(&write).await,
            }
            .unwrap_err();
            assert_eq!(error.kind, ErrorKind::Rejected, "{id:?}");
        }
        assert!(responder.sent().is_empty());
    }
}

//! Every lint against queries for which the right answer was written down by hand.

use super::*;
use crate::kql::bind::bind;
use crate::kql::parse;
use crate::kql::schema::Schema;

/// The codes that fire on a query, each once, in order.
fn codes(text: &str, platform: Platform) -> Vec<&'static str> {
    let schema = Schema::built_in(platform);
    let parse = parse(text);
    assert_eq!(parse.errors, [], "{text}");
    let bound = bind(&parse, text, &schema);
    let mut codes: Vec<&str> = run(text, &parse, &bound, platform).iter().map(|f| f.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn platform_of(lint: &Lint) -> Platform {
    let xdr = lint.bad.contains("Device") && lint.bad.trim_start().starts_with("Device");
    lint.platforms.first().copied().unwrap_or(if xdr { Platform::Xdr } else { Platform::Sentinel })
}

#[test]
fn the_examples_of_every_lint_are_true() {
    let mut wrong = Vec::new();
    for lint in ALL {
        let platform = platform_of(lint);
        if !codes(lint.bad, platform).contains(&lint.id) {
            wrong.push(format!("{}: the bad example is not found", lint.id));
        }
        // Advice for information may well remain; the example is about one thing.
        let left = codes(lint.good, platform);
        let serious = |code: &&str| find(code).is_some_and(|other| other.severity == Severity::Warning);
        if left.iter().any(|code| *code == lint.id || serious(code)) {
            wrong.push(format!("{}: the good example has {left:?}", lint.id));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn lints_are_sorted_unique_and_documented() {
    for lint in ALL {
        assert!(matches!(lint.severity, Severity::Warning | Severity::Info), "{}", lint.id);
        assert!(lint.why.ends_with('.') && !lint.title.ends_with('.'), "{}", lint.id);
        assert!(lint.source.starts_with("https://"), "{}", lint.id);
        assert_eq!(ALL.iter().filter(|other| other.id == lint.id).count(), 1, "{}", lint.id);
    }
}

#[test]
fn fires_and_does_not_fire() {
    use Platform::{Sentinel, Xdr};
    for (code, platform, fires, silent) in [
        (
            "KQL-C02",
            Sentinel,
            &["print dynamic(['a' 'b', 'c'])", "T_CL | where RawData has_any ('a', 'b' 'c')"][..],
            &["print strcat('a' 'b', 'c')", "print dynamic(['a', 'b'])"][..],
        ),
        (
            "KQL-C03",
            Sentinel,
            &["SigninLogs | where Identity != 'alice' and Location !~ 'home'"],
            &[
                "SigninLogs | where Identity != 'alice' and Identity != 'bobby'",
                "SigninLogs | where Identity != '' and Location != 'home'",
                "SigninLogs | where Identity != 'alice' or Location != 'home'",
                "SigninLogs | where not(Identity == 'alice' and Location == 'home')",
            ],
        ),
        (
            "KQL-C04",
            Sentinel,
            &[
                "SigninLogs | where not(ipv4_is_private(IPAddress))",
                "SigninLogs | where ipv4_is_private(IPAddress) == false",
            ],
            &[
                "SigninLogs | where ipv4_is_private(IPAddress)",
                "SigninLogs | where not(not(ipv4_is_private(IPAddress)))",
            ],
        ),
        (
            "KQL-C05",
            Sentinel,
            &[
                "SigninLogs | join AuditLogs on CorrelationId",
                "SigninLogs | join hint.strategy=shuffle AuditLogs on CorrelationId",
            ],
            &[
                "SigninLogs | join kind=leftanti AuditLogs on CorrelationId",
                "SigninLogs | lookup AuditLogs on CorrelationId",
            ],
        ),
        (
            "KQL-C06",
            Sentinel,
            &[
                "SigninLogs | take 5",
                "SigninLogs | sort by Identity | summarize count() by Identity | limit 3",
                "SigninLogs | sample 3",
            ],
            &[
                "SigninLogs | sort by Identity | where true | take 5",
                "SigninLogs | top 5 by Identity",
                "SigninLogs | where Identity in ((AuditLogs | project Identity | take 1))",
            ],
        ),
        (
            "KQL-C07",
            Xdr,
            &[
                "DeviceProcessEvents | join kind=inner DeviceNetworkEvents on $left.ProcessId == $right.InitiatingProcessId, DeviceId",
            ],
            &[
                "DeviceProcessEvents | join kind=inner DeviceNetworkEvents on DeviceId",
                "DeviceProcessEvents | join kind=inner DeviceNetworkEvents on InitiatingProcessId, InitiatingProcessCreationTime, DeviceId",
            ],
        ),
        (
            "KQL-C09",
            Sentinel,
            &[
                "SigninLogs | where TimeGenerated between (datetime(2024-01-01) .. now())",
                "SigninLogs | where datetime(2024-01-01) < TimeGenerated",
            ],
            &[
                "SigninLogs | where now() < datetime(2024-01-01)",
                "SigninLogs | where TimeGenerated > ago(1d)",
            ],
        ),
        (
            "KQL-C11",
            Xdr,
            &[
                "DeviceEvents | where RemoteUrl has '://'",
                "DeviceEvents | where RemoteUrl has_any ('http', 'ftp')",
            ],
            &[
                "DeviceEvents | where RemoteUrl has_any ('http', 'https')",
                "DeviceEvents | where FileName has '.exe'",
                "DeviceEvents | where FileName !has '-'",
            ],
        ),
        (
            "KQL-E01",
            Xdr,
            &[
                "DeviceEvents | where FileName in ('a.exe', 'b.exe')",
                "DeviceEvents | where InitiatingProcessCommandLine has_cs 'x'",
            ],
            &[
                "DeviceEvents | where FileName in~ ('a.exe')",
                "DeviceEvents | where FileName != 'a.exe'",
                "DeviceEvents | where FileName == ''",
                "DeviceEvents | where ActionType == 'ProcessCreated'",
                "DeviceEvents | where not(FileName == 'a.exe')",
            ],
        ),
        (
            "KQL-E02",
            Xdr,
            &["DeviceEvents | where ProcessCommandLine in~ ('net user', 'x')"],
            &[
                "DeviceEvents | where ProcessCommandLine =~ 'whoami'",
                "DeviceEvents | where ProcessCommandLine has 'net user'",
            ],
        ),
        (
            "KQL-E03",
            Xdr,
            &[
                "DeviceEvents | where ProcessCommandLine matches regex @'-enc.*-nop'",
                "DeviceEvents | where ProcessCommandLine has_any ('user /add', 'x')",
            ],
            &[
                "DeviceEvents | where ProcessCommandLine matches regex @'-e[nc]*\\s'",
                "DeviceEvents | where ProcessCommandLine has 'lsass dump'",
            ],
        ),
        (
            "KQL-P01",
            Sentinel,
            &["SigninLogs | summarize count()"],
            &[
                "SigninLogs | where ingestion_time() > ago(1h)",
                "SigninLogs | where TimeGenerated between (ago(1d) .. now())",
                "print 1",
            ],
        ),
        (
            "KQL-P02",
            Sentinel,
            &["Syslog | parse SyslogMessage with * 'a' b | where Facility == 'auth'"],
            &[
                "Syslog | parse SyslogMessage with * 'a' b | where b == 'auth'",
                "Syslog | where Facility == 'auth' | parse SyslogMessage with * 'a' b | where Computer == 'c'",
            ],
        ),
        (
            "KQL-P03",
            Sentinel,
            &["SigninLogs | where Identity contains 'ab'", "SigninLogs | where Identity !contains 'admin'"],
            &["SigninLogs | where Identity contains '.exe'", "SigninLogs | where Identity has 'admin'"],
        ),
        (
            "KQL-P04",
            Sentinel,
            &["SigninLogs | where toupper(Identity) in ('A', 'B')"],
            &[
                "SigninLogs | where tolower(Identity) == tolower(Location)",
                "SigninLogs | extend a = tolower(Identity)",
            ],
        ),
        (
            "KQL-P05",
            Sentinel,
            &["search 'x'", "union Sec* | take 1", "find where Computer == 'x'"],
            &["SigninLogs | where Identity has 'x'", "union SigninLogs, AuditLogs"],
        ),
        (
            "KQL-P06",
            Sentinel,
            &["SigninLogs | where TimeGenerated > ago(1h) | join kind=inner AuditLogs on CorrelationId"],
            &[
                "SigninLogs | join kind=inner AuditLogs on CorrelationId",
                "SigninLogs | where TimeGenerated > ago(1h) | join kind=inner (AuditLogs | where TimeGenerated > ago(1h)) on CorrelationId",
            ],
        ),
        (
            "KQL-P07",
            Sentinel,
            &["let x = SigninLogs | summarize count() by Identity; union x, (x | take 1)"],
            &[
                "let x = SigninLogs | where Identity == 'x'; union x, (x | take 1)",
                "let x = SigninLogs | summarize count() by Identity; x",
            ],
        ),
        (
            "KQL-P08",
            Sentinel,
            &[
                "SigninLogs | sort by Identity | take 5",
                "SigninLogs | where Identity matches regex '.*a[b]'",
                "SigninLogs | sort by Identity | summarize count() by Location",
            ],
            &[
                "SigninLogs | where Identity matches regex 'a[b]'",
                "SigninLogs | sort by TimeGenerated | summarize make_list(Identity) by Location",
            ],
        ),
        (
            "KQL-P09",
            Sentinel,
            &["SigninLogs | where Identity == 'x'"],
            &["SigninLogs | summarize count() by Identity", "Heartbeat_CL | where true"],
        ),
    ] {
        for text in fires {
            assert!(codes(text, platform).contains(&code), "{code} does not fire on: {text}");
        }
        for text in silent {
            assert!(!codes(text, platform).contains(&code), "{code} fires on: {text}");
        }
    }
}

#[test]
fn a_broken_query_gets_no_advice() {
    let text = "SecurityEvent | where * has 'x' |";
    let parse = parse(text);
    let bound = bind(&parse, text, &Schema::built_in(Platform::Sentinel));
    assert!(run(text, &parse, &bound, Platform::Sentinel).is_empty());
}

//! The commands, on a state directory and on a running sandbox.

use clap::Parser;

use super::*;
use crate::sandbox::{self, Options};

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    sandbox: SandboxArgs,
}

async fn ask(root: &Path, line: &[&str]) -> Result<String, SandboxError> {
    let program = Program::try_parse_from(["palisade"].iter().chain(line)).unwrap();
    let mut out = Vec::new();
    run(&program.sandbox, root, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

const RULE: &str = r#"{"kind": "Scheduled", "name": "r-1", "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/law/x",
    "properties": {"displayName": "Old name", "enabled": true, "severity": "High", "query": "T | where a == 'marker-7'",
    "queryFrequency": "PT1H", "queryPeriod": "PT1H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
    "suppressionEnabled": false, "suppressionDuration": "PT5H"}}"#;

#[tokio::test]
async fn the_commands_work_on_the_state_and_on_a_running_sandbox_alike() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    std::fs::write(root.join("rule.json"), RULE).unwrap();
    std::fs::write(root.join("new.kql"), "T | where a == 'marker-7' or b").unwrap();
    std::fs::create_dir_all(root.join("environments/prod")).unwrap();
    std::fs::write(
        root.join("environments/prod/environment.yaml"),
        "tenant_id: t\nsentinel:\n  - {workspace: law}\n",
    )
    .unwrap();
    let (rule, query) = (root.join("rule.json"), format!("query=@{}", root.join("new.kql").display()));
    let dir = root.join(SANDBOX_STATE);
    for running in [false, true] {
        let served = if running {
            Some(
                sandbox::start(Options { state_dir: Some(dir.clone()), ..Options::default() }).await.unwrap(),
            )
        } else {
            None
        };
        let added = ask(root, &["add-rule", rule.to_str().unwrap()]).await.unwrap();
        assert_eq!(added, "Added r-1 (Old name) in sentinel:s/g/law.\n", "running: {running}");
        let sets = ["--set", "severity=Low", "--set", &query, "--set", "enabled=false"];
        let edit = [&["edit-rule", "marker-7", "--env", "prod"][..], &sets].concat();
        let edited = ask(root, &edit).await.unwrap();
        assert_eq!(edited, "Edited r-1 (Old name) in sentinel:s/g/law.\n");
        let listed = ask(root, &["list"]).await.unwrap();
        assert!(
            listed.contains("r-1") && listed.contains("disabled") && listed.contains("portal.user@"),
            "{listed}"
        );
        assert!(ask(root, &["auto-disable", "Old name", "--reason", "why"]).await.is_ok());
        assert!(ask(root, &["list"]).await.unwrap().contains("AUTO DISABLED Old name"));
        assert!(ask(root, &["switch", "arm_page_size=3"]).await.is_ok());
        assert!(ask(root, &["switches"]).await.unwrap().contains("arm_page_size=3\n"));
        assert!(ask(root, &["switch", "arm_page_size=x"]).await.is_err());
        let order = r#"{"fault":{"kind":"reset_before"}}"#;
        assert!(ask(root, &["fault", "add", order]).await.unwrap().contains("reset_before"));
        assert!(ask(root, &["fault", "list"]).await.unwrap().contains("reset_before"));
        assert_eq!(ask(root, &["fault", "clear"]).await.unwrap(), "No faults are ordered.\n");
        assert!(ask(root, &["delete-rule", "r-1", "--workspace", "law"]).await.is_ok());
        assert!(ask(root, &["delete-rule", "r-1"]).await.is_err());
        assert!(ask(root, &["reset"]).await.unwrap().contains("is empty"));
        assert_eq!(ask(root, &["list"]).await.unwrap(), "The sandbox holds no rules yet.\n");
        if let Some(served) = served {
            served.stop().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_broken_state_is_named_and_can_be_reset() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(SANDBOX_STATE);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("state.ndjson"), "nonsense\n").unwrap();
    let error = ask(root.path(), &["list"]).await.unwrap_err().to_string();
    assert!(error.contains("state.ndjson line 1") && error.contains("palisade sandbox reset"), "{error}");
    assert!(ask(root.path(), &["reset"]).await.is_ok());
    assert!(ask(root.path(), &["list"]).await.is_ok());
    // An address left behind by a killed process is not believed.
    std::fs::write(dir.join("endpoint.json"), r#"{"url": "https://localhost:1", "pid": 1}"#).unwrap();
    let ca = sandbox::start(Options::default()).await.unwrap();
    std::fs::write(dir.join("ca.pem"), ca.ca_pem()).unwrap();
    assert!(ask(root.path(), &["list"]).await.is_ok());
    assert!(ask(root.path(), &["reset"]).await.is_ok());
}

#[tokio::test]
async fn an_environment_name_cannot_be_a_path() {
    let root = tempfile::tempdir().unwrap();
    for name in ["../x", "", ".hidden", "a/b"] {
        let error = ask(root.path(), &["delete-rule", "r", "--env", name]).await.unwrap_err().to_string();
        assert!(error.contains("is not the name of an environment"), "{error}");
    }
}

#[test]
fn values_are_json_or_text() {
    let set = assignments(&["a=true".to_owned(), "b=Low".to_owned(), "c=[1]".to_owned(), "d=x=y".to_owned()])
        .unwrap();
    assert_eq!(Value::Object(set), json!({"a": true, "b": "Low", "c": [1], "d": "x=y"}));
    assert!(assignments(&["=x".to_owned()]).is_err());
}

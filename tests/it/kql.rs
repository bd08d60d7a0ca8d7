//! `palisade kql`, `explain` and the baseline, through the binary.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Runs the binary with text on its standard input.
fn palisade(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("there is an input");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A command that fails early does not read its input.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("the input is written");
    output
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("the output is UTF-8")
}

fn verdicts(arguments: &[&str], input: &[u8]) -> Vec<Value> {
    let output = palisade(&[&["kql", "check", "--jsonl"], arguments].concat(), input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output).lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn jsonl_answers_as_the_product_says() {
    let lines = [
        json!({"id": "a", "platform": "sentinel", "query": "SecurityEvent | summarize n = count() by Computer"}),
        json!({"id": 2, "platform": "xdr", "query": "DeviceEvents | where Nope == 1"}),
        json!({"id": null, "query": "print 'é😀' +"}),
        json!({"id": "fp", "platform": "xdr", "query": "DeviceFileEvents | invoke FileProfile(SHA1, 1000) | project SHA1, GlobalPrevalence"}),
    ];
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let answers = verdicts(&[], input.as_bytes());
    assert_eq!(
        answers[0],
        json!({
            "id": "a", "syntax_ok": true, "ok": true, "diagnostics": [],
            "output_columns": [{"name": "Computer", "type": "string"}, {"name": "n", "type": "long"}],
            "output_open": false, "referenced_tables": ["SecurityEvent"], "referenced_functions": ["count"],
        })
    );
    assert_eq!(
        (&answers[1]["id"], &answers[1]["syntax_ok"], &answers[1]["ok"]),
        (&json!(2), &json!(true), &json!(false))
    );
    let fault = &answers[1]["diagnostics"][0];
    assert_eq!(
        (&fault["severity"], &fault["start"], &fault["length"]),
        (&json!("Error"), &json!(21), &json!(4))
    );
    assert_eq!((&answers[2]["syntax_ok"], &answers[2]["ok"]), (&json!(false), &json!(false)));
    // 'é😀' is 5 UTF-16 units with its quotes, so the end of the text is at unit 13.
    assert!(answers[2]["diagnostics"][0]["start"].as_u64().is_some_and(|start| start <= 13));
    assert_eq!(answers[3]["ok"], json!(true), "{}", answers[3]);
}

#[test]
fn jsonl_takes_a_platform_and_a_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = folder.path().join("schema.json");
    std::fs::write(&schema, r#"{"tables": {"App_CL": {"User_s": "string", "At": "datetime"}}, "functions": [{"name": "Users", "params": "(n:long)", "columns": {"Name": "string"}}]}"#).expect("written");
    let query = |text: &str| format!("{}\n", json!({"id": 1, "query": text}));
    let input = query("App_CL | project User_s, At")
        + &query("App_CL | project Nope")
        + &query("Users(3) | where Name == 'x'")
        + &query("DeviceEvents | take 1");
    let path = schema.to_str().expect("a path in UTF-8");
    let answers = verdicts(&["--platform", "sentinel", "--schema", path], input.as_bytes());
    let oks: Vec<&Value> = answers.iter().map(|answer| &answer["ok"]).collect();
    assert_eq!(oks, [&json!(true), &json!(false), &json!(true), &json!(true)]);
    assert_eq!(
        answers[0]["output_columns"],
        json!([{"name": "User_s", "type": "string"}, {"name": "At", "type": "datetime"}])
    );
}

#[test]
fn jsonl_survives_bad_input() {
    let mut input = b"{\"id\":1,\"query\":\"print 1\"}\nnonsense\n\n\xff\xfe\n[]\n{\"id\":2}\n".to_vec();
    for hostile in [
        "(".repeat(3_000_000),
        "| take 1 ".repeat(100_000),
        "\u{0}".repeat(1000),
        "[".repeat(200_000),
        "let a = a; a".to_owned(),
        "print \"x".to_owned(),
    ] {
        input.extend(format!("{}\n", json!({"id": "h", "query": hostile})).bytes());
    }
    input.extend(b"{\"id\":3,\"query\":\"print 1\"}");
    let answers = verdicts(&[], &input);
    assert_eq!(answers.len(), 5 + 6 + 1);
    assert!(answers.iter().all(|answer| answer["diagnostics"].is_array() && answer["ok"].is_boolean()));
    assert_eq!(
        (&answers[0]["ok"], &answers[11]["ok"], &answers[11]["id"]),
        (&json!(true), &json!(true), &json!(3))
    );
    assert!(answers[1..11].iter().all(|answer| answer["ok"] == json!(false)));
}

#[test]
fn check_shows_errors_advice_and_cost() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("query.kql");
    std::fs::write(&file, "SecurityEvent\n| where Compuler contains 'mimikatz'\n| take 5\n")
        .expect("written");
    let output = palisade(&["kql", "check", "--platform", "sentinel", file.to_str().expect("UTF-8")], b"");
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1));
    for part in ["error[KQL142]", "query.kql:2:9", "did you mean `Computer`?", "warning[KQL-C06]", "KQL-P03"]
    {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(String::from_utf8_lossy(&output.stderr).contains("cost "));

    let good = b"SecurityEvent | where TimeGenerated > ago(1h) and EventID == 1 | project Computer";
    let arguments = ["kql", "check", "-", "--platform", "sentinel", "--strict", "--max-cost", "0"];
    let output = palisade(&arguments, good);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), ""));
    assert_eq!(palisade(&arguments, b"SecurityEvent | project Computer").status.code(), Some(1));
}

#[test]
fn format_ast_and_columns_print_data() {
    let output = palisade(&["kql", "format", "-"], b"T|where a==1 // why\n|project   a");
    assert_eq!(stdout(&output), "T\n| where a==1 // why\n| project a\n");
    assert_eq!(palisade(&["kql", "format", "--check", "-"], b"T|take 1").status.code(), Some(1));
    assert_eq!(palisade(&["kql", "format", "-"], b"T | where (").status.code(), Some(1));
    let output = palisade(&["kql", "ast", "-"], b"T | take 5");
    assert_eq!(stdout(&output).trim(), "(pipeline T (take 5))");
    let output = palisade(&["kql", "columns", "-"], b"print a = 1, b = 'x'");
    assert_eq!(stdout(&output), "a\tlong\nb\tstring\n");
    let output = palisade(&["kql", "columns", "-"], b"Mine_CL | extend x = 1d");
    assert!(stdout(&output).ends_with("x\ttimespan\n...\n"));
    assert_eq!(palisade(&["kql", "columns", "-"], b"\xff").status.code(), Some(1));
}

#[test]
fn explain_prints_the_page_of_a_lint() {
    let text = stdout(&palisade(&["explain", "kql-p03"], b""));
    for part in ["KQL-P03: ", "Instead of", "https://learn.microsoft.com/", "silence:"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let output = palisade(&["explain", "KQL-P30"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean"));
}

#[test]
fn generated_pages_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lints");
    let pages = palisade::cli::reference::pages();
    for (name, text) in &pages {
        let found = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(&found, text, "run `cargo run --example lint_docs`: docs/lints/{name} is old");
    }
    let files = std::fs::read_dir(&folder).expect("docs/lints exists").count();
    assert_eq!(files, pages.len(), "run `cargo run --example lint_docs`: a page belongs to no code");
}

#[test]
fn a_baseline_accepts_what_is_there_and_may_only_shrink() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |path: &str| -> PathBuf { folder.path().join(path) };
    let write = |path: &str, text: &str| {
        std::fs::create_dir_all(at(path).parent().expect("a parent")).expect("a folder");
        std::fs::write(at(path), text).expect("written");
    };
    let rule = |query: &str| {
        format!(
            "id: logons\nname: Logons\nstatus: test\nseverity: low\nquery: |\n  {query}\nsentinel:\n  kind: scheduled\n  frequency: PT1H\n  period: PT2H\n  trigger: {{operator: GreaterThan, threshold: 0}}\n"
        )
    };
    write("palisade.yaml", "owner: test\n");
    write(
        "environments/lab/environment.yaml",
        "owner: test/lab\ntenant_id: 00000000-0000-0000-0000-000000000001\ncloud: sandbox\nprune: owned\nlifecycle: {test: enabled}\nsentinel:\n  - {subscription: 00000000-0000-0000-0000-000000000002, resource_group: rg, workspace: law}\n",
    );
    write("rules/logons.yaml", &rule("SecurityEvent | where EventID == 4624 | project Computer | take 10"));
    let root = folder.path().to_str().expect("UTF-8").to_owned();
    let baseline = at("baseline.json");
    let baseline = baseline.to_str().expect("UTF-8");
    let validate =
        |more: &[&str]| palisade(&[&["-C", root.as_str(), "validate", "--strict"], more].concat(), b"");

    let output = validate(&[]);
    assert!(stdout(&output).contains("warning[KQL-C06]"), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(validate(&["--baseline", baseline, "--write-baseline"]).status.code(), Some(0));
    assert_eq!(validate(&["--baseline", baseline]).status.code(), Some(0));

    // A second finding is new, the accepted one is gone.
    write("rules/logons.yaml", &rule("SecurityEvent | join (SecurityAlert) on TenantId | project Computer"));
    let output = validate(&["--baseline", baseline]);
    let text = stdout(&output);
    assert!(text.contains("warning[KQL-C05]") && text.contains("error[BASE-01]"), "{text}");
    assert_eq!(output.status.code(), Some(1));

    // Silenced with a reason; a silence without effect is told.
    let silenced = rule("SecurityEvent | where EventID == 4624 | project Computer | take 10")
        + "silence:\n  - {lint: KQL-C06, reason: a sample is enough here}\n  - {lint: KQL-C05, reason: left behind}\n";
    write("rules/logons.yaml", &silenced);
    let text = stdout(&validate(&[]));
    assert!(
        text.contains("SUP-01") && text.contains("KQL-C05") && !text.contains("warning[KQL-C06]"),
        "{text}"
    );

    assert_eq!(validate(&["--max-cost", "1"]).status.code(), Some(1));
}

/// The shared corpus of real queries, if it is at hand.
fn corpus() -> Option<String> {
    let folder = std::env::var_os("PALISADE_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("queries.jsonl")).ok();
    if text.is_none() {
        println!("skipped: no corpus at {} (set PALISADE_CORPUS)", folder.display());
    }
    text
}

#[test]
fn real_queries_keep_their_tokens_when_laid_out() {
    use palisade::kql::{TokenKind, format::format, lex};
    let Some(corpus) = corpus() else { return };
    let shape = |text: &str| -> Vec<String> {
        let tokens = lex(text);
        let solid = tokens.iter().filter(|token| token.kind != TokenKind::Whitespace);
        solid.map(|token| token.text(text).to_owned()).collect()
    };
    for line in corpus.lines() {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let query = line["query"].as_str().expect("a query");
        let laid_out = format(query);
        assert_eq!(shape(query), shape(&laid_out), "{}", line["id"]);
        assert_eq!(format(&laid_out), laid_out, "{} is not stable", line["id"]);
    }
}

#[test]
fn verdicts_agree_with_the_recorded_ones() {
    let Some(corpus) = corpus() else { return };
    let lines: Vec<Value> = corpus.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    // Every fifth: a debug build is slow, and the whole corpus is measured by examples/agreement.rs.
    let lines: Vec<&Value> = lines.iter().step_by(5).collect();
    let input: String = lines
        .iter()
        .map(|line| {
            format!("{}\n", json!({"id": line["id"], "platform": line["platform"], "query": line["query"]}))
        })
        .collect();
    let answers = verdicts(&[], input.as_bytes());
    assert_eq!(answers.len(), lines.len());
    let (mut parsed, mut same, mut clean, mut equal) = (0, 0, 0, 0);
    for (line, answer) in lines.iter().zip(&answers) {
        let oracle = &line["oracle"];
        assert_eq!(answer["id"], line["id"]);
        assert_eq!(answer["syntax_ok"], oracle["syntax_ok"], "{}", line["id"]);
        if oracle["syntax_ok"] == json!(true) {
            parsed += 1;
            same += usize::from(answer["ok"] == oracle["ok"]);
        }
        if oracle["ok"] == json!(true) {
            assert_eq!(
                answer["ok"],
                json!(true),
                "a false alarm on {}: {}",
                line["id"],
                answer["diagnostics"]
            );
            clean += 1;
            let keys = ["output_open", "referenced_tables", "referenced_functions"];
            let columns =
                oracle["output_open"] == json!(true) || answer["output_columns"] == oracle["output_columns"];
            equal += usize::from(columns && keys.iter().all(|key| answer[key] == oracle[key]));
        }
    }
    // arg() and workspace() exist in Log Analytics; the recorded verdicts do not know them.
    assert!(same * 100 >= parsed * 98, "{same} of {parsed}");
    assert!(equal * 100 >= clean * 97, "{equal} of {clean}");
}

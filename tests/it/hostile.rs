//! What strangers can write (names, descriptions, queries, events, answers of the services) is text in every output of every command:
//! no build agent obeys it, no terminal moves, no markdown is left, nobody is mentioned. `render::hostile_tests` holds the same for
//! every renderer by itself and for more texts; here it goes through the program.

use serde_json::{Value, json};

use crate::world::{Ran, World, entry};

/// One line that a file of a repository may hold.
const EVIL: &str = "##vso[task.setvariable variable=x]y ::error::z @everyone #12 <script>alert(1)</script> ``` ~~~ </details> [l](https://evil.example/) ![i](https://evil.example/i.png) /close";
/// Several lines.
const LINES: &[&str] = &[
    "::error::x",
    "##[error]y",
    "```",
    "~~~~",
    "/close",
    "<!-- palisade plan -->",
    "@everyone",
    "</code></pre>",
    EVIL,
];

/// How an output is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Text,
    Json,
    Lines,
    Markdown,
    Xml,
    /// Annotations: lines that begin with this are our own.
    Commands(&'static str),
}
use Form::{Commands, Json, Lines, Markdown, Text, Xml};

/// Every command with every format, and the exit code that it must have.
const OUTPUTS: &[(&str, i32, Form)] = &[
    ("validate", 0, Text),
    ("validate --format json", 0, Json),
    ("validate --format sarif", 0, Json),
    ("validate --format markdown", 0, Markdown),
    ("validate --format github", 0, Commands("::")),
    ("validate --format azdo", 0, Commands("##vso[task.logissue ")),
    ("plan -e lab", 0, Text),
    ("plan -e lab -v", 0, Text),
    ("plan -e lab --format json", 0, Json),
    ("plan -e lab --format markdown", 0, Markdown),
    ("drift -e lab", 0, Text),
    ("drift -e lab --format json", 0, Json),
    ("drift -e lab --format markdown", 0, Markdown),
    ("doctor -e lab", 0, Text),
    ("doctor -e lab --format json", 0, Json),
    ("env list", 0, Text),
    ("env list --format json", 0, Json),
    ("env list --format github-matrix", 0, Json),
    ("migrate -e lab --dry-run", 0, Text),
    ("diff --live lab", 0, Text),
    ("diff --live lab --format json", 0, Json),
    ("render task -e lab", 0, Text),
    ("render task -e lab --format json", 0, Lines),
    ("explain task -e lab", 0, Text),
    ("explain task -e lab --format json", 0, Json),
    ("test", 1, Text),
    ("test --coverage", 1, Text),
    ("test --format json", 1, Json),
    ("test --format junit", 1, Xml),
    ("coverage", 0, Text),
    ("coverage --format json", 0, Json),
    ("coverage -e lab --format navigator", 0, Json),
    ("coverage -e lab --live", 0, Text),
    ("docs build --out site", 0, Text),
    ("allowlist list", 0, Text),
    ("allowlist list --format json", 0, Json),
    ("allowlist list --format markdown", 0, Markdown),
    ("allowlist audit", 0, Text),
    ("allowlist audit --format table", 0, Text),
    ("allowlist audit --format json", 0, Json),
    ("allowlist audit --format markdown", 0, Markdown),
    ("allowlist audit --format sarif", 0, Json),
    ("allowlist why task -e lab --event event.json", 0, Text),
    ("allowlist why task -e lab --event event.json --format json", 0, Json),
    ("record --rule task --table SecurityEvent event.json", 0, Text),
    ("import live -e lab --dry-run", 0, Text),
    ("import live -e lab --dry-run --format json", 0, Json),
    ("import files --dry-run foreign", 1, Text),
    ("import files --dry-run --format json foreign", 1, Json),
    ("fmt --check", 1, Text),
    ("kql check query.kql", 1, Text),
    ("adopt -e lab --dry-run", 0, Text),
    ("adopt -e lab --dry-run --format json", 0, Json),
    ("apply -e lab --auto-approve --format ndjson --on-drift revert", 1, Lines),
    ("apply -e lab --auto-approve --format json --on-drift revert", 1, Json),
    ("apply -e lab --auto-approve -v --on-drift revert", 1, Text),
    ("audit verify", 0, Text),
];

/// A repository and a tenant in which everything that may hold foreign text does.
fn hostile_world() -> World {
    let world = World::deployed();
    let block = |indent: &str| LINES.iter().map(|line| format!("{indent}{line}\n")).collect::<String>();
    world.edit("rules/task.yaml", "name: Task created by a person", &format!("name: '{EVIL}'"));
    world.edit(
        "rules/task.yaml",
        "description: A person, not the system, registered a scheduled task.\n",
        &format!("description: |\n{}", block("  ")),
    );
    let comments = LINES.iter().map(|line| format!("  // {line}\n")).collect::<String>();
    world.edit("rules/task.yaml", "  SecurityEvent\n", &format!("{comments}  SecurityEvent\n"));
    world.append(
        "rules/task.yaml",
        &format!(
            "references: ['https://evil.example/{EVIL}']\nfalse_positives: ['{EVIL}']\nowner:   '{EVIL}'\n"
        ),
    );
    let noise = entry("noise", &format!("Activity: {{contains: '{EVIL}'}}"))
        .replace("Known and looked at.", &format!("'{EVIL}'"))
        .replace("soc@example.com", &format!("'{EVIL}'"));
    world.allowlist("noise", "task", &[noise]);
    world.write(
        "tests/task.yaml",
        format!(
            "- name: '{EVIL}'\n  expect: silent\n  events:\n    SecurityEvent:\n      - {{EventID: 4698, Computer: '{EVIL}x', Activity: a}}\n"
        ),
    );
    world.write(
        "event.json",
        json!({"Activity": EVIL, "Computer": format!("\u{1b}[31m{EVIL}\u{202e}"), EVIL: "x"}).to_string(),
    );
    world.write("query.kql", format!("// {EVIL}\nNoSuchTable | where '{EVIL}' == 1 {EVIL}\n"));
    world.write(
        "foreign/rule.yaml",
        format!("id: '{EVIL}'\nname: '{EVIL}'\nkind: Scheduled\nquery: '{EVIL}'\n"),
    );
    world.write("foreign/broken.json", format!("{{\"{EVIL}\": "));
    let told = format!("\u{1b}[31m\u{202e}{}\n\r::error::x\u{7}", LINES.join("\n"));
    world.portal_edit("Unsigned program from a task", &json!({"description": told}));
    world.play(&json!({"op": "add", "rule_body": {"kind": "Scheduled", "properties": {
        "displayName": format!("{EVIL}\u{202e}"), "description": told, "enabled": true, "severity": "High",
        "query": format!("// {EVIL}\nSecurityEvent"), "queryFrequency": "PT1H", "queryPeriod": "PT1H",
        "triggerOperator": "GreaterThan", "triggerThreshold": 0, "suppressionDuration": "PT5H", "suppressionEnabled": false,
    }}}));
    world.faults(&json!([
        {"match": {"service": "arm", "method": "PUT"}, "fault": {"kind": "status", "status": 400, "code": "BadRequest", "message": told}},
        {"match": {"service": "graph", "method": "PATCH"}, "fault": {"kind": "status", "status": 400, "code": "BadRequest", "message": told}},
    ]));
    world
}

/// No line is a command or hides anything.
#[track_caller]
fn harmless(text: &str, own: Option<&str>, ran: &Ran) {
    for line in text.lines() {
        if let Some(rest) = own.and_then(|own| line.strip_prefix(own)) {
            // What an annotation carries cannot begin another.
            assert!(!rest.contains("##vso[") && !rest.contains("##["), "{line}\n{ran}");
            continue;
        }
        assert!(
            !line.trim_start().starts_with("::") || line.trim_start().starts_with("::: "),
            "{line}\n{ran}"
        );
        assert!(!line.contains("##vso[") && !line.contains("##["), "{line}\n{ran}");
    }
    let hides = |c: char| {
        c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    assert_eq!(text.chars().find(|c| hides(*c)), None, "{ran}");
}

/// Markdown outside of its blocks and spans of code mentions nobody, loads nothing, and is closed at the end.
#[track_caller]
fn quiet(text: &str, ran: &Ran) {
    let mut fence: Option<usize> = None;
    for line in text.lines() {
        let ticks = line.trim_start().chars().take_while(|c| *c == '`').count();
        let is_fence = ticks >= 3 && !line.trim_start()[ticks..].contains('`');
        match fence {
            Some(open) if is_fence && ticks >= open && line.trim().len() == ticks => fence = None,
            Some(_) => continue,
            None if is_fence => fence = Some(ticks),
            None => {}
        }
        if fence.is_some() || line.starts_with("<!-- palisade ") {
            continue;
        }
        let prose = without_code(line);
        assert!(!prose.starts_with('/'), "a quick action: {line}\n{ran}");
        for part in ["<script", "@everyone", "](http", "<!--"] {
            assert!(!prose.contains(part), "`{part}` in {line}\n{ran}");
        }
    }
    assert_eq!(fence, None, "an open block\n{ran}");
    assert_eq!(text.matches("\n<details").count(), text.matches("\n</details>").count(), "{ran}");
}

/// A line without escaped characters, `code`, ``code`` and <code>code</code>.
fn without_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line.replace("\\\\", ""));
    while let Some(at) = rest.find('\\') {
        let after = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
        rest.replace_range(at..at + 1 + after, "");
    }
    while let Some(start) = rest.find("<code>") {
        let end = rest.find("</code>").expect("closed") + 7;
        rest.replace_range(start..end, "");
    }
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        out.push_str(&rest[..start]);
        let inner = rest[start + ticks..].to_owned();
        let mut at = 0;
        rest = loop {
            let Some(found) = inner[at..].find('`') else { break inner };
            let run = inner[at + found..].chars().take_while(|c| *c == '`').count();
            at += found + run;
            if run == ticks {
                break inner[at..].to_owned();
            }
        };
    }
    out + &rest
}

#[test]
fn hostile_text_is_harmless_in_every_output() {
    let world = hostile_world();
    for (arguments, code, form) in OUTPUTS {
        let ran = world.run(arguments).exits(*code);
        let own = match form {
            Commands(own) => Some(*own),
            _ => None,
        };
        harmless(&ran.stdout, own, &ran);
        harmless(&ran.stderr, None, &ran);
        match form {
            Json => drop(ran.json()),
            Lines => ran.stdout.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap())),
            Markdown => quiet(&ran.stdout, &ran),
            Xml => {
                let known =
                    ["?xml", "testsuite", "testcase", "failure", "/testsuite", "/testcase", "/failure"];
                for tag in ran.stdout.split('<').skip(1) {
                    assert!(known.iter().any(|name| tag.starts_with(name)), "<{tag}\n{ran}");
                }
            }
            Text | Commands(_) => {}
        }
    }
    // The values themselves are whole where programs read them.
    let plan = world.run("plan -e lab --format json -q").json();
    assert!(plan["changes"].as_array().unwrap().iter().any(|change| change["name"] == EVIL), "{plan:#}");
    let cases = world.run("test --format json -q").json();
    assert_eq!(cases["cases"][0]["case"], EVIL);
}

#[test]
fn files_beside_are_harmless_too() {
    let world = hostile_world();
    world.run("plan -e lab -q --markdown-into a.md --json-into a.json --sarif-into a.sarif").exits(0);
    world.run("validate -q --markdown-into b.md --json-into b.json --sarif-into b.sarif").exits(0);
    world.run("test -q --junit-into c.xml").exits(1);
    world.run("coverage -q --out layers").exits(0);
    let ran = world
        .run("apply -e lab --auto-approve -q --on-drift revert --markdown-into d.md --report d.json")
        .exits(1);
    for name in [
        "a.md",
        "a.json",
        "a.sarif",
        "b.md",
        "b.json",
        "b.sarif",
        "c.xml",
        "d.md",
        "d.json",
        "layers/lab.json",
    ] {
        let text = world.read(name);
        harmless(&text, None, &ran);
        if name.ends_with(".md") {
            quiet(&text, &ran);
        } else if !name.ends_with(".xml") {
            serde_json::from_str::<Value>(&text).unwrap();
        }
    }
}

/// The example that people begin with is committed by them: it has nothing of the sort, and what it is told is not a command.
#[test]
fn init_shows_paths_as_text() {
    let world = World::empty();
    let ran = world.try_run(&["init", "../##vso[x]\u{1b}[31m", "--ci", "github"]).exits(0);
    harmless(&ran.stdout, None, &ran);
    harmless(&ran.stderr, None, &ran);
}

//! Values are data: whatever an allowlist value contains, it becomes exactly one KQL string with that very value.
//!
//! The queries are read by a small lexer written here, from the Kusto documentation, and not by the one that is tested.

use crate::world::{World, entry};

/// The strings of a query, decoded, in order; comments are skipped.
fn strings(query: &str) -> Vec<String> {
    let text: Vec<char> = query.chars().collect();
    let (mut at, mut found) = (0, Vec::new());
    while at < text.len() {
        let rest = &text[at..];
        let verbatim = rest.starts_with(&['@', '"']) || rest.starts_with(&['@', '\'']);
        if rest.starts_with(&['/', '/']) {
            at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
        } else if rest.starts_with(&['`'; 3]) || rest.starts_with(&['~'; 3]) {
            panic!("the compiler writes no multi-line strings");
        } else if verbatim || matches!(rest[0], '"' | '\'') {
            let start = at + usize::from(verbatim) + 1;
            let (value, end) = literal(&text, start, text[start - 1], verbatim);
            found.push(value);
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Decodes a literal from its first character; gives back the value and the place behind the closing quote.
fn literal(text: &[char], mut at: usize, quote: char, verbatim: bool) -> (String, usize) {
    let mut units: Vec<u16> = Vec::new();
    let push = |units: &mut Vec<u16>, c: char| units.extend(c.encode_utf16(&mut [0; 2]).iter());
    loop {
        match text[at] {
            '\n' | '\r' => panic!("a line break inside a string"),
            c if c == quote && verbatim && text.get(at + 1) == Some(&quote) => {
                push(&mut units, quote);
                at += 2;
            }
            c if c == quote => return (String::from_utf16(&units).expect("whole characters"), at + 1),
            '\\' if !verbatim => {
                let escaped = text[at + 1];
                let hex = text[at + 2..].iter().take(4).collect::<String>();
                at += 2;
                match escaped {
                    '"' | '\'' | '\\' => push(&mut units, escaped),
                    'n' => push(&mut units, '\n'),
                    'r' => push(&mut units, '\r'),
                    't' => push(&mut units, '\t'),
                    'u' => {
                        units.push(u16::from_str_radix(&hex, 16).unwrap());
                        at += 4;
                    }
                    other => panic!("unknown escape \\{other}"),
                }
            }
            c => {
                push(&mut units, c);
                at += 1;
            }
        }
    }
}

#[test]
fn the_lexer_of_this_test_reads_the_documented_forms() {
    assert_eq!(
        strings(
            r#"a == "x\"y" // "no"
 and b == @"C:\a""b" or c == 'it''s'"#
        ),
        ["x\"y", "C:\\a\"b", "it", "s"]
    );
    assert_eq!(strings("\"\\u0041\\\\ \\ud83d\\ude00\""), ["A\\ \u{1f600}"]);
}

const VALUES: &[&str] = &[
    r#"C:\Program Files\Contoso\updater.exe"#,
    r#"say "hello""#,
    r#"C:\a "quoted" path\"#,
    r"ends with a backslash\",
    r#"ends with a quote""#,
    r#"""""#,
    r#"\"#,
    r#"\""#,
    "it's",
    "''",
    "// not a comment",
    "/* nor this */",
    r#"") or true // "#,
    r#"" | project-away * //"#,
    "\")) | take 0 //",
    "```x```",
    "~~~x~~~",
    "@\"x\"",
    "h\"secret\"",
    r"\n is no line break",
    r"\u202e",
    "{{DeviceName}}",
    "${HOME} $(id) `id` %PATH%",
    "::set-output name=x::y",
    "##vso[task.setvariable variable=a]b",
    "<script>alert(1)</script>",
    "ä ö ü ß é ﬀ",
    "日本語 русский עברית العربية",
    "👩‍💻 zero width joiners",
    "a\u{00a0}b",
    "tab is written \\t",
    "; drop table x",
    "a;b",
    "| where",
    "#not-a-comment",
    "'a': b, c: [d] {e}",
    "- item",
    "null",
    "true",
    "1e5",
    "0x10",
    "2026-01-01",
    "~",
    "*x",
    "&x",
    "!x",
    "%x",
    "?x",
];

/// YAML's double-quoted style takes JSON strings as they are.
fn yaml(value: &str) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn every_value_is_one_string_on_both_platforms() {
    let world = World::new();
    let many: Vec<String> = VALUES
        .iter()
        .enumerate()
        .map(|(number, value)| {
            entry(&format!("e{number}"), &format!("Computer: {{equals: {}}}", yaml(value)))
        })
        .collect();
    world.allowlist("task", "task", &many);
    let many: Vec<String> = many.iter().map(|text| text.replace("Computer:", "DeviceName:")).collect();
    world.allowlist("hunt", "hunt", &many);
    world.run("apply -e lab --auto-approve").exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();

    let sentinel =
        world.document("Task created by a person")["properties"]["query"].as_str().unwrap().to_owned();
    assert_eq!(strings(&sentinel), VALUES);
    let defender = world.document("Unsigned program from a task")["queryCondition"]["queryText"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(strings(&defender)[0], "Schedule", "the rule's own string");
    assert_eq!(&strings(&defender)[1..], VALUES);
    // One entry is one line, whatever is in it.
    let slot: Vec<&str> =
        sentinel.lines().filter(|line| line.contains("now() < datetime(2027-05-01)")).collect();
    assert_eq!(slot.len(), VALUES.len());
    for line in slot {
        assert_eq!(strings(line).len(), 1, "{line}");
        assert!(line.ends_with("and now() < datetime(2027-05-01))"), "{line}");
    }
}

#[test]
fn every_operator_writes_its_values_the_same_way() {
    let nasty = r#"C:\a"b\"#;
    for (predicate, count) in [
        (format!("Computer: {{equals: {}}}", yaml(nasty)), 1),
        (format!("Computer: {{equals: {}, case: sensitive}}", yaml(nasty)), 1),
        (format!("Computer: {{in: [{0}, {0}x]}}", yaml(nasty)).replace("\"x]", "x\"]"), 2),
        (format!("Computer: {{starts_with: {}}}", yaml(nasty)), 1),
        (format!("Computer: {{ends_with: {}, case: sensitive}}", yaml(nasty)), 1),
        (format!("Computer: {{contains: {}}}", yaml(nasty)), 1),
        (format!("Computer: {{has: {}}}", yaml(nasty)), 1),
    ] {
        let world = World::new();
        world.allowlist("list", "task", &[entry("one", &predicate)]);
        let line = world.run("render task -e lab").exits(0);
        let query = line.stdout.clone();
        let found = strings(&query);
        assert_eq!(found.len(), count, "{predicate}\n{query}");
        assert_eq!(found[0], nasty, "{predicate}\n{query}");
    }
}

#[test]
fn expressions_and_networks_are_literals_too() {
    let world = World::new();
    let entries = [
        entry("regex", r#"Computer: {regex: '^[a-z"]+\\\.corp$'}"#),
        entry("cidr", "IpAddress: {cidr: [10.1.2.0/24, '2001:db8::/64']}"),
        entry("number", "EventID: {equals: 4698}"),
        entry("range", "EventID: {min: 1, max: 2}"),
    ];
    world.allowlist("list", "task", &entries);
    let query = world.run("render task -e lab").exits(0).stdout;
    assert_eq!(strings(&query), ["(?i)^[a-z\"]+\\\\\\.corp$", "10.1.2.0/24", "2001:db8::/64"]);
    // What may be null must not drop an event: `where not(null)` would.
    for call in ["ipv4_is_in_any_range", "ipv6_is_in_any_range"] {
        assert!(query.contains(&format!("coalesce({call}(IpAddress")), "{query}");
    }
    assert!(query.contains("coalesce(EventID == 4698, false)"), "{query}");
}

#[test]
fn parameters_are_literals_too() {
    let world = World::new();
    let query = "let names = dynamic([\"a\"]);\n  let name = \"a\";\n  let wait = 1d;\n  SecurityEvent\n";
    world.edit("rules/task.yaml", "  SecurityEvent\n", &format!("  {query}"));
    world.append(
        "environments/lab/environment.yaml",
        &format!("parameters: {{task: {{names: [{0}, b], name: {0}, wait: 2h}}}}\n", yaml("x\"]); drop //")),
    );
    let ran = world.run("render task -e lab").exits(0);
    assert_eq!(strings(&ran.stdout), ["x\"]); drop //", "b", "x\"]); drop //"]);
    assert!(ran.stdout.contains("let wait = 2h;"), "{ran}");
    for (value, code) in [
        ("{wait: '2h; drop'}", "CMP-04"),
        ("{wait: 2}", "CMP-04"),
        ("{names: a}", "CMP-04"),
        ("{name: [a]}", "CMP-04"),
        ("{nothing: 1}", "CMP-03"),
    ] {
        let world2 = World::new();
        world2.edit("rules/task.yaml", "  SecurityEvent\n", &format!("  {query}"));
        world2.append("environments/lab/environment.yaml", &format!("parameters: {{task: {value}}}\n"));
        world2
            .run("apply -e lab --auto-approve")
            .exits(1)
            .says(&[code, "environments/lab/environment.yaml:8:"]);
        world2.wrote_nothing();
    }
}

/// What a terminal or a build agent would obey is shown as text.
#[test]
fn names_from_the_tenant_are_shown_as_text() {
    let world = World::deployed();
    let evil = "Red \u{1b}[31m\u{202e}gpj.exe\n::error::owned\u{7}";
    world.portal_edit("Task created by a person", &serde_json::json!({"displayName": evil}));
    let ran = world.run("plan -e lab --detailed-exitcode").exits(2);
    for character in ['\u{1b}', '\u{202e}', '\u{7}'] {
        assert!(!ran.stdout.contains(character) && !ran.stderr.contains(character), "{ran}");
    }
    assert!(!ran.stdout.lines().any(|line| line.trim_start().starts_with("::error")), "{ran}");
}

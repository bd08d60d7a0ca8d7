//! `palisade allowlist …` and `palisade explain RULE`, from outside.

use serde_json::json;

use crate::world::{NOW, World, entry, settings, snapshot};

const LIST: &str = "environments/lab/allowlists/list.yaml";

/// Two rules, entries of every state, and one that another one makes superfluous.
fn noisy() -> World {
    let world = World::new();
    world.write(
        LIST,
        "\
# Updaters.
rules: [hunt]
entries:
  # The one that everybody has.
  - id: updater
    reason: It is not signed.
    owner: workplace@example.com
    ticket: SEC-1
    created: 2026-11-01
    expires: 2027-05-01
    match:
      FolderPath: {equals: 'C:\\Program Files\\Contoso\\updater.exe'}
      SHA1: {in: [9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d]}
  - id: contoso-folder   # all of it
    reason: The same vendor.
    owner: todo
    created: 2026-11-01
    expires: 2027-06-01
    match: {FolderPath: {starts_with: 'C:\\Program Files\\Contoso\\'}}
  - id: soon
    reason: Moves to another machine.
    owner: workplace@example.com
    ticket: soon
    created: 2026-11-01
    expires: 2026-12-01
    match: {SHA1: {equals: 9b1f}}
  - id: old
    reason: Was moved.
    owner: workplace@example.com
    ticket: SEC-2
    created: 2026-10-01
    expires: 2026-11-20
    required: false
    match: {DeviceName: {ends_with: .lab}}

# The end.
",
    );
    world
}

#[test]
fn list() {
    let world = noisy();
    snapshot!("allowlist_list", world.run("allowlist list").exits(0));
    snapshot!("allowlist_list_markdown", world.run("allowlist list --format markdown").exits(0));
    let json = world.run("allowlist list hunt -e lab --format json").exits(0).json();
    assert_eq!(json["entries"][0]["environments"], json!({"lab": ["hunt"]}));
    assert_eq!(json["entries"][0]["strength"], "strong");
    assert_eq!(json["entries"][3]["state"], "expired");
    let none = world.run("allowlist list task --format json").exits(0).json();
    assert_eq!(none["entries"], json!([]), "no list is written for this rule");
}

#[test]
fn audit() {
    let world = noisy();
    snapshot!("allowlist_audit", world.run("allowlist audit").exits(1));
    snapshot!("allowlist_audit_table", world.run("allowlist audit --format table").exits(1));
    snapshot!("allowlist_audit_markdown", world.run("allowlist audit --format markdown").exits(1));
    let json = world.run("allowlist audit --format json").exits(1).json();
    let mut codes: Vec<&str> =
        json["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, ["ALW-02", "ALW-03", "ALW-21", "ALW-22", "ALW-23", "ALW-24"]);
    let sarif = world.run("allowlist audit --format sarif").exits(1).json();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), json["diagnostics"].as_array().unwrap().len());
    let first = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(first["artifactLocation"]["uri"], LIST);
}

#[test]
fn audit_of_what_is_in_order_says_so() {
    let world = World::new();
    let good = entry("good", "SHA1: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d}")
        .replace("    created", "    ticket: SEC-1\n    created");
    world.allowlist("list", "hunt", &[good]);
    world.run("allowlist audit").exits(0).says(&["1 entry in 1 list touch 1 rule in 1 environment: nothing"]);
    world.run("allowlist audit --strict").exits(0);
    World::shipped().run("allowlist audit --strict").exits(0).says(&["nothing to report"]);
}

#[test]
fn audit_finds_what_reaches_nothing_and_what_is_there_twice() {
    let world = World::new();
    let sha = "SHA1: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d}";
    world.allowlist("a", "hunt", &[entry("one", sha)]).allowlist("b", "hunt", &[entry("two", sha)]);
    world.write(
        "environments/lab/allowlists/c.yaml",
        format!("rules: [ta*]\nslot: other\nentries:\n{}", entry("three", sha)),
    );
    let ran = world.run("allowlist audit");
    ran.says(&[
        "ALW-20",
        "the same as environments/lab/allowlists/a.yaml#one",
        "ALW-11",
        "in any environment",
    ]);
}

#[test]
fn audit_finds_sensitive_values_in_the_clear() {
    let world = World::new();
    world.allowlist("open", "hunt", &[entry("one", "DeviceName: {equals: Crown-Jewels}")]);
    world.write(
        "environments/lab/allowlists/secret.yaml",
        format!(
            "rules: [hunt]\nsensitive: true\nentries:\n{}",
            entry("two", "DeviceName: {in: [crown-jewels, other-host]}")
        ),
    );
    let ran = world.run("allowlist audit").says(&["ALW-25", "open.yaml:"]);
    ran.never_says(&["other-host"]);
}

#[test]
fn why() {
    let world = noisy();
    let event = |name: &str, event: serde_json::Value| {
        std::fs::write(world.root().join(name), event.to_string()).unwrap();
    };
    event(
        "updater.json",
        json!({"FolderPath": "c:\\program files\\contoso\\UPDATER.exe", "SHA1": "9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d",
               "DeviceName": "pc1.lab"}),
    );
    event("other.json", json!([{"FolderPath": "C:\\Users\\x\\updater.exe", "SHA1": null}, {"SHA1": ""}]));
    snapshot!("allowlist_why", world.run("allowlist why hunt --event updater.json -e lab").exits(0));
    snapshot!("allowlist_why_not", world.run("allowlist why hunt --event other.json -e lab").exits(0));
    let json = world.run("allowlist why hunt --event other.json --format json").exits(0).json();
    assert_eq!(json["answers"][0]["silenced"], false);
    world.run("allowlist why hund --event other.json").exits(1).says(&["did you mean `hunt`?"]);
    world.run("allowlist why hunt --event missing.json").exits(1).says(&["cannot be read"]);
    event("text.json", json!("text"));
    world.run("allowlist why hunt --event text.json").exits(1).says(&["holds no event"]);
}

#[test]
fn add_keeps_comments_order_and_style() {
    let world = noisy();
    let before = world.read(LIST);
    let ran = world
        .try_run(&[
            "allowlist",
            "add",
            "hunt",
            "-e",
            "lab",
            "--id",
            "printer",
            "--reason",
            "It's known: old.",
            "--owner",
            "logistics@example.com",
            "--ticket",
            "SEC-9",
            "--expires",
            "2027-01-31",
            "-m",
            "FolderPath:starts_with=C:\\Program Files\\Litware\\",
            "-m",
            "SHA1=c47e92b05d3a8f61e7b4092dc5a1f38e60d7b2a9",
            "-m",
            "SHA1=d47e92b05d3a8f61e7b4092dc5a1f38e60d7b2a9",
        ])
        .exits(0);
    snapshot!("allowlist_add", ran);
    let after = world.read(LIST);
    let (head, tail) = before.split_once("\n# The end.").unwrap();
    assert!(after.starts_with(head) && after.ends_with(&format!("\n# The end.{tail}")), "{after}");
    let added = after.strip_prefix(head).unwrap().strip_suffix(&format!("\n# The end.{tail}")).unwrap();
    settings().bind(|| insta::assert_snapshot!("allowlist_add_text", added));
    world.run("validate -e lab").exits(0);
}

#[test]
fn a_mute_makes_its_own_file_and_lapses_by_itself() {
    let world = World::new();
    world
        .try_run(&[
            "allowlist",
            "add",
            "task",
            "--reason",
            "Migration.",
            "--owner",
            "soc@example.com",
            "--ttl",
            "24h",
            "-m",
            "Computer=mig1.example.com",
        ])
        .exits(0)
        .says(&["environments/lab/allowlists/task.yaml#task-2026-11-23", "lapses by itself on 2026-11-25"]);
    let written = world.read("environments/lab/allowlists/task.yaml");
    settings().bind(|| insta::assert_snapshot!("allowlist_add_mute", written));
    world
        .run("render task")
        .exits(0)
        .says(&["| where not((Computer =~ \"mig1.example.com\" and now() < datetime(2026-11-25))"]);
    assert!(NOW < "2026-11-25");
    world.run_with("validate", &[("PALISADE_NOW", "2026-11-26T08:00:00Z")]).exits(0);
}

#[test]
fn add_refuses_what_validation_refuses() {
    let world = noisy();
    let before = world.read(LIST);
    let base = ["allowlist", "add", "hunt", "--reason", "r", "--owner", "o@example.com", "--expires"];
    for (day, condition, says) in [
        ("2029-01-01", "SHA1=9b1f", "ALW-01"),
        ("2026-11-23", "SHA1=9b1f", "FMT-04"),
        ("2027-01-01", "DeviceName:contains=*", "ALW-08"),
        ("2027-01-01", "SHA1:regex=(", "not a regular expression"),
        ("2027-01-01", "RemoteIP:cidr=10.0.0.1/8", "10.0.0.0/8"),
        ("2027-01-01", "Nothing=x", "ALW-05"),
        ("2027-01-01", "SHA1", "is not a condition"),
        ("2027-01-01", "SHA1=a\nb", "cannot be written"),
    ] {
        let arguments = [&base[..], &[day, "-m", condition]].concat();
        world.try_run(&arguments).exits(1).says(&[says]);
        assert_eq!(world.read(LIST), before, "{condition}");
    }
    world.write("palisade.yaml", "owner: acme\nallowlist: {require: strong}\n");
    world.edit(LIST, "    match: {FolderPath: {starts_with: 'C:\\Program Files\\Contoso\\'}}", "    exception: {approver: ciso@example.com, reason: r}\n    match: {FolderPath: {starts_with: 'C:\\Program Files\\Contoso\\'}}");
    let weak = [&base[..], &["2027-01-01", "-m", "DeviceName=pc1"]].concat();
    world.try_run(&weak).exits(1);
}

#[test]
fn expire_ends_an_entry_and_nothing_else() {
    let world = noisy();
    let before = world.read(LIST);
    world
        .run("allowlist expire updater -e lab")
        .exits(0)
        .says(&["list.yaml#updater no longer holds from 2026-11-23 on"]);
    let expected = before.replacen("expires: 2027-05-01\n", "expires: 2026-11-23\n    required: false\n", 1);
    assert_eq!(world.read(LIST), expected);
    world.run("validate").exits(0);
    world.run("render hunt").exits(0).never_says(&["updater.exe"]);
    world.run("allowlist expire updater -e lab").exits(0).says(&["already"]);
    world.run("allowlist expire updatr -e lab").exits(1).says(&["did you mean `updater`?"]);
}

#[test]
fn explain_shows_where_every_line_came_from() {
    let world = noisy();
    world.append("environments/lab/environment.yaml", "parameters: {hunt: {minimum: 5}}\n");
    snapshot!("explain_rule", world.run("explain hunt -e lab").exits(0));
    let json = world.run("explain hunt --format json").exits(0).json();
    let target = &json["explained"][0]["targets"][0];
    let query = world.run("render hunt").exits(0).stdout;
    let lines: Vec<&str> =
        target["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(query.lines().skip(1).collect::<Vec<_>>(), lines, "what is explained is what is sent");
    assert_eq!(json["explained"][0]["left_out"][0]["entry"], "old");
    assert_eq!(target["characters"], query.split_once('\n').unwrap().1.trim_end().chars().count());
}

#[test]
fn explain_says_why_a_rule_is_not_there() {
    let world = World::new();
    world.edit("rules/hunt.yaml", "status: production", "status: experimental");
    snapshot!("explain_lifecycle", world.run("explain hunt").exits(0));
    world.append("environments/lab/environment.yaml", "select: {exclude: [ta*]}\n");
    world
        .run("explain task")
        .exits(0)
        .says(&["`select.exclude` has `ta*` (environments/lab/environment.yaml:8:"]);
    world.run("explain hunk").exits(1).says(&["did you mean `hunt`?"]);
}

#[test]
fn values_of_sensitive_lists_are_explained_as_digests() {
    let world = World::new();
    world.write(
        LIST,
        format!(
            "rules: [hunt]\nsensitive: true\nentries:\n{}",
            entry("one", "DeviceName: {equals: crown-jewels}")
        ),
    );
    for command in
        ["explain hunt", "explain hunt --format json", "allowlist list --format json", "allowlist audit"]
    {
        world.run(command).never_says(&["crown-jewels"]);
    }
}

#[test]
fn a_watchlist_backs_an_entry_of_a_sentinel_rule_only() {
    let world = World::new();
    world.allowlist(
        "list",
        "task",
        &[entry("one", "Computer: {watchlist: {alias: scanners, column: Host}}")],
    );
    world
        .run("render task")
        .exits(0)
        .says(&["Computer in~ (_GetWatchlist(\"scanners\") | where isnotempty(Host) | project Host)"]);
    world.run("validate").exits(0);
    world.allowlist("list", "hunt", &[entry("one", "SHA1: {watchlist: hashes}")]);
    world.run("validate").exits(1).says(&["ALW-09", "environments/lab/allowlists/list.yaml:9:"]);
    world.allowlist("list", "task", &[entry("one", "Computer: {watchlist: 'a b'}")]);
    world.run("validate").exits(1).says(&["FMT-04", "list.yaml:9:"]);
}

#[test]
fn a_list_that_cannot_fit_names_the_longest_entries() {
    let world = World::new();
    let hashes: Vec<String> = (0..400).map(|number| format!("{number:040x}")).collect();
    let long = format!("SHA1: {{in: [{}]}}", hashes.join(", "));
    world.allowlist("list", "hunt", &[entry("short", "SHA1: {equals: ab}"), entry("long", &long)]);
    let ran = world.run("validate").exits(1);
    ran.says(&[
        "SEN-01",
        "2 allowlist entries",
        "the longest entries: environments/lab/allowlists/list.yaml#long (17",
        "watchlist",
    ]);
}

#[test]
fn tickets_are_mandatory_where_the_project_says_so() {
    let world = World::new();
    world.write("palisade.yaml", "owner: acme\nallowlist: {require_ticket: true}\n");
    world.allowlist("list", "hunt", &[entry("one", "SHA1: {equals: ab}")]);
    world.run("validate").exits(1).says(&["ALW-07", "environments/lab/allowlists/list.yaml:3:9"]);
    world.run("allowlist audit").exits(1).says(&["ALW-07"]);
}

#[test]
fn bad_values_are_refused_at_their_place() {
    let many: Vec<String> = (0..50_000).map(|number| format!("h{number}")).collect();
    let many = format!("SHA1: {{in: [{}]}}", many.join(", "));
    for (predicate, code, place) in [
        ("SHA1: abc", "LIST-03", "9:13"),
        ("SHA1: [abc]", "LIST-03", "9:13"),
        ("SHA1: {in: abc}", "FMT-03", "9:18"),
        ("SHA1: {in: []}", "LIST-04", "9:18"),
        (&many, "LIST-04", "9:18"),
        ("SHA1: {equals: 5}", "ALW-05", "9:7"),
        ("SHA1: {starts_with: 5}", "FMT-03", "9:27"),
        ("SHA1: {equals: \"\\0\"}", "LIST-04", "9:22"),
        ("SHA1: {equals: \"a\\u202eb\"}", "LIST-04", "9:22"),
        ("SHA1: {equals: \"\\ud800\"}", "YAML-01", "9:"),
        ("SHA1: {equals: ''}", "LIST-04", "9:22"),
        ("RemoteIP: {cidr: host.example.com}", "FMT-04", "9:24"),
        ("Count: {cidr: 10.0.0.0/8}", "ALW-05", "9:7"),
        ("SHA1: {regex: 'a(?=b)'}", "FMT-04", "9:21"),
    ] {
        let world = World::new();
        world.allowlist("list", "hunt", &[entry("one", predicate)]);
        let place = format!("environments/lab/allowlists/list.yaml:{place}");
        world.run("validate").exits(1).says(&[code, &place]);
        world.run("apply -e lab --auto-approve").exits(1);
        assert!(world.requests().is_empty(), "{predicate}");
    }
}

#[test]
fn every_quote_stays_inside_its_literal() {
    let world = World::new();
    let value = "'a\"b''c`d```e@\"f'";
    world.allowlist("list", "hunt", &[entry("one", &format!("DeviceName: {{equals: {value}}}"))]);
    world.run("render hunt").exits(0).says(&[r#"DeviceName =~ "a\"b'c`d```e@\"f" and"#]);
    world.run("validate").exits(0);
}

#[test]
fn bad_dates_are_refused_at_their_place() {
    for (day, code) in [
        ("2026-11-20", "ALW-02"),
        ("20.12.2026", "FMT-04"),
        ("2026-13-01", "FMT-04"),
        ("2028-12-01", "ALW-01"),
    ] {
        let world = World::new();
        let entry = entry("one", "SHA1: {equals: ab}").replace("2027-05-01", day);
        world.allowlist("list", "hunt", &[entry]);
        world.run("validate").exits(1).says(&[code, "environments/lab/allowlists/list.yaml:7:14"]);
    }
}

#[test]
fn every_plan_counts_the_exceptions() {
    let world = World::new();
    world.write("palisade.yaml", "owner: acme\nallowlist: {require: strong}\n");
    let weak = entry("one", "DeviceName: {equals: pc1.example.com}");
    world.allowlist("list", "hunt", std::slice::from_ref(&weak));
    world.run("validate").exits(1).says(&["ALW-06", "whoever makes the thing chooses `DeviceName`"]);
    let approved = weak
        .replace("    match:", "    exception: {approver: ciso@example.com, reason: No hash.}\n    match:");
    world.allowlist("list", "hunt", &[approved]);
    world.run("plan -e lab").exits(0).says(&["Allowlist exceptions: 1."]);
    assert_eq!(world.run("plan -e lab --format json").exits(0).json()["summary"]["exceptions"], 1);
    world.run("apply -e lab --auto-approve").exits(0);
    world.run("plan -e lab").exits(0).says(&["No changes.", "Allowlist exceptions: 1."]);
}

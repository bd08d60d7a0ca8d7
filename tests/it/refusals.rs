//! Bad input: each gives one clear message with its place and a next step, exit code 1, and nothing is pushed.

use crate::world::{HUNT, Ran, TASK, World, entry, snapshot};

const ENVIRONMENT: &str = "environments/lab/environment.yaml";
const LIST: &str = "environments/lab/allowlists/list.yaml";

/// Validate, plan and apply all refuse; nothing reaches the tenant.
#[track_caller]
fn refused(world: &World, says: &[&str]) -> Ran {
    let plan = world.run("plan -e lab").exits(1).says(says);
    assert!(plan.stdout.is_empty(), "a plan was shown\n{plan}");
    world.run("apply -e lab --auto-approve").exits(1).says(says);
    assert!(world.requests().is_empty(), "something was sent: {:?}", world.requests());
    world.run("validate").exits(1).says(says);
    plan
}

/// A world with one change to a file that is otherwise in order.
fn with(path: &str, from: &str, to: &str) -> World {
    let world = World::new();
    world.edit(path, from, to);
    world
}

fn with_entry(predicate: &str) -> World {
    let world = World::new();
    world.allowlist("list", "hunt", &[entry("one", predicate)]);
    world
}

#[test]
fn keys_that_nobody_knows() {
    for (path, from, to, says) in [
        (
            "rules/hunt.yaml",
            "severity: medium",
            "severity: medium\nseverty: high",
            ["unknown key", "rules/hunt.yaml:5:1", "did you mean `severity`?"],
        ),
        (
            "rules/task.yaml",
            "  frequency: PT1H",
            "  frequency: PT1H\n  periode: PT2H",
            ["unknown key", "rules/task.yaml:17:3", "did you mean `period`?"],
        ),
        (
            "palisade.yaml",
            "owner: acme",
            "owner: acme\nlints: {}",
            ["unknown key", "palisade.yaml:2:1", "did you mean `lint`?"],
        ),
        (
            ENVIRONMENT,
            "prune: owned",
            "prune: owned\nprunes: owned",
            ["unknown key", "environments/lab/environment.yaml:8:1", "did you mean `prune`?"],
        ),
    ] {
        let world = with(path, from, to);
        refused(&world, &says);
    }
    let world = World::new();
    world
        .write(LIST, "rules: [hunt]\nentrees: []\nentries:\n".to_owned() + &entry("one", "SHA1: {equal: a}"));
    let ran = refused(&world, &["did you mean `entries`?", "did you mean `equals`?"]);
    snapshot!("refused_unknown_keys", ran);
}

#[test]
fn keys_given_twice() {
    let world = with("rules/hunt.yaml", "severity: medium", "severity: medium\nname: Again\nseverity: high");
    snapshot!("refused_duplicate_key", refused(&world, &["YAML-02", "rules/hunt.yaml"]));
}

#[test]
fn ids_used_twice() {
    let world = World::new();
    world.write("rules/more/hunt.yaml", HUNT.replace("name: Unsigned", "name: Other"));
    snapshot!(
        "refused_duplicate_id",
        refused(&world, &["RULE-01", "rules/hunt.yaml", "rules/more/hunt.yaml"])
    );
    let world = with("rules/hunt.yaml", "id: hunt", "id: haunt");
    refused(&world, &["rules/hunt.yaml:1:5", "rename the file"]);
    let world = with("rules/hunt.yaml", "id: hunt", "id: hunt\nprevious_ids: [task]");
    refused(&world, &["rules/hunt.yaml:2:"]);
    let world = World::new();
    world.write("rules/hunt2.yaml", HUNT.replace("id: hunt", "id: hunt2"));
    refused(&world, &["RULE-02"]);
    // Two entries of one file.
    let world = World::new();
    world.allowlist(
        "list",
        "hunt",
        &[entry("one", "SHA1: {equals: aa}"), entry("one", "SHA1: {equals: bb}")],
    );
    refused(&world, &["two entries have the same id", "list.yaml:10:9"]);
}

#[test]
fn owners_used_twice() {
    let world = World::new();
    let lab = world.read(ENVIRONMENT);
    world.write("environments/field/environment.yaml", lab);
    refused(&world, &["REPO-01", "environments/field/environment.yaml:1:8"]);
}

#[test]
fn slots_and_columns_that_are_not_there() {
    // The slot is named by the list but not in the query.
    let world = with("rules/hunt.yaml", "// allowlist", "// nothing");
    world.allowlist("list", "hunt", &[entry("one", "SHA1: {equals: aa}")]);
    snapshot!("refused_no_slot", refused(&world, &["ALW-04", "environments/lab/allowlists/list.yaml:1:"]));

    let world = World::new();
    world.write(
        LIST,
        "rules: [hunt]\nslot: other\nentries:\n".to_owned() + &entry("one", "SHA1: {equals: aa}"),
    );
    refused(&world, &["ALW-04", "environments/lab/allowlists/list.yaml:1:", "its slots are: main"]);

    // The rule narrows what entries may use.
    let world = with_entry("FileName: {equals: updater.exe}");
    world.edit("rules/hunt.yaml", "defender:", "allowlist: {main: {columns: [SHA1]}}\ndefender:");
    snapshot!("refused_column", refused(&world, &["ALW-05", "environments/lab/allowlists/list.yaml:9:7"]));

    // The rule asks for more than the entry gives.
    let world = with_entry("FileName: {equals: updater.exe}");
    world.edit("rules/hunt.yaml", "defender:", "allowlist: {main: {require: strong}}\ndefender:");
    snapshot!("refused_weak", refused(&world, &["ALW-06", "environments/lab/allowlists/list.yaml"]));
}

#[test]
fn a_column_that_the_query_does_not_have_at_the_slot() {
    // `summarize` leaves only the columns it names.
    let world = with(
        "rules/hunt.yaml",
        "arg_max(Timestamp, *), Count = count() by DeviceId, SHA1",
        "Count = count() by DeviceId, SHA1",
    );
    world.edit(
        "rules/hunt.yaml",
        "  | project Timestamp, DeviceId, ReportId, DeviceName, FileName, FolderPath, SHA1",
        "  | extend Timestamp = now(), ReportId = 1",
    );
    world.edit("rules/hunt.yaml", "  title: \"Unsigned {{FileName}} from a task\"\n", "");
    world.allowlist("list", "hunt", &[entry("one", "FolderPath: {equals: 'C:\\Program Files\\a.exe'}")]);
    refused(&world, &["FolderPath", "environments/lab/allowlists/list.yaml:9:7"]);
}

#[test]
fn an_allowlist_for_a_rule_that_does_not_exist() {
    let world = World::new();
    world.allowlist("list", "hutn", &[entry("one", "SHA1: {equals: aa}")]);
    snapshot!(
        "refused_no_rule",
        refused(&world, &["LIST-02", "environments/lab/allowlists/list.yaml:1:", "did you mean `hunt`?"])
    );
    let world = World::new();
    world.write(LIST, "rules: []\nentries:\n".to_owned() + &entry("one", "SHA1: {equals: aa}"));
    refused(&world, &["the allowlist names no rules"]);
    let world = World::new();
    world.allowlist("list", "'*'", &[entry("one", "SHA1: {equals: aa}")]);
    refused(&world, &["spell it out: `any`"]);
    // References of an environment lead somewhere, too.
    for (line, says) in [
        ("parameters: {hutn: {minimum: 1}}", "did you mean `hunt`?"),
        ("overrides: {hutn: {severity: low}}", "did you mean `hunt`?"),
        ("parameters: {hunt: {minimun: 1}}", "did you mean `minimum`?"),
        ("parameters: {hunt: {minimum: 1h}}", "CMP-04"),
        ("allowlists: [_shared/nothing]", "_shared/nothing"),
        ("select: {rules: [hutn]}", "did you mean `hunt`?"),
    ] {
        let world = World::new();
        world.append(ENVIRONMENT, &format!("{line}\n"));
        refused(&world, &[says, "environments/lab/environment.yaml:8:"]);
    }
}

#[test]
fn entries_without_an_end_or_past_it() {
    let late = |day: &str| {
        let world = World::new();
        let required = entry("one", "SHA1: {equals: aa}")
            .replace("2027-05-01", day)
            .replace("    match:", "    required: true\n    match:");
        world.allowlist("list", "hunt", &[required]);
        world
    };
    snapshot!(
        "refused_expired",
        refused(&late("2026-11-22"), &["ALW-02", "environments/lab/allowlists/list.yaml:7:14"])
    );
    refused(&late("2026-11-23"), &["expired on 2026-11-23; today is 2026-11-23"]);
    late("2026-11-24").run("validate").exits(0);
    refused(&late("2027-11-24"), &["ALW-01"]);
    late("2027-11-23").run("validate").exits(0);
    refused(&late("2027-02-30"), &["there is no such day"]);
    refused(&late("soon"), &["not a date"]);
    let world = World::new();
    world.allowlist(
        "list",
        "hunt",
        &[entry("one", "SHA1: {equals: aa}").replace("    expires: 2027-05-01\n", "")],
    );
    refused(&world, &["expires: 2027-05-01", "FMT-02"]);
}

#[test]
fn an_entry_lapses_only_where_somebody_wrote_that_it_may() {
    let world = World::new();
    let expired = entry("one", "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}")
        .replace("2027-05-01", "2026-11-22");
    world.allowlist("list", "hunt", std::slice::from_ref(&expired));
    refused(&world, &["ALW-02", "list.yaml:7:14"]);
    world.allowlist("list", "hunt", &[expired.replace("    match:", "    required: false\n    match:")]);
    let ran = world.run("plan -e lab").exits(0).says(&["warning[ALW-02]", "list.yaml:7:14"]);
    assert!(!ran.stdout.contains("3395856ce81f2b7382dee72602f798b642f14140"), "{ran}");
}

#[test]
fn entries_that_match_everything() {
    for predicate in [
        "FolderPath: {equals: ''}",
        "FolderPath: {equals: '*'}",
        "FolderPath: {starts_with: ''}",
        "FolderPath: {contains: ' '}",
        "FolderPath: {has: '*'}",
        "FolderPath: {regex: '.*'}",
        "FolderPath: {regex: '^'}",
        "FolderPath: {regex: '.*$'}",
        "FolderPath: {regex: '(a|)'}",
        "FolderPath: {regex: '^.*$'}",
        "FolderPath: {regex: '.+'}",
        "FolderPath: {regex: '^(.+)$'}",
        "FolderPath: {regex: '.'}",
        "FolderPath: {regex: 'x|.*'}",
        "FolderPath: {regex: '[\\s\\S]*'}",
        "DeviceName: {cidr: 0.0.0.0/0}",
        "DeviceName: {cidr: '::/0'}",
        "DeviceName: {in: []}",
        "DeviceName: {in: [a, '']}",
        "{}",
        "DeviceName: {}",
        "DeviceName: plain",
        "DeviceName: [a]",
        "DeviceName: {equals: null}",
        "DeviceName: {equals: a, in: [b]}",
    ] {
        let world = World::new();
        let text = if predicate == "{}" {
            entry("one", "x").replace("match:\n      x", "match: {}")
        } else {
            entry("one", predicate)
        };
        world.allowlist("list", "hunt", &[text]);
        refused(&world, &["environments/lab/allowlists/list.yaml:"]);
    }
}

#[test]
fn characters_that_cannot_be_seen_are_named() {
    for (yaml, point) in [
        (r#""a\u0000b""#, "U+0000"),
        (r#""a\u0007b""#, "U+0007"),
        (r#""a\u001bb""#, "U+001B"),
        (r#""a\u007fb""#, "U+007F"),
        (r#""a\u0085b""#, "U+0085"),
        (r#""a\nb""#, "U+000A"),
        (r#""a\rb""#, "U+000D"),
        (r#""a\u2028b""#, "U+2028"),
        (r#""a\u200bb""#, "U+200B"),
        (r#""a\u202eb""#, "U+202E"),
        (r#""a\u2066b""#, "U+2066"),
        (r#""a\u061cb""#, "U+061C"),
        (r#""a\ufeffb""#, "U+FEFF"),
        (r#""a\U000E0041b""#, "U+E0041"),
    ] {
        let world = with_entry(&format!("FolderPath: {{equals: {yaml}}}"));
        refused(&world, &[point, "environments/lab/allowlists/list.yaml:9:"]);
    }
    // Written as they are.
    for character in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{1b}', '\u{0}', '\u{feff}'] {
        let world = with_entry(&format!("FolderPath: {{equals: 'a{character}b'}}"));
        let ran = refused(&world, &[&format!("U+{:04X}", u32::from(character)), "list.yaml:9:"]);
        assert!(!ran.stderr.contains(character), "the message shows the character itself");
    }
}

#[test]
fn lone_surrogates_are_refused() {
    for yaml in [r#""a\ud800b""#, r#""a\udfffb""#, r#""\udc00\ud800""#] {
        let world = with_entry(&format!("FolderPath: {{equals: {yaml}}}"));
        refused(&world, &["environments/lab/allowlists/list.yaml:9:"]);
    }
}

#[test]
fn hidden_characters_elsewhere() {
    for (path, from, to) in [
        ("rules/hunt.yaml", "name: Unsigned program", "name: \"Unsigned \\u202e program"),
        ("rules/hunt.yaml", "has \"Schedule\"", "has \"Sche\u{202e}dule\""),
        ("rules/hunt.yaml", "tags: [windows]", "tags: [\"win\\u0007dows\"]"),
    ] {
        let world = World::new();
        let to = if to.starts_with("name") { to.to_owned() + " from a task\"" } else { to.to_owned() };
        let from = if from.starts_with("name") { "name: Unsigned program from a task" } else { from };
        world.edit(path, from, &to);
        refused(&world, &["U+", path]);
    }
}

#[test]
fn yaml_that_unfolds_into_gigabytes() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    for path in ["rules/bomb.yaml", LIST, "environments/lab/allowlists/deep.yaml", "palisade.yaml"] {
        let world = World::new();
        world.write(path, &bomb);
        refused(&world, &["YAML-04", path]);
    }
    let world = World::new();
    world.write("rules/deep.yaml", format!("id: {}{}", "[".repeat(10_000), "]".repeat(10_000)));
    refused(&world, &["rules/deep.yaml"]);
    let world = World::new();
    world.write("rules/deep.yaml", format!("id: {}", "{a: ".repeat(100_000)));
    refused(&world, &["rules/deep.yaml"]);
}

#[cfg(unix)]
#[test]
fn links_and_paths_out_of_the_repository() {
    let world = World::new();
    std::fs::write(world.beside("secret.yaml"), TASK.replace("id: task", "id: secret")).unwrap();
    std::os::unix::fs::symlink(world.beside("secret.yaml"), world.root().join("rules/secret.yaml")).unwrap();
    let ran = refused(&world, &["FILE-03", "rules/secret.yaml"]);
    assert!(!ran.stderr.contains("A person, not the system"), "the file's content is shown\n{ran}");

    let world = World::new();
    std::os::unix::fs::symlink("/", world.root().join("rules/root")).unwrap();
    refused(&world, &["FILE-03", "rules/root"]);

    let world = World::new();
    std::os::unix::fs::symlink("..", world.root().join("rules/loop")).unwrap();
    let ran = world.run("validate");
    assert!(matches!(ran.code, 0 | 1), "{ran}");

    let world = World::new();
    std::os::unix::fs::symlink(world.beside("home"), world.root().join("environments/lab/allowlists"))
        .unwrap();
    refused(&world, &["FILE-03"]);

    for name in ["../../secret", "/etc/passwd", "_shared/../../secret", "_shared/..", "..\\secret"] {
        let world = World::new();
        world.append(ENVIRONMENT, &format!("allowlists: ['{name}']\n"));
        refused(&world, &["environments/lab/environment.yaml:8:"]);
    }
    let world = World::new();
    world.append(ENVIRONMENT, "extends: ../../elsewhere\n");
    refused(&world, &["environments/lab/environment.yaml:8:"]);
}

#[cfg(unix)]
#[test]
fn pipes_and_devices() {
    let world = World::new();
    let made = std::process::Command::new("mkfifo").arg(world.root().join("rules/pipe.yaml")).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: mkfifo is not there");
        return;
    }
    refused(&world, &["FILE-03", "rules/pipe.yaml"]);
}

#[test]
fn files_that_are_too_large_or_no_text() {
    for path in ["rules/large.yaml", LIST, "rules/hunt.kql"] {
        let world = World::new();
        world.write(path, "");
        // Sparse: it takes no room, and reading it would take 100 MB.
        std::fs::OpenOptions::new()
            .write(true)
            .open(world.root().join(path))
            .unwrap()
            .set_len(100 << 20)
            .unwrap();
        refused(&world, &["FILE-04", path]);
    }
    let world = World::new();
    world.write("rules/latin.yaml", b"id: latin\nname: Ger\xe4t\n");
    refused(&world, &["rules/latin.yaml:2:10", "UTF-8"]);
    let world = World::new();
    world.write("rules/zero.yaml", b"\0\0\0\0");
    refused(&world, &["rules/zero.yaml:1:1"]);
    let world = World::new();
    world.write("rules/empty.yaml", "");
    refused(&world, &["the file is empty", "rules/empty.yaml"]);
}

#[test]
fn queries_that_would_break_apart() {
    for (query, place) in [
        ("SecurityEvent | where A == \"open", "rules/open.yaml:5:"),
        ("SecurityEvent | where A == 'x' and (B == 1", "rules/open.yaml:5:"),
        ("SecurityEvent | where A == ```open", "rules/open.yaml:5:"),
        ("SecurityEvent }", "rules/open.yaml:5:"),
        ("\u{0}", "rules/open.yaml"),
    ] {
        let world = World::new();
        world.write(
            "rules/open.yaml",
            format!("id: open\nname: Open\nstatus: production\nseverity: low\nquery: {}\nsentinel: {{kind: scheduled, frequency: PT1H, period: PT1H}}\n",
                serde_json::to_string(query).unwrap()),
        );
        refused(&world, &[place]);
    }
    // A slot in the middle of a step.
    let world = with(
        "rules/task.yaml",
        "  | where EventID == 4698\n  // allowlist",
        "  | where EventID ==\n  // allowlist\n  4698",
    );
    world.allowlist("list", "task", &[entry("one", "Computer: {equals: a}")]);
    refused(&world, &["CMP-06", "rules/task.yaml:12:3"]);
}

#[test]
fn every_mistake_of_every_file_in_one_run() {
    let world = World::new();
    world.edit("rules/hunt.yaml", "severity: medium", "severity: severe");
    world.edit("rules/task.yaml", "frequency: PT1H", "frequency: hourly");
    world.append(ENVIRONMENT, "ring: last\n");
    world.allowlist("list", "hunt", &[entry("one", "SHA1: {cidr: 10.0.0.1/8}")]);
    let ran = refused(
        &world,
        &[
            "rules/hunt.yaml:4:11",
            "rules/task.yaml:16:14",
            "environments/lab/environment.yaml:8:7",
            "list.yaml:9:",
            "4 errors",
        ],
    );
    snapshot!("refused_all_at_once", ran);
}

#[test]
fn no_repository_at_all() {
    let world = World::new();
    let home = world.beside("home").display().to_string();
    snapshot!("refused_no_repository", world.run(&format!("-C {home} plan")).exits(1));
    world.run("-C nowhere validate").exits(1).says(&["is not a folder"]);
    world.remove("palisade.yaml");
    world.run("plan -e lab").exits(1).says(&["no palisade.yaml"]);
}

#[test]
fn environments_that_do_not_say_what_they_must() {
    for (line, says) in [
        ("owner: acme/lab\n", "owner"),
        ("tenant_id: 11111111-1111-4111-8111-111111111111\n", "tenant_id"),
        ("prune: owned\n", "`owned` deletes deployed rules"),
    ] {
        let world = with(ENVIRONMENT, line, "");
        refused(&world, &["FMT-02", says, "environments/lab/environment.yaml"]);
    }
    for (from, to, says) in [
        ("tenant_id: 11111111-1111-4111-8111-111111111111", "tenant_id: contoso.com", "tenant_id"),
        ("cloud: sandbox", "cloud: azure", "public"),
        ("workspace: law-lab", "workspace: law/../lab", "letters, digits"),
        ("resource_group: rg-soc", "resource_group: 'rg?x=1'", "letters, digits"),
        ("owner: acme/lab", "owner: 'acme lab'", "letters, digits"),
        ("prune: owned", "prune: always", "never"),
    ] {
        let world = with(ENVIRONMENT, from, to);
        refused(&world, &[says, "environments/lab/environment.yaml:"]);
    }
    let world = World::new();
    world.write(
        ENVIRONMENT,
        "owner: acme/lab\ntenant_id: 11111111-1111-4111-8111-111111111111\nprune: owned\n",
    );
    refused(&world, &["neither `defender` nor `sentinel`"]);
}

#[test]
fn response_actions_are_forbidden_unless_an_environment_allows_them() {
    let world = with(
        "rules/hunt.yaml",
        "  frequency: PT1H",
        "  frequency: PT1H\n  actions: {isolateDevices: [{deviceIdColumn: DeviceId, isolationType: full}]}",
    );
    snapshot!("refused_response_action", refused(&world, &["rules/hunt.yaml:19:", "isolateDevices"]));
    world.append(ENVIRONMENT, "response_actions: {allow: [isolateDevices]}\n");
    world.run("apply -e lab --auto-approve").exits(0);
}

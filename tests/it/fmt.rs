//! `palisade fmt`: one layout, nothing lost, refused where it cannot be proved.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::world::World;

const UNTIDY: &str = "id:   tidy\nname: Tidy\nstatus: production   # since spring\n\n\n\nseverity: high\nquery: |\n    DeviceEvents\n      | where a == 1  \n    // allowlist\ndefender:\n    frequency: PT1H\n    entities: { hosts: [ {deviceIdColumn: DeviceId} ] }\n    # the last word\n";
const TIDY: &str = "id: tidy\nname: Tidy\nstatus: production   # since spring\n\nseverity: high\nquery: |\n  DeviceEvents\n    | where a == 1  \n  // allowlist\ndefender:\n  frequency: PT1H\n  entities: {hosts: [{deviceIdColumn: DeviceId}]}\n  # the last word\n";

#[test]
fn files_are_laid_out_and_stay_so() {
    let world = World::new();
    world.write("rules/tidy.yaml", UNTIDY);
    let before = world.read("palisade.yaml");
    let checked = world.run("fmt --check rules/tidy.yaml").exits(1);
    checked.says(&[
        "rules/tidy.yaml",
        "-       | where a == 1",
        "+   DeviceEvents",
        "1 file of 1 is not laid out",
        "palisade fmt",
    ]);
    assert_eq!(world.read("rules/tidy.yaml"), UNTIDY, "--check writes nothing");
    let ran = world.run("fmt").exits(0);
    assert!(ran.stdout.contains("rules/tidy.yaml"), "{ran}");
    assert_eq!(world.read("rules/tidy.yaml"), TIDY);
    assert_eq!(world.read("palisade.yaml"), before);
    world.run("fmt --check").exits(0);
    assert_eq!(world.run("fmt").exits(0).stdout, "");
}

#[test]
fn standard_input_goes_to_standard_output() {
    let world = World::empty();
    let run = |arguments: &[&str], text: &str| {
        let mut child = world
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(run(&["fmt", "-"], UNTIDY), (Some(0), TIDY.to_owned()));
    assert_eq!(run(&["fmt", "-", "--check"], TIDY), (Some(0), String::new()));
    assert_eq!(run(&["fmt", "-", "--check"], UNTIDY).0, Some(1));
    assert_eq!(run(&["fmt", "-"], "a: [\n"), (Some(1), String::new()));
}

#[test]
fn what_is_broken_or_strange_is_left_alone_and_stops_nothing_else() {
    let world = World::empty();
    let broken = "id: broken\n  name: x\n";
    let strange = "? id\n: strange\n";
    world
        .write("rules/broken.yaml", broken)
        .write("rules/strange.yaml", strange)
        .write("rules/tidy.yaml", UNTIDY);
    world.write("rules/large.yaml", vec![b'#'; (1 << 20) + 1]).write("rules/bytes.yaml", [b'a', b':', 0xff]);
    let ran = world.run("fmt").exits(1);
    ran.says(&[
        "rules/broken.yaml:2:7",
        "rules/strange.yaml:1:1",
        "no layout is defined for a key with `?`",
        "rules/large.yaml: it is larger than 1 MiB",
        "rules/bytes.yaml: it is not UTF-8",
    ]);
    assert_eq!(
        (world.read("rules/broken.yaml").as_str(), world.read("rules/strange.yaml").as_str()),
        (broken, strange)
    );
    assert_eq!(world.read("rules/tidy.yaml"), TIDY);
    world.run("fmt rules/none.yaml").exits(1).says(&["rules/none.yaml` cannot be read"]);
}

#[test]
fn lines_of_a_sensitive_list_are_not_shown() {
    let world = World::new();
    let list = "rules: [hunt]\nsensitive:   true\nentries:\n  - id: one\n    reason: Known.\n    owner: soc@example.com\n    created: 2026-11-01\n    expires: 2027-05-01\n    match:   {DeviceName: {equals: hidden-host}}\n";
    world.write("environments/lab/allowlists/hidden.yaml", list);
    let ran = world.run("fmt --check").exits(1);
    assert!(!ran.stdout.contains("hidden-host") && !ran.stderr.contains("hidden-host"), "{ran}");
    world.write("environments/lab/allowlists/hidden.yaml", format!("{list}  - [\n"));
    let ran = world.run("fmt").exits(1);
    assert!(!ran.stdout.contains("hidden-host") && !ran.stderr.contains("hidden-host"), "{ran}");
}

#[test]
fn line_feeds_and_no_byte_order_mark() {
    let world = World::empty();
    world.write("rules/tidy.yaml", format!("\u{feff}{}", UNTIDY.replace('\n', "\r\n")));
    world.run("fmt").exits(0);
    assert_eq!(world.read("rules/tidy.yaml"), TIDY);
}

#[test]
#[cfg(unix)]
fn permissions_stay_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let world = World::empty();
    world.write("rules/tidy.yaml", UNTIDY);
    let path = world.root().join("rules/tidy.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::write(world.beside("outside.yaml"), UNTIDY).unwrap();
    symlink(world.beside("outside.yaml"), world.root().join("rules/link.yaml")).unwrap();
    world.run("fmt").exits(0);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_to_string(world.beside("outside.yaml")).unwrap(), UNTIDY);
}

#[test]
fn the_shipped_files_are_laid_out() {
    World::shipped().run("fmt --check").exits(0);
}

/// Every published rule keeps its values, as another reader of YAML sees them.
#[test]
fn published_rules_keep_their_values() {
    let Some(corpus) = corpus() else { return };
    let world = World::empty();
    let mut originals = Vec::new();
    for folder in std::fs::read_dir(&corpus).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = format!("rules/{}", path.file_name().unwrap().to_string_lossy());
            let text = std::fs::read(&path).unwrap();
            world.write(&name, &text);
            originals.push((name, String::from_utf8(text).unwrap()));
        }
    }
    assert!(originals.len() > 500);
    world.run("fmt rules").exits(0);
    for (name, before) in &originals {
        let value = |text: &str| {
            serde_saphyr::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}'))
                .map_err(|error| error.to_string())
        };
        assert_eq!(value(&world.read(name)), value(before), "{name}");
    }
    world.run("fmt rules --check").exits(0);
}

/// The published rules, where they are at hand.
fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("PALISADE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let rules = shared.join("corpus/rules");
    if rules.is_dir() {
        return Some(rules);
    }
    eprintln!("skipped: {} is not there", rules.display());
    None
}

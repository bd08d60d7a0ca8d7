//! `--help` of every command, as it is printed. A new command appears here by itself.

use crate::world::{World, settings};

/// Every command's path, the program itself first.
fn commands(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        let path = if path.is_empty() {
            child.get_name().to_owned()
        } else {
            format!("{path} {}", child.get_name())
        };
        commands(child, &path, found);
    }
}

#[test]
fn every_command_explains_itself() {
    let world = World::empty();
    let mut found = Vec::new();
    commands(&palisade::cli::definition(), "", &mut found);
    assert!(found.len() > 8, "{found:?}");
    for path in &found {
        let ran = world.run(&format!("{path} --help")).exits(0);
        assert!(ran.stderr.is_empty(), "{ran}");
        assert!(ran.stdout.contains("Usage:"), "{ran}");
        let name =
            format!("help_{}", if path.is_empty() { "palisade".to_owned() } else { path.replace(' ', "_") });
        settings().bind(|| insta::assert_snapshot!(name, ran.to_string()));
    }
    // And none that is gone leaves its text behind.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/snapshots");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if let Some(path) = name.strip_prefix("help_").and_then(|name| name.strip_suffix(".snap")) {
            let known = found.iter().any(|one| one.replace(' ', "_") == path);
            assert!(known || path == "palisade", "{name} is of no command");
        }
    }
}

#[test]
fn versions() {
    let world = World::empty();
    let version = world.run("version").exits(0).stdout;
    assert_eq!(version, format!("palisade {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(world.run("--version").exits(0).stdout, version);
    assert_eq!(world.run("version --json").exits(0).json()["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_code_is_explained() {
    let world = World::empty();
    world.run("explain alw-06").exits(0).says(&["ALW-06: an allowlist entry is weaker than required"]);
    world.run("explain ALW-66").exits(1).says(&["there is no code", "did you mean ALW-06?"]);
}

//! Which module may know which, and what the pure ones must not contain: the invariants of ARCHITECTURE.md that a reader of
//! one file cannot see. A new module must be entered here, which is the moment to think about where it belongs.

use std::path::{Path, PathBuf};

/// A module of the crate, those of the crate that it may use, and what it must not contain.
struct Layer {
    module: &'static str,
    uses: &'static [&'static str],
    never: &'static [&'static [&'static str]],
}

const NETWORK: &[&str] = &["tokio", "reqwest", "azure_core", "azure_identity", "async fn", "async move"];
const SURROUNDINGS: &[&str] =
    &["std::fs", "std::env", "std::process", "File::open", "TcpStream", "TcpListener", "UdpSocket"];
const CLOCK: &[&str] =
    &["std::time", "Timestamp::now", "Zoned::now", "SystemTime", "Instant::now", "new_v4", "rand::"];
const PRINTING: &[&str] = &["println!", "eprintln!", "print!(", "stdout()", "stderr()"];
const PURE: &[&[&str]] = &[NETWORK, SURROUNDINGS, CLOCK, PRINTING];

const fn layer(
    module: &'static str,
    uses: &'static [&'static str],
    never: &'static [&'static [&'static str]],
) -> Layer {
    Layer { module, uses, never }
}

const LAYERS: &[Layer] = &[
    // Foundation.
    layer("address", &[], PURE),
    layer("characters", &[], PURE),
    layer("duration", &[], PURE),
    layer("parallel", &[], PURE),
    layer("source", &[], PURE),
    layer("diagnostic", &["source"], PURE),
    // Language.
    layer("kql", &["diagnostic"], PURE),
    // Authoring. `model` keeps texts with their places and literals as YAML nodes; schema files are tables of `kql`.
    layer("model", &["address", "duration", "kql", "source", "yaml"], PURE),
    layer("yaml", &["address", "characters", "diagnostic", "duration", "kql", "model", "source"], PURE),
    layer("fleet", &["diagnostic", "model", "resource", "source", "yaml"], PURE),
    // The decoder's formats as JSON Schema; its tests read through `yaml`.
    layer("formats", &["diagnostic", "model", "source", "yaml"], PURE),
    layer(
        "load",
        &["address", "characters", "diagnostic", "fleet", "model", "parallel", "source", "yaml"],
        &[NETWORK, CLOCK, PRINTING],
    ),
    // Compile, compare, plan.
    layer("resource", &["address"], PURE),
    layer(
        "compile",
        &["address", "characters", "diagnostic", "duration", "kql", "model", "resource", "source", "yaml"],
        PURE,
    ),
    layer(
        "allowlist",
        &["address", "characters", "compile", "diagnostic", "kql", "model", "source", "yaml"],
        PURE,
    ),
    layer(
        "verify",
        &["address", "allowlist", "compile", "diagnostic", "kql", "model", "resource", "source", "yaml"],
        PURE,
    ),
    // Its tests read back what it writes.
    layer("fixture", &["characters"], PURE),
    layer("diff", &["duration", "resource"], PURE),
    layer("plan", &["address", "diff", "duration", "model", "parallel", "resource"], PURE),
    // Adoption: foreign forms of rules in, rule files out.
    layer(
        "import",
        &[
            "address",
            "characters",
            "compile",
            "diagnostic",
            "diff",
            "duration",
            "kql",
            "model",
            "plan",
            // Only what it knows of the retired shape of Graph.
            "provider",
            "resource",
            "source",
            "yaml",
        ],
        PURE,
    ),
    // A repository to begin with, as texts.
    layer("scaffold", &["formats"], PURE),
    // What is deployed where, for people who read.
    layer("catalogue", &["allowlist", "compile", "model", "plan", "resource"], PURE),
    // Edge.
    layer("provider", &["address", "resource"], &[SURROUNDINGS, PRINTING]),
    // Facts of the edge, judged.
    layer("checkup", &["provider"], PURE),
    layer("apply", &["diff", "plan", "provider", "resource"], &[SURROUNDINGS, CLOCK, PRINTING]),
    // On its own, so that it cannot repeat the product's mistakes; `parallel` knows nothing that could be one.
    layer("sandbox", &["parallel"], &[PRINTING]),
    // Face.
    layer(
        "render",
        &[
            "apply",
            "catalogue",
            "characters",
            "checkup",
            "diagnostic",
            "diff",
            "kql",
            "model",
            "plan",
            "provider",
            "resource",
            "source",
            "verify",
        ],
        PURE,
    ),
];
/// May use everything: the crate's root, the program, the command line.
const ABOVE: &[&str] = &["lib", "main", "cli"];

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for (module, path, text) in sources() {
        let Some(layer) = LAYERS.iter().find(|layer| layer.module == module) else {
            assert!(ABOVE.contains(&module.as_str()), "{module} is in no layer: enter it into {}", file!());
            continue;
        };
        for used in text.split("crate::").skip(1).map(first_word) {
            if used != module && !layer.uses.contains(&used) {
                wrong.push(format!("{path}: {module} must not use {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_modules_touch_no_file_no_network_and_no_clock() {
    let mut wrong = Vec::new();
    for (module, path, text) in sources() {
        for layer in LAYERS.iter().filter(|layer| layer.module == module) {
            let found = layer.never.iter().copied().flatten().filter(|word| text.contains(**word));
            wrong.extend(found.map(|word| format!("{path}: {module} must not contain `{word}`")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Module, path and text of every source file, without comments and tests.
fn sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let is_test = |path: &PathBuf| {
        let stem = path.file_stem().unwrap().to_string_lossy();
        stem.ends_with("tests") || matches!(&*stem, "testing" | "cases")
    };
    files.retain(|path| !is_test(path));
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let relative = path.strip_prefix(&root).unwrap();
        let module = relative.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        (module, relative.display().to_string(), code_of(&text))
    };
    files.iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// Unit tests stand at the end of a file; what they use is their own affair.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

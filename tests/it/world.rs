//! A detection repository of its own, a sandbox tenant of its own, and the real program on them.
//!
//! A test writes files, runs commands, plays what other people do to the tenant, and reads what was sent. Nothing of the
//! machine shows through: the environment is cleared, the clock stands at [`NOW`], the home directory is empty. Nothing
//! waits for time to pass. Start with [`World::new`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use palisade::sandbox::Offline;
use serde_json::{Value, json};

/// The moment at which every test runs.
pub(crate) const NOW: &str = "2026-11-23T08:00:00Z";
/// Tenant of the environment `lab`.
pub(crate) const TENANT: &str = "11111111-1111-4111-8111-111111111111";
/// Where the sandbox keeps its state.
const STATE: &str = ".palisade/sandbox";
/// The longest wait for a program that ended to let go of the state directory.
const LOCK: Duration = Duration::from_secs(20);

const PROJECT: &str = "owner: acme\n";
const ENVIRONMENT: &str = "\
owner: acme/lab
tenant_id: 11111111-1111-4111-8111-111111111111
cloud: sandbox
defender: {}
sentinel:
  - {subscription: 22222222-2222-4222-8222-222222222222, resource_group: rg-soc, workspace: law-lab}
prune: owned
";
/// A custom detection with a slot and a parameter.
pub(crate) const HUNT: &str = r#"id: hunt
name: Unsigned program from a task
status: production
severity: medium
description: A task ran a program that nobody signed.
attack:
  - {tactic: Persistence, techniques: [T1053.005]}
tags: [windows]
query: |
  let minimum = 3;
  DeviceProcessEvents
  | where InitiatingProcessCommandLine has "Schedule"
  | summarize arg_max(Timestamp, *), Count = count() by DeviceId, SHA1
  | where Count >= minimum
  // allowlist
  | project Timestamp, DeviceId, ReportId, DeviceName, FileName, FolderPath, SHA1
defender:
  frequency: PT1H
  title: "Unsigned {{FileName}} from a task"
  entities: {hosts: [{deviceIdColumn: DeviceId}]}
"#;
/// A scheduled analytics rule with a slot.
pub(crate) const TASK: &str = r#"id: task
name: Task created by a person
status: production
severity: high
description: A person, not the system, registered a scheduled task.
attack:
  - {tactic: Persistence, techniques: [T1053.005]}
tags: [windows]
query: |
  SecurityEvent
  | where EventID == 4698
  // allowlist
  | project TimeGenerated, Computer, SubjectUserSid, Activity
sentinel:
  kind: scheduled
  frequency: PT1H
  period: PT2H
  trigger: {operator: GreaterThan, threshold: 0}
  entities:
    - {type: Host, fields: {FullName: Computer}}
"#;

/// A repository, its sandbox, and the program.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A repository without rules: `palisade.yaml` and the environment `lab` of `cloud: sandbox`.
    pub(crate) fn empty() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.folder.path().join("home")).unwrap();
        std::fs::create_dir(world.folder.path().join("repo")).unwrap();
        world.write("palisade.yaml", PROJECT);
        world.write("environments/lab/environment.yaml", ENVIRONMENT);
        world.switch("record_bodies", "true");
        world
    }

    /// The same with one custom detection ([`HUNT`]) and one analytics rule ([`TASK`]).
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.write("rules/hunt.yaml", HUNT);
        world.write("rules/task.yaml", TASK);
        world
    }

    /// The same, deployed.
    pub(crate) fn deployed() -> Self {
        let world = Self::new();
        world.run("apply -e lab --auto-approve").exits(0);
        world.forget_requests();
        world
    }

    /// A copy of the repository that this project ships.
    pub(crate) fn shipped() -> Self {
        let world = Self::empty();
        std::fs::remove_dir_all(world.root().join("environments")).unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["palisade.yaml", "rules", "environments"] {
            copy(&project.join(name), &world.root().join(name));
        }
        // Beside the cases lie this project's own tests.
        std::fs::create_dir(world.root().join("tests")).unwrap();
        for child in std::fs::read_dir(project.join("tests")).unwrap() {
            let child = child.unwrap().path();
            if child.extension().is_some_and(|extension| extension == "yaml") {
                copy(&child, &world.root().join("tests").join(child.file_name().unwrap()));
            }
        }
        world
    }

    /// The repository's folder.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// A path beside the repository.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the repository.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A file's text.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// Replaces a text that stands exactly once in a file.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = self.read(path);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {path}");
        self.write(path, text.replace(from, to))
    }

    /// Adds lines to a file.
    pub(crate) fn append(&self, path: &str, lines: &str) -> &Self {
        let text = self.read(path);
        self.write(path, format!("{text}{lines}"))
    }

    /// Removes a file.
    pub(crate) fn remove(&self, path: &str) -> &Self {
        std::fs::remove_file(self.root().join(path)).unwrap();
        self
    }

    /// Adds an allowlist of `lab` with entries as YAML list items.
    pub(crate) fn allowlist(&self, name: &str, rule: &str, entries: &[String]) -> &Self {
        let entries = entries.concat();
        self.write(
            &format!("environments/lab/allowlists/{name}.yaml"),
            format!("rules: [{rule}]\nentries:\n{entries}"),
        )
    }

    /// Runs the program; arguments are separated by blanks.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.run_with(arguments, &[])
    }

    /// Runs the program with arguments that may hold blanks.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> Ran {
        let output = self.command().args(arguments).output().unwrap();
        Ran::new(&arguments.join(" "), output, self.folder.path())
    }

    /// Runs the program with further environment variables.
    pub(crate) fn run_with(&self, arguments: &str, variables: &[(&str, &str)]) -> Ran {
        let output = self
            .command()
            .args(arguments.split_whitespace())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Ran::new(arguments, output, self.folder.path())
    }

    /// The program in the repository, with nothing of the machine's environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command
            .current_dir(self.root())
            .env_clear()
            .env("PALISADE_NOW", NOW)
            .env("HOME", self.folder.path().join("home"))
            .env("PATH", self.folder.path().join("home"))
            .stdin(Stdio::null());
        command
    }

    /// The state directory of the sandbox.
    pub(crate) fn state(&self) -> PathBuf {
        self.root().join(STATE)
    }

    /// An operation of the sandbox's control API, while no program runs.
    pub(crate) fn play(&self, operation: &Value) -> Value {
        self.try_play(operation).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn try_play(&self, operation: &Value) -> Result<Value, palisade::sandbox::SandboxError> {
        Offline::open(&self.state(), LOCK)?.control(operation)
    }

    /// Somebody edits a rule in the portal: dotted paths and new values.
    pub(crate) fn portal_edit(&self, rule: &str, set: &Value) -> &Self {
        self.play(&json!({"op": "edit", "rule": rule, "set": set}));
        self
    }

    /// Sets a switch of the sandbox for all further runs.
    pub(crate) fn switch(&self, name: &str, value: &str) -> &Self {
        self.play(&json!({"op": "set_switches", "values": {name: value}}));
        self
    }

    /// Orders faults for every further run.
    pub(crate) fn faults(&self, orders: &Value) -> &Self {
        std::fs::write(self.state().join("faults.json"), orders.to_string()).unwrap();
        self
    }

    /// Takes the orders back.
    pub(crate) fn no_faults(&self) -> &Self {
        std::fs::remove_file(self.state().join("faults.json")).unwrap();
        self
    }

    /// The rules in the tenant: platform, place, id, name, state.
    pub(crate) fn rules(&self) -> Vec<Value> {
        self.play(&json!({"op": "list"})).as_array().unwrap().clone()
    }

    /// The names of the rules of one platform, without the Fusion rule that every workspace has.
    pub(crate) fn names(&self, platform: &str) -> Vec<String> {
        let rules = self.rules();
        let here = rules.iter().filter(|rule| rule["platform"] == platform && rule["id"] != "BuiltInFusion");
        here.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The stored document of the one rule with this display name.
    pub(crate) fn document(&self, name: &str) -> Value {
        let state = std::fs::read_to_string(self.state().join("state.ndjson")).unwrap();
        let lines = state.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut documents = lines.filter_map(|line| {
            let text = line.pointer("/put/record/document")?.as_str()?.to_owned();
            serde_json::from_str::<Value>(&text).ok()
        });
        let named = |document: &Value| {
            document.pointer("/properties/displayName").or_else(|| document.get("displayName"))
                == Some(&json!(name))
        };
        // The file is a log: the last one is in force.
        documents.rfind(named).unwrap_or_else(|| panic!("no rule `{name}`"))
    }

    /// Everything that reached Resource Manager and Graph since the last [`World::forget_requests`].
    pub(crate) fn requests(&self) -> Vec<Request> {
        let text = std::fs::read_to_string(self.state().join("requests.ndjson")).unwrap_or_default();
        let all = text.lines().map(|line| Request(serde_json::from_str(line).unwrap()));
        all.filter(|request| matches!(request.0["service"].as_str(), Some("arm" | "graph"))).collect()
    }

    /// Requests that write.
    pub(crate) fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_write).collect()
    }

    /// Starts a new log.
    pub(crate) fn forget_requests(&self) -> &Self {
        let _ = std::fs::remove_file(self.state().join("requests.ndjson"));
        self
    }

    /// Nothing was written since the log began, whatever was asked.
    pub(crate) fn wrote_nothing(&self) -> &Self {
        let writes = self.writes();
        assert!(writes.is_empty(), "{writes:#?}");
        self
    }
}

/// An allowlist entry that is in force, with one predicate in YAML.
pub(crate) fn entry(id: &str, predicate: &str) -> String {
    format!(
        "  - id: {id}\n    reason: Known and looked at.\n    owner: soc@example.com\n    created: 2026-11-01\n    \
         expires: 2027-05-01\n    match:\n      {predicate}\n"
    )
}

/// A request as the sandbox logged it.
#[derive(Debug, Clone)]
pub(crate) struct Request(pub(crate) Value);

impl Request {
    pub(crate) fn method(&self) -> &str {
        self.0["method"].as_str().unwrap()
    }

    pub(crate) fn path(&self) -> &str {
        self.0["path"].as_str().unwrap()
    }

    pub(crate) fn status(&self) -> u64 {
        self.0["status"].as_u64().unwrap()
    }

    /// Its place in the sandbox's log.
    pub(crate) fn number(&self) -> u64 {
        self.0["number"].as_u64().unwrap()
    }

    /// When it was answered.
    pub(crate) fn at(&self) -> jiff::Timestamp {
        self.0["at"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn body(&self) -> &Value {
        &self.0["body"]
    }

    pub(crate) fn is_write(&self) -> bool {
        self.method() != "GET"
    }

    /// For the collection itself, not for one rule.
    pub(crate) fn is_list(&self) -> bool {
        let last = self.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.method() == "GET" && matches!(last, "alertRules" | "detectionRules")
    }
}

/// How a run of the program ended, and all it said.
pub(crate) struct Ran {
    pub(crate) arguments: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn new(arguments: &str, output: Output, folder: &Path) -> Self {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("output is UTF-8");
            text.replace(&*folder.to_string_lossy(), "[folder]")
        };
        Self {
            arguments: text(arguments.as_bytes().to_vec()),
            code: output.status.code().expect("ended by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The exit code, or the whole story.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n{self}");
        self
    }

    /// Everything is as the files say.
    #[track_caller]
    pub(crate) fn has_nothing_to_do(self) -> Self {
        let ran = self.exits(0);
        assert!(ran.stdout.contains("No changes."), "\n{ran}");
        ran
    }

    /// stdout and stderr together contain every one of these.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        for text in texts {
            assert!(all.contains(text), "`{text}` is missing in\n{self}");
        }
        self
    }

    /// None of these is in stdout or stderr.
    #[track_caller]
    pub(crate) fn never_says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "`{text}` is in\n{self}");
        }
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ palisade {}", self.arguments)?;
        writeln!(f, "exit code: {}", self.code)?;
        writeln!(f, "----- stdout -----\n{}----- stderr -----\n{}", self.stdout, self.stderr)
    }
}

/// Compares a run's exit code, stdout and stderr with the stored ones, without what differs from run to run.
macro_rules! snapshot {
    ($name:literal, $ran:expr) => {
        $crate::world::settings().bind(|| insta::assert_snapshot!($name, $ran.to_string()))
    };
}
pub(crate) use snapshot;

/// Where snapshots lie and what they leave out.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../data/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, instead) in [
        (r"(localhost|127\.0\.0\.1):\d{2,5}", "$1:[port]"),
        (r"request id [0-9a-f-]{36}", "request id [id]"),
        (r"(Trace|Correlation) ID: [0-9a-f-]{36}", "$1 ID: [id]"),
        (r"Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "Timestamp: [time]"),
        (r"client '[0-9a-f-]{36}' with object id '[0-9a-f-]{36}'", "client '[id]' with object id '[id]'"),
        // The sandbox keeps real time; the program runs at NOW, which ends in 08:00:00Z.
        (r"at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "at [time]"),
        (r"[0-9a-f]{64}", "[digest]"),
    ] {
        settings.add_filter(r"at `2026-[0-9T:.Z-]+`", "at `[time]`");
        settings.add_filter(pattern, instead);
    }
    settings
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for child in std::fs::read_dir(from).unwrap() {
            let child = child.unwrap();
            copy(&child.path(), &to.join(child.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

//! Pipelines: validate every change, plan it with an identity that reads, apply what was approved, look for drift every night.
//!
//! Those for GitHub are this repository's own workflows (`.github/workflows/`), which a test runs through; only what cannot be the same
//! elsewhere is exchanged, by the tables below: how the program is installed, and the names of the environments.

use super::{ENVIRONMENT, File};

/// A system that runs pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    GitHub,
    /// Azure Pipelines.
    AzureDevOps,
    /// GitLab CI/CD.
    GitLab,
}

/// What a person has to fill in: a release cannot know the checksum of its own archive.
pub const UNKNOWN: &str = "REPLACE-ME";

const WORKFLOWS: [(&str, &str); 4] = [
    ("validate", include_str!("../../.github/workflows/validate.yml")),
    ("plan", include_str!("../../.github/workflows/plan.yml")),
    ("apply", include_str!("../../.github/workflows/apply.yml")),
    ("drift", include_str!("../../.github/workflows/drift.yml")),
];
const ACTION: &str = include_str!("../../action.yml");
/// Where the copy of the action lies, as workflows name it.
const ACTION_FOLDER: &str = ".github/actions/palisade";

/// This repository builds the program; others install a release.
const FROM_SOURCE: &str = "      - uses: ./\n        with:\n          version: source\n";
const FROM_RELEASE: &str = "      - uses: ./.github/actions/palisade\n";

/// The pipelines of `ci` for these environments, with the release of `version`.
#[must_use]
pub fn files(ci: Ci, environments: &[String], version: &str) -> Vec<File> {
    let names = Names::of(environments);
    match ci {
        Ci::GitHub => {
            let mut files: Vec<File> = WORKFLOWS
                .iter()
                .map(|(name, text)| {
                    let text = text.replace(FROM_SOURCE, FROM_RELEASE);
                    File::new(&format!(".github/workflows/{name}.yml"), names.put_into(&text))
                })
                .collect();
            files.push(File::new(&format!("{ACTION_FOLDER}/action.yml"), action(version)));
            files
        }
        Ci::AzureDevOps => vec![
            File::new("azure-pipelines.yml", names.put_into(include_str!("data/azure-pipelines.yml"))),
            File::new(
                ".azure-pipelines/palisade.yml",
                released(include_str!("data/azure-install.yml"), version),
            ),
        ],
        Ci::GitLab => vec![File::new(
            ".gitlab-ci.yml",
            names.put_into(&released(include_str!("data/gitlab-ci.yml"), version)),
        )],
    }
}

/// Where the release that pipelines install is filled in.
#[must_use]
pub const fn pin(ci: Ci) -> &'static str {
    match ci {
        Ci::GitHub => ".github/actions/palisade/action.yml",
        Ci::AzureDevOps => ".azure-pipelines/palisade.yml",
        Ci::GitLab => ".gitlab-ci.yml",
    }
}

fn released(text: &str, version: &str) -> String {
    text.replace("__RELEASES__", UNKNOWN).replace("__VERSION__", version).replace("__SHA256__", UNKNOWN)
}

/// The action of this repository, for one release: its inputs have defaults, and nothing is built.
fn action(version: &str) -> String {
    let inputs = format!(
        "inputs:\n  version:\n    description: The release to install.\n    default: {version}\n  sha256:\n    description: SHA-256 of the release's \
         archive for the runner, from its SHA256SUMS.\n    default: {UNKNOWN}\n  repository:\n    description: OWNER/NAME of the repository that has \
         the releases.\n    default: {UNKNOWN}\n  command:\n    description: What to run, for example `validate --strict`; nothing by default.\n    \
         default: \"\"\n"
    );
    let outside = |text: &str, from: &str, to: &str| {
        let (before, rest) = text.split_once(from)?;
        let (_, after) = rest.split_once(to)?;
        Some((before.to_owned(), format!("{to}{after}")))
    };
    // A test holds that both are found.
    let Some((head, steps)) = outside(ACTION, "inputs:\n", "runs:\n") else { return ACTION.to_owned() };
    let Some((before, after)) = outside(&steps, "    - name: Build\n", "    - name: Install\n") else {
        return ACTION.to_owned();
    };
    format!("{head}{inputs}{before}{after}").replace("      if: inputs.version != 'source'\n", "")
}

/// The environments' names in the forms that pipelines need.
struct Names {
    /// For `PALISADE_ENV`.
    commas: String,
    /// A list of YAML.
    list: String,
}

impl Names {
    fn of(environments: &[String]) -> Self {
        let quoted: Vec<String> = environments.iter().map(|name| scalar(name)).collect();
        Self { commas: scalar(&environments.join(",")), list: format!("[{}]", quoted.join(", ")) }
    }

    fn put_into(&self, text: &str) -> String {
        text.replace(&format!("PALISADE_ENV: {ENVIRONMENT}\n"), &format!("PALISADE_ENV: {}\n", self.commas))
            .replace(&format!("environment: [{ENVIRONMENT}]\n"), &format!("environment: {}\n", self.list))
            .replace(&format!("PALISADE_ENV: [{ENVIRONMENT}]\n"), &format!("PALISADE_ENV: {}\n", self.list))
            .replace(&format!("default: [{ENVIRONMENT}]\n"), &format!("default: {}\n", self.list))
    }
}

/// A name of letters, digits, `-`, `_`, `.` and `,` as a text of YAML: quoted where it could be a number or a boolean.
fn scalar(name: &str) -> String {
    let plain = name.len() > 5 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(',');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn everything_that_is_exchanged_is_there() {
        let count = |text: &str, part: &str| text.matches(part).count();
        for (name, text) in WORKFLOWS {
            assert_eq!(count(text, FROM_SOURCE), count(text, "uses: ./"), "{name}");
            assert_eq!(count(text, "PALISADE_ENV: sandbox\n"), usize::from(name != "validate"), "{name}");
        }
        for ci in [Ci::GitHub, Ci::AzureDevOps, Ci::GitLab] {
            let files = files(ci, &names(&["alpha-1", "beta.2"]), "9.8.7");
            let all: String = files.iter().map(|file| file.text.as_str()).collect();
            assert!(!all.contains("__") && !all.contains("source'") && all.contains("9.8.7"), "{all}");
            assert!(!all.contains("sandbox") && all.contains("[alpha-1, beta.2]"), "{all}");
            let pinned = files.iter().find(|file| file.path == pin(ci)).unwrap();
            assert_eq!(count(&pinned.text, UNKNOWN), 2, "{}", pinned.text);
        }
    }

    #[test]
    fn names_that_look_like_something_else_are_quoted() {
        for name in ["1.0", "true", "no", "123456", "a,b"] {
            assert_eq!(scalar(name), format!("\"{name}\""));
        }
        assert_eq!(scalar("contoso-prod"), "contoso-prod");
    }
}

//! `palisade init`: a detection repository to begin with, or pipelines for one that is there. Never replaces anything that somebody
//! wrote, and leaves nothing half done.

use std::path::{Path, PathBuf};

use crate::load::{PROJECT_FILE, find_root, load};
use crate::render::safe;
use crate::scaffold::{Ci, ENVIRONMENT, File, files, pipelines, pre_commit};

use super::failure::{Exit, Failure};
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// Where; it is made when it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Also write pipelines for this system; in a repository that is there already, only these
    #[arg(long, value_enum, value_name = "SYSTEM")]
    ci: Option<System>,
    /// Also write .pre-commit-config.yaml
    #[arg(long)]
    pre_commit: bool,
    /// Replace files that are there, but for .gitignore and settings of other tools
    #[arg(long)]
    force: bool,
}

/// Systems that run pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum System {
    /// GitHub Actions: .github/workflows and an action that installs a pinned release
    Github,
    /// Azure Pipelines: azure-pipelines.yml and a template of steps
    AzureDevops,
    /// GitLab CI/CD: .gitlab-ci.yml
    Gitlab,
}

impl From<System> for Ci {
    fn from(system: System) -> Self {
        match system {
            System::Github => Self::GitHub,
            System::AzureDevops => Self::AzureDevOps,
            System::Gitlab => Self::GitLab,
        }
    }
}

pub(crate) fn run(args: &InitArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let root = resolved(&start.join(&args.folder))?;
    let (wanted, is_new) = wanted(args, &root, settings)?;
    let (write, stay) = sort(&root, wanted, args.force)?;
    write_all(&root, &write)?;
    for file in &write {
        ui.data(&format!("Wrote {}", shown(&args.folder, &file.path)));
    }
    for file in &stay {
        let path = shown(&args.folder, &file.path);
        ui.tell(&format!("`{path}` is there and stays as it is. It should have:\n{}", indented(&file.text)));
    }
    if write.is_empty() {
        ui.say("Everything is there already.");
    }
    next_steps(args, is_new, ui);
    Ok(Exit::Done)
}

/// The folder without `..` and links, as far as it is there.
fn resolved(folder: &Path) -> Result<PathBuf, Failure> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let missing = folder.strip_prefix(there).unwrap_or(Path::new(""));
    let there = there.canonicalize().map_err(|error| unwritable(folder, &error))?;
    if !there.is_dir() {
        return Err(
            Failure::error(format!("`{}` is not a folder", there.display())).help("choose another folder")
        );
    }
    Ok(if missing.as_os_str().is_empty() { there } else { there.join(missing) })
}

/// The files to write, and whether they are a repository of their own.
fn wanted(args: &InitArgs, root: &Path, settings: &Settings) -> Result<(Vec<File>, bool), Failure> {
    let is_there = root.join(PROJECT_FILE).is_file();
    if let Some(outer) = find_root(root).filter(|_| !is_there) {
        return Err(Failure::error(format!(
            "`{}` lies inside the detection repository `{}`",
            root.display(),
            outer.display()
        ))
        .help("choose a folder outside of it, or add pipelines to it with `--ci` in its own folder"));
    }
    let mut wanted = Vec::new();
    let is_new = !is_there || (args.force && args.ci.is_none());
    if is_new {
        wanted = files(settings.today()?);
    } else if args.ci.is_none() && !args.pre_commit {
        return Err(Failure::error(format!("`{}` is a detection repository already", root.display()))
            .help("`--ci` adds pipelines to it, `--force` replaces its files by the example's"));
    }
    if args.pre_commit {
        wanted.push(pre_commit());
    }
    if let Some(system) = args.ci {
        let environments = if is_new { vec![ENVIRONMENT.to_owned()] } else { environments(root)? };
        wanted.extend(pipelines::files(system.into(), &environments, env!("CARGO_PKG_VERSION")));
    }
    Ok((wanted, is_new))
}

/// The names of the environments of a repository that is there.
fn environments(root: &Path) -> Result<Vec<String>, Failure> {
    let (repository, _) = load(root);
    let names: Vec<String> = repository.environments.into_iter().map(|one| one.name).collect();
    if names.is_empty() {
        return Err(Failure::error(format!("`{}` has no environment that can be read", root.display()))
            .help("`palisade validate` says what is wrong; pipelines name the environments that they plan"));
    }
    Ok(names)
}

/// What is to be written, and what other tools share and stays. Any other file that is there and says something else is an error.
fn sort(root: &Path, wanted: Vec<File>, force: bool) -> Result<(Vec<File>, Vec<File>), Failure> {
    let (mut write, mut stay, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for file in wanted {
        let path = root.join(&file.path);
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => write.push(file),
            Err(error) => return Err(unwritable(&path, &error)),
            Ok(found) => {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                // Only a file is replaced: what a link leads to, or a folder holds, is not looked at.
                if found.is_file() && text == file.text {
                    continue;
                }
                if file.shared {
                    let lines = file.text.lines().filter(|line| !line.starts_with('#'));
                    if !lines.into_iter().all(|line| text.contains(line.trim())) {
                        stay.push(file);
                    }
                } else if force && found.is_file() {
                    write.push(file);
                } else {
                    taken.push(file.path);
                }
            }
        }
    }
    if taken.is_empty() {
        return Ok((write, stay));
    }
    let list: Vec<String> = taken.iter().map(|path| format!("\n  {path}")).collect();
    Err(Failure::error(format!("nothing was written, because these are there already:{}", list.concat()))
        .help("choose another folder, move them away, or replace files with --force"))
}

/// Writes all of them or none: first beside their places, then each to its place; a failure takes back what was done.
fn write_all(root: &Path, files: &[File]) -> Result<(), Failure> {
    let mut done = Undo::default();
    let staged: Vec<(PathBuf, PathBuf)> = files
        .iter()
        .map(|file| {
            let path = root.join(&file.path);
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (path.with_file_name(format!(".{name}.{}", std::process::id())), path)
        })
        .collect();
    for (file, (temporary, path)) in files.iter().zip(&staged) {
        let staging = done.folders_of(path).and_then(|()| {
            done.files.push(temporary.clone());
            std::fs::write(temporary, &file.text)
        });
        staging.map_err(|error| done.undo(path, &error))?;
    }
    for (temporary, path) in &staged {
        let before = std::fs::read(path).ok();
        std::fs::rename(temporary, path).map_err(|error| done.undo(path, &error))?;
        match before {
            Some(text) => done.replaced.push((path.clone(), text)),
            None => done.files.push(path.clone()),
        }
    }
    Ok(())
}

/// What was done so far.
#[derive(Debug, Default)]
struct Undo {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    replaced: Vec<(PathBuf, Vec<u8>)>,
}

impl Undo {
    /// Makes the folders that a file lies in, and remembers which were not there.
    fn folders_of(&mut self, path: &Path) -> std::io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir(folder)?;
            self.folders.push(folder.to_path_buf());
        }
        Ok(())
    }

    /// Takes everything back, as far as that can be done; gives back the error to report.
    fn undo(&mut self, path: &Path, error: &std::io::Error) -> Failure {
        for (path, text) in self.replaced.drain(..) {
            let _ = std::fs::write(path, text);
        }
        for file in self.files.drain(..) {
            let _ = std::fs::remove_file(file);
        }
        for folder in self.folders.drain(..).rev() {
            let _ = std::fs::remove_dir(folder);
        }
        unwritable(path, error)
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::error(format!("`{}` cannot be written", path.display()))
        .caused_by(error)
        .help("nothing was done; choose a folder that you may write")
}

/// A path as it is seen from where the command was given.
fn shown(folder: &Path, path: &str) -> String {
    let path = if folder == Path::new(".") { PathBuf::from(path) } else { folder.join(path) };
    safe::line(&path.display().to_string())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect::<String>().trim_end().to_owned()
}

fn next_steps(args: &InitArgs, is_new: bool, ui: &Ui) {
    let mut steps: Vec<String> = Vec::new();
    if is_new {
        let inside = match args.folder.as_path() {
            folder if folder == Path::new(".") => String::new(),
            folder => format!(" -C {}", safe::line(&folder.display().to_string())),
        };
        steps.push(format!("palisade{inside} test"));
        steps.push(format!(
            "palisade{inside} plan --env {ENVIRONMENT}       (a tenant on this machine; needs no account)"
        ));
        steps.push(format!("palisade{inside} apply --env {ENVIRONMENT}"));
        steps.push(
            "write environments/NAME/environment.yaml for your own tenant, and `owner` in palisade.yaml"
                .to_owned(),
        );
    }
    if let Some(system) = args.ci {
        let ci = system.into();
        let guide = match ci {
            Ci::GitHub => "github-actions",
            Ci::AzureDevOps => "azure-devops",
            Ci::GitLab => "gitlab",
        };
        steps.push(format!(
            "fill in {} in {}: the release that pipelines install",
            pipelines::UNKNOWN,
            pipelines::pin(ci)
        ));
        steps.push(format!("set up identities and approval as docs/guides/{guide}.md of Palisade says"));
    }
    if !steps.is_empty() {
        let lines: Vec<String> = steps.iter().map(|step| format!("\n  {step}")).collect();
        ui.say(&format!("Next:{}", lines.concat()));
    }
}

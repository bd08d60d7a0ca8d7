//! The little that is asked of git: which commit this is, and the files of another one. The working tree and the index
//! are never written; no hook and no file monitor of the repository is run.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::render::safe;

use super::failure::Failure;

/// Folders and files of a detection repository; nothing else of a revision is read.
const OURS: [&str; 4] = ["palisade.yaml", "rules", "environments", "tests"];
/// The most that is read from a revision.
const MAX_BYTES: u64 = 256 << 20;

/// A revision's files in a folder of their own, which goes away with this value.
#[derive(Debug)]
pub(crate) struct Snapshot {
    folder: PathBuf,
    /// The full id of the commit.
    pub(crate) commit: String,
}

impl Snapshot {
    /// Reads the detection repository at `root` as of `revision`.
    pub(crate) fn read(root: &Path, revision: &str) -> Result<Self, Failure> {
        let commit = commit_of(root, revision)?;
        let prefix = text(root, &["rev-parse", "--show-prefix"])
            .ok_or_else(|| Failure::error("git cannot say where the repository begins"))?;
        let snapshot = Self { folder: folder(&commit)?, commit };
        snapshot.fill(root, &prefix)?;
        Ok(snapshot)
    }

    /// Where the files are.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    fn fill(&self, root: &Path, prefix: &str) -> Result<(), Failure> {
        let mut list = git(root);
        list.args(["ls-tree", "-r", "-z", "--full-tree", &self.commit, "--"]);
        list.args(OURS.map(|name| format!("{prefix}{name}")));
        let listed = list.stderr(Stdio::null()).output().map_err(|error| no_git(&error))?;
        let entries = String::from_utf8_lossy(&listed.stdout).into_owned();
        let blobs: Vec<(&str, &str)> = entries
            .split('\0')
            .filter_map(|entry| {
                let (facts, path) = entry.split_once('\t')?;
                let mut facts = facts.split(' ');
                // Regular files only: links could lead out of the folder, submodules are other repositories.
                let mode = facts.next()?;
                let regular = matches!(mode, "100644" | "100755");
                let id = facts.nth(1)?;
                let path = path.strip_prefix(prefix)?;
                let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
                (regular && inside && facts.next().is_none()).then_some((id, path))
            })
            .collect();
        if !blobs.iter().any(|(_, path)| *path == crate::load::PROJECT_FILE) {
            return Err(Failure::error(format!(
                "the revision {} has no {} here",
                self.commit,
                crate::load::PROJECT_FILE
            ))
            .help("it is from before the detection repository was there, or the folder was another one"));
        }
        self.contents(root, &blobs)
    }

    /// One git process gives all contents.
    fn contents(&self, root: &Path, blobs: &[(&str, &str)]) -> Result<(), Failure> {
        let mut batch = git(root);
        batch
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = batch.spawn().map_err(|error| no_git(&error))?;
        let (Some(mut ask), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::error("git gave no way to talk to it"));
        };
        let mut answers = BufReader::new(answers);
        let mut total = 0;
        for (id, path) in blobs {
            let broken = |error: std::io::Error| {
                Failure::error(format!("git did not give `{path}` of {}", self.commit)).caused_by(&error)
            };
            writeln!(ask, "{id}").and_then(|()| ask.flush()).map_err(broken)?;
            let mut head = String::new();
            answers.read_line(&mut head).map_err(broken)?;
            let size = head.trim_end().rsplit(' ').next().and_then(|size| size.parse::<u64>().ok());
            let size =
                size.ok_or_else(|| Failure::error(format!("git did not give `{path}` of {}", self.commit)))?;
            total += size;
            if total > MAX_BYTES {
                return Err(Failure::error(format!("the revision {} is too large", self.commit)));
            }
            let mut content = Vec::new();
            answers.by_ref().take(size).read_to_end(&mut content).map_err(broken)?;
            let mut end = [0_u8];
            answers.read_exact(&mut end).map_err(broken)?;
            let to = self.folder.join(path);
            let folder = to.parent().unwrap_or(&self.folder);
            std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&to, content)).map_err(broken)?;
        }
        drop(ask);
        let _ = child.wait();
        Ok(())
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The commit that the repository's folder is at, if its files are as committed.
pub(crate) fn clean_commit(root: &Path) -> Option<String> {
    let commit = text(root, &["rev-parse", "--verify", "--quiet", "HEAD"])?;
    let changes = text(root, &["status", "--porcelain", "--", "."])?;
    changes.is_empty().then_some(commit)
}

/// The address of the remote `origin`.
pub(crate) fn origin(root: &Path) -> Option<String> {
    text(root, &["remote", "get-url", "origin"])
}

fn commit_of(root: &Path, revision: &str) -> Result<String, Failure> {
    let mut command = git(root);
    command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]);
    let answer = command.output().map_err(|error| no_git(&error))?;
    let commit = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if answer.status.success() && !commit.is_empty() {
        return Ok(commit);
    }
    let here = root.display();
    // An unknown revision is told by the exit code alone; words mean that git could not even look.
    let words = String::from_utf8_lossy(&answer.stderr);
    if let Some(why) = words.lines().find(|line| !line.trim().is_empty()) {
        let what = format!("git cannot look for the revision `{}` in `{here}`", safe::line(revision));
        let mut failure = Failure::error(what);
        failure.causes.push(safe::line(why.trim()));
        return Err(failure.help("the detection repository has to be a git clone that belongs to you; for a container's, git wants `safe.directory`"));
    }
    Err(Failure::error(format!("there is no revision `{}` in `{here}`", safe::line(revision)))
        .help("give a commit, tag or branch that this clone has (`git log`); a shallow clone has few: `git fetch --unshallow`"))
}

fn text(root: &Path, arguments: &[&str]) -> Option<String> {
    let answer = git(root).args(arguments).stderr(Stdio::null()).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim_end().to_owned())
}

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    command.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn no_git(error: &std::io::Error) -> Failure {
    Failure::error("git cannot be run").caused_by(error).help("`--at` reads revisions with the git program")
}

/// A new folder that nobody else can look into.
fn folder(commit: &str) -> Result<PathBuf, Failure> {
    let name = format!("palisade-{}-{}", commit.get(..12).unwrap_or(commit), uuid::Uuid::new_v4().simple());
    let folder = std::env::temp_dir().join(name);
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(&folder).map_err(|error| {
        Failure::error(format!("the folder `{}` cannot be made", folder.display())).caused_by(&error)
    })?;
    Ok(folder)
}

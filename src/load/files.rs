//! Finding and reading files: sorted, bounded, and never outside the root.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::characters;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, SourceMap, Span};
use crate::yaml::encoding;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one file.
    pub file_bytes: u64,
    /// Most bytes of one file of events.
    pub event_bytes: u64,
    /// Most bytes of all files.
    pub total_bytes: u64,
    /// Most files.
    pub files: usize,
    /// Deepest folder.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 1 << 20, event_bytes: 16 << 20, total_bytes: 256 << 20, files: 50_000, depth: 16 }
    }
}

/// A file that was found and not read yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Relative to the root, with forward slashes.
    pub(super) path: String,
}

impl Found {
    /// `yaml` of `rules/a.yaml`; empty without one.
    pub(super) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// `rules/a` of `rules/a.yaml`.
    pub(super) fn without_extension(&self) -> &str {
        self.path
            .len()
            .checked_sub(self.extension().len() + 1)
            .and_then(|end| self.path.get(..end))
            .unwrap_or(&self.path)
    }

    /// `a` of `rules/a.yaml`.
    pub(super) fn stem(&self) -> &str {
        self.name().rsplit_once('.').map_or(self.name(), |(stem, _)| stem)
    }

    fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(self.path.as_str(), |(_, name)| name)
    }
}

/// A repository's files under its limits.
pub(super) struct Files {
    root: PathBuf,
    limits: Limits,
    bytes: u64,
    count: usize,
    exhausted: bool,
}

impl Files {
    /// `root` is canonical.
    pub(super) fn new(root: PathBuf, limits: Limits) -> Self {
        Self { root, limits, bytes: 0, count: 0, exhausted: false }
    }

    /// Names of the visible folders directly in `folder`, sorted. A folder that does not exist has none.
    pub(super) fn folders(
        &self,
        folder: &str,
        sources: &mut SourceMap,
        out: &mut Diagnostics,
    ) -> Vec<String> {
        let entries = self.entries(folder, sources, out);
        entries.into_iter().filter(|(_, is_folder)| *is_folder).map(|(name, _)| name).collect()
    }

    /// Every visible file below `folder` with one of the extensions, sorted by path.
    pub(super) fn tree(
        &mut self,
        folder: &str,
        extensions: &[&str],
        sources: &mut SourceMap,
        out: &mut Diagnostics,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        if self.safe(folder, sources, out).is_none() {
            return found;
        }
        let mut seen = HashSet::new();
        self.walk(folder, extensions, 0, &mut seen, &mut found, sources, out);
        found.sort();
        found
    }

    /// Visible files directly in `folder` with one of the extensions, sorted.
    pub(super) fn directly_in(
        &self,
        folder: &str,
        extensions: &[&str],
        sources: &mut SourceMap,
        out: &mut Diagnostics,
    ) -> Vec<Found> {
        if self.safe(folder, sources, out) != Some(true) {
            return Vec::new();
        }
        let files = self.entries(folder, sources, out).into_iter().filter(|(_, is_folder)| !is_folder);
        let files = files.map(|(name, _)| Found { path: format!("{folder}/{name}") });
        files.filter(|file| extensions.contains(&file.extension())).collect()
    }

    /// A file by a path that somebody wrote, if there is one: no folder on the way may lead out of the root.
    pub(super) fn below(&self, path: &str, sources: &mut SourceMap, out: &mut Diagnostics) -> Option<Found> {
        for (end, _) in path.match_indices('/') {
            self.safe(path.get(..end)?, sources, out)?;
        }
        (!self.safe(path, sources, out)?).then(|| Found { path: path.to_owned() })
    }

    /// A file by its path, if there is one.
    pub(super) fn file(&self, path: &str, sources: &mut SourceMap, out: &mut Diagnostics) -> Option<Found> {
        self.safe(path, sources, out).map(|_| Found { path: path.to_owned() })
    }

    /// Reads a file into the source map. What cannot be read is reported at an empty source of its path.
    pub(super) fn read(
        &mut self,
        file: &Found,
        sources: &mut SourceMap,
        out: &mut Diagnostics,
    ) -> Option<FileId> {
        self.read_within(self.limits.file_bytes, file, sources, out)
    }

    /// As [`Self::read`], for a file of events, which may be larger.
    pub(super) fn read_events(
        &mut self,
        file: &Found,
        sources: &mut SourceMap,
        out: &mut Diagnostics,
    ) -> Option<FileId> {
        self.read_within(self.limits.event_bytes, file, sources, out)
    }

    fn read_within(
        &mut self,
        limit: u64,
        file: &Found,
        sources: &mut SourceMap,
        out: &mut Diagnostics,
    ) -> Option<FileId> {
        if self.exhausted {
            return None;
        }
        let bytes = match self.bytes_of(&file.path, limit) {
            Ok(bytes) => bytes,
            Err(problem) => {
                out.push(problem.at(start_of(&file.path, sources)));
                return None;
            }
        };
        let (text, broken) = encoding::decode_utf8(bytes);
        let id = sources.add(file.path.clone(), text);
        if let Some(offset) = broken {
            out.push(
                Diagnostic::error(codes::YAML_CHARACTER, "the file is not UTF-8")
                    .labelled(Span::new(id, offset, offset + 3), "the first bytes that are not UTF-8")
                    .with_help("save the file as UTF-8"),
            );
            return None;
        }
        Some(id)
    }

    fn bytes_of(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, Box<Diagnostic>> {
        let full = self.root.join(path);
        let unreadable = |error: std::io::Error| {
            let finding = Diagnostic::error(codes::UNREADABLE, "the file cannot be read");
            Box::new(finding.with_detail(format!("{error}.")))
        };
        // Before opening: opening a pipe would wait for ever.
        let size = fs::metadata(&full).map_err(unreadable)?.len();
        let too_large = |size: u64| {
            let finding = Diagnostic::error(codes::TOO_LARGE, "the file is too large")
                .with_detail(format!("It has {size} bytes; the limit is {limit}."))
                .with_help("split the file, or move it out of the repository");
            Box::new(finding)
        };
        if size > limit {
            return Err(too_large(size));
        }
        if self.count >= self.limits.files || self.bytes + size > self.limits.total_bytes {
            self.exhausted = true;
            let why = format!(
                "Reading stopped at this file: at most {} files with {} bytes together are read.",
                self.limits.files, self.limits.total_bytes
            );
            let finding = Diagnostic::error(codes::TOO_LARGE, "the repository is too large");
            return Err(Box::new(finding.with_detail(why)));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let file = File::open(&full).map_err(unreadable)?;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            return Err(too_large(bytes.len() as u64));
        }
        self.count += 1;
        self.bytes += bytes.len() as u64;
        Ok(bytes)
    }

    #[expect(clippy::too_many_arguments, reason = "the walk's own state, in one place only")]
    fn walk(
        &self,
        folder: &str,
        extensions: &[&str],
        depth: usize,
        seen: &mut HashSet<PathBuf>,
        found: &mut Vec<Found>,
        sources: &mut SourceMap,
        out: &mut Diagnostics,
    ) {
        // A link to a folder above would go round for ever.
        let canonical = self.root.join(folder).canonicalize();
        if canonical.is_ok_and(|canonical| !seen.insert(canonical)) {
            return;
        }
        if depth > self.limits.depth {
            out.push(
                Diagnostic::error(codes::TOO_LARGE, "folders are nested too deeply")
                    .at(start_of(folder, sources))
                    .with_detail(format!("At most {} levels are read.", self.limits.depth)),
            );
            return;
        }
        for (name, is_folder) in self.entries(folder, sources, out) {
            let path = format!("{folder}/{name}");
            if is_folder {
                self.walk(&path, extensions, depth + 1, seen, found, sources, out);
            } else if name.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension)) {
                found.push(Found { path });
            }
        }
    }

    /// Visible members of a folder that may be read: name, and whether it is a folder.
    fn entries(&self, folder: &str, sources: &mut SourceMap, out: &mut Diagnostics) -> Vec<(String, bool)> {
        let listing = match fs::read_dir(self.root.join(folder)) {
            Ok(listing) => listing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                out.push(
                    Diagnostic::error(codes::UNREADABLE, "the folder cannot be read")
                        .at(start_of(folder, sources))
                        .with_detail(format!("{error}.")),
                );
                return Vec::new();
            }
        };
        let mut names: Vec<std::ffi::OsString> =
            listing.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        names.sort();
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let hidden = name.as_encoded_bytes().first() == Some(&b'.');
            if hidden {
                continue;
            }
            let Some(name) = name.to_str().filter(|name| !name.chars().any(is_unshowable)) else {
                out.push(
                    Diagnostic::error(codes::UNSAFE_PATH, "a file's name cannot be shown")
                        .at(start_of(folder, sources))
                        .with_detail(format!("In {folder}: {:?}.", name.display().to_string()))
                        .with_help("rename it to plain letters"),
                );
                continue;
            };
            if let Some(is_folder) = self.safe(&format!("{folder}/{name}"), sources, out) {
                found.push((name.to_owned(), is_folder));
            }
        }
        found
    }

    /// Whether `path` is a folder (`true`) or a file (`false`) inside the root; anything else is reported.
    fn safe(&self, path: &str, sources: &mut SourceMap, out: &mut Diagnostics) -> Option<bool> {
        let full = self.root.join(path);
        let kind = fs::symlink_metadata(&full).ok()?.file_type();
        let refuse = |summary: &str, detail: String| {
            Diagnostic::error(codes::UNSAFE_PATH, summary).with_detail(detail)
        };
        let kind = if kind.is_symlink() {
            match full.canonicalize() {
                Ok(target) if !target.starts_with(&self.root) => {
                    let finding = refuse(
                        "a link leads out of the repository",
                        "Its target is not below the root.".into(),
                    )
                    .with_help("copy the file into the repository");
                    out.push(finding.at(start_of(path, sources)));
                    return None;
                }
                Ok(target) => kind_of(&target)?,
                Err(error) => {
                    let finding = refuse("a link leads nowhere", format!("{error}."));
                    out.push(finding.at(start_of(path, sources)));
                    return None;
                }
            }
        } else {
            kind
        };
        if kind.is_dir() || kind.is_file() {
            return Some(kind.is_dir());
        }
        out.push(
            refuse("not a regular file", "Devices, pipes and sockets are not read.".into())
                .at(start_of(path, sources)),
        );
        None
    }
}

fn kind_of(path: &Path) -> Option<fs::FileType> {
    fs::metadata(path).ok().map(|metadata| metadata.file_type())
}

fn is_unshowable(c: char) -> bool {
    characters::is_control(c) || characters::is_bidi_control(c) || c == '\\'
}

/// A place for what has no text: the start of an empty source.
pub(super) fn start_of(path: &str, sources: &mut SourceMap) -> Span {
    let id = sources.add(path, "");
    Span::new(id, 0, 0)
}

//! Files that people name on the command line: found below folders, read within limits, replaced as a whole.
//!
//! What belongs to a detection repository is read by `load`; this is for commands that take any file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// Deepest folder.
const MAX_DEPTH: usize = 32;

/// The files that `path` stands for: itself, or every visible file below it with one of the extensions, sorted. Links are
/// not followed: what they lead to is named by its own path.
pub(crate) fn below(path: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let kind = std::fs::metadata(path)
        .map_err(|error| Failure::error(format!("`{}` cannot be read", path.display())).caused_by(&error))?;
    if !kind.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    walk(path, extensions, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, extensions: &[&str], depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::error(format!("`{}` cannot be read", folder.display())).caused_by(&error)
    };
    if depth > MAX_DEPTH {
        return Err(Failure::error(format!("`{}` is nested too deeply", folder.display())));
    }
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let path = entry.path();
        let is_hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
        if is_hidden || kind.is_symlink() {
            continue;
        }
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        if kind.is_dir() {
            walk(&path, extensions, depth + 1, found)?;
        } else if kind.is_file() && extension.is_some_and(|found| extensions.contains(&found.as_str())) {
            found.push(path);
        }
    }
    Ok(())
}

/// A file's text, or why there is none. A byte order mark is left out.
pub(crate) fn text(path: &Path, most: u64) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("it cannot be read: {error}"))?;
    read(file, most)
}

/// The text of a file or of standard input.
pub(crate) fn read(source: impl std::io::Read, most: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.len() as u64 > most {
        return Err(format!("it is larger than {} MiB", most >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        format!("it is not UTF-8: byte {} belongs to no character", error.utf8_error().valid_up_to())
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

/// Writes beside the file and renames, so that nobody ever reads half of it. Its permissions stay.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| {
        Failure::error(format!("`{}` cannot be written", path.display())).caused_by(&error)
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let written = || -> std::io::Result<()> {
        std::fs::write(&temporary, text)?;
        if let Ok(before) = std::fs::metadata(path) {
            std::fs::set_permissions(&temporary, before.permissions())?;
        }
        std::fs::rename(&temporary, path)
    };
    written().map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        unwritable(error)
    })
}

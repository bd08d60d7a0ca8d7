//! Files that an import writes: whole or not at all, and never over somebody's work unless asked.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::super::failure::Failure;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is new, or was replaced.
    Yes,
    /// It said exactly this already.
    Same,
    /// It is there and says something else; nothing was written.
    InTheWay,
}

/// Writes `text` to `path`, whose folders are made. What is there already stays, unless `force`.
pub(crate) fn write(path: &Path, text: &str, force: bool) -> Result<Written, Failure> {
    let failed = |error: std::io::Error| {
        Failure::error(format!("`{}` cannot be written", path.display())).caused_by(&error)
    };
    // Whoever made a file of this name meanwhile keeps it.
    let create = || std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let made = match create() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder).and_then(|()| create())
        }
        made => made,
    };
    match made {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(failed)?;
            return Ok(Written::Yes);
        }
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        Err(_) if std::fs::read_to_string(path).is_ok_and(|found| found == text) => return Ok(Written::Same),
        Err(_) if !force => return Ok(Written::InTheWay),
        Err(_) => {}
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let fresh = path.with_file_name(name);
    std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path)).map_err(|error| {
        let _ = std::fs::remove_file(&fresh);
        failed(error)
    })?;
    Ok(Written::Yes)
}

//! Reading a query from a file or from standard input (`-`).

use std::io::Read as _;
use std::path::Path;

use crate::cli::failure::Failure;

/// The largest file that is read, in bytes. Queries are small; schemas of a large workspace have a few MiB.
const MAX_BYTES: u64 = 64 << 20;

/// A text and how to call it.
pub(super) struct Input {
    /// As shown in diagnostics.
    pub(super) name: String,
    pub(super) text: String,
}

/// Reads all of a file, or of standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Input, Failure> {
    let standard = path.as_os_str() == "-";
    let name = if standard { "<stdin>".to_owned() } else { path.display().to_string() };
    let unreadable =
        |error: std::io::Error| Failure::error(format!("`{name}` cannot be read")).caused_by(&error);
    let mut bytes = Vec::new();
    let limit = MAX_BYTES + 1;
    let result = if standard {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    result.map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::error(format!("`{name}` is larger than {} MiB", MAX_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::error(format!("`{name}` is not UTF-8: byte {at} belongs to no character"))
            .help("save the file as UTF-8")
    })?;
    // Editors on Windows write a byte order mark; it is no part of the query.
    let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
    Ok(Input { name, text })
}

//! Writes `docs/lints/`: a page for each code and an index.
//!
//! ```text
//! cargo run --example lint_docs
//! ```

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lints");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    for (name, text) in palisade::cli::reference::pages() {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

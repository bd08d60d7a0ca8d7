//! Packs the built-in table schemas: `cargo run --example schema_pack -- DIR [OUT]`.
//!
//! `DIR` holds `sentinel.json` and `xdr.json` in the form that `palisade schema pull` writes
//! (`{"tables": {TABLE: {COLUMN: TYPE}}, "functions": [...]}`, see `kql::schema::SchemaSource`); `OUT` is by default
//! `src/kql/schema/data/builtin.bin`. The facts (names and types of tables, columns and parameters) come from the public
//! references listed in `NOTICE-kql`. Run it again when Microsoft adds tables; the file is the same for the same input.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::path::{Path, PathBuf};

use palisade::kql::schema::{SchemaSource, encode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let dir = PathBuf::from(args.next().ok_or("usage: schema_pack DIR [OUT]")?);
    let out = args.next().map_or_else(|| PathBuf::from("src/kql/schema/data/builtin.bin"), PathBuf::from);
    let platforms = [read(&dir.join("sentinel.json"))?, read(&dir.join("xdr.json"))?];
    let blob = encode(&platforms)?;
    std::fs::write(&out, &blob)?;
    let [sentinel, xdr] = &platforms;
    println!("{}: {} bytes", out.display(), blob.len());
    println!("sentinel: {} tables, {} functions", sentinel.tables.len(), sentinel.functions.len());
    println!("xdr: {} tables, {} functions", xdr.tables.len(), xdr.functions.len());
    Ok(())
}

fn read(path: &Path) -> Result<SchemaSource, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(SchemaSource::from_json(&text).map_err(|e| format!("{}: {e}", path.display()))?)
}

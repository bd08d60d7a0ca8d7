//! The packed form of the built-in schemas: some 40,000 columns in about 100 KB.
//!
//! After inflating: a list of names; a list of (name, type) pairs, names first; a list of column lists, each a run of
//! pairs; a list of texts (parameters and bodies of functions); then per platform its tables and functions. Equal
//! column lists and texts are stored once. Numbers are LEB128; ids are in the order of first use, a new one is zero. [`encode`] is used by `examples/schema_pack.rs`, which documents where
//! the facts come from; [`Catalog::decode`] runs once, at the first look-up.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::OnceLock;

use super::Declaration;
use super::names::FastMap;
use super::source::SchemaSource;
use crate::kql::types::ScalarType;

const MAGIC: &[u8; 4] = b"KQS2";
/// No honest schema is near this; a damaged blob must not exhaust memory.
const MAX_INFLATED: u64 = 64 << 20;

/// One column: name and type in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedColumn(u32);

impl PackedColumn {
    pub(crate) fn new(name: u32, ty: ScalarType) -> Self {
        PackedColumn((name << 4) | ty as u32)
    }

    pub(crate) fn name(self) -> u32 {
        self.0 >> 4
    }

    pub(crate) fn ty(self) -> ScalarType {
        ScalarType::ALL.get((self.0 & 15) as usize).copied().unwrap_or(ScalarType::Unknown)
    }
}

/// A stored function.
#[derive(Debug)]
pub(crate) struct PackedFunction {
    pub(crate) params: usize,
    pub(crate) body: Option<usize>,
    pub(crate) columns: Option<usize>,
    pub(crate) open: bool,
    /// Its parsed declaration, kept once it was needed.
    pub(crate) parsed: OnceLock<Declaration>,
}

/// The tables and functions of one platform.
#[derive(Debug, Default)]
pub(crate) struct PackedPlatform {
    /// Table → column list.
    pub(crate) tables: HashMap<String, usize>,
    /// In the order of the blob, for wildcards.
    pub(crate) table_order: Vec<String>,
    pub(crate) functions: HashMap<String, PackedFunction>,
}

/// Everything that was packed.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    names: Vec<Box<str>>,
    ids: FastMap<Box<str>, u32>,
    columns: Vec<PackedColumn>,
    /// Where each column list starts; one more entry at the end.
    lists: Vec<usize>,
    texts: Vec<Box<str>>,
    pub(crate) platforms: Vec<PackedPlatform>,
}

impl Catalog {
    /// Reads a blob. `None` if it is damaged.
    pub(crate) fn decode(blob: &[u8]) -> Option<Catalog> {
        let mut bytes = Vec::new();
        flate2::read::DeflateDecoder::new(blob).take(MAX_INFLATED).read_to_end(&mut bytes).ok()?;
        let mut reader = Reader { bytes: bytes.strip_prefix(MAGIC.as_slice())? };
        let mut catalog = Catalog::default();
        for _ in 0..reader.count()? {
            let name: Box<str> = reader.text()?.into();
            catalog.ids.insert(name.clone(), u32::try_from(catalog.names.len()).ok()?);
            catalog.names.push(name);
        }
        let mut pair_names = Vec::new();
        let mut fresh = 0;
        for _ in 0..reader.count()? {
            pair_names.push(u32::try_from(reader.back_reference(&mut fresh)?).ok()?);
        }
        let mut pairs = Vec::with_capacity(pair_names.len());
        for name in pair_names {
            let ty = *ScalarType::ALL.get(reader.number()?)?;
            pairs.push(PackedColumn::new(name, ty));
        }
        let mut fresh = 0;
        for _ in 0..reader.count()? {
            catalog.lists.push(catalog.columns.len());
            for _ in 0..reader.count()? {
                catalog.columns.push(*pairs.get(reader.back_reference(&mut fresh)?)?);
            }
        }
        catalog.lists.push(catalog.columns.len());
        for _ in 0..reader.count()? {
            catalog.texts.push(reader.text()?.into());
        }
        for _ in 0..reader.count()? {
            catalog.platforms.push(reader.platform()?);
        }
        Some(catalog)
    }

    pub(crate) fn name_count(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn name_id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    pub(crate) fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("", |name| name)
    }

    pub(crate) fn column_list(&self, list: usize) -> &[PackedColumn] {
        let range = self.lists.get(list).copied().zip(self.lists.get(list.saturating_add(1)).copied());
        range.and_then(|(start, end)| self.columns.get(start..end)).unwrap_or(&[])
    }

    pub(crate) fn text(&self, index: usize) -> &str {
        self.texts.get(index).map_or("", |text| text)
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn number(&mut self) -> Option<usize> {
        let (mut value, mut shift) = (0usize, 0u32);
        loop {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    }

    /// An id: zero stands for the next one that was not used before.
    fn back_reference(&mut self, fresh: &mut usize) -> Option<usize> {
        match self.number()?.checked_sub(1) {
            Some(known) => Some(known),
            None => {
                *fresh += 1;
                Some(*fresh - 1)
            }
        }
    }

    /// A number of things that follow: each takes a byte at least.
    fn count(&mut self) -> Option<usize> {
        self.number().filter(|&n| n <= self.bytes.len())
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.count()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }

    fn optional(&mut self) -> Option<Option<usize>> {
        self.number().map(|n| n.checked_sub(1))
    }

    fn platform(&mut self) -> Option<PackedPlatform> {
        let mut platform = PackedPlatform::default();
        for _ in 0..self.count()? {
            let name = self.text()?.to_owned();
            platform.table_order.push(name.clone());
            platform.tables.insert(name, self.number()?);
        }
        for _ in 0..self.count()? {
            let name = self.text()?.to_owned();
            let function = PackedFunction {
                params: self.number()?,
                body: self.optional()?,
                columns: self.optional()?,
                open: self.number()? != 0,
                parsed: OnceLock::new(),
            };
            platform.functions.insert(name, function);
        }
        Some(platform)
    }
}

/// Packs schemas, one per platform, in the order Sentinel, Defender XDR.
///
/// # Errors
/// Only when compressing into memory fails, which it does not.
pub fn encode(platforms: &[SchemaSource]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::default();
    let mut bodies = Vec::new();
    for platform in platforms {
        let mut body = Vec::new();
        number(&mut body, platform.tables.len());
        for (table, columns) in &platform.tables {
            text(&mut body, table);
            number(&mut body, writer.list(columns));
        }
        number(&mut body, platform.functions.len());
        for function in &platform.functions {
            text(&mut body, &function.name);
            number(&mut body, writer.text(&function.params));
            number(&mut body, function.body.as_deref().map_or(0, |body| writer.text(body) + 1));
            number(&mut body, function.columns.as_deref().map_or(0, |columns| writer.list(columns) + 1));
            number(&mut body, usize::from(function.open));
        }
        bodies.push(body);
    }
    let mut out = MAGIC.to_vec();
    number(&mut out, writer.names.len());
    writer.names.iter().for_each(|name| text(&mut out, name));
    number(&mut out, writer.pairs.len());
    let mut fresh = 0;
    writer.pairs.iter().for_each(|&(name, _)| back_reference(&mut out, name, &mut fresh));
    writer.pairs.iter().for_each(|&(_, ty)| number(&mut out, ty as usize));
    number(&mut out, writer.lists.len());
    let mut fresh = 0;
    for list in &writer.lists {
        number(&mut out, list.len());
        list.iter().for_each(|&pair| back_reference(&mut out, pair, &mut fresh));
    }
    number(&mut out, writer.texts.len());
    writer.texts.iter().for_each(|item| text(&mut out, item));
    number(&mut out, bodies.len());
    bodies.iter().for_each(|body| out.extend_from_slice(body));
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&out)?;
    encoder.finish()
}

#[derive(Default)]
struct Writer {
    names: Vec<String>,
    name_ids: HashMap<String, usize>,
    pairs: Vec<(usize, ScalarType)>,
    pair_ids: HashMap<(usize, ScalarType), usize>,
    lists: Vec<Vec<usize>>,
    list_ids: HashMap<Vec<usize>, usize>,
    texts: Vec<String>,
    text_ids: HashMap<String, usize>,
}

impl Writer {
    fn list(&mut self, columns: &[(String, ScalarType)]) -> usize {
        let list: Vec<usize> = columns.iter().map(|(name, ty)| self.pair(name, *ty)).collect();
        if let Some(&id) = self.list_ids.get(&list) {
            return id;
        }
        self.lists.push(list.clone());
        self.list_ids.insert(list, self.lists.len() - 1);
        self.lists.len() - 1
    }

    fn pair(&mut self, name: &str, ty: ScalarType) -> usize {
        let name = intern(&mut self.names, &mut self.name_ids, name);
        *self.pair_ids.entry((name, ty)).or_insert_with(|| {
            self.pairs.push((name, ty));
            self.pairs.len() - 1
        })
    }

    fn text(&mut self, text: &str) -> usize {
        intern(&mut self.texts, &mut self.text_ids, text)
    }
}

fn intern(list: &mut Vec<String>, ids: &mut HashMap<String, usize>, text: &str) -> usize {
    if let Some(&id) = ids.get(text) {
        return id;
    }
    list.push(text.to_owned());
    ids.insert(text.to_owned(), list.len() - 1);
    list.len() - 1
}

fn number(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Ids are given in the order of first use, so that most are the next new one: zero.
fn back_reference(out: &mut Vec<u8>, id: usize, fresh: &mut usize) {
    if id == *fresh {
        *fresh += 1;
        number(out, 0);
    } else {
        number(out, id + 1);
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::source::FunctionSource;
    use super::*;

    #[test]
    fn a_schema_survives_packing() {
        let columns = vec![("A".to_owned(), ScalarType::String), ("B".to_owned(), ScalarType::DateTime)];
        let source = SchemaSource {
            tables: vec![("T".to_owned(), columns.clone()), ("U".to_owned(), columns.clone())],
            functions: vec![FunctionSource {
                name: "f".to_owned(),
                params: "(x:string)".to_owned(),
                body: None,
                columns: Some(columns),
                open: true,
            }],
            ..SchemaSource::default()
        };
        let catalog = Catalog::decode(&encode(&[source]).unwrap()).unwrap();
        let platform = &catalog.platforms[0];
        assert_eq!(platform.tables["T"], platform.tables["U"], "equal lists are stored once");
        let list = catalog.column_list(platform.tables["T"]);
        assert_eq!(list.len(), 2);
        assert_eq!((catalog.name(list[1].name()), list[1].ty()), ("B", ScalarType::DateTime));
        let function = &platform.functions["f"];
        assert_eq!((catalog.text(function.params), function.open), ("(x:string)", true));
    }

    #[test]
    fn a_damaged_blob_is_refused() {
        let blob = encode(&[SchemaSource::default()]).unwrap();
        assert!(Catalog::decode(&blob[..blob.len() / 2]).is_none());
        assert!(Catalog::decode(b"no blob at all").is_none());
    }
}

//! Which tables, columns and stored functions a query may name.
//!
//! The tables of Microsoft Sentinel (Log Analytics) and Microsoft Defender XDR are built in, packed (`packed`), and are
//! unpacked when a query first needs them, not at start. An environment adds its own tables, functions and watchlists
//! from JSON (`source`). A [`Schema`] also says how much it knows: whether a table it has never heard of is an error.
//!
//! Start at [`Schema::built_in`]. Never here: reading files, asking a tenant, or anything about a query's text.

mod names;
mod packed;
mod source;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

pub(crate) use names::{FastMap, FastSet, Name, Names};
pub(crate) use packed::PackedColumn;
pub use packed::encode;
pub use source::{FunctionSource, SchemaError, SchemaSource};

use crate::kql::types::ScalarType;
use packed::Catalog;

static BLOB: &[u8] = include_bytes!("data/builtin.bin");

/// Where a query runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Microsoft Sentinel: a Log Analytics workspace.
    Sentinel,
    /// Microsoft Defender XDR: advanced hunting and custom detections.
    Xdr,
    /// The unified portal: both schemas; Defender's tables have `TimeGenerated` too.
    Unified,
}

/// How much a schema knows of the tables of its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// Tables may be missing: an unknown one is a warning that says so, and its columns are not checked.
    Partial,
    /// Every table of the platform is known, custom ones are not: `X_CL` has unknown columns, other unknown tables are
    /// errors. The oracle's verdicts in the corpus were made so.
    Platform,
    /// Every table of the environment is known: an unknown one is an error.
    Complete,
}

/// The tables, functions and watchlists that queries are bound to. Cheap to make, unpacked on first use.
#[derive(Debug)]
pub struct Schema {
    platform: Platform,
    knowledge: Knowledge,
    cross_resource: bool,
    built_in: bool,
    sources: Vec<SchemaSource>,
    own: OnceLock<Own>,
    everything: OnceLock<Vec<AnyColumn>>,
}

/// A column of the union of all tables.
#[derive(Debug, Clone)]
pub(crate) enum AnyColumn {
    /// Under its own name.
    Plain(PackedColumn),
    /// Under a name that tells its type: `Port_int`.
    Typed(Box<str>, ScalarType),
}

/// A table of a schema.
pub(crate) struct TableFacts<'s> {
    pub(crate) columns: Cow<'s, [PackedColumn]>,
    /// There may be more columns than these.
    pub(crate) open: bool,
}

/// A stored function of a schema.
pub(crate) struct FunctionFacts<'s> {
    pub(crate) params: &'s str,
    pub(crate) body: Option<&'s str>,
    pub(crate) columns: Option<&'s [PackedColumn]>,
    pub(crate) open: bool,
    /// The place where its parsed declaration is kept between queries.
    pub(crate) parsed: &'s OnceLock<Declaration>,
}

impl<'s> FunctionFacts<'s> {
    /// The function as a `let` statement, parsed at the first question.
    pub(crate) fn declaration(&self) -> &'s Declaration {
        self.parsed.get_or_init(|| {
            let text = format!("let f = {} {};", self.params, self.body.unwrap_or("{ 0 }"));
            let parse = crate::kql::parser::parse(&text);
            Declaration { text, parse }
        })
    }
}

/// A stored function as the text of a `let` statement, and its tree.
#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) text: String,
    pub(crate) parse: crate::kql::parser::Parse,
}

/// What the environment's own sources say, with names numbered after the built-in ones.
#[derive(Debug, Default)]
struct Own {
    first: u32,
    names: Vec<Box<str>>,
    ids: FastMap<Box<str>, u32>,
    tables: HashMap<String, Vec<PackedColumn>>,
    order: Vec<String>,
    functions: HashMap<String, OwnFunction>,
    watchlists: HashMap<String, Vec<PackedColumn>>,
}

#[derive(Debug)]
struct OwnFunction {
    source: FunctionSource,
    columns: Option<Vec<PackedColumn>>,
    parsed: OnceLock<Declaration>,
}

/// The columns that every custom table has, whatever else it holds.
const CUSTOM_TABLE: [(&str, ScalarType); 6] = [
    ("TimeGenerated", ScalarType::DateTime),
    ("TenantId", ScalarType::String),
    ("Type", ScalarType::String),
    ("Computer", ScalarType::String),
    ("RawData", ScalarType::String),
    ("_ResourceId", ScalarType::String),
];

impl Schema {
    /// The built-in schema of a platform, where unknown tables are errors except custom (`_CL`) ones.
    #[must_use]
    pub fn built_in(platform: Platform) -> Schema {
        Schema {
            platform,
            knowledge: Knowledge::Platform,
            cross_resource: true,
            built_in: true,
            sources: Vec::new(),
            own: OnceLock::new(),
            everything: OnceLock::new(),
        }
    }

    /// A schema that knows only the given source. What `schema pull` found is used instead of the built-in tables.
    #[must_use]
    pub fn only(platform: Platform, source: SchemaSource) -> Schema {
        let mut schema = Schema::built_in(platform);
        schema.built_in = false;
        schema.with(source)
    }

    /// Adds an environment's tables, functions and watchlists; a later source replaces tables of an earlier one.
    #[must_use]
    pub fn with(mut self, source: SchemaSource) -> Schema {
        if source.complete {
            self.knowledge = Knowledge::Complete;
        }
        self.sources.push(source);
        self.own = OnceLock::new();
        self.everything = OnceLock::new();
        self
    }

    /// Says how much the schema knows.
    #[must_use]
    pub fn with_knowledge(mut self, knowledge: Knowledge) -> Schema {
        self.knowledge = knowledge;
        self
    }

    /// Whether `workspace()`, `app()`, `resource()`, `adx()` and `arg()` exist. They do in Log Analytics (default); the
    /// language library does not know them, so that verdicts can only be compared without them.
    #[must_use]
    pub fn with_cross_resource(mut self, known: bool) -> Schema {
        self.cross_resource = known;
        self
    }

    /// Where the queries run.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// How much the schema knows.
    #[must_use]
    pub fn knowledge(&self) -> Knowledge {
        self.knowledge
    }

    /// The columns of a table in their order, `None` if there is no such table.
    #[must_use]
    pub fn table_columns(&self, table: &str) -> Option<Vec<(&str, ScalarType)>> {
        let facts = self.table(table)?;
        let columns = facts.columns.iter();
        Some(columns.map(|c| (self.name_text(Name(c.name())), c.ty())).collect())
    }

    /// Every table, sorted by name.
    #[must_use]
    pub fn table_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.own().tables.keys().map(String::as_str).collect();
        for platform in self.platforms() {
            names.extend(platform.table_order.iter().map(String::as_str));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Every table in the order in which the schema lists them, the environment's own first.
    pub(crate) fn tables_in_order(&self) -> Vec<&str> {
        let own = self.own();
        let mut names: Vec<&str> = own.order.iter().map(String::as_str).collect();
        let mut seen: FastSet<&str> = names.iter().copied().collect();
        for platform in self.platforms() {
            names.extend(platform.table_order.iter().map(String::as_str).filter(|name| seen.insert(name)));
        }
        names
    }

    /// The columns of `union *`: one for each name and type, in the order of their first table. Made at the first call,
    /// because there are thousands.
    pub(crate) fn everything(&self) -> &[AnyColumn] {
        self.everything.get_or_init(|| {
            let mut order: Vec<u32> = Vec::new();
            let mut types: FastMap<u32, Vec<(ScalarType, usize)>> = FastMap::default();
            for table in self.tables_in_order().into_iter().filter_map(|name| self.table(name)) {
                for column in table.columns.iter() {
                    let known = types.entry(column.name()).or_default();
                    if known.is_empty() {
                        order.push(column.name());
                    }
                    // As the language library does it: once a type was seen twice, others come too late.
                    let settled = matches!(known.as_slice(), [(_, count)] if *count > 1);
                    match known.iter_mut().find(|(ty, _)| *ty == column.ty()) {
                        Some((_, count)) => *count += 1,
                        None if settled => {}
                        None => known.push((column.ty(), 1)),
                    }
                }
            }
            let mut columns = Vec::with_capacity(order.len());
            for name in order {
                match types.remove(&name).as_deref() {
                    Some([(ty, _)]) => columns.push(AnyColumn::Plain(PackedColumn::new(name, *ty))),
                    Some(several) => columns.extend(several.iter().map(|(ty, _)| {
                        let text = format!("{}_{ty}", self.name_text(Name(name)));
                        AnyColumn::Typed(text.into(), *ty)
                    })),
                    None => {}
                }
            }
            columns
        })
    }

    /// Every stored function, sorted by name.
    #[must_use]
    pub fn function_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.own().functions.keys().map(String::as_str).collect();
        for platform in self.platforms() {
            names.extend(platform.functions.keys().map(String::as_str));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Tables may exist that are not listed: custom ones of a workspace.
    pub(crate) fn may_have_more_tables(&self) -> bool {
        match self.knowledge {
            Knowledge::Complete => false,
            Knowledge::Platform => self.platform != Platform::Xdr,
            Knowledge::Partial => true,
        }
    }

    pub(crate) fn cross_resource(&self) -> bool {
        self.cross_resource && self.platform != Platform::Xdr
    }

    pub(crate) fn table(&self, name: &str) -> Option<TableFacts<'_>> {
        if let Some(columns) = self.own().tables.get(name) {
            return Some(TableFacts { columns: Cow::Borrowed(columns), open: false });
        }
        let mut lists: Vec<&'static [PackedColumn]> = self
            .platforms()
            .filter_map(|p| p.tables.get(name).map(|&list| catalog().column_list(list)))
            .collect();
        // In the unified portal Defender's columns come first.
        lists.reverse();
        let columns = match lists.as_slice() {
            [] => return None,
            [list] if self.platform != Platform::Unified => Cow::Borrowed(*list),
            lists => Cow::Owned(self.unified(lists)),
        };
        Some(TableFacts { columns, open: false })
    }

    /// The columns of a table that the unified portal takes from both platforms.
    fn unified(&self, lists: &[&[PackedColumn]]) -> Vec<PackedColumn> {
        let mut columns: Vec<PackedColumn> = Vec::new();
        for column in lists.iter().flat_map(|list| list.iter()) {
            match columns.iter_mut().find(|known| known.name() == column.name()) {
                // The workspace's type holds where both have the column.
                Some(known) => *known = *column,
                None => columns.push(*column),
            }
        }
        // Defender's tables carry both names of the time there.
        let id = |text: &str| self.name_id(text).map(|name| name.0);
        if let (Some(timestamp), Some(generated)) = (id("Timestamp"), id("TimeGenerated"))
            && columns.iter().any(|c| c.name() == timestamp)
            && !columns.iter().any(|c| c.name() == generated)
        {
            columns.push(PackedColumn::new(generated, ScalarType::DateTime));
        }
        columns
    }

    /// What to make of a table that is not listed: its certain columns when it may exist all the same.
    pub(crate) fn unlisted_table(&self, name: &str) -> Option<Vec<PackedColumn>> {
        let may_exist = self.knowledge != Knowledge::Complete && name.ends_with("_CL");
        may_exist.then(|| {
            let columns = CUSTOM_TABLE.iter();
            columns.filter_map(|(n, ty)| Some(PackedColumn::new(self.name_id(n)?.0, *ty))).collect()
        })
    }

    pub(crate) fn function(&self, name: &str) -> Option<FunctionFacts<'_>> {
        let own = self.own();
        if let Some(function) = own.functions.get(name) {
            return Some(FunctionFacts {
                params: &function.source.params,
                body: function.source.body.as_deref(),
                columns: function.columns.as_deref(),
                open: function.source.open,
                parsed: &function.parsed,
            });
        }
        let function = self.platforms().find_map(|p| p.functions.get(name))?;
        Some(FunctionFacts {
            params: catalog().text(function.params),
            body: function.body.map(|body| catalog().text(body)),
            columns: function.columns.map(|list| catalog().column_list(list)),
            open: function.open,
            parsed: &function.parsed,
        })
    }

    /// The name of a stored function, with the life of the schema.
    pub(crate) fn function_name(&self, name: &str) -> Option<&str> {
        if let Some((name, _)) = self.own().functions.get_key_value(name) {
            return Some(name);
        }
        self.platforms().find_map(|p| p.functions.get_key_value(name)).map(|(name, _)| name.as_str())
    }

    /// The columns of a watchlist's items, if the environment lists it.
    pub(crate) fn watchlist(&self, alias: &str) -> Option<&[PackedColumn]> {
        self.own().watchlists.get(alias).map(Vec::as_slice)
    }

    pub(crate) fn name_count(&self) -> u32 {
        let own = self.own();
        own.first.saturating_add(u32::try_from(own.names.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn name_id(&self, text: &str) -> Option<Name> {
        let own = || self.own().ids.get(text).copied();
        catalog().name_id(text).or_else(own).map(Name)
    }

    pub(crate) fn name_text(&self, name: Name) -> &str {
        let own = self.own();
        match name.0.checked_sub(own.first) {
            Some(index) => own.names.get(index as usize).map_or("", |text| text),
            None => catalog().name(name.0),
        }
    }

    fn platforms(&self) -> impl Iterator<Item = &'static packed::PackedPlatform> {
        let (sentinel, xdr) = match self.platform {
            _ if !self.built_in => (false, false),
            Platform::Sentinel => (true, false),
            Platform::Xdr => (false, true),
            Platform::Unified => (true, true),
        };
        let all = catalog().platforms.iter().zip([sentinel, xdr]);
        all.filter_map(|(platform, wanted)| wanted.then_some(platform))
    }

    fn own(&self) -> &Own {
        self.own.get_or_init(|| {
            let mut own = Own { first: catalog().name_count(), ..Own::default() };
            for source in &self.sources {
                own.add(source);
            }
            own
        })
    }
}

impl Own {
    fn add(&mut self, source: &SchemaSource) {
        for (table, columns) in &source.tables {
            let columns = self.columns(columns);
            if self.tables.insert(table.clone(), columns).is_none() {
                self.order.push(table.clone());
            }
        }
        for (alias, columns) in &source.watchlists {
            let columns = self.columns(columns);
            self.watchlists.insert(alias.clone(), columns);
        }
        for function in &source.functions {
            let columns = function.columns.as_ref().map(|columns| self.columns(columns));
            let name = function.name.clone();
            let function = OwnFunction { source: function.clone(), columns, parsed: OnceLock::new() };
            self.functions.insert(name, function);
        }
    }

    fn columns(&mut self, columns: &[(String, ScalarType)]) -> Vec<PackedColumn> {
        columns.iter().map(|(name, ty)| PackedColumn::new(self.name(name), *ty)).collect()
    }

    fn name(&mut self, text: &str) -> u32 {
        if let Some(id) = catalog().name_id(text).or_else(|| self.ids.get(text).copied()) {
            return id;
        }
        let id = self.first.saturating_add(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }
}

/// The built-in schemas, unpacked at the first call.
fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::decode(BLOB).unwrap_or_default())
}

#[cfg(test)]
mod tests;

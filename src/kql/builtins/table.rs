//! Reads the signature tables.
//!
//! ```text
//! name(param:type, param:kind type{1..*} in set default ~) -> result | attribute attribute
//! @bag = {Member:type;...}      a dynamic bag with known members, used as a type
//! %set cs = value value         the values a literal may have; `cs`: case matters
//! ```
//!
//! `?` after a type: may be left out; `{2..64}`: that many, `*` no limit. `a/b`: either type. Kinds: `const`, `lit`,
//! `litne` (a literal that is not empty), `col`, `col0` and `colcommon` (columns of the table given first, or of both),
//! `collit`, `star` (only `*`), `star?`, `agg`, `elem`. Attributes: `fold`, `hidden`, `use=REPLACEMENT`, `name=RULE`,
//! `prefix=P`, `block`, `layout`, `graph`. The tables are part of the program: a line that cannot be read is left out,
//! and a test says which.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::BuiltinKind;
use super::signature::{ArgKind, Function, Layout, NameRule, Param, ParamType, Returns, Signature, ValueSet};
use crate::kql::types::{ArrayId, BagId, KNOWN_ARRAYS, ScalarType, Ty};

/// All built-ins, ready for look-up by name.
#[derive(Debug)]
pub(crate) struct Builtins {
    scalars: Group,
    aggregates: Group,
    plugins: Group,
    /// Members of the known bags; the position is the `BagId`.
    pub(crate) bags: Vec<Vec<(&'static str, Ty)>>,
}

#[derive(Debug, Default)]
struct Group {
    functions: Vec<Function>,
    by_name: HashMap<&'static str, usize>,
}

impl Builtins {
    pub(crate) fn find(&self, kind: BuiltinKind, name: &str) -> Option<&Function> {
        let group = self.group(kind);
        group.functions.get(*group.by_name.get(name)?)
    }

    pub(crate) fn iter(&self, kind: BuiltinKind) -> impl Iterator<Item = &Function> {
        self.group(kind).functions.iter()
    }

    fn group(&self, kind: BuiltinKind) -> &Group {
        match kind {
            BuiltinKind::Scalar => &self.scalars,
            BuiltinKind::Aggregate => &self.aggregates,
            BuiltinKind::Plugin => &self.plugins,
        }
    }
}

/// The tables, read at the first call.
pub(crate) fn builtins() -> &'static Builtins {
    static TABLE: OnceLock<Builtins> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut reader = Reader::default();
        reader.bags.push(("", Vec::new()));
        let scalars = reader.group(include_str!("data/functions.txt"));
        let aggregates = reader.group(include_str!("data/aggregates.txt"));
        let plugins = reader.group(include_str!("data/plugins.txt"));
        let bags = reader.bags.into_iter().map(|(_, members)| members).collect();
        Builtins { scalars, aggregates, plugins, bags }
    })
}

/// Reads signature lines; also used for the operators, whose table is Rust source.
#[derive(Default)]
pub(super) struct Reader {
    bags: Vec<(&'static str, Vec<(&'static str, Ty)>)>,
    sets: HashMap<&'static str, &'static ValueSet>,
    /// Lines that could not be read, for the test.
    pub(super) rejected: Vec<&'static str>,
}

impl Reader {
    fn group(&mut self, text: &'static str) -> Group {
        let mut group = Group::default();
        for line in text.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if self.line(line, &mut group).is_none() {
                self.rejected.push(line);
            }
        }
        group
    }

    fn line(&mut self, line: &'static str, group: &mut Group) -> Option<()> {
        if let Some(rest) = line.strip_prefix('@') {
            let (name, members) = rest.split_once(" = ")?;
            let members = self.members(members.strip_prefix('{')?.strip_suffix('}')?)?;
            self.bags.push((name, members));
            return Some(());
        }
        if let Some(rest) = line.strip_prefix('%') {
            let (head, values) = rest.split_once(" = ")?;
            let (name, case_sensitive) = match head.strip_suffix(" cs") {
                Some(name) => (name, true),
                None => (head, false),
            };
            let set = ValueSet { case_sensitive, values: values.split(' ').collect() };
            self.sets.insert(name, Box::leak(Box::new(set)));
            return Some(());
        }
        let (call, attributes) = line.split_once(" | ").unwrap_or((line, ""));
        let attributes: Vec<&'static str> = attributes.split_ascii_whitespace().collect();
        let (name, _) = call.split_once('(')?;
        let signature = self.signature(call, &attributes)?;
        let index = *group.by_name.entry(name).or_insert_with(|| {
            group.functions.push(function(name, &attributes));
            group.functions.len() - 1
        });
        group.functions.get_mut(index)?.signatures.push(signature);
        Some(())
    }

    /// `name(params) -> result`.
    pub(super) fn signature(&mut self, call: &'static str, attributes: &[&str]) -> Option<Signature> {
        let (head, result) = call.rsplit_once(" -> ")?;
        let (_, params) = head.strip_suffix(')')?.split_once('(')?;
        let mut list = Vec::new();
        for param in params.split(", ").filter(|p| !p.is_empty()) {
            list.push(self.param(param)?);
        }
        let layout = if attributes.contains(&"block") {
            Layout::Block
        } else if attributes.contains(&"layout") {
            Layout::Custom
        } else if list.iter().any(|p| p.max > 1) {
            Layout::Repeating
        } else {
            Layout::Fixed
        };
        let min_args = list.iter().map(|p| usize::from(p.min)).sum();
        let max_args = list.iter().map(|p| usize::from(p.max)).sum();
        Some(Signature { returns: self.returns(result)?, params: list, layout, min_args, max_args })
    }

    fn param(&mut self, text: &'static str) -> Option<Param> {
        let (name, rest) = text.split_once(':')?;
        let (rest, default_mark) = match rest.split_once(" default ") {
            Some((rest, mark)) => (rest, Some(mark)),
            None => (rest, None),
        };
        let (rest, values) = match rest.split_once(" in ") {
            Some((rest, set)) => (rest, Some(*self.sets.get(set)?)),
            None => (rest, None),
        };
        let (arg, ty) = match rest.split_once(' ') {
            Some((kind, ty)) => (arg_kind(kind)?, ty),
            None => (ArgKind::Expression, rest),
        };
        let (ty, min, max) = occurrence(ty)?;
        Some(Param { name, ty: self.param_type(ty)?, arg, min, max, values, default_mark })
    }

    fn param_type(&mut self, text: &'static str) -> Option<ParamType> {
        Some(match text {
            "any" => ParamType::Any,
            "scalar" => ParamType::Scalar,
            "integer" => ParamType::Integer,
            "real|decimal" => ParamType::RealOrDecimal,
            "string|dynamic" => ParamType::StringOrDynamic,
            "string|array" => ParamType::StringOrArray,
            "integer|array" => ParamType::IntegerOrArray,
            "array" => ParamType::Array,
            "bag" => ParamType::Bag,
            "number" => ParamType::Number,
            "number|bool" => ParamType::NumberOrBool,
            "summable" => ParamType::Summable,
            "orderable" => ParamType::Orderable,
            "!real|bool" => ParamType::NotRealOrBool,
            "!dynamic" => ParamType::NotDynamic,
            "!bool" => ParamType::NotBool,
            "tabular" => ParamType::Tabular,
            "arg0" => ParamType::SameAs(0),
            "arg1" => ParamType::SameAs(1),
            "common" => ParamType::Common,
            "common|dynamic" => ParamType::CommonOrDynamic,
            "common-number" => ParamType::CommonNumber,
            "common-summable" => ParamType::CommonSummable,
            "common-orderable" => ParamType::CommonOrderable,
            list => {
                let types: Option<Vec<Ty>> = list.split('/').map(|t| self.ty(t)).collect();
                ParamType::Declared(Box::leak(types?.into_boxed_slice()))
            }
        })
    }

    fn returns(&mut self, text: &'static str) -> Option<Returns> {
        Some(match text {
            "arg0" => Returns::Arg(0),
            "arg1" => Returns::Arg(1),
            "arg2" => Returns::Arg(2),
            "argN" => Returns::LastArg,
            "arg0long" => Returns::ArgPromoted,
            "arg0array" => Returns::ArgArray,
            "typeof0" => Returns::TypeOf(0),
            "typeof1" => Returns::TypeOf(1),
            "typeofN" => Returns::LastTypeOf,
            "common" => Returns::Common,
            "common-nodyn" => Returns::CommonNotDynamic,
            "widest" => Returns::Widest,
            "cluster" => Returns::Cluster,
            "database" => Returns::Database,
            "table" => Returns::Table,
            "external-table" | "materialized-view" | "stored-result" => Returns::OpenTable,
            "entity-group" => Returns::EntityGroup,
            "graph" => Returns::Graph,
            "custom" => Returns::Custom,
            other => match other.strip_prefix("table(").and_then(|t| t.strip_suffix(')')) {
                Some(columns) => {
                    let mut list = Vec::new();
                    for column in columns.split(',') {
                        let (name, ty) = column.split_once(':')?;
                        list.push((name, self.ty(ty)?));
                    }
                    Returns::Columns(Box::leak(list.into_boxed_slice()))
                }
                None => Returns::Declared(self.ty(other)?),
            },
        })
    }

    /// A type: `string`, `[string]`, `{}`, `{a:string}`, `@bag`.
    fn ty(&mut self, text: &'static str) -> Option<Ty> {
        if let Some(element) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            let element = self.ty(element)?;
            let index = KNOWN_ARRAYS.iter().position(|&known| known == element)?;
            return Some(Ty::Array(ArrayId(u32::try_from(index).ok()?)));
        }
        if let Some(members) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            if members.is_empty() {
                return Some(Ty::BAG);
            }
            let members = self.members(members)?;
            self.bags.push(("", members));
            return self.last_bag();
        }
        if let Some(name) = text.strip_prefix('@') {
            let index = self.bags.iter().position(|(known, _)| *known == name)?;
            return Some(Ty::Bag(BagId(u32::try_from(index).ok()?)));
        }
        match text {
            "type" => Some(Ty::Type),
            name => ScalarType::from_name(name).map(Ty::from),
        }
    }

    fn last_bag(&self) -> Option<Ty> {
        Some(Ty::Bag(BagId(u32::try_from(self.bags.len().checked_sub(1)?).ok()?)))
    }

    fn members(&mut self, text: &'static str) -> Option<Vec<(&'static str, Ty)>> {
        let mut list = Vec::new();
        for member in split_outside_braces(text) {
            let (name, ty) = member.split_once(':')?;
            list.push((name, self.ty(ty)?));
        }
        Some(list)
    }
}

fn function(name: &'static str, attributes: &[&'static str]) -> Function {
    let value = |key: &str| {
        attributes.iter().find_map(|a| a.split_once('=').filter(|(k, _)| *k == key).map(|(_, value)| value))
    };
    let naming = match value("name") {
        None => NameRule::None,
        Some("arg0") => NameRule::FirstArgument,
        Some("only") => NameRule::OnlyArgument,
        Some("column") => NameRule::ColumnInFirstArgument,
        Some(rule) => match rule.strip_suffix("_arg0") {
            Some(prefix) => NameRule::Prefix(prefix),
            None => NameRule::Fixed(rule),
        },
    };
    Function {
        name,
        signatures: Vec::new(),
        folds: attributes.contains(&"fold"),
        replacement: value("use"),
        naming,
        prefix: value("prefix"),
        graph_only: attributes.contains(&"graph"),
    }
}

fn arg_kind(word: &str) -> Option<ArgKind> {
    Some(match word {
        "const" => ArgKind::Constant,
        "lit" => ArgKind::Literal,
        "litne" => ArgKind::LiteralNotEmpty,
        "col" => ArgKind::Column,
        "col0" => ArgKind::ColumnOfFirst,
        "colcommon" => ArgKind::ColumnOfBoth,
        "collit" => ArgKind::ColumnOrLiteral,
        "star" => ArgKind::Star,
        "star?" => ArgKind::StarAllowed,
        "agg" => ArgKind::Aggregate,
        "elem" => ArgKind::Element,
        _ => return None,
    })
}

/// Splits `type?` and `type{2..64}` into the type and how often it may occur.
fn occurrence(text: &'static str) -> Option<(&'static str, u16, u16)> {
    if let Some(ty) = text.strip_suffix('?') {
        return Some((ty, 0, 1));
    }
    let Some((ty, range)) = text.strip_suffix('}').and_then(|t| t.rsplit_once('{')) else {
        return Some((text, 1, 1));
    };
    let Some((min, max)) = range.split_once("..") else {
        return Some((text, 1, 1));
    };
    let max = if max == "*" { 32_767 } else { max.parse().ok()? };
    Some((ty, min.parse().ok()?, max))
}

fn split_outside_braces(text: &'static str) -> Vec<&'static str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 0usize);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        let mut reader = Reader::default();
        reader.bags.push(("", Vec::new()));
        let counts = [
            reader.group(include_str!("data/functions.txt")).functions.len(),
            reader.group(include_str!("data/aggregates.txt")).functions.len(),
            reader.group(include_str!("data/plugins.txt")).functions.len(),
        ];
        assert_eq!(reader.rejected, Vec::<&str>::new());
        // The counts that Kusto.Language 12.4.1 declares.
        assert_eq!(counts, [429, 61, 47]);
    }

    #[test]
    fn a_signature_says_what_the_documentation_says() {
        let strcat = builtins().find(BuiltinKind::Scalar, "strcat").unwrap();
        let signature = &strcat.signatures[0];
        assert_eq!((signature.min_args, signature.max_args), (1, 64));
        assert_eq!(signature.returns, Returns::Declared(Ty::String));
        assert_eq!(strcat.naming, NameRule::None);
        let bin = builtins().find(BuiltinKind::Scalar, "bin").unwrap();
        assert_eq!(bin.naming, NameRule::FirstArgument);
        let sum = builtins().find(BuiltinKind::Aggregate, "sum").unwrap();
        assert_eq!(sum.naming, NameRule::Prefix("sum"));
        assert_eq!(builtins().find(BuiltinKind::Aggregate, "makeset").unwrap().replacement, Some("make_set"));
    }
}

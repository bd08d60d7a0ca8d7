//! What an attacker can do about a column, and how an event looks afterwards.
//!
//! Two tables of facts: which values of a column can be brought about ([`choices`], by the classes of `compile::columns`), and
//! what else of an event changes with them ([`put`]). A change that takes an administrator, another device or account, or
//! another file's digest is no choice of the attacker's, and is never made. Neither is one after which the attack would not be
//! the same attack: a command line is only added to, never replaced.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::stage::Stage;
use crate::compile::columns::{ColumnClass, class, way_to_write, writable_below};
use crate::kql::eval::Value;
use crate::model::allowlist::{Test, Value as Wanted};
use crate::source::Spanned;

/// A value that the attacker can bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    /// How, as the end of "the attacker …".
    pub(crate) how: &'static str,
}

/// Ends of names of columns (lower case) whose value is a name that whoever makes the thing chooses. Names of devices, accounts
/// and directories are none: the victim has them already.
const CHOSEN: [&str; 22] = [
    "filename",
    "originalfilename",
    "internalfilename",
    "productname",
    "companyname",
    "filedescription",
    "processname",
    "taskname",
    "servicename",
    "pipename",
    "useragent",
    "user_agent",
    "clientapp",
    "appdisplayname",
    "subject",
    "url",
    "referrer",
    "registryvaluename",
    "registryvaluedata",
    "author",
    "title",
    "displayname",
];

/// A folder that every user can write, for paths with and without drives.
const USER_FOLDERS: [(&str, char); 2] = [(r"C:\Users\Public", '\\'), ("/tmp", '/')];

/// Values of a column that meet a test and that an attacker, whose event has `old` there, can bring about.
pub(crate) fn choices(column: &str, test: &Test, old: &str) -> Vec<Choice> {
    let choice = |how: &'static str| move |value: String| Choice { value, how };
    match class(column) {
        ColumnClass::Hash
        | ColumnClass::BrokenHash
        | ColumnClass::DirectoryId
        | ColumnClass::AccountName
        | ColumnClass::SignatureValidity
        | ColumnClass::SignaturePresence
        | ColumnClass::ApplicationId => Vec::new(),
        ColumnClass::Signer | ColumnClass::Issuer => {
            names(test, "").into_iter().map(choice("signs with a certificate of that name")).collect()
        }
        ColumnClass::Path => paths(test, old)
            .into_iter()
            .map(choice("runs it from a folder that every user can write"))
            .collect(),
        ColumnClass::CommandLine => {
            lines(test, old).into_iter().map(choice("adds text to the command line")).collect()
        }
        ColumnClass::Address => {
            addresses(test).into_iter().map(choice("comes from a host in that network")).collect()
        }
        ColumnClass::ChosenName => {
            let lower = column.to_ascii_lowercase();
            if CHOSEN.iter().any(|end| lower.ends_with(end)) {
                names(test, old).into_iter().map(choice("takes an allowlisted name")).collect()
            } else {
                Vec::new()
            }
        }
    }
}

fn text(value: &Spanned<Wanted>) -> Option<String> {
    match &value.value {
        Wanted::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Few values of a long list are enough: the others are as good.
const MOST: usize = 3;

fn values(values: &[Spanned<String>]) -> impl Iterator<Item = &str> {
    values.iter().take(MOST).map(|value| value.value.as_str())
}

fn names(test: &Test, old: &str) -> Vec<String> {
    match test {
        Test::Equals(value) => text(value).into_iter().collect(),
        Test::In(values) => values.iter().take(MOST).filter_map(text).collect(),
        Test::StartsWith(parts) | Test::Contains(parts) | Test::Has(parts) => values(parts)
            .map(|part| match test {
                Test::Has(_) => format!("{part} {old}").trim_end().to_owned(),
                _ => format!("{part}{old}"),
            })
            .collect(),
        Test::EndsWith(parts) => values(parts).map(|part| format!("{old}{part}")).collect(),
        Test::Regex(pattern) => sample(&pattern.value)
            .map(|sample| match (sample.starts, sample.ends) {
                (_, true) if !sample.starts => format!("{old}{}", sample.text),
                (true, true) => sample.text,
                _ => format!("{}{old}", sample.text),
            })
            .into_iter()
            .collect(),
        Test::Cidr(_) | Test::Watchlist { .. } | Test::Range { .. } => Vec::new(),
    }
}

fn paths(test: &Test, old: &str) -> Vec<String> {
    let (folder, separator) = if old.starts_with('/') { USER_FOLDERS[1] } else { USER_FOLDERS[0] };
    let file = old.rsplit(['\\', '/']).next().filter(|file| !file.is_empty()).unwrap_or("a.exe");
    let below = |part: &str| {
        let joint = if part.starts_with(separator) { String::new() } else { separator.to_string() };
        format!("{folder}{joint}{part}")
    };
    let inside = |part: &str| match part.ends_with(separator) {
        true => format!("{}{file}", below(part)),
        false => format!("{}{separator}{file}", below(part)),
    };
    let found: Vec<String> = match test {
        Test::Equals(value) => text(value).into_iter().collect(),
        Test::In(values) => values.iter().filter_map(text).collect(),
        Test::StartsWith(parts) => parts
            .iter()
            .map(|part| writable_below(&part.value).map_or_else(|| part.value.clone(), str::to_owned))
            .map(|part| format!("{part}{file}"))
            .collect(),
        Test::EndsWith(parts) => values(parts).filter(|part| !part.contains(':')).map(below).collect(),
        Test::Contains(parts) | Test::Has(parts) => {
            values(parts).filter(|part| !part.contains(':')).map(inside).collect()
        }
        Test::Regex(pattern) => sample(&pattern.value)
            .map(|sample| match (sample.starts, sample.ends) {
                (true, true) => sample.text,
                (true, false) => format!("{}{separator}{file}", sample.text),
                (false, true) => below(&sample.text),
                (false, false) => inside(&sample.text),
            })
            .into_iter()
            .collect(),
        Test::Cidr(_) | Test::Watchlist { .. } | Test::Range { .. } => Vec::new(),
    };
    // Where only an administrator can write, the attacker cannot.
    found.into_iter().filter(|path| way_to_write(path).is_some()).take(MOST).collect()
}

fn lines(test: &Test, old: &str) -> Vec<String> {
    match test {
        Test::Contains(parts) | Test::Has(parts) | Test::EndsWith(parts) => {
            values(parts).map(|part| format!("{old} {part}")).collect()
        }
        Test::Regex(pattern) => sample(&pattern.value)
            .filter(|sample| !sample.starts)
            .map(|sample| format!("{old} {}", sample.text))
            .into_iter()
            .collect(),
        // The program must stay the attacker's own: a beginning that names another one would run that.
        Test::StartsWith(parts) => {
            let (program, rest) = split(old);
            let same = |part: &&str| split(part).0.eq_ignore_ascii_case(program) && !part.trim().is_empty();
            values(parts).filter(same).map(|part| format!("{part} {rest}")).collect()
        }
        // Whoever copies a whole command line runs what it says.
        Test::Equals(_) | Test::In(_) | Test::Cidr(_) | Test::Watchlist { .. } | Test::Range { .. } => {
            Vec::new()
        }
    }
}

/// The name of the program of a command line, without folder, and what follows it.
fn split(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    let (program, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => line.split_once(' ').unwrap_or((line, "")),
    };
    (program.rsplit(['\\', '/']).next().unwrap_or(program), rest.trim_start())
}

/// An address of a network that holds more than a handful of hosts.
fn addresses(test: &Test) -> Vec<String> {
    let Test::Cidr(networks) = test else { return Vec::new() };
    let inside = |network: &Spanned<String>| {
        let (address, length) = network.value.split_once('/')?;
        let length: u32 = length.parse().ok()?;
        match address.parse::<std::net::IpAddr>().ok()? {
            std::net::IpAddr::V4(address) if length < 24 => {
                Some(std::net::Ipv4Addr::from_bits(address.to_bits() | 5).to_string())
            }
            std::net::IpAddr::V6(address) if length < 120 => {
                Some(std::net::Ipv6Addr::from_bits(address.to_bits() | 5).to_string())
            }
            _ => None,
        }
    };
    networks.iter().filter_map(inside).take(MOST).collect()
}

/// A text that an expression matches, and whether the expression is tied to the start or the end.
struct Sample {
    text: String,
    starts: bool,
    ends: bool,
}

fn sample(pattern: &str) -> Option<Sample> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut sample = Sample { text: String::new(), starts: false, ends: false };
    walk(&hir, &mut sample)?;
    Some(sample)
}

fn walk(hir: &Hir, sample: &mut Sample) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => sample.text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            // A letter where one is allowed: it stands out less than a control character.
            let all = || class.iter().flat_map(|range| [range.start(), range.end()]);
            let holds = |c: &char| class.iter().any(|range| range.start() <= *c && *c <= range.end());
            let letter = ['a', 'A', '0'].into_iter().find(holds);
            sample.text.push(letter.or_else(|| all().find(|c| !c.is_control()))?);
        }
        HirKind::Class(Class::Bytes(_)) => return None,
        HirKind::Look(Look::Start | Look::StartLF | Look::StartCRLF) => sample.starts = true,
        HirKind::Look(Look::End | Look::EndLF | Look::EndCRLF) => sample.ends = true,
        HirKind::Look(_) => {}
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min.min(64) {
                walk(&repetition.sub, sample)?;
            }
        }
        HirKind::Capture(capture) => walk(&capture.sub, sample)?,
        HirKind::Concat(parts) => {
            for part in parts {
                walk(part, sample)?;
            }
        }
        HirKind::Alternation(branches) => walk(branches.first()?, sample)?,
    }
    Some(())
}

/// Changes `column` from `old` to `new` in the events, with everything that follows from it. Gives back how many cells changed.
pub(crate) fn put(stage: &mut Stage, column: &str, old: &str, new: &str) -> usize {
    let mut changed = 0;
    for table in stage.tables.values_mut() {
        let names: Vec<String> = table.columns.iter().map(|column| column.name.to_string()).collect();
        let Some(at) = names.iter().position(|name| name == column) else { continue };
        for row in &mut table.rows {
            let is_meant =
                row.get(at).and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case(old));
            if is_meant {
                if let Some(cell) = row.get_mut(at) {
                    *cell = Value::string(new);
                }
                follow(row, &names, column, old, new);
                changed += 1;
            }
        }
    }
    if changed == 0 { inside_texts(stage, old, new) } else { changed }
}

/// A file's name is part of its path, and both are part of its command line.
fn follow(row: &mut [Value], names: &[String], column: &str, old: &str, new: &str) {
    let (owner, is_path) = match (column.strip_suffix("FileName"), column.strip_suffix("FolderPath")) {
        (Some(owner), _) => (owner, false),
        (_, Some(owner)) => (owner, true),
        _ => return,
    };
    let command_line = if owner.is_empty() { "Process" } else { owner };
    let mut replace = |name: &str, from: &str, to: &str| {
        let at = names.iter().position(|known| known == name);
        if let Some(cell) = at.and_then(|at| row.get_mut(at))
            && let Some(text) = cell.as_str()
            && !from.is_empty()
        {
            *cell = Value::from(text.replace(from, to));
        }
    };
    replace(&format!("{command_line}CommandLine"), old, new);
    if is_path {
        let last = |path: &str| path.rsplit(['\\', '/']).next().unwrap_or(path).to_owned();
        replace(&format!("{owner}FileName"), &last(old), &last(new));
    } else {
        replace(&format!("{owner}FolderPath"), &format!("\\{old}"), &format!("\\{new}"));
        replace(&format!("{owner}FolderPath"), &format!("/{old}"), &format!("/{new}"));
    }
}

/// The value is computed from a larger text, for example an event's XML: it is changed in there, escaped as it was.
fn inside_texts(stage: &mut Stage, old: &str, new: &str) -> usize {
    let mut pairs = vec![(old.to_owned(), new.to_owned())];
    // A command line is often put together from several places: what is added goes behind its last part.
    if let Some(added) = new.strip_prefix(old) {
        let starts = old.char_indices().filter(|(_, c)| *c == ' ').map(|(at, _)| at + 1);
        pairs.extend(
            starts.filter_map(|at| old.get(at..)).map(|tail| (tail.to_owned(), format!("{tail}{added}"))),
        );
    }
    for (from, to) in pairs.into_iter().filter(|(from, _)| from.chars().count() >= 4) {
        for escape in [plain, xml, xml_twice, json] {
            let (from, to) = (escape(&from), escape(&to));
            let mut changed = 0;
            let tables = stage.tables.values_mut();
            for cell in tables.flat_map(|table| &mut table.rows).flatten() {
                if let Value::String(text) = cell
                    && text.contains(&from)
                {
                    *cell = Value::from(text.replace(&from, &to));
                    changed += 1;
                }
            }
            if changed > 0 {
                return changed;
            }
        }
    }
    0
}

fn plain(text: &str) -> String {
    text.to_owned()
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn xml_twice(text: &str) -> String {
    xml(&xml(text))
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceMap, Span};

    fn parts(texts: &[&str]) -> Vec<Spanned<String>> {
        let file = SourceMap::default().add("a", "");
        texts.iter().map(|text| Spanned::new((*text).to_owned(), Span::new(file, 0, 0))).collect()
    }

    fn equals(text: &str) -> Test {
        let file = SourceMap::default().add("a", "");
        Test::Equals(Spanned::new(Wanted::String(text.into()), Span::new(file, 0, 0)))
    }

    #[test]
    fn what_an_attacker_can_bring_about() {
        let old_path = r"C:\Users\joe\evil.exe";
        let regex = |pattern: &str| Test::Regex(parts(&[pattern]).remove(0));
        for (column, test, old, expected) in [
            ("SHA1", equals("ab"), "cd", vec![]),
            ("DeviceId", equals("ab"), "cd", vec![]),
            ("DeviceName", equals("build-1"), "pc", vec![]),
            ("FileName", equals("updater.exe"), "evil.exe", vec!["updater.exe"]),
            ("FolderPath", equals(r"C:\ProgramData\B\a.exe"), old_path, vec![r"C:\ProgramData\B\a.exe"]),
            ("FolderPath", equals(r"C:\Program Files\B\a.exe"), old_path, vec![]),
            ("FolderPath", Test::StartsWith(parts(&[r"D:\agent\"])), old_path, vec![r"D:\agent\evil.exe"]),
            ("FolderPath", Test::StartsWith(parts(&[r"C:\Program Files\"])), old_path, vec![]),
            (
                "FolderPath",
                Test::StartsWith(parts(&[r"C:\Windows\"])),
                old_path,
                vec![r"c:\windows\temp\evil.exe"],
            ),
            (
                "FolderPath",
                Test::EndsWith(parts(&[r"\agent.exe"])),
                old_path,
                vec![r"C:\Users\Public\agent.exe"],
            ),
            (
                "FolderPath",
                Test::Contains(parts(&[r"\Vendor\"])),
                old_path,
                vec![r"C:\Users\Public\Vendor\evil.exe"],
            ),
            ("FolderPath", regex(r"\\v[0-9]{2}\\"), old_path, vec![r"C:\Users\Public\v00\evil.exe"]),
            ("ProcessCommandLine", equals("a b"), "x y", vec![]),
            ("ProcessCommandLine", Test::Contains(parts(&["--update"])), "x y", vec!["x y --update"]),
            ("ProcessCommandLine", Test::StartsWith(parts(&["probe.exe "])), "x y", vec![]),
            (
                "ProcessCommandLine",
                Test::StartsWith(parts(&["powershell.exe -NoP"])),
                "PowerShell.exe -enc A",
                vec!["powershell.exe -NoP -enc A"],
            ),
            ("RemoteIP", Test::Cidr(parts(&["10.0.0.0/8"])), "1.2.3.4", vec!["10.0.0.5"]),
            ("RemoteIP", Test::Cidr(parts(&["10.0.0.0/28"])), "1.2.3.4", vec![]),
            ("UserAgent", Test::Contains(parts(&["Monitor/"])), "curl", vec!["Monitor/curl"]),
        ] {
            let found: Vec<String> =
                choices(column, &test, old).into_iter().map(|choice| choice.value).collect();
            assert_eq!(found, expected, "{column} {test:?}");
        }
    }
}

//! What `docs/formats.md` says about each key: the schemas' descriptions are those sentences, so that they are written once.
//!
//! A row of a table `| Key | … | Default | Meaning |` below a heading is read as keys, default and meaning. Keys are bold when
//! required, and several may share a row (`` `a.`**`b`**, `a.c` ``).

use std::collections::BTreeMap;

/// Meaning of each key by its path (`attack[].tactic`, `allowlist.<>.columns`), for one heading.
pub(super) fn of(document: &str, heading: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut inside = false;
    let mut armed = false;
    for line in document.lines() {
        if let Some(title) = line.strip_prefix('#') {
            inside = title.trim_start_matches('#').trim() == heading;
            armed = false;
        } else if !line.starts_with('|') {
            armed = false;
        } else if inside {
            let cells = cells(line);
            match cells.as_slice() {
                [first, ..] if first.starts_with("Key") => armed = true,
                [first, .., meaning] if armed && !first.starts_with("--") => {
                    let default = cells.get(cells.len().saturating_sub(2)).filter(|_| cells.len() > 3);
                    let sentence = sentence(meaning, default.map_or("", String::as_str));
                    found.extend(paths(first).into_iter().map(|path| (path, sentence.clone())));
                }
                _ => {}
            }
        }
    }
    found
}

/// The cells of a row; `\|` is no border.
fn cells(line: &str) -> Vec<String> {
    let row = line.trim().trim_matches('|').replace(r"\|", "\u{1}");
    row.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// `` `cloud.`**`authority`** **`arm`**, `cloud.ca_file` `` names three keys.
fn paths(cell: &str) -> Vec<String> {
    let plain: String = cell.chars().filter(|c| !matches!(c, '*' | '`' | '¹')).collect();
    let mut found = Vec::new();
    for group in plain.replace(" or ", ", ").split(", ") {
        let mut prefix = String::new();
        for (at, key) in group.split_whitespace().enumerate() {
            if at == 0 {
                prefix = key
                    .rfind('.')
                    .map_or_else(String::new, |dot| key.get(..=dot).unwrap_or_default().to_owned());
                found.push(slot(key));
            } else {
                found.push(slot(&format!("{prefix}{key}")));
            }
        }
    }
    found
}

/// `allowlist.<slot>.columns` without the name of what the author names.
fn slot(path: &str) -> String {
    match (path.find('<'), path.find('>')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}<>{}", path.get(..open).unwrap_or_default(), path.get(close + 1..).unwrap_or_default())
        }
        _ => path.to_owned(),
    }
}

/// Meaning and default as text.
fn sentence(meaning: &str, default: &str) -> String {
    let meaning = unlinked(&meaning.replace("**", ""));
    let default = if default.is_empty() { String::new() } else { format!("Default: {}.", unlinked(default)) };
    match (meaning.is_empty(), default.is_empty()) {
        (true, _) => default,
        (false, true) => meaning,
        (false, false) => format!("{meaning}. {default}"),
    }
}

/// `[words](address)` becomes `words`.
fn unlinked(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, (words, after))) = rest.split_once('[').and_then(|(before, after)| {
        let (words, after) = after.split_once("](")?;
        Some((before, (words, after.split_once(')')?.1)))
    }) {
        plain.push_str(before);
        plain.push_str(words);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

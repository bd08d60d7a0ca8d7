//! The catalogue as a website of static files: an ATT&CK matrix, every rule with its query per environment, and a calendar
//! of the allowlists.
//!
//! Self-contained: no request leaves the folder, everything works from `file://`, and each page's content security policy
//! says so (no inline script, no inline style). Foreign text is made harmless by [`safe`](super::safe) and escaped by `maud`, whose
//! templates escape by default. Nothing is written here: [`site`] returns files. Start with `shell`, the frame of every
//! page, then `index`, `rule`, `allowlists`; what moves in a browser is `site.js`, and every page can be read without it.

mod allowlists;
mod badge;
mod calendar;
mod index;
mod matrix;
mod query;
mod rule;
mod shell;

use crate::catalogue::Catalogue;

/// One file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Below the site's folder, with forward slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Every file of the site, `index.html` first.
#[must_use]
pub fn site(catalogue: &Catalogue) -> Vec<File> {
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    let mut files = vec![
        file("index.html", index::page(catalogue)),
        file("allowlists.html", allowlists::page(catalogue)),
        file("assets/site.css", include_str!("site.css").to_owned()),
        file("assets/site.js", include_str!("site.js").to_owned()),
    ];
    files.extend(catalogue.rules.iter().map(|entry| {
        // A rule's id has only characters that may stand in a file name (`address::RuleId`).
        file(&format!("rules/{}.html", entry.rule.id.as_str()), rule::page(catalogue, entry))
    }));
    files
}

//! The frame of every page: head, navigation, search, footer.

use maud::{DOCTYPE, Markup, html};

use crate::catalogue::Catalogue;

use super::super::safe;

/// Nothing but the site's own files: what a page may load, stated to the browser.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'";

/// A page that stands `depth` folders below the site's own.
pub(super) fn page(catalogue: &Catalogue, title: &str, depth: usize, main: &Markup) -> String {
    let up = "../".repeat(depth);
    let owner = safe::line(&catalogue.owner);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (safe::line(title)) " · " (owner) " detections" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ (up) "assets/site.css" };
                script defer src={ (up) "assets/site.js" } {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.home href={ (up) "index.html" } { (owner) " detections" }
                    nav aria-label="Pages" {
                        a href={ (up) "index.html#matrix" } { "Coverage" }
                        a href={ (up) "index.html#rules" } { "Rules" }
                        a href={ (up) "allowlists.html" } { "Allowlists" }
                    }
                    form.search role="search" action={ (up) "index.html" } method="get" {
                        label for="search" { "Search rules" }
                        input #search type="search" name="q" autocomplete="off" placeholder="name, technique, table, owner …";
                    }
                }
                main #main tabindex="-1" { (main) }
                footer { "Compiled for " time { (catalogue.today) } " by Palisade " (env!("CARGO_PKG_VERSION")) "." }
            }
        }
    }
    .into_string()
}

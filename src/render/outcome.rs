//! How an apply ended, as markdown: what failed and what was not attempted, by name.

use crate::apply::{ChangeResult, Ended, List, Outcome};

use super::markdown::{Page, code};

/// How one environment's apply ended, in at most `limit` bytes.
#[must_use]
pub fn markdown(environment: &str, outcome: &Outcome, limit: usize) -> String {
    let mut page = Page::new(limit);
    let (done, all) = (outcome.on(List::Applied).count(), outcome.results.len());
    page.push(&format!("## Applied to {}: {done} of {all} changes\n", code(environment)));
    if let Some(why) = &outcome.unrecorded {
        page.push(&format!("\nNo further write was begun: {}\n", code(why)));
    }
    let lines = |list: List| -> Vec<String> { outcome.on(list).map(line).collect() };
    page.list("### Failed", &lines(List::Failed));
    page.list("### Not attempted", &lines(List::NotAttempted));
    page.list("### Applied", &lines(List::Applied));
    page.finish("")
}

fn line(ended: &Ended) -> String {
    let (address, word) = (code(&ended.address), ended.result.word().replace('_', " "));
    match &ended.result {
        ChangeResult::Applied => address,
        ChangeResult::Failed(error) | ChangeResult::Unknown(error) => {
            let request = error.request_id.as_ref().map(|id| format!(" (request id {})", code(id)));
            format!("{address} {word}: {}{}", code(&error.message), request.unwrap_or_default())
        }
        ChangeResult::Deviates(fields) => {
            let names: Vec<String> = fields.iter().map(|field| code(&field.path)).collect();
            format!("{address} {word}: {}", names.join(", "))
        }
        _ => format!("{address} {word}"),
    }
}

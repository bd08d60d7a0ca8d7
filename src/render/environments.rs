//! Environments as a table, as JSON, and as the matrix of a build.

use serde_json::{Value, json};

use crate::model::environment::{Environment, Prune};

use super::paint::Paint;
use super::safe;

/// The most jobs that GitHub makes of one matrix
/// (<https://docs.github.com/en/actions/reference/limits>: "Job matrix, 256 jobs per workflow run").
pub const MOST_JOBS: usize = 256;

/// One line for each environment, with a heading; nothing for none.
#[must_use]
pub fn text(all: &[&Environment], paint: Paint) -> String {
    const HEAD: [&str; 6] = ["ENVIRONMENT", "RING", "CLOUD", "TENANT", "OWNER", "TARGETS"];
    if all.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 6]> = all
        .iter()
        .map(|one| {
            [
                one.name.clone(),
                ring(one).unwrap_or("-").to_owned(),
                one.cloud.value.as_str().to_owned(),
                one.tenant_id.value.clone(),
                one.owner.value.clone(),
                targets(one),
            ]
            .map(|cell| safe::line(&cell))
        })
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(HEAD.get(column).map(|word| word.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = line(&HEAD.map(str::to_owned));
    let mut out = format!("{}\n", paint.strong(&head));
    for row in &rows {
        out.push_str(&line(row));
        out.push('\n');
    }
    out
}

/// `{"environments": […]}` with everything that tells them apart.
#[must_use]
pub fn json(all: &[&Environment]) -> Value {
    let one = |one: &&Environment| {
        let workspaces: Vec<String> = one.sentinel.iter().map(|workspace| workspace.resource_id()).collect();
        json!({
            "environment": one.name,
            "tenant": one.tenant_id.value,
            "ring": ring(one),
            "owner": one.owner.value,
            "cloud": one.cloud.value.as_str(),
            "defender": one.defender.is_some(),
            "workspaces": workspaces,
            "prune": match one.prune.value {
                Prune::Never => "never",
                Prune::Owned => "owned",
            },
        })
    };
    json!({"environments": all.iter().map(one).collect::<Vec<_>>()})
}

/// `{"include": […]}`, what `strategy.matrix` of GitHub Actions takes. Without a ring, `ring` is the empty text: an expression of
/// a workflow reads it as no value.
#[must_use]
pub fn github_matrix(all: &[&Environment]) -> Value {
    let one = |one: &&Environment| {
        json!({
            "environment": one.name,
            "tenant": one.tenant_id.value,
            "ring": ring(one).unwrap_or_default(),
        })
    };
    json!({"include": all.iter().map(one).collect::<Vec<_>>()})
}

fn ring(environment: &Environment) -> Option<&'static str> {
    environment.ring.as_ref().map(|ring| ring.value.as_str())
}

/// `defender, sentinel/law-soc`.
fn targets(environment: &Environment) -> String {
    let defender = environment.defender.as_ref().map(|_| "defender".to_owned());
    let workspaces = environment.sentinel.iter().map(|one| format!("sentinel/{}", one.workspace));
    defender.into_iter().chain(workspaces).collect::<Vec<_>>().join(", ")
}

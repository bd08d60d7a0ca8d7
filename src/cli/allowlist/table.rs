//! Rows as an aligned table, or as markdown.

use crate::render::markdown::prose;
use crate::render::safe;

/// Columns aligned by blanks; the last one is not padded.
pub(super) fn aligned(head: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = std::iter::once(head.iter().map(|word| (*word).to_owned()).collect())
        .chain(rows.iter().map(|row| row.iter().map(|cell| safe::line(cell)).collect()))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row: &Vec<String>| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// A markdown table. Cells cannot open links, tags, mentions or further cells.
pub(super) fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| prose(cell)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_cells() {
        let row = vec![vec!["a|b".to_owned(), "<b> @team `x`\u{1b}[31m".to_owned()]];
        let text = markdown(&["one", "two"], &row);
        let last = text.lines().last().unwrap();
        assert_eq!(last, "| a\\|b | &lt;b&gt; @&#8203;team \\`x\\`\\\\u{1b}\\[31m |");
        assert_eq!(aligned(&["x", "y"], &[vec!["long".into(), "z".into()]]), "x     y\nlong  z\n");
    }
}

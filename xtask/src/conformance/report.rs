//! The figures for people (text, Markdown) and for programs (JSON).

use super::coverage::{Coverage, Figures, Standing};
use super::table::Row;
use serde_json::{Value, json};
use std::fmt::Write;

/// The figures of each area and of all, in columns.
pub(super) fn text(coverage: &Coverage) -> String {
    let mut out = format!(
        "{:<6} {:>5} {:>8} {:>14} {:>6} {:>5}\n",
        "area", "rows", "covered", "not applicable", "later", "open"
    );
    for (area, figures) in with_total(coverage) {
        let Figures {
            rows,
            covered,
            not_applicable,
            later,
            open,
        } = figures;
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{area:<6} {rows:>5} {covered:>8} {not_applicable:>14} {later:>6} {open:>5}"
        );
    }
    out
}

/// A row in a line: its id, whom it binds, and its wording.
pub(super) fn line(row: &Row) -> String {
    format!(
        "{} ({} §{}, {}, {}): {}",
        row.id, row.rfc, row.section, row.who, row.level, row.requirement
    )
}

/// The figures, and each row with the tests that prove it.
pub(super) fn markdown(coverage: &Coverage) -> String {
    let mut out = String::from(
        "# Conformance\n\n| area | rows | covered | not applicable | later | open |\n|---|---|---|---|---|---|\n",
    );
    for (area, figures) in with_total(coverage) {
        let Figures {
            rows,
            covered,
            not_applicable,
            later,
            open,
        } = figures;
        let _ = writeln!(
            out,
            "| {area} | {rows} | {covered} | {not_applicable} | {later} | {open} |"
        );
    }
    out.push_str("\n| row | source | requirement | proof |\n|---|---|---|---|\n");
    for (row, standing) in &coverage.rows {
        let proof = match standing {
            Standing::Covered(tests) => tests
                .iter()
                .map(|test| format!("`{test}`"))
                .collect::<Vec<_>>()
                .join("<br>"),
            Standing::NotApplicable(reason) => format!("not applicable: {reason}"),
            Standing::Later(reason) => reason.clone(),
            Standing::Open => "**open**".into(),
        };
        let _ = writeln!(
            out,
            "| {} | {} §{} | {} | {} |",
            row.id,
            row.rfc,
            row.section,
            cell(&row.requirement),
            cell(&proof)
        );
    }
    out
}

/// The same for programs.
pub(super) fn json(coverage: &Coverage) -> Value {
    let areas: Vec<Value> = with_total(coverage)
        .into_iter()
        .map(|(area, figures)| {
            json!({
                "area": area,
                "rows": figures.rows,
                "covered": figures.covered,
                "not_applicable": figures.not_applicable,
                "later": figures.later,
                "open": figures.open,
            })
        })
        .collect();
    let rows: Vec<Value> = coverage
        .rows
        .iter()
        .map(|(row, standing)| {
            let (standing, tests, reason) = match standing {
                Standing::Covered(tests) => ("covered", json!(tests), Value::Null),
                Standing::NotApplicable(reason) => ("not applicable", json!([]), json!(reason)),
                Standing::Later(reason) => ("later", json!([]), json!(reason)),
                Standing::Open => ("open", json!([]), Value::Null),
            };
            json!({
                "id": row.id,
                "source": format!("{} §{}", row.rfc, row.section),
                "who": row.who,
                "level": row.level,
                "requirement": row.requirement,
                "standing": standing,
                "tests": tests,
                "reason": reason,
            })
        })
        .collect();
    json!({ "areas": areas, "rows": rows, "errors": coverage.errors })
}

fn with_total(coverage: &Coverage) -> Vec<(&str, Figures)> {
    let mut areas = coverage.areas();
    areas.push(("all", coverage.total()));
    areas
}

/// Text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;
    use std::collections::BTreeMap;

    fn coverage() -> Coverage {
        let rows = table::rows(
            "id\trfc\tsection\tarea\twho\tlevel\trequirement\ttest\n\
             R2-MSG-01\tRFC 7826\t5\tMSG\tparser\tMUST\ta | b\tx\n",
        );
        Coverage::join(rows.unwrap(), &BTreeMap::new(), &BTreeMap::new(), &[])
    }

    #[test]
    fn all_forms_hold_the_figures() {
        let coverage = coverage();
        let last = text(&coverage).lines().last().map(|line| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        assert_eq!(last.unwrap(), ["all", "1", "0", "0", "0", "1"]);
        let markdown = markdown(&coverage);
        assert!(
            markdown.contains("| MSG | 1 | 0 | 0 | 0 | 1 |"),
            "{markdown}"
        );
        assert!(
            markdown.contains("| R2-MSG-01 | RFC 7826 §5 | a \\| b | **open** |"),
            "{markdown}"
        );
        let json = json(&coverage);
        assert_eq!(json["areas"][1]["open"], 1);
        assert_eq!(json["rows"][0]["standing"], "open");
    }
}

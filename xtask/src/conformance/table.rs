//! The table of requirements, and the rows that nobody has to prove here or now.

use crate::failure::{During, Failure, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::ids;

/// A rule of RFC 2326 or RFC 7826 that can be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// `R2-MSG-04`.
    pub(super) id: String,
    /// `RFC 7826`.
    pub(super) rfc: String,
    pub(super) section: String,
    /// `MSG`.
    pub(super) area: String,
    /// Whom it binds: `server,client`.
    pub(super) who: String,
    /// `MUST`, `SHOULD`, `MAY`, or `DEF` where it follows from a definition.
    pub(super) level: String,
    pub(super) requirement: String,
}

const HEADING: &str = "id\trfc\tsection\tarea\twho\tlevel\trequirement\ttest";

/// Reads the table, in its order.
pub(super) fn rows(text: &str) -> Result<Vec<Row>> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADING) {
        return Err(Failure::new(format!(
            "the table does not begin with {HEADING:?}"
        )));
    }
    let mut known = BTreeSet::new();
    let mut rows = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[id, rfc, section, area, who, level, requirement, _test] = columns.as_slice() else {
            return Err(Failure::new(format!(
                "a row of {} columns: {line}",
                columns.len()
            )));
        };
        if !ids::is_id(id) || id.split('-').nth(1) != Some(area) {
            return Err(Failure::new(format!(
                "{id} is no id of a row of area {area}"
            )));
        }
        if !known.insert(id) {
            return Err(Failure::new(format!("{id} stands there twice")));
        }
        rows.push(Row {
            id: id.to_owned(),
            rfc: rfc.to_owned(),
            section: section.to_owned(),
            area: area.to_owned(),
            who: who.to_owned(),
            level: level.to_owned(),
            requirement: requirement.to_owned(),
        });
    }
    if rows.is_empty() {
        return Err(Failure::new("the table is empty"));
    }
    Ok(rows)
}

/// Reads a list of `id`, tab, reason, below its heading: ids that need no test, and why.
pub(super) fn reasons(text: &str) -> Result<BTreeMap<String, String>> {
    let mut reasons = BTreeMap::new();
    let lines = text.lines().filter(|line| !line.is_empty());
    for line in lines.skip_while(|line| *line == "id\treason") {
        let (id, reason) = line
            .split_once('\t')
            .filter(|(_, reason)| !reason.trim().is_empty())
            .ok_or_else(|| Failure::new(format!("no reason: {line}")))?;
        if reasons.insert(id.to_owned(), reason.to_owned()).is_some() {
            return Err(Failure::new(format!("{id} stands there twice")));
        }
    }
    Ok(reasons)
}

/// Reads a file of the folder of the table.
pub(super) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).during(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[&str]) -> String {
        format!("{HEADING}\n{}\n", lines.join("\n"))
    }

    const LINE: &str = "R2-MSG-04\tRFC 7826\t5.2\tMSG\tparser\tDEF\tUnfold\tTry";

    #[test]
    fn a_table_is_read_whole_or_refused() {
        let read = rows(&table(&[LINE])).unwrap();
        assert_eq!(
            (read.len(), read[0].id.as_str(), read[0].who.as_str()),
            (1, "R2-MSG-04", "parser")
        );
        let bad: &[(&str, String)] = &[
            ("no heading", LINE.to_owned()),
            ("no row", table(&[])),
            ("twice", table(&[LINE, LINE])),
            ("a column too many", table(&[&format!("{LINE}\tx")])),
            ("no id", table(&[&LINE.replace("R2-MSG-04", "R2-MSG-4")])),
            ("another area", table(&[&LINE.replace("\tMSG", "\tHDR")])),
        ];
        for (what, text) in bad {
            assert!(rows(text).is_err(), "{what}");
        }
    }

    #[test]
    fn each_exemption_has_a_reason() {
        let read = reasons("id\treason\nR2-PROXY-01\tThere is no proxy.\n").unwrap();
        assert_eq!(read["R2-PROXY-01"], "There is no proxy.");
        assert!(reasons("id\treason\n").unwrap().is_empty());
        for bad in [
            "id\treason\nR2-PROXY-01\n",
            "id\treason\nR2-PROXY-01\t \n",
            "id\treason\nR2-PROXY-01\ta\nR2-PROXY-01\tb\n",
        ] {
            assert!(reasons(bad).is_err(), "{bad}");
        }
    }
}

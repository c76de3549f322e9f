//! The table joined with the tests: what is covered, what need not be, what is open, and what is wrong with the join.

use super::scan::Test;
use super::table::Row;
use crate::failure::{Failure, Result};
use std::collections::{BTreeMap, BTreeSet};

/// A test and the file that it stands in.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) test: Test,
}

/// What a row has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// By these tests, each as `path::name`.
    Covered(Vec<String>),
    /// For a reason.
    NotApplicable(String),
    /// For a reason.
    Later(String),
    Open,
}

/// All rows in the order of the table, and where each stands.
#[derive(Debug)]
pub(super) struct Coverage {
    pub(super) rows: Vec<(Row, Standing)>,
    /// What must be mended before the figures can be believed.
    pub(super) errors: Vec<String>,
}

/// The figures of an area, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) rows: usize,
    pub(super) covered: usize,
    pub(super) not_applicable: usize,
    pub(super) later: usize,
    pub(super) open: usize,
}

impl Figures {
    fn add(&mut self, standing: &Standing) {
        self.rows += 1;
        match standing {
            Standing::Covered(_) => self.covered += 1,
            Standing::NotApplicable(_) => self.not_applicable += 1,
            Standing::Later(_) => self.later += 1,
            Standing::Open => self.open += 1,
        }
    }
}

impl Coverage {
    pub(super) fn join(
        rows: Vec<Row>,
        not_applicable: &BTreeMap<String, String>,
        later: &BTreeMap<String, String>,
        places: &[Place],
    ) -> Self {
        let mut errors = Vec::new();
        let mut tests: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        for Place { path, test } in places {
            for id in &test.ids {
                let place = format!("{path}::{}", test.name);
                if known.contains(id.as_str()) {
                    tests.entry(id).or_default().push(place);
                } else {
                    errors.push(format!("{place}: there is no {id}"));
                }
            }
        }
        for (list, ids) in [("not-applicable.tsv", not_applicable), ("later.tsv", later)] {
            for id in ids.keys() {
                if !known.contains(id.as_str()) {
                    errors.push(format!("{list}: there is no {id}"));
                }
                if let Some(tests) = tests.get(id.as_str()) {
                    errors.push(format!("{list}: {id} is covered by {}", tests.join(", ")));
                }
            }
        }
        for row in &rows {
            if !not_applicable.contains_key(&row.id) {
                continue;
            }
            if later.contains_key(&row.id) {
                errors.push(format!("{}: both not applicable and later", row.id));
            }
            if !row.who.split(',').any(|who| who == "proxy") {
                errors.push(format!(
                    "not-applicable.tsv: {} binds {}, which is here",
                    row.id, row.who
                ));
            }
        }
        let standing = |row: &Row| {
            if let Some(tests) = tests.get(row.id.as_str()) {
                Standing::Covered(tests.clone())
            } else if let Some(reason) = not_applicable.get(&row.id) {
                Standing::NotApplicable(reason.clone())
            } else if let Some(reason) = later.get(&row.id) {
                Standing::Later(reason.clone())
            } else {
                Standing::Open
            }
        };
        let standings: Vec<_> = rows.iter().map(standing).collect();
        Self {
            rows: rows.into_iter().zip(standings).collect(),
            errors,
        }
    }

    /// The figures of each area, in the order of the table.
    pub(super) fn areas(&self) -> Vec<(&str, Figures)> {
        let mut areas: Vec<(&str, Figures)> = Vec::new();
        for (row, standing) in &self.rows {
            let at = areas.iter().position(|(area, _)| *area == row.area);
            let at = at.unwrap_or_else(|| {
                areas.push((&row.area, Figures::default()));
                areas.len() - 1
            });
            areas[at].1.add(standing);
        }
        areas
    }

    pub(super) fn total(&self) -> Figures {
        let mut total = Figures::default();
        for (_, standing) in &self.rows {
            total.add(standing);
        }
        total
    }

    /// The open rows, of one area or of all.
    pub(super) fn open<'a>(&'a self, area: Option<&'a str>) -> impl Iterator<Item = &'a Row> {
        let wanted = move |row: &Row| area.is_none_or(|area| row.area.eq_ignore_ascii_case(area));
        self.rows
            .iter()
            .filter(move |(row, standing)| *standing == Standing::Open && wanted(row))
            .map(|(row, _)| row)
    }

    /// The covered rows of each area, for [`Coverage::fallen`] to compare with.
    pub(super) fn record(&self) -> String {
        let mut record =
            "# Covered rows of each area; written by `cargo xtask conformance --record`.\n"
                .to_owned();
        for (area, figures) in self.areas() {
            record.push_str(&format!("{area} {}\n", figures.covered));
        }
        record
    }

    /// The areas that cover fewer rows than a record says.
    pub(super) fn fallen(&self, record: &str) -> Result<Vec<String>> {
        let areas: BTreeMap<&str, Figures> = self.areas().into_iter().collect();
        let mut fallen = Vec::new();
        for line in record.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let entry = line.split_once(' ').and_then(|(area, covered)| {
                Some((areas.get(area)?.covered, covered.parse::<usize>().ok()?))
            });
            let (now, before) =
                entry.ok_or_else(|| Failure::new(format!("no area and its figure: {line}")))?;
            if now < before {
                fallen.push(format!("{line} before, {now} now"));
            }
        }
        Ok(fallen)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{scan, table};
    use super::*;

    const TABLE: &str = "id\trfc\tsection\tarea\twho\tlevel\trequirement\ttest\n\
        R2-MSG-01\tRFC 7826\t5\tMSG\tparser\tMUST\tone\tx\n\
        R2-MSG-02\tRFC 7826\t5\tMSG\tserver,proxy\tMUST\ttwo\tx\n\
        R2-TLS-01\tRFC 7826\t19\tTLS\tclient\tMUST\tthree\tx\n\
        R1-MSG-01\tRFC 2326\t4\tMSG\tclient\tMUST\tfour\tx\n";

    fn list(ids: &[&str]) -> BTreeMap<String, String> {
        ids.iter()
            .map(|id| ((*id).to_owned(), "why".to_owned()))
            .collect()
    }

    fn join(source: &str, not_applicable: &[&str], later: &[&str]) -> Coverage {
        let places: Vec<Place> = scan::tests(source)
            .into_iter()
            .map(|test| Place {
                path: "a/src/b.rs".into(),
                test,
            })
            .collect();
        Coverage::join(
            table::rows(TABLE).unwrap(),
            &list(not_applicable),
            &list(later),
            &places,
        )
    }

    #[test]
    fn each_row_stands_somewhere() {
        let coverage = join("#[test] fn r2_msg_01() {}", &["R2-MSG-02"], &["R2-TLS-01"]);
        assert_eq!(coverage.errors, [""; 0]);
        let figures = |rows, covered, not_applicable, later, open| Figures {
            rows,
            covered,
            not_applicable,
            later,
            open,
        };
        assert_eq!(
            coverage.areas(),
            [
                ("MSG", figures(3, 1, 1, 0, 1)),
                ("TLS", figures(1, 0, 0, 1, 0))
            ]
        );
        assert_eq!(coverage.total(), figures(4, 1, 1, 1, 1));
        let open = |area| coverage.open(area).count();
        assert_eq!(
            (open(None), open(Some("msg")), open(Some("TLS"))),
            (1, 1, 0)
        );
        assert_eq!(
            coverage.rows[0].1,
            Standing::Covered(vec!["a/src/b.rs::r2_msg_01".into()])
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (source, not_applicable, later) in [
            ("#[test] fn r2_msg_99() {}", &[][..], &[][..]),
            ("", &["R2-MSG-98"], &[]),
            ("", &[], &["R2-MSG-98"]),
            ("", &["R2-MSG-02"], &["R2-MSG-02"]),
            ("#[test] fn r2_msg_02() {}", &["R2-MSG-02"], &[]),
            ("#[test] fn r2_tls_01() {}", &[], &["R2-TLS-01"]),
            // It binds no proxy.
            ("", &["R2-MSG-01"], &[]),
        ] {
            let errors = join(source, not_applicable, later).errors;
            assert_eq!(
                errors.len(),
                1,
                "{source} {not_applicable:?} {later:?}: {errors:?}"
            );
        }
    }

    #[test]
    fn a_figure_may_rise_and_not_fall() {
        let two = join("#[test] fn r2_msg_01_02_r2_tls_01() {}", &[], &[]);
        let one = join("#[test] fn r2_msg_01_r2_tls_01() {}", &[], &[]);
        let traded = join("#[test] fn r2_msg_01_02_r1_msg_01() {}", &[], &[]);
        assert_eq!(two.fallen(&two.record()).unwrap(), [""; 0]);
        assert_eq!(two.fallen(&one.record()).unwrap(), [""; 0]);
        assert_eq!(one.fallen(&two.record()).unwrap(), ["MSG 2 before, 1 now"]);
        assert_eq!(
            traded.fallen(&two.record()).unwrap(),
            ["TLS 1 before, 0 now"],
            "another area's gain does not hide it"
        );
        for bad in ["MSG", "MSG x", "NONE 1", "MSG -1"] {
            assert!(one.fallen(bad).is_err(), "{bad}");
        }
    }
}

//! Whose cost is compared with whose, between processes that took turns.

use super::{LIBRARY, TASKS, TASKS_MULTI_THREAD, TASKS_VECTORED};
use crate::compare::{L0, SERVER};
use crate::results::{Results, RowKind};
use crate::rows::{Figure, Question};
use crate::statistics::level_of_each;
use crate::turns::Contest;

/// What stands above adds a layer to what stands below, or does the same in another language.
const ABOVE: [(&str, &str); 17] = [
    ("L2", L0),
    (SERVER, "L2"),
    (LIBRARY, "L2"),
    (TASKS, LIBRARY),
    (TASKS_MULTI_THREAD, TASKS),
    (TASKS_VECTORED, TASKS),
    ("hyper", TASKS),
    ("axum", "hyper"),
    ("node-http", "hyper"),
    ("node-http", "hyperlane-5"),
    ("fastify", "node-http"),
    ("express", "node-http"),
    ("express", "hyperlane-5"),
    ("express-lean", "node-http"),
    ("express-prototypes", "node-http"),
    ("tomcat", "jdk-httpserver"),
    ("spring-boot", "tomcat"),
];

/// Whether a server is part of a pair.
pub(super) fn has(name: &str) -> bool {
    ABOVE
        .iter()
        .any(|(above, below)| name == *above || name == *below)
}

/// A row for each pair of a contest on each of its workloads.
pub(super) fn compare(contest: &Contest, results: &mut Results) {
    let entrants = contest.entrants.iter();
    let names: Vec<&str> = entrants.map(|one| one.subject.name.as_str()).collect();
    let pairs = of(&names);
    let level = level_of_each(contest.workloads.len() * pairs.len());
    for workload in &contest.workloads {
        for &(subject, base) in &pairs {
            let question = Question {
                kind: RowKind::Process,
                about: subject,
                workload: &workload.name,
                subject,
                base,
                figure: Figure::Cpu,
                level,
            };
            let row = question.answer(results);
            results.rows.extend(row);
        }
    }
}

/// Each with the limit, then each with what it stands on, if both took part.
fn of<'a>(names: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let to_limit = names.iter().filter(|name| **name != L0);
    let above = ABOVE
        .into_iter()
        .filter(|(above, below)| *below != L0 && names.contains(above) && names.contains(below));
    to_limit.map(|name| (*name, L0)).chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_took_part_is_compared() {
        let found = of(&[L0, "L2", "node-http", "express"]);
        assert_eq!(
            found,
            [
                ("L2", L0),
                ("node-http", L0),
                ("express", L0),
                ("express", "node-http")
            ]
        );
    }
}

//! What no duel can compare, between processes: sockets, threads, builds, latency.

use anyhow::Result;

use super::Ablation;
use super::workloads::shown;
use crate::process::Subject;
use crate::results::RowKind;
use crate::rows::{Figure, Question};
use crate::server::{Server, Technique};
use crate::turns::{Contest, Entrant};
use crate::workload::Workload;

/// Rounds of a set.
const ROUNDS: u32 = 10;
/// What is not in the whole server and costs nothing there: it makes the server decide by flags, as
/// any other set does, and differs in nothing that a request meets.
const FLAGS: &str = "accept-batches=63";
/// The server that decides by flags.
const BY_FLAGS: &str = "barewire, by flags";
/// The server as it is built and started by default.
const PLAIN: &str = "barewire";

/// A contest, and what it is to answer: what a row is about, and who stands against whom.
#[derive(Clone, Debug)]
pub(super) struct Match {
    contest: Contest,
    figure: Figure,
    rows: Vec<(String, String, &'static str)>,
}

impl Match {
    fn on(workload: Workload, figure: Figure, base: Subject, sets: u32) -> Self {
        Self {
            contest: Contest {
                entrants: vec![Entrant::of(base)],
                workloads: vec![workload],
                sets,
                rounds: ROUNDS,
                timed: figure != Figure::Cpu,
            },
            figure,
            rows: Vec::new(),
        }
    }

    fn add(&mut self, about: &str, subject: Subject, base: &'static str) {
        self.rows
            .push((about.to_owned(), subject.name.clone(), base));
        self.contest.entrants.push(Entrant::of(subject));
    }

    /// How long it takes, for a progress bar.
    pub(super) fn steps(&self) -> u64 {
        self.contest.steps()
    }

    /// How many rows it makes.
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }
}

/// One for each workload. That under keep-alive has the builds, too, and flags against constants.
pub(super) fn contests(
    server: &Server,
    techniques: &[&Technique],
    builds: Vec<(&str, Subject)>,
    sets: u32,
) -> Vec<Match> {
    let by_flags = server.with(BY_FLAGS, &["--with", FLAGS]);
    let plain = server.with(PLAIN, &[]);
    let mut first = Match::on(
        Workload::keep_alive().saturating(),
        Figure::Cpu,
        plain,
        sets,
    );
    first.add("flags for constants", by_flags.clone(), PLAIN);
    for (name, build) in builds {
        first.add(name, build, PLAIN);
    }
    let mut matches = vec![first];
    for technique in techniques.iter().filter(|one| !one.is_dueled()) {
        let Some(workload) = shown(technique) else {
            continue;
        };
        let figure = Figure::judging(technique, &workload);
        let is_there = |one: &Match| one.contest.workloads[0] == workload && one.figure == figure;
        let place = matches.iter().position(is_there).unwrap_or_else(|| {
            matches.push(Match::on(workload, figure, by_flags.clone(), sets));
            matches.len() - 1
        });
        let changed = changed(server, technique);
        matches[place].add(&technique.name, changed, BY_FLAGS);
    }
    matches
}

/// The server by flags with a technique changed. An option may be given once only, and so may a
/// technique: without that of the flags, the server decides by flags all the same.
fn changed(server: &Server, technique: &Technique) -> Subject {
    let name = technique.name.as_str();
    let both = format!("{name},{FLAGS}");
    let given: &[&str] = match technique.is_default() {
        true if FLAGS.starts_with(name) => &["--without", name],
        true => &["--without", name, "--with", FLAGS],
        false => &["--with", &both],
    };
    server.with(&technique.changed(), given)
}

impl Ablation<'_> {
    /// One contest, and its rows.
    pub(super) fn between_processes(&mut self, one: &Match) -> Result<()> {
        let output = self.output.clone();
        let (contest, progress) = (&one.contest, self.progress);
        contest.hold(&mut self.results, progress, |results| results.save(&output))?;
        for (about, subject, base) in &one.rows {
            let question = Question {
                kind: RowKind::LeaveOut,
                about,
                workload: &contest.workloads[0].name,
                subject,
                base,
                figure: one.figure,
                level: self.level,
            };
            self.results.rows.extend(question.answer(&self.results));
        }
        self.save()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_technique_is_given_twice() {
        let technique = |name: &str, default: &str| -> Technique {
            let told = serde_json::json!({
                "name": name, "default": default, "off": "off", "demonstration": false,
                "live": true, "judged_by": "latency", "shows_on": "one connection",
            });
            serde_json::from_value(told).unwrap()
        };
        let (program, techniques) = ("barewire".into(), Vec::new());
        let server = Server {
            program,
            techniques,
        };
        for (name, default, given) in [
            (
                "nodelay",
                "on",
                "--without nodelay --with accept-batches=63",
            ),
            ("spin", "off", "--with spin,accept-batches=63"),
            ("accept-batches", "64", "--without accept-batches"),
        ] {
            let subject = changed(&server, &technique(name, default));
            assert!(
                subject.arguments.join(" ").ends_with(&format!("0 {given}")),
                "{name}"
            );
        }
    }
}

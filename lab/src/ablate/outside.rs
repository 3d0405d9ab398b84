//! What cannot change while the server runs, between processes: sockets, threads, builds.

use anyhow::Result;

use super::Ablation;
use super::builds::Build;
use super::workloads::shown;
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

/// How long it takes, for a progress bar.
pub(super) fn steps(one: &Match) -> u64 {
    one.contest.steps()
}

/// One for each workload.
pub(super) fn contests(
    server: &Server,
    techniques: &[&Technique],
    builds: &[Build],
    sets: u32,
    is_quick: bool,
) -> Vec<Match> {
    if is_quick {
        return Vec::new();
    }
    let base = server.with(BY_FLAGS, &["--with", FLAGS]);
    let mut matches: Vec<Match> = Vec::new();
    for technique in techniques.iter().filter(|one| !one.live) {
        let Some((workload, figure)) = stage(technique) else {
            continue;
        };
        let word = if technique.is_default() {
            "--without"
        } else {
            "--with"
        };
        let mut given = vec![word, &technique.name, "--with", FLAGS];
        let both = format!("{},{FLAGS}", technique.name);
        if word == "--with" {
            given = vec!["--with", &both];
        }
        let subject = server.with(&technique.changed(), &given);
        let row = (technique.name.clone(), subject.name.clone(), BY_FLAGS);
        let found = matches
            .iter_mut()
            .find(|one| one.contest.workloads[0] == workload);
        if let Some(found) = found {
            found.contest.entrants.push(Entrant::of(subject));
            found.rows.push(row);
        } else {
            let entrants = vec![Entrant::of(base.clone()), Entrant::of(subject)];
            matches.push(Match {
                contest: contest(entrants, workload, figure, sets),
                figure,
                rows: vec![row],
            });
        }
    }
    matches.push(of_builds(server, builds, sets));
    matches
}

/// Flags against constants, and the builds, under keep-alive.
fn of_builds(server: &Server, builds: &[Build], sets: u32) -> Match {
    let flags = server.with(BY_FLAGS, &["--with", FLAGS]);
    let mut entrants = vec![Entrant::of(server.with(PLAIN, &[])), Entrant::of(flags)];
    let mut rows = vec![("flags for constants".to_owned(), BY_FLAGS.to_owned(), PLAIN)];
    for build in builds {
        let subject = build.subject();
        rows.push((build.name.clone(), subject.name.clone(), PLAIN));
        entrants.push(Entrant::of(subject));
    }
    let workload = Workload::keep_alive().saturating();
    Match {
        contest: contest(entrants, workload, Figure::Cpu, sets),
        figure: Figure::Cpu,
        rows,
    }
}

fn contest(entrants: Vec<Entrant>, workload: Workload, figure: Figure, sets: u32) -> Contest {
    Contest {
        entrants,
        workloads: vec![workload],
        sets,
        rounds: ROUNDS,
        timed: figure != Figure::Cpu,
    }
}

/// Where a technique is measured, and by what.
fn stage(technique: &Technique) -> Option<(Workload, Figure)> {
    let workload = shown(&technique.shows_on)?;
    Some(match technique.judged_by.as_str() {
        "CPU time" => (workload, Figure::Cpu),
        "latency" if technique.name == "backlog" => (Workload::storm(), Figure::Tail),
        "latency" => (workload, Figure::Median),
        _ => (workload, Figure::Tail),
    })
}

impl Ablation<'_> {
    /// One contest, and its rows.
    pub(super) fn between_processes(&mut self, one: &Match) -> Result<()> {
        let before = self.results.runs.len();
        let output = self.output.clone();
        let (contest, progress) = (&one.contest, self.progress);
        contest.hold(&mut self.results, progress, |results| results.save(&output))?;
        let workload = one.contest.workloads[0].name.as_str();
        // Runs of an earlier contest on the same workload are another one's.
        let later = self.results.runs.split_off(before);
        let earlier = std::mem::replace(&mut self.results.runs, later);
        for (about, subject, base) in &one.rows {
            let question = Question {
                kind: RowKind::LeaveOut,
                about,
                workload,
                subject,
                base,
                figure: one.figure,
                level: self.level,
            };
            self.results.rows.extend(question.answer(&self.results));
        }
        let later = std::mem::replace(&mut self.results.runs, earlier);
        self.results.runs.extend(later);
        self.save()
    }
}

//! Servers that are up at once and take turns under one load: how two programs are compared.
//!
//! All are started, their connections stay open, and one generator drives one after the other, in a
//! new random order each round. What drifts in the machine drifts for all, and a ratio is taken
//! within a round. The figure is CPU time of the whole process tree (schedstat) by answers. What a
//! server does between its turns (garbage collection, compiling) is its own: it is charged from the
//! start of its turn to the start of its next, less what it uses while nobody asks.
//!
//! A process has a bias of its own of a per cent or two, so a figure is made of many sets of fresh
//! processes; only those that need long to become fast stay up. A server that fails loses its own
//! rows and nobody else's.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::generator::lane;
use crate::machine::server_cores;
use crate::process::{Running, Subject};
use crate::progress::Progress;
use crate::results::Results;
use crate::workload::Workload;

mod player;

use player::Player;
pub(crate) use player::TURN;

/// How long nobody asks, to see what each uses meanwhile.
const IDLE: Duration = Duration::from_millis(200);
/// What a server needs to fall asleep after its last answer.
const ASLEEP: Duration = Duration::from_millis(2);

/// One that takes part.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// How it is started; `{request_bytes}` in its arguments is the length of the workload's
    /// requests, `{pipeline}` how many are sent together.
    pub subject: Subject,
    /// Whether it answers requests that come in one piece.
    pub pipelining: bool,
    /// Whether it closes a connection when it is asked to.
    pub closes: bool,
    /// Whether callgrind can count its instructions.
    pub countable: bool,
    /// Seconds of load before it is fast; such a one stays up for all sets.
    pub warmup_seconds: Option<f64>,
}

impl Entrant {
    /// Of machine code, that does all that a server should.
    pub fn of(subject: Subject) -> Self {
        Self {
            subject,
            pipelining: true,
            closes: true,
            countable: true,
            warmup_seconds: None,
        }
    }

    /// Whether it can be asked so.
    pub fn takes(&self, workload: &Workload) -> bool {
        (workload.pipeline == 1 || self.pipelining) && (!workload.reconnect || self.closes)
    }

    /// How it is started for a workload.
    pub fn subject_for(&self, workload: &Workload) -> Subject {
        let length = lane::request_bytes(workload).to_string();
        let mut subject = self.subject.clone();
        for argument in &mut subject.arguments {
            *argument = argument.replace("{request_bytes}", &length);
            *argument = argument.replace("{pipeline}", &workload.pipeline.to_string());
        }
        subject
    }
}

/// Who is measured on what, and how often.
#[derive(Clone, Debug)]
pub struct Contest {
    /// Who takes part.
    pub entrants: Vec<Entrant>,
    /// What is asked of all; workloads of different numbers of workers are two contests.
    pub workloads: Vec<Workload>,
    /// Sets of fresh processes.
    pub sets: u32,
    /// Rounds of a set on each workload.
    pub rounds: u32,
    /// Whether answers are timed, which costs the generator two looks at the clock for each.
    pub timed: bool,
}

impl Contest {
    /// Turns of all, for a progress bar.
    pub fn steps(&self) -> u64 {
        let turns = (self.workloads.len() * self.entrants.len()) as u64;
        u64::from(self.sets) * u64::from(self.rounds) * turns
    }

    /// Measures, and saves after each set. It ends early, with what there is, if somebody wants to
    /// leave.
    ///
    /// # Errors
    ///
    /// If the results cannot be saved. What fails of a server is told in `results.missing`.
    pub fn hold(
        &self,
        results: &mut Results,
        progress: &Progress,
        mut save: impl FnMut(&mut Results) -> Result<()>,
    ) -> Result<()> {
        for workload in &self.workloads {
            let name = workload.name.clone();
            results.workloads.insert(name, workload.clone());
        }
        let (seats, failed) = (Vec::new(), BTreeSet::new());
        let mut stage = Stage {
            contest: self,
            seats,
            failed,
        };
        for set in 0..self.sets {
            stage.begin_set(results);
            for workload in &self.workloads {
                if progress.is_over() {
                    return Ok(());
                }
                stage.play(workload, set, results, progress);
            }
            save(results)?;
        }
        Ok(())
    }
}

/// A server that is up.
struct Seat {
    entrant: usize,
    subject: Subject,
    running: Running,
    /// Whether it has had its long warm-up.
    is_warm: bool,
}

/// The servers that are up.
struct Stage<'a> {
    contest: &'a Contest,
    seats: Vec<Seat>,
    /// Those that failed, by their places among the entrants.
    failed: BTreeSet<usize>,
}

impl Stage<'_> {
    /// Ends whoever need not stay, and starts all anew.
    fn begin_set(&mut self, results: &mut Results) {
        let entrants = &self.contest.entrants;
        let stays = |seat: &Seat| entrants[seat.entrant].warmup_seconds.is_some();
        self.seats.retain(stays);
        for (place, entrant) in entrants.iter().enumerate() {
            for workload in &self.contest.workloads {
                if !self.failed.contains(&place)
                    && let Err(error) = self.seat(place, entrant, workload)
                {
                    self.fail(place, &error, results);
                }
            }
            let subjects = &mut results.subjects;
            subjects.insert(entrant.subject.name.clone(), entrant.subject.clone());
        }
    }

    /// Starts it, if it is not up as the workload needs it.
    fn seat(&mut self, place: usize, entrant: &Entrant, workload: &Workload) -> Result<()> {
        let subject = entrant.subject_for(workload);
        let is_up = |seat: &Seat| seat.entrant == place && seat.subject == subject;
        if entrant.takes(workload) && !self.seats.iter().any(is_up) {
            let workers = workload.workers();
            let running = Running::start(&subject, workers, &server_cores(workers))?;
            self.seats.push(Seat {
                entrant: place,
                subject,
                running,
                is_warm: false,
            });
        }
        Ok(())
    }

    fn fail(&mut self, place: usize, error: &anyhow::Error, results: &mut Results) {
        let name = self.contest.entrants[place].subject.name.clone();
        results.missing.insert(name, format!("{error:#}"));
        self.failed.insert(place);
        self.seats.retain(|seat| seat.entrant != place);
    }

    /// All rounds of a set on one workload.
    fn play(&mut self, workload: &Workload, set: u32, results: &mut Results, progress: &Progress) {
        let mut players = self.open(workload, results);
        let looks = |players: &mut [Player]| {
            for player in players {
                player.look();
            }
        };
        looks(&mut players);
        thread::sleep(IDLE);
        looks(&mut players);
        for player in &mut players {
            player.learn_idle_rate();
        }
        let mut random = SmallRng::seed_from_u64(u64::from(set));
        let mut order: Vec<usize> = (0..players.len()).collect();
        for _ in 0..self.contest.rounds {
            order.shuffle(&mut random);
            for &place in &order {
                players[place].take_turn();
            }
            let turns = self.contest.entrants.len() as u64;
            progress.steps(turns, &format!("set {}, {}", set + 1, workload.name));
        }
        thread::sleep(ASLEEP);
        looks(&mut players);
        for player in players {
            let entrant = player.entrant;
            let name = self.contest.entrants[entrant].subject.name.clone();
            match player.run(set, &workload.name, name) {
                Ok(run) => results.runs.push(run),
                Err(error) => self.fail(entrant, &error, results),
            }
        }
    }

    /// Connections to all that take this workload, warm.
    fn open(&mut self, workload: &Workload, results: &mut Results) -> Vec<Player> {
        let mut players = Vec::new();
        let mut errors = Vec::new();
        for seat in &mut self.seats {
            let entrant = &self.contest.entrants[seat.entrant];
            if !entrant.takes(workload) || entrant.subject_for(workload) != seat.subject {
                continue;
            }
            match Player::warm(seat, entrant, workload, self.contest.timed) {
                Ok(player) => players.push(player),
                Err(error) => errors.push((seat.entrant, error)),
            }
        }
        for (place, error) in errors {
            self.fail(place, &error.context(workload.name.clone()), results);
        }
        players
    }
}

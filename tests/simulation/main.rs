//! Whole servers under seeded disorder: many clients at once, on a kernel that hands events over
//! late and in any order. Peers send in pieces, take in portions, stall, leave and reset; timers
//! come late; places, buffers and descriptors run out; the server is told to leave.
//!
//! Whatever the order of things, the same requests have the same answers, each once and in order,
//! or the connection is seen to be closed; memory stays within its limits; and in the end nothing
//! is left: no connection, no buffer, no timer ([`Rig`] looks).
//!
//! `cargo test --test simulation` takes some thousand seeds. A million of them, and one alone:
//!
//! ```sh
//! BAREWIRE_SEEDS=1000000 cargo test --release --test simulation
//! BAREWIRE_SEED=4711 cargo test --test simulation
//! ```

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::panic;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use barewire::config::Config;
use barewire::duel::{Live, Set};
use barewire::reactor::jobs::Message;
use barewire::reactor::kernel::Readiness;
use barewire::techniques;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use client::{Client, Habit};
use support::Rig;

#[path = "../support/mod.rs"]
mod support;

mod catalog;
mod client;
mod reference;

/// Seeds of the normal test command.
const SEEDS: u64 = 3000;
/// Steps of one simulation, before everybody is let go on to the end.
const STEPS: usize = 400;
/// EMFILE (errno(3)): no descriptor is left.
const NO_DESCRIPTOR: i32 = 24;

/// A server, its clients, and the luck of both.
struct Simulation {
    rig: Rig,
    /// The techniques change meanwhile.
    live: Option<Arc<Live>>,
    rng: SmallRng,
    clients: Vec<Client>,
    /// How many more will come.
    expected: usize,
    faulty: f64,
    /// Messages that are none of a job's.
    notices: u64,
    /// The server has so little memory that it may have to refuse anybody.
    is_scarce: bool,
    leaves: bool,
    /// The step before which the server is told to leave, if it is.
    leaves_at: usize,
    /// Nanoseconds that have passed: patient clients must not come near any limit.
    passed: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let is_scarce = rng.random_ratio(1, 5);
        let connections_max = match rng.random_range(0..3) {
            0 => rng.random_range(1..4),
            _ => 1000,
        };
        let rig = Rig::with_connections_max(connections_max, |config| {
            config.job_threads = 1;
            config.socket.buffer_size = [64, 512, 8192][rng.random_range(0..3)];
            config.limits.owed = [1000, 64 * 1024][rng.random_range(0..2)];
            if is_scarce {
                config.limits.buffers = 64 * 1024 * rng.random_range(1..5);
            }
            if rng.random_ratio(1, 3) {
                leave_some_techniques_out(config, &mut rng);
            }
        });
        let (rig, live) = if rng.random_ratio(1, 3) {
            let (rig, live) = rig.live();
            (rig, Some(live))
        } else {
            (rig, None)
        };
        Self {
            rig,
            live,
            clients: Vec::new(),
            expected: rng.random_range(1..10),
            faulty: [0.0, 0.3, 0.8][rng.random_range(0..3)],
            notices: 0,
            is_scarce,
            leaves: rng.random_ratio(1, 6),
            leaves_at: rng.random_range(0..STEPS),
            passed: 0,
            rng,
        }
    }

    /// Runs it to its end; what happened while luck had its way, as a number.
    fn run(mut self) -> u64 {
        self.rig.forgive_all_vain_recvs();
        for step in 0..STEPS {
            if self.leaves && step == self.leaves_at {
                self.rig.reactor.address().send(Message::Drain);
                self.notices += 1;
            }
            self.step();
        }
        let mut seen = DefaultHasher::new();
        self.rig.turns().hash(&mut seen);
        for client in &self.clients {
            client.peer.received().hash(&mut seen);
        }
        self.finish();
        for client in &self.clients {
            client.judge(self.is_scarce || self.leaves);
        }
        seen.finish()
    }

    /// Something happens, and perhaps the server looks.
    fn step(&mut self) {
        if self.rng.random_ratio(1, 8) {
            self.change_techniques();
        }
        match self.rng.random_range(0..16) {
            0 if self.clients.len() < self.expected => {
                let peer = self.rig.queue();
                self.clients
                    .push(Client::new(peer, self.faulty, &mut self.rng));
            }
            0..4 => self.with_one(|client, rng| client.send(some(rng))),
            4..8 => self.with_one(|client, rng| client.take(some(rng))),
            8 => self.with_one(|client, rng| {
                client.peer.spurious(Readiness {
                    readable: rng.random(),
                    more_follows: false,
                    writable: rng.random(),
                });
            }),
            9 => self.with_one(|client, _| client.peer.interrupt_recv()),
            10 => {
                let error = self.rng.random_bool(0.5).then_some(NO_DESCRIPTOR);
                self.rig.fail_accept(error);
            }
            11 => self.let_time_pass(),
            _ => self.turn(),
        }
    }

    /// Any of those that can change may be on or off from the next turn on.
    fn change_techniques(&mut self) {
        let Some(live) = &self.live else {
            return;
        };
        let mut config = self.rig.config.clone();
        for (technique, switch) in techniques::switches() {
            if switch.is_live() && self.rng.random_ratio(1, 4) {
                let name = technique.name;
                assert!(switch.set(&mut config, switch.off), "{name}");
            }
        }
        let standing = live.state().standing;
        let set = Set {
            techniques: config.techniques,
            ..(*standing).clone()
        };
        live.stand(set).unwrap();
    }

    fn with_one(&mut self, act: impl FnOnce(&mut Client, &mut SmallRng)) {
        if !self.clients.is_empty() {
            let number = self.rng.random_range(0..self.clients.len());
            act(&mut self.clients[number], &mut self.rng);
        }
    }

    /// Timers come late by that much.
    fn let_time_pass(&mut self) {
        let span = Duration::from_micros(self.rng.random_range(0..2000));
        // Far below the shortest timeout, of two seconds.
        if self.passed < 1_000_000_000 {
            self.passed += u64::try_from(span.as_nanos()).unwrap();
            self.rig.hold_up(span);
        }
    }

    /// One turn of the server, which is told of some of what has happened, in any order.
    fn turn(&mut self) {
        // All jobs that were begun have ended: which do so in a turn would be the machine's luck.
        self.rig.wait_for_messages(self.messages());
        let rng = &mut self.rng;
        self.rig.hold_mail(rng.random_ratio(1, 3));
        self.rig.hand_over_at_most(rng.random_range(1..6));
        self.rig.reorder_events(|below| rng.random_range(0..below));
        self.rig.turn();
        let limit = self.rig.config.limits.buffers as u64;
        assert!(self.rig.lent() <= limit, "{} bytes lent", self.rig.lent());
    }

    /// Nothing stands in anybody's way any more, until all have what they are owed. Those who stall
    /// are waited for until the server times out.
    fn finish(&mut self) {
        self.rig.fail_accept(None);
        // Once: each is an event, and later ones would make up for one that was missed.
        for client in &mut self.clients {
            client.send(usize::MAX);
            client.take(usize::MAX);
        }
        for _ in 0..40 {
            for _ in 0..30 {
                self.settle();
                for client in &mut self.clients {
                    client.leave_if_served();
                }
            }
            if self.clients.iter().all(Client::is_over) {
                return;
            }
            self.rig.advance(Duration::from_secs(11));
        }
        let left = self.clients.iter().filter(|client| !client.is_over());
        panic!("{} connections do not end", left.count());
    }

    /// How many messages other threads have sent, or will: and the reactor itself.
    fn messages(&self) -> u64 {
        let account = &self.rig.account;
        let wakes = self.rig.site.sources.wakes.load(Relaxed);
        account.jobs.get() + account.shortages.get() + wakes + self.notices
    }

    fn settle(&mut self) {
        self.rig.hold_mail(false);
        self.rig.hand_over_at_most(usize::MAX);
        self.rig.run();
        self.rig.wait_for_messages(self.messages());
        self.rig.advance(Duration::from_millis(1));
    }
}

/// So many bytes at once: mostly few.
fn some(rng: &mut SmallRng) -> usize {
    match rng.random_range(0..4) {
        0 => rng.random_range(1..4),
        1 => rng.random_range(1..100),
        2 => rng.random_range(1..5000),
        _ => rng.random_range(1..200_000),
    }
}

fn leave_some_techniques_out(config: &mut Config, rng: &mut SmallRng) {
    for (technique, switch) in techniques::switches() {
        if rng.random_ratio(1, 4) && !switch.is_demonstration {
            assert!(switch.set(config, switch.off), "{}", technique.name);
        }
    }
}

/// Names the seed if what runs meanwhile fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            let seed = self.0;
            eprintln!("seed {seed}: BAREWIRE_SEED={seed} cargo test --test simulation");
        }
    }
}

fn simulate(seed: u64) -> u64 {
    let _named = Named(seed);
    Simulation::new(seed).run()
}

/// Handlers that panic on purpose do so silently.
fn keep_quiet_on_purpose() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some("on purpose") {
                usual(info);
            }
        }));
    });
}

fn number_of(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

#[test]
fn any_disorder() {
    keep_quiet_on_purpose();
    let (first, seeds) = match number_of("BAREWIRE_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number_of("BAREWIRE_SEEDS").unwrap_or(SEEDS)),
    };
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let own = (first..first + seeds).filter(|seed| seed % threads == thread % threads);
                own.for_each(|seed| _ = simulate(seed));
            });
        }
    });
}

/// Or a seed would be no use.
#[test]
fn a_seed_replays() {
    keep_quiet_on_purpose();
    for seed in 0..20 {
        assert_eq!(simulate(seed), simulate(seed), "seed {seed}");
    }
}

/// Patience, habits and scarcity all occur, or the disorder would be none.
#[test]
fn the_seeds_are_of_all_kinds() {
    let all: Vec<Simulation> = (0..100).map(Simulation::new).collect();
    assert!(all.iter().any(|one| one.is_scarce) && all.iter().any(|one| one.leaves));
    assert!(all.iter().any(|one| one.faulty > 0.0 && one.expected > 3));
    let habits = |is: fn(&Habit) -> bool| {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut rig = Rig::new();
        (0..100).any(|_| is(&Client::new(rig.queue(), 0.8, &mut rng).habit))
    };
    assert!(habits(|habit| matches!(habit, Habit::Patient)));
    assert!(habits(|habit| matches!(habit, Habit::Resets(_))));
    assert!(habits(|habit| matches!(habit, Habit::Finishes(_))));
    assert!(habits(|habit| matches!(habit, Habit::Stalls(_))));
    assert!(habits(|habit| matches!(habit, Habit::StopsReading(_))));
}

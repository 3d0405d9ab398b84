//! Who takes part: the server, the server again, the limit, the rivals.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::canned;
use crate::peers::{Peer, answers};
use crate::process::{Running, Subject};
use crate::workload::Workload;

/// What an entrant is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The one that all are compared with.
    Server,
    /// The same once more: the floor of the noise.
    WouldBlock,
    /// A canned loop.
    Limit,
    /// Somebody else's server.
    Rival,
}

/// One that takes part.
#[derive(Clone, Debug)]
pub(super) struct Entrant {
    /// As in tables.
    pub(super) label: String,
    pub(super) role: Role,
    subject: Subject,
    /// Which canned loop it is; `None` for servers and for the one on io_uring.
    level: Option<u8>,
    /// Whether it answers requests that come in one piece.
    pipelining: bool,
    /// Virtual machines compile what they run; they get longer.
    pub(super) warmup_seconds: f64,
    /// Whether callgrind can count it: one process of machine code.
    pub(super) is_countable: bool,
}

/// All that take part.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) entrants: Vec<Entrant>,
}

/// Languages whose programs are machine code from the first request on, in one process.
const COUNTABLE: [&str; 2] = ["Rust", "Go"];
/// What machine code needs until its connections and caches are warm.
const WARMUP_SECONDS: f64 = 1.0;

impl Field {
    /// The server, twice, and the canned loops that lie beside this program.
    pub(super) fn limits_of(server: Subject) -> Result<Self> {
        let machine_code = |label: &str, role, subject, level| Entrant {
            label: label.to_owned(),
            role,
            subject,
            level,
            pipelining: true,
            warmup_seconds: WARMUP_SECONDS,
            is_countable: true,
        };
        let own = std::env::current_exe().context("this program's own path")?;
        let plain = Workload::keep_alive();
        let mut entrants = vec![machine_code("barewire", Role::Server, server.clone(), None)];
        for level in 0..=2 {
            let label = format!("L{level}");
            let subject = canned(own.with_file_name("canned"), &label, Some(level), &plain);
            entrants.push(machine_code(&label, Role::Limit, subject, Some(level)));
        }
        let uring = own.with_file_name("canned-uring");
        if uring.exists() {
            let subject = canned(uring, "L0 io_uring", None, &plain);
            entrants.push(Entrant {
                is_countable: false,
                ..machine_code("L0 io_uring", Role::Limit, subject, None)
            });
        }
        entrants.push(machine_code(
            "barewire, again",
            Role::WouldBlock,
            server,
            None,
        ));
        Ok(Self { entrants })
    }

    /// Adds the rivals that can be built and answer; the others are told with their reasons.
    pub(super) fn invite(&mut self, peers: &[Peer], missing: &mut BTreeMap<String, String>) {
        // Between the server and the server again, so that both are as far from everybody.
        let mut place = self.entrants.len() - 1;
        for peer in peers {
            eprintln!("{}: building", peer.name);
            match entrant(peer) {
                Ok(entrant) => {
                    self.entrants.insert(place, entrant);
                    place += 1;
                }
                Err(error) => {
                    eprintln!("{}: {error:#}", peer.name);
                    missing.insert(peer.name.clone(), format!("{error:#}"));
                }
            }
        }
    }

    pub(super) fn server(&self) -> &Entrant {
        &self.entrants[0]
    }
}

impl Entrant {
    /// Whether it can be asked so. No canned loop closes.
    pub(super) fn takes(&self, workload: &Workload) -> bool {
        (workload.pipeline == 1 || self.pipelining)
            && !(workload.reconnect && self.role == Role::Limit)
    }

    /// How it is started for a workload: level 0 must know how long its requests are.
    pub(super) fn subject_for(&self, workload: &Workload) -> Subject {
        match self.role {
            Role::Limit => canned(
                self.subject.program.clone(),
                &self.label,
                self.level,
                workload,
            ),
            _ => Subject {
                name: self.label.clone(),
                ..self.subject.clone()
            },
        }
    }
}

fn entrant(peer: &Peer) -> Result<Entrant> {
    let subject = peer.build()?;
    let running = Running::start(&subject, 1, &[])?;
    let answers = answers::check(running.address())?;
    if let Some(told) = &answers.pipelining {
        eprintln!("{}: no pipelined row: {told}", peer.name);
    }
    drop(running);
    let language = peer.about.language.as_str();
    Ok(Entrant {
        label: peer.name.clone(),
        role: Role::Rival,
        subject,
        level: None,
        pipelining: answers.pipelining.is_none(),
        warmup_seconds: peer.about.warmup_seconds.unwrap_or(WARMUP_SECONDS),
        is_countable: COUNTABLE.contains(&language),
    })
}

//! Who takes part: the server, the limit, the rivals.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::{L0, SERVER};
use crate::peers::{Peer, answers};
use crate::process::{Running, Subject};
use crate::server::Server;
use crate::turns::Entrant;

/// Languages whose programs are machine code from the first request on, in one process.
const COUNTABLE: [&str; 2] = ["Rust", "Go"];
/// Warm-ups up to this long happen anew in each set.
const SHORT_WARMUP: f64 = 1.0;

/// The server, and the server with everything done naively.
pub(super) fn own(server: &Server) -> Vec<Entrant> {
    vec![
        Entrant::of(server.with(SERVER, &[])),
        Entrant::of(server.with("naive", &["--naive"])),
    ]
}

/// The loops beside this program. None of them closes a connection.
pub(super) fn canned_loops() -> Result<Vec<Entrant>> {
    let own = std::env::current_exe().context("this program's own path")?;
    let canned = |name: &str, program: &str, arguments: &[&str]| Entrant {
        closes: false,
        ..Entrant::of(Subject::announcing(
            name,
            own.with_file_name(program),
            arguments,
        ))
    };
    let bytes = ["--request-bytes", "{request_bytes}"];
    Ok(vec![
        canned(L0, "canned", &["--level", "0", bytes[0], bytes[1]]),
        canned("L1", "canned", &["--level", "1"]),
        canned("L2", "canned", &["--level", "2"]),
        canned("L0 on io_uring", "canned-uring", &bytes),
    ])
}

/// The rivals of these names; all if there are none.
pub(super) fn chosen(all: Vec<Peer>, names: &[String]) -> Result<Vec<Peer>> {
    let is_known = |name: &String| all.iter().any(|peer| peer.name == *name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let known: Vec<_> = all.iter().map(|peer| peer.name.as_str()).collect();
        bail!("{unknown} is no rival; there are {}", known.join(", "));
    }
    let is_wanted = |peer: &Peer| names.is_empty() || names.contains(&peer.name);
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// A rival, built, whose answers are right.
fn entrant(peer: &Peer) -> Result<Entrant> {
    let subject = peer.build()?;
    let running = Running::start(&subject, 1, &[])?;
    let answers = answers::check(running.address())?;
    if let Some(told) = &answers.pipelining {
        eprintln!("{}: no pipelined row: {told}", peer.name);
    }
    drop(running);
    let warmup = peer.about.warmup_seconds;
    Ok(Entrant {
        pipelining: answers.pipelining.is_none(),
        warmup_seconds: warmup.filter(|seconds| *seconds > SHORT_WARMUP),
        ..Entrant::of(subject)
    })
}

/// Whether callgrind can count it.
pub(super) fn is_countable(peer: &Peer) -> bool {
    COUNTABLE.contains(&peer.about.language.as_str())
}

/// The rivals that can be built and answer as they should; why the others cannot is in `missing`.
pub(super) fn invited(peers: &[Peer], missing: &mut BTreeMap<String, String>) -> Vec<Entrant> {
    let mut entrants = Vec::new();
    for peer in peers {
        eprintln!("{}: building", peer.name);
        match entrant(peer) {
            Ok(entrant) => entrants.push(entrant),
            Err(error) => {
                eprintln!("{}: {error:#}", peer.name);
                missing.insert(peer.name.clone(), format!("{error:#}"));
            }
        }
    }
    entrants
}

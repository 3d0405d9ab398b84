//! Who takes part: the server, the limit, the rivals.

use anyhow::{Context, Result};

use super::{L0, SERVER};
use crate::peers::{Peer, answers};
use crate::process::{Running, Subject};
use crate::server::Server;
use crate::turns::Entrant;

/// Languages whose programs are machine code from the first request on, in one process.
const COUNTABLE: [&str; 2] = ["Rust", "Go"];
/// Warm-ups up to this long happen anew in each set.
const SHORT_WARMUP: f64 = 1.0;
/// What a loop needs that looks at no byte: how long a request is.
const BYTES: [&str; 2] = ["--request-bytes", "{request_bytes}"];

/// The server, and the server with everything done naively.
pub(crate) fn own(server: &Server) -> Vec<Entrant> {
    vec![
        Entrant::of(server.with(SERVER, &[])),
        Entrant::of(server.with("naive", &["--naive"])),
    ]
}

/// The loops beside this program. None of them closes a connection.
pub(crate) fn canned_loops() -> Result<Vec<Entrant>> {
    Ok(vec![
        limit()?,
        canned("L1", "canned", &["--level", "1"])?,
        canned("L2", "canned", &["--level", "2"])?,
        canned("L0 on io_uring", "canned-uring", &BYTES)?,
    ])
}

/// The first of them.
pub(crate) fn limit() -> Result<Entrant> {
    canned(L0, "canned", &["--level", "0", BYTES[0], BYTES[1]])
}

/// One of them.
pub(crate) fn canned(name: &str, program: &str, arguments: &[&str]) -> Result<Entrant> {
    let own = std::env::current_exe().context("this program's own path")?;
    let program_path = own.with_file_name(program);
    Ok(Entrant {
        closes: false,
        countable: program == "canned",
        ..Entrant::of(Subject::announcing(name, program_path, arguments))
    })
}

/// A rival, built, whose answers are right.
pub(crate) fn entrant(peer: &Peer) -> Result<Entrant> {
    let subject = peer.build()?;
    let running = Running::start(&subject, 1, &[])?;
    let fault = answers::check(running.address())?;
    if let Some(told) = &fault {
        eprintln!("{}: no pipelined row: {told}", peer.name);
    }
    drop(running);
    let warmup = peer.about.warmup_seconds;
    Ok(Entrant {
        pipelining: fault.is_none(),
        countable: COUNTABLE.contains(&peer.about.language.as_str()),
        warmup_seconds: warmup.filter(|seconds| *seconds > SHORT_WARMUP),
        ..Entrant::of(subject)
    })
}

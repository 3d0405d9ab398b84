//! What it costs that techniques are flags: a server of flags against one of constants, in turns.
//!
//! Two servers cannot take turns inside of one: the generator drives one after the other, and each
//! is read when it has fallen asleep.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use barewire_load::{Client, Goal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::load::{Workload, client, cores, take_core};
use super::{report, serve};
use crate::accounts::Accounts;
use crate::duel::outcome::LEVEL;
use crate::duel::schedule::hash;
use crate::duel::statistics::{Estimate, estimate};

/// One turn of one server.
const TURN: Duration = Duration::from_millis(40);
/// Turns of each.
const ROUNDS: u64 = 24;
/// What a server needs to fall asleep: only then is its CPU time complete.
const ASLEEP: Duration = Duration::from_millis(1);

/// CPU time of a request with flags by that with constants.
pub(super) fn cost() -> io::Result<Option<Estimate>> {
    let whole = sched_getaffinity(None)?;
    // Threads inherit it: pinning by the technique would make flags of the constants.
    let cores = cores();
    if let [first, _, ..] = cores[..] {
        let mut set = CpuSet::new();
        set.set(first);
        sched_setaffinity(None, &set)?;
    }
    let (constants, flags) = (serve(false, cores.len()), serve(true, cores.len()));
    sched_setaffinity(None, &whole)?;
    let servers = [constants?, flags?];
    let measured = thread::scope(|scope| {
        let turns = scope.spawn(|| {
            take_core(&cores);
            let mut clients = Vec::new();
            for (running, _) in &servers {
                clients.push(client(running.address(), Workload::KeepAlive)?);
            }
            let accounts = servers.each_ref().map(|(_, accounts)| accounts);
            ratios(&mut clients, accounts).map_err(|error| error.to_string())
        });
        turns
            .join()
            .unwrap_or_else(|_| Err("the generator failed".to_owned()))
    });
    for (running, _) in servers {
        running.leave();
        running.join()?;
    }
    let ratios = measured.map_err(io::Error::other)?;
    Ok(estimate(&ratios, LEVEL))
}

/// The ratio of each round.
fn ratios(clients: &mut [Client], accounts: [&Arc<Accounts>; 2]) -> io::Result<Vec<f64>> {
    let mut ratios = Vec::new();
    // The first round warms both up.
    for round in 0..=ROUNDS {
        let mut costs = [None; 2];
        let first = usize::from(hash(ROUNDS, round) & 1 == 1);
        for server in [first, 1 - first] {
            let cpu = || accounts[server].reactors[0].owner.cpu_time();
            let before = cpu();
            clients[server].closed_loop(Instant::now(), Goal::After(TURN))?;
            thread::sleep(ASLEEP);
            let used = before
                .zip(cpu())
                .map(|(before, after)| after.since(before).nanos);
            let answered = clients[server].take_tally().answered as u64;
            costs[server] = used
                .filter(|_| answered > 0)
                .map(|used| report::ratio(used, answered));
        }
        if let ([Some(constants), Some(flags)], 1..) = (costs, round) {
            ratios.push(flags / constants);
        }
    }
    Ok(ratios)
}

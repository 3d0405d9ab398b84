//! The workloads of an ablation, by name and by the server's own words for where something shows.

use anyhow::{Context, Result, ensure};

use crate::server::Technique;
use crate::workload::Workload;

/// All, with their names on the command line.
pub fn all() -> Vec<Workload> {
    vec![
        Workload::keep_alive().saturating(),
        Workload::browser().saturating(),
        Workload::pipelined(),
        Workload::pipelined_different(),
        Workload::single(),
        Workload::reconnecting(),
        Workload::json().saturating(),
        Workload::two_workers().saturating(),
        Workload::cache(),
        Workload::uploads(),
        Workload::pieces(),
        Workload::waits(),
        Workload::files(),
        Workload::file("file-1k", "small.txt"),
        Workload::file("file-64k", "medium.txt"),
        Workload::file("file-1m", "large.txt"),
        Workload::storm(),
        Workload::idle().saturating(),
    ]
}

/// The one of a name.
///
/// # Errors
///
/// If there is none: with all that there are.
pub fn named(name: &str) -> Result<Workload> {
    let all = all();
    let found = all.iter().find(|workload| workload.name == name);
    found.cloned().with_context(|| {
        let known: Vec<_> = all.iter().map(|workload| workload.name.as_str()).collect();
        format!("{name} is no workload; there are {}", known.join(", "))
    })
}

/// The one of a name, if any server can be asked so: of one worker, and judged by its CPU time.
///
/// # Errors
///
/// If there is none, or it is one of an ablation only.
pub fn of_any_server(name: &str) -> Result<Workload> {
    let workload = named(name)?;
    ensure!(
        workload.workers() == 1 && !workload.neighbour,
        "{name} is a workload of `ablate` only"
    );
    Ok(workload)
}

/// Where a technique shows. How long connecting holds others up shows when many connect at once.
pub(super) fn shown(technique: &Technique) -> Option<Workload> {
    let workload = by_words(&technique.shows_on)?;
    let is_storm = workload.reconnect && !technique.is_judged_by_cpu();
    Some(if is_storm {
        Workload::storm()
    } else {
        workload
    })
}

fn by_words(words: &str) -> Option<Workload> {
    let name = match words {
        "keep-alive, 64 connections" => "keep-alive",
        "16 requests pipelined" => "pipelined-x16",
        "one connection" => "one-connection",
        "/benchmark on one connection" => "waits",
        "a connection for each request" => "connection-per-request",
        "keep-alive, two workers" => "two-workers",
        "/json" => "json",
        "1,000 keys of /cache, two workers" => "cache",
        "POSTs of 16 KiB" => "uploads",
        "requests in two pieces" => "two-pieces",
        "/async-files beside other requests" => "files",
        "/files of 1 KiB" => "file-1k",
        "/files of 64 KiB" => "file-64k",
        "/files of 1 MiB" => "file-1m",
        _ => return None,
    };
    named(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_known_by_name() {
        assert_eq!(named("pipelined-x16").unwrap(), Workload::pipelined());
        let error = named("fast").unwrap_err().to_string();
        assert!(
            error.contains("keep-alive-browser, pipelined-x16"),
            "{error}"
        );
    }

    #[test]
    fn the_words_of_the_server_are_those_of_its_table() {
        use barewire::techniques::{all, switches};
        assert!(switches().count() > 20);
        for technique in all() {
            let words = technique.shows_on.name();
            assert!(by_words(words).is_some(), "{}: {words}", technique.name);
        }
    }
}

//! What is done to a server: `cases.toml` says what, and here is who does it.

use anyhow::{Result, bail};
use serde::Deserialize;

use super::attacks::{
    asked, crowded, deferred_junk, files, left_jobs, lingering_flood, long_heads, named_ahead,
    paid_ahead, pipeline, resumed, steady_reader, waits_left,
};
use super::deeds::{descriptors, flood, idle, jobs, resets, slow, slow_read, storm};
use super::scene::Scene;

/// Bytes of a head, and of a head and its body, that do not end.
const HEAD: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: faults\r\nX: ";
const BODY: &[u8] = b"POST /zero-copy HTTP/1.1\r\nHost: faults\r\nContent-Length: 100000\r\n\r\n";

/// The whole of `cases.toml`.
#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

/// One thing that is done to a server; `cases.toml` says what the fields are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) what: String,
    pub(super) promise: String,
    #[serde(default)]
    pub(super) arguments: String,
    #[serde(default)]
    pub(super) under: Vec<String>,
}

/// All of them.
pub(super) fn all() -> Result<Vec<Case>> {
    Ok(toml::from_str::<Table>(include_str!("cases.toml"))?.case)
}

impl Case {
    /// Does it, and says what must be so.
    pub(super) fn run(&self, scene: &Scene<'_>) -> Result<()> {
        match self.name.as_str() {
            "idle" => idle(scene),
            "slow-head" => slow(scene, HEAD, "head_timeout"),
            "slow-body" => slow(scene, BODY, "body_timeout"),
            "slow-read" => slow_read(scene),
            "flood" => flood(scene),
            "storm" => storm(scene),
            "resets" => resets(scene),
            "descriptors" => descriptors(scene),
            "jobs" => jobs(scene),
            "costly-pipelines" => asked(scene, 64, &pipeline(), 200),
            "many-names" => asked(scene, 16, &files("a", 262_000), 413),
            "waits-left" => waits_left(scene),
            "lingering-flood" => lingering_flood(scene),
            "paid-ahead" => paid_ahead(scene),
            "steady-slow-reader" => steady_reader(scene),
            "left-jobs" => left_jobs(scene),
            "named-ahead" => named_ahead(scene),
            "unread-log" => asked(scene, 100, b"BAD\r\n\r\n", 400),
            "long-heads" => long_heads(scene),
            "deferred-junk" => deferred_junk(scene),
            "silent-crowd" => crowded(scene, 60, ""),
            "drip-crowd" => crowded(scene, 500, "GET"),
            "stopped" => resumed(scene, false),
            "urgent" => resumed(scene, true),
            other => bail!("nobody does {other}"),
        }
    }
}

//! Attacks that each aim at one weakness: work that others wait for, bytes and places that are kept
//! for peers that have gone or hardly move, and time that passed while the server could not look.
//!
//! As in [`deeds`](super::deeds), each function does one thing, tells what it found, and says what
//! must be so.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::{thread, time::Duration};

use anyhow::{Context, Result};
use barewire_load::script::{request_for, upload_for};
use memchr::memmem;
use rustix::process::{Pid, Signal, kill_process};

use super::crowd::{PATIENCE, PIECE, connect};
use super::deeds::{PLAIN, WINDOW};
use super::scene::Scene;
use crate::process::within;

/// Between two looks at what comes.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Between two bytes of a peer that is slow, but not gone.
const BYTE_EVERY: Duration = Duration::from_secs(1);
/// In which the server comes to what was sent.
const PAUSE: Duration = Duration::from_millis(15);
/// Longer than the case allows for a head.
const STOPPED_FOR: Duration = Duration::from_millis(1500);
/// A request that is deferred for long.
const WAITING: &str = "GET /benchmark?wait_us=10000000 HTTP/1.1\r\nHost: faults\r\n\r\n";
/// Of one connection of the server, in its kernel's receive queue.
const UNREAD_MAX: u64 = 256 << 10;
/// What one reactor and one job thread take with the default limits, by docs/sizing.md: 81 MiB, and
/// half as much for the gaps between them.
const HELD_MAX: u64 = 121 << 20;
/// What a body may be long, by default, and the largest file that is read.
const BODY_MAX: usize = 1 << 20;
const FILE_MAX: u64 = 64 << 20;
/// Requests of a pipeline.
const PIPELINED: usize = 240;

/// Waves of peers that each send this and read to the end: each is told this
/// status, and nobody else is held up.
pub(super) fn asked(scene: &Scene<'_>, peers: usize, bytes: &[u8], status: u16) -> Result<()> {
    scene.is_timed.set(true);
    let mut told = 0;
    let (_, peers) = scene.waves(peers, None, |mut crowd| {
        within(PATIENCE, LOOK_EVERY, || {
            if crowd.send(bytes) {
                crowd.finish();
            }
            Ok(crowd.hear() == crowd.len())
        })?;
        told += crowd.told(status).count();
        Ok(())
    })?;
    scene.all(&format!("told {status}"), told, peers);
    Ok(())
}

/// Requests that cost more to answer than to send.
pub(super) fn pipeline() -> Vec<u8> {
    request_for("/metrics", "faults", false).repeat(PIPELINED)
}

/// A request that names a file so many times.
pub(super) fn files(name: &str, count: usize) -> Vec<u8> {
    let body = format!("{{\"files\":{:?}}}", vec![name; count]);
    upload_for("/async-files", "faults", &body.replace(", ", ","))
}

/// Peers that ask for a long wait and do not wait for it.
pub(super) fn waits_left(scene: &Scene<'_>) -> Result<()> {
    for _ in 0..26 {
        let mut crowd = scene.crowd(100, None)?;
        crowd.say(WAITING.as_bytes());
        thread::sleep(PAUSE);
    }
    scene.newcomers(20, PLAIN.as_bytes())
}

/// Peers that were refused, and send on for as long as they may.
pub(super) fn lingering_flood(scene: &Scene<'_>) -> Result<()> {
    let (mut crowd, mut most) = (scene.crowd(8, None)?, 0);
    crowd.say(b"BAD\r\n\r\n");
    within(PATIENCE, LOOK_EVERY, || {
        most += BODY_MAX;
        crowd.flood(&[b'x'; PIECE], most);
        Ok(crowd.ended() == crowd.len())
    })?;
    scene.all("cut off", crowd.ended(), crowd.len());
    Ok(())
}

/// Peers that have sent enough for half an hour, at the rate that is asked for, and then drip.
pub(super) fn paid_ahead(scene: &Scene<'_>) -> Result<()> {
    let upload = upload_for("/zero-copy", "faults", &"p".repeat(BODY_MAX));
    let mut crowd = scene.crowd(8, None)?;
    let paid = &upload[..upload.len() - 300];
    within(PATIENCE, LOOK_EVERY, || Ok(crowd.send(paid)))?;
    within(PATIENCE, BYTE_EVERY, || {
        let ended = crowd.hear();
        crowd.say(b"p");
        Ok(ended == crowd.len())
    })?;
    let (late, refused) = (crowd.told(408).count(), crowd.told(503).count());
    scene.all("refused or cut off", late + refused, crowd.len());
    scene.must(late > 0, "nobody held anything");
    scene.newcomers(2, &upload)
}

/// A peer that reads slowly, but never stops. Its receive buffer is small, so that it makes room,
/// and says so, each time.
pub(super) fn steady_reader(scene: &Scene<'_>) -> Result<()> {
    let mut stream = connect(scene.address, WINDOW)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&pipeline())?;
    stream.shutdown(Shutdown::Write)?;
    let mut told = Vec::new();
    let mut end = Ok(0);
    for pace in [1000; 120].into_iter().chain([u64::MAX]) {
        // A reset takes away what has not been read.
        end = end.and_then(|_| (&stream).take(pace).read_to_end(&mut told));
        thread::sleep(Duration::from_millis(100));
    }
    scene.must(end.is_ok(), format!("the end: {end:?}"));
    let answers = memmem::find_iter(&told, "HTTP/1.1 200 ").count();
    scene.all("answers read", answers, PIPELINED);
    Ok(())
}

/// A request for a thousand large files, which lie where the server was started. They take no
/// room on the disk.
fn large_files(scene: &Scene<'_>) -> Result<Vec<u8>> {
    let path = scene.process()?.cwd()?.join("large");
    File::create(path)?.set_len(FILE_MAX)?;
    Ok(files("large", 1000))
}

/// Peers whose work would take minutes, and who do not wait for it.
pub(super) fn left_jobs(scene: &Scene<'_>) -> Result<()> {
    let request = large_files(scene)?;
    scene.waves(10, None, |mut crowd| {
        crowd.say(&request);
        thread::sleep(PAUSE);
        Ok(())
    })?;
    scene.newcomers(1, &files("none", 1))
}

/// Long bodies that wait to be read out, behind work that takes minutes.
pub(super) fn named_ahead(scene: &Scene<'_>) -> Result<()> {
    let mut ahead = scene.crowd(20, None)?;
    ahead.say(&large_files(scene)?);
    let before = scene.ask("/stats")?.get("memory_usage")?;
    let upload = files(&"p".repeat(BODY_MAX - 100), 1);
    let mut crowd = scene.crowd(600, None)?;
    within(PATIENCE, LOOK_EVERY, || {
        crowd.hear();
        Ok(crowd.send(&upload))
    })?;
    let grown = scene.ask("/stats")?.get("memory_peak")? - before;
    let fact = format!(
        "resident memory up by {} of {} KiB",
        grown >> 10,
        HELD_MAX >> 10
    );
    scene.must(grown <= HELD_MAX, fact.clone());
    scene.tell(fact);
    Ok(())
}

/// Heads that do not end, some of which fill the buffers by their length, more by their number.
pub(super) fn long_heads(scene: &Scene<'_>) -> Result<()> {
    let upload = upload_for("/zero-copy", "faults", &"p".repeat(PIECE));
    for (peers, bytes) in [(2100, 8500), (16_384, 20)] {
        let mut crowd = scene.crowd(peers, None)?;
        crowd.say(format!("{:x<bytes$}", "GET / HTTP/1.1\r\nX: ").as_bytes());
        scene.newcomers(1, &upload)?;
    }
    Ok(())
}

/// Peers that send while nothing of them is read.
pub(super) fn deferred_junk(scene: &Scene<'_>) -> Result<()> {
    let (mut crowd, mut most) = (scene.crowd(100, None)?, 0);
    crowd.say(WAITING.as_bytes());
    while !scene.left().is_zero() {
        crowd.flood(&[b'x'; PIECE], usize::MAX);
        let ours = procfs::net::tcp()?.into_iter();
        let ours = ours.filter(|entry| entry.local_address == scene.address);
        most = ours.map(|entry| entry.rx_queue.into()).fold(most, u64::max);
        thread::sleep(PAUSE);
    }
    scene.at_most("unread", most, UNREAD_MAX);
    Ok(())
}

/// A crowd that fills the server sends these bytes, one each second; then somebody comes.
pub(super) fn crowded(scene: &Scene<'_>, peers: usize, bytes: &str) -> Result<()> {
    let mut crowd = scene.crowd(peers, None)?;
    for byte in bytes.bytes() {
        crowd.say(&[byte]);
        thread::sleep(BYTE_EVERY);
    }
    scene.newcomers(1, PLAIN.as_bytes())
}

/// Half a head; while the server is stopped, the rest comes, so that it finds all of it at once,
/// and the time for a head passes, or a byte of urgent data comes, at which a read stops, whatever
/// follows (tcp(7)).
pub(super) fn resumed(scene: &Scene<'_>, is_urgent: bool) -> Result<()> {
    let (half, rest) = PLAIN.split_at(20);
    let mut crowd = scene.crowd(20, None)?;
    crowd.say(half.as_bytes());
    thread::sleep(PAUSE);
    let server = Pid::from_raw(scene.process()?.pid()).context("the server's number")?;
    kill_process(server, Signal::STOP)?;
    crowd.say(&rest.as_bytes()[..5]);
    if is_urgent {
        crowd.urge()?;
    }
    crowd.say(&rest.as_bytes()[5..]);
    thread::sleep(if is_urgent { PAUSE } else { STOPPED_FOR });
    kill_process(server, Signal::CONT)?;
    scene.served(crowd, b"")
}

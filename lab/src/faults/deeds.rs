//! What is done to a server: peers say too little, want too much or leave in the middle, and
//! resources run out.
//!
//! Each function does one thing for as long as the [`Scene`] lasts, tells what it found, and says
//! what must be so.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use barewire_load::script::upload_for;
use memchr::memmem;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::crowd::{Crowd, PATIENCE};
use super::scene::{Scene, Stats};
use crate::{generator, process::within};

/// A request that is answered at once.
pub(super) const PLAIN: &str = "GET /plaintext HTTP/1.1\r\nHost: faults\r\n\r\n";
/// Between two bytes that a slow peer sends, or takes.
const BYTE_EVERY: Duration = Duration::from_millis(100);
/// Between two looks at what a flood does to the server.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The receive buffer of a peer that does not read; the kernel doubles it (socket(7)).
pub(super) const WINDOW: Option<usize> = Some(4096);
/// What a server lends to all connections of a reactor: its default.
const BUFFERS_MAX: u64 = 64 << 20;
/// Answers of some kilobytes, hundreds of them: more than a socket holds.
const LARGE: &str = "GET / HTTP/1.1\r\nHost: faults\r\n\r\n";
const LARGE_REPEATED: usize = 200;
/// Where a peer leaves, and what it has sent by then.
const STAGES: [(&str, &str); 10] = [
    ("after connecting", ""),
    ("in the request line", "GET /plain"),
    ("in a field", "GET /plaintext HTTP/1.1\r\nHost: fau"),
    ("behind a request", PLAIN),
    (
        "in a body",
        "POST /zero-copy HTTP/1.1\r\nHost: faults\r\nContent-Length: 9000\r\n\r\nabc",
    ),
    (
        "in a chunk",
        "POST /zero-copy HTTP/1.1\r\nHost: faults\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
    ),
    (
        "while the server waits",
        "GET /benchmark?wait_us=20000 HTTP/1.1\r\nHost: faults\r\n\r\n",
    ),
    (
        "while a job runs",
        "POST /async-files HTTP/1.1\r\nHost: faults\r\nContent-Length: 23\r\n\r\n\
         {\"files\":[\"large.txt\"]}",
    ),
    (
        "with two requests behind it",
        "GET /cache/fault HTTP/1.1\r\nHost: faults\r\n\r\n\
         GET / HTTP/1.1\r\nHost: faults\r\n\r\nGET /",
    ),
    (
        "while the server lingers",
        "GET / HTTP/1.1\nHost: faults\r\n\r\n",
    ),
];
/// Peers of each stage in a wave.
const LEAVING: usize = 50;
/// Milliseconds in which the server may, or may not, have come to what they sent: it is reset
/// before, in the middle and after.
const PAUSES_MS: [u64; 3] = [0, 1, 15];
/// Connections that come, and files that the server may have open.
const CROWD: usize = 200;
const FILES_MAX: u64 = 64;
/// Turns of a reactor in a second that nobody asks anything: it tries again every 100 ms.
const TURNS_EACH_SECOND: u64 = 50;

/// Connections that say nothing, and in the end all ask at once.
pub(super) fn idle(scene: &Scene<'_>) -> Result<()> {
    let before = scene.usage()?.resident_bytes;
    let mut crowd = scene.crowd(10_000, None)?;
    let count = crowd.len();
    scene.wait("all are accepted", |stats| {
        Ok(stats.get("connections")? >= count as u64)
    })?;
    let grown = scene.usage()?.resident_bytes.saturating_sub(before);
    let each = grown / count as u64;
    let fact = format!("{count} accepted, {each} bytes of resident memory each");
    scene.tell(fact);
    thread::sleep(scene.left());
    crowd.say(PLAIN.as_bytes());
    let answered = crowd.hear_all()?;
    scene.all("answered, asking all at once", answered, count);
    Ok(())
}

/// Heads or bodies that come a byte at a time and do not end: Slowloris, R.U.D.Y. Waves of a
/// thousand, each of which begins as `beginning` and then drips, until all were refused.
pub(super) fn slow(scene: &Scene<'_>, beginning: &[u8], reason: &str) -> Result<()> {
    let mut told = 0;
    let (waves, peers) = scene.waves(1000, None, |mut crowd| {
        crowd.say(beginning);
        within(PATIENCE, BYTE_EVERY, || {
            // In this order: a byte to one that has closed would take away what it said.
            let ended = crowd.hear();
            crowd.say(b"a");
            Ok(ended == crowd.len())
        })?;
        told += crowd.told(408).count();
        Ok(())
    })?;
    let refused = scene.ask("/stats")?.get(&format!("refusals/{reason}"))?;
    scene.tell(format!(
        "{waves} waves, {peers} peers: {told} read their 408, {refused} counted as {reason}"
    ));
    let broken = format!("of {peers} slow peers {told} were told 408, and {refused} were counted");
    scene.must(told == peers && refused == peers as u64, broken);
    Ok(())
}

/// A thousand that ask for much and take a byte at a time.
pub(super) fn slow_read(scene: &Scene<'_>) -> Result<()> {
    let requests = LARGE.repeat(LARGE_REPEATED);
    let (mut lent, mut asked) = (0, 0);
    let (waves, peers) = scene.waves(1000, WINDOW, |mut crowd| {
        crowd.say(requests.as_bytes());
        asked += crowd.len() as u64;
        within(PATIENCE, BYTE_EVERY, || {
            crowd.sip();
            let stats = scene.ask("/stats")?;
            lent = lent.max(stats.get("buffer_bytes")?);
            Ok(given_up(&stats)? >= asked)
        })?;
        Ok(())
    })?;
    let refused = given_up(&scene.ask("/stats")?)?;
    scene.tell(format!("{waves} waves, {peers} peers: {refused} given up"));
    scene.at_most("lent to them", lent, BUFFERS_MAX);
    scene.must(refused == asked, "not all were given up");
    Ok(())
}

/// Those whose time was over, and those for whom no buffer was left. The client cannot tell: what
/// its socket holds of the answers is there to be read all the same.
fn given_up(stats: &Stats) -> Result<u64> {
    Ok(stats.get("refusals/slow_reader")? + stats.get("refusals/buffers")?)
}

/// A hundred that send requests as fast as the server takes them, and read nothing.
pub(super) fn flood(scene: &Scene<'_>) -> Result<()> {
    let requests = PLAIN.repeat(100);
    let before = scene.usage()?.resident_bytes;
    let (mut lent, mut most, mut sent, mut given_up) = (0, before, 0, 0);
    let (_, peers) = scene.waves(100, WINDOW, |mut crowd| {
        within(PATIENCE, LOOK_EVERY, || {
            sent += crowd.flood(requests.as_bytes(), usize::MAX);
            lent = lent.max(scene.ask("/stats")?.get("buffer_bytes")?);
            most = most.max(scene.usage()?.resident_bytes);
            Ok(crowd.ended() == crowd.len())
        })?;
        given_up += crowd.ended();
        Ok(())
    })?;
    let (sent, grown) = (sent >> 10, (most - before) >> 10);
    let fact = format!("{sent} KiB of requests taken, resident memory up by {grown} KiB");
    scene.tell(fact);
    scene.at_most("lent to them", lent, BUFFERS_MAX);
    scene.all("given up", given_up, peers);
    Ok(())
}

/// A connection for each request, as fast as they come.
pub(super) fn storm(scene: &Scene<'_>) -> Result<()> {
    let outcome = generator::measure(&generator::Options {
        reconnect: true,
        warmup: 0.0,
        seconds: scene.left().as_secs_f64(),
        ..generator::Options::to(scene.address)?
    })?;
    let (requests, errors) = (outcome.requests, outcome.errors);
    let fact = format!("{requests} connections with a request each, {errors} failed");
    scene.tell(fact);
    scene.must(errors == 0, format!("{:?}", outcome.errors_by_kind));
    Ok(())
}

/// Waves of resets, until the time is over and each stage has had each pause.
pub(super) fn resets(scene: &Scene<'_>) -> Result<()> {
    let mut peers = 0;
    let pauses = |(_, beginning)| PAUSES_MS.map(|pause| (beginning, pause));
    for (beginning, pause) in STAGES.into_iter().cycle().flat_map(pauses) {
        let mut crowd = scene.crowd(LEAVING, None)?;
        crowd.say(beginning.as_bytes());
        thread::sleep(Duration::from_millis(pause));
        peers += crowd.len();
        if scene.left().is_zero() && peers >= LEAVING * STAGES.len() * PAUSES_MS.len() {
            break;
        }
    }
    let stats = scene.ask("/stats")?;
    let (counted, panics) = (stats.get("resets")?, stats.get("panics")?);
    let stages = STAGES.map(|(stage, _)| stage).join(", ");
    let fact = format!("{peers} resets ({stages}); {counted} seen by a read or a write");
    scene.tell(fact);
    scene.must(counted > 0, "no reset was seen");
    scene.must(panics == 0, format!("{panics} panics"));
    Ok(())
}

/// More connections than files: accepting pauses, and is taken up again as they leave.
pub(super) fn descriptors(scene: &Scene<'_>) -> Result<()> {
    let pid = Pid::from_raw(scene.process()?.pid());
    let [current, maximum] = [Some(FILES_MAX); 2];
    prlimit(pid, Resource::Nofile, Rlimit { current, maximum })?;
    let mut crowd = Crowd::of(CROWD, scene.address, None)?;
    scene.wait("accepting pauses", |stats| {
        Ok(stats.get("accept_pauses")? > 0)
    })?;
    let (began, first) = (Instant::now(), scene.ask("/stats")?);
    thread::sleep(scene.left());
    let last = scene.ask("/stats")?;
    let since = |name| anyhow::Ok(last.get(name)? - first.get(name)?);
    let (turns, requests) = (since("turns")?, since("requests")?);
    let seconds = began.elapsed().as_secs().max(1);
    let accepted = last.get("accepted")?;
    scene.tell(format!(
        "{accepted} of {CROWD} accepted; {turns} turns for {requests} requests of the neighbour's \
         in {seconds} s"
    ));
    // One that spins makes a turn every few microseconds.
    let broken = format!("{turns} turns for {requests} requests: it spins");
    scene.must(turns <= 2 * requests + TURNS_EACH_SECOND * seconds, broken);
    // Each leaves when it was served, and makes a place.
    crowd.say(b"GET /plaintext HTTP/1.1\r\nHost: faults\r\nConnection: close\r\n\r\n");
    let served = crowd.hear_all()?;
    scene.all("served, as they left", served, CROWD);
    Ok(())
}

/// More jobs than the pool has places for: each is answered, with 200 or with 503.
pub(super) fn jobs(scene: &Scene<'_>) -> Result<()> {
    let body = r#"{"files":["large.txt","large.txt","large.txt"]}"#;
    let request = upload_for("/async-files", "faults", body);
    let (mut done, mut refused) = (0, 0);
    let (_, asked) = scene.waves(200, None, |mut crowd| {
        crowd.say(&request);
        done += crowd.hear_all()?;
        refused += crowd.told(503).count();
        let is_told = |answer: &[u8]| memmem::find(answer, b"Retry-After: ").is_some();
        scene.must(crowd.told(503).all(is_told), "a 503 without Retry-After");
        Ok(())
    })?;
    let fact = format!("{asked} asked: {done} answered with 200, {refused} with 503");
    scene.tell(fact);
    let broken = format!("{asked} asked, {done} and {refused} answered");
    scene.must(done + refused == asked, broken);
    scene.must(refused > 0, "the pool was never full");
    Ok(())
}

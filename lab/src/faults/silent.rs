//! Peers that say too little: nothing at all, or a byte now and then.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::crowd::Crowd;
use super::scene::{Scene, Stats};

/// Between two bytes of a slow peer.
const DRIP_EVERY: Duration = Duration::from_millis(100);
/// A peer that is told that it was too slow has been told by then.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// Connections that say nothing, and in the end all ask at once.
pub(super) fn idle(scene: &Scene<'_>) -> Result<()> {
    let before = scene.usage()?;
    let mut crowd = Crowd::connect(scene.address(), scene.peers(10_000), None)?;
    let count = crowd.len() as u64;
    let open = |least| move |stats: &Stats| Ok(stats.get("connections")? >= least);
    scene.eventually("all are accepted", open(count))?;
    let after = scene.usage()?;
    let grown = after.resident_bytes.saturating_sub(before.resident_bytes);
    let each = grown / count;
    scene.tell(format!(
        "{count} accepted, {each} bytes of resident memory each"
    ));
    while !scene.is_over() {
        thread::sleep(DRIP_EVERY);
    }
    crowd.say(b"GET /plaintext HTTP/1.1\r\nHost: faults\r\n\r\n");
    let deadline = Instant::now() + TOLD_WITHIN;
    while crowd.told(200) < crowd.len() && Instant::now() < deadline {
        crowd.hear();
    }
    let answered = crowd.told(200);
    scene.tell(format!("then all ask at once: {answered} answered"));
    scene.must(answered == crowd.len(), || {
        format!("of {count} silent connections only {answered} were answered")
    });
    Ok(())
}

/// Heads that come a byte at a time and do not end: Slowloris.
pub(super) fn slow_head(scene: &Scene<'_>) -> Result<()> {
    slow(
        scene,
        b"GET /plaintext HTTP/1.1\r\nHost: faults\r\nX: ",
        "head_timeout",
    )
}

/// Bodies that come a byte at a time and do not end: R.U.D.Y.
pub(super) fn slow_body(scene: &Scene<'_>) -> Result<()> {
    let head = b"POST /zero-copy HTTP/1.1\r\nHost: faults\r\nContent-Length: 100000\r\n\r\n";
    slow(scene, head, "body_timeout")
}

/// Waves of a thousand, each of which begins as `beginning` and then drips, until all were refused.
fn slow(scene: &Scene<'_>, beginning: &[u8], reason: &str) -> Result<()> {
    let (mut waves, mut told, mut peers) = (0, 0, 0);
    while !scene.is_over() {
        let mut crowd = Crowd::connect(scene.address(), scene.peers(1000), None)?;
        crowd.say(beginning);
        let deadline = Instant::now() + TOLD_WITHIN;
        while crowd.hear() < crowd.len() && Instant::now() < deadline {
            crowd.iter_mut().for_each(|member| member.drip(b"a"));
            thread::sleep(DRIP_EVERY);
        }
        (waves, told, peers) = (waves + 1, told + crowd.told(408), peers + crowd.len());
    }
    let refused = scene.stats()?.get(&format!("refusals/{reason}"))?;
    scene.tell(format!(
        "{waves} waves, {peers} peers: {told} read their 408, {refused} counted as {reason}"
    ));
    scene.must(told == peers && refused == peers as u64, || {
        format!("of {peers} slow peers {told} were told 408, and {refused} were counted")
    });
    Ok(())
}

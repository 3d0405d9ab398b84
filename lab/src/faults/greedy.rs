//! Peers that want too much: answers that they do not take, requests without end, a connection for
//! each.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::crowd::{Crowd, Member};
use super::scene::{Scene, Stats};
use crate::generator;

/// Between two bytes that a slow reader takes, and between two looks at the server.
const SIP_EVERY: Duration = Duration::from_millis(100);
/// The receive buffer of a peer that does not read; the kernel doubles it (socket(7)).
const WINDOW: usize = 4096;
/// What a server lends to all connections of a reactor: its default.
const BUFFERS_MAX: u64 = 64 << 20;
/// Answers of some kilobytes, hundreds of them: more than a socket holds.
const LARGE: &str = "GET / HTTP/1.1\r\nHost: faults\r\n\r\n";
const LARGE_REPEATED: usize = 200;
/// Peers that do not take their answers are given up by then.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(10);

/// The most that the server had lent at any look.
#[derive(Default)]
struct Lent(u64);

impl Lent {
    fn look(&mut self, stats: &Stats) -> Result<()> {
        self.0 = self.0.max(stats.get("buffer_bytes")?);
        Ok(())
    }

    fn tell(&self, scene: &Scene<'_>) {
        let lent = self.0;
        scene.tell(format!("at most {} KiB lent to them", lent / 1024));
        scene.must(lent <= BUFFERS_MAX, || {
            format!("{lent} bytes were lent, of {BUFFERS_MAX}")
        });
    }
}

/// A thousand that ask for much and take a byte at a time.
pub(super) fn slow_read(scene: &Scene<'_>) -> Result<()> {
    let mut lent = Lent::default();
    let (mut waves, mut peers) = (0, 0);
    while !scene.is_over() {
        let mut crowd = Crowd::connect(scene.address(), scene.peers(1000), Some(WINDOW))?;
        crowd.say(LARGE.repeat(LARGE_REPEATED).as_bytes());
        (waves, peers) = (waves + 1, peers + crowd.len() as u64);
        let deadline = Instant::now() + GIVEN_UP_WITHIN;
        while given_up(scene)? < peers && Instant::now() < deadline {
            crowd.iter_mut().for_each(Member::sip);
            lent.look(&scene.stats()?)?;
            thread::sleep(SIP_EVERY);
        }
        crowd.reset();
    }
    let refused = given_up(scene)?;
    scene.tell(format!("{waves} waves, {peers} peers: {refused} given up"));
    lent.tell(scene);
    scene.must(refused == peers, || {
        format!("of {peers} slow readers {refused} were given up")
    });
    Ok(())
}

/// Those whose time was over, and those for whom no buffer was left. The client cannot tell: what
/// its socket holds of the answers is there to be read all the same.
fn given_up(scene: &Scene<'_>) -> Result<u64> {
    let stats = scene.stats()?;
    Ok(stats.get("refusals/slow_reader")? + stats.get("refusals/buffers")?)
}

/// A hundred that send requests as fast as the server takes them, and read nothing.
pub(super) fn flood(scene: &Scene<'_>) -> Result<()> {
    let requests = "GET /plaintext HTTP/1.1\r\nHost: faults\r\n\r\n".repeat(100);
    let before = scene.usage()?.resident_bytes;
    let (mut lent, mut most) = (Lent::default(), before);
    let (mut sent, mut peers, mut given_up) = (0, 0, 0);
    while !scene.is_over() {
        let mut crowd = Crowd::connect(scene.address(), scene.peers(100), Some(WINDOW))?;
        let mut open = crowd.len();
        let deadline = Instant::now() + GIVEN_UP_WITHIN;
        while open > 0 && Instant::now() < deadline {
            sent += crowd
                .iter_mut()
                .map(|member| member.flood(requests.as_bytes()))
                .sum::<usize>();
            lent.look(&scene.stats()?)?;
            most = most.max(scene.usage()?.resident_bytes);
            open = crowd
                .iter_mut()
                .filter(|member| !member.has_ended())
                .count();
            thread::sleep(SIP_EVERY / 10);
        }
        peers += crowd.len();
        given_up += crowd.len() - open;
        crowd.reset();
    }
    let grown = (most - before) >> 10;
    scene.tell(format!(
        "{} KiB of requests taken, {given_up} of {peers} peers given up, resident memory up by \
         {grown} KiB",
        sent >> 10
    ));
    lent.tell(scene);
    scene.must(given_up == peers, || {
        format!("{} peers that never read were kept", peers - given_up)
    });
    Ok(())
}

/// A connection for each request, as fast as they come.
pub(super) fn storm(scene: &Scene<'_>) -> Result<()> {
    let left = scene.until.saturating_duration_since(Instant::now());
    let outcome = generator::measure(&generator::Options {
        reconnect: true,
        warmup: 0.0,
        seconds: left.as_secs_f64(),
        ..generator::Options::to(scene.address())?
    })?;
    let (requests, errors) = (outcome.requests, outcome.errors);
    scene.tell(format!(
        "{requests} connections with a request each, {errors} failed"
    ));
    scene.must(errors == 0, || format!("{:?}", outcome.errors_by_kind));
    Ok(())
}

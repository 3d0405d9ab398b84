//! What runs out: descriptors, and places in the queue of the job pool.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::crowd::Crowd;
use super::scene::Scene;

/// Connections that come, more than [`super::cases::FILES_MAX`] allow.
const CROWD: usize = 200;
/// Turns of a reactor in a second that nobody asks anything: it tries again every 100 ms.
const TURNS_EACH_SECOND: u64 = 50;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What waits for a descriptor has one by then.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// More connections than files: accepting pauses, and is taken up again as they leave.
pub(super) fn descriptors(scene: &Scene<'_>) -> Result<()> {
    let mut crowd = Crowd::connect(scene.address(), CROWD, None)?;
    let first = scene.eventually("accepting pauses", |stats| {
        Ok(stats.get("accept_pauses")? > 0)
    })?;
    let began = Instant::now();
    while !scene.is_over() {
        thread::sleep(LOOK_EVERY);
    }
    let last = scene.stats()?;
    let since = |name| -> Result<u64> { Ok(last.get(name)? - first.get(name)?) };
    let (turns, requests) = (since("turns")?, since("requests")?);
    let seconds = began.elapsed().as_secs().max(1);
    let accepted = last.get("accepted")?;
    scene.tell(format!(
        "{accepted} of {CROWD} accepted; {turns} turns for {requests} requests of the neighbour's \
         in {seconds} s"
    ));
    // One that spins makes a turn every few microseconds.
    scene.must(turns <= 2 * requests + TURNS_EACH_SECOND * seconds, || {
        format!("{turns} turns for {requests} requests: it spins")
    });
    // Each leaves when it was served, and makes a place.
    let mut served = 0;
    let deadline = Instant::now() + SERVED_WITHIN;
    crowd.say(b"GET /plaintext HTTP/1.1\r\nHost: faults\r\nConnection: close\r\n\r\n");
    while served < CROWD && Instant::now() < deadline {
        crowd.hear();
        served = crowd.told(200);
        thread::sleep(LOOK_EVERY);
    }
    scene.tell(format!("as they left, the others came: {served} served"));
    scene.must(served == CROWD, || {
        format!("of {CROWD} only {served} were served")
    });
    Ok(())
}

/// More jobs than the pool has places for: each is answered, with 200 or with 503.
pub(super) fn jobs(scene: &Scene<'_>) -> Result<()> {
    let body = r#"{"files":["large.txt","large.txt","large.txt"]}"#;
    let length = body.len();
    let request = format!(
        "POST /async-files HTTP/1.1\r\nHost: faults\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let (mut done, mut refused, mut asked) = (0, 0, 0);
    while !scene.is_over() {
        let mut crowd = Crowd::connect(scene.address(), scene.peers(200), None)?;
        crowd.say(request.as_bytes());
        asked += crowd.len();
        let deadline = Instant::now() + SERVED_WITHIN;
        while crowd.told(200) + crowd.told(503) < crowd.len() && Instant::now() < deadline {
            crowd.hear();
            thread::sleep(LOOK_EVERY / 20);
        }
        (done, refused) = (done + crowd.told(200), refused + crowd.told(503));
        let is_told = |answer: &[u8]| {
            !answer.starts_with(b"HTTP/1.1 503")
                || String::from_utf8_lossy(answer).contains("Retry-After: ")
        };
        let all_told = crowd.iter_mut().all(|member| is_told(member.answer()));
        scene.must(all_told, || "a 503 without Retry-After".to_owned());
    }
    scene.tell(format!(
        "{asked} asked: {done} answered with 200, {refused} with 503"
    ));
    scene.must(done + refused == asked, || {
        format!("{asked} asked, {done} and {refused} answered")
    });
    scene.must(refused > 0, || "the pool was never full".to_owned());
    Ok(())
}

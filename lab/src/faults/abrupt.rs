//! Peers that reset their connection, at every stage of a request.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::crowd::Crowd;
use super::scene::Scene;

/// Where a peer leaves, and what it has sent by then.
const STAGES: [(&str, &str); 10] = [
    ("after connecting", ""),
    ("in the request line", "GET /plain"),
    ("in a field", "GET /plaintext HTTP/1.1\r\nHost: fau"),
    (
        "behind a request",
        "GET /plaintext HTTP/1.1\r\nHost: faults\r\n\r\n",
    ),
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
const PEERS: usize = 50;
/// Time in which the server may, or may not, have come to what they sent: it is reset before, in
/// the middle and after.
const PAUSES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(15),
];

/// Waves of resets, until the time is over.
pub(super) fn resets(scene: &Scene<'_>) -> Result<()> {
    let mut peers = 0;
    'waves: loop {
        for (_, beginning) in STAGES {
            for pause in PAUSES {
                let mut crowd = Crowd::connect(scene.address(), scene.peers(PEERS), None)?;
                crowd.say(beginning.as_bytes());
                thread::sleep(pause);
                peers += crowd.len();
                crowd.reset();
                if scene.is_over() && peers >= PEERS * STAGES.len() * PAUSES.len() {
                    break 'waves;
                }
            }
        }
    }
    let stats = scene.stats()?;
    let (counted, panics) = (stats.get("resets")?, stats.get("panics")?);
    let stages = STAGES.map(|(stage, _)| stage).join(", ");
    scene.tell(format!(
        "{peers} resets ({stages}); {counted} seen by a read or a write"
    ));
    scene.must(counted > 0, || "no reset was seen".to_owned());
    scene.must(panics == 0, || format!("{panics} panics"));
    Ok(())
}

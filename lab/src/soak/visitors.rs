//! Clients who ask for every route, one thing after the other, and know what must come.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use ureq::Agent;

use super::Ledger;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(2);
/// One connection in so many questions is closed and made anew.
const VISITS_PER_CONNECTION: u32 = 50;
/// The largest body that is sent.
const BODY_MAX: usize = 200_000;

/// What can be asked, and which status it may have.
const QUESTIONS: &[(&str, &str, &[u16])] = &[
    ("GET", "/plaintext", &[200]),
    ("GET", "/json", &[200]),
    ("HEAD", "/json", &[200]),
    ("OPTIONS", "/cache/a", &[204]),
    ("DELETE", "/json", &[405]),
    ("GET", "/nothing/here", &[404]),
    ("GET", "/", &[200]),
    ("GET", "/healthz", &[200]),
    ("GET", "/benchmark?work=500&wait_us=300", &[200]),
    ("GET", "/benchmark?work=50000", &[200]),
    ("GET", "/cache/a?cost_ms=5", &[200]),
    ("GET", "/cache/%C3%A4/b", &[200, 404]),
    ("GET", "/cache-stats", &[200]),
    ("GET", "/stats", &[200]),
    ("GET", "/accounts", &[200]),
    ("GET", "/metrics", &[200]),
    ("GET", "/findings", &[200]),
    ("GET", "/memory-stats", &[200]),
    ("GET", "/profiled", &[200]),
    ("GET", "/profiler-stats", &[200]),
    // One at a time: two visitors may meet.
    ("GET", "/memory-efficiency-test", &[200, 503]),
    ("GET", "/io-benchmark", &[200, 503]),
    ("POST", "/async-files", &[200]),
    ("POST", "/zero-copy", &[200]),
    ("POST", "/zero-copy", &[200]),
    ("POST", "/zero-copy", &[200]),
];
/// Routes that keep a core busy for a while: asked seldom.
const HEAVY: [&str; 2] = ["/memory-efficiency-test", "/io-benchmark"];
/// One in so many of those that were chosen.
const HEAVY_ONE_IN: u32 = 50;

/// Asks until the time is over.
///
/// # Errors
///
/// If an answer does not come, or has another status.
pub(super) fn visit(address: SocketAddr, until: Instant, seed: u64, ledger: &Ledger) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(seed);
    while Instant::now() < until {
        let agent: Agent = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .build()
            .into();
        for _ in 0..VISITS_PER_CONNECTION {
            let Some((method, path, expected)) = QUESTIONS.choose(&mut rng) else {
                break;
            };
            if HEAVY.contains(path) && !rng.random_ratio(1, HEAVY_ONE_IN) {
                continue;
            }
            let status = ask(&agent, address, method, path, &mut rng)
                .with_context(|| format!("{method} {path}"))?;
            ensure!(
                expected.contains(&status),
                "{method} {path} was answered with {status}, not with one of {expected:?}"
            );
            Ledger::add(&ledger.answers, 1);
            thread::sleep(PAUSE);
        }
    }
    Ok(())
}

/// One question; its answer is read to the end.
fn ask(
    agent: &Agent,
    address: SocketAddr,
    method: &str,
    path: &str,
    rng: &mut SmallRng,
) -> Result<u16> {
    let url = format!("http://{address}{path}");
    let mut answer = match (method, path) {
        ("POST", "/async-files") => agent
            .post(url)
            .send(r#"{"files":["small.txt","large.txt","none"]}"#)?,
        ("POST", _) => {
            let mut body = vec![0; rng.random_range(0..BODY_MAX)];
            rng.fill(&mut body[..]);
            agent.post(url).send(&body[..])?
        }
        ("HEAD", _) => agent.head(url).call()?,
        ("OPTIONS", _) => agent.options(url).call()?,
        ("DELETE", _) => agent.delete(url).call()?,
        _ => agent.get(url).call()?,
    };
    let status = answer.status().as_u16();
    answer.body_mut().read_to_vec()?;
    Ok(status)
}

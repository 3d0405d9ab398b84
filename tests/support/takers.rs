//! Handlers that take a body as it comes and do what a script says.
//!
//! `/take/,L100,K`: each word, between commas, is what the handler says of one part: go on (no
//! word), wait 100 us (`L100`), wait to be woken by the test (`W`) or itself (`K`), panic (`P`),
//! answer early with 401 (`U`), or early and by a job (`J`). Behind the last word it goes on,
//! and in the end it answers what it has seen. `?limit=` is the limit of its own; `/take-not`
//! answers 401 at once.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use barewire::{Part, Reply, Request, Response, Status, Taken, Upload, Work};

use super::sources::Sources;

/// The reply to a request for one of these paths.
pub fn answer(sources: &Arc<Sources>, request: &Request<'_>) -> Reply {
    let Some(script) = request.path.strip_prefix("/take/") else {
        return unauthorized().into();
    };
    let words: Vec<String> = script.split(',').map(str::to_owned).collect();
    let (mut words, mut seen) = (words.into_iter(), Vec::<u8>::new());
    let sources = Arc::clone(sources);
    let upload = Upload::new(move |part| {
        seen.extend(part.bytes);
        sources.copied.fetch_add(part.copied as u64, Relaxed);
        sources.wakers.lock().unwrap().push(part.waker.clone());
        match words.next() {
            Some(word) if !word.is_empty() => say(&sources, &word, part),
            _ if part.is_last => {
                let sum = seen
                    .iter()
                    .fold(0_u64, |sum, byte| sum * 31 % 65_521 + u64::from(*byte));
                let bytes = seen.len();
                let all = format!("{bytes} bytes, sum {sum}");
                Taken::Answer(Response::text(all).into())
            }
            _ => Taken::More,
        }
    });
    match request.query_value("limit") {
        Some(digits) => upload.limit(digits.parse().unwrap()).into(),
        None => upload.into(),
    }
}

fn say(sources: &Sources, word: &str, part: &Part<'_>) -> Taken {
    match word.split_at(1) {
        ("L", us) => Taken::Later(Duration::from_micros(us.parse().unwrap())),
        ("W", _) => Taken::Woken,
        ("K", _) => {
            sources.wakes.fetch_add(1, Relaxed);
            part.waker.wake();
            Taken::Woken
        }
        ("U", _) => Taken::Answer(unauthorized().into()),
        ("J", _) => Taken::Answer(
            barewire::Later::Run(Work::new(|_| Response::text("judged").into())).into(),
        ),
        ("P", _) => panic!("on purpose"),
        other => panic!("{other:?}"),
    }
}

fn unauthorized() -> Response {
    Response::error(Status(401), "not you")
}

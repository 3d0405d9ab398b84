//! Sources of streams that do what a script says.
//!
//! `/stream/500,20L100,K,E`: each part, between commas, is what the source does when it is asked
//! once: write so many bytes of [`pattern`](super::pattern), and say what the letter stands for.
//!
//! | | |
//! |---|---|
//! | (none) | ask again |
//! | `L100` | ask again after 100 us |
//! | `W` | ask again when woken, by the test ([`Rig::waker`](super::Rig::waker)) |
//! | `K` | the same, and wake it already; if the server leaves, ask again |
//! | `R` | ask again for ever; if the server leaves, end |
//! | `E`, `T` | the end; with a trailer |
//! | `J` | ask again when a job that does nothing is done |
//! | `S` | send so many bytes of a file, which has the pattern, too |
//! | `Z` | send so many bytes that the file does not have |
//! | `F`, `P` | fail; panic |
//!
//! `?length=` announces a length.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use barewire::http::ContentType;
use barewire::{FilePart, Next, Outlet, Request, Response, Stream, Waker};

use super::pattern;
use super::site::stretch;

/// What all sources of a site have done.
#[derive(Default)]
pub struct Sources {
    /// The wakers of those that were asked, in that order.
    pub wakers: Mutex<Vec<Waker>>,
    /// How often they have woken themselves.
    pub wakes: AtomicU64,
    /// Bytes of bodies that were copied before they were handed over.
    pub copied: AtomicU64,
    /// Has [`FILE_BYTES`] of the pattern.
    file: OnceLock<Arc<File>>,
}

/// Length of the file whose parts are sent.
const FILE_BYTES: usize = 1 << 20;

impl Sources {
    /// The stream that the path asks for.
    pub fn answer(sources: &Arc<Self>, request: &Request<'_>) -> Stream {
        let script = request.path.trim_start_matches("/stream/");
        let stream = Self::of_script(sources, script);
        match request.query_value("length") {
            Some(digits) => stream.length(digits.parse().unwrap()),
            None => stream,
        }
    }

    /// The stream of a script.
    pub fn of_script(sources: &Arc<Self>, script: &str) -> Stream {
        let parts: Vec<String> = script.split(',').map(str::to_owned).collect();
        let (mut parts, mut written) = (parts.into_iter(), 0);
        let sources = Arc::clone(sources);
        let head = Response::fixed(ContentType::Text, b"").field("X-Kind", "stream");
        let mut part = parts.next();
        Stream::new(head, move |outlet| {
            let current = part.clone().unwrap_or_else(|| "E".to_owned());
            if !current.ends_with('R') {
                part = parts.next();
            }
            sources.wakers.lock().unwrap().push(outlet.waker.clone());
            let letter = current.find(char::is_alphabetic).unwrap_or(current.len());
            let (digits, next) = current.split_at(letter);
            let bytes = digits.parse().unwrap_or(0);
            let at = written;
            written += bytes;
            if matches!(next, "S" | "Z") {
                let at = if next == "S" { at } else { FILE_BYTES };
                let (file, at) = (sources.file(), at as u64);
                return Next::Send(FilePart { file, at, bytes });
            }
            outlet.out.extend(stretch(at, bytes));
            sources.say(next, outlet)
        })
    }

    fn file(&self) -> Arc<File> {
        let made = self.file.get_or_init(|| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&pattern(FILE_BYTES)).unwrap();
            Arc::new(file)
        });
        Arc::clone(made)
    }

    fn say(&self, next: &str, outlet: &Outlet<'_>) -> Next {
        match next.split_at(next.len().min(1)) {
            ("L", us) => Next::Later(Duration::from_micros(us.parse().unwrap())),
            ("W", _) => Next::Woken,
            ("R", _) if outlet.is_leaving => Next::End,
            ("K", _) if outlet.is_leaving => Next::More,
            ("" | "R", _) => Next::More,
            ("K", _) => {
                self.wakes.fetch_add(1, Relaxed);
                outlet.waker.wake();
                Next::Woken
            }
            ("J", _) => Next::Run(Box::new(|| ())),
            ("E", _) => Next::End,
            ("T", _) => Next::EndWith(vec![("X-Sum", "42".to_owned())]),
            ("F", _) => Next::Failed,
            ("P", _) => panic!("on purpose"),
            other => panic!("{other:?}"),
        }
    }
}

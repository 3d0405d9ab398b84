//! A client: what it sends, how far it goes along with the rules, and what it must have got in the
//! end.

use rand::Rng;
use rand::rngs::SmallRng;

use crate::catalog;
use crate::reference::{self, Expected, timeless};
use crate::support::Peer;

/// How a client behaves once it has sent so many bytes of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Sends everything, reads everything, and goes when it has all its answers.
    Patient,
    /// Resets the connection.
    Resets(usize),
    /// Shuts down its side, and waits for what is still to come.
    Finishes(usize),
    /// Says nothing more.
    Stalls(usize),
    /// Sends everything and takes no more than so many bytes of the answers.
    StopsReading(usize),
}

/// A client and its connection.
pub(crate) struct Client {
    pub(crate) peer: Peer,
    pub(crate) habit: Habit,
    requests: Vec<u8>,
    sent: usize,
    answers: Vec<Expected>,
    has_gone: bool,
}

impl Client {
    /// One with up to a dozen requests. `faulty` is the chance that it breaks the rules.
    pub(crate) fn new(peer: Peer, faulty: f64, rng: &mut SmallRng) -> Self {
        let (mut requests, mut answers, mut is_open) = (Vec::new(), Vec::new(), true);
        for _ in 0..rng.random_range(1..=12) {
            let (request, closes) = match rng.random_range(0..12) {
                0 => catalog::last(rng),
                _ => catalog::lasting(rng),
            };
            if is_open {
                answers.push(reference::answer(&request, closes));
            }
            requests.extend(request);
            is_open &= !closes;
        }
        let somewhere = rng.random_range(0..=requests.len());
        let habit = match rng.random_range(0..4) {
            _ if !rng.random_bool(faulty) => Habit::Patient,
            0 => Habit::Resets(somewhere),
            1 => Habit::Finishes(somewhere),
            2 => Habit::Stalls(somewhere),
            _ => Habit::StopsReading(rng.random_range(0..100_000)),
        };
        peer.take_at_most(match habit {
            Habit::StopsReading(bytes) => bytes,
            _ => 0,
        });
        Self {
            peer,
            habit,
            requests,
            sent: 0,
            answers,
            has_gone: false,
        }
    }

    /// Sends at most so many bytes more, and does behind the last what is its habit.
    pub(crate) fn send(&mut self, bytes: usize) {
        let until = match self.habit {
            Habit::Patient | Habit::StopsReading(_) => self.requests.len(),
            Habit::Resets(at) | Habit::Finishes(at) | Habit::Stalls(at) => at,
        };
        let end = until.min(self.sent.saturating_add(bytes));
        if end > self.sent && !self.has_gone {
            self.peer.send(&self.requests[self.sent..end]);
            self.sent = end;
        }
        if self.sent == until && !self.has_gone {
            match self.habit {
                Habit::Resets(_) => self.peer.reset(),
                Habit::Finishes(_) => self.peer.finish(),
                _ => return,
            }
            self.has_gone = true;
        }
    }

    /// Takes so many bytes more of its answers.
    pub(crate) fn take(&self, bytes: usize) {
        if !matches!(self.habit, Habit::StopsReading(_)) {
            self.peer.drain_more(bytes);
        }
    }

    /// Goes, if it is one that goes when it has all that it is owed.
    pub(crate) fn leave_if_served(&mut self) {
        let is_served = self.peer.received().len() >= self.owed() || self.peer.saw_fin();
        if self.habit == Habit::Patient && !self.has_gone && is_served {
            self.send(usize::MAX);
            self.peer.finish();
            self.has_gone = true;
        }
    }

    /// Whether its connection has ended, or never was.
    pub(crate) fn is_over(&self) -> bool {
        self.peer.is_closed() || self.peer.was_refused()
    }

    fn owed(&self) -> usize {
        self.answers.iter().map(|answer| answer.len()).sum()
    }

    /// Holds what it got against what it should have: all of it in order, and nothing else.
    ///
    /// With `excuses`, because the server leaves or has no memory left, or because the client broke
    /// the rules, it may be less: the first of the answers, and behind them one that says why no
    /// more come. Then the connection must have ended.
    pub(crate) fn judge(&self, excuses: bool) {
        let received = timeless(&self.peer.received());
        let all = self.answers.concat();
        if received == all {
            return;
        }
        let shown = |bytes: &[u8]| {
            let end = &bytes[bytes.len().saturating_sub(600)..];
            format!(
                "{} bytes ending in {:?}",
                bytes.len(),
                String::from_utf8_lossy(end)
            )
        };
        let told = || {
            format!(
                "{:?}\ngot {}\nfor {}",
                self.habit,
                shown(&received),
                shown(&all)
            )
        };
        assert!(excuses || self.habit != Habit::Patient, "{}", told());
        if self.peer.was_refused() {
            assert!(received.is_empty(), "{}", told());
            return;
        }
        assert!(self.peer.is_closed(), "not closed: {}", told());
        if all.starts_with(&received) {
            return;
        }
        let mut rest = &received[..];
        let mut answers = self.answers.iter();
        let next = answers.find(|answer| match rest.strip_prefix(&answer[..]) {
            Some(behind) => {
                rest = behind;
                false
            }
            None => true,
        });
        let is_last = next.is_some_and(|next| is_last_of_ours(rest, next)) || is_refusal(rest);
        assert!(is_last, "{}", told());
    }
}

const CLOSES: &[u8] = b"Connection: close\r\n";

/// Whether these bytes are the answer that is next, saying that it is the last; or the beginning of
/// it.
fn is_last_of_ours(bytes: &[u8], next: &[u8]) -> bool {
    // To HTTP/1.0 one of the two is always said.
    let next = String::from_utf8_lossy(next).replacen("Connection: keep-alive\r\n", "", 1);
    let next = next.as_bytes();
    let head = memchr::memmem::find(next, b"\r\n\r\n").map_or(0, |end| end + 2);
    let mut line_starts = memchr::memmem::find_iter(&next[..head], b"\r\n").map(|end| end + 2);
    line_starts.any(|at| {
        let (before, behind) = next.split_at(at);
        [before, CLOSES, behind].concat().starts_with(bytes)
    })
}

/// Whether these bytes are one error that closes, or the beginning of one.
fn is_refusal(bytes: &[u8]) -> bool {
    let lines = [&b"HTTP/1.1 400 "[..], b"HTTP/1.1 408 ", b"HTTP/1.1 503 "];
    if !lines
        .iter()
        .any(|line| bytes.starts_with(line) || line.starts_with(bytes))
    {
        return false;
    }
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return bytes.len() < 300;
    };
    let (head, body) = (
        String::from_utf8_lossy(&bytes[..end + 2]),
        &bytes[end + 4..],
    );
    let length = head.split_once("Content-Length: ");
    let length = length.and_then(|(_, rest)| rest.split_once("\r\n")?.0.parse::<usize>().ok());
    head.contains("Connection: close\r\n") && length.is_some_and(|length| body.len() <= length)
}

/// What is doubled, left out or of the wrong kind is no last answer.
#[test]
fn a_last_answer_is_the_next_or_a_refusal() {
    let next = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab";
    let last = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab";
    for bytes in [&last[..], &last[..40], &last[..9]] {
        assert!(is_last_of_ours(bytes, next));
    }
    let other = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nac";
    let doubled = [&last[..], last].concat();
    for bytes in [&other[..], &next[..], &doubled, b"b"] {
        assert!(!is_last_of_ours(bytes, next));
    }
    let refusal = b"HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    assert!(is_refusal(refusal) && is_refusal(&refusal[..20]) && is_refusal(&refusal[..5]));
    let open = b"HTTP/1.1 408 Late\r\nContent-Length: 1\r\n\r\nx";
    for bytes in [&open[..], last, &[&refusal[..], b"x"].concat(), b"x"] {
        assert!(!is_refusal(bytes));
    }
}

//! Wakeups: all that the world outside a connection ever says to it.

use super::{connections::ConnectionId, timers::Time};

/// A reason to advance a connection, which may be gone. A hint: the connection's own state is the
/// truth.
///
/// It owns nothing, so a list of them is walked by copying and emptied by forgetting.
pub type Wakeup = (ConnectionId, Cause);

/// What a socket is ready for, as epoll said it. A hint: it may be late, and it may be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// There may be bytes, an end, or an error to be read.
    pub readable: bool,
    /// A short read is not the last: after it comes the end, since the peer has shut down its side
    /// or the connection has failed; or what follows urgent data, at which a read stops (tcp(7)).
    pub more_follows: bool,
    /// There may be room to send.
    pub writable: bool,
}

impl std::fmt::Display for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = [
            (self.readable, "readable"),
            (self.more_follows, "more-follows"),
            (self.writable, "writable"),
        ];
        let set = words.iter().filter(|(is_set, _)| *is_set);
        let set: Vec<_> = set.map(|(_, word)| *word).collect();
        f.write_str(&set.join(" "))
    }
}

/// Why a connection is advanced.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// The kernel says it is ready.
    Ready(Readiness),
    /// The entry set for this moment came due.
    Timer(Time),
    /// A job has finished; its connection has the answer.
    Answer,
    /// It yielded in an earlier turn.
    Resume,
    /// Others need its place, or its buffers.
    Evict,
    /// The server is leaving.
    Drain,
    /// Another thread has woken its stream.
    Wake,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready(ready) => write!(f, "{ready}"),
            Self::Timer(_) => f.write_str("timer"),
            Self::Answer => f.write_str("answer of a job"),
            Self::Resume => f.write_str("resume"),
            Self::Evict => f.write_str("make room"),
            Self::Drain => f.write_str("drain"),
            Self::Wake => f.write_str("stream woken"),
        }
    }
}

/// How far an advance got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Until something happens.
    Blocked,
    /// It could go on, but others wait.
    Yielded,
    /// To its end: the connection is to be dropped.
    Finished,
}

/// Goes on with a value, or breaks with how far the advance got.
pub type Flow<T = ()> = std::ops::ControlFlow<Progress, T>;

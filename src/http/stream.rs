//! Answers that are made while they are sent: a source is asked for a piece when there is room.
//!
//! A source puts its piece straight into the reactor's output, and says when it is to be asked
//! again. Nothing is kept between two pieces. How the peer finds the end (RFC 9112 section 6.3) is
//! decided here, with the head; a source that fails never gets the sign of a sound end.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::date::Date;
use super::response::{Response, is_sound};
use super::{Exchange, Status, Version};

/// An answer whose body comes piece by piece.
///
/// ```
/// use barewire::http::ContentType;
/// use barewire::{Next, Response, Stream};
/// use std::io::Write;
/// use std::time::Duration;
///
/// let mut left = 10;
/// let head = Response::fixed(ContentType::Text, b"");
/// let countdown = Stream::new(head, move |outlet| {
///     // Writing to an outlet cannot fail.
///     let _ = writeln!(outlet, "{left}");
///     left -= 1;
///     match left {
///         _ if outlet.is_leaving => Next::End,
///         0 => Next::End,
///         _ => Next::Later(Duration::from_secs(1)),
///     }
/// });
/// ```
pub struct Stream {
    head: Response,
    length: Option<u64>,
    source: Source,
    /// How its end is told; `None` until the head is written.
    ending: Option<Ending>,
}

/// Makes the pieces: called by the reactor, when all before has been taken. As a handler, it never
/// blocks.
pub type Source = Box<dyn FnMut(&mut Outlet<'_>) -> Next + Send>;

/// What a source says, once it has written a piece, or none.
pub enum Next {
    /// Ask again as soon as there is room.
    More,
    /// Send this part of a file behind the piece, then ask again. Only a body of a known length may
    /// have one.
    Send(FilePart),
    /// Have this done by a thread of the job pool, then ask again.
    Run(Box<dyn FnOnce() + Send>),
    /// Ask again after this time, or when woken.
    Later(Duration),
    /// Ask again when woken.
    Woken,
    /// That was all.
    End,
    /// That was all, and these fields follow it. Only chunked bodies have a place for them; of
    /// others they are dropped.
    EndWith(Vec<(&'static str, String)>),
    /// There is no more, though there should be: the peer must see that something is missing.
    Failed,
}

/// A part of a file that is sent without a copy in user space (sendfile(2)).
#[derive(Clone, Debug)]
pub struct FilePart {
    /// The file; its own position is neither used nor moved.
    pub file: Arc<File>,
    /// Where the part begins.
    pub at: u64,
    /// How long it is, in bytes. If the file ends before, the connection is reset.
    pub bytes: usize,
}

/// Where a source writes, and what it may ask.
pub struct Outlet<'a> {
    /// The reactor's output, behind what is framed already.
    pub out: &'a mut Vec<u8>,
    /// Has this source asked again.
    pub waker: &'a Waker,
    /// The server leaves: a source without an end should end now.
    pub is_leaving: bool,
}

/// Has a source asked again, from any thread. Its clones are the same one; once the answer has
/// ended it does nothing.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

/// How the peer finds the end of the body.
#[derive(Debug)]
enum Ending {
    /// By Content-Length, of which so much is left.
    Length(u64),
    /// By the last chunk.
    LastChunk,
    /// By the end of the connection.
    Close,
}

/// Room for a chunk's size, `usize::MAX` in hex, and CRLF.
const SIZE_ROOM: usize = 16 + 2;

impl Stream {
    /// An answer with the status, the content type and the fields of `head`, whose own body is not
    /// sent. Without a [`length`](Self::length) it is chunked; in HTTP/1.0 the connection ends it.
    pub fn new(
        head: Response,
        source: impl FnMut(&mut Outlet<'_>) -> Next + Send + 'static,
    ) -> Self {
        Self {
            head,
            length: None,
            source: Box::new(source),
            ending: None,
        }
    }

    /// The same of a body that is so long. If the source makes more of it, or less, the answer has
    /// failed.
    #[must_use]
    pub fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// The answer without its body.
    pub fn into_head(self) -> Response {
        self.head
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.head.status_code()
    }

    /// Whether the head is written.
    pub fn has_begun(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether nothing but a reset tells the peer that the body has broken off.
    pub fn ends_by_close(&self) -> bool {
        matches!(self.ending, Some(Ending::Close))
    }

    /// Appends the head; says whether the connection stays open behind the body, and whether there
    /// is one.
    pub fn begin(
        &mut self,
        mut exchange: Exchange,
        date: &Date,
        out: &mut Vec<u8>,
    ) -> (bool, bool) {
        let ending = match (self.length, exchange.version) {
            (Some(bytes), _) => Ending::Length(bytes),
            (None, Version::Http11) => Ending::LastChunk,
            (None, Version::Http10) => Ending::Close,
        };
        exchange.keep_alive &= !matches!(ending, Ending::Close);
        let keep_alive = self.head.write_head(exchange, date, self.length, out);
        self.ending = Some(ending);
        let has_body = !exchange.head_only && !self.head.status_code().is_bodiless();
        (keep_alive, has_body)
    }

    /// Asks for the next piece, once the head is written, and frames it; also says how long it is.
    pub fn ask(&mut self, outlet: &mut Outlet<'_>) -> (Next, usize) {
        let at = outlet.out.len();
        let room = match self.ending {
            Some(Ending::LastChunk) => SIZE_ROOM,
            _ => 0,
        };
        outlet.out.resize(at + room, b' ');
        let next = (self.source)(outlet);
        let bytes = outlet.out.len() - (at + room);
        let next = match &mut self.ending {
            Some(ending) => ending.frame(at + room, outlet.out, next),
            None => Next::Failed,
        };
        if matches!(next, Next::Failed) {
            outlet.out.truncate(at);
        }
        (next, bytes)
    }
}

impl Ending {
    /// Frames the piece that begins at `at`; what comes next in truth.
    fn frame(&mut self, at: usize, out: &mut Vec<u8>, next: Next) -> Next {
        let ends = matches!(next, Next::End | Next::EndWith(_));
        match (self, next) {
            (Self::Length(left), Next::Send(part)) => {
                let all = (out.len() - at + part.bytes) as u64;
                match left.checked_sub(all) {
                    Some(rest) => *left = rest,
                    None => return Next::Failed,
                }
                Next::Send(part)
            }
            (_, Next::Failed | Next::Send(_)) => Next::Failed,
            (Self::Length(left), next) => match left.checked_sub((out.len() - at) as u64) {
                Some(0) => Next::End,
                Some(rest) if !ends => {
                    *left = rest;
                    next
                }
                _ => Next::Failed,
            },
            (Self::LastChunk, next) => {
                close_chunk(at, out);
                match next {
                    Next::End => end_chunks(&[], out),
                    Next::EndWith(trailers) => end_chunks(&trailers, out),
                    next => next,
                }
            }
            (Self::Close, _) if ends => Next::End,
            (Self::Close, next) => next,
        }
    }
}

/// Puts the size before the chunk's data, which begin at `at` and move down by the digits that were
/// not needed. Without data there is no chunk: its size would be that of the last one.
fn close_chunk(at: usize, out: &mut Vec<u8>) {
    let (gap_at, bytes) = (at - SIZE_ROOM, out.len() - at);
    if bytes == 0 {
        return out.truncate(gap_at);
    }
    let mut gap = &mut out[gap_at..at];
    // Its digits fit: the room is that of the largest number.
    let _ = write!(gap, "{bytes:x}\r\n");
    let unused = gap.len();
    out.copy_within(at.., at - unused);
    out.truncate(out.len() - unused);
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk and the fields behind it, unless one of them could pass for more than a
/// field.
fn end_chunks(trailers: &[(&'static str, String)], out: &mut Vec<u8>) -> Next {
    if !trailers.iter().all(|(_, value)| is_sound(value)) {
        return Next::Failed;
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    Next::End
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Waker {
    /// One that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Has the source asked again, soon.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stream");
        shown
            .field("head", &self.head)
            .field("length", &self.length);
        shown.finish_non_exhaustive()
    }
}

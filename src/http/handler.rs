//! The contract between the reactor, which moves bytes, and the handlers, which make the answers.
//!
//! A [`Handler`] is given a [`Request`] that borrows the bytes it came in, and returns a [`Reply`]:
//! a value. It never calls back into the loop, so an answer that takes time is a value too
//! ([`Later`]).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::{Fixed, Request, Response, Stream, Waker};
use crate::config::Techniques;

/// What a server answers with; shared by all reactors.
pub trait Handler: Send + Sync + 'static {
    /// Decides about a request that brings a body, before a byte of the body is read.
    ///
    /// Asked only if there is a body or an expectation to decide about: a plain GET goes straight
    /// to [`handle`](Handler::handle).
    fn admit(&self, request: &Request<'_>) -> Admission;

    /// Answers a request. A panic in here becomes a 500 for this request only.
    fn handle(&self, request: &Request<'_>) -> Reply;

    /// The answer to a request for the server's own figures, if this is one: served at `--admin`.
    fn own_figures(&self, _request: &Request<'_>) -> Option<Reply> {
        None
    }

    /// The paths of its routes, in the order in which it counts their requests.
    fn routes(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Other techniques are in force from now on (`--live`): called by whichever reactor comes
    /// first, between two of its turns, while the others go on.
    fn change(&self, _techniques: &Techniques) {}
}

/// What is to be done with a request's body.
#[derive(Debug)]
pub enum Admission {
    /// The handler wants it: `handle` is called when all of it is here.
    ReadBody,
    /// The handler may want it as it comes: `handle` is called at once, without the body, and can
    /// ask for it with [`Reply::Upload`]. With another reply the body is dropped, as below.
    TakeBody,
    /// The handler does not look at it: `handle` is called at once, and the body is dropped after
    /// the answer.
    IgnoreBody,
    /// The answer is known, whatever the body is (404, 405).
    Refuse(Response),
}

/// A handler's answer.
#[derive(Debug)]
pub enum Reply {
    /// It is always the same.
    Fixed(&'static Fixed),
    /// Here it is.
    Now(Response),
    /// It takes time. Until it is there, nothing more of this connection is parsed or read.
    Later(Later),
    /// It is made piece by piece, while it is sent; until its end nothing more of this connection
    /// is parsed or read. Boxed, so that no other answer is larger for it.
    Stream(Box<Stream>),
    /// It depends on the body, which is handed over as it comes ([`Admission::TakeBody`]; of other
    /// requests there is none).
    Upload(Box<Upload>),
}

/// Takes a body as it comes.
pub struct Upload {
    /// Bytes that the body may have; without it, as many as any body (`--body-max`).
    pub limit: Option<usize>,
    /// Is handed each part. As a handler, it never blocks.
    pub take: Taker,
}

/// Takes the parts of a body. If the body breaks off it is dropped before the last.
pub type Taker = Box<dyn FnMut(&Part<'_>) -> Taken + Send>;

/// A part of a body, where it was received: nothing is kept of it.
pub struct Part<'a> {
    /// Its bytes; none, if the body is here already and only its answer is awaited.
    pub bytes: &'a [u8],
    /// How many of them had to be copied in user space.
    pub copied: usize,
    /// The body ends here: an answer is due, now or after a wait.
    pub is_last: bool,
    /// Ends a wait.
    pub waker: &'a Waker,
}

/// What is to be done once a part has been taken, which is always whole.
#[derive(Debug)]
pub enum Taken {
    /// Go on. Behind the last part it is a mistake: 500.
    More,
    /// Read nothing more for this time, or until woken: the peer's window holds it back.
    Later(Duration),
    /// Read nothing more until woken.
    Woken,
    /// The answer, at the end or before. What is left of the body is dropped within `--body-max`,
    /// or the connection closes.
    Answer(Reply),
}

impl Upload {
    /// Hands the parts to `take`.
    pub fn new(take: impl FnMut(&Part<'_>) -> Taken + Send + 'static) -> Self {
        let (limit, take) = (None, Box::new(take));
        Self { limit, take }
    }

    /// The same of a body that may be so long.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        let limit = Some(bytes);
        Self { limit, ..self }
    }
}

/// What is left to do when a wait is over; it is told how long the wait really was.
pub type Continuation = Box<dyn FnOnce(Duration) -> Reply + Send>;
/// Blocking work that ends in an answer.
pub type Job = Box<dyn FnOnce(&Asker) -> Reply + Send>;
/// Does one of several tasks, by its number from 0; its result goes elsewhere.
pub type Task = Arc<dyn Fn(usize, &Asker) + Send + Sync>;

/// How an answer comes to be later on.
pub enum Later {
    /// Wait on the reactor's timer (no thread sleeps), then go on.
    After(Duration, Continuation),
    /// Run on the job pool.
    Run(Work),
}

/// Blocking work: tasks, in any order and side by side, and the job that comes after the last.
///
/// It is not begun, or ends after the task that is under way, once nobody waits for the answer any
/// more. What takes long asks [`Asker::has_gone`] between two steps.
pub struct Work {
    /// How many tasks there are; 0 if the job is all.
    pub tasks: usize,
    /// Does one of them.
    pub task: Task,
    /// Makes the answer.
    pub job: Job,
    /// Bytes in memory that it holds until the answer: they count among the reactor's buffers
    /// (`--buffers-max`).
    pub bytes: usize,
}

impl Work {
    /// A job without tasks that holds nothing to speak of.
    pub fn new(job: impl FnOnce(&Asker) -> Reply + Send + 'static) -> Self {
        Self {
            tasks: 0,
            task: Arc::new(|_, _| ()),
            job: Box::new(job),
            bytes: 0,
        }
    }

    /// The same after so many tasks.
    #[must_use]
    pub fn after(self, tasks: usize, task: impl Fn(usize, &Asker) + Send + Sync + 'static) -> Self {
        let task = Arc::new(task);
        Self {
            tasks,
            task,
            ..self
        }
    }

    /// The same, with so many bytes that it holds.
    #[must_use]
    pub fn holding(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Does all of it here and now.
    pub fn finish(self) -> Reply {
        let asker = Asker::default();
        (0..self.tasks).for_each(|number| (self.task)(number, &asker));
        (self.job)(&asker)
    }
}

/// Whoever waits for the answer of some work; its clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Asker(Arc<AtomicBool>);

impl Asker {
    /// Whether nobody waits any more: what is left of the work is for nobody.
    pub fn has_gone(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Nobody waits from now on.
    pub fn go(&self) {
        self.0.store(true, Relaxed);
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(wait, _) => f.debug_tuple("After").field(wait).finish(),
            Self::Run(work) => f.debug_tuple("Run").field(work).finish(),
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Upload");
        shown.field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Work");
        shown
            .field("tasks", &self.tasks)
            .field("bytes", &self.bytes);
        shown.finish_non_exhaustive()
    }
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Now(response)
    }
}

impl From<&'static Fixed> for Reply {
    fn from(fixed: &'static Fixed) -> Self {
        Self::Fixed(fixed)
    }
}

impl From<Later> for Reply {
    fn from(later: Later) -> Self {
        Self::Later(later)
    }
}

impl From<Stream> for Reply {
    fn from(stream: Stream) -> Self {
        Self::Stream(Box::new(stream))
    }
}

impl From<Upload> for Reply {
    fn from(upload: Upload) -> Self {
        Self::Upload(Box::new(upload))
    }
}

/// A refusal ends the handler by `?`, and is an answer like others.
impl From<Result<Self, Response>> for Reply {
    #[inline]
    fn from(result: Result<Self, Response>) -> Self {
        result.unwrap_or_else(Self::Now)
    }
}

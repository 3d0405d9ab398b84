//! What the accounts keep apart: why a connection was woken, where bytes were copied, which calls
//! found nothing to do, what was refused, and the stages of a request.
//!
//! Each kind is the index of an array of counters; its name is the one that the answers show.

/// Why a connection was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The kernel said that it is ready.
    Ready,
    /// A timer entry came due.
    Timer,
    /// A job has finished.
    Answer,
    /// It had more to do than fits into a turn.
    Resume,
    /// Others needed its place, or its buffers.
    Evict,
    /// The server is leaving.
    Drain,
    /// Its stream was woken by another thread.
    Wake,
}

impl Woken {
    /// How many there are.
    pub const COUNT: usize = 7;
    /// Their names, in the order of their declaration.
    pub const NAMES: [&'static str; Self::COUNT] = [
        "ready", "timer", "answer", "resume", "evict", "drain", "wake",
    ];
}

/// Where the server copies bytes from one place in memory to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// A handler's body into the output. A head is written there, and not copied.
    Answer,
    /// What was received and not served yet, into a buffer of the connection's own.
    Input,
    /// What was not sent, into a buffer of the connection's own.
    Output,
    /// A request head that is kept while its body comes.
    Head,
    /// A piece of a body out of the input.
    Body,
    /// A part of a file that is read and sent, in place of sendfile(2).
    File,
}

impl Copied {
    /// How many there are.
    pub const COUNT: usize = 6;
    /// Their names, in the order of their declaration.
    pub const NAMES: [&'static str; Self::COUNT] =
        ["answer", "input", "output", "head", "body", "file"];
}

/// The calls that can return EAGAIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WouldBlock {
    /// accept4(2): the backlog is empty. That ends every batch.
    Accept,
    /// recv(2): there was nothing to read.
    Recv,
    /// send(2): the peer does not take its answer.
    Send,
}

impl WouldBlock {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// Their names, in the order of their declaration.
    pub const NAMES: [&'static str; Self::COUNT] = ["accept", "recv", "send"];
}

/// Why a request or a connection was refused or ended by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400.
    BadRequest,
    /// 408 for a head that took too long.
    HeadTimeout,
    /// 408 for a body that took too long, or came too slowly.
    BodyTimeout,
    /// 413.
    BodyTooLarge,
    /// 414.
    TargetTooLong,
    /// 417.
    Expectation,
    /// 431.
    FieldsTooLarge,
    /// 501, for a method or a coding.
    NotImplemented,
    /// 503, the reactor's buffers are exhausted.
    Buffers,
    /// 503, the job queue is full.
    Jobs,
    /// 505.
    Version,
    /// Closed silently, nothing had come.
    Idle,
    /// Closed, the peer did not take its answer.
    SlowReader,
}

impl Refusal {
    /// The kind that a rejection's status stands for; 408 is told apart by the caller.
    pub fn of_status(status: u16) -> Self {
        match status {
            413 => Self::BodyTooLarge,
            414 => Self::TargetTooLong,
            417 => Self::Expectation,
            431 => Self::FieldsTooLarge,
            501 => Self::NotImplemented,
            503 => Self::Buffers,
            505 => Self::Version,
            _ => Self::BadRequest,
        }
    }

    /// How many there are.
    pub const COUNT: usize = 13;
    /// All, in the order of their declaration, with the names used in `/stats`.
    pub const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::BadRequest, "bad_request"),
        (Self::HeadTimeout, "head_timeout"),
        (Self::BodyTimeout, "body_timeout"),
        (Self::BodyTooLarge, "body_too_large"),
        (Self::TargetTooLong, "target_too_long"),
        (Self::Expectation, "expectation"),
        (Self::FieldsTooLarge, "fields_too_large"),
        (Self::NotImplemented, "not_implemented"),
        (Self::Buffers, "buffers"),
        (Self::Jobs, "jobs"),
        (Self::Version, "version"),
        (Self::Idle, "idle"),
        (Self::SlowReader, "slow_reader"),
    ];
}

/// The stages of a request, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From poll's return to the request's own turn: others were served first.
    Wait,
    /// recv(2).
    Read,
    /// Bytes to `Request`.
    Parse,
    /// `Request` to `Reply`.
    Handle,
    /// `Response` to bytes.
    Serialise,
    /// send(2).
    Write,
    /// What is left between poll's return and send's return.
    Rest,
}

impl Stage {
    /// How many there are.
    pub const COUNT: usize = 7;
    /// All, in their order, with their names.
    pub const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::Wait, "wait"),
        (Self::Read, "read"),
        (Self::Parse, "parse"),
        (Self::Handle, "handle"),
        (Self::Serialise, "serialise"),
        (Self::Write, "write"),
        (Self::Rest, "rest"),
    ];
}

// A thread says which stage it is at by this number, and the allocator counts by it.
const _: () = assert!(Stage::COUNT <= crate::allocator::PLACES);

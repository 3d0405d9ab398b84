//! What the accounts keep apart: why a connection was woken, where bytes were copied, which calls
//! found nothing to do, and the stages of a request.
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
    /// The server is leaving.
    Drain,
}

impl Woken {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// Their names, in the order of their declaration.
    pub const NAMES: [&'static str; Self::COUNT] = ["ready", "timer", "answer", "resume", "drain"];
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
}

impl Copied {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// Their names, in the order of their declaration.
    pub const NAMES: [&'static str; Self::COUNT] = ["answer", "input", "output", "head", "body"];
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

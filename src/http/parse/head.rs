//! What a head says, once it is known to be complete and sound.

use crate::http::request::Request;

/// How the end of the body is found (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// `Content-Length`, in bytes; may be 0.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

impl Framing {
    /// Whether no byte of a body will come.
    pub fn is_bodiless(self) -> bool {
        matches!(self, Self::None | Self::Length(0))
    }
}

/// `Expect` (RFC 9110 section 10.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// None, or one of HTTP/1.0, which is ignored.
    None,
    /// `100-continue`.
    Continue,
    /// Something that we cannot meet: 417.
    Unknown,
}

/// What the fields say about the message's end and the connection's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controls {
    /// How the end of the body is found.
    pub framing: Framing,
    /// What the client expects before it sends the body.
    pub expectation: Expectation,
    /// The client leaves the connection open.
    pub keep_alive: bool,
}

impl Controls {
    /// No body, no expectation, and the connection stays open.
    pub const PLAIN: Self = Self {
        framing: Framing::None,
        expectation: Expectation::None,
        keep_alive: true,
    };
}

/// A head.
#[derive(Debug)]
pub struct Head<'a> {
    /// The request, with an empty body, no params and worker 0.
    pub request: Request<'a>,
    /// What its fields ask for.
    pub controls: Controls,
    /// Bytes of the input that the head takes, an empty line before it included.
    pub bytes: usize,
}

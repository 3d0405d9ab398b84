//! Where a body ends: Content-Length counted down, or chunks taken apart (RFC 9112 sections 6 and
//! 7).
//!
//! The decoder sees each octet of the framing once and keeps none, so that it needs no memory, and
//! the input may be cut anywhere. It is stricter than most: whatever two parsers could read
//! differently ends the connection. httparse's `parse_chunk_size` is not used: it takes an empty
//! size for 0 and any octet in an extension.

mod trailer;

use super::parse::Framing;
use super::parse::octets::{QUOTED, TOKEN, VALUE};
use super::status::{Rejection, Status};
use crate::config::Limits;
use trailer::Trailer;

/// Takes a body's bytes out of a stream, piece by piece. Holds no bytes itself.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of the body that are known of: taken, and announced by Content-Length or by a chunk
    /// size.
    announced: u64,
    /// Bytes of all chunk extensions so far, and of zeros beyond [`DIGITS_FREE`].
    dropped: usize,
}

/// A step of decoding.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Bytes of the body, possibly none (framing only).
    pub data: &'a [u8],
    /// Bytes of the input that are done with, `data` and the framing before and after it.
    pub consumed: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The rest of a body with Content-Length; never 0.
    Length(u64),
    /// A digit of a chunk size, or what may follow it.
    Size { digits: u8, size: u64 },
    /// An octet of a chunk extension, or of the white space before it.
    Extension { at: Extension, size: u64 },
    /// The LF that ends a chunk size line.
    SizeEnd { size: u64 },
    /// The rest of a chunk; never 0.
    Data(u64),
    /// The CR behind a chunk.
    DataCr,
    /// The LF behind a chunk.
    DataLf,
    /// The trailer section behind the last chunk.
    Trailer(Trailer),
    /// Nothing.
    Done,
}

/// Within `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 section
/// 7.1.1), what was last.
#[derive(Clone, Copy, Debug)]
enum Extension {
    /// White space, where only `;` may follow.
    Ended,
    /// `;`, or white space behind it.
    Semicolon,
    /// An octet of a name.
    Name,
    /// White space behind a name.
    Named,
    /// `=`, or white space behind it.
    Equals,
    /// An octet of a value that is a token.
    Token,
    /// An octet of a quoted value, or its opening quote.
    Quoted,
    /// A backslash in a quoted value.
    Escape,
    /// A closing quote.
    Unquoted,
}

/// Answers a body that is longer than the limit, before it is read or while it is.
pub const TOO_LARGE: Rejection = Rejection {
    status: Status::CONTENT_TOO_LARGE,
    reason: "The body is longer than this server takes. It must be smaller, or the server be \
             started with a larger --body-max.",
};

/// Digits of a chunk size that are free: as many as a `u64` holds, since a client may send sizes of
/// fixed width. Each digit beyond is a zero more, which counts as an octet of an extension does: a
/// peer could hide a flood in them.
const DIGITS_FREE: u8 = 16;

const SIZE: &str = "A chunk does not begin with its size. It must be hex digits, at most 16 \
    behind leading zeros, then an extension or CRLF.";
const EXTENSION: &str = "A chunk extension is not valid. It must be `;name`, `;name=token` or \
    `;name=\"text\"`.";
const EXTENSIONS_TOO_LONG: &str = "The chunk extensions, or the zeros before chunk sizes, are too \
    long. They mean nothing here and must be left out.";
const LINE_END_LF: &str = "A chunk's size line ends in LF alone. It must end in CRLF.";
const LINE_END: &str = "A chunk's size line ends in CR without LF. It must end in CRLF.";
const DATA_END: &str = "A chunk is not followed by CRLF. The data must be as long as the chunk \
    size says, then CRLF.";

impl Decoder {
    /// A decoder for a body that begins now. `Framing::None` is a body of length 0: done at once.
    pub fn new(framing: Framing) -> Self {
        let (state, announced) = match framing {
            Framing::None | Framing::Length(0) => (State::Done, 0),
            Framing::Length(length) => (State::Length(length), length),
            Framing::Chunked => (State::FIRST_DIGIT, 0),
        };
        Self {
            state,
            announced,
            dropped: 0,
        }
    }

    /// Whether the whole body has been taken.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether all that is known of the body is within the limit.
    pub fn fits(&self, limits: &Limits) -> bool {
        self.announced <= limits.body as u64
    }

    /// Bytes of the body that come next for certain, without framing between them: how much may be
    /// read straight into a segment. All of the rest with Content-Length, the rest of the chunk
    /// within one, else `None`.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(left) | State::Data(left) => Some(left),
            State::Done => Some(0),
            _ => None,
        }
    }

    /// Counts `bytes` of the body that were read past [`next`](Self::next), straight into a
    /// segment; at most [`remaining`](Self::remaining).
    pub fn skip(&mut self, bytes: u64) {
        match &mut self.state {
            State::Length(left) | State::Data(left) if *left > bytes => *left -= bytes,
            State::Length(_) => self.state = State::Done,
            State::Data(_) => self.state = State::DataCr,
            _ => {}
        }
    }

    /// Takes the next piece from the beginning of `input`, which is not empty. `consumed` is 0 only
    /// when done.
    ///
    /// # Errors
    ///
    /// 400 for broken chunks or too many extensions, 413 beyond `limits.body`, 431 for too large a
    /// trailer section. The decoder must not be used again.
    pub fn next<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Result<Piece<'a>, Rejection> {
        let mut rest = input;
        loop {
            if !self.fits(limits) {
                return Err(TOO_LARGE);
            }
            if self.dropped > limits.chunk_extensions {
                return Err(Rejection::bad_request(EXTENSIONS_TOO_LONG));
            }
            if let (None, [octet, after @ ..]) = (self.remaining(), rest) {
                self.state = self.after(*octet, limits)?;
                rest = after;
                continue;
            }
            let left = usize::try_from(self.remaining().unwrap_or(0)).unwrap_or(usize::MAX);
            let (data, after) = rest.split_at(rest.len().min(left));
            self.skip(data.len() as u64);
            let consumed = input.len() - after.len();
            return Ok(Piece { data, consumed });
        }
    }

    /// The state after one octet of the framing, or what is wrong with it.
    fn after(&mut self, octet: u8, limits: &Limits) -> Result<State, Rejection> {
        match (self.state, octet) {
            (State::Size { digits, size }, _)
                if let Some(digit) = char::from(octet).to_digit(16) =>
            {
                if size >> 60 != 0 {
                    return Err(Rejection::bad_request(SIZE));
                }
                self.dropped += usize::from(digits >= DIGITS_FREE);
                Ok(State::Size {
                    digits: digits.saturating_add(1),
                    size: size << 4 | u64::from(digit),
                })
            }
            (State::Size { digits: 0, .. }, _) => Err(Rejection::bad_request(SIZE)),
            (State::Size { size, .. }, b'\r') => Ok(State::SizeEnd { size }),
            (State::Extension { at, size }, b'\r') if at.may_end() => Ok(State::SizeEnd { size }),
            (State::Size { .. } | State::Extension { .. }, b'\n') => {
                Err(Rejection::bad_request(LINE_END_LF))
            }
            (State::Size { size, .. }, b';' | b' ' | b'\t') => {
                self.after_extension(Extension::Ended, octet, size)
            }
            (State::Size { .. }, _) => Err(Rejection::bad_request(SIZE)),
            (State::Extension { at, size }, _) => self.after_extension(at, octet, size),
            (State::SizeEnd { size: 0 }, b'\n') => Ok(State::Trailer(Trailer::default())),
            (State::SizeEnd { size }, b'\n') => {
                self.announced = self.announced.saturating_add(size);
                Ok(State::Data(size))
            }
            (State::SizeEnd { .. }, _) => Err(Rejection::bad_request(LINE_END)),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::FIRST_DIGIT),
            (State::DataCr | State::DataLf, _) => Err(Rejection::bad_request(DATA_END)),
            (State::Trailer(trailer), _) => {
                let trailer = trailer.after(octet, limits)?;
                Ok(trailer.map_or(State::Done, State::Trailer))
            }
            (state @ (State::Length(_) | State::Data(_) | State::Done), _) => Ok(state),
        }
    }

    fn after_extension(&mut self, at: Extension, octet: u8, size: u64) -> Result<State, Rejection> {
        let at = at.after(octet).ok_or(Rejection::bad_request(EXTENSION))?;
        self.dropped += 1;
        Ok(State::Extension { at, size })
    }
}

impl State {
    const FIRST_DIGIT: Self = Self::Size { digits: 0, size: 0 };
}

impl Extension {
    /// What `octet` leads to; `None` if it may not stand here.
    fn after(self, octet: u8) -> Option<Self> {
        match (self, octet) {
            (Self::Quoted, b'"') => Some(Self::Unquoted),
            (Self::Quoted, b'\\') => Some(Self::Escape),
            (Self::Quoted, _) if QUOTED.has(octet) => Some(Self::Quoted),
            (Self::Escape, _) if VALUE.has(octet) => Some(Self::Quoted),
            (Self::Quoted | Self::Escape, _) => None,
            (Self::Semicolon | Self::Equals, b' ' | b'\t') => Some(self),
            (Self::Name | Self::Named, b' ' | b'\t') => Some(Self::Named),
            (_, b' ' | b'\t') => Some(Self::Ended),
            (Self::Semicolon | Self::Name, _) if TOKEN.has(octet) => Some(Self::Name),
            (Self::Equals | Self::Token, _) if TOKEN.has(octet) => Some(Self::Token),
            (Self::Equals, b'"') => Some(Self::Quoted),
            (Self::Semicolon | Self::Equals, _) => None,
            (Self::Name | Self::Named, b'=') => Some(Self::Equals),
            (_, b';') => Some(Self::Semicolon),
            _ => None,
        }
    }

    /// Whether the line may end here: not behind white space, and not within an extension.
    fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Token | Self::Unquoted)
    }
}

#[cfg(test)]
mod tests;

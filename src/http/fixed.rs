//! Answers that never change: all but the date is made once, by the compiler.
//!
//! A [`Fixed`] stands in a `static`, and its handler returns a reference to it: nothing is moved,
//! nothing is dropped, and writing it is two copies of fixed length. There is no way to give it a
//! status or a field of its own: whoever needs one makes a [`Response`].

use super::content_type::ContentType;
use super::date::Date;
use super::response::Response;

/// Room for what follows the date. All of it is copied, however much is used.
const TAIL_ROOM: usize = 128;
const _: () = assert!(TAIL_ROOM <= 999, "the length has three digits at most");

/// A 200 with a short body that is part of the program.
#[derive(Debug)]
pub struct Fixed {
    content_type: ContentType,
    body: &'static [u8],
    /// Content-Type, Content-Length, the empty line and the body.
    tail: [u8; TAIL_ROOM],
    tail_bytes: usize,
}

impl Fixed {
    /// The answer with this body.
    ///
    /// # Panics
    ///
    /// If the body is empty, or does not fit into 128 bytes together with its two fields (about 65
    /// bytes of text do). In a `static` the compiler says so.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // A digit fits.
    pub const fn new(content_type: ContentType, body: &'static [u8]) -> Self {
        assert!(!body.is_empty(), "an empty body has no Content-Type");
        let mut tail = [b' '; TAIL_ROOM];
        let number = body.len();
        let digits = [number / 100, number / 10 % 10, number % 10];
        let mut at = append(&mut tail, 0, b"Content-Type: ");
        at = append(&mut tail, at, content_type.media_type().as_bytes());
        at = append(&mut tail, at, b"\r\nContent-Length: ");
        let mut place = (number < 100) as usize + (number < 10) as usize;
        while place < digits.len() {
            at = append(&mut tail, at, &[b'0' + digits[place] as u8]);
            place += 1;
        }
        at = append(&mut tail, at, b"\r\n\r\n");
        let tail_bytes = append(&mut tail, at, body);
        Self {
            content_type,
            body,
            tail,
            tail_bytes,
        }
    }

    /// The same answer in the form that can be changed.
    pub fn response(&self) -> Response {
        Response::fixed(self.content_type, self.body)
    }

    /// Appends the answer to a usual exchange, and says how much of its body was copied.
    ///
    /// The tail is copied whole and then cut: a copy of fixed length is a few instructions in
    /// place, one of any length is a call.
    #[cfg_attr(map, inline(never))]
    #[cfg_attr(not(map), inline(always))]
    pub fn push(&self, date: &Date, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&date.ok_head);
        let end = out.len() + self.tail_bytes;
        out.extend_from_slice(&self.tail);
        out.truncate(end);
        self.body.len()
    }
}

/// Puts a piece into the tail, and returns where it ends.
const fn append(tail: &mut [u8; TAIL_ROOM], at: usize, piece: &[u8]) -> usize {
    let end = at + piece.len();
    assert!(end <= TAIL_ROOM, "the body is too long for a fixed answer");
    let (_, rest) = tail.split_at_mut(at);
    rest.split_at_mut(piece.len()).0.copy_from_slice(piece);
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Techniques;
    use crate::http::Exchange;

    static SHORT: Fixed = Fixed::new(ContentType::Json, b"1");
    static LONG: Fixed = Fixed::new(ContentType::Text, &[b'x'; 64]);

    #[test]
    fn the_bytes_are_those_of_the_response() {
        let (date, full) = (Date::at(784_111_777), Techniques::FULL);
        let (mut once, mut twin) = (Vec::new(), Vec::new());
        for fixed in [&SHORT, &LONG] {
            let copied = fixed.push(&date, &mut once);
            let written = fixed
                .response()
                .write(Exchange::USUAL, &date, &full, &mut twin);
            assert_eq!((written.keep_alive, written.copied), (true, copied));
            assert_eq!(once, twin);
        }
    }

    #[test]
    #[should_panic(expected = "too long")]
    fn a_body_that_does_not_fit_is_refused() {
        let _ = Fixed::new(ContentType::Json, &[b'x'; 100]);
    }
}

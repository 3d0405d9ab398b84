//! Responses: values made by handlers, and how their bytes are made.
//!
//! [`Response::write`] appends head and body to the reactor's output in one go: the body is
//! complete when it is written, so its length is known. One that is not is a
//! [`Stream`](super::Stream), which has its head from here.

use std::borrow::Cow;

use serde::Serialize;

use super::date::Date;
use super::{ContentType, Exchange, Rejection, Status, Version};
use crate::config::Techniques;

mod formatted;

/// Writes a body in place; see [`Response::written`].
type BodyWriter = Box<dyn FnOnce(&mut Vec<u8>, &Techniques) + Send>;

/// Where a body's bytes come from.
enum Content {
    Whole(Cow<'static, [u8]>),
    Written(BodyWriter),
}

/// An answer, as a value: it can wait in a queue, cross threads, and be tested without a socket.
pub struct Response {
    status: Status,
    content_type: ContentType,
    fields: Vec<(&'static str, Cow<'static, str>)>,
    content: Content,
    close: bool,
}

/// What [`Response::write`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The connection stays open after this answer.
    pub keep_alive: bool,
    /// Bytes of the body that were copied in user space.
    pub copied: usize,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: Status) -> Self {
        Self::fixed(ContentType::Text, b"").status(status)
    }

    /// 200 with a body that is part of the program: no allocation, one copy.
    pub fn fixed(content_type: ContentType, body: &'static [u8]) -> Self {
        Self::ok(content_type, Content::Whole(Cow::Borrowed(body)))
    }

    /// 200 with a body of bytes.
    pub fn bytes(content_type: ContentType, body: Vec<u8>) -> Self {
        Self::ok(content_type, Content::Whole(Cow::Owned(body)))
    }

    /// 200 with a text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::bytes(ContentType::Text, body.into().into_bytes())
    }

    /// 200 with a body that `writer` puts straight into the output. A writer that captures nothing
    /// is boxed without an allocation.
    pub fn written(
        content_type: ContentType,
        writer: impl FnOnce(&mut Vec<u8>) + Send + 'static,
    ) -> Self {
        let writer: BodyWriter = Box::new(|out, _| writer(out));
        Self::ok(content_type, Content::Written(writer))
    }

    /// 200 with a value as JSON, serialised straight into the output.
    ///
    /// A value that serde_json refuses (a map whose keys are no strings) panics when it is written:
    /// a 500.
    pub fn json<T: Serialize + Send + 'static>(value: T) -> Self {
        Self::json_from(move || value)
    }

    /// Like [`json`](Self::json), of a value that is made when it is written. If `make` captures
    /// nothing, the whole answer needs no allocation.
    ///
    /// # Panics
    ///
    /// As [`json`](Self::json).
    pub fn json_from<T: Serialize>(make: impl FnOnce() -> T + Send + 'static) -> Self {
        let writer: BodyWriter = Box::new(|out, techniques| write_json(&make(), techniques, out));
        Self::ok(ContentType::Json, Content::Written(writer))
    }

    /// An error, as `{"error": sentence}`. The sentence says what was wrong and what would be
    /// right.
    pub fn error(status: Status, sentence: impl Into<Cow<'static, str>>) -> Self {
        let sentence = sentence.into();
        Self::json(serde_json::json!({ "error": sentence })).status(status)
    }

    /// 503 with Retry-After, in seconds.
    pub fn busy(sentence: &'static str, retry_after: u32) -> Self {
        Self::error(Status::SERVICE_UNAVAILABLE, sentence)
            .field("Retry-After", retry_after.to_string())
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// The same with one more field.
    ///
    /// # Panics
    ///
    /// If the value has a control character: it would end the field, and whoever chose the value
    /// would choose the fields and the body that follow (response splitting).
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        let value = value.into();
        assert!(is_sound(&value), "control character in the value of {name}");
        self.fields.push((name, value));
        self
    }

    /// The same, after which the connection closes.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The status.
    pub fn status_code(&self) -> Status {
        self.status
    }

    /// Appends the answer to `out`.
    #[cfg_attr(map, inline(never))]
    pub fn write(
        self,
        mut exchange: Exchange,
        date: &Date,
        techniques: &Techniques,
        out: &mut Vec<u8>,
    ) -> Written {
        exchange.keep_alive &= !self.close;
        if !techniques.head_template {
            return self.write_formatted(exchange, date, techniques, out);
        }
        self.write_first_lines(exchange, date, out);
        let head_end = match self.content {
            _ if self.status.is_bodiless() => {
                out.extend_from_slice(b"\r\n");
                out.len()
            }
            Content::Whole(body) => write_body(&body, self.content_type, out),
            Content::Written(writer) => {
                write_content_lines(self.content_type, out);
                let gap_at = out.len();
                out.extend_from_slice(&[b' '; LENGTH_ROOM]);
                writer(out, techniques);
                fill_gap(gap_at, out)
            }
        };
        if exchange.head_only {
            out.truncate(head_end);
        }
        Written {
            keep_alive: exchange.keep_alive,
            copied: out.len() - head_end,
        }
    }

    /// Appends the head of an answer whose body follows later: `length` bytes, or in chunks, or,
    /// in HTTP/1.0, up to the end of the connection. Says whether that stays open.
    pub(super) fn write_head(
        &self,
        mut exchange: Exchange,
        date: &Date,
        length: Option<u64>,
        out: &mut Vec<u8>,
    ) -> bool {
        exchange.keep_alive &= !self.close;
        self.write_first_lines(exchange, date, out);
        if !self.status.is_bodiless() {
            let media_type = self.content_type.media_type();
            let mut digits = itoa::Buffer::new();
            let (name, value) = match length {
                Some(bytes) => ("\r\nContent-Length: ", digits.format(bytes)),
                None if exchange.version == Version::Http11 => {
                    ("\r\nTransfer-Encoding: ", "chunked")
                }
                None => ("", ""),
            };
            for part in ["Content-Type: ", media_type, name, value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
        exchange.keep_alive
    }

    fn ok(content_type: ContentType, content: Content) -> Self {
        Self {
            status: Status::OK,
            content_type,
            fields: Vec::new(),
            content,
            close: false,
        }
    }

    fn write_first_lines(&self, exchange: Exchange, date: &Date, out: &mut Vec<u8>) {
        if self.status == Status::OK {
            out.extend_from_slice(&date.ok_head);
        } else {
            out.extend_from_slice(self.status.line().as_bytes());
            out.extend_from_slice(date.common_lines());
        }
        for (name, value) in &self.fields {
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.extend_from_slice(connection_line(exchange).as_bytes());
    }
}

/// The Connection field, where one is needed: ab, and other clients of 1.0, wait for the end of the
/// connection without it.
fn connection_line(exchange: Exchange) -> &'static str {
    match (exchange.keep_alive, exchange.version) {
        (false, _) => "Connection: close\r\n",
        (true, Version::Http10) => "Connection: keep-alive\r\n",
        (true, Version::Http11) => "",
    }
}

/// Whether a value stays within its field.
pub(super) fn is_sound(value: &str) -> bool {
    !value.bytes().any(|byte| byte < b' ' || byte == 0x7F)
}

/// As an answer that closes: nobody knows where the next request would begin. The rejections after
/// which it is known are answered with [`Response::error`].
impl From<Rejection> for Response {
    fn from(rejection: Rejection) -> Self {
        let response = Self::error(rejection.status, rejection.reason).closing();
        match rejection.status {
            Status::SERVICE_UNAVAILABLE => response.field("Retry-After", "1"),
            _ => response,
        }
    }
}

/// The rest of a head and a body that exists already; says where the body begins.
fn write_body(body: &[u8], content_type: ContentType, out: &mut Vec<u8>) -> usize {
    if body.is_empty() {
        out.extend_from_slice(b"Content-Length: ");
    } else {
        write_content_lines(content_type, out);
    }
    out.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
    out.len() - body.len()
}

/// The digits of `u64::MAX`, and the end of the head.
const LENGTH_ROOM: usize = 20 + 4;

/// The end of a head, before a body whose length is known only now that it is written: room for the
/// widest length was left at `gap_at`, and the body moves down by the digits that were not needed.
/// Says where the body begins then.
///
/// The alternative, white space before the digits, is legal and spares the move (RFC 9112 section
/// 5), but it shows in every answer and is new to some clients.
fn fill_gap(gap_at: usize, out: &mut Vec<u8>) -> usize {
    let body_at = gap_at + LENGTH_ROOM;
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(out.len() - body_at).as_bytes();
    let digits_end = gap_at + digits.len();
    let head_end = digits_end + 4;
    out[gap_at..digits_end].copy_from_slice(digits);
    out[digits_end..head_end].copy_from_slice(b"\r\n\r\n");
    out.copy_within(body_at.., head_end);
    out.truncate(out.len() - (body_at - head_end));
    head_end
}

fn write_content_lines(content_type: ContentType, out: &mut Vec<u8>) {
    let media_type = content_type.media_type();
    for part in ["Content-Type: ", media_type, "\r\nContent-Length: "] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends a value as JSON: straight into the output, or in the way of whoever builds an answer
/// from values of any kind, a tree of them, its text, and the copy of that.
fn write_json<T: Serialize>(value: &T, techniques: &Techniques, out: &mut Vec<u8>) {
    const REFUSED: &str = "a response's type serialises to JSON";
    if techniques.json_in_place {
        serde_json::to_writer(out, value).expect(REFUSED);
    } else {
        let tree = serde_json::to_value(value).expect(REFUSED);
        out.extend_from_slice(tree.to_string().as_bytes());
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({}, {:?})", self.status.0, self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "HTTP/1.1 200 OK\r\nServer: barewire\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

    fn rendered(response: Response, exchange: Exchange) -> String {
        let mut out = Vec::new();
        let date = Date::at(784_111_777);
        response.write(exchange, &date, &Techniques::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn written(body: &'static str) -> Response {
        Response::written(ContentType::Text, |out| {
            out.extend_from_slice(body.as_bytes());
        })
    }

    #[test]
    fn a_body_written_in_place_has_plain_digits() {
        for length in [0, 1, 9, 10, 99_999, 100_000] {
            let body: &'static str = "y".repeat(length).leak();
            let expected = format!(
                "{HEAD}Content-Type: text/plain; charset=utf-8\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            );
            assert_eq!(rendered(written(body), Exchange::USUAL), expected);
        }
    }

    #[test]
    fn head_has_the_fields_of_get_and_no_body() {
        let head = Exchange {
            head_only: true,
            ..Exchange::USUAL
        };
        for response in [|| Response::text("four"), || written("four")] {
            let get = rendered(response(), Exchange::USUAL);
            assert_eq!(
                rendered(response(), head),
                get.strip_suffix("four").unwrap()
            );
        }
    }

    #[test]
    fn no_content_has_neither_body_nor_length() {
        let answer = rendered(Response::empty(Status::NO_CONTENT), Exchange::USUAL);
        assert_eq!(answer, HEAD.replace("200 OK", "204 No Content") + "\r\n");
        let empty = rendered(Response::empty(Status::OK), Exchange::USUAL);
        assert_eq!(empty, format!("{HEAD}Content-Length: 0\r\n\r\n"));
    }

    #[test]
    fn whether_it_stays_open_is_said_where_it_must_be() {
        let exchange = |version, keep_alive| Exchange {
            version,
            keep_alive,
            head_only: false,
        };
        let says = |exchange| {
            let answer = rendered(Response::text("x"), exchange);
            answer
                .lines()
                .find_map(|line| line.strip_prefix("Connection: "))
                .map(str::to_owned)
        };
        assert_eq!(says(exchange(Version::Http11, true)), None);
        assert_eq!(
            says(exchange(Version::Http11, false)).as_deref(),
            Some("close")
        );
        assert_eq!(
            says(exchange(Version::Http10, true)).as_deref(),
            Some("keep-alive")
        );
        assert_eq!(
            says(exchange(Version::Http10, false)).as_deref(),
            Some("close")
        );
        let closing = Response::text("x").closing();
        assert!(rendered(closing, Exchange::USUAL).contains("\r\nConnection: close\r\n"));
    }

    #[test]
    fn an_unknown_status_has_an_empty_reason() {
        let answer = rendered(Response::empty(Status(299)), Exchange::USUAL);
        assert!(answer.starts_with("HTTP/1.1 299 \r\n"), "{answer}");
    }

    #[test]
    fn an_error_is_json_whatever_its_sentence_holds() {
        let answer = rendered(
            Response::error(Status::BAD_REQUEST, "no \"quotes\"\n"),
            Exchange::USUAL,
        );
        assert!(
            answer.ends_with("\r\n\r\n{\"error\":\"no \\\"quotes\\\"\\n\"}"),
            "{answer}"
        );
    }

    #[test]
    #[should_panic(expected = "control character")]
    fn a_field_cannot_be_split() {
        let _ = Response::text("x").field("X-Key", "a\r\nSet-Cookie: b");
    }
}

//! An answer the way it is often made: its head formatted line by line into a text, its body a
//! buffer of its own, and both copied.
//!
//! The twin of the template, for whoever wants to know what that is worth: the same bytes.

use super::{Content, Response, Written};
use crate::config::Techniques;
use crate::http::date::Date;
use crate::http::request::{Exchange, Version};
use crate::http::status::Status;

// A String for each line is what is shown here.
#[allow(clippy::format_push_string)]
impl Response {
    #[cold]
    pub(super) fn write_formatted(
        self,
        exchange: Exchange,
        date: &Date,
        techniques: &Techniques,
        out: &mut Vec<u8>,
    ) -> Written {
        let keep_alive = exchange.keep_alive && !self.close;
        let mut head = self.formatted_lines(exchange.version, keep_alive, date);
        if matches!(self.status, Status::NO_CONTENT | Status::NOT_MODIFIED) {
            out.extend_from_slice(format!("{head}\r\n").as_bytes());
            return Written {
                keep_alive,
                copied: 0,
            };
        }
        let (body, has_type) = match self.content {
            Content::Static(body) => (body.to_vec(), !body.is_empty()),
            Content::Owned(body) => {
                let has_type = !body.is_empty();
                (body, has_type)
            }
            Content::Written(writer) => {
                let mut own = Vec::new();
                writer(&mut own, techniques);
                (own, true)
            }
        };
        if has_type {
            head += &format!("Content-Type: {}\r\n", self.content_type.media_type());
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        out.extend_from_slice(head.as_bytes());
        if exchange.head_only {
            return Written {
                keep_alive,
                copied: 0,
            };
        }
        out.extend_from_slice(&body);
        Written {
            keep_alive,
            copied: 2 * body.len(),
        }
    }

    fn formatted_lines(&self, version: Version, keep_alive: bool, date: &Date) -> String {
        let status = match self.status.line() {
            Some(line) => line.to_owned(),
            None => format!("HTTP/1.1 {:03} \r\n", self.status.0),
        };
        let common = String::from_utf8_lossy(date.common_lines()).into_owned();
        let mut head = format!("{status}{common}");
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        if !keep_alive {
            head += &format!("Connection: {}\r\n", "close");
        } else if version == Version::Http10 {
            head += &format!("Connection: {}\r\n", "keep-alive");
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::content_type::ContentType;

    /// Every kind of answer to every kind of request.
    #[test]
    fn the_bytes_are_those_of_the_template() {
        let kinds: [fn() -> Response; 8] = [
            || Response::text("four"),
            || Response::text(""),
            || Response::fixed(ContentType::Html, b"<p>"),
            || Response::bytes(ContentType::Other("image/png"), vec![0, 1, 2]),
            || Response::json(["a", "b"]),
            || Response::written(ContentType::Text, |_| ()),
            || Response::empty(Status::NO_CONTENT).field("Allow", "GET"),
            || Response::error(Status(299), "it has no reason").closing(),
        ];
        let date = Date::at(784_111_777);
        for (kind, number) in kinds.iter().flat_map(|kind| (0..8).map(move |n| (kind, n))) {
            let exchange = Exchange {
                keep_alive: number & 1 == 0,
                head_only: number & 2 != 0,
                version: [Version::Http11, Version::Http10][number >> 2],
            };
            let (mut template, mut formatted) = (Vec::new(), Vec::new());
            let techniques = Techniques {
                head_template: false,
                json_in_place: false,
                ..Techniques::default()
            };
            let full = Techniques::default();
            let kept = kind().write(exchange, &date, &full, &mut template);
            let twin = kind().write(exchange, &date, &techniques, &mut formatted);
            assert_eq!(formatted, template, "{exchange:?}");
            assert_eq!(twin.keep_alive, kept.keep_alive);
        }
    }
}

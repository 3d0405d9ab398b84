//! An answer the way it is often made: its head formatted line by line into a text, its body a
//! buffer of its own, and both copied.
//!
//! The twin of the template, for whoever wants to know what that is worth: the same bytes.

use super::{Content, Response, Written, connection_line};
use crate::config::Techniques;
use crate::http::{Exchange, date::Date};

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
        let common = String::from_utf8_lossy(date.common_lines());
        let mut head = format!("{}{common}", self.status.line());
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        head += connection_line(exchange);
        let mut body = Vec::new();
        if !self.status.is_bodiless() {
            if !matches!(&self.content, Content::Whole(body) if body.is_empty()) {
                head += &format!("Content-Type: {}\r\n", self.content_type.media_type());
            }
            match self.content {
                Content::Whole(whole) => body = whole.into_owned(),
                Content::Written(writer) => writer(&mut body, techniques),
            }
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        if exchange.head_only {
            body.clear();
        }
        out.extend_from_slice(format!("{head}\r\n").as_bytes());
        out.extend_from_slice(&body);
        Written {
            keep_alive: exchange.keep_alive,
            copied: 2 * body.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::content_type::ContentType;
    use crate::http::request::Version;
    use crate::http::status::Status;

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

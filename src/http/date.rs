//! The Date field, rendered at most once a second (RFC 9110 section 6.6.1).
//!
//! There is no clock in here: the reactor says which second it is. Dates of other fields are read
//! and rendered here, too.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;

/// What precedes the date in the most frequent head of all.
const BEFORE: &str = "HTTP/1.1 200 OK\r\nServer: barewire\r\nDate: ";
/// Where the lines begin that every head has.
const COMMON_AT: usize = "HTTP/1.1 200 OK\r\n".len();
/// The length of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`.
const DATE_BYTES: usize = 29;
/// The whole template.
const HEAD_BYTES: usize = BEFORE.len() + DATE_BYTES + 2;

/// The beginning of a 200's head, with the date in it: one copy of fixed size writes it.
#[derive(Clone, Debug)]
pub struct Date {
    /// `HTTP/1.1 200 OK`, Server and Date, each with its line end.
    pub(super) ok_head: [u8; HEAD_BYTES],
}

impl Date {
    /// The date of a second since 1970, UTC.
    #[must_use]
    pub fn at(unix_seconds: u64) -> Self {
        let when = UNIX_EPOCH + Duration::from_secs(unix_seconds);
        let mut ok_head = [b' '; HEAD_BYTES];
        // It fits: an IMF-fixdate has one length, up to the year 9999.
        let _ = write!(&mut ok_head[..], "{BEFORE}{}\r\n", HttpDate::from(when));
        Self { ok_head }
    }

    /// Server and Date, each with its line end: what follows any other status line.
    pub fn common_lines(&self) -> &[u8] {
        &self.ok_head[COMMON_AT..]
    }
}

/// A second since 1970, UTC, as a field has it (RFC 9110 section 5.6.7).
pub fn rendered(unix_seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_seconds))
}

/// The second that a field has, in any of the three formats; `None` if it is no date.
pub fn read(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_rendered() {
        assert_eq!(rendered(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(text), Some(784_111_777), "{text}");
        }
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn the_example_of_rfc_9110() {
        let date = Date::at(784_111_777);
        assert_eq!(
            std::str::from_utf8(&date.ok_head),
            Ok("HTTP/1.1 200 OK\r\nServer: barewire\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        );
    }

    #[test]
    fn another_second_is_another_date() {
        let date = Date::at(784_111_778);
        assert!(date.common_lines().ends_with(b"08:49:38 GMT\r\n"));
        assert!(date.common_lines().starts_with(b"Server: "));
    }
}

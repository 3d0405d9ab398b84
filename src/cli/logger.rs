//! The binary's logger: three targets of the `log` facade to stderr, a record a line.
//!
//! Absent: `RUST_LOG`. What is written is `--log`'s decision alone, so that nobody's environment
//! turns a line for each request on.

use std::io::Write;

use jiff::Timestamp;
use log::{Level, LevelFilter};

use crate::config::LogLevel;
use crate::reactor::journal::{ACCESS, FAULT, REFUSED};

/// Installs the logger. With [`LogLevel::Off`] there is none, and a log statement costs one
/// comparison.
pub(super) fn install(level: LogLevel) {
    let access = match level {
        LogLevel::Off => return,
        LogLevel::Errors => LevelFilter::Off,
        LogLevel::Access => LevelFilter::Info,
    };
    // An error means that a logger is there already: then it is the one its owner wants.
    let _ = env_logger::Builder::new()
        .filter_level(LevelFilter::Off)
        .filter_module(REFUSED, LevelFilter::Warn)
        .filter_module(FAULT, LevelFilter::Warn)
        .filter_module(ACCESS, access)
        .format(|out, record| {
            let message = record.args().to_string();
            writeln!(out, "{}", line(Timestamp::now(), record.level(), &message))
        })
        .try_init();
}

/// A record's line: time (RFC 3339), level, message. Control characters are escaped, because parts
/// of a message come from peers, and a line feed would let them write records of their own.
fn line(time: Timestamp, level: Level, message: &str) -> String {
    let mut line = format!("{time:.3} {level} ");
    for character in message.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line() {
        let message = "bad\r\n1970-01-01T00:00:00.000Z INFO forged \u{1b}[31m";
        assert_eq!(
            line(Timestamp::UNIX_EPOCH, Level::Warn, message),
            "1970-01-01T00:00:00.000Z WARN \
             bad\\r\\n1970-01-01T00:00:00.000Z INFO forged \\u{1b}[31m"
        );
    }
}

//! The binary's logger: three targets of the `log` facade, and panics, each a line for stderr.
//!
//! A reactor formats its line and leaves it to the [`Printer`]; it never waits for a reader.
//! Absent: `RUST_LOG`. What is written is `--log`'s decision alone, so that nobody's environment
//! turns a line for each request on.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::{panic, thread};

use jiff::Timestamp;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::printer::Printer;
use crate::config::LogLevel;
use crate::reactor::journal::{ACCESS, FAULT, REFUSED};

/// What takes the records of this level, and those below it.
struct Logger {
    level: LogLevel,
    printer: Printer,
}

/// Installs the logger. With [`LogLevel::Off`] there is none, and a log statement costs one
/// comparison. Panics are told in any case, as the standard library would, and by the printer: its
/// own hook would hold up a reactor whose handler has panicked.
pub(super) fn install(level: LogLevel, printer: &Printer) {
    let panics = printer.clone();
    panic::set_hook(Box::new(move |panic| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("<unnamed>");
        let trace = Backtrace::capture();
        let trace = match trace.status() {
            BacktraceStatus::Captured => format!("\n{trace}"),
            _ => String::new(),
        };
        panics.print(format!("thread '{name}' {panic}{trace}\n"));
    }));
    let filter = match level {
        LogLevel::Off => return,
        LogLevel::Errors => LevelFilter::Warn,
        LogLevel::Access => LevelFilter::Info,
    };
    let printer = printer.clone();
    // An error means that a logger is there already: then it is the one its owner wants.
    if log::set_boxed_logger(Box::new(Logger { level, printer })).is_ok() {
        log::set_max_level(filter);
    }
}

impl Log for Logger {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        match of.target() {
            REFUSED | FAULT => true,
            ACCESS => self.level == LogLevel::Access,
            _ => false,
        }
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let message = record.args().to_string();
            self.printer
                .print(line(Timestamp::now(), record.level(), &message));
        }
    }

    fn flush(&self) {}
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
    line.push('\n');
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
             bad\\r\\n1970-01-01T00:00:00.000Z INFO forged \\u{1b}[31m\n"
        );
    }
}

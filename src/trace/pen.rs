//! What is written down, a line for each call and each step.
//!
//! Two traces are laid side by side, so what differs from run to run, the times, stands behind a
//! tab at the end of a line: `cut -f1` takes it off. There are no numbers of lines, addresses or
//! descriptors. (With `write-at-once` off the kernel reports, or does not, that the end of the
//! connection was acknowledged: an event more.)

use std::fmt::{Display, Write as _};
use std::io;
use std::time::{Duration, Instant};

/// Writes lines, and times them.
pub(super) struct Pen {
    text: String,
    /// When the last line was finished: what follows is the server's time again.
    last: Instant,
}

impl Pen {
    /// With the heading of the columns.
    pub(super) fn new() -> Self {
        let text = format!(
            "{:<9} {:<40} {:<62}\t{:>9} {:>9}\n",
            "function", "system call", "what", "before us", "call us"
        );
        let last = Instant::now();
        Self { text, last }
    }

    /// What has been written since the last time.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Something that the server has done since the last line.
    pub(super) fn step(&mut self, function: &str, what: &str) {
        self.line(function, "", what, self.last.elapsed(), None);
    }

    /// A system call that began then, with what it returned, and what that means.
    pub(super) fn call(
        &mut self,
        began: Instant,
        call: &str,
        result: Result<impl Display, &io::Error>,
        what: &str,
    ) {
        let (before, took) = (began - self.last, began.elapsed());
        let call = match result {
            Ok(value) => format!("{call} = {value}"),
            Err(error) => format!("{call} = -1 ({:?})", error.kind()),
        };
        self.line("", &call, what, before, Some(took));
    }

    /// A system call that has taken all the time since the last line, and did not fail.
    pub(super) fn told(&mut self, call: &str) {
        let took = self.last.elapsed();
        self.line("start", call, "", Duration::ZERO, Some(took));
    }

    fn line(
        &mut self,
        function: &str,
        call: &str,
        what: &str,
        before: Duration,
        took: Option<Duration>,
    ) {
        let micros = |span: Duration| span.as_secs_f64() * 1e6;
        let took = took.map_or(String::new(), |took| format!("{:.1}", micros(took)));
        let before = micros(before);
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.text,
            "{function:<9} {call:<40} {what:<62}\t{before:>9.1} {took:>9}"
        );
        self.last = Instant::now();
    }
}

//! A thread that writes to a stream, so that nothing else waits for whoever reads it.
//!
//! Always: [`Printer::print`] returns at once. What its queue has no room for is dropped and
//! counted; the next text that finds room begins with their number.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::config::bounds::{PRINTED_AT_ONCE, PRINTER_QUEUE, PRINTER_TEXT_MAX};
use crate::shortage::start_thread;

/// Where texts are left; all clones are one printer.
#[derive(Clone)]
pub(super) struct Printer {
    queue: Sender<Item>,
    /// Texts dropped so far, for whoever shows it.
    dropped: Arc<AtomicU64>,
    /// Those of them that nothing has been said of.
    untold: Arc<AtomicU64>,
}

enum Item {
    Text(String),
    /// All before it is written: answered, since somebody waits.
    End(Sender<()>),
}

impl Printer {
    /// Starts the thread, which writes to `out` and counts in `dropped`.
    ///
    /// # Errors
    ///
    /// If there can be no thread.
    pub(super) fn start(
        name: &str,
        out: impl Write + Send + 'static,
        dropped: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let (queue, items) = bounded(PRINTER_QUEUE);
        start_thread(name, move || write_all(&items, out))?;
        let untold = Arc::default();
        Ok(Self {
            queue,
            dropped,
            untold,
        })
    }

    /// Leaves a text to be written, if there is room. One that is too long is cut.
    pub(super) fn print(&self, mut text: String) {
        if text.len() > PRINTER_TEXT_MAX {
            text.truncate(text.floor_char_boundary(PRINTER_TEXT_MAX));
            text.push_str("...\n");
        }
        let untold = self.untold.swap(0, Relaxed);
        let item = Item::Text(told(untold) + &text);
        if self.queue.try_send(item).is_err() {
            self.untold.fetch_add(untold + 1, Relaxed);
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Prints a last text, and waits until all is written; not longer than `patience`, since
    /// perhaps nobody reads.
    pub(super) fn end(&self, text: &str, patience: Duration) {
        let until = Instant::now() + patience;
        let (written, is_written) = bounded(1);
        let text = told(self.untold.swap(0, Relaxed)) + text;
        let sent = self.queue.send_deadline(Item::Text(text), until);
        if sent.is_ok() && self.queue.send_deadline(Item::End(written), until).is_ok() {
            // Nobody is told, if it was in vain.
            let _ = is_written.recv_deadline(until);
        }
    }
}

/// What stands in place of texts that were dropped.
fn told(dropped: u64) -> String {
    match dropped {
        0 => String::new(),
        1 => "1 line dropped, since nobody read those before it\n".to_owned(),
        _ => format!("{dropped} lines dropped, since nobody read those before them\n"),
    }
}

/// Writes what is left in the queue, as much at once as there is; errors are nobody's.
fn write_all(items: &Receiver<Item>, mut out: impl Write) {
    while let Ok(first) = items.recv() {
        let (mut texts, mut waiting) = (String::new(), Vec::new());
        let mut next = Some(first);
        while let Some(item) = next {
            match item {
                Item::Text(text) => texts.push_str(&text),
                Item::End(written) => waiting.push(written),
            }
            next = (texts.len() < PRINTED_AT_ONCE)
                .then(|| items.try_recv().ok())
                .flatten();
        }
        let _ = out.write_all(texts.as_bytes()).and_then(|()| out.flush());
        for written in waiting {
            let _ = written.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that takes a write when it is let, and passes on what it took.
    struct Gate {
        writes: Receiver<()>,
        began: Sender<()>,
        written: Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Nobody looks any more when the test is over.
            let _ = self.began.send(());
            let _ = self.writes.recv();
            let _ = self
                .written
                .send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A printer that is in the middle of its first write, what it has dropped, what lets a write
    /// go on, and what was written.
    fn stopped() -> (Printer, Arc<AtomicU64>, Sender<()>, Receiver<String>) {
        let (open, writes) = bounded(PRINTER_QUEUE);
        let (written, seen) = bounded(PRINTER_QUEUE);
        let (began, has_begun) = bounded(PRINTER_QUEUE);
        let gate = Gate {
            writes,
            began,
            written,
        };
        let dropped = Arc::<AtomicU64>::default();
        let printer = Printer::start("test", gate, Arc::clone(&dropped)).unwrap();
        printer.print("first\n".to_owned());
        has_begun.recv().unwrap();
        (printer, dropped, open, seen)
    }

    #[test]
    fn what_nobody_reads_is_dropped_counted_and_told_once() {
        let (printer, dropped, open, seen) = stopped();
        for _ in 0..PRINTER_QUEUE + 3 {
            printer.print("x\n".to_owned());
        }
        assert_eq!(dropped.load(Relaxed), 3);
        open.send(()).unwrap();
        assert_eq!(seen.recv().unwrap(), "first\n");
        open.send(()).unwrap();
        assert_eq!(seen.recv().unwrap(), "x\n".repeat(PRINTER_QUEUE));
        // From here on somebody reads.
        drop(open);
        printer.print("y\n".to_owned());
        printer.print("z\n".to_owned());
        printer.end("end\n", Duration::from_secs(30));
        let told = "3 lines dropped, since nobody read those before them\n";
        let rest: String = seen.try_iter().collect();
        assert_eq!(rest, format!("{told}y\nz\nend\n"));
    }

    #[test]
    fn the_end_does_not_wait_for_ever() {
        let (printer, ..) = stopped();
        printer.end("end\n", Duration::from_millis(1));
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let (printer, _, open, seen) = stopped();
        drop(open);
        assert_eq!(seen.recv().unwrap(), "first\n");
        printer.print("\u{20ac}".repeat(PRINTER_TEXT_MAX));
        printer.end("", Duration::from_secs(30));
        let rest: String = seen.try_iter().collect();
        let whole = PRINTER_TEXT_MAX / 3;
        assert_eq!(rest, "\u{20ac}".repeat(whole) + "...\n");
    }
}

//! How far it is, how long it takes, and whether somebody wants to leave.

use std::cell::Cell;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Seconds between two lines where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Steps of a second: a turn of a server takes about as long as one.
pub const STEPS_PER_SECOND: u64 = 20;

/// A bar that is filled by steps, and a flag.
#[derive(Debug)]
pub struct Progress {
    left: Arc<AtomicBool>,
    bar: ProgressBar,
    is_terminal: bool,
    /// When the last line was printed.
    line: Cell<Option<Instant>>,
}

impl Progress {
    /// Of so many steps, each as long as the others. Ctrl-C and SIGTERM end the experiment after
    /// the step under way; a second one ends the program.
    ///
    /// # Errors
    ///
    /// If the signals cannot be listened for.
    pub fn of(steps: u64) -> Result<Self> {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        let style = "{bar:30} {percent} %, {eta} left  {msg}";
        bar.set_style(ProgressStyle::with_template(style).context("the bar's template")?);
        let left = Arc::<AtomicBool>::default();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first one only sets the flag that the second one finds set.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&left))?;
            flag::register(signal, Arc::clone(&left))?;
        }
        Ok(Self {
            left,
            bar,
            is_terminal: std::io::stderr().is_terminal(),
            line: Cell::default(),
        })
    }

    /// So many steps are done.
    pub fn steps(&self, steps: u64, what: &str) {
        self.bar.inc(steps);
        self.bar.set_message(what.to_owned());
        if self.is_terminal {
            return;
        }
        let last = self.line.get();
        if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.line.set(Some(Instant::now()));
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            let eta = HumanDuration(self.bar.eta());
            eprintln!("{done} of {all} steps, {eta} left: {what}");
        }
    }

    /// Whether somebody wants to leave.
    pub fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

//! How far it is, how long it may take, and whether somebody wants to leave.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Seconds between two lines where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// A bar that is filled by time, and a flag.
#[derive(Clone, Debug)]
pub struct Progress {
    started: Instant,
    budget: Duration,
    /// What has been added to it.
    allowed: Duration,
    left: Arc<AtomicBool>,
    bar: ProgressBar,
    is_terminal: bool,
    line: Arc<std::sync::Mutex<Option<Instant>>>,
}

impl Progress {
    /// Starts the clock. Ctrl-C and SIGTERM end the experiment after the block under way; a second
    /// one ends the program.
    ///
    /// # Errors
    ///
    /// If the signals cannot be listened for.
    pub fn start(budget: Duration) -> Result<Self> {
        let bar =
            ProgressBar::with_draw_target(Some(budget.as_secs()), ProgressDrawTarget::stderr());
        let style = "{bar:30} at most {prefix} left  {msg}";
        bar.set_style(ProgressStyle::with_template(style).context("the bar's template")?);
        let left = Arc::new(AtomicBool::new(false));
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("the signals")?;
        let told = Arc::clone(&left);
        thread::spawn(move || {
            for _ in &mut signals {
                if told.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            }
        });
        Ok(Self {
            started: Instant::now(),
            budget,
            allowed: Duration::ZERO,
            left,
            bar,
            is_terminal: std::io::stderr().is_terminal(),
            line: Arc::default(),
        })
    }

    /// Says what is being done.
    pub fn show(&self, what: &str) {
        self.bar
            .set_position(self.started.elapsed().min(self.budget).as_secs());
        let left = self.budget.saturating_sub(self.started.elapsed());
        self.bar.set_prefix(HumanDuration(left).to_string());
        self.bar.set_message(what.to_owned());
        if self.is_terminal {
            return;
        }
        let mut last = self
            .line
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            *last = Some(Instant::now());
            eprintln!(
                "{:5.0} s of at most {} s: {what}",
                self.seconds(),
                self.budget.as_secs()
            );
        }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Gives so much time more: for what does not belong to the time that was asked for.
    pub fn allow(&mut self, more: Duration) {
        self.budget += more;
        self.allowed += more;
        self.bar.set_length(self.budget.as_secs());
    }

    /// Seconds since the start, without those that were given for something else.
    pub fn seconds_used(&self) -> f64 {
        self.seconds() - self.allowed.as_secs_f64()
    }

    /// Whether somebody wants to leave.
    pub fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether the time is used up, or somebody wants to leave.
    pub fn is_spent(&self) -> bool {
        self.is_over() || self.started.elapsed() >= self.budget
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

//! All that is measured on the way of a request, in one place.
//!
//! Each step of the reactor is told to [`Meter::note`], in one line, once. What is made of it, the
//! counters, the stage that the allocator counts by, the clock readings of sampled requests and the
//! access log, stands in the one `match` below and nowhere else. `barewire trace` sees the same
//! steps.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use log::Level;

use super::journal::{self, ACCESS, FAULT, REFUSED};
use super::stopwatch::{Sample, Stopwatch};
use super::{kernel::Kernel, step::Step, timers::Time, wakeup::Cause};
use crate::accounts::{ReactorAccount, Refusal, Stage, Woken, WouldBlock};
use crate::allocator;

/// Keeps the account of one reactor.
pub struct Meter {
    /// The counters, read in place by whoever asks.
    pub account: Arc<ReactorAccount>,
    /// The clock readings of sampled requests.
    pub stopwatch: Stopwatch,
    /// The beginning of the access line of the request that is being answered; `None` while nobody
    /// listens.
    pub access: Option<Box<str>>,
    /// When the turn's poll returned.
    pub turn_began: Time,
    /// The stage by which the allocator counts what this thread allocates.
    stage: &'static AtomicU8,
    /// A mask: the poll of a turn is timed whose number has none of these bits.
    untimed: u64,
    /// The thread's CPU time before the poll that is being timed.
    poll_began: Option<Time>,
}

/// With `--sample N` one request in N is timed, and one poll in this many times N: a poll is timed
/// by the thread's CPU clock, which is a system call, where the clock of the stages is none. The
/// product is rounded up to a power of two.
const POLLS_PER_SAMPLE: u64 = 16;

impl Meter {
    /// Counts into `account`, and times one request in `sample`, none if that is 0; or each, if
    /// answers are told their times.
    pub fn new(account: Arc<ReactorAccount>, sample: u32, tells: bool) -> Self {
        Self {
            account,
            stopwatch: Stopwatch::new(sample, tells),
            access: None,
            turn_began: Time::ZERO,
            stage: &allocator::NOWHERE,
            untimed: match u64::from(sample) {
                // No turn has number 0.
                0 => u64::MAX,
                sample => (sample * POLLS_PER_SAMPLE).next_power_of_two() - 1,
            },
            poll_began: None,
        }
    }

    /// The account is the current thread's from now on.
    pub fn take_over(&mut self) {
        self.account.owner.take_over();
        self.stage = allocator::own_place().unwrap_or(&allocator::NOWHERE);
    }

    /// Times one poll in so many: called before a poll, and after it.
    #[inline(always)]
    fn time_poll<K: Kernel>(&mut self, kernel: &mut K) {
        if self.account.turns.get() & self.untimed == 0 {
            self.read_cpu_clock(kernel);
        }
    }

    /// By the CPU clock, not the wall clock: that cannot tell a poll that returned at once from one
    /// that slept.
    #[cold]
    fn read_cpu_clock<K: Kernel>(&mut self, kernel: &mut K) {
        let now = kernel.cpu_time();
        match self.poll_began.take() {
            Some(began) => self.account.poll_time.record(now.nanos_since(began)),
            None => self.poll_began = Some(now),
        }
    }

    /// A handler goes on after a wait.
    pub fn handler_resumes(&self) {
        self.stage.store(Stage::Handle as u8, Relaxed);
    }

    /// Counts a refusal, and says why if somebody listens.
    #[cold]
    pub fn refused(&self, refusal: Refusal, peer: &SocketAddr, reason: &str) {
        self.account.refusals[refusal as usize].add(1);
        let name = Refusal::ALL[refusal as usize].1;
        log::warn!(target: REFUSED, "{peer}: {name}: {reason}");
    }

    /// Counts a handler, or a job of one, that panicked.
    #[cold]
    pub fn panicked(&self) {
        self.account.panics.add(1);
        log::error!(target: FAULT, "a handler panicked; its request is answered with 500");
    }

    /// Makes of a step what there is to be made of it.
    // Each call names its step, so that of the match one arm is left.
    #[cfg_attr(not(map), inline(always))]
    pub fn note<K: Kernel>(&mut self, step: Step<'_>, kernel: &mut K) {
        kernel.observe(&step);
        if let Some((ended, begins)) = self.count(step, kernel) {
            self.stage.store(begins as u8, Relaxed);
            if !matches!(self.stopwatch.sample, Sample::Nothing) {
                self.stopwatch.lap(ended, &self.account, kernel);
            }
        }
    }

    /// Counts what a step brings; the stage that ends with it, and the one that begins.
    #[cfg_attr(not(map), inline(always))]
    fn count<K: Kernel>(&mut self, step: Step<'_>, kernel: &mut K) -> Option<(Stage, Stage)> {
        let (account, watch) = (&*self.account, &mut self.stopwatch);
        match step {
            Step::Polling => {
                account.turns.add(1);
                self.time_poll(kernel);
            }
            Step::Polled(events) => {
                account.events.add(events as u64);
                self.time_poll(kernel);
            }
            Step::Advance(cause, _) => {
                let is_ready = matches!(cause, Cause::Ready(_));
                let woken = if is_ready { Woken::Ready } else { woken(cause) };
                account.wakeups[woken as usize].add(1);
                if watch.countdown <= 0 || !matches!(watch.sample, Sample::Nothing) {
                    watch.advance(cause, self.turn_began, account, kernel);
                }
                self.stage.store(Stage::Read as u8, Relaxed);
            }
            Step::Read(_, result) => {
                account.reads.add(1);
                let received = moved(account, WouldBlock::Recv, result);
                account.bytes_in.add(received);
                return Some((Stage::Read, Stage::Parse));
            }
            Step::Parsed(peer, request) => {
                if log::log_enabled!(target: ACCESS, Level::Info) {
                    self.access = Some(journal::asked(peer, request));
                }
                return Some((Stage::Parse, Stage::Handle));
            }
            Step::Handled => return Some((Stage::Handle, Stage::Serialise)),
            Step::Answered(status, _, copied) => {
                account.count_answer(status.0, copied as u64);
                watch.countdown -= 1;
                if self.access.is_some() {
                    journal::answered(self.access.take(), status);
                }
                return Some((Stage::Serialise, Stage::Parse));
            }
            Step::Sending(_) => return Some((Stage::Rest, Stage::Write)),
            Step::Sent(bytes, result) => {
                account.writes.add(1);
                let sent = moved(account, WouldBlock::Send, result);
                account.bytes_out.add(sent);
                if sent < bytes as u64 {
                    account.short_writes.add(1);
                }
                return Some((Stage::Write, Stage::Rest));
            }
            Step::Blocked(is_set, _) => account.timers_set.add(u64::from(is_set)),
            Step::Accepted(_) => account.accepts.add(1),
            Step::Deferred(_) | Step::LastLook(_) | Step::Dismissed(_) => {}
        }
        None
    }
}

/// The kind under which a cause is counted.
fn woken(cause: Cause) -> Woken {
    match cause {
        Cause::Ready(_) => Woken::Ready,
        Cause::Timer(_) => Woken::Timer,
        Cause::Answer => Woken::Answer,
        Cause::Resume => Woken::Resume,
        Cause::Evict => Woken::Evict,
        Cause::Drain => Woken::Drain,
        Cause::Wake => Woken::Wake,
    }
}

/// The bytes that a call has moved; it is counted, if it would have blocked.
#[inline(always)]
fn moved(account: &ReactorAccount, call: WouldBlock, result: &io::Result<usize>) -> u64 {
    match result {
        Ok(bytes) => *bytes as u64,
        Err(error) => count_error(account, call, error),
    }
}

#[cold]
fn count_error(account: &ReactorAccount, call: WouldBlock, error: &io::Error) -> u64 {
    if error.kind() == ErrorKind::WouldBlock {
        account.eagains[call as usize].add(1);
    }
    0
}

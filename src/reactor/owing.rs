//! What a connection owes: answers that its peer has not taken yet.
//!
//! Who owes bytes reads nothing and serves nothing until they are sent: the peer's own window is
//! what holds it back. How long it may take is bounded by its [`Pace`].

use std::io::{self, ErrorKind};

use super::buffers::Input;
use super::connection::{Connection, Gone};
use super::kernel::Kernel;
use super::shared::Shared;
use super::stopwatch::Paused;
use super::transfer::OUTPUT_KEPT;
use super::upload::Pace;
use crate::accounts::{Copied, Refusal};
use crate::http::Handler;

/// Bytes of answers that the peer has not taken yet.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) bytes: Input,
    pub(super) pace: Pace,
    /// The sample that is timed until they are sent.
    paused: Option<Box<Paused>>,
}

impl<K: Kernel> Connection<K> {
    /// What loops do that send only when they are told to: all is owed, and whether there is room
    /// is asked anew. A socket with room gives no edge by itself.
    #[cold]
    pub(super) fn write_later<H: Handler>(
        &mut self,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        let paused = shared.stopwatch.pause();
        self.keep_owed(0, shared)?;
        if let Some(owed) = &mut self.outbox {
            owed.paused = paused;
        }
        self.writable_watched = true;
        self.watch_again(shared)
    }

    /// Keeps what a send did not take, and sees to it that we are told when there is room.
    #[cold]
    pub(super) fn owe_rest<H: Handler>(
        &mut self,
        sent: io::Result<usize>,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        let sent = self
            .note_send(sent, shared)
            .inspect_err(|_| shared.output.clear(OUTPUT_KEPT))?;
        self.keep_owed(sent, shared)?;
        if !self.writable_watched {
            self.writable_watched = true;
            self.watch_again(shared)?;
        }
        Ok(())
    }

    /// Moves what was not sent to a buffer of our own.
    fn keep_owed<H: Handler>(
        &mut self,
        sent: usize,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        let rest = &shared.output.as_slice()[sent..];
        let earlier = self.outbox.take();
        let kept = shared.pool.copy_of(
            Copied::Output,
            earlier.as_ref().map_or(&[], |owed| owed.bytes.unread()),
            rest,
        );
        shared.output.clear(OUTPUT_KEPT);
        let pace = earlier
            .as_ref()
            .map_or_else(|| Pace::new(shared.now), |owed| owed.pace);
        if let Some(owed) = earlier {
            shared.pool.give_back(owed.bytes.into_bytes());
        }
        let Some(bytes) = kept else {
            shared.refused(
                Refusal::Buffers,
                self.peer,
                "no buffer left for an answer that it does not take",
            );
            return Err(Gone);
        };
        self.outbox = Some(Owed {
            bytes: Input::new(bytes, shared.techniques()),
            pace,
            paused: None,
        });
        Ok(())
    }

    /// Asks once more to be told of edges; what is ready now is told at once.
    #[cold]
    pub(super) fn watch_again<H: Handler>(
        &mut self,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        shared
            .kernel
            .watch_again(&mut self.socket, self.id, self.writable_watched)
            .map_err(|_| Gone)
    }

    /// Sends what is owed, as far as the peer takes it.
    pub(super) fn pay<H: Handler>(&mut self, shared: &mut Shared<H, K>) -> Result<(), Gone> {
        while let Some(owed) = &mut self.outbox {
            let paused = owed.paused.take();
            if let Some(paused) = &paused {
                shared.stopwatch.resume(paused);
                shared.stopwatch.before_send(&mut shared.kernel);
            }
            let result = shared.kernel.send(&mut self.socket, owed.bytes.unread());
            if paused.is_some() {
                shared.stopwatch.after_send(&mut shared.kernel);
            }
            let short = !matches!(result, Ok(sent) if sent == owed.bytes.len());
            let sent = self.note_send(result, shared)?;
            let Some(owed) = &mut self.outbox else {
                return Ok(());
            };
            if sent > 0 {
                owed.pace.moved(sent, shared.now);
                owed.bytes.consume(sent);
            }
            if short {
                return Ok(());
            }
            if let Some(paid) = self.outbox.take() {
                shared.pool.give_back(paid.bytes.into_bytes());
                self.restart_patience(shared.now);
            }
        }
        Ok(())
    }

    /// How many bytes a send took; none if it would have blocked.
    fn note_send<H: Handler>(
        &self,
        sent: io::Result<usize>,
        shared: &mut Shared<H, K>,
    ) -> Result<usize, Gone> {
        match sent {
            Ok(sent) => Ok(sent),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(0)
            }
            Err(error) => Err(self.note_failure(&error, shared)),
        }
    }

    /// The connection has failed: the peer reset it, or the kernel gave up a peer that acknowledged
    /// nothing for as long as we wait for it ourselves (tcp(7), TCP_USER_TIMEOUT).
    #[cold]
    pub(super) fn note_failure<H: Handler>(
        &self,
        error: &io::Error,
        shared: &mut Shared<H, K>,
    ) -> Gone {
        if error.kind() == ErrorKind::TimedOut {
            shared.refused(Refusal::SlowReader, self.peer, "does not take its answer");
        } else {
            shared.kernel.account.resets.add(1);
        }
        Gone
    }
}

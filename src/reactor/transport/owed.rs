//! What the peer has not taken yet: bytes of answers, and behind them a part of a file.

use super::{
    Break, Continue, Core, FilePart, Flow, Input, Kernel, Owed, Pace, Step, Time, Transport, io,
    mem,
};
use crate::accounts::{Copied, Refusal};

impl<K: Kernel> Transport<K> {
    /// Sends the answers that have been written, and behind them a part of a file, as far as the
    /// peer takes it.
    #[inline(never)]
    pub fn flush_with<H>(&mut self, part: Option<FilePart>, core: &mut Core<H, K>) -> Flow {
        self.flush(part.is_some(), core)?;
        let now = core.clock.now;
        if part.is_some() {
            let owed = self.owed.get_or_insert_with(|| Box::new(Owed::new(now)));
            owed.part = part;
            if owed.bytes.is_empty() {
                self.send_owed(core)?;
            }
        }
        Continue(())
    }

    /// Sends what is owed, as far as the peer takes it; whether that was all.
    #[inline(never)]
    pub fn send_owed<H>(&mut self, core: &mut Core<H, K>) -> Flow<bool> {
        let Some(owed) = &mut self.owed else {
            return Continue(true);
        };
        if owed.bytes.is_empty() {
            return self.send_part(core);
        }
        let (bytes, more) = (owed.bytes.len(), owed.part.is_some());
        core.meter.stopwatch.resume(mem::take(&mut owed.sample));
        core.meter.note(Step::Sending(bytes), &mut core.kernel);
        let result = core
            .kernel
            .send(&mut self.socket, owed.bytes.as_slice(), more);
        core.meter
            .note(Step::Sent(bytes, &result), &mut core.kernel);
        let sent = self.sent(result, core)?;
        if let Some(owed) = self
            .owed
            .as_mut()
            .filter(|_| sent > 0 && (more || sent < bytes))
        {
            owed.pace.moved(sent, core.clock.now, core.timeouts.write);
            owed.bytes.consume(sent, core.kernel.techniques());
        }
        if sent < bytes {
            return Continue(false);
        }
        if more {
            return self.send_part(core);
        }
        self.give_back(core);
        Continue(true)
    }

    /// Sends the part of a file that is owed, as far as the peer takes it; whether that was all.
    fn send_part<H>(&mut self, core: &mut Core<H, K>) -> Flow<bool> {
        let Some(Owed { part, pace, .. }) = self.owed.as_deref_mut() else {
            return Continue(true);
        };
        if let Some(part) = part {
            core.meter.note(Step::Sending(part.bytes), &mut core.kernel);
            let result = core.kernel.send_file(&mut self.socket, part);
            core.meter.account.file_sends.add(1);
            let step = Step::Sent(part.bytes, &result);
            core.meter.note(step, &mut core.kernel);
            if let Ok(0) = result {
                core.meter.account.broken_streams.add(1);
                return Break(self.reset(core));
            }
            let sent = result.as_ref().map_or(0, |sent| *sent);
            part.at += sent as u64;
            part.bytes -= sent;
            if sent > 0 {
                pace.moved(sent, core.clock.now, core.timeouts.write);
            }
            if part.bytes > 0 {
                self.sent(result, core)?;
                self.watch_writable(core)?;
                return Continue(false);
            }
        }
        self.give_back(core);
        Continue(true)
    }

    /// Owes all, behind what is owed already. So do loops that send only when they are told to:
    /// whether there is room is asked anew, since a socket with room gives no edge by itself.
    #[cold]
    pub(super) fn send_later<H>(&mut self, core: &mut Core<H, K>) -> Flow {
        let sample = core.meter.stopwatch.pause();
        let is_first = self.owed.is_none();
        self.owe(0, core)?;
        if let Some(owed) = self.owed.as_mut().filter(|_| is_first) {
            owed.sample = sample;
            self.edges.watches_writable = true;
            return self.watch_again(core);
        }
        Continue(())
    }

    /// Keeps what a send did not take, and sees to it that we are told when there is room.
    #[cold]
    pub(super) fn owe_rest<H>(&mut self, result: io::Result<usize>, core: &mut Core<H, K>) -> Flow {
        let sent = self.sent(result, core)?;
        self.owe(sent, core)?;
        self.watch_writable(core)
    }

    /// Sees to it that we are told when there is room.
    pub(super) fn watch_writable<H>(&mut self, core: &mut Core<H, K>) -> Flow {
        if mem::replace(&mut self.edges.watches_writable, true) {
            return Continue(());
        }
        self.watch_again(core)
    }

    /// Moves what was not sent to a buffer of our own, behind what is owed already.
    fn owe<H>(&mut self, sent: usize, core: &mut Core<H, K>) -> Flow {
        let earlier = self.owed.as_ref();
        let first = earlier.map_or(&[][..], |owed| owed.bytes.as_slice());
        let kept = core
            .pool
            .copy_of(Copied::Output, first, &core.output[sent..]);
        let pace = earlier.map_or_else(|| Pace::new(core.clock.now), |owed| owed.pace);
        core.output.clear();
        self.give_back(core);
        let Some(bytes) = kept else {
            let reason = "no buffer left for an answer that it does not take";
            core.meter.refused(Refusal::Buffers, &self.peer, reason);
            return Break(self.leave(core));
        };
        self.owed = Some(Box::new(Owed {
            bytes: Input::new(bytes),
            pace,
            ..Owed::new(core.clock.now)
        }));
        Continue(())
    }

    /// When it will have been too slow; never, if nothing is owed.
    pub fn deadline<H>(&self, core: &Core<H, K>) -> Time {
        let (write, owed) = (core.timeouts.write, self.owed.as_ref());
        owed.map_or(Time::NEVER, |owed| owed.pace.deadline(write, write))
    }

    /// Gives back what is owed.
    pub fn give_back<H>(&mut self, core: &mut Core<H, K>) {
        if let Some(owed) = self.owed.take() {
            core.pool.give_back(owed.bytes.into_bytes());
        }
    }
}

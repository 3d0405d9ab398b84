//! One listener for all reactors: a thread accepts, and hands the connections to them in turn.
//!
//! It is what the server does with the technique `own-listener` off. It keeps the same promises:
//! what waits in the backlog when draining begins is handed over before the listener closes, a file
//! table that is full pauses it, and it ends when it is told, wherever it waits. It writes to no
//! account, since those have one writer each: an error is handed over too, and the reactor that
//! gets it counts it.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::config::bounds::{ACCEPT_RETRY, ACCEPTS_AT_DRAIN};
use crate::reactor::socket;
use crate::reactor::source::{Accepted, Outlet, is_passing};
use crate::shortage::start_thread;

/// A listener, and those among whom its connections are shared out.
pub(super) struct Handover {
    listener: TcpListener,
    reactors: Vec<Outlet>,
    /// Connections handed over: who is next.
    turn: AtomicUsize,
    ending: AtomicBool,
}

/// The thread that does it.
pub(super) struct HandoverThread {
    handover: Arc<Handover>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handover {
    /// For a listener that blocks, and one reactor at least.
    pub(super) fn new(listener: TcpListener, reactors: Vec<Outlet>) -> Self {
        Self {
            listener,
            reactors,
            turn: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
        }
    }

    /// Begins to accept.
    pub(super) fn start(self) -> io::Result<HandoverThread> {
        let handover = Arc::new(self);
        let working = Arc::clone(&handover);
        let thread = start_thread("acceptor", move || working.run())?;
        let thread = Mutex::new(Some(thread));
        Ok(HandoverThread { handover, thread })
    }

    fn run(&self) {
        while !self.is_ending() {
            match self.accept() {
                Err(error) if is_passing(&error) => {}
                Err(_) if self.is_ending() => return,
                Err(error) => {
                    self.hand_over(Err(error));
                    // Nothing announces that there are descriptors again; the end unparks it.
                    thread::park_timeout(ACCEPT_RETRY);
                }
                accepted => self.hand_over(accepted),
            }
        }
    }

    fn accept(&self) -> Accepted {
        let (stream, peer) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream, peer))
    }

    /// Gives it to the next reactor that takes it; waits if none does, but not when ending.
    fn hand_over(&self, mut accepted: Accepted) {
        loop {
            for _ in &self.reactors {
                let next = self.turn.fetch_add(1, Ordering::Relaxed) % self.reactors.len();
                match self.reactors[next].hand_over(accepted) {
                    Ok(()) => return,
                    Err(given_back) => accepted = given_back,
                }
            }
            if self.is_ending() {
                return;
            }
            thread::park_timeout(ACCEPT_RETRY);
        }
    }

    /// Hands over what waits in the backlog, by the thread that ends it.
    fn hand_over_backlog(&self) {
        for _ in 0..ACCEPTS_AT_DRAIN {
            match self.accept() {
                Err(error) if is_passing(&error) => {}
                Err(_) => return,
                accepted => self.hand_over(accepted),
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

impl HandoverThread {
    /// Hands over what waits in the backlog, stops listening and waits for the thread to end, which
    /// it does at once. Connections that complete in between are reset by the kernel, as those of
    /// any listener that closes. The second time there is nothing to do.
    pub(super) fn end(&self) {
        let slot = self.thread.lock();
        let thread = slot.unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let handover = &*self.handover;
        handover.ending.store(true, Ordering::Relaxed);
        thread.thread().unpark();
        // From here on neither thread blocks in accept(2); but the other one may do so already, and
        // then the backlog was empty.
        if handover.listener.set_nonblocking(true).is_ok() {
            handover.hand_over_backlog();
        }
        socket::stop_listening(&handover.listener);
        // It has no result, and a panic was printed.
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::source::handed;
    use std::io::ErrorKind;
    use std::net::TcpStream;

    fn listener() -> TcpListener {
        TcpListener::bind(("127.0.0.1", 0)).unwrap()
    }

    /// An accept(2) that fails, whatever the reason, is told to a reactor, and pauses the thread:
    /// while it pauses the end is the first to wake it, so at most one more is told.
    #[test]
    fn a_refused_accept_is_handed_over_and_pauses() {
        let listener = listener();
        socket::stop_listening(&listener);
        let (outlet, source) = handed().unwrap();
        let began = std::time::Instant::now();
        let acceptor = Handover::new(listener, vec![outlet]).start().unwrap();
        let mut told = 0;
        while told == 0 {
            told += usize::from(!is_empty(&source));
            thread::yield_now();
        }
        acceptor.end();
        let pauses = began.elapsed().as_nanos() / ACCEPT_RETRY.as_nanos();
        while !is_empty(&source) {
            told += 1;
        }
        assert!(told as u128 <= pauses + 2, "{told} in {pauses} pauses");
    }

    fn is_empty(source: &crate::reactor::source::Source) -> bool {
        let error = source.accept().unwrap_err();
        error.kind() == ErrorKind::WouldBlock
    }

    #[test]
    fn who_has_gone_is_passed_over_and_nobody_waits_for_nobody() {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let (gone, source) = handed().unwrap();
        let (stays, sink) = handed().unwrap();
        drop(source);
        let acceptor = Handover::new(listener, vec![gone, stays]).start().unwrap();
        let clients: Vec<_> = (0..4)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        acceptor.end();
        for client in &clients {
            assert_eq!(sink.accept().unwrap().1, client.local_addr().unwrap());
        }
        // No reactor is left at all: the connection is dropped, and the thread ends.
        drop(sink);
        let listener = self::listener();
        let address = listener.local_addr().unwrap();
        let (outlet, source) = handed().unwrap();
        drop(source);
        let acceptor = Handover::new(listener, vec![outlet]).start().unwrap();
        let _client = TcpStream::connect(address).unwrap();
        acceptor.end();
        acceptor.end();
    }
}

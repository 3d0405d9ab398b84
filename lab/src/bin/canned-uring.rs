//! The limit on `io_uring(7)` in place of epoll: what would leaving epoll buy?
//!
//! Level 0 of `canned.rs`, with the same bytes on the wire and the same socket options: it looks at
//! no byte, the client says how long each request is, and counting is enough. A request costs two
//! entries, a send and the recv behind it, and a share of one `io_uring_enter(2)`, which hands over
//! what is to be done and waits for what has been done. That the recv begins when the send has
//! ended, the link between the two says; only the recv tells of itself.
//!
//! Since nobody looks at what comes in, all connections receive into the same bytes: no buffers to
//! choose, to register or to give back. Absent is everything that is absent from `canned.rs`.

use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use barewire_lab::canned::{INPUT_BYTES, Listening, answer};
use clap::Parser;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;
use io_uring::{IoUring, cqueue, opcode};
use slab::Slab;

/// Entries of the ring, more than enough for the connections that a measurement opens: each has two
/// under way at most. When it is full, it is handed over early.
const ENTRIES: u32 = 4096;
/// The shortest request that there is: `GET / HTTP/1.1`, and the end of its head.
const REQUEST_BYTES_MIN: u16 = 18;
/// What the completion of accept4(2) is known by; connections are known by their place in the slab.
const LISTENER: u64 = u64::MAX;
/// The completion of a send, which comes only if it fails: the recv behind it fails, too, and tells
/// whose it was.
const SEND: u64 = u64::MAX - 1;

/// Answers every request with the same bytes, on `io_uring`.
#[derive(Parser)]
struct Options {
    /// Length of each request in bytes.
    #[arg(long, default_value_t = 49,
        value_parser = clap::value_parser!(u16).range(i64::from(REQUEST_BYTES_MIN)..=8192))]
    request_bytes: u16,
    #[command(flatten)]
    listening: Listening,
}

struct Connection {
    socket: OwnedFd,
    /// How much of a request has come whose rest has not come yet; nearly always none.
    partial: usize,
}

struct Loop {
    ring: IoUring,
    /// What everybody receives into. The kernel writes it at any time; nothing here reads it.
    input: Box<[u8; INPUT_BYTES]>,
    /// As many answers as one recv can bring requests.
    answers: Vec<u8>,
    answer_bytes: usize,
    request_bytes: usize,
    connections: Slab<Connection>,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let listener = options.listening.begin()?;
    let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build();
    let accept = accept.user_data(LISTENER);
    let mut all = Loop::new(options.request_bytes.into())?;
    all.push(&accept)?;
    loop {
        match all.ring.submit_and_wait(1) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        while let Some(completion) = all.completed() {
            match completion.user_data() {
                SEND => {}
                LISTENER => {
                    all.open(completion.result())?;
                    if !cqueue::more(completion.flags()) {
                        all.push(&accept)?;
                    }
                }
                place => all.advance(usize::try_from(place).unwrap(), completion.result())?,
            }
        }
    }
}

impl Loop {
    fn new(request_bytes: usize) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        // One thread only, which does the kernel's part of the work when it asks for completions:
        // no interrupts by signals between processors, and all CPU time is this thread's.
        builder.setup_single_issuer().setup_defer_taskrun();
        let answer = answer();
        Ok(Self {
            ring: builder.build(ENTRIES)?,
            input: Box::new([0; INPUT_BYTES]),
            answers: answer.repeat(INPUT_BYTES / request_bytes + 1).into_bytes(),
            answer_bytes: answer.len(),
            request_bytes,
            connections: Slab::new(),
        })
    }

    fn completed(&mut self) -> Option<cqueue::Entry> {
        self.ring.completion().next()
    }

    /// Takes a connection that was accepted. Any error is of that connection alone.
    fn open(&mut self, result: i32) -> io::Result<()> {
        if result < 0 {
            return Ok(());
        }
        // SAFETY: accept4(2) has just made this descriptor, and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(result) };
        let partial = 0;
        let place = self.connections.insert(Connection { socket, partial });
        self.receive(place)
    }

    /// Answers what has come, and receives again. An error of any kind, the peer's end of stream
    /// included, is the end of the connection.
    fn advance(&mut self, place: usize, result: i32) -> io::Result<()> {
        let Ok(received @ 1..) = usize::try_from(result) else {
            self.connections.remove(place);
            return Ok(());
        };
        let connection = &mut self.connections[place];
        let filled = connection.partial + received;
        connection.partial = filled % self.request_bytes;
        let owed = filled / self.request_bytes * self.answer_bytes;
        if owed > 0 {
            let socket = Fd(connection.socket.as_raw_fd());
            let bytes = u32::try_from(owed).unwrap();
            let send = opcode::Send::new(socket, self.answers.as_ptr(), bytes);
            // All of it, in the kernel, however slowly the peer reads.
            let send = send.flags(libc::MSG_WAITALL).build();
            let linked = Flags::IO_LINK | Flags::SKIP_SUCCESS;
            self.push(&send.flags(linked).user_data(SEND))?;
        }
        self.receive(place)
    }

    fn receive(&mut self, place: usize) -> io::Result<()> {
        let socket = Fd(self.connections[place].socket.as_raw_fd());
        let bytes = u32::try_from(INPUT_BYTES).unwrap();
        let recv = opcode::Recv::new(socket, self.input.as_mut_ptr(), bytes).build();
        self.push(&recv.user_data(place as u64))
    }

    fn push(&mut self, entry: &Entry) -> io::Result<()> {
        // SAFETY: what an entry points to, `input` and `answers`, is never moved or given back: the
        // loop ends only with the process. Descriptors are closed when nothing is under way.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            self.ring.submit()?;
        }
        Ok(())
    }
}

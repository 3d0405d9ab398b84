//! barewire: an HTTP/1.1 server whose speed can be traced to its source.
//!
//! To use it, begin with [`Server`]: a method, a path and a function from a [`Request`] to a
//! [`Response`] are the whole of a server. To read it, begin with
//! [`Reactor::turn`](reactor::Reactor::turn), which is the loop that every byte passes through, and
//! follow the tour below.
//!
//! # The one idea
//!
//! Everything outside of a connection is a wakeup. A socket that became ready, a deadline that
//! passed and a job that finished say the same: look at this connection. A wakeup is a hint, which
//! may come late, twice, or for nobody; the connection's own state is the truth; and one function,
//! [`Connection::advance`](reactor::connection::Connection::advance), carries the connection from
//! there as far as it can go. So there are no callbacks, no timer is ever cancelled, and what can
//! happen to a connection is one `match`.
//!
//! The speed comes from what is left out. A request that comes whole costs one recv and one send,
//! sixteen pipelined ones cost the same two calls, and on the way between them the loop allocates
//! nothing: all connections of a reactor read into one input and write into one output, and
//! reactors share nothing that is written while requests are served.
//!
//! # The tour
//!
//! The modules stand in reading order, here and in this file, and each needs only those before it.
//! The `mod` lines inside of a module stand in reading order too.
//!
//! 1. [`config`]: every number of the program, each with its reason. Leaf through it, and come back
//!    when a name such as `ROUNDS_PER_ADVANCE` turns up.
//! 2. [`techniques`]: what makes the server fast, by name: each has a claim, a place in the source
//!    where it is decided, and a switch.
//! 3. [`allocator`]: the system's allocator with counters, for the claim that something allocates
//!    nothing.
//! 4. [`accounts`]: what a reactor counts while it works. The list of its counters is also the list
//!    of what can happen in here.
//! 5. [`http`]: HTTP as bytes and values, without sockets and without a clock. Its page is the
//!    contract between the loop and the routes: a [`Handler`] gets a [`Request`] that borrows the
//!    bytes it came in, and returns a [`Reply`], which is a [`Response`] or a [`Later`]. Then how a
//!    head is parsed, where a body ends, and where the bytes of an answer are made.
//! 6. [`reactor`]: the event loop, and the subject of this crate. From the slab of connections and
//!    the deadlines, over the seam to the system, up to the state machine of a connection. It knows
//!    `http`, and no route.
//! 7. [`handlers`]: the routes of the binary, a file each, as examples of what a handler can do:
//!    answer at once, wait without a thread, have files read by others. With the feature `routes`
//!    off they and their crates stay away.
//! 8. [`Server`] and [`Running`]: the builder, and the threads, signals and draining around the
//!    reactors.
//! 9. [`trace`]: the same reactor on a kernel that writes down each call. `barewire trace` prints
//!    the way of a request as it really went; have it beside you while you read.
//! 10. `cli`: the command line. Options become a [`Config`](config::Config); the library does
//!     without.
//!
//! In a hurry: [`Reactor::turn`](reactor::Reactor::turn), [`reactor::wakeup`],
//! [`reactor::connection`], and what `converse` calls there. The README lists the functions between
//! the loop and the wire, ARCHITECTURE.md what must never happen and which test holds it.

pub mod config;

pub mod techniques;

pub mod allocator;

pub mod accounts;

pub mod http;

pub mod reactor;

#[cfg(feature = "routes")]
pub mod handlers;

mod server;

#[cfg(feature = "routes")]
pub mod trace;

#[cfg(feature = "cli")]
pub mod cli;

pub use http::{Handler, Later, Method, Reply, Request, Response, Status};
pub use server::{Running, Server, StopSignals};

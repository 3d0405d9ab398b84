//! barewire: an HTTP/1.1 server whose speed can be traced to its source.
//!
//! To use it, begin with [`Server`]: a server is methods, paths, and functions from a [`Request`]
//! to a [`Response`]. To read it, begin with [`Reactor::turn`](reactor::Reactor::turn), the loop
//! that every byte passes through, and follow the tour below.
//!
//! # The one idea
//!
//! Everything outside of a connection is a wakeup: a socket became ready, a deadline passed, a job
//! finished. A wakeup is a hint. It may come late, twice, or for a connection that is gone. The
//! connection's own state is the truth, and one function,
//! [`Connection::advance`](reactor::connection::Connection::advance), carries the connection as far
//! as it can go. So there are no callbacks, no timer is ever cancelled, and what can happen to a
//! connection is one `match`.
//!
//! The speed comes from what is left out. A complete request costs one recv and one send; sixteen
//! pipelined requests cost the same two calls. In between the loop allocates nothing: all
//! connections of a reactor read into one input and write into one output. Reactors share nothing
//! that they write while they serve requests.
//!
//! # The tour
//!
//! The modules stand in reading order, here and in this file. So do the `mod` lines inside of them.
//!
//! 1. [`reactor`]: the event loop, and the subject of this crate. Begin with
//!    [`Reactor::turn`](reactor::Reactor::turn). Then read inwards: [`reactor::connection`]
//!    advances a connection, [`reactor::state`] says what it can be at, [`reactor::transport`] has
//!    its recv and its send, and [`reactor::serve`] makes answers of its bytes.
//! 2. [`http`]: HTTP as bytes and values, without a socket and without a clock. [`http::parse`]
//!    makes a [`Request`] of a head, a [`Handler`] makes a [`Reply`] of the request, and
//!    [`http::response`] or [`http::fixed`] makes bytes of the reply.
//!
//! **You may stop here.** You have seen a request from the loop to the wire and back, and
//! everything that the title promises. `ARCHITECTURE.md` lists the functions of that path, what
//! never happens, and the tests that hold it. The rest is for the moment you need it:
//!
//! 3. [`accounts`]: what the meter of a reactor counts. Its list of counters is also the list of
//!    what can happen.
//! 4. [`config`]: every number of the program, with its reason. Look here for names such as
//!    `ROUNDS_PER_ADVANCE`.
//! 5. [`techniques`]: what makes the server fast, by name: a claim, a place in the source, a
//!    switch.
//! 6. [`duel`]: two sets of techniques take turns in a server that runs: when, and what the figures
//!    say.
//! 7. [`allocator`]: the system's allocator with counters. It proves that a request allocates
//!    nothing.
//! 8. [`handlers`]: the routes of the binary, one file each: answer at once, wait without a thread,
//!    have files read by other threads. Off without the feature `routes`, with their crates.
//! 9. [`Server`] and [`Running`]: the builder, and the threads, signals and draining around the
//!    reactors.
//! 10. `shortage`: threads and descriptors that the system refuses at start, in words.
//! 11. [`trace`]: `barewire trace` runs the same reactor on a kernel that writes down each call.
//!     Keep its output beside you while you read.
//! 12. `cli`: the command line, which makes a [`Config`](config::Config). Off without the feature
//!     `cli`.

pub mod reactor;

pub mod http;

pub mod accounts;

pub mod config;

pub mod techniques;

pub mod duel;

pub mod allocator;

#[cfg(feature = "routes")]
pub mod handlers;

mod server;

mod shortage;

#[cfg(feature = "routes")]
pub mod trace;

#[cfg(feature = "cli")]
pub mod cli;

pub use http::{FilePart, Next, Outlet, Part, Stream, Taken, Upload, Waker, Work};
pub use http::{Handler, Later, Method, Reply, Request, Response, Status};
pub use server::{Running, Server, StopSignals};

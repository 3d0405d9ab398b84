//! The core of the load generator: sends requests to a server, checks what comes back, and costs
//! less than the server does, so that the server is what is measured.
//!
//! `barewire demo` and the lab share it. In reading order: what is sent ([`script`]), what must
//! come back, how it is asked ([`Manner`]), one connection, the connections of a thread with the
//! closed loop, those of several threads, the open loop, what was found.
//!
//! Absent on purpose: chunked answers, TLS, and threads: who calls it brings its own.

pub mod script;

mod answer;

mod manner;

mod connection;

mod client;

mod clients;

mod arrivals;

mod tally;

pub use answer::{Expected, Fault, Head, Kind};
pub use arrivals::{Arrivals, OpenLoop};
pub use client::{Client, Goal};
pub use clients::clients;
pub use manner::Manner;
pub use script::{Script, Weighted};
pub use tally::Tally;

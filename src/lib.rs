//! barewire: an HTTP/1.1 server whose speed can be traced to its source.

pub mod config;

pub mod accounts;

pub mod http;

pub mod reactor;

pub mod handlers;

pub mod allocator;

mod server;

pub mod trace;

#[cfg(feature = "cli")]
pub mod cli;

pub use http::{Handler, Later, Method, Reply, Request, Response, Status};
pub use server::{Running, Server, StopSignals};

//! The steps of a reactor: what the meter counts and times, and what `barewire trace` shows.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::connections::ConnectionId;
use super::wakeup::Cause;
use crate::http::{Later, Request, Status};

/// What a reactor is about to do, or has just done.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// epoll_wait(2) is about to be called.
    Polling,
    /// epoll_wait(2) has returned so many events.
    Polled(usize),
    /// A connection, shown as it is, is about to be advanced.
    Advance(Cause, &'a dyn fmt::Display),
    /// recv(2) has returned; there was room for so many bytes.
    Read(usize, &'a io::Result<usize>),
    /// The head of a request is sound; told again when a body that its handler wants is complete.
    Parsed(&'a SocketAddr, &'a Request<'a>),
    /// The handler has returned an answer.
    Handled,
    /// The handler has put its answer off.
    Deferred(&'a Later),
    /// An answer with this status is in the output, of so many bytes, and so many of its body were
    /// copied there.
    Answered(Status, usize, usize),
    /// send(2) is about to be called with so many bytes.
    Sending(usize),
    /// send(2), or sendfile(2), called with so many bytes, has returned.
    Sent(usize, &'a io::Result<usize>),
    /// The advance of a connection, shown as it is, has ended; a timer entry had to be set for it,
    /// or stands already.
    Blocked(bool, &'a dyn fmt::Display),
    /// Its time is up: the socket is about to be looked at once more.
    LastLook(ConnectionId),
    /// accept4(2) has returned.
    Accepted(Result<&'a SocketAddr, &'a io::Error>),
    /// A connection has come to its end.
    Dismissed(ConnectionId),
}

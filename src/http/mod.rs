//! HTTP/1.1 as bytes and values: no socket, no event loop, no clock.
//!
//! The way of a request through here: [`parse`] makes a [`Request`] of its head, [`body`] finds
//! where its body ends, a [`Handler`] makes a [`Reply`] of it, and [`response`], [`fixed`] or
//! [`stream`] makes the bytes of that.

pub mod request;

pub mod status;

pub mod parse;

pub mod body;

pub mod content_type;

pub mod date;

pub mod response;

pub mod fixed;

pub mod stream;

pub mod handler;

pub mod admission;

pub mod router;

pub use content_type::ContentType;
pub use fixed::Fixed;
pub use handler::{Admission, Asker, Continuation, Handler, Job, Later, Reply, Task, Work};
pub use handler::{Part, Taken, Upload};
pub use request::{Body, Exchange, Field, Method, Request, Version};
pub use response::Response;
pub use router::Router;
pub use status::{Rejection, Status};
pub use stream::{FilePart, Next, Outlet, Stream, Waker};

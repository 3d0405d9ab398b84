//! The answer's body as a trait object: boxed, and polled frame by frame until it has no more.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll};

use barewire::http::Request;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};

use super::future::with_context;
use super::types;

/// A body whose type nobody needs to know.
pub type Boxed = BoxBody<Bytes, Infallible>;

/// The layer.
pub fn answer(request: &Request<'_>, out: &mut Vec<u8>) {
    let request = types::of(request);
    let response = types::respond(&request, hello());
    // The waker is that of the level above, so that it is no part of the difference.
    with_context(|context| write(response, context, out));
    types::give_back(request);
}

/// The body, boxed.
pub fn hello() -> Boxed {
    Full::new(Bytes::from_static(crate::HELLO.as_bytes())).boxed()
}

/// Head, and each frame.
pub fn write(response: http::Response<Boxed>, context: &mut Context<'_>, out: &mut Vec<u8>) {
    let length = response.body().size_hint().exact().unwrap_or_default();
    types::write_head(&response, length, out);
    let mut body = pin!(response.into_body());
    while let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(context) {
        if let Ok(data) = frame.into_data() {
            out.extend_from_slice(&data);
        }
    }
}

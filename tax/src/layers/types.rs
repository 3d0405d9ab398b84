//! Requests and responses as the `http` crate has them: names, values and target of their own, in a
//! map; and an answer that is serialised from such a map.
//!
//! As in hyper, names and values are slices of one shared buffer. The map of the request's fields is
//! used again for the next one (hyper uses the answer's, which is smaller), and the date is rendered
//! beforehand.

use std::cell::RefCell;
use std::sync::LazyLock;
use std::time::SystemTime;

use barewire::http::Request;
use bytes::{Bytes, BytesMut};
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, SERVER,
};
use http::{Method, Response, Uri};

thread_local! {
    static HEADS: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(8192));
    static FIELDS: RefCell<Option<HeaderMap>> = const { RefCell::new(None) };
}

/// The date of the start. What is written with it is never sent.
static NOW: LazyLock<String> = LazyLock::new(|| httpdate::fmt_http_date(SystemTime::now()));

/// The layer: a request made, a response made and serialised.
pub fn answer(request: &Request<'_>, out: &mut Vec<u8>) {
    let request = of(request);
    let response = respond(&request, crate::HELLO);
    let body = *response.body();
    write_head(&response, body.len() as u64, out);
    out.extend_from_slice(body.as_bytes());
    give_back(request);
}

/// The same request in the types of `http`.
///
/// # Panics
///
/// If barewire let through what `http` does not take: a fault of one of them.
pub fn of(request: &Request<'_>) -> http::Request<()> {
    let head = HEADS.with_borrow_mut(|buffer| {
        buffer.extend_from_slice(request.head);
        buffer.split().freeze()
    });
    let mut fields = FIELDS.take().unwrap_or_default();
    for field in request.fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).expect("a token");
        let value = share(&head, request.head, field.value);
        // SAFETY: httparse has checked each octet of a value by the same rule, as hyper relies on.
        let value = unsafe { HeaderValue::from_maybe_shared_unchecked(value) };
        fields.append(name, value);
    }
    let target = share(&head, request.head, request.path.as_bytes());
    let mut made = http::Request::new(());
    *made.method_mut() = Method::from_bytes(request.method.as_str().as_bytes()).expect("a token");
    *made.uri_mut() = Uri::from_maybe_shared(target).expect("a target");
    *made.headers_mut() = fields;
    made
}

/// The map is kept for the next request.
pub fn give_back<T>(request: http::Request<T>) {
    keep(request.into_parts().0.headers);
}

/// The same, of the map alone.
pub fn keep(mut fields: HeaderMap) {
    fields.clear();
    FIELDS.set(Some(fields));
}

/// 200 with a text.
pub fn respond<T, B>(_: &http::Request<T>, body: B) -> Response<B> {
    let mut response = Response::new(body);
    let fields = response.headers_mut();
    fields.insert(SERVER, HeaderValue::from_static("barewire"));
    fields.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Serialises a head from its map.
pub fn write_head<B>(response: &Response<B>, length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(response.status().as_str().as_bytes());
    out.extend_from_slice(b" ");
    let reason = response.status().canonical_reason().unwrap_or_default();
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        write_field(name, value.as_bytes(), out);
    }
    if !response.headers().contains_key(CONTENT_LENGTH) {
        // As hyper does: the digits need no allocation.
        let mut digits = [0; 20];
        write_field(&CONTENT_LENGTH, format_number(length, &mut digits), out);
    }
    if !response.headers().contains_key(DATE) {
        write_field(&DATE, NOW.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

fn write_field(name: &HeaderName, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn format_number(number: u64, digits: &mut [u8; 20]) -> &[u8] {
    use std::io::Write;
    let mut rest = &mut digits[..];
    // Twenty digits hold every u64.
    let _ = write!(rest, "{number}");
    let left = rest.len();
    &digits[..20 - left]
}

/// The part of `head`, a copy of `original`, where `part` lies in the original.
fn share(head: &Bytes, original: &[u8], part: &[u8]) -> Bytes {
    if part.is_empty() {
        return Bytes::new();
    }
    let at = part.as_ptr() as usize - original.as_ptr() as usize;
    head.slice(at..at + part.len())
}

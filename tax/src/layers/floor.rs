//! What a layer replaces: barewire's own writing of the answer, and the parser that all share.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use barewire::http::date::Date;
use barewire::http::{ContentType, Fixed, Request};

/// Fields of a head that a parser has room for: hyper's number.
const FIELDS: usize = 100;

/// The answer, as barewire sends it.
pub static HELLO: Fixed = Fixed::new(ContentType::Text, crate::HELLO.as_bytes());

/// The date of the start. What is written with it is never sent.
static DATE: LazyLock<Date> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Date::at(since.unwrap_or_default().as_secs())
});

/// Writes barewire's answer once more: what a layer that serialises replaces.
pub fn write_again(_: &Request<'_>, out: &mut Vec<u8>) {
    HELLO.push(&DATE, out);
}

/// Runs httparse over the head once more: what a layer that parses replaces.
pub fn parse_again(request: &Request<'_>, _: &mut Vec<u8>) {
    let mut fields = [const { std::mem::MaybeUninit::uninit() }; FIELDS];
    let mut head = httparse::Request::new(&mut []);
    let parsed = head.parse_with_uninit_headers(black_box(request.head), &mut fields);
    assert!(black_box(parsed).is_ok(), "the loop has parsed it already");
}

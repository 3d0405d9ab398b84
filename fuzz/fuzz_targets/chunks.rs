//! Chunked bodies: taken apart whole, in pieces and byte by byte with the same result, which is the
//! naive reference's.
#![no_main]

#[path = "../../tests/naive/mod.rs"]
mod naive;

use libfuzzer_sys::fuzz_target;
use naive::actual::decoded;

fuzz_target!(|input: &[u8]| {
    let Some((&cut, body)) = input.split_first() else {
        return;
    };
    // The reference knows no limits.
    if body.len() > 3000 || body.iter().filter(|&&octet| octet == b'\n').count() > 30 {
        return;
    }
    let (first, second) = body.split_at(usize::from(cut) * body.len() / 256);
    let whole = decoded([body]);
    assert_eq!(whole.clone().ok().flatten(), naive::chunked(body));
    assert_eq!(decoded([first, second]), whole);
    assert_eq!(decoded(body.chunks(1)), whole);
});

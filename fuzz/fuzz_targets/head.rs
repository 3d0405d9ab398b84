//! Request heads: read whole, in pieces and byte by byte with the same verdict, which is the naive
//! reference's, once the head has ended.
#![no_main]

#[path = "../../tests/naive/mod.rs"]
mod naive;

use libfuzzer_sys::fuzz_target;
use naive::actual::parsed;

fuzz_target!(|input: &[u8]| {
    // The first byte says where it is cut.
    let Some((&cut, head)) = input.split_first() else {
        return;
    };
    // The reference knows no limits.
    if head.len() > 4000 || head.iter().filter(|&&octet| octet == b'\n').count() > 90 {
        return;
    }
    let input = [head, b"\r\n\r\n"].concat();
    let expected = Some(naive::head(&input));
    let cut = usize::from(cut) * input.len() / 256;
    assert_eq!(parsed(&input, [input.len()]), expected, "whole");
    assert_eq!(parsed(&input, [cut, input.len()]), expected, "cut at {cut}");
    assert_eq!(parsed(&input, 1..=input.len()), expected, "byte by byte");
});

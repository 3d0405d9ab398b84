//! A whole connection on the scripted kernel: the bytes come in pieces and the answers go in
//! portions, and the peer sees what it sees when everything comes at once. In the end nothing is
//! left of it (the rig looks).
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::sync::Once;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use support::{Rig, read_answers};

/// What the fuzzer calls before the first input would end the process at each panic, and handlers
/// panic on purpose.
static HOOK: Once = Once::new();

/// What a peer has received, and whether the server has ended the connection.
fn seen(pieces: &[&[u8]], portion: usize) -> (Vec<u8>, bool) {
    let mut rig = Rig::with(|config| {
        config.job_threads = 0;
        config.socket.buffer_size = 64;
        config.limits.body = 4000;
    });
    rig.forgive_all_vain_recvs();
    let peer = rig.connect();
    peer.take_at_most(0);
    for piece in pieces {
        peer.send(piece);
        peer.drain_more(portion);
        rig.advance(Duration::from_micros(150));
    }
    peer.take_all();
    rig.advance(Duration::from_millis(10));
    let ended = peer.saw_fin();
    (peer.received(), ended)
}

fuzz_target!(|input: &[u8]| {
    HOOK.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    let Some((&[first, portion], stream)) = input.split_first_chunk::<2>() else {
        return;
    };
    // A job would run on a thread, and there is none: its answer never comes. A wait that tells its
    // length tells how the pieces came.
    let holds = |text: &str| {
        stream
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    if [
        "/job", "/held", "/tasks", "then-job", "/wait", "/busy", "count", "xpect", "%",
    ]
    .iter()
    .any(|text| holds(text))
    {
        return;
    }
    // A fault may be told later in pieces, but at the latest when the head ends.
    let stream = &[stream, b"\r\n\r\n"].concat()[..];
    let pieces: Vec<&[u8]> = stream.chunks(1 + usize::from(first)).collect();
    let whole = seen(&[stream], usize::MAX);
    let in_pieces = seen(&pieces, usize::from(portion));
    if !holds("HEAD") {
        read_answers(&whole.0, |_| false);
    }
    assert!(whole == in_pieces, "{whole:?}\n{in_pieces:?}");
});

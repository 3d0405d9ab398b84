//! Bytes that no client means: whatever comes, the server answers in whole answers, holds little,
//! and comes to rest.

use std::time::Duration;

use proptest::prelude::*;
use support::{HELLO, Rig, read_answers};

mod support;

/// Pieces from which hostile streams are made: sound ones, and such as are nearly so.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        &b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /panic/handler HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /large?bytes=70000 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /missing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n",
        b"5\r\nhello\r\n",
        b"FFFFFFFFFFFFFFFF\r\n",
        b"0\r\n\r\n",
        b"\r\n",
        b"GET ",
        b" HTTP/1.1",
        b"Host: a\r\n",
    ];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 1..50),
        1 => (1..30_000_usize, any::<u8>()).prop_map(|(bytes, byte)| vec![byte; bytes]),
    ]
}

/// What a peer does next.
#[derive(Clone, Debug)]
enum Act {
    Send(Vec<u8>),
    SendWithFin(Vec<u8>),
    Room(usize),
    Reset,
    Turn,
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => piece().prop_map(Act::Send),
        1 => piece().prop_map(Act::SendWithFin),
        5 => (0..100_000_usize).prop_map(Act::Room),
        1 => Just(Act::Reset),
        8 => Just(Act::Turn),
        5 => (0..40_000_000_u64).prop_map(Act::Wait),
    ]
}

proptest! {
    // A failure is shown whole and shrunk: nothing needs to be kept in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes(acts in proptest::collection::vec(act(), 1..40), reads_slowly: bool) {
        let mut rig = Rig::with(|config| {
            config.job_threads = 0;
            config.limits.body = 40_000;
        });
        // It may look at silent peers once more, and at one whose event the timer has overtaken.
        rig.forgive_all_vain_recvs();
        let [hostile, other] = [rig.connect(), rig.connect()];
        if reads_slowly {
            hostile.take_at_most(0);
        }
        let mut has_left = false;
        for act in acts {
            match act {
                Act::Send(bytes) if !has_left => hostile.send(bytes),
                Act::SendWithFin(bytes) if !has_left => {
                    hostile.send_with_fin(bytes);
                    has_left = true;
                }
                Act::Room(bytes) => hostile.drain_more(bytes),
                Act::Reset => {
                    hostile.reset();
                    has_left = true;
                }
                Act::Turn => rig.turn(),
                Act::Wait(us) => rig.advance(Duration::from_micros(us)),
                Act::Send(_) | Act::SendWithFin(_) => {}
            }
            prop_assert!(rig.lent() < 400_000, "{} bytes held", rig.lent());
        }
        // The neighbour is served, if it was not left for its silence.
        if other.is_open() {
            other.send(HELLO);
            rig.run();
            let answer = other.take_answer();
            prop_assert_eq!(answer.text(), "hello");
        }
        hostile.take_all();
        rig.advance(Duration::from_secs(100));
        prop_assert!(hostile.saw_fin());
        if !hostile.has_reset() && !hostile.was_left_owing() {
            read_answers(&hostile.received(), |_| false);
        }
    }
}

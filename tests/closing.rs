//! How connections end: half-closed, politely, by reset; and that no answer is lost on the way (RFC
//! 9112 section 9.6).

use std::time::Duration;

use barewire::config::bounds::ROUNDS_PER_ADVANCE;
use support::{HELLO, Peer, Rig};

mod support;

const NS: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const CLOSE: &[u8] = b"GET /close HTTP/1.1\r\nHost: a\r\n\r\n";

/// A peer whose connection the server has shut down after an answer.
fn lingering(rig: &mut Rig) -> Peer {
    let peer = rig.connect();
    peer.send(CLOSE);
    rig.run();
    assert_eq!(peer.take_answer().text(), "bye");
    assert!(peer.saw_fin() && !peer.is_closed());
    peer
}

#[test]
fn a_request_and_the_end_in_one_edge() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send_with_fin(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert!(peer.is_closed() && !peer.was_reset());
    assert_eq!(peer.calls().recvs, 2, "the bytes, and the end");
}

#[test]
fn the_end_after_the_answer() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(HELLO);
    rig.run();
    peer.finish();
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn the_end_before_any_byte() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.finish();
    rig.run();
    assert!(peer.is_closed());
    assert_eq!(peer.received(), b"");
}

#[test]
fn a_peer_that_came_sent_and_left_before_it_was_accepted_is_answered() {
    let mut rig = Rig::new();
    let peer = rig.queue();
    peer.send_with_fin(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn the_end_while_an_answer_is_being_made() {
    for (target, by_job) in [("/wait?us=100", false), ("/held?x", true)] {
        for in_one_edge in [false, true] {
            let mut rig = Rig::new();
            let peer = rig.connect();
            let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            if in_one_edge {
                peer.send_with_fin(request);
            } else {
                peer.send(request);
                rig.run();
                peer.finish();
            }
            rig.run();
            assert!(!peer.is_closed());
            if by_job {
                rig.site.gate.open();
                rig.run_with_mail();
            } else {
                rig.advance(Duration::from_micros(100));
            }
            assert_eq!(peer.take_answer().status, 200);
            assert!(peer.is_closed() && !peer.was_reset());
        }
    }
}

#[test]
fn the_end_inside_a_head_is_a_bad_request() {
    let mut rig = Rig::new();
    for in_one_edge in [false, true] {
        let peer = rig.connect();
        if in_one_edge {
            peer.send_with_fin(&HELLO[..10]);
        } else {
            peer.send(&HELLO[..10]);
            rig.run();
            peer.finish();
        }
        rig.run();
        let answer = peer.take_answer();
        assert_eq!((answer.status, answer.closes()), (400, true));
        assert!(peer.is_closed() && !peer.was_reset());
    }
}

#[test]
fn the_end_inside_a_body_is_a_bad_request() {
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
    let length = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab";
    for request in [chunked, length] {
        for in_one_edge in [false, true] {
            let mut rig = Rig::new();
            let peer = rig.connect();
            if in_one_edge {
                peer.send_with_fin(request);
            } else {
                peer.send(request);
                rig.run();
                peer.finish();
            }
            rig.run();
            let answer = peer.take_answer();
            assert_eq!((answer.status, answer.closes()), (400, true));
            assert!(peer.is_closed() && !peer.was_reset());
        }
    }
}

#[test]
fn the_end_inside_a_body_that_nobody_wants_is_no_news() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send_with_fin("POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    rig.run();
    assert_eq!(peer.take_answer().status, 404);
    assert!(peer.is_closed());
}

#[test]
fn a_lingering_close_waits_for_the_peers_end() {
    let mut rig = Rig::new();
    let peer = lingering(&mut rig);
    peer.send(vec![b'x'; 100_000]);
    rig.run();
    assert!(!peer.is_closed());
    assert_eq!(peer.unread(), 0, "read, and dropped");
    peer.finish();
    rig.run();
    assert!(peer.is_closed() && !peer.was_reset());
    assert_eq!(peer.received(), b"");
}

#[test]
fn a_lingering_close_ends_after_2_s_of_silence() {
    let mut rig = Rig::new();
    let peer = lingering(&mut rig);
    for _ in 0..3 {
        rig.advance((2 * SECOND).saturating_sub(NS));
        assert!(!peer.is_closed());
        peer.send("more");
        rig.run();
    }
    rig.advance((2 * SECOND).saturating_sub(NS));
    assert!(!peer.is_closed());
    rig.advance(NS);
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn a_lingering_close_ends_after_30_s_in_all() {
    let mut rig = Rig::new();
    let peer = lingering(&mut rig);
    for _ in 0..29 {
        rig.advance(SECOND);
        peer.send(vec![b'x'; 100_000]);
        rig.run();
    }
    rig.advance(SECOND.saturating_sub(NS));
    assert!(!peer.is_closed());
    rig.advance(NS);
    assert!(peer.is_closed());
}

/// So much comes that something is left unread after each turn: the connection yields, and never
/// waits for anything.
#[test]
fn a_flood_does_not_lengthen_a_lingering_close() {
    let mut rig = Rig::new();
    let peer = lingering(&mut rig);
    let flood = || peer.send(vec![b'x'; 2 * ROUNDS_PER_ADVANCE * 8192]);
    for _ in 0..29 {
        flood();
        rig.turn();
        assert!(peer.unread() > 0 && !peer.is_closed());
        rig.hold_up(SECOND);
    }
    flood();
    rig.turn();
    rig.hold_up(SECOND);
    rig.turn();
    assert!(peer.is_closed());
}

#[test]
fn the_end_that_came_with_the_last_request_ends_the_lingering_at_once() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send_with_fin(CLOSE);
    rig.run();
    assert_eq!(peer.take_answer().text(), "bye");
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn bytes_that_follow_a_refusal_cause_no_reset() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    // A body of 2 MB that its sender cannot be stopped from sending: a close at once would reset
    // the connection, and the reset would overtake the answer.
    peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n");
    rig.run();
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (413, true));
    for _ in 0..20 {
        peer.send(vec![b'x'; 100_000]);
        rig.run();
    }
    peer.finish();
    rig.run();
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn every_kind_of_last_answer_says_so_and_lingers() {
    let requests: [(&str, u16); 11] = [
        ("GET /hello HTTP/1.0\r\n\r\n", 200),
        (
            "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
            200,
        ),
        ("GET /close HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (
            "GET /missing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            404,
        ),
        ("GET /hello HTTP/1.1\r\n\r\n", 400),
        ("GET  /hello HTTP/1.1\r\n\r\n", 400),
        ("GET /hello HTTP/2.0\r\n\r\n", 505),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
            413,
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            501,
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\
             Transfer-Encoding: chunked\r\n\r\n",
            400,
        ),
    ];
    let mut rig = Rig::new();
    for (request, status) in requests {
        let peer = rig.connect();
        peer.send(request);
        rig.run();
        let answer = peer.take_answer();
        assert_eq!(
            (answer.status, answer.closes()),
            (status, true),
            "{request}"
        );
        assert!(peer.saw_fin() && !peer.is_closed());
        // Nothing that follows is served.
        peer.send(HELLO);
        rig.run();
        assert_eq!(peer.received(), b"");
        peer.finish();
        rig.run();
        assert!(peer.is_closed() && !peer.was_reset());
    }
}

#[test]
fn a_reset_ends_a_connection_in_every_state() {
    let states: [&[u8]; 7] = [
        b"",
        b"GET /hel",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc",
        HELLO,
        CLOSE,
    ];
    let mut rig = Rig::new();
    for state in states {
        let peer = rig.connect();
        peer.send(state);
        rig.run();
        let resets = rig.account.resets.get();
        peer.reset();
        rig.run();
        assert!(peer.is_closed());
        assert_eq!(rig.lent(), 0);
        assert_eq!(rig.account.resets.get(), resets + 1);
    }
}

#[test]
fn a_reset_behind_requests_still_answers_them_to_nobody() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(HELLO);
    peer.reset();
    rig.run();
    assert!(peer.is_closed());
    assert_eq!(peer.received(), b"");
}

#[test]
fn a_reset_while_lingering() {
    let mut rig = Rig::new();
    let peer = lingering(&mut rig);
    peer.reset();
    rig.run();
    assert!(peer.is_closed());
}

#[test]
fn one_connection_fails_and_the_others_go_on() {
    let mut rig = Rig::new();
    let peers: Vec<Peer> = (0..20).map(|_| rig.connect()).collect();
    for (index, peer) in peers.iter().enumerate() {
        match index % 4 {
            0 => peer.reset(),
            1 => peer.send("GET /panic/handler HTTP/1.1\r\nHost: a\r\n\r\n"),
            2 => peer.send("nonsense\r\n\r\n"),
            _ => peer.send(HELLO),
        }
    }
    rig.run();
    for (index, peer) in peers.iter().enumerate() {
        match index % 4 {
            0 => assert!(peer.is_closed()),
            1 => assert_eq!(peer.take_answer().status, 500),
            2 => assert_eq!(peer.take_answer().status, 400),
            _ => assert_eq!(peer.take_answer().text(), "hello"),
        }
    }
}

//! How long a peer may keep the server waiting: each timeout to the nanosecond, and what it ends
//! with.

use std::time::Duration;

use support::{HELLO, Peer, Rig};

mod support;

const NS: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

/// Nothing happens until just before `span` has passed; then `event` has happened.
fn assert_at(rig: &mut Rig, span: Duration, event: impl Fn() -> bool) {
    rig.advance(span.saturating_sub(NS));
    assert!(!event(), "too early");
    rig.advance(NS);
    assert!(event(), "too late");
}

fn assert_timed_out(peer: &Peer, sentence: &str) {
    let answer = peer.take_answer();
    assert_eq!(answer.status, 408);
    assert!(answer.closes());
    assert_eq!(answer.text(), format!("{{\"error\":\"{sentence}\"}}"));
    assert!(peer.saw_fin());
}

const HEAD_TOO_SLOW: &str = "the request head took too long; send it whole, at once";
const BODY_TOO_SLOW: &str = "the body came too slowly; send at least 500 bytes a second";

#[test]
fn who_says_nothing_is_left_silently_after_30_s() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    assert_at(&mut rig, 30 * SECOND, || peer.saw_fin());
    assert_eq!(
        peer.received(),
        b"",
        "an unasked 408 would be taken for the next answer"
    );
    assert!(!peer.is_closed(), "the close lingers");
    assert_at(&mut rig, 2 * SECOND, || peer.is_closed());
    assert_eq!(peer.left_behind_for(), Some(20 * SECOND));
}

#[test]
fn each_answer_starts_the_30_s_anew() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for _ in 0..3 {
        rig.advance(29 * SECOND);
        peer.send(HELLO);
        rig.run();
        assert_eq!(peer.take_answer().text(), "hello");
    }
    assert_at(&mut rig, 30 * SECOND, || peer.saw_fin());
}

#[test]
fn a_request_that_comes_with_the_last_nanosecond_is_served() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.hold_up(30 * SECOND);
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert!(peer.is_open());
}

/// RFC 9110 section 9.3.2: whatever is wrong, HEAD is answered without content.
#[test]
fn head_that_stays_incomplete_gets_no_content() {
    for (ends, status) in [(false, "HTTP/1.1 408 "), (true, "HTTP/1.1 400 ")] {
        let mut rig = Rig::new();
        let peer = rig.connect();
        if ends {
            peer.send_with_fin("HEAD / HT");
            rig.run();
        } else {
            peer.send("HEAD / HT");
            rig.run();
            rig.advance(10 * SECOND);
        }
        let received = String::from_utf8(peer.received()).unwrap();
        assert!(received.starts_with(status), "{received}");
        assert!(received.ends_with("\r\n\r\n"), "{received}");
    }
}

#[test]
fn a_head_has_10_s_from_its_first_byte() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.advance(25 * SECOND);
    peer.send("G");
    rig.run();
    for byte in HELLO[1..10].chunks(1) {
        rig.advance(SECOND);
        peer.send(byte);
        rig.run();
    }
    assert_at(&mut rig, SECOND, || peer.saw_fin());
    assert_timed_out(&peer, HEAD_TOO_SLOW);
}

#[test]
fn a_line_end_before_it_is_no_byte_of_a_head() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("\r\n");
    rig.advance(12 * SECOND);
    peer.send(&HELLO[..5]);
    rig.advance(SECOND);
    peer.send(&HELLO[5..]);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn a_head_that_is_whole_in_time_is_served() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(&HELLO[..5]);
    rig.advance((10 * SECOND).saturating_sub(NS));
    peer.send(&HELLO[5..]);
    rig.advance(NS);
    assert_eq!(peer.take_answer().text(), "hello");
    rig.advance(29 * SECOND);
    assert!(peer.is_open(), "it is idle now, no more inside a head");
}

#[test]
fn the_head_of_a_later_request_has_10_s_too() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send([HELLO, &HELLO[..9]].concat());
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert_at(&mut rig, 10 * SECOND, || peer.saw_fin());
    assert_timed_out(&peer, HEAD_TOO_SLOW);
}

#[test]
fn a_head_behind_a_deferred_answer_has_10_s_from_that_answer() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("GET /wait?us=15000000 HTTP/1.1\r\nHost: a\r\n\r\nGET /hel");
    rig.advance(15 * SECOND);
    assert_eq!(peer.take_answer().text(), "waited 15000000 us");
    assert_at(&mut rig, 10 * SECOND, || peer.saw_fin());
    assert_timed_out(&peer, HEAD_TOO_SLOW);
}

fn post(bytes: usize) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n")
}

#[test]
fn a_body_that_does_not_come_has_10_s() {
    for head in [
        post(100),
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
    ] {
        let mut rig = Rig::new();
        let peer = rig.connect();
        peer.send(head);
        assert_at(&mut rig, 10 * SECOND, || peer.saw_fin());
        assert_timed_out(&peer, BODY_TOO_SLOW);
        assert_eq!(rig.lent(), 0, "what was kept of it is given back");
    }
}

#[test]
fn a_body_must_come_at_500_bytes_a_second() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(post(100_000));
    for _ in 0..20 {
        // As slow as can be.
        peer.send([b'x'; 501]);
        rig.advance(SECOND);
        assert!(peer.is_open());
    }
    let mut slow = Rig::new();
    let peer = slow.connect();
    peer.send(post(100_000));
    peer.send([b'x'; 4000]);
    slow.advance(5 * SECOND);
    peer.send([b'x'; 900]);
    assert_at(&mut slow, 5 * SECOND, || peer.saw_fin());
    assert_timed_out(&peer, BODY_TOO_SLOW);
}

/// Of 1 MiB all but the end comes at once, and then a byte each 8 seconds: half an hour at 500
/// bytes a second is not what that has bought.
#[test]
fn a_body_that_began_fast_must_go_on_at_500_bytes_a_second() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(post(1 << 20));
    peer.send(vec![b'x'; (1 << 20) - 300]);
    rig.advance(8 * SECOND);
    peer.send("x");
    rig.advance(8 * SECOND);
    peer.send("x");
    assert_at(&mut rig, 10 * SECOND, || peer.saw_fin());
    assert_timed_out(&peer, BODY_TOO_SLOW);
    assert_eq!(rig.lent(), 0);
}

#[test]
fn a_body_may_pause_for_10_s() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(post(100_000));
    rig.run();
    rig.advance(SECOND);
    peer.send(vec![b'x'; 50_000]);
    rig.run();
    assert_at(&mut rig, 10 * SECOND, || peer.saw_fin());
    assert_timed_out(&peer, BODY_TOO_SLOW);
}

#[test]
fn a_body_that_nobody_wants_has_no_more_time() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    rig.run();
    assert_eq!(peer.take_answer().status, 404);
    peer.send([b'x'; 3000]);
    rig.advance(SECOND);
    peer.send([b'x'; 1000]);
    assert_at(&mut rig, 9 * SECOND, || peer.saw_fin());
    assert_eq!(peer.received(), b"", "it has had its answer");
}

#[test]
fn who_takes_nothing_of_an_answer_is_left_after_20_s() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(0);
    peer.send(HELLO);
    rig.run();
    assert_at(&mut rig, 20 * SECOND, || peer.is_closed());
    assert_eq!(rig.lent(), 0);
    assert_eq!(peer.left_behind_for(), Some(20 * SECOND));
}

#[test]
fn who_takes_an_answer_byte_by_byte_is_left_after_20_s() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(0);
    peer.send("GET /large?bytes=100000 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    for _ in 0..19 {
        rig.advance(SECOND);
        peer.drain_more(499);
        rig.run();
    }
    assert_at(&mut rig, SECOND, || peer.is_closed());
}

#[test]
fn who_takes_500_bytes_a_second_is_served_to_the_end() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(0);
    peer.send("GET /large?bytes=30000 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    peer.drain_more(510);
    rig.run();
    for _ in 0..60 {
        rig.advance(SECOND);
        assert!(peer.is_open());
        peer.drain_more(510);
        rig.run();
    }
    assert_eq!(peer.take_answer().body, support::pattern(30_000));
    assert!(peer.is_open());
}

#[test]
fn who_takes_much_and_then_nothing_is_left_20_s_later() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(0);
    peer.send("GET /large?bytes=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.advance(10 * SECOND);
    peer.drain_more(15_000);
    rig.run();
    assert_at(&mut rig, 20 * SECOND, || peer.is_closed());
}

#[test]
fn an_answer_that_is_being_made_is_waited_for() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("GET /held?x HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.advance(3600 * SECOND);
    assert!(peer.is_open());
    rig.site.gate.open();
    rig.run_with_mail();
    assert_eq!(peer.take_answer().text(), "held for x");
    rig.advance(29 * SECOND);
    assert!(peer.is_open());
}

#[test]
fn a_wait_is_as_long_as_it_was_asked_for() {
    let mut rig = Rig::new();
    for us in [0, 1, 100, 10_000_000] {
        let peer = rig.connect();
        peer.send(format!("GET /wait?us={us} HTTP/1.1\r\nHost: a\r\n\r\n"));
        rig.run();
        if us > 0 {
            let wait = Duration::from_micros(us);
            assert_at(&mut rig, wait, || !peer.received().is_empty());
        }
        assert_eq!(peer.take_answer().text(), format!("waited {us} us"));
    }
}

#[test]
fn the_reactor_sleeps_while_nothing_is_due() {
    let mut rig = Rig::new();
    let peers: Vec<Peer> = (0..50).map(|_| rig.connect()).collect();
    let before = rig.turns();
    rig.advance(29 * SECOND);
    assert!(rig.turns() - before <= 3, "{} turns", rig.turns() - before);
    assert!(peers.iter().all(Peer::is_open));
}

#[test]
fn a_deadline_that_moves_out_costs_one_look() {
    // One request a second for a minute: the entry of each earlier deadline is looked at once, when
    // it comes due.
    let mut rig = Rig::full();
    let peer = rig.connect();
    for _ in 0..60 {
        peer.send(HELLO);
        rig.run();
        rig.advance(SECOND);
    }
    assert_eq!(peer.answers().len(), 60);
    assert_eq!(rig.account.timers_fired.get(), 2);
    assert_eq!(rig.reactor.timers(), 1);
}

#[test]
fn every_refusal_is_counted() {
    let mut rig = Rig::new();
    let [idle, head, body, reader] = [(); 4].map(|()| rig.connect());
    head.send("G");
    body.send(post(10));
    reader.take_at_most(0);
    reader.send(HELLO);
    rig.run();
    rig.advance(31 * SECOND);
    assert!(idle.saw_fin() && head.saw_fin() && body.saw_fin() && reader.is_closed());
    let counted: Vec<&str> = barewire::accounts::Refusal::ALL
        .into_iter()
        .filter(|(refusal, _)| rig.account.refusals[*refusal as usize].get() == 1)
        .map(|(_, name)| name)
        .collect();
    assert_eq!(
        counted,
        ["head_timeout", "body_timeout", "idle", "slow_reader"]
    );
}

/// A process that was stopped (SIGSTOP) finds its timers due together with all that came
/// meanwhile: whoever has sent in time, as far as anybody can know, loses nothing.
#[test]
fn while_the_server_was_stopped_nobody_was_late() {
    let stopped = 100 * SECOND;
    let (begun, rest) = HELLO.split_at(10);
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n";
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let unwanted = "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc";
    let answers: [(&[u8], &[u8], &str); 4] = [
        (begun, rest, "hello"),
        (post.as_bytes(), b"abcdef", "abcdef"),
        (chunked.as_bytes(), b"6\r\nabcdef\r\n0\r\n\r\n", "abcdef"),
        (unwanted.as_bytes(), &[b"def", HELLO].concat(), "hello"),
    ];
    for (before, meanwhile, last) in answers {
        let mut rig = Rig::new();
        let peer = rig.connect();
        peer.send(before);
        rig.run();
        peer.send(meanwhile);
        rig.hold_up(stopped);
        rig.run();
        let answers = peer.take_answers();
        assert_eq!(answers.last().unwrap().text(), last);
        assert!(peer.is_open(), "{last}");
    }
}

#[test]
fn a_head_in_many_pieces_that_came_while_the_server_was_stopped_is_read_to_its_end() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let long = format!(
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(12_000)
    );
    let (begun, rest) = long.split_at(10);
    peer.send(begun);
    rig.run();
    peer.send(rest);
    rig.hold_up(100 * SECOND);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn an_answer_that_was_taken_while_the_server_was_stopped_has_been_taken() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(HELLO);
    rig.run();
    peer.take_all();
    rig.hold_up(100 * SECOND);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert!(peer.is_open());
}

#[test]
fn who_comes_with_bytes_but_not_with_all_of_them_is_late_all_the_same() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("GET /hel");
    rig.run();
    peer.send("lo HT");
    rig.hold_up(10 * SECOND);
    rig.run();
    assert_timed_out(&peer, HEAD_TOO_SLOW);
}

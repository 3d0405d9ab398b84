//! How the server leaves: no request that was accepted loses its answer.

use std::time::Duration;

use barewire::reactor::jobs::Message;
use support::{Answer, HELLO, Peer, Rig, pattern};

mod support;

const NS: Duration = Duration::from_nanos(1);
const MS: Duration = Duration::from_millis(1);
const US: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);

/// The answer was the last one, and the connection ends well.
fn assert_last(rig: &mut Rig, peer: &Peer, answer: &Answer) {
    assert!(answer.closes(), "{answer:?}");
    assert!(peer.saw_fin() && !peer.is_closed());
    peer.finish();
    rig.run();
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn nobody_there_nothing_to_wait_for() {
    let mut rig = Rig::new();
    assert!(!rig.reactor.is_over());
    rig.drain();
    assert!(rig.reactor.is_over());
    assert!(!rig.is_listening());
}

#[test]
fn a_silent_connection_is_shut_down_after_1_s() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.advance(10 * SECOND);
    rig.drain();
    rig.advance(SECOND.saturating_sub(NS));
    assert!(peer.is_open());
    rig.advance(NS);
    assert!(peer.saw_fin() && !peer.is_closed());
    assert_eq!(peer.received(), b"");
    assert!(!rig.reactor.is_over());
    rig.advance(2 * SECOND);
    assert!(peer.is_closed() && rig.reactor.is_over());
    assert_eq!(
        rig.account.refusals[barewire::accounts::Refusal::Idle as usize].get(),
        0
    );
}

#[test]
fn one_more_request_is_answered() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(HELLO);
    rig.run();
    assert!(!peer.take_answer().closes());
    rig.drain();
    rig.advance(999 * MS);
    peer.send([HELLO, HELLO].concat());
    rig.run();
    let answer = peer.take_answer();
    assert_eq!(answer.text(), "hello");
    assert_last(&mut rig, &peer, &answer);
    assert!(rig.reactor.is_over());
}

#[test]
fn http_1_0_that_asked_to_stay_is_told_that_it_cannot() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.drain();
    peer.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    rig.run();
    let answer = peer.take_answer();
    assert_last(&mut rig, &peer, &answer);
}

#[test]
fn a_request_in_the_last_moment_is_answered() {
    // It arrives with the deadline: before the server shuts down its side, so it is accepted.
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.drain();
    rig.hold_up(SECOND);
    peer.send(HELLO);
    rig.run();
    let answer = peer.take_answer();
    assert_eq!(answer.text(), "hello");
    assert_last(&mut rig, &peer, &answer);
}

#[test]
fn part_of_a_request_in_the_last_moment_is_waited_for() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.drain();
    rig.hold_up(SECOND);
    peer.send(&HELLO[..5]);
    rig.run();
    rig.advance(5 * SECOND);
    assert!(peer.is_open(), "it has the time of a head now");
    peer.send(&HELLO[5..]);
    rig.run();
    let answer = peer.take_answer();
    assert_eq!(answer.text(), "hello");
    assert_last(&mut rig, &peer, &answer);
}

#[test]
fn the_backlog_is_accepted_before_the_listener_closes() {
    let mut rig = Rig::new();
    rig.reactor.address().send(Message::Drain);
    // More than one turn would accept.
    let waiting: Vec<Peer> = (0..300).map(|_| rig.queue()).collect();
    for peer in &waiting {
        peer.send(HELLO);
    }
    rig.run_with_mail();
    assert!(!rig.is_listening());
    for peer in &waiting {
        assert!(!peer.was_refused());
        let answer = peer.take_answer();
        assert_eq!(answer.text(), "hello");
        assert_last(&mut rig, peer, &answer);
    }
    assert!(rig.reactor.is_over());
    assert!(rig.queue().was_refused());
}

#[test]
fn what_is_under_way_is_brought_to_its_end() {
    let mut rig = Rig::new();
    let [head, body, chunked, wait, job, owed] = [(); 6].map(|()| rig.connect());
    head.send(&HELLO[..10]);
    body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    chunked
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    wait.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
    job.send("GET /held?x HTTP/1.1\r\nHost: a\r\n\r\n");
    owed.take_at_most(10);
    owed.send("GET /large?bytes=10000 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.drain();
    rig.advance(99 * US);
    rig.advance(US);
    let answer = wait.take_answer();
    assert_eq!(answer.text(), "waited 100 us");
    assert_last(&mut rig, &wait, &answer);
    rig.advance(2 * SECOND);
    head.send(&HELLO[10..]);
    body.send("def");
    chunked.send("3\r\ndef\r\n0\r\n\r\n");
    rig.run();
    for (peer, text) in [(head, "hello"), (body, "abcdef"), (chunked, "abcdef")] {
        let answer = peer.take_answer();
        assert_eq!(answer.text(), text);
        assert_last(&mut rig, &peer, &answer);
    }
    rig.site.gate.open();
    rig.run_with_mail();
    let answer = job.take_answer();
    assert_eq!(answer.text(), "held for x");
    assert_last(&mut rig, &job, &answer);
    // Its answer was written before anybody thought of leaving: it may ask once more.
    owed.take_all();
    rig.run();
    assert_eq!(owed.take_answer().body, pattern(10_000));
    owed.send(HELLO);
    rig.run();
    let answer = owed.take_answer();
    assert_last(&mut rig, &owed, &answer);
    assert!(rig.reactor.is_over());
}

#[test]
fn who_owes_reading_is_not_shut_down_for_its_silence() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send("GET /large?bytes=10000 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.drain();
    rig.advance(5 * SECOND);
    assert!(peer.is_open());
    peer.take_all();
    rig.run();
    assert_eq!(peer.take_answer().body, pattern(10_000));
    rig.advance(SECOND.saturating_sub(NS));
    assert!(peer.is_open());
    rig.advance(NS);
    assert!(peer.saw_fin());
}

#[test]
fn requests_behind_a_deferred_answer_are_not_promised_anything() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.drain();
    rig.advance(100 * US);
    let answer = peer.take_answer();
    assert_eq!(answer.text(), "waited 100 us");
    assert_last(&mut rig, &peer, &answer);
    assert_eq!(rig.lent(), 0);
}

#[test]
fn a_refused_body_is_not_drained_any_more() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.drain();
    peer.send("POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    rig.run();
    let answer = peer.take_answer();
    assert_eq!(answer.status, 404);
    assert_last(&mut rig, &peer, &answer);
}

#[test]
fn told_twice_it_drains_once() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    rig.drain();
    rig.advance(SECOND.saturating_sub(NS));
    rig.drain();
    rig.advance(NS);
    assert!(peer.saw_fin());
}

#[test]
fn told_to_leave_it_leaves() {
    let mut rig = Rig::new();
    let _peer = rig.connect();
    rig.reactor.address().send(Message::Leave);
    rig.run_with_mail();
    assert!(rig.reactor.is_over());
}

#[test]
fn accepting_that_was_paused_ends_too() {
    let mut rig = Rig::with_connections_max(1, |_| ());
    let first = rig.connect();
    let second = rig.connect();
    second.send(HELLO);
    first.send(HELLO);
    rig.drain();
    // Leaving, it takes what waits, however many there are.
    for peer in [first, second] {
        let answer = peer.take_answer();
        assert_eq!(answer.text(), "hello");
        assert_last(&mut rig, &peer, &answer);
    }
    assert!(rig.reactor.is_over());
}

//! Answers that are made while they are sent: when their source is asked, what is in memory
//! meanwhile, and how the peer sees that one has broken off. The scripts are explained in
//! `support::sources`.

use std::thread;
use std::time::Duration;

use barewire::accounts::{Refusal, Woken};
use support::{HELLO, Peer, Rig, pattern};

mod support;

const US: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);

fn get(script: &str) -> String {
    format!("GET /stream/{script} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn get_1_0(script: &str, fields: &str) -> String {
    format!("GET /stream/{script} HTTP/1.0\r\n{fields}\r\n")
}

/// A rig, a peer that has asked for this, and nothing is left to be done.
fn asked(request: &str) -> (Rig, Peer) {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(request);
    rig.run();
    (rig, peer)
}

/// The bytes behind the head of the only answer.
fn body(peer: &Peer) -> String {
    let received = String::from_utf8(peer.received()).unwrap();
    let (head, body) = received.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\nX-Kind: stream\r\n"), "{head}");
    body.to_owned()
}

#[test]
fn without_a_length_it_is_chunked() {
    let (mut rig, peer) = asked(&(get("17,0,3T") + &get("0E")));
    let expected = "11\r\n000000,000001,000\r\n3\r\n002\r\n0\r\nX-Sum: 42\r\n\r\n";
    assert!(body(&peer).starts_with(expected), "{}", body(&peer));
    let answers = peer.take_answers();
    assert_eq!(answers[0].text(), "000000,000001,000002");
    assert_eq!(answers[0].field("Transfer-Encoding"), Some("chunked"));
    assert_eq!(answers[0].field("Content-Length"), None);
    assert_eq!((answers.len(), answers[1].text()), (2, ""));
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert_eq!(rig.account.broken_streams.get(), 0);
}

#[test]
fn a_known_length_is_said_and_the_source_is_not_asked_beyond_it() {
    let (mut rig, peer) = asked(&get("10,10,10?length=20"));
    let answer = peer.take_answer();
    assert_eq!(answer.field("Content-Length"), Some("20"));
    assert_eq!(answer.field("Transfer-Encoding"), None);
    assert_eq!(answer.body, pattern(20));
    assert_eq!(rig.asked(), 2);
    peer.send(get_1_0("10,10E?length=20", "Connection: keep-alive\r\n"));
    rig.run();
    let answer = peer.take_answer();
    assert_eq!(answer.field("Connection"), Some("keep-alive"));
    assert_eq!(answer.body, pattern(20));
    assert!(peer.is_open());
}

#[test]
fn to_http_1_0_the_end_of_the_connection_is_the_end() {
    let (_rig, peer) = asked(&get_1_0("10,10T", "Connection: keep-alive\r\n"));
    assert_eq!(body(&peer).as_bytes(), pattern(20));
    let answer = peer.take_answer();
    assert_eq!(answer.field("Connection"), Some("close"));
    assert_eq!(answer.field("Transfer-Encoding"), None);
    assert!(peer.saw_fin() && !peer.was_reset());
}

#[test]
fn head_has_the_fields_and_no_source_is_asked() {
    for (script, field) in [
        ("10,F", "Transfer-Encoding: chunked\r\n"),
        ("10,F?length=20", "Content-Length: 20\r\n"),
    ] {
        let head = get(script).replace("GET", "HEAD");
        let (rig, peer) = asked(&(head + &String::from_utf8_lossy(HELLO)));
        let received = String::from_utf8(peer.received()).unwrap();
        let (head, rest) = received.split_once("\r\n\r\n").unwrap();
        assert!((head.to_owned() + "\r\n").contains(field), "{head}");
        assert!(rest.starts_with("HTTP/1.1 200 OK") && rest.ends_with("hello"));
        assert_eq!(rig.asked(), 0);
        assert_eq!(rig.account.requests.get(), 2);
    }
}

#[test]
fn the_head_and_a_short_stream_are_one_send() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    peer.send(get("100E"));
    rig.run();
    assert_eq!(peer.take_answer().body, pattern(100));
    assert_eq!((peer.calls().sends, peer.calls().recvs), (1, 1));
}

/// Whatever the peer takes at once: same bytes, one question for each piece, and between two
/// questions nothing is owed.
#[test]
fn a_source_is_asked_only_when_all_before_is_taken() {
    let script = "1000,L50,1000,300L50,1000,K,2000T";
    let (_, whole) = {
        let (mut rig, peer) = asked(&get(script));
        rig.advance(100 * US);
        (rig.asked(), peer.received())
    };
    assert!(whole.ends_with(b"0\r\nX-Sum: 42\r\n\r\n"));
    for portion in [1, 2, 7, 64, 999, 1000, 1100, 4000] {
        let mut rig = Rig::full();
        let peer = rig.connect();
        peer.take_at_most(0);
        peer.send(get(script));
        rig.run();
        assert_eq!(rig.asked(), 1, "the head leaves with the first piece");
        let mut questions = rig.asked();
        while peer.received().len() < whole.len() {
            let before = peer.received().len();
            peer.drain_more(portion);
            rig.advance(50 * US);
            let is_owed = rig.lent() > 0;
            assert!(rig.lent() <= 2048 + 8192, "{} bytes lent", rig.lent());
            if rig.asked() > questions {
                let all_but_the_last = peer.received().len() + 2100;
                assert!(all_but_the_last > before + 1, "{portion}");
                questions = rig.asked();
            }
            if is_owed {
                let asked = rig.asked();
                rig.advance(200 * US);
                assert_eq!(rig.asked(), asked, "asked without room");
            }
        }
        assert_eq!(peer.received(), whole, "portions of {portion}");
        assert_eq!(rig.asked(), 7, "portions of {portion}");
        assert_eq!(rig.lent(), 0);
    }
}

#[test]
fn any_split_of_the_request_has_the_same_answer() {
    let request = get("10,20L10,30E") + &get("F") + &get("5,5E?length=10");
    let (mut rig, peer) = asked(&request);
    rig.advance(10 * US);
    let expected = peer.take_received();
    for at in 1..request.len() {
        for between in [false, true] {
            let peer = rig.connect();
            peer.send(&request[..at]);
            if between {
                rig.advance(10 * US);
            }
            peer.send(&request[at..]);
            rig.advance(10 * US);
            assert_eq!(peer.received(), expected, "cut at {at}");
            peer.finish();
            rig.run();
        }
    }
}

#[test]
fn what_is_pipelined_behind_a_stream_waits_for_its_end() {
    let (mut rig, peer) = asked(&(get("10W,10E") + &String::from_utf8_lossy(HELLO)));
    assert!(peer.received().ends_with(b"a\r\n000000,000\r\n"));
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.unread(), HELLO.len(), "nothing is read meanwhile");
    assert!(peer.is_bounded());
    rig.waker().wake();
    rig.run_with_mail();
    let texts: Vec<_> = peer
        .answers()
        .iter()
        .map(|it| it.text().to_owned())
        .collect();
    assert_eq!(texts, ["000000,000001,000002", "hello", "hello"]);
}

#[test]
fn between_two_pieces_no_buffer_is_held() {
    let (mut rig, peer) = asked(&get("60000L100,60000W,1E"));
    for _ in 0..2 {
        assert_eq!(rig.lent(), 0);
        rig.advance(100 * US);
    }
    rig.waker().wake();
    rig.run_with_mail();
    assert_eq!(peer.take_answer().body, pattern(120_001));
    assert_eq!(peer.calls().sends, 3, "one for each piece");
}

#[test]
fn a_wait_ends_in_time_and_not_before() {
    let (mut rig, peer) = asked(&get("5L300,5E"));
    rig.advance(299 * US);
    assert_eq!(rig.asked(), 1);
    rig.advance(US);
    assert_eq!(peer.take_answer().body, pattern(10));
    // Longer than any timeout, too: the source has its reasons.
    peer.send(get("5L3600000000,5E"));
    rig.advance(3599 * SECOND);
    assert!(peer.is_open());
    rig.advance(SECOND);
    assert_eq!(peer.take_answer().body, pattern(10));
}

#[test]
fn any_thread_wakes_it_and_however_often_by_one_message() {
    let (mut rig, peer) = asked(&get("5W,5W,5E"));
    let waker = rig.waker();
    let ringing = thread::spawn(move || (0..1000).for_each(|_| waker.wake()));
    ringing.join().unwrap();
    rig.run_with_mail();
    assert_eq!(rig.asked(), 2);
    assert_eq!(rig.account.wakeups[Woken::Wake as usize].get(), 1);
    rig.waker().wake();
    rig.run_with_mail();
    assert_eq!(peer.take_answer().body, pattern(15));
    // It has ended: nothing happens, and nothing is harmed.
    let stale = rig.waker();
    peer.send(get("5W,5E"));
    rig.run();
    stale.wake();
    rig.run_with_mail();
    peer.finish();
    rig.waker().wake();
    rig.run_with_mail();
    assert_eq!(
        peer.take_answer().body,
        pattern(10),
        "one question too many is a hint"
    );
}

#[test]
fn a_wake_that_comes_before_the_wait_or_while_it_owes_is_not_lost() {
    let (_rig, peer) = asked(&get("5K,5K,5E"));
    assert_eq!(peer.take_answer().body, pattern(15));
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(get("100W,5E"));
    rig.run();
    rig.waker().wake();
    let sends = peer.calls().sends;
    rig.run_with_mail();
    assert_eq!(
        (rig.asked(), peer.calls().sends),
        (1, sends),
        "no room, no question"
    );
    peer.take_all();
    rig.run();
    assert_eq!(peer.take_answer().body, pattern(105));
}

#[test]
fn a_wake_for_one_that_has_gone_meets_nobody() {
    let (mut rig, peer) = asked(&get("5W,5E"));
    peer.reset();
    rig.run();
    assert!(peer.is_closed(), "nobody is left to be waited for");
    assert_eq!(rig.account.resets.get(), 1);
    let stale = rig.account.stale_wakeups.get();
    rig.waker().wake();
    rig.run_with_mail();
    assert_eq!(rig.account.stale_wakeups.get(), stale + 1);
}

#[test]
fn one_that_fails_before_its_first_byte_is_a_500_and_the_connection_goes_on() {
    for (script, panics) in [
        ("F", 0),
        ("50F", 0),
        ("P", 1),
        ("50P", 1),
        ("50F?length=60", 0),
    ] {
        let (mut rig, peer) = asked(&(get(script) + &String::from_utf8_lossy(HELLO)));
        let answers = peer.take_answers();
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [500, 200], "{script}");
        assert!(answers[0].text().starts_with("{\"error\":") && !answers[0].closes());
        assert_eq!(rig.account.panics.get(), panics, "{script}");
        assert_eq!(rig.account.broken_streams.get(), 1);
        assert_eq!(rig.account.requests.get(), 2);
        peer.send(get_1_0(script, ""));
        rig.run();
        assert_eq!(peer.take_answer().status, 500, "{script}");
    }
}

#[test]
fn one_that_fails_in_the_middle_is_seen_to_be_incomplete() {
    for end in ["F", "10F", "P", "10P"] {
        let script = format!("500,500,{end}");
        let hello = String::from_utf8_lossy(HELLO);
        let (rig, peer) = asked(&(get(&script) + &hello));
        let chunk = |from, to| pattern(to)[from..].to_vec();
        let chunks = [
            b"1f4\r\n".to_vec(),
            chunk(0, 500),
            b"\r\n1f4\r\n".to_vec(),
            chunk(500, 1000),
        ];
        let expected = String::from_utf8(chunks.concat()).unwrap() + "\r\n";
        assert_eq!(body(&peer), expected, "no last chunk, and nothing else");
        assert!(peer.saw_fin(), "{script}");
        assert_eq!(rig.account.broken_streams.get(), 1);

        let (_rig, peer) = asked(&(get(&(script.clone() + "?length=1500")) + &hello));
        assert_eq!(
            body(&peer).as_bytes(),
            pattern(1000),
            "less than 1500 bytes"
        );
        assert!(peer.saw_fin() && !peer.was_reset());

        let (_rig, peer) = asked(&get_1_0(&script, ""));
        assert_eq!(body(&peer).as_bytes(), pattern(1000));
        assert!(
            peer.is_closed() && peer.was_reset(),
            "its end would look like the end"
        );
    }
}

#[test]
fn one_that_makes_more_than_its_length_or_less_has_failed() {
    for (script, sent) in [
        ("10,10,E?length=30", 20),
        ("10,10,11?length=30", 20),
        ("10,10,9T?length=30", 20),
    ] {
        let (rig, peer) = asked(&get(script));
        assert_eq!(body(&peer).as_bytes(), pattern(sent), "{script}");
        assert!(peer.saw_fin());
        assert_eq!(rig.account.broken_streams.get(), 1);
    }
    let (_rig, peer) = asked(&get("31?length=30"));
    assert_eq!(peer.take_answer().status, 500);
}

#[test]
fn a_slow_reader_is_given_up_and_one_that_takes_all_is_not() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(500);
    peer.send(get("1000,1000E"));
    rig.run();
    rig.advance(21 * SECOND);
    assert!(peer.is_closed());
    assert_eq!(rig.asked(), 1);
    assert_eq!(rig.account.refusals[Refusal::SlowReader as usize].get(), 1);
    assert_eq!(rig.lent(), 0);
}

#[test]
fn without_a_buffer_for_the_rest_the_connection_ends() {
    let mut rig = Rig::with(|config| config.limits.buffers = 64 * 1024);
    let peer = rig.connect();
    peer.take_at_most(500);
    peer.send(get("100000,1000E"));
    rig.run();
    assert!(peer.is_closed());
    assert_eq!(rig.account.refusals[Refusal::Buffers as usize].get(), 1);
}

#[test]
fn a_stream_without_an_end_yields_and_ends_when_the_server_leaves() {
    let mut rig = Rig::full();
    let (endless, other) = (rig.connect(), rig.connect());
    endless.send(get("100R"));
    for _ in 0..100 {
        rig.turn();
    }
    let asked = rig.asked();
    assert_eq!(
        asked,
        8 * 100 - 1,
        "eight rounds a turn; the first one reads"
    );
    other.send(HELLO);
    rig.turn();
    assert_eq!(other.take_answer().text(), "hello");
    assert!(
        rig.asked() - asked <= 8,
        "{} pieces in a turn",
        rig.asked() - asked
    );
    rig.reactor
        .address()
        .send(barewire::reactor::jobs::Message::Drain);
    rig.run();
    let answer = endless.take_answer();
    assert!(answer.body.len() > 10_000 && !answer.closes());
    // As any connection, it may ask once more.
    endless.send(get("5E"));
    rig.run();
    assert!(endless.take_answer().closes() && endless.saw_fin());
}

#[test]
fn one_that_waits_is_asked_when_the_server_leaves() {
    let (mut rig, peer) = asked(&get("5W,5E"));
    rig.drain();
    let answer = peer.take_answer();
    assert_eq!((&answer.body, answer.closes()), (&pattern(10), false));
    rig.advance(2 * SECOND);
    assert!(peer.saw_fin(), "it was silent for --drain-idle");
    let (mut rig, peer) = asked(&get("5L100,5L100,5E"));
    rig.drain();
    rig.advance(200 * US);
    assert_eq!(peer.take_answer().body, pattern(15));
}

#[test]
fn a_body_that_nobody_wants_is_drained_behind_the_stream() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let head = "POST /stream/5L10,5E HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    peer.send([head.as_bytes(), &pattern(600)].concat());
    rig.advance(10 * US);
    assert_eq!(peer.take_answer().body, pattern(10));
    peer.send([&pattern(1000)[600..], HELLO].concat());
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn a_wait_or_a_job_may_end_in_a_stream() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    // What is owed already goes first, and without room nothing is asked for.
    peer.take_at_most(100);
    for (target, is_job) in [("/wait-then-stream", false), ("/job-then-stream", true)] {
        let asked = rig.asked();
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        peer.send([HELLO, request.as_bytes()].concat());
        rig.run();
        if is_job {
            rig.run_with_mail();
        }
        rig.advance(100 * US);
        assert_eq!(rig.asked(), asked, "{target}");
        peer.take_all();
        rig.run();
        let answers = peer.take_answers();
        assert_eq!(answers[0].text(), "hello");
        assert_eq!(answers[1].body, pattern(1500), "{target}");
        peer.take_at_most(100);
    }
    assert_eq!(rig.account.requests.get(), 4);
}

#[test]
fn the_response_time_is_that_of_the_first_piece() {
    let (mut rig, _peer) = asked(&get("5L400,5E"));
    rig.advance(400 * US);
    let times = rig.account.response_time.snapshot();
    assert_eq!(
        (times.count, times.max),
        (1, 0),
        "the clock stood still until then"
    );
}

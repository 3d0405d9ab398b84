//! A peer that does not take its answers is not read: what it may make the server hold is bounded,
//! and when it goes on taking, nothing was lost.

use std::time::Duration;

use barewire::accounts::Refusal;
use support::{HELLO, Rig, pattern};

mod support;

const SECOND: Duration = Duration::from_secs(1);

fn large(bytes: usize) -> String {
    format!("GET /large?bytes={bytes} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn who_owes_reading_is_not_read() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(100);
    peer.send(HELLO.repeat(3));
    rig.run();
    let before = peer.calls();
    for _ in 0..10 {
        peer.send(HELLO);
        rig.run();
    }
    assert_eq!(peer.calls(), before);
    assert_eq!(peer.unread(), 10 * HELLO.len());
    peer.take_all();
    rig.run();
    assert_eq!(peer.answers().len(), 13);
    assert_eq!(rig.lent(), 0);
}

#[test]
fn the_answers_owed_are_bounded_however_many_are_asked_for() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(0);
    // 200 requests in one read, 2 MB of answers.
    let requests = 200;
    peer.send(large(10_000).repeat(requests));
    rig.run();
    let owed_max = (rig.config.limits.owed + 11_000) as u64;
    assert!(rig.lent() <= owed_max + 8192, "{} bytes held", rig.lent());
    let mut taken = 0;
    while taken < requests {
        peer.drain_more(50_000);
        rig.run();
        assert!(rig.lent() <= owed_max + 8192, "{} bytes held", rig.lent());
        peer.drain_more(30_000);
        rig.run();
        taken = peer.received().len() / 10_100;
        if rig.lent() == 0 {
            break;
        }
    }
    peer.take_all();
    rig.run();
    let answers = peer.answers();
    assert_eq!(answers.len(), requests);
    assert!(answers.iter().all(|answer| answer.body == pattern(10_000)));
}

#[test]
fn an_answer_longer_than_all_buffers_arrives_whole() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for bytes in [60_000, 65_536, 70_000, 1 << 20, 5 << 20] {
        peer.take_at_most(1000);
        peer.send(large(bytes));
        rig.run();
        while rig.lent() > 0 {
            peer.drain_more(100_000);
            rig.run();
        }
        peer.take_all();
        assert_eq!(peer.take_answer().body, pattern(bytes));
    }
}

#[test]
fn the_end_that_came_meanwhile_is_remembered() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(HELLO);
    rig.run();
    peer.finish();
    rig.run();
    assert!(!peer.is_closed());
    peer.take_all();
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn requests_and_the_end_that_came_meanwhile_are_remembered() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(HELLO);
    rig.run();
    peer.send(HELLO);
    rig.run();
    peer.send_with_fin(HELLO);
    rig.run();
    peer.drain_more(100);
    rig.run();
    peer.take_all();
    rig.run();
    assert_eq!(peer.answers().len(), 3);
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn a_deferred_answer_joins_those_that_are_owed() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(
        [
            HELLO,
            b"GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n",
            HELLO,
        ]
        .concat(),
    );
    rig.run();
    rig.advance(Duration::from_micros(100));
    assert_eq!(peer.received().len(), 10);
    peer.drain_more(20);
    rig.run();
    peer.take_all();
    rig.run();
    let texts: Vec<String> = peer.answers().iter().map(|a| a.text().to_owned()).collect();
    assert_eq!(texts, ["hello", "waited 100 us", "hello"]);
}

#[test]
fn a_refusal_waits_behind_what_is_owed() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send([HELLO, b"GET /hello HTTP/1.1\r\nHost: a\r\n x: y\r\n\r\n"].concat());
    rig.run();
    assert!(peer.is_open());
    peer.take_all();
    rig.run();
    let answers = peer.answers();
    assert_eq!([answers[0].status, answers[1].status], [200, 400]);
    assert!(peer.saw_fin());
}

#[test]
fn who_owes_reading_is_closed_only_after_its_last_answer() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.advance(19 * SECOND);
    assert!(peer.is_open());
    peer.take_all();
    rig.run();
    assert_eq!(peer.take_answer().text(), "bye");
    assert!(peer.saw_fin() && !peer.is_closed());
}

#[test]
fn a_reset_ends_the_debt() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(large(30_000));
    rig.run();
    assert!(rig.lent() > 0);
    peer.reset();
    rig.run();
    assert!(peer.is_closed());
    assert_eq!(rig.lent(), 0);
    assert_eq!(rig.account.resets.get(), 1);
}

/// Whose timeout ends first, the kernel's or ours, is a matter of milliseconds: the peer is the
/// same slow reader.
#[test]
fn a_debt_that_the_kernel_gives_up_is_a_slow_readers() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(large(30_000));
    rig.run();
    peer.time_out();
    rig.run();
    assert!(peer.is_closed());
    assert_eq!(rig.lent(), 0);
    assert_eq!(rig.account.resets.get(), 0);
    let slow_readers = &rig.account.refusals[Refusal::SlowReader as usize];
    assert_eq!(slow_readers.get(), 1);
}

#[test]
fn one_epoll_ctl_more_in_a_life() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    assert_eq!(peer.calls().registrations, 1);
    for _ in 0..5 {
        peer.take_at_most(10);
        peer.send(HELLO);
        rig.run();
        peer.take_all();
        rig.run();
        assert_eq!(peer.calls().registrations, 2);
    }
    assert_eq!(peer.answers().len(), 5);
}

/// A peer that takes a large answer slowly, for `seconds`, with something else sent behind the
/// request.
fn slow_reader(rig: &mut Rig, behind: &str, seconds: usize) -> support::Peer {
    let peer = rig.connect();
    peer.take_at_most(0);
    let bytes = seconds * 600;
    peer.send(large(bytes) + behind);
    rig.run();
    for _ in 0..seconds {
        rig.advance(SECOND);
        peer.drain_more(600);
        rig.run();
        assert!(peer.is_open());
    }
    peer
}

/// Linux tells of room only when half of what it keeps has been sent; to a peer that reads at the
/// lowest rate that is served it does so every 16 seconds.
#[test]
fn a_slow_but_steady_reader_is_served_to_the_end() {
    for rate in [550, 10_000, 30_000] {
        let mut rig = Rig::new();
        let peer = rig.connect();
        peer.reads_slowly();
        peer.send(large(60_000).repeat(3));
        rig.run();
        while rig.lent() > 0 {
            rig.advance(SECOND);
            peer.read_slowly(rate);
            rig.run();
            assert!(peer.is_open(), "{rate}");
        }
        peer.take_all();
        rig.run();
        assert_eq!(peer.answers().len(), 3, "{rate}");
    }
}

#[test]
fn a_reader_that_was_fast_and_takes_nothing_more_is_given_up() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(3_000_000);
    peer.send(large(4_000_000));
    rig.run();
    peer.drain_more(500_000);
    rig.advance(19 * SECOND);
    assert!(!peer.is_closed());
    peer.drain_more(10);
    rig.advance(SECOND);
    rig.advance(20 * SECOND);
    assert!(peer.is_closed() && peer.was_left_owing());
}

/// Where a batch stops: what is due then is not one answer more.
#[test]
fn a_batch_is_sent_as_soon_as_it_is_enough() {
    let one_answer = {
        let mut rig = Rig::new();
        let peer = rig.connect();
        peer.send(HELLO);
        rig.run();
        peer.received().len()
    };
    for (owed_max, sends) in [(2 * one_answer, 2), (2 * one_answer + 1, 1)] {
        let mut rig = Rig::full_with(|config| config.limits.owed = owed_max);
        let peer = rig.connect();
        peer.send(HELLO.repeat(3));
        rig.run();
        assert_eq!((peer.answers().len(), peer.calls().sends), (3, sends));
    }
}

/// The pace of what is owed does not start anew when more joins it.
#[test]
fn deferred_answers_give_a_slow_reader_no_more_time() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send([HELLO, b"GET /wait?us=10000000 HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    rig.run();
    rig.advance(10 * SECOND);
    rig.advance(10 * SECOND);
    assert!(peer.is_closed() && peer.was_left_owing());
}

#[test]
fn while_it_owes_reading_the_peers_silence_is_of_our_making() {
    // Idle: 30 s from the moment at which the answer was taken.
    let mut rig = Rig::new();
    let peer = slow_reader(&mut rig, "", 50);
    peer.take_all();
    rig.run();
    assert_eq!(peer.take_answer().body.len(), 50 * 600);
    rig.advance(29 * SECOND);
    assert!(peer.is_open());
    rig.advance(SECOND);
    assert!(peer.saw_fin());

    // Inside a head, and inside a body: what lies in the socket is read before anything
    // times out.
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc";
    for (behind, rest, text) in [
        (post, "def", "abcdef"),
        ("GET /hello HT", "TP/1.1\r\nHost: a\r\n\r\n", "hello"),
    ] {
        let peer = slow_reader(&mut rig, behind, 50);
        peer.send(rest);
        rig.run();
        peer.take_all();
        rig.run();
        let answers = peer.take_answers();
        assert_eq!(
            (answers.len(), answers[1].status, answers[1].text()),
            (2, 200, text)
        );
    }
}

#[test]
fn a_body_in_the_socket_waits_for_the_peer_to_take_its_answers() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(
        [
            HELLO,
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
        ]
        .concat(),
    );
    rig.run();
    peer.send(pattern(70_000));
    rig.run();
    assert_eq!(peer.unread(), 70_000);
    peer.take_all();
    rig.run();
    let answers = peer.answers();
    assert_eq!(answers[1].body, pattern(70_000));
}

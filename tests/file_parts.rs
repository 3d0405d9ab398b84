//! Streams that send parts of a file, on the scripted kernel: the same bytes however little the
//! peer takes at once, and how it sees that a file was shorter than announced. The scripts are
//! explained in `support::sources`.

use std::time::Duration;

use barewire::accounts::Refusal;
use barewire::reactor::kernel::Readiness;
use support::{HELLO, Peer, Rig, pattern};

mod support;

const US: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);

fn get(script: &str) -> String {
    format!("GET /stream/{script} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn asked(request: &str) -> (Rig, Peer) {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(request);
    rig.run();
    (rig, peer)
}

#[test]
fn a_part_goes_behind_what_the_source_has_written() {
    let (rig, peer) = asked(&get("100,5000S,100,200000S?length=205200"));
    let answer = peer.take_answer();
    assert_eq!(answer.field("Content-Length"), Some("205200"));
    assert_eq!(answer.body, pattern(205_200));
    assert_eq!(rig.account.file_sends.get(), 2);
    assert_eq!(rig.account.broken_streams.get(), 0);
}

#[test]
fn a_head_and_a_part_are_two_calls_and_no_buffer() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    peer.send(get("5000S?length=5000"));
    rig.run();
    assert_eq!(peer.take_answer().body, pattern(5000));
    assert_eq!(peer.calls().sends, 2);
    assert_eq!(peer.calls().registrations, 1, "there was room");
    assert_eq!((rig.lent(), rig.account.pool_misses.get()), (0, 0));
}

/// Whatever the peer takes at once, also in the middle of the head.
#[test]
fn the_bytes_are_the_same_in_portions_of_any_size() {
    let script = "3,200S,7,1000S,K,90S?length=1300";
    let (_, whole) = {
        let (rig, peer) = asked(&(get(script) + &String::from_utf8_lossy(HELLO)));
        (rig.asked(), peer.received())
    };
    assert!(whole.ends_with(b"hello"));
    for portion in (1..40).chain([99, 100, 101, 500, 1299, 1300, 1301, 2000]) {
        let mut rig = Rig::new();
        let peer = rig.connect();
        peer.take_at_most(0);
        peer.send(get(script) + &String::from_utf8_lossy(HELLO));
        rig.run();
        while peer.received().len() < whole.len() {
            let before = peer.received().len();
            peer.drain_more(portion);
            rig.run();
            assert!(peer.received().len() > before, "it stands still");
        }
        assert_eq!(peer.received(), whole, "portions of {portion}");
        assert_eq!(rig.lent(), 0);
    }
}

#[test]
fn what_is_pipelined_waits_until_the_part_is_taken() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(300);
    peer.send(get("1000S?length=1000") + &String::from_utf8_lossy(HELLO));
    rig.run();
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.unread(), HELLO.len(), "nothing is read meanwhile");
    peer.take_all();
    rig.run();
    let bodies: Vec<_> = peer.answers().iter().map(|it| it.body.len()).collect();
    assert_eq!(bodies, [1000, 5, 5]);
}

#[test]
fn a_file_that_has_shrunk_resets_the_connection() {
    for script in ["10Z?length=10", "100,2000S,10Z,5?length=2115"] {
        let (rig, peer) = asked(&(get(script) + &String::from_utf8_lossy(HELLO)));
        assert!(peer.is_closed() && peer.was_reset(), "{script}");
        assert!(!peer.received().ends_with(b"hello"));
        assert_eq!(rig.account.broken_streams.get(), 1);
    }
}

#[test]
fn a_part_beyond_the_length_or_without_one_is_a_failure() {
    for script in ["20S?length=10", "10S"] {
        let (rig, peer) = asked(&(get(script) + &String::from_utf8_lossy(HELLO)));
        let statuses: Vec<_> = peer.answers().iter().map(|it| it.status).collect();
        assert_eq!(statuses, [500, 200], "{script}");
        assert_eq!(rig.account.file_sends.get(), 0);
    }
    let (_rig, peer) = asked(&get("5,6S?length=10"));
    assert!(peer.received().ends_with(b"\r\n\r\n00000") && peer.saw_fin());
}

#[test]
fn to_head_no_file_is_sent() {
    let head = get("10S?length=10").replace("GET", "HEAD");
    let (rig, peer) = asked(&head);
    let received = String::from_utf8(peer.received()).unwrap();
    assert!(received.contains("Content-Length: 10\r\n") && received.ends_with("\r\n\r\n"));
    assert_eq!((rig.asked(), rig.account.file_sends.get()), (0, 0));
}

#[test]
fn a_reader_that_takes_nothing_of_a_part_is_too_slow() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(300);
    peer.send(get("1000S?length=1000"));
    rig.run();
    rig.advance(19 * SECOND);
    assert!(peer.is_open());
    rig.advance(2 * SECOND);
    assert!(peer.is_closed());
    assert_eq!(rig.account.refusals[Refusal::SlowReader as usize].get(), 1);
}

#[test]
fn a_wakeup_that_finds_no_room_is_no_sign_of_life() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(300);
    peer.send(get("1000S?length=1000"));
    rig.run();
    let ready = Readiness {
        readable: false,
        more_follows: false,
        writable: true,
    };
    for _ in 0..4 {
        rig.advance(5 * SECOND);
        peer.spurious(ready);
        rig.run();
    }
    rig.advance(SECOND);
    assert!(peer.is_closed());
}

#[test]
fn one_that_goes_in_the_middle_leaves_nothing_behind() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(300);
    peer.send(get("1000S,1000S?length=2000"));
    rig.run();
    peer.reset();
    rig.run();
    assert!(peer.is_closed());
    assert_eq!((rig.account.resets.get(), rig.lent()), (1, 0));
}

#[test]
fn a_job_ends_and_the_source_goes_on() {
    let (mut rig, peer) = asked(&get("10S,J,10S,J,5E?length=25"));
    rig.run_with_mail();
    rig.run_with_mail();
    assert_eq!(peer.take_answer().body, pattern(25));
    assert_eq!((rig.asked(), rig.account.jobs.get()), (5, 2));
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

/// It can tell nobody, so it tries again.
#[test]
fn a_source_that_finds_the_queue_full_waits() {
    let mut rig = Rig::with(|config| (config.job_threads, config.limits.jobs) = (1, 1));
    let busy = [(); 2].map(|()| rig.connect());
    for peer in &busy {
        peer.send("GET /held?it HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.run();
        rig.site.gate.wait_for(1);
    }
    let peer = rig.connect();
    peer.send(get("10S,J,J,10S?length=20"));
    rig.run();
    assert_eq!(rig.asked(), 2);
    rig.advance(900 * US);
    assert_eq!(rig.asked(), 2);
    rig.advance(100 * US);
    assert_eq!(rig.asked(), 3, "after a millisecond");
    rig.site.gate.open();
    assert!(peer.is_open());
}

#[test]
fn whoever_goes_meanwhile_drops_the_job() {
    let (mut rig, peer) = asked(&get("10S,J,10S?length=20"));
    peer.reset();
    rig.run_with_mail();
    assert!(peer.is_closed());
    assert_eq!(rig.account.resets.get(), 1);
}

#[test]
fn a_part_under_way_is_sent_while_the_server_leaves() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(300);
    peer.send(get("1000S,1000S?length=2000"));
    rig.run();
    rig.drain();
    rig.run();
    peer.take_all();
    rig.run();
    let answer = peer.take_answer();
    assert_eq!(answer.body, pattern(2000));
}

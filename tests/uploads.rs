//! Bodies that their handler takes as they come: in place and not kept, held back when it waits,
//! answered early, and within limits of its own. The scripts are explained in `support::takers`.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use barewire::accounts::Refusal;
use support::{HELLO, Peer, Rig, pattern};

mod support;

const US: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn head(script: &str, fields: &str) -> Vec<u8> {
    format!("POST /take/{script} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
}

fn by_length(script: &str, bytes: usize) -> Vec<u8> {
    let mut request = head(script, &format!("Content-Length: {bytes}\r\n"));
    request.extend(pattern(bytes));
    request
}

fn in_chunks(script: &str, bytes: usize, each: usize) -> Vec<u8> {
    let mut request = head(script, "Transfer-Encoding: chunked\r\n");
    for chunk in pattern(bytes).chunks(each) {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend([chunk, b"\r\n"].concat());
    }
    request.extend(b"0\r\nX-Dropped: 1\r\n\r\n");
    request
}

fn expected(bytes: usize) -> String {
    let add = |sum: u64, byte: &u8| sum * 31 % 65_521 + u64::from(*byte);
    let sum = pattern(bytes).iter().fold(0, add);
    format!("{bytes} bytes, sum {sum}")
}

fn asked(request: impl AsRef<[u8]>) -> (Rig, Peer) {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(request);
    rig.run();
    (rig, peer)
}

#[test]
fn a_body_is_handed_over_in_place_and_nothing_is_kept() {
    for bytes in [0, 1, 100, 100_000] {
        for chunked in [false, true] {
            let mut rig = Rig::full();
            let peer = rig.connect();
            let request = if chunked {
                in_chunks("", bytes, 1000)
            } else {
                by_length("", bytes)
            };
            peer.send([&request[..], HELLO].concat());
            rig.run();
            let answers = peer.take_answers();
            assert_eq!(answers[0].text(), expected(bytes), "{bytes} {chunked}");
            assert_eq!(rig.site.sources.copied.load(Relaxed), 0);
            assert_eq!(answers[1].text(), "hello");
            let missed = rig.account.pool_misses.get();
            assert!(missed <= 1, "{missed} buffers for {bytes} bytes");
        }
    }
}

#[test]
fn a_body_without_an_end_takes_constant_memory() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    peer.send(head("?limit=1000000000", "Transfer-Encoding: chunked\r\n"));
    let chunk = [&b"8000\r\n"[..], &pattern(0x8000), b"\r\n"].concat();
    for _ in 0..500 {
        peer.send(&chunk);
        rig.run();
        assert!(rig.lent() <= 8192, "{} bytes lent", rig.lent());
    }
    peer.send(b"0\r\n\r\n");
    rig.run();
    let text = peer.take_answer().text().to_owned();
    assert!(
        text.starts_with(&format!("{} bytes", 500 * 0x8000)),
        "{text}"
    );
}

#[test]
fn any_split_has_the_same_answer() {
    for request in [by_length(",L20", 40), in_chunks(",K", 60, 7)] {
        let bytes = if request.starts_with(b"POST /take/,L20") {
            40
        } else {
            60
        };
        for at in 1..request.len() {
            let mut rig = Rig::new();
            let peer = rig.connect();
            peer.send(&request[..at]);
            rig.run();
            peer.send(&request[at..]);
            rig.advance(20 * US);
            assert_eq!(peer.take_answer().text(), expected(bytes), "cut at {at}");
        }
    }
}

#[test]
fn while_the_handler_waits_nothing_is_read() {
    let request = by_length("L500,W", 100_000);
    let (mut rig, peer) = asked(&request[..20_000]);
    let unread = peer.unread();
    assert!(unread > 10_000, "{unread} bytes left in the kernel");
    peer.send(&request[20_000..]);
    rig.advance(499 * US);
    assert_eq!(peer.unread(), unread + request.len() - 20_000);
    assert!(rig.lent() <= 8192);
    rig.advance(US);
    let before = peer.unread();
    assert!(before > 0, "it waits to be woken");
    // However long: the silence is of our making.
    rig.advance(100 * SECOND);
    assert_eq!(peer.unread(), before);
    let waker = rig.waker();
    thread::spawn(move || waker.wake()).join().unwrap();
    rig.run_with_mail();
    assert_eq!(peer.take_answer().text(), expected(100_000));
}

#[test]
fn the_answer_may_take_its_time_behind_the_body() {
    let (mut rig, peer) = asked([by_length("L100,K", 5), HELLO.to_vec()].concat());
    assert!(peer.received().is_empty());
    rig.advance(100 * US);
    let answers = peer.take_answers();
    assert_eq!(
        (answers[0].text(), answers[1].text()),
        (&expected(5)[..], "hello")
    );
}

#[test]
fn a_peer_that_waits_is_told_to_continue_when_its_body_is_wanted() {
    let expects = "Expect: 100-continue\r\nContent-Length: 10\r\n";
    let (mut rig, peer) = asked(head("", expects));
    assert_eq!(peer.take_received(), CONTINUE);
    peer.send([&pattern(10), HELLO].concat());
    rig.run();
    let answers = peer.take_answers();
    assert_eq!(
        (answers[0].text(), answers[0].closes()),
        (&expected(10)[..], false)
    );
    assert_eq!(answers[1].text(), "hello");
    // Not wanted, too long for it, or here already: no 100.
    let not = String::from_utf8(head("", expects))
        .unwrap()
        .replace("/take/", "/take-not");
    for (request, status) in [
        (not.into_bytes(), 401),
        (head("?limit=9", expects), 413),
        ([head("", expects), pattern(10)].concat(), 200),
    ] {
        let (_rig, peer) = asked(request);
        let answer = peer.take_answer();
        assert_eq!((answer.status, answer.closes()), (status, status != 200));
    }
}

#[test]
fn an_early_answer_is_followed_by_the_rest_of_the_body_or_by_the_end() {
    // In the middle: the rest is dropped, and the next request answered.
    let request = [by_length("U", 50_000), HELLO.to_vec()].concat();
    let (_rig, peer) = asked(&request);
    let answers = peer.take_answers();
    assert_eq!((answers[0].status, answers[0].closes()), (401, false));
    assert_eq!(answers[1].text(), "hello");
    // More than is dropped of any body, or an answer that takes its time: the connection closes.
    let (_rig, peer) = asked(by_length("U?limit=9000000", 2_000_000));
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (401, true));
    assert!(peer.saw_fin() && !peer.was_reset());
    let (mut rig, peer) = asked(by_length("J", 50_000));
    rig.run_with_mail();
    let answer = peer.take_answer();
    assert_eq!((answer.text(), answer.closes()), ("judged", true));
    // At the end there is no rest.
    let (mut rig, peer) = asked([by_length("J", 5), HELLO.to_vec()].concat());
    rig.run_with_mail();
    let answers = peer.take_answers();
    assert_eq!((answers[0].closes(), answers[1].text()), (false, "hello"));
}

#[test]
fn a_limit_of_its_own_may_be_larger_or_smaller_than_the_servers() {
    let (rig, peer) = asked(by_length("?limit=100", 101));
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (413, true));
    assert_eq!(
        rig.account.refusals[Refusal::BodyTooLarge as usize].get(),
        1
    );
    let (_rig, peer) = asked(in_chunks("?limit=100", 101, 10));
    assert_eq!((peer.take_answer().status, peer.saw_fin()), (413, true));
    for request in [
        by_length("?limit=3000000", 3_000_000),
        in_chunks("?limit=100", 100, 10),
    ] {
        let (_rig, peer) = asked(request);
        assert_eq!(peer.take_answer().status, 200);
    }
    // Without one it is the server's.
    let (_rig, peer) = asked(by_length("", 2_000_000));
    assert_eq!(peer.take_answer().status, 413);
}

#[test]
fn a_panic_is_a_500_and_the_connection_goes_on() {
    let (rig, peer) = asked([by_length("P", 50_000), HELLO.to_vec()].concat());
    let answers = peer.take_answers();
    assert_eq!((answers[0].status, answers[1].text()), (500, "hello"));
    assert_eq!(rig.account.panics.get(), 1);
}

#[test]
fn who_sends_too_slowly_or_ends_in_the_middle_is_refused() {
    let (mut rig, peer) = asked(&by_length("", 1000)[..300]);
    rig.advance(11 * SECOND);
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    let (mut rig, peer) = asked(&by_length("", 1000)[..300]);
    peer.finish();
    rig.run();
    assert_eq!(peer.take_answer().status, 400);
    let (mut rig, peer) = asked(head("", "Transfer-Encoding: chunked\r\n"));
    peer.send(b"x\r\n");
    rig.run();
    assert_eq!(peer.take_answer().status, 400);
    // One that has gone while the handler waits is let go.
    let (mut rig, peer) = asked(&by_length("W", 1000)[..300]);
    peer.reset();
    rig.run();
    assert!(peer.is_closed());
    assert_eq!(rig.account.resets.get(), 1);
}

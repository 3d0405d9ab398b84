//! What the account of a reactor keeps apart: why it was woken, where it copied, which calls found
//! nothing, and the stages around those of a request.

use std::time::Duration;

use barewire::accounts::{Copied, Figures, Stage, Woken, WouldBlock};
use support::{Answer, HELLO, Peer, Rig};

mod support;

const MS: Duration = Duration::from_millis(1);

/// What `spend` was counted as.
fn counted(rig: &mut Rig, spend: impl FnOnce(&mut Rig)) -> Figures {
    let before = Figures::of(&rig.account);
    spend(rig);
    Figures::of(&rig.account).since(&before)
}

/// Wakeups of each cause: ready, timer, answer, resume, drain.
fn woken(rig: &mut Rig, spend: impl FnOnce(&mut Rig)) -> [u64; Woken::COUNT] {
    counted(rig, spend).wakeups
}

/// Bytes copied at each place: answer, input, output, head, body.
fn copied(rig: &mut Rig, spend: impl FnOnce(&mut Rig)) -> [u64; Copied::COUNT] {
    counted(rig, spend).bytes_copied
}

fn ask(peer: &Peer, rig: &mut Rig, target: &str) {
    peer.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    rig.run();
}

#[test]
fn wakeups_are_counted_by_their_cause() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let by_request = woken(&mut rig, |rig| ask(&peer, rig, "/hello"));
    assert_eq!(by_request, [1, 0, 0, 0, 0, 0, 0]);
    let by_wait = woken(&mut rig, |rig| {
        ask(&peer, rig, "/wait?us=100");
        rig.advance(MS);
    });
    assert_eq!(by_wait, [1, 1, 0, 0, 0, 0, 0]);
    let by_job = woken(&mut rig, |rig| {
        ask(&peer, rig, "/job");
        rig.run_with_mail();
    });
    assert_eq!(by_job, [1, 0, 1, 0, 0, 0, 0]);
    let by_waker = woken(&mut rig, |rig| {
        ask(&peer, rig, "/stream/1W,1E");
        rig.waker().wake();
        rig.wait_for_messages(2);
        rig.run();
    });
    assert_eq!(by_waker, [1, 0, 0, 0, 0, 0, 1]);
    let by_drain = woken(&mut rig, Rig::drain);
    assert_eq!(by_drain[Woken::Drain as usize], 1);
}

#[test]
fn a_peer_that_sends_much_is_resumed() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    // Each round reads 8 KiB, and an advance has eight of them.
    let requests = 20 * 8192 / HELLO.len();
    let resumed = woken(&mut rig, |rig| {
        peer.send(HELLO.repeat(requests));
        rig.run();
    });
    assert_eq!(resumed[Woken::Ready as usize], 1);
    assert!(resumed[Woken::Resume as usize] >= 2, "{resumed:?}");
    assert_eq!(peer.answers().len(), requests);
}

#[test]
fn copies_are_counted_by_their_place() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let whole = copied(&mut rig, |rig| ask(&peer, rig, "/hello"));
    assert_eq!(whole, [5, 0, 0, 0, 0, 0]);
    let in_two_pieces = copied(&mut rig, |rig| {
        peer.send(&HELLO[..10]);
        rig.run();
        peer.send(&HELLO[10..]);
        rig.run();
    });
    assert_eq!(in_two_pieces, [5, 10, 0, 0, 0, 0]);
    let head = "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";
    let collected = copied(&mut rig, |rig| {
        peer.send(format!("{head}{}", "x".repeat(40)));
        rig.run();
        peer.send("x".repeat(60));
        rig.run();
    });
    assert_eq!(collected[1..], [0, 0, head.len() as u64, 40, 0]);
    let before = peer.received().len();
    peer.take_at_most(10);
    let not_taken = copied(&mut rig, |rig| {
        ask(&peer, rig, "/hello");
        peer.take_all();
        rig.run();
    });
    let owed = peer.received().len() - before - 10;
    assert_eq!(not_taken, [5, 0, owed as u64, 0, 0, 0]);
}

#[test]
fn calls_that_find_nothing_are_counted_apart() {
    let mut rig = Rig::full();
    let connected = counted(&mut rig, |rig| drop(rig.connect())).eagains;
    assert_eq!(connected[WouldBlock::Accept as usize], 1);
    let peer = rig.connect();
    peer.take_at_most(0);
    let blocked = counted(&mut rig, |rig| ask(&peer, rig, "/hello"));
    assert_eq!(blocked.eagains, [0, 0, 1]);
    assert_eq!((blocked.writes, blocked.short_writes), (1, 1));
}

/// A second connection waits while the first has its turn.
#[test]
fn who_comes_second_waits() {
    let mut rig = Rig::full_with(|config| config.sample = 1);
    let [first, second] = [rig.connect(), rig.connect()];
    // The first request is not sampled.
    ask(&first, &mut rig, "/hello");
    let timed = counted(&mut rig, |rig| {
        first.send("GET /busy?us=30 HTTP/1.1\r\nHost: a\r\n\r\n");
        second.send("GET /busy?us=7 HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.run();
    });
    let stage = |stage: Stage| {
        let timed = timed.stages[stage as usize];
        (timed.count, timed.sum)
    };
    assert_eq!(stage(Stage::Wait), (2, 30_000));
    assert_eq!(stage(Stage::Handle), (2, 37_000));
    assert_eq!(stage(Stage::Rest), (2, 0));
}

/// The others of a batch are not timed, and would be all of its rest.
#[test]
fn a_batch_has_no_rest() {
    let mut rig = Rig::full_with(|config| config.sample = 1);
    let peer = rig.connect();
    ask(&peer, &mut rig, "/hello");
    let timed = counted(&mut rig, |rig| {
        peer.send("GET /busy?us=30 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(16));
        rig.run();
    });
    assert_eq!(timed.stages[Stage::Handle as usize].count, 1);
    assert_eq!(timed.stages[Stage::Write as usize].count, 1);
    assert_eq!(timed.stages[Stage::Rest as usize].count, 0);
}

#[test]
fn one_poll_in_sixteen_samples_is_timed() {
    let mut rig = Rig::with(|config| config.sample = 2);
    let before = Figures::of(&rig.account);
    for _ in 0..64 {
        rig.turn();
    }
    let timed = Figures::of(&rig.account).since(&before).poll_time;
    // The scripted CPU clock moves by 700 ns with each reading.
    assert_eq!((timed.count, timed.sum), (2, 1400));
    let mut rig = Rig::with(|config| config.sample = 0);
    for _ in 0..64 {
        rig.turn();
    }
    assert_eq!(Figures::of(&rig.account).poll_time.count, 0);
}

#[test]
fn answers_are_told_their_times_if_that_is_on() {
    let mut rig = Rig::full_with(|config| config.server_timing = true);
    let peer = rig.connect();
    for us in [1500, 20] {
        ask(&peer, &mut rig, &format!("/busy?us={us}"));
        let answer = peer.take_answer();
        let handle = format!(
            "wait;dur=0.000, read;dur=0.000, parse;dur=0.000, handle;dur={}.{:03}",
            us / 1000,
            us % 1000
        );
        assert_eq!(answer.field("Server-Timing"), Some(handle.as_str()));
    }
    // Of a batch, the first.
    let batch = rig.connect();
    batch.send(HELLO.repeat(2));
    rig.run();
    let told = |answer: &Answer| answer.field("Server-Timing").is_some();
    let told: Vec<_> = batch.answers().iter().map(told).collect();
    assert_eq!(told, [true, false]);
    ask(&peer, &mut rig, "/wait?us=100");
    rig.advance(MS);
    assert_eq!(peer.take_answer().field("Server-Timing"), None);
    let mut rig = Rig::full_with(|config| config.sample = 1);
    let peer = rig.connect();
    for _ in 0..3 {
        ask(&peer, &mut rig, "/hello");
        assert_eq!(peer.take_answer().field("Server-Timing"), None);
    }
}

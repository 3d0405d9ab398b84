//! Wakeups are hints: late ones, doubled ones and those for a connection that has gone do no harm,
//! and none reaches the next connection in the same place.

use std::time::Duration;

use barewire::reactor::kernel::Readiness;
use support::{HELLO, Rig};

mod support;

const MS: Duration = Duration::from_millis(1);
const US: Duration = Duration::from_micros(1);

#[test]
fn a_reset_while_an_answer_is_made_ends_the_wait_at_once() {
    for target in ["/held?x", "/wait?us=10000000"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        // The reset comes after the request, or with it.
        for together in [false, true] {
            let mut rig = Rig::new();
            let peer = rig.connect();
            peer.send(&request);
            if !together {
                rig.run();
            }
            peer.reset();
            rig.run();
            assert!(peer.is_closed(), "{target}, {together}");
            assert_eq!(rig.reactor.connections(), 0);
            assert_eq!(rig.account.resets.get(), 1);
        }
    }
}

#[test]
fn who_has_only_shut_down_its_side_still_gets_its_answer() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send_with_fin("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    assert!(peer.is_open());
    rig.advance(100 * US);
    assert_eq!(peer.take_answer().text(), "waited 100 us");
}

#[test]
fn a_read_that_stopped_at_urgent_data_is_not_the_last() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    for before in [1, 10, HELLO.len() - 1, HELLO.len()] {
        peer.send_with_urgent_data(HELLO, before);
        rig.run();
        assert_eq!(peer.take_answer().text(), "hello", "{before}");
    }
    assert!(peer.is_open());
}

#[test]
fn a_late_answer_finds_nobody() {
    // The peer owes reading, and so long that it is given up while its job still runs.
    let mut rig = Rig::full();
    let first = rig.connect();
    first.take_at_most(0);
    first.send(
        "GET /name?owed HTTP/1.1\r\nHost: a\r\n\r\nGET /held?first HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    rig.run();
    rig.site.gate.wait_for(1);
    rig.advance(20_000 * MS);
    assert!(first.is_closed());
    let second = rig.connect();
    second.send("GET /held?second HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.site.gate.wait_for(2);
    let stale = rig.account.stale_wakeups.get();
    rig.site.gate.open();
    while rig.account.stale_wakeups.get() == stale || second.received().is_empty() {
        rig.run_with_mail();
    }
    assert_eq!(second.take_answer().text(), "held for second");
    assert_eq!(first.received(), b"");
    assert_eq!(rig.account.stale_wakeups.get(), stale + 1);
}

#[test]
fn the_timer_of_one_that_has_gone_does_not_reach_the_next() {
    let mut rig = Rig::new();
    let first = rig.connect();
    rig.advance(10_000 * MS);
    first.finish();
    rig.run();
    assert!(first.is_closed());
    let second = rig.connect();
    // The first would have been closed 30 s after it was accepted: 20 s after the second was.
    rig.advance(20_000 * MS);
    assert!(second.is_open());
    assert_eq!(rig.account.stale_wakeups.get(), 1);
    rig.advance(10_000 * MS);
    assert!(second.saw_fin());
}

#[test]
fn a_wait_of_one_that_has_gone_does_not_reach_the_next() {
    let mut rig = Rig::new();
    let first = rig.connect();
    first.take_at_most(0);
    let wait = "GET /wait?us=30000000 HTTP/1.1\r\nHost: a\r\n\r\n";
    first.send(format!("GET /name?owed HTTP/1.1\r\nHost: a\r\n\r\n{wait}"));
    rig.run();
    rig.advance(20_000 * MS);
    assert!(first.is_closed(), "it has taken no byte for 20 s");
    let second = rig.connect();
    second.send(HELLO);
    rig.advance(10_000 * MS);
    assert_eq!(second.take_answer().text(), "hello");
    assert!(second.is_open() && first.received().is_empty());
}

#[test]
fn an_end_and_a_request_may_come_with_one_poll() {
    let mut rig = Rig::new();
    let first = rig.connect();
    let second = rig.connect();
    first.finish();
    second.send(HELLO);
    rig.run();
    assert!(first.is_closed());
    assert_eq!(second.take_answer().text(), "hello");
}

#[test]
fn a_deadline_and_bytes_in_the_same_turn() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    peer.send(HELLO);
    rig.hold_up(100 * US);
    rig.run();
    let texts: Vec<String> = peer.answers().iter().map(|a| a.text().to_owned()).collect();
    assert_eq!(texts, ["waited 100 us", "hello"]);
}

#[test]
fn spurious_readiness_is_looked_at_and_forgotten() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let all = Readiness {
        readable: true,
        more_follows: false,
        writable: true,
    };
    let writable = Readiness {
        readable: false,
        ..all
    };
    for ready in [all, writable, all] {
        peer.spurious(ready);
        rig.run();
        assert!(peer.is_open());
    }
    assert_eq!(peer.calls().recvs, 2);
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn spurious_readiness_while_an_answer_is_owed() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(10);
    peer.send(HELLO);
    rig.run();
    for writable in [false, true] {
        peer.spurious(Readiness {
            readable: true,
            more_follows: false,
            writable,
        });
        rig.run();
    }
    assert_eq!(peer.received().len(), 10);
    peer.take_all();
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    assert!(peer.is_open());
}

#[test]
fn a_recv_that_is_interrupted_is_tried_again() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.interrupt_recv();
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn an_answer_that_its_peer_has_left_goes_to_nobody_else() {
    // The peer owes reading when the answer that it waits for is made, and has reset the
    // connection.
    for by_job in [false, true] {
        let mut rig = Rig::full();
        let first = rig.connect();
        let second = rig.connect();
        first.take_at_most(10);
        let target = if by_job {
            "/held?secret"
        } else {
            "/wait?us=100"
        };
        first.send(
            [
                HELLO,
                format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
            ]
            .concat(),
        );
        rig.run();
        if by_job {
            rig.site.gate.open();
            rig.wait_for_mail();
        } else {
            rig.hold_up(100 * US);
        }
        first.reset();
        second.send(HELLO);
        rig.run();
        assert!(first.is_closed());
        assert_eq!(second.take_answer().text(), "hello");
    }
}

/// Were it all of them, who is ready would wait for every deadline that has passed.
#[test]
fn two_due_timers_are_served_before_each_advance_and_no_more() {
    let mut rig = Rig::full();
    let waiting = [(); 10].map(|()| {
        let peer = rig.connect();
        peer.send("GET /wait?us=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
        peer
    });
    let ready = [(); 3].map(|()| rig.connect());
    for peer in &ready {
        peer.send(HELLO);
    }
    rig.hold_up(MS);
    rig.turn();
    let answered = waiting.iter().filter(|peer| !peer.received().is_empty());
    assert_eq!(answered.count(), 2 * ready.len());
    rig.run();
}

#[test]
fn timers_that_do_not_count_any_more_are_swept_out() {
    let mut rig = Rig::new();
    for _ in 0..5000 {
        let peer = rig.connect();
        peer.finish();
        rig.run();
        assert!(peer.is_closed());
        assert!(rig.reactor.timers() <= 1025, "{}", rig.reactor.timers());
    }
}

#[test]
fn timers_of_deferred_answers_are_swept_out() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for _ in 0..5000 {
        peer.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.advance(100 * US);
        assert_eq!(peer.take_answer().text(), "waited 100 us");
        assert!(rig.reactor.timers() <= 1025, "{}", rig.reactor.timers());
    }
}

#[test]
fn a_due_timer_waits_for_eight_others_at_the_most() {
    let mut rig = Rig::full();
    let waiting = rig.connect();
    let busy: Vec<_> = (0..64).map(|_| rig.connect()).collect();
    waiting.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.turn();
    for peer in &busy {
        // Each keeps the reactor busy for 20 us of one turn.
        peer.send("GET /busy?us=20 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    rig.turn();
    let waited = waiting.take_answer();
    let us: u32 = waited.text().split(' ').nth(1).unwrap().parse().unwrap();
    assert!((100..=260).contains(&us), "{us}");
    assert!(busy.iter().all(|peer| peer.answers().len() == 1));
}

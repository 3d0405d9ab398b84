//! What a request costs in system calls, buffers and timers: exactly this, and nothing more.

use std::time::Duration;

use barewire::accounts::{ReactorAccount, Stage, total};
use support::{Calls, HELLO, Rig};

mod support;

/// What may be spent: the counters of the account that are costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Costs {
    recvs: u64,
    sends: u64,
    registrations: u64,
    accepts: u64,
    eagains: u64,
    pool: u64,
    timers: u64,
    copied: u64,
}

const FREE: Costs = Costs {
    recvs: 0,
    sends: 0,
    registrations: 0,
    accepts: 0,
    eagains: 0,
    pool: 0,
    timers: 0,
    copied: 0,
};

fn so_far(account: &ReactorAccount) -> Costs {
    Costs {
        recvs: account.reads.get(),
        sends: account.writes.get(),
        registrations: account.registrations.get(),
        accepts: account.accepts.get(),
        eagains: total(&account.eagains),
        pool: account.pool_hits.get() + account.pool_misses.get(),
        timers: account.timers_set.get(),
        copied: total(&account.bytes_copied),
    }
}

/// However a connection ends, the accounts count what the kernel was asked for.
#[test]
fn an_end_costs_a_shutdown_of_ours_and_a_close() {
    const LAST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    type End = fn(&mut Rig, &support::Peer);
    let ends: [(&str, End, usize); 4] = [
        ("the peer ends", |_, peer| peer.finish(), 0),
        ("the peer resets", |_, peer| peer.reset(), 0),
        (
            "the answer is the last",
            |rig, peer| {
                peer.send(LAST);
                rig.run();
                peer.finish();
            },
            1,
        ),
        (
            "the peer lingers",
            |rig, peer| {
                peer.send(LAST);
                rig.run();
                rig.advance(rig.config.timeouts.linger);
            },
            1,
        ),
    ];
    for (what, end, shutdowns) in ends {
        let mut rig = Rig::full();
        let peer = rig.connect();
        end(&mut rig, &peer);
        rig.run();
        let (calls, account) = (peer.calls(), &rig.account);
        assert_eq!((calls.shutdowns, calls.closes), (shutdowns, 1), "{what}");
        let counted = (account.shutdowns.get(), account.closes.get());
        assert_eq!(counted, (shutdowns as u64, 1), "{what}");
    }
}

/// What `spend` cost.
fn cost(rig: &mut Rig, spend: impl FnOnce(&mut Rig)) -> Costs {
    let before = so_far(&rig.account);
    spend(rig);
    let after = so_far(&rig.account);
    Costs {
        recvs: after.recvs - before.recvs,
        sends: after.sends - before.sends,
        registrations: after.registrations - before.registrations,
        accepts: after.accepts - before.accepts,
        eagains: after.eagains - before.eagains,
        pool: after.pool - before.pool,
        timers: after.timers - before.timers,
        copied: after.copied - before.copied,
    }
}

#[test]
fn a_connection_costs_an_accept_a_registration_and_a_timer() {
    let mut rig = Rig::full();
    let costs = cost(&mut rig, |rig| drop(rig.connect()));
    // The second accept finds the backlog empty: only that ends an edge.
    let expected = Costs {
        accepts: 2,
        eagains: 1,
        registrations: 1,
        timers: 1,
        ..FREE
    };
    assert_eq!(costs, expected);
}

#[test]
fn a_request_costs_a_recv_and_a_send() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    for _ in 0..100 {
        let costs = cost(&mut rig, |rig| {
            peer.send(HELLO);
            rig.run();
        });
        let expected = Costs {
            recvs: 1,
            sends: 1,
            // The body, 5 bytes of it, into the output.
            copied: 5,
            ..FREE
        };
        assert_eq!(costs, expected);
    }
    let expected = Calls {
        recvs: 100,
        sends: 100,
        registrations: 1,
        ..Calls::default()
    };
    assert_eq!(peer.calls(), expected);
    assert_eq!(peer.answers().len(), 100);
}

#[test]
fn sixteen_pipelined_requests_cost_a_recv_and_a_send() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let costs = cost(&mut rig, |rig| {
        peer.send(HELLO.repeat(16));
        rig.run();
    });
    let expected = Costs {
        recvs: 1,
        sends: 1,
        copied: 16 * 5,
        ..FREE
    };
    assert_eq!(costs, expected);
    assert_eq!(peer.answers().len(), 16);
}

#[test]
fn a_request_takes_one_turn_and_the_wait_after_it() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    peer.send(HELLO);
    assert_eq!(rig.run(), 2);
}

#[test]
fn a_request_in_two_pieces_costs_a_buffer() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let costs = cost(&mut rig, |rig| {
        peer.send(&HELLO[..10]);
        rig.run();
        peer.send(&HELLO[10..]);
        rig.run();
    });
    let expected = Costs {
        recvs: 2,
        sends: 1,
        pool: 1,
        // The deadline of a head comes before that of an idle connection.
        timers: 1,
        copied: 10 + 5,
        ..FREE
    };
    assert_eq!(costs, expected);
    assert_eq!(rig.lent(), 0);
}

#[test]
fn a_deferred_request_costs_a_timer_more() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let costs = cost(&mut rig, |rig| {
        peer.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.run();
        rig.advance(Duration::from_micros(100));
    });
    let expected = Costs {
        recvs: 1,
        sends: 1,
        // For the wait, and for the idle connection after it.
        timers: 2,
        copied: "waited 100 us".len() as u64,
        ..FREE
    };
    assert_eq!(costs, expected);
    assert_eq!(peer.take_answer().text(), "waited 100 us");
}

#[test]
fn the_end_costs_one_recv() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let costs = cost(&mut rig, |rig| {
        peer.finish();
        rig.run();
    });
    assert_eq!(costs, Costs { recvs: 1, ..FREE });
    assert!(peer.is_closed());
}

#[test]
fn a_short_send_costs_a_buffer_a_registration_and_a_timer() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    peer.take_at_most(10);
    let costs = cost(&mut rig, |rig| {
        peer.send(HELLO);
        rig.run();
        peer.take_all();
        rig.run();
    });
    let owed = peer.received().len() - 10;
    let expected = Costs {
        recvs: 1,
        sends: 2,
        registrations: 1,
        pool: 1,
        timers: 1,
        copied: 5 + owed as u64,
        ..FREE
    };
    assert_eq!(costs, expected);
}

#[test]
fn a_body_that_came_with_its_head_costs_nothing() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let costs = cost(&mut rig, |rig| {
        peer.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        rig.run();
    });
    let expected = Costs {
        recvs: 1,
        sends: 1,
        copied: "3 bytes in 1 pieces, 0 copied".len() as u64,
        ..FREE
    };
    assert_eq!(costs, expected);
}

#[test]
fn an_upload_costs_its_segments_and_no_copy() {
    let mut rig = Rig::full();
    let peer = rig.connect();
    let body_bytes = 8 * 1024 + 4 * 64 * 1024;
    let head = format!("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: {body_bytes}\r\n\r\n");
    let costs = cost(&mut rig, |rig| {
        peer.send(&head);
        rig.run();
        peer.send(vec![b'x'; body_bytes]);
        rig.run();
    });
    let answer = peer.take_answer();
    let expected = Costs {
        // The head; two small segments and four large ones, each filled to its end; and since the
        // last one was full too, one look whether there is more.
        recvs: 1 + 6 + 1,
        eagains: 1,
        sends: 1,
        // The head is kept while the body comes.
        pool: 1 + 6,
        timers: 1,
        copied: (head.len() + answer.body.len()) as u64,
        ..FREE
    };
    assert_eq!(costs, expected);
    assert_eq!(rig.lent(), 0);
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let mut rig = Rig::new();
    let peers: Vec<_> = (0..100).map(|_| rig.connect()).collect();
    for peer in &peers {
        peer.send(HELLO);
    }
    rig.run();
    assert_eq!(rig.lent(), 0);
}

#[test]
fn events_and_turns_are_counted() {
    let mut rig = Rig::new();
    let peers: Vec<_> = (0..10).map(|_| rig.connect()).collect();
    let (turns, events, wakeups) = (
        rig.account.turns.get(),
        rig.account.events.get(),
        total(&rig.account.wakeups),
    );
    for peer in &peers {
        peer.send(HELLO);
    }
    rig.turn();
    assert_eq!(rig.account.turns.get(), turns + 1);
    assert_eq!(rig.account.events.get(), events + 10);
    assert_eq!(total(&rig.account.wakeups), wakeups + 10);
}

/// A rig that times every request but the first.
fn timing() -> Rig {
    Rig::full_with(|config| config.sample = 1)
}

#[test]
fn a_sample_times_its_own_request() {
    let mut rig = timing();
    let peer = rig.connect();
    for _ in 0..2 {
        peer.send("GET /busy?us=30 HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.run();
    }
    let timed = |stage: Stage| rig.account.stages[stage as usize].snapshot();
    assert_eq!(
        (timed(Stage::Handle).count, timed(Stage::Handle).max),
        (1, 30_000)
    );
    for stage in [Stage::Read, Stage::Parse, Stage::Serialise, Stage::Write] {
        assert_eq!((timed(stage).count, timed(stage).max), (1, 0), "{stage:?}");
    }
    let response = rig.account.response_time.snapshot();
    assert_eq!((response.count, response.max), (1, 30_000));
}

#[test]
fn a_sample_that_comes_to_nothing_is_charged_to_nobody_else() {
    let mut rig = timing();
    let [slow, quick] = [rig.connect(), rig.connect()];
    slow.send(HELLO);
    rig.run();
    // The sample falls on half a head; then five seconds pass.
    slow.send(&HELLO[..10]);
    rig.run();
    rig.advance(Duration::from_secs(5));
    for _ in 0..3 {
        quick.send(HELLO);
        rig.run();
    }
    slow.send(&HELLO[10..]);
    rig.run();
    assert_eq!(slow.answers().len(), 2);
    for stage in Stage::ALL {
        let timed = rig.account.stages[stage.0 as usize].snapshot();
        assert_eq!(timed.max, 0, "{}", stage.1);
    }
    assert_eq!(rig.account.response_time.snapshot().max, 0);
}

#[test]
fn a_deferred_answer_is_timed_from_its_request() {
    let mut rig = Rig::full();
    let [waiting, other] = [rig.connect(), rig.connect()];
    waiting.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.advance(Duration::from_micros(100));
    let response = rig.account.response_time.snapshot();
    assert_eq!((response.count, response.max), (1, 100_000));
    // One that cannot be sent at once is not charged to whoever sends next.
    waiting.take_at_most(0);
    waiting.send([HELLO, b"GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    rig.run();
    rig.advance(Duration::from_micros(100));
    rig.advance(Duration::from_secs(5));
    other.send(HELLO);
    rig.run();
    assert_eq!(rig.account.response_time.snapshot().max, 100_000);
}

#[test]
fn a_wait_is_not_charged_to_the_handler() {
    let mut rig = timing();
    let peer = rig.connect();
    peer.send(HELLO);
    rig.run();
    peer.send("GET /wait?us=100 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    rig.advance(Duration::from_micros(100));
    for stage in Stage::ALL {
        let timed = rig.account.stages[stage.0 as usize].snapshot();
        assert_eq!(timed.max, 0, "{}", stage.1);
    }
    assert_eq!(rig.account.response_time.snapshot().max, 100_000);
}

//! How new connections are let in: bounded, paused and resumed, and never in a spin.

use std::time::Duration;

use barewire::config::bounds::ACCEPTS_PER_TURN;
use rustix::io::Errno;
use support::{HELLO, Peer, Rig};

mod support;

const MS: Duration = Duration::from_millis(1);
const NS: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_full_house_lets_the_backlog_wait() {
    let mut rig = Rig::with_connections_max(2, |_| ());
    let [first, second, third] = [(); 3].map(|()| rig.connect());
    third.send(HELLO);
    // Less than the second after which one of them would have to make room.
    let turns = rig.turns();
    rig.advance(900 * MS);
    let turns = rig.turns() - turns;
    assert!(turns <= 25, "{turns} turns: it is tried ten times a second");
    assert_eq!(rig.reactor.connections(), 2);
    assert_eq!(third.received(), b"");
    first.finish();
    rig.run();
    assert!(first.is_closed() && second.is_open());
    assert_eq!(third.take_answer().text(), "hello");
    assert_eq!(rig.reactor.connections(), 2);
}

#[test]
fn a_full_house_serves_those_that_are_in() {
    let mut rig = Rig::with_connections_max(2, |_| ());
    let [first, second, _third] = [(); 3].map(|()| rig.connect());
    for peer in [&first, &second] {
        peer.send(HELLO);
        rig.run();
        assert_eq!(peer.take_answer().text(), "hello");
    }
}

#[test]
fn each_that_leaves_lets_one_in() {
    let mut rig = Rig::with_connections_max(3, |_| ());
    let peers: Vec<Peer> = (0..20).map(|_| rig.connect()).collect();
    for peer in &peers {
        peer.send(HELLO);
    }
    rig.run();
    for (served, peer) in peers.iter().enumerate() {
        assert_eq!(peer.take_answer().text(), "hello");
        assert_eq!(rig.account.accepted.get(), (served as u64 + 3).min(20));
        peer.finish();
        rig.run();
    }
    assert_eq!(rig.account.accepted.get(), 20);
}

#[test]
fn without_descriptors_it_is_tried_again_after_100_ms() {
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
        let mut rig = Rig::new();
        rig.fail_accept(Some(errno.raw_os_error()));
        let peer = rig.connect();
        peer.send(HELLO);
        rig.run();
        assert_eq!(rig.account.accept_pauses.get(), 1);
        rig.fail_accept(None);
        rig.advance((100 * MS).saturating_sub(NS));
        assert_eq!(rig.reactor.connections(), 0);
        rig.advance(NS);
        assert_eq!(peer.take_answer().text(), "hello");
        // Nothing announces that there are descriptors again, and nothing more is tried once there
        // are.
        let accepts = rig.account.accepts.get();
        rig.advance(SECOND);
        assert_eq!(rig.account.accepts.get(), accepts);
    }
}

#[test]
fn without_descriptors_there_is_no_spin() {
    let mut rig = Rig::new();
    rig.fail_accept(Some(Errno::MFILE.raw_os_error()));
    let _peer = rig.connect();
    let (turns, accepts) = (rig.turns(), rig.account.accepts.get());
    rig.advance(10 * SECOND);
    assert_eq!(rig.account.accepts.get() - accepts, 100);
    assert!(rig.turns() - turns <= 202, "{} turns", rig.turns() - turns);
    rig.fail_accept(None);
}

#[test]
fn one_that_closes_brings_a_descriptor_at_once() {
    let mut rig = Rig::new();
    let first = rig.connect();
    rig.fail_accept(Some(Errno::MFILE.raw_os_error()));
    let second = rig.connect();
    second.send(HELLO);
    rig.fail_accept(None);
    rig.run();
    assert_eq!(second.received(), b"");
    first.finish();
    rig.run();
    assert_eq!(second.take_answer().text(), "hello");
}

#[test]
fn those_that_are_in_are_served_while_there_are_no_descriptors() {
    let mut rig = Rig::new();
    let first = rig.connect();
    rig.fail_accept(Some(Errno::MFILE.raw_os_error()));
    let _second = rig.connect();
    first.send(HELLO);
    rig.run();
    assert_eq!(first.take_answer().text(), "hello");
    rig.fail_accept(None);
}

/// epoll_ctl(2) has a limit of its own (max_user_watches): who cannot be watched is closed, and
/// nothing of it stays.
#[test]
fn one_that_cannot_be_watched_is_closed_and_forgotten() {
    let mut rig = Rig::new();
    rig.fail_watch(Some(Errno::NOSPC.raw_os_error()));
    let refused = rig.connect();
    assert!(refused.is_closed());
    assert_eq!(rig.reactor.connections(), 0);
    assert_eq!(rig.account.connections.get(), 0);
    rig.fail_watch(None);
    let next = rig.connect();
    next.send(HELLO);
    rig.run();
    assert_eq!(next.take_answer().text(), "hello");
}

#[test]
fn one_that_has_gone_before_it_was_accepted_holds_up_nobody() {
    let mut rig = Rig::new();
    let peers: Vec<Peer> = (0..5).map(|_| rig.queue()).collect();
    peers[0].abort_before_accept();
    peers[2].abort_before_accept();
    peers[4].abort_before_accept();
    rig.run();
    assert_eq!(rig.reactor.connections(), 2);
    assert_eq!(rig.account.accept_pauses.get(), 0);
    for peer in [&peers[1], &peers[3]] {
        peer.send(HELLO);
        rig.run();
        assert_eq!(peer.take_answer().text(), "hello");
    }
}

#[test]
fn a_storm_of_connections_does_not_starve_those_that_are_there() {
    let mut rig = Rig::full();
    let here = rig.connect();
    let storm: Vec<Peer> = (0..ACCEPTS_PER_TURN * 5).map(|_| rig.queue()).collect();
    for turn in 1..=4 {
        here.send(HELLO);
        rig.turn();
        assert_eq!(here.take_answer().text(), "hello");
        assert_eq!(rig.reactor.connections(), 1 + turn * ACCEPTS_PER_TURN);
    }
    // The rest needs no edge: there is none, since nobody has connected in the meantime.
    rig.run();
    assert_eq!(rig.reactor.connections(), 1 + storm.len());
}

#[test]
fn a_storm_of_aborted_connections_is_bounded_too() {
    let mut rig = Rig::full();
    let here = rig.connect();
    for _ in 0..ACCEPTS_PER_TURN * 3 {
        rig.queue().abort_before_accept();
    }
    let accepts = rig.account.accepts.get();
    here.send(HELLO);
    rig.turn();
    assert_eq!(here.take_answer().text(), "hello");
    assert_eq!(rig.account.accepts.get() - accepts, ACCEPTS_PER_TURN as u64);
    rig.run();
    assert_eq!(rig.reactor.connections(), 1);
}

#[test]
fn places_are_used_again() {
    let mut rig = Rig::with_connections_max(1, |_| ());
    for _ in 0..100 {
        let peer = rig.connect();
        peer.send_with_fin(HELLO);
        rig.run();
        assert_eq!(peer.take_answer().text(), "hello");
        assert!(peer.is_closed());
        assert_eq!(rig.reactor.connections(), 0);
    }
}

//! Who makes room when places or buffers are short: the longest idle, else who has held the most
//! for the longest; never who waits for us, and nobody at all of whom we have just heard.

use std::time::Duration;

use barewire::config::bounds::{self, PLACES_SPARE_MIN};
use barewire::config::{KIB, MIB};
use barewire::duel::schedule::hash;
use support::{HELLO, Peer, Rig, naive};

mod support;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// As long as accepting pauses if nobody can make room.
const PAUSE: Duration = Duration::from_millis(100);

const HELD: &str = "GET /held?x HTTP/1.1\r\nHost: a\r\n\r\n";

fn assert_served(rig: &mut Rig, peer: &Peer) {
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

fn assert_told_to_go(peer: &Peer) {
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    assert!(answer.text().contains("short of room"), "{}", answer.text());
    assert!(peer.saw_fin());
}

#[test]
fn the_longest_idle_makes_room_for_a_newcomer() {
    let mut rig = Rig::with_connections_max(3, |_| ());
    let peers = [(); 3].map(|()| {
        let peer = rig.connect();
        rig.advance(SECOND);
        peer
    });
    // The first has been heard of since: so the second is the one that has been idle for longest.
    assert_served(&mut rig, &peers[0]);
    let newcomer = rig.connect();
    assert_served(&mut rig, &newcomer);
    let left = peers.each_ref().map(Peer::saw_fin);
    assert_eq!(left, [false, true, false]);
    assert_eq!(peers[1].received(), b"", "silently");
    assert_eq!(rig.account.evictions.get(), 1);
}

/// All places are taken, so each draw finds somebody: of so many the one that has been idle for
/// longest goes, though others have been for longer. To look at more would cost the reactor more.
#[test]
fn so_many_are_drawn_and_no_more() {
    let places = 64;
    let mut rig = Rig::with_connections_max(places, |_| ());
    let mut peers: Vec<Peer> = (1..places).map(|_| rig.connect()).collect();
    // The last has been idle for longest.
    for peer in peers.iter().rev() {
        assert_served(&mut rig, peer);
        rig.advance(20 * MS);
    }
    rig.advance(SECOND);
    // It takes the last place, and a victim is looked for already.
    peers.push(rig.connect());
    let looks_at = bounds::VICTIMS_SAMPLED as u64;
    let drawn = (1..=looks_at).map(|draw| hash(0, looks_at + draw) % places as u64);
    let longest_idle = drawn.filter(|place| *place < places as u64 - 1).max();
    assert!(
        longest_idle < Some(places as u64 - 2),
        "all would choose the same"
    );
    let newcomer = rig.connect();
    assert_served(&mut rig, &newcomer);
    let left = peers.iter().position(Peer::saw_fin);
    assert_eq!(left.map(|place| place as u64), longest_idle);
    assert_eq!(rig.account.evictions.get(), 1);
}

#[test]
fn nobody_makes_room_of_whom_we_have_just_heard() {
    let mut rig = Rig::with_connections_max(2, |_| ());
    let peers = [(); 2].map(|()| rig.connect());
    let newcomer = rig.connect();
    newcomer.send(HELLO);
    rig.advance(999 * MS);
    assert_eq!(newcomer.received(), b"");
    assert!(peers.iter().all(Peer::is_open));
    rig.advance(PAUSE);
    assert_eq!(newcomer.take_answer().text(), "hello");
}

#[test]
fn a_request_that_comes_just_then_is_answered() {
    let mut rig = Rig::with_connections_max(2, |_| ());
    let [first, second] = [(); 2].map(|()| {
        let peer = rig.connect();
        rig.advance(SECOND);
        peer
    });
    // Its event is still on its way when it is chosen.
    rig.hand_over_at_most(0);
    first.send(HELLO);
    let newcomer = rig.queue();
    rig.turn();
    rig.hand_over_at_most(usize::MAX);
    rig.run();
    assert_eq!(first.take_answer().text(), "hello");
    assert_served(&mut rig, &newcomer);
    assert!(first.is_open() && second.is_open());
    assert_eq!(rig.account.evictions.get(), 0);
}

/// They send a byte of a head each second; what they have sent is never whole.
#[test]
fn without_anybody_idle_the_one_who_has_held_the_most_for_longest_makes_room() {
    let mut rig = Rig::with_connections_max(3, naive::full);
    let [small, large, young] = [100, 5000, 100].map(|bytes| {
        let peer = rig.connect();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(bytes));
        peer.send(head);
        rig.advance(SECOND);
        peer
    });
    let newcomer = rig.connect();
    assert_served(&mut rig, &newcomer);
    assert_told_to_go(&large);
    assert!(small.is_open() && young.is_open());
    // It lingers, and another still finds a place.
    assert!(!large.is_closed());
    let another = rig.connect();
    assert_served(&mut rig, &another);
    assert_told_to_go(&small);
}

#[test]
fn who_waits_for_our_answer_never_makes_room() {
    let mut rig = Rig::with_connections_max(2, |_| ());
    let waiting = [(); 2].map(|()| rig.connect());
    for peer in &waiting {
        peer.send(HELD);
    }
    rig.advance(SECOND);
    let newcomer = rig.connect();
    newcomer.send(HELLO);
    let turns = rig.turns();
    rig.advance(10 * SECOND);
    let turns = rig.turns() - turns;
    assert!(
        turns <= 250,
        "{turns} turns: it is looked for ten times a second"
    );
    assert_eq!(newcomer.received(), b"");
    rig.site.gate.open();
    rig.run_with_mail();
    rig.run_with_mail();
    for peer in &waiting {
        assert_eq!(peer.take_answer().text(), "held for x");
    }
    // Now they are idle, and had their answer more than a second ago.
    rig.advance(2 * SECOND);
    assert_eq!(newcomer.take_answer().text(), "hello");
    assert_eq!(rig.account.evictions.get(), 1);
}

#[test]
fn those_who_make_room_and_do_not_leave_are_bounded() {
    let mut rig = Rig::with_connections_max(40, |_| ());
    let silent: Vec<Peer> = (0..40).map(|_| rig.connect()).collect();
    rig.advance(SECOND);
    let newcomers: Vec<Peer> = (0..40).map(|_| rig.queue()).collect();
    for newcomer in &newcomers {
        newcomer.send(HELLO);
    }
    rig.run();
    let served = || {
        newcomers
            .iter()
            .filter(|peer| !peer.received().is_empty())
            .count()
    };
    assert_eq!(served(), PLACES_SPARE_MIN);
    assert_eq!(rig.reactor.connections(), 40 + PLACES_SPARE_MIN);
    // They linger for two seconds of silence.
    rig.advance(2 * SECOND);
    rig.advance(PAUSE);
    assert_eq!(served(), 2 * PLACES_SPARE_MIN);
    for peer in &silent {
        peer.finish();
    }
    rig.run();
    assert_eq!(served(), 40);
}

/// One holder of each 1 MiB, less a little: a byte now and then keeps them going.
#[test]
fn those_who_hold_the_buffers_make_room_before_anybody_is_refused() {
    let mut rig = Rig::full_with(|config| config.limits.buffers = 8 * MIB);
    let post = "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n";
    let holders: Vec<Peer> = (0..20)
        .map(|_| {
            let peer = rig.connect();
            peer.send([post.as_bytes(), &vec![b'x'; MIB - 300]].concat());
            rig.run();
            rig.advance(1100 * MS);
            peer
        })
        .collect();
    let told = holders.iter().filter(|peer| peer.saw_fin()).count();
    assert!((10..=18).contains(&told), "{told}");
    assert_eq!(rig.account.evictions.get(), told as u64);
    let statuses = holders
        .iter()
        .flat_map(Peer::answers)
        .map(|answer| answer.status);
    assert!(
        statuses.eq(vec![408; told]),
        "nobody is told that there is no buffer"
    );
    let neighbour = rig.connect();
    neighbour.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
    rig.run();
    neighbour.send("c");
    rig.run();
    assert!(neighbour.take_answer().text().starts_with("3 bytes"));
}

#[test]
fn a_slow_reader_makes_room_and_the_kernel_does_not_keep_its_answer_for_long() {
    let mut rig = Rig::with_connections_max(1, |_| ());
    let reader = rig.connect();
    reader.take_at_most(10);
    reader.send(HELLO);
    rig.advance(SECOND);
    let newcomer = rig.connect();
    assert_served(&mut rig, &newcomer);
    assert!(reader.is_closed() && reader.was_left_owing());
    assert_eq!(reader.left_behind_for(), Some(20 * SECOND));
}

/// What is held for a head is what has come of it, and at most as much again.
#[test]
fn heads_that_do_not_end_hold_little_more_than_their_bytes() {
    for (bytes, most) in [(20, KIB), (2000, 8 * KIB), (9000, 20 * KIB)] {
        let mut rig = Rig::full();
        let peer = rig.connect();
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        peer.send(head.to_owned() + &"x".repeat(bytes - head.len().min(bytes)));
        rig.run();
        assert!(rig.lent() <= most as u64, "{} for {bytes}", rig.lent());
        // Byte by byte it is the same.
        for _ in 0..100 {
            peer.send("x");
            rig.run();
        }
        assert!(rig.lent() <= most as u64, "{} for {bytes}", rig.lent());
    }
}

//! No connection starves the others: each goes on for a bounded number of rounds and a bounded
//! time, then it is the next one's turn.

use barewire::config::bounds::{ADVANCE_NS_MAX, RESUMED_NS_MAX, ROUNDS_PER_ADVANCE};
use support::{HELLO, Peer, Rig};

mod support;

/// Requests enough to fill so many reads of the shared buffer.
fn flood(rig: &Rig, peer: &Peer, reads: usize) {
    let requests = reads * rig.config.socket.buffer_size / HELLO.len() + 1;
    peer.send(HELLO.repeat(requests));
}

#[test]
fn a_flood_yields_after_its_rounds_and_others_are_served_in_between() {
    let mut rig = Rig::full();
    let flooding = rig.connect();
    let other = rig.connect();
    flood(&rig, &flooding, 40);
    for turn in 1..=4 {
        other.send(HELLO);
        rig.turn();
        assert_eq!(flooding.calls().recvs, turn * ROUNDS_PER_ADVANCE);
        assert_eq!(other.take_answer().text(), "hello");
    }
    rig.run();
    let requests = 40 * rig.config.socket.buffer_size / HELLO.len() + 1;
    assert_eq!(flooding.answers().len(), requests);
}

#[test]
fn a_flood_that_goes_on_takes_no_more_rounds_with_each_turn() {
    let mut rig = Rig::full();
    let flooding = rig.connect();
    flood(&rig, &flooding, 100);
    for turn in 1..=20 {
        // New bytes make a new edge with every turn.
        flood(&rig, &flooding, 10);
        rig.turn();
        assert_eq!(flooding.calls().recvs, turn * ROUNDS_PER_ADVANCE);
    }
    rig.run();
}

/// Its deadline passes in each turn, too: each is a reason of its own to go on.
#[test]
fn one_who_yielded_stands_once_among_those_who_go_on() {
    let mut rig = Rig::full();
    let flooding = rig.connect();
    flooding.send("BAD\r\n\r\n");
    rig.run();
    for turn in 1..=20 {
        let before = flooding.calls().recvs;
        flooding.send(vec![b'x'; 100 * rig.config.socket.buffer_size]);
        rig.turn();
        rig.hold_up(std::time::Duration::from_secs(1));
        let rounds = flooding.calls().recvs - before;
        // By its place in the queue, and by a look that a timer brings.
        assert!(rounds <= 3 * ROUNDS_PER_ADVANCE, "{rounds} in turn {turn}");
    }
}

#[test]
fn many_floods_take_turns() {
    let mut rig = Rig::full();
    let peers: Vec<Peer> = (0..10).map(|_| rig.connect()).collect();
    for peer in &peers {
        flood(&rig, peer, 30);
    }
    for turn in 1..=3 {
        rig.turn();
        for peer in &peers {
            assert_eq!(peer.calls().recvs, turn * ROUNDS_PER_ADVANCE);
        }
    }
    rig.run();
}

#[test]
fn a_flooding_upload_yields_too() {
    let mut rig = Rig::full();
    let uploading = rig.connect();
    let other = rig.connect();
    uploading.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    rig.run();
    let before = uploading.calls().recvs;
    uploading.send(vec![b'x'; 1 << 20]);
    other.send(HELLO);
    rig.turn();
    assert_eq!(uploading.calls().recvs, before + ROUNDS_PER_ADVANCE);
    assert_eq!(other.take_answer().text(), "hello");
    rig.run();
    assert!(uploading.take_answer().text().starts_with("1048576 bytes"));
}

#[test]
fn a_flood_of_dropped_bytes_yields_too() {
    let mut rig = Rig::new();
    let closing = rig.connect();
    closing.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.run();
    assert!(closing.saw_fin());
    let before = closing.calls().recvs;
    closing.send(vec![b'x'; 1 << 20]);
    rig.turn();
    assert_eq!(closing.calls().recvs, before + ROUNDS_PER_ADVANCE);
    rig.run();
    assert_eq!(closing.unread(), 0);
}

#[test]
fn one_who_yielded_still_sees_the_end() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    flood(&rig, &peer, 20);
    rig.turn();
    peer.finish();
    rig.run();
    assert!(peer.is_closed() && !peer.was_reset());
    assert_eq!(
        peer.answers().len(),
        20 * rig.config.socket.buffer_size / HELLO.len() + 1
    );
}

/// What a computed answer costs here, in nanoseconds: as much as `/metrics`.
const COMPUTED_NS: u64 = 36_000;

/// Asks for so many answers of that cost, all at once.
fn flood_computed(peer: &Peer, requests: usize) {
    peer.send(b"GET /busy?us=36 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(requests));
}

/// How long a turn takes, and after how much of it the neighbour was answered.
fn timed_turn(rig: &mut Rig, neighbour: &Peer) -> (u64, u64) {
    let before = rig.now();
    neighbour.send("GET /clock HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.turn();
    let answered: u64 = neighbour.take_answer().text().parse().unwrap();
    (rig.now() - before, answered - before)
}

#[test]
fn whatever_their_requests_cost_the_neighbour_is_answered_first() {
    let mut rig = Rig::full();
    let costly: Vec<Peer> = (0..64).map(|_| rig.connect()).collect();
    let neighbour = rig.connect();
    for peer in &costly {
        flood_computed(peer, 240);
    }
    rig.turn();
    let mut turns = 0;
    while costly.iter().any(|peer| peer.answers().len() < 240) {
        let (took, waited) = timed_turn(&mut rig, &neighbour);
        assert_eq!(waited, 0, "who is newly ready goes first");
        assert!(took <= RESUMED_NS_MAX + ADVANCE_NS_MAX + COMPUTED_NS);
        turns += 1;
    }
    let least = 63 * 240 * COMPUTED_NS / (RESUMED_NS_MAX + ADVANCE_NS_MAX + COMPUTED_NS);
    assert!(turns >= least, "{turns} turns for work of {least}");
    rig.run();
}

#[test]
fn those_who_yielded_take_turns_while_others_keep_coming() {
    let mut rig = Rig::full();
    let costly: Vec<Peer> = (0..20).map(|_| rig.connect()).collect();
    let busy = rig.connect();
    for peer in &costly {
        flood_computed(peer, 100);
    }
    rig.turn();
    for _ in 0..20 {
        // A turn that is long through others: those who yielded go on nevertheless.
        busy.send("GET /busy?us=5000 HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.turn();
    }
    let answers = costly.iter().map(|peer| peer.answers().len());
    let (least, most) = (answers.clone().min().unwrap(), answers.max().unwrap());
    assert!(least > 6, "{least} answers for the one who had the fewest");
    assert!(
        most - least <= 6,
        "{least} to {most} answers: one after the other"
    );
    rig.run();
}

#[test]
fn a_costly_request_that_is_repeated_yields_with_every_technique_and_without() {
    for same_request in [true, false] {
        let mut rig = Rig::full_with(|config| config.techniques.same_request = same_request);
        let costly = rig.connect();
        flood_computed(&costly, 100);
        let before = rig.now();
        rig.turn();
        assert!(rig.now() - before <= ADVANCE_NS_MAX + COMPUTED_NS);
        rig.run();
        assert_eq!(costly.answers().len(), 100);
    }
}

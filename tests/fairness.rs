//! No connection starves the others: each goes on for a bounded number of rounds, then it is the
//! next one's turn.

use barewire::config::bounds::ROUNDS_PER_ADVANCE;
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

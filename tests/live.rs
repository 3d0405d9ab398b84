//! Techniques that change while the server runs: between two turns, with nothing lost and nothing
//! left over; and duels of them, on a kernel whose CPU clock moves by what each call costs.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use barewire::accounts::Copied;
use barewire::config::{Config, Techniques};
use barewire::duel::outcome::Outcome;
use barewire::duel::schedule::hash;
use barewire::duel::statistics::Verdict;
use barewire::duel::{Busy, Control, Duel, Live, Schedule, Set, Switch};
use barewire::techniques;
use support::{HELLO, Prices, Rig, pattern};

mod support;

const MS: u64 = 1_000_000;

/// All techniques, but for those with these names.
fn without(names: &[&str]) -> Set {
    let mut config = Config::default();
    for name in names {
        let switch = techniques::find(name).unwrap().switch().unwrap();
        assert!(switch.set(&mut config, switch.off));
    }
    set(config.techniques)
}

fn set(techniques: Techniques) -> Set {
    Set {
        techniques,
        switches: Vec::new(),
        control: Control::None,
    }
}

#[test]
fn a_set_holds_from_the_next_turn_on_and_until_the_next_set() {
    let (mut rig, live) = Rig::full().live();
    let peer = rig.connect();
    let registrations = |rig: &mut Rig| {
        let before = peer.calls().registrations;
        peer.send(HELLO);
        rig.run();
        assert_eq!(peer.take_answer().text(), "hello");
        peer.calls().registrations - before
    };
    assert_eq!(registrations(&mut rig), 0);
    live.stand(without(&["register-once"])).unwrap();
    assert_eq!(registrations(&mut rig), 1);
    live.stand(without(&[])).unwrap();
    assert_eq!(registrations(&mut rig), 0);
}

/// Without `cursors` pieces are split off an input, and what is left of its buffer is smaller.
#[test]
fn with_cursors_again_an_input_has_its_whole_room_again() {
    let (mut rig, live) = Rig::full().live();
    live.stand(without(&["cursors"])).unwrap();
    let peer = rig.connect();
    // The beginning of a request lies in a buffer of the connection's own ...
    peer.send(&HELLO[..10]);
    rig.run();
    // ... of which the whole request is split off, and the beginning of the next one stays.
    peer.send([&HELLO[10..], &HELLO[..10]].concat());
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
    let copied = |rig: &Rig| rig.account.bytes_copied[Copied::Input as usize].get();
    let before = copied(&rig);
    live.stand(without(&[])).unwrap();
    rig.turn();
    assert_eq!(copied(&rig) - before, 10, "it moved to a whole buffer");
    peer.send(&HELLO[10..]);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

/// A random set of what can change.
fn any_set(seed: u64, number: u64) -> Set {
    let mut config = Config::default();
    let switches = techniques::switches().map(|(_, switch)| switch);
    for (at, switch) in switches.filter(|switch| switch.is_live()).enumerate() {
        let bits = hash(seed, number * 64 + at as u64);
        if bits.is_multiple_of(4) {
            assert!(switch.set(&mut config, switch.off));
        }
    }
    // Time stands still while a scripted reactor spins.
    config.techniques.spin_us = 0;
    set(config.techniques)
}

/// The rig looks, at its end, for buffers, timers and connections that were left.
#[test]
fn ten_thousand_changes_lose_nothing_and_leave_nothing() {
    let (mut rig, live) = Rig::full_with(|config| config.socket.buffer_size = 512).live();
    rig.forgive_all_vain_recvs();
    let peers: Vec<_> = (0..8).map(|_| rig.connect()).collect();
    let body = pattern(3000);
    let post = [
        format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes(),
        body.clone(),
    ]
    .concat();
    let mut asked = vec![0; peers.len()];
    for change in 0..10_000 {
        live.stand(any_set(1, change)).unwrap();
        let bits = hash(2, change);
        let at = (bits % 8) as usize;
        let peer = &peers[at];
        match (bits >> 8) % 5 {
            // In pieces, across changes.
            0 if asked[at] == 0 => {
                peer.send(&post[..200]);
                asked[at] = 200;
            }
            _ if asked[at] > 0 => {
                let end = (asked[at] + 1 + (bits >> 16) as usize % 900).min(post.len());
                peer.send(&post[asked[at]..end]);
                asked[at] = if end == post.len() { 0 } else { end };
            }
            1 => peer.take_at_most((bits >> 16) as usize % 100),
            2 => peer.take_all(),
            _ => peer.send(HELLO.repeat(1 + (bits >> 16) as usize % 20)),
        }
        rig.turn();
        if bits >> 60 == 0 {
            rig.run();
        }
    }
    live.stand(without(&[])).unwrap();
    for (peer, asked) in peers.iter().zip(asked) {
        peer.take_all();
        if asked > 0 {
            peer.send(&post[asked..]);
        }
    }
    rig.run();
    for peer in &peers {
        let answers = peer.take_answers();
        assert!(answers.len() > 100);
        for answer in answers {
            let text = answer.body;
            assert!(
                text == b"hello" || text == body,
                "{}",
                String::from_utf8_lossy(&text)
            );
        }
    }
    // Each is idle: what a set without `shared-input` gave them is given back at the next read.
    for peer in &peers {
        peer.send(HELLO);
    }
    rig.run();
    assert_eq!(rig.lent(), 0);
}

#[test]
fn sockets_follow_the_technique_nodelay() {
    let (mut rig, live) = Rig::full().live();
    let before = rig.connect();
    live.stand(without(&["nodelay"])).unwrap();
    rig.run();
    assert!(!before.has_nodelay());
    live.stand(without(&[])).unwrap();
    rig.run();
    assert!(before.has_nodelay());
}

const SCHEDULE: Schedule = Schedule {
    begins: 0,
    ends: u64::MAX,
    slice: 20 * MS,
    settle: 2 * MS,
    seed: 5,
};

/// A duel that begins in 100 ms.
fn duel(rig: &Rig, live: &Live, arms: [Set; 2], slice_ms: u64) -> Arc<Duel> {
    let schedule = Schedule {
        begins: rig.now() + 100 * MS,
        slice: slice_ms * MS,
        ..SCHEDULE
    };
    let duel = Arc::new(Duel::new(schedule, arms.map(Arc::new), 1));
    live.begin(&duel).unwrap();
    duel
}

/// What the calls of a request cost here.
const PRICES: Prices = Prices {
    poll: 300,
    recv: 400,
    send: 2000,
    registration: 450,
};

/// Four clients ask at once, every 40 us, for so many milliseconds.
fn load(rig: &mut Rig, peers: &[support::Peer], ms: u64) {
    let end = rig.now() + ms * MS;
    while rig.now() < end {
        for peer in peers {
            peer.send(HELLO);
        }
        rig.hold_up(Duration::from_micros(40));
        rig.turn();
        for peer in peers {
            peer.take_received();
        }
    }
}

fn outcome(arms: [Set; 2], ms: u64, load: impl Fn(&mut Rig, &[support::Peer], u64)) -> Outcome {
    let (mut rig, live) = Rig::full().live();
    rig.set_prices(PRICES);
    let peers: Vec<_> = (0..4).map(|_| rig.connect()).collect();
    let duel = duel(&rig, &live, arms, 10);
    load(&mut rig, &peers, ms);
    live.end(&duel);
    Outcome::of(&duel, ["as it stands", "the other"])
}

#[test]
fn a_duel_finds_what_a_call_costs() {
    let outcome = outcome([without(&[]), without(&["register-once"])], 2000, load);
    // A poll for four requests, a recv, a send, and perhaps an epoll_ctl each. To read the clocks
    // costs 1,400 ns a slice of some 1,000 requests.
    let (full, naive) = (75.0 + 400.0 + 2000.0, 75.0 + 400.0 + 2000.0 + 450.0);
    let ratio = outcome.ratio.unwrap();
    assert!((ratio.median - naive / full).abs() < 0.001, "{ratio:?}");
    assert_eq!(outcome.verdict, Some(Verdict::Slower));
    assert!(
        outcome.sentence.contains("one epoll_ctl more"),
        "{}",
        outcome.sentence
    );
    assert_eq!(outcome.pairs_dropped, 0);
    let per_request = outcome.arms[1].per_request;
    assert!((per_request.epoll_ctl - 1.0).abs() < 1e-9 && (per_request.recv - 1.0).abs() < 1e-9);
    assert!((outcome.arms[0].events_per_poll.unwrap() - 4.0).abs() < 0.01);
    let each = outcome.arms[0].ns_per_request.unwrap();
    assert!((each - full).abs() < 5.0, "{each}");
    // Four requests in each 40 us.
    let busy = outcome.arms[0].busy_percent.unwrap();
    assert!((busy - 100.0 * 4.0 * full / 40_000.0).abs() < 0.1, "{busy}");
}

#[test]
fn the_same_against_itself_is_the_same_and_so_is_a_change_that_changes_nothing() {
    let null = Set {
        control: Control::Null,
        ..without(&[])
    };
    for other in [without(&[]), null] {
        let outcome = outcome([without(&[]), other], 1500, load);
        assert_eq!(outcome.verdict, Some(Verdict::Negligible), "{outcome:?}");
    }
}

/// Between two requests the reactor sleeps for whole slices: those are empty, and no pair with an
/// empty slice counts.
#[test]
fn slices_that_are_slept_through_make_no_pairs() {
    let arms = [without(&[]), without(&["register-once"])];
    let outcome = outcome(arms, 3000, |rig, peers, ms| {
        for _ in 0..ms / 60 {
            peers[0].send(HELLO);
            rig.turn();
            rig.turn();
            peers[0].take_received();
            rig.hold_up(Duration::from_millis(60));
        }
    });
    assert_eq!((outcome.verdict, outcome.ratio.is_none()), (None, true));
    assert!(outcome.pairs_dropped > 50, "{outcome:?}");
}

#[test]
fn there_is_one_duel_at_a_time_and_what_stood_before_stands_again() {
    let (mut rig, live) = Rig::full().live();
    let peer = rig.connect();
    let duel = duel(
        &rig,
        &live,
        [without(&["register-once"]), without(&["register-once"])],
        10,
    );
    assert_eq!(live.stand(without(&[])), Err(Busy));
    assert_eq!(live.begin(&duel), Err(Busy));
    let registers = |rig: &mut Rig| {
        let before = peer.calls().registrations;
        peer.send(HELLO);
        rig.run();
        peer.take_received();
        peer.calls().registrations > before
    };
    assert!(!registers(&mut rig), "it begins later");
    rig.hold_up(Duration::from_millis(105));
    rig.run();
    assert!(registers(&mut rig));
    live.end(&duel);
    assert!(!registers(&mut rig));
    live.stand(without(&["register-once"])).unwrap();
    assert!(registers(&mut rig));
}

/// The first reactor may be asleep: whoever comes first changes what all have in common.
#[test]
fn what_belongs_to_the_process_is_changed_once_and_never_back() {
    static FLAG: AtomicBool = AtomicBool::new(false);
    let switch = Switch::flag("flag", &FLAG);
    let live = Live::new(&Techniques::FULL, vec![switch], 0);
    let with = |value| Set {
        switches: vec![value],
        ..without(&[])
    };
    let changes = Cell::new(0);
    let apply = |version, place, value| {
        live.apply(version, place, &with(value), || {
            changes.set(changes.get() + 1);
        });
        (FLAG.load(Relaxed), changes.get())
    };
    assert_eq!(apply(2, 3, 1), (true, 1));
    assert_eq!(
        apply(2, 3, 1),
        (true, 1),
        "the second reactor has nothing left to do"
    );
    assert_eq!(apply(2, 4, 0), (false, 2));
    assert_eq!(apply(2, 3, 1), (false, 2), "one that is late");
    assert_eq!(apply(3, 1, 1), (true, 3));
}

#[test]
fn a_set_is_made_of_the_one_that_stands() {
    let (_rig, live) = Rig::full().live();
    for name in ["slab", "short-read"] {
        let change = live.change().unwrap();
        let mut config = Config {
            techniques: change.standing().techniques,
            ..Config::default()
        };
        let switch = techniques::find(name).unwrap().switch().unwrap();
        assert!(switch.set(&mut config, switch.off));
        change.stand(self::set(config.techniques));
    }
    let standing = live.state().standing;
    assert!(!standing.techniques.slab && !standing.techniques.short_read);
    // One that is begun and given up changes nothing.
    drop(live.change().unwrap());
    assert_eq!(live.state().standing, standing);
}

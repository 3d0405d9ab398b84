//! Answers that take their time, and handlers that fail: in the handler, in what it left to be
//! done, and while the body is written.

use std::time::Duration;

use support::{HELLO, Peer, Rig, pattern};

mod support;

const US: Duration = Duration::from_micros(1);

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn post(target: &str, body: &str) -> String {
    let bytes = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n{body}")
}

#[test]
fn a_panic_is_a_500_for_its_request_and_the_connection_goes_on() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for (target, jobs) in [
        ("/panic/handler", 0),
        ("/panic/writer", 0),
        ("/panic/then", 0),
        ("/panic/job", 1),
        ("/panic/task", 1),
        ("/panic/job-writer", 1),
    ] {
        let panics = rig.account.panics.get();
        peer.send([get("/name?before"), get(target), get("/name?after")].concat());
        rig.run();
        if jobs > 0 {
            rig.run_with_mail();
        }
        rig.advance(100 * US);
        let answers = peer.take_answers();
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200, 500, 200], "{target}");
        assert_eq!((answers[0].text(), answers[2].text()), ("before", "after"));
        assert!(answers[1].text().starts_with("{\"error\":"), "{target}");
        assert!(!answers[1].closes());
        assert_eq!(rig.account.panics.get(), panics + 1, "{target}");
    }
    assert!(peer.is_open());
}

#[test]
fn a_panic_over_a_body_gives_its_buffers_back() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let body = "x".repeat(100_000);
    peer.send(post("/panic-of-body", &body));
    rig.run();
    assert_eq!(peer.take_answer().status, 500);
    assert_eq!(rig.lent(), 0);
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.take_answer().text(), "hello");
}

#[test]
fn a_panic_over_the_admission_is_a_500_that_closes() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(post("/panic/admit", "abc") + &get("/hello"));
    rig.run();
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (500, true));
    assert!(peer.saw_fin());
}

#[test]
fn bodies_survive_the_wait() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let body = String::from_utf8(pattern(70_000)).unwrap();
    for target in ["/echo-later", "/job-of-body"] {
        peer.send(post(target, &body));
        rig.run();
        assert_eq!(rig.lent(), 0, "the handler has looked at it");
        if target == "/job-of-body" {
            rig.run_with_mail();
        }
        rig.advance(100 * US);
        assert_eq!(peer.take_answer().text(), body);
    }
}

#[test]
fn a_body_that_nobody_wants_is_dropped_after_the_deferred_answer() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(post("/wait?us=100", "GET /hello HTTP/1.1") + &get("/name?next"));
    rig.run();
    rig.advance(100 * US);
    let answers = peer.answers();
    assert_eq!(
        (answers[0].text(), answers[1].text()),
        ("waited 100 us", "next")
    );
    assert_eq!(answers.len(), 2);
}

#[test]
fn tasks_are_done_before_the_answer() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for n in [0, 1, 50] {
        peer.send(get(&format!("/tasks?n={n}")));
        rig.run();
        rig.run_with_mail();
        assert_eq!(peer.take_answer().text(), format!("{n} tasks"));
    }
}

#[test]
fn a_large_deferred_answer_to_a_slow_reader() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.take_at_most(0);
    peer.send([get("/large-later?bytes=300000"), get("/name?next")].concat());
    rig.run();
    rig.advance(100 * US);
    while rig.lent() > 0 {
        peer.drain_more(7000);
        rig.run();
    }
    peer.take_all();
    rig.run();
    let answers = peer.answers();
    assert_eq!(answers[0].body, pattern(300_000));
    assert_eq!(answers[1].text(), "next");
}

/// Peers whose jobs hold the only thread, and fill the queue of one.
fn full_queue(rig: &mut Rig) -> [Peer; 2] {
    let peers = [rig.connect(), rig.connect()];
    peers[0].send(get("/held?first"));
    rig.run();
    rig.site.gate.wait_for(1);
    peers[1].send(get("/held?second"));
    rig.run();
    peers
}

#[test]
fn a_full_queue_is_a_503_and_the_connection_stays() {
    let mut rig = Rig::with(|config| {
        config.job_threads = 1;
        config.limits.jobs = 1;
    });
    let [first, second] = full_queue(&mut rig);
    let third = rig.connect();
    for target in ["/job?third", "/tasks?n=2", "/wait-then-job"] {
        third.send(get(target) + &get("/name?next"));
        rig.run();
        rig.advance(100 * US);
        let answers = third.take_answers();
        assert_eq!(
            (answers[0].status, answers[1].text()),
            (503, "next"),
            "{target}"
        );
        assert_eq!(answers[0].field("Retry-After"), Some("1"));
        assert!(!answers[0].closes());
    }
    assert!(third.is_open());
    let refused = barewire::accounts::Refusal::Jobs as usize;
    assert_eq!(rig.account.refusals[refused].get(), 3);
    rig.site.gate.open();
    rig.run_with_mail();
    rig.run_with_mail();
    assert_eq!(first.take_answer().text(), "held for first");
    assert_eq!(second.take_answer().text(), "held for second");
    third.send(get("/job?third"));
    rig.run();
    rig.run_with_mail();
    assert_eq!(third.take_answer().text(), "worked for third");
}

#[test]
fn nothing_can_be_kept_behind_a_job() {
    // No buffer is left for the request behind the job: one refusal, and the job's answer goes
    // nowhere.
    let mut rig = Rig::full_with(|config| config.limits.buffers = 0);
    let peer = rig.connect();
    peer.send(get("/held?x") + &get("/hello"));
    rig.run();
    let answer = peer.take_answer();
    assert_eq!((answer.status, answer.closes()), (503, true));
    assert_eq!(answer.field("Retry-After"), Some("1"));
    assert!(peer.saw_fin());
    rig.site.gate.open();
    rig.run_with_mail();
    assert_eq!(peer.received(), b"");
    rig.advance(Duration::from_secs(2));
    assert!(peer.is_closed());
}

#[test]
fn the_job_of_a_request_that_is_given_up_is_not_begun() {
    let mut rig = Rig::full_with(|config| {
        config.job_threads = 1;
        config.limits.buffers = 0;
    });
    let [first, given_up, last] = [rig.connect(), rig.connect(), rig.connect()];
    first.send(get("/held?first"));
    rig.run();
    rig.site.gate.wait_for(1);
    given_up.send(get("/held?given-up") + &get("/hello"));
    rig.run();
    assert_eq!(given_up.take_answer().status, 503, "no buffer is left");
    last.send(get("/held?last"));
    rig.run();
    rig.site.gate.open();
    while last.received().is_empty() {
        rig.run_with_mail();
    }
    assert_eq!(first.take_answer().text(), "held for first");
    assert_eq!(last.take_answer().text(), "held for last");
    // The only thread does what is queued first first.
    assert_eq!(rig.site.gate.came(), 2, "jobs begun");
}

#[test]
fn what_a_job_holds_counts_among_the_buffers() {
    let mut rig = Rig::full_with(|config| config.limits.buffers = 64 * 1024);
    let [first, second] = [rig.connect(), rig.connect()];
    first.send(get("/holding?bytes=40000"));
    rig.run();
    assert_eq!(rig.lent(), 40_000);
    second.send(get("/holding?bytes=30000") + &get("/name?next"));
    rig.run();
    let answers = second.take_answers();
    assert_eq!((answers[0].status, answers[1].text()), (503, "next"));
    assert_eq!(answers[0].field("Retry-After"), Some("1"));
    let refused = barewire::accounts::Refusal::Buffers as usize;
    assert_eq!(rig.account.refusals[refused].get(), 1);
    rig.site.gate.open();
    rig.run_with_mail();
    assert_eq!(first.take_answer().text(), "held 40000 bytes");
    assert_eq!(rig.lent(), 0);
    second.send(get("/holding?bytes=30000"));
    rig.run();
    rig.run_with_mail();
    assert_eq!(second.take_answer().text(), "held 30000 bytes");
}

#[test]
fn a_job_that_is_given_up_holds_nothing() {
    let mut rig = Rig::full_with(|config| config.limits.buffers = 64 * 1024);
    let peer = rig.connect();
    // With the request behind it, more than there is.
    peer.send(get("/holding?bytes=65000") + &get("/hello"));
    rig.run();
    assert_eq!(peer.take_answer().status, 503);
    assert_eq!(rig.lent(), 0);
}

#[test]
fn many_wait_at_once_and_each_gets_its_own() {
    let mut rig = Rig::new();
    let peers: Vec<Peer> = (0..200).map(|_| rig.connect()).collect();
    for (n, peer) in peers.iter().enumerate() {
        let us = 100 + 37 * (n % 50);
        peer.send(get(&format!("/wait?us={us}")));
    }
    rig.run();
    rig.advance(99 * US);
    assert!(peers.iter().all(|peer| peer.received().is_empty()));
    rig.advance(2000 * US);
    for (n, peer) in peers.iter().enumerate() {
        let us = 100 + 37 * (n % 50);
        assert_eq!(peer.take_answer().text(), format!("waited {us} us"));
    }
}

#[test]
fn jobs_of_many_connections_go_home() {
    let mut rig = Rig::new();
    let peers: Vec<Peer> = (0..50).map(|_| rig.connect()).collect();
    for (n, peer) in peers.iter().enumerate() {
        peer.send(get(&format!("/job?{n}")));
    }
    rig.run();
    while peers.iter().any(|peer| peer.received().is_empty()) {
        rig.run_with_mail();
    }
    for (n, peer) in peers.iter().enumerate() {
        assert_eq!(peer.take_answer().text(), format!("worked for {n}"));
    }
}

#[test]
fn how_long_others_are_held_up_is_recorded_while_jobs_run() {
    let mut rig = Rig::new();
    let [working, busy] = [rig.connect(), rig.connect()];
    busy.send(get("/busy?us=700"));
    rig.run();
    assert_eq!(rig.account.held_up.snapshot().count, 0, "nobody will ask");
    working.send(get("/held?x"));
    rig.run();
    busy.send(get("/busy?us=500"));
    rig.run();
    let longest = rig.account.held_up.snapshot().max;
    assert!((500_000..700_000).contains(&longest), "{longest} ns");
    rig.site.gate.open();
    rig.run_with_mail();
    let told = rig.account.held_up.snapshot().count;
    busy.send(get("/busy?us=500"));
    rig.run();
    let count = rig.account.held_up.snapshot().count;
    assert_eq!(count, told, "nobody will ask any more");
}

#[test]
fn a_job_that_is_given_up_is_under_way_for_nobody() {
    let mut rig = Rig::full_with(|config| config.limits.buffers = 0);
    let [given_up, busy] = [rig.connect(), rig.connect()];
    given_up.send(get("/held?x") + &get("/hello"));
    rig.run();
    assert_eq!(given_up.take_answer().status, 503);
    rig.site.gate.open();
    rig.run_with_mail();
    let told = rig.account.held_up.snapshot().count;
    busy.send(get("/busy?us=500"));
    rig.run();
    assert_eq!(rig.account.held_up.snapshot().count, told);
}

#[test]
fn what_the_kernel_keeps_behind_a_deferred_request_is_bounded() {
    let mut rig = Rig::full();
    let [patient, hasty, early] = [(); 3].map(|()| rig.connect());
    for peer in [&patient, &hasty] {
        peer.send(get("/wait?us=100"));
    }
    let buffer = rig.config.socket.buffer_size;
    early.send(get("/wait?us=100") + &"x".repeat(2 * buffer));
    rig.run();
    hasty.send(HELLO);
    rig.run();
    assert!(!patient.is_bounded(), "it waits, and sends nothing");
    assert!(hasty.is_bounded());
    assert!(early.is_bounded());
    rig.advance(100 * US);
    assert_eq!(hasty.take_answers()[1].text(), "hello");
}

//! Pipelined requests: answers come in the order of the requests, whichever takes its time (RFC
//! 9112 section 9.3.2).

use std::time::Duration;

use support::{HELLO, Rig, read_answers};

mod support;

const US: Duration = Duration::from_micros(1);

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn sixteen_requests_in_one_piece_are_answered_in_order() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(
        (0..16)
            .map(|n| get(&format!("/name?{n}")))
            .collect::<String>(),
    );
    rig.run();
    let texts: Vec<String> = peer.answers().iter().map(|a| a.text().to_owned()).collect();
    assert_eq!(texts, (0..16).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_deferred_answer_holds_up_those_behind_it() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send([get("/name?1"), get("/wait?us=100"), get("/name?3")].concat());
    rig.run();
    assert_eq!(peer.take_answer().text(), "1");
    rig.advance(99 * US);
    assert_eq!(peer.received(), b"");
    rig.advance(US);
    let texts: Vec<String> = peer.answers().iter().map(|a| a.text().to_owned()).collect();
    assert_eq!(texts, ["waited 100 us", "3"]);
    assert!(peer.is_open());
}

#[test]
fn nothing_is_read_while_an_answer_is_deferred() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(get("/wait?us=100"));
    rig.run();
    let before = peer.calls();
    peer.send(HELLO);
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.calls(), before);
    assert_eq!(peer.unread(), 2 * HELLO.len());
    rig.advance(100 * US);
    assert_eq!(peer.answers().len(), 3);
}

#[test]
fn a_connection_that_is_deferred_again_and_again_keeps_the_order() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    let targets = [
        "/wait?us=10",
        "/job?x",
        "/wait-then-job",
        "/job-then-wait",
        "/wait-twice?us=7",
    ];
    peer.send(targets.map(get).concat() + &get("/name?last"));
    rig.run();
    rig.advance(10 * US);
    rig.run_with_mail();
    rig.advance(100 * US);
    rig.run_with_mail();
    rig.run_with_mail();
    rig.advance(100 * US);
    rig.advance(57 * US);
    let texts: Vec<String> = peer.answers().iter().map(|a| a.text().to_owned()).collect();
    assert_eq!(
        texts,
        [
            "waited 10 us",
            "worked for x",
            "worked",
            "rested",
            "waited 7 and 50 us",
            "last"
        ]
    );
}

#[test]
fn head_is_remembered_while_an_answer_is_deferred() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for (target, by_job) in [("/wait?us=100", false), ("/job?x", true)] {
        peer.send(format!(
            "HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n{}",
            get("/name?2")
        ));
        rig.run();
        if by_job {
            rig.run_with_mail();
        } else {
            rig.advance(100 * US);
        }
        let answers = read_answers(&peer.take_received(), |n| n == 0);
        assert_eq!(
            answers[0].field("Content-Length"),
            Some(if by_job { "12" } else { "13" })
        );
        assert_eq!(answers[1].text(), "2");
    }
}

#[test]
fn close_is_remembered_while_an_answer_is_deferred() {
    let mut rig = Rig::new();
    for target in ["/wait?us=100", "/job?x"] {
        let peer = rig.connect();
        peer.send(format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{}",
            get("/name?2")
        ));
        rig.run();
        if target == "/job?x" {
            rig.run_with_mail();
        } else {
            rig.advance(100 * US);
        }
        assert!(
            peer.take_answer().closes(),
            "what comes behind the last request is not served"
        );
        assert!(peer.saw_fin() && !peer.is_closed());
        peer.finish();
        rig.run();
        assert!(peer.is_closed() && !peer.was_reset());
    }
}

#[test]
fn http_1_0_is_remembered_while_an_answer_is_deferred() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(
        "GET /wait?us=100 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /job?x HTTP/1.0\r\n\r\n",
    );
    rig.run();
    rig.advance(100 * US);
    rig.run_with_mail();
    let answers = peer.answers();
    assert_eq!(answers[0].field("Connection"), Some("keep-alive"));
    assert_eq!(answers[1].field("Connection"), Some("close"));
    assert!(peer.saw_fin());
}

#[test]
fn a_handler_closes_the_connection_behind_its_answer() {
    let mut rig = Rig::new();
    for target in ["/close", "/wait-and-close"] {
        let peer = rig.connect();
        peer.send([get(target), get("/name?2")].concat());
        rig.run();
        rig.advance(100 * US);
        let answer = peer.take_answer();
        assert_eq!((answer.text(), answer.closes()), ("bye", true));
        assert!(peer.saw_fin());
    }
}

#[test]
fn a_refusal_follows_the_answers_that_are_still_being_made() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send(get("/wait?us=100") + "GET /x HTTP/3.0\r\n\r\n");
    rig.run();
    rig.advance(100 * US);
    let answers = peer.answers();
    assert_eq!([answers[0].status, answers[1].status], [200, 505]);
    assert!(answers[1].closes() && peer.saw_fin());
}

#[test]
fn empty_lines_between_requests_are_skipped() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    peer.send([HELLO, b"\r\n", HELLO, b"\r\n"].concat());
    rig.run();
    peer.send(HELLO);
    rig.run();
    assert_eq!(peer.answers().len(), 3);
}

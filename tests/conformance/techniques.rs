//! The tables once more with each technique switched off, and with all of them off at once: what
//! makes the server fast may not show in what it says.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use barewire::config::Config;
use barewire::techniques;

use crate::case::Case;
use crate::wire::{Answer, Live, alone, full};
use crate::{send_in_two, tables};

/// Numbers in an answer that are measured, or that say how the server worked: they may differ.
const MEASURED: [&str; 7] = [
    "processing_time_us",
    "bytes_copied",
    "zero_copy",
    "memory_efficiency",
    "request_id",
    "timestamp",
    "waited_us",
];

/// Every technique that keeps all promises when it is off: each alone, then all of them.
fn configurations() -> Vec<(String, Config)> {
    let switches = || techniques::switches().filter(|(_, switch)| !switch.is_demonstration);
    let mut naive = alone();
    let mut configurations = Vec::new();
    for (technique, switch) in switches() {
        let mut config = alone();
        // One that is off by default is tried on.
        let is_on = switch.is_on(&config);
        let value = if is_on { switch.off } else { switch.on };
        assert!(switch.set(&mut config, value), "{}", technique.name);
        assert!(switch.set(&mut naive, switch.off), "{}", technique.name);
        configurations.push((format!("{} is {value}", technique.name), config));
    }
    configurations.push(("all are off".to_owned(), naive));
    configurations
}

/// An answer without what may differ.
#[derive(Debug, PartialEq)]
struct Comparable {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

fn comparable(mut answer: Answer) -> Comparable {
    // An answer to HEAD does not show whether the body, whose length it tells, has such a number.
    let mut is_measured = answer.body.is_empty();
    if let Ok(serde_json::Value::Object(mut body)) = serde_json::from_slice(&answer.body) {
        for name in MEASURED {
            is_measured |= body.remove(name).is_some();
        }
        if is_measured {
            answer.body = serde_json::to_vec(&body).unwrap();
        }
    }
    answer
        .fields
        .retain(|(name, _)| name != "Date" && !(is_measured && name == "Content-Length"));
    Comparable {
        status: answer.status,
        fields: answer.fields,
        body: answer.body,
    }
}

fn answers(live: &Live, case: &Case) -> Vec<Comparable> {
    let mut wire = live.connect();
    wire.send(&case.request);
    case.answers(&mut wire)
        .into_iter()
        .map(comparable)
        .collect()
}

/// Same status lines, same fields in the same order, same bodies.
#[test]
fn every_technique_off_gives_the_same_answers() {
    let full = Live::routes(alone());
    let cases = tables();
    let expected: Vec<_> = cases.iter().map(|case| answers(&full, case)).collect();
    for (name, config) in configurations() {
        let live = Live::routes(config);
        for (case, expected) in cases.iter().zip(&expected) {
            case.run(&live);
            assert_eq!(&answers(&live, case), expected, "{}: {name}", case.name);
        }
        assert_eq!(live.sum(|reactor| &reactor.panics), 0, "{name}");
    }
}

/// Somebody switches one technique after the other, as fast as the server answers.
#[test]
fn techniques_that_change_all_the_time_give_the_same_answers() {
    let steady = Live::routes(alone());
    let live = Live::routes(Config {
        live: true,
        ..full(1)
    });
    let (ends, mut wire) = (AtomicBool::new(false), live.connect());
    thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let switches: Vec<_> = techniques::switches()
                .filter(|(_, switch)| switch.is_live())
                .collect();
            let mut changes = 0;
            for (technique, switch) in switches.iter().cycle() {
                // Off in one round, on in the next: any two of them meet.
                let is_off = changes / switches.len() % 2 == 0;
                let value = if is_off { switch.off } else { "on" };
                let (name, bytes) = (technique.name, value.len());
                let head = format!("PUT /techniques/{name} HTTP/1.1\r\nHost: localhost\r\n");
                let put = format!("{head}Content-Length: {bytes}\r\n\r\n{value}");
                assert_eq!(wire.ask(put).status, 200, "{name}");
                changes += 1;
                if ends.load(Relaxed) {
                    return changes;
                }
            }
            0
        });
        for case in tables() {
            let expected = answers(&steady, &case);
            case.run(&live);
            assert_eq!(answers(&live, &case), expected, "{}", case.name);
        }
        ends.store(true, Relaxed);
        assert!(changing.join().unwrap() > 200);
    });
    assert_eq!(live.sum(|reactor| &reactor.panics), 0);
}

/// A request cut in the middle takes other ways: buffers of its own, and a parser that goes on.
#[test]
fn every_technique_off_takes_a_request_in_two_pieces() {
    for (name, config) in configurations() {
        let live = Live::routes(config);
        for case in tables() {
            let mut wire = live.connect();
            send_in_two(
                &mut wire,
                &live,
                &case.request,
                (case.request.len() / 2).max(1),
            );
            case.check(&mut wire, &name);
        }
    }
}

//! The tables once more with each technique switched off, and with all of them off at once: what
//! makes the server fast may not show in what it says.

use barewire::config::Config;
use barewire::techniques;

use crate::case::Case;
use crate::wire::{Answer, Live, alone};
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

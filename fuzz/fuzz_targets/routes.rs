//! The real routes: whatever target, fields and body a request has, its handler answers, and the
//! answer is one that can be sent.
#![no_main]

use std::sync::OnceLock;

use barewire::accounts::Accounts;
use barewire::config::{Config, Limits, Techniques};
use barewire::handlers::Routes;
use barewire::http::date::Date;
use barewire::http::parse::{Parser, Partial, Slots};
use barewire::http::{Body, Exchange};
use barewire::{Handler, Later, Part, Reply, Taken, Waker};
use libfuzzer_sys::fuzz_target;

/// They take a second, whatever they are asked, and say so.
const SLOW: [&str; 2] = ["/memory-efficiency-test", "/io-benchmark"];

fn routes() -> &'static Routes {
    static ROUTES: OnceLock<Routes> = OnceLock::new();
    ROUTES.get_or_init(|| {
        let config = Config::default();
        Routes::new(&config, Accounts::new(1)).expect("routes")
    })
}

/// Follows an answer to its end: waits are skipped, jobs are done here.
fn follow(mut reply: Reply) {
    let (mut output, date) = (Vec::new(), Date::at(784_111_777));
    loop {
        reply = match reply {
            Reply::Fixed(fixed) => {
                fixed.push(&date, &mut output);
                break;
            }
            Reply::Now(response) => {
                let _ = response.write(Exchange::USUAL, &date, &Techniques::FULL, &mut output);
                break;
            }
            // A source is asked by the reactor alone.
            Reply::Stream(stream) => Reply::Now(stream.into_head()),
            Reply::Upload(mut upload) => {
                let part = Part {
                    bytes: b"",
                    copied: 0,
                    is_last: true,
                    waker: &Waker::new(|| ()),
                };
                match (upload.take)(&part) {
                    Taken::Answer(reply) => reply,
                    other => panic!("{other:?} behind the last part"),
                }
            }
            Reply::Later(Later::After(span, then)) => then(span),
            Reply::Later(Later::Run(work)) => work.finish(),
        };
    }
    assert!(output.starts_with(b"HTTP/1.1 "));
}

fuzz_target!(|input: &[u8]| {
    let end = input.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = input.split_at(end.map_or(input.len(), |end| end + 4));
    let mut slots = Slots::default();
    let mut parser = Parser::new(&Limits::default());
    let Ok(Some(head)) = parser.head(head, &mut Partial::default(), &mut slots, &Techniques::FULL) else {
        return;
    };
    if SLOW.contains(&head.request.path) {
        return;
    }
    head.request.body = Body {
        first: body,
        ..Body::default()
    };
    let _ = routes().admit(&head.request);
    follow(routes().handle(&head.request));
});

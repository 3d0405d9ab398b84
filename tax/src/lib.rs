//! The layers of a framework, one at a time, on barewire's own loop.
//!
//! Each layer does for a request what a framework does for it, in the framework's own crates, and
//! writes an answer into a buffer of its own. What goes over the wire is always barewire's answer.
//! So all levels cost the kernel the same, and the difference of two of them is the layer. Where a
//! layer does what barewire has done already, it is paid twice: the levels [`write-again`] and
//! [`parse-again`] say how much that is, and the account takes it off.
//!
//! A level contains those below it, down to `bare`. [`LAYERS`] has them in order, and says for each
//! which one lies below it.
//!
//! [`write-again`]: layers::floor::write_again
//! [`parse-again`]: layers::floor::parse_again

use std::cell::RefCell;

use barewire::http::Request;

pub mod layers;
pub mod sample;

use layers::{body, floor, future, hyperlane, prices, routing, service, types, whole};

/// What a layer answers with, as all servers that are compared do.
pub const HELLO: &str = "Hello, World!";

/// The level whose work is not done here: the handler sends the request to a thread, and back.
pub const HAND_OVER: &str = "hand-over";

/// One level of the ladder.
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    /// As the switch and the tables call it.
    pub name: &'static str,
    /// The level that it is compared with.
    pub below: &'static str,
    /// Does the layer's work for a request, and appends the answer to the buffer, if it makes one.
    run: fn(&Request<'_>, &mut Vec<u8>),
}

/// All levels: the floor, the ladder, whole frameworks, and prices.
pub const LAYERS: [Layer; 30] = [
    layer("bare", "bare", |_, _| ()),
    layer("write-again", "bare", floor::write_again),
    layer("parse-again", "bare", floor::parse_again),
    layer("types", "bare", types::answer),
    layer("body", "types", body::answer),
    layer("future", "body", future::answer),
    layer("tower", "future", service::plain),
    layer("tower-1", "tower", service::through_1),
    layer("tower-3", "tower", service::through_3),
    layer("tower-10", "tower", service::through_10),
    layer("tower-10-typed", "tower", service::typed_10),
    layer("router", "tower", routing::answer),
    layer("memory", "bare", whole::memory),
    layer("hyper", "memory", whole::hyper),
    layer("hyper-half-close", "hyper", whole::hyper_half_close),
    layer("axum", "hyper", whole::axum),
    layer("hyperlane-read", "bare", hyperlane::read),
    layer("hyperlane-context", "hyperlane-read", hyperlane::context),
    layer("hyperlane", "hyperlane-context", hyperlane::answer),
    layer("json-struct", "bare", prices::json_struct),
    layer("json-value", "json-struct", prices::json_value),
    layer("log-line", "bare", prices::log_line),
    layer("lock", "bare", prices::lock),
    layer(HAND_OVER, "bare", |_, _| ()),
    layer("allocations", "bare", prices::allocations),
    layer("allocations-8k", "bare", prices::allocations_8k),
    layer("copies", "bare", prices::copies),
    layer("atomics", "bare", prices::atomics),
    layer("calls", "bare", prices::calls),
    layer("hashes", "bare", prices::hashes),
];

/// Their names, in the same order: the values of the switch.
pub const NAMES: [&str; LAYERS.len()] = {
    let mut names = [""; LAYERS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = LAYERS[at].name;
        at += 1;
    }
    names
};

const fn layer(
    name: &'static str,
    below: &'static str,
    run: fn(&Request<'_>, &mut Vec<u8>),
) -> Layer {
    Layer { name, below, run }
}

impl Layer {
    /// Runs it for a request. The answer stays in a buffer of the thread's.
    pub fn run(&self, request: &Request<'_>) {
        thread_local!(static OUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
        OUT.with_borrow_mut(|out| {
            out.clear();
            (self.run)(request, out);
            // Nobody reads it, and the compiler must not know.
            std::hint::black_box(out.as_slice());
        });
    }

    /// The same, for who wants to see the answer.
    pub fn answer(&self, request: &Request<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        (self.run)(request, &mut out);
        out
    }
}

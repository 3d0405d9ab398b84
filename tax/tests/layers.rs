//! Each layer does what it says: it answers as a server would, and allocates as often as its
//! framework does. A layer that the compiler had removed would do neither.

use barewire::allocator::CountingAllocator;
use barewire_tax::sample::{self, REQUEST};
use barewire_tax::{HAND_OVER, HELLO, LAYERS, Layer};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn layer(name: &str) -> Layer {
    let mut layers = LAYERS.into_iter();
    layers.find(|layer| layer.name == name).unwrap()
}

/// Allocations of a request, with what lies below the layer.
fn allocations(name: &str) -> f64 {
    sample::allocations(&layer(name)).expect("an allocator that counts")
}

#[test]
fn every_layer_is_compared_with_one_before_it() {
    for (at, layer) in LAYERS.iter().enumerate() {
        let below = LAYERS.iter().position(|one| one.name == layer.below);
        let below = below.expect(layer.name);
        assert!(below < at || (at, below) == (0, 0), "{}", layer.name);
    }
}

#[test]
fn who_answers_answers_rightly() {
    let answering = [
        "write-again",
        "types",
        "body",
        "future",
        "tower",
        "tower-1",
        "tower-3",
        "tower-10",
        "tower-10-typed",
        "router",
        "memory",
        "hyper",
        "hyper-half-close",
        "axum",
        "hyperlane",
    ];
    for name in answering {
        let layer = layer(name);
        // Twice: connections and maps are used again.
        for _ in 0..2 {
            let answer = layer.answer(&REQUEST);
            let answer = String::from_utf8(answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").expect(name);
            assert_eq!(body, HELLO, "{name}");
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{name}: {head}");
            let mut fields = head.lines().skip(1).map(str::to_ascii_lowercase);
            assert!(
                fields.any(|line| line == "content-length: 13"),
                "{name}: {head}"
            );
        }
    }
}

#[test]
fn json_is_the_same_from_a_struct_and_from_a_value() {
    let of = |name| layer(name).answer(&REQUEST);
    let [one, other] = ["json-struct", "json-value"].map(of);
    let parsed = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    assert_eq!(parsed(&one), parsed(&other));
    assert_eq!(parsed(&one)["fields"], 2);
}

/// What the layers are known by: the same counts that a framework's source makes.
#[test]
fn layers_allocate_as_often_as_what_they_stand_for() {
    let more = |name| allocations(name) - allocations(layer(name).below);
    // The map of the answer's fields: its indices and its entries.
    assert!((1.0..=2.1).contains(&more("types")), "{}", more("types"));
    for (name, least) in [
        // The box of the body, of the future, and of the service's future.
        ("body", 1.0),
        ("future", 1.0),
        ("tower", 1.0),
        // The box of the future and of the clone, for each layer.
        ("tower-1", 2.0),
        ("tower-3", 6.0),
        ("tower-10", 20.0),
        // Parameters: a list, a name, a value, and the value again for the handler.
        ("router", 4.0),
        ("hyper", 2.0),
        ("axum", 4.0),
        // A reader, four lines, and Strings for all that is in them.
        ("hyperlane-read", 10.0),
        // The context, and a copy of the request.
        ("hyperlane-context", 5.0),
        ("hyperlane", 15.0),
        ("json-value", 5.0),
        ("allocations", 20.0),
        ("allocations-8k", 20.0),
    ] {
        assert!(more(name) >= least, "{name}: {}", more(name));
    }
    for name in [
        "write-again",
        "parse-again",
        "memory",
        "tower-10-typed",
        "lock",
        "copies",
        "atomics",
        "calls",
        "hashes",
    ] {
        assert!(more(name) < 0.1, "{name}: {}", more(name));
    }
}

#[test]
fn ten_layers_cost_more_than_three_and_three_more_than_one() {
    let each = ["tower", "tower-1", "tower-3", "tower-10"].map(allocations);
    assert!(each.is_sorted_by(|one, other| one < other), "{each:?}");
}

#[test]
fn hyper_reads_once_less_where_a_peer_may_close_its_half() {
    let [with, without] = ["hyper", "hyper-half-close"].map(allocations);
    assert!(without <= with - 1.0, "{with}, {without}");
}

#[test]
fn what_is_done_by_another_thread_is_not_counted() {
    assert_eq!(sample::allocations(&layer(HAND_OVER)), None);
}

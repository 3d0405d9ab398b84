//! Requests that come together: a whole framework takes them in one poll, as from one read. A test
//! by itself, since how many come together holds for the whole program.

use barewire::allocator::CountingAllocator;
use barewire_tax::layers::whole::{TOGETHER_MAX, come_together};
use barewire_tax::sample::{self, REQUEST};
use barewire_tax::{LAYERS, Layer};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const WHOLE: [&str; 4] = ["memory", "hyper", "hyper-half-close", "axum"];

fn layer(name: &str) -> Layer {
    let mut layers = LAYERS.into_iter();
    layers.find(|layer| layer.name == name).unwrap()
}

/// On a thread of its own, whose connections are new.
fn allocations(name: &'static str) -> f64 {
    let counted = std::thread::spawn(move || sample::allocations(&layer(name)));
    counted.join().unwrap().expect("an allocator that counts")
}

#[test]
fn the_last_of_a_batch_brings_all_answers() {
    let alone = WHOLE.map(allocations);
    come_together(TOGETHER_MAX);
    for name in WHOLE {
        let layer = layer(name);
        // Twice: the connection goes on.
        for _ in 0..2 {
            for _ in 1..TOGETHER_MAX {
                assert_eq!(layer.answer(&REQUEST), b"", "{name}");
            }
            let answers = String::from_utf8(layer.answer(&REQUEST)).unwrap();
            let found = answers.matches("HTTP/1.1 200 OK\r\n").count();
            assert_eq!(found, usize::from(TOGETHER_MAX), "{name}: {answers}");
        }
    }
    // hyper reads ahead once for all of them, and not into a new buffer for each.
    let together = WHOLE.map(allocations);
    for name in ["hyper", "axum"] {
        let at = WHOLE.iter().position(|one| *one == name).unwrap();
        assert!(
            together[at] < alone[at] - 0.5,
            "{name}: {together:?}, {alone:?}"
        );
    }
}

//! Prints how often each layer allocates for a request. A program of its own: a counting allocator
//! costs some twenty instructions a time, which the ladder would bill to its layers.

use barewire::allocator::CountingAllocator;
use barewire_tax::{LAYERS, sample};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    for layer in &LAYERS {
        if let Some(count) = sample::allocations(layer) {
            println!("{} {count}", layer.name);
        }
    }
}

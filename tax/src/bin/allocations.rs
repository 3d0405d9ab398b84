//! Prints how often each layer allocates for a request. A program of its own: a counting allocator
//! costs some twenty instructions a time, which the ladder would bill to its layers.
//!
//!     allocations --pipeline 16

use barewire::allocator::CountingAllocator;
use barewire_tax::layers::whole::{TOGETHER_MAX, come_together};
use barewire_tax::{LAYERS, sample};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Prints allocations of a request.
#[derive(Debug, Parser)]
struct Options {
    /// Requests that come together.
    #[arg(
        long,
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(TOGETHER_MAX)),
    )]
    pipeline: u16,
}

fn main() {
    come_together(Options::parse().pipeline);
    for layer in &LAYERS {
        if let Some(count) = sample::allocations(layer) {
            println!("{} {count}", layer.name);
        }
    }
}

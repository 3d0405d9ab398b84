//! The binary: installs the counting allocator, and leaves the rest to [`barewire::cli`].

use std::process::ExitCode;

use barewire::allocator::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    barewire::cli::run()
}

//! The binary: installs the counting allocator, and leaves the rest to [`barewire::cli`].
//!
//! With `--cfg plain_allocator` it does not, to show what the counting costs.

use std::process::ExitCode;

#[cfg(not(plain_allocator))]
use barewire::allocator::CountingAllocator;

#[cfg(not(plain_allocator))]
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    barewire::cli::run()
}

//! The binary: all it does is in [`barewire::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    barewire::cli::run()
}

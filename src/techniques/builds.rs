//! The rows of the techniques that are decided by the build: each has a profile, or a command, and
//! an artefact of its own.

use super::Group::Build;
use super::{Form, Technique, row};

/// The techniques of the build, in the order of `docs/techniques.md`.
pub(super) static BUILDS: [Technique; 8] = [
    row(
        "simd",
        Build,
        Form::Build(
            "CARGO_CFG_HTTPARSE_DISABLE_SIMD=1 cargo build --release --target-dir target/no-simd",
        ),
        "Cargo.toml",
        "httparse scans field values 16 or 32 bytes at a time.",
    ),
    row(
        "lto",
        Build,
        Form::Build("cargo build --profile no-lto"),
        "Cargo.toml",
        "The crates are optimised as one program: calls into mio, httparse and bytes are inlined.",
    ),
    row(
        "codegen-units",
        Build,
        Form::Build("cargo build --profile codegen-units"),
        "Cargo.toml",
        "The program is compiled in one piece, so that nothing is hidden from the optimiser.",
    ),
    row(
        "opt-level",
        Build,
        Form::Build("cargo build --profile opt-level-2"),
        "Cargo.toml",
        "The highest level of optimisation: more inlining, and loops turned into vector code.",
    ),
    row(
        "target-cpu",
        Build,
        Form::Build(
            "RUSTFLAGS=\"-C target-cpu=native\" cargo build --release --target-dir target/native",
        ),
        "Cargo.toml",
        "The instructions of this processor, and not of the first x86-64 ones.",
    ),
    row(
        "panic",
        Build,
        Form::Build("cargo build --profile panic-abort"),
        "Cargo.toml",
        "Without unwinding there are no landing pads; but a panicking handler ends the server.",
    ),
    row(
        "allocator",
        Build,
        Form::Build(
            "RUSTFLAGS=\"--cfg plain_allocator\" cargo build --release --target-dir \
             target/plain-allocator",
        ),
        "src/main.rs",
        "The counting of allocations costs a few instructions for each, and requests make none.",
    ),
    row(
        "pgo",
        Build,
        Form::Build("contrib/pgo.sh"),
        "contrib/pgo.sh",
        "The compiler lays the code out by a profile of real requests.",
    ),
];

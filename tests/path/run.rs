//! The server under callgrind, a file for each turn.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::wire::eventually;
use crate::wire::process::Barewire;

/// Requests that are answered before any counts: for what is done once for each connection.
const WARMING: usize = 4;
/// Requests that count.
const REQUESTS: usize = 12;

/// `Reactor::turn` in the compiler's two ways to mangle names. A closure in it is not meant: it has
/// a name behind `4turn`, or another prefix.
const TURN: [&str; 2] = [
    "_ZN8barewire7reactor*Reactor*4turn17h*",
    "_RNvM*8barewire7reactor*7Reactor*4turn*",
];

/// Has a server answer warm keep-alive requests; what callgrind wrote of each turn in between.
///
/// callgrind writes a file whenever `turn` begins, and starts anew. So a file holds a turn from its
/// beginning to its end, its poll included, and no clock and no signal is needed to cut it out.
pub(crate) fn warm_turns() -> Vec<String> {
    require_valgrind();
    let folder = TempDir::new().unwrap();
    let server = Barewire::spawn(&mut under_callgrind(folder.path()));
    let mut wire = server.connect();
    let mut ask = || {
        let before = files(folder.path()).len();
        wire.expect_open();
        // Otherwise the next request could still be served in this turn.
        eventually("Reactor::turn begins again, and callgrind writes", || {
            files(folder.path()).len() > before
        });
    };
    (0..WARMING).for_each(|_| ask());
    let cold = files(folder.path()).len();
    (0..REQUESTS).for_each(|_| ask());
    drop(wire);
    server.terminate();
    let ended = server.wait();
    assert!(ended.status.success(), "{}", ended.said);
    let warm = files(folder.path()).into_iter().skip(cold);
    warm.map(|(_, path)| fs::read_to_string(path).unwrap())
        .collect()
}

/// Without valgrind there is no list, and no way to know whether the document is right.
fn require_valgrind() {
    let found = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    assert!(
        found.is_ok_and(|status| status.success()),
        "this test needs valgrind: apt-get install valgrind"
    );
}

fn under_callgrind(folder: &Path) -> Command {
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(folder.join("turn"));
    let mut command = Command::new("valgrind");
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.args(["--quiet", "--tool=callgrind"]).arg(out);
    command.args(TURN.map(|pattern| format!("--dump-before={pattern}")));
    command.args([
        // The main thread looks at the accounts once a second.
        "--separate-threads=yes",
        // Demangled names of different functions can be the same.
        "--demangle=no",
        // Addresses order the calls that stand in one line.
        "--dump-instr=yes",
        "--compress-strings=no",
        "--compress-pos=no",
    ]);
    command.arg(assert_cmd::cargo::cargo_bin!("barewire"));
    // No request is timed: a GET that is not one of 64 is the usual one.
    command.args(["--port", "0", "--workers", "1", "--sample", "0"]);
    command
}

/// The files `turn.NUMBER-THREAD`, in the order in which they were written. What was written when
/// the process ended has no number, and is no turn.
fn files(folder: &Path) -> Vec<(usize, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let number = name.strip_prefix("turn.").and_then(|rest| {
            let (number, _thread) = rest.split_once('-')?;
            number.parse().ok()
        });
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    found
}

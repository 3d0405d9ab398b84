//! Where a figure was made: without it, it is worth nothing.
//!
//! Everything is read from the kernel and from the tools themselves, and what cannot be read is
//! absent, not guessed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use procfs::{CpuInfo, Current};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::command::{SOURCES, output_of};

/// The tools that figures depend on, and what makes each tell its version. wrk knows no flag for
/// it, and tells it with its usage.
const TOOLS: [(&str, &[&str]); 5] = [
    ("wrk", &["-v"]),
    ("valgrind", &["--version"]),
    ("strace", &["--version"]),
    ("perf", &["--version"]),
    ("taskset", &["--version"]),
];

/// The machine and the build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// `git rev-parse HEAD`, with ` with changes` if there are any; `None` outside a repository.
    pub commit: Option<String>,
    /// What the server is made of: SHA-256 of its sources without comments and tests, of the
    /// profiles and the lock file, and of the compiler's version; `None` without the sources.
    pub sources: Option<String>,
    /// `rustc --version`.
    pub compiler: Option<String>,
    /// RUSTFLAGS, and how this program was built: `release` or `debug`.
    pub flags: String,
    /// `uname -sr`.
    pub kernel: String,
    /// Model name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Frequency governor; `None` where the kernel shows none (most virtual machines).
    pub governor: Option<String>,
    /// What the kernel does against each of the processor's faults.
    pub mitigations: BTreeMap<String, String>,
    /// `net.ipv4.tcp_congestion_control`.
    pub congestion_control: Option<String>,
    /// The hypervisor, if there is one.
    pub hypervisor: Option<String>,
    /// Versions of the tools that were used: wrk, valgrind, strace, perf.
    pub tools: BTreeMap<String, String>,
}

/// Reads all of it.
pub fn read() -> Environment {
    let rustflags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let uname = rustix::system::uname();
    let system = [uname.sysname(), uname.release()].map(|part| part.to_string_lossy().into_owned());
    let cpus = CpuInfo::current().ok();
    let model = cpus.as_ref().and_then(|cpus| cpus.model_name(0));
    let is_virtual = cpus.as_ref().and_then(|cpus| cpus.flags(0));
    let is_virtual = is_virtual.is_some_and(|flags| flags.contains(&"hypervisor"));
    // As the firmware names itself.
    let maker = || line_of("/sys/class/dmi/id/sys_vendor").unwrap_or("of unknown make".to_owned());
    let tools = TOOLS.iter();
    let tools = tools
        .filter_map(|(tool, arguments)| Some(((*tool).to_owned(), first_line(tool, arguments)?)));
    Environment {
        commit: commit(),
        sources: sources(),
        compiler: first_line("rustc", &["--version"]),
        flags: format!("{profile} {rustflags}").trim().to_owned(),
        kernel: system.join(" "),
        cpu: model.unwrap_or("unknown").to_owned(),
        cores: crate::machine::cores(),
        governor: line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        mitigations: mitigations(),
        congestion_control: line_of("/proc/sys/net/ipv4/tcp_congestion_control"),
        hypervisor: is_virtual.then(maker),
        tools: tools.collect(),
    }
}

fn commit() -> Option<String> {
    let whole = ["--always", "--exclude=*", "--abbrev=40"];
    git(&[&["describe", "--dirty= with changes"], &whole[..]].concat())
}

/// How many commits since then changed the server; `None` if that one is not in this repository.
pub fn commits_since(commit: &str) -> Option<u32> {
    let range = format!("{}..HEAD", commit.split_whitespace().next()?);
    let changes = git(&["rev-list", "--count", &range, "--", "src", "Cargo.toml"]);
    changes?.parse().ok()
}

/// What git says of the sources; `None` if it has nothing to say.
fn git(arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    let told = output_of(git.args(["-C", SOURCES]).args(arguments)).ok()?;
    Some(told.trim().to_owned())
}

/// The hash of what the server is made of.
pub fn sources() -> Option<String> {
    let root = Path::new(SOURCES);
    let mut files = vec![root.join("Cargo.toml"), root.join("Cargo.lock")];
    collect(&root.join("src"), &mut files).ok()?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.strip_prefix(root).ok()?.as_os_str().as_encoded_bytes());
        hash.update(code(&fs::read_to_string(&file).ok()?));
    }
    hash.update(first_line("rustc", &["--version"]).unwrap_or_default());
    Some(format!("{:x}", hash.finalize()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_tests = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_tests {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "rs") && !is_tests {
            files.push(path);
        }
    }
    Ok(())
}

/// What is compiled: without comments that have a line of their own, empty lines, and the tests
/// that end a file.
fn code(text: &str) -> String {
    let text = text
        .split("\n#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn mitigations() -> BTreeMap<String, String> {
    let folder = fs::read_dir("/sys/devices/system/cpu/vulnerabilities");
    let entries = folder.into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let told = fs::read_to_string(entry.path()).ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Some((name, told.trim().to_owned()))
        })
        .collect()
}

fn line_of(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|line| !line.is_empty())
}

/// The first line that a program prints, wherever it prints it; `None` if it is missing.
pub(crate) fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let all = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&all);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let environment = read();
        assert!(environment.kernel.starts_with("Linux "), "{environment:?}");
        assert!(environment.cores >= 1);
        assert_ne!(environment.cpu, "");
    }

    #[test]
    fn comments_and_tests_are_no_code() {
        let one = "// What it is.\nfn a() {}\n\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(code(one), "fn a() {}");
        assert_ne!(code(one), code("fn a() { b() }"));
        assert_eq!(sources().unwrap().len(), 64);
    }

    #[test]
    fn a_program_that_is_missing_has_no_version() {
        assert_eq!(first_line("no-such-program", &[]), None);
        assert_eq!(first_line("echo", &["1.2"]).as_deref(), Some("1.2"));
    }
}

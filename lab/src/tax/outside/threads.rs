//! Threads of Node and of the JVM: how they are called, and what each is there for.
//!
//! A name of the kernel has fifteen bytes, and Tomcat's names differ behind them. So the JVM is
//! asked by jstack, once, after the window; who is not in its list keeps the kernel's name.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::Result;

use super::Runtime;
use crate::command::output_of;
use crate::process::Usage;
use crate::results::{ThreadTime, Work};
use crate::statistics::{count, float};

/// Threads of the JVM that compile; the last one throws compiled code away.
const COMPILES: [&str; 4] = ["C1 Compiler", "C2 Compiler", "JVMCI", "Sweeper thread"];
/// Those that collect. With one processor the JVM takes the serial collector, which runs on the
/// VM's own thread, beside all else that needs the program to stand still.
const COLLECTS: [&str; 7] = [
    "GC Thread",
    "G1 ",
    "VM Thread",
    "ZGC",
    "ZWorker",
    "XWorker",
    "Shenandoah",
];
/// Those that it has beside them, whatever the program is.
const BESIDE: [&str; 14] = [
    "java",
    "main",
    "DestroyJavaVM",
    "Reference Handler",
    "Finalizer",
    "Signal Dispatcher",
    "Service Thread",
    "Monitor Deflation Thread",
    "Notification Thread",
    "Common-Cleaner",
    "Cleaner",
    "VM Periodic Task Thread",
    "Attach Listener",
    "JFR ",
];
/// What Node's workers are called since it gives them names; before, all are called `node`.
const WORKERS: [&str; 2] = ["V8Worker", "node"];

/// What the threads of a process used between two looks, by name, the dearest first.
pub(super) fn used(
    runtime: Runtime,
    pid: u32,
    [before, after]: &[Usage; 2],
    answered: usize,
) -> Vec<ThreadTime> {
    let told = match runtime {
        Runtime::Jvm => told_by_the_jvm(pid).unwrap_or_default(),
        Runtime::Node => BTreeMap::new(),
    };
    let mut found: BTreeMap<(Work, String), ThreadTime> = BTreeMap::new();
    for (id @ (process, thread), time) in &after.threads {
        let known = told.get(thread).cloned();
        let Some(name) = known.or_else(|| kernels_name(*process, *thread)) else {
            continue;
        };
        let earlier = before.threads.get(id).copied().unwrap_or_default();
        let is_first = u32::try_from(*thread) == Ok(pid);
        let work = work(runtime, &name, is_first);
        let name = shown(runtime, without_number(&name), is_first);
        let one = found.entry((work, name.clone())).or_insert(ThreadTime {
            name,
            work,
            ..ThreadTime::default()
        });
        one.threads += 1;
        let nanoseconds = u64::try_from(time.saturating_sub(earlier).as_nanos());
        one.ns += float(nanoseconds.unwrap_or(u64::MAX)) / count(answered.max(1));
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by(|one, other| other.ns.total_cmp(&one.ns));
    found
}

fn kernels_name(process: i32, thread: i32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{process}/task/{thread}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// Full names by thread.
fn told_by_the_jvm(pid: u32) -> Result<BTreeMap<i32, String>> {
    let told = output_of(Command::new("jstack").arg(pid.to_string()))?;
    Ok(told.lines().filter_map(name_in).collect())
}

/// Thread and name in a line of jstack. The number is hexadecimal up to Java 19.
fn name_in(line: &str) -> Option<(i32, String)> {
    let (name, rest) = line.strip_prefix('"')?.rsplit_once('"')?;
    let id = rest.split_once(" nid=")?.1.split_whitespace().next()?;
    let id = match id.strip_prefix("0x") {
        Some(digits) => i32::from_str_radix(digits, 16).ok()?,
        None => id.parse().ok()?,
    };
    Some((id, name.to_owned()))
}

/// What a thread of that name is there for. `is_first`: it is the one that the process began with.
fn work(runtime: Runtime, name: &str, is_first: bool) -> Work {
    let begins = |names: &[&str]| names.iter().any(|known| name.starts_with(known));
    // The kernel's names are beginnings of these.
    let is_beside = || BESIDE.iter().any(|known| known.starts_with(name)) || begins(&["JFR "]);
    match runtime {
        Runtime::Node if is_first => Work::Serves,
        Runtime::Node if begins(&WORKERS) => Work::CompilesOrCollects,
        Runtime::Node => Work::Other,
        Runtime::Jvm if begins(&COMPILES) => Work::Compiles,
        Runtime::Jvm if begins(&COLLECTS) => Work::Collects,
        Runtime::Jvm if is_first || is_beside() || name.starts_with("Cleaner-") => Work::Other,
        Runtime::Jvm => Work::Serves,
    }
}

/// `GC Thread#3` and `exec-12` are one of many.
fn without_number(name: &str) -> &str {
    let bare = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    bare.trim_end_matches(['-', '#', ' '])
}

/// Node's first thread and its workers have one name in old versions.
fn shown(runtime: Runtime, name: &str, is_first: bool) -> String {
    match (runtime, is_first) {
        (Runtime::Node, true) => "main thread".to_owned(),
        (Runtime::Node, false) if name == "node" => "node, without a name".to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As jstack of OpenJDK 17 prints it, and one line of 21.
    const JSTACK: &str = "2026-11-28 07:07:12\n\
        Full thread dump OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1deb12u1 mixed mode):\n\n\
        \"Reference Handler\" #2 daemon prio=10 os_prio=0 cpu=0.51ms elapsed=8.22s \
        tid=0x00007f1c nid=0x26a9 waiting on condition  [0x00007f1c]\n   \
        java.lang.Thread.State: RUNNABLE\n\
        \"C2 CompilerThread0\" #6 daemon prio=9 os_prio=0 cpu=912.03ms elapsed=8.20s \
        tid=0x00007f1d nid=0x26ad waiting on condition  [0x0000000000000000]\n\
        \"http-nio-127.0.0.1-28732-exec-1\" #22 daemon prio=5 os_prio=0 cpu=1.23ms \
        elapsed=1.1s tid=0x00007f1e nid=0x26b3 runnable  [0x00007f1e]\n\
        \"a \"quoted\" name\" #23 [12345] daemon prio=5 os_prio=0 cpu=1.2ms elapsed=1.1s \
        tid=0x1 nid=12345 runnable\n\
        \"VM Thread\" os_prio=0 cpu=29.30ms elapsed=8.24s tid=0x00007f1c nid=0x26a8 runnable\n";

    #[test]
    fn jstacks_lines_have_names_and_threads() {
        let found: BTreeMap<i32, String> = JSTACK.lines().filter_map(name_in).collect();
        let names = [
            (0x26a8, "VM Thread"),
            (0x26a9, "Reference Handler"),
            (0x26ad, "C2 CompilerThread0"),
            (0x26b3, "http-nio-127.0.0.1-28732-exec-1"),
            (12345, "a \"quoted\" name"),
        ];
        assert_eq!(found, names.map(|(id, name)| (id, name.to_owned())).into());
    }

    #[test]
    fn a_jvms_threads_have_a_kind_by_full_name_and_by_the_kernels() {
        for (names, expected) in [
            (
                &["C1 CompilerThread0", "C2 CompilerThre", "Sweeper thread"][..],
                Work::Compiles,
            ),
            (
                &["VM Thread", "GC Thread#1", "G1 Conc#0", "G1 Service"],
                Work::Collects,
            ),
            (
                &["java", "Reference Handl", "VM Periodic Tas", "Cleaner-0"],
                Work::Other,
            ),
            (
                &["Common-Cleaner", "Monitor Deflati", "JFR Sampler Thread"],
                Work::Other,
            ),
            (
                &["http-nio-127.0.", "http-nio-127.0.0.1-80-Poller"],
                Work::Serves,
            ),
            (&["HTTP-Dispatcher", "pool-1-thread-1"], Work::Serves),
        ] {
            for name in names {
                assert_eq!(work(Runtime::Jvm, name, false), expected, "{name}");
            }
        }
        assert_eq!(work(Runtime::Jvm, "java", true), Work::Other);
    }

    #[test]
    fn nodes_first_thread_serves_whatever_it_is_called() {
        for name in ["node", "MainThread", "my-title"] {
            assert_eq!(work(Runtime::Node, name, true), Work::Serves);
        }
        for name in ["node", "V8Worker"] {
            assert_eq!(work(Runtime::Node, name, false), Work::CompilesOrCollects);
        }
        for name in ["libuv-worker", "SignalInspector", "DelayedTaskSche"] {
            assert_eq!(work(Runtime::Node, name, false), Work::Other);
        }
        assert_eq!(shown(Runtime::Node, "node", true), "main thread");
        assert_eq!(shown(Runtime::Node, "node", false), "node, without a name");
    }

    #[test]
    fn the_number_at_the_end_is_none_of_the_name() {
        for (name, bare) in [
            ("GC Thread#12", "GC Thread"),
            ("http-nio-8080-exec-3", "http-nio-8080-exec"),
            ("C2 CompilerThread0", "C2 CompilerThread"),
            ("VM Thread", "VM Thread"),
            ("V8Worker", "V8Worker"),
        ] {
            assert_eq!(without_number(name), bare);
        }
    }

    /// Of this very process: a thread that worked is found under its name, with its time.
    #[test]
    fn what_a_thread_used_stands_under_its_name() {
        let own = std::process::id();
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let before = Usage::of(own).unwrap();
        let busy = std::thread::Builder::new().name("V8Worker".to_owned());
        let busy = busy.spawn(move || {
            let until = std::time::Instant::now() + std::time::Duration::from_millis(30);
            while std::time::Instant::now() < until {}
            told.recv()
        });
        std::thread::sleep(std::time::Duration::from_millis(120));
        let after = Usage::of(own).unwrap();
        let found = used(Runtime::Node, own, &[before, after], 1000);
        tell.send(()).unwrap();
        busy.unwrap().join().unwrap().unwrap();
        let one = found.iter().find(|one| one.name == "V8Worker").unwrap();
        assert_eq!((one.work, one.threads), (Work::CompilesOrCollects, 1));
        // Of its 30 ms it may have had a core for a part only.
        assert!(one.ns > 1_000.0 && one.ns < 60_000.0, "{found:?}");
    }
}

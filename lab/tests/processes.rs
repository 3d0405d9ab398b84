//! Servers that start, do not start, fork and do not want to end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use barewire_lab::process::{Running, Subject, Usage};

fn canned() -> Subject {
    Subject::announcing("L1", env!("CARGO_BIN_EXE_canned"), &["--level", "1"])
}

fn shell(script: &str) -> Subject {
    Subject::announcing("script", "sh", &["-c", script])
}

/// Says that it listens, at an address that nobody asks.
const LISTENS: &str = "echo listening on http://127.0.0.1:9";

/// A child that is no zombie.
fn is_alive(pid: i32) -> bool {
    let status = procfs::process::Process::new(pid).and_then(|process| process.stat());
    status.is_ok_and(|stat| stat.state != 'Z')
}

#[test]
fn one_that_announces_is_found_where_it_says() {
    let running = Running::start(&canned(), 1, &[]).unwrap();
    assert_ne!(running.address().port(), 0);
    assert!(std::net::TcpStream::connect(running.address()).is_ok());
    let usage = Usage::of(running.pid()).unwrap();
    assert_eq!(usage.threads.len(), 1);
    assert!(usage.resident_bytes > 100 * 1024, "{usage:?}");
    running.stop().unwrap();
}

#[test]
fn one_that_does_not_announce_gets_a_port_and_is_asked() {
    let subject = Subject {
        arguments: ["--level", "1", "--port", "{port}"].map(Into::into).into(),
        announces: false,
        ..canned()
    };
    let running = Running::start(&subject, 1, &[]).unwrap();
    assert!(std::net::TcpStream::connect(running.address()).is_ok());
    running.stop().unwrap();
}

#[test]
fn it_runs_on_the_cores_that_it_was_given() {
    let running = Running::start(&canned(), 1, &[0]).unwrap();
    let process = procfs::process::Process::new(running.pid().cast_signed()).unwrap();
    assert_eq!(
        process.status().unwrap().cpus_allowed_list,
        Some(vec![(0, 0)])
    );
    running.stop().unwrap();
}

#[test]
fn one_that_ends_at_once_is_quoted() {
    let error = Running::start(&shell("echo the port is taken >&2; exit 3"), 1, &[]).unwrap_err();
    let said = format!("{error:#}");
    assert!(
        said.contains("exit status: 3") && said.contains("the port is taken"),
        "{said}"
    );
}

#[test]
fn a_program_that_is_missing_is_named() {
    let subject = Subject {
        program: "no-such-server".into(),
        ..canned()
    };
    for cores in [&[][..], &[0]] {
        let error = Running::start(&subject, 1, cores).unwrap_err();
        assert!(format!("{error:#}").contains("no-such-server"), "{error:#}");
    }
}

#[test]
fn an_exit_code_after_sigterm_is_an_error_with_what_was_printed() {
    let script = format!("trap 'echo lost a request; exit 7' TERM; {LISTENS}; sleep 60 & wait");
    let running = Running::start(&shell(&script), 1, &[]).unwrap();
    let said = format!("{:#}", running.stop().unwrap_err());
    assert!(
        said.contains("exit status: 7") && said.contains("lost a request"),
        "{said}"
    );
}

#[test]
fn children_count_and_end_with_it() {
    let running = Running::start(
        &shell(&format!("sleep 60 & sleep 60 & {LISTENS}; wait")),
        1,
        &[],
    )
    .unwrap();
    let usage = Usage::of(running.pid()).unwrap();
    let processes: Vec<i32> = usage.threads.keys().map(|(pid, _)| *pid).collect();
    assert_eq!(processes.len(), 3);
    drop(running);
    // The group has had its SIGKILL; the children are init's and end as soon as they are scheduled.
    for pid in processes {
        while is_alive(pid) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn it_is_started_where_and_with_what_the_subject_says() {
    let folder = tempfile::tempdir().unwrap();
    let subject = Subject {
        directory: Some(folder.path().to_owned()),
        environment: BTreeMap::from([("THREADS".into(), "{workers}".into())]),
        ..shell(&format!(
            "echo $THREADS $PORT $WORKERS > seen; {LISTENS}; sleep 60"
        ))
    };
    let running = Running::start(&subject, 3, &[]).unwrap();
    let seen = std::fs::read_to_string(folder.path().join(Path::new("seen"))).unwrap();
    assert_eq!(seen, "3 0 3\n");
    running.stop().unwrap();
}

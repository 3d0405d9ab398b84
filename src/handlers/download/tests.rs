use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::handlers::testing::{Answer, request, settle};
use crate::http::{Field, Method, date};

const LONG_AGO: Duration = Duration::from_hours(1);

/// A root with a few files, none of which has just been changed.
fn served(change: impl FnOnce(&mut Config)) -> (TempDir, Downloads) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("sub/empty")).unwrap();
    let large = vec![7; 20_000];
    for (name, bytes) in [
        ("page.html", &b"<p>page"[..]),
        ("sub/index.html", b"<p>index"),
        (".hidden", b"secret"),
        ("large.bin", &large),
        ("na me+%.txt", b"odd"),
        ("none", b""),
    ] {
        write(folder.path(), name, bytes);
    }
    let mut config = Config {
        files_root: Some(folder.path().to_owned()),
        ..Config::default()
    };
    change(&mut config);
    let root = Arc::new(FilesRoot::new(config.files_root.as_deref()).unwrap());
    let by_jobs = Arc::new(AtomicBool::new(config.techniques.file_jobs));
    let downloads = Downloads::new(&config, root, by_jobs);
    (folder, downloads)
}

fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - LONG_AGO).unwrap();
}

fn reply_to(downloads: &Downloads, target: &str, fields: &[(&str, &str)]) -> Reply {
    let fields: Vec<Field<'_>> = fields
        .iter()
        .map(|(name, value)| Field {
            name,
            value: value.as_bytes(),
        })
        .collect();
    let asked = Request {
        fields: &fields,
        ..request(Method::Get, target)
    };
    reply(downloads, &asked).into()
}

fn ask(downloads: &Downloads, target: &str, fields: &[(&str, &str)]) -> Answer {
    Answer::of(settle(reply_to(downloads, target, fields)), Method::Get)
}

#[test]
fn a_small_file_is_an_answer_at_once_from_the_second_request_on() {
    let (_folder, downloads) = served(|_| ());
    assert!(matches!(
        reply_to(&downloads, "/files/page.html", &[]),
        Reply::Later(_)
    ));
    let first = ask(&downloads, "/files/page.html", &[]);
    assert_eq!((first.status, first.text()), (200, "<p>page"));
    assert_eq!(
        first.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(first.field("Accept-Ranges"), Some("bytes"));
    assert_eq!(first.field("Cache-Control"), None);
    let modified = date::read(first.field("Last-Modified").unwrap()).unwrap();
    let age = unix_now() - modified;
    assert!(age >= LONG_AGO.as_secs() && age < 2 * LONG_AGO.as_secs());
    assert!(matches!(
        reply_to(&downloads, "/files/page.html", &[]),
        Reply::Now(_)
    ));
}

#[test]
fn a_large_file_is_a_stream() {
    let (_folder, downloads) = served(|config| config.files_max_age = Some(LONG_AGO));
    let answer = ask(&downloads, "/files/large.bin", &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("Cache-Control"), Some("max-age=3600"));
    let again = reply_to(&downloads, "/files/large.bin", &[]);
    assert!(matches!(again, Reply::Stream(_)));
}

#[test]
fn validators_and_ranges_of_both() {
    let (_folder, downloads) = served(|_| ());
    for (target, all) in [("/files/page.html", 7), ("/files/large.bin", 20_000)] {
        let whole = ask(&downloads, target, &[]);
        let etag = whole.field("ETag").unwrap().to_owned();
        assert!(etag.starts_with('"'), "{etag}");
        let known = ask(&downloads, target, &[("If-None-Match", &etag)]);
        assert_eq!((known.status, known.field("ETag")), (304, Some(&*etag)));
        let part = ask(&downloads, target, &[("Range", "bytes=1-2")]);
        let range = format!("bytes 1-2/{all}");
        assert_eq!(
            (part.status, part.field("Content-Range")),
            (206, Some(&*range))
        );
        let beyond = ask(&downloads, target, &[("Range", "bytes=90000-")]);
        let range = format!("bytes */{all}");
        assert_eq!(
            (beyond.status, beyond.field("Content-Range")),
            (416, Some(&*range))
        );
        let other = ask(&downloads, target, &[("If-Match", "\"x\"")]);
        assert_eq!(other.status, 412);
    }
    assert_eq!(
        ask(&downloads, "/files/page.html", &[("Range", "bytes=1-2")]).text(),
        "p>"
    );
}

#[test]
fn a_file_that_has_just_been_changed_has_a_weak_tag() {
    let (folder, downloads) = served(|_| ());
    fs::write(folder.path().join("new"), "new").unwrap();
    let answer = ask(&downloads, "/files/new", &[]);
    assert!(answer.field("ETag").unwrap().starts_with("W/\""));
}

#[test]
fn a_file_of_the_future_has_the_date_of_now() {
    let (folder, downloads) = served(|_| ());
    let path = folder.path().join("page.html");
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + LONG_AGO).unwrap();
    let answer = ask(&downloads, "/files/page.html", &[]);
    let modified = date::read(answer.field("Last-Modified").unwrap());
    assert!(modified.unwrap() <= unix_now());
}

#[test]
fn preconditions_of_what_is_not_there_are_ignored() {
    let (_folder, downloads) = served(|_| ());
    for field in ["If-Match", "If-None-Match"] {
        let answer = ask(&downloads, "/files/nothing", &[(field, "*")]);
        assert_eq!(answer.status, 404, "{field}");
    }
}

#[test]
fn names_are_decoded_and_nothing_leaves_the_root() {
    let (folder, downloads) = served(|_| ());
    assert_eq!(ask(&downloads, "/files/na%20me+%25.txt", &[]).text(), "odd");
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    for target in [
        "/files/.hidden",
        "/files/%2ehidden",
        "/files/../etc/passwd",
        "/files/sub/../page.html",
        "/files/%2e%2e/etc/passwd",
        "/files//etc/passwd",
        "/files/%2Fetc/passwd",
        "/files/link",
        "/files/nothing",
        "/files/page.html/",
        "/files/page.html/below",
        "/files/page%00.html",
        "/files/sub/empty/",
        "/files/",
    ] {
        let answer = ask(&downloads, target, &[]);
        assert_eq!(answer.status, 404, "{target}");
        assert!(answer.json()["error"].is_string());
    }
}

#[test]
fn a_directory_has_its_index() {
    let (_folder, downloads) = served(|_| ());
    let answer = ask(&downloads, "/files/sub/", &[]);
    assert_eq!((answer.status, answer.text()), (200, "<p>index"));
    let answer = ask(&downloads, "/files/sub", &[]);
    assert_eq!(
        (answer.status, answer.field("Location")),
        (301, Some("/files/sub/"))
    );
}

#[test]
fn what_is_no_file_is_not_there_and_hangs_nobody() {
    let (folder, downloads) = served(|_| ());
    let fifo = folder.path().join("fifo");
    let kind = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).unwrap();
    assert_eq!(ask(&downloads, "/files/fifo", &[]).status, 404);
}

#[test]
fn a_change_is_seen_when_the_file_is_opened_again() {
    let (folder, downloads) = served(|_| ());
    assert_eq!(ask(&downloads, "/files/page.html", &[]).text(), "<p>page");
    write(folder.path(), "page.html", b"<p>another");
    downloads.shelf.forget();
    assert_eq!(
        ask(&downloads, "/files/page.html", &[]).text(),
        "<p>another"
    );
}

#[test]
fn without_the_cache_small_files_are_streams() {
    let (_folder, downloads) = served(|_| ());
    ask(&downloads, "/files/page.html", &[]);
    downloads.change(&Techniques {
        small_file_cache: false,
        ..Techniques::FULL
    });
    ask(&downloads, "/files/page.html", &[]);
    let again = reply_to(&downloads, "/files/page.html", &[]);
    assert!(matches!(again, Reply::Stream(_)), "{again:?}");
}

#[test]
fn without_jobs_the_reactor_opens() {
    let (_folder, downloads) = served(|config| config.techniques.file_jobs = false);
    let first = reply_to(&downloads, "/files/page.html", &[]);
    assert!(matches!(first, Reply::Now(_)));
}

#[test]
fn an_empty_file_has_an_empty_body() {
    let (_folder, downloads) = served(|_| ());
    let answer = ask(&downloads, "/files/none", &[]);
    assert_eq!((answer.status, &*answer.body), (200, &b""[..]));
    assert_eq!(answer.field("Content-Length"), Some("0"));
}

/// A source that is asked to its end: parts in order, and jobs where pages are not in memory.
fn parts(opened: &Arc<Opened>, range: Range<u64>) -> Vec<(u64, usize)> {
    use crate::http::{Outlet, Waker};
    let waker = Waker::new(|| ());
    let mut source = source(Arc::clone(opened), range, Arc::new(AtomicBool::new(true)));
    let (mut out, mut found) = (Vec::new(), Vec::new());
    loop {
        let mut outlet = Outlet {
            out: &mut out,
            waker: &waker,
            is_leaving: false,
        };
        match source(&mut outlet) {
            Next::Send(part) => found.push((part.at, part.bytes)),
            Next::Run(task) => task(),
            Next::End => return found,
            _ => panic!("a source of a file says something else"),
        }
    }
}

#[test]
fn a_range_is_sent_in_parts_of_a_bounded_size() {
    let (folder, downloads) = served(|_| ());
    let bytes = 2 * FILE_PART_BYTES + 10;
    write(folder.path(), "huge", &vec![1; bytes]);
    let opened = downloads.shelf.open(b"huge".to_vec()).unwrap();
    let found = parts(&opened, 3..bytes as u64);
    let step = FILE_PART_BYTES as u64;
    assert_eq!(
        found,
        [
            (3, FILE_PART_BYTES),
            (3 + step, FILE_PART_BYTES),
            (3 + 2 * step, 7)
        ]
    );
}

//! `/files` over sockets: whole files, ranges and preconditions as a client sees them, and what the
//! server holds meanwhile.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use barewire::accounts::Counter;
use barewire::config::{Config, KIB, MIB};
use tempfile::TempDir;
use wire::{Answer, Live, Wire, alone, full};

mod wire;

/// Larger than what the kernel keeps for a peer that does not read.
const LARGE: usize = 24 * MIB;
const LONG_AGO: Duration = Duration::from_hours(1);

/// Bytes that tell where they belong.
fn content(bytes: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(bytes).collect()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap();
    let file = File::options().write(true).open(folder.join(name)).unwrap();
    file.set_modified(SystemTime::now() - LONG_AGO).unwrap();
}

fn served(config: Config) -> (TempDir, Live) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "small", &content(KIB));
    write(folder.path(), "middle", &content(100 * KIB));
    write(folder.path(), "large", &content(LARGE));
    let config = Config {
        files_root: Some(folder.path().to_owned()),
        ..config
    };
    let live = Live::routes(config);
    (folder, live)
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")
}

fn ask(wire: &mut Wire, target: &str, fields: &str) -> Answer {
    wire.ask(get(target, fields))
}

#[test]
fn files_of_every_size_arrive_whole_on_one_connection() {
    let (_folder, live) = served(alone());
    let mut wire = live.connect();
    for (name, bytes) in [("small", KIB), ("middle", 100 * KIB), ("large", LARGE)] {
        for _again in 0..2 {
            let answer = wire.get(&format!("/files/{name}"));
            assert_eq!(answer.status, 200);
            assert!(answer.body == content(bytes), "{name}");
        }
    }
    assert_eq!(live.sum(|reactor| &reactor.broken_streams), 0);
}

#[test]
fn rfc9110_section_14_ranges_are_parts_of_the_file() {
    let (_folder, live) = served(alone());
    let mut wire = live.connect();
    for (name, bytes) in [("small", KIB), ("middle", 100 * KIB)] {
        let (target, all) = (format!("/files/{name}"), content(bytes));
        for (range, from, to) in [
            ("0-0".to_owned(), 0, 1),
            ("1-".to_owned(), 1, bytes),
            ("-5".to_owned(), bytes - 5, bytes),
            (format!("{}-{}", bytes - 1, bytes + 9), bytes - 1, bytes),
        ] {
            let answer = ask(&mut wire, &target, &format!("Range: bytes={range}\r\n"));
            assert_eq!(answer.status, 206, "{range}");
            assert_eq!(answer.body, all[from..to], "{range}");
            let expected = format!("bytes {from}-{}/{bytes}", to - 1);
            assert_eq!(answer.field("Content-Range"), Some(&*expected));
        }
        let beyond = ask(&mut wire, &target, &format!("Range: bytes={bytes}-\r\n"));
        assert_eq!(beyond.status, 416);
        let several = ask(&mut wire, &target, "Range: bytes=0-1,5-6\r\n");
        assert_eq!((several.status, several.body.len()), (200, bytes));
    }
}

#[test]
fn rfc9110_section_13_a_known_file_is_not_sent_again() {
    let (folder, live) = served(alone());
    let mut wire = live.connect();
    for name in ["small", "middle"] {
        let target = format!("/files/{name}");
        let whole = wire.head(&target);
        let [etag, modified] = ["ETag", "Last-Modified"].map(|name| whole.field(name).unwrap());
        for (fields, status) in [
            (format!("If-None-Match: {etag}\r\n"), 304),
            (format!("If-Modified-Since: {modified}\r\n"), 304),
            (format!("If-Match: {etag}\r\n"), 200),
            (format!("If-Unmodified-Since: {modified}\r\n"), 200),
            ("If-Match: \"other\"\r\n".to_owned(), 412),
            (format!("Range: bytes=0-1\r\nIf-Range: {etag}\r\n"), 206),
            (
                "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n".to_owned(),
                200,
            ),
        ] {
            let answer = ask(&mut wire, &target, &fields);
            assert_eq!(answer.status, status, "{name}: {fields}");
            if status == 304 {
                assert_eq!(answer.field("ETag"), Some(etag));
                assert_eq!(answer.field("Content-Length"), None);
            }
        }
        write(folder.path(), name, b"changed");
        std::thread::sleep(Duration::from_millis(1100));
        let changed = ask(&mut wire, &target, &format!("If-None-Match: {etag}\r\n"));
        assert_eq!((changed.status, &*changed.body), (200, &b"changed"[..]));
    }
}

#[test]
fn head_says_what_get_would() {
    let (_folder, live) = served(alone());
    let mut wire = live.connect();
    for name in ["small", "middle"] {
        let target = format!("/files/{name}");
        let (head, get) = (wire.head(&target), wire.get(&target));
        for field in ["Content-Length", "Content-Type", "ETag", "Last-Modified"] {
            assert_eq!(head.field(field), get.field(field), "{name}");
        }
    }
}

/// With it no byte passes through our memory.
#[test]
fn without_sendfile_each_byte_of_a_file_is_copied() {
    for (sendfile, copied) in [(true, 0), (false, 2 * 100 * KIB as u64)] {
        let mut config = full(1);
        config.techniques.sendfile = sendfile;
        let (_folder, live) = served(config);
        let mut wire = live.connect();
        for _again in 0..2 {
            assert!(wire.get("/files/middle").body == content(100 * KIB));
        }
        let counted = live.accounts.reactors[0].bytes_copied.iter();
        assert_eq!(counted.map(Counter::get).sum::<u64>(), copied);
        assert!(live.sum(|reactor| &reactor.file_sends) >= 2);
    }
}

/// A client that waits for bytes is woken by the first packet: it has data behind the head.
#[test]
fn the_head_of_a_file_does_not_arrive_alone() {
    let (_folder, live) = served(full(1));
    let mut wire = live.connect();
    for _again in 0..50 {
        wire.send(get("/files/middle", ""));
        let mut first = vec![0; 2000];
        let bytes = wire.stream().read(&mut first).unwrap();
        let head = first.windows(4).position(|four| four == b"\r\n\r\n");
        let head_bytes = head.unwrap() + 4;
        assert!(bytes > head_bytes, "{bytes}");
        let mut rest = vec![0; head_bytes + 100 * KIB - bytes];
        wire.stream().read_exact(&mut rest).unwrap();
    }
}

#[test]
fn a_small_file_is_one_send() {
    for (kept, sends, file_sends) in [(true, 2, 0), (false, 4, 2)] {
        let mut config = full(1);
        config.techniques.small_file_cache = kept;
        let (_folder, live) = served(config);
        let mut wire = live.connect();
        for _again in 0..2 {
            assert_eq!(wire.get("/files/small").body, content(KIB));
        }
        wire::eventually("it is counted", || {
            live.sum(|reactor| &reactor.writes) == sends
        });
        assert_eq!(live.sum(|reactor| &reactor.file_sends), file_sends);
    }
}

/// Many who ask for a large file and read nothing: each holds what the kernel keeps for it, and
/// nothing in our memory.
#[test]
fn readers_that_stall_hold_no_buffer() {
    let (_folder, live) = served(full(1));
    let mut wires: Vec<Wire> = (0..50).map(|_| live.connect()).collect();
    for wire in &mut wires {
        wire.send(get("/files/large", ""));
    }
    assert_eq!(
        live.connect().get("/plaintext").status,
        200,
        "others are served"
    );
    let reactor = &live.accounts.reactors[0];
    assert_eq!(reactor.buffer_bytes.get(), 0);
    let expected = content(LARGE);
    for wire in &mut wires[..3] {
        assert!(wire.answer().body == expected);
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_the_connection() {
    let (folder, live) = served(alone());
    let mut wire = live.connect();
    wire.send(get("/files/large", ""));
    // Its head is here, and the rest stalls behind the kernel's buffers.
    let mut first = [0; 100];
    wire.stream().read_exact(&mut first).unwrap();
    let file = File::options()
        .write(true)
        .open(folder.path().join("large"));
    file.unwrap().set_len(100).unwrap();
    let mut received = 100;
    let mut chunk = vec![0; MIB];
    // A reset, or the end: fewer bytes than announced either way.
    while let Ok(bytes @ 1..) = wire.stream().read(&mut chunk) {
        received += bytes;
    }
    assert!(received < LARGE, "{received}");
    assert_eq!(live.sum(|reactor| &reactor.broken_streams), 1);
    assert_eq!(live.connect().get("/plaintext").status, 200);
}

#[test]
fn a_file_that_grows_is_cut_at_its_announced_length() {
    let (folder, live) = served(alone());
    let mut wire = live.connect();
    wire.send(get("/files/large", ""));
    let mut first = [0; 100];
    wire.stream().read_exact(&mut first).unwrap();
    let file = File::options()
        .append(true)
        .open(folder.path().join("large"));
    file.unwrap().write_all(b"more").unwrap();
    wire.send(get("/plaintext", "Connection: close\r\n"));
    let mut rest = Vec::new();
    wire.stream().read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"Hello, World!"));
    let head = first.windows(4).position(|four| four == b"\r\n\r\n");
    let rest_of_head = rest.windows(4).position(|four| four == b"\r\n\r\n");
    let body_at = head.map_or_else(|| 100 + rest_of_head.unwrap() + 4, |at| at + 4);
    let whole = [&first[..], &rest].concat();
    assert!(whole[body_at..][..LARGE] == content(LARGE));
    assert!(whole[body_at + LARGE..].starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// What is not in memory is read by a job first; the pages are dropped before.
#[test]
fn a_cold_file_is_read_by_jobs() {
    let (folder, live) = served(full(1));
    let path = folder.path().join("middle");
    let file = File::open(&path).unwrap();
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    let is_cold = {
        let mut byte = [0];
        let into = &mut [std::io::IoSliceMut::new(&mut byte)];
        let nowait = rustix::io::ReadWriteFlags::NOWAIT;
        rustix::io::preadv2(&file, into, 0, nowait).is_err()
    };
    let answer = live.connect().get("/files/middle");
    assert!(answer.body == content(100 * KIB));
    // One job opens the file. A file system in memory is never cold.
    let jobs = live.sum(|reactor| &reactor.jobs);
    assert_eq!(jobs, if is_cold { 2 } else { 1 });
    file.read_exact_at(&mut [0], 0).unwrap();
}

#[test]
fn a_download_under_way_ends_before_the_server_does() {
    let (_folder, live) = served(alone());
    let mut wire = live.connect();
    wire.send(get("/files/large", ""));
    let mut first = [0; 100];
    wire.stream().read_exact(&mut first).unwrap();
    live.drain();
    let mut rest = Vec::new();
    wire.stream().shutdown(Shutdown::Write).unwrap();
    wire.stream().read_to_end(&mut rest).unwrap();
    assert!(rest.len() + 100 > LARGE, "{}", rest.len());
    live.join();
}

//! `/io-benchmark`: writing and reading files of three sizes, through the page cache and past it.
//!
//! On a thread of the job pool, one file after the other, one run at a time. A file has no name
//! (open(2), `O_TMPFILE`; where a file system cannot, it loses its name at once), so nothing is
//! left of it, however the run or the process ends. What is read right after it was written comes
//! from memory; the rows say which is which.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use serde::Serialize;

use super::gate::Gate;
use super::held_up::HeldUp;
use super::units::{float, microseconds, milliseconds, ratio};
use crate::accounts::{Accounts, memory_row};
use crate::config::bounds::{DIRECT_ALIGNMENT, IO_SCENARIOS, ONE_AT_A_TIME_RETRY};
use crate::config::{KIB, MIB};
use crate::http::{Asker, Later, Reply, Response, Status, Work};

/// `f_type` of a file system in memory (statfs(2)).
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// Into the page cache, from it, and with `O_DIRECT`.
const OPERATIONS: [&str; 3] = ["write", "read_cached", "read_past_cache"];

/// The article's fields; `operation` tells the three rows of a scenario apart.
#[derive(Serialize)]
struct Row {
    scenario: &'static str,
    operation: &'static str,
    file_count: usize,
    file_size_bytes: usize,
    /// `null` if the operation cannot be done here; `note` says why.
    processing_time_ms: Option<f64>,
    throughput_files_per_sec: Option<f64>,
    total_data_mb: f64,
    data_throughput_mb_per_sec: Option<f64>,
    note: String,
}

/// What else the machine did during the run; the article's names.
#[derive(Serialize)]
struct Advantages {
    async_io: String,
    concurrency: String,
    memory_efficiency: String,
    scalability: String,
}

#[derive(Serialize)]
struct Answer {
    io_benchmark_results: Vec<Row>,
    framework_advantages: Advantages,
}

/// `GET /io-benchmark`.
///
/// # Errors
///
/// 503 with Retry-After while one runs.
pub(super) fn reply(gate: &Gate, accounts: &Arc<Accounts>) -> Result<Reply, Response> {
    let pass = gate.enter()?;
    let accounts = Arc::clone(accounts);
    let watch = Watch::begin(&accounts);
    let job = move |asker: &Asker| {
        let place = std::env::temp_dir();
        let answer = run(&accounts, &watch, &place, asker);
        drop(pass);
        Reply::from(answer.map_or_else(|error| failure(&place, &error), Response::json))
    };
    Ok(Later::Run(Work::new(job)).into())
}

fn run(accounts: &Accounts, watch: &Watch, place: &Path, asker: &Asker) -> io::Result<Answer> {
    let largest = IO_SCENARIOS.map(|(_, _, bytes)| bytes).into_iter().max();
    let mut buffer = Aligned::new(largest.unwrap_or(0));
    let mut rows = Vec::new();
    for (name, file_count, file_size_bytes) in IO_SCENARIOS {
        let scenario = Scenario {
            name,
            file_count,
            file_size_bytes,
            place,
            asker,
        };
        rows.extend(scenario.measure(&mut buffer)?);
    }
    Ok(Answer {
        framework_advantages: watch.end(accounts, &rows, buffer.0.len()),
        io_benchmark_results: rows,
    })
}

fn failure(place: &Path, error: &io::Error) -> Response {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    let place = place.display();
    match error.kind() {
        StorageFull | QuotaExceeded => {
            let sentence = "the disk that holds the temporary directory is full; free some space";
            Response::busy(sentence, ONE_AT_A_TIME_RETRY)
        }
        NotFound | NotADirectory | PermissionDenied | ReadOnlyFilesystem => {
            let sentence = format!(
                "no files can be made in the temporary directory {place}: {error}; set TMPDIR to \
                 one that can be written when the server is started"
            );
            Response::error(Status::SERVICE_UNAVAILABLE, sentence).field("Retry-After", "1")
        }
        _ => {
            let sentence = format!("files in {place} cannot be written and read: {error}");
            Response::error(Status::INTERNAL_SERVER_ERROR, sentence)
        }
    }
}

/// The files of one scenario.
struct Scenario<'a> {
    name: &'static str,
    file_count: usize,
    file_size_bytes: usize,
    /// The directory whose file system has them.
    place: &'a Path,
    asker: &'a Asker,
}

impl Scenario<'_> {
    fn measure(&self, buffer: &mut Aligned) -> io::Result<[Row; 3]> {
        let data: Vec<u8> = (0..=u8::MAX).cycle().take(self.file_size_bytes).collect();
        let (mut written, mut cached) = (Duration::ZERO, Duration::ZERO);
        let mut past_cache = if self.is_in_memory() {
            Err("the temporary directory is in memory (tmpfs)".to_owned())
        } else {
            Ok(Duration::ZERO)
        };
        for _ in 0..self.file_count {
            if self.asker.has_gone() {
                return Err(io::Error::other("nobody waits for the answer any more"));
            }
            let (file, took) = timed(|| self.write(&data))?;
            written += took;
            // The way to a file without a name: its descriptor, opened anew (proc(5)).
            let again = format!("/proc/self/fd/{}", file.as_raw_fd());
            cached += timed(|| self.read(&mut File::open(&again)?, buffer))?.1;
            // What is not on the disk yet would be written by the direct read, inside its time.
            file.sync_data()?;
            past_cache = past_cache.and_then(|total| {
                let read = timed(|| self.read(&mut open_direct(again.as_ref())?, buffer));
                let read = read.map_err(|error| format!("O_DIRECT failed: {error}"));
                read.map(|((), took)| total + took)
            });
        }
        let [write, read_cached, read_past_cache] = OPERATIONS;
        let direct = "O_DIRECT; a cache of the disk or of a host may answer";
        Ok([
            self.row(write, Ok(written), "into the page cache"),
            self.row(read_cached, Ok(cached), "from the page cache"),
            self.row(read_past_cache, past_cache, direct),
        ])
    }

    fn write(&self, data: &[u8]) -> io::Result<File> {
        let mut file = tempfile::tempfile_in(self.place)?;
        file.write_all(data)?;
        Ok(file)
    }

    /// Reads a file whole; a direct read must begin at a multiple of a block, so it ends where the
    /// size says.
    fn read(&self, file: &mut File, buffer: &mut Aligned) -> io::Result<()> {
        let (target, mut bytes) = (buffer.as_mut_slice(), 0);
        while bytes < self.file_size_bytes {
            match file.read(&mut target[bytes..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => bytes += count,
            }
        }
        Ok(())
    }

    /// Whether there is nothing but the page cache to read from.
    fn is_in_memory(&self) -> bool {
        let file_system = rustix::fs::statfs(self.place);
        file_system.is_ok_and(|it| u64::try_from(it.f_type) == Ok(TMPFS_MAGIC))
    }

    fn row(&self, operation: &'static str, took: Result<Duration, String>, note: &str) -> Row {
        let (took, note) = match took {
            Ok(took) => (Some(took), note.to_owned()),
            Err(why) => (None, format!("not possible here: {why}")),
        };
        let file_count = self.file_count;
        let total_data_mb = float((file_count * self.file_size_bytes) as u64) / float(MIB as u64);
        let per_second = |amount: f64| took.map(|took| ratio(amount, took.as_secs_f64()));
        Row {
            scenario: self.name,
            operation,
            file_count,
            file_size_bytes: self.file_size_bytes,
            processing_time_ms: took.map(milliseconds),
            throughput_files_per_sec: per_second(float(file_count as u64)),
            total_data_mb,
            data_throughput_mb_per_sec: per_second(total_data_mb),
            note,
        }
    }
}

fn timed<T>(operation: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Duration)> {
    let started = Instant::now();
    let done = operation()?;
    Ok((done, started.elapsed()))
}

#[allow(clippy::cast_possible_wrap)] // A flag of open(2).
fn open_direct(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECT.bits() as i32;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// A buffer whose usable part begins at a multiple of [`DIRECT_ALIGNMENT`], as `O_DIRECT` asks.
struct Aligned(Vec<u8>);

impl Aligned {
    /// Room for a file of this size, rounded up to whole blocks.
    fn new(bytes: usize) -> Self {
        let blocks = bytes.next_multiple_of(DIRECT_ALIGNMENT);
        Self(vec![0; blocks + DIRECT_ALIGNMENT])
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        let skipped = self.0.as_ptr().align_offset(DIRECT_ALIGNMENT);
        let bytes = self.0.len() - DIRECT_ALIGNMENT;
        &mut self.0[skipped..skipped + bytes]
    }
}

/// What the process was like when the run began.
struct Watch {
    held_up: HeldUp,
    requests: u64,
    resident: Option<u64>,
}

impl Watch {
    fn begin(accounts: &Accounts) -> Self {
        Self {
            held_up: HeldUp::begin(accounts),
            requests: accounts.sum(|reactor| &reactor.requests),
            resident: memory_row("VmRSS"),
        }
    }

    fn end(&self, accounts: &Accounts, rows: &[Row], buffer_bytes: usize) -> Advantages {
        let longest = told(self.held_up.longest(accounts).map(microseconds));
        let answered = accounts.sum(|reactor| &reactor.requests) - self.requests;
        let resident = self.resident.zip(memory_row("VmRSS"));
        let grown = resident.map(|(before, after)| float(after.saturating_sub(before)) / 1024.0);
        let (grown, buffer_kib) = (told(grown), buffer_bytes / KIB);
        Advantages {
            async_io: format!(
                "While the files were written and read, no reactor was held up for longer than \
                 {longest} us."
            ),
            concurrency: format!(
                "The files were handled one after the other by one thread of the job pool; the \
                 reactors answered {answered} requests meanwhile."
            ),
            memory_efficiency: format!(
                "One buffer of {buffer_kib} KiB served all reads; resident memory grew by {grown} \
                 KiB."
            ),
            scalability: scaling(rows),
        }
    }
}

/// A number in a sentence.
fn told(number: Option<f64>) -> String {
    number.map_or("(not known)".to_owned(), |number| format!("{number:.0}"))
}

/// How throughput changes with the size of the files.
fn scaling(rows: &[Row]) -> String {
    let cached = rows.iter().filter(|row| row.operation == OPERATIONS[1]);
    let mut speeds = cached.filter_map(|row| row.data_throughput_mb_per_sec);
    let (first, last) = (told(speeds.next()), told(speeds.next_back()));
    format!(
        "From the smallest files to the largest, reading from the page cache went from {first} to \
         {last} MB/s."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{self, settle};
    use crate::http::Method;

    fn small<'a>(place: &'a Path, asker: &'a Asker) -> Scenario<'a> {
        Scenario {
            name: "small_files",
            file_count: 3,
            file_size_bytes: 5000,
            place,
            asker,
        }
    }

    #[test]
    fn when_nobody_waits_any_more_it_ends_before_the_next_file() {
        let directory = tempfile::tempdir().unwrap();
        let asker = Asker::default();
        asker.go();
        let ended = small(directory.path(), &asker).measure(&mut Aligned::new(5000));
        let error = ended.err().unwrap().to_string();
        assert_eq!(error, "nobody waits for the answer any more");
    }

    #[test]
    fn a_row_for_each_operation() {
        let (directory, asker) = (tempfile::tempdir().unwrap(), Asker::default());
        let rows = small(directory.path(), &asker)
            .measure(&mut Aligned::new(5000))
            .unwrap();
        let operations = rows.each_ref().map(|row| row.operation);
        assert_eq!(operations, OPERATIONS);
        for row in &rows {
            let Some(took_ms) = row.processing_time_ms else {
                assert_eq!(row.operation, OPERATIONS[2]);
                assert!(row.note.starts_with("not possible here"), "{}", row.note);
                continue;
            };
            assert!((row.total_data_mb - 15_000.0 / 1_048_576.0).abs() < 1e-9);
            let files = row.throughput_files_per_sec.unwrap() * took_ms / 1e3;
            assert!((files - 3.0).abs() < 1e-6, "{files}");
        }
    }

    #[test]
    fn a_file_has_no_name() {
        let (directory, asker) = (tempfile::tempdir().unwrap(), Asker::default());
        let file = small(directory.path(), &asker).write(b"12345").unwrap();
        assert_eq!(file.metadata().unwrap().len(), 5);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        let (directory, asker) = (tempfile::tempdir().unwrap(), Asker::default());
        let files = small(directory.path(), &asker);
        let mut file = files.write(b"short").unwrap();
        let error = files.read(&mut file, &mut Aligned::new(5000)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_buffer_begins_where_a_direct_read_may() {
        let mut buffer = Aligned::new(102_400);
        let slice = buffer.as_mut_slice();
        assert_eq!(slice.as_ptr().addr() % DIRECT_ALIGNMENT, 0);
        assert_eq!(
            (slice.len() % DIRECT_ALIGNMENT, slice.len() >= 102_400),
            (0, true)
        );
    }

    #[test]
    fn a_full_disk_and_a_missing_directory_are_503_and_another_failure_500() {
        use io::ErrorKind::{NotFound, ReadOnlyFilesystem, StorageFull, UnexpectedEof};
        for (kind, status, part) in [
            (StorageFull, 503, "full"),
            (NotFound, 503, "/there: entity not found; set TMPDIR"),
            (ReadOnlyFilesystem, 503, "set TMPDIR"),
            (UnexpectedEof, 500, "unexpected end of file"),
        ] {
            let response = failure(Path::new("/there"), &kind.into());
            let answer = testing::Answer::of(response, Method::Get);
            assert_eq!(answer.status, status, "{kind}");
            let retry = (status == 503).then_some("1");
            assert_eq!(answer.field("Retry-After"), retry, "{kind}");
            let sentence = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[test]
    fn the_scenarios_are_the_articles_and_one_runs_at_a_time() {
        let (gate, accounts) = (Gate::default(), Accounts::new(1));
        let first = reply(&gate, &accounts).expect("nobody measures yet");
        assert!(reply(&gate, &accounts).is_err());
        let answer = testing::Answer::of(settle(first), Method::Get);
        assert_eq!(
            answer.names(),
            ["framework_advantages", "io_benchmark_results"]
        );
        let body = answer.json();
        let rows = body["io_benchmark_results"].as_array().unwrap();
        let scenarios: Vec<_> = rows
            .iter()
            .step_by(3)
            .map(|row| row["scenario"].clone())
            .collect();
        assert_eq!(scenarios, ["small_files", "medium_files", "large_files"]);
        for name in [
            "async_io",
            "concurrency",
            "memory_efficiency",
            "scalability",
        ] {
            assert!(body["framework_advantages"][name].is_string(), "{name}");
        }
        assert!(reply(&gate, &accounts).is_ok());
    }
}

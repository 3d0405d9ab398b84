//! `/async-files`: reads files on the job pool, each a task of its own, while the reactor goes on
//! serving. With the technique `file-jobs` off, the reactor reads them itself and serves nobody
//! else until it has.
//!
//! The limit on files in flight is one for the whole server: the threads of the job pool
//! (`--job-threads`). A request cannot have more at a time by asking for more, nor can many
//! requests together. A file is read in chunks and never held whole.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::files_root::{Contents, FilesRoot};
use super::held_up::HeldUp;
use super::units::{float, microseconds, milliseconds, ratio};
use crate::accounts::Accounts;
use crate::config::bounds::{FILE_CHUNK_BYTES, FILES_MAX, HELD_UP_MAX};
use crate::config::{Config, Techniques};
use crate::http::{Later, Reply, Request, Response, Status, Work};

/// What the route keeps from one request to the next.
#[derive(Clone)]
pub(super) struct Files {
    root: Arc<FilesRoot>,
    accounts: Arc<Accounts>,
    /// The threads of the job pool.
    threads: usize,
    /// They read; else the reactor that has the request does. Shared by all clones.
    by_jobs: Arc<AtomicBool>,
    /// Files that a request may name.
    each_max: usize,
}

#[derive(Deserialize)]
struct Wanted {
    files: Vec<String>,
}

/// The files of one request, while and after they are read.
struct Batch {
    files: Files,
    /// The job pool reads.
    by_jobs: bool,
    started: Instant,
    held_up: HeldUp,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    in_flight: usize,
    in_flight_max: usize,
    /// The times of all files added up.
    reading: Duration,
    /// By the file's place in the request.
    outcomes: BTreeMap<usize, FileOutcome>,
}

type FileOutcome = Result<FileRead, FileError>;

#[derive(Serialize)]
struct Answer {
    processing_result: ProcessingResult,
    async_advantage: AsyncAdvantage,
}

#[derive(Serialize)]
struct ProcessingResult {
    total_files: usize,
    successful_files: usize,
    failed_files: usize,
    total_time_ms: f64,
    total_bytes_processed: u64,
    throughput_files_per_sec: f64,
    files: Vec<FileRead>,
    errors: Vec<FileError>,
}

#[derive(Serialize)]
struct FileRead {
    path: String,
    bytes: u64,
    crc32: String,
}

#[derive(Serialize)]
struct FileError {
    path: String,
    error: String,
}

/// The article's four flags, each derived from the figures below them:
///
/// - `concurrent_processing`: more than one file was in flight at some time;
/// - `non_blocking_io`: no reactor was held up for longer than [`HELD_UP_MAX`], or `null` if no
///   turn has ended meanwhile;
/// - `memory_efficient`: the buffers held fewer bytes at any time than the files have;
/// - `scalable`: more than one file was in flight on average.
#[derive(Serialize)]
struct AsyncAdvantage {
    concurrent_processing: bool,
    non_blocking_io: Option<bool>,
    memory_efficient: bool,
    scalable: bool,
    files_in_flight_max: usize,
    files_in_flight_mean: f64,
    files_in_flight_limit: usize,
    buffer_bytes_max: usize,
    reactor_held_up_us_max: Option<f64>,
}

/// `POST /async-files` with `{"files": [path, ...]}`; paths are relative to the files root.
///
/// # Errors
///
/// 400 for a body that is not of that form, 413 for too many files. What is wrong with a file is
/// part of the answer.
pub(super) fn reply(files: &Files, request: &Request<'_>) -> Result<Reply, Response> {
    let paths = wanted(&request.body.contiguous(), files.each_max)?;
    let batch = Arc::new(files.batch());
    let count = paths.len();
    if paths.is_empty() || !batch.by_jobs {
        for (index, path) in paths.into_iter().enumerate() {
            batch.read(index, path);
        }
        return Ok(batch.answer().into());
    }
    let reading = Arc::clone(&batch);
    let work = Work::new(move |_| batch.answer().into());
    let read = move |index: usize, _: &_| reading.read(index, paths[index].clone());
    Ok(Later::Run(work.after(count, read)).into())
}

fn wanted(body: &[u8], files_max: usize) -> Result<Vec<String>, Response> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|error| {
        let what = if error.is_data() {
            "not of this form"
        } else {
            "not JSON"
        };
        // serde_json's own words may repeat the whole body.
        let (line, column) = (error.line(), error.column());
        misshapen(&format!("{what}, see line {line}, column {column}"))
    })?;
    // serde takes an array of a struct's fields for the struct.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(misshapen("an array"));
    }
    let count = wanted.files.len();
    if count > files_max {
        let sentence =
            format!("{count} files are too many for one request; it may name {files_max}");
        return Err(Response::error(Status::CONTENT_TOO_LARGE, sentence));
    }
    Ok(wanted.files)
}

fn misshapen(what: &str) -> Response {
    let sentence = format!(r#"the body must be {{"files": ["path", ...]}}; it is {what}"#);
    Response::error(Status::BAD_REQUEST, sentence)
}

impl Files {
    /// Opens the files root, or makes it.
    pub(super) fn new(config: &Config, accounts: &Arc<Accounts>) -> io::Result<Self> {
        Ok(Self {
            root: Arc::new(FilesRoot::new(config.files_root.as_deref())?),
            accounts: Arc::clone(accounts),
            threads: config.job_threads,
            by_jobs: Arc::new(AtomicBool::new(config.techniques.file_jobs)),
            // With more than the queue has places a request would be told to come back for ever.
            each_max: FILES_MAX.min(config.limits.jobs),
        })
    }

    /// The directory.
    pub(super) fn root(&self) -> &FilesRoot {
        &self.root
    }

    /// Other techniques are in force.
    pub(super) fn change(&self, techniques: &Techniques) {
        self.by_jobs.store(techniques.file_jobs, Relaxed);
    }

    fn batch(&self) -> Batch {
        Batch {
            files: self.clone(),
            by_jobs: self.by_jobs.load(Relaxed),
            started: Instant::now(),
            held_up: HeldUp::begin(&self.accounts),
            progress: Mutex::default(),
        }
    }
}

impl Batch {
    /// Reads one file; on a thread of the job pool, or on the reactor's.
    fn read(&self, index: usize, path: String) {
        self.progress().begin();
        let started = Instant::now();
        let contents = self.files.root.read(&path, &mut vec![0; FILE_CHUNK_BYTES]);
        let took = started.elapsed();
        let outcome = match contents {
            Ok(Contents { bytes, crc32 }) => {
                let crc32 = format!("{crc32:08x}");
                Ok(FileRead { path, bytes, crc32 })
            }
            Err(error) => Err(FileError { path, error }),
        };
        self.progress().end(index, outcome, took);
    }

    /// The answer, once all files are done.
    fn answer(&self) -> Response {
        let total_time = self.started.elapsed();
        let (at_once, held_up) = if self.by_jobs {
            let threads = self.files.threads;
            (threads, self.held_up.longest(&self.files.accounts))
        } else {
            // The reactor's turn has not ended: it is as long as the reading at least.
            (1, Some(total_time))
        };
        let mut progress = self.progress();
        let outcomes = std::mem::take(&mut progress.outcomes);
        let result = ProcessingResult::of(outcomes, total_time);
        let bytes = result.total_bytes_processed;
        let advantage = AsyncAdvantage::of(&progress, at_once, total_time, bytes, held_up);
        Response::json(Answer {
            processing_result: result,
            async_advantage: advantage,
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn begin(&mut self) {
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
    }

    fn end(&mut self, index: usize, outcome: FileOutcome, took: Duration) {
        self.in_flight -= 1;
        self.reading += took;
        self.outcomes.insert(index, outcome);
    }
}

impl ProcessingResult {
    fn of(outcomes: BTreeMap<usize, FileOutcome>, total_time: Duration) -> Self {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        for outcome in outcomes.into_values() {
            match outcome {
                Ok(file) => files.push(file),
                Err(error) => errors.push(error),
            }
        }
        Self {
            total_files: files.len() + errors.len(),
            successful_files: files.len(),
            failed_files: errors.len(),
            total_time_ms: milliseconds(total_time),
            total_bytes_processed: files.iter().map(|file| file.bytes).sum(),
            throughput_files_per_sec: ratio(float(files.len() as u64), total_time.as_secs_f64()),
            files,
            errors,
        }
    }
}

impl AsyncAdvantage {
    fn of(
        progress: &Progress,
        files_in_flight_limit: usize,
        total_time: Duration,
        bytes: u64,
        held_up: Option<Duration>,
    ) -> Self {
        let files_in_flight_mean = ratio(progress.reading.as_secs_f64(), total_time.as_secs_f64());
        let buffer_bytes_max = progress.in_flight_max * FILE_CHUNK_BYTES;
        Self {
            concurrent_processing: progress.in_flight_max > 1,
            non_blocking_io: held_up.map(|longest| longest <= HELD_UP_MAX),
            memory_efficient: (buffer_bytes_max as u64) < bytes,
            scalable: files_in_flight_mean > 1.0,
            files_in_flight_max: progress.in_flight_max,
            files_in_flight_mean,
            files_in_flight_limit,
            buffer_bytes_max,
            reactor_held_up_us_max: held_up.map(microseconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{self, Exam, request};
    use crate::http::Method;

    fn post(exam: &Exam, body: &str) -> testing::Answer {
        exam.ask(Method::Post, "/async-files", body.as_bytes())
    }

    #[test]
    fn files_are_read_and_errors_listed_in_the_order_asked_for() {
        let exam = Exam::new();
        exam.accounts.reactors[1].held_up.record(77);
        let body = r#"{"files":["large.txt","../x","small.txt","none"]}"#;
        let answer = post(&exam, body).json();
        let result = &answer["processing_result"];
        assert_eq!(
            (&result["total_files"], &result["failed_files"]),
            (&4.into(), &2.into())
        );
        assert_eq!(result["successful_files"], 2);
        assert_eq!(result["total_bytes_processed"], 1024 * 1024 + 1024);
        assert!(result["total_time_ms"].as_f64() > Some(0.0));
        assert!(result["throughput_files_per_sec"].as_f64() > Some(0.0));
        let files = result["files"].as_array().unwrap();
        assert_eq!(
            (&files[0]["path"], &files[1]["path"]),
            (&"large.txt".into(), &"small.txt".into())
        );
        let on_disk = std::fs::read(exam.routes.files_root().path().join("small.txt")).unwrap();
        let crc32 = format!("{:08x}", crc32fast::hash(&on_disk));
        assert_eq!(
            (&files[1]["bytes"], &files[1]["crc32"]),
            (&1024.into(), &crc32.into())
        );
        let errors = result["errors"].as_array().unwrap();
        assert_eq!(
            (&errors[0]["path"], &errors[1]["path"]),
            (&"../x".into(), &"none".into())
        );
        assert_eq!(errors[1]["error"], "does not exist below the files root");
        let advantage = &answer["async_advantage"];
        assert_eq!(advantage["memory_efficient"], true);
        assert_eq!(advantage["files_in_flight_limit"], 2);
        assert!(advantage["reactor_held_up_us_max"].is_null());
        for flag in ["concurrent_processing", "scalable"] {
            assert!(advantage[flag].is_boolean(), "{flag}");
        }
    }

    #[test]
    fn each_file_is_a_task_of_its_own() {
        let exam = Exam::new();
        let mut asked = request(Method::Post, "/async-files");
        asked.body.first = br#"{"files":["small.txt","medium.txt","small.txt"],"more":1}"#;
        let reply = reply(&exam.routes.files, &asked).unwrap();
        let Reply::Later(Later::Run(work)) = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(work.tasks, 3);
    }

    /// In `handle` itself: there is nothing left to do later, and the time is told as the
    /// reactor's.
    #[test]
    fn without_jobs_the_reactor_reads() {
        let exam = Exam::with(|techniques| techniques.file_jobs = false);
        let mut asked = request(Method::Post, "/async-files");
        asked.body.first = br#"{"files":["small.txt","large.txt","none"]}"#;
        let Reply::Now(response) = reply(&exam.routes.files, &asked).unwrap() else {
            panic!("not read yet");
        };
        let answer = testing::Answer::of(response, Method::Post).json();
        let result = &answer["processing_result"];
        assert_eq!(
            (&result["successful_files"], &result["failed_files"]),
            (&2.into(), &1.into())
        );
        let advantage = &answer["async_advantage"];
        for name in ["files_in_flight_max", "files_in_flight_limit"] {
            assert_eq!(advantage[name], 1, "{name}");
        }
        let held_up_us = advantage["reactor_held_up_us_max"].as_f64().unwrap();
        let total_us = result["total_time_ms"].as_f64().unwrap() * 1000.0;
        assert!((held_up_us - total_us).abs() < 1.0, "{answer}");
    }

    #[test]
    fn no_file_is_no_error() {
        let result = post(&Exam::new(), r#"{"files":[]}"#).json();
        assert_eq!(result["processing_result"]["total_files"], 0);
        assert_eq!(result["processing_result"]["throughput_files_per_sec"], 0.0);
        assert_eq!(result["async_advantage"]["concurrent_processing"], false);
    }

    #[test]
    fn a_body_of_another_form_is_refused_without_repeating_it() {
        let exam = Exam::new();
        for (body, part) in [
            ("", "not JSON, see line 1, column 0"),
            ("{\"files\":[\n", "not JSON, see line 2"),
            (r#"{"files":["a"]} x"#, "not JSON"),
            ("{}", "not of this form"),
            (r#"{"files":"secret"}"#, "not of this form"),
            (
                r#"{"files":["a",3]}"#,
                "not of this form, see line 1, column 15",
            ),
            (r#"["a"]"#, "not of this form"),
            (r#" [["a"]]"#, "an array"),
            ("null", "not of this form"),
        ] {
            let answer = post(&exam, body);
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert_eq!(answer.status, 400, "{body}");
            assert!(
                error.contains(part) && !error.contains("secret"),
                "{body}: {error}"
            );
        }
    }

    #[test]
    fn a_thousand_files_and_no_more() {
        let names = |count: usize| format!(r#"{{"files":[{}"x"]}}"#, "\"x\",".repeat(count - 1));
        assert_eq!(
            wanted(names(FILES_MAX).as_bytes(), FILES_MAX)
                .unwrap()
                .len(),
            FILES_MAX
        );
        assert!(wanted(names(3).as_bytes(), 2).is_err());
        let answer = post(&Exam::new(), &names(FILES_MAX + 1));
        let sentence = "1001 files are too many for one request; it may name 1000";
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (413, &sentence.into())
        );
    }

    #[test]
    fn the_flags_follow_the_figures() {
        let second = Duration::from_secs(1);
        let outcome = || {
            let (path, error) = (String::new(), String::new());
            Err(FileError { path, error })
        };
        let mut progress = Progress::default();
        progress.begin();
        progress.end(0, outcome(), second / 2);
        let one = AsyncAdvantage::of(&progress, 2, second, 100, None);
        assert!(!one.concurrent_processing && !one.scalable && !one.memory_efficient);
        assert_eq!(one.non_blocking_io, None);
        progress.begin();
        progress.begin();
        progress.end(1, outcome(), second);
        progress.end(2, outcome(), second);
        let two = AsyncAdvantage::of(&progress, 2, second, 1 << 20, Some(HELD_UP_MAX));
        assert!(two.concurrent_processing && two.scalable && two.memory_efficient);
        assert_eq!(two.non_blocking_io, Some(true));
        let slow = AsyncAdvantage::of(&progress, 2, second, 1 << 20, Some(2 * HELD_UP_MAX));
        assert_eq!(slow.non_blocking_io, Some(false));
    }
}

//! `/async-files`: reads files on the job pool, each a task of its own, while the reactor goes on
//! serving. With the technique `file-jobs` off, the reactor reads them itself and serves nobody
//! else until it has.
//!
//! The limit on files in flight is one for the whole server: the threads of the job pool
//! (`--job-threads`). A request cannot have more at a time by asking for more, nor can many
//! requests together. A file is read in chunks and never held whole.
//!
//! Nothing here grows with the body on a reactor: one that is long is read out by a job, too, and
//! the answer is written by the job. What waits in the queue says how many bytes it holds.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use self::paths::Paths;
use super::files_root::{Contents, FilesRoot};
use super::held_up::HeldUp;
use super::units::{float, microseconds, milliseconds, ratio};
use crate::accounts::Accounts;
use crate::config::bounds::{FILE_CHUNK_BYTES, FILE_HELD_BYTES, HELD_UP_MAX, READ_OUT_BYTES_MAX};
use crate::config::{Config, Techniques};
use crate::http::{Asker, ContentType, Later, Reply, Request, Response, Status, Work};

mod paths;

/// What the route keeps from one request to the next.
#[derive(Clone)]
pub(super) struct Files {
    root: Arc<FilesRoot>,
    accounts: Arc<Accounts>,
    /// The threads of the job pool.
    threads: usize,
    /// They read; else the reactor that has the request does. Shared by all clones.
    by_jobs: Arc<AtomicBool>,
    /// Bytes that a request may hold.
    held_max: usize,
}

/// The files of one request, while and after they are read.
struct Batch {
    files: Files,
    paths: Paths,
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
    /// By the file's place in the request; `None` until it is done.
    outcomes: Vec<Option<Outcome>>,
}

/// What was read of a file, or what was wrong with it.
type Outcome = Result<Contents, String>;

#[derive(Serialize)]
struct Answer<'a> {
    processing_result: ProcessingResult<'a>,
    async_advantage: AsyncAdvantage,
}

#[derive(Serialize)]
struct ProcessingResult<'a> {
    total_files: usize,
    successful_files: usize,
    failed_files: usize,
    total_time_ms: f64,
    total_bytes_processed: u64,
    throughput_files_per_sec: f64,
    files: Vec<FileRead<'a>>,
    errors: Vec<FileError<'a>>,
}

#[derive(Serialize)]
struct FileRead<'a> {
    path: &'a str,
    bytes: u64,
    crc32: String,
}

#[derive(Serialize)]
struct FileError<'a> {
    path: &'a str,
    error: &'a str,
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
/// 400 for a body that is not of that form, 413 for too many files, 503 if there is nothing to be
/// read. What is wrong with a file is part of the answer.
pub(super) fn reply(files: &Files, request: &Request<'_>) -> Result<Reply, Response> {
    let body = request.body.contiguous();
    if !files.by_jobs.load(Relaxed) {
        return Ok(files.work(&body, false)?.finish());
    }
    if body.len() <= READ_OUT_BYTES_MAX && files.root.is_ready() {
        return Ok(Later::Run(files.work(&body, true)?).into());
    }
    let (files, body) = (files.clone(), body.into_owned());
    let bytes = body.len();
    let begin = move |_: &_| {
        files
            .work(&body, true)
            .map(|work| Later::Run(work).into())
            .into()
    };
    Ok(Later::Run(Work::new(begin).holding(bytes)).into())
}

/// It is this route's want, and no reason not to serve the others.
fn no_samples(error: &io::Error) -> Response {
    let sentence = format!(
        "the sample files cannot be made in memory: {error}; give the server a directory to read \
         from with --files-root"
    );
    Response::error(Status::SERVICE_UNAVAILABLE, sentence).field("Retry-After", "1")
}

impl Files {
    /// Reads below `root`.
    pub(super) fn new(config: &Config, root: Arc<FilesRoot>, accounts: &Arc<Accounts>) -> Self {
        Self {
            root,
            accounts: Arc::clone(accounts),
            threads: config.job_threads,
            by_jobs: Arc::new(AtomicBool::new(config.techniques.file_jobs)),
            held_max: config.limits.buffers,
        }
    }

    /// Whether jobs read, shared.
    pub(super) fn by_jobs(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.by_jobs)
    }

    /// Other techniques are in force.
    pub(super) fn change(&self, techniques: &Techniques) {
        self.by_jobs.store(techniques.file_jobs, Relaxed);
    }

    /// What a body asks for.
    fn work(&self, body: &[u8], by_jobs: bool) -> Result<Work, Response> {
        let paths = Paths::read(body)?;
        self.root.make_ready().map_err(|error| no_samples(&error))?;
        let (count, started) = (paths.len(), Instant::now());
        let held_up = HeldUp::begin(&self.accounts);
        let bytes = paths.bytes() + count * FILE_HELD_BYTES + held_up.bytes();
        if bytes > self.held_max {
            // 503 would have it come back for ever.
            let sentence = "the paths take more memory than --buffers-max allows; name fewer";
            return Err(Response::error(Status::CONTENT_TOO_LARGE, sentence));
        }
        let batch = Arc::new(Batch {
            files: self.clone(),
            paths,
            by_jobs,
            started,
            held_up,
            progress: Mutex::new(Progress::of(count)),
        });
        let reading = Arc::clone(&batch);
        let read = move |index, asker: &_| reading.read(index, asker);
        let answer = move |_: &_| batch.answer().into();
        Ok(Work::new(answer).after(count, read).holding(bytes))
    }
}

impl Batch {
    /// Reads one file; on a thread of the job pool, or on the reactor's.
    fn read(&self, index: usize, asker: &Asker) {
        self.progress().begin();
        let (root, path, started) = (&self.files.root, self.paths.get(index), Instant::now());
        let outcome = root.read(path, &mut vec![0; FILE_CHUNK_BYTES], asker);
        self.progress().end(index, outcome, started.elapsed());
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
        let progress = self.progress();
        let result = ProcessingResult::of(&self.paths, &progress.outcomes, total_time);
        let bytes = result.total_bytes_processed;
        let answer = Answer {
            processing_result: result,
            async_advantage: AsyncAdvantage::of(&progress, at_once, total_time, bytes, held_up),
        };
        // Here, on this thread, and not when it is sent: it is as long as the paths.
        let json = serde_json::to_vec(&answer).expect("texts and numbers are JSON");
        Response::bytes(ContentType::Json, json)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// Of so many files.
    fn of(files: usize) -> Self {
        Self {
            outcomes: (0..files).map(|_| None).collect(),
            ..Self::default()
        }
    }

    fn begin(&mut self) {
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
    }

    fn end(&mut self, index: usize, outcome: Outcome, took: Duration) {
        self.in_flight -= 1;
        self.reading += took;
        self.outcomes[index] = Some(outcome);
    }
}

impl<'a> ProcessingResult<'a> {
    fn of(paths: &'a Paths, outcomes: &'a [Option<Outcome>], total_time: Duration) -> Self {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        for (index, outcome) in outcomes.iter().enumerate() {
            let path = paths.get(index);
            match outcome {
                Some(Ok(Contents { bytes, crc32 })) => files.push(FileRead {
                    path,
                    bytes: *bytes,
                    crc32: format!("{crc32:08x}"),
                }),
                Some(Err(error)) => errors.push(FileError { path, error }),
                None => {}
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
        let line = b"This file is here to be read by /async-files.\n";
        let text: Vec<u8> = line.iter().copied().cycle().take(1024).collect();
        let crc32 = format!("{:08x}", crc32fast::hash(&text));
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
        exam.routes.files.root.make_ready().unwrap();
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
    fn the_samples_are_made_by_a_job() {
        let exam = Exam::new();
        let body = br#"{"files":["small.txt"]}"#;
        let mut asked = request(Method::Post, "/async-files");
        asked.body.first = body;
        for (tasks, bytes) in [(0, Some(body.len())), (1, None)] {
            let reply = reply(&exam.routes.files, &asked).unwrap();
            let Reply::Later(Later::Run(work)) = reply else {
                panic!("{reply:?}");
            };
            assert_eq!(work.tasks, tasks);
            assert!(bytes.is_none_or(|bytes| work.bytes == bytes));
            testing::settle(work.finish());
        }
    }

    /// What a long body holds, the reactor does not look at.
    #[test]
    fn a_long_body_is_read_out_by_a_job() {
        let exam = Exam::new();
        exam.routes.files.root.make_ready().unwrap();
        for (length, is_job) in [(READ_OUT_BYTES_MAX, false), (READ_OUT_BYTES_MAX + 1, true)] {
            let body = "?".repeat(length);
            let mut asked = request(Method::Post, "/async-files");
            asked.body.first = body.as_bytes();
            let reply = match reply(&exam.routes.files, &asked) {
                Ok(Reply::Later(Later::Run(work))) if is_job => {
                    assert_eq!((work.tasks, work.bytes), (0, length));
                    work.finish()
                }
                Err(refusal) if !is_job => refusal.into(),
                other => panic!("{length} bytes: {other:?}"),
            };
            assert_eq!(
                testing::Answer::of(testing::settle(reply), Method::Post).status,
                400
            );
        }
    }

    #[test]
    fn what_waits_for_its_files_says_what_it_holds() {
        let exam = Exam::new();
        let files = &exam.routes.files;
        let held = |body: &str| files.work(body.as_bytes(), true).map(|work| work.bytes);
        let none = held(r#"{"files":[]}"#).unwrap();
        let two = held(r#"{"files":["123","4567"]}"#).unwrap();
        assert_eq!(two - none, 7 + 2 * FILE_HELD_BYTES);
        let small = Files {
            held_max: two - 1,
            ..files.clone()
        };
        let refusal = small
            .work(br#"{"files":["123","4567"]}"#, true)
            .err()
            .unwrap();
        assert_eq!(testing::Answer::of(refusal, Method::Post).status, 413);
        assert!(small.work(br#"{"files":["123","456"]}"#, true).is_ok());
    }

    #[test]
    fn the_flags_follow_the_figures() {
        let second = Duration::from_secs(1);
        let outcome = || Err(String::new());
        let mut progress = Progress::of(3);
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

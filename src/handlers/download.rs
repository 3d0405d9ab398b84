//! `/files/{path}`: files below the files root, by sendfile(2), with validators and ranges.
//!
//! The kernel keeps paths inside of the root, as for `/async-files`; names that begin with a dot
//! are not there. A directory has its `index.html` and no list. To open a file may take a disk's
//! time, and so may reading it: both are jobs, unless the file is open already and its pages are in
//! memory. Then the reactor sends it, a part at a time.

use std::fs::File;
use std::mem;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use percent_encoding::percent_decode_str;
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use self::asked::{Asked, Verdict};
use self::shelf::{Opened, Shelf};
use super::files_root::FilesRoot;
use crate::config::bounds::{FILE_CHUNK_BYTES, FILE_PART_BYTES};
use crate::config::{Config, Techniques};
use crate::http::{
    Asker, FilePart, Later, Next, Outlet, Reply, Request, Response, Status, Stream, Work,
};

mod asked;

mod shelf;

/// What the route keeps from one request to the next; its clones are the same.
#[derive(Clone)]
pub(super) struct Downloads {
    shelf: Arc<Shelf>,
    /// Jobs open files and read what is not in memory; else the reactor does.
    by_jobs: Arc<AtomicBool>,
    /// The value of Cache-Control, if there is one.
    cache_control: Option<String>,
}

impl Downloads {
    /// Files below `root`; `by_jobs` is shared with whoever else reads files.
    pub(super) fn new(config: &Config, root: Arc<FilesRoot>, by_jobs: Arc<AtomicBool>) -> Self {
        let seconds = config.files_max_age.map(|age| age.as_secs());
        Self {
            shelf: Arc::new(Shelf::new(root, &config.techniques)),
            by_jobs,
            cache_control: seconds.map(|seconds| format!("max-age={seconds}")),
        }
    }

    /// Other techniques are in force.
    pub(super) fn change(&self, techniques: &Techniques) {
        self.shelf.change(techniques);
    }
}

pub(super) fn reply(downloads: &Downloads, request: &Request<'_>) -> Result<Reply, Response> {
    let path = path(request.path).ok_or_else(not_found)?;
    let asked = Asked::of(request);
    if let Some(opened) = downloads.shelf.get(&path) {
        return Ok(downloads.answer(&opened, &asked));
    }
    let (by_jobs, downloads) = (downloads.by_jobs.load(Relaxed), downloads.clone());
    let target = request.path.to_owned();
    let open = move |_: &Asker| match downloads.shelf.open(path) {
        Ok(opened) => downloads.answer(&opened, &asked),
        Err(Errno::ISDIR) => moved(target + "/").into(),
        Err(error) => refusal(error).into(),
    };
    Ok(if by_jobs {
        Later::Run(Work::new(open)).into()
    } else {
        open(&Asker::default())
    })
}

/// The path below the root, decoded; `None` if it has a hidden part, which `..` is, too.
fn path(target: &str) -> Option<Vec<u8>> {
    let raw = target.strip_prefix("/files/")?;
    let path: Vec<u8> = percent_decode_str(raw).collect();
    let mut parts = path.split(|byte| *byte == b'/');
    let is_hidden = parts.any(|part| part.starts_with(b"."));
    (!is_hidden && !path.contains(&0)).then_some(path)
}

impl Downloads {
    /// The answer of a file that is open (RFC 9110 section 13.2.2).
    fn answer(&self, opened: &Arc<Opened>, asked: &Asked) -> Reply {
        let all = opened.bytes;
        match asked.judge(opened) {
            Verdict::Failed => {
                let sentence = "the file is not the one that If-Match or If-Unmodified-Since names";
                Response::error(Status::PRECONDITION_FAILED, sentence).into()
            }
            Verdict::NotModified => {
                let head = Response::empty(Status::NOT_MODIFIED);
                self.described(head, opened).into()
            }
            Verdict::Unsatisfiable => {
                let sentence = format!("the range begins behind the end; the file has {all} bytes");
                Response::error(Status::RANGE_NOT_SATISFIABLE, sentence)
                    .field("Content-Range", format!("bytes */{all}"))
                    .into()
            }
            Verdict::Whole => self.send(opened, 0..all, Status::OK),
            Verdict::Part(range) => self.send(opened, range, Status::PARTIAL_CONTENT),
        }
    }

    fn send(&self, opened: &Arc<Opened>, range: Range<u64>, status: Status) -> Reply {
        let within = opened.small.as_ref().and_then(|small| {
            let [from, to] = [range.start, range.end].map(usize::try_from);
            Some((Arc::clone(small), from.ok()?..to.ok()?))
        });
        let of_kind = match within {
            Some((small, range)) => Response::written(opened.content_type, move |out| {
                out.extend_from_slice(&small[range]);
            }),
            None => Response::fixed(opened.content_type, b""),
        };
        let mut head = self.described(of_kind.status(status), opened);
        if status == Status::PARTIAL_CONTENT {
            let (first, last, all) = (range.start, range.end - 1, opened.bytes);
            head = head.field("Content-Range", format!("bytes {first}-{last}/{all}"));
        }
        if opened.small.is_some() {
            return head.into();
        }
        let length = range.end - range.start;
        let by_jobs = Arc::clone(&self.by_jobs);
        Stream::new(head, source(Arc::clone(opened), range, by_jobs))
            .length(length)
            .into()
    }

    /// With the fields that describe the file.
    fn described(&self, head: Response, opened: &Opened) -> Response {
        let head = head
            .field("Accept-Ranges", "bytes")
            .field("ETag", opened.etag.clone())
            .field("Last-Modified", opened.last_modified.clone());
        match &self.cache_control {
            Some(value) => head.field("Cache-Control", value.clone()),
            None => head,
        }
    }
}

/// Sends a range part by part. What is not in memory is read by a job first: sendfile(2) would wait
/// for the disk, and the reactor with it.
fn source(
    opened: Arc<Opened>,
    range: Range<u64>,
    by_jobs: Arc<AtomicBool>,
) -> impl FnMut(&mut Outlet<'_>) -> Next + Send + 'static {
    let (mut at, mut was_read) = (range.start, false);
    move |_| {
        let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
        let (file, bytes) = (Arc::clone(&opened.file), left.min(FILE_PART_BYTES));
        if bytes == 0 {
            return Next::End;
        }
        let may_wait = by_jobs.load(Relaxed) && opened.is_on_disk && !mem::take(&mut was_read);
        if may_wait && !is_in_memory(&file, at, bytes) {
            was_read = true;
            return Next::Run(Box::new(move || read_ahead(&file, at, bytes)));
        }
        let part = FilePart { file, at, bytes };
        at += bytes as u64;
        Next::Send(part)
    }
}

/// Whether the first and the last byte of a part can be read without a wait (preadv2(2),
/// `RWF_NOWAIT`). What lies between was read ahead with the first, or is a hole of the page cache:
/// then sendfile(2) waits for it. (cachestat(2) would tell, and has no safe interface.)
fn is_in_memory(file: &File, at: u64, bytes: usize) -> bool {
    let mut byte = [0];
    [at, at + bytes as u64 - 1].into_iter().all(|at| {
        let into = &mut [std::io::IoSliceMut::new(&mut byte)];
        preadv2(file, into, at, ReadWriteFlags::NOWAIT).is_ok()
    })
}

/// Reads a part, so that it is in memory.
fn read_ahead(file: &File, at: u64, bytes: usize) {
    let mut chunk = vec![0; bytes.min(FILE_CHUNK_BYTES)];
    let mut read = 0;
    while read < bytes {
        match file.read_at(&mut chunk, at + read as u64) {
            // Whoever sends it finds out, too.
            Ok(0) | Err(_) => return,
            Ok(count) => read += count,
        }
    }
}

fn not_found() -> Response {
    let sentence = "there is no such file below the files root (--files-root); directories have no \
                    list, and names that begin with a dot are not served";
    Response::error(Status::NOT_FOUND, sentence)
}

/// A directory without its slash: relative links of its page would lead elsewhere.
fn moved(location: String) -> Response {
    Response::empty(Status::MOVED_PERMANENTLY).field("Location", location)
}

/// What the kernel's refusal means here.
fn refusal(error: Errno) -> Response {
    match error {
        Errno::ACCESS | Errno::PERM => {
            let sentence = "the server may not read this file";
            Response::error(Status::FORBIDDEN, sentence)
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
            Response::busy("the server can open no more files now", 1)
        }
        Errno::IO | Errno::NOSYS => {
            let error = std::io::Error::from(error);
            let sentence = format!("the file cannot be opened: {error}");
            Response::error(Status::INTERNAL_SERVER_ERROR, sentence)
        }
        _ => not_found(),
    }
}

#[cfg(test)]
mod tests;

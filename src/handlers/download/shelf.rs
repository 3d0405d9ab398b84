//! Files that are open, and what is said of them: kept for a moment, so that a file that many ask
//! for is opened once a second. Small ones are kept whole.
//!
//! A file that changes meanwhile is served as it was for [`FILE_KEPT`] at most. One that was
//! deleted keeps its place on the disk until another file is opened; an answer under way keeps it
//! anyway.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use crate::config::Techniques;
use crate::config::bounds::{FILE_KEPT, FILES_KEPT, SMALL_FILE_BYTES};
use crate::handlers::files_root::FilesRoot;
use crate::http::{ContentType, date};

/// Files that are open.
pub(super) struct Shelf {
    root: Arc<FilesRoot>,
    /// Small files are kept whole.
    keeps_small: AtomicBool,
    files: Mutex<HashMap<Vec<u8>, Kept>>,
}

/// A file, and until when it counts.
struct Kept {
    opened: Arc<Opened>,
    until: Instant,
}

/// A file that is open, and what is said of it.
pub(super) struct Opened {
    pub(super) file: Arc<File>,
    pub(super) bytes: u64,
    /// A read may have to wait.
    pub(super) is_on_disk: bool,
    pub(super) content_type: ContentType,
    /// The validators (RFC 9110 section 8.8): weak, if the file has just been changed, and could be
    /// changed again within the same tick of its clock.
    pub(super) etag: String,
    pub(super) last_modified: String,
    /// As Last-Modified says it, in seconds since 1970.
    pub(super) modified: u64,
    /// All of it, if it is small.
    pub(super) small: Option<Arc<[u8]>>,
}

impl Shelf {
    pub(super) fn new(root: Arc<FilesRoot>, techniques: &Techniques) -> Self {
        Self {
            root,
            keeps_small: AtomicBool::new(techniques.small_file_cache),
            files: Mutex::default(),
        }
    }

    /// Other techniques are in force.
    pub(super) fn change(&self, techniques: &Techniques) {
        self.keeps_small.store(techniques.small_file_cache, Relaxed);
    }

    /// A file that has been opened within the last moment.
    pub(super) fn get(&self, path: &[u8]) -> Option<Arc<Opened>> {
        let files = self.lock();
        let kept = files.get(path)?;
        let is_as_wanted = kept.opened.small.is_none() || self.keeps_small.load(Relaxed);
        (is_as_wanted && Instant::now() < kept.until).then(|| Arc::clone(&kept.opened))
    }

    /// Opens a file, or the index of a directory, and keeps it. May wait for a disk.
    ///
    /// # Errors
    ///
    /// What the kernel refuses; `ISDIR` for a directory without its slash.
    pub(super) fn open(&self, path: Vec<u8>) -> Result<Arc<Opened>, Errno> {
        self.root.make_ready().map_err(|_| Errno::IO)?;
        let index = [&path[..], b"index.html"].concat();
        let is_directory = path.is_empty() || path.ends_with(b"/");
        let name = if is_directory { &index } else { &path };
        let (file, about) = self.root.find(name)?;
        if about.is_dir() {
            return Err(Errno::ISDIR);
        }
        if !about.is_file() {
            return Err(Errno::NXIO);
        }
        let opened = Opened::new(file, &about, name, self.keeps_small.load(Relaxed));
        let opened = Arc::new(Opened {
            is_on_disk: self.root.is_on_disk(),
            ..opened
        });
        self.keep(path, Arc::clone(&opened));
        Ok(opened)
    }

    fn keep(&self, path: Vec<u8>, opened: Arc<Opened>) {
        let (now, mut files) = (Instant::now(), self.lock());
        files.retain(|_, kept| kept.until > now);
        if files.len() >= FILES_KEPT {
            // Whoever they are, they would be opened again within a second.
            files.clear();
        }
        let until = now + FILE_KEPT;
        files.insert(path, Kept { opened, until });
    }

    /// As if the moment were over.
    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Kept>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn new(file: Arc<File>, about: &Metadata, name: &[u8], keeps_small: bool) -> Self {
        let (bytes, now) = (about.len(), SystemTime::now());
        // No later than the Date of the answer (RFC 9110 section 8.8.2.1).
        let modified = about.modified().unwrap_or(now).min(now);
        let since_1970 = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_fresh = now.duration_since(modified).unwrap_or_default() < FILE_KEPT;
        let weak = if is_fresh { "W/" } else { "" };
        let small = Some(bytes).filter(|bytes| keeps_small && *bytes <= SMALL_FILE_BYTES);
        Self {
            content_type: content_type(name),
            etag: format!("{weak}\"{bytes:x}-{:x}\"", since_1970.as_nanos()),
            last_modified: date::rendered(since_1970.as_secs()),
            modified: since_1970.as_secs(),
            small: small.and_then(|bytes| whole(&file, bytes)),
            is_on_disk: true,
            file,
            bytes,
        }
    }

    pub(super) fn is_weak(&self) -> bool {
        self.etag.starts_with("W/")
    }
}

/// All bytes of a file, if there are still as many as were announced.
fn whole(file: &File, bytes: u64) -> Option<Arc<[u8]>> {
    let mut all = vec![0; usize::try_from(bytes).ok()?];
    file.read_exact_at(&mut all, 0).ok()?;
    Some(all.into())
}

/// By the extension of the name; text is taken for UTF-8.
fn content_type(name: &[u8]) -> ContentType {
    let name = String::from_utf8_lossy(name);
    match mime_guess::from_path(&*name).first_raw() {
        Some("text/plain") => ContentType::Text,
        Some("text/html") => ContentType::Html,
        Some("application/json") => ContentType::Json,
        Some(other) => ContentType::Other(other),
        None => ContentType::Other("application/octet-stream"),
    }
}

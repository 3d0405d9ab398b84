//! The one directory that `/files` and `/async-files` may read, and the only way into it; or sample
//! files.
//!
//! The kernel keeps paths inside: openat2(2) with `RESOLVE_BENEATH` refuses whatever leaves the
//! directory, by `..`, by an absolute path or by a symbolic link, at the moment of opening. There
//! is no check of the path's text beforehand: what it names could change between a check and its
//! use.
//!
//! The samples are files in memory (memfd_create(2)), made when they are first asked for. They have
//! a name here and nowhere else: there is no directory to make, and nothing to remove, however the
//! process ends.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustix::fs::{MemfdFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::config::bounds::FILE_BYTES_MAX;
use crate::config::{KIB, MIB};
use crate::http::Asker;

/// Sample files: name and bytes.
const SAMPLES: [(&str, usize); 3] = [
    ("small.txt", KIB),
    ("medium.txt", 64 * KIB),
    ("large.txt", MIB),
];

/// What they say, again and again.
const SAMPLE_LINE: &[u8] = b"This file is here to be read by /async-files.\n";

/// What may be read.
#[derive(Debug)]
pub(super) enum FilesRoot {
    /// What is below an open directory.
    Directory(OwnedFd),
    /// The sample files, in the order of [`SAMPLES`], once they are made.
    Samples(OnceLock<[Arc<File>; SAMPLES.len()]>),
}

/// What was read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl FilesRoot {
    /// Opens `path`; without one, there are samples.
    ///
    /// # Errors
    ///
    /// If the directory cannot be opened (open(2)).
    pub(super) fn new(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Samples(OnceLock::new()));
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| {
            let error = io::Error::from(error);
            let sentence = format!(
                "the files root {} cannot be opened: {error}",
                path.display()
            );
            io::Error::new(error.kind(), sentence)
        })?;
        Ok(Self::Directory(directory))
    }

    /// Whether there is nothing left to be made.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Directory(_) => true,
            Self::Samples(made) => made.get().is_some(),
        }
    }

    /// Makes the samples, if they are wanted and not there yet: some milliseconds.
    ///
    /// # Errors
    ///
    /// What the system refuses (memfd_create(2), write(2)). The next call tries again.
    pub(super) fn make_ready(&self) -> io::Result<()> {
        if let Self::Samples(made) = self
            && made.get().is_none()
        {
            let [small, medium, large] = SAMPLES;
            // Of two that make them at a time, one has made its own in vain.
            let _ = made.set([sample(small)?, sample(medium)?, sample(large)?]);
        }
        Ok(())
    }

    /// Reads a file through `chunk`, to its end, or until nobody wants to know any more.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong with this file.
    pub(super) fn read(
        &self,
        path: &str,
        chunk: &mut [u8],
        asker: &Asker,
    ) -> Result<Contents, String> {
        let file = self.open(path)?;
        // All who read a sample share its descriptor, and so its position: each keeps its own.
        contents(|chunk, at| file.read_at(chunk, at), chunk, asker)
    }

    /// Opens a regular file that is not too large.
    fn open(&self, path: &str) -> Result<Arc<File>, String> {
        let (file, about) = self.find(path.as_bytes()).map_err(refusal)?;
        if !about.is_file() {
            return Err("is not a regular file".to_owned());
        }
        if about.len() > FILE_BYTES_MAX {
            return Err(too_large());
        }
        Ok(file)
    }

    /// Opens whatever is there, and says what it is. It never hangs.
    ///
    /// # Errors
    ///
    /// What openat2(2) refuses: `XDEV`, if the path leaves the directory.
    pub(super) fn find(&self, path: &[u8]) -> Result<(Arc<File>, Metadata), Errno> {
        let file = match self {
            Self::Directory(directory) => Arc::new(open_beneath(directory, path)?),
            Self::Samples(made) => {
                let files = made.get().into_iter().flatten();
                let mut named = std::iter::zip(SAMPLES, files);
                let found = named.find(|((name, _), _)| name.as_bytes() == path);
                found
                    .map(|(_, file)| Arc::clone(file))
                    .ok_or(Errno::NOENT)?
            }
        };
        let about = file.metadata();
        let about = about.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok((file, about))
    }

    /// Whether a read may have to wait for a disk.
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self, Self::Directory(_))
    }
}

fn open_beneath(directory: &OwnedFd, path: &[u8]) -> Result<File, Errno> {
    // Without O_NONBLOCK, opening a FIFO waits until somebody writes to it (fifo(7)).
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(directory, path, flags, Mode::empty(), within).map(File::from)
}

/// Reads what is there to be read; `read_at` fills a chunk from a position on.
fn contents(
    mut read_at: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    chunk: &mut [u8],
    asker: &Asker,
) -> Result<Contents, String> {
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0;
    while !asker.has_gone() {
        let count = match read_at(chunk, bytes) {
            Ok(0) => {
                let crc32 = hasher.finalize();
                return Ok(Contents { bytes, crc32 });
            }
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("cannot be read: {error}")),
        };
        bytes += count as u64;
        // It may have grown since it was opened.
        if bytes > FILE_BYTES_MAX {
            return Err(too_large());
        }
        hasher.update(&chunk[..count]);
    }
    Err("was not read to its end: nobody waits for it any more".to_owned())
}

/// What the kernel's refusal means here.
fn refusal(error: Errno) -> String {
    match error {
        Errno::NOENT | Errno::NOTDIR => "does not exist below the files root".to_owned(),
        Errno::XDEV => "leaves the files root; paths are relative and stay below it".to_owned(),
        Errno::ACCESS | Errno::PERM => "may not be read by the server".to_owned(),
        Errno::LOOP => "is a symbolic link that leads nowhere".to_owned(),
        Errno::NXIO => "is not a regular file".to_owned(),
        Errno::NOSYS => "cannot be opened: openat2 needs Linux 5.6 or later".to_owned(),
        other => format!("cannot be opened: {}", io::Error::from(other)),
    }
}

fn too_large() -> String {
    format!("is larger than {} MiB", FILE_BYTES_MAX / MIB as u64)
}

/// A text file in memory.
fn sample((name, bytes): (&str, usize)) -> io::Result<Arc<File>> {
    let mut file = File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?);
    let text: Vec<u8> = SAMPLE_LINE.iter().copied().cycle().take(bytes).collect();
    file.write_all(&text)?;
    Ok(Arc::new(file))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    /// A root inside of a directory that has a file which no path may reach.
    fn fenced() -> (TempDir, PathBuf, FilesRoot) {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        let inside = outside.path().join("root");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("file"), "123456789").unwrap();
        let root = FilesRoot::new(Some(&inside)).unwrap();
        (outside, inside, root)
    }

    fn read(root: &FilesRoot, path: &str) -> Result<Contents, String> {
        root.read(path, &mut [0; 4096], &Asker::default())
    }

    #[test]
    fn a_file_is_read_to_its_end() {
        let (_outside, inside, root) = fenced();
        let whole = Contents {
            bytes: 9,
            crc32: 0xCBF4_3926,
        };
        assert_eq!(read(&root, "file"), Ok(whole));
        assert_eq!(read(&root, "./file"), Ok(whole));
        symlink("file", inside.join("alias")).unwrap();
        assert_eq!(read(&root, "alias"), Ok(whole));
        fs::create_dir(inside.join("sub")).unwrap();
        assert_eq!(read(&root, "sub/../file"), Ok(whole));
    }

    #[test]
    fn whatever_leaves_the_root_is_refused() {
        let (outside, inside, root) = fenced();
        let secret = outside.path().join("secret");
        symlink(&secret, inside.join("absolute_link")).unwrap();
        symlink("../secret", inside.join("relative_link")).unwrap();
        symlink("..", inside.join("up")).unwrap();
        symlink("/proc/self/root", inside.join("magic")).unwrap();
        for path in [
            "../secret",
            "./../root/../secret",
            "absolute_link",
            "relative_link",
            "up/secret",
            "magic/etc/passwd",
            secret.to_str().unwrap(),
            "/etc/passwd",
        ] {
            let error = read(&root, path).expect_err(path);
            assert!(
                error.starts_with("leaves the files root"),
                "{path}: {error}"
            );
        }
    }

    #[test]
    fn only_regular_files_and_none_that_hangs() {
        let (_outside, inside, root) = fenced();
        let fifo = inside.join("fifo");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(inside.join("socket")).unwrap();
        for path in ["fifo", ".", "socket"] {
            assert_eq!(
                read(&root, path),
                Err("is not a regular file".to_owned()),
                "{path}"
            );
        }
    }

    #[test]
    fn each_refusal_is_a_sentence() {
        let (_outside, inside, root) = fenced();
        symlink("self", inside.join("self")).unwrap();
        for (path, sentence) in [
            ("", "does not exist below the files root"),
            ("none", "does not exist below the files root"),
            ("file/below", "does not exist below the files root"),
            ("self", "is a symbolic link that leads nowhere"),
        ] {
            assert_eq!(read(&root, path), Err(sentence.to_owned()), "{path}");
        }
        assert!(read(&root, "nul\0byte").is_err());
    }

    #[test]
    fn the_size_has_a_limit() {
        let (_outside, inside, root) = fenced();
        let sparse = File::create(inside.join("sparse")).unwrap();
        sparse.set_len(FILE_BYTES_MAX + 1).unwrap();
        assert_eq!(
            read(&root, "sparse"),
            Err("is larger than 64 MiB".to_owned())
        );
    }

    /// It goes on and on, whatever its size was said to be when it was opened.
    #[test]
    fn a_file_that_grows_while_it_is_read_has_an_end() {
        let (mut chunk, asker) = (vec![0; MIB], Asker::default());
        let mut read = |end: u64| {
            let left = |at| usize::try_from(end - at).unwrap();
            let read_at = |into: &mut [u8], at| Ok(into.len().min(left(at)));
            contents(read_at, &mut chunk, &asker)
        };
        assert_eq!(read(FILE_BYTES_MAX + 1), Err(too_large()));
        assert_eq!(read(FILE_BYTES_MAX).unwrap().bytes, FILE_BYTES_MAX);
    }

    #[test]
    fn reading_ends_when_nobody_waits_any_more() {
        let (asker, mut reads) = (Asker::default(), 0);
        let read_at = |into: &mut [u8], _| {
            reads += 1;
            if reads == 2 {
                asker.go();
            }
            Ok(into.len())
        };
        let read = contents(read_at, &mut [0; 4], &asker);
        assert!(read.unwrap_err().contains("nobody waits"));
        assert_eq!(reads, 2);
    }

    #[test]
    fn samples_are_made_when_they_are_asked_for_and_read_side_by_side() {
        let root = FilesRoot::new(None).unwrap();
        assert!(!root.is_ready());
        root.make_ready().unwrap();
        assert!(root.is_ready());
        for (name, bytes) in SAMPLES {
            for _again in 0..2 {
                assert_eq!(read(&root, name).unwrap().bytes, bytes as u64);
            }
        }
        for path in ["none", "", "../small.txt", "/etc/passwd"] {
            let error = read(&root, path).unwrap_err();
            assert_eq!(error, "does not exist below the files root", "{path}");
        }
    }

    #[test]
    fn a_root_that_is_not_there_is_named() {
        let error = FilesRoot::new(Some(Path::new("/no/such/place"))).unwrap_err();
        assert!(error.to_string().contains("/no/such/place"), "{error}");
    }
}

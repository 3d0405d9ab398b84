//! The one directory that `/async-files` may read, and the only way into it.
//!
//! The kernel keeps paths inside: openat2(2) with `RESOLVE_BENEATH` refuses whatever leaves the
//! directory, by `..`, by an absolute path or by a symbolic link, at the moment of opening. There
//! is no check of the path's text beforehand: what it names could change between a check and its
//! use.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use tempfile::TempDir;

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

/// An open directory. If it was made for its sample files, it goes away with this value.
#[derive(Debug)]
pub struct FilesRoot {
    directory: OwnedFd,
    path: PathBuf,
    _samples: Option<TempDir>,
}

/// What was read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl FilesRoot {
    /// Opens `path`, or makes a directory with sample files.
    pub(super) fn new(path: Option<&Path>) -> io::Result<Self> {
        if let Some(path) = path {
            return Self::at(path.to_owned(), None);
        }
        let samples = make_samples()?;
        Self::at(samples.path().to_owned(), Some(samples))
    }

    fn at(path: PathBuf, samples: Option<TempDir>) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| {
            let error = io::Error::from(error);
            let sentence = format!(
                "the files root {} cannot be opened: {error}",
                path.display()
            );
            io::Error::new(error.kind(), sentence)
        })?;
        Ok(Self {
            directory,
            path,
            _samples: samples,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
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
        contents(self.open(path)?, chunk, asker)
    }

    fn open(&self, path: &str) -> Result<File, String> {
        // Without O_NONBLOCK, opening a FIFO waits until somebody writes to it (fifo(7)).
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let file = rustix::fs::openat2(&self.directory, path, flags, Mode::empty(), within)
            .map_err(refusal)?;
        let status = rustix::fs::fstat(&file).map_err(refusal)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err("is not a regular file".to_owned());
        }
        if u64::try_from(status.st_size).is_ok_and(|bytes| bytes > FILE_BYTES_MAX) {
            return Err(too_large());
        }
        Ok(File::from(file))
    }
}

/// Reads what is there to be read.
fn contents(mut file: impl Read, chunk: &mut [u8], asker: &Asker) -> Result<Contents, String> {
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0;
    while !asker.has_gone() {
        let count = match file.read(chunk) {
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

/// A private directory with text files, so that the route can be tried at once.
fn make_samples() -> io::Result<TempDir> {
    let directory = tempfile::Builder::new()
        .prefix("barewire-files-")
        .tempdir()?;
    for (name, bytes) in SAMPLES {
        let text: Vec<u8> = SAMPLE_LINE.iter().copied().cycle().take(bytes).collect();
        fs::write(directory.path().join(name), text)?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root inside of a directory that has a file which no path may reach.
    fn fenced() -> (TempDir, FilesRoot) {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        let inside = outside.path().join("root");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("file"), "123456789").unwrap();
        let root = FilesRoot::new(Some(&inside)).unwrap();
        (outside, root)
    }

    fn read(root: &FilesRoot, path: &str) -> Result<Contents, String> {
        root.read(path, &mut [0; 4], &Asker::default())
    }

    #[test]
    fn a_file_is_read_to_its_end() {
        let (_outside, root) = fenced();
        let whole = Contents {
            bytes: 9,
            crc32: 0xCBF4_3926,
        };
        assert_eq!(read(&root, "file"), Ok(whole));
        assert_eq!(read(&root, "./file"), Ok(whole));
        symlink("file", root.path().join("alias")).unwrap();
        assert_eq!(read(&root, "alias"), Ok(whole));
        fs::create_dir(root.path().join("sub")).unwrap();
        assert_eq!(read(&root, "sub/../file"), Ok(whole));
    }

    #[test]
    fn whatever_leaves_the_root_is_refused() {
        let (outside, root) = fenced();
        let secret = outside.path().join("secret");
        symlink(&secret, root.path().join("absolute_link")).unwrap();
        symlink("../secret", root.path().join("relative_link")).unwrap();
        symlink("..", root.path().join("up")).unwrap();
        symlink("/proc/self/root", root.path().join("magic")).unwrap();
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
        let (_outside, root) = fenced();
        let fifo = root.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
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
        let (_outside, root) = fenced();
        symlink("self", root.path().join("self")).unwrap();
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
        let (_outside, root) = fenced();
        let sparse = File::create(root.path().join("sparse")).unwrap();
        sparse.set_len(FILE_BYTES_MAX + 1).unwrap();
        assert_eq!(
            read(&root, "sparse"),
            Err("is larger than 64 MiB".to_owned())
        );
    }

    /// Gives a byte more than the limit, whatever its size was said to be, and no end before.
    #[test]
    fn a_file_that_grows_while_it_is_read_has_an_end() {
        let (mut chunk, asker) = (vec![0; MIB], Asker::default());
        let mut read = |bytes| contents(io::repeat(1).take(bytes), &mut chunk, &asker);
        assert_eq!(read(FILE_BYTES_MAX + 1), Err(too_large()));
        assert_eq!(read(FILE_BYTES_MAX).unwrap().bytes, FILE_BYTES_MAX);
    }

    #[test]
    fn reading_ends_when_nobody_waits_any_more() {
        struct Watched<'a>(&'a Asker, usize);
        impl Read for Watched<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.1 += 1;
                if self.1 == 2 {
                    self.0.go();
                }
                Ok(into.len())
            }
        }
        let asker = Asker::default();
        let mut watched = Watched(&asker, 0);
        let read = contents(&mut watched, &mut [0; 4], &asker);
        assert!(read.unwrap_err().contains("nobody waits"));
        assert_eq!(watched.1, 2, "reads");
    }

    #[test]
    fn samples_are_there_and_go_away() {
        let root = FilesRoot::new(None).unwrap();
        let mut chunk = vec![0; 64 * KIB];
        for (name, bytes) in SAMPLES {
            let contents = root.read(name, &mut chunk, &Asker::default()).unwrap();
            assert_eq!(contents.bytes, bytes as u64);
        }
        let path = root.path().to_owned();
        drop(root);
        assert!(!path.exists());
    }

    #[test]
    fn a_root_that_is_not_there_is_named() {
        let error = FilesRoot::new(Some(Path::new("/no/such/place"))).unwrap_err();
        assert!(error.to_string().contains("/no/such/place"), "{error}");
    }
}

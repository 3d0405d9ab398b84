//! What the system can be short of when a server starts, in words: threads and descriptors.
//!
//! The error of the system call names neither: EAGAIN is "Resource temporarily unavailable". So
//! threads are started in here, and whatever opens descriptors at start has its errors told by
//! [`told`].

use std::fmt::Display;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::{self, JoinHandle};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// Starts a thread.
///
/// # Errors
///
/// If the system refuses it (pthread_create(3)): which thread, and which limits there are.
pub(crate) fn start_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let thread = thread::Builder::new().name(name.to_owned());
    let started = thread.spawn(work);
    started.map_err(|error| {
        let sentence = format!(
            "the thread {name} cannot be started: {error}; the threads are limited for the user \
             (ulimit -u, now {}), the control group (pids.max) and the system \
             (kernel.threads-max), and each needs memory for its stack; fewer --workers and \
             --job-threads need less",
            shown(Resource::Nproc)
        );
        io::Error::new(error.kind(), sentence)
    })
}

/// The same; when the work is over, `ended` is called, after a panic too, which goes to whoever
/// joins.
///
/// # Errors
///
/// As [`start_thread`].
pub(crate) fn start_told<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    start_thread(name, move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        ended();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// An error with what was being done; and, if descriptors have run out, with their limit.
pub(crate) fn told(what: impl Display, error: &io::Error) -> io::Error {
    let text = format!("{what}: {error}{}", limit_of(error));
    io::Error::new(error.kind(), text)
}

/// The limit behind an error, as the end of a sentence; nothing, if descriptors are not the matter.
pub(crate) fn limit_of(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => format!(
            "; this process may open {} files (ulimit -n, LimitNOFILE= of a unit), and each of \
             the --workers needs five before the first connection",
            shown(Resource::Nofile)
        ),
        Some(Errno::NFILE) => "; the system's limit of open files is fs.file-max".to_owned(),
        _ => String::new(),
    }
}

/// A limit of this process as it stands (getrlimit(2)).
fn shown(resource: Resource) -> String {
    let current = getrlimit(resource).current;
    current.map_or("unlimited".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_descriptors_is_told_with_its_limit_and_nothing_else_is() {
        let error = |errno: Errno| told("reactor 1 cannot be set up", &errno.into()).to_string();
        let begin = "reactor 1 cannot be set up: ";
        assert!(error(Errno::MFILE).starts_with(begin));
        assert!(error(Errno::MFILE).contains("ulimit -n"));
        assert!(error(Errno::NFILE).contains("fs.file-max"));
        assert!(error(Errno::PERM).ends_with("(os error 1)"));
    }

    #[test]
    fn the_end_of_a_thread_is_told_after_a_panic_too() {
        let (sender, ended) = std::sync::mpsc::channel();
        let tell = move || sender.send(()).unwrap();
        let thread = start_told("test", || panic!("on purpose"), tell).unwrap();
        ended.recv().unwrap();
        thread.join().unwrap_err();
    }
}

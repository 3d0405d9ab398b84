//! The real binary as a child process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};

use super::{Wire, eventually};

/// A server in a process of its own; killed when dropped.
pub(crate) struct Barewire {
    pub(crate) address: SocketAddr,
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    /// Says that the reader of stderr is to go on.
    listens: Arc<AtomicBool>,
    /// Reads stderr, so that the child never waits for a reader.
    said: Option<JoinHandle<String>>,
}

/// How a child ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Its whole stderr.
    pub(crate) said: String,
}

/// The binary, in an environment without anybody's `BAREWIRE_*` variables.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("barewire"));
    command.env_clear().args(args);
    command
}

/// The binary under a shell's limit of open files, hard and soft.
pub(crate) fn command_with_files(files: u32, args: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    command
        .env_clear()
        .args(["-c", &script])
        .arg(assert_cmd::cargo::cargo_bin!("barewire"))
        .args(args);
    command
}

impl Barewire {
    /// Starts the binary on a free port and waits until it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(command(&["--port", "0"]).args(args))
    }

    /// Starts a command that is, or becomes, the binary, and waits until it listens.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self::spawn_with(command.stderr(Stdio::piped()))
    }

    /// The same, with a stderr that may not be read at all.
    pub(crate) fn spawn_with(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take();
        let stderr: Box<dyn Read + Send> = match stderr {
            Some(stderr) => Box::new(stderr),
            None => Box::new(std::io::empty()),
        };
        let stderr = BufReader::new(stderr);
        let listens = Arc::new(AtomicBool::new(true));
        let goes_on = Arc::clone(&listens);
        let said = thread::spawn(move || {
            let lines = stderr.lines().map_while(Result::ok);
            let heard = lines.take_while(|_| goes_on.load(Ordering::Relaxed));
            heard.flat_map(|line| [line, "\n".to_owned()]).collect()
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(address) = listening(&line) else {
            child.kill().unwrap();
            let said: String = said.join().unwrap();
            panic!("{line:?} on stdout, on stderr: {said}");
        };
        Self {
            address,
            child,
            stdout: Some(stdout),
            listens,
            said: Some(said),
        }
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Wire {
        Wire::to(self.address)
    }

    /// Closes its stdout, and its stderr once it writes to that.
    pub(crate) fn stop_listening(&mut self) {
        self.stdout = None;
        self.listens.store(false, Ordering::Relaxed);
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGTERM, and waits until it drains: the listener is closed.
    pub(crate) fn terminate_and_wait_until_closed(&self) {
        self.terminate();
        eventually("the listener closes", || {
            std::net::TcpStream::connect(self.address).is_err()
        });
    }

    /// Whether it is still there.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let mut status = None;
        eventually("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        Ended {
            status: status.unwrap(),
            said: self.said.take().unwrap().join().unwrap(),
        }
    }
}

impl Drop for Barewire {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the line for scripts.
pub(crate) fn listening(line: &str) -> Option<SocketAddr> {
    let address = line.strip_prefix("listening on http://")?;
    address.trim_end().parse().ok()
}

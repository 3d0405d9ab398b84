//! A server under test: how it is started, asked for its address, looked at and ended.
//!
//! The invariant: nothing that was started outlives its [`Running`]. A server leads a process group
//! of its own, and the group is ended as a whole, workers that the server forked included. What it
//! prints goes to a file without a name and is quoted when something goes wrong. Absent is any
//! knowledge of a certain server: what differs between them is in the [`Subject`].

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{self, Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{collections::BTreeMap, ffi::OsString, fs::File, io, thread};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::last_lines;

mod asking;

mod usage;

pub(crate) use asking::{Answer, Client};
pub use usage::Usage;

/// How long a server may take to start: a JVM on a busy machine needs half of it.
const STARTED_WITHIN: Duration = Duration::from_mins(1);
/// How long it may take to end by itself.
const ENDED_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at whether it has started or ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// What a server that announces itself prints before its address.
const ANNOUNCEMENT: &str = "listening on http://";
/// Lines of its output that an error quotes: the last ones.
const LINES_QUOTED: usize = 12;
/// What a shell, and a JVM, exits with when SIGTERM has ended it: 128 and the signal's number.
const ENDED_BY_SIGTERM: i32 = 128 + Signal::TERM.as_raw();

/// Who is measured, and how it is started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// As in tables: `full`, `without slab`, `L0`, `axum`.
    pub name: String,
    /// The program: a name that is looked up in PATH, or a path, which is relative to where the lab
    /// was started (and not to `directory`).
    pub program: PathBuf,
    /// Its arguments; `{port}` and `{workers}` are filled in at start.
    pub arguments: Vec<String>,
    /// Variables of its environment, filled in likewise. PORT and WORKERS are there in any case.
    pub environment: BTreeMap<String, String>,
    /// Where it is started; `None`: here.
    pub directory: Option<PathBuf>,
    /// What it is asked for to see whether it has started; empty stands for `/plaintext`.
    #[serde(default)]
    pub path: String,
    /// Whether it takes port 0 and prints `listening on http://HOST:PORT`, as barewire and the
    /// canned loops do. Otherwise a free port is chosen, and it has started once it answers.
    pub announces: bool,
}

impl Subject {
    /// One that takes port 0 and prints its address.
    pub fn announcing(name: &str, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: arguments.collect(),
            announces: true,
            ..Self::default()
        }
    }
}

/// A started server; ended when it is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    address: SocketAddr,
    output: File,
}

impl Running {
    /// Starts it with so many workers, on these cores (all if empty), and waits until it accepts.
    ///
    /// # Errors
    ///
    /// If it cannot be run, ends, or does not accept within a minute; its last lines are quoted.
    pub fn start(subject: &Subject, workers: usize, cores: &[usize]) -> Result<Self> {
        match cores {
            [] => Self::start_under(&[], subject, workers),
            _ => Self::start_under(&taskset(cores), subject, workers),
        }
    }

    /// Starts it as the last arguments of another program, which runs it: `taskset -c 0`, `strace`,
    /// `valgrind`.
    ///
    /// # Errors
    ///
    /// As [`Running::start`].
    pub fn start_under(runner: &[OsString], subject: &Subject, workers: usize) -> Result<Self> {
        let port = if subject.announces { 0 } else { free_port()? };
        let output = tempfile::tempfile().context("no file for a server's output")?;
        let mut command = command(runner, subject, workers, port)?;
        command.stdout(output.try_clone()?);
        command.stderr(output.try_clone()?);
        let child = command.spawn().with_context(|| {
            let program = command.get_program();
            format!("{} cannot be started: {}", subject.name, program.display())
        })?;
        let mut running = Self {
            name: subject.name.clone(),
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            output,
        };
        running.wait_until_started(subject)?;
        Ok(running)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, then a wait of some seconds, then SIGKILL. Returns how it ended.
    ///
    /// # Errors
    ///
    /// If it had to be killed, or ended with an exit code that is not 0. Death by that SIGTERM is
    /// none: not everybody can do better.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        if !within(ENDED_WITHIN, LOOK_EVERY, || self.has_ended())? {
            let seconds = ENDED_WITHIN.as_secs();
            bail!("{} did not end {seconds} s after SIGTERM", self.name);
        }
        let status = self.end()?;
        if !is_orderly(status) {
            bail!("{} ended with {status}{}", self.name, self.quoted());
        }
        Ok(status)
    }

    fn wait_until_started(&mut self, subject: &Subject) -> Result<()> {
        let mut listens = false;
        within(STARTED_WITHIN, LOOK_EVERY, || {
            listens = self.listens(subject)?;
            Ok(listens || self.has_ended()?)
        })?;
        if listens {
            return Ok(());
        }
        if self.has_ended()? {
            let (status, quoted) = (self.end()?, self.quoted());
            bail!("{} ended before it listened: {status}{quoted}", self.name);
        }
        let (seconds, quoted) = (STARTED_WITHIN.as_secs(), self.quoted());
        bail!("{} did not listen within {seconds} s{quoted}", self.name);
    }

    /// Whether it has said where it listens, or answers there.
    fn listens(&mut self, subject: &Subject) -> Result<bool> {
        if !subject.announces {
            let path = Some(subject.path.as_str()).filter(|path| !path.is_empty());
            let answer = Client::of(self.address).get(path.unwrap_or("/plaintext"));
            return Ok(answer.is_ok());
        }
        let address = announced(&self.printed()?);
        self.address = address.unwrap_or(self.address);
        Ok(address.is_some())
    }

    /// Whether the process that was started has ended. It stays a zombie: until it is waited for,
    /// its number is nobody else's, so that the group can be ended without doubt whose it is.
    fn has_ended(&self) -> Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let child = WaitId::Pid(Pid::from_child(&self.child));
        Ok(waitid(child, options)?.is_some())
    }

    /// Ends whatever is left of the group.
    fn end(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.child.wait()
    }

    /// A group that has no process any more is no error: that is what the signal was for.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }

    /// What it printed so far. Read at a position of its own: the file's is where the server
    /// writes.
    pub(crate) fn printed(&self) -> io::Result<String> {
        let length = self.output.metadata()?.len();
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.output.read_exact_at(&mut bytes, 0)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn quoted(&self) -> String {
        let printed = self.printed().unwrap_or_default();
        match last_lines(&printed, LINES_QUOTED).as_slice() {
            [] => "; it printed nothing".to_owned(),
            last => format!("; it printed:\n  {}", last.join("\n  ")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `stop` it was waited for, and its number may be another's by now.
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nobody is left to be told that it cannot be ended.
            let _ = self.end();
        }
    }
}

/// Looks whether it is so, until it is; false if the time was over before.
pub(crate) fn within(
    time: Duration,
    every: Duration,
    mut is_so: impl FnMut() -> Result<bool>,
) -> Result<bool> {
    let deadline = Instant::now() + time;
    while !is_so()? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        thread::sleep(every);
    }
    Ok(true)
}

/// `taskset -c 0,2` (util-linux): it pins itself and becomes the program that follows.
fn taskset(cores: &[usize]) -> Vec<OsString> {
    let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
    vec!["taskset".into(), "-c".into(), cores.join(",").into()]
}

fn command(runner: &[OsString], subject: &Subject, workers: usize, port: u16) -> Result<Command> {
    let (port, workers) = (port.to_string(), workers.to_string());
    let fill = |text: &String| text.replace("{port}", &port).replace("{workers}", &workers);
    let program = from_here(&subject.program)?.into_os_string();
    let words = [runner, &[program]].concat();
    let variables = subject.environment.iter();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command.args(subject.arguments.iter().map(fill));
    command.env("PORT", &port).env("WORKERS", &workers);
    command.envs(variables.map(|(name, text)| (name, fill(text))));
    command.current_dir(subject.directory.as_deref().unwrap_or(Path::new(".")));
    command.stdin(Stdio::null()).process_group(0);
    Ok(command)
}

/// A program with a folder in its name, as an absolute path; a bare name is left to PATH.
fn from_here(program: &Path) -> Result<PathBuf> {
    if program.parent() == Some(Path::new("")) {
        return Ok(program.to_owned());
    }
    path::absolute(program).with_context(|| format!("no program: {}", program.display()))
}

/// A port that nobody listens on. Somebody may take it before the server does; the server then says
/// so and ends, which is an error as any other.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// The address in the announcement, once its line is complete.
fn announced(printed: &str) -> Option<SocketAddr> {
    let mut lines = printed.split_inclusive('\n');
    lines.find_map(|line| {
        let address = line.strip_suffix('\n')?.strip_prefix(ANNOUNCEMENT)?;
        address.trim_end().trim_end_matches('/').parse().ok()
    })
}

fn is_orderly(status: ExitStatus) -> bool {
    // As wait(2) has it: the signal in the lowest byte, the exit code in the next one.
    let orderly = [0, Signal::TERM.as_raw(), ENDED_BY_SIGTERM << 8];
    orderly.contains(&status.into_raw())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn an_announcement_counts_once_its_line_is_complete() {
        assert_eq!(announced("listening on http://127.0.0.1:80"), None);
        let printed = "warming up\nlistening on http://127.0.0.1:8080\nready\n";
        assert_eq!(announced(printed), Some(([127, 0, 0, 1], 8080).into()));
        assert_eq!(announced("listening on http://nowhere\n"), None);
    }

    #[test]
    fn a_name_is_left_to_path_and_a_path_is_from_here() {
        assert_eq!(from_here(Path::new("node")).unwrap(), Path::new("node"));
        let here = std::env::current_dir().unwrap();
        let below = Path::new("target/release/canned");
        assert_eq!(from_here(below).unwrap(), here.join(below));
        assert_eq!(
            from_here(Path::new("/bin/true")).unwrap(),
            Path::new("/bin/true")
        );
    }

    #[test]
    fn port_and_workers_are_filled_in_wherever_they_stand() {
        let subject = Subject {
            program: "server".into(),
            arguments: vec!["--listen=127.0.0.1:{port}".into(), "{workers}".into()],
            environment: BTreeMap::from([("THREADS".into(), "{workers}".into())]),
            ..Subject::default()
        };
        let command = command(&taskset(&[0, 2]), &subject, 3, 8081).unwrap();
        assert_eq!(command.get_program(), "taskset");
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(
            arguments,
            ["-c", "0,2", "server", "--listen=127.0.0.1:8081", "3"]
        );
        let variables: BTreeMap<_, _> = command.get_envs().collect();
        for (name, value) in [("PORT", "8081"), ("WORKERS", "3"), ("THREADS", "3")] {
            assert_eq!(variables[OsStr::new(name)], Some(OsStr::new(value)));
        }
    }

    #[test]
    fn death_by_sigterm_is_orderly_and_other_ends_are_not() {
        let ends = |raw: i32| is_orderly(ExitStatus::from_raw(raw));
        assert!(ends(0) && ends(15) && ends(143 << 8));
        assert!(!ends(1 << 8) && !ends(9) && !ends(11));
    }
}

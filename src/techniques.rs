//! The table of techniques: what makes the server fast, by name, each with the switch that takes it
//! away.
//!
//! The command line, `/stats` and the tests all walk this table, so that none of them can forget
//! one. A row finds the rest by its name. What the technique claims, where it is decided, and what
//! it does is its entry in `docs/techniques.md`. Its value is the field of [`Techniques`] or
//! [`SocketOptions`] that serde calls so. Absent is any decision: a row knows how to turn a
//! technique off, not what it does.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{Config, Kind, SocketOptions, Techniques};

mod naive;

mod table;

pub use naive::NaiveForm;

/// An entry for each technique, in the order of the table.
const DOCUMENT: &str = include_str!("../docs/techniques.md");

static TABLE: LazyLock<Vec<Technique>> = LazyLock::new(table::rows);

/// Made once: to count the machine's cores for it, the standard library reads the cgroup's files.
static DEFAULTS: LazyLock<Config> = LazyLock::new(Config::default);

/// Something that makes the server faster and can be taken away.
#[derive(Debug)]
pub struct Technique {
    /// As on the command line: `register-once`.
    pub name: &'static str,
    /// What it belongs to.
    pub group: Group,
    /// What it promises, in one sentence.
    pub claim: String,
    /// The one file in which it is decided, from the package's root.
    pub file: &'static str,
    /// What it is judged by.
    pub judge: Judge,
    /// The load on which it shows.
    pub shows_on: Load,
    /// How it is taken away.
    pub form: Form,
    /// Who does without it.
    pub naive_form: NaiveForm,
}

/// What a technique is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// CPU time for a request.
    Cpu,
    /// How long a client waits.
    Latency,
    /// How long the others are held up.
    HeldUp,
}

/// When a technique can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// While the server runs, with `--live`.
    Live,
    /// The same, but only between the value that it was started with and the naive one.
    Ends,
    /// With new sockets, or new threads.
    Restart,
}

/// A load on which a technique can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// One request at a time on each of 64 connections.
    KeepAlive,
    /// Sixteen requests at a time.
    Pipelined,
    /// One connection.
    One,
    /// A wait of the reactor's timer, on one connection.
    Waits,
    /// A connection for each request.
    Connections,
    /// Keep-alive on two reactors.
    TwoWorkers,
    /// An answer that is serialised.
    Json,
    /// Many keys of the cache on two reactors.
    Cache,
    /// Bodies.
    Uploads,
    /// Requests in two pieces.
    Pieces,
    /// Files that are read beside other requests.
    Files,
    /// A file of 1 KiB.
    SmallFile,
    /// One of 64 KiB.
    MiddleFile,
    /// One of 1 MiB.
    LargeFile,
}

impl Load {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive, 64 connections",
            Self::Pipelined => "16 requests pipelined",
            Self::One => "one connection",
            Self::Waits => "/benchmark on one connection",
            Self::Connections => "a connection for each request",
            Self::TwoWorkers => "keep-alive, two workers",
            Self::Json => "/json",
            Self::Cache => "1,000 keys of /cache, two workers",
            Self::Uploads => "POSTs of 16 KiB",
            Self::Pieces => "requests in two pieces",
            Self::Files => "/async-files beside other requests",
            Self::SmallFile => "/files of 1 KiB",
            Self::MiddleFile => "/files of 64 KiB",
            Self::LargeFile => "/files of 1 MiB",
        }
    }
}

impl Judge {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU time",
            Self::Latency => "latency",
            Self::HeldUp => "how long others are held up",
        }
    }
}

/// What a technique belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The turn and its wakeups.
    Loop,
    /// Memory for input and output.
    Buffers,
    /// Requests into answers.
    Http,
    /// What reactors have in common.
    Sharing,
    /// Options of the sockets.
    Sockets,
    /// Work beside the reactors.
    Jobs,
    /// How the program is compiled.
    Build,
}

/// How a technique is taken away.
#[derive(Debug)]
pub enum Form {
    /// In the running binary: `--without NAME`.
    Switch(Switch),
    /// By another build, or another start; the command.
    Build(&'static str),
}

/// The values of a technique, as text.
#[derive(Debug)]
pub struct Switch {
    /// The value that `--with NAME` gives it.
    pub on: &'static str,
    /// The value that `--without NAME` gives it: the naive form.
    pub off: &'static str,
    /// When it can change.
    pub change: Change,
    /// One value breaks a promise of the server. It can be chosen, to be looked at; `--naive`
    /// leaves it as it is, and so do the tests in which every technique is switched.
    pub is_demonstration: bool,
    /// The technique's name.
    name: &'static str,
    kind: Kind,
}

/// The parts of a [`Config`] that have techniques in them, as one map.
#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(flatten)]
    techniques: Techniques,
    #[serde(flatten)]
    socket: SocketOptions,
}

/// All techniques, in the order of the documents.
pub fn all() -> impl Iterator<Item = &'static Technique> {
    TABLE.iter()
}

/// The technique of this name.
pub fn find(name: &str) -> Option<&'static Technique> {
    all().find(|technique| technique.name == name)
}

/// All techniques that are switches, each with its switch.
pub fn switches() -> impl Iterator<Item = (&'static Technique, &'static Switch)> {
    all().filter_map(|technique| Some((technique, technique.switch()?)))
}

/// The techniques whose value is not the default, each with its switch and that value.
///
/// One that its option gave a value outside of the technique's own (`--linger 3s`) is left out: the
/// option tells it.
pub fn changed(
    config: &Config,
) -> impl Iterator<Item = (&'static Technique, &'static Switch, String)> {
    switches().filter_map(|(technique, switch)| {
        let value = switch.get(config);
        let is_told = !value.is_empty() && value != switch.default_value();
        is_told.then_some((technique, switch, value))
    })
}

impl Technique {
    /// Its paragraphs in `docs/techniques.md`: first the claim, then others behind their labels, as
    /// in `**Where.**`.
    pub fn paragraphs(&self) -> impl Iterator<Item = &'static str> + use<> {
        paragraphs(self.name)
    }

    /// Its switch, if it is not decided by the build.
    pub fn switch(&self) -> Option<&Switch> {
        match &self.form {
            Form::Switch(switch) => Some(switch),
            Form::Build(_) => None,
        }
    }

    /// Whether `--naive` takes it away: a switch that some well-known program does without.
    /// Demonstrations stay as they are, and so does what only a beginner would do.
    pub fn is_naive(&self) -> bool {
        let switch = self.switch().filter(|switch| !switch.is_demonstration);
        switch.is_some() && !self.naive_form.is_beginners()
    }
}

impl Group {
    /// In a word, for headings.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl Switch {
    /// Gives the technique a value; `false`, with nothing changed, if it takes no such value.
    #[must_use]
    pub fn set(&self, config: &mut Config, text: &str) -> bool {
        let mut fields = Fields::map(config);
        let changed = self.kind.read(text).and_then(|value| {
            fields[self.name] = value;
            serde_json::from_value(fields).map_err(|error| error.to_string())
        });
        let Ok(Fields { techniques, socket }) = changed else {
            return false;
        };
        (config.techniques, config.socket) = (techniques, socket);
        true
    }

    /// `text` as [`get`](Self::get) would give it: 064 is 64. `None`, if the technique takes no
    /// such value.
    pub fn shown(&self, text: &str) -> Option<String> {
        let value = self.kind.read(text).ok()?;
        Some(self.kind.show(&value))
    }

    /// The technique's value, as text that [`set`](Self::set) takes; empty if its option gave it
    /// one that the technique does not have.
    pub fn get(&self, config: &Config) -> String {
        let text = self.kind.show(&Fields::map(config)[self.name]);
        let is_own = self.kind.read(&text).is_ok();
        if is_own { text } else { String::new() }
    }

    /// Whether it can change while the server runs.
    pub fn is_live(&self) -> bool {
        self.change != Change::Restart
    }

    /// What [`set`](Self::set) takes, in words.
    pub fn allowed(&self) -> String {
        self.kind.allowed()
    }

    /// Whether the technique is in force: its value is any but the naive one.
    pub fn is_on(&self, config: &Config) -> bool {
        self.get(config) != self.off
    }

    /// The value that it has when nobody says anything.
    pub fn default_value(&self) -> String {
        self.get(&DEFAULTS)
    }

    /// Whether it is in force when nobody says anything.
    pub fn is_on_by_default(&self) -> bool {
        self.is_on(&DEFAULTS)
    }
}

impl Fields {
    fn map(config: &Config) -> Value {
        let fields = Self {
            techniques: config.techniques,
            socket: config.socket,
        };
        // Numbers, words and times cannot fail.
        serde_json::to_value(fields).unwrap_or_default()
    }
}

fn paragraphs(name: &str) -> impl Iterator<Item = &'static str> + use<> {
    let heading = format!("\n## {name}\n");
    let entry = DOCUMENT.split_once(&heading).map_or("", |(_, rest)| rest);
    let entry = entry.split("\n## ").next().unwrap_or_default();
    entry.trim().split("\n\n")
}

/// The first code in the paragraph behind this label.
fn code(name: &str, label: &str) -> &'static str {
    let paragraph = paragraphs(name).find(|text| text.starts_with(label));
    paragraph
        .and_then(|text| text.split('`').nth(1))
        .unwrap_or_default()
}

/// Something that has an entry of this name.
fn row(name: &'static str, group: Group, judge: Judge, shows_on: Load, form: Form) -> Technique {
    let claim = paragraphs(name).next().unwrap_or_default();
    Technique {
        name,
        group,
        claim: claim.replace('\n', " "),
        file: code(name, "**Where.**"),
        judge,
        shows_on,
        form,
        naive_form: naive::form(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_technique_has_its_naive_form_in_the_order_of_the_table() {
        let names: Vec<_> = all().map(|technique| technique.name).collect();
        assert_eq!(naive::names().collect::<Vec<_>>(), names);
    }
}

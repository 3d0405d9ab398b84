//! The table of techniques: what makes the server fast, by name, each with its claim, the file
//! where it is decided, and the switch that takes it away.
//!
//! The command line, `/stats`, the documents and the tests all walk this table, so that none of
//! them can forget one. What the techniques do, and why, stands in `docs/techniques.md`, which
//! `barewire explain` prints; their values stand in [`Techniques`](crate::config::Techniques).
//! Absent is any decision: a row knows how to turn a technique off, not what it does.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use crate::config::Config;

mod table;

mod builds;

use builds::BUILDS;
use table::SWITCHES;

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
    pub claim: &'static str,
    /// The one file in which it is decided, from the package's root.
    pub file: &'static str,
    /// How it is taken away.
    pub form: Form,
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
    /// The value that `--without NAME` and `--naive` give it: what much real code does.
    pub off: &'static str,
    /// One value breaks a promise of the server. It can be chosen, to be looked at; `--naive`
    /// leaves it as it is, and so do the tests in which every technique is switched.
    pub is_demonstration: bool,
    field: Field,
}

/// Where a value lies.
enum Field {
    Flag(fn(&mut Config) -> &mut bool),
    Count(fn(&mut Config) -> &mut usize, RangeInclusive<usize>),
    Word(
        &'static [&'static str],
        fn(&mut Config, Access<'_>) -> &'static str,
    ),
}

/// Whether a field that takes one of a few words is to be read or set.
enum Access<'a> {
    Get,
    Set(&'a str),
}

/// All techniques, in the order of the documents.
pub fn all() -> impl Iterator<Item = &'static Technique> {
    SWITCHES.iter().chain(&BUILDS)
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
    /// Its switch, if it is not decided by the build.
    pub fn switch(&self) -> Option<&Switch> {
        match &self.form {
            Form::Switch(switch) => Some(switch),
            Form::Build(_) => None,
        }
    }
}

impl Group {
    /// In a word, for headings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Buffers => "buffers",
            Self::Http => "http",
            Self::Sharing => "sharing",
            Self::Sockets => "sockets",
            Self::Jobs => "jobs",
            Self::Build => "build",
        }
    }
}

impl Switch {
    /// Gives the technique a value; `false`, with nothing changed, if it takes no such value.
    #[must_use]
    pub fn set(&self, config: &mut Config, text: &str) -> bool {
        match &self.field {
            Field::Flag(field) => match text {
                "on" | "off" => *field(config) = text == "on",
                _ => return false,
            },
            Field::Count(field, range) => match text.parse() {
                Ok(count) if range.contains(&count) => *field(config) = count,
                _ => return false,
            },
            Field::Word(words, _) if !words.contains(&text) => return false,
            Field::Word(_, access) => {
                access(config, Access::Set(text));
            }
        }
        true
    }

    /// The technique's value, as text that [`set`](Self::set) takes; empty if its option gave it
    /// one that the technique does not have.
    pub fn get(&self, config: &Config) -> String {
        // Looked up in a copy, so that one way to the field, the one that writes, is enough.
        let mut config = config.clone();
        match &self.field {
            Field::Flag(field) if *field(&mut config) => "on".to_owned(),
            Field::Flag(_) => "off".to_owned(),
            Field::Count(field, _) => field(&mut config).to_string(),
            Field::Word(_, access) => access(&mut config, Access::Get).to_owned(),
        }
    }

    /// What [`set`](Self::set) takes, in words.
    pub fn allowed(&self) -> String {
        match &self.field {
            Field::Flag(_) => "on or off".to_owned(),
            Field::Count(_, range) => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Field::Word(words, _) => words.join(", "),
        }
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

    const fn of(field: Field, on: &'static str, off: &'static str) -> Form {
        Form::Switch(Self {
            on,
            off,
            is_demonstration: false,
            field,
        })
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flag(_) => "Flag",
            Self::Count(..) => "Count",
            Self::Word(..) => "Word",
        })
    }
}

impl Access<'_> {
    /// Does what is asked of a field whose values have these words.
    fn to<T: Copy + PartialEq>(self, field: &mut T, words: &[(&'static str, T)]) -> &'static str {
        if let Self::Set(text) = self
            && let Some((_, value)) = words.iter().find(|(word, _)| *word == text)
        {
            *field = *value;
        }
        let word = words.iter().find(|(_, value)| value == field);
        word.map_or("", |(word, _)| word)
    }
}

const fn flag(field: fn(&mut Config) -> &mut bool) -> Form {
    Switch::of(Field::Flag(field), "on", "off")
}

const fn count(
    field: fn(&mut Config) -> &mut usize,
    range: RangeInclusive<usize>,
    on: &'static str,
    off: &'static str,
) -> Form {
    Switch::of(Field::Count(field, range), on, off)
}

const fn word(
    words: &'static [&'static str],
    field: fn(&mut Config, Access<'_>) -> &'static str,
    on: &'static str,
    off: &'static str,
) -> Form {
    Switch::of(Field::Word(words, field), on, off)
}

const fn demonstration(form: Form) -> Form {
    match form {
        Form::Switch(switch) => Form::Switch(Switch {
            is_demonstration: true,
            ..switch
        }),
        build @ Form::Build(_) => build,
    }
}

const fn row(
    name: &'static str,
    group: Group,
    form: Form,
    file: &'static str,
    claim: &'static str,
) -> Technique {
    Technique {
        name,
        group,
        claim,
        file,
        form,
    }
}

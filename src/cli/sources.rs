//! Where values come from: a flag, else a `BAREWIRE_*` variable, else the file, else the default.
//!
//! Only the strongest source of an option is read: a flag can stand in for a wrong variable, such
//! as the `BAREWIRE_PORT=tcp://10.0.0.1:80` that Kubernetes sets beside a service of our name. For
//! its sake, too, variables that name no option are left alone, while such keys of the file are
//! errors.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use super::options::{Section, Values};
use super::selection;
use super::setting::Setting;

/// Where a value stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The command line.
    Flag,
    /// The environment.
    Variable,
    /// The file of this name.
    File(String),
    /// An option that names a technique with the same value; told as in `flag --naive`.
    Technique(String),
    /// Nowhere: it is the default.
    Default,
}

/// The values chosen, and where each came from.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The values.
    pub(super) values: Values,
    /// By name of the option; an option that is not here has its default.
    sources: BTreeMap<&'static str, Source>,
}

/// A configuration file that has been read: its options exist, their values are not yet judged.
pub(super) struct File {
    name: String,
    entries: toml::Table,
}

/// Chooses the value of every option.
///
/// # Errors
///
/// A sentence that names where the wrong value stands, the value, and what is allowed.
pub(super) fn choose(
    table: &[Section],
    flag: impl Fn(&Setting) -> Option<OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
    file: Option<&File>,
) -> Result<Chosen, String> {
    let mut values = Values::default();
    let mut sources = BTreeMap::new();
    for setting in table.iter().flat_map(|section| &section.settings) {
        let from_flag = || Some((Source::Flag, flag(setting)?));
        let from_variable = || Some((Source::Variable, variable(&setting.variable())?));
        let from_file = || file?.entry(setting);
        let given = from_flag().or_else(from_variable).or_else(from_file);
        let Some((source, text)) = given else {
            continue;
        };
        // What is not Unicode is never allowed: a path of that kind could not be printed as TOML
        // either.
        if !text
            .to_str()
            .is_some_and(|text| setting.read(text, &mut values))
        {
            let (place, text) = (source.place(setting), text.to_string_lossy());
            let objection = setting.objection(&text);
            return Err(format!("{place} is {text:?}; {objection}"));
        }
        sources.insert(setting.name, source);
    }
    let mut chosen = Chosen { values, sources };
    selection::apply(&mut chosen, table)?;
    Ok(chosen)
}

impl Chosen {
    /// Where the option's value came from.
    pub(super) fn source(&self, setting: &Setting) -> &Source {
        self.sources.get(setting.name).unwrap_or(&Source::Default)
    }

    /// Notes that the option's value is now another's doing.
    pub(super) fn set_source(&mut self, setting: &Setting, source: Source) {
        self.sources.insert(setting.name, source);
    }

    /// All values as a file that [`File::read`] takes, with their sources as comments.
    pub(super) fn print(&self, table: &[Section]) -> String {
        let mut text = "# All options of barewire, each with where its value came from:\n\
            # a flag, else a BAREWIRE_* variable, else the file, else the default.\n"
            .to_owned();
        for section in table {
            let _ = writeln!(text, "\n# {}", section.title);
            for setting in &section.settings {
                let entry = format!("{} = {}", setting.name, entry(&setting.show(&self.values)));
                let origin = self.source(setting).origin(setting);
                let _ = writeln!(text, "{entry:<32} # {origin}");
            }
        }
        text
    }
}

impl Source {
    /// Where the value stands, for a sentence about it.
    pub(super) fn place(&self, setting: &Setting) -> String {
        match self {
            Self::Flag => setting.flag(),
            Self::Variable => setting.variable(),
            Self::File(name) => format!("{} in {name}", setting.name),
            Self::Technique(origin) => format!("{} ({origin})", setting.flag()),
            Self::Default => format!("{} (default)", setting.flag()),
        }
    }

    /// Where the value came from, for a list of values.
    pub(super) fn origin(&self, setting: &Setting) -> String {
        match self {
            Self::Flag => format!("flag {}", setting.flag()),
            Self::Variable => format!("variable {}", setting.variable()),
            // Escaped, since a line feed in the name would end the comment.
            Self::File(name) => format!("file {}", name.escape_debug()),
            Self::Technique(origin) => origin.clone(),
            Self::Default => "default".to_owned(),
        }
    }

    /// Whether what stands there is heeded rather than what stands in `other`, or as much.
    pub(super) fn is_as_strong_as(&self, other: &Self) -> bool {
        let weakness = |source: &Self| match source {
            Self::Flag => 0,
            Self::Variable => 1,
            Self::File(_) => 2,
            Self::Technique(_) | Self::Default => 3,
        };
        weakness(self) <= weakness(other)
    }
}

impl File {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// A sentence, if it cannot be read, is not TOML, or has a key that is no option.
    pub(super) fn read(path: &Path, table: &[Section]) -> Result<Self, String> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the file {name} cannot be read: {error}"))?;
        Self::of(&text, name, table)
    }

    /// The same of a text, which errors call by this name.
    pub(super) fn of(text: &str, name: String, table: &[Section]) -> Result<Self, String> {
        let entries: toml::Table = toml::from_str(text).map_err(|error| {
            format!(
                "the file {name} is not TOML: {}",
                error.to_string().trim_end()
            )
        })?;
        let settings = table.iter().flat_map(|section| &section.settings);
        let known: Vec<_> = settings.map(|setting| setting.name).collect();
        match entries
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            None => Ok(Self { name, entries }),
            Some((key, toml::Value::Table(_))) => Err(format!(
                "[{key}] in {name} is a table; options stand at the top level"
            )),
            Some((key, _)) => Err(format!(
                "{key} in {name} is no option; the nearest is {} (`barewire --print-config` lists \
                 all)",
                nearest(key, &known)
            )),
        }
    }

    /// The value of the option, if it is in the file.
    fn entry(&self, setting: &Setting) -> Option<(Source, OsString)> {
        let text = match self.entries.get(setting.name)? {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(texts) if setting.repeats && texts.is_empty() => {
                selection::NONE.to_owned()
            }
            toml::Value::Array(texts) if setting.repeats => joined(texts),
            // Numbers and booleans are written as on the command line; lists and such do not pass.
            other => other.to_string(),
        };
        Some((Source::File(self.name.clone()), text.into()))
    }
}

/// A list of texts as a flag has it: with commas in between.
fn joined(texts: &[toml::Value]) -> String {
    let shown = texts.iter().map(|text| match text {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    shown.collect::<Vec<_>>().join(",")
}

/// The name that is most like `key`.
pub(super) fn nearest<'a>(key: &str, names: &[&'a str]) -> &'a str {
    let likeness = |name: &&&str| strsim::jaro_winkler(key, name);
    names
        .iter()
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .map_or("", |name| name)
}

/// A value as TOML: whole numbers bare, all else as a string.
fn entry(text: &str) -> String {
    let bare = text
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == text);
    if bare {
        text.to_owned()
    } else {
        toml::Value::from(text).to_string()
    }
}

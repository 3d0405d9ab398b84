//! Which value each option has, and where it came from: a flag, else a `BAREWIRE_*` variable, else
//! the file, else the default.
//!
//! clap chooses; the file's values are its defaults ([`File::below`]). Only the strongest layer of
//! an option is judged: a flag can stand in for a wrong variable, such as the
//! `BAREWIRE_PORT=tcp://10.0.0.1:80` that Kubernetes sets beside a service of our name. For its
//! sake, too, a variable that names no option gets a warning, while such a key of the file is an
//! error.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args as _, Command};
use serde_json::{Map, Value, json};

use super::argument::Judged;
use super::options::Options;
use super::{checks, selection};
use crate::config::Config;

/// By name of the option, as serde has the field of [`Config`].
pub(super) type Values = Map<String, Value>;

/// All options with their values.
pub(super) struct Settings {
    pub(super) config: Config,
    /// What was asked for; of the options that are no fields of [`Config`], too.
    pub(super) values: Values,
    /// In the order of the help.
    pub(super) list: Vec<Setting>,
}

/// An option with its value.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) name: String,
    heading: String,
    /// The value as text that the option takes.
    pub(super) text: String,
    pub(super) layer: Layer,
    /// The layer in words: `flag --port`.
    pub(super) origin: String,
}

/// Where a value stood; the greater one wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Default,
    File,
    Variable,
    Flag,
}

/// What every option is when nobody says anything. Made once: three commands have options.
pub(super) static DEFAULTS: LazyLock<Values> = LazyLock::new(|| {
    let own = json!({"linger-may-block": false, "without": [], "with": [], "naive": false});
    let config = serde_json::to_value(Config::default()).unwrap_or_default();
    let maps = [config, own].map(serde_json::from_value::<Values>);
    maps.into_iter().flatten().flatten().collect()
});

/// The options alone.
pub(super) fn options() -> Command {
    Options::augment_args(Command::new("barewire"))
}

/// Chooses the value of every option.
///
/// # Errors
///
/// A sentence that names the value, where it came from, and what is allowed.
pub(super) fn choose(matches: &ArgMatches, file: Option<&File>) -> Result<Settings, String> {
    let (mut values, mut list) = (DEFAULTS.clone(), Vec::new());
    let (options, mut heading) = (options(), "");
    for option in options.get_arguments() {
        let id = option.get_id().as_str();
        heading = option.get_help_heading().unwrap_or(heading);
        let Ok(Some(judged)) = matches.try_get_many::<Judged>(id) else {
            continue;
        };
        let name = id.replace('_', "-");
        let (layer, origin) = origin(matches, option, &name, file);
        let (mut texts, mut found) = (Vec::new(), Vec::new());
        for Judged { text, value } in judged.cloned() {
            let objection = |reason| format!("{name} is {text:?} ({origin}); {reason}");
            found.push(value.map_err(objection)?);
            texts.push(text);
        }
        list.push(Setting {
            name: name.clone(),
            heading: heading.to_owned(),
            text: texts.join(","),
            layer,
            origin,
        });
        let value = match <[Value; 1]>::try_from(found) {
            Ok([value]) => value,
            // Only techniques are named several times, each time as a list.
            Err(lists) => lists.into_iter().flat_map(selection::names).collect(),
        };
        values.insert(name, value);
    }
    let config = serde_json::from_value(Value::Object(values.clone()));
    let config = config.map_err(|error| error.to_string())?;
    let mut settings = Settings {
        config,
        values,
        list,
    };
    selection::apply(&mut settings)?;
    checks::check(&settings)?;
    Ok(settings)
}

fn origin(matches: &ArgMatches, option: &Arg, name: &str, file: Option<&File>) -> (Layer, String) {
    match (matches.value_source(option.get_id().as_str()), file) {
        (Some(ValueSource::CommandLine), _) => (Layer::Flag, format!("flag --{name}")),
        (Some(ValueSource::EnvVariable), _) => {
            let variable = option.get_env().unwrap_or_default().display();
            (Layer::Variable, format!("variable {variable}"))
        }
        // Escaped, since a line feed in the name would end a comment.
        (_, Some(file)) if file.entries.contains_key(name) => {
            (Layer::File, format!("file {}", file.name.escape_debug()))
        }
        _ => (Layer::Default, "default".to_owned()),
    }
}

impl Settings {
    /// All values as a file that [`File::read`] takes, with their origins as comments.
    pub(super) fn print(&self) -> String {
        let mut text = "# All options of barewire, each with where its value came from:\n\
            # a flag, else a BAREWIRE_* variable, else the file, else the default.\n"
            .to_owned();
        let mut above = "";
        for setting in &self.list {
            if above != setting.heading {
                above = &setting.heading;
                let _ = writeln!(text, "\n# {above}");
            }
            // Whole numbers stand bare, all else as a string.
            let value = match setting.text.parse::<i64>() {
                Ok(number) if number.to_string() == setting.text => toml::Value::from(number),
                _ => toml::Value::from(setting.text.as_str()),
            };
            let entry = format!("{} = {value}", setting.name);
            let _ = writeln!(text, "{entry:<32} # {}", setting.origin);
        }
        text
    }

    /// The sentence about the value of this option, if it cannot be.
    pub(super) fn objection(&self, name: &str, reason: &str) -> String {
        let setting = self.list.iter().find(|setting| setting.name == name);
        let (text, origin) = setting.map_or(("", ""), |setting| (&setting.text, &setting.origin));
        format!("{name} is {text:?} ({origin}); {reason}")
    }
}

/// A configuration file that has been read: its options exist, their values are not yet judged.
pub(super) struct File {
    name: String,
    entries: toml::Table,
}

impl File {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// A sentence, if it cannot be read, is not TOML, or has a key that is no option.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the file {name} cannot be read: {error}"))?;
        Self::of(&text, name)
    }

    /// The same of a text, which errors call by this name.
    pub(super) fn of(text: &str, name: String) -> Result<Self, String> {
        let entries: toml::Table = toml::from_str(text).map_err(|error| {
            format!("the file {name} is not TOML: {}", error.to_string().trim())
        })?;
        let options = options();
        let known = options.get_arguments().filter_map(Arg::get_long);
        // Not `--config` and `--print-config`, which are no values.
        let known: Vec<_> = known.filter(|name| DEFAULTS.contains_key(*name)).collect();
        match entries.iter().find(|(key, _)| !known.contains(&&***key)) {
            None => Ok(Self { name, entries }),
            Some((key, toml::Value::Table(_))) => Err(format!(
                "[{key}] in {name} is a table; options stand at the top level"
            )),
            Some((key, _)) => Err(format!(
                "{key} in {name} is no option{} (`barewire --print-config` lists all)",
                hint(key, known)
            )),
        }
    }

    /// The command, with this file's values for its defaults. Numbers and booleans are as on the
    /// command line; of techniques there may be a list.
    pub(super) fn below(&self, command: Command) -> Command {
        let text = |value: &toml::Value| value.as_str().map_or(value.to_string(), str::to_owned);
        command.mut_args(|option| {
            let name = option.get_long().unwrap_or_default();
            let is_list = ["without", "with"].contains(&name);
            match self.entries.get(name) {
                None => option,
                Some(toml::Value::Array(list)) if is_list && list.is_empty() => {
                    option.default_value(selection::NONE)
                }
                Some(toml::Value::Array(list)) if is_list => {
                    option.default_values(list.iter().map(text))
                }
                Some(value) => option.default_value(text(value)),
            }
        })
    }
}

/// A warning for each variable that begins as ours do and is none.
pub(super) fn unknown_variables() -> Vec<String> {
    let options = options();
    let known = options
        .get_arguments()
        .filter_map(|option| option.get_env()?.to_str()?.strip_prefix(PREFIX));
    let known: Vec<_> = known.collect();
    let given = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = given.filter_map(|name| {
        let own = name.strip_prefix(PREFIX)?;
        // Compared without what all have in common, which would make any two alike.
        let hint = nearest(own, known.iter().copied());
        let hint = hint.map_or_else(String::new, |near| {
            format!("; the nearest is {PREFIX}{near}")
        });
        (!known.contains(&own)).then(|| format!("{name} is no option{hint}"))
    });
    unknown.collect()
}

/// What the name of a variable begins with.
pub(super) const PREFIX: &str = "BAREWIRE_";

/// The name that is most like `wrong`, as the end of a sentence; nothing, if none is like it.
pub(super) fn hint<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, names).map_or_else(String::new, |name| format!("; the nearest is {name}"))
}

fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &str| {
        strsim::normalized_damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase())
    };
    let rated = names.into_iter().map(|name| (likeness(name), name));
    let (likeness, name) = rated.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness > 0.7).then_some(name)
}

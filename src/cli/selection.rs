//! Which techniques were asked for: `--without`, `--with` and `--naive`, as text and in force.
//!
//! Invariant: nothing is asked for in two ways that contradict each other. A technique stands in
//! one of the two lists; `nodelay`, `backlog` and `linger` are one value with the options of these
//! names, however either was given. `--naive` contradicts nothing, since it names no technique.

use super::forms::Form;
use super::options::Section;
use super::setting::Setting;
use super::sources::{Chosen, Source, nearest};
use crate::config::Config;
use crate::techniques::{self, Form as Kind, Switch, Technique};

/// What stands for no technique at all, so that `--print-config` can say it.
pub(super) const NONE: &str = "none";

/// Techniques with the values that they shall have, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection(Vec<(&'static str, String)>);

/// Names of techniques with commas in between: `slab,short-read`, `spin=50`.
pub(super) struct Names {
    is_on: bool,
}

impl Names {
    /// Each gets the value that takes it away.
    pub(super) const OFF: Self = Self { is_on: false };
    /// Each gets the value that puts it in, or the one behind its name.
    pub(super) const ON: Self = Self { is_on: true };

    /// The techniques in `text`, or what is wrong with it.
    fn parse(&self, text: &str) -> Result<Selection, String> {
        let mut found = Selection::default();
        if text == NONE {
            return Ok(found);
        }
        for element in text.split(',').map(str::trim) {
            let (name, value) = self.element(element)?;
            let before = found.0.iter().find(|(known, _)| *known == name);
            match before.map(|(_, before)| *before == value) {
                Some(false) => return Err(format!("{name} stands there with two values")),
                Some(true) => {}
                None => found.0.push((name, value)),
            }
        }
        Ok(found)
    }

    fn element(&self, element: &str) -> Result<(&'static str, String), String> {
        let (name, value) = match element.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (element, None),
        };
        let technique = known(name)?;
        let switch = switch_of(technique)?;
        let value = match value {
            Some(_) if !self.is_on => return Err("a value belongs to --with".to_owned()),
            Some(value) => value,
            None if self.is_on => switch.on,
            None => switch.off,
        };
        let mut config = Config::default();
        if !switch.set(&mut config, value) {
            let allowed = switch.allowed();
            return Err(format!("allowed for {name}: {allowed}"));
        }
        // As it is shown: 064 is 64.
        Ok((technique.name, switch.get(&config)))
    }
}

impl Form for Names {
    type Value = Selection;

    fn read(&self, text: &str) -> Option<Selection> {
        self.parse(text).ok()
    }

    fn show(&self, value: &Selection) -> String {
        let named = value.0.iter().map(|(name, value)| {
            let switch = techniques::find(name).and_then(Technique::switch);
            match switch {
                Some(switch) if self.is_on && switch.on != value => format!("{name}={value}"),
                _ => (*name).to_owned(),
            }
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            NONE.to_owned()
        } else {
            named.join(",")
        }
    }

    fn allowed(&self) -> String {
        let element = if self.is_on {
            "names or name=value"
        } else {
            "names"
        };
        format!("{NONE}, or {element}, with commas; `barewire techniques` lists them")
    }

    fn placeholder(&self) -> String {
        "NAMES".to_owned()
    }

    fn objection(&self, text: &str) -> String {
        self.parse(text).err().unwrap_or_default()
    }
}

impl Selection {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }
}

/// The technique of this name.
///
/// # Errors
///
/// A sentence with the nearest one, if there is none.
pub(super) fn known(name: &str) -> Result<&'static Technique, String> {
    techniques::find(name).ok_or_else(|| {
        let names: Vec<_> = techniques::all().map(|technique| technique.name).collect();
        format!(
            "{name:?} is no technique; the nearest is {} (`barewire techniques` lists all)",
            nearest(name, &names)
        )
    })
}

fn switch_of(technique: &Technique) -> Result<&Switch, String> {
    match &technique.form {
        Kind::Switch(switch) => Ok(switch),
        Kind::Build(command) => Err(format!(
            "{} is decided by the build; to have it otherwise: {command}",
            technique.name
        )),
    }
}

/// Gives the techniques the values asked for.
///
/// # Errors
///
/// A sentence, if two things that were asked for contradict each other.
pub(super) fn apply(chosen: &mut Chosen, table: &[Section]) -> Result<(), String> {
    let (Some(naive), Some(without), Some(with)) = (
        setting(table, "naive"),
        setting(table, "without"),
        setting(table, "with"),
    ) else {
        return Ok(());
    };
    let (taken, put) = (chosen.values.without.clone(), chosen.values.with.clone());
    if let Some((name, _)) = put.0.iter().find(|(name, _)| taken.has(name)) {
        let [one, other] = [without, with].map(|setting| chosen.source(setting).place(setting));
        return Err(format!("{name} stands in {one} and in {other}"));
    }
    if chosen.values.naive {
        let is_named = |technique: &Technique| taken.has(technique.name) || put.has(technique.name);
        take_away_all(chosen, naive, table, is_named);
    }
    for (by, selection) in [(without, taken), (with, put)] {
        for (name, value) in selection.0 {
            give_one(chosen, by, setting(table, name), name, &value)?;
        }
    }
    Ok(())
}

fn setting<'a>(table: &'a [Section], name: &str) -> Option<&'a Setting> {
    let mut settings = table.iter().flat_map(|section| &section.settings);
    settings.find(|setting| setting.name == name)
}

/// Gives every technique its naive value: not those that are named, nor those whose own option
/// (`--nodelay`) was given in a place that is as strong.
fn take_away_all(
    chosen: &mut Chosen,
    naive: &Setting,
    table: &[Section],
    is_named: impl Fn(&Technique) -> bool,
) {
    let switches = techniques::switches().filter(|(_, switch)| !switch.is_demonstration);
    for (technique, switch) in switches.filter(|(technique, _)| !is_named(technique)) {
        let own = setting(table, technique.name);
        let by = chosen.source(naive).clone();
        if own.is_some_and(|own| chosen.source(own).is_as_strong_as(&by)) {
            continue;
        }
        // A switch takes its own naive value.
        let _ = switch.set(&mut chosen.values.config, switch.off);
        if let Some(own) = own {
            let origin = by.origin(naive);
            chosen.set_source(own, Source::Technique(origin));
        }
    }
}

/// Gives a technique that was named its value, unless its own option was given another one.
fn give_one(
    chosen: &mut Chosen,
    by: &Setting,
    own: Option<&Setting>,
    name: &str,
    value: &str,
) -> Result<(), String> {
    let Some(switch) = techniques::find(name).and_then(Technique::switch) else {
        return Ok(());
    };
    match own {
        Some(own) if *chosen.source(own) == Source::Default => {
            let origin = chosen.source(by).origin(by);
            chosen.set_source(own, Source::Technique(origin));
        }
        Some(own) if switch.get(&chosen.values.config) != value => {
            let [here, there] = [by, own].map(|setting| chosen.source(setting).place(setting));
            let shown = own.show(&chosen.values);
            return Err(format!(
                "{here} sets {name} to {value:?}, and {there} is {shown:?}; the two are one value"
            ));
        }
        _ => {}
    }
    // Judged when it was read.
    let _ = switch.set(&mut chosen.values.config, value);
    Ok(())
}

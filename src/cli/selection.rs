//! Which techniques were asked for: `--without`, `--with` and `--naive`, as text and in force.
//!
//! Invariant: nothing is asked for in two ways that contradict each other. `nodelay`, `backlog` and
//! `linger` are one value with the options of these names, however either was given. `--naive`
//! contradicts nothing, since it names no technique. It means those that
//! [`Technique::is_naive`] names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::settings::{Layer, Settings, hint};
use crate::techniques::{self, Form, Technique};

/// What stands for no technique at all, so that `--print-config` can say it.
pub(super) const NONE: &str = "none";

/// A name, or `name=value`, as a list of one pair of name and value; what is wrong with it, else.
pub(super) fn read(text: &str, is_on: bool) -> Result<Value, String> {
    if text == NONE {
        return Ok(json!([]));
    }
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let technique = known(name)?;
    let switch = match &technique.form {
        Form::Switch(switch) => switch,
        Form::Build(command) => {
            return Err(format!(
                "it is decided by the build; to have it otherwise: {command}"
            ));
        }
    };
    let shown = match value {
        Some(_) if !is_on => return Err("a value belongs to --with".to_owned()),
        Some(value) => switch.shown(value),
        None => Some(if is_on { switch.on } else { switch.off }.to_owned()),
    };
    let shown = shown.ok_or_else(|| format!("allowed for {name}: {}", switch.allowed()))?;
    Ok(json!([[name, shown]]))
}

/// The technique of this name; else that there is none, with the nearest.
pub(super) fn known(name: &str) -> Result<&'static Technique, String> {
    techniques::find(name).ok_or_else(|| {
        let hint = hint(name, techniques::all().map(|technique| technique.name));
        format!("{name:?} is no technique{hint} (`barewire techniques` lists all)")
    })
}

/// The pairs of name and value in what [`read`] returned.
pub(super) fn names(value: Value) -> Vec<Value> {
    serde_json::from_value(value).unwrap_or_default()
}

/// A name as [`read`] takes it.
pub(super) fn show(value: &Value) -> String {
    let name = value[0][0].as_str().unwrap_or(NONE);
    let value = value[0][1].as_str().unwrap_or_default();
    match techniques::find(name).and_then(Technique::switch) {
        Some(switch) if ![switch.on, switch.off].contains(&value) => format!("{name}={value}"),
        _ => name.to_owned(),
    }
}

/// By name of the technique: the value that it shall have, and who says so.
type Claims = BTreeMap<String, (String, String)>;

/// Gives the techniques the values asked for.
///
/// # Errors
///
/// A sentence, if two things that were asked for contradict each other.
pub(super) fn apply(settings: &mut Settings) -> Result<(), String> {
    let naive = settings.list.iter().find(|by| by.name == "naive").cloned();
    let naive = naive.filter(|_| settings.values["naive"] == true);
    let weakest = naive.as_ref().map_or(Layer::File, |naive| naive.layer);
    let mut claims = claims(settings, weakest)?;
    for (technique, switch) in techniques::switches() {
        let name = technique.name;
        let by_naive = naive.as_ref().filter(|_| technique.is_naive());
        let by_naive = by_naive.map(|naive| (switch.off.to_owned(), naive.origin.clone()));
        let Some((value, origin)) = claims.remove(name).or(by_naive) else {
            continue;
        };
        // Judged when it was read. What is no value of the technique is one of its option.
        let _ = switch.set(&mut settings.config, &value);
        if let Some(own) = settings.list.iter_mut().find(|own| own.name == name) {
            (own.text, own.origin) = (value, origin);
        }
    }
    Ok(())
}

/// What is claimed by name; by options that are techniques too, from layers as strong as `weakest`.
fn claims(settings: &Settings, weakest: Layer) -> Result<Claims, String> {
    let mut claims = Claims::new();
    for by in settings.list.iter().filter(|by| by.layer > Layer::Default) {
        let named = match by.name.as_str() {
            "with" | "without" => settings.values[&by.name].clone(),
            _ if by.layer < weakest => continue,
            name => json!([[name, by.text]]),
        };
        let named: Vec<(String, String)> = serde_json::from_value(named).unwrap_or_default();
        for (name, value) in named {
            let claim = (value, by.origin.clone());
            let (other, origin) = claims.entry(name.clone()).or_insert_with(|| claim.clone());
            let (value, by) = claim;
            if *other != value {
                return Err(format!(
                    "{name} cannot be both {other:?} ({origin}) and {value:?} ({by})"
                ));
            }
        }
    }
    Ok(claims)
}

//! Which techniques were asked for: `--without`, `--with` and `--naive`, as text and in force.
//!
//! Invariant: nothing is asked for in two ways that contradict each other. `nodelay`, `backlog` and
//! `linger` are one value with the options of these names, however either was given. `--naive`
//! contradicts nothing, since it names no technique.

use serde_json::{Value, json};

use super::settings::{Setting, Settings, Source, hint};
use crate::techniques::{self, Form, Technique};

/// What stands for no technique at all, so that `--print-config` can say it.
pub(super) const NONE: &str = "none";

/// That a technique shall have a value, and the option that says so.
struct Claim {
    name: String,
    value: String,
    by: Setting,
}

/// A name, or `name=value`, as a list of one pair of name and value; what is wrong with it, else.
pub(super) fn read(text: &str, is_on: bool) -> Result<Value, String> {
    if text == NONE {
        return Ok(json!([]));
    }
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let technique = techniques::find(name).ok_or_else(|| {
        let hint = hint(name, techniques::all().map(|technique| technique.name));
        format!("{name:?} is no technique{hint} (`barewire techniques` lists all)")
    })?;
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

/// Gives the techniques the values asked for.
///
/// # Errors
///
/// A sentence, if two things that were asked for contradict each other.
pub(super) fn apply(settings: &mut Settings) -> Result<(), String> {
    let mut claims = Vec::new();
    for by in settings
        .list
        .iter()
        .filter(|by| by.source > Source::Default)
    {
        let named = match by.name.as_str() {
            "with" | "without" => settings.values[&by.name].clone(),
            name => json!([[name, by.text]]),
        };
        let named: Vec<(String, String)> = serde_json::from_value(named).unwrap_or_default();
        let by = || by.clone();
        claims.extend(named.into_iter().map(|(name, value)| Claim {
            name,
            value,
            by: by(),
        }));
    }
    claims.retain(|claim| techniques::find(&claim.name).is_some());
    for (at, one) in claims.iter().enumerate() {
        let is_other = |other: &&Claim| other.name == one.name && other.value != one.value;
        if let Some(other) = claims[..at].iter().find(is_other) {
            return Err(format!(
                "{} cannot be both {:?} ({}) and {:?} ({})",
                one.name, other.value, other.by.origin, one.value, one.by.origin
            ));
        }
    }
    if settings.values["naive"] == true {
        take_away_all(settings, &mut claims);
    }
    // The first claim last: it is the one whose origin is told.
    for Claim { name, value, by } in claims.into_iter().rev() {
        if let Some(switch) = techniques::find(&name).and_then(Technique::switch) {
            // Judged when it was read. What is no value of the technique is one of its option.
            let _ = switch.set(&mut settings.config, &value);
        }
        if let Some(own) = settings.list.iter_mut().find(|own| own.name == name) {
            (own.text, own.origin) = (value, by.origin);
        }
    }
    Ok(())
}

/// Claims the naive value for every technique that is not named, or by its own option in a weaker
/// place than `--naive` only.
fn take_away_all(settings: &Settings, claims: &mut Vec<Claim>) {
    let Some(by) = settings.list.iter().find(|by| by.name == "naive") else {
        return;
    };
    claims.retain(|claim| claim.by.source >= by.source || claim.by.name != claim.name);
    for (technique, switch) in techniques::switches().filter(|(_, switch)| !switch.is_demonstration)
    {
        if claims.iter().all(|claim| claim.name != technique.name) {
            claims.push(Claim {
                name: technique.name.to_owned(),
                value: switch.off.to_owned(),
                by: by.clone(),
            });
        }
    }
}

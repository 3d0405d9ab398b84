//! Names and values, as they are asked for, made into a set; or why not.

use super::Control;
use crate::duel::{Control as Test, Set};
use crate::http::{Response, Status};
use crate::techniques::{self, Change};

impl Control {
    /// A set with one technique, or one switch of the handler, changed.
    pub(super) fn changed(&self, set: &Set, name: &str, value: &str) -> Result<Set, Response> {
        let mut set = set.clone();
        let own = self
            .live
            .switches
            .iter()
            .position(|switch| switch.name == name);
        if let Some(at) = own {
            let values = self.live.switches[at].values;
            let found = values.iter().position(|allowed| *allowed == value);
            // The first value stands for "off", whatever it is called.
            let found = found.or((value == "off").then_some(0));
            set.switches[at] =
                found.ok_or_else(|| refused_value(name, value, &values.join("|")))?;
            return Ok(set);
        }
        let technique = techniques::find(name).ok_or_else(|| self.unknown(name))?;
        let Some(switch) = technique.switch().filter(|switch| switch.is_live()) else {
            let sentence = match technique.switch() {
                Some(_) => format!(
                    "{name} needs new sockets or threads, so it cannot change while the server \
                     runs; start another one with --without {name}"
                ),
                None => {
                    format!("{name} is decided by the build; `barewire explain {name}` says how")
                }
            };
            return Err(Response::error(Status::CONFLICT, sentence));
        };
        let value = match value {
            "on" if switch.is_on_by_default() => switch.default_value(),
            "on" => switch.on.to_owned(),
            "off" => switch.off.to_owned(),
            other => other.to_owned(),
        };
        let mut config = self.config.clone();
        config.techniques = set.techniques;
        if !switch.set(&mut config, &value) {
            return Err(refused_value(
                name,
                &value,
                &format!("on|off|{}", switch.allowed()),
            ));
        }
        let started = switch.get(&self.config);
        if switch.change == Change::Ends && ![&started, switch.off].contains(&value.as_str()) {
            let sentence = format!(
                "while the server runs {name} is {started}, as it was started, or {}",
                switch.off
            );
            return Err(Response::error(Status::CONFLICT, sentence));
        }
        set.techniques = config.techniques;
        Ok(set)
    }

    /// A set with all changed that a list names, as in `register-once,spin=50`. A name alone gets
    /// the value `alone`.
    pub(super) fn all_changed(&self, set: &Set, list: &str, alone: &str) -> Result<Set, Response> {
        let mut set = set.clone();
        for item in list.split(',').filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').unwrap_or((item, alone));
            set = self.changed(&set, name, value)?;
        }
        Ok(set)
    }

    /// A set with everything that `--naive` takes away done naively, as far as it can change.
    pub(super) fn naive(&self, set: &Set) -> Result<Set, Response> {
        let live = techniques::switches()
            .filter(|(technique, switch)| technique.is_naive() && switch.is_live());
        let mut set = set.clone();
        for (technique, _) in live {
            set = self.changed(&set, technique.name, "off")?;
        }
        Ok(set)
    }

    fn unknown(&self, name: &str) -> Response {
        let own = self.live.switches.iter().map(|switch| switch.name);
        let live = techniques::switches().filter(|(_, switch)| switch.is_live());
        let names: Vec<_> = live
            .map(|(technique, _)| technique.name)
            .chain(own)
            .collect();
        let shown: String = name.chars().take(40).collect();
        let names = names.join(", ");
        let sentence =
            format!("there is no technique '{shown}'; those that can change are {names}");
        Response::error(Status::NOT_FOUND, sentence)
    }
}

/// The same set with a control in it.
pub(super) fn with_control(set: &Set, control: Test) -> Set {
    Set {
        control,
        ..set.clone()
    }
}

fn refused_value(name: &str, value: &str, allowed: &str) -> Response {
    let shown: String = value.chars().take(40).collect();
    let sentence = format!("{name} cannot be '{shown}'; allowed: {allowed}");
    Response::error(Status::BAD_REQUEST, sentence)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::duel::Live;

    #[test]
    fn naive_is_what_the_option_takes_away_as_far_as_it_can_change() {
        let config = Config::default();
        let live = Arc::new(Live::new(&config.techniques, Vec::new(), 0));
        let control = Control::new(Arc::clone(&live), &config, Vec::new());
        let standing = Set::clone(&live.state().standing);
        let Ok(naive) = control.naive(&standing) else {
            panic!("it is refused");
        };
        let (mut before, mut after) = (config.clone(), config);
        before.techniques = standing.techniques;
        after.techniques = naive.techniques;
        for (technique, switch) in techniques::switches() {
            let expected = if technique.is_naive() && switch.is_live() {
                switch.off.to_owned()
            } else {
                switch.get(&before)
            };
            assert_eq!(switch.get(&after), expected, "{}", technique.name);
        }
        assert!(naive.techniques.uninit_reads && !naive.techniques.register_once);
    }
}

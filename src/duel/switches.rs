//! Switches that are no technique of the server: those of a user's own handler, and those that test
//! the instrument.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};

/// A switch of a user's own handler, which reads the atomic where it decides.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Its name.
    pub name: &'static str,
    /// What it may be, the first being "off".
    pub values: &'static [&'static str],
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Flag(&'static AtomicBool),
    Choice(&'static AtomicUsize),
}

/// What tests the instrument itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// Nothing.
    #[default]
    None,
    /// All that a change does is done, though nothing changes.
    Null,
    /// Each request does so many steps of nothing more.
    Cost(u32),
}

/// The control that is in force, as handlers see it: the cost of a request, in steps.
#[derive(Debug, Default)]
pub struct ControlCell(AtomicU32);

impl ControlCell {
    /// Another one is in force.
    pub fn set(&self, control: Control) {
        let steps = match control {
            Control::Cost(steps) => steps,
            Control::None | Control::Null => 0,
        };
        self.0.store(steps, Relaxed);
    }

    /// Does the steps of a request, if there are any.
    #[inline]
    pub fn pay(&self) {
        let steps = self.0.load(Relaxed);
        if steps > 0 {
            spin(steps);
        }
    }
}

/// Steps of nothing, one after the other: each needs the one before.
#[inline(never)]
pub fn spin(steps: u32) {
    let mut number = std::hint::black_box(steps);
    for _ in 0..steps {
        number = std::hint::black_box(number.wrapping_mul(0x9e37_79b1));
    }
}

impl Switch {
    /// On or off.
    #[must_use]
    pub fn flag(name: &'static str, place: &'static AtomicBool) -> Self {
        Self {
            name,
            values: &["off", "on"],
            place: Place::Flag(place),
        }
    }

    /// One of several values; the atomic is the number of the one that holds.
    #[must_use]
    pub fn choice(
        name: &'static str,
        place: &'static AtomicUsize,
        values: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            values,
            place: Place::Choice(place),
        }
    }

    /// The number of the value that holds.
    pub fn get(&self) -> usize {
        match self.place {
            Place::Flag(flag) => usize::from(flag.load(Relaxed)),
            Place::Choice(choice) => choice.load(Relaxed),
        }
    }

    /// Another value holds from now on.
    pub fn set(&self, value: usize) {
        match self.place {
            Place::Flag(flag) => flag.store(value != 0, Relaxed),
            Place::Choice(choice) => choice.store(value, Relaxed),
        }
    }
}

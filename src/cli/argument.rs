//! What makes an option of one of clap's arguments: a flag and a variable of its name, its default,
//! and values that are judged but never refused.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Arg, ArgAction};
use serde_json::Value;

use super::{selection, settings};
use crate::config::Kind;

/// A value as somebody wrote it, and what became of it.
#[derive(Clone)]
pub(super) struct Judged {
    /// As it is shown; what is wrong, as it stands there.
    pub(super) text: String,
    /// The value as serde has it, or what to say of it.
    pub(super) value: Result<Value, String>,
}

/// What clap's arguments can do in addition.
pub(super) trait Argument {
    /// The option of this name, with values of this kind.
    fn kind(self, kind: Kind) -> Self;

    /// The option of this name, with names of techniques; to put them in, or to take them away.
    fn names(self, is_on: bool) -> Self;

    /// The flag alone, without a value, means `on`.
    fn bare(self) -> Self;
}

impl Argument for Arg {
    fn kind(self, kind: Kind) -> Self {
        let (allowed, shower) = (kind.allowed(), kind.clone());
        option(
            self,
            allowed,
            move |text| kind.read(text),
            move |value| shower.show(value),
        )
    }

    fn names(self, is_on: bool) -> Self {
        let allowed = if is_on {
            "none|NAME[=VALUE],.."
        } else {
            "none|NAME,.."
        };
        let read = move |text: &str| selection::read(text, is_on);
        option(self, allowed.to_owned(), read, selection::show)
            .action(ArgAction::Append)
            .value_delimiter(',')
    }

    fn bare(self) -> Self {
        self.num_args(0..=1)
            .require_equals(true)
            .default_missing_value("on")
    }
}

/// What all options have in common.
fn option(
    option: Arg,
    allowed: String,
    read: impl Fn(&str) -> Result<Value, String> + Clone + Send + Sync + 'static,
    show: impl Fn(&Value) -> String + Clone + Send + Sync + 'static,
) -> Arg {
    let name = option.get_id().as_str().replace('_', "-");
    let variable = format!(
        "{}{}",
        settings::PREFIX,
        option.get_id().as_str().to_uppercase()
    );
    let default = settings::DEFAULTS.get(&name).map(&show);
    let judge = move |given: OsString| {
        // What is not Unicode is never allowed: it could not be printed as TOML either.
        let value = read(given.to_str().unwrap_or_default());
        let given = given.to_string_lossy();
        let text = value.as_ref().map_or_else(|_| given.into_owned(), &show);
        Judged { text, value }
    };
    option
        .long(name)
        .env(variable)
        .hide_env(true)
        .required(false)
        .default_value(default.unwrap_or_default())
        .value_name(allowed)
        // `--port -1` is a wrong value and not an unknown flag.
        .allow_negative_numbers(true)
        // Nothing is refused here: clap could not say which variable or file it came from.
        .value_parser(OsStringValueParser::new().map(judge))
}

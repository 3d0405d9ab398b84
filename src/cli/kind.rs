//! The kinds of values: how each is written, on a flag, in a variable and in the file, and which
//! are allowed.
//!
//! Invariant: for every value allowed, reading what was shown gives the value back. A kind knows
//! its range and nothing of the option it belongs to.

use std::ffi::OsString;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Arg, ArgAction};
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ubyte::ByteUnit;

use super::selection;
use super::settings::{self, Values};

/// Made once: there are three commands with options.
static DEFAULTS: LazyLock<Values> = LazyLock::new(settings::defaults);

/// What an option takes.
#[derive(Clone)]
pub(super) enum Kind {
    /// A whole number: `4096`.
    Whole(RangeInclusive<usize>),
    /// A number of bytes: `8KiB`, `1MiB`, or `8192`.
    Size(RangeInclusive<usize>),
    /// A time with its unit: `250ms`, `10s`, `2min`.
    Time(RangeInclusive<Duration>),
    /// `on` or `off`; `true` and `false` are read too, since TOML has them.
    OnOff,
    /// One of a few words.
    Words(&'static [&'static str]),
    /// An address or a name. Whether the name exists turns out when it is looked up, at start.
    Host,
    /// A directory that exists.
    Directory,
    /// Techniques to take away: `slab,short-read`.
    Without,
    /// Techniques to put in: `slab,spin=50`.
    With,
    /// A word for "none", or a value of another kind: `auto`, `off`.
    Or(&'static str, Box<Kind>),
}

/// A value as somebody wrote it, and what became of it.
#[derive(Clone)]
pub(super) struct Judged {
    /// The value as [`Kind::show`] shows it; what is wrong, as it stands there.
    pub(super) text: String,
    /// The value as serde has it, or what to say of it.
    pub(super) value: Result<Value, String>,
}

/// What makes clap's argument an option.
pub(super) trait Judging {
    /// The flag and the variable of this name, with values of this kind.
    fn kind(self, kind: Kind) -> Self;

    /// The flag alone, without a value, means `on`.
    fn bare(self) -> Self;
}

impl Judging for Arg {
    fn kind(self, kind: Kind) -> Self {
        let name = self.get_id().as_str().replace('_', "-");
        let variable = format!("BAREWIRE_{}", self.get_id().as_str().to_uppercase());
        let default = DEFAULTS.get(&name).map(|value| kind.show(value));
        let option = self
            .long(name)
            .env(variable)
            .hide_env(true)
            .required(false)
            .default_value(default.unwrap_or_default())
            .value_name(kind.allowed())
            // `--port -1` is a wrong value and not an unknown flag.
            .allow_negative_numbers(true);
        let option = match kind {
            Kind::Without | Kind::With => option.action(ArgAction::Append).value_delimiter(','),
            _ => option,
        };
        // Nothing is refused here: clap could not say which variable or file it came from.
        option.value_parser(OsStringValueParser::new().map(move |text| kind.judge(&text)))
    }

    fn bare(self) -> Self {
        self.num_args(0..=1)
            .require_equals(true)
            .default_missing_value("on")
    }
}

impl Kind {
    /// This kind, and a word that stands for none.
    pub(super) fn or(self, word: &'static str) -> Self {
        Self::Or(word, Box::new(self))
    }

    fn judge(&self, text: &OsString) -> Judged {
        // What is not Unicode is never allowed: it could not be printed as TOML either.
        let value = self.read(text.to_str().unwrap_or_default());
        let given = || text.to_string_lossy().into_owned();
        let text = value
            .as_ref()
            .map_or_else(|_| given(), |value| self.show(value));
        Judged { text, value }
    }

    /// The value that `text` stands for, or what to say of it.
    fn read(&self, text: &str) -> Result<Value, String> {
        let value = match self {
            Self::Without => return selection::read(text, false),
            Self::With => return selection::read(text, true),
            Self::Or(word, _) if text == *word => Some(Value::Null),
            Self::Or(_, kind) => kind.read(text).ok(),
            Self::Whole(range) => within(range, text.parse().ok()),
            Self::Size(range) => within(range, size(text)),
            Self::Time(range) => within(range, time(text)),
            Self::OnOff => match text {
                "on" | "true" => Some(Value::Bool(true)),
                "off" | "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Words(words) => words.contains(&text).then(|| text.into()),
            Self::Host => host(text).map(Value::from),
            Self::Directory => Path::new(text).is_dir().then(|| text.into()),
        };
        value.ok_or_else(|| format!("allowed: {}", self.allowed()))
    }

    /// The value as text that [`read`](Self::read) takes.
    fn show(&self, value: &Value) -> String {
        match (self, value) {
            (Self::Or(word, _), Value::Null) => (*word).to_owned(),
            (Self::Or(_, kind), _) => kind.show(value),
            (Self::Without | Self::With, _) => selection::show(value),
            (_, Value::Bool(is_on)) => if *is_on { "on" } else { "off" }.to_owned(),
            (_, Value::String(text)) => text.clone(),
            (Self::Size(_), _) => read_back(value).map_or_else(String::new, shown_size),
            (Self::Time(_), _) => read_back(value).map_or_else(String::new, shown_time),
            _ => value.to_string(),
        }
    }

    /// What is allowed, as the help has it in place of the value.
    fn allowed(&self) -> String {
        match self {
            Self::Whole(range) => format!("{} to {}", range.start(), range.end()),
            Self::Size(range) => {
                let (start, end) = (shown_size(*range.start()), shown_size(*range.end()));
                format!("{start} to {end}")
            }
            Self::Time(range) => {
                let (start, end) = (shown_time(*range.start()), shown_time(*range.end()));
                format!("{start} to {end}")
            }
            Self::OnOff => "on|off".to_owned(),
            Self::Words(words) => words.join("|"),
            Self::Host => "address or name".to_owned(),
            Self::Directory => "directory that exists".to_owned(),
            Self::Without => "none|NAME,..".to_owned(),
            Self::With => "none|NAME[=VALUE],..".to_owned(),
            Self::Or(word, kind) => format!("{word}|{}", kind.allowed()),
        }
    }
}

fn within<T: PartialOrd + Serialize>(range: &RangeInclusive<T>, value: Option<T>) -> Option<Value> {
    let value = value.filter(|value| range.contains(value));
    serde_json::to_value(value?).ok()
}

fn read_back<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn size(text: &str) -> Option<usize> {
    text.parse::<ByteUnit>().ok()?.as_u64().try_into().ok()
}

/// In the largest unit that divides it; as bytes, where the unit would be rounded.
pub(super) fn shown_size(bytes: usize) -> String {
    let text = ByteUnit::from(bytes).to_string();
    if text.contains('.') {
        bytes.to_string()
    } else {
        text
    }
}

/// Zero is the same in every unit and needs none.
fn time(text: &str) -> Option<Duration> {
    let text = if text == "0" { "0s" } else { text };
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

fn shown_time(time: Duration) -> String {
    // Far below the limit of the conversion, i64::MAX seconds.
    format!("{:#}", SignedDuration::try_from(time).unwrap_or_default())
}

/// Brackets belong to the URL (RFC 3986 section 3.2.2), but are easily copied from there. A last
/// label of digits makes it an address, and one that `IpAddr` did not take.
fn host(text: &str) -> Option<&str> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host = bare.unwrap_or(text);
    let is_label = |label: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !label.is_empty() && label.bytes().all(is_part)
    };
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let is_name = bare.is_none()
        && labels.clone().all(is_label)
        && labels
            .next_back()
            .is_some_and(|last| last.parse::<u64>().is_err());
    (host.parse::<IpAddr>().is_ok() || is_name).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KIB, MIB};
    use proptest::prelude::*;

    const GIB: usize = 1024 * MIB;

    /// What each of these texts is read and shown as; nothing, if it is not allowed.
    fn shown<const N: usize>(kind: &Kind, texts: [&str; N]) -> [Option<String>; N] {
        texts.map(|text| kind.read(text).ok().map(|value| kind.show(&value)))
    }

    #[track_caller]
    fn none_is_allowed(kind: &Kind, texts: &[&str]) {
        for text in texts {
            assert!(kind.read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn whole_numbers_are_in_range() {
        let kind = Kind::Whole(1..=1024);
        assert_eq!(kind.read("1"), Ok(1.into()));
        assert_eq!(kind.read("1024"), Ok(1024.into()));
        none_is_allowed(
            &kind,
            &[
                "0",
                "1025",
                "-1",
                "",
                " 1",
                "1 ",
                "1.0",
                "99999999999999999999",
            ],
        );
    }

    #[test]
    fn sizes_are_bytes_or_carry_a_unit() {
        let kind = Kind::Size(KIB..=GIB);
        for (text, bytes) in [
            ("1024", KIB),
            ("16KiB", 16 * KIB),
            ("1MiB", MIB),
            ("1GiB", GIB),
            ("8kB", 8000),
        ] {
            assert_eq!(kind.read(text), Ok(bytes.into()), "{text:?}");
        }
        none_is_allowed(
            &kind,
            &["1023", "2GiB", "1M", "KiB", "-1KiB", "99999999999GiB"],
        );
        let shown = shown(&kind, ["8192", "8000", "1025"]);
        assert_eq!(
            shown,
            ["8KiB", "8kB", "1025"].map(|text| Some(text.to_owned()))
        );
    }

    #[test]
    fn times_carry_a_unit() {
        let kind = Kind::Time(Duration::from_millis(1)..=Duration::from_hours(1));
        let shown = shown(&kind, ["250ms", "10s", "120s", "1500ms"]);
        let expected = ["250ms", "10s", "2m", "1s 500ms"];
        assert_eq!(shown, expected.map(|text| Some(text.to_owned())));
        none_is_allowed(
            &kind,
            &[
                "10",
                "0",
                "0s",
                "-1s",
                "61min",
                "10 parsecs",
                "",
                "s",
                "1ns",
                "10s ago",
            ],
        );
        let from_zero = Kind::Time(Duration::ZERO..=Duration::from_hours(1));
        assert_eq!(from_zero.show(&from_zero.read("0").unwrap()), "0s");
    }

    #[test]
    fn hosts_are_addresses_or_names() {
        for (text, host) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("localhost", "localhost"),
            ("my_host.example.", "my_host.example."),
        ] {
            assert_eq!(Kind::Host.read(text), Ok(host.into()));
        }
        none_is_allowed(
            &Kind::Host,
            &[
                "",
                "a:80",
                "http://a",
                "a b",
                "1.2.3",
                "300.1.1.1",
                "[a]",
                "a..b",
                "[::1",
            ],
        );
    }

    #[test]
    fn a_word_stands_for_none() {
        let kind = Kind::Size(KIB..=MIB).or("auto");
        assert_eq!(kind.read("auto"), Ok(Value::Null));
        assert_eq!(kind.read("2KiB"), Ok((2 * KIB).into()));
        assert_eq!(kind.read("1"), Err("allowed: auto|1KiB to 1MiB".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same_value(bytes in 0..=GIB, millis in 0_u64..=3_600_000) {
            let size = Kind::Size(0..=GIB);
            let value = Value::from(bytes);
            prop_assert_eq!(size.read(&size.show(&value)), Ok(value));
            let time = Kind::Time(Duration::ZERO..=Duration::from_hours(1));
            let value = serde_json::to_value(Duration::from_millis(millis)).unwrap();
            prop_assert_eq!(time.read(&time.show(&value)), Ok(value));
        }

        #[test]
        fn no_text_makes_a_kind_panic(text in ".*") {
            for kind in [
                Kind::Size(0..=GIB),
                Kind::Time(Duration::ZERO..=Duration::from_hours(1)),
                Kind::Host,
                Kind::Whole(0..=9),
                Kind::With,
            ] {
                let _ = kind.read(&text);
            }
        }
    }
}

//! The kinds of values: how each is written, on the command line, in the environment and in a file,
//! and which are allowed.
//!
//! Invariant: for every value allowed, reading what was shown gives the value back. A kind knows
//! its range and nothing of the field that it belongs to; a value is what serde makes of the field.
//!
//! Absent on purpose: `kB` and `MB`. Half of their readers take them for powers of ten, the other
//! half for powers of two.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{KIB, MIB};

/// Units of sizes; the first that divides a size shows it.
const UNITS: [(&str, usize); 3] = [("GiB", 1024 * MIB), ("MiB", MIB), ("KiB", KIB)];

/// What an option or a technique takes.
#[derive(Clone, Debug)]
pub enum Kind {
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
    /// An address or a name, and a port: `127.0.0.1:9090`.
    Address,
    /// Several of a few words, with commas.
    List(Vec<&'static str>),
    /// A directory. Whether it exists is checked with the machine at hand, not here.
    Directory,
    /// A word for "none", or a value of another kind: `auto`, `off`.
    Or(&'static str, Box<Kind>),
}

impl Kind {
    /// This kind, and a word that stands for none.
    #[must_use]
    pub fn or(self, word: &'static str) -> Self {
        Self::Or(word, Box::new(self))
    }

    /// The value that `text` stands for.
    ///
    /// # Errors
    ///
    /// What is allowed, if `text` is not.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let value = match self {
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
            Self::Address => address(text).then(|| text.into()),
            Self::List(words) => text
                .split(',')
                .all(|word| words.contains(&word))
                .then(|| text.into()),
            Self::Directory => (!text.is_empty()).then(|| text.into()),
        };
        value.ok_or_else(|| format!("allowed: {}", self.allowed()))
    }

    /// The value as text that [`read`](Self::read) takes.
    pub fn show(&self, value: &Value) -> String {
        match (self, value) {
            (Self::Or(word, _), Value::Null) => (*word).to_owned(),
            (Self::Or(_, kind), _) => kind.show(value),
            (_, Value::Bool(is_on)) => if *is_on { "on" } else { "off" }.to_owned(),
            (_, Value::String(text)) => text.clone(),
            (Self::Size(_), _) => read_back(value).map_or_else(String::new, shown_size),
            (Self::Time(_), _) => read_back(value).map_or_else(String::new, shown_time),
            _ => value.to_string(),
        }
    }

    /// What is allowed, as the help has it in place of the value.
    pub fn allowed(&self) -> String {
        match self {
            Self::Whole(range) => format!("{} to {}", range.start(), range.end()),
            Self::Size(range) => ends(range, shown_size),
            Self::Time(range) => ends(range, shown_time),
            Self::OnOff => "on|off".to_owned(),
            Self::Words(words) => words.join("|"),
            Self::Host => "address or name".to_owned(),
            Self::Address => "HOST:PORT".to_owned(),
            Self::List(words) => format!("{}, with commas", words.join("|")),
            Self::Directory => "directory that exists".to_owned(),
            Self::Or(word, kind) => format!("{word}|{}", kind.allowed()),
        }
    }
}

fn ends<T: Copy>(range: &RangeInclusive<T>, show: fn(T) -> String) -> String {
    match (show(*range.start()), show(*range.end())) {
        (start, end) if start == end => start,
        (start, end) => format!("{start} to {end}"),
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
    let unit = UNITS.into_iter().find(|(name, _)| text.ends_with(name));
    let (name, bytes) = unit.unwrap_or(("", 1));
    text.strip_suffix(name)?
        .parse::<usize>()
        .ok()?
        .checked_mul(bytes)
}

/// A number of bytes as [`Kind::Size`] shows it.
pub fn shown_size(bytes: usize) -> String {
    let divides = |(_, unit): &(&str, usize)| bytes > 0 && bytes.is_multiple_of(*unit);
    match UNITS.into_iter().find(divides) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
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
fn address(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(name, port)| host(name).is_some() && port.parse::<u16>().is_ok())
}

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
        ] {
            assert_eq!(kind.read(text), Ok(bytes.into()), "{text:?}");
        }
        none_is_allowed(
            &kind,
            &[
                "1023",
                "2GiB",
                "1M",
                "KiB",
                "-1KiB",
                "8kB",
                "1.5MiB",
                "99999999999GiB",
            ],
        );
        let shown = shown(&kind, ["8192", "8000", "1025"]);
        assert_eq!(
            shown,
            ["8KiB", "8000", "1025"].map(|text| Some(text.to_owned()))
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
            ] {
                let _ = kind.read(&text);
            }
        }
    }
}

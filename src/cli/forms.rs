//! The forms in which values are written down: the same on a flag, in a variable and in the file.
//!
//! Invariant: for every value in range, reading what was shown gives the value back. A form knows
//! its range and nothing of the option it belongs to.
//!
//! Absent on purpose: `kB` and `MB`. Half of their readers take them for powers of ten, the other
//! half for powers of two.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use crate::config::{KIB, MIB};

/// One gibibyte, in bytes.
pub(super) const GIB: usize = 1024 * MIB;

/// A way to write a value down.
pub(super) trait Form {
    /// What is written down.
    type Value;

    /// The value that `text` stands for; `None` if it is not allowed.
    fn read(&self, text: &str) -> Option<Self::Value>;

    /// Text that [`read`](Form::read) takes for `value`.
    fn show(&self, value: &Self::Value) -> String;

    /// What is allowed, in words.
    fn allowed(&self) -> String;

    /// What stands for the value in the help.
    fn placeholder(&self) -> String;

    /// What to say of text that is not allowed.
    fn objection(&self, _text: &str) -> String {
        format!("allowed: {}", self.allowed())
    }
}

/// A whole number: `4096`.
pub(super) struct Whole<T>(pub(super) RangeInclusive<T>);

impl<T: Copy + Display + FromStr + PartialOrd> Form for Whole<T> {
    type Value = T;

    fn read(&self, text: &str) -> Option<T> {
        digits(text).filter(|number| self.0.contains(number))
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.0.start(), self.0.end())
    }

    fn placeholder(&self) -> String {
        "N".to_owned()
    }
}

/// A number of bytes: `8KiB`, `1MiB`, or `8192`.
pub(super) struct Size(pub(super) RangeInclusive<usize>);

impl Size {
    /// Units by size; the first that divides a value shows it.
    const UNITS: [(&str, usize); 3] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)];
}

impl Form for Size {
    type Value = usize;

    fn read(&self, text: &str) -> Option<usize> {
        let (number, unit) = Self::UNITS
            .iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
            .unwrap_or((text, 1));
        let bytes = digits::<usize>(number)?.checked_mul(unit)?;
        self.0.contains(&bytes).then_some(bytes)
    }

    fn show(&self, value: &usize) -> String {
        Self::UNITS
            .iter()
            .find(|(_, unit)| *value > 0 && value.is_multiple_of(*unit))
            .map_or_else(
                || value.to_string(),
                |(name, unit)| format!("{}{name}", value / unit),
            )
    }

    fn allowed(&self) -> String {
        let (start, end) = (self.show(self.0.start()), self.show(self.0.end()));
        format!("{start} to {end}, as bytes or with KiB, MiB or GiB")
    }

    fn placeholder(&self) -> String {
        "SIZE".to_owned()
    }
}

/// A span of time with its unit: `250ms`, `10s`, `2min`. Zero is the same in every unit and needs
/// none.
pub(super) struct Span(pub(super) RangeInclusive<Duration>);

impl Form for Span {
    type Value = Duration;

    fn read(&self, text: &str) -> Option<Duration> {
        let text = if text == "0" { "0s" } else { text };
        let span = Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()?;
        self.0.contains(&span).then_some(span)
    }

    fn show(&self, value: &Duration) -> String {
        // In range and therefore far below the limit of the conversion, i64::MAX seconds.
        SignedDuration::try_from(*value).map_or_else(
            |_| format!("{}s", value.as_secs()),
            |span| format!("{span:#}"),
        )
    }

    fn allowed(&self) -> String {
        let (start, end) = (self.show(self.0.start()), self.show(self.0.end()));
        format!("{start} to {end}, with a unit (250ms, 10s, 2min)")
    }

    fn placeholder(&self) -> String {
        "TIME".to_owned()
    }
}

/// A span of whole seconds, for what the kernel counts in seconds.
pub(super) struct WholeSeconds(pub(super) RangeInclusive<u64>);

impl Form for WholeSeconds {
    type Value = Duration;

    fn read(&self, text: &str) -> Option<Duration> {
        let (start, end) = (*self.0.start(), *self.0.end());
        Span(Duration::from_secs(start)..=Duration::from_secs(end))
            .read(text)
            .filter(|span| span.subsec_nanos() == 0)
    }

    fn show(&self, value: &Duration) -> String {
        format!("{}s", value.as_secs())
    }

    fn allowed(&self) -> String {
        format!(
            "whole seconds from {}s to {}s",
            self.0.start(),
            self.0.end()
        )
    }

    fn placeholder(&self) -> String {
        "TIME".to_owned()
    }
}

/// `on` or `off`; `true` and `false` are read too, since TOML has them.
pub(super) struct Switch;

impl Form for Switch {
    type Value = bool;

    fn read(&self, text: &str) -> Option<bool> {
        match text {
            "on" | "true" => Some(true),
            "off" | "false" => Some(false),
            _ => None,
        }
    }

    fn show(&self, value: &bool) -> String {
        if *value { "on" } else { "off" }.to_owned()
    }

    fn allowed(&self) -> String {
        "on or off".to_owned()
    }

    fn placeholder(&self) -> String {
        "on|off".to_owned()
    }
}

/// One of a few words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Choice<T> {
    fn words(&self, between: &str) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
        words.join(between)
    }
}

impl<T: Copy + PartialEq> Form for Choice<T> {
    type Value = T;

    fn read(&self, text: &str) -> Option<T> {
        let (_, value) = self.0.iter().find(|(word, _)| *word == text)?;
        Some(*value)
    }

    fn show(&self, value: &T) -> String {
        let found = self.0.iter().find(|(_, known)| known == value);
        found.map_or_else(String::new, |(word, _)| (*word).to_owned())
    }

    fn allowed(&self) -> String {
        self.words(", ")
    }

    fn placeholder(&self) -> String {
        self.words("|")
    }
}

/// A word for "none", or a value of another form: `auto`, `off`.
pub(super) struct Or<F>(pub(super) &'static str, pub(super) F);

impl<F: Form> Form for Or<F> {
    type Value = Option<F::Value>;

    fn read(&self, text: &str) -> Option<Option<F::Value>> {
        if text == self.0 {
            return Some(None);
        }
        self.1.read(text).map(Some)
    }

    fn show(&self, value: &Option<F::Value>) -> String {
        value
            .as_ref()
            .map_or_else(|| self.0.to_owned(), |value| self.1.show(value))
    }

    fn allowed(&self) -> String {
        format!("{}, or {}", self.0, self.1.allowed())
    }

    fn placeholder(&self) -> String {
        format!("{}|{}", self.0, self.1.placeholder())
    }
}

/// An address or a name. Whether the name exists turns out when it is looked up, at start.
pub(super) struct Host;

impl Form for Host {
    type Value = String;

    fn read(&self, text: &str) -> Option<String> {
        // Brackets belong to the URL (RFC 3986 section 3.2.2), but are easily copied from there.
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = bare.unwrap_or(text);
        let valid = host.parse::<IpAddr>().is_ok() || (bare.is_none() && is_name(host));
        valid.then(|| host.to_owned())
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }

    fn allowed(&self) -> String {
        "an IPv4 address, an IPv6 address or a name, without a port".to_owned()
    }

    fn placeholder(&self) -> String {
        "HOST".to_owned()
    }
}

/// A directory. Whether it exists is checked with the machine at hand, not here.
pub(super) struct Directory;

impl Form for Directory {
    type Value = PathBuf;

    fn read(&self, text: &str) -> Option<PathBuf> {
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    fn show(&self, value: &PathBuf) -> String {
        value.display().to_string()
    }

    fn allowed(&self) -> String {
        "a directory that exists".to_owned()
    }

    fn placeholder(&self) -> String {
        "DIR".to_owned()
    }
}

/// A number of digits only: `parse` alone would take `+5`.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| only_digits)
}

/// A host name (RFC 1123 section 2.1, with the underscore that container networks use). A last
/// label of digits makes it an address, and one that `IpAddr` did not take.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.bytes();
        (1..=63).contains(&label.len())
            && bytes
                .into_iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(label) && digits::<u64>(last).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MILLISECOND: Duration = Duration::from_millis(1);
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn whole_numbers_are_digits_in_range() {
        let form = Whole(1..=1024_usize);
        assert_eq!(form.read("1"), Some(1));
        assert_eq!(form.read("1024"), Some(1024));
        for wrong in [
            "0",
            "1025",
            "+5",
            "-1",
            "",
            " 1",
            "1 ",
            "1.0",
            "99999999999999999999",
        ] {
            assert_eq!(form.read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_carry_a_binary_unit() {
        let form = Size(KIB..=GIB);
        for (text, bytes) in [
            ("1024", KIB),
            ("16KiB", 16 * KIB),
            ("1MiB", MIB),
            ("1GiB", GIB),
        ] {
            assert_eq!(form.read(text), Some(bytes), "{text:?}");
        }
        for wrong in [
            "1023",
            "2GiB",
            "1MB",
            "1kib",
            "KiB",
            "1.5MiB",
            "-1KiB",
            "99999999999GiB",
        ] {
            assert_eq!(form.read(wrong), None, "{wrong:?}");
        }
        assert_eq!(form.show(&(8 * KIB)), "8KiB");
        assert_eq!(form.show(&8000), "8000");
    }

    #[test]
    fn times_carry_a_unit() {
        let form = Span(MILLISECOND..=HOUR);
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("2min", 120_000),
            ("1.5s", 1500),
        ] {
            assert_eq!(
                form.read(text),
                Some(Duration::from_millis(millis)),
                "{text:?}"
            );
        }
        for wrong in [
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
        ] {
            assert_eq!(form.read(wrong), None, "{wrong:?}");
        }
        assert_eq!(Span(Duration::ZERO..=HOUR).read("0"), Some(Duration::ZERO));
    }

    #[test]
    fn whole_seconds_take_no_fraction() {
        let form = WholeSeconds(0..=60);
        assert_eq!(form.read("2s"), Some(Duration::from_secs(2)));
        assert_eq!(form.read("0"), Some(Duration::ZERO));
        assert_eq!(form.read("500ms"), None);
        assert_eq!(form.read("61s"), None);
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
            assert_eq!(Host.read(text).as_deref(), Some(host));
        }
        for wrong in [
            "",
            "a:80",
            "http://a",
            "a b",
            "1.2.3",
            "300.1.1.1",
            "[a]",
            "a..b",
            "[::1",
        ] {
            assert_eq!(Host.read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_word_stands_for_none() {
        let form = Or("auto", Size(KIB..=MIB));
        assert_eq!(form.read("auto"), Some(None));
        assert_eq!(form.read("2KiB"), Some(Some(2 * KIB)));
        assert_eq!(form.read("1"), None);
        assert_eq!(
            form.allowed(),
            "auto, or 1KiB to 1MiB, as bytes or with KiB, MiB or GiB"
        );
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same_value(bytes in 0..=GIB, millis in 0_u64..=3_600_000) {
            let size = Size(0..=GIB);
            prop_assert_eq!(size.read(&size.show(&bytes)), Some(bytes));
            let span = Span(Duration::ZERO..=HOUR);
            let value = Duration::from_millis(millis);
            prop_assert_eq!(span.read(&span.show(&value)), Some(value));
        }

        #[test]
        fn no_text_makes_a_form_panic(text in ".*") {
            let _ = Size(0..=GIB).read(&text);
            let _ = Span(Duration::ZERO..=HOUR).read(&text);
            let _ = Host.read(&text);
            let _ = Whole(0..=u16::MAX).read(&text);
        }
    }
}

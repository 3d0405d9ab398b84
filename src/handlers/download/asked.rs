//! What a request asks of a file: under which conditions, and for which range (RFC 9110 sections 13
//! and 14). Pure: fields and validators in, a verdict out.

use std::ops::Range;

use super::shelf::Opened;
use crate::http::{Method, Request, date};

/// The fields that decide, as far as they are there.
#[derive(Debug, Default)]
pub(super) struct Asked {
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<u64>,
    if_unmodified_since: Option<u64>,
    if_range: Option<String>,
    /// Only of GET: no other method has ranges (section 14.2).
    range: Option<String>,
}

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 412.
    Failed,
    /// 304.
    NotModified,
    /// 200.
    Whole,
    /// 206: these bytes.
    Part(Range<u64>),
    /// 416.
    Unsatisfiable,
}

impl Asked {
    pub(super) fn of(request: &Request<'_>) -> Self {
        let mut asked = Self::default();
        for field in request.fields {
            let Ok(value) = str::from_utf8(field.value) else {
                continue;
            };
            match field.name {
                name if name.eq_ignore_ascii_case("If-Match") => add(&mut asked.if_match, value),
                name if name.eq_ignore_ascii_case("If-None-Match") => {
                    add(&mut asked.if_none_match, value);
                }
                name if name.eq_ignore_ascii_case("If-Modified-Since") => {
                    asked.if_modified_since = date::read(value);
                }
                name if name.eq_ignore_ascii_case("If-Unmodified-Since") => {
                    asked.if_unmodified_since = date::read(value);
                }
                name if name.eq_ignore_ascii_case("If-Range") => {
                    asked.if_range = Some(value.to_owned());
                }
                name if name.eq_ignore_ascii_case("Range") && request.method == Method::Get => {
                    add(&mut asked.range, value);
                }
                _ => {}
            }
        }
        asked
    }

    /// In the order of section 13.2.2.
    pub(super) fn judge(&self, file: &Opened) -> Verdict {
        let is_kept = match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => any_tag(tags, |tag| !file.is_weak() && tag == file.etag),
            (None, Some(date)) => file.modified <= date,
            (None, None) => true,
        };
        if !is_kept {
            return Verdict::Failed;
        }
        let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
        let is_new = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => !any_tag(tags, |tag| opaque(tag) == opaque(&file.etag)),
            (None, Some(date)) => file.modified > date,
            (None, None) => true,
        };
        if !is_new {
            return Verdict::NotModified;
        }
        match &self.range {
            Some(range) if self.has_range(file) => part(range, file.bytes),
            _ => Verdict::Whole,
        }
    }

    /// Whether the range is of the file as it is now (section 13.1.5): by a strong validator.
    fn has_range(&self, file: &Opened) -> bool {
        match &self.if_range {
            None => true,
            Some(_) if file.is_weak() => false,
            Some(tag) if tag.ends_with('"') => *tag == file.etag,
            Some(text) => date::read(text) == Some(file.modified),
        }
    }
}

/// Several lines of a field are one list (section 5.3).
fn add(list: &mut Option<String>, value: &str) {
    match list {
        Some(list) => {
            list.push(',');
            list.push_str(value);
        }
        None => *list = Some(value.to_owned()),
    }
}

/// Whether one of the entity tags in a list is wanted; `*` stands for any. A tag may have commas.
fn any_tag(list: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let opaque_at = if rest.starts_with("W/\"") { 3 } else { 1 };
        let closing = rest.get(opaque_at..).and_then(|rest| rest.find('"'));
        let Some(closing) = closing.filter(|_| rest[..opaque_at].ends_with('"')) else {
            return false;
        };
        let (tag, others) = rest.split_at(opaque_at + closing + 1);
        if is_wanted(tag) {
            return true;
        }
        rest = others;
    }
}

/// One range of bytes (section 14.1.2). What is none, and several of them, is the whole: a server
/// may ignore ranges (section 14.2).
fn part(value: &str, all: u64) -> Verdict {
    let spec = value
        .split_once('=')
        .filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
    let ends = spec.and_then(|(_, range)| range.trim().split_once('-'));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((first, last)) = ends.filter(|(first, last)| is_number(first) && is_number(last))
    else {
        return Verdict::Whole;
    };
    match (place(first), place(last)) {
        (None, None) => Verdict::Whole,
        (Some(first), Some(last)) if last < first => Verdict::Whole,
        (Some(first), _) if first >= all => Verdict::Unsatisfiable,
        (Some(first), last) => {
            Verdict::Part(first..last.map_or(all, |last| last.saturating_add(1).min(all)))
        }
        (None, Some(0)) => Verdict::Unsatisfiable,
        (None, Some(_)) if all == 0 => Verdict::Whole,
        (None, Some(suffix)) => Verdict::Part(all.saturating_sub(suffix)..all),
    }
}

/// The number of some digits, if there are any. One beyond all files is as good as the largest.
fn place(digits: &str) -> Option<u64> {
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;

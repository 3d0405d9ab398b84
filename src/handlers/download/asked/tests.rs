use std::fs::File;
use std::sync::Arc;

use super::*;
use crate::http::{ContentType, Field};

const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

/// A file of 100 bytes.
fn file(etag: &str) -> Opened {
    Opened {
        file: Arc::new(File::open("/dev/null").unwrap()),
        bytes: 100,
        is_on_disk: true,
        content_type: ContentType::Text,
        etag: etag.to_owned(),
        last_modified: MODIFIED.to_owned(),
        modified: 784_111_777,
        small: None,
    }
}

fn asked(method: Method, fields: &[(&str, &str)]) -> Asked {
    let fields: Vec<Field<'_>> = fields
        .iter()
        .map(|(name, value)| Field {
            name,
            value: value.as_bytes(),
        })
        .collect();
    Asked::of(&Request {
        method,
        fields: &fields,
        ..Request::EMPTY
    })
}

fn judged(fields: &[(&str, &str)]) -> Verdict {
    asked(Method::Get, fields).judge(&file("\"a,b\""))
}

#[test]
fn if_match_wants_one_strong_tag_or_any() {
    for (value, verdict) in [
        ("*", Verdict::Whole),
        ("\"a,b\"", Verdict::Whole),
        ("\"x\", \"a,b\"", Verdict::Whole),
        ("\"x\" ,, \"a,b\"", Verdict::Whole),
        ("W/\"a,b\"", Verdict::Failed),
        ("\"a\", \"b\"", Verdict::Failed),
        ("a,b", Verdict::Failed),
        ("\"a,b", Verdict::Failed),
        ("", Verdict::Failed),
    ] {
        assert_eq!(judged(&[("if-match", value)]), verdict, "{value}");
    }
    let weak = asked(Method::Get, &[("If-Match", "W/\"a\"")]).judge(&file("W/\"a\""));
    assert_eq!(weak, Verdict::Failed, "a weak tag never matches strongly");
}

#[test]
fn if_none_match_is_weak() {
    for (value, verdict) in [
        ("*", Verdict::NotModified),
        ("\"a,b\"", Verdict::NotModified),
        ("W/\"a,b\"", Verdict::NotModified),
        ("\"x\", W/\"a,b\"", Verdict::NotModified),
        ("\"x\"", Verdict::Whole),
        ("nonsense", Verdict::Whole),
    ] {
        assert_eq!(judged(&[("If-None-Match", value)]), verdict, "{value}");
    }
    let two_lines = [("If-None-Match", "\"x\""), ("If-None-Match", "\"a,b\"")];
    assert_eq!(judged(&two_lines), Verdict::NotModified);
}

#[test]
fn dates_count_where_no_tag_is_asked_for() {
    for (name, value, verdict) in [
        ("If-Modified-Since", MODIFIED, Verdict::NotModified),
        ("If-Modified-Since", AFTER, Verdict::NotModified),
        ("If-Modified-Since", BEFORE, Verdict::Whole),
        ("If-Modified-Since", "yesterday", Verdict::Whole),
        ("If-Unmodified-Since", MODIFIED, Verdict::Whole),
        ("If-Unmodified-Since", BEFORE, Verdict::Failed),
        ("If-Unmodified-Since", "yesterday", Verdict::Whole),
    ] {
        assert_eq!(judged(&[(name, value)]), verdict, "{name}: {value}");
    }
    let tag_first = [("If-None-Match", "\"x\""), ("If-Modified-Since", AFTER)];
    assert_eq!(judged(&tag_first), Verdict::Whole);
    let tag_first = [("If-Match", "*"), ("If-Unmodified-Since", BEFORE)];
    assert_eq!(judged(&tag_first), Verdict::Whole);
}

#[test]
fn what_must_be_kept_is_judged_before_what_may_be_known() {
    let both = [("If-Match", "\"x\""), ("If-None-Match", "\"a,b\"")];
    assert_eq!(judged(&both), Verdict::Failed);
    let ranged = [("If-None-Match", "\"a,b\""), ("Range", "bytes=0-1")];
    assert_eq!(judged(&ranged), Verdict::NotModified);
}

#[test]
fn one_range_of_bytes() {
    use Verdict::{Part, Unsatisfiable, Whole};
    for (value, verdict) in [
        ("bytes=0-0", Part(0..1)),
        ("bytes=0-99", Part(0..100)),
        ("bytes=10-19", Part(10..20)),
        ("Bytes=10-", Part(10..100)),
        ("bytes=99-1000", Part(99..100)),
        ("bytes=99-18446744073709551615", Part(99..100)),
        ("bytes=99-99999999999999999999999", Part(99..100)),
        ("bytes=-1", Part(99..100)),
        ("bytes=-100", Part(0..100)),
        ("bytes=-1000", Part(0..100)),
        ("bytes= 5-6", Part(5..7)),
        ("bytes=100-", Unsatisfiable),
        ("bytes=100-200", Unsatisfiable),
        ("bytes=99999999999999999999999-", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
        ("bytes=9-8", Whole),
        ("bytes=0-1,5-6", Whole),
        ("bytes=-", Whole),
        ("bytes=", Whole),
        ("bytes=a-b", Whole),
        ("bytes=+1-2", Whole),
        ("bytes=1-2-3", Whole),
        ("lines=1-2", Whole),
        ("0-1", Whole),
    ] {
        assert_eq!(judged(&[("Range", value)]), verdict, "{value}");
    }
    assert_eq!(part("bytes=-5", 0), Whole);
    assert_eq!(part("bytes=0-", 0), Unsatisfiable);
}

#[test]
fn no_method_but_get_has_ranges() {
    let head = asked(Method::Head, &[("Range", "bytes=0-1")]);
    assert_eq!(head.judge(&file("\"a\"")), Verdict::Whole);
}

#[test]
fn if_range_wants_the_file_as_it_is() {
    let ranged = |etag: &str, value: &str| {
        let fields = [("Range", "bytes=0-1"), ("If-Range", value)];
        asked(Method::Get, &fields).judge(&file(etag))
    };
    assert_eq!(ranged("\"a\"", "\"a\""), Verdict::Part(0..2));
    assert_eq!(ranged("\"a\"", MODIFIED), Verdict::Part(0..2));
    for (etag, value) in [
        ("\"a\"", "\"b\""),
        ("\"a\"", "W/\"a\""),
        ("\"a\"", BEFORE),
        ("\"a\"", AFTER),
        ("\"a\"", "nonsense"),
        ("W/\"a\"", "W/\"a\""),
        ("W/\"a\"", MODIFIED),
    ] {
        assert_eq!(ranged(etag, value), Verdict::Whole, "{etag} {value}");
    }
}

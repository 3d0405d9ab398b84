//! The paths that a request names: read out of its JSON up to their limits, and kept in one text.
//!
//! Reading stops at the first path that is too much, so what is refused costs no more than what is
//! allowed. A list of texts would hold many times the bytes of short names.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::config::bounds::{FILES_MAX, PATH_BYTES_MAX};
use crate::http::{Response, Status};

/// Paths, in the order of the request.
#[derive(Default)]
pub(super) struct Paths {
    text: String,
    /// Where each ends in the text.
    ends: Vec<usize>,
}

/// Why reading stopped where the JSON was sound.
enum Excess {
    /// More than [`FILES_MAX`].
    Count,
    /// One of more than [`PATH_BYTES_MAX`] bytes.
    Bytes,
}

impl Paths {
    /// The paths in `{"files": [path, ...]}`; other members are passed over.
    ///
    /// # Errors
    ///
    /// 400 for a body that is not of that form, or for a path that is too long; 413 for too many.
    pub(super) fn read(body: &[u8]) -> Result<Self, Response> {
        let mut reading = Reading::default();
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_map(Members(&mut reading));
        match (read.and_then(|()| json.end()), reading.excess) {
            (Ok(()), _) => Ok(reading.paths),
            (Err(_), Some(excess)) => Err(excess.into()),
            (Err(error), None) => Err(misshapen(&error)),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// One of them.
    pub(super) fn get(&self, index: usize) -> &str {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[index]]
    }
}

fn misshapen(error: &serde_json::Error) -> Response {
    let what = if error.is_data() {
        "not of this form"
    } else {
        "not JSON"
    };
    // serde_json's own words may repeat the whole body.
    let (line, column) = (error.line(), error.column());
    let form = r#"{"files": ["path", ...]}"#;
    let sentence =
        format!("the body must be {form}; it is {what}, see line {line}, column {column}");
    Response::error(Status::BAD_REQUEST, sentence)
}

impl From<Excess> for Response {
    fn from(excess: Excess) -> Self {
        match excess {
            Excess::Count => {
                let sentence = format!("too many files for one request; it may name {FILES_MAX}");
                Self::error(Status::CONTENT_TOO_LARGE, sentence)
            }
            Excess::Bytes => {
                let sentence = format!("a path is too long; it may have {PATH_BYTES_MAX} bytes");
                Self::error(Status::BAD_REQUEST, sentence)
            }
        }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    paths: Paths,
    excess: Option<Excess>,
}

/// Reads the object.
struct Members<'a>(&'a mut Reading);

/// Reads the array.
struct List<'a>(&'a mut Reading);

/// Reads one path.
struct Path<'a>(&'a mut Reading);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut is_there = false;
        while let Some(name) = members.next_key::<Name>()? {
            if !matches!(name, Name::Files) {
                members.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut is_there, true) {
                return Err(A::Error::duplicate_field("files"));
            } else {
                members.next_value_seed(List(self.0))?;
            }
        }
        is_there
            .then_some(())
            .ok_or_else(|| A::Error::missing_field("files"))
    }
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Path(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Path<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Path<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<(), E> {
        let paths = &mut self.0.paths;
        let excess = match () {
            () if paths.len() == FILES_MAX => Excess::Count,
            () if path.len() > PATH_BYTES_MAX => Excess::Bytes,
            () => {
                paths.text.push_str(path);
                paths.ends.push(paths.text.len());
                return Ok(());
            }
        };
        self.0.excess = Some(excess);
        Err(E::custom("too much"))
    }
}

/// The name of a member.
#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Files,
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::Answer;
    use crate::http::Method;

    fn read(body: &str) -> Vec<String> {
        let paths = Paths::read(body.as_bytes()).unwrap_or_else(|_| panic!("{body}"));
        assert_eq!(paths.bytes(), paths.text.len());
        let path = |index| paths.get(index).to_owned();
        (0..paths.len()).map(path).collect()
    }

    fn refused(body: &str) -> (u16, String) {
        let refusal = Paths::read(body.as_bytes()).err();
        let answer = Answer::of(refusal.unwrap_or_else(|| panic!("{body}")), Method::Post);
        (
            answer.status,
            answer.json()["error"].as_str().unwrap().to_owned(),
        )
    }

    fn names(count: usize) -> String {
        vec![r#""x""#; count].join(",")
    }

    #[test]
    fn paths_come_out_as_they_went_in() {
        let none: [&str; 0] = [];
        assert_eq!(read(r#"{"files":[]}"#), none);
        assert_eq!(
            read(r#"{"files":["a","","b/c","\u00e4\n"]}"#),
            ["a", "", "b/c", "ä\n"]
        );
        assert_eq!(read(r#" {"more":[{"files":3}],"files":["a"] } "#), ["a"]);
    }

    #[test]
    fn a_body_of_another_form_is_refused_without_repeating_it() {
        for (body, part) in [
            ("", "not JSON, see line 1, column 0"),
            ("{\"files\":[\n", "not JSON, see line 2"),
            (r#"{"files":["a"]} x"#, "not JSON"),
            ("{}", "not of this form"),
            (r#"{"files":"secret"}"#, "not of this form"),
            (
                r#"{"files":["a",3]}"#,
                "not of this form, see line 1, column 15",
            ),
            (r#"{"files":[],"files":[]}"#, "not of this form"),
            (r#"["a"]"#, "not of this form"),
            (r#" [["a"]]"#, "not of this form"),
            ("null", "not of this form"),
        ] {
            let (status, error) = refused(body);
            assert_eq!(status, 400, "{body}");
            assert!(
                error.contains(part) && !error.contains("secret"),
                "{body}: {error}"
            );
        }
    }

    /// What follows the first name too many is no JSON, and is not looked at.
    #[test]
    fn reading_stops_at_the_first_file_too_many() {
        assert_eq!(
            read(&format!(r#"{{"files":[{}]}}"#, names(FILES_MAX))).len(),
            FILES_MAX
        );
        let sentence = "too many files for one request; it may name 1000".to_owned();
        let beyond = format!(r#"{{"files":[{} no JSON"#, names(FILES_MAX + 1));
        assert_eq!(refused(&beyond), (413, sentence));
    }

    #[test]
    fn reading_stops_at_the_first_path_too_long() {
        let longest = "p".repeat(PATH_BYTES_MAX);
        assert_eq!(
            read(&format!(r#"{{"files":["{longest}"]}}"#)),
            [longest.as_str()]
        );
        let sentence = "a path is too long; it may have 4096 bytes".to_owned();
        assert_eq!(
            refused(&format!(r#"{{"files":["a","{longest}p" no JSON"#)),
            (400, sentence)
        );
    }
}

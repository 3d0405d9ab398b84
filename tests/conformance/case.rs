//! A case: a request as bytes, and what must come back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::wire::{Answer, Live, PROBE, Wire, alone};

/// A rule and a request that shows it.
#[derive(Clone)]
pub(crate) struct Case {
    /// Where the rule stands.
    pub(crate) rfc: &'static str,
    pub(crate) name: &'static str,
    pub(crate) request: Vec<u8>,
    /// The statuses of the answers, in their order.
    statuses: Vec<u16>,
    /// The server closes after the last.
    closes: bool,
    /// The answers are to HEAD.
    head_only: bool,
    /// Part of the last answer's body.
    says: Option<&'static str>,
    /// Fields of the last answer.
    fields: Vec<(&'static str, &'static str)>,
}

/// A case after which the connection is still of use.
pub(crate) fn stays<const N: usize>(
    rfc: &'static str,
    name: &'static str,
    request: impl Into<Vec<u8>>,
    statuses: [u16; N],
) -> Case {
    Case {
        rfc,
        name,
        request: request.into(),
        statuses: statuses.to_vec(),
        closes: false,
        head_only: false,
        says: None,
        fields: Vec::new(),
    }
}

/// A case after which the server closes.
pub(crate) fn closes<const N: usize>(
    rfc: &'static str,
    name: &'static str,
    request: impl Into<Vec<u8>>,
    statuses: [u16; N],
) -> Case {
    Case {
        closes: true,
        ..stays(rfc, name, request, statuses)
    }
}

/// The bytes of a request: a request line, field lines, a body.
pub(crate) fn request(line: &str, fields: &[&str], body: &str) -> Vec<u8> {
    let mut head = format!("{line}\r\n");
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.push_str(body);
    head.into_bytes()
}

/// GET /plaintext with these fields, Host not among them.
pub(crate) fn get(fields: &[&str]) -> Vec<u8> {
    let fields = [&["Host: x"], fields].concat();
    request("GET /plaintext HTTP/1.1", &fields, "")
}

/// POST /zero-copy with these fields and this body.
pub(crate) fn post(fields: &[&str], body: &str) -> Vec<u8> {
    let fields = [&["Host: x"], fields].concat();
    request("POST /zero-copy HTTP/1.1", &fields, body)
}

/// Runs cases against a server of their own; names all that fail.
pub(crate) fn run(cases: Vec<Case>) {
    let live = Live::routes(alone());
    let mut failed = Vec::new();
    for case in cases {
        if catch_unwind(AssertUnwindSafe(|| case.run(&live))).is_err() {
            let (rfc, name) = (case.rfc, case.name);
            failed.push(format!("{name} (RFC {rfc})"));
        }
    }
    assert!(failed.is_empty(), "failed: {failed:#?}");
    assert_eq!(live.sum(|reactor| &reactor.panics), 0);
}

impl Case {
    /// Part of the last answer's body.
    pub(crate) fn saying(mut self, part: &'static str) -> Self {
        self.says = Some(part);
        self
    }

    /// A field of the last answer.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The answers are to HEAD.
    pub(crate) fn bodiless(mut self) -> Self {
        self.head_only = true;
        self
    }

    /// Checks the answers to the request, alone and with another behind it.
    pub(crate) fn run(&self, live: &Live) {
        let mut wire = live.connect();
        wire.send(&self.request);
        self.check(&mut wire, "alone");
        // Whatever stands behind a request that closes is not served; behind any other, it is.
        let mut wire = live.connect();
        wire.send([&self.request, PROBE].concat());
        self.check_answers(&mut wire, "with another request behind it");
        if self.closes {
            wire.expect_end();
        } else {
            assert_eq!(wire.answer().text(), "Hello, World!", "{}", self.name);
        }
    }

    /// Reads the answers, and finds out whether the connection is still of use.
    pub(crate) fn check(&self, wire: &mut Wire, how: &str) {
        self.check_answers(wire, how);
        if self.closes {
            wire.expect_end();
        } else {
            wire.expect_open();
        }
    }

    /// The answers, unchecked.
    pub(crate) fn answers(&self, wire: &mut Wire) -> Vec<Answer> {
        let read = |_| {
            if self.head_only {
                wire.answer_to_head()
            } else {
                wire.answer()
            }
        };
        self.statuses.iter().map(read).collect()
    }

    fn check_answers(&self, wire: &mut Wire, how: &str) {
        for (index, &status) in self.statuses.iter().enumerate() {
            let is_last = index + 1 == self.statuses.len();
            let what = format!("{}, {how}, answer {index}", self.name);
            let answer = if self.head_only {
                wire.answer_to_head()
            } else {
                wire.answer()
            };
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            check_always(&answer, self.head_only, &what);
            assert_eq!(answer.closes(), is_last && self.closes, "{what}");
            if is_last {
                self.check_last(&answer, &what);
            }
        }
    }

    fn check_last(&self, answer: &Answer, what: &str) {
        for (name, value) in &self.fields {
            assert_eq!(answer.field(name), Some(*value), "{what}: {name}");
        }
        let connection = self.fields.iter().any(|field| field.0 == "Connection");
        if !self.closes && !connection {
            assert_eq!(answer.field("Connection"), None, "{what}");
        }
        if let Some(part) = self.says {
            let text = answer.text();
            assert!(text.contains(part), "{what}: {part:?} is not in {text:?}");
        }
    }
}

/// What holds for every answer (RFC 9110 sections 6.6.1, 8.6, 10.2, 15.5).
pub(crate) fn check_always(answer: &Answer, head_only: bool, what: &str) {
    let date = answer.field("Date").expect("a date");
    let parsed = httpdate::parse_http_date(date).expect("a date");
    assert_eq!(httpdate::fmt_http_date(parsed), date, "{what}: IMF-fixdate");
    assert!(answer.field("Server").is_some(), "{what}: Server");
    assert_eq!(answer.field("Transfer-Encoding"), None, "{what}");
    let length = answer.field("Content-Length");
    assert_eq!(
        length.is_none(),
        answer.status == 204,
        "{what}: Content-Length"
    );
    let has_body = length.is_some_and(|length| length != "0");
    assert_eq!(
        answer.field("Content-Type").is_some(),
        has_body,
        "{what}: Content-Type"
    );
    if answer.status >= 400 && !head_only {
        assert!(answer.error().len() > 20, "{what}: a sentence");
    }
    assert_eq!(
        answer.field("Allow").is_some(),
        matches!(answer.status, 204 | 405),
        "{what}"
    );
    assert_eq!(
        answer.field("Retry-After").is_some(),
        answer.status == 503,
        "{what}"
    );
}

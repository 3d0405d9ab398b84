//! A request as the handlers see it: a view of the bytes that came in, copied nowhere.
//!
//! Nothing in here checks anything: whatever reaches a [`Request`] has passed `parse`.

use std::borrow::Cow;

use bytes::BytesMut;

/// Name and value, borrowed from the head. The parser's own type, so that none is copied.
pub use super::parse::field::Field;

/// The methods of RFC 9110 section 9.1, PATCH (RFC 5789), and anything else that is a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 9110 section 9.3.1.
    Get,
    /// RFC 9110 section 9.3.2: the fields of GET, no body.
    Head,
    /// RFC 9110 section 9.3.3.
    Post,
    /// RFC 9110 section 9.3.4.
    Put,
    /// RFC 9110 section 9.3.5.
    Delete,
    /// RFC 9110 section 9.3.6; an origin server answers 501, no handler sees it.
    Connect,
    /// RFC 9110 section 9.3.7.
    Options,
    /// RFC 9110 section 9.3.8; no route allows it: it would send credentials back to a script.
    Trace,
    /// RFC 5789.
    Patch,
    /// Another token; answered with 501, no handler sees it.
    Unknown,
}

/// The version of the request line, reduced to what makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: closes unless asked to stay.
    Http10,
    /// HTTP/1.1 and later minor versions: stays unless asked to close.
    Http11,
}

/// What of a request must survive until its answer is written, however late that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The connection stays open after the answer.
    pub keep_alive: bool,
    /// The request was HEAD: the answer ends after its head.
    pub head_only: bool,
    /// An answer to 1.0 that stays open must say so.
    pub version: Version,
}

impl Exchange {
    /// A GET of HTTP/1.1 on a connection that stays open.
    pub const USUAL: Self = Self {
        keep_alive: true,
        head_only: false,
        version: Version::Http11,
    };
}

/// A request's body: the piece that lies beside the head, then the segments read after it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Body<'a> {
    /// The piece that came in the same buffer as the head; seen in place.
    pub first: &'a [u8],
    /// The rest, in the order of arrival; none is empty.
    pub segments: &'a [BytesMut],
    /// How many of the bytes were copied in user space after recv(2) had placed them.
    pub copied: usize,
}

/// A request, complete.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The target's path as it came: percent-encoded, beginning with `/`; `*` for `OPTIONS *`.
    pub path: &'a str,
    /// What follows the `?` of the target, percent-encoded; `None` without `?`.
    pub query: Option<&'a str>,
    /// The version.
    pub version: Version,
    /// The field lines in their order.
    pub fields: &'a [Field<'a>],
    /// The bytes of the whole head, from the method to the empty line.
    pub head: &'a [u8],
    /// The body; empty if there was none, or if the handler did not want it.
    pub body: Body<'a>,
    /// Number of the reactor that serves it, from 0: an index for what handlers keep apart for
    /// each.
    pub worker: usize,
    /// The path parameters that a [`Router`](super::Router) found: name and raw value.
    pub params: &'a [(&'a str, &'a str)],
}

/// The methods that are known, and their tokens.
const TOKENS: [(Method, &str); 9] = [
    (Method::Get, "GET"),
    (Method::Head, "HEAD"),
    (Method::Post, "POST"),
    (Method::Put, "PUT"),
    (Method::Delete, "DELETE"),
    (Method::Connect, "CONNECT"),
    (Method::Options, "OPTIONS"),
    (Method::Trace, "TRACE"),
    (Method::Patch, "PATCH"),
];

impl Method {
    /// The method of a token; case counts (RFC 9110 section 9.1).
    #[must_use]
    pub fn from_token(token: &str) -> Self {
        let known = TOKENS.iter().find(|(_, known)| *known == token);
        known.map_or(Self::Unknown, |(method, _)| *method)
    }

    /// The method's token; `UNKNOWN` for one that was not known.
    pub fn as_str(self) -> &'static str {
        let known = TOKENS.iter().find(|(known, _)| *known == self);
        known.map_or("UNKNOWN", |(_, token)| token)
    }
}

impl<'a> Body<'a> {
    /// The body's pieces in order; none is empty.
    pub fn pieces(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let segments = self.segments.iter().map(|segment| &segment[..]);
        let first = Some(self.first).filter(|first| !first.is_empty());
        first.into_iter().chain(segments)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.pieces().map(<[u8]>::len).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body in one piece: borrowed where it is in one piece already, else copied.
    pub fn contiguous(&self) -> Cow<'a, [u8]> {
        match (self.first, self.segments) {
            (first, []) => Cow::Borrowed(first),
            ([], [only]) => Cow::Borrowed(only),
            _ => Cow::Owned(self.pieces().collect::<Vec<_>>().concat()),
        }
    }
}

impl<'a> Request<'a> {
    /// A GET without path, fields and body: what the others are made from.
    pub const EMPTY: Self = Self {
        method: Method::Get,
        path: "",
        query: None,
        version: Version::Http11,
        fields: &[],
        head: &[],
        body: Body {
            first: &[],
            segments: &[],
            copied: 0,
        },
        worker: 0,
        params: &[],
    };

    /// The first value of a field, by its case-insensitive name (RFC 9110 section 5.1), as bytes.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let is_called = |field: &&Field<'_>| field.name.eq_ignore_ascii_case(name);
        self.fields.iter().find(is_called).map(|field| field.value)
    }

    /// The host and port that were asked for: the authority of an absolute target, else the Host
    /// field (RFC 9112 section 3.2.2).
    pub fn host(&self) -> Option<&'a [u8]> {
        self.authority().or_else(|| self.field("host"))
    }

    /// The authority of a target in absolute-form.
    fn authority(&self) -> Option<&'a [u8]> {
        let target = self.head.split(|&byte| byte == b' ').nth(1)?;
        let scheme_bytes = target.windows(3).position(|three| three == b"://")?;
        let is_absolute = !target.starts_with(b"/");
        let mut parts = target[scheme_bytes + 3..].split(|byte| b"/?".contains(byte));
        parts.next().filter(|_| is_absolute)
    }

    /// The first value of a query parameter, as it came: `N` for `work` in `?work=N`. The query's
    /// names are percent-decoded.
    pub fn query_value(&self, name: &str) -> Option<&'a str> {
        self.query?.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (*percent_decode(key) == *name.as_bytes()).then_some(value)
        })
    }

    /// A path parameter of the route, percent-decoded; `None` if the route has none of this name.
    /// Octets that are no UTF-8 become U+FFFD.
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, raw) = self.params.iter().find(|(key, _)| *key == name)?;
        Some(match percent_decode(raw) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }
}

/// Decodes `%XX` (RFC 3986 section 2.1). A `%` without two hex digits stands for itself; `+` is a
/// plus.
pub fn percent_decode(raw: &str) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode_str(raw).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(query: Option<&'a str>, params: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request {
            method: Method::Get,
            path: "/",
            query,
            version: Version::Http11,
            fields: &[],
            head: b"",
            body: Body::default(),
            worker: 0,
            params,
        }
    }

    /// RFC 9110 section 9.1: tokens have a case.
    #[test]
    fn methods_and_their_tokens() {
        for token in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
        ] {
            assert_eq!(Method::from_token(token).as_str(), token);
            assert_eq!(Method::from_token(&token.to_lowercase()), Method::Unknown);
        }
        assert_eq!(Method::from_token(""), Method::Unknown);
    }

    /// RFC 9110 section 5.1: names have none.
    #[test]
    fn the_first_field_of_a_name() {
        let field = |name, value| Field { name, value };
        let fields = [
            field("A", &b"1"[..]),
            field("b-C", b"2"),
            field("B-c", b"3"),
        ];
        let request = Request {
            fields: &fields,
            ..request(None, &[])
        };
        assert_eq!(request.field("B-C"), Some(&b"2"[..]));
        assert_eq!(request.field("a"), Some(&b"1"[..]));
        assert_eq!(request.field("b"), None);
    }

    /// RFC 9112 section 3.2.2.
    #[test]
    fn the_authority_of_an_absolute_target_wins_over_host() {
        let fields = [Field {
            name: "Host",
            value: b"field",
        }];
        let host_of = |head, fields| {
            let request = Request {
                fields,
                head,
                ..request(None, &[])
            };
            request.host()
        };
        for (head, expected) in [
            (&b"GET / HTTP/1.1\r\n"[..], &b"field"[..]),
            (b"GET /http://a/ HTTP/1.1\r\n", b"field"),
            (b"OPTIONS * HTTP/1.1\r\n", b"field"),
            (b"GET http://a:1/b HTTP/1.1\r\n", b"a:1"),
            (b"GET http://a?b HTTP/1.1\r\n", b"a"),
            (b"GET HTTPS://[::1] HTTP/1.1\r\n", b"[::1]"),
        ] {
            assert_eq!(host_of(head, &fields), Some(expected));
        }
        assert_eq!(host_of(b"GET / HTTP/1.0\r\n", &[]), None);
        assert_eq!(host_of(b"GET http://a HTTP/1.0\r\n", &[]), Some(&b"a"[..]));
    }

    #[test]
    fn values_of_a_query() {
        let request = |query| request(Some(query), &[]);
        assert_eq!(request("work=5").query_value("work"), Some("5"));
        assert_eq!(request("a=1&work=5&work=6").query_value("work"), Some("5"));
        assert_eq!(request("work=a=b").query_value("work"), Some("a=b"));
        assert_eq!(request("work=%41+").query_value("work"), Some("%41+"));
        assert_eq!(request("work").query_value("work"), Some(""));
        assert_eq!(request("&&work=&").query_value("work"), Some(""));
        assert_eq!(request("Work=1&wor%6=2&works=3").query_value("work"), None);
        // RFC 3986 section 6.2.2.2: `o` and `%6F` are the same.
        assert_eq!(request("w%6Frk=2").query_value("work"), Some("2"));
        assert_eq!(request("").query_value("work"), None);
        assert_eq!(
            super::Request {
                query: None,
                ..request("")
            }
            .query_value("work"),
            None
        );
    }

    /// RFC 3986 section 2.1.
    #[test]
    fn parameters_are_decoded() {
        let params = [
            ("plain", "a+b"),
            ("encoded", "a%2Fb%c3%a9"),
            ("broken", "%4%zz%"),
            ("latin", "%E9"),
        ];
        let request = request(None, &params);
        assert!(matches!(request.param("plain"), Some(Cow::Borrowed("a+b"))));
        assert_eq!(request.param("encoded").as_deref(), Some("a/b\u{e9}"));
        assert_eq!(request.param("broken").as_deref(), Some("%4%zz%"));
        assert_eq!(request.param("latin").as_deref(), Some("\u{fffd}"));
        assert_eq!(request.param("Plain"), None);
    }

    #[test]
    fn a_body_in_one_piece_is_not_copied() {
        let segments = [BytesMut::from("bc"), BytesMut::from("d")];
        let body = |first, segments| Body {
            first,
            segments,
            copied: 0,
        };
        let whole = body(&b"a"[..], &segments[..]);
        assert_eq!(whole.contiguous(), Cow::<[u8]>::Owned(b"abcd".to_vec()));
        assert_eq!(whole.pieces().collect::<Vec<_>>(), [&b"a"[..], b"bc", b"d"]);
        assert_eq!((whole.len(), whole.is_empty()), (4, false));
        for (only, expected) in [
            (body(b"a", &[]), &b"a"[..]),
            (body(b"", &segments[..1]), b"bc"),
            (body(b"", &[]), b""),
        ] {
            let contiguous = only.contiguous();
            assert!(matches!(contiguous, Cow::Borrowed(bytes) if bytes == expected));
            assert_eq!(only.is_empty(), expected.is_empty());
        }
    }
}

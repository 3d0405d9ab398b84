//! Status codes, the first line of a response, and refusals.

use std::borrow::Cow;

/// A status code (RFC 9110 section 15) that this server sends or a handler chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u16);

impl Status {
    /// 200.
    pub const OK: Self = Self(200);
    /// 204: neither body nor Content-Length.
    pub const NO_CONTENT: Self = Self(204);
    /// 206; has a Content-Range field.
    pub const PARTIAL_CONTENT: Self = Self(206);
    /// 301; has a Location field.
    pub const MOVED_PERMANENTLY: Self = Self(301);
    /// 304: no body.
    pub const NOT_MODIFIED: Self = Self(304);
    /// 400.
    pub const BAD_REQUEST: Self = Self(400);
    /// 403.
    pub const FORBIDDEN: Self = Self(403);
    /// 404.
    pub const NOT_FOUND: Self = Self(404);
    /// 405; has an Allow field.
    pub const METHOD_NOT_ALLOWED: Self = Self(405);
    /// 408.
    pub const REQUEST_TIMEOUT: Self = Self(408);
    /// 409.
    pub const CONFLICT: Self = Self(409);
    /// 412.
    pub const PRECONDITION_FAILED: Self = Self(412);
    /// 413.
    pub const CONTENT_TOO_LARGE: Self = Self(413);
    /// 414.
    pub const URI_TOO_LONG: Self = Self(414);
    /// 416; has a Content-Range field.
    pub const RANGE_NOT_SATISFIABLE: Self = Self(416);
    /// 417.
    pub const EXPECTATION_FAILED: Self = Self(417);
    /// 431 (RFC 6585 section 5).
    pub const FIELDS_TOO_LARGE: Self = Self(431);
    /// 500.
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// 501.
    pub const NOT_IMPLEMENTED: Self = Self(501);
    /// 503; has a Retry-After field.
    pub const SERVICE_UNAVAILABLE: Self = Self(503);
    /// 505.
    pub const VERSION_NOT_SUPPORTED: Self = Self(505);

    /// An answer with it has neither a body nor Content-Length.
    pub(super) fn is_bodiless(self) -> bool {
        matches!(self, Self::NO_CONTENT | Self::NOT_MODIFIED)
    }

    /// The status line, with its end. A code without an entry here gets an empty reason, which is
    /// legal (RFC 9112 section 4).
    pub(super) fn line(self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            200 => "HTTP/1.1 200 OK\r\n",
            201 => "HTTP/1.1 201 Created\r\n",
            202 => "HTTP/1.1 202 Accepted\r\n",
            204 => "HTTP/1.1 204 No Content\r\n",
            206 => "HTTP/1.1 206 Partial Content\r\n",
            301 => "HTTP/1.1 301 Moved Permanently\r\n",
            302 => "HTTP/1.1 302 Found\r\n",
            303 => "HTTP/1.1 303 See Other\r\n",
            304 => "HTTP/1.1 304 Not Modified\r\n",
            400 => "HTTP/1.1 400 Bad Request\r\n",
            401 => "HTTP/1.1 401 Unauthorized\r\n",
            403 => "HTTP/1.1 403 Forbidden\r\n",
            404 => "HTTP/1.1 404 Not Found\r\n",
            405 => "HTTP/1.1 405 Method Not Allowed\r\n",
            408 => "HTTP/1.1 408 Request Timeout\r\n",
            409 => "HTTP/1.1 409 Conflict\r\n",
            412 => "HTTP/1.1 412 Precondition Failed\r\n",
            413 => "HTTP/1.1 413 Content Too Large\r\n",
            414 => "HTTP/1.1 414 URI Too Long\r\n",
            415 => "HTTP/1.1 415 Unsupported Media Type\r\n",
            416 => "HTTP/1.1 416 Range Not Satisfiable\r\n",
            417 => "HTTP/1.1 417 Expectation Failed\r\n",
            422 => "HTTP/1.1 422 Unprocessable Content\r\n",
            429 => "HTTP/1.1 429 Too Many Requests\r\n",
            431 => "HTTP/1.1 431 Request Header Fields Too Large\r\n",
            500 => "HTTP/1.1 500 Internal Server Error\r\n",
            501 => "HTTP/1.1 501 Not Implemented\r\n",
            503 => "HTTP/1.1 503 Service Unavailable\r\n",
            505 => "HTTP/1.1 505 HTTP Version Not Supported\r\n",
            code => return Cow::Owned(format!("HTTP/1.1 {code:03} \r\n")),
        })
    }
}

/// A request that the server will not serve, and why.
///
/// The sentence says what was wrong and what would be right; it becomes the answer's JSON `error`.
/// Nearly all of them end the connection: after a head or a body that cannot be trusted, nobody
/// knows where the next head begins. Where that is known, [`judge`](super::admission::judge) says
/// so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The answer's status: 400, 408, 413, 414, 417, 431, 501, 503 or 505.
    pub status: Status,
    /// What was wrong, and what would be right.
    pub reason: &'static str,
}

impl Rejection {
    /// A request that breaks the grammar (RFC 9110 section 15.5.1).
    pub(super) const fn bad_request(reason: &'static str) -> Self {
        Self::new(Status::BAD_REQUEST, reason)
    }

    /// A refusal with any status.
    pub const fn new(status: Status, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

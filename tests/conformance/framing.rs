//! Content-Length and Transfer-Encoding, with every disguise that has hidden a request in a body.

use crate::case::{Case, closes, get, post, request, stays};

/// What a smuggler would like to see answered.
const SMUGGLED: &str = "0\r\n\r\nGET /json HTTP/1.1\r\nHost: x\r\n\r\n";
const EMPTY_CHUNKED: &str = "0\r\n\r\n";

/// RFC 9112 sections 6 and 11.2.
pub(crate) fn cases() -> Vec<Case> {
    [lengths(), codings(), disguises(), unread()].concat()
}

/// RFC 9110 section 8.6, RFC 9112 section 6.2.
fn lengths() -> Vec<Case> {
    let rfc = "9112 6.2";
    let length = |value: &str| post(&[&format!("Content-Length: {value}")], "hello");
    vec![
        stays(rfc, "a length", length("5"), [200]).saying("\"input_size\":5,"),
        stays(rfc, "a length with zeros", length("0005"), [200]).saying("\"input_size\":5,"),
        stays(
            rfc,
            "a length in capitals",
            post(&["CONTENT-LENGTH: 5"], "hello"),
            [200],
        )
        .saying("\"input_size\":5,"),
        stays(
            rfc,
            "a length of 0",
            post(&["Content-Length: 0"], ""),
            [200],
        )
        .saying("\"input_size\":0,"),
        stays(
            "9112 6.3",
            "neither length nor coding",
            post(&[], ""),
            [200],
        )
        .saying("\"input_size\":0,"),
        closes("9110 8.6", "a length with a plus", length("+5"), [400]),
        closes("9110 8.6", "a negative length", length("-5"), [400]),
        closes("9110 8.6", "a hexadecimal length", length("0x5"), [400]),
        closes("9110 8.6", "a length with a point", length("5.0"), [400]),
        closes("9110 8.6", "a length with a space", length("5 5"), [400]),
        closes("9110 8.6", "an empty length", length(""), [400]),
        closes("9110 8.6", "a length of letters", length("five"), [400]),
        closes(
            "9110 8.6",
            "a length beyond 64 bits",
            length("18446744073709551616"),
            [400],
        ),
        closes(
            "9110 8.6",
            "a length far beyond",
            length("99999999999999999999999"),
            [400],
        ),
        closes(
            "9110 8.6",
            "a length of u64::MAX",
            length("18446744073709551615"),
            [413],
        ),
        closes("9112 6.3", "a list of lengths", length("5, 5"), [400]),
        closes(
            "9112 6.3",
            "the same length twice",
            post(&["Content-Length: 5", "Content-Length: 5"], "hello"),
            [400],
        ),
        closes(
            "9112 6.3",
            "two lengths",
            post(&["Content-Length: 5", "Content-Length: 6"], "hello"),
            [400],
        ),
        closes(
            "9112 6.3",
            "two lengths of different case",
            post(&["Content-Length: 0", "content-length: 5"], "hello"),
            [400],
        ),
        stays(
            "9112 9.3",
            "a request behind a body",
            [post(&["Content-Length: 5"], "hello"), get(&[])].concat(),
            [200, 200],
        ),
        stays(
            "9112 2.2",
            "CRLF behind a body",
            [post(&["Content-Length: 5"], "hello\r\n"), get(&[])].concat(),
            [200, 200],
        ),
    ]
}

/// RFC 9112 section 6.1.
fn codings() -> Vec<Case> {
    let rfc = "9112 6.1";
    let coding = |value: &str| post(&[&format!("Transfer-Encoding: {value}")], EMPTY_CHUNKED);
    let lines = |fields: &[&str]| post(fields, EMPTY_CHUNKED);
    vec![
        stays(rfc, "chunked", coding("chunked"), [200]).saying("\"input_size\":0,"),
        stays(rfc, "chunked in capitals", coding("CHUNKED"), [200]),
        stays(rfc, "chunked in both cases", coding("cHuNkEd"), [200]),
        stays(
            rfc,
            "chunked and white space",
            coding("\t chunked \t"),
            [200],
        ),
        closes(rfc, "chunked twice", coding("chunked, chunked"), [400]),
        closes(
            rfc,
            "chunked on two lines",
            lines(&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]),
            [400],
        ),
        closes(rfc, "chunked first", coding("chunked, gzip"), [400]),
        closes(
            rfc,
            "chunked first, on two lines",
            lines(&["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]),
            [400],
        ),
        closes(rfc, "gzip alone", coding("gzip"), [400]),
        closes(rfc, "identity", coding("identity"), [400]),
        closes(rfc, "an unknown coding", coding("x"), [400]),
        closes(rfc, "an empty coding", coding(""), [400]),
        closes(rfc, "an empty element behind", coding("chunked,"), [400]),
        closes(rfc, "an empty element before", coding(",chunked"), [400]),
        closes(
            rfc,
            "an empty element between",
            coding("gzip,,chunked"),
            [400],
        ),
        closes(
            rfc,
            "chunked with a parameter",
            coding("chunked;q=1"),
            [400],
        ),
        closes(
            rfc,
            "a coding that ends like chunked",
            coding("xchunked"),
            [400],
        ),
        closes(
            rfc,
            "a coding that begins like chunked",
            coding("chunkedx"),
            [400],
        ),
        closes(rfc, "chunked in quotes", coding("\"chunked\""), [400]),
        closes(rfc, "two words", coding("gzip chunked"), [400]),
        closes(rfc, "gzip, then chunked", coding("gzip, chunked"), [501]),
        closes(
            rfc,
            "gzip, then chunked, on two lines",
            lines(&["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"]),
            [501],
        ),
        closes(
            rfc,
            "a coding in 1.0",
            request(
                "POST /zero-copy HTTP/1.0",
                &["Transfer-Encoding: chunked"],
                EMPTY_CHUNKED,
            ),
            [400],
        ),
        closes(
            rfc,
            "a coding in 1.0 that asks to stay",
            request(
                "POST /zero-copy HTTP/1.0",
                &["Connection: keep-alive", "Transfer-Encoding: chunked"],
                EMPTY_CHUNKED,
            ),
            [400],
        ),
    ]
}

/// RFC 9112 section 11.2: each hides a second request from one of two parsers that disagree.
fn disguises() -> Vec<Case> {
    let rfc = "9112 11.2";
    let post = |fields: &[&str]| post(fields, SMUGGLED);
    vec![
        closes(
            rfc,
            "length and coding",
            post(&["Content-Length: 45", "Transfer-Encoding: chunked"]),
            [400],
        ),
        closes(
            rfc,
            "coding and length",
            post(&["Transfer-Encoding: chunked", "Content-Length: 45"]),
            [400],
        ),
        closes(
            rfc,
            "a length of 0 and a coding",
            post(&["Content-Length: 0", "Transfer-Encoding: chunked"]),
            [400],
        ),
        closes(
            rfc,
            "length and an unknown coding",
            post(&["Content-Length: 45", "Transfer-Encoding: xchunked"]),
            [400],
        ),
        closes(
            rfc,
            "a space before the coding's colon",
            post(&["Content-Length: 45", "Transfer-Encoding : chunked"]),
            [400],
        ),
        closes(
            rfc,
            "a tab before the coding's colon",
            post(&["Content-Length: 45", "Transfer-Encoding\t: chunked"]),
            [400],
        ),
        closes(
            rfc,
            "a folded coding",
            post(&["Content-Length: 45", "Transfer-Encoding:", " chunked"]),
            [400],
        ),
        closes(
            rfc,
            "a coding folded away",
            post(&["Content-Length: 45", "A: b", " Transfer-Encoding: chunked"]),
            [400],
        ),
        closes(
            rfc,
            "a coding behind a bare LF",
            post(&["Content-Length: 45", "A: b\nTransfer-Encoding: chunked"]),
            [400],
        ),
        closes(
            rfc,
            "a coding behind a bare CR",
            post(&["Content-Length: 45", "A: b\rTransfer-Encoding: chunked"]),
            [400],
        ),
        closes(
            rfc,
            "a coding with VT",
            post(&["Content-Length: 45", "Transfer-Encoding: \x0bchunked"]),
            [400],
        ),
        closes(
            rfc,
            "a coding with NUL",
            post(&["Content-Length: 45", "Transfer-Encoding: chunked\0"]),
            [400],
        ),
        closes(
            rfc,
            "a length behind a bare CR",
            post(&["A: b\rContent-Length: 45"]),
            [400],
        ),
        closes(
            rfc,
            "a name that begins with CR",
            post(&["\rTransfer-Encoding: chunked"]),
            [400],
        ),
        // Names that are not the field: no body, so what follows the head is the next request. Here
        // it is none, and the connection does not survive it.
        closes(
            rfc,
            "an underscore for the hyphen",
            post(&["Transfer_Encoding: chunked"]),
            [200, 400],
        ),
        closes(
            rfc,
            "a length with an underscore",
            post(&["Content_Length: 45"]),
            [200, 400],
        ),
    ]
}

/// RFC 9110 section 9.3.1, RFC 9112 section 9.3: a body that nobody reads is no request.
fn unread() -> Vec<Case> {
    let hidden = "GET /json HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = format!("Content-Length: {}", hidden.len());
    let chunk = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let with = |line: &str| request(line, &["Host: x", &length], hidden);
    let chunked = |line: &str| request(line, &["Host: x", "Transfer-Encoding: chunked"], &chunk);
    let rfc = "9112 9.3";
    vec![
        stays(
            rfc,
            "GET with a body",
            with("GET /plaintext HTTP/1.1"),
            [200],
        ),
        stays(
            rfc,
            "GET with a chunked body",
            chunked("GET /plaintext HTTP/1.1"),
            [200],
        ),
        stays(
            rfc,
            "HEAD with a body",
            with("HEAD /plaintext HTTP/1.1"),
            [200],
        )
        .bodiless(),
        stays(
            rfc,
            "OPTIONS with a body",
            with("OPTIONS /plaintext HTTP/1.1"),
            [204],
        ),
        stays(
            rfc,
            "404 with a body",
            with("POST /nothing HTTP/1.1"),
            [404],
        ),
        stays(
            rfc,
            "404 with a chunked body",
            chunked("POST /nothing HTTP/1.1"),
            [404],
        ),
        stays(
            rfc,
            "405 with a body",
            with("POST /plaintext HTTP/1.1"),
            [405],
        ),
        stays(
            rfc,
            "405 with a chunked body",
            chunked("DELETE /plaintext HTTP/1.1"),
            [405],
        ),
        stays(
            rfc,
            "501 with a body",
            with("BREW /plaintext HTTP/1.1"),
            [501],
        ),
        stays(
            rfc,
            "501 with a chunked body",
            chunked("BREW /plaintext HTTP/1.1"),
            [501],
        ),
        stays(
            rfc,
            "a deferred answer with a body",
            with("GET /benchmark HTTP/1.1"),
            [200],
        ),
        stays(
            rfc,
            "a job's answer with a body",
            chunked("GET /benchmark?work=10001 HTTP/1.1"),
            [200],
        ),
    ]
}

//! Who stays, who closes, and in which order answers come.

use crate::case::{Case, closes, get, post, request, stays};

/// RFC 9110 section 7.6.1, RFC 9112 section 9.3.
pub(crate) fn cases() -> Vec<Case> {
    let old = |fields: &[&str]| request("GET /plaintext HTTP/1.0", fields, "");
    let (list, rfc) = ("9110 7.6.1", "9112 9.3");
    vec![
        closes(rfc, "close", get(&["Connection: close"]), [200]),
        closes(
            rfc,
            "close in another case",
            get(&["cOnNeCtIoN: cLoSe"]),
            [200],
        ),
        closes(
            list,
            "close in a list",
            get(&["Connection: foo, close ,bar"]),
            [200],
        ),
        closes(
            list,
            "close behind empty elements",
            get(&["Connection: , ,close"]),
            [200],
        ),
        closes(
            list,
            "close on the second line",
            get(&["Connection: foo", "Connection: close"]),
            [200],
        ),
        closes(
            rfc,
            "close wins",
            get(&["Connection: keep-alive, close"]),
            [200],
        ),
        closes(
            rfc,
            "close wins on another line",
            get(&["Connection: close", "Connection: keep-alive"]),
            [200],
        ),
        stays(rfc, "keep-alive", get(&["Connection: keep-alive"]), [200]),
        stays(
            list,
            "an option that begins like close",
            get(&["Connection: closed"]),
            [200],
        ),
        stays(
            list,
            "two words are no option",
            get(&["Connection: x close"]),
            [200],
        ),
        stays(list, "an empty list", get(&["Connection:"]), [200]),
        closes(rfc, "1.0", old(&[]), [200]),
        stays(
            rfc,
            "1.0 that asks to stay",
            old(&["Connection: keep-alive"]),
            [200],
        )
        .with("Connection", "keep-alive"),
        stays(
            rfc,
            "1.0 that asks in another case",
            old(&["Connection: foo, Keep-Alive"]),
            [200],
        )
        .with("Connection", "keep-alive"),
        closes(
            rfc,
            "1.0 that asks for both",
            old(&["Connection: keep-alive, close"]),
            [200],
        ),
        stays(
            rfc,
            "1.0 stays at an error",
            request("GET /nothing HTTP/1.0", &["Connection: keep-alive"], ""),
            [404],
        )
        .with("Connection", "keep-alive"),
        closes(
            rfc,
            "1.0 with a body",
            request("POST /zero-copy HTTP/1.0", &["Content-Length: 5"], "hello"),
            [200],
        )
        .saying("\"input_size\":5,"),
        closes(
            rfc,
            "close and a body",
            post(&["Connection: close", "Content-Length: 5"], "hello"),
            [200],
        ),
        closes(
            rfc,
            "close and an error",
            request(
                "GET /nothing HTTP/1.1",
                &["Host: x", "Connection: close"],
                "",
            ),
            [404],
        ),
        closes(
            rfc,
            "close and an unread body",
            request(
                "POST /nothing HTTP/1.1",
                &["Host: x", "Connection: close", "Content-Length: 5"],
                "hello",
            ),
            [404],
        ),
        closes(
            rfc,
            "close and a deferred answer",
            request(
                "GET /benchmark HTTP/1.1",
                &["Host: x", "Connection: close"],
                "",
            ),
            [200],
        ),
        closes(
            rfc,
            "1.0 and a deferred answer",
            request("GET /benchmark HTTP/1.0", &[], ""),
            [200],
        ),
        stays(
            rfc,
            "1.0 that stays and a deferred answer",
            request("GET /benchmark HTTP/1.0", &["Connection: keep-alive"], ""),
            [200],
        )
        .with("Connection", "keep-alive"),
        closes(
            rfc,
            "close and a job",
            request(
                "GET /benchmark?work=10001 HTTP/1.1",
                &["Host: x", "Connection: close"],
                "",
            ),
            [200],
        ),
    ]
}

/// RFC 9112 section 9.3.2. The last of the requests answers with something that can be told apart.
pub(crate) fn pipelines() -> Vec<Case> {
    let to = |target: &str| request(&format!("GET {target} HTTP/1.1"), &["Host: x"], "");
    let closing = |target: &str| {
        request(
            &format!("GET {target} HTTP/1.1"),
            &["Host: x", "Connection: close"],
            "",
        )
    };
    let (slow, job) = (
        "/benchmark?wait_us=2000",
        "/benchmark?work=20000&wait_us=500",
    );
    let (json, message) = ("/json", "{\"message\":\"Hello, World!\"}");
    let rfc = "9112 9.3.2";
    vec![
        stays(
            rfc,
            "two requests",
            [get(&[]), to(json)].concat(),
            [200, 200],
        )
        .saying(message),
        stays(
            rfc,
            "a deferred one first",
            [to(slow), to(json)].concat(),
            [200, 200],
        )
        .saying(message),
        stays(rfc, "a job first", [to(job), to(json)].concat(), [200, 200]).saying(message),
        stays(
            rfc,
            "slow, quick, slow, quick",
            [to(slow), to("/nothing"), to(job), to(json)].concat(),
            [200, 404, 200, 200],
        )
        .saying(message),
        stays(
            rfc,
            "a body, then a request",
            [post(&["Content-Length: 5"], "hello"), to(json)].concat(),
            [200, 200],
        )
        .saying(message),
        stays(
            rfc,
            "a deferred one, then a body",
            [to(slow), post(&["Content-Length: 9"], "123456789")].concat(),
            [200, 200],
        )
        .saying("cbf43926"),
        stays(
            rfc,
            "a deferred one, then a chunked body",
            [
                to(slow),
                post(
                    &["Transfer-Encoding: chunked"],
                    "9\r\n123456789\r\n0\r\n\r\n",
                ),
            ]
            .concat(),
            [200, 200],
        )
        .saying("cbf43926"),
        stays(
            rfc,
            "many requests",
            [get(&[]).repeat(19), to(json)].concat(),
            [200; 20],
        )
        .saying(message),
        stays(
            rfc,
            "many deferred ones",
            [to("/benchmark").repeat(19), to(json)].concat(),
            [200; 20],
        )
        .saying(message),
        closes(
            rfc,
            "nothing behind close",
            [closing(json), get(&[]).repeat(3)].concat(),
            [200],
        )
        .saying(message),
        closes(
            rfc,
            "nothing behind a deferred close",
            [closing(slow), get(&[])].concat(),
            [200],
        ),
        closes(
            rfc,
            "close last",
            [get(&[]), to(slow), closing(json)].concat(),
            [200, 200, 200],
        )
        .saying(message),
        closes(
            rfc,
            "nothing behind an error that closes",
            [get(&[]), to("/a#b"), get(&[])].concat(),
            [200, 400],
        ),
        closes(
            rfc,
            "an error behind a deferred one",
            [to(slow), to("/a#b"), get(&[])].concat(),
            [200, 400],
        ),
        stays(
            rfc,
            "errors that stay",
            [
                to("/nothing"),
                request("PUT / HTTP/1.1", &["Host: x"], ""),
                request("BREW / HTTP/1.1", &["Host: x"], ""),
                to(json),
            ]
            .concat(),
            [404, 405, 501, 200],
        )
        .saying(message),
    ]
}

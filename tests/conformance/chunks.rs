//! Chunked bodies, right and wrong.

use crate::case::{Case, closes, post, stays};

/// RFC 9112 section 7.1.
pub(crate) fn cases() -> Vec<Case> {
    [
        right(),
        wrong_sizes(),
        wrong_data(),
        extensions(),
        trailers(),
    ]
    .concat()
}

fn chunked(body: &str) -> Vec<u8> {
    post(&["Transfer-Encoding: chunked"], body)
}

/// "123456789", whose CRC-32 everybody knows.
const CRC: &str = "\"crc32\":\"cbf43926\"";

fn right() -> Vec<Case> {
    let rfc = "9112 7.1";
    let body = |name, text: &str| stays(rfc, name, chunked(text), [200]).saying(CRC);
    vec![
        body("one chunk", "9\r\n123456789\r\n0\r\n\r\n"),
        body("two chunks", "4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n"),
        body(
            "nine chunks",
            "1\r\n1\r\n1\r\n2\r\n1\r\n3\r\n1\r\n4\r\n1\r\n5\r\n1\r\n6\r\n1\r\n7\r\n\
            1\r\n8\r\n1\r\n9\r\n0\r\n\r\n",
        ),
        body(
            "zeros before a size",
            "0000000000000009\r\n123456789\r\n0\r\n\r\n",
        ),
        body(
            "many zeros before a size",
            "00000000000000000000000000000009\r\n123456789\r\n0\r\n\r\n",
        ),
        body(
            "a size of 19 digits",
            "0000000000000000009\r\n123456789\r\n0000000000000000000\r\n\r\n",
        ),
        body("several zeros at the end", "9\r\n123456789\r\n0000\r\n\r\n"),
        stays(
            rfc,
            "sizes of letters",
            chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
            [200],
        )
        .saying("\"input_size\":20,"),
        stays(
            rfc,
            "data that look like chunks",
            chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
            [200],
        )
        .saying("\"input_size\":5,"),
        stays(
            rfc,
            "two chunked bodies",
            chunked("1\r\na\r\n0\r\n\r\n").repeat(2),
            [200, 200],
        ),
    ]
}

fn wrong_sizes() -> Vec<Case> {
    let rfc = "9112 7.1";
    let body = |name, text: &str| closes(rfc, name, chunked(text), [400]);
    vec![
        body("no size", "\r\n123456789\r\n0\r\n\r\n"),
        body("only an extension", ";a=b\r\n123456789\r\n0\r\n\r\n"),
        body("a size with a prefix", "0x9\r\n123456789\r\n0\r\n\r\n"),
        body("a size with a plus", "+9\r\n123456789\r\n0\r\n\r\n"),
        body("a negative size", "-9\r\n123456789\r\n0\r\n\r\n"),
        body("white space before a size", " 9\r\n123456789\r\n0\r\n\r\n"),
        body("white space behind a size", "9 \r\n123456789\r\n0\r\n\r\n"),
        body("a tab behind a size", "9\t\r\n123456789\r\n0\r\n\r\n"),
        body("a size of other letters", "g\r\n123456789\r\n0\r\n\r\n"),
        body("a size with an underscore", "0_9\r\n123456789\r\n0\r\n\r\n"),
        body(
            "a size of 17 digits",
            "90000000000000000\r\n123456789\r\n0\r\n\r\n",
        ),
        body(
            "zeros without end before a size",
            &format!("{:0>9000}\r\n123456789\r\n0\r\n\r\n", 9),
        ),
        body(
            "a size that would wrap around",
            "10000000000000009\r\n123456789\r\n0\r\n\r\n",
        ),
        body("NUL in a size", "9\0\r\n123456789\r\n0\r\n\r\n"),
        body("a size line that ends in LF", "9\n123456789\r\n0\r\n\r\n"),
        body("a size line that ends in CR", "9\r123456789\r\n0\r\n\r\n"),
        closes(
            "9110 15.5.14",
            "the largest size",
            chunked("ffffffffffffffff\r\n1"),
            [413],
        ),
        closes(
            "9110 15.5.14",
            "sizes that overflow together",
            chunked("1\r\n1\r\nffffffffffffffff\r\n1"),
            [413],
        ),
    ]
}

fn wrong_data() -> Vec<Case> {
    let rfc = "9112 7.1";
    let body = |name, text: &str| closes(rfc, name, chunked(text), [400]);
    vec![
        body("data longer than the size", "8\r\n123456789\r\n0\r\n\r\n"),
        body("data shorter than the size", "a\r\n123456789\r\n0\r\n\r\n"),
        body("nothing behind data", "9\r\n1234567890\r\n\r\n"),
        body("LF behind data", "9\r\n123456789\n0\r\n\r\n"),
        body("CR behind data", "9\r\n123456789\r0\r\n\r\n"),
        body("two CRLF behind data", "9\r\n123456789\r\n\r\n0\r\n\r\n"),
        body("LF at the end", "9\r\n123456789\r\n0\r\n\n"),
        body("LF behind the last size", "9\r\n123456789\r\n0\n\r\n"),
        body(
            "another request for the last line",
            "9\r\n123456789\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
        ),
    ]
}

/// RFC 9112 section 7.1.1.
fn extensions() -> Vec<Case> {
    let rfc = "9112 7.1.1";
    let extension = |text: &str| chunked(&format!("9{text}\r\n123456789\r\n0\r\n\r\n"));
    let takes = |name, text| stays(rfc, name, extension(text), [200]).saying(CRC);
    let refuses = |name, text| closes(rfc, name, extension(text), [400]);
    vec![
        takes("an extension", ";a"),
        takes("an extension with a value", ";a=b"),
        takes("an extension with a text", ";a=\"b c\""),
        takes("a text with quotes", ";a=\"b\\\"\\\\c\""),
        takes("two extensions", ";a=b;c"),
        takes("white space around an extension", " ; a = b"),
        refuses("an empty extension", ";"),
        refuses("an extension without a name", ";=b"),
        refuses("an extension without a value", ";a="),
        refuses("white space behind an extension", ";a=b "),
        refuses("two words in an extension", ";a b"),
        refuses("an open text", ";a=\"b"),
        refuses("something behind a text", ";a=\"b\"c"),
        refuses("LF in an extension", ";a\nb"),
        refuses("LF in a text", ";a=\"b\nc\""),
        refuses("CR in an extension", ";a\rb"),
        refuses("CRLF in a text", ";a=\"\r\n\""),
        refuses("NUL in an extension", ";a\0"),
    ]
}

/// RFC 9112 section 7.1.2.
fn trailers() -> Vec<Case> {
    let rfc = "9112 7.1.2";
    let trailer = |text: &str| chunked(&format!("9\r\n123456789\r\n0\r\n{text}\r\n"));
    let takes = |name, text: &str| stays(rfc, name, trailer(text), [200]).saying(CRC);
    let refuses = |name, text: &str| closes(rfc, name, trailer(text), [400]);
    vec![
        takes("a trailer field", "A: b\r\n"),
        takes("a length in the trailer section", "Content-Length: 5\r\n"),
        takes(
            "a coding in the trailer section",
            "Transfer-Encoding: chunked\r\n",
        ),
        takes("close in the trailer section", "Connection: close\r\n"),
        takes("32 trailer fields", &"A: b\r\n".repeat(32)),
        closes(
            "6585 5",
            "33 trailer fields",
            trailer(&"A: b\r\n".repeat(33)),
            [431],
        ),
        closes(
            "6585 5",
            "a trailer field of 5 KiB",
            trailer(&format!("A: {}\r\n", "b".repeat(5 * 1024))),
            [431],
        ),
        refuses("a trailer without a colon", "A\r\n"),
        refuses("a trailer without a name", ": b\r\n"),
        refuses("a space in a trailer's name", "A : b\r\n"),
        refuses("a folded trailer", "A: b\r\n c\r\n"),
        refuses("LF behind a trailer", "A: b\n"),
        refuses("NUL in a trailer", "A: \0\r\n"),
    ]
}

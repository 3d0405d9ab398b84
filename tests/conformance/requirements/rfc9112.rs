//! RFC 9112, HTTP/1.1: what it asks of an origin server, sentence by sentence.

use super::Level::{Must, Should};
use super::{Requirement, held, idle};

pub(super) const ALL: &[Requirement] = &[
    held(
        "2.2",
        Must,
        "read a message as octets of a superset of US-ASCII",
        &[
            "a value above 0x7F",
            "a name above 0x7F",
            "a method with an octet above 0x7F",
        ],
    ),
    held(
        "2.2",
        Must,
        "generate no bare CR",
        &[
            "a_response_cannot_be_split",
            "every_route_answers_with_the_common_fields",
        ],
    ),
    held(
        "2.2",
        Must,
        "take a bare CR for invalid, or for a space",
        &[
            "CR in the request line",
            "CR in a value",
            "a bare CR first",
            "a length behind a bare CR",
        ],
    ),
    held(
        "2.2",
        Should,
        "skip at least one empty line before the request line: one CRLF, and two are refused",
        &[
            "an empty line first",
            "two empty lines first",
            "empty_lines_between_requests_are_skipped",
        ],
    ),
    held(
        "2.2",
        Must,
        "reject white space before the first field, or drop those lines",
        &[
            "white space before the first field",
            "a tab before the first field",
        ],
    ),
    held(
        "2.2",
        Should,
        "answer what is no HTTP with 400, and close",
        &[
            "a TLS client",
            "no version, as in HTTP/0.9",
            "two empty lines first",
            "whatever_comes",
        ],
    ),
    held(
        "3",
        Should,
        "answer a method longer than all its own with 501, if the request line fits its limit",
        &["the longest method", "a method of every octet"],
    ),
    held(
        "3",
        Must,
        "answer a target that is too long with 414, and so a request line, whatever is long in it",
        &[
            "a byte more",
            "a long query",
            "a line of 100 kB",
            "a method of 9,000 octets",
        ],
    ),
    held(
        "3",
        Should,
        "take request lines of 8,000 octets",
        &["the longest request line"],
    ),
    held(
        "3.2",
        Should,
        "answer an invalid request line with 400 or a redirect",
        &[
            "two spaces before the target",
            "a tab for a space",
            "a fourth word",
            "no target",
        ],
    ),
    held(
        "3.2",
        Should,
        "not correct a request line and then serve it",
        &[
            "a space behind the version",
            "a relative path",
            "a fragment",
        ],
    ),
    held(
        "3.2",
        Must,
        "answer a request of HTTP/1.1 without Host, with two, or with an invalid one with 400",
        &[
            "no Host",
            "two Hosts",
            "the same Host twice",
            "a Host with a space",
            "a Host with a user",
        ],
    ),
    held(
        "3.2.2",
        Must,
        "use the authority of an absolute target in place of Host",
        &["its authority wins over Host"],
    ),
    held(
        "3.2.2",
        Must,
        "accept the absolute form",
        &[
            "an absolute URI",
            "another absolute URI",
            "an absolute URI without a path",
        ],
    ),
    held(
        "4",
        Must,
        "send the space behind the status code, whatever follows",
        &["every_route_answers_with_the_common_fields"],
    ),
    held(
        "5.1",
        Must,
        "answer white space before a field's colon with 400",
        &[
            "a space before the colon",
            "a tab before the colon",
            "a space before the coding's colon",
        ],
    ),
    held(
        "5.2",
        Must,
        "generate no folded line",
        &["a_response_cannot_be_split"],
    ),
    held(
        "5.2",
        Must,
        "reject a folded line with 400, or put spaces in its place",
        &[
            "a folded field",
            "a field folded with a tab",
            "a folded coding",
        ],
    ),
    held(
        "6.1",
        Must,
        "parse the chunked coding",
        &["chunked", "chunked in capitals", "chunks_of_every_size"],
    ),
    held(
        "6.1, 6.2",
        Must,
        "send chunked once, and last, and no Content-Length with it",
        &[
            "without_a_length_it_is_chunked",
            "head_has_the_fields_and_no_source_is_asked",
        ],
    ),
    held(
        "6.1",
        Must,
        "send no Transfer-Encoding with 1xx or 204, nor to HTTP/1.0",
        &[
            "to_http_1_0_the_end_of_the_connection_is_the_end",
            "OPTIONS",
            "a_client_that_waits_is_told_to_continue",
            "1.0 with a body",
        ],
    ),
    held(
        "6.1",
        Should,
        "answer a coding that it does not know with 501",
        &["gzip, then chunked", "gzip, then chunked, on two lines"],
    ),
    held(
        "6.1",
        Must,
        "close behind a request with both Transfer-Encoding and Content-Length",
        &[
            "length and coding",
            "coding and length",
            "a length of 0 and a coding",
        ],
    ),
    held(
        "6.1",
        Must,
        "take Transfer-Encoding in HTTP/1.0 for faulty framing, and close",
        &["a coding in 1.0", "a coding in 1.0 that asks to stay"],
    ),
    held(
        "6.3",
        Must,
        "answer a request whose final coding is not chunked with 400, and close",
        &[
            "chunked first",
            "gzip alone",
            "identity",
            "an unknown coding",
            "an empty coding",
        ],
    ),
    held(
        "6.3",
        Must,
        "answer an invalid Content-Length with 400, and close",
        &[
            "a length with a plus",
            "a negative length",
            "two lengths",
            "a list of lengths",
        ],
    ),
    held(
        "6.3",
        Must,
        "take a message for incomplete that ends, or stays out, before its length, and close",
        &[
            "rfc9112_section_8_a_stream_that_ends_too_soon",
            "the_end_inside_a_body_is_a_bad_request",
            "a_body_may_pause_for_10_s",
        ],
    ),
    held(
        "6.3",
        Should,
        "delimit its answers by a length or a coding; to HTTP/1.0 the end of the connection has \
         to do, if the length of a stream is not known",
        &[
            "every_route_answers_with_the_common_fields",
            "one_that_fails_in_the_middle_is_seen_to_be_incomplete",
        ],
    ),
    held(
        "7.1",
        Must,
        "decode chunks whatever the size of their numbers: 16 digits behind any zeros, and those \
         beyond 16 digits count against the limit of extensions",
        &[
            "the largest size",
            "a size of 19 digits",
            "many zeros before a size",
            "zeros without end before a size",
            "sizes that overflow together",
            "a size that would wrap around",
        ],
    ),
    held(
        "7.1",
        Should,
        "take parameters of chunked for an error",
        &["chunked with a parameter"],
    ),
    held(
        "7.1.1",
        Must,
        "ignore chunk extensions that it does not know",
        &[
            "an extension",
            "an extension with a text",
            "the longest extensions",
        ],
    ),
    held(
        "7.1.2",
        Must,
        "merge no trailer field into the header section",
        &[
            "a length in the trailer section",
            "a coding in the trailer section",
            "close in the trailer section",
        ],
    ),
    held(
        "9.3",
        Should,
        "keep connections open",
        &["two requests", "each_answer_starts_the_30_s_anew"],
    ),
    held(
        "9.3",
        Must,
        "read a body whole behind its answer, or close",
        &[
            "404 with a body",
            "405 with a chunked body",
            "GET with a body",
            "close and an unread body",
        ],
    ),
    held(
        "9.3.2",
        Must,
        "answer pipelined requests in their order",
        &[
            "slow, quick, slow, quick",
            "sixteen_requests_in_one_piece_are_answered_in_order",
            "a_connection_that_is_deferred_again_and_again_keeps_the_order",
            "any_disorder",
        ],
    ),
    held(
        "9.5",
        Should,
        "close gracefully after a timeout",
        &[
            "who_says_nothing_is_left_silently_after_30_s",
            "a_lingering_close_waits_for_the_peers_end",
        ],
    ),
    held(
        "9.5",
        Should,
        "watch for the peer's end, and answer it",
        &[
            "the_end_after_the_answer",
            "a_reset_ends_a_connection_in_every_state",
        ],
    ),
    held(
        "9.5",
        Should,
        "let flow control hold up a peer, and not close on it",
        &[
            "who_owes_reading_is_not_read",
            "connections_beyond_the_limit_wait_and_are_served_in_turn",
        ],
    ),
    held(
        "9.6",
        Should,
        "say close in the answer behind which it closes",
        &[
            "every_kind_of_last_answer_says_so_and_lingers",
            "one_more_request_is_answered",
        ],
    ),
    held(
        "9.6",
        Must,
        "close behind the answer to a request that says close, and serve nothing behind it",
        &[
            "close",
            "close in a list",
            "nothing behind close",
            "nothing behind a deferred close",
        ],
    ),
    held(
        "9.6",
        Must,
        "close behind an answer that says close, and serve nothing behind it",
        &[
            "nothing behind an error that closes",
            "rfc9112_section_9_6_an_answer_outlives_what_is_still_sent",
        ],
    ),
    idle(
        "2.3, 5.1, 5.2, 6.3",
        "proxies and gateways: it forwards nothing",
    ),
    idle(
        "2.2, 3.2, 6.1, 6.3, 7.4, 8, 9.2, 9.3, 9.5, 9.6",
        "clients and user agents",
    ),
    idle("6.1", "senders of codings other than chunked"),
    idle(
        "7.1.2",
        "recipients that keep trailer fields: they are judged and dropped",
    ),
    idle("7.2", "the codings gzip, deflate and compress: 501"),
    idle("7.3", "registries"),
    idle("9.7, 9.8", "TLS: there is none; a proxy in front speaks it"),
    idle("10.1", "message/http: it is never received as such"),
];

//! RFC 9110, the semantics: what it asks of an origin server without resources that clients change,
//! and without authentication.

use super::Level::{Must, Should};
use super::{Requirement, held, idle};

pub(super) const ALL: &[Requirement] = &[
    held(
        "2.2",
        Must,
        "generate nothing that breaks the grammar",
        &[
            "a_response_cannot_be_split",
            "every_route_answers_with_the_common_fields",
        ],
    ),
    held(
        "2.3",
        Should,
        "parse defensively, and bound what it takes",
        &["rfc9110_section_15_5_limits", "whatever_comes"],
    ),
    held(
        "4.1",
        Should,
        "take targets of 8,000 octets",
        &["the longest request line"],
    ),
    held(
        "4.2.1",
        Must,
        "reject an http target with an empty host",
        &[
            "an absolute URI without a host",
            "an absolute URI with only a port",
        ],
    ),
    held(
        "4.2.4",
        Should,
        "take userinfo in a target for an error",
        &["an absolute URI with a user", "a Host with a user"],
    ),
    held(
        "5.1",
        Should,
        "ignore fields that it does not know",
        &["every octet of a token", "a field twice"],
    ),
    held(
        "5.3",
        Must,
        "generate no field twice",
        &["every_route_answers_with_the_common_fields"],
    ),
    held(
        "5.3",
        Must,
        "serve no request before its header section is complete",
        &[
            "a_cut_changes_nothing",
            "a_head_has_10_s_from_its_first_byte",
        ],
    ),
    held(
        "5.4",
        Must,
        "answer a field or a section that is too large with 4xx",
        &[
            "a byte more than the largest section",
            "a field more",
            "a thousand fields",
        ],
    ),
    held(
        "5.5",
        Must,
        "leave white space around a value out of it",
        &[
            "white space around a value",
            "a value of white space",
            "chunked and white space",
        ],
    ),
    held(
        "5.5",
        Must,
        "reject CR, LF and NUL in a value, or put a space in their place",
        &["CR in a value", "NUL in a value", "LF behind a field"],
    ),
    held(
        "5.6.1.2",
        Must,
        "ignore empty list elements (in Connection; in Transfer-Encoding they are a disguise: 400)",
        &[
            "close behind empty elements",
            "an empty list",
            "an empty element between",
        ],
    ),
    held(
        "5.6.7, 6.6.1",
        Must,
        "send Date with every answer, as IMF-fixdate, and near the truth",
        &[
            "every_route_answers_with_the_common_fields",
            "a_wait_is_as_long_as_it_was_asked_for",
        ],
    ),
    held(
        "6.2",
        Should,
        "answer with HTTP/1.1, its highest version, a minor version above it like its own",
        &["HTTP/1.0", "HTTP/1.2", "HTTP/1.9"],
    ),
    held(
        "6.5.1",
        Must,
        "merge no trailer field into the header section",
        &[
            "a length in the trailer section",
            "a coding in the trailer section",
        ],
    ),
    held(
        "7.4",
        Must,
        "reject an https target over a connection that is not secured",
        &["an https URI, over a connection that is not secured"],
    ),
    held(
        "7.4",
        Must,
        "reject a target of a scheme that it does not serve",
        &["another scheme"],
    ),
    held(
        "7.6.1",
        Must,
        "send Connection for what is about the connection alone",
        &["1.0 that asks to stay", "close"],
    ),
    held(
        "7.8",
        Must,
        "switch to no protocol that was not asked for, and ignore Upgrade in HTTP/1.0",
        &["an upgrade is ignored"],
    ),
    held(
        "8.3",
        Should,
        "send Content-Type with content",
        &["every_route_answers_with_the_common_fields"],
    ),
    held(
        "8.6",
        Must,
        "send with HEAD the Content-Length of GET, or none",
        &[
            "every_get_route_answers_head_with_the_same_fields",
            "rfc9110_section_9_3_2_head_has_the_fields_of_get",
        ],
    ),
    held(
        "8.6",
        Must,
        "send no Content-Length with 1xx and 204",
        &["OPTIONS", "a_client_that_waits_is_told_to_continue"],
    ),
    held(
        "8.6",
        Should,
        "send Content-Length where the length is known",
        &["every_route_answers_with_the_common_fields"],
    ),
    held(
        "8.6",
        Must,
        "read lengths of any size without an overflow",
        &[
            "a length beyond 64 bits",
            "a length far beyond",
            "a length of u64::MAX",
        ],
    ),
    held(
        "8.8.2, 8.8.3",
        Should,
        "send Last-Modified and ETag with a file",
        &["head_says_what_get_would"],
    ),
    held(
        "8.8.2.1",
        Must,
        "send no Last-Modified that is later than Date",
        &["a_file_of_the_future_has_the_date_of_now"],
    ),
    held(
        "8.8.2.2",
        Should,
        "call a validator weak if a second change might not show in it",
        &["a_file_that_has_just_been_changed_has_a_weak_tag"],
    ),
    held(
        "9.1",
        Must,
        "serve GET and HEAD",
        &[
            "a request",
            "HEAD",
            "every_get_route_answers_head_with_the_same_fields",
        ],
    ),
    held(
        "9.1",
        Should,
        "answer a method that it does not know with 501, one that is not allowed with 405",
        &[
            "an unknown method",
            "GET of a POST route",
            "every_route_refuses_other_methods_and_names_its_own",
        ],
    ),
    held(
        "9.3.2",
        Must,
        "send no content with an answer to HEAD",
        &[
            "HEAD",
            "HEAD of nothing",
            "HEAD, deferred",
            "HEAD that is refused",
            "HEAD that closes",
        ],
    ),
    held(
        "9.3.2",
        Should,
        "send with HEAD the fields of GET",
        &["rfc9110_section_9_3_2_head_has_the_fields_of_get"],
    ),
    held(
        "9.3.6",
        Must,
        "reject CONNECT with an empty or invalid port",
        &[
            "CONNECT without a port",
            "CONNECT with no such port",
            "CONNECT to a path",
        ],
    ),
    held(
        "9.3.7",
        Should,
        "say with OPTIONS what is allowed",
        &["OPTIONS", "OPTIONS of a POST route", "OPTIONS *"],
    ),
    held(
        "10.1.1",
        Must,
        "ignore an expectation in HTTP/1.0, and send it no 1xx (section 15.2)",
        &[
            "rfc9110_section_10_1_1_version_1_0_expects_nothing",
            "http_1_0_has_no_continue",
        ],
    ),
    held(
        "10.1.1",
        Must,
        "answer 100-continue with 100, or with a final status, before the body comes",
        &[
            "rfc9110_section_10_1_1_the_body_is_asked_for",
            "rfc9110_section_10_1_1_a_known_answer_closes",
        ],
    ),
    held(
        "10.1.1",
        Must,
        "send a final status behind 100",
        &[
            "a_client_that_waits_is_told_to_continue",
            "continue_waits_for_a_slow_reader",
        ],
    ),
    held(
        "10.1.1",
        Should,
        "say with a final status before the body whether it closes",
        &[
            "a_final_answer_instead_of_continue_closes",
            "a_final_answer_to_a_client_that_did_not_wait_keeps_the_connection",
        ],
    ),
    held(
        "10.2.1, 15.5.6",
        Must,
        "send Allow with 405",
        &[
            "a_405_says_what_is_allowed",
            "every_route_refuses_other_methods_and_names_its_own",
        ],
    ),
    held(
        "10.2.4",
        Should,
        "send no detail in Server that is of no need",
        &["every_route_answers_with_the_common_fields"],
    ),
    held(
        "13.1.1",
        Must,
        "answer 412 where If-Match names no strong tag of the file",
        &["if_match_wants_one_strong_tag_or_any"],
    ),
    held(
        "13.1.2",
        Must,
        "compare If-None-Match weakly, and answer GET and HEAD with 304",
        &[
            "if_none_match_is_weak",
            "rfc9110_section_13_a_known_file_is_not_sent_again",
        ],
    ),
    held(
        "13.1.3, 13.1.4",
        Must,
        "ignore dates that are none, and those beside tags",
        &["dates_count_where_no_tag_is_asked_for"],
    ),
    held(
        "13.1.5",
        Must,
        "ignore Range unless If-Range is the file's strong validator",
        &["if_range_wants_the_file_as_it_is"],
    ),
    held(
        "13.2.1",
        Must,
        "ignore preconditions of what would not be answered with 2xx",
        &["preconditions_of_what_is_not_there_are_ignored"],
    ),
    held(
        "13.2.2",
        Must,
        "judge preconditions in their order",
        &["what_must_be_kept_is_judged_before_what_may_be_known"],
    ),
    held(
        "14.1, 14.2",
        Must,
        "ignore Range in units that it does not know, and of other methods than GET",
        &["one_range_of_bytes", "no_method_but_get_has_ranges"],
    ),
    held(
        "14.4, 15.3.7, 15.5.17",
        Must,
        "say with 206 which bytes they are, and with 416 how many there are",
        &[
            "rfc9110_section_14_ranges_are_parts_of_the_file",
            "validators_and_ranges_of_both",
        ],
    ),
    held(
        "15.4.5",
        Must,
        "send with 304 the validators of 200, and no body",
        &["rfc9110_section_13_a_known_file_is_not_sent_again"],
    ),
    held(
        "15.5, 15.6",
        Should,
        "explain an error in its content",
        &["rfc9110_section_15_5_limits", "the_first_of_several_errors"],
    ),
    held(
        "15.6.6",
        Should,
        "say with 505 what is served",
        &["HTTP/2.0", "HTTP/0.9", "the preface of HTTP/2"],
    ),
    idle("4.3", "https: there is no TLS here"),
    idle("7.6.2, 7.6.3, 7.7", "intermediaries"),
    idle(
        "8.4, 12",
        "content codings, and negotiation beyond Accept of `/`, `/accounts`, `/findings`, `/duel`",
    ),
    idle(
        "9.3.3, 9.3.4, 9.3.5",
        "resources that a request creates, changes or deletes: there are none",
    ),
    idle(
        "9.3.8",
        "TRACE: no route allows it, since it would send credentials back",
    ),
    idle(
        "10.1.2 to 10.1.6",
        "fields of clients that the server does not use",
    ),
    idle("11", "authentication"),
    idle("15.2.2, 15.5.22", "101 and 426: they are never sent"),
    idle("15.5.2", "401: it is never sent"),
    idle("16, 17, 18", "extensions and registries"),
];

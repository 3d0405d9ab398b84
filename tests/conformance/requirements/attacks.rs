//! What attackers try beyond the letter of the RFCs: by kind, each with the cases that meet it.

use super::Attack;

pub(super) const ALL: &[Attack] = &[
    Attack {
        kind: "CL.TE and TE.CL: two lengths of one body, for two servers to disagree about",
        cases: &[
            "length and coding",
            "coding and length",
            "a length of 0 and a coding",
            "length and an unknown coding",
        ],
    },
    Attack {
        kind: "TE.TE: a coding that one of two servers does not see",
        cases: &[
            "chunked twice",
            "chunked on two lines",
            "chunked first",
            "a coding that ends like chunked",
            "a coding that begins like chunked",
            "chunked in quotes",
            "a coding with VT",
            "a coding with NUL",
            "a space before the coding's colon",
            "a tab before the coding's colon",
            "a folded coding",
            "a coding folded away",
            "a coding behind a bare LF",
            "a coding behind a bare CR",
            "a name that begins with CR",
            "an underscore for the hyphen",
        ],
    },
    Attack {
        kind: "CL.CL: two lengths, or one that two parsers read differently",
        cases: &[
            "two lengths",
            "the same length twice",
            "a list of lengths",
            "two lengths of different case",
            "a length with a plus",
            "a hexadecimal length",
            "a length with a space",
            "a length behind a bare CR",
            "a length with an underscore",
        ],
    },
    Attack {
        kind: "CL.0 and 0.CL: a body that a route does not want, with a request in it",
        cases: &[
            "GET with a body",
            "HEAD with a body",
            "404 with a body",
            "405 with a chunked body",
            "OPTIONS with a body",
        ],
    },
    Attack {
        kind: "chunk sizes: signs, prefixes, white space, overflow",
        cases: &[
            "a size with a plus",
            "a negative size",
            "a size with a prefix",
            "a size of 17 digits",
            "zeros without end before a size",
            "a size that would wrap around",
            "a tab behind a size",
            "data longer than the size",
            "data shorter than the size",
        ],
    },
    Attack {
        kind: "chunk extensions and trailers as a flood, or with a bare LF",
        cases: &[
            "LF in an extension",
            "NUL in an extension",
            "a size line that ends in LF",
            "LF behind a trailer",
            "an extension of a byte more",
            "many small extensions",
            "33 trailer fields",
            "a trailer field of 5 KiB",
        ],
    },
    Attack {
        kind: "request splitting: line ends that only some take for one",
        cases: &[
            "LF behind a field",
            "CR CR LF behind a field",
            "CR in the request line",
            "LF throughout",
        ],
    },
    Attack {
        kind: "response splitting: line ends that come back in an answer",
        cases: &["a_response_cannot_be_split"],
    },
    Attack {
        kind: "Host in disguise: two, of another case, with a user, against an absolute target",
        cases: &[
            "two Hosts",
            "two Hosts of different case",
            "an empty and a full Host",
            "a Host with a user",
            "a Host with two ports",
            "its authority wins over Host",
        ],
    },
    Attack {
        kind: "paths out of the files root: dots, encoded dots, NUL, overlong forms, links",
        cases: &[
            "async_files_stays_below_its_root",
            "nothing is decoded",
            "nothing is resolved",
        ],
    },
    Attack {
        kind: "floods: heads without an end, bodies byte by byte, answers that nobody reads",
        cases: &[
            "a long line without an end",
            "a_head_has_10_s_from_its_first_byte",
            "a_body_must_come_at_500_bytes_a_second",
            "the_answers_owed_are_bounded_however_many_are_asked_for",
            "who_takes_an_answer_byte_by_byte_is_left_after_20_s",
        ],
    },
];

//! `/zero-copy`: looks at a body where it lies.
//!
//! The body is read into pooled buffers by the reactor; the handler borrows them. Its CRC-32 is in
//! the answer, so that every byte was truly read. What the reactor had to copy (the part of a long
//! body that came with its head, for example) it says in [`Body::copied`](crate::http::Body), and
//! the answer's flags are made from that alone.

use std::time::Instant;

use serde::Serialize;

use super::units::microseconds;
use crate::http::{Request, Response};

/// `output_size` counts the bytes that went into the CRC. `zero_copy`: not one byte was copied in
/// user space after recv(2). `memory_efficiency`: `high` if none was copied, `low` if all were,
/// else `partial`.
#[derive(Serialize)]
struct Reading {
    status: &'static str,
    input_size: usize,
    output_size: usize,
    processing_time_us: f64,
    zero_copy: bool,
    memory_efficiency: &'static str,
    bytes_copied: usize,
    crc32: String,
}

/// `POST /zero-copy`. Without a body the answer is about no bytes.
pub(super) fn reply(request: &Request<'_>) -> Response {
    let started = Instant::now();
    let mut hasher = crc32fast::Hasher::new();
    let mut output_size = 0;
    for piece in request.body.pieces() {
        hasher.update(piece);
        output_size += piece.len();
    }
    let crc32 = hasher.finalize();
    let processing_time_us = microseconds(started.elapsed());
    let (input_size, bytes_copied) = (request.body.len(), request.body.copied);
    Response::json(Reading {
        status: "success",
        input_size,
        output_size,
        processing_time_us,
        zero_copy: bytes_copied == 0,
        memory_efficiency: efficiency(bytes_copied, input_size),
        bytes_copied,
        crc32: format!("{crc32:08x}"),
    })
}

fn efficiency(copied: usize, of: usize) -> &'static str {
    match copied {
        0 => "high",
        _ if copied < of => "partial",
        _ => "low",
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::handlers::testing::{Answer, Exam, request};
    use crate::http::{Body, Method};

    fn answer(first: &[u8], segments: &[BytesMut], copied: usize) -> Answer {
        let mut asked = request(Method::Post, "/zero-copy");
        asked.body = Body {
            first,
            segments,
            copied,
        };
        Answer::of(reply(&asked), Method::Post)
    }

    #[test]
    fn every_byte_is_read_in_place() {
        // The check value of CRC-32/ISO-HDLC.
        let body = Exam::new()
            .ask(Method::Post, "/zero-copy", b"123456789")
            .json();
        assert_eq!(body["crc32"], "cbf43926");
        assert_eq!(
            (&body["input_size"], &body["output_size"]),
            (&9.into(), &9.into())
        );
        assert_eq!(
            (&body["status"], &body["zero_copy"]),
            (&"success".into(), &true.into())
        );
        assert!(body["processing_time_us"].is_f64());
    }

    #[test]
    fn a_body_in_pieces_has_the_same_sum() {
        let segments = [BytesMut::from(&b"345"[..]), BytesMut::from(&b"6789"[..])];
        let answer = answer(b"12", &segments, 2);
        assert_eq!(
            answer.names(),
            [
                "bytes_copied",
                "crc32",
                "input_size",
                "memory_efficiency",
                "output_size",
                "processing_time_us",
                "status",
                "zero_copy"
            ]
        );
        assert_eq!(answer.json()["crc32"], "cbf43926");
    }

    #[test]
    fn the_flags_follow_the_ledger() {
        for (copied, zero_copy, efficiency) in
            [(0, true, "high"), (3, false, "partial"), (9, false, "low")]
        {
            let body = answer(b"123456789", &[], copied).json();
            assert_eq!(body["bytes_copied"], copied);
            assert_eq!(body["zero_copy"], zero_copy);
            assert_eq!(body["memory_efficiency"], efficiency);
        }
        let nothing = answer(b"", &[], 0).json();
        assert_eq!(
            (&nothing["crc32"], &nothing["input_size"]),
            (&"00000000".into(), &0.into())
        );
    }
}

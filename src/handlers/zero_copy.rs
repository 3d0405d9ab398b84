//! `/zero-copy`: looks at a body where it lies.
//!
//! The body is read into pooled buffers by the reactor, and the handler borrows them; or, with
//! `?stream=1`, each part is handed over where it was received, and none is kept. Its CRC-32 is in
//! the answer, so that every byte was truly read. What the reactor had to copy (the part of a long
//! body that came with its head, for example) it says in [`Body::copied`](crate::http::Body), and
//! the answer's flags are made from that alone.

use std::mem;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::query::Parameters;
use super::units::microseconds;
use crate::http::{Admission, Reply, Request, Response, Taken, Upload};

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

/// `POST /zero-copy`. Without a body the answer is about no bytes; with `?stream=1` the body is
/// looked at as it comes, and may be of any size.
pub(super) fn reply(request: &Request<'_>) -> Reply {
    match is_stream(request) {
        Ok(true) => stream().into(),
        Ok(false) => {
            let mut sum = Sum::default();
            for piece in request.body.pieces() {
                sum.update(piece, 0);
            }
            sum.copied = request.body.copied;
            sum.answer().into()
        }
        Err(refusal) => refusal.into(),
    }
}

/// What is to be done with the body.
pub(super) fn admission(request: &Request<'_>) -> Admission {
    match is_stream(request) {
        Ok(true) => Admission::TakeBody,
        _ => Admission::ReadBody,
    }
}

fn is_stream(request: &Request<'_>) -> Result<bool, Response> {
    let query = Parameters::of(request, ["stream"])?;
    Ok(query.number("stream", 0..=1, 0)? == 1)
}

/// Takes a body of any size: no byte of it is kept.
fn stream() -> Upload {
    let mut sum = Sum::default();
    let upload = Upload::new(move |part| {
        sum.update(part.bytes, part.copied);
        if part.is_last {
            Taken::Answer(mem::take(&mut sum).answer().into())
        } else {
            Taken::More
        }
    });
    upload.limit(usize::MAX)
}

/// What is known of a body so far.
#[derive(Default)]
struct Sum {
    hasher: crc32fast::Hasher,
    size: usize,
    copied: usize,
    time: Duration,
}

impl Sum {
    fn update(&mut self, piece: &[u8], copied: usize) {
        let began = Instant::now();
        self.hasher.update(piece);
        self.time += began.elapsed();
        self.size += piece.len();
        self.copied += copied;
    }

    fn answer(self) -> Response {
        let (size, copied) = (self.size, self.copied);
        Response::json(Reading {
            status: "success",
            input_size: size,
            output_size: size,
            processing_time_us: microseconds(self.time),
            zero_copy: copied == 0,
            memory_efficiency: efficiency(copied, size),
            bytes_copied: copied,
            crc32: format!("{:08x}", self.hasher.finalize()),
        })
    }
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
    use crate::handlers::testing::{Answer, Exam, request, settle};
    use crate::http::{Body, Handler, Method, Part, Waker};

    fn answer(first: &[u8], segments: &[BytesMut], copied: usize) -> Answer {
        let mut asked = request(Method::Post, "/zero-copy");
        asked.body = Body {
            first,
            segments,
            copied,
        };
        Answer::of(settle(reply(&asked)), Method::Post)
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

    #[test]
    fn a_stream_has_the_same_sum_and_a_ledger_of_its_own() {
        let exam = Exam::new();
        let asked = request(Method::Post, "/zero-copy?stream=1");
        assert!(matches!(exam.routes.admit(&asked), Admission::TakeBody));
        let Reply::Upload(mut upload) = exam.routes.handle(&asked) else {
            panic!("it takes the body as it comes");
        };
        let mut take = |bytes, copied, is_last| {
            let waker = &Waker::new(|| ());
            (upload.take)(&Part {
                bytes,
                copied,
                is_last,
                waker,
            })
        };
        assert!(matches!(take(b"1234", 2, false), Taken::More));
        assert!(matches!(take(b"5678", 0, false), Taken::More));
        let Taken::Answer(reply) = take(b"9", 0, true) else {
            panic!("an answer to the last part");
        };
        let body = Answer::of(settle(reply), Method::Post).json();
        assert_eq!(
            (&body["crc32"], &body["bytes_copied"]),
            (&"cbf43926".into(), &2.into())
        );
        assert_eq!(
            (&body["input_size"], &body["memory_efficiency"]),
            (&9.into(), &"partial".into())
        );
        for target in ["/zero-copy?stream=2", "/zero-copy?strem=1"] {
            let asked = request(Method::Post, target);
            assert!(matches!(exam.routes.admit(&asked), Admission::ReadBody));
            let refusal = settle(exam.routes.handle(&asked));
            assert_eq!(Answer::of(refusal, Method::Post).status, 400, "{target}");
        }
    }
}

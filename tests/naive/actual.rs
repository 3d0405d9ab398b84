//! The server's own parser and decoder, asked in the terms of the naive ones.

use barewire::config::{Limits, Techniques};
use barewire::http::body::Decoder;
use barewire::http::parse::{self, Framing, Parser, Partial, Slots};

use super::{Head, Verdict};

/// The verdict once the input has grown to each of `lengths` in turn; `None` if it still waits.
pub(crate) fn parsed(input: &[u8], lengths: impl IntoIterator<Item = usize>) -> Option<Verdict> {
    let mut partial = Partial::default();
    let mut parser = Parser::new(&Limits::default());
    for length in lengths {
        let mut slots = Slots::default();
        match parser.head(
            &input[..length],
            &mut partial,
            &mut slots,
            &Techniques::FULL,
        ) {
            Ok(None) => {}
            Ok(Some(head)) => return Some(Ok(owned(head))),
            Err(rejection) => return Some(Err(rejection.status.0)),
        }
    }
    None
}

fn owned(head: &parse::Head<'_>) -> Head {
    let fields = head.request.fields.iter();
    Head {
        method: head.request.method,
        path: head.request.path.to_owned(),
        query: head.request.query.map(str::to_owned),
        version: head.request.version,
        fields: fields
            .map(|field| (field.name.to_owned(), field.value.to_vec()))
            .collect(),
        framing: head.controls.framing,
        expectation: head.controls.expectation,
        keep_alive: head.controls.keep_alive,
        bytes: head.bytes,
    }
}

/// The body, and how much of the stream it took; `None` if it has not ended; or a status.
pub(crate) fn decoded<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<(Vec<u8>, usize)>, u16> {
    let mut decoder = Decoder::new(Framing::Chunked);
    let (mut body, mut taken) = (Vec::new(), 0);
    for mut input in pieces {
        while !input.is_empty() && !decoder.is_done() {
            let piece = decoder.next(input, &Limits::default());
            let piece = piece.map_err(|rejection| rejection.status.0)?;
            assert_ne!(piece.consumed, 0, "a decoder that takes nothing would spin");
            body.extend_from_slice(piece.data);
            taken += piece.consumed;
            input = &input[piece.consumed..];
        }
    }
    Ok(decoder.is_done().then_some((body, taken)))
}

//! A field line, as httparse finds it.

/// `name` as it came (compare it without case), `value` without the white space around it.
pub type Field<'a> = httparse::Header<'a>;

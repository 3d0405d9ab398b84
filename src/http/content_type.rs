//! What a body is, as its Content-Type says it (RFC 9110 section 8.3).

/// A body's media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// `application/json`, always UTF-8 (RFC 8259 section 8.1).
    Json,
    /// `text/plain; charset=utf-8`.
    Text,
    /// `text/html; charset=utf-8`.
    Html,
    /// Any other, as it stands in the field.
    Other(&'static str),
}

impl ContentType {
    /// The value of the field.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Other(media_type) => media_type,
        }
    }
}

//! How far the beginning of a head has been judged, while its end has not come.
//!
//! What cannot become right is refused at the octet that decides, whether more comes or not: an
//! octet where it may not stand; a target, and a field that counts, where they end. Between two
//! reads only this is kept. Most octets are looked at once; the line that is open is judged again
//! from its beginning where one of its parts ends, so that a head that comes octet by octet costs a
//! constant number of looks at each, however long it is.

use super::examine::{after_empty_line, request_line, section_line};
use super::fields::Told;
use super::octets::{Class, TARGET, TOKEN, VALUE};
use crate::config::Limits;
use crate::http::{Rejection, Version};

/// Kept by the caller between two calls of [`Parser::head`](super::Parser::head) with the same
/// input and more bytes behind it.
#[derive(Clone, Copy)]
pub struct Partial {
    /// Octets of the input that have been judged. With 0 nothing else counts: a head begins.
    pub judged: usize,
    /// Where the open line begins.
    line: usize,
    /// Where its header section begins: not in the request line.
    section: Option<usize>,
    /// Field lines before the open one.
    fields: usize,
    version: Version,
    told: Told,
    /// What the next octet may be without a closer look.
    next: Option<&'static Class>,
    /// Octets that were looked at, those that were twice counted twice.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl Default for Partial {
    /// Before a head.
    fn default() -> Self {
        Self {
            judged: 0,
            line: 0,
            section: None,
            fields: 0,
            version: Version::Http11,
            told: Told::default(),
            next: None,
            #[cfg(test)]
            looks: 0,
        }
    }
}

impl Partial {
    /// Judges what has come since. Whether the head has ended, be it right or not: the fields that
    /// are missing are not looked for here.
    #[cold]
    #[inline(never)]
    pub(super) fn advance(&mut self, input: &[u8], limits: &Limits) -> Result<bool, Rejection> {
        if self.judged == 0 {
            *self = Self::default();
        }
        while self.judged < input.len() {
            let limit = match self.section {
                None => self.line.saturating_add(limits.request_line),
                Some(section) => section.saturating_add(limits.header_section),
            };
            let within = input.get(self.judged..limit.min(input.len()));
            let plain = self.next.zip(within);
            let plain = plain.map_or(0, |(class, within)| class.prefix(within));
            self.judged += plain;
            let visible = input.get(..=self.judged);
            #[cfg(test)]
            {
                self.looks += plain + visible.map_or(0, |visible| visible.len() - self.line);
            }
            if let Some(visible) = visible {
                self.judged += 1;
                if self.judge(visible, limits)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Judges the open line of `input`, whose last octet is new. Whether it was the empty one.
    fn judge(&mut self, input: &[u8], limits: &Limits) -> Result<bool, Rejection> {
        let Some(section) = self.section else {
            self.judge_request_line(input, limits)?;
            return Ok(false);
        };
        let (bytes, mut at) = (&input[section..], self.line - section);
        while let Some((field, next)) = section_line(bytes, at, self.fields, limits)? {
            let Some(field) = field else {
                return Ok(true);
            };
            self.told.take(&field, self.version)?;
            self.fields += 1;
            (at, self.line) = (next, section + next);
        }
        self.next = match &bytes[at..] {
            [] | [.., b'\r'] => None,
            line if line.contains(&b':') => Some(&VALUE),
            _ => Some(&TOKEN),
        };
        Ok(false)
    }

    fn judge_request_line(&mut self, input: &[u8], limits: &Limits) -> Result<(), Rejection> {
        let Some(line) = after_empty_line(input)? else {
            return Ok(());
        };
        self.line = input.len() - line.len();
        if let Some((request, _)) = request_line(line, limits)? {
            self.version = request.version;
            (self.line, self.section) = (input.len(), Some(input.len()));
            self.next = None;
            return Ok(());
        }
        let spaces = memchr::memchr_iter(b' ', line).count();
        self.next = match (spaces, line) {
            (0, _) => Some(&TOKEN),
            // The first octet tells the form.
            (1, [.., b' ']) => None,
            (1, _) => Some(&TARGET),
            _ => None,
        };
        Ok(())
    }
}

//! What must hold between options, or between an option and this machine.
//!
//! Only contradictions are refused: two values of which one can never come to bear, or would do
//! harm. That a value is unwise is said in its help.

use super::forms::{Form, Size};
use super::options::{Section, Values};
use super::sources::Chosen;
use crate::config::bounds;

/// A rule: the option to blame and why, if it is broken.
type Rule = fn(&Values) -> Option<(&'static str, String)>;

const RULES: [Rule; 5] = [
    linger_blocks,
    body_fits_the_buffers,
    answers_fit_the_buffers,
    every_reactor_has_a_connection,
    files_root_exists,
];

/// Holds the values against the rules.
///
/// # Errors
///
/// A sentence that names where the value stands, the value, and what is allowed.
pub(super) fn check(chosen: &Chosen, table: &[Section]) -> Result<(), String> {
    let Some((name, reason)) = RULES.iter().find_map(|rule| rule(&chosen.values)) else {
        return Ok(());
    };
    let mut settings = table.iter().flat_map(|section| &section.settings);
    let sentence = settings
        .find(|setting| setting.name == name)
        .map(|setting| {
            let place = chosen.source(setting).place(setting);
            format!("{place} is {:?}; {reason}", setting.show(&chosen.values))
        });
    Err(sentence.unwrap_or(reason))
}

fn linger_blocks(values: &Values) -> Option<(&'static str, String)> {
    let long = values
        .config
        .socket
        .linger
        .is_some_and(|linger| !linger.is_zero());
    (long && !values.linger_may_block).then(|| {
        let reason = "close() would block a reactor, with all its connections, for up to that \
            long; allowed: off or 0, or more with --linger-may-block";
        ("linger", reason.to_owned())
    })
}

/// The longest body must fit beside the head of its request, or every one that is nearly as long
/// would be refused with 503 for ever.
fn body_fits_the_buffers(values: &Values) -> Option<(&'static str, String)> {
    let (limits, small) = (&values.config.limits, values.config.socket.buffer_size);
    let head = limits.request_line + limits.header_section;
    let head = if head <= small {
        small
    } else {
        head.max(bounds::SEGMENT_BYTES)
    };
    // The head, kept; the input in which more comes; and the body in segments, the first as small
    // as an input.
    let most = match limits.buffers.checked_sub(2 * head + small) {
        Some(left) => small + left / bounds::SEGMENT_BYTES * bounds::SEGMENT_BYTES,
        None => 0,
    };
    (limits.body > most).then(|| {
        let (most, buffers) = (size(most), size(limits.buffers));
        let reason = format!(
            "allowed: at most {most}, what --buffers-max, now {buffers}, holds beside a head"
        );
        ("body-max", reason)
    })
}

fn answers_fit_the_buffers(values: &Values) -> Option<(&'static str, String)> {
    let limits = &values.config.limits;
    (limits.owed > limits.buffers).then(|| {
        let most = size(limits.buffers);
        let reason = format!(
            "allowed: at most --buffers-max, now {most}, since a reactor can never hold more"
        );
        ("owed-max", reason)
    })
}

fn every_reactor_has_a_connection(values: &Values) -> Option<(&'static str, String)> {
    let workers = values.config.workers;
    let few = values
        .config
        .limits
        .connections
        .is_some_and(|connections| connections < workers);
    few.then(|| {
        let reason = format!("allowed: at least one for each of the {workers} --workers");
        ("connections-max", reason)
    })
}

fn files_root_exists(values: &Values) -> Option<(&'static str, String)> {
    let root = values.config.files_root.as_ref()?;
    (!root.is_dir()).then(|| {
        (
            "files-root",
            "allowed: auto, or a directory that exists".to_owned(),
        )
    })
}

fn size(bytes: usize) -> String {
    Size(0..=usize::MAX).show(&bytes)
}

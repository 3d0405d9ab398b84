//! What must hold between options, or between an option and this machine.
//!
//! Only contradictions are refused: two values of which one can never come to bear, or would do
//! harm. That a value is unwise is said in its help.

use super::settings::Settings;
use crate::config::{Config, bounds, shown_size};

/// Holds the values against the rules.
///
/// # Errors
///
/// A sentence that names the value, where it came from, and what is allowed.
pub(super) fn check(settings: &Settings) -> Result<(), String> {
    let config = &settings.config;
    let (limits, workers) = (&config.limits, config.workers);
    let (body, buffers) = (longest_body(config), shown_size(limits.buffers));
    let linger = config.socket.linger.unwrap_or_default();
    let may_block = settings.values["linger-may-block"] == true;
    let (name, reason) = if linger.subsec_nanos() > 0 {
        // The kernel counts whole seconds: it would take 500ms for 0, a reset.
        ("linger", "allowed: whole seconds".to_owned())
    } else if !linger.is_zero() && !may_block {
        let reason = "close() would block a reactor, with all its connections, for up to that \
            long; allowed: off or 0, or more with --linger-may-block";
        ("linger", reason.to_owned())
    } else if limits.body > body {
        let body = shown_size(body);
        let reason = format!("what --buffers-max, now {buffers}, holds beside a head");
        ("body-max", format!("allowed: at most {body}, {reason}"))
    } else if limits.owed > limits.buffers {
        let reason = "since a reactor can never hold more";
        (
            "owed-max",
            format!("allowed: at most --buffers-max, now {buffers}, {reason}"),
        )
    } else if limits
        .connections
        .is_some_and(|connections| connections < workers)
    {
        let reason = format!("allowed: at least one for each of the {workers} --workers");
        ("connections-max", reason)
    } else if config
        .files_root
        .as_ref()
        .is_some_and(|root| !root.is_dir())
    {
        (
            "files-root",
            "allowed: auto, or a directory that exists".to_owned(),
        )
    } else {
        return Ok(());
    };
    Err(settings.objection(name, &reason))
}

/// The longest body must fit beside the head of its request, or every one that is nearly as long
/// would be refused with 503 for ever.
fn longest_body(config: &Config) -> usize {
    let (limits, small) = (&config.limits, config.socket.buffer_size);
    let head = limits.request_line + limits.header_section;
    let head = if head <= small {
        small
    } else {
        head.max(bounds::SEGMENT_BYTES)
    };
    // The head, kept; the input in which more comes; and the body in segments, the first as small
    // as an input.
    let left = limits.buffers.checked_sub(2 * head + small);
    left.map_or(0, |left| {
        small + left / bounds::SEGMENT_BYTES * bounds::SEGMENT_BYTES
    })
}

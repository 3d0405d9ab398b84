//! From the bytes of a connection's input to the bytes of its answers.
//!
//! Every complete request in the input is served before anything is sent, so sixteen pipelined
//! requests are one recv and one send.

use std::mem;

use super::buffers::Input;
use super::connection::{Connection, Gone, Phase, Step};
use super::deferral::Pending;
use super::kernel::Kernel;
use super::shared::{Produced, Shared};
use super::upload::Pace;
use crate::accounts::{Refusal, Stage};
use crate::http::body::Decoder;
use crate::http::parse::{self, Expectation, Framing, Head, Slots};
use crate::http::{Exchange, Handler, Method, Rejection, Status, Version};

impl<K: Kernel> Connection<K> {
    /// Serves what is complete in the input, as long as the answers are taken.
    #[cfg_attr(map, inline(never))]
    pub(super) fn serve<H: Handler>(
        &mut self,
        input: &mut Input,
        shared: &mut Shared<H, K>,
    ) -> Result<(), Gone> {
        while !input.is_empty() {
            let goes_on = if let Phase::Head { .. } = self.phase {
                self.serve_head(input, shared)
            } else {
                self.serve_rest(input, shared)
            };
            if !goes_on {
                break;
            }
            let is_due = shared.output.len() >= shared.limits.owed;
            if is_due || !shared.techniques().batched_writes {
                self.flush(shared)?;
                if self.outbox.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes what belongs to a request whose head has been taken. False if nothing can be taken
    /// now.
    #[inline(never)]
    fn serve_rest<H: Handler>(&mut self, input: &mut Input, shared: &mut Shared<H, K>) -> bool {
        match self.phase {
            Phase::Body(_) => self.collect(input, shared),
            Phase::Discard { .. } => self.discard(input, shared),
            Phase::Head { .. } | Phase::Deferred(_) | Phase::Closing | Phase::Lingering { .. } => {
                false
            }
        }
    }

    /// Takes a request head, and what follows from it. False if the head is not complete, or
    /// refused.
    #[cfg_attr(map, inline(never))]
    fn serve_head<H: Handler>(&mut self, input: &mut Input, shared: &mut Shared<H, K>) -> bool {
        let Phase::Head { scanned, since } = &mut self.phase else {
            return false;
        };
        let before = *scanned;
        let mut slots = Slots::new(shared.techniques());
        // Matched by reference: the head is a page of pointers, and moving it is a call of memcpy.
        let mut parsed = parse::head(input.unread(), scanned, &mut slots, &shared.limits);
        match &mut parsed {
            Ok(Some(head)) => {
                shared.stopwatch.lap(Stage::Parse, &mut shared.kernel);
                head.request.worker = shared.worker;
                shared.access.begin(&self.peer, &head.request);
                shared.kernel.observe("serve_head", || {
                    let (bytes, fields) = (head.bytes, head.request.fields.len());
                    format!("a request head of {bytes} bytes with {fields} fields, seen in place")
                });
                let taken = head.bytes + self.begin(head, input, shared);
                input.consume(taken);
                true
            }
            Ok(None) => {
                // The head's time runs from the turn that brought its first byte.
                let known = input.unread().get(..before).unwrap_or_default();
                if !parse::has_begun(known) {
                    *since = shared.now;
                }
                false
            }
            Err(rejection) => {
                let head_only = parse::asks_for_the_head(input.unread());
                let refusal = Refusal::of_status(rejection.status.0);
                self.refuse(refusal, *rejection, head_only, shared);
                false
            }
        }
    }

    /// Answers a request, or begins to read its body. Returns how many of the bytes that follow the
    /// head in the input it took.
    #[inline]
    fn begin<H: Handler>(
        &mut self,
        head: &Head<'_>,
        input: &Input,
        shared: &mut Shared<H, K>,
    ) -> usize {
        let is_plain = head.framing == Framing::None
            && head.expectation == Expectation::None
            && !matches!(head.request.method, Method::Connect | Method::Unknown);
        if !is_plain {
            return self.begin_with_body(head, input, shared);
        }
        let exchange = exchange_of(head);
        let produced = shared.produce(exchange, |handler| handler.handle(&head.request));
        self.settle(produced, exchange, Framing::None, shared);
        0
    }

    /// The peer will send nothing more.
    pub(super) fn meet_end<H: Handler>(
        &mut self,
        partial: bool,
        shared: &mut Shared<H, K>,
    ) -> Step {
        match self.phase {
            Phase::Head { .. } if partial => self.reject(ENDED_IN_HEAD, shared),
            Phase::Body(_) => self.reject(ENDED_IN_BODY, shared),
            _ => return Step::Finished,
        }
        Step::Again
    }

    /// Refuses the request, and all that may follow it.
    pub(super) fn reject<H: Handler>(&mut self, rejection: Rejection, shared: &mut Shared<H, K>) {
        self.reject_as(Refusal::of_status(rejection.status.0), rejection, shared);
    }

    /// The same, where the status does not tell the kind.
    pub(super) fn reject_as<H: Handler>(
        &mut self,
        refusal: Refusal,
        rejection: Rejection,
        shared: &mut Shared<H, K>,
    ) {
        let head_only = match &self.phase {
            Phase::Body(upload) => upload.exchange.head_only,
            Phase::Deferred(deferred) => deferred.pending.exchange.head_only,
            // A head that was never whole is no request yet, and has no method.
            Phase::Head { .. }
            | Phase::Discard { .. }
            | Phase::Closing
            | Phase::Lingering { .. } => false,
        };
        self.refuse(refusal, rejection, head_only, shared);
    }

    /// Refuses it without content, if the request was HEAD (RFC 9110 section 9.3.2).
    #[cold]
    fn refuse<H: Handler>(
        &mut self,
        refusal: Refusal,
        rejection: Rejection,
        head_only: bool,
        shared: &mut Shared<H, K>,
    ) {
        shared.refused(refusal, self.peer, rejection.reason);
        shared.access.begin_unknown(&self.peer);
        let exchange = Exchange {
            keep_alive: false,
            head_only,
            version: Version::Http11,
        };
        shared.answer(exchange, rejection.into());
        self.end_phase(shared);
        self.phase = Phase::Closing;
    }

    /// What comes after a handler: the next request, or the wait for its answer. `unread` is the
    /// framing of the body that is still to come and that nobody wants.
    #[inline]
    pub(super) fn settle<H: Handler>(
        &mut self,
        produced: Produced,
        exchange: Exchange,
        unread: Framing,
        shared: &mut Shared<H, K>,
    ) {
        let goes_on =
            matches!(produced, Produced::Written { keep_alive: true }) && unread.is_bodiless();
        if goes_on && let Phase::Head { scanned, since } = &mut self.phase {
            // The usual case changes two numbers, where an assignment would first drop the old
            // phase.
            (*scanned, *since) = (0, shared.now);
        } else {
            self.settle_any(produced, exchange, unread, shared);
        }
    }

    #[inline(never)]
    fn settle_any<H: Handler>(
        &mut self,
        produced: Produced,
        exchange: Exchange,
        unread: Framing,
        shared: &mut Shared<H, K>,
    ) {
        self.phase = match produced {
            Produced::Later(later) => {
                return self.defer(
                    later,
                    Pending {
                        exchange,
                        unread,
                        asked: shared.turn_began,
                        access: mem::take(&mut shared.access),
                    },
                    shared,
                );
            }
            Produced::Written { keep_alive: false } => Phase::Closing,
            Produced::Written { .. } if unread.is_bodiless() => Phase::Head {
                scanned: 0,
                since: shared.now,
            },
            Produced::Written { .. } => Phase::Discard {
                body: Decoder::new(unread),
                pace: Pace::new(shared.now),
            },
        };
    }
}

const ENDED_IN_HEAD: Rejection = Rejection {
    status: Status::BAD_REQUEST,
    reason: "the connection ended inside a request head; a head ends with an empty line",
};

const ENDED_IN_BODY: Rejection = Rejection {
    status: Status::BAD_REQUEST,
    reason: "the connection ended inside a body; send it whole, up to the last chunk if chunked",
};

pub(super) fn exchange_of(head: &Head<'_>) -> Exchange {
    Exchange {
        keep_alive: head.keep_alive,
        head_only: head.request.method == Method::Head,
        version: head.request.version,
    }
}

//! What each request is answered with when nothing disturbs: alone on its connection, in one
//! piece, at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use crate::support::Rig;

/// An answer's bytes, without what the time decides ([`timeless`]).
pub(crate) type Expected = Rc<[u8]>;

thread_local! {
    // The server has no memory: the same request has the same answer, whatever came before.
    static KNOWN: RefCell<HashMap<Vec<u8>, Expected>> = RefCell::default();
}

/// The answer to a request.
pub(crate) fn answer(request: &[u8], closes: bool) -> Expected {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(request).cloned()) {
        return known;
    }
    let mut rig = Rig::with(|config| config.job_threads = 1);
    let peer = rig.connect();
    peer.send(request);
    rig.run();
    // The longest way: a wait and then a job, or a job and then a wait.
    for _ in 0..2 {
        let jobs = rig.account.jobs.get();
        rig.wait_for_messages(jobs);
        rig.advance(Duration::from_millis(1));
    }
    let received = peer.received();
    let shown = String::from_utf8_lossy(&request[..request.len().min(200)]);
    assert!(!received.is_empty(), "{shown}");
    assert_eq!(peer.saw_fin(), closes, "{shown}");
    let answer: Expected = timeless(&received).into();
    KNOWN.with_borrow_mut(|known| known.insert(request.to_vec(), Rc::clone(&answer)));
    answer
}

/// Answers with the digits of their Date fields blotted out.
pub(crate) fn timeless(answers: &[u8]) -> Vec<u8> {
    let mut answers = answers.to_vec();
    let name = b"\r\nDate: ";
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&answers[from..], name) {
        from += at + name.len();
        let end = answers
            .len()
            .min(from + "Sun, 06 Nov 1994 08:49:37 GMT".len());
        answers[from..end].fill(b'-');
    }
    answers
}

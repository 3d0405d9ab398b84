//! `/events`: the figures of `/accounts` for the last second, as server-sent events.
//!
//! However many clients listen, the figures are read and rendered once for all of them: events come
//! at multiples of their period, so all who chose the same are due together; the first one renders,
//! the others copy. What nobody has asked for is not rendered. A client that reads slowly is not
//! asked for while it owes, so it misses events and then gets the latest.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::accounts::{Costs, view};
use super::query::Parameters;
use crate::accounts::{Accounts, History, Window};
use crate::http::{ContentType, Next, Outlet, Reply, Request, Response, Stream};

/// Milliseconds between two events, unless the client says otherwise, and what it may say.
const EVERY_MS: u64 = 250;
const EVERY_MS_MIN: u64 = 100;
const EVERY_MS_MAX: u64 = 60_000;

/// So long a rendering is the latest. Less than the shortest period, so that each event of it is a
/// new one; and the moments that are kept for it reach back a second ([`History`]).
const FRESH: Duration = Duration::from_millis(90);
/// Another thread renders: it is looked after again after this time.
const RENDERING: Duration = Duration::from_millis(1);

const SECOND: Duration = Duration::from_secs(1);

/// What the clients of the events have in common.
pub(super) struct Events {
    began: Instant,
    costs: Costs,
    history: History,
    latest: Mutex<Latest>,
}

/// The latest event.
struct Latest {
    /// Counts them; 0 before the first.
    number: u64,
    /// When it was made.
    made: Instant,
    /// When somebody began to make the next one; not after `made`, if it is done.
    begun: Instant,
    bytes: Vec<u8>,
}

/// `GET /events`.
pub(super) fn reply(
    events: &Arc<Events>,
    accounts: &Arc<Accounts>,
    request: &Request<'_>,
) -> Reply {
    let every = Parameters::of(request, ["every_ms"])
        .and_then(|query| query.number("every_ms", EVERY_MS_MIN..=EVERY_MS_MAX, EVERY_MS));
    let every = match every {
        Ok(every) => Duration::from_millis(every),
        Err(refusal) => return refusal.into(),
    };
    let (events, accounts) = (Arc::clone(events), Arc::clone(accounts));
    let head = Response::fixed(ContentType::Other("text/event-stream"), b"");
    let mut sent = 0;
    Stream::new(head.field("Cache-Control", "no-store"), move |outlet| {
        if outlet.is_leaving {
            return Next::End;
        }
        let wait = events.send(&accounts, &mut sent, Instant::now(), outlet);
        Next::Later(wait.unwrap_or_else(|| events.until_next(every)))
    })
    .into()
}

impl Events {
    /// Nothing has been rendered.
    pub(super) fn new() -> Self {
        let began = Instant::now();
        Self {
            began,
            costs: Costs::measured(),
            history: History::default(),
            latest: Mutex::new(Latest {
                number: 0,
                made: began,
                begun: began,
                bytes: Vec::new(),
            }),
        }
    }

    /// Writes the latest event, unless it was `sent` already; or how long to wait until there is
    /// one.
    fn send(
        &self,
        accounts: &Accounts,
        sent: &mut u64,
        now: Instant,
        outlet: &mut Outlet<'_>,
    ) -> Option<Duration> {
        let mut latest = self.lock();
        let age = now.saturating_duration_since(latest.made);
        let is_latest = latest.number > 0 && age < FRESH;
        if is_latest && latest.number > *sent {
            // The one copy; writing cannot fail.
            let _ = outlet.write_all(&latest.bytes);
            *sent = latest.number;
            return None;
        }
        if is_latest {
            return Some(FRESH.saturating_sub(age));
        }
        // Who panicked while rendering is not waited for.
        if latest.begun > latest.made && now.saturating_duration_since(latest.begun) < FRESH {
            return Some(RENDERING);
        }
        latest.begun = now;
        // Nobody waits for the lock while this one renders.
        drop(latest);
        let figures = view(&self.last_second(accounts), self.costs, None);
        let mut latest = self.lock();
        latest.number += 1;
        latest.made = now;
        latest.bytes.clear();
        let number = latest.number;
        let _ = write!(
            latest.bytes,
            "id: {number}\nevent: accounts\ndata: {figures}\n\n"
        );
        let _ = outlet.write_all(&latest.bytes);
        *sent = number;
        None
    }

    /// What happened in the last second; in the first one somebody listens, in the last whole one
    /// of the server's own history, or since the start.
    fn last_second(&self, accounts: &Accounts) -> Window {
        self.history.keep(accounts.moment());
        let window = self.history.window(SECOND);
        // It looks back further if nobody has listened for a while.
        let recent = window.filter(|window| window.span < 2 * SECOND);
        recent
            .or_else(|| accounts.history.window(SECOND))
            .unwrap_or_else(|| accounts.since_start())
    }

    /// The time until the next multiple of `every`: the same moment for all.
    fn until_next(&self, every: Duration) -> Duration {
        let behind = self.began.elapsed().as_nanos() % every.as_nanos();
        every.saturating_sub(Duration::from_nanos(
            u64::try_from(behind).unwrap_or_default(),
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{Answer, Exam, request};
    use crate::http::date::Date;
    use crate::http::{Exchange, Handler, Method, Waker};

    /// A client, and where its answer is written.
    struct Client {
        stream: Box<Stream>,
        out: Vec<u8>,
    }

    impl Client {
        fn of(exam: &Exam, target: &str) -> Self {
            let Reply::Stream(mut stream) = exam.routes.handle(&request(Method::Get, target))
            else {
                panic!("a stream");
            };
            let mut out = Vec::new();
            stream.begin(Exchange::USUAL, &Date::at(0), &mut out);
            Self { stream, out }
        }

        /// What it says when it is asked, and the number and the figures of the event it wrote.
        fn ask(&mut self, is_leaving: bool) -> (Next, Option<(u64, serde_json::Value)>) {
            self.out.clear();
            let mut outlet = Outlet {
                out: &mut self.out,
                waker: &Waker::new(|| ()),
                is_leaving,
            };
            let (next, _) = self.stream.ask(&mut outlet);
            let event = || {
                let chunk = std::str::from_utf8(&self.out).ok()?;
                let (_, lines) = chunk.split_once("\r\n")?;
                let (number, rest) = lines.strip_prefix("id: ")?.split_once('\n')?;
                let data = rest.strip_prefix("event: accounts\ndata: ")?;
                let figures = data.strip_suffix("\n\n\r\n").expect("one line of data");
                let figures = serde_json::from_str(figures).expect("JSON");
                Some((number.parse().expect("a number"), figures))
            };
            (next, event())
        }
    }

    /// Listens to events of its own, at moments that the test chooses.
    struct Ear<'a>(&'a Events, &'a Exam, u64);

    impl Ear<'_> {
        /// The event that it gets then, or how long it has to wait.
        fn ask(&mut self, now: Instant) -> (Vec<u8>, Option<Duration>) {
            let mut out = Vec::new();
            let mut outlet = Outlet {
                out: &mut out,
                waker: &Waker::new(|| ()),
                is_leaving: false,
            };
            let Self(events, exam, sent) = self;
            let wait = events.send(&exam.accounts, sent, now, &mut outlet);
            (out, wait)
        }
    }

    #[test]
    fn all_clients_share_one_rendering() {
        let (events, exam) = (Events::new(), Exam::new());
        let mut ears: Vec<_> = (0..50).map(|_| Ear(&events, &exam, 0)).collect();
        let mut now = Instant::now();
        for round in 1..4 {
            let got: Vec<_> = ears.iter_mut().map(|ear| ear.ask(now)).collect();
            assert!(got[0].0.starts_with(format!("id: {round}\n").as_bytes()));
            assert!(got.iter().all(|one| *one == got[0]), "one for all");
            assert_eq!(got[0].1, None);
            // Who has the latest waits until there is another.
            assert_eq!(ears[0].ask(now), (Vec::new(), Some(FRESH)));
            now += FRESH;
        }
    }

    #[test]
    fn who_is_late_gets_the_latest() {
        let (events, exam) = (Events::new(), Exam::new());
        let (mut quick, mut slow) = (Ear(&events, &exam, 0), Ear(&events, &exam, 0));
        let mut now = Instant::now();
        slow.ask(now);
        for _ in 0..3 {
            now += FRESH;
            quick.ask(now);
        }
        assert!(slow.ask(now).0.starts_with(b"id: 4\n"));
        assert_eq!((quick.2, slow.2), (4, 4));
    }

    #[test]
    fn nobody_waits_for_who_renders_and_one_that_panicked_is_not_waited_for() {
        let (events, exam) = (Events::new(), Exam::new());
        let mut ear = Ear(&events, &exam, 0);
        let now = Instant::now();
        events.lock().begun = now;
        assert_eq!(ear.ask(now), (Vec::new(), Some(RENDERING)));
        assert!(ear.ask(now + FRESH).0.starts_with(b"id: 1\n"));
    }

    #[test]
    fn they_are_the_figures_of_accounts() {
        let exam = Exam::new();
        exam.accounts.reactors[1].requests.add(7);
        let (_, event) = Client::of(&exam, "/events").ask(false);
        let (_, figures) = event.expect("an event");
        assert_eq!(figures["all"]["requests"], 7);
        assert_eq!(figures["reactors"][1]["requests"], 7);
        assert!(figures["seconds"].is_f64());
        let names = |sheet: &serde_json::Value| -> Vec<String> {
            sheet
                .as_object()
                .expect("a sheet")
                .keys()
                .cloned()
                .collect()
        };
        let accounts = exam.get("/accounts").json();
        assert_eq!(
            names(&figures["all"]),
            names(&accounts["since_start"]["all"])
        );
    }

    #[test]
    fn the_period_is_the_clients_choice() {
        let exam = Exam::new();
        let mut client = Client::of(&exam, "/events?every_ms=60000");
        let (next, _) = client.ask(false);
        assert!(matches!(next, Next::Later(wait) if wait > Duration::from_secs(50)));
        let next = client.ask(true).0;
        assert!(matches!(next, Next::End), "the server leaves");
        for target in [
            "/events?every_ms=99",
            "/events?every_ms=60001",
            "/events?every=250",
        ] {
            let answer = Answer::of(
                match exam.routes.handle(&request(Method::Get, target)) {
                    Reply::Now(refusal) => refusal,
                    other => panic!("{other:?}"),
                },
                Method::Get,
            );
            assert_eq!(answer.status, 400, "{target}");
        }
    }
}

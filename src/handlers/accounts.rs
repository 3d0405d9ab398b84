//! `/accounts`: the ratios that explain speed, of the last ten seconds and since the start.
//!
//! The reactors count while they work and divide nothing; the arithmetic is in [`ratios`], and the
//! one question that needs all of it, how much of the CPU time is accounted for, in [`explained`].
//! What is not known is `null`: the last ten seconds before they have passed, a ratio of nothing,
//! allocations where no allocator counts them.

use std::time::Duration;

use super::accept;
use super::profiler::measurement_cost_ns;
use super::sheet::{Entry, table};
use super::units::{float, nanoseconds};
use crate::accounts::{Accounts, Snapshot, Stage, Window, thread_cpu_time};
use crate::http::{Request, Response};

mod ratios;

mod explained;

pub(super) use explained::{BUSY_ENOUGH, busy_percent};
use ratios::sheet;

/// How far back one looks for what happens now. User and system time are known to a tick, so a
/// shorter look would show little but its resolution.
pub(super) const LOOK_BACK: Duration = Duration::from_secs(10);

/// Pairs of readings of the thread's CPU clock; each is a system call, and they take some 10 us
/// together.
const CPU_CLOCK_PAIRS: usize = 21;

/// What measuring costs, in nanoseconds, measured when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
struct Costs {
    /// One reading of the clock that times stages; each stage includes one.
    clock: f64,
    /// One reading of the thread's CPU clock; each timed poll includes one.
    cpu_clock: f64,
}

/// A window, as it is shown.
struct View {
    seconds: f64,
    all: Entry,
    reactors: Vec<Entry>,
}

/// `GET /accounts`.
pub(super) fn reply(accounts: &Accounts, sample: u32, request: &Request<'_>) -> Response {
    let costs = Costs::measured();
    let snapshots =
        Stage::ALL.map(|(stage, _)| accounts.merged(|reactor| &reactor.stages[stage as usize]));
    let since_start = View::of(&accounts.since_start(), costs, Some(&snapshots));
    let recent = accounts.history.window(LOOK_BACK);
    let recent = recent.map(|window| View::of(&window, costs, None));
    let response = if accept::names(request, "text/plain") {
        Response::text(text(recent.as_ref(), &since_start, costs, sample))
    } else {
        Response::json(Entry::Group(vec![
            ("timed_one_in", Entry::Count(sample.into())),
            ("clock_reading_ns", Entry::Number(Some(costs.clock))),
            ("cpu_clock_reading_ns", Entry::Number(Some(costs.cpu_clock))),
            (
                "last_10s",
                recent.map_or(Entry::Number(None), View::into_entry),
            ),
            ("since_start", since_start.into_entry()),
        ]))
    };
    accept::varies(response)
}

impl Costs {
    fn measured() -> Self {
        let mut pairs: [u64; CPU_CLOCK_PAIRS] = std::array::from_fn(|_| {
            let began = thread_cpu_time();
            nanoseconds(thread_cpu_time().saturating_sub(began))
        });
        pairs.sort_unstable();
        Self {
            clock: float(measurement_cost_ns()),
            cpu_clock: float(pairs[CPU_CLOCK_PAIRS / 2]),
        }
    }
}

impl View {
    /// The percentiles are those of all reactors; a reactor's own stages have none.
    fn of(window: &Window, costs: Costs, percentiles: Option<&[Snapshot; Stage::COUNT]>) -> Self {
        let reactors = window.reactors.iter();
        let reactors = reactors.map(|one| sheet(one, window.span, 1, costs, None));
        Self {
            seconds: window.span.as_secs_f64(),
            all: sheet(
                &window.sum(),
                window.span,
                window.reactors.len(),
                costs,
                percentiles,
            ),
            reactors: reactors.collect(),
        }
    }

    fn into_entry(self) -> Entry {
        Entry::Group(vec![
            ("seconds", Entry::Number(Some(self.seconds))),
            ("all", self.all),
            ("reactors", Entry::List(self.reactors)),
        ])
    }
}

fn text(recent: Option<&View>, since_start: &View, costs: Costs, sample: u32) -> String {
    let mut columns = Vec::new();
    for (name, view) in [("last 10 s", recent), ("since start", Some(since_start))] {
        let Some(view) = view else { continue };
        columns.push((name.to_owned(), &view.all));
        // A reactor that is alone is all of them.
        if view.reactors.len() > 1 {
            let numbered = view.reactors.iter().enumerate();
            columns.extend(numbered.map(|(number, one)| (format!("reactor {number}"), one)));
        }
    }
    let (clock, cpu_clock, seconds) = (costs.clock, costs.cpu_clock, since_start.seconds);
    let stages = match sample {
        0 => "no request has its stages timed".to_owned(),
        every => format!("one request in {every} has its stages timed"),
    };
    format!(
        "started {seconds:.0} s ago; {stages}; a clock reading takes {clock} ns and is taken off, \
         one of the CPU clock {cpu_clock} ns; - is not known\n\n{}",
        table(&columns)
    )
}

#[cfg(test)]
mod tests {
    use crate::accounts::Woken;
    use crate::handlers::testing::{Answer, Exam, request, settle};
    use crate::http::{Field, Handler, Method};

    fn text(exam: &Exam) -> String {
        let fields = [Field {
            name: "Accept",
            value: b"text/plain",
        }];
        let mut asked = request(Method::Get, "/accounts");
        asked.fields = &fields;
        let answer = Answer::of(settle(exam.routes.handle(&asked)), Method::Get);
        assert_eq!(
            answer.field("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(answer.field("Vary"), Some("Accept"));
        answer.text().to_owned()
    }

    #[test]
    fn all_are_the_sum_of_each() {
        let exam = Exam::new();
        let [first, second] = &exam.accounts.reactors[..] else {
            panic!("two reactors");
        };
        first.requests.add(6);
        first.reads.add(9);
        second.requests.add(2);
        second.reads.add(3);
        second.wakeups[Woken::Timer as usize].add(5);
        let body = exam.get("/accounts").json();
        assert!(body["last_10s"].is_null());
        let view = &body["since_start"];
        assert_eq!(view["all"]["requests"], 8);
        assert_eq!(view["all"]["wakeups"]["timer"], 5);
        assert_eq!(view["all"]["system_calls"]["recv"], 12);
        assert_eq!(view["all"]["system_calls_per_request"]["recv"], 1.5);
        let rows = view["reactors"].as_array().unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["requests"], 6);
        assert_eq!(rows[1]["system_calls"]["recv"], 3);
        assert!(body["clock_reading_ns"].as_f64() > Some(0.0));
        assert!(body["cpu_clock_reading_ns"].as_f64() > Some(0.0));
    }

    #[test]
    fn a_route_is_counted_by_the_reactor_that_serves_it() {
        let exam = Exam::new();
        exam.get("/json");
        exam.get("/json");
        let mut asked = request(Method::Get, "/plaintext");
        asked.worker = 1;
        settle(exam.routes.handle(&asked));
        exam.get("/nothing");
        let body = exam.get("/accounts").json();
        let routes = &body["since_start"]["all"]["routes"];
        assert_eq!(
            (&routes["/json"], &routes["/plaintext"]),
            (&2.into(), &1.into())
        );
        assert_eq!(routes["/accounts"], 0, "it is being answered");
        let rows = &body["since_start"]["reactors"];
        assert_eq!(rows[1]["routes"]["/plaintext"], 1);
        assert_eq!(rows[1]["routes"]["/json"], 0);
    }

    #[test]
    fn as_text_it_is_a_table_with_a_column_for_each_reactor() {
        let exam = Exam::new();
        exam.accounts.reactors[1].requests.add(1234);
        let text = text(&exam);
        let row = text
            .lines()
            .find(|line| line.starts_with("requests "))
            .unwrap();
        let cells: Vec<_> = row.split_whitespace().collect();
        assert_eq!(cells, ["requests", "1234", "0", "1234"]);
        let widths: Vec<_> = text.lines().skip(2).map(str::len).collect();
        let rows = widths
            .iter()
            .take_while(|width| **width == widths[0])
            .count();
        assert!(rows > 60, "{rows} rows are aligned:\n{text}");
    }
}

//! `/accounts`: the ratios that explain speed, of the last ten seconds and since the start.
//!
//! The reactors count while they work and divide nothing; the arithmetic is in [`ratios`], and the
//! one question that needs all of it, how much of the CPU time is accounted for, in [`explained`].
//! What is not known is `null`: the last ten seconds before they have passed, a ratio of nothing,
//! allocations where no allocator counts them.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::accept;
use super::profiler::measurement_cost_ns;
use super::units::{float, median, nanoseconds};
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

/// Columns of the table's names and values.
const NAME_WIDTH: usize = 42;
const VALUE_WIDTH: usize = 14;
/// The last row of a sheet.
const REASON: &str = "cpu_ns_per_request not_explained_because";

/// What measuring costs, in nanoseconds, measured when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Costs {
    /// One reading of the clock that times stages; each stage includes one.
    clock: f64,
    /// One reading of the thread's CPU clock; each timed poll includes one.
    cpu_clock: f64,
}

/// `GET /accounts`.
pub(super) fn reply(accounts: &Accounts, sample: u32, request: &Request<'_>) -> Response {
    let costs = Costs::measured();
    let snapshots =
        Stage::ALL.map(|(stage, _)| accounts.merged(|reactor| &reactor.stages[stage as usize]));
    let recent = accounts.history.window(LOOK_BACK);
    let shown = json!({
        "timed_one_in": sample,
        "clock_reading_ns": costs.clock,
        "cpu_clock_reading_ns": costs.cpu_clock,
        "last_10s": recent.map(|window| view(&window, costs, None)),
        "since_start": view(&accounts.since_start(), costs, Some(&snapshots)),
    });
    accept::varies(if accept::prefers(request, &accept::TEXT, &accept::JSON) {
        Response::text(text(&shown))
    } else {
        Response::json(shown)
    })
}

impl Costs {
    pub(super) fn measured() -> Self {
        let cpu_clock = median::<CPU_CLOCK_PAIRS>(|| {
            let began = thread_cpu_time();
            nanoseconds(thread_cpu_time().saturating_sub(began))
        });
        Self {
            clock: float(measurement_cost_ns()),
            cpu_clock: float(cpu_clock),
        }
    }
}

/// A window, as it is shown. The percentiles are those of all reactors; a reactor's own stages have
/// none.
pub(super) fn view(
    window: &Window,
    costs: Costs,
    percentiles: Option<&[Snapshot; Stage::COUNT]>,
) -> Value {
    let reactors = window.reactors.iter();
    let reactors = reactors.map(|one| sheet(one, window.span, 1, costs, None));
    let (sum, count) = (window.sum(), window.reactors.len());
    json!({
        "seconds": window.span.as_secs_f64(),
        "all": sheet(&sum, window.span, count, costs, percentiles),
        "reactors": reactors.collect::<Vec<_>>(),
    })
}

/// The same as a table, with a column for all reactors together and one for each.
fn text(shown: &Value) -> String {
    let mut columns = Vec::new();
    for (name, view) in [("last 10 s", "last_10s"), ("since start", "since_start")] {
        let reactors = shown[view]["reactors"].as_array();
        let Some(reactors) = reactors else { continue };
        columns.push((name.to_owned(), &shown[view]["all"]));
        // With one reactor, the column of all says it.
        if reactors.len() > 1 {
            let numbered = reactors.iter().enumerate();
            columns.extend(numbered.map(|(number, one)| (format!("reactor {number}"), one)));
        }
    }
    let seconds = shown["since_start"]["seconds"].as_f64().unwrap_or_default();
    format!(
        "started {seconds:.0} s ago; of {} requests one has its stages timed (0: none); a clock \
         reading takes {} ns and is taken off, one of the CPU clock {} ns; - is not known\n\n{}",
        shown["timed_one_in"],
        shown["clock_reading_ns"],
        shown["cpu_clock_reading_ns"],
        table(&columns)
    )
}

/// Sheets of the same figures side by side, each under its heading. Why a sum is missing stands
/// below, since words would make their column too wide.
fn table(sheets: &[(String, &Value)]) -> String {
    let (mut text, mut below) = (format!("{:NAME_WIDTH$}", ""), String::new());
    let mut columns = Vec::new();
    // Writing to a String cannot fail.
    for (heading, sheet) in sheets {
        let _ = write!(text, "{heading:>VALUE_WIDTH$}");
        let mut rows = Vec::new();
        add_rows("", sheet, &mut rows);
        if let Some((_, words)) = rows.pop_if(|(name, words)| name == REASON && words != "-") {
            let _ = writeln!(below, "{heading}: {REASON}: {words}");
        }
        columns.push(rows);
    }
    for (name, _) in columns.first().into_iter().flatten() {
        let _ = write!(text, "\n{name:NAME_WIDTH$}");
        for rows in &columns {
            // A group that is not known has no rows.
            let row = rows.iter().find(|row| row.0 == *name);
            let _ = write!(text, "{:>VALUE_WIDTH$}", row.map_or("-", |row| &row.1));
        }
    }
    format!("{text}\n{below}")
}

/// The path of each figure, and its value as text.
fn add_rows(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let shown = match value {
        Value::Object(group) => {
            for (name, value) in group {
                add_rows(format!("{path} {name}").trim_start(), value, rows);
            }
            return;
        }
        Value::Null => "-".to_owned(),
        Value::String(words) => words.clone(),
        number => number.to_string(),
    };
    rows.push((path.to_owned(), shown));
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

//! `/duel`: two sets of techniques, compared under whatever load there is.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::sets::with_control;
use super::{Control, as_asked};
use crate::duel::bout::{Bout, Challenge, Progress, Round};
use crate::duel::outcome::{Arm, Outcome};
use crate::duel::{Control as Test, Set};
use crate::handlers::query::Parameters;
use crate::http::{Later, Reply, Request, Response, Status};

/// A set, and what it is called.
type Named = (Arc<Set>, String);
/// What a challenge says.
type Asked<'a> = Parameters<'a, { KNOWN.len() }>;

/// What the set is called that is in force anyway.
const AS_IT_STANDS: &str = "as it stands";
/// Seconds that a duel may take.
const SECONDS_MAX: u64 = 60;
/// Seconds that it may take if nobody says anything.
const SECONDS: u64 = 10;
/// How often it is looked whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Steps of the control that costs something: some 300 ns.
const COST_STEPS: u64 = 300;
/// The parameters of a challenge.
const KNOWN: [&str; 11] = [
    "without", "with", "naive", "a", "b", "null", "cost", "seconds", "slice_ms", "rows", "route",
];

impl Control {
    /// `POST /duel`: begins one, and answers when it is over.
    pub(super) fn begin(&self, request: &Request<'_>) -> Result<Reply, Response> {
        let asked = Parameters::of(request, KNOWN)?;
        let challenge = self.challenge(&asked)?;
        let bout = self
            .live
            .ring
            .ask(challenge)
            .map_err(|_| busy("ask again when it has ended, or end it: DELETE /duel"))?;
        let form = Form::of(request, asked.value("rows").as_deref());
        Ok(wait(Waiter(bout), form))
    }

    /// `GET /duel`: how far the last one is.
    pub(super) fn look(&self, request: &Request<'_>) -> Result<Reply, Response> {
        let form = Form::of_look(request)?;
        let bout = self.live.ring.latest().ok_or_else(none_yet)?;
        Ok(form.shown(&bout).into())
    }

    /// `DELETE /duel`: ends the one that goes on.
    pub(super) fn give_up(&self, request: &Request<'_>) -> Result<Reply, Response> {
        let form = Form::of_look(request)?;
        let bout = self.live.ring.latest().ok_or_else(none_yet)?;
        bout.give_up();
        Ok(form.shown(&bout).into())
    }

    /// What is to be compared, by the query.
    fn challenge(&self, asked: &Asked<'_>) -> Result<Challenge, Response> {
        let rounds = self.rounds(asked)?;
        let route = asked.value("route");
        let seconds = asked.number("seconds", 1..=SECONDS_MAX, SECONDS)?;
        let slice_ms = asked.number("slice_ms", 0..=1000, 0)?;
        Ok(Challenge {
            rounds,
            length: Duration::from_secs(seconds),
            slice: (slice_ms > 0).then(|| Duration::from_millis(slice_ms)),
            route: route.map(|path| self.route(&path)).transpose()?,
        })
    }

    /// The sets that the query names; what stands is the first, unless both are named. Nothing
    /// named: what tests the instrument itself.
    fn rounds(&self, asked: &Asked<'_>) -> Result<Vec<Round>, Response> {
        let standing = self.live.state().standing;
        let given = |name| asked.value(name);
        let changed = |list: &str, alone, word: &str| -> Result<Named, Response> {
            let set = self.all_changed(&standing, list, alone)?;
            Ok((Arc::new(set), format!("{word} {list}")))
        };
        let same = (Arc::clone(&standing), AS_IT_STANDS.to_owned());
        let steps = asked.number("cost", 1..=1_000_000, COST_STEPS)?;
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let test = |control, name| (Arc::new(with_control(&standing, control)), name);
        let null = || test(Test::Null, "with a change of nothing".to_owned());
        let cost = || test(Test::Cost(steps), format!("with {steps} steps more"));
        let (a, b) = (given("a"), given("b"));
        let one = ["without", "with", "naive", "null", "cost"].map(given);
        Ok(match (one, a, b) {
            ([None, None, None, None, None], Some(a), Some(b)) => {
                vec![[changed(&a, "off", "with")?, changed(&b, "off", "with")?]]
            }
            ([None, None, None, None, None], None, None) => {
                let tests = [same.clone(), null(), cost()];
                tests.map(|test| [same.clone(), test]).to_vec()
            }
            ([Some(list), None, None, None, None], None, None) => {
                vec![[same, changed(&list, "off", "without")?]]
            }
            ([None, Some(list), None, None, None], None, None) => {
                vec![[same, changed(&list, "on", "with")?]]
            }
            ([None, None, Some(_), None, None], None, None) => {
                let naive = Arc::new(self.naive(&standing)?);
                vec![[same, (naive, "naively".to_owned())]]
            }
            ([None, None, None, Some(_), None], None, None) => vec![[same, null()]],
            ([None, None, None, None, Some(_)], None, None) => vec![[same, cost()]],
            _ => {
                let sentence = "give one of without=NAME,.., with=NAME,.., naive=1, null=1 and \
                                cost=STEPS, or both a=NAME=VALUE and b=NAME=VALUE, or nothing for \
                                the controls";
                return Err(bad(sentence));
            }
        })
    }

    /// The number of a route.
    fn route(&self, path: &str) -> Result<usize, Response> {
        let found = self.routes.iter().position(|known| *known == path);
        found.ok_or_else(|| {
            let known = self.routes.join(", ");
            bad(&format!(
                "there is no route of that path; there are {known}"
            ))
        })
    }
}

/// Waits for a duel, which ends when the answer is given up. A client that leaves is not seen to
/// while its answer is deferred: `DELETE /duel` ends the duel of one that has gone.
struct Waiter(Arc<Bout>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// Answers when the duel is over, and looks again and again until then.
fn wait(waiter: Waiter, form: Form) -> Reply {
    if waiter.0.is_over() {
        return form.shown(&waiter.0).into();
    }
    let then = Box::new(move |_| wait(waiter, form));
    Later::After(LOOK_EVERY, then).into()
}

/// How an answer is to look.
#[derive(Clone)]
struct Form {
    is_json: bool,
    has_rows: bool,
    /// A command that makes load, for whoever has none.
    load: String,
}

impl Form {
    /// For who only looks, whose query says no more.
    fn of_look(request: &Request<'_>) -> Result<Self, Response> {
        let asked = Parameters::of(request, ["rows"])?;
        Ok(Self::of(request, asked.value("rows").as_deref()))
    }

    fn of(request: &Request<'_>, rows: Option<&str>) -> Self {
        use super::accept::{JSON, TEXT, prefers};
        let host = String::from_utf8_lossy(request.host().unwrap_or_default());
        Self {
            load: format!("wrk -t1 -c64 -d30s http://{host}/plaintext"),
            is_json: prefers(request, &JSON, &TEXT),
            has_rows: rows.is_some_and(|value| value != "0"),
        }
    }

    fn shown(&self, bout: &Bout) -> Response {
        let (state, outcomes) = match bout.progress() {
            Progress::Looking => ("looks at the load", Vec::new()),
            Progress::Going(outcomes) => ("goes on", outcomes),
            Progress::Over(outcomes) => ("is over", outcomes),
            Progress::None(reason) => {
                let sentence = format!("{reason}; load is made by {}", self.load);
                return Response::error(Status::CONFLICT, sentence);
            }
        };
        let text = match outcomes.as_slice() {
            [] => format!("The duel {state}.\n"),
            outcomes => outcomes.iter().map(lines).collect::<Vec<_>>().join("\n"),
        };
        as_asked(self.is_json, self.value(state, &outcomes), text)
    }

    /// One outcome by itself; several as a list.
    fn value(&self, state: &str, outcomes: &[Outcome]) -> Value {
        let mut values: Vec<Value> = outcomes.iter().map(|outcome| json!(outcome)).collect();
        for fields in values.iter_mut().filter_map(Value::as_object_mut) {
            if !self.has_rows {
                fields.remove("rows");
            }
        }
        let mut value = match <[Value; 1]>::try_from(values) {
            Ok([one]) => one,
            Err(several) => json!({ "controls": several }),
        };
        value["state"] = state.into();
        value
    }
}

/// The outcome for people: the sentence, then the two arms beside each other.
fn lines(outcome: &Outcome) -> String {
    let mut text = format!("{}\n\n", outcome.sentence);
    // Writing to a String cannot fail.
    let mut row = |name: &str, unit: &str, of: &dyn Fn(&Arm) -> Option<f64>| {
        let cell = |arm| of(arm).map_or("-".to_owned(), |number| format!("{number:.2}"));
        let [first, second] = outcome.arms.each_ref().map(cell);
        let _ = writeln!(text, "{name:<26} {first:>12} {second:>12} {unit}");
    };
    row("CPU time for a request", "ns", &|arm| arm.ns_per_request);
    row("busy", "%", &|arm| arm.busy_percent);
    row("events of a poll", "", &|arm| arm.events_per_poll);
    row("response time, median", "us", &|arm| arm.p50_us);
    row("response time, 99 %", "us", &|arm| arm.p99_us);
    row("recv", "", &|arm| Some(arm.per_request.recv));
    row("send", "", &|arm| Some(arm.per_request.send));
    row("epoll_wait", "", &|arm| Some(arm.per_request.epoll_wait));
    row("epoll_ctl", "", &|arm| Some(arm.per_request.epoll_ctl));
    row("EAGAIN", "", &|arm| Some(arm.per_request.eagain));
    row("timer entries", "", &|arm| {
        Some(arm.per_request.timer_entries)
    });
    row("bytes copied", "", &|arm| {
        Some(arm.per_request.bytes_copied)
    });
    row("allocations", "", &|arm| arm.per_request.allocations);
    let pairs = outcome.ratio.map_or(0, |ratio| ratio.pairs);
    let _ = writeln!(
        text,
        "\n{pairs} pairs of slices of {:.0} ms, {} dropped; {:.0} % of the time is charged.",
        outcome.slice_ms, outcome.pairs_dropped, outcome.charged_percent
    );
    text
}

/// Somebody else's duel goes on.
pub(super) fn busy(what: &str) -> Response {
    Response::error(Status::CONFLICT, format!("a duel goes on; {what}"))
}

fn none_yet() -> Response {
    Response::error(
        Status::NOT_FOUND,
        "there has been no duel; POST /duel?without=NAME begins one",
    )
}

fn bad(sentence: &str) -> Response {
    Response::error(Status::BAD_REQUEST, sentence.to_owned())
}

//! Carries out the duels that are asked for: a thread that is no reactor.
//!
//! It looks at the load first, chooses the length of a slice by it, and begins. Then it adds up
//! what the reactors have measured, ten times a second, until the interval is narrow or the time is
//! over. The set that stood before stands again afterwards, whatever has ended it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::accounts::{Accounts, Verdict};
use crate::duel::bout::{Bout, Challenge, Progress, Round};
use crate::duel::outcome::Outcome;
use crate::duel::schedule::{
    REQUESTS_MIN, SETTLE_BY_P99, SETTLE_MIN, SLICE_BY_SETTLE, SLICE_MAX, Schedule,
};
use crate::duel::{Duel, Live, Set, statistics};
use crate::shortage::start_thread;

/// For so long the load is looked at before a duel begins.
const LOOK: Duration = Duration::from_millis(100);
/// So often it is looked at what a duel says so far.
const TICK: Duration = Duration::from_millis(100);
/// A slice, unless the load or somebody wants a longer one.
const SLICE: Duration = Duration::from_millis(20);

/// Starts the thread; it ends when the ring is closed.
pub(super) fn start(live: &Arc<Live>, accounts: &Arc<Accounts>) -> io::Result<JoinHandle<()>> {
    let (live, accounts) = (Arc::clone(live), Arc::clone(accounts));
    start_thread("referee", move || {
        while let Some(bout) = live.ring.next() {
            let end = carry_out(&bout, &live, &accounts);
            bout.report(end.unwrap_or_else(Progress::None));
        }
    })
}

/// All rounds of a duel, to their end.
fn carry_out(bout: &Bout, live: &Live, accounts: &Accounts) -> Result<Progress, String> {
    let mut outcomes = Vec::new();
    for round in &bout.challenge.rounds {
        match carry_out_round(bout, round, &outcomes, live, accounts) {
            Ok(outcome) => outcomes.push(outcome),
            // What the rounds before have said holds.
            Err(_) if !outcomes.is_empty() => break,
            Err(reason) => return Err(reason),
        }
        if bout.is_given_up() {
            break;
        }
    }
    Ok(Progress::Over(outcomes))
}

/// One of them; `before` is what came of those before it.
fn carry_out_round(
    bout: &Bout,
    round: &Round,
    before: &[Outcome],
    live: &Live,
    accounts: &Accounts,
) -> Result<Outcome, String> {
    let challenge = &bout.challenge;
    let schedule = schedule(challenge, live, accounts)?;
    let arms = round.each_ref().map(|(set, _)| Arc::clone(set));
    let names = round.each_ref().map(|(_, name)| name.as_str());
    let duel = Arc::new(Duel::new(schedule, arms, accounts.reactors.len()));
    let panics = || accounts.sum(|reactor| &reactor.panics);
    let panics_before = panics();
    live.begin(&duel)
        .map_err(|_| "another duel goes on".to_owned())?;
    let outcome = loop {
        thread::sleep(TICK);
        // One that sleeps writes its empty rows.
        live.wake();
        let outcome = Outcome::of(&duel, names);
        let is_narrow = outcome.ratio.as_ref().is_some_and(statistics::is_narrow);
        let is_draining = accounts.draining.load(Relaxed);
        let is_ended = bout.is_given_up() || is_draining || panics() != panics_before;
        if is_ended {
            // Not only this round.
            bout.give_up();
        }
        if is_narrow || is_ended || now() >= schedule.ends {
            break outcome;
        }
        bout.report(Progress::Going([before, &[outcome]].concat()));
    };
    live.end(&duel);
    of_one_route(&duel, challenge, accounts)?;
    if let Some(verdict) = verdict(&outcome, &duel.arms) {
        accounts.verdicts.keep(verdict);
    }
    Ok(outcome)
}

/// What is kept of an outcome: that of two arms that differ in nothing but techniques.
fn verdict(outcome: &Outcome, arms: &[Arc<Set>; 2]) -> Option<Verdict> {
    let ratio = outcome.ratio?;
    let [first, second] = arms;
    let is_of_techniques = first.techniques != second.techniques
        && (&first.switches, first.control) == (&second.switches, second.control);
    is_of_techniques.then(|| Verdict {
        arms: outcome.arms.each_ref().map(|arm| arm.name.clone()),
        techniques: [first.techniques, second.techniques],
        sentence: outcome.sentence.clone(),
        ratio: ratio.median,
        interval: [ratio.low, ratio.high],
        is_resolved: matches!(
            outcome.verdict,
            Some(statistics::Verdict::Slower | statistics::Verdict::Faster)
        ),
        more: outcome.more(),
        at: Instant::now(),
    })
}

/// A duel of one route is one only if nearly all requests were for it.
fn of_one_route(duel: &Duel, challenge: &Challenge, accounts: &Accounts) -> Result<(), String> {
    let Some(route) = challenge.route else {
        return Ok(());
    };
    for arm in 0..2 {
        let (mut asked, mut all) = (0, 0);
        for ledger in (0..accounts.reactors.len()).filter_map(|reactor| duel.ledger(reactor)) {
            let figures = &ledger.sums[arm].figures;
            asked += figures.routes.get(route).copied().unwrap_or(0);
            all += figures.requests;
        }
        if asked * 100 < all * 95 {
            return Err(format!(
                "of {all} requests {asked} were for that route; to be judged by it, 95 % must be"
            ));
        }
    }
    Ok(())
}

/// The length of the slices, by the load of a moment: long enough for what is in flight to settle,
/// and for some hundred requests.
fn schedule(challenge: &Challenge, live: &Live, accounts: &Accounts) -> Result<Schedule, String> {
    let requests = || accounts.sum(|reactor| &reactor.requests);
    let times = || accounts.merged(|reactor| &reactor.response_time);
    let (requests_before, times_before, looked) = (requests(), times(), now());
    thread::sleep(LOOK);
    let rate = (requests() - requests_before) * 1_000_000_000 / (now() - looked).max(1);
    if rate == 0 {
        return Err(
            "too little load: nothing was asked. A duel compares what requests cost, so \
             some must come all the time"
                .to_owned(),
        );
    }
    let p99 = times().since(&times_before).percentile(0.99).unwrap_or(0);
    let settle = (SETTLE_BY_P99 * p99).max(nanos(SETTLE_MIN));
    let holds_enough = settle + REQUESTS_MIN * 1_000_000_000 / rate;
    let wanted = nanos(challenge.slice.unwrap_or(SLICE));
    let slice = wanted.max(SLICE_BY_SETTLE * settle).max(holds_enough);
    if slice > nanos(SLICE_MAX) {
        return Err(format!(
            "too little load: at {rate} requests a second, 99 % of them within {:?}, a slice \
             would take {:?} to hold {REQUESTS_MIN} requests and to settle before; beyond \
             {SLICE_MAX:?} it says more about the machine",
            Duration::from_nanos(p99),
            Duration::from_nanos(slice),
        ));
    }
    let begins = now() + nanos(Duration::from_millis(10));
    Ok(Schedule {
        begins,
        ends: begins + nanos(challenge.length) / challenge.rounds.len().max(1) as u64,
        slice,
        settle,
        seed: begins ^ live.version(),
    })
}

/// The clock of the reactors, in nanoseconds.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Milliseconds up to minutes.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

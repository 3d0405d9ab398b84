//! `barewire demo`: where does the speed come from? One command, a minute, one table.
//!
//! A server with `--live` on one core, a load generator on another, and one duel after the other:
//! the controls, then each technique under the load on which it shows. Each gets a first look; the
//! time that is left goes to those whose interval is still wide. At the end stands a sentence made
//! of what was measured.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::accounts::{Accounts, CpuTime};
use crate::config::Config;
use crate::duel::bout::{Challenge, Progress};
use crate::duel::outcome::Outcome;
use crate::duel::{Control, Live, Set};
use crate::handlers::Routes;
use crate::{Running, Server};

mod flags;

mod load;

mod plan;

mod report;

use load::{Load, Workload};
use plan::{Plan, Row};
use report::Findings;

/// A first look at a technique: ten pairs of slices.
const FIRST_LOOK: Duration = Duration::from_millis(560);
/// Each look after that.
const NEXT_LOOK: Duration = Duration::from_millis(1500);
/// What comes after the last look: the flags against the default build, and the table.
const LAST_STEPS: Duration = Duration::from_secs(4);
/// CPU time in milliseconds, of which clock ticks tell whose it was.
const TICKS_TELL_MS: u64 = 20_000;
/// How often it is looked whether a duel is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Measures for so long, and prints what was found; as JSON into a file, too, if one is given.
///
/// # Errors
///
/// A sentence that says what was not possible.
pub(super) fn run(length: Duration, json: Option<&Path>) -> Result<(), String> {
    let began = Instant::now();
    let bar = progress(length);
    let cores = load::cores().len().max(1);
    let mut notes = Vec::new();
    if cores == 1 {
        notes.push(
            "This machine has one core, which server and generator share: the ratios are right, \
             the batches are not those of a server with a core of its own."
                .to_owned(),
        );
    }
    let stage = Demonstration::start(cores).map_err(|error| format!("cannot serve: {error}"))?;
    let mut plan = Plan::new();
    stage.look_at_all(&mut plan, &bar, began)?;
    let deadline = began + length.saturating_sub(LAST_STEPS);
    stage.look_at_widest(&mut plan, &bar, began, deadline)?;
    bar.set_message("what the flags cost");
    let flags = flags::cost().unwrap_or_else(|error| {
        notes.push(format!("What the flags cost was not measured: {error}."));
        None
    });
    let findings = Findings::of(&plan, flags, stage.kernel_share(), notes);
    stage.end().map_err(|error| error.to_string())?;
    bar.finish_and_clear();
    super::print(|out| io::Write::write_all(out, findings.table().as_bytes()))?;
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&findings).unwrap_or_default();
        std::fs::write(file, text + "\n")
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    }
    Ok(())
}

/// Time left, on stderr, if that is a terminal.
fn progress(length: Duration) -> ProgressBar {
    let milliseconds = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(milliseconds), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {prefix} left: {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The server that is asked.
struct Demonstration {
    running: Running,
    live: Arc<Live>,
    accounts: Arc<Accounts>,
}

impl Demonstration {
    fn start(cores: usize) -> io::Result<Self> {
        let (running, accounts) = serve(true, cores)?;
        let live = running.live().cloned();
        let live = live.ok_or_else(|| io::Error::other("the server is not live"))?;
        Ok(Self {
            running,
            live,
            accounts,
        })
    }

    /// Each row once, load by load.
    fn look_at_all(
        &self,
        plan: &mut Plan,
        bar: &ProgressBar,
        began: Instant,
    ) -> Result<(), String> {
        for workload in Workload::ALL {
            let load = self.load(workload)?;
            for row in plan.rows.iter_mut().filter(|row| row.workload == workload) {
                show(bar, began, row);
                self.look(row, FIRST_LOOK)?;
            }
            load.end()?;
        }
        Ok(())
    }

    /// Again and again those whose interval is widest, until the time is over.
    fn look_at_widest(
        &self,
        plan: &mut Plan,
        bar: &ProgressBar,
        began: Instant,
        deadline: Instant,
    ) -> Result<(), String> {
        let mut load: Option<Load> = None;
        while Instant::now() + NEXT_LOOK < deadline {
            let level = plan.level();
            let Some(row) = plan.widest(load.as_ref().map(|load| load.workload)) else {
                break;
            };
            if load
                .as_ref()
                .is_none_or(|load| load.workload != row.workload)
            {
                if let Some(load) = load.take() {
                    load.end()?;
                }
                load = Some(self.load(row.workload)?);
            }
            show(bar, began, row);
            self.look(row, NEXT_LOOK)?;
            row.settle(level);
        }
        load.map_or(Ok(()), Load::end)
    }

    fn load(&self, workload: Workload) -> Result<Load, String> {
        Load::on(self.running.address(), workload)
    }

    /// One duel of a row.
    fn look(&self, row: &mut Row, length: Duration) -> Result<(), String> {
        let standing = self.live.state().standing;
        let other = Set {
            techniques: row.techniques(&standing.techniques),
            control: row.control,
            ..(*standing).clone()
        };
        let name = row.name.clone();
        let challenge = Challenge {
            rounds: vec![[
                (standing, "as it stands".to_owned()),
                (Arc::new(other), name),
            ]],
            length,
            slice: None,
            route: None,
        };
        let asked = self.live.ring.ask(challenge);
        let bout = asked.map_err(|_| "the server leaves".to_owned())?;
        loop {
            thread::sleep(LOOK_EVERY);
            match bout.progress() {
                Progress::Over(outcomes) => {
                    for outcome in outcomes {
                        row.add(outcome);
                    }
                    return Ok(());
                }
                // A machine that is busy with something else: the next look may be luckier.
                Progress::None(_) => return Ok(()),
                Progress::Looking | Progress::Going(_) => {}
            }
        }
    }

    /// The share of the server's CPU time that was the kernel's: by clock ticks, which tell
    /// something over half a minute and more.
    fn kernel_share(&self) -> Option<f64> {
        let used = self.accounts.reactors[0].owner.cpu_time()?;
        let ticks = used.user_ticks + used.system_ticks;
        let is_enough = ticks * CpuTime::tick_ms() >= TICKS_TELL_MS;
        is_enough.then(|| report::ratio(used.system_ticks, ticks))
    }

    fn end(self) -> io::Result<()> {
        self.running.leave();
        self.running.join()
    }
}

/// A server with one worker, on the first core.
fn serve(is_live: bool, cores: usize) -> io::Result<(Running, Arc<Accounts>)> {
    let mut config = Config {
        port: 0,
        workers: 1,
        live: is_live,
        ..Config::default()
    };
    // Constants, if nothing else is asked for; pinning would make flags of them.
    config.techniques.pinned = is_live && cores > 1;
    let accounts = Accounts::new(1);
    let routes = Routes::new(&config, Arc::clone(&accounts))?;
    let server = Server::new()
        .config(config)
        .accounts(Arc::clone(&accounts))
        .handler(routes);
    Ok((server.start()?, accounts))
}

fn show(bar: &ProgressBar, began: Instant, row: &Row) {
    let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    bar.set_position(elapsed);
    let left = bar.length().unwrap_or(elapsed).saturating_sub(elapsed);
    bar.set_prefix(format!("{} s", left.div_ceil(1000)));
    bar.set_message(format!("{}, {}", row.name, row.workload.name()));
}

/// What a control of the instrument costs, in steps.
const COST: Control = Control::Cost(300);

/// Keeps an outcome's ratios.
fn ratios(outcome: &Outcome) -> impl Iterator<Item = f64> + '_ {
    outcome.rows.iter().map(|(_, ratio)| *ratio)
}

//! The figures of the front page's picture: what a request costs, and the kernel's share of it.
//!
//! The limit, the server, the naive server and three rivals take turns, as in `limit`. Then each
//! serves the same load alone. That window is long, since ticks tell the kernel's share only of
//! many seconds. `report --front` draws the picture.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::ablate::workloads::of_any_server;
use crate::compare::{self, L0, field};
use crate::generator::lane::Lane;
use crate::machine::{self, Watch};
use crate::process::Running;
use crate::progress::{Progress, STEPS_PER_SECOND};
use crate::results::{KernelShare, Results, RowKind};
use crate::server::Server;
use crate::turns::{Contest, Entrant};
use crate::window::{Window, span};
use crate::workload::Workload;
use crate::{Exit, chosen, generator, peers, report};

/// Two well-known rivals, and the framework of the article.
const RIVALS: [&str; 3] = ["hyper", "axum", "hyperlane-5"];
/// What makes connections and caches warm before a window.
const WARMUP: Duration = Duration::from_millis(100);

/// Measure the picture of the front page.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Sets of fresh processes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    sets: u32,
    /// Rounds of a set.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of CPU time of each server's window: below 30 the kernel's share stays unknown.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where the result file is written.
    #[arg(short, long, default_value = "results/front.json")]
    output: PathBuf,
}

/// Runs it: [`Exit::Failure`] if anything is missing, or somebody wanted to leave.
///
/// # Errors
///
/// If the server, the limit or the rivals' folders are not there, or the result file cannot be
/// written. A rival that cannot be built or measured is told in the file.
pub fn run(options: &Options) -> Result<Exit> {
    let server = Server::given(options.server.as_deref())?;
    let mut results = Results::new();
    let contest = options.contest(&server, &mut results)?;
    let window_steps = options.seconds * STEPS_PER_SECOND;
    let windows = contest.entrants.len() as u64 * window_steps;
    let progress = Progress::of(contest.steps() + windows)?;
    let free = generator::stay_on_core(machine::generator_core())?;
    let watch = Watch::start();
    let save = |results: &mut Results| {
        watch.note(results);
        results.save(&options.output)
    };
    contest.hold(&mut results, &progress, |results| {
        results.rows = compare::against(L0, RowKind::Limit, &contest, results);
        save(results)
    })?;
    for entrant in &contest.entrants {
        let name = &entrant.subject.name;
        if progress.is_over() || results.missing.contains_key(name) {
            continue;
        }
        options.look_at(entrant, &contest.workloads[0], &mut results);
        save(&mut results)?;
        progress.steps(window_steps, &format!("{name}, the kernel's share"));
    }
    progress.finish();
    generator::leave_core(free)?;
    report::terminal::print_written(&results, &options.output);
    let is_whole = results.kernel_shares.len() == contest.entrants.len();
    Ok(Exit::of(is_whole && results.missing.is_empty()))
}

impl Options {
    /// Who takes part. All of them answer in one piece.
    fn contest(&self, server: &Server, results: &mut Results) -> Result<Contest> {
        let names = RIVALS.map(str::to_owned);
        let rivals = peers::all(&peers::folder(None)?)?;
        let rivals = chosen(rivals, &names, |peer| &peer.name, "rival")?;
        let mut entrants = vec![field::limit()?];
        entrants.extend(field::own(server));
        let missing = &mut results.missing;
        entrants.extend(peers::invited(&rivals, missing, field::entrant));
        Ok(Contest {
            entrants,
            workloads: vec![of_any_server("keep-alive")?],
            sets: self.sets,
            rounds: self.rounds,
            timed: false,
        })
    }

    /// Adds a server's share. One that fails has none, and why is told in `missing`.
    fn look_at(&self, entrant: &Entrant, workload: &Workload, results: &mut Results) {
        let name = &entrant.subject.name;
        let window = window(entrant, workload, Duration::from_secs(self.seconds));
        let window = window.unwrap_or_else(|error| {
            let what = format!("{name}, the kernel's share");
            results.missing.insert(what, format!("{error:#}"));
            Window::default()
        });
        let in_kernel = window.in_kernel();
        results.kernel_shares.push(KernelShare {
            of: name.clone(),
            workload: workload.name.clone(),
            cpu_seconds: window.cpu().as_secs_f64(),
            share: in_kernel.map(|(share, _)| share),
            error: in_kernel.map(|(_, error)| error),
        });
    }
}

/// A window of a server that is alone.
fn window(entrant: &Entrant, workload: &Workload, cpu: Duration) -> Result<Window> {
    let workers = workload.workers();
    let subject = entrant.subject_for(workload);
    let server = Running::start(&subject, workers, &machine::server_cores(workers))?;
    let mut lane = Lane::open(server.address(), workload, false)?;
    lane.turn(span(WARMUP))?;
    let window = Window::of(server.pid(), &mut lane, cpu)?;
    server.stop()?;
    Ok(window)
}

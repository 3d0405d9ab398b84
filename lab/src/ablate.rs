//! What each technique is worth: the server with and without it, under a load that does not stop.
//!
//! What can change while the server runs and shows in CPU time is compared inside of one process,
//! by the server's own duels. What shows in latency, or needs new sockets, new threads or another
//! build, is compared between processes. Then come the ladder from naive to full, and all pairs of
//! the eight techniques that matter most: what two of them are worth together is not the sum.
//!
//! Every technique of the table gets a verdict; one that two cores cannot show says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

mod inside;
mod outside;
mod plan;
pub mod workloads;

use plan::Item;

use crate::command::built;
use crate::process::Subject;
use crate::progress::Progress;
use crate::results::{Results, Row, RowKind};
use crate::server::{Server, Technique, barewire};
use crate::statistics::{Verdict, level_of_each};
use crate::threshold::Threshold;
use crate::{Exit, generator, machine, report};

/// Measure what each technique is worth.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Keep-alive only, two seconds each, without what needs other processes: a minute or two.
    #[arg(long)]
    quick: bool,
    /// Only these techniques, by name.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    techniques: Vec<String>,
    /// Sets of fresh processes, for what cannot change while the server runs.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    sets: u32,
    /// Build the server in other ways, too, and compare these; the building takes minutes.
    #[arg(long)]
    builds: bool,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where the result file is written.
    #[arg(short, long, default_value = "results/ablation.json")]
    output: PathBuf,
    /// Exit with 3 if this holds, such as 'register_once < 1.05' or 'naive < 1.5': the ratio of a
    /// technique on the first workload where it shows.
    #[arg(long, value_name = "EXPRESSION")]
    fail_if: Option<String>,
}

/// Runs it: [`Exit::Noisy`] if a control fails, [`Exit::Threshold`] if `--fail-if` holds.
///
/// # Errors
///
/// If the server cannot be asked for its techniques, or the result file cannot be written; what
/// cannot be measured is told in the file, and no error.
pub fn run(options: &Options) -> Result<Exit> {
    let server = Server::given(options.server.as_deref())?;
    let techniques = server.switches(&options.techniques)?;
    let mut known: Vec<String> = techniques.iter().map(|one| variable(&one.name)).collect();
    known.push("naive".to_owned());
    let threshold = Threshold::given(options.fail_if.as_deref(), &known)?;
    let builds = if options.builds {
        builds(&server)
    } else {
        Vec::new()
    };
    let duels = plan::duels(&techniques, options.quick);
    let is_whole = options.techniques.is_empty() && !options.quick;
    let outside = if options.quick {
        Vec::new()
    } else {
        outside::contests(&server, &techniques, builds, options.sets)
    };
    let combined = if is_whole { plan::COMBINED_STEPS } else { 0 };
    let inside: u64 = duels.iter().map(Item::steps).sum();
    let steps = inside + combined + outside.iter().map(outside::Match::steps).sum::<u64>();
    let rows = duels.len() + outside.iter().map(outside::Match::rows).sum::<usize>();
    let progress = Progress::of(steps)?;
    generator::stay_on_core(machine::generator_core())?;
    let watch = machine::Watch::start();
    let mut ablation = Ablation {
        server: &server,
        level: level_of_each(rows),
        progress: &progress,
        results: Results::new(),
        output: options.output.clone(),
    };
    ablation.duels(&duels)?;
    if is_whole {
        let combined = plan::combined(&ablation.results);
        ablation.duels(&combined)?;
    }
    for contest in &outside {
        ablation.between_processes(contest)?;
    }
    ablation.say_what_cannot_show(&techniques);
    watch.note(&mut ablation.results);
    ablation.save()?;
    progress.finish();
    finish(&ablation.results, options, threshold.as_ref())
}

/// The server built in other ways, by the commands that it names itself, each into a folder of its
/// own, so that none takes the place of the server that is measured. One whose command fails, or
/// needs what is not here, is told and left out.
fn builds(server: &Server) -> Vec<(&str, Subject)> {
    let mut builds = Vec::new();
    for technique in &server.techniques {
        let (name, Some(command)) = (&technique.name, &technique.build) else {
            continue;
        };
        eprintln!("{name}: building");
        match built(command) {
            Ok(program) => {
                let subject = barewire(&format!("build: {name}"), &program, &[]);
                builds.push((name.as_str(), subject));
            }
            Err(error) => eprintln!("{name}: {error:#}"),
        }
    }
    builds
}

fn finish(results: &Results, options: &Options, threshold: Option<&Threshold>) -> Result<Exit> {
    report::terminal::print_written(results, &options.output);
    let mut values = BTreeMap::new();
    for row in &results.rows {
        let is_single = matches!(row.kind, RowKind::LeaveOut | RowKind::Naive);
        if let Some(ratio) = row.ratio.filter(|_| is_single) {
            values.entry(variable(&row.about)).or_insert(ratio.median);
        }
    }
    if Threshold::is_crossed(threshold, &values)? {
        return Ok(Exit::Threshold);
    }
    let failed = results.rows.iter().filter(|row| row.has_failed());
    let failed: Vec<String> = failed
        .map(|row| format!("{} on {}", row.about, row.workload))
        .collect();
    if failed.is_empty() {
        return Ok(Exit::Success);
    }
    println!(
        "controls that failed, so take nothing for granted: {}",
        failed.join("; ")
    );
    Ok(Exit::Noisy)
}

/// A technique as a variable of `--fail-if`.
fn variable(name: &str) -> String {
    name.replace('-', "_")
}

/// What is measured so far.
struct Ablation<'a> {
    server: &'a Server,
    level: f64,
    progress: &'a Progress,
    results: Results,
    output: PathBuf,
}

impl Ablation<'_> {
    /// Tells why a row is missing.
    fn fail(&mut self, item: &Item, error: &anyhow::Error) {
        let name = format!("{}, {}", item.about, item.workload.name);
        self.results.missing.insert(name, format!("{error:#}"));
    }

    fn save(&self) -> Result<()> {
        self.results.save(&self.output)
    }

    /// A verdict for each technique: also for those that nothing here can show.
    fn say_what_cannot_show(&mut self, techniques: &[&Technique]) {
        let cores = machine::cores();
        for row in &mut self.results.rows {
            let workers = self.results.workloads.get(&row.workload);
            let workers = workers.map_or(1, crate::workload::Workload::workers);
            let is_open = matches!(row.verdict, Verdict::NotResolved | Verdict::Negligible);
            if workers >= cores && workers > 1 && is_open {
                row.verdict = Verdict::CannotShow;
                row.why =
                    format!("{workers} workers and the generator want more than {cores} cores");
            }
        }
        for technique in techniques {
            let is_of = |row: &Row| row.about == technique.name;
            if !self.results.rows.iter().any(is_of) {
                self.results.rows.push(Row {
                    about: technique.name.clone(),
                    verdict: Verdict::CannotShow,
                    judged_by: technique.judged_by.clone(),
                    workload: technique.shows_on.clone(),
                    why: "not measured in this run".to_owned(),
                    ..Row::default()
                });
            }
        }
    }
}

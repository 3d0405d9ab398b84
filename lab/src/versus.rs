//! Two servers of anybody's, in turns: is this one faster than that one?
//!
//! A command is run by a shell, with PORT in its environment and `{port}` filled in. It must answer
//! on 127.0.0.1 at that port. Nothing else is known of it.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::ablate::workloads::of_any_server;
use crate::machine::{self, Watch};
use crate::process::Subject;
use crate::progress::Progress;
use crate::results::{Results, RowKind};
use crate::rows::{self, Figure, Question};
use crate::statistics::{Estimate, LEVEL, Verdict};
use crate::threshold::{OF_TWO, Threshold, of_two};
use crate::turns::{Contest, Entrant};
use crate::workload::Workload;
use crate::{Exit, generator};

/// Compare two servers of anybody's.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The first server's command, such as 'node a.js'; {port} and PORT say where it must listen.
    #[arg(value_name = "COMMAND A")]
    a: String,
    /// The second one's.
    #[arg(value_name = "COMMAND B")]
    b: String,
    /// What is asked for.
    #[arg(long, default_value = "/plaintext")]
    path: String,
    /// How: keep-alive, pipelined-x16, one-connection, connection-per-request.
    #[arg(long, default_value = "keep-alive")]
    workload: String,
    /// Sets of fresh processes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    sets: u32,
    /// Rounds of a set.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load before anything counts; then both stay up for all sets.
    #[arg(long, value_parser = crate::positive)]
    warmup: Option<f64>,
    /// Write a result file.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Exit with 3 if this holds, such as 'low > 1.05': ratio (B by A), low, high, ns_a, ns_b.
    #[arg(long, value_name = "EXPRESSION")]
    fail_if: Option<String>,
}

/// Runs it: [`Exit::Noisy`] if it is not resolved, [`Exit::Threshold`] if `--fail-if` holds.
///
/// # Errors
///
/// If one of the two does not start, or does not answer.
pub fn run(options: &Options) -> Result<Exit> {
    let known = OF_TWO.map(str::to_owned);
    let threshold = Threshold::given(options.fail_if.as_deref(), &known)?;
    let workload = options.workload()?;
    let contest = Contest {
        entrants: vec![
            options.entrant("A", &options.a),
            options.entrant("B", &options.b),
        ],
        workloads: vec![workload],
        sets: options.sets,
        rounds: options.rounds,
        timed: false,
    };
    let progress = Progress::of(contest.steps())?;
    generator::stay_on_core(machine::generator_core())?;
    let watch = Watch::start();
    let mut results = Results::new();
    contest.hold(&mut results, &progress, |_| Ok(()))?;
    progress.finish();
    watch.note(&mut results);
    for (name, why) in &results.missing {
        eprintln!("{name}: {why}");
    }
    ensure!(
        results.missing.is_empty(),
        "one of the two could not be measured"
    );
    let exit = told(&mut results, &options.workload, threshold.as_ref())?;
    if let Some(output) = &options.output {
        results.save(output)?;
    }
    Ok(exit)
}

impl Options {
    fn workload(&self) -> Result<Workload> {
        Ok(Workload {
            paths: vec![self.path.clone()],
            body: None,
            read_every: 1,
            ..of_any_server(&self.workload)?
        })
    }

    fn entrant(&self, name: &str, command: &str) -> Entrant {
        Entrant {
            warmup_seconds: self.warmup,
            ..Entrant::of(Subject {
                name: name.to_owned(),
                program: "sh".into(),
                // The shell becomes the server, so that a signal reaches it.
                arguments: vec!["-c".to_owned(), format!("exec {command}")],
                path: self.path.clone(),
                ..Subject::default()
            })
        }
    }
}

fn told(results: &mut Results, workload: &str, threshold: Option<&Threshold>) -> Result<Exit> {
    let question = Question {
        kind: RowKind::Rival,
        about: "B",
        workload,
        subject: "B",
        base: "A",
        figure: Figure::Cpu,
        level: LEVEL,
    };
    let row = question.answer(results);
    let Some((row, ratio)) = row.and_then(|row| Some((row.clone(), row.ratio?))) else {
        println!("Not resolved: too few sets.");
        return Ok(Exit::Noisy);
    };
    for name in ["A", "B"] {
        println!("{}", used(results, name, workload));
    }
    println!("{}", sentence(&ratio, row.verdict));
    results.rows.push(row.clone());
    if Threshold::is_crossed(threshold, &of_two(&ratio, [row.base_ns, row.subject_ns]))? {
        return Ok(Exit::Threshold);
    }
    let is_open = row.verdict == Verdict::NotResolved;
    Ok(if is_open { Exit::Noisy } else { Exit::Success })
}

/// What a request of one of the two took.
fn used(results: &Results, name: &str, workload: &str) -> String {
    let runs = rows::runs(results, name, workload);
    let of = |value: Option<f64>| value.unwrap_or_default();
    format!(
        "{name}: {:.0} ns of CPU time a request, {:.0} requests/s, {:.0} % busy (generator \
         {:.0} %), {:.1} MiB",
        of(rows::figure(&runs, Figure::Cpu)),
        of(rows::rate(&runs)),
        100.0 * of(rows::busy(&runs)),
        100.0 * of(rows::generator_busy(&runs)),
        of(rows::memory(&runs)) / 1_048_576.0,
    )
}

fn sentence(ratio: &Estimate, verdict: Verdict) -> String {
    let range = format!(
        "{:.3} ({:.3} to {:.3})",
        ratio.median, ratio.low, ratio.high
    );
    let word = verdict.words();
    match verdict {
        Verdict::Slower | Verdict::Faster => {
            format!("B costs {word} than A: {range} times the CPU time of a request.")
        }
        Verdict::Negligible => format!("The same, to within 0.5 %: {range}."),
        _ => format!("Not resolved: {range}. More --sets make it narrower."),
    }
}

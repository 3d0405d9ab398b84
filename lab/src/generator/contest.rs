//! Generator against generator: what it costs to ask, on the canned loop.
//!
//! A generator that costs more than the server measures itself. Each row is a fresh canned loop on
//! one core and the generator on another. The loop finds the end of each head (level 1), so that it
//! answers whoever asks, however long the request is. Absent on purpose: a verdict; a table of one
//! run each shows sizes, not differences of some percent.

use anyhow::{Context, Result, ensure};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::Exit;
use crate::measure::{Plan, block};
use crate::process::{Running, Subject};
use crate::workload::Workload;
use crate::wrk;

/// The open loop's share of the closed loop's rate: below saturation, where latencies mean
/// something.
const OPEN_SHARE: f64 = 0.7;

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Seconds for each generator.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub seconds: u16,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// One generator.
#[derive(Clone, Debug, Serialize)]
struct Row {
    generator: &'static str,
    workload: String,
    requests_per_second: f64,
    cpu_ns_per_request: f64,
    /// The canned loop's, to compare with; `None` where the lab does not see it.
    server_cpu_ns_per_request: Option<f64>,
}

/// Measures each generator, and prints the table.
///
/// # Errors
///
/// If the canned loop is not built, or a request fails.
pub fn run(options: &Options) -> Result<Exit> {
    let plan = Plan::of_two_cores(f64::from(options.seconds));
    let mut rows = Vec::new();
    for workload in [Workload::keep_alive(), Workload::pipelined()] {
        let closed = ours("closed loop", &workload, &plan)?;
        if workload.pipeline == 1 {
            let rate = closed.requests_per_second * OPEN_SHARE;
            rows.push(ours("open loop", &workload.clone().at_rate(rate), &plan)?);
        }
        rows.push(closed);
        if wrk::is_installed() {
            rows.push(theirs(&workload, &plan, options.seconds)?);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string(&rows)?);
    } else {
        println!("{}", table(&rows));
        if !wrk::is_installed() {
            println!("wrk: not measured; install it (Debian: apt install wrk)");
        }
    }
    Ok(Exit::Success)
}

/// The canned loop beside this program.
fn canned() -> Result<Subject> {
    let own = std::env::current_exe().context("this program's own path")?;
    Ok(Subject {
        name: "L1".to_owned(),
        program: own.with_file_name("canned"),
        arguments: ["--level", "1", "--port", "{port}"]
            .map(str::to_owned)
            .to_vec(),
        announces: true,
        ..Subject::default()
    })
}

fn ours(generator: &'static str, workload: &Workload, plan: &Plan) -> Result<Row> {
    let block = block(&canned()?, workload, plan)?;
    let errors = &block.errors;
    ensure!(
        errors.is_empty(),
        "{generator}: requests failed: {errors:?}"
    );
    Ok(Row {
        generator,
        workload: workload.name.clone(),
        requests_per_second: block.requests_per_second,
        cpu_ns_per_request: block.generator_cpu_ns_per_request,
        server_cpu_ns_per_request: block.server_cpu_ns_per_request,
    })
}

fn theirs(workload: &Workload, plan: &Plan, seconds: u16) -> Result<Row> {
    let server = Running::start(&canned()?, plan.workers, &plan.server_cores)?;
    let url = format!("http://{}{}", server.address(), workload.path);
    let pipelined = format!(
        "function init() local all = {{}} for i = 1, {} do all[i] = wrk.format() end \
         batch = table.concat(all) end function request() return batch end",
        workload.pipeline
    );
    let drive = wrk::Drive {
        url: &url,
        threads: plan.generator_threads,
        connections: workload.connections,
        seconds,
        script: (workload.pipeline > 1).then_some(pipelined.as_str()),
        cores: &plan.generator_cores,
    };
    let outcome = drive.without_errors()?;
    server.stop()?;
    Ok(Row {
        generator: "wrk",
        workload: workload.name.clone(),
        requests_per_second: outcome.requests_per_second(),
        cpu_ns_per_request: outcome.cpu_ns_per_request().context("wrk sent nothing")?,
        server_cpu_ns_per_request: None,
    })
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "generator",
        "workload",
        "requests/s",
        "CPU ns per request",
        "canned loop, CPU ns per request",
    ]);
    for row in rows {
        let server = row.server_cpu_ns_per_request;
        table.add_row([
            row.generator.to_owned(),
            row.workload.clone(),
            format!("{:.0}", row.requests_per_second),
            format!("{:.0}", row.cpu_ns_per_request),
            server.map_or("not measured".to_owned(), |cpu| format!("{cpu:.0}")),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

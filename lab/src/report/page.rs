//! One HTML file that opens from disk: style and charts are in it, and it asks nobody for anything.
//!
//! Several result files make one page, section by section; each figure says which file it is from,
//! because figures of two runs are not one. Flame graphs have scripts and ids of their own, and so
//! each has a frame of its own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Source;
use super::chart::{self, Goal, Panel};
use super::headline::headline;
use super::sight::{Sight, Worth};
use super::tables::{self, Table};
use crate::results::{Flame, Latency, Results, RowKind};

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    /// The tables beside its charts.
    tables: &'static [&'static str],
    /// Its charts for a file; the number makes their ids unique.
    charts: fn(&Results, usize) -> Vec<Figure>,
}

/// A chart under its caption.
struct Figure {
    caption: String,
    content: Markup,
}

const SECTIONS: [Section; 8] = [
    section(
        "waterfall",
        "From naive to full to the limit",
        &["shares"],
        waterfalls,
    ),
    section(
        "techniques",
        "Each technique left out, and added alone",
        &["ablation"],
        forests,
    ),
    section(
        "counts",
        "What each technique changes",
        &["counters", "instructions"],
        no_charts,
    ),
    section(
        "rivals",
        "The rivals and the limit",
        &["comparison", "limit", "missing"],
        rivals,
    ),
    section(
        "latency",
        "Latency at a fixed rate",
        &["latency"],
        latencies,
    ),
    section(
        "generators",
        "The load generators",
        &["generators"],
        no_charts,
    ),
    section("flames", "Where the CPU time goes", &[], flames),
    section(
        "article",
        "The article, sentence by sentence",
        &["article"],
        no_charts,
    ),
];

const fn section(
    id: &'static str,
    title: &'static str,
    tables: &'static [&'static str],
    charts: fn(&Results, usize) -> Vec<Figure>,
) -> Section {
    Section {
        id,
        title,
        tables,
        charts,
    }
}

/// The whole page.
pub fn page(sources: &[Source]) -> String {
    let parts: Vec<(&Section, Markup)> = SECTIONS
        .iter()
        .filter_map(|section| Some((section, drawn(section, sources)?)))
        .collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "barewire: where the speed comes from" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { "barewire: where the speed comes from" }
                    @for source in sources { (verdict(source)) }
                }
                nav aria-label="Sections" { ul {
                    @for (section, _) in &parts { li { a href={ "#" (section.id) } { (section.title) } } }
                    li { a href="#record" { "Conditions and commands" } }
                } }
                main {
                    @for (section, content) in &parts {
                        section id=(section.id) { h2 { (section.title) } (content) }
                    }
                    section id="record" {
                        h2 { "Conditions and commands" }
                        @for source in sources { (record(source)) }
                    }
                }
            }
        }
    }
    .into_string()
}

/// What a file allows to say; else why not, and what to do.
fn verdict(source: &Source) -> Markup {
    let said = headline(&source.results);
    let objections = &source.results.objections;
    html! {
        div class=(if said.findings.is_empty() || !objections.is_empty() { "verdict refused" } else { "verdict" }) {
            @for finding in &said.findings { p { (finding) } }
            @if said.findings.is_empty() && objections.is_empty() {
                p { "Nothing in this file can be put into one sentence: see its tables." }
            }
            @if !objections.is_empty() {
                p { strong {
                    @if said.findings.is_empty() { "No verdict. " }
                    "These figures are not all to be trusted: " (said.withheld) " of "
                    (source.results.rows.len()) " comparisons are not in a headline."
                } }
                ul { @for objection in objections {
                    li { (objection.about) ": " (objection.what) " (" (objection.kind) "). " (objection.remedy) }
                } }
            }
            p class="source" { (source.line()) }
        }
    }
}

fn drawn(section: &Section, sources: &[Source]) -> Option<Markup> {
    let mut parts = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let figures = (section.charts)(&source.results, number);
        let tables: Vec<Table> = section
            .tables
            .iter()
            .filter_map(|name| tables::named(&source.results, name))
            .collect();
        if !figures.is_empty() || !tables.is_empty() {
            parts.push(html! {
                p class="source" { (source.line()) }
                @for figure in figures {
                    figure { figcaption { (figure.caption) } (figure.content) }
                }
                @for table in tables { (tabulated(&table)) }
            });
        }
    }
    (!parts.is_empty()).then(|| html! { @for part in parts { (part) } })
}

fn tabulated(table: &Table) -> Markup {
    let class = |numeric: bool| numeric.then_some("number");
    html! {
        div class={ "scroll " (table.name) } tabindex="0" role="region" aria-label=(table.title) {
            table {
                caption { (table.title) }
                thead { tr { @for column in &table.columns {
                    th scope="col" class=[class(column.numeric)] { (column.heading) }
                } } }
                tbody { @for row in &table.rows {
                    tr { @for (cell, column) in row.iter().zip(&table.columns) {
                        td class=[class(column.numeric)] { (cell) }
                    } }
                } }
            }
        }
        @if !table.note.is_empty() { p class="note" { (table.note) } }
    }
}

fn record(source: &Source) -> Markup {
    let tables = ["environment", "commands"].map(|name| tables::named(&source.results, name));
    html! {
        h3 { (source.name) }
        @for table in tables.into_iter().flatten() { (tabulated(&table)) }
    }
}

fn no_charts(_: &Results, _: usize) -> Vec<Figure> {
    Vec::new()
}

fn figure(caption: String, drawing: &svg::Document) -> Figure {
    Figure {
        caption,
        content: PreEscaped(drawing.to_string()),
    }
}

fn waterfalls(results: &Results, number: usize) -> Vec<Figure> {
    let all = Worth::all(results).into_iter().enumerate();
    all.map(|(index, worth)| {
        let caption = format!("{}, {}", worth.workload, worth.unit);
        let id = format!("waterfall-{number}-{index}");
        figure(
            caption.clone(),
            &chart::waterfall(&id, &caption, &worth, &goals(results, &worth)),
        )
    })
    .collect()
}

/// The limits that were measured in the same run and unit.
fn goals(results: &Results, worth: &Worth) -> Vec<Goal> {
    let sight = Sight(results);
    let cost = |name: &str| match worth.unit.as_str() {
        "instructions" => sight.counters(name, &worth.workload)?.instructions,
        _ => sight.cpu_ns(name, &worth.workload),
    };
    let goals = ["L2", "L1", "L0"].into_iter();
    goals
        .filter_map(|name| {
            Some(Goal {
                name: name.to_owned(),
                cost: cost(name)?,
            })
        })
        .collect()
}

fn forests(results: &Results, number: usize) -> Vec<Figure> {
    let sight = Sight(results);
    let workloads = sight
        .workloads_of(&[RowKind::LeaveOut, RowKind::AddOne])
        .into_iter()
        .enumerate();
    workloads
        .map(|(index, workload)| {
            let names = sight.techniques(workload);
            let marks = |kind| {
                let rows = names.iter().map(|name| sight.row(kind, workload, name));
                rows.map(|row| row.and_then(|row| Some((row.cpu?, row.verdict))))
                    .collect()
            };
            let panels = [
                Panel {
                    title: "left out: CPU time / full",
                    left: "faster without",
                    right: "slower without",
                    marks: marks(RowKind::LeaveOut),
                },
                Panel {
                    title: "added alone: CPU time / naive",
                    left: "faster with",
                    right: "slower with",
                    marks: marks(RowKind::AddOne),
                },
            ];
            let labels: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let id = format!("techniques-{number}-{index}");
            figure(
                workload.to_owned(),
                &chart::forest(&id, workload, &labels, &panels),
            )
        })
        .collect()
}

fn rivals(results: &Results, number: usize) -> Vec<Figure> {
    let sight = Sight(results);
    let workloads = sight
        .workloads_of(&[RowKind::Rival])
        .into_iter()
        .enumerate();
    workloads
        .map(|(index, workload)| {
            let mut rows: Vec<_> = sight.rows_of(RowKind::Rival, workload).collect();
            let cost = |ratio: Option<crate::statistics::Estimate>| {
                ratio.map_or(f64::INFINITY, |cpu| cpu.median)
            };
            rows.sort_by(|a, b| cost(a.cpu).total_cmp(&cost(b.cpu)));
            let labels: Vec<String> = rows.iter().map(|row| row.subject.clone()).collect();
            let panel = Panel {
                title: "CPU time for a request / the server's",
                left: "cheaper than the server",
                right: "dearer than the server",
                marks: rows
                    .iter()
                    .map(|row| Some((row.cpu?, row.verdict)))
                    .collect(),
            };
            let id = format!("rivals-{number}-{index}");
            figure(
                workload.to_owned(),
                &chart::forest(&id, workload, &labels, &[panel]),
            )
        })
        .collect()
}

fn latencies(results: &Results, number: usize) -> Vec<Figure> {
    let mut groups: Vec<Vec<&Latency>> = Vec::new();
    for latency in &results.latencies {
        let like = |group: &&mut Vec<&Latency>| {
            group[0].workload == latency.workload && (group[0].share - latency.share).abs() < 1e-6
        };
        match groups.iter_mut().find(like) {
            Some(group) => group.push(latency),
            None => groups.push(vec![latency]),
        }
    }
    let groups = groups.into_iter().enumerate();
    groups
        .map(|(index, group)| {
            let share = super::numbers::percent(group[0].share);
            let caption = format!("{} at {share} of saturation", group[0].workload);
            let id = format!("latency-{number}-{index}");
            figure(caption.clone(), &chart::percentiles(&id, &caption, &group))
        })
        .collect()
}

fn flames(results: &Results, _: usize) -> Vec<Figure> {
    let frame = |flame: &Flame| match &flame.svg {
        Some(drawing) => html! {
            iframe title=(flame.title) height=(height(drawing)) loading="lazy" sandbox="allow-scripts"
                src={ "data:image/svg+xml;base64," (BASE64_STANDARD.encode(drawing)) } {}
        },
        None => {
            html! { p { "not measured: " (flame.missing.as_deref().unwrap_or("no reason was kept")) } }
        }
    };
    let flames = results.flames.iter();
    flames
        .map(|flame| Figure {
            caption: flame.title.clone(),
            content: frame(flame),
        })
        .collect()
}

/// The height that a drawing wants, within reason; of a stranger's file too.
fn height(drawing: &str) -> u32 {
    let wanted = drawing
        .split_once(" height=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .and_then(|(number, _)| number.parse::<f64>().ok());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped first"
    )]
    let height = wanted.unwrap_or(600.0).clamp(100.0, 2_000.0) as u32;
    height + 8
}

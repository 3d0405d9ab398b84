//! The charts of a page, from a result file: which there are, and what is in each.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, PreEscaped, html};

use crate::report::chart::{self, Goal, Panel};
use crate::report::numbers::percent;
use crate::report::sight::{Sight, Worth};
use crate::results::{Flame, Latency, Results, RowKind};

/// A chart under its caption.
pub(super) struct Figure {
    pub(super) caption: String,
    pub(super) content: Markup,
}

fn figure(caption: String, drawing: &svg::Document) -> Figure {
    Figure {
        caption,
        content: PreEscaped(drawing.to_string()),
    }
}

pub(super) fn waterfalls(results: &Results, number: usize) -> Vec<Figure> {
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

pub(super) fn forests(results: &Results, number: usize) -> Vec<Figure> {
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

pub(super) fn rivals(results: &Results, number: usize) -> Vec<Figure> {
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

pub(super) fn latencies(results: &Results, number: usize) -> Vec<Figure> {
    let mut groups: Vec<Vec<&Latency>> = Vec::new();
    for latency in results.latencies.iter().filter(|latency| latency.is_held()) {
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
            let share = percent(group[0].share);
            let caption = format!("{} at {share} of saturation", group[0].workload);
            let id = format!("latency-{number}-{index}");
            figure(caption.clone(), &chart::percentiles(&id, &caption, &group))
        })
        .collect()
}

pub(super) fn flames(results: &Results, _: usize) -> Vec<Figure> {
    let frame = |flame: &Flame| {
        let reason = flame.missing.as_deref();
        html! {
            @if let Some(drawing) = &flame.svg {
                iframe title=(flame.title) height=(height(drawing))
                    loading="lazy" sandbox="allow-scripts"
                    src={ "data:image/svg+xml;base64," (BASE64_STANDARD.encode(drawing)) } {}
            } @else {
                p { "not measured: " (reason.unwrap_or("no reason was kept")) }
            }
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

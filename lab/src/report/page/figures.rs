//! The charts of a page, from a result file: which there are, and what is in each.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, html};

use crate::grouped;
use crate::report::chart::{self, Mark};
use crate::report::tables::rungs;
use crate::results::{Flame, Results, Row, RowKind};

/// A drawing under its caption.
fn figure(caption: &str, drawing: &Markup) -> Markup {
    html! { figure { figcaption { (caption) } (drawing) } }
}

pub(super) fn techniques(results: &Results, number: usize) -> Vec<Markup> {
    let caption = "what a request costs without it, times the whole";
    forests(results, &[RowKind::LeaveOut], caption, "techniques", number)
}

pub(super) fn servers(results: &Results, number: usize) -> Vec<Markup> {
    let kinds = [RowKind::Rival, RowKind::Limit];
    forests(
        results,
        &kinds,
        "CPU time of a request, times the base's",
        "servers",
        number,
    )
}

/// A forest for each workload.
fn forests(
    results: &Results,
    kinds: &[RowKind],
    title: &str,
    id: &str,
    number: usize,
) -> Vec<Markup> {
    let is_shown = |row: &&Row| kinds.contains(&row.kind) && row.ratio.is_some();
    let groups = grouped(results.rows.iter().filter(is_shown), |row| {
        row.workload.as_str()
    });
    let each = groups
        .into_iter()
        .enumerate()
        .map(|(index, (workload, rows))| {
            let marks = rows.into_iter().filter_map(|row| {
                Some(Mark {
                    label: row.about.clone(),
                    estimate: row.ratio?,
                    verdict: row.verdict,
                })
            });
            let mut marks: Vec<Mark> = marks.collect();
            marks.sort_by(|one, other| other.estimate.median.total_cmp(&one.estimate.median));
            let id = format!("{id}-{number}-{index}");
            figure(workload, &chart::forest(&id, title, &marks))
        });
    each.collect()
}

pub(super) fn ladders(results: &Results, number: usize) -> Vec<Markup> {
    let rungs = rungs(results);
    if rungs.is_empty() {
        return Vec::new();
    }
    let title = "nanoseconds of CPU time for a request";
    let drawing = chart::ladder(&format!("ladder-{number}"), title, &rungs);
    vec![figure("From naive to full", &drawing)]
}

pub(super) fn flames(results: &Results, _: usize) -> Vec<Markup> {
    let frame = |flame: &Flame| {
        let reason = flame.missing.as_deref();
        let drawing = html! {
            @if let Some(drawing) = &flame.svg {
                iframe title=(flame.title) height=(height(drawing))
                    loading="lazy" sandbox="allow-scripts"
                    src={ "data:image/svg+xml;base64," (BASE64_STANDARD.encode(drawing)) } {}
            } @else {
                p { "not measured: " (reason.unwrap_or("no reason was kept")) }
            }
        };
        figure(&flame.title, &drawing)
    };
    results.flames.iter().map(frame).collect()
}

/// The height that a drawing wants, and a frame's border; within reason, of a stranger's file too.
fn height(drawing: &str) -> f64 {
    let wanted = drawing
        .split_once(" height=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .and_then(|(number, _)| number.parse::<f64>().ok());
    let height = wanted.unwrap_or(600.0).clamp(100.0, 2_000.0);
    height.max(100.0).round() + 8.0
}

//! The charts of a page, from a result file: which there are, and what is in each.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, PreEscaped, html};

use crate::report::chart::{self, Mark};
use crate::report::tables::rungs;
use crate::results::{Flame, Results, Row, RowKind};

/// A chart under its caption.
pub(super) struct Figure {
    pub(super) caption: String,
    pub(super) content: Markup,
}

fn figure(caption: &str, drawing: &svg::Document) -> Figure {
    Figure {
        caption: caption.to_owned(),
        content: PreEscaped(drawing.to_string()),
    }
}

pub(super) fn techniques(results: &Results, number: usize) -> Vec<Figure> {
    let caption = "what a request costs without it, times the whole";
    forests(results, &[RowKind::LeaveOut], caption, "techniques", number)
}

pub(super) fn servers(results: &Results, number: usize) -> Vec<Figure> {
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
) -> Vec<Figure> {
    let is_shown = |row: &&Row| kinds.contains(&row.kind) && row.ratio.is_some();
    let mut workloads: Vec<&str> = Vec::new();
    for row in results.rows.iter().filter(is_shown) {
        if !workloads.contains(&row.workload.as_str()) {
            workloads.push(&row.workload);
        }
    }
    let each = workloads.into_iter().enumerate().map(|(index, workload)| {
        let rows = results.rows.iter().filter(is_shown);
        let mut marks: Vec<Mark> = rows
            .filter(|row| row.workload == workload)
            .filter_map(|row| {
                Some(Mark {
                    label: row.about.clone(),
                    estimate: row.ratio?,
                    verdict: row.verdict,
                })
            })
            .collect();
        marks.sort_by(|one, other| other.estimate.median.total_cmp(&one.estimate.median));
        let id = format!("{id}-{number}-{index}");
        figure(workload, &chart::forest(&id, title, &marks))
    });
    each.collect()
}

pub(super) fn ladders(results: &Results, number: usize) -> Vec<Figure> {
    let rungs = rungs(results);
    if rungs.is_empty() {
        return Vec::new();
    }
    let title = "nanoseconds of CPU time for a request";
    let drawing = chart::ladder(&format!("ladder-{number}"), title, &rungs);
    vec![figure("From naive to full", &drawing)]
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

//! Latency curves: the slower the rarer.
//!
//! The axis of percentiles is log(1 / (1 - p)), so that 99 to 99.9 % takes as much room as 90 to
//! 99 %: that is where servers differ. Lines differ in dashes as well as in colour.

use svg::Document;
use svg::node::element::path::Data;
use svg::node::element::{Group, Path};

use super::{Anchor, Scale, WIDTH, chart, label, line, text};
use crate::report::numbers::microseconds;
use crate::results::Latency;

const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const HEAD: f64 = 26.0;
const BOTTOM: f64 = 330.0;
/// Colours and dashes there are.
const LINES: usize = 8;
/// Between the names at the ends of the lines.
const SPACING: f64 = 17.0;
const TICKS: [f64; 8] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999];

/// Draws the curves of several subjects, which share workload and rate.
pub fn percentiles(id: &str, title: &str, curves: &[&Latency]) -> Document {
    let names: Vec<&str> = curves
        .iter()
        .map(|latency| latency.subject.as_str())
        .collect();
    let description = format!(
        "Latency in microseconds by percentile for {}. The table has the same figures.",
        names.join(", ")
    );
    let (across, up) = scales(curves);
    let mut document = chart(id, BOTTOM + 46.0, title, &description)
        .add(text(4.0, 14.0, Anchor::Start, "small", "microseconds"))
        .add(line((LEFT, BOTTOM), (WIDTH - RIGHT, BOTTOM), "axis"));
    for tick in up.ticks(5.0) {
        let y = up.place(tick);
        document = document
            .add(line((LEFT, y), (WIDTH - RIGHT, y), "rule"))
            .add(text(
                LEFT - 8.0,
                y + 4.0,
                Anchor::End,
                "small",
                microseconds(tick).replace(".0", ""),
            ));
    }
    for tick in TICKS.into_iter().filter(|tick| rarity(*tick) <= across.to) {
        let x = across.place(rarity(tick));
        document = document
            .add(line((x, HEAD), (x, BOTTOM + 5.0), "rule"))
            .add(text(
                x,
                BOTTOM + 20.0,
                Anchor::Middle,
                "small",
                format!("{tick}"),
            ));
    }
    document = document.add(text(
        (LEFT + WIDTH - RIGHT) / 2.0,
        BOTTOM + 40.0,
        Anchor::Middle,
        "small",
        "percentile of requests",
    ));
    let heights = name_heights(curves, up);
    for (index, (latency, y)) in curves.iter().zip(heights).enumerate() {
        document = document.add(curve(latency, index % LINES, y, across, up));
    }
    document
}

/// One in how many is slower: 0 for all, 1 for one in ten, 2 for one in a hundred.
fn rarity(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

fn scales(curves: &[&Latency]) -> (Scale, Scale) {
    let points = || curves.iter().flat_map(|latency| drawable(latency));
    let rarest = points()
        .map(|(percentile, _)| rarity(percentile))
        .fold(2.0, f64::max);
    let low = points().map(|(_, us)| us).fold(f64::INFINITY, f64::min);
    let high = points().map(|(_, us)| us).fold(0.0, f64::max);
    let (low, high) = if low < high {
        (low, high)
    } else {
        (1.0, 1_000.0)
    };
    (
        Scale::linear((0.0, rarest), (LEFT, WIDTH - RIGHT)),
        Scale::logarithmic((low / 1.15, high * 1.15), (BOTTOM, HEAD)),
    )
}

/// Points that have a place on the axes: 100 % has none.
fn drawable(latency: &Latency) -> impl Iterator<Item = (f64, f64)> {
    let points = latency.percentiles.curve.iter().copied();
    points.filter(|(percentile, us)| (0.0..100.0).contains(percentile) && *us > 0.0)
}

fn last(latency: &Latency) -> Option<(f64, f64)> {
    drawable(latency).last()
}

/// Where each line's name stands: at its end, moved down as far as its neighbours need.
fn name_heights(curves: &[&Latency], up: Scale) -> Vec<f64> {
    let mut ends: Vec<(usize, f64)> = curves
        .iter()
        .map(|latency| last(latency).map_or(BOTTOM, |(_, us)| up.place(us)))
        .enumerate()
        .collect();
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut heights = vec![0.0; curves.len()];
    let mut lowest = f64::NEG_INFINITY;
    for (index, y) in ends {
        lowest = y.max(lowest + SPACING);
        heights[index] = lowest;
    }
    // All of them up again, if the last one fell below the chart.
    let over = (lowest - BOTTOM).max(0.0);
    heights.iter().map(|y| y - over).collect()
}

fn curve(latency: &Latency, style: usize, name_y: f64, across: Scale, up: Scale) -> Group {
    let places: Vec<(f64, f64)> = drawable(latency)
        .map(|(percentile, us)| {
            (
                super::px(across.place(rarity(percentile))),
                super::px(up.place(us)),
            )
        })
        .collect();
    let mut group = Group::new().set("class", format!("line line-{style}"));
    if let Some((first, rest)) = places.split_first() {
        let data = rest
            .iter()
            .fold(Data::new().move_to(*first), |data, point| {
                data.line_to(*point)
            });
        let end = rest.last().unwrap_or(first);
        group = group
            .add(Path::new().set("d", data).set("class", "curve"))
            .add(line(*end, (WIDTH - RIGHT + 14.0, name_y), "leader"));
    }
    let key = (WIDTH - RIGHT + 16.0, WIDTH - RIGHT + 44.0);
    group
        .add(line((key.0, name_y), (key.1, name_y), "curve"))
        .add(text(
            key.1 + 6.0,
            name_y + 4.0,
            Anchor::Start,
            "label",
            label(&latency.subject),
        ))
}

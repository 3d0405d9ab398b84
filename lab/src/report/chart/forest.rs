//! A forest plot: for each label the ratio with its 95 % interval, in panels side by side.
//!
//! The shaded band is 1 % about 1. A filled mark is a verdict; an open one is not resolved, or no
//! effect if the interval lies within the band. An interval that leaves the panel ends in its edge.

use svg::Document;
use svg::node::element::{Circle, Group};

use super::{Anchor, ROW, Scale, WIDTH, chart, label, line, rectangle, text};
use crate::report::numbers::ratio;
use crate::statistics::{Estimate, Verdict};

/// One column of ratios, a line for each label.
pub struct Panel<'a> {
    /// What the ratio is.
    pub title: &'a str,
    /// What lies to the left of 1.
    pub left: &'a str,
    /// What lies to the right of 1.
    pub right: &'a str,
    /// For each label: what was seen, if anything was.
    pub marks: Vec<Option<(Estimate, Verdict)>>,
}

const HEAD: f64 = 44.0;
const FOOT: f64 = 44.0;
const LABELS: f64 = 210.0;
const GAP: f64 = 24.0;
/// Beside the marks, where the ratio is written.
const WRITTEN: f64 = 52.0;

/// Draws it; every panel has a mark, or none, for each label.
pub fn forest(id: &str, title: &str, labels: &[String], panels: &[Panel]) -> Document {
    let rows = f64::from(u32::try_from(labels.len()).unwrap_or(u32::MAX));
    let bottom = HEAD + rows * ROW;
    let description = described(labels, panels);
    let mut document = chart(id, bottom + FOOT, title, &description);
    let mut y = HEAD;
    for name in labels {
        document = document.add(line((0.0, y), (WIDTH, y), "rule")).add(text(
            LABELS - 10.0,
            y + ROW * 0.68,
            Anchor::End,
            "label",
            label(name),
        ));
        y += ROW;
    }
    let count = f64::from(u32::try_from(panels.len().max(1)).unwrap_or(1));
    let width = (WIDTH - LABELS - GAP * (count - 1.0)) / count;
    let mut left = LABELS;
    for panel in panels {
        document = document.add(drawn(panel, (left, left + width), bottom));
        left += width + GAP;
    }
    document
}

fn drawn(panel: &Panel, (left, right): (f64, f64), bottom: f64) -> Group {
    let scale = Scale::logarithmic(domain(panel), (left + 6.0, right - WRITTEN));
    let one = scale.place(1.0);
    let mut group = Group::new()
        .add(text(
            left + 6.0,
            15.0,
            Anchor::Start,
            "heading",
            panel.title,
        ))
        .add(text(
            left + 6.0,
            33.0,
            Anchor::Start,
            "small",
            format!("← {}", panel.left),
        ))
        .add(text(
            right - WRITTEN,
            33.0,
            Anchor::End,
            "small",
            format!("{} →", panel.right),
        ))
        .add(rectangle(
            scale.place(0.99),
            HEAD,
            scale.place(1.01) - scale.place(0.99),
            bottom - HEAD,
            "band",
        ))
        .add(line((one, HEAD), (one, bottom), "one"))
        .add(line(
            (left + 6.0, bottom),
            (right - WRITTEN, bottom),
            "axis",
        ));
    for tick in scale.ticks(4.0) {
        let x = scale.place(tick);
        group = group
            .add(line((x, bottom), (x, bottom + 5.0), "axis"))
            .add(text(
                x,
                bottom + 19.0,
                Anchor::Middle,
                "small",
                tick_text(tick),
            ));
    }
    let mut y = HEAD + ROW / 2.0;
    for mark in &panel.marks {
        group = match mark {
            Some((estimate, verdict)) => group.add(marked(scale, estimate, *verdict, y, right)),
            None => group.add(text(right - 2.0, y + 4.0, Anchor::End, "small", "–")),
        };
        y += ROW;
    }
    group
}

fn marked(scale: Scale, estimate: &Estimate, verdict: Verdict, y: f64, right: f64) -> Group {
    let class = match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::NoEffect => "no-effect",
        Verdict::NotResolved => "not-resolved",
    };
    let (low, high) = (scale.place(estimate.low), scale.place(estimate.high));
    let end = |x| line((x, y - 4.0), (x, y + 4.0), "whisker");
    Group::new()
        .set("class", class)
        .add(line((low, y), (high, y), "whisker"))
        .add(end(low))
        .add(end(high))
        .add(
            Circle::new()
                .set("cx", super::px(scale.place(estimate.median)))
                .set("cy", super::px(y))
                .set("r", 4.5)
                .set("class", "mark"),
        )
        .add(text(
            right - 2.0,
            y + 4.0,
            Anchor::End,
            "figure",
            ratio(estimate.median),
        ))
}

/// From the lowest end of an interval to the highest, with room; the band is always in it.
fn domain(panel: &Panel) -> (f64, f64) {
    let seen = panel.marks.iter().flatten().map(|(estimate, _)| estimate);
    let (low, high) = seen
        .filter(|estimate| estimate.low > 0.0 && estimate.high.is_finite())
        .fold((0.98_f64, 1.02_f64), |(low, high), estimate| {
            (low.min(estimate.low), high.max(estimate.high))
        });
    let room = (high / low).powf(0.04);
    (low / room, high * room)
}

fn tick_text(value: f64) -> String {
    let written = format!("{value:.3}");
    written
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// What it shows, for those who hear it: the panels, and where the figures are.
fn described(labels: &[String], panels: &[Panel]) -> String {
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title).collect();
    format!(
        "Ratios with 95 % intervals for {} rows: {}. The table has the same figures.",
        labels.len(),
        titles.join("; ")
    )
}

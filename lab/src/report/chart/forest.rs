//! A forest plot: for each label the ratio with its interval.
//!
//! The shaded band is 0.5 % about 1. A filled mark is a verdict; an open one is not resolved, or
//! lies within the band. An interval that leaves the panel ends in its edge.

use svg::Document;
use svg::node::element::{Circle, Group};

use super::{Anchor, ROW, Scale, WIDTH, chart, label, line, px, rectangle, text};
use crate::report::numbers::ratio;
use crate::statistics::{Estimate, Verdict};

/// A line of it.
pub struct Mark {
    /// What it is about.
    pub label: String,
    /// What was seen.
    pub estimate: Estimate,
    /// What may be said.
    pub verdict: Verdict,
}

const HEAD: f64 = 30.0;
const FOOT: f64 = 34.0;
const LABELS: f64 = 210.0;
/// Beside the marks, where the ratio is written.
const WRITTEN: f64 = 60.0;
/// The band of what is negligible.
const BAND: f64 = 0.005;

/// Draws it.
pub fn forest(id: &str, title: &str, marks: &[Mark]) -> Document {
    let lines = f64::from(u32::try_from(marks.len()).unwrap_or(u32::MAX));
    let bottom = HEAD + lines * ROW;
    let description = format!("Ratios with intervals, {} rows: {title}.", marks.len());
    let scale = Scale::logarithmic(domain(marks), (LABELS + 6.0, WIDTH - WRITTEN));
    let (from, to) = (scale.place(1.0 - BAND), scale.place(1.0 + BAND));
    let one = scale.place(1.0);
    let mut document = chart(id, bottom + FOOT, title, &description)
        .add(text(LABELS + 6.0, 16.0, Anchor::Start, "heading", title))
        .add(rectangle(from, HEAD, to - from, bottom - HEAD, "band"))
        .add(line((one, HEAD), (one, bottom), "one"))
        .add(line((LABELS, bottom), (WIDTH - WRITTEN, bottom), "axis"));
    for tick in scale.ticks(6.0) {
        let x = scale.place(tick);
        let written = format!("{tick:.3}");
        let written = written.trim_end_matches('0').trim_end_matches('.');
        document = document
            .add(line((x, bottom), (x, bottom + 5.0), "axis"))
            .add(text(x, bottom + 19.0, Anchor::Middle, "small", written));
    }
    let mut y = HEAD;
    for mark in marks {
        let middle = y + ROW * 0.68;
        document = document
            .add(line((0.0, y), (WIDTH, y), "rule"))
            .add(text(
                LABELS - 10.0,
                middle,
                Anchor::End,
                "label",
                label(&mark.label),
            ))
            .add(marked(scale, mark, y + ROW / 2.0));
        y += ROW;
    }
    document
}

fn marked(scale: Scale, mark: &Mark, y: f64) -> Group {
    let class = match mark.verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Negligible => "no-effect",
        _ => "not-resolved",
    };
    let estimate = &mark.estimate;
    let (low, high) = (scale.place(estimate.low), scale.place(estimate.high));
    let end = |x| line((x, y - 4.0), (x, y + 4.0), "whisker");
    Group::new()
        .set("class", class)
        .add(line((low, y), (high, y), "whisker"))
        .add(end(low))
        .add(end(high))
        .add(
            Circle::new()
                .set("cx", px(scale.place(estimate.median)))
                .set("cy", px(y))
                .set("r", 4.5)
                .set("class", "mark"),
        )
        .add(text(
            WIDTH - 2.0,
            y + 4.0,
            Anchor::End,
            "figure",
            ratio(estimate.median),
        ))
}

/// From the lowest end of an interval to the highest, with room; the band is always in it.
fn domain(marks: &[Mark]) -> (f64, f64) {
    let seen = marks.iter().map(|mark| &mark.estimate);
    let (low, high) = seen
        .filter(|estimate| estimate.low > 0.0 && estimate.high.is_finite())
        .fold((0.98_f64, 1.02_f64), |(low, high), estimate| {
            (low.min(estimate.low), high.max(estimate.high))
        });
    let room = (high / low).powf(0.04);
    (low / room, high * room)
}

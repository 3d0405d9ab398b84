//! Bars from the naive server to the whole one, a technique more in each.

use svg::Document;

use super::{Anchor, ROW, Scale, WIDTH, chart, label, rectangle, text};
use crate::report::numbers::whole;

const HEAD: f64 = 30.0;
const LABELS: f64 = 210.0;
/// Beside the bars, where the figure is written.
const WRITTEN: f64 = 70.0;

/// Draws the rungs: what was added, and what a request then costs.
pub fn ladder(id: &str, title: &str, rungs: &[(String, f64, String)]) -> Document {
    let most = rungs.iter().map(|(_, ns, _)| *ns).fold(1.0, f64::max);
    let scale = Scale::linear((0.0, most), (LABELS, WIDTH - WRITTEN));
    let lines = f64::from(u32::try_from(rungs.len()).unwrap_or(u32::MAX));
    let description = format!(
        "{title}, {} bars. The table has the same figures.",
        rungs.len()
    );
    let mut document = chart(id, HEAD + lines * ROW + 10.0, title, &description).add(text(
        LABELS,
        18.0,
        Anchor::Start,
        "small",
        title,
    ));
    let mut y = HEAD;
    for (name, ns, _) in rungs {
        let middle = y + ROW * 0.68;
        document = document
            .add(text(
                LABELS - 10.0,
                middle,
                Anchor::End,
                "label",
                label(name),
            ))
            .add(rectangle(
                LABELS,
                y + 4.0,
                scale.place(*ns) - LABELS,
                ROW - 8.0,
                "bar",
            ))
            .add(text(WIDTH - 2.0, middle, Anchor::End, "figure", whole(*ns)));
        y += ROW;
    }
    document
}

//! Charts as SVG: drawn by the program, so that a page shows them without a script.
//!
//! No colour is written into a chart: elements have classes, and the page's style sheet gives them
//! colours for light, dark and paper. Whatever colour says, a shape or a word says too. Each chart
//! has a title and a description for those who hear it; the table beside it has the figures.

mod forest;
mod ladder;

pub use forest::{Mark, forest};
pub use ladder::ladder;

use svg::Document;
use svg::node::element::{Description, Line, Rectangle, Text, Title};

/// Units of a chart's width; it is scaled to the page's.
const WIDTH: f64 = 960.0;
/// Height of a row with a label.
const ROW: f64 = 24.0;
/// Most characters of a label before it is cut: what fits beside the chart.
const LABEL: usize = 30;

/// An empty chart of this height. `id` must be unique in the page.
fn chart(id: &str, height: f64, title: &str, description: &str) -> Document {
    Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, height))
        .set("class", "chart")
        .set("role", "img")
        .set("aria-labelledby", format!("{id}-title {id}-description"))
        .add(Title::new(title).set("id", format!("{id}-title")))
        .add(
            Description::new()
                .set("id", format!("{id}-description"))
                .add(svg::node::Text::new(description)),
        )
}

/// Where a text stands at its point.
#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

fn text(x: f64, y: f64, anchor: Anchor, class: &str, content: impl Into<String>) -> Text {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    Text::new(content)
        .set("x", px(x))
        .set("y", px(y))
        .set("text-anchor", anchor)
        .set("class", class)
}

fn line(from: (f64, f64), to: (f64, f64), class: &str) -> Line {
    Line::new()
        .set("x1", px(from.0))
        .set("y1", px(from.1))
        .set("x2", px(to.0))
        .set("y2", px(to.1))
        .set("class", class)
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, class: &str) -> Rectangle {
    Rectangle::new()
        .set("x", px(x))
        .set("y", px(y))
        .set("width", px(width.max(0.0)))
        .set("height", px(height.max(0.0)))
        .set("class", class)
}

/// A tenth of a unit is finer than anybody sees.
fn px(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A label that fits, with an ellipsis where it was cut.
fn label(name: &str) -> String {
    if name.chars().count() <= LABEL {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LABEL - 1).collect();
    format!("{kept}…")
}

/// From a value to a place, linear or logarithmic.
#[derive(Clone, Copy, Debug)]
struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
}

impl Scale {
    fn linear(values: (f64, f64), places: (f64, f64)) -> Self {
        Self {
            from: values.0,
            to: values.1,
            start: places.0,
            end: places.1,
            logarithmic: false,
        }
    }

    /// Both values must be above 0.
    fn logarithmic(values: (f64, f64), places: (f64, f64)) -> Self {
        Self {
            logarithmic: true,
            ..Self::linear(values, places)
        }
    }

    /// Where a value is drawn; one that is outside lies on the edge.
    fn place(self, value: f64) -> f64 {
        let position = if self.logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        let position = if position.is_finite() {
            position.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.start + position * (self.end - self.start)
    }

    /// Round values within, about `wanted` of them.
    fn ticks(self, wanted: f64) -> Vec<f64> {
        let candidates = if self.logarithmic && self.to / self.from > 8.0 {
            decades(self.from, self.to)
        } else {
            even(self.from, self.to, wanted)
        };
        let edge = (self.to - self.from) * 1e-9;
        candidates
            .into_iter()
            .filter(|value| (self.from - edge..=self.to + edge).contains(value))
            .collect()
    }
}

/// 1, 2 and 5 of each power of ten; only the powers where there are many.
fn decades(from: f64, to: f64) -> Vec<f64> {
    let many = to / from > 1e4;
    let mut values = Vec::new();
    let mut power = 10_f64.powf(from.log10().floor());
    while power <= to {
        let steps: &[f64] = if many { &[1.0] } else { &[1.0, 2.0, 5.0] };
        values.extend(steps.iter().map(|step| step * power));
        power *= 10.0;
    }
    values
}

/// Multiples of a round step.
fn even(from: f64, to: f64, wanted: f64) -> Vec<f64> {
    let raw = (to - from) / wanted;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= raw)
        .unwrap_or(raw);
    let mut values = Vec::new();
    let mut multiple = (from / step).ceil();
    while step.is_finite() && multiple * step <= to + step * 1e-9 {
        values.push(multiple * step);
        multiple += 1.0;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(
            Scale::linear((0.0, 10.0), (0.0, 1.0)).ticks(5.0),
            [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        );
        assert_eq!(
            Scale::logarithmic((3.0, 120.0), (0.0, 1.0)).ticks(5.0),
            [5.0, 10.0, 20.0, 50.0, 100.0]
        );
    }

    #[test]
    fn a_scale_keeps_what_is_outside_on_its_edge() {
        let scale = Scale::logarithmic((1.0, 100.0), (0.0, 200.0));
        assert!((scale.place(10.0) - 100.0).abs() < 1e-9);
        assert!((scale.place(1e6) - 200.0).abs() < 1e-9);
        assert!(scale.place(f64::NAN).abs() < 1e-9);
        assert!(scale.place(0.0).abs() < 1e-9);
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(label("slab"), "slab");
        assert_eq!(label(&"é".repeat(40)).chars().count(), LABEL);
    }
}

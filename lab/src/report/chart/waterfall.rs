//! The way from the naive server to the full one, and what is left above the limit.
//!
//! Each technique's bar is its mean saving over all orders of adding, so that its length does not
//! depend on who came first; its whisker reaches from the least to the most that any order gave it.

use svg::Document;
use svg::node::element::Group;

use super::{Anchor, ROW, Scale, WIDTH, chart, label, line, rectangle, text};
use crate::report::numbers::{change, percent, whole};
use crate::report::sight::Worth;

/// A cost to compare with: the limit.
pub struct Goal {
    /// Its name: `L1`.
    pub name: String,
    /// Its cost, in the unit of the ladders.
    pub cost: f64,
}

const LABELS: f64 = 210.0;
const FIGURES: f64 = 150.0;
const HEAD: f64 = 8.0;
const FOOT: f64 = 46.0;

/// Draws it. `goals` are in the unit of `worth`.
pub fn waterfall(id: &str, title: &str, worth: &Worth, goals: &[Goal]) -> Document {
    let bars = bars(worth, goals);
    let rows = f64::from(u32::try_from(bars.len()).unwrap_or(u32::MAX));
    let bottom = HEAD + rows * ROW;
    let most = bars.iter().map(Bar::reach).fold(1.0, f64::max);
    let scale = Scale::linear((0.0, most * 1.02), (LABELS, WIDTH - FIGURES));
    let description = format!(
        "Bars of {} for one request on {}: naive {}, then {} techniques, full {}. The table has \
         the same figures.",
        unit(worth),
        worth.workload,
        whole(worth.naive),
        worth.steps.len(),
        whole(worth.full)
    );
    let mut document = chart(id, bottom + FOOT, title, &description);
    for tick in scale.ticks(6.0) {
        let x = scale.place(tick);
        document = document
            .add(line((x, HEAD), (x, bottom + 5.0), "rule"))
            .add(text(x, bottom + 19.0, Anchor::Middle, "small", whole(tick)));
    }
    document = document
        .add(line((LABELS, HEAD), (LABELS, bottom), "axis"))
        .add(text(
            LABELS,
            bottom + 38.0,
            Anchor::Start,
            "small",
            format!("{} for one request", unit(worth)),
        ));
    let mut y = HEAD;
    for bar in &bars {
        document = document.add(bar.drawn(scale, y));
        y += ROW;
    }
    document
}

fn unit(worth: &Worth) -> &str {
    match worth.unit.as_str() {
        "cpu_ns" => "nanoseconds of CPU time",
        "instructions" => "instructions in user space",
        other => other,
    }
}

/// One row: from where to where, and what is written behind it.
struct Bar {
    name: String,
    from: f64,
    to: f64,
    range: Option<(f64, f64)>,
    class: &'static str,
    figure: String,
}

fn bars(worth: &Worth, goals: &[Goal]) -> Vec<Bar> {
    let total = |name: &str, cost, class, figure| Bar {
        name: name.to_owned(),
        from: 0.0,
        to: cost,
        range: None,
        class,
        figure,
    };
    let mut bars = vec![total("naive", worth.naive, "total", whole(worth.naive))];
    let mut cost = worth.naive;
    for step in &worth.steps {
        let after = cost - step.saved;
        bars.push(Bar {
            name: step.technique.clone(),
            from: cost,
            to: after,
            range: Some((cost - step.most, cost - step.least)),
            class: if step.saved >= 0.0 {
                "faster"
            } else {
                "slower"
            },
            figure: format!("{} ({})", change(-step.saved), percent(worth.share(step))),
        });
        cost = after;
    }
    bars.push(total("full", worth.full, "total", whole(worth.full)));
    for goal in goals {
        let figure = format!(
            "{} ({} of full)",
            whole(goal.cost),
            percent(goal.cost / worth.full)
        );
        bars.push(total(&goal.name, goal.cost, "limit", figure));
    }
    bars
}

impl Bar {
    fn reach(&self) -> f64 {
        let range = self.range.map_or(0.0, |(_, high)| high);
        self.from.max(self.to).max(range)
    }

    fn drawn(&self, scale: Scale, y: f64) -> Group {
        let (from, to) = (scale.place(self.from), scale.place(self.to));
        let middle = y + ROW / 2.0;
        let mut group = Group::new()
            .set("class", self.class)
            .add(text(
                LABELS - 10.0,
                middle + 4.0,
                Anchor::End,
                "label",
                label(&self.name),
            ))
            .add(rectangle(
                from.min(to),
                y + 4.0,
                (to - from).abs().max(1.0),
                ROW - 8.0,
                "bar",
            ))
            .add(text(
                WIDTH - 2.0,
                middle + 4.0,
                Anchor::End,
                "figure",
                self.figure.clone(),
            ));
        if let Some((low, high)) = self.range.filter(|(low, high)| low < high) {
            let (low, high) = (scale.place(low), scale.place(high));
            group = group.add(line((low, middle), (high, middle), "whisker"));
            for end in [low, high] {
                group = group.add(line((end, middle - 4.0), (end, middle + 4.0), "whisker"));
            }
        }
        group
    }
}

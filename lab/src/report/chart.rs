//! Charts as SVG: drawn by the program, so that a page shows them without a script.
//!
//! No colour is written into a chart: elements have classes, and the page's style sheet gives them
//! colours for light, dark and paper. Whatever colour says, a shape or a word says too. Each chart
//! has a title and a description for those who hear it; the table beside it has the figures.

use std::iter::successors;

use maud::{Markup, html};

use crate::report::numbers::{count, ratio, whole};
use crate::statistics::{Estimate, Verdict};

/// Units of a chart's width; it is scaled to the page's.
const WIDTH: f64 = 960.0;
/// Above the rows.
const HEAD: f64 = 30.0;
/// Height of a row with a label.
const ROW: f64 = 24.0;
/// Below the rows of a chart with an axis.
const FOOT: f64 = 34.0;
/// Where labels end, and what is drawn begins and ends; beyond that, the figure is written.
const LABELS: f64 = 200.0;
const LEFT: f64 = 212.0;
const RIGHT: f64 = WIDTH - 70.0;
/// Most characters of a label before it is cut: what fits beside the chart.
const LABEL: usize = 30;
/// The band of what is negligible.
const BAND: f64 = 0.005;

/// A line of a forest plot.
pub struct Mark {
    /// What it is about.
    pub label: String,
    /// What was seen.
    pub estimate: Estimate,
    /// What may be said.
    pub verdict: Verdict,
}

/// Draws a forest plot: for each label the ratio with its interval. `id` is no other chart's.
///
/// The shaded band is 0.5 % about 1. A filled mark is a verdict; an open one is not resolved, or
/// lies within the band. An interval that leaves the panel ends in its edge.
pub fn forest(id: &str, title: &str, marks: &[Mark]) -> Markup {
    let bottom = top(marks.len());
    let domain = domain(marks);
    let place = |value| place(value, domain);
    let [low, one, high] = [1.0 - BAND, 1.0, 1.0 + BAND].map(place);
    let description = format!("Ratios with intervals, {} rows: {title}.", marks.len());
    let content = html! {
        text x=(LEFT) y="16" class="heading" { (title) }
        rect x=(low) y=(HEAD) width=(tenth(high - low)) height=(bottom - HEAD) class="band" {}
        line x1=(one) x2=(one) y1=(HEAD) y2=(bottom) class="one" {}
        line x1=(LEFT) x2=(RIGHT) y1=(bottom) y2=(bottom) class="axis" {}
        @for tick in ticks(domain) {
            g transform={ "translate(" (place(tick)) " " (bottom) ")" } {
                line y2="5" class="axis" {}
                text y="19" class="tick" { (count(tick)) }
            }
        }
        @for (number, mark) in marks.iter().enumerate() {
            g transform={ "translate(0 " (top(number)) ")" } class=(class(mark.verdict)) {
                line x2=(WIDTH) class="rule" {}
                text x=(LABELS) y="16" class="label" { (cut(&mark.label)) }
                @let [low, high] = [mark.estimate.low, mark.estimate.high].map(place);
                line x1=(low) x2=(high) y1="12" y2="12" class="whisker" {}
                line x1=(low) x2=(low) y1="8" y2="16" class="whisker" {}
                line x1=(high) x2=(high) y1="8" y2="16" class="whisker" {}
                circle cx=(place(mark.estimate.median)) cy="12" r="4.5" class="mark" {}
                text x=(WIDTH) y="16" class="figure" { (ratio(mark.estimate.median)) }
            }
        }
    };
    chart(id, title, &description, bottom + FOOT, &content)
}

/// Draws bars from the naive server to the whole one, a technique more in each: what was added, and
/// what a request then costs. `id` is no other chart's.
pub fn ladder(id: &str, title: &str, rungs: &[(String, f64, String)]) -> Markup {
    let most = rungs.iter().map(|(_, ns, _)| *ns).fold(1.0, f64::max);
    let description = format!(
        "{title}, {} bars. The table has the same figures.",
        rungs.len()
    );
    let content = html! {
        text x=(LEFT) y="18" class="small" { (title) }
        @for (number, (name, ns, _)) in rungs.iter().enumerate() {
            g transform={ "translate(0 " (top(number)) ")" } {
                text x=(LABELS) y="16" class="label" { (cut(name)) }
                rect x=(LEFT) y="4" width=(tenth(ns / most * (RIGHT - LEFT))) height="16"
                    class="bar" {}
                text x=(WIDTH) y="16" class="figure" { (whole(*ns)) }
            }
        }
    };
    chart(id, title, &description, top(rungs.len()) + 10.0, &content)
}

fn chart(id: &str, title: &str, description: &str, height: f64, content: &Markup) -> Markup {
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } class="chart" role="img"
            aria-labelledby={ (id) "-title " (id) "-description" } {
            title id={ (id) "-title" } { (title) }
            desc id={ (id) "-description" } { (description) }
            (content)
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Negligible => "no-effect",
        _ => "not-resolved",
    }
}

/// Where a row begins.
fn top(row: usize) -> f64 {
    HEAD + ROW * crate::statistics::count(row)
}

/// A tenth of a unit is finer than anybody sees.
pub(super) fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A label that fits, with an ellipsis where it was cut.
fn cut(name: &str) -> String {
    if name.chars().count() <= LABEL {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LABEL - 1).collect();
    format!("{kept}…")
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

/// Where a ratio is drawn, by its logarithm; one that is outside, or none, lies on the edge.
fn place(value: f64, (from, to): (f64, f64)) -> f64 {
    let share = (value / from).ln() / (to / from).ln();
    tenth(LEFT + share.clamp(0.0, 1.0).max(0.0) * (RIGHT - LEFT))
}

/// The power of ten that is not above it.
fn power(value: f64) -> f64 {
    10_f64.powf(value.log10().floor())
}

/// The first round step that is not below it.
pub(super) fn round_step(least: f64) -> f64 {
    let mut steps = [1.0, 2.0, 5.0].into_iter().map(|step| step * power(least));
    let step = steps.find(|step| *step >= least);
    step.unwrap_or(10.0 * power(least))
}

/// Round values of a domain: about six multiples of a round step; of a wide one 1, 2 and 5 of each
/// power of ten, and of a very wide one the powers only.
fn ticks((from, to): (f64, f64)) -> Vec<f64> {
    let all: Vec<f64> = if to / from > 8.0 {
        let powers = successors(Some(power(from)), |power| Some(power * 10.0));
        let steps: &[f64] = if to / from > 1e4 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let powers = powers.take_while(|power| *power <= to);
        powers
            .flat_map(|power| steps.iter().map(move |step| step * power))
            .collect()
    } else {
        let step = round_step((to - from) / 6.0);
        let multiples = successors(Some((from / step).ceil()), |multiple| Some(multiple + 1.0));
        multiples
            .map(|multiple| multiple * step)
            .take_while(|value| *value <= to)
            .collect()
    };
    all.into_iter()
        .filter(|value| (from..=to).contains(value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let written = |domain| ticks(domain).into_iter().map(count).collect::<Vec<_>>();
        assert_eq!(
            written((0.975, 1.03)),
            ["0.98", "0.99", "1", "1.01", "1.02", "1.03"]
        );
        assert_eq!(written((3.0, 120.0)), ["5", "10", "20", "50", "100"]);
        assert_eq!(
            written((0.5, 20_000.0)),
            ["1", "10", "100", "1,000", "10,000"]
        );
    }

    #[test]
    fn what_is_outside_lies_on_the_edge() {
        let place = |value| count(place(value, (1.0, 100.0)));
        let places = [10.0, 1e6, f64::NAN, 0.0].map(place);
        assert_eq!(places, ["551", "890", "212", "212"]);
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(cut("slab"), "slab");
        assert_eq!(cut(&"é".repeat(40)).chars().count(), LABEL);
    }
}

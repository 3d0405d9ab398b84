//! The picture of the front page: a bar for each server, as long as the CPU time of a request, with
//! the kernel's part shaded. It brings its own colours, for light and dark, and shows text as text.
//!
//! The reader's font is not known. So the layout is for the widest usual one, and a name is cut
//! before it meets the figure on its line. No text stands on a bar.

use maud::{Markup, PreEscaped, html};

use super::chart::{round_step, tenth};
use super::numbers::{estimate, or_dash, percent, whole};
use crate::compare::L0;
use crate::results::{Results, RowKind};
use crate::rows::{self, Figure};
use crate::statistics::{Estimate, count};

/// Units of the picture's width: a telephone shows it at six tenths.
const WIDTH: f64 = 560.0;
/// Where bars and texts begin and end.
const LEFT: f64 = 10.0;
const RIGHT: f64 = WIDTH - LEFT;
/// Height of a line of the legend.
const LEGEND: f64 = 21.0;
/// Height of a bar's row: a line above, the bar, a line below.
const ROW: f64 = 66.0;
/// Of these, from the row's top: the bar.
const BAR: [f64; 2] = [22.0, 40.0];
/// Share of the width between two ticks of the axis, at least.
const TICK: f64 = 0.18;
const TITLE: &str = "What a request costs: CPU time in nanoseconds";
const STYLE: &str = "text{font:14px Helvetica,Arial,sans-serif;fill:#1f2328}\
    .title,.name{font-weight:bold;font-size:16px}.tick{font-size:13px;text-anchor:middle}\
    .end{text-anchor:end}\
    .kernel{fill:#aab4c0}.own{fill:#2f6fd0}.whole{fill:#7c9cc4}.grid{stroke:#8886}\
    rect.bg{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.kernel{fill:#57606c}\
    .own{fill:#4c8df0}.whole{fill:#5f7ba3}rect.bg{fill:#0d1117}}";

/// What is shown of a server.
pub(super) struct Line<'a> {
    name: &'a str,
    /// CPU time of a request in nanoseconds.
    pub(super) ns: f64,
    /// By what the limit costs; `None` of the limit itself.
    times: Option<Estimate>,
    /// The kernel's share, 0 to 1, and its error.
    pub(super) in_kernel: Option<(f64, f64)>,
}

impl Line<'_> {
    /// A name that asks for no knowledge of the lab.
    pub(super) fn label(&self) -> &str {
        match self.name {
            L0 => "the limit (L0)",
            "naive" => "barewire --naive",
            name => name,
        }
    }

    /// Times the limit.
    pub(super) fn times(&self) -> String {
        match &self.times {
            None if self.name == L0 => "1".to_owned(),
            times => or_dash(times.as_ref(), estimate),
        }
    }
}

/// All that `front` has measured, the cheapest first.
pub(super) fn lines(results: &Results) -> Vec<Line<'_>> {
    let shares = results.kernel_shares.iter();
    let lines = shares.filter_map(|one| {
        let runs = rows::runs(results, &one.of, &one.workload);
        let row = results.row(RowKind::Limit, &one.of, &one.workload);
        Some(Line {
            name: &one.of,
            ns: rows::figure(&runs, Figure::Cpu).filter(|ns| ns.is_finite() && *ns > 0.0)?,
            times: row.and_then(|row| row.ratio),
            in_kernel: one.share.zip(one.error),
        })
    });
    let mut lines: Vec<Line> = lines.collect();
    lines.sort_by(|one, other| one.ns.total_cmp(&other.ns));
    lines
}

/// Draws it; `None` of a file that `front` has not made.
pub fn front(results: &Results) -> Option<Markup> {
    let lines = lines(results);
    let most = lines.last()?.ns;
    let page = Page::of(&lines, most);
    let scale = (RIGHT - LEFT) / most;
    Some(html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (page.height) }
            width=(WIDTH) role="img" {
            title { (TITLE) }
            style { (PreEscaped(STYLE)) }
            rect class="bg" width=(WIDTH) height=(page.height) {}
            @for (class, y) in &page.swatches {
                rect x=(LEFT) y=(y) width="24" height="13" class=(class) {}
            }
            @for (number, line) in lines.iter().enumerate() {
                (bar(line, page.top(number), scale, &page.ticks))
            }
            @for text in &page.texts {
                text x=(tenth(text.x)) y=(text.y) class=(text.class) { (text.words) }
            }
        }
    })
}

/// One bar, before the lines of the axis.
fn bar(line: &Line, top: f64, scale: f64, ticks: &[f64]) -> Markup {
    let [y, bottom] = BAR.map(|at| top + at);
    let whole = line.ns * scale;
    let kernel = line.in_kernel.map(|(share, _)| share * whole);
    let part = |class, from: f64, until: f64| {
        html! {
            rect x=(tenth(LEFT + from)) width=(tenth(until - from)) y=(y) height=(bottom - y)
                class=(class) {}
        }
    };
    html! {
        @for ns in ticks {
            @let x = tenth(LEFT + ns * scale);
            line x1=(x) x2=(x) y1=(y - 2.0) y2=(bottom + 2.0) class="grid" {}
        }
        @match kernel {
            Some(kernel) => { (part("kernel", 0.0, kernel)) (part("own", kernel, whole)) },
            None => (part("whole", 0.0, whole)),
        }
    }
}

/// Where the texts stand.
struct Page {
    texts: Vec<Text>,
    /// Squares of the legend: class and top.
    swatches: Vec<(&'static str, f64)>,
    /// Where the first row begins.
    rows: f64,
    ticks: Vec<f64>,
    height: f64,
}

impl Page {
    fn of(lines: &[Line], most: f64) -> Self {
        let mut texts = vec![Text::new("title", LEFT, 24.0, TITLE.to_owned())];
        let mut swatches = Vec::new();
        let mut y = 36.0;
        for (class, words) in legend(lines) {
            swatches.push((class, y));
            texts.push(Text::new("", LEFT + 32.0, y + 11.5, words));
            y += LEGEND;
        }
        let rows = y + 8.0;
        for (number, line) in lines.iter().enumerate() {
            texts.extend(texts_of(line, rows + ROW * count(number)));
        }
        let bottom = rows + ROW * count(lines.len());
        let ticks = ticks(most);
        let marks = ticks.iter().map(|ns| mark(*ns, most, bottom + 10.0));
        texts.extend(marks);
        Self {
            texts,
            swatches,
            rows,
            ticks,
            height: bottom + 20.0,
        }
    }

    fn top(&self, number: usize) -> f64 {
        self.rows + ROW * count(number)
    }
}

/// What the colours stand for, with the largest of the errors.
fn legend(lines: &[Line]) -> Vec<(&'static str, String)> {
    let known = lines.iter().filter_map(|line| line.in_kernel);
    let error = known.map(|(_, error)| error).max_by(f64::total_cmp);
    let mut legend = Vec::new();
    if let Some(error) = error {
        let error = percent(error);
        let words = format!("in the kernel (± {error} of the bar at most, 95 %)");
        legend.push(("kernel", words));
        legend.push(("own", "in the server's own code".to_owned()));
    }
    if lines.iter().any(|line| line.in_kernel.is_none()) {
        legend.push(("whole", "the kernel's part is not known".to_owned()));
    }
    legend
}

/// Name and figure above the bar, and how many times the limit it is below.
fn texts_of(line: &Line, top: f64) -> [Text; 3] {
    let [above, below] = [top + BAR[0] - 6.0, top + BAR[1] + 15.0];
    let figure = Text::new("name end", RIGHT, above, format!("{} ns", whole(line.ns)));
    let figure = figure.cut_to((RIGHT - LEFT) / 2.0);
    let name = Text::new("name", LEFT, above, line.label().to_owned());
    let name = name.cut_to(RIGHT - LEFT - figure.width() - 10.0);
    let told = if line.name == L0 {
        "a loop that sends a canned answer".to_owned()
    } else {
        format!("{} times the limit", line.times())
    };
    [name, figure, Text::new("", LEFT, below, told)]
}

/// Round values, so far apart that their texts have room.
fn ticks(most: f64) -> Vec<f64> {
    let widest = Text::new("tick", 0.0, 0.0, whole(most)).width();
    // The first and the last one are moved by half of their width, to stay in the picture.
    let room = (1.5 * widest + 10.0) / (RIGHT - LEFT);
    let step = round_step(most * room.max(TICK));
    let all = (0..).map(|number| step * f64::from(number));
    all.take_while(|ns| *ns <= most).collect()
}

fn mark(ns: f64, most: f64, y: f64) -> Text {
    let mut text = Text::new("tick", 0.0, y, whole(ns));
    let half = text.width() / 2.0;
    let middle = LEFT + (RIGHT - LEFT) * ns / most;
    text.x = middle.clamp(LEFT + half, RIGHT - half);
    text
}

/// A line of text: where it begins; of the class `end` where it ends, and of a tick its middle.
struct Text {
    class: &'static str,
    x: f64,
    y: f64,
    words: String,
}

impl Text {
    fn new(class: &'static str, x: f64, y: f64, words: String) -> Self {
        Self { class, x, y, words }
    }

    /// In the widest usual font.
    fn width(&self) -> f64 {
        let (size, weight) = match self.class {
            "title" | "name" | "name end" => (16.0, 1.18),
            "tick" => (13.0, 1.0),
            _ => (14.0, 1.0),
        };
        size * weight * self.words.chars().map(em).sum::<f64>()
    }

    /// With an ellipsis where it was cut.
    fn cut_to(mut self, room: f64) -> Self {
        while self.width() > room {
            let kept = self.words.chars().count().saturating_sub(2);
            self.words = self.words.chars().take(kept).chain(['…']).collect();
        }
        self
    }
}

/// The width of a character by the height of its font: that of DejaVu Sans, or a little more.
fn em(character: char) -> f64 {
    match character {
        ' ' | '.' | ',' | ':' | ';' | '\'' | 'i' | 'j' | 'l' => 0.34,
        '(' | ')' | '-' | 'f' | 'r' | 't' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '…' => 1.0,
        '±' | 'A'..='Z' => 0.84,
        _ => 0.64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{KernelShare, Row, Run};

    const LOAD: &str = "keep-alive";

    /// Servers that cost so much, by name; numbers that no server ever gave.
    fn results(servers: &[(&str, f64)], share: Option<f64>) -> Results {
        let mut results = Results::default();
        for (name, ns) in servers {
            let times = ns / servers[0].1;
            results.runs.push(Run {
                subject: (*name).to_owned(),
                workload: LOAD.to_owned(),
                ns: vec![*ns],
                ..Run::default()
            });
            results.kernel_shares.push(KernelShare {
                of: (*name).to_owned(),
                workload: LOAD.to_owned(),
                cpu_seconds: 32.0,
                share,
                error: share.map(|_| 0.0108),
            });
            results.rows.extend((*name != L0).then(|| Row {
                about: (*name).to_owned(),
                kind: RowKind::Limit,
                workload: LOAD.to_owned(),
                ratio: Some(Estimate {
                    median: times,
                    low: 0.99 * times,
                    high: 1.01 * times,
                    coverage: 0.95,
                    pairs: 20,
                }),
                ..Row::default()
            }));
        }
        results
    }

    /// Where a text begins and ends, at the widest.
    fn reach(text: &Text) -> [f64; 2] {
        let width = text.width();
        let begins = match text.class {
            "name end" => text.x - width,
            "tick" => text.x - width / 2.0,
            _ => text.x,
        };
        [begins, begins + width]
    }

    #[test]
    fn texts_stand_within_the_frame_and_none_meets_another() {
        let servers = |all: &[f64]| -> Vec<(&str, f64)> {
            let names = [L0, "barewire", "a-framework-whose-name-is-longer-than-any"];
            names.into_iter().zip(all.iter().copied()).collect()
        };
        for figures in [
            [4_512.7, 4_581.3, 9_553.2],
            [0.1, 0.2, 0.3],
            [1.0, 20_000.0, 1e5],
            [999.0, 9_999.0, 1e9],
            [1e12, 2e12, 5e12],
            [1.0, 1e30, 1e60],
        ] {
            for share in [None, Some(0.0), Some(0.9), Some(1.0)] {
                let results = results(&servers(&figures), share);
                let lines = lines(&results);
                let page = Page::of(&lines, figures[2]);
                assert!(page.texts.len() > 9, "{}", page.texts.len());
                for (number, text) in page.texts.iter().enumerate() {
                    let [begins, ends] = reach(text);
                    let what = format!("{figures:?}: {:?} {begins} {ends}", text.words);
                    assert!(begins >= LEFT - 1e-6 && ends <= RIGHT + 1e-6, "{what}");
                    assert!(text.y >= 16.0 && text.y <= page.height - 4.0, "{what}");
                    for other in &page.texts[..number] {
                        let [from, until] = reach(other);
                        let is_beside = ends + 4.0 <= from || until + 4.0 <= begins;
                        let is_below = (text.y - other.y).abs() >= 15.0;
                        assert!(is_beside || is_below, "{what} meets {:?}", other.words);
                    }
                }
            }
        }
    }

    #[test]
    fn no_text_stands_on_a_bar() {
        let results = results(&[(L0, 4_512.0), ("barewire", 4_581.0)], Some(0.9));
        let lines = lines(&results);
        let page = Page::of(&lines, 4_581.0);
        for number in 0..lines.len() {
            let [top, bottom] = BAR.map(|at| page.top(number) + at);
            for text in &page.texts {
                // Letters reach a fifth of their height below the line that they stand on.
                let [above, below] = [text.y - 13.0, text.y + 4.0];
                assert!(below < top || above > bottom, "{:?}", text.words);
            }
        }
    }

    #[test]
    fn the_cheapest_is_the_first_one() {
        let all = [(L0, 4_500.0), ("naive", 9_000.0), ("barewire", 4_600.0)];
        let results = results(&all, Some(0.9));
        let lines = lines(&results);
        let told: Vec<_> = lines.iter().map(|line| (line.name, line.times())).collect();
        let told: Vec<_> = told
            .iter()
            .map(|(name, times)| (*name, &times[..]))
            .collect();
        let expected = [
            (L0, "1"),
            ("barewire", "1.022 (1.012 to 1.032)"),
            ("naive", "2.000 (1.980 to 2.020)"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_legend_tells_the_largest_error_and_what_is_not_known() {
        let mut results = results(&[(L0, 4_500.0), ("barewire", 4_600.0)], Some(0.9));
        let classes = |results: &Results| -> Vec<&str> {
            let legend = legend(&lines(results));
            legend.into_iter().map(|(class, _)| class).collect()
        };
        assert_eq!(classes(&results), ["kernel", "own"]);
        results.kernel_shares[1].error = Some(0.02);
        let words = &legend(&lines(&results))[0].1;
        assert!(words.contains("± 2.0 %"), "{words}");
        results.kernel_shares[0].share = None;
        assert_eq!(classes(&results), ["kernel", "own", "whole"]);
        results.kernel_shares[1].share = None;
        assert_eq!(classes(&results), ["whole"]);
    }
}

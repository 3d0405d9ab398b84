//! The waterfall of an account: from the limit to each framework, a bar for each part, as a picture
//! that stands by itself. It brings its colours, for light and dark, and shows text as text.

use maud::{Markup, PreEscaped, html};

use super::chart::tenth;
use super::numbers::whole;
use crate::compare::SERVER;
use crate::results::{Account, Bar, Results};
use crate::statistics::count;
use crate::tax::account::{AXUM, NOT_EXPLAINED, PIECES};

/// Units of the picture's width.
const WIDTH: f64 = 960.0;
/// Where bars begin and end.
const LEFT: f64 = 390.0;
const RIGHT: f64 = 890.0;
/// Height of a bar with its gap.
const ROW: f64 = 22.0;
/// Where the first group begins, below legend and axis.
const TOP: f64 = 44.0;
/// Above a group of bars.
const HEAD: f64 = 34.0;
/// Those whose bars are drawn, in this order.
const SHOWN: [&str; 4] = [SERVER, "hyper", "axum", "hyperlane-5"];
/// Names of bars that are too long for the room at the left, and what stands there.
const SHORT: [(&str, &str); 2] = [
    (AXUM, "axum and hyper-util, and hyper's queue of pieces"),
    (PIECES, "each answer sent at once, by its own writev"),
];
const STYLE: &str = "text{font:13px sans-serif;fill:#222}.h{font-weight:bold}.n{text-anchor:end}\
    .m{text-anchor:middle;font-size:11px}\
    .limit{fill:#9aa5b1}.part{fill:#3b7dd8}.rest{fill:#d9822b}.grid{stroke:#8884;stroke-width:1}\
    .range{stroke:#222;stroke-width:1.5}.predicted{fill:#2226}rect.bg{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#ddd}.range{stroke:#ddd}.predicted{fill:#ddd6}\
    rect.bg{fill:#0d1117}}";
/// What the colours and lines stand for: class, words, and where.
const LEGEND: [(&str, &str, f64); 5] = [
    ("limit", "the limit", 10.0),
    ("part", "a layer", 110.0),
    ("rest", "not explained", 200.0),
    ("range", "interval, 95 % together", 330.0),
    ("predicted", "predicted from its counts", 520.0),
];

/// Draws the accounts of a workload; `None` if there is none.
pub fn waterfall(results: &Results, workload: &str) -> Option<Markup> {
    let accounts: Vec<&Account> = SHOWN
        .iter()
        .filter_map(|name| {
            let mut all = results.accounts.iter();
            all.find(|account| account.of == *name && account.workload == workload)
        })
        .collect();
    // Predictions may reach farther than what was measured.
    let ends = accounts.iter().flat_map(|account| {
        let mut end = 0.0;
        account.bars.iter().map(move |bar| {
            let predicted = bar.predicted_ns.map_or(bar.ns, |[_, high]| high);
            let reach = end + predicted.max(bar.ns).max(bar.range_ns[1]);
            end += bar.ns;
            reach
        })
    });
    let most = ends.max_by(f64::total_cmp)?;
    let scale = (RIGHT - LEFT) / most;
    let mut y = TOP;
    let mut drawn = Vec::new();
    for account in &accounts {
        drawn.push(group(account, y, scale));
        y += HEAD + ROW * count(account.bars.len()) + 8.0;
    }
    Some(html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (y + 10.0) }
            width=(WIDTH) role="img" {
            title { "CPU time of a request on " (workload) ", part by part, in nanoseconds" }
            style { (PreEscaped(STYLE)) }
            rect class="bg" width=(WIDTH) height=(y + 10.0) {}
            (legend())
            (axis(most, scale, y))
            @for group in &drawn { (group) }
        }
    })
}

/// One account: each bar begins where the last one ended.
fn group(account: &Account, top: f64, scale: f64) -> Markup {
    let mut end = 0.0;
    html! {
        text x="10" y=(top + 20.0) class="h" {
            (account.of) ": " (whole(account.measured_ns)) " ns a request"
        }
        @for (number, bar) in account.bars.iter().enumerate() {
            @let y = top + HEAD + ROW * count(number);
            @let from = end;
            ({ end += bar.ns; PreEscaped("") })
            text x=(LEFT - 8.0) y=(y + 13.0) class="n" { (label(&bar.name)) }
            rect x=(tenth(LEFT + f64::min(from, end) * scale)) y=(y)
                width=(tenth(f64::max(bar.ns.abs() * scale, 1.0))) height=(ROW - 5.0)
                class=(class(number, bar)) {}
            @if let Some([low, high]) = bar.predicted_ns {
                @let [low, high] = [low, high].map(|ns| tenth(LEFT + (from + ns) * scale));
                rect x=(low) width=(tenth(high - low)) y=(y + 13.0) height="4" class="predicted" {}
            }
            @let [low, high] = bar.range_ns.map(|ns| tenth(LEFT + (from + ns) * scale));
            line x1=(low) x2=(high) y1=(y + 7.0) y2=(y + 7.0) class="range" {}
            text x=(WIDTH - 10.0) y=(y + 13.0) class="n" { (whole(bar.ns)) }
        }
    }
}

fn legend() -> Markup {
    html! {
        @for (class, words, x) in LEGEND {
            @match class {
                "range" => line x1=(x) x2=(x + 24.0) y1="14" y2="14" class=(class) {},
                "predicted" => rect x=(x) y="12" width="24" height="4" class=(class) {},
                _ => rect x=(x) y="8" width="24" height="12" class=(class) {},
            }
            text x=(x + 30.0) y="18" { (words) }
        }
    }
}

/// Microseconds, one or two apart.
fn axis(most: f64, scale: f64, bottom: f64) -> Markup {
    let step = if most > 8000.0 { 2000.0 } else { 1000.0 };
    let marks = (0..).map(|number| step * f64::from(number));
    html! {
        @for ns in marks.take_while(|ns| *ns <= most) {
            @let x = tenth(LEFT + ns * scale);
            line x1=(x) x2=(x) y1=(TOP) y2=(bottom) class="grid" {}
            text x=(x) y=(TOP - 4.0) class="m" { (whole(ns / 1000.0)) " us" }
        }
    }
}

/// What stands beside a bar.
fn label(name: &str) -> &str {
    let short = SHORT.iter().find(|(long, _)| *long == name);
    short.map_or(name, |(_, short)| short)
}

fn class(number: usize, bar: &Bar) -> &'static str {
    match (number, bar.name.as_str()) {
        (0, _) => "limit",
        (_, NOT_EXPLAINED) => "rest",
        _ => "part",
    }
}

//! What was found, as a table, a sentence and JSON: pure.

use std::fmt::Write as _;

use serde::Serialize;

use super::load::Workload;
use super::plan::{Kind, Plan, Row, SMALL};
use crate::duel::outcome::Outcome;
use crate::duel::statistics::{Estimate, PAIRS_MIN};

/// Techniques that the sentence names.
const NAMED: usize = 4;

/// All that was found.
#[derive(Serialize)]
pub(super) struct Findings {
    /// Where the speed comes from.
    sentence: String,
    /// What limits it.
    notes: Vec<String>,
    controls: Vec<Finding>,
    /// The dearest first.
    techniques: Vec<Finding>,
    naive: Vec<Finding>,
    /// CPU time with flags by that with constants.
    flags: Option<Estimate>,
    /// The kernel's share of the server's CPU time, all arms together.
    kernel_share: Option<f64>,
}

/// A row, measured.
#[derive(Clone, Serialize)]
struct Finding {
    name: String,
    workload: Workload,
    /// CPU time of a request without it by that as it stands.
    ratio: Option<Estimate>,
    /// What a request costs as it stands.
    ns: Option<f64>,
    /// What it costs more without.
    ns_more: Option<f64>,
    verdict: Saying,
    /// What explains it: calls, copies, allocations.
    why: String,
    /// Only a beginner does without: it is no part of `naive`, and listed apart.
    beginner: bool,
}

/// What may be said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Saying {
    Costs,
    AtMostOnePercent,
    Saves,
    NotResolved,
}

impl Findings {
    pub(super) fn of(
        plan: &Plan,
        flags: Option<Estimate>,
        kernel_share: Option<f64>,
        notes: Vec<String>,
    ) -> Self {
        let of = |wanted: fn(Kind) -> bool| -> Vec<Finding> {
            let rows = plan.rows.iter().filter(|row| wanted(row.kind));
            rows.map(|row| Finding::of(row, plan)).collect()
        };
        let mut techniques = of(|kind| matches!(kind, Kind::Technique(_)));
        let worth = |finding: &Finding| finding.ratio.map_or(0.0, |ratio| ratio.median);
        techniques.sort_by(|one, other| worth(other).total_cmp(&worth(one)));
        let mut findings = Self {
            sentence: String::new(),
            notes,
            controls: of(|kind| kind == Kind::Control),
            techniques,
            naive: of(|kind| kind == Kind::Naive),
            flags,
            kernel_share,
        };
        findings.note_what_limits(plan);
        findings.sentence = findings.sentence();
        findings
    }

    /// A control that fails, and a server that had time to sleep.
    fn note_what_limits(&mut self, plan: &Plan) {
        let holds =
            |ratio: &Estimate| ratio.low <= 1.0 + SMALL / 2.0 && ratio.high >= 1.0 - SMALL / 2.0;
        let same = &self.controls[..2.min(self.controls.len())];
        if same
            .iter()
            .filter_map(|it| it.ratio)
            .any(|ratio| !holds(&ratio))
        {
            let note = "A control failed: the same differs from itself, so take nothing here for \
                        granted.";
            self.notes.push(note.to_owned());
        }
        if self
            .controls
            .iter()
            .any(|it| it.verdict == Saying::NotResolved && it.name.contains("steps"))
        {
            let note = "The known cost was not found: something else keeps this machine busy. The \
                        intervals say how sure the rest is.";
            self.notes.push(note.to_owned());
        }
        let latest = plan.rows.iter().filter_map(|row| row.latest.as_ref());
        let busy = latest.filter_map(|outcome| outcome.arms[0].busy_percent);
        if busy.fold(100.0, f64::min) < 90.0 {
            let note = "The server had time to sleep: the generator, or something else on this \
                        machine, was the slower one. Batches are smaller then, and ratios others.";
            self.notes.push(note.to_owned());
        }
    }

    /// The sentence that a front page can begin with.
    fn sentence(&self) -> String {
        let mut sentence = String::new();
        let naive = self.naive.first();
        if let Some(ns) = naive.and_then(|naive| naive.ns) {
            let _ = write!(
                sentence,
                "Here a request costs {:.1} us of CPU time",
                ns / 1000.0
            );
        }
        if let Some(ratio) = naive.and_then(|naive| naive.ratio) {
            let _ = write!(
                sentence,
                "; done naively it costs {:.1} times as much",
                ratio.median
            );
        }
        let techniques = self.techniques.iter().filter(|it| !it.beginner);
        let costs = techniques.filter(|it| it.verdict == Saying::Costs);
        let named: Vec<String> = costs
            .take(NAMED)
            .filter_map(|it| Some((it, it.ratio?)))
            .map(|(it, ratio)| {
                let load = match it.workload {
                    Workload::KeepAlive => "",
                    other => other.name(),
                };
                let gap = if load.is_empty() { "" } else { ", " };
                format!("{} ({}{gap}{load})", it.name, more(ratio.median))
            })
            .collect();
        if !named.is_empty() {
            let _ = write!(sentence, ". Worth most: {}", named.join(", "));
        }
        if let Some(share) = self.kernel_share {
            let percent = 100.0 * share;
            let _ = write!(
                sentence,
                ". Of the server's CPU time {percent:.0} % was the kernel's"
            );
        }
        if let Some(flags) = &self.flags {
            let costs = match Saying::of(flags) {
                Saying::Costs => format!("{:.1} %", 100.0 * (flags.median - 1.0)),
                Saying::AtMostOnePercent => "at most 1 %".to_owned(),
                _ => "nothing that shows".to_owned(),
            };
            let _ = write!(sentence, ". That techniques can be switched costs {costs}");
        }
        sentence + "."
    }

    /// For a terminal of 80 columns.
    pub(super) fn table(&self) -> String {
        let mut text = "What a request costs without each technique, in CPU time of the server\n\n\
                        technique        load       more ns  times (interval)        for\n"
            .to_owned();
        let said = |it: &&Finding| matches!(it.verdict, Saying::Costs | Saying::Saves);
        let (apart, others): (Vec<_>, Vec<_>) = self
            .techniques
            .iter()
            .filter(said)
            .partition(|it| it.beginner);
        for finding in self.naive.iter().chain(others) {
            finding.line(&mut text);
        }
        if !apart.is_empty() {
            text += "\nwhat only a beginner does without: no part of naive\n";
        }
        for finding in apart {
            finding.line(&mut text);
        }
        text += "\ncontrols\n";
        for finding in &self.controls {
            finding.line(&mut text);
        }
        for (saying, label) in [
            (Saying::AtMostOnePercent, "At most 1 %"),
            (Saying::NotResolved, "Not resolved"),
        ] {
            let names = self.techniques.iter().filter(|it| it.verdict == saying);
            let names: Vec<&str> = names.map(|it| it.name.as_str()).collect();
            if !names.is_empty() {
                let list = format!("\n{label}: {}.", names.join(", "));
                text += &(textwrap::fill(&list, 80) + "\n");
            }
        }
        for note in self.notes.iter().chain([&self.sentence]) {
            let _ = writeln!(text, "\n{}", textwrap::fill(note, 80));
        }
        text
    }
}

impl Finding {
    fn of(row: &Row, plan: &Plan) -> Self {
        let ratio = row.estimate(plan.level());
        let ns = plan.cost(row.workload);
        Self {
            name: row.name.clone(),
            workload: row.workload,
            ratio,
            ns,
            ns_more: ratio.zip(ns).map(|(ratio, ns)| ns * (ratio.median - 1.0)),
            verdict: ratio.as_ref().map_or(Saying::NotResolved, Saying::of),
            why: row.latest.as_ref().map(Outcome::why).unwrap_or_default(),
            beginner: row.is_beginners(),
        }
    }

    fn line(&self, text: &mut String) {
        let interval = self.ratio.map_or("-".to_owned(), |ratio| {
            let (median, low, high) = (ratio.median, ratio.low, ratio.high);
            match median {
                ..10.0 => format!("{median:.3} ({low:.3} to {high:.3})"),
                _ => format!("{median:.1} ({low:.1} to {high:.1})"),
            }
        });
        let ns = self
            .ns_more
            .map_or("-".to_owned(), |ns| format!("{ns:+.0}"));
        let (name, load) = (&self.name, self.workload.name());
        // What costs most; the JSON has it all.
        let why = self.why.split(", ").next().unwrap_or_default();
        let line = format!("{name:<16} {load:<10} {ns:>7}  {interval:<23} {why}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

impl Saying {
    fn of(ratio: &Estimate) -> Self {
        if ratio.pairs < PAIRS_MIN {
            Self::NotResolved
        } else if ratio.low >= 1.0 - SMALL && ratio.high <= 1.0 + SMALL {
            Self::AtMostOnePercent
        } else if ratio.low > 1.0 {
            Self::Costs
        } else if ratio.high < 1.0 {
            Self::Saves
        } else {
            Self::NotResolved
        }
    }
}

/// `13 %`, or `6.5 times` where percent say little.
fn more(ratio: f64) -> String {
    if ratio < 2.0 {
        format!("{:.0} %", 100.0 * (ratio - 1.0))
    } else {
        format!("{ratio:.1} times")
    }
}

/// Counts and nanoseconds stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn ratio(sum: u64, count: u64) -> f64 {
    sum as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(median: f64, width: f64) -> Estimate {
        Estimate {
            median,
            low: median - width,
            high: median + width,
            coverage: 0.99,
            pairs: 60,
        }
    }

    #[test]
    fn what_is_said_of_an_interval() {
        for (median, width, expected) in [
            (1.002, 0.003, Saying::AtMostOnePercent),
            (1.008, 0.003, Saying::Costs),
            (0.95, 0.01, Saying::Saves),
            (1.01, 0.05, Saying::NotResolved),
        ] {
            assert_eq!(Saying::of(&of(median, width)), expected, "{median}");
        }
    }

    #[test]
    fn the_table_fits_a_terminal_and_ends_with_the_sentence() {
        let plan = Plan::new();
        let mut findings = Findings::of(&plan, Some(of(1.01, 0.002)), Some(0.9), Vec::new());
        for (number, finding) in findings.techniques.iter_mut().enumerate() {
            let median = if number < 2 { 6.5 } else { 1.002 };
            finding.ratio = Some(of(median, 0.004));
            finding.verdict = Saying::of(&of(median, 0.004));
            finding.why = "one epoll_ctl more, 8192 copied bytes more".to_owned();
        }
        for finding in &mut findings.naive {
            (finding.ratio, finding.ns) = (Some(of(2.04, 0.01)), Some(3140.0));
        }
        findings.sentence = findings.sentence();
        let table = findings.table();
        for line in table.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let last = table
            .trim_end()
            .rsplit("\n\n")
            .next()
            .unwrap()
            .replace('\n', " ");
        assert!(
            last.starts_with("Here a request costs 3.1 us of CPU time; done naively"),
            "{last}"
        );
        assert!(
            last.contains("done naively it costs 2.0 times as much"),
            "{last}"
        );
        assert!(last.contains("6.5 times"), "{last}");
        assert!(last.ends_with("costs 1.0 %."), "{last}");
        for (flags, costs) in [
            (of(0.998, 0.002), "at most 1 %"),
            (of(0.98, 0.04), "nothing that shows"),
        ] {
            findings.flags = Some(flags);
            let sentence = findings.sentence();
            assert!(sentence.ends_with(&format!("costs {costs}.")), "{sentence}");
        }
        assert!(table.contains("At most 1 %: "));
    }

    #[test]
    fn what_only_a_beginner_does_without_is_told_apart() {
        let mut findings = Findings::of(&Plan::new(), None, None, Vec::new());
        for finding in &mut findings.techniques {
            (finding.ratio, finding.verdict) = (Some(of(1.5, 0.01)), Saying::Costs);
            if finding.name == "uninit-reads" {
                finding.ratio = Some(of(6.5, 0.01));
            }
        }
        let (sentence, table) = (findings.sentence(), findings.table());
        assert!(!sentence.contains("uninit-reads"), "{sentence}");
        assert!(!sentence.contains("6.5 times"), "{sentence}");
        let (above, below) = table
            .split_once("what only a beginner does without")
            .unwrap();
        assert!(!above.contains("uninit-reads") && above.contains("register-once"));
        assert!(below.contains("\nuninit-reads "), "{below}");
    }
}

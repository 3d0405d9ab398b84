//! The text format, and the one door to the crate `prometheus`: its data model and its encoder.
//!
//! Of that crate's own counters none is used. They are shared by all threads, and an addition to
//! one is a locked instruction; the accounts are counters already, with one writer each.
//!
//! A family without samples is left out, with its HELP and TYPE: that is how the unknown is told.

use std::borrow::Cow;

use prometheus::TextEncoder;
use prometheus::proto::Metric;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, MetricFamily, MetricType};

use super::float;
use crate::accounts::Snapshot;
use crate::http::{Response, Status};

/// Metrics in the order in which they are shown.
#[derive(Default)]
pub(super) struct Exposition(Vec<MetricFamily>);

/// What a single value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes up, and begins at 0 with the server.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A value, with its label if it has one.
pub(super) struct Sample {
    label: Option<Label>,
    value: f64,
}

type Label = (&'static str, Cow<'static, str>);

impl Exposition {
    /// Adds a metric of single values.
    pub(super) fn family(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = Sample>,
    ) {
        let metrics = samples.into_iter().map(|sample| sample.into_metric(kind));
        let field_type = match kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
        };
        self.add(name, field_type, help, metrics.collect());
    }

    /// Adds a metric of times: `recorded` in nanoseconds, shown in seconds. Its buckets end at the
    /// bounds of [`bounds`], and at infinity, which the encoder adds from the count.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bits: &[u32],
        recorded: impl IntoIterator<Item = (Option<(&'static str, &'static str)>, Snapshot)>,
    ) {
        let metrics = recorded.into_iter().map(|(label, times)| {
            let label = label.map(|(name, value)| (name, Cow::Borrowed(value)));
            let mut metric = labelled(label);
            metric.set_histogram(histogram(&times, bits));
            metric
        });
        self.add(name, MetricType::HISTOGRAM, help, metrics.collect());
    }

    /// The whole as text.
    ///
    /// # Errors
    ///
    /// A 500, if the encoder refuses a family.
    pub(super) fn into_text(self) -> Result<String, Response> {
        let encoded = TextEncoder::new().encode_to_string(&self.0);
        encoded.map_err(|error| {
            Response::error(Status::INTERNAL_SERVER_ERROR, format!("metrics: {error}"))
        })
    }

    fn add(&mut self, name: &str, field_type: MetricType, help: &str, metrics: Vec<Metric>) {
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(field_type);
        family.set_metric(metrics);
        self.0.push(family);
    }
}

impl Sample {
    /// The only one of its metric.
    pub(super) fn bare(value: f64) -> Self {
        Self { label: None, value }
    }

    /// One of several.
    pub(super) fn labelled(
        name: &'static str,
        label: impl Into<Cow<'static, str>>,
        value: f64,
    ) -> Self {
        Self {
            label: Some((name, label.into())),
            value,
        }
    }

    fn into_metric(self, kind: Kind) -> Metric {
        let mut metric = labelled(self.label);
        match kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(self.value);
                metric.set_counter(counter);
            }
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(self.value);
                metric.set_gauge(gauge);
            }
        }
        metric
    }
}

/// Powers of two, from `first` in steps of `step`. A bucket ends at 2^n - 1 ns, where one of
/// [`Snapshot`]'s ends too: so its count is exact, though `le` is an odd number of nanoseconds.
pub(super) const fn bounds<const N: usize>(first: u32, step: u32) -> [u32; N] {
    let mut bits = [first; N];
    let mut at = 1;
    while at < N {
        bits[at] = bits[at - 1] + step;
        at += 1;
    }
    bits
}

fn histogram(times: &Snapshot, bits: &[u32]) -> Histogram {
    let buckets = bits.iter().map(|bits| {
        let end = (1 << bits) - 1;
        let mut bucket = Bucket::default();
        bucket.set_cumulative_count(times.count_up_to(end));
        bucket.set_upper_bound(seconds(end));
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(times.count);
    histogram.set_sample_sum(seconds(times.sum));
    histogram
}

fn labelled(label: Option<Label>) -> Metric {
    let pairs = label.into_iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.into_owned());
        pair
    });
    Metric::from_label(pairs.collect())
}

fn seconds(nanoseconds: u64) -> f64 {
    float(nanoseconds) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Histogram as Recorded;

    #[test]
    fn each_kind_is_written_as_the_format_says() {
        let mut exposition = Exposition::default();
        let samples = [
            Sample::labelled("place", "a \"b\"\\\n", 1.0),
            Sample::labelled("place", "c", 0.25),
        ];
        exposition.family("things_total", Kind::Counter, "A \\ and\nB.", samples);
        exposition.family("size_bytes", Kind::Gauge, "Size.", [Sample::bare(8192.0)]);
        exposition.family("unknown_bytes", Kind::Gauge, "Not known.", None);
        let expected = concat!(
            "# HELP things_total A \\\\ and\\nB.\n",
            "# TYPE things_total counter\n",
            "things_total{place=\"a \\\"b\\\"\\\\\\n\"} 1\n",
            "things_total{place=\"c\"} 0.25\n",
            "# HELP size_bytes Size.\n",
            "# TYPE size_bytes gauge\n",
            "size_bytes 8192\n",
        );
        assert_eq!(exposition.into_text().ok().as_deref(), Some(expected));
    }

    #[test]
    fn a_histogram_is_cumulative_and_in_seconds() {
        let recorded = Recorded::default();
        for time in [255, 256, 1023, 1024, 5_000_000] {
            recorded.record(time);
        }
        let mut exposition = Exposition::default();
        let bits: [u32; 3] = bounds(8, 2);
        let times = [(Some(("stage", "read")), recorded.snapshot())];
        exposition.histogram("took_seconds", "Time.", &bits, times);
        let expected = concat!(
            "# HELP took_seconds Time.\n",
            "# TYPE took_seconds histogram\n",
            "took_seconds_bucket{stage=\"read\",le=\"0.000000255\"} 1\n",
            "took_seconds_bucket{stage=\"read\",le=\"0.000001023\"} 3\n",
            "took_seconds_bucket{stage=\"read\",le=\"0.000004095\"} 4\n",
            "took_seconds_bucket{stage=\"read\",le=\"+Inf\"} 5\n",
            "took_seconds_sum{stage=\"read\"} 0.005002558\n",
            "took_seconds_count{stage=\"read\"} 5\n",
        );
        assert_eq!(exposition.into_text().ok().as_deref(), Some(expected));
    }
}

//! The way to the crate `prometheus`: its data model and its encoder.
//!
//! Of that crate's own counters none is used. They are shared by all threads, and an addition to
//! one is a locked instruction; the accounts are counters already, with one writer each.
//!
//! A family without samples is left out, with its HELP and TYPE: that is how the unknown is told.

use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use super::float;
use crate::accounts::Snapshot;
use crate::http::{Response, Status};

/// What tells one sample of a family from the others, if there are others.
pub(super) type Label = Option<(&'static str, String)>;

/// A metric of single values. Its name says what they are: what only goes up, a counter, ends in
/// `_total`.
pub(super) fn family(
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Label, f64)>,
) -> MetricFamily {
    let is_counter = name.ends_with("_total");
    let metrics = samples.into_iter().map(|(label, value)| {
        let mut metric = labelled(label);
        if is_counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        metric
    });
    let kind = if is_counter {
        MetricType::COUNTER
    } else {
        MetricType::GAUGE
    };
    of_kind(kind, name, help, metrics.collect())
}

/// A metric of times: `recorded` in nanoseconds, shown in seconds. A bucket ends at each
/// 2^bits - 1 ns, where one of [`Snapshot`]'s ends too: so its count is exact, though `le` is an
/// odd number of nanoseconds. The last ends at infinity; the encoder adds it from the count.
pub(super) fn histogram(
    name: &str,
    help: &str,
    bits: &[u32],
    recorded: impl IntoIterator<Item = (Label, Snapshot)>,
) -> MetricFamily {
    let metrics = recorded.into_iter().map(|(label, times)| {
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
        let mut metric = labelled(label);
        metric.set_histogram(histogram);
        metric
    });
    of_kind(MetricType::HISTOGRAM, name, help, metrics.collect())
}

/// The whole as text.
///
/// # Errors
///
/// A 500, if the encoder refuses a family.
pub(super) fn text(mut families: Vec<MetricFamily>) -> Result<String, Response> {
    families.retain(|family| !family.get_metric().is_empty());
    let encoded = TextEncoder::new().encode_to_string(&families);
    encoded.map_err(|error| {
        Response::error(Status::INTERNAL_SERVER_ERROR, format!("metrics: {error}"))
    })
}

fn of_kind(kind: MetricType, name: &str, help: &str, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labelled(label: Label) -> Metric {
    let pairs = label.into_iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value);
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
        let families = vec![
            family(
                "things_total",
                "A \\ and\nB.",
                [
                    (Some(("place", "a \"b\"\\\n".into())), 1.0),
                    (Some(("place", "c".into())), 0.25),
                ],
            ),
            family("size_bytes", "Size.", [(None, 8192.0)]),
            family("unknown_bytes", "Not known.", []),
        ];
        let expected = concat!(
            "# HELP things_total A \\\\ and\\nB.\n",
            "# TYPE things_total counter\n",
            "things_total{place=\"a \\\"b\\\"\\\\\\n\"} 1\n",
            "things_total{place=\"c\"} 0.25\n",
            "# HELP size_bytes Size.\n",
            "# TYPE size_bytes gauge\n",
            "size_bytes 8192\n",
        );
        assert_eq!(text(families).ok().as_deref(), Some(expected));
    }

    #[test]
    fn a_histogram_is_cumulative_and_in_seconds() {
        let recorded = Recorded::default();
        for time in [255, 256, 1023, 1024, 5_000_000] {
            recorded.record(time);
        }
        let times = [(Some(("stage", "read".into())), recorded.snapshot())];
        let families = vec![histogram("took_seconds", "Time.", &[8, 10, 12], times)];
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
        assert_eq!(text(families).ok().as_deref(), Some(expected));
    }
}

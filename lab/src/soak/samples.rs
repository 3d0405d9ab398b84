//! Looks at a server, and whether what they show stays as it is.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

use crate::faults::{Scene, descriptors};
use crate::statistics::median;

/// What may change between the second and the last quarter of a run: pages that the allocator keeps
/// or gives back.
const MEMORY_SPARE: f64 = 1024.0 * 1024.0;

/// What a server is like at one moment.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    at: Duration,
    resident_bytes: u64,
    allocated_bytes: u64,
    pub(super) descriptors: usize,
    connections: u64,
    buffer_bytes: u64,
    /// Answers made.
    pub(super) requests: u64,
    /// The same, summed up by their status.
    pub(super) by_status: u64,
    pub(super) panics: u64,
    /// Questions that we had asked by then, whose answers count.
    pub(super) asked: u64,
}

impl Sample {
    pub(super) const HEADING: &'static str = "  seconds  resident KiB  allocated KiB  descriptors  \
                                              connections  buffers KiB      answers";

    pub(super) fn of(scene: &Scene<'_>, at: Duration) -> Result<Self> {
        let allocated_bytes = scene.ask("/memory-stats")?.get("current_usage_bytes")?;
        let asked = scene.asked();
        let stats = scene.stats()?;
        let classes = ["2xx", "3xx", "4xx", "5xx"];
        let by_status = classes.map(|class| stats.sum(&format!("status/{class}")));
        Ok(Self {
            at,
            resident_bytes: scene.usage()?.resident_bytes,
            allocated_bytes,
            descriptors: descriptors(scene.pid())?,
            connections: stats.get("connections")?,
            buffer_bytes: stats.sum("buffer_bytes"),
            requests: stats.sum("requests"),
            by_status: by_status.iter().sum(),
            panics: stats.get("panics")?,
            asked,
        })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{:>9} {:>13} {:>14} {:>12} {:>12} {:>12} {:>12}",
            self.at.as_secs(),
            self.resident_bytes >> 10,
            self.allocated_bytes >> 10,
            self.descriptors,
            self.connections,
            self.buffer_bytes >> 10,
            self.requests
        )
    }
}

/// Looks in the order of time.
#[derive(Default)]
pub(super) struct Samples(Vec<Sample>);

impl Samples {
    pub(super) fn add(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// The medians of the second quarter and of the last, in which the load is the same. The first
    /// one is left out: caches and pools fill.
    fn quarters(&self, figure: impl Fn(&Sample) -> u64) -> Option<(f64, f64)> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "bytes of a machine are below 2^53"
        )]
        let figures: Vec<f64> = self.0.iter().map(|sample| figure(sample) as f64).collect();
        let quarter = figures.len() / 4;
        let second = median(figures.get(quarter..2 * quarter)?)?;
        let last = median(figures.get(figures.len() - quarter..)?)?;
        Some((second, last))
    }

    pub(super) fn must_be_flat(&self, scene: &Scene<'_>) {
        let resident = self.quarters(|sample| sample.resident_bytes);
        let allocated = self.quarters(|sample| sample.allocated_bytes);
        for (name, medians) in [("resident", resident), ("allocated", allocated)] {
            let Some((second, last)) = medians else {
                scene.tell(format!("too few looks to say whether {name} memory grows"));
                continue;
            };
            let (second_kib, last_kib) = (second / 1024.0, last / 1024.0);
            scene.tell(format!(
                "{name} memory, medians: {second_kib:.0} KiB in the second quarter, \
                 {last_kib:.0} in the last"
            ));
            scene.must(last <= second + MEMORY_SPARE, || {
                format!("{name} memory grew from {second_kib:.0} to {last_kib:.0} KiB")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: impl IntoIterator<Item = u64>) -> Samples {
        let sample = |(second, resident_bytes)| Sample {
            at: Duration::from_secs(second),
            resident_bytes,
            allocated_bytes: 0,
            descriptors: 9,
            connections: 1,
            buffer_bytes: 0,
            requests: 0,
            by_status: 0,
            panics: 0,
            asked: 0,
        };
        Samples((0..).zip(resident).map(sample).collect())
    }

    #[test]
    fn the_second_quarter_is_compared_with_the_last() {
        let grows = samples((0..100).map(|number| number << 20));
        let (second, last) = grows.quarters(|sample| sample.resident_bytes).unwrap();
        assert!(last - second > 40.0 * MEMORY_SPARE, "{second} {last}");
        let settles = samples((0..100).map(|number: u64| number.min(25) << 20));
        let (second, last) = settles.quarters(|sample| sample.resident_bytes).unwrap();
        assert!(last - second < MEMORY_SPARE, "{second} {last}");
        assert!(
            samples(0..3)
                .quarters(|sample| sample.resident_bytes)
                .is_none()
        );
    }
}

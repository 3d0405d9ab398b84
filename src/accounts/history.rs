//! The figures of the last seconds, for rates and ratios of what happens now instead of since the
//! start.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Figures;

/// Moments kept: enough to look back ten whole seconds.
const MOMENTS_KEPT: usize = 12;

/// The figures of all reactors, at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// CPU time that the process has used until then, all threads together.
    pub cpu: Duration,
    /// Of each reactor.
    pub reactors: Vec<Figures>,
}

/// What happened between two moments.
#[derive(Clone, Debug)]
pub struct Window {
    /// How long it was.
    pub span: Duration,
    /// CPU time that the process used in it.
    pub cpu: Duration,
    /// What each reactor did in it.
    pub reactors: Vec<Figures>,
}

/// The moments of the last seconds. A lock is right here: it is taken once a second and by whoever
/// asks.
#[derive(Debug, Default)]
pub struct History(Mutex<VecDeque<Moment>>);

impl History {
    /// Keeps a moment; once a second.
    pub fn keep(&self, moment: Moment) {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if moments.len() == MOMENTS_KEPT {
            moments.pop_front();
        }
        moments.push_back(moment);
    }

    /// What happened in the last `span`, or a little more, up to the last moment that was kept;
    /// `None` while the server is younger than that.
    pub fn window(&self, span: Duration) -> Option<Window> {
        let moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = moments.back()?;
        let age = |moment: &&Moment| latest.at - moment.at;
        // They come a second apart, but the thread that keeps them may be late, and then early.
        let almost = span.saturating_sub(Duration::from_millis(50));
        let earlier = moments.iter().rev().find(|moment| age(moment) >= almost)?;
        let pairs = latest.reactors.iter().zip(&earlier.reactors);
        Some(Window {
            span: age(&earlier),
            cpu: latest.cpu.saturating_sub(earlier.cpu),
            reactors: pairs.map(|(later, earlier)| later.since(earlier)).collect(),
        })
    }
}

impl Window {
    /// All reactors together.
    pub fn sum(&self) -> Figures {
        let mut reactors = self.reactors.iter();
        // Not from nothing: what is not known of it would be known of no sum.
        let first = reactors.next().cloned().unwrap_or_default();
        reactors.fold(first, |sum, one| sum.plus(one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at: Instant, requests: u64) -> Moment {
        let one = Figures {
            requests,
            ..Figures::default()
        };
        Moment {
            at,
            cpu: Duration::from_millis(requests),
            reactors: vec![one.clone(), one],
        }
    }

    #[test]
    fn a_window_is_the_difference_of_its_ends() {
        let history = History::default();
        let ten = Duration::from_secs(10);
        let start = Instant::now();
        assert!(history.window(ten).is_none());
        for second in 0..10 {
            history.keep(moment(start + Duration::from_secs(second), second * 100));
            assert!(history.window(ten).is_none(), "{second}");
        }
        for second in 10..40 {
            history.keep(moment(start + Duration::from_secs(second), second * 100));
            let window = history.window(ten).expect("old enough");
            assert_eq!((window.span, window.cpu), (ten, Duration::from_secs(1)));
            assert_eq!(window.reactors[1].requests, 1000);
            assert_eq!(window.sum().requests, 2000);
        }
    }
}

//! What duels have said of techniques in this process, for whoever reads the accounts.
//!
//! The accounts count what requests cost; which technique is the cause, only a duel can measure.
//! What one said is kept until one between the same two arms says something else, for
//! [`VERDICTS_KEPT`] pairs of arms.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::config::{Techniques, bounds::VERDICTS_KEPT};

/// What a duel said whose arms differ in techniques.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What the arms were called.
    pub arms: [String; 2],
    /// The techniques of each of them.
    pub techniques: [Techniques; 2],
    /// In a sentence.
    pub sentence: String,
    /// CPU time per request, the second arm's by the first's.
    pub ratio: f64,
    /// The ends of the interval of it.
    pub interval: [f64; 2],
    /// The interval does not hold 1, and the duel was sound.
    pub is_resolved: bool,
    /// What a request of the second arm took more than one of the first, by name.
    pub more: Vec<(&'static str, f64)>,
    /// When it was said.
    pub at: Instant,
}

/// The last verdict for each pair of arms. The lock is taken at the end of a duel, and by whoever
/// asks.
#[derive(Debug, Default)]
pub struct Verdicts(Mutex<Vec<Verdict>>);

impl Verdict {
    /// Whether a request of this arm costs less CPU time than one of the other.
    pub fn speaks_for(&self, arm: usize) -> bool {
        self.is_resolved && usize::from(self.ratio < 1.0) == arm
    }

    /// How much less of something a request of this arm took than one of the other.
    pub fn saved_by(&self, arm: usize, name: &str) -> f64 {
        let more = self.more.iter().find(|(what, _)| *what == name);
        let more = more.map_or(0.0, |(_, more)| *more);
        if arm == 0 { more } else { -more }
    }
}

impl Verdicts {
    /// Keeps a verdict, in place of the one before between the same arms; of too many the oldest
    /// goes.
    pub fn keep(&self, verdict: Verdict) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.arms != verdict.arms);
        if kept.len() == VERDICTS_KEPT {
            kept.remove(0);
        }
        kept.push(verdict);
    }

    /// All of them, the last first.
    pub fn all(&self) -> Vec<Verdict> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(second: &str, ratio: f64) -> Verdict {
        Verdict {
            arms: ["as it stands".to_owned(), second.to_owned()],
            techniques: [Techniques::FULL; 2],
            sentence: String::new(),
            ratio,
            interval: [ratio - 0.01, ratio + 0.01],
            is_resolved: true,
            more: vec![("epoll_ctl", -1.0)],
            at: Instant::now(),
        }
    }

    #[test]
    fn the_last_word_between_two_arms_is_kept() {
        let verdicts = Verdicts::default();
        verdicts.keep(verdict("with a", 0.8));
        verdicts.keep(verdict("with b", 0.9));
        verdicts.keep(verdict("with a", 0.7));
        let ratios: Vec<f64> = verdicts.all().iter().map(|one| one.ratio).collect();
        assert_eq!(ratios, [0.7, 0.9]);
    }

    #[test]
    fn of_too_many_the_oldest_goes() {
        let verdicts = Verdicts::default();
        for number in 0..=VERDICTS_KEPT {
            verdicts.keep(verdict(&number.to_string(), 0.9));
        }
        let all = verdicts.all();
        assert_eq!(all.len(), VERDICTS_KEPT);
        assert_eq!(all[VERDICTS_KEPT - 1].arms[1], "1");
    }

    #[test]
    fn it_speaks_for_the_cheaper_arm() {
        let with = verdict("with", 0.9);
        assert!(with.speaks_for(1) && !with.speaks_for(0));
        assert!((with.saved_by(1, "epoll_ctl") - 1.0).abs() < 1e-9);
        assert!((with.saved_by(0, "epoll_ctl") + 1.0).abs() < 1e-9);
        let unclear = Verdict {
            is_resolved: false,
            ..verdict("with", 0.9)
        };
        assert!(!unclear.speaks_for(1));
    }
}

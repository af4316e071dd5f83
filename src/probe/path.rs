//! The path to one other probe: the questions that were sent, and what their answers say.

use std::time::Duration;

/// So many questions in a row without an answer: the path is down.
const LOST_IN_ROW: u32 = 3;
/// So many answers in a row: it is up again.
const ANSWERED_IN_ROW: u32 = 2;
/// One question of so many is accompanied by one of full size.
const FULL_SIZE_EVERY: u32 = 6;

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Lost,
}

/// The questions of one size.
#[derive(Debug, Default)]
struct Trial {
    /// Sequence number of the last question and when it was sent, until it is answered or lost.
    outstanding: Option<(u64, Duration)>,
    answered_in_row: u32,
    lost_in_row: u32,
    up: Option<bool>,
}

impl Trial {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered => {
                self.answered_in_row += 1;
                self.lost_in_row = 0;
                if self.up != Some(false) || self.answered_in_row >= ANSWERED_IN_ROW {
                    self.up = Some(true);
                }
            }
            Outcome::Lost => {
                self.answered_in_row = 0;
                self.lost_in_row += 1;
            }
        }
    }
}

/// Questions to one other probe, and the verdict.
#[derive(Debug)]
pub(super) struct Path {
    next_question: Duration,
    /// Small questions that were sent.
    asked: u32,
    small: Trial,
    full: Trial,
    /// The last small question was answered: a full-size one that was sent beside it was lost for its size.
    small_answered: bool,
    round_trip: Option<Duration>,
}

/// What is to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// What became of the previous small question, if it was lost.
    pub(super) lost: bool,
    /// A full-size question is due as well.
    pub(super) full_size: bool,
}

impl Path {
    /// The first question is due at `first`.
    pub(super) fn new(first: Duration) -> Self {
        Path {
            next_question: first,
            asked: 0,
            small: Trial::default(),
            full: Trial::default(),
            small_answered: false,
            round_trip: None,
        }
    }

    /// When the next question is due.
    pub(super) fn next_question(&self) -> Duration {
        self.next_question
    }

    /// Ends the time for the previous questions. `may_be_down` is false while the other probe is too new to be missed.
    pub(super) fn due(&mut self, may_be_down: bool) -> Due {
        let lost = self.small.outstanding.take().is_some();
        if lost {
            self.small.count(Outcome::Lost);
        }
        if self.small.lost_in_row >= LOST_IN_ROW && may_be_down {
            self.small.up = Some(false);
            // Nothing passes: nothing can be said of its size.
            self.full = Trial::default();
        }
        if self.full.outstanding.take().is_some() && self.small_answered {
            self.full.count(Outcome::Lost);
            if self.full.lost_in_row >= LOST_IN_ROW {
                self.full.up = Some(false);
            }
        }
        self.small_answered = false;
        self.asked = self.asked.wrapping_add(1);
        let full_size = self.small.up == Some(true)
            && (self.asked % FULL_SIZE_EVERY == 2 || self.full.lost_in_row > 0);
        Due { lost, full_size }
    }

    /// A small question is sent with this number; the next one is due at `next`.
    pub(super) fn sent(&mut self, sequence: u64, now: Duration, next: Duration) {
        self.small.outstanding = Some((sequence, now));
        self.next_question = next;
    }

    /// So is a full-size one.
    pub(super) fn sent_full_size(&mut self, sequence: u64, now: Duration) {
        self.full.outstanding = Some((sequence, now));
    }

    /// An answer with this number arrived. `None`: no question of this number waits for one.
    pub(super) fn answered(&mut self, sequence: u64, full_size: bool, now: Duration) -> Option<()> {
        let trial = if full_size {
            &mut self.full
        } else {
            &mut self.small
        };
        let (_, sent) = trial
            .outstanding
            .take_if(|(number, _)| *number == sequence)?;
        trial.count(Outcome::Answered);
        if !full_size {
            self.small_answered = true;
            self.round_trip = Some(now.saturating_sub(sent));
        }
        Some(())
    }

    /// Whether questions are answered; `None` before the first verdict.
    pub(super) fn up(&self) -> Option<bool> {
        self.small.up
    }

    /// Whether full-size questions are answered; `None` without a verdict, and while the path is down.
    pub(super) fn full_size_up(&self) -> Option<bool> {
        self.full.up
    }

    /// Round-trip time of the last answer, while the path is up.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.filter(|_| self.small.up == Some(true))
    }

    /// Broken, or about to be found so.
    pub(super) fn is_suspect(&self) -> bool {
        self.small.up != Some(true) || self.small.lost_in_row > 0 || self.full.lost_in_row > 0
    }

    /// Found broken, for small packets or for large ones.
    pub(super) fn is_broken(&self) -> bool {
        self.small.up == Some(false) || self.full.up == Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Asks once a second; `answers(question, full_size)` says which questions are answered.
    fn run(path: &mut Path, from: u32, count: u32, answers: impl Fn(u32, bool) -> bool) {
        for i in from..from + count {
            let now = SECOND * i;
            let due = path.due(true);
            path.sent(u64::from(i), now, now + SECOND);
            if answers(i, false) {
                path.answered(u64::from(i), false, now + SECOND / 100);
            }
            if due.full_size {
                let sequence = u64::from(i) + 1_000_000;
                path.sent_full_size(sequence, now);
                if answers(i, true) {
                    path.answered(sequence, true, now + SECOND / 100);
                }
            }
        }
    }

    #[test]
    fn three_lost_are_down_and_two_answered_are_up() {
        let mut path = Path::new(Duration::ZERO);
        assert_eq!(path.up(), None);
        run(&mut path, 0, 1, |_, _| true);
        assert_eq!(path.up(), Some(true));
        assert_eq!(path.round_trip(), Some(SECOND / 100));
        // The third is lost when the fourth is due.
        run(&mut path, 1, 3, |_, _| false);
        assert_eq!(path.up(), Some(true));
        run(&mut path, 4, 1, |_, _| true);
        assert_eq!(path.up(), Some(false));
        assert_eq!(path.round_trip(), None);
        run(&mut path, 5, 1, |_, _| true);
        assert_eq!(path.up(), Some(true));
    }

    #[test]
    fn a_new_probe_is_not_missed_at_once() {
        let mut path = Path::new(Duration::ZERO);
        for i in 0..10 {
            path.due(false);
            path.sent(i, SECOND, SECOND);
        }
        assert_eq!(path.up(), None);
        path.due(true);
        assert_eq!(path.up(), Some(false));
    }

    #[test]
    fn an_answer_is_taken_once_and_only_for_its_question() {
        let mut path = Path::new(Duration::ZERO);
        path.due(true);
        path.sent(7, SECOND, SECOND);
        assert_eq!(path.answered(6, false, SECOND), None);
        assert_eq!(path.answered(7, true, SECOND), None);
        assert_eq!(path.answered(7, false, SECOND), Some(()));
        assert_eq!(path.answered(7, false, SECOND), None);
    }

    #[test]
    fn large_packets_that_are_lost_while_small_ones_pass() {
        let mut path = Path::new(Duration::ZERO);
        run(&mut path, 0, 20, |_, _| true);
        assert_eq!(path.full_size_up(), Some(true));
        run(&mut path, 20, 12, |_, full_size| !full_size);
        assert_eq!((path.up(), path.full_size_up()), (Some(true), Some(false)));
        assert!(path.is_broken());
        // Nothing passes: no statement on the size.
        run(&mut path, 32, 4, |_, _| false);
        assert_eq!((path.up(), path.full_size_up()), (Some(false), None));
        run(&mut path, 36, 10, |_, _| true);
        assert_eq!((path.up(), path.full_size_up()), (Some(true), Some(true)));
        assert!(!path.is_suspect());
    }

    #[test]
    fn a_full_size_question_that_is_lost_with_the_small_one_says_nothing_of_its_size() {
        let mut path = Path::new(Duration::ZERO);
        // Every second moment loses everything.
        run(&mut path, 0, 300, |i, _| i % 2 == 0);
        assert_eq!((path.up(), path.full_size_up()), (Some(true), None));
        run(&mut path, 300, 20, |_, _| true);
        assert_eq!((path.up(), path.full_size_up()), (Some(true), Some(true)));
    }
}

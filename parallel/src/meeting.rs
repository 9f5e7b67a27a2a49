//! Sums over all shards in the middle of forward and backward, for layers that need them.

use crate::ranks::{Merging, Ranks};
use crate::tree::Tree;
use crate::untrained::address;
use cotangent_core::module::{AllReduce, Buffer};
use cotangent_core::{Error, Result};
use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The place where the shards of a rank meet for a sum over the shards of all ranks.
pub(crate) struct Meeting {
    merging: Merging,
    /// The shards that have samples. The others take part in no sum.
    present: Vec<bool>,
    /// Whether the shards of this rank are computed at the same time.
    at_once: bool,
    /// The number of shards of the batch, and of its samples.
    shards: usize,
    rows: usize,
    round: Mutex<Round>,
    changed: Condvar,
}

/// A sum that the shards wait for.
struct Round {
    /// The number of sums so far.
    number: u64,
    given: Vec<Option<Vec<f64>>>,
    result: Vec<f64>,
    /// The shards that have ended.
    ended: Vec<bool>,
    /// Whether a shard has ended with an error.
    has_failed: bool,
    /// The buffers that get the same value on all shards.
    alike: Vec<usize>,
}

/// The end of the error of a sum that cannot come any more.
const FAILED: &str = "another shard of this rank has failed";

impl Meeting {
    pub fn new(ranks: &Ranks, present: Vec<bool>, at_once: bool, rows: usize) -> Arc<Self> {
        Arc::new(Self {
            merging: ranks.merging(),
            at_once,
            shards: ranks.shards(),
            rows,
            round: Mutex::new(Round {
                number: 0,
                given: vec![None; present.len()],
                result: Vec::new(),
                ended: vec![false; present.len()],
                has_failed: false,
                alike: Vec::new(),
            }),
            present,
            changed: Condvar::new(),
        })
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what ends the meeting if its shard panics.
    pub fn end_on_panic(&self) -> impl Drop + '_ {
        EndOnPanic(self)
    }

    /// Says that a shard takes part in no further sum.
    pub fn end(&self, number: usize) {
        self.round().ended[number] = true;
        self.changed.notify_all();
    }

    /// Ends all waits, since a shard has failed.
    pub fn fail(&self) {
        self.round().has_failed = true;
        self.changed.notify_all();
    }

    /// Returns the buffers of which layers have said that they get the same value on all shards.
    pub fn alike(&self) -> Vec<usize> {
        self.round().alike.clone()
    }

    fn sum(&self, number: usize, numbers: Vec<f64>) -> Result<Vec<f64>> {
        if self.rows < self.shards {
            let (rows, shards) = (self.rows, self.shards);
            let reason = format!(
                "a layer sums over all shards, and {rows} samples are too few for {shards} shards: \
                 leave out smaller batches by `drop_last`, or use fewer shards"
            );
            return Err(Error::argument("AllReduce::sum", reason));
        }
        let mut round = self.round();
        let wanted = round.number;
        round.given[number] = Some(numbers);
        let given = round.given.iter().zip(&self.present);
        let is_last = given
            .clone()
            .all(|(given, &present)| given.is_some() || !present);
        if is_last {
            let given: Vec<_> = round.given.iter_mut().filter_map(Option::take).collect();
            drop(round);
            let sums = self.merging.sum(in_order(given)?);
            round = self.round();
            round.number += 1;
            match sums {
                Ok(sums) => round.result = sums,
                Err(error) => {
                    drop(round);
                    self.fail();
                    return Err(error);
                }
            }
            self.changed.notify_all();
            return Ok(round.result.clone());
        }
        if !self.at_once {
            let reason = "a layer sums over all shards, so that those of a rank must be computed \
                          at the same time: use `Ranks::gradients_at_once`, or \
                          `Supervised::shards_at_once`, or as many shards as ranks";
            return Err(Error::argument("AllReduce::sum", reason));
        }
        while round.number == wanted && !round.has_failed {
            let Round { given, ended, .. } = &*round;
            if given
                .iter()
                .zip(ended)
                .any(|(given, &ended)| ended && given.is_none())
            {
                let reason = "shards have called it unequally often";
                return Err(Error::argument("AllReduce::sum", reason));
            }
            round = self
                .changed
                .wait(round)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if round.number == wanted {
            return Err(Error::argument("AllReduce::sum", FAILED));
        }
        Ok(round.result.clone())
    }
}

/// Returns the results of all shards, or the error of the one that has failed first.
pub(crate) fn first_error<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    let mut later = None;
    for result in results {
        match result {
            Ok(result) => all.push(result),
            Err(error) if error.root().to_string().ends_with(FAILED) => later = Some(error),
            Err(error) => return Err(error),
        }
    }
    later.map_or(Ok(all), Err)
}

/// Adds up lists in the order of the tree.
fn in_order(lists: Vec<Vec<f64>>) -> Result<Vec<f64>> {
    let len = lists.first().map_or(0, Vec::len);
    if lists.iter().any(|list| list.len() != len) {
        let reason = "shards have given lists of different lengths";
        return Err(Error::argument("AllReduce::sum", reason));
    }
    let add = |left: Vec<f64>, right: Vec<f64>| {
        let sums = left
            .into_iter()
            .zip(right)
            .map(|(left, right)| left + right);
        Ok::<_, Infallible>(sums.collect::<Vec<f64>>())
    };
    let mut tree = Tree::new();
    for list in lists {
        let Ok(()) = tree.push(list, add);
    }
    let Ok(sum) = tree.sum(add);
    Ok(sum.unwrap_or_default())
}

/// A shard at a meeting.
pub(crate) struct Member {
    pub meeting: Arc<Meeting>,
    pub number: usize,
}

impl AllReduce for Member {
    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>> {
        self.meeting.sum(self.number, numbers)
    }

    fn sets_alike(&self, buffer: &Buffer) {
        self.meeting.round().alike.push(address(buffer));
    }

    fn shares_model(&self) -> bool {
        self.meeting.at_once && self.meeting.shards > 1
    }
}

struct EndOnPanic<'m>(&'m Meeting);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

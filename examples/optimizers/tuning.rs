//! Tuning of learning rates, with the same number of trials for every optimizer.

use anyhow::Result;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The score of a learning rate; smaller is better. A rate that reached the target is better than
/// one that did not. Among the latter the loss decides.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// The steps to the target, infinite if it was not reached.
    pub steps: f64,
    /// The loss, not finite after divergence.
    pub loss: f64,
}

impl Score {
    fn order(&self, other: &Self) -> Ordering {
        let finite = |loss: f64| if loss.is_nan() { f64::INFINITY } else { loss };
        let steps = self.steps.total_cmp(&other.steps);
        steps.then(finite(self.loss).total_cmp(&finite(other.loss)))
    }
}

/// The number of learning rates to try.
///
/// The first trials are a grid around the usual rate, with half a power of ten between neighbours.
/// Each further trial is beside the best rate so far: beyond it if it is at an edge, else in the
/// middle of the wider gap.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The number of grid rates below the usual one.
    pub below: i32,
    /// The number of grid rates above the usual one.
    pub above: i32,
    /// The total number of trials.
    pub trials: usize,
}

/// The best learning rate.
#[derive(Clone, Copy, Debug)]
pub struct Tuned {
    pub rate: f64,
    /// Whether it was the smallest or the largest one tried, so that a better one may lie beyond.
    pub at_edge: bool,
}

/// Rates are multiples of this fraction of a power of ten.
const PARTS: i32 = 16;
const GRID: i32 = PARTS / 2;

impl Budget {
    /// Returns the best rate by `score`, which is called once for each trial.
    pub fn spend(self, usual: f64, mut score: impl FnMut(f64) -> Result<Score>) -> Result<Tuned> {
        let rate = |place: i32| usual * 10f64.powf(f64::from(place) / f64::from(PARTS));
        let mut tried = BTreeMap::new();
        for place in (-self.below..=self.above).take(self.trials) {
            tried.insert(place * GRID, score(rate(place * GRID))?);
        }
        while tried.len() < self.trials {
            let (place, _) = best(&tried);
            let below = tried.range(..place).next_back().map(|(&below, _)| below);
            let above = tried.range(place + 1..).next().map(|(&above, _)| above);
            let place = match (below, above) {
                (None, _) => place - GRID,
                (_, None) => place + GRID,
                (Some(below), Some(above)) if place - below >= above - place => {
                    i32::midpoint(below, place)
                }
                (_, Some(above)) => i32::midpoint(place, above),
            };
            if tried.contains_key(&place) {
                break; // Finer steps make no difference.
            }
            tried.insert(place, score(rate(place))?);
        }
        let (place, at_edge) = best(&tried);
        Ok(Tuned {
            rate: rate(place),
            at_edge,
        })
    }
}

/// Returns the position of the best score, the lowest of equal ones, and whether it is at an edge.
fn best(tried: &BTreeMap<i32, Score>) -> (i32, bool) {
    let best = tried.iter().min_by(|(_, a), (_, b)| a.order(b));
    let place = best.map_or(0, |(&place, _)| place);
    let at_edge = [tried.first_key_value(), tried.last_key_value()]
        .into_iter()
        .flatten()
        .any(|(&edge, _)| edge == place);
    (place, at_edge)
}

//! Learning rates, chosen for every optimizer by the same number of trials.

use anyhow::Result;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How a learning rate did; the smaller the better. What has not reached the target is worse than
/// what has, and then the loss counts.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// Infinite where the target was not reached.
    pub steps: f64,
    /// Not finite after divergence.
    pub loss: f64,
}

impl Score {
    fn order(&self, other: &Self) -> Ordering {
        let finite = |loss: f64| if loss.is_nan() { f64::INFINITY } else { loss };
        let steps = self.steps.total_cmp(&other.steps);
        steps.then(finite(self.loss).total_cmp(&finite(other.loss)))
    }
}

/// How many learning rates are tried.
///
/// First a grid around the usual rate, half a power of ten from one rate to the next. Then always
/// one beside the best so far: beyond it, if it is at an edge, and else in the middle of the wider
/// gap.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The rates of the grid below the usual one.
    pub below: i32,
    /// The rates of the grid above it.
    pub above: i32,
    /// All trials together.
    pub trials: usize,
}

/// The learning rate that did best.
#[derive(Clone, Copy, Debug)]
pub struct Tuned {
    pub rate: f64,
    /// It was the smallest or the largest of those tried: a better one may lie beyond.
    pub at_edge: bool,
}

/// Rates are counted in these parts of a power of ten.
const PARTS: i32 = 16;
const GRID: i32 = PARTS / 2;

impl Budget {
    /// The best rate by `score`, which is asked once for each trial.
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
                break; // Finer than that makes no difference.
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

/// The best place, of equals the lowest, and whether it is at an edge.
fn best(tried: &BTreeMap<i32, Score>) -> (i32, bool) {
    let best = tried.iter().min_by(|(_, a), (_, b)| a.order(b));
    let place = best.map_or(0, |(&place, _)| place);
    let at_edge = [tried.first_key_value(), tried.last_key_value()]
        .into_iter()
        .flatten()
        .any(|(&edge, _)| edge == place);
    (place, at_edge)
}

//! Faults at the edges: the range of the dtypes, infinities, thresholds. A module for each kind of
//! fault.

#[path = "edges/fuzz.rs"]
mod fuzz;
#[path = "edges/judgement.rs"]
mod judgement;
#[path = "edges/locks.rs"]
mod locks;
#[path = "edges/losses.rs"]
mod losses;
#[path = "edges/masks.rs"]
mod masks;
#[path = "support/optimizers.rs"]
mod optimizers;
#[path = "edges/pool.rs"]
mod pool;
#[path = "edges/steps.rs"]
mod steps;
#[path = "edges/sums.rs"]
mod sums;
#[path = "edges/thresholds.rs"]
mod thresholds;

//! Results at the limits: the ends of the dtypes' range, infinities and NaN, thresholds between
//! formulas, threads, forks and memory. There is a module for each kind.

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
#[path = "edges/near.rs"]
mod near;
#[path = "support/optimizers.rs"]
mod optimizers;
#[path = "edges/pool.rs"]
mod pool;
#[path = "edges/products.rs"]
mod products;
#[path = "edges/rows.rs"]
mod rows;
#[path = "edges/steps.rs"]
mod steps;
#[path = "edges/sums.rs"]
mod sums;
#[path = "edges/thresholds.rs"]
mod thresholds;

//! The exchange of gradients in buckets, while backward still runs.

use crate::leaves::Plan;
use crate::ranks::{Pending, Ranks};
use crate::tree::Ordered;
use cotangent_core::kernel::{Real, Update};
use cotangent_core::{DType, Element, Gradients, LeafId, Result, Tensor};
use std::sync::Arc;
use std::time::Instant;

/// The exchange of the gradients of one batch.
pub(crate) struct Exchange<'r> {
    ranks: &'r Ranks,
    pub plan: Arc<Plan>,
    /// The sums of the gradients of this rank's shards so far, by parameter. A shard without a
    /// gradient counts as 0.
    sums_of_shards: Vec<Ordered<Option<Tensor>>>,
    /// The parameters of which each of this rank's shards has a gradient.
    found: Vec<Vec<bool>>,
    /// The parameters in the order in which their gradients were complete.
    pub completed: Vec<usize>,
    /// Whether some of this rank's shards have a gradient, by parameter.
    pub present: Vec<bool>,
    /// The buckets that are being filled, or wait for those before them.
    filling: Vec<Filling>,
    /// The sums over the ranks, in the order of the buckets.
    sums: Vec<Pending<Tensor>>,
    /// When the first of them began.
    pub begun: Option<Instant>,
    /// The gradients, if there are no other ranks.
    gradients: Gradients,
}

/// A bucket that is being filled.
struct Filling {
    /// The gradient of the only parameter, or those of all in one vector. None counts as 0.
    values: Option<Tensor>,
    /// The number of parameters whose gradients are missing.
    missing: usize,
}

impl<'r> Exchange<'r> {
    pub fn new(ranks: &'r Ranks, plan: Arc<Plan>) -> Self {
        let shards = ranks.own_shards().len();
        let count = plan.leaves.len();
        Self {
            ranks,
            sums_of_shards: (0..count).map(|_| Ordered::new(shards)).collect(),
            found: vec![vec![false; count]; shards],
            completed: Vec::with_capacity(count),
            present: vec![false; count],
            filling: Vec::new(),
            sums: Vec::new(),
            begun: None,
            gradients: Gradients::default(),
            plan,
        }
    }

    /// Adds a gradient of one of this rank's shards. Those of other leaves than the model's
    /// parameters are dropped.
    pub fn add(&mut self, shard: usize, leaf: LeafId, gradient: Tensor) -> Result<()> {
        let Some(&number) = self.plan.by_id.get(&leaf) else {
            return Ok(());
        };
        self.found[shard][number] = true;
        self.add_to(number, shard, Some(gradient))
    }

    /// Ends one of this rank's shards, which has no other gradients.
    pub fn end_shard(&mut self, shard: usize) -> Result<()> {
        for number in 0..self.found[shard].len() {
            if !self.found[shard][number] {
                self.add_to(number, shard, None)?;
            }
        }
        Ok(())
    }

    fn add_to(&mut self, number: usize, shard: usize, gradient: Option<Tensor>) -> Result<()> {
        let Some(sum) = self.sums_of_shards[number].add(shard, gradient, add)? else {
            return Ok(());
        };
        self.completed.push(number);
        if self.ranks.count() == 1 {
            if let Some(sum) = sum {
                self.gradients.insert(&self.plan.leaves[number].id, sum);
            }
            return Ok(());
        }
        self.fill(number, sum)
    }

    /// Copies the sum over this rank's shards into its bucket, and begins the sums over the ranks
    /// of the buckets that are full. All ranks begin them in the same order.
    fn fill(&mut self, number: usize, sum: Option<Tensor>) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        let leaf = &plan.leaves[number];
        while self.filling.len() + self.sums.len() <= leaf.bucket {
            let bucket = &plan.buckets[self.filling.len() + self.sums.len()];
            self.filling.push(Filling {
                values: None,
                missing: bucket.leaves.len(),
            });
        }
        let filling = &mut self.filling[leaf.bucket - self.sums.len()];
        filling.missing -= 1;
        if let Some(sum) = sum {
            self.present[number] = true;
            let bucket = &plan.buckets[leaf.bucket];
            filling.values = Some(if bucket.leaves.len() == 1 {
                sum
            } else {
                let values = filling.values.take().map_or_else(|| bucket.zeros(), Ok)?;
                match leaf.dtype {
                    DType::F32 => filled::<f32>(values, leaf.offset, &sum)?,
                    _ => filled::<f64>(values, leaf.offset, &sum)?,
                }
            });
        }
        while self.filling.first().is_some_and(|first| first.missing == 0) {
            let values = self.filling.remove(0).values;
            let bucket = &plan.buckets[self.sums.len()];
            let values = values.map_or_else(|| bucket.zeros(), Ok)?;
            self.begun.get_or_insert_with(Instant::now);
            self.sums.push(self.ranks.sum(values));
        }
        Ok(())
    }

    /// Waits for the sums of all buckets, and returns the gradients of the parameters that have one
    /// on some rank.
    pub fn finish(mut self, present: &[bool]) -> Result<Gradients> {
        for (bucket, sums) in self.plan.buckets.iter().zip(self.sums) {
            let values = sums.wait()?;
            for &number in bucket.leaves.iter().filter(|&&number| present[number]) {
                let leaf = &self.plan.leaves[number];
                let gradient = match &bucket.leaves[..] {
                    [_] => values.clone(),
                    _ => values.flatten().narrow(0, leaf.offset, leaf.len())?,
                };
                let gradient = gradient.reshape(&leaf.shape[..])?;
                self.gradients.insert(&leaf.id, gradient);
            }
        }
        Ok(self.gradients)
    }
}

/// Returns the values of a bucket with a gradient copied to its place.
fn filled<T: Element>(mut values: Tensor, offset: usize, gradient: &Tensor) -> Result<Tensor> {
    gradient.copy_to(&mut values.as_mut_slice::<T>()?[offset..offset + gradient.len()])?;
    Ok(values)
}

/// Adds two gradients. One that is missing counts as 0, so that the bits are those of a sum of
/// vectors in which it is 0.
fn add(left: Option<Tensor>, right: Option<Tensor>) -> Result<Option<Tensor>> {
    Ok(match (left, right) {
        (None, None) => None,
        (Some(mut one), None) | (None, Some(mut one)) => {
            one.map_in_place(AddZero, [])?;
            Some(one)
        }
        (Some(mut left), Some(right)) => {
            left.map_in_place(Add, [&right])?;
            Some(left)
        }
    })
}

/// `x + y`
#[derive(Clone, Copy)]
struct Add;

impl Update<1, 1> for Add {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], [y]: [T; 1]) -> [T; 1] {
        [x + y]
    }
}

/// `x + 0`, which turns -0 into 0.
#[derive(Clone, Copy)]
struct AddZero;

impl Update<1, 0> for AddZero {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], []: [T; 0]) -> [T; 1] {
        [x + 0.0]
    }
}

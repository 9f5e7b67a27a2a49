//! The parameters of a model in the order in which their gradients are exchanged.

use crate::agreement::hash_of;
use crate::ranks::Ranks;
use cotangent_core::module::{LeafRef, Module, Param, Walk};
use cotangent_core::{DType, LeafId, Result, Tensor};
use std::collections::HashMap;
use std::sync::Arc;

/// The number of models whose plans are kept.
const MODELS: usize = 16;

/// The plans of the models that were trained last.
#[derive(Default)]
pub(crate) struct Plans(Vec<Kept>);

struct Kept {
    plan: Arc<Plan>,
    steps: u64,
}

/// The places of the gradients of a model's parameters.
pub(crate) struct Plan {
    /// The parameters that are trained, in declaration order.
    pub leaves: Vec<PlanLeaf>,
    pub by_id: HashMap<LeafId, usize>,
    pub buckets: Vec<Bucket>,
    /// Whether the buckets have the order in which gradients are complete.
    is_ordered: bool,
}

/// A parameter.
#[derive(Clone)]
pub(crate) struct PlanLeaf {
    pub id: LeafId,
    pub shape: Vec<usize>,
    pub dtype: DType,
    pub bucket: usize,
    pub offset: usize,
}

impl Bucket {
    /// Returns the values of a bucket without gradients.
    pub fn zeros(&self) -> Result<Tensor> {
        Tensor::zeros([self.len], self.dtype)
    }
}

impl PlanLeaf {
    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Gradients that are exchanged together.
pub(crate) struct Bucket {
    pub dtype: DType,
    /// The parameters, by their numbers.
    pub leaves: Vec<usize>,
    /// The number of elements.
    pub len: usize,
}

impl Plan {
    /// Fills buckets with parameters in the given order.
    fn new(leaves: &[PlanLeaf], order: &[usize], bucket_bytes: usize, is_ordered: bool) -> Self {
        let mut leaves = leaves.to_vec();
        let mut buckets: Vec<Bucket> = Vec::new();
        for &number in order {
            let leaf = &mut leaves[number];
            // A large gradient is exchanged from its own memory.
            let is_large = leaf.len() * leaf.dtype.size() >= bucket_bytes / 4;
            let fits = |bucket: &Bucket| {
                let bytes = bucket.len * leaf.dtype.size();
                bucket.dtype == leaf.dtype && !is_large && bytes < bucket_bytes / 4
            };
            if !buckets.last().is_some_and(fits) {
                buckets.push(Bucket {
                    dtype: leaf.dtype,
                    leaves: Vec::new(),
                    len: 0,
                });
            }
            leaf.bucket = buckets.len() - 1;
            let bucket = &mut buckets[leaf.bucket];
            leaf.offset = bucket.len;
            bucket.len += leaf.len();
            bucket.leaves.push(number);
        }
        let by_id = leaves.iter().enumerate();
        let by_id = by_id.map(|(number, leaf)| (leaf.id, number)).collect();
        Self {
            leaves,
            by_id,
            buckets,
            is_ordered,
        }
    }
}

impl Ranks {
    /// Returns the plan of a model, and checks now and then that all ranks have the same model.
    pub(crate) fn plan(&self, model: &(impl Module + ?Sized)) -> Result<Arc<Plan>> {
        let leaves = trained(model);
        let (plan, steps) = {
            let mut plans = self.plans();
            let same = |kept: &Kept| {
                kept.plan.leaves.len() == leaves.len()
                    && kept
                        .plan
                        .leaves
                        .iter()
                        .zip(&leaves)
                        .all(|(a, b)| a.id == b.id)
            };
            if let Some(kept) = plans.0.iter_mut().find(|kept| same(kept)) {
                kept.steps += 1;
                (Arc::clone(&kept.plan), kept.steps)
            } else {
                // Backward reaches the parameters that were used last first.
                let order: Vec<usize> = (0..leaves.len()).rev().collect();
                let plan = Arc::new(Plan::new(&leaves, &order, self.options.bucket_bytes, false));
                if plans.0.len() == MODELS {
                    plans.0.remove(0);
                }
                plans.0.push(Kept {
                    plan: Arc::clone(&plan),
                    steps: 0,
                });
                (plan, 0)
            }
        };
        let every = self.options.check_every;
        if steps == 0 || (every > 0 && steps.is_multiple_of(every)) {
            self.agree("the parameters", || fingerprint(model))?;
        }
        Ok(plan)
    }

    /// Replaces the order of the buckets of a plan by that in which rank 0 has completed the
    /// gradients.
    pub(crate) fn reorder(&self, plan: &Arc<Plan>, completed: &[usize]) -> Result<()> {
        if plan.is_ordered || self.count() == 1 {
            return Ok(());
        }
        let order = completed
            .iter()
            .flat_map(|&number| (number as u64).to_le_bytes());
        let order = self.from_first(order.collect())?;
        let order: Vec<usize> = order
            .chunks_exact(8)
            .map(|bytes| u64::from_le_bytes(bytes.first_chunk().copied().unwrap_or_default()))
            .map(|number| number as usize)
            .collect();
        let ordered = Arc::new(Plan::new(
            &plan.leaves,
            &order,
            self.options.bucket_bytes,
            true,
        ));
        let mut plans = self.plans();
        let kept = plans
            .0
            .iter_mut()
            .find(|kept| Arc::ptr_eq(&kept.plan, plan));
        if let Some(kept) = kept {
            kept.plan = ordered;
        }
        Ok(())
    }
}

/// Returns the parameters that are trained, each once.
fn trained(model: &(impl Module + ?Sized)) -> Vec<PlanLeaf> {
    let mut leaves = Vec::new();
    Walk::over(model, |_, leaf| {
        if let LeafRef::Param(param) = leaf
            && !param.is_frozen()
        {
            leaves.push(PlanLeaf {
                id: param.id(),
                shape: param.shape().to_vec(),
                dtype: param.value().dtype(),
                bucket: 0,
                offset: 0,
            });
        }
    });
    leaves
}

/// Describes each leaf of a model, with a hash of its value.
fn fingerprint(model: &(impl Module + ?Sized)) -> Vec<String> {
    let mut lines = Vec::new();
    Walk::over(model, |path, leaf| {
        lines.push(match leaf {
            LeafRef::Param(param) => format!("`{path}`: {}", describe_param(param)),
            LeafRef::Buffer(buffer) => format!("`{path}`: {}", describe(&buffer.value())),
            LeafRef::Counter(counter) => format!("`{path}`: {}", counter.get()),
            _ => format!("`{path}`"),
        });
    });
    lines
}

fn describe_param(param: &Param) -> String {
    let frozen = if param.is_frozen() { ", frozen" } else { "" };
    format!("{}{frozen}", describe(param.value()))
}

fn describe(value: &Tensor) -> String {
    let bits: Vec<u64> = match value.dtype() {
        DType::F32 => {
            let values = value.to_vec::<f32>().unwrap_or_default();
            values.into_iter().map(|x| u64::from(x.to_bits())).collect()
        }
        _ => value.to_f64_vec().into_iter().map(f64::to_bits).collect(),
    };
    let (dtype, shape, hash) = (value.dtype(), value.shape(), hash_of(&bits));
    format!("{dtype} {shape:?}, hash of the values {hash:016x}")
}

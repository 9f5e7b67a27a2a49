//! The steps of the usual task on several ranks.

use super::Supervised;
use crate::run::ShardedStep;
use crate::step::Step;
use cotangent_core::module::Module;
use cotangent_core::{Error, Gradients, Result, Tensor};
use cotangent_data::{Sample, Shards};

impl<M, B, F> Supervised<M, B, F>
where
    M: Module,
    B: Sample,
    F: FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
{
    /// Trains on a batch, or lets it wait for the last one of the step of the optimizer.
    pub(super) fn try_shards(
        &mut self,
        batch: &Shards<B>,
        step: &mut ShardedStep<'_>,
    ) -> Result<()> {
        let missing = match &self.accumulation {
            Some(accumulation) => accumulation.missing()?,
            None => 1,
        };
        self.waiting.push(batch.clone());
        if (self.waiting.len() as u64) < missing {
            step.wait();
            return Ok(());
        }
        self.step_on(step)
    }

    /// Trains on the batches that wait.
    pub(super) fn step_on(&mut self, step: &mut ShardedStep<'_>) -> Result<()> {
        let batches = std::mem::take(&mut self.waiting);
        let gradients = match self.shards_at_once {
            Some(compute) => compute(&self.model, &self.loss, &batches, step)?,
            None => step.gradients(&self.model, &batches, |model, shard, step| {
                let loss = (self.loss)(model, shard, step)?;
                step.record("loss", loss.item()?);
                Ok(loss)
            })?,
        };
        let samples = batches.iter().map(|batch| batch.rows as f64).sum();
        let updated = self.update_by(gradients, samples, step);
        updated.map_err(|error| {
            let loss = &mut self.loss;
            step.explain(error, &self.model, &batches, loss)
        })
    }

    /// Changes the weights by a step along the gradients of so many samples, and along those that
    /// one process has accumulated before the run was resumed on several.
    fn update_by(
        &mut self,
        mut gradients: Gradients,
        samples: f64,
        step: &mut ShardedStep<'_>,
    ) -> Result<()> {
        self.check(&mut gradients)?;
        if let Some(accumulation) = &mut self.accumulation
            && !accumulation.is_empty()
        {
            accumulation.push(&self.model, gradients, samples)?;
            gradients = accumulation.take(&self.model)?.unwrap_or_default();
        }
        self.update(gradients, |name, value| step.set(name, value))
    }
}

/// Returns an error if batches wait, which no state can have.
pub(super) fn expect_none(waiting: usize) -> Result<()> {
    if waiting == 0 {
        return Ok(());
    }
    let reason = format!(
        "{waiting} batches wait for their step of the optimizer: save the state after that step, \
         or after the epoch"
    );
    Err(Error::argument("Supervised::accumulate", reason))
}

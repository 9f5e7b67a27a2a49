//! Meters of the shards of a batch, added to those of an epoch.

use super::{Mean, Meters, Saved};
use cotangent_core::state::{StateDict, Stateful};
use cotangent_core::{Error, Result};

impl Meters {
    /// Adds the values and metrics that the shards of one batch have recorded, in their order.
    /// `states` has the states of all shards, `own` the meters of those of
    /// this rank, from which the types of the metrics are known.
    pub(crate) fn absorb(&mut self, states: &[StateDict], own: &[Self]) -> Result<()> {
        let mut means: Vec<(String, Mean)> = Vec::new();
        for state in states {
            let mut shard = Self::new();
            shard.load_state(state)?;
            for meter in shard.meters {
                let Some(mean) = meter.mean else {
                    self.set(&meter.name, meter.last);
                    continue;
                };
                match means.iter_mut().find(|(name, _)| *name == meter.name) {
                    Some((_, sum)) => {
                        sum.sum += mean.sum;
                        sum.weight += mean.weight;
                    }
                    None => means.push((meter.name, mean)),
                }
            }
            for metric in shard.metrics {
                let (name, state) = (metric.name(), metric.state()?);
                self.absorb_metric(&name, &state, own)
                    .map_err(|error| error.within(&name))?;
            }
        }
        for (name, batch) in means {
            let mean = self
                .meter(&name, batch.sum / batch.weight)
                .mean
                .get_or_insert_default();
            mean.sum += batch.sum;
            mean.weight += batch.weight;
        }
        Ok(())
    }

    fn absorb_metric(&mut self, name: &str, state: &StateDict, own: &[Self]) -> Result<()> {
        let mut typed = own.iter().flat_map(|meters| &meters.metrics);
        let mut typed = || typed.find(|metric| metric.name() == name);
        let Some(running) = self
            .metrics
            .iter_mut()
            .find(|running| running.name() == name)
        else {
            let typed = typed().ok_or_else(|| without_type(name))?;
            self.metrics.push(typed.with_state(state)?);
            return Ok(());
        };
        if let Some(saved) = running.as_any().downcast_mut::<Saved>() {
            let typed = typed().ok_or_else(|| without_type(name))?;
            *running = typed.with_state(&saved.state)?;
        }
        running.merge_state(state)
    }
}

/// Returns the error of a metric whose type is not known.
pub(super) fn without_type(name: &str) -> Error {
    let reason = format!(
        "the metric `{name}` needs a sample on each rank in the first batch: use larger batches"
    );
    Error::argument("Meters", reason)
}

//! Meters of the shards of a batch, added to those of an epoch.

use super::{Mean, Meters, Saved, metric_state};
use crate::metric::AnyMetric;
use cotangent_core::Result;
use cotangent_core::state::{StateDict, Stateful};
use cotangent_parallel::Ranks;

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
        let found = self.metrics.iter().position(|known| known.name() == name);
        let index = found.unwrap_or_else(|| {
            self.metrics.push(Box::new(Saved::new(name)));
            self.metrics.len() - 1
        });
        let running = &mut self.metrics[index];
        running.merge_state(state)?;
        let mut typed = own.iter().flat_map(|meters| &meters.metrics);
        if let Some(saved) = running.as_any().downcast_ref::<Saved>()
            && let Some(typed) = typed.find(|metric| metric.name() == name)
            && let Some((first, others)) = saved.states.split_first()
        {
            let mut metric = typed.with_state(first)?;
            for state in others {
                metric.merge_state(state)?;
            }
            *running = metric;
        }
        Ok(())
    }

    /// Gives the metrics to the ranks that have not had a sample yet, and so do not know the types.
    /// All ranks call it before the values are used.
    pub(crate) fn complete(&mut self, ranks: &Ranks) -> Result<()> {
        let is_unknown = |metric: &mut Box<dyn AnyMetric>| metric.as_any().is::<Saved>();
        let (unknown, known): (Vec<_>, Vec<_>) =
            (0..self.metrics.len()).partition(|&index| is_unknown(&mut self.metrics[index]));
        let all = ranks.gather(&[u8::from(!unknown.is_empty())])?;
        if !all.concat().contains(&1) {
            return Ok(());
        }
        let mut state = StateDict::new();
        for index in known {
            state.insert_part(&index.to_string(), metric_state(&*self.metrics[index])?);
        }
        for message in ranks.gather(&state.to_bytes()?)? {
            let state = StateDict::from_bytes(&message)?;
            for &index in &unknown {
                let part = state.part(&index.to_string());
                if !part.is_empty() {
                    self.metrics[index] = Box::new(Saved::load(&part)?);
                }
            }
        }
        Ok(())
    }
}

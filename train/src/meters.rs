//! Running means and metrics of an epoch.

use crate::metric::{AnyMetric, Metric, Table};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Result, Tensor};
use std::any::Any;
use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};

#[cfg(feature = "parallel")]
mod absorb;

/// The running means and metrics of an epoch, of training or of validation.
#[derive(Default)]
pub struct Meters {
    /// The number of batches.
    batches: u64,
    meters: Vec<Meter>,
    metrics: Vec<Box<dyn AnyMetric>>,
}

/// A recorded value.
#[derive(Debug)]
struct Meter {
    name: String,
    /// The batch of the last value.
    batch: u64,
    last: f64,
    /// None if the last value is reported instead of a mean.
    mean: Option<Mean>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Meters {
    /// Creates meters without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a batch. The [latest](Self::latest) values are those recorded after it.
    pub fn begin_batch(&mut self) {
        self.batches += 1;
    }

    /// Adds a value to the mean of this name, with a weight such as the number of samples.
    pub fn record(&mut self, name: &str, value: f64, weight: f64) {
        let mean = self.meter(name, value).mean.get_or_insert_default();
        mean.sum += value * weight;
        mean.weight += weight;
    }

    /// Sets a value that is not averaged, such as a learning rate: the last one is reported.
    pub fn set(&mut self, name: &str, value: f64) {
        self.meter(name, value).mean = None;
    }

    fn meter(&mut self, name: &str, value: f64) -> &mut Meter {
        let found = self.meters.iter().position(|meter| meter.name == name);
        let index = found.unwrap_or_else(|| {
            self.meters.push(Meter {
                name: name.to_owned(),
                batch: 0,
                last: value,
                mean: None,
            });
            self.meters.len() - 1
        });
        let meter = &mut self.meters[index];
        (meter.batch, meter.last) = (self.batches, value);
        meter
    }

    /// Adds a batch to the running metric that has the same name as `metric`. The first one given
    /// becomes the running metric.
    ///
    /// # Errors
    /// Those of [`Metric::update`]; [`Error::Argument`] if the running metric of this name has
    /// another type; [`Error::State`] if the state of a resumed run does not fit the metric.
    pub fn score<M: Metric>(
        &mut self,
        metric: M,
        outputs: &Tensor,
        targets: &M::Target,
    ) -> Result<()> {
        let name = metric.name();
        let found = self
            .metrics
            .iter()
            .position(|running| running.name() == name);
        let index = found.unwrap_or_else(|| {
            self.metrics.push(Box::new(Saved::new(&name)));
            self.metrics.len() - 1
        });
        let running = self.metrics[index].as_any();
        if let Some(running) = running.downcast_mut::<M>() {
            return running.update(outputs, targets);
        }
        let Some(saved) = running.downcast_mut::<Saved>() else {
            let reason = format!("two metrics of different types have the name `{name}`");
            return Err(Error::argument("Step::score", reason));
        };
        let mut metric = metric;
        let mut states = saved.states.iter();
        let loaded = states
            .next()
            .map_or(Ok(()), |first| metric.load_state(first));
        let merged = loaded.and_then(|()| {
            states.try_for_each(|state| {
                let mut other = metric.clone();
                other.load_state(state)?;
                metric.merge(&other)
            })
        });
        merged.map_err(|error| error.within(&name))?;
        metric.update(outputs, targets)?;
        self.metrics[index] = Box::new(metric);
        Ok(())
    }

    /// Returns the values that the last batch recorded.
    pub fn latest(&self) -> impl Iterator<Item = (&str, f64)> {
        let meters = self.meters.iter();
        meters
            .filter(|meter| meter.batch == self.batches)
            .map(|meter| (&*meter.name, meter.last))
    }

    /// Returns the means over all batches so far, the last of the values that are not averaged, and
    /// the values of the metrics.
    pub fn values(&self) -> Vec<(String, f64)> {
        let meters = self.meters.iter();
        let mut values: Vec<_> = meters
            .map(|meter| (meter.name.clone(), meter.value()))
            .collect();
        values.extend(self.metrics.iter().flat_map(|metric| metric.values()));
        values
    }

    /// Returns the mean, last value or metric of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        if let Some(meter) = self.meters.iter().find(|meter| meter.name == name) {
            return Some(meter.value());
        }
        let mut values = self.metrics.iter().flat_map(|metric| metric.values());
        values
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Returns the tables of the metrics that have one, with their names.
    pub fn tables(&self) -> Vec<(String, Table)> {
        let metrics = self.metrics.iter();
        metrics
            .filter_map(|metric| Some((metric.name().into_owned(), metric.table()?)))
            .collect()
    }
}

impl Meter {
    fn value(&self) -> f64 {
        self.mean.map_or(self.last, |mean| mean.sum / mean.weight)
    }
}

impl Debug for Meters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values()).finish()
    }
}

/// The entries are `batches`; of each value, in the order of the first records, `value.NUMBER.` and
/// `name.NAME` (the number of its last batch), `last`, `sum` and `weight`; of each metric
/// `metric.NUMBER.` and `name.NAME`, `value.NAME` of all its values, its state as `state.ENTRY`,
/// and states that are to be merged into it as `other.NUMBER.ENTRY`.
impl Stateful for Meters {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        state.insert("batches", Entry::Count(self.batches));
        for (number, meter) in self.meters.iter().enumerate() {
            let mut part = StateDict::new();
            part.insert(&format!("name.{}", meter.name), Entry::Count(meter.batch));
            part.insert_number("last", meter.last);
            if let Some(mean) = meter.mean {
                part.insert_number("sum", mean.sum);
                part.insert_number("weight", mean.weight);
            }
            state.insert_part(&format!("value.{number}"), part);
        }
        for (number, metric) in self.metrics.iter().enumerate() {
            state.insert_part(&format!("metric.{number}"), metric_state(&**metric)?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let mut loaded = Self {
            batches: state.count("batches")?,
            ..Self::default()
        };
        for part in numbered(state, "value") {
            let (name, batch) = name_of(&part)?;
            let mean = part.get("sum").is_some().then(|| -> Result<Mean> {
                Ok(Mean {
                    sum: part.number("sum")?,
                    weight: part.number("weight")?,
                })
            });
            loaded.meters.push(Meter {
                name,
                batch,
                last: part.number("last")?,
                mean: mean.transpose()?,
            });
        }
        for part in numbered(state, "metric") {
            loaded.metrics.push(Box::new(Saved::load(&part)?));
        }
        let again = loaded.state()?;
        if let Some((name, _)) = state.iter().find(|(name, _)| again.get(name).is_none()) {
            let reason = format!("`{name}`: not expected in the state of a run");
            return Err(Error::state("", vec![reason]));
        }
        *self = loaded;
        Ok(())
    }
}

/// Returns the state of a metric with its name and its values.
fn metric_state(metric: &dyn AnyMetric) -> Result<StateDict> {
    let mut part = StateDict::new();
    part.insert(&format!("name.{}", metric.name()), Entry::Count(0));
    for (number, (name, value)) in metric.values().into_iter().enumerate() {
        part.insert_number(&format!("value.{number}.{name}"), value);
    }
    part.insert_part("state", metric.state()?);
    for (number, state) in metric.others().iter().enumerate() {
        part.insert_part(&format!("other.{number}"), state.clone());
    }
    Ok(part)
}

/// A metric whose type is not known yet: it was loaded and not updated since, or other ranks have
/// scored it.
struct Saved {
    name: String,
    values: Vec<(String, f64)>,
    /// The states that are merged in this order when the type is known.
    states: Vec<StateDict>,
}

impl Saved {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            values: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Reads what [`metric_state`] returns.
    fn load(part: &StateDict) -> Result<Self> {
        let (name, _) = name_of(part)?;
        let mut values = Vec::new();
        for value in numbered(part, "value") {
            for (name, _) in value.iter() {
                values.push((name.to_owned(), value.number(name)?));
            }
        }
        let mut states = vec![part.part("state")];
        states.extend(numbered(part, "other"));
        Ok(Self {
            name,
            values,
            states,
        })
    }
}

impl AnyMetric for Saved {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
    #[cfg(feature = "parallel")]
    fn merge_state(&mut self, state: &StateDict) -> Result<()> {
        self.states.push(state.clone());
        Ok(())
    }
    #[cfg(feature = "parallel")]
    fn with_state(&self, state: &StateDict) -> Result<Box<dyn AnyMetric>> {
        Ok(Box::new(Self {
            states: vec![state.clone()],
            ..Self::new(&self.name)
        }))
    }
    fn name(&self) -> Cow<'static, str> {
        self.name.clone().into()
    }
    fn values(&self) -> Vec<(String, f64)> {
        self.values.clone()
    }
    fn table(&self) -> Option<Table> {
        None
    }
    fn state(&self) -> Result<StateDict> {
        Ok(self.states.first().cloned().unwrap_or_default())
    }
    fn others(&self) -> &[StateDict] {
        self.states.get(1..).unwrap_or_default()
    }
}

/// Returns the parts `prefix.0`, `prefix.1` and so on, as far as there are any.
pub(crate) fn numbered(state: &StateDict, prefix: &str) -> Vec<StateDict> {
    let parts = (0..).map(|number: usize| state.part(&format!("{prefix}.{number}")));
    parts.take_while(|part| !part.is_empty()).collect()
}

/// Returns the name in the entry `name.NAME`, and its count.
pub(crate) fn name_of(part: &StateDict) -> Result<(String, u64)> {
    let names = part.part("name");
    let Some((name, _)) = names.iter().next() else {
        return Err(Error::state("", vec!["`name`: missing".to_owned()]));
    };
    Ok((name.to_owned(), names.count(name)?))
}

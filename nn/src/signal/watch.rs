//! Observes a model: for one batch, or for every k-th step of its training.

use super::findings::Thresholds;
use super::inside::inside;
use super::measured::{Measured, merge, module_of};
use super::record::Record;
use super::report::{RUNNING_MEAN, Report, parameter};
use super::shard::{OfShard, Shard};
use super::statistics::{Merge, saturated_share};
use cotangent_core::module::{Buffer, Module, Param, Pass};
use cotangent_core::{
    Backward, Error, Forward, Gradients, Leaf, LeafId, ModuleExt, Observer, OpKind, Result, Tensor,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Returns the signal report of a model for one batch: a training pass forward to the loss that the
/// closure computes, and backward. The model does not change, and running statistics do not move.
/// The loss may be infinite or NaN: then the finding is where this begins.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let mut net = Sequential::new();
/// for _ in 0..6 {
///     let weights = Linear::builder(20, 20).weight(init::normal(4.0));
///     net = net.push(weights.build(&mut rng)?).push(Sigmoid);
/// }
/// let net = net.push(Linear::new(20, 3, &mut rng)?);
/// let x = Tensor::normal([30, 20], 0.0, 1.0, DType::F32, &mut rng)?;
/// let labels = Indices::from(vec![0, 1, 2].repeat(10));
///
/// let report = signal::inspect(&net, |net, pass| net.forward(&x, pass)?.cross_entropy(&labels))?;
/// assert_eq!(report.verdict(), signal::Verdict::Saturated);
/// println!("{report}");
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// Returns the errors of the closure and of backward, and [`Error::Argument`] if no parameter of
/// the model takes part in the loss.
pub fn inspect<M: Module + ?Sized>(
    net: &M,
    loss: impl FnOnce(&M, &Pass) -> Result<Tensor>,
) -> Result<Report> {
    let signal = Signal::of(net);
    let pass = Pass::train(0).hold_statistics().observed(signal.clone());
    let loss = loss(net, &pass).map_err(|error| error.placed_in(net))?;
    // An infinite or NaN loss is what the report is to explain.
    Backward::new().allow_nonfinite().run(&loss)?;
    signal.take_report(net, false, |own, _| Ok(own))
}

/// Observes a model while it trains, on every k-th step. Attach it to the pass with
/// [`Pass::observed`], and call [`step`](Self::step) after each step of the optimizer.
///
/// Unobserved steps cost nothing. Observed steps give the same gradients bit for bit, but they keep
/// all activations until their end.
///
/// If the loss is infinite or NaN, `backward` is an error and there is no report of the step. Call
/// [`inspect`] on the same batch: it finds the layer.
///
/// If a batch is computed in shards ([`Pass::for_shard`]), the measurements of each are added to
/// those of the others: a report is of the whole batch, also if several processes have shards of it
/// ([`step_on`](Self::step_on)), and of all batches whose gradients are computed together.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let mut net = Linear::new(4, 3, &mut rng)?;
/// let mut optimizer = Sgd::new(0.1).build()?;
/// let x = Tensor::normal([6, 4], 0.0, 1.0, DType::F32, &mut rng)?;
/// let labels = Indices::from([0, 1, 2, 0, 1, 2]);
///
/// let signal = signal::Signal::of(&net).every(10);
/// let pass = Pass::train(0).observed(signal.clone());
/// let mut reports = Vec::new();
/// for _ in 0..20 {
///     let grads = net.forward(&x, &pass)?.cross_entropy(&labels)?.backward()?;
///     optimizer.step(&mut net, grads)?;
///     reports.extend(signal.step(&net)?);
/// }
/// assert_eq!(reports.iter().map(|report| report.step).collect::<Vec<_>>(), [0, 10]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone)]
pub struct Signal {
    pub(super) shared: Arc<Shared>,
    every: u64,
    thresholds: Thresholds,
}

pub(super) struct Shared {
    pub paths: BTreeMap<LeafId, String>,
    /// The paths of the modules with running statistics.
    pub running: BTreeSet<String>,
    /// The record of what runs under passes that are not of a shard.
    record: Mutex<Record>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    step: u64,
    shards: BTreeMap<u64, Arc<Shard>>,
    /// The parameters that the shards have read, before the step.
    pub values: BTreeMap<LeafId, Tensor>,
    /// The gradients of the batch after its shards have ended, and the factor by which those that
    /// the shards saw are gradients of the whole batch.
    summed: Option<(Gradients, f64)>,
}

impl Signal {
    /// Creates an observer of the parameters of `net`, for every step.
    ///
    /// A clone is another handle on the same observer. A cloned model, or one converted to another
    /// dtype, has other parameters and needs its own observer.
    pub fn of(net: &(impl Module + ?Sized)) -> Self {
        Self::of_leaves(net.named_params(), &net.named_buffers())
    }

    fn of_leaves(params: Vec<(String, &Param)>, buffers: &[(String, &Buffer)]) -> Self {
        let params = params.into_iter();
        let paths = params.filter_map(|(path, param)| Some((param.leaf_id()?, path)));
        let modules = buffers
            .iter()
            .filter_map(|(path, _)| path.strip_suffix(RUNNING_MEAN));
        let modules = modules.map(|module| module.strip_suffix('.').unwrap_or(module).to_owned());
        let shared = Shared {
            paths: paths.collect(),
            running: modules.collect(),
            record: Mutex::default(),
            state: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            every: 1,
            thresholds: Thresholds::default(),
        }
    }

    /// Observes only every `steps`-th step, starting with the first. 0 observes only the first one.
    #[must_use]
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps;
        self
    }

    /// Replaces the default thresholds.
    #[must_use]
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Ends a training step, after the optimizer's step. Returns the report of the step if it was
    /// observed.
    ///
    /// If a step has several backward passes, as with accumulated gradients, the report covers the
    /// last one and the forward passes between it and the one before.
    ///
    /// # Errors
    /// [`Error::Argument`] if the step was to be observed and no backward pass went through the
    /// model's parameters. Most often the pass is not [observed](Pass::observed) by this observer,
    /// or the model was cloned or converted since.
    pub fn step(&self, net: &(impl Module + ?Sized)) -> Result<Option<Report>> {
        self.step_on(net, |own, _| Ok(own))
    }

    /// Does the same as [`step`](Self::step) if other processes have the other shards of the batch.
    /// All of them call it, and get the same report, of the whole batch. It has the same bits for
    /// any number of processes, and its counts and extremes are those of one process that computes
    /// the batch at once; other statistics are the same to rounding.
    ///
    /// `combine` gets the measurements of this process, and a function that adds those of later
    /// shards to those of earlier ones. It returns the sum over all processes. That is
    /// `Ranks::combine` of `cotangent::parallel`:
    ///
    /// ```
    /// use cotangent::data::Shards;
    /// use cotangent::nn::signal::Signal;
    /// use cotangent::parallel::Ranks;
    /// use cotangent::prelude::*;
    ///
    /// let data = (Tensor::ones([8, 4], DType::F32)?, Indices::from(vec![0, 1].repeat(4)));
    /// let reports = Ranks::builder().shards(4).threads(2, |ranks| {
    ///     let mut net = Mlp::builder([4, 8, 2]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    ///     let mut optimizer = Sgd::new(0.1).build()?;
    ///     let signal = Signal::of(&net);
    ///     let pass = Pass::train(1).observed(signal.clone());
    ///     let batch = Shards::split(&data, ranks.own_shards(), ranks.shards())?;
    ///     let summed = ranks.gradients(&net, &batch, &pass, |net, (x, labels), pass| {
    ///         net.forward(x, pass)?.cross_entropy(labels)
    ///     })?;
    ///     optimizer.step(&mut net, summed.gradients)?;
    ///     let report = signal.step_on(&net, |own, add| ranks.combine(own, add))?;
    ///     Ok(report.map(|report| report.to_json()))
    /// })?;
    /// assert!(reports[0].is_some() && reports[0] == reports[1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`step`](Self::step), if no shard of any process had a backward pass, and those of
    /// `combine`; [`Error::Argument`] if its result is no sum of measurements.
    pub fn step_on(
        &self,
        net: &(impl Module + ?Sized),
        combine: impl FnOnce(Vec<u8>, fn(&[u8], &[u8]) -> Result<Vec<u8>>) -> Result<Vec<u8>>,
    ) -> Result<Option<Report>> {
        let watched = self.is_active();
        let report = watched.then(|| self.take_report(net, true, combine));
        self.state().step += 1;
        report.transpose()
    }

    fn take_report(
        &self,
        net: &(impl Module + ?Sized),
        stepped: bool,
        combine: impl FnOnce(Vec<u8>, fn(&[u8], &[u8]) -> Result<Vec<u8>>) -> Result<Vec<u8>>,
    ) -> Result<Report> {
        let (own, step, factor) = self.take_measured(net.named_params(), stepped);
        let measured = Measured::from_bytes(&combine(own.to_bytes(), merge)?)?;
        if !measured.backward {
            let reason = "no backward pass went through the parameters of this model under a pass \
                          observed by this `Signal` (`Pass::observed`)";
            return Err(Error::argument("signal", reason));
        }
        Ok(Report::of(step, &measured, net, factor, &self.thresholds))
    }

    /// Takes what this process has measured, with the step, and the factor of the gradients.
    fn take_measured(&self, params: Vec<(String, &Param)>, stepped: bool) -> (Measured, u64, f64) {
        let record = std::mem::take(&mut *lock(&self.shared.record));
        for shard in self.state().shards.clone().into_values() {
            self.measure(&shard);
        }
        let mut state = self.state();
        let step = state.step;
        let mut values = std::mem::take(&mut state.values);
        let shards = std::mem::take(&mut state.shards);
        let summed = state.summed.take();
        drop(state);

        let mut own = Measured::of(&record, &self.shared.paths, &self.shared.running);
        let shards = shards.into_iter().filter_map(|(number, shard)| {
            let measured = lock(&shard.measured).take()?;
            Some((number, measured))
        });
        own.merge(Measured::sum(shards.collect()));
        values.extend(record.values);
        let params: BTreeMap<String, &Param> = params.into_iter().collect();
        for (id, before) in &values {
            if let Some(path) = self.shared.paths.get(id) {
                let after = params.get(path).filter(|_| stepped);
                let after = after.map(|param| param.value());
                let sum = summed.as_ref().and_then(|(sums, _)| sums.get(id));
                let gradient = sum.or(record.gradients.get(id));
                let found = parameter(path, before, after, gradient);
                own.parameters.insert(path.clone(), found);
            }
        }
        (own, step, summed.map_or(1.0, |(_, factor)| factor))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// Records the result of an operation.
    pub(super) fn computes(&self, record: &Mutex<Record>, step: &Forward<'_>) {
        let module_of = |leaf| module_of(&self.shared.paths, leaf);
        let Some(row) = lock(record).forward(step, module_of) else {
            return;
        };
        // Computed without a lock: while a thread waits for others in a parallel region, it may run
        // a task that locks the record too.
        let limit = self.thresholds.derivative;
        match step.kind() {
            OpKind::Recurrence | OpKind::Attention => {
                let inside = inside(step, limit);
                lock(record).set_inside(row, inside);
            }
            _ => {
                if let Ok(Some(derivative)) = step.derivative() {
                    let share = saturated_share(&step.output(), &derivative, limit);
                    lock(record).set_saturation(row, step.id(), share);
                }
            }
        }
    }
}

/// Locks a part of the state. A lock is never held across a parallel region.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere may have cut a record short, but it is still valid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for Signal {
    fn is_active(&self) -> bool {
        let step = self.state().step;
        step.checked_rem(self.every).unwrap_or(step) == 0
    }

    fn sees_frozen(&self) -> bool {
        true
    }

    fn read(&self, leaf: LeafId, value: &Tensor) {
        if self.shared.paths.contains_key(&leaf) {
            let mut record = lock(&self.shared.record);
            if record.backward {
                *record = Record::default();
            }
            record.read(leaf, value);
        }
    }

    fn forward(&self, step: &Forward<'_>) {
        self.computes(&self.shared.record, step);
    }

    fn gradient(&self, of: LeafId, gradient: &Tensor) {
        lock(&self.shared.record).gradient(of, gradient);
    }

    fn for_shard(&self, number: u64) -> Option<Arc<dyn Observer>> {
        if !self.is_active() {
            return None;
        }
        let mut state = self.state();
        if state.summed.take().is_some() {
            // Another batch of the same step begins.
            state.shards.clear();
        }
        let shard = Arc::<Shard>::default();
        state.shards.insert(number, Arc::clone(&shard));
        let signal = self.clone();
        Some(Arc::new(OfShard { signal, shard }))
    }

    fn summed(&self, gradients: &Gradients, factor: f64) {
        self.state().summed = Some((gradients.clone(), factor));
    }
}

impl std::fmt::Debug for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parameters = self.shared.paths.len();
        write!(
            f,
            "Signal of {parameters} parameters, every {} steps",
            self.every
        )
    }
}

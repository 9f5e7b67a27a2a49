//! Observes a model: for one batch, or for every k-th step of its training.

use super::findings::Thresholds;
use super::record::{Inside, Record, Steps};
use super::report::Report;
use super::statistics::{rms, saturated_share};
use cotangent_core::module::{Module, Pass};
use cotangent_core::{
    Backward, Error, Forward, Leaf, LeafId, ModuleExt, Observer, OpKind, Result, Tensor,
};
use std::collections::BTreeMap;
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
    signal.take_report(net, false)
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
    shared: Arc<Shared>,
    every: u64,
    thresholds: Thresholds,
}

struct Shared {
    paths: BTreeMap<LeafId, String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    step: u64,
    record: Record,
}

impl Signal {
    /// Creates an observer of the parameters of `net`, for every step.
    ///
    /// A clone is another handle on the same observer. A cloned model, or one converted to another
    /// dtype, has other parameters and needs its own observer.
    pub fn of(net: &(impl Module + ?Sized)) -> Self {
        let params = net.named_params().into_iter();
        let paths = params.filter_map(|(path, param)| Some((param.leaf_id()?, path)));
        let shared = Shared {
            paths: paths.collect(),
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
        let watched = self.is_active();
        let report = watched.then(|| self.take_report(net, true));
        self.lock().step += 1;
        report.transpose()
    }

    fn take_report(&self, net: &(impl Module + ?Sized), stepped: bool) -> Result<Report> {
        let (step, record) = {
            let mut state = self.lock();
            (state.step, std::mem::take(&mut state.record))
        };
        if !record.backward {
            let reason = "no backward pass went through the parameters of this model under a pass \
                          observed by this `Signal` (`Pass::observed`)";
            return Err(Error::argument("signal", reason));
        }
        Ok(Report::of(
            step,
            &record,
            net,
            &self.shared.paths,
            stepped,
            &self.thresholds,
        ))
    }

    /// Locks the state. The lock is never held across a parallel region.
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere may have cut the record short, but it is still valid.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Signal {
    fn is_active(&self) -> bool {
        let step = self.lock().step;
        step.checked_rem(self.every).unwrap_or(step) == 0
    }

    fn sees_frozen(&self) -> bool {
        true
    }

    fn read(&self, leaf: LeafId, value: &Tensor) {
        if self.shared.paths.contains_key(&leaf) {
            let record = &mut self.lock().record;
            if record.backward {
                *record = Record::default();
            }
            record.read(leaf, value);
        }
    }

    fn forward(&self, step: &Forward<'_>) {
        let module_of = |leaf| super::report::module_of(&self.shared.paths, leaf);
        let Some(row) = self.lock().record.forward(step, module_of) else {
            return;
        };
        // Computed without a lock: while a thread waits for others in a parallel region, it may run
        // a task that locks the state too.
        let limit = self.thresholds.derivative;
        match step.kind() {
            OpKind::Recurrence | OpKind::Attention => {
                let inside = inside(step, limit);
                self.lock().record.set_inside(row, inside);
            }
            _ => {
                if let Ok(Some(derivative)) = step.derivative() {
                    let share = saturated_share(&step.output(), &derivative, limit);
                    self.lock().record.set_saturation(row, step.id(), share);
                }
            }
        }
    }

    fn gradient(&self, of: LeafId, gradient: &Tensor) {
        self.lock().record.gradient(of, gradient);
    }
}

/// Measures the values inside a recurrent layer or attention. `limit` is the derivative below which
/// an activation is saturated.
fn inside(step: &Forward<'_>, limit: f64) -> Inside {
    let mut inside = Inside::default();
    if let Some([values, slopes]) = step.inner_activations()
        && !values.is_empty()
    {
        inside.saturated = Some(saturated_share(&values, &slopes, limit));
        if step.kind() == OpKind::Attention {
            inside.largest_weight = values.mean().item().ok();
        }
    }
    if step.kind() == OpKind::Recurrence {
        inside.steps = steps(step);
    }
    inside
}

/// Measures how the size of a gradient changes per step on its way back through a recurrent layer:
/// that of the gradient of the input, from a gradient of ±1 at the last step. Returns `None` for
/// fewer than three steps.
fn steps(step: &Forward<'_>) -> Option<Steps> {
    let (output, (_, input)) = (step.output(), step.operands().next()?);
    let time = *input.shape().first()?;
    if time < 3 || output.is_empty() {
        return None;
    }
    // The states of all steps, then or only the last ones. That of the last step is the one of the
    // longest sequences.
    let results = output.shape()[0];
    let last = if results < time { 0 } else { time - 1 };
    let len = output.len() / results;
    let places = last * len..(last + 1) * len;
    // Signs without a pattern: multiples of the golden ratio.
    let sign = |i: usize| {
        if (i as f64 * 0.618_033_988_749_895).fract() < 0.5 {
            1.0
        } else {
            -1.0
        }
    };
    let cotangent = (0..output.len()).map(|i| if places.contains(&i) { sign(i) } else { 0.0 });
    let cotangent = Tensor::from(&cotangent.collect::<Vec<f64>>()[..]);
    let cotangent = cotangent
        .to_dtype(output.dtype())
        .reshape(output.shape())
        .ok()?;
    let gradient = step.vjp(cotangent, 0).ok()??;
    let sizes: Vec<f64> = gradient.split(0, 1).ok()?.iter().map(rms).collect();
    // Over the last steps, as far as the sizes are numbers other than 0.
    let is_number = |size: &&f64| size.is_finite() && **size > 0.0;
    let count = sizes.iter().rev().take_while(is_number).count();
    let ratio = sizes.get(time.checked_sub(count)?)? / sizes.last()?;
    (count > 1).then(|| Steps {
        result: step.id(),
        time,
        factor: ratio.powf(1.0 / (count - 1) as f64),
    })
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

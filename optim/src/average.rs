//! Averages of a model's weights over training.

use crate::settings::fraction;
use crate::state::Mismatches;
use cotangent_core::Result;
use cotangent_core::kernel::{Real, Step};
use cotangent_core::module::{LeafMut, LeafRef, Module, Part, Walk, WalkMut, ZeroRows, step};
use cotangent_core::state::{Entry, StateDict, Stateful};
use std::collections::BTreeMap;

/// A copy of a model whose parameters are averages over training. The average is exponential
/// (Polyak, Juditsky 1992, Acceleration of Stochastic Approximation by Averaging), or has equal
/// weights (Izmailov, Podoprikhin, Garipov, Vetrov, Wilson 2018, Averaging Weights Leads to Wider
/// Optima and Better Generalization).
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Optimizer, Sgd, WeightAverage};
/// let mut w = Param::new(&Tensor::from(8.0f32));
/// let mut optimizer = Sgd::new(1.0).build()?;
/// let mut average = WeightAverage::exponential(&w, 0.75)?;
/// for _ in 0..2 {
///     let grads = w.read(&Pass::train(0)).sum().backward()?;
///     optimizer.step(&mut w, grads)?;
///     average.update(&w)?;
/// }
/// // The first update copies the weights: 7, then 0.75 · 7 + 0.25 · 6.
/// assert_eq!(average.model().value().item()?, 6.75);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// Buffers and counters, such as running statistics, are copies of the model's at the last update,
/// as in PyTorch's `AveragedModel`. `cotangent::nn::recalibrate` computes statistics that fit the
/// averaged weights.
///
/// The models of two updates may differ, if they have the same leaves: the average of several
/// trained models is one model.
#[derive(Clone, Debug)]
pub struct WeightAverage<M> {
    model: M,
    /// None for equal weights.
    decay: Option<f64>,
    updates: u64,
}

/// Computes `from + share (to - from)`. If the distance overflows, it weights the two instead,
/// whose mean is in the range of the dtype.
#[inline(always)]
pub(crate) fn toward<T: Real>(from: T, to: T, share: f64) -> T {
    if share == 1.0 {
        return to;
    }
    let distance = to - from;
    T::select(
        distance.abs().lt(distance.constant(f64::INFINITY)),
        from + distance * share,
        from * (1.0 - share) + to * share,
    )
}

/// The formula `average += share (w - average)`.
#[derive(Clone, Copy)]
struct MoveTo {
    share: f64,
}

impl Step<0> for MoveTo {
    #[inline(always)]
    fn apply<T: Real>(self, average: T, w: T, []: [T; 0]) -> (T, [T; 0]) {
        (toward(average, w, self.share), [])
    }
}

impl<M: Module + Clone> WeightAverage<M> {
    /// Creates an exponential average: each update sets
    /// `average := decay · average + (1 - decay) · w`, with the decay in `[0, 1)` (0.999 is usual).
    /// The first update copies the weights.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if the decay is out of range.
    pub fn exponential(model: &M, decay: f64) -> Result<Self> {
        fraction("the decay", decay)?;
        Ok(Self {
            model: model.clone(),
            decay: Some(decay),
            updates: 0,
        })
    }

    /// Creates an average with equal weights: the mean of the weights at all updates.
    pub fn equal(model: &M) -> Self {
        Self {
            model: model.clone(),
            decay: None,
            updates: 0,
        }
    }

    /// Adds the current weights of the model to the average.
    ///
    /// # Errors
    /// [`Error::State`](cotangent_core::Error::State) if the model has other leaves than the
    /// average, [`Error::Shape`](cotangent_core::Error::Shape) or
    /// [`Error::DType`](cotangent_core::Error::DType) if a parameter has another shape or dtype.
    /// Nothing has changed then.
    pub fn update(&mut self, model: &M) -> Result<()> {
        let share = match self.decay {
            _ if self.updates == 0 => 1.0,
            Some(decay) => 1.0 - decay,
            None => 1.0 / (self.updates as f64 + 1.0),
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        WalkMut::over(&mut self.model, |path, leaf| {
            ours.push((path.to_owned(), leaf));
        });
        Walk::over(model, |path, leaf| theirs.push((path.to_owned(), leaf)));
        move_to(share, ours, theirs)?;
        self.updates += 1;
        Ok(())
    }
}

/// Moves the leaves of an average by a share of their distance to those of a model.
fn move_to(
    share: f64,
    ours: Vec<(String, LeafMut<'_>)>,
    theirs: Vec<(String, LeafRef<'_>)>,
) -> Result<()> {
    let mut leaves: BTreeMap<_, _> = theirs.into_iter().collect();
    let (mut params, mut others) = (Vec::new(), Vec::new());
    let mut wrong = Mismatches::default();
    for (path, ours) in ours {
        match (ours, leaves.remove(&path)) {
            (LeafMut::Param(ours), Some(LeafRef::Param(theirs))) => params.push((ours, theirs)),
            (LeafMut::Buffer(ours), Some(LeafRef::Buffer(theirs))) => {
                let (ours_value, value) = (ours.value(), theirs.value());
                if (ours_value.shape(), ours_value.dtype()) != (value.shape(), value.dtype()) {
                    wrong.add(format!("`{path}`: the buffer has another shape or dtype"));
                }
                others.push((LeafMut::Buffer(ours), LeafRef::Buffer(theirs)));
            }
            (LeafMut::Counter(ours), Some(LeafRef::Counter(theirs))) => {
                others.push((LeafMut::Counter(ours), LeafRef::Counter(theirs)));
            }
            _ => wrong.add(format!(
                "`{path}`: the average has this leaf, the model does not"
            )),
        }
    }
    for path in leaves.keys() {
        wrong.add(format!(
            "`{path}`: the model has this leaf, the average does not"
        ));
    }
    wrong.finish()?;
    let mut parts: Vec<_> = params
        .into_iter()
        .map(|(param, theirs)| Part {
            param,
            gradient: theirs.value(),
            state: [],
            step: MoveTo { share },
            zero_rows: ZeroRows::Change,
        })
        .collect();
    step(&mut parts)?;
    for pair in others {
        match pair {
            (LeafMut::Buffer(ours), LeafRef::Buffer(theirs)) => ours.set(&theirs.value())?,
            (LeafMut::Counter(ours), LeafRef::Counter(theirs)) => ours.set(theirs.get()),
            _ => {}
        }
    }
    Ok(())
}

impl<M> WeightAverage<M> {
    /// Returns the model with the averaged weights, to predict or to save.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Returns the number of updates.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

/// The entries are the averaged model under `model.`, and `updates`.
impl<M: Module> Stateful for WeightAverage<M> {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        all.insert_part("model", self.model.state()?);
        all.insert("updates", Entry::Count(self.updates));
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let mut wrong = Mismatches::default();
        let updates = wrong.take(state.count("updates")).unwrap_or_default();
        wrong.only(state, |name| {
            name == "updates" || name.starts_with("model.")
        });
        wrong.finish()?;
        self.model.load_state(&state.part("model"))?;
        self.updates = updates;
        Ok(())
    }
}

//! How a model is run: training or inference, and the randomness of this run.

use super::stateful::{Entry, StateDict, Stateful, mismatch};
use super::walk::Module;
use crate::autograd::{Both, Leaf, Monitor, Observer, Tensor};
use crate::error::Result;
use chacha20::ChaCha8Rng;
use rand::SeedableRng;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What every `forward` is told: whether the model trains or predicts, whether to record a graph,
/// whether running statistics move, and where random numbers come from.
///
/// There is no global or thread-local mode. With a fresh pass of the same seed and held statistics
/// `forward` is a pure function.
///
/// ```
/// use cotangent_core::module::Pass;
/// let pass = Pass::train(42);
/// assert!(pass.is_training() && pass.records());
/// let pass = Pass::inference();
/// assert!(!pass.is_training() && !pass.records());
/// ```
pub struct Pass {
    training: bool,
    records: bool,
    moves_statistics: bool,
    seed: u64,
    draws: AtomicU64,
    observer: Option<Arc<dyn Observer>>,
    carried: Option<Arc<dyn Any + Send + Sync>>,
}

impl Pass {
    /// A training pass: dropout drops, batch normalization uses the batch's statistics and moves
    /// its running ones, the graph is recorded.
    ///
    /// One pass may serve a whole training run: each random layer takes the next draw of the
    /// sequence that the seed starts.
    pub fn train(seed: u64) -> Self {
        Self {
            training: true,
            records: true,
            moves_statistics: true,
            seed,
            draws: AtomicU64::new(0),
            observer: None,
            carried: None,
        }
    }

    /// An inference pass: nothing is random, nothing moves, no graph is built.
    pub fn inference() -> Self {
        Self {
            training: false,
            records: false,
            moves_statistics: false,
            seed: 0,
            draws: AtomicU64::new(0),
            observer: None,
            carried: None,
        }
    }

    /// The same with running statistics held still.
    #[must_use]
    pub fn hold_statistics(mut self) -> Self {
        self.moves_statistics = false;
        self
    }

    /// The same recording a graph or not: parameters are read tracked or untracked. An inference
    /// pass that records gives the gradients of a model that predicts.
    #[must_use]
    pub fn record(mut self, records: bool) -> Self {
        self.records = records;
        self
    }

    /// The same continuing after `draws` random layers, as [`draws`](Self::draws) counted them: to
    /// resume a run.
    #[must_use]
    pub fn resume_at(self, draws: u64) -> Self {
        Self {
            draws: AtomicU64::new(draws),
            ..self
        }
    }

    /// The same, watching for values that are not finite: the first one, in a parameter of `module`,
    /// in what is computed from its parameters under this pass, or in the gradients on the way back,
    /// is an error that names the operation, the element, and the parameter that is nearest to it
    /// upstream. [`Tensor::backward`] returns it, and [`check`](Self::check) does without a backward
    /// pass.
    ///
    /// Every result is scanned: this is for finding a fault, not for training. An infinity that is
    /// meant, such as the fill value of a mask, is reported like any other.
    ///
    /// ```
    /// use cotangent_core::module::{Param, Pass};
    /// use cotangent_core::Tensor;
    /// let weight = Param::new(&Tensor::from([0.0f32, 1.0]));
    /// let pass = Pass::train(0).checked(&weight);
    /// let loss = weight.read(&pass).ln().sum();
    /// let error = loss.backward().unwrap_err().to_string();
    /// assert!(error.contains("ln: element [0] of the output is not finite (-inf)"), "{error}");
    /// ```
    #[must_use]
    pub fn checked(self, module: &(impl Module + ?Sized)) -> Self {
        let params = module.named_params().into_iter();
        let names = params.filter_map(|(path, param)| Some((param.leaf_id()?, path)));
        self.observed(Monitor::new(names.collect()))
    }

    /// The same, watched by `observer`, and by those that watch it already.
    #[must_use]
    pub fn observed(self, observer: impl Observer) -> Self {
        let observer: Arc<dyn Observer> = match self.observer {
            Some(earlier) => Arc::new(Both(earlier, observer)),
            None => Arc::new(observer),
        };
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// The first value that was not finite, if this pass is [`checked`](Self::checked).
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite), within the path of the parameter that is
    /// nearest upstream.
    pub fn check(&self) -> Result<()> {
        self.observer.as_ref().map_or(Ok(()), Observer::result)
    }

    /// The same carrying `value`, in place of what it carried before, to the layers that ask for its
    /// type: how these and whoever runs the model work together, without a mark on the model. What
    /// backward computes once more is not shown it.
    ///
    /// ```
    /// use cotangent_core::module::Pass;
    /// use std::sync::{Arc, atomic::{AtomicUsize, Ordering::Relaxed}};
    /// let calls = Arc::new(AtomicUsize::new(0));
    /// let pass = Pass::inference().carry(Arc::clone(&calls));
    /// // In the layer's `forward`:
    /// if let Some(calls) = pass.carried::<AtomicUsize>() {
    ///     calls.fetch_add(1, Relaxed);
    /// }
    /// assert_eq!(calls.load(Relaxed), 1);
    /// ```
    #[must_use]
    pub fn carry(mut self, value: Arc<impl Any + Send + Sync>) -> Self {
        self.carried = Some(value);
        self
    }

    /// What this pass carries, if it is a `T`.
    pub fn carried<T: Any>(&self) -> Option<&T> {
        self.carried.as_ref()?.downcast_ref()
    }

    /// Who watches now.
    pub(super) fn observer(&self) -> Option<&Arc<dyn Observer>> {
        self.observer.as_ref().filter(|o| o.is_active())
    }

    /// Whether layers behave as in training.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// Whether parameters are read tracked.
    pub fn records(&self) -> bool {
        self.records
    }

    /// Whether running statistics move.
    pub fn moves_statistics(&self) -> bool {
        self.moves_statistics
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many random layers this pass has served.
    pub fn draws(&self) -> u64 {
        self.draws.load(Relaxed)
    }

    /// This pass from here on, unwatched and carrying nothing: what runs under it leaves this one where it is.
    pub(super) fn again(&self) -> Self {
        Self {
            draws: AtomicU64::new(self.draws()),
            observer: None,
            carried: None,
            ..*self
        }
    }

    /// Counts the random layers that ran under [`again`](Self::again).
    pub(super) fn advance_to(&self, draws: u64) {
        self.draws.store(draws, Relaxed);
    }

    /// The seed of the next random layer: a function of the pass's seed and of how many it has
    /// served before.
    pub fn next_seed(&self) -> u64 {
        use rand::Rng;
        let draw = self.draws.fetch_add(1, Relaxed);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(draw);
        rng.next_u64()
    }

    /// `x` with dropout if this pass trains, else `x`.
    ///
    /// # Errors
    /// As [`Tensor::dropout`].
    pub fn dropout(&self, x: &Tensor, p: f64) -> Result<Tensor> {
        if self.training {
            x.dropout(p, self.next_seed())
        } else {
            // A probability that training would refuse is refused.
            Tensor::from([0.0f32; 0]).dropout(p, 0)?;
            Ok(x.clone())
        }
    }
}

/// The seed and how many random layers were served, so that a run goes on with the randomness that it
/// would have had. Whether it trains, records or is observed is not part of it.
impl Stateful for Pass {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        // In two halves: a count has 63 bits.
        state.insert("seed.high", Entry::Count(self.seed >> 32));
        state.insert("seed.low", Entry::Count(self.seed & u64::from(u32::MAX)));
        state.insert("draws", Entry::Count(self.draws()));
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let half = |name| {
            let half = state.count(name)?;
            u32::try_from(half)
                .map(u64::from)
                .map_err(|_| mismatch(name, "expected a number of 32 bits"))
        };
        let (high, low) = (half("seed.high")?, half("seed.low")?);
        let draws = state.count("draws")?;
        if let Some((name, _)) = state
            .iter()
            .find(|(name, _)| !["seed.high", "seed.low", "draws"].contains(name))
        {
            return Err(mismatch(name, "a pass has no such entry"));
        }
        self.seed = high << 32 | low;
        self.draws = AtomicU64::new(draws);
        Ok(())
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass")
            .field("training", &self.training)
            .field("records", &self.records)
            .field("moves_statistics", &self.moves_statistics)
            .field("seed", &self.seed)
            .field("draws", &self.draws())
            .field("observer", &self.observer.is_some())
            .field("carried", &self.carried.is_some())
            .finish()
    }
}

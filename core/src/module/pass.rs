//! How a model is run: training or inference, and the randomness of this run.

use crate::autograd::{Both, LeafId, Observer, Tensor};
use crate::error::Result;
use chacha20::ChaCha8Rng;
use rand::SeedableRng;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// What every `forward` is told: whether the model trains or predicts, whether to record a graph,
/// whether running statistics move, and where random numbers come from.
///
/// There is no global or thread-local mode. With a fresh pass of the same seed and held statistics
/// `forward` is a pure function.
///
/// ```
/// use cotangent::module::Pass;
/// let pass = Pass::train(42);
/// assert!(pass.is_training() && pass.records());
/// let pass = Pass::inference();
/// assert!(!pass.is_training() && !pass.records());
/// ```
// Each of these can be set without the others.
#[allow(clippy::struct_excessive_bools)]
pub struct Pass {
    training: bool,
    records: bool,
    moves_statistics: bool,
    allows_nonfinite: bool,
    frozen: bool,
    seed: u64,
    /// How many random layers were served: one count for all passes made from this one. Made when
    /// it is first needed, since most passes need none.
    draws: OnceLock<Arc<AtomicU64>>,
    observer: Option<Arc<dyn Observer>>,
    carried: Option<Arc<dyn Any + Send + Sync>>,
    values: Option<Arc<Values>>,
}

/// The values that parameters are read as, by the parameters' identities.
pub(super) type Values = BTreeMap<LeafId, Tensor>;

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
            allows_nonfinite: false,
            frozen: false,
            seed,
            draws: OnceLock::new(),
            observer: None,
            carried: None,
            values: None,
        }
    }

    /// An inference pass: nothing is random, nothing moves, no graph is built.
    pub fn inference() -> Self {
        Self {
            training: false,
            records: false,
            moves_statistics: false,
            ..Self::train(0)
        }
    }

    /// The same with running statistics held still.
    #[must_use]
    pub fn hold_statistics(mut self) -> Self {
        self.moves_statistics = false;
        self
    }

    /// Lets running statistics move even if those of the batch are infinite or NaN. Otherwise that is
    /// an error, since one such batch would spoil all predictions of the model.
    #[must_use]
    pub fn allow_nonfinite(mut self) -> Self {
        self.allows_nonfinite = true;
        self
    }

    /// Records a graph: parameters are read tracked. `Pass::inference().record()` gives the
    /// gradients of a model that predicts.
    #[doc(alias = "requires_grad_")]
    #[doc(alias = "enable_grad")]
    #[must_use]
    pub fn record(mut self) -> Self {
        self.records = true;
        self
    }

    /// Records no graph: parameters are read untracked. `Pass::train(seed).no_grad()` computes as
    /// in training, and [`Pass::inference`] records nothing anyway.
    #[must_use]
    pub fn no_grad(mut self) -> Self {
        self.records = false;
        self
    }

    /// The same continuing after `draws` random layers, as [`draws`](Self::draws) counted them: to
    /// resume a run.
    #[must_use]
    pub fn resume_at(mut self, draws: u64) -> Self {
        self.draws = count_from(draws);
        self
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

    /// The same carrying `value`, in place of what it carried before, to the layers that ask for
    /// its type: how these and whoever runs the model work together, without a mark on the model.
    /// What backward computes once more is not shown it.
    ///
    /// ```
    /// use cotangent::module::Pass;
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

    /// Returns whether running statistics may become infinite or NaN.
    pub fn allows_nonfinite(&self) -> bool {
        self.allows_nonfinite
    }

    /// Whether layers under this pass stand still, as those in a [`Frozen`](super::Frozen) do.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many random layers this pass has served, and those made from it by
    /// [`frozen`](Self::frozen) and [`with`](Self::with).
    pub fn draws(&self) -> u64 {
        self.draws.get().map_or(0, |draws| draws.load(Relaxed))
    }

    fn count(&self) -> &Arc<AtomicU64> {
        self.draws.get_or_init(Arc::default)
    }

    /// A pass like this one for layers that stand still: parameters are read untracked, batch
    /// normalization runs as in inference and its statistics do not move. Dropout goes on dropping,
    /// and draws from this pass's sequence. [`Frozen`](super::Frozen) runs its layer under it.
    ///
    /// A layer of your own asks [`is_frozen`](Self::is_frozen) if it does more than that in
    /// training.
    ///
    /// ```
    /// use cotangent::module::{Param, Pass};
    /// use cotangent::Tensor;
    /// let (weight, pass) = (Param::new(&Tensor::from([1.0f32])), Pass::train(1));
    /// assert!(weight.read(&pass).is_tracked() && !weight.read(&pass.frozen()).is_tracked());
    /// pass.frozen().dropout(weight.value(), 0.5)?;
    /// assert_eq!(pass.draws(), 1);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[must_use]
    pub fn frozen(&self) -> Self {
        Self {
            frozen: true,
            moves_statistics: false,
            ..self.shared()
        }
    }

    /// This pass once more, with one sequence of random numbers for both.
    pub(super) fn shared(&self) -> Self {
        Self {
            draws: Arc::clone(self.count()).into(),
            observer: self.observer.clone(),
            carried: self.carried.clone(),
            values: self.values.clone(),
            ..*self
        }
    }

    /// This pass from here on, unwatched and carrying nothing: what runs under it leaves this one
    /// where it is.
    pub(super) fn again(&self) -> Self {
        Self {
            draws: count_from(self.draws()),
            observer: None,
            carried: None,
            values: self.values.clone(),
            ..*self
        }
    }

    /// Counts the random layers that ran under [`again`](Self::again).
    pub(super) fn advance_to(&self, draws: u64) {
        self.count().store(draws, Relaxed);
    }

    /// Goes on as a pass of another seed that has served so many random layers.
    pub(crate) fn resume(&mut self, seed: u64, draws: u64) {
        self.seed = seed;
        self.draws = count_from(draws);
    }

    /// The values that this pass carries for parameters.
    pub(super) fn values(&self) -> Option<&Arc<Values>> {
        self.values.as_ref()
    }

    /// The same with these values for parameters, in place of others.
    pub(super) fn with_values(mut self, values: Values) -> Self {
        self.values = Some(Arc::new(values));
        self
    }

    /// The seed of the next random layer: a function of the pass's seed and of how many it has
    /// served before.
    pub fn next_seed(&self) -> u64 {
        use rand::Rng;
        let draw = self.count().fetch_add(1, Relaxed);
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
            let _ = Tensor::from([0.0f32; 0]).dropout(p, 0)?;
            Ok(x.clone())
        }
    }
}

/// A count that starts here.
fn count_from(draws: u64) -> OnceLock<Arc<AtomicU64>> {
    if draws == 0 {
        return OnceLock::new();
    }
    Arc::new(AtomicU64::new(draws)).into()
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass")
            .field("training", &self.training)
            .field("records", &self.records)
            .field("moves_statistics", &self.moves_statistics)
            .field("allows_nonfinite", &self.allows_nonfinite)
            .field("frozen", &self.frozen)
            .field("seed", &self.seed)
            .field("draws", &self.draws())
            .field("observer", &self.observer.is_some())
            .field("carried", &self.carried.is_some())
            .field(
                "values",
                &self.values.as_ref().map_or(0, |values| values.len()),
            )
            .finish()
    }
}

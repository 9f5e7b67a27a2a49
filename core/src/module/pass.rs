//! The pass under which a model runs: training or inference, recording or not, and random numbers.

use super::Buffer;
use crate::autograd::{Both, Gradients, LeafId, Observer, Tensor};
use crate::error::Result;
use chacha20::ChaCha8Rng;
use rand::SeedableRng;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// The settings of a run of a model, which every `forward` takes: training or inference, whether a
/// graph is recorded, whether running statistics are updated, and the source of random numbers.
///
/// No setting is global or belongs to a thread. PyTorch's `model.train()` and `model.eval()` are
/// [`Pass::train`] and [`Pass::inference`], and `torch.no_grad()` is [`no_grad`](Self::no_grad).
///
/// The methods that change a setting return a pass like this one with that setting, and leave this
/// one as it is. Both draw random numbers from one sequence.
///
/// Under a new pass with the same seed, and with statistics held, `forward` is a pure function.
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
    /// The shard of the batch that this pass runs over.
    shard: u64,
    /// How many random layers have drawn a seed: one count for all passes derived from this one. It
    /// is created when first needed, since most passes need none.
    draws: OnceLock<Arc<AtomicU64>>,
    observer: Option<Arc<dyn Observer>>,
    carried: Option<Arc<dyn Any + Send + Sync>>,
    values: Option<Arc<Values>>,
    all_reduce: Option<Arc<dyn AllReduce>>,
}

/// Sums over all shards of a batch, for layers that need the whole batch, such as a synchronized
/// batch normalization. A pass [carries](Pass::with_all_reduce) it to the layers.
pub trait AllReduce: Send + Sync {
    /// Returns the sums over all shards of the numbers that each of them gives. All shards call it
    /// equally often, with lists of the same length. It waits for all of them.
    ///
    /// # Errors
    /// An error if a shard has failed, or if the shards cannot be computed at the same time.
    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>>;

    /// Returns whether other shards are computed with the same model at the same time. A layer
    /// whose state depends on its shard cannot change it then.
    fn shares_model(&self) -> bool;

    /// Says that the layer sets a buffer to a value that is the same on all shards, since it is
    /// computed from sums over them. If shards share the model, no other buffer may change.
    fn sets_alike(&self, buffer: &Buffer) {
        let _ = buffer;
    }
}

/// Values in place of those of parameters, by the identities of the parameters.
pub(super) type Values = BTreeMap<LeafId, Tensor>;

impl Pass {
    /// Creates a training pass: dropout drops elements, batch normalization uses the batch's
    /// statistics and updates its running ones, and the graph is recorded.
    ///
    /// One pass can serve a whole training run. Each random layer draws the next seed from a
    /// sequence that begins with `seed`.
    pub fn train(seed: u64) -> Self {
        Self {
            training: true,
            records: true,
            moves_statistics: true,
            allows_nonfinite: false,
            frozen: false,
            seed,
            shard: 0,
            draws: OnceLock::new(),
            observer: None,
            carried: None,
            values: None,
            all_reduce: None,
        }
    }

    /// Creates an inference pass: no layer is random, no running statistic changes, and no graph is
    /// recorded.
    #[doc(alias = "eval")]
    #[doc(alias = "no_grad")]
    pub fn inference() -> Self {
        Self {
            training: false,
            records: false,
            moves_statistics: false,
            ..Self::train(0)
        }
    }

    /// Returns a pass that keeps running statistics as they are. Batch normalization still uses
    /// those of the batch, if the pass trains.
    #[must_use]
    pub fn hold_statistics(&self) -> Self {
        Self {
            moves_statistics: false,
            ..self.shared()
        }
    }

    /// Returns a pass under which running statistics may become infinite or NaN. By default a batch
    /// whose statistics are not finite is an error, since it would spoil all later predictions of
    /// the model.
    #[must_use]
    pub fn allow_nonfinite(&self) -> Self {
        Self {
            allows_nonfinite: true,
            ..self.shared()
        }
    }

    /// Returns a pass that records a graph: parameters are read tracked. Under
    /// `Pass::inference().record()` a model predicts, and its output has gradients. A `forward`
    /// that differentiates itself calls it on the pass that it is given.
    ///
    /// ```
    /// use cotangent::module::{Param, Pass};
    /// use cotangent::{Result, Tensor};
    /// let weight = Param::new(&Tensor::from([3.0f32]));
    /// let slope = |pass: &Pass| -> Result<f64> {
    ///     let x = weight.read(&pass.record());
    ///     x.square().sum().backward()?.get(&x).unwrap().item()
    /// };
    /// assert_eq!(slope(&Pass::inference())?, 6.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "requires_grad_")]
    #[doc(alias = "enable_grad")]
    #[must_use]
    pub fn record(&self) -> Self {
        Self {
            records: true,
            ..self.shared()
        }
    }

    /// Returns a pass that records no graph: parameters are read untracked.
    /// `Pass::train(seed).no_grad()` computes as in training, and [`Pass::inference`] records
    /// nothing anyway.
    #[must_use]
    pub fn no_grad(&self) -> Self {
        Self {
            records: false,
            ..self.shared()
        }
    }

    /// Returns a pass that continues after `draws` random layers, as counted by
    /// [`draws`](Self::draws), to resume a run. Its sequence of seeds is its own.
    #[must_use]
    pub fn resume_at(&self, draws: u64) -> Self {
        Self {
            draws: count_from(draws),
            ..self.shared()
        }
    }

    /// Returns a pass for one of the parts into which a batch is split. The random layers of each
    /// shard draw numbers of their own, which depend on the seed, on how many were drawn, and on
    /// the shard. Those of shard 0 are the numbers of this pass. Its count is its own, as in
    /// [`resume_at`](Self::resume_at). An observer may have one of its own
    /// [for the shard](Observer::for_shard).
    ///
    /// ```
    /// use cotangent::module::Pass;
    /// let pass = Pass::train(42);
    /// let (first, second) = (pass.for_shard(0), pass.for_shard(1));
    /// assert_ne!(first.next_seed(), second.next_seed());
    /// assert_eq!((first.draws(), pass.draws()), (1, 0));
    /// ```
    #[must_use]
    pub fn for_shard(&self, shard: u64) -> Self {
        let observer = self.observer.as_ref().map(|observer| {
            let of_shard = observer.for_shard(shard);
            of_shard.unwrap_or_else(|| Arc::clone(observer))
        });
        Self {
            shard,
            draws: count_from(self.draws()),
            observer,
            ..self.shared()
        }
    }

    /// Tells the observer the gradients of a batch, which were summed over passes of its
    /// [shards](Self::for_shard); see [`Observer::summed`]. `Ranks::gradients` calls it.
    pub fn observe_sum(&self, gradients: &Gradients, factor: f64) {
        if let Some(observer) = self.observer() {
            observer.summed(gradients, factor);
        }
    }

    /// Returns a pass with one more observer of the operations under it. Earlier observers stay.
    #[must_use]
    pub fn observed(&self, observer: impl Observer) -> Self {
        let observer: Arc<dyn Observer> = match &self.observer {
            Some(earlier) => Arc::new(Both([Arc::clone(earlier), Arc::new(observer)])),
            None => Arc::new(observer),
        };
        Self {
            observer: Some(observer),
            ..self.shared()
        }
    }

    /// Returns an error if a value under this pass was not finite, if the pass is
    /// [`checked`](Self::checked).
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) for the first such value, with the path of the
    /// nearest parameter upstream.
    pub fn check(&self) -> Result<()> {
        self.observer.as_ref().map_or(Ok(()), Observer::result)
    }

    /// Returns a pass that carries a value to the layers, which read it with
    /// [`carried`](Self::carried). It replaces the value carried before. So code that runs a model
    /// can work together with its layers, without a field in the model. Layers that are
    /// [recomputed](Self::recompute) in backward do not get the value.
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
    pub fn carry(&self, value: Arc<impl Any + Send + Sync>) -> Self {
        Self {
            carried: Some(value),
            ..self.shared()
        }
    }

    /// Returns the value that this pass carries, if it is a `T`.
    pub fn carried<T: Any>(&self) -> Option<&T> {
        self.carried.as_ref()?.downcast_ref()
    }

    /// Returns a pass over one shard of a batch, whose layers can sum over all shards.
    #[must_use]
    pub fn with_all_reduce(&self, all_reduce: Arc<dyn AllReduce>) -> Self {
        Self {
            all_reduce: Some(all_reduce),
            ..self.shared()
        }
    }

    /// Returns the sums over all shards, if this pass runs over one shard of a batch.
    pub fn all_reduce(&self) -> Option<&Arc<dyn AllReduce>> {
        self.all_reduce.as_ref()
    }

    /// Returns the observer, if it is active.
    pub(super) fn observer(&self) -> Option<&Arc<dyn Observer>> {
        self.observer.as_ref().filter(|o| o.is_active())
    }

    /// Tells the observer that a layer of this type begins to run.
    pub(super) fn enter(&self, layer: &'static str) {
        if let Some(observer) = self.observer() {
            observer.entered(layer);
        }
    }

    /// Tells the observer that the layer entered last has ended, with this result.
    pub(super) fn leave(&self, result: Option<&Tensor>) {
        if let Some(observer) = self.observer() {
            observer.left(result);
        }
    }

    /// Returns whether layers behave as in training.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// Returns whether parameters are read tracked.
    pub fn records(&self) -> bool {
        self.records
    }

    /// Returns whether running statistics are updated.
    pub fn moves_statistics(&self) -> bool {
        self.moves_statistics
    }

    /// Returns whether running statistics may become infinite or NaN.
    pub fn allows_nonfinite(&self) -> bool {
        self.allows_nonfinite
    }

    /// Returns whether layers under this pass are frozen, as those in a [`Frozen`](super::Frozen)
    /// are.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns how many random layers have drawn a seed from this pass, and from passes derived
    /// from it.
    pub fn draws(&self) -> u64 {
        self.draws.get().map_or(0, |draws| draws.load(Relaxed))
    }

    fn count(&self) -> &Arc<AtomicU64> {
        self.draws.get_or_init(Arc::default)
    }

    /// Returns a pass for frozen layers: parameters are read untracked, and batch normalization
    /// runs as in inference and keeps its statistics. Dropout is unchanged: it draws from this
    /// pass's sequence. [`Frozen`](super::Frozen) runs its layer under such a pass.
    ///
    /// A custom layer that changes anything else in training calls [`is_frozen`](Self::is_frozen).
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

    /// Returns this pass once more, with one sequence of random numbers for both.
    pub(super) fn shared(&self) -> Self {
        Self {
            draws: Arc::clone(self.count()).into(),
            observer: self.observer.clone(),
            carried: self.carried.clone(),
            values: self.values.clone(),
            all_reduce: self.all_reduce.clone(),
            ..*self
        }
    }

    /// Returns a copy of this pass from here on, without observer and carried value. Layers that
    /// run under it do not advance this pass.
    pub(super) fn again(&self) -> Self {
        Self {
            draws: count_from(self.draws()),
            observer: None,
            carried: None,
            values: self.values.clone(),
            all_reduce: self.all_reduce.clone(),
            ..*self
        }
    }

    /// Continues after `draws` random layers, such as those that ran under a pass of
    /// [`for_shard`](Self::for_shard). All passes that share the sequence of this one do.
    pub fn advance_to(&self, draws: u64) {
        self.count().store(draws, Relaxed);
    }

    /// Continues as a pass of another seed, after so many random layers.
    pub(crate) fn resume(&mut self, seed: u64, draws: u64) {
        self.seed = seed;
        self.draws = count_from(draws);
    }

    /// Returns the values in place of those of parameters.
    pub(super) fn values(&self) -> Option<&Arc<Values>> {
        self.values.as_ref()
    }

    /// Replaces the values in place of those of parameters.
    pub(super) fn with_values(mut self, values: Values) -> Self {
        self.values = Some(Arc::new(values));
        self
    }

    /// Returns the seed for the next random layer, and counts it. The seed depends on that of the
    /// pass, on the count and on the [shard](Self::for_shard) only.
    pub fn next_seed(&self) -> u64 {
        use rand::Rng;
        let draw = self.count().fetch_add(1, Relaxed);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(draw);
        // A number has two words.
        rng.set_word_pos(2 * u128::from(self.shard));
        rng.next_u64()
    }

    /// Returns `x` with dropout if this pass trains, else `x`.
    ///
    /// # Errors
    /// Those of [`Tensor::dropout`].
    pub fn dropout(&self, x: &Tensor, p: f64) -> Result<Tensor> {
        if self.training {
            x.dropout(p, self.next_seed())
        } else {
            // A probability that is an error in training is one in inference too.
            let _ = Tensor::from([0.0f32; 0]).dropout(p, 0)?;
            Ok(x.clone())
        }
    }
}

/// Returns a count that starts at `draws`.
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
            .field("shard", &self.shard)
            .field("draws", &self.draws())
            .field("observer", &self.observer.is_some())
            .field("carried", &self.carried.is_some())
            .field("all_reduce", &self.all_reduce.is_some())
            .field(
                "values",
                &self.values.as_ref().map_or(0, |values| values.len()),
            )
            .finish()
    }
}

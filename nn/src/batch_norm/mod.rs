//! Batch normalization with running statistics.

use crate::folding::Foldable;
use crate::recalibrate::{Moments, OP, Recalibration};
use cotangent_core::module::{Buffer, Counter, Layer, Param, Pass};
use cotangent_core::{BatchStatistics, DType, Error, Interval, Result, Tensor};
use cotangent_macros::Module;

mod synchronized;

/// Batch normalization of each channel: `y = (x - mean) / √(variance + epsilon) · gamma + beta`.
///
/// Input and output (samples, channels) or (samples, channels, …).
///
/// - **Training**: mean and biased variance are those of the batch. The running statistics move
///   towards them.
/// - **Inference**: mean and variance are the running statistics.
/// - **Frozen**: as in inference, and the running statistics do not change, as in Keras. PyTorch
///   keeps moving them.
///
/// The defaults are PyTorch's: epsilon 1e-5, momentum 0.1 (the weight of the new value), and an
/// unbiased running variance. The parameters and buffers have PyTorch's names: `weight` (gamma),
/// `bias` (beta), `running_mean`, `running_var`, `num_batches_tracked`. This one layer replaces
/// PyTorch's `BatchNorm1d`, `BatchNorm2d` and `BatchNorm3d`.
///
/// Source: Ioffe, Szegedy 2015, Batch Normalization: Accelerating Deep Network Training by Reducing
/// Internal Covariate Shift.
///
/// ```
/// use cotangent::prelude::*;
///
/// let norm = BatchNorm::new(2)?;
/// let x = Tensor::from([[1.0f32, 10.0], [3.0, 30.0]]);
/// let y = norm.forward(&x, &Pass::train(0))?;
/// assert_eq!(y.mean_over(0)?.to_vec::<f32>()?, [0.0, 0.0]);
/// // 0.9 · 0 + 0.1 · 2 and 0.9 · 0 + 0.1 · 20
/// assert_eq!(norm.running_mean.unwrap().value().to_vec::<f32>()?, [0.2, 2.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "BatchNorm1d")]
#[doc(alias = "BatchNorm2d")]
#[doc(alias = "BatchNorm3d")]
#[doc(alias = "BatchNormalization")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct BatchNorm {
    /// Gamma, (channels).
    pub weight: Option<Param>,
    /// Beta, (channels).
    pub bias: Option<Param>,
    /// The running mean, (channels).
    pub running_mean: Option<Buffer>,
    /// The running variance, (channels).
    pub running_var: Option<Buffer>,
    /// The number of batches that the running statistics have seen.
    pub num_batches_tracked: Option<Counter>,
    #[module(skip)]
    settings: Settings,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    channels: usize,
    epsilon: f64,
    /// The weight of the new value. `None` for the average over all batches seen.
    momentum: Option<f64>,
    biased_running_variance: bool,
    synchronized: bool,
}

impl BatchNorm {
    /// Creates a layer for `channels` channels with PyTorch's defaults.
    ///
    /// # Errors
    /// Returns the errors of [`BatchNormBuilder::build`].
    pub fn new(channels: usize) -> Result<Self> {
        Self::builder(channels).build()
    }

    /// Returns a builder for the options.
    pub fn builder(channels: usize) -> BatchNormBuilder {
        BatchNormBuilder {
            settings: Settings {
                channels,
                epsilon: 1e-5,
                momentum: Some(0.1),
                biased_running_variance: false,
                synchronized: false,
            },
            affine: true,
            has_running_statistics: true,
        }
    }

    fn is_frozen(&self) -> bool {
        let params = [&self.weight, &self.bias]
            .into_iter()
            .flatten()
            .map(Param::is_frozen);
        let buffers = [&self.running_mean, &self.running_var]
            .into_iter()
            .flatten()
            .map(Buffer::is_frozen);
        let mut leaves = params.chain(buffers).peekable();
        leaves.peek().is_some() && leaves.all(|frozen| frozen)
    }

    /// Moves the running statistics towards those of a batch, if these are finite.
    fn update_running_statistics(&self, batch: &BatchStatistics, pass: &Pass) -> Result<()> {
        let (Some(mean), Some(var)) = (&self.running_mean, &self.running_var) else {
            return Ok(());
        };
        if !pass.allows_nonfinite() {
            let statistics = [("mean", &batch.mean), ("variance", &batch.variance)];
            let mut errors = statistics.into_iter().filter_map(non_finite);
            if let Some(error) = errors.next() {
                // A checked pass that has found the cause reports it, with its place in the model.
                return if pass.check().is_err() {
                    Ok(())
                } else {
                    Err(error)
                };
            }
        }
        let seen = self
            .num_batches_tracked
            .as_ref()
            .map_or(1, Counter::increment);
        let new = self.settings.momentum.unwrap_or(1.0 / seen as f64);
        let n = batch.count as f64;
        let correction = if self.settings.biased_running_variance {
            1.0
        } else {
            n / (n - 1.0)
        };
        mean.blend(1.0 - new, &batch.mean, new)?;
        var.blend(1.0 - new, &batch.variance, new * correction)
    }

    /// Sets the running statistics to the exact mean and variance of all values in `batches`.
    ///
    /// The batches are inputs of this layer, (samples, channels, …), and may have different sizes.
    /// For all batch normalizations of a model see [`recalibrate`](crate::recalibrate()), which
    /// also says more.
    ///
    /// # Errors
    /// [`Error::Argument`] if the layer has no running statistics, is frozen, or gets fewer than
    /// two values per channel; [`Error::Shape`] if a batch does not fit; [`Error::NonFinite`] if a
    /// statistic is not finite. After an error the running statistics are unchanged.
    pub fn recalibrate<'a>(&self, batches: impl IntoIterator<Item = &'a Tensor>) -> Result<()> {
        let (Some(mean), Some(var)) = (&self.running_mean, &self.running_var) else {
            return Err(Error::argument(OP, "this layer has no running statistics"));
        };
        if self.is_frozen() {
            return Err(Error::argument(OP, "this layer is frozen"));
        }
        let mut moments = Moments::default();
        for batch in batches {
            self.check(batch)?;
            moments.add(batch)?;
        }
        let biased = self.settings.biased_running_variance;
        let [exact_mean, exact_var] = moments.statistics(biased, mean.value().dtype())?;
        mean.set(&exact_mean)?;
        var.set(&exact_var)
    }

    /// Returns a single layer that equals `layer`, a [`Linear`](crate::Linear),
    /// [`Conv`](crate::Conv) or [`ConvTranspose`](crate::ConvTranspose), followed by this layer in
    /// inference.
    ///
    /// With it the normalization costs nothing in inference.
    ///
    /// # Errors
    /// [`Error::Argument`] if this layer has no running statistics, [`Error::Shape`] if the number
    /// of outputs of `layer` is not this layer's number of channels, [`Error::DType`] if the two
    /// have different dtypes.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let (linear, norm) = (Linear::new(2, 3, &mut rng)?, BatchNorm::new(3)?);
    /// let x = Tensor::from([[1.0f32, 2.0], [-3.0, 0.5], [0.1, 4.0]]);
    /// let _ = norm.forward(&linear.predict(&x)?, &Pass::train(0))?;
    ///
    /// let two_layers = norm.predict(&linear.predict(&x)?)?;
    /// let one_layer = norm.fold_into(&linear)?.predict(&x)?;
    /// assert!(two_layers.sub(&one_layer)?.abs().sum().item()? < 1e-5);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn fold_into<L: Foldable>(&self, layer: &L) -> Result<L> {
        let (Some(mean), Some(var)) = (&self.running_mean, &self.running_var) else {
            let reason = "this layer has no running statistics";
            return Err(Error::argument("fold_into", reason));
        };
        let mut scale = var.value().add_scalar(self.settings.epsilon).rsqrt();
        if let Some(gamma) = &self.weight {
            scale = scale.mul(gamma.value())?;
        }
        let weight = layer.scaled(&scale)?;
        let mut shift = mean.value().neg();
        if let Some(bias) = layer.bias() {
            shift = shift.add(bias.value())?;
        }
        shift = shift.mul(&scale)?;
        if let Some(beta) = &self.bias {
            shift = shift.add(beta.value())?;
        }
        Ok(layer.with(Param::new(&weight), Param::new(&shift)))
    }

    fn check(&self, x: &Tensor) -> Result<()> {
        let expected = self.settings.channels;
        match x.shape() {
            [_, found, ..] if *found == expected => Ok(()),
            _ => {
                let reason =
                    format!("expected input (samples, {expected}, …), one value per channel");
                Err(Error::shape("batch_norm", reason, &[x.shape()]))
            }
        }
    }
}

/// Returns the error about a statistic of a batch that is not finite for some channel.
fn non_finite((name, statistic): (&str, &Tensor)) -> Option<Error> {
    // The sum may overflow although all elements are finite.
    if statistic.sum_of_squares().is_finite() {
        return None;
    }
    let values = statistic.to_f64_vec();
    let channel = values.iter().position(|value| !value.is_finite())?;
    let what = format!("the batch's {name} of channel {channel}");
    let remedy = "run it under `Pass::checked` to find the operation that caused it, or allow it \
                  with `Pass::allow_nonfinite`";
    Some(Error::non_finite("batch_norm", what, values[channel]).remedied_by(remedy))
}

impl Layer for BatchNorm {
    /// # Errors
    /// [`Error::Shape`] if axis 1 of the input is not as long as the number of channels, or, in
    /// training, if there are fewer than two values per channel; [`Error::DType`] if the input and
    /// the layer have different dtypes; [`Error::NonFinite`] if running statistics would become
    /// infinite or NaN, unless the pass [allows it](Pass::allow_nonfinite). They do not change
    /// then. Under a [checked](Pass::checked) pass that has found the cause, the pass reports it
    /// instead.
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.check(x)?;
        let gamma = self.weight.as_ref().map(|weight| weight.read(pass));
        let beta = self.bias.as_ref().map(|bias| bias.read(pass));
        let epsilon = self.settings.epsilon;
        let frozen = pass.is_frozen() || self.is_frozen();
        let trains = pass.is_training() && !frozen;
        if let (false, Some(mean), Some(var)) = (trains, &self.running_mean, &self.running_var) {
            let biased = self.settings.biased_running_variance;
            let exact = match pass.carried::<Recalibration>() {
                Some(recalibration) if !frozen => {
                    recalibration.statistics_of([mean, var], x, biased)?
                }
                _ => None,
            };
            let [mean, var] = exact.unwrap_or_else(|| [mean.value(), var.value()]);
            return x.batch_norm_with(&mean, &var, gamma.as_ref(), beta.as_ref(), epsilon);
        }
        let all = pass.all_reduce().filter(|_| self.settings.synchronized);
        let is_shared = pass.all_reduce().is_some_and(|all| all.shares_model());
        if all.is_none() && trains && is_shared && self.running_mean.is_some() {
            let reason = "shards that are computed at the same time cannot have running statistics \
                          of their own: make all batch normalizations of the model synchronized";
            return Err(Error::argument("batch_norm", reason));
        }
        let (y, batch) = match all {
            Some(all) => synchronized::batch_norm(x, gamma.as_ref(), beta.as_ref(), epsilon, all)?,
            None => x.batch_norm(gamma.as_ref(), beta.as_ref(), epsilon)?,
        };
        if trains && pass.moves_statistics() {
            if let Some(all) = all {
                let buffers = [&self.running_mean, &self.running_var].into_iter();
                buffers.flatten().for_each(|buffer| all.sets_alike(buffer));
            }
            self.update_running_statistics(&batch, pass)?;
        }
        Ok(y)
    }
}

/// A builder of [`BatchNorm`] layers.
#[derive(Clone, Debug)]
#[must_use]
pub struct BatchNormBuilder {
    settings: Settings,
    affine: bool,
    has_running_statistics: bool,
}

impl BatchNormBuilder {
    /// Sets the number added to the variance, at least 0. Default: 1e-5 (Keras: 1e-3).
    #[doc(alias = "eps")]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.settings.epsilon = epsilon;
        self
    }

    /// Sets the weight of the new value in the running statistics, in `[0, 1]`. Default: 0.1.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.settings.momentum = Some(momentum);
        self
    }

    /// Sets the weight of the old value, 1 - momentum. Keras calls it momentum (0.99), TF1 decay.
    pub fn decay(self, decay: f64) -> Self {
        self.momentum(1.0 - decay)
    }

    /// Makes the running statistics the average over all batches seen (PyTorch: `momentum=None`).
    pub fn cumulative(mut self) -> Self {
        self.settings.momentum = None;
        self
    }

    /// Makes the running variance the biased one, as in Keras.
    pub fn biased_running_variance(mut self) -> Self {
        self.settings.biased_running_variance = true;
        self
    }

    /// Normalizes with the statistics of the whole batch where it is split into shards (feature
    /// `parallel`), in training. By default each shard is normalized with its own. The ranks
    /// exchange three sums forward and two backward. Each batch must have as many samples as there
    /// are shards. PyTorch: `SyncBatchNorm`.
    #[doc(alias = "SyncBatchNorm")]
    pub fn synchronized(mut self) -> Self {
        self.settings.synchronized = true;
        self
    }

    /// Leaves out gamma and beta.
    #[doc(alias = "affine")]
    pub fn no_affine(mut self) -> Self {
        self.affine = false;
        self
    }

    /// Leaves out the running statistics: inference uses those of the batch too.
    #[doc(alias = "track_running_stats")]
    pub fn no_running_statistics(mut self) -> Self {
        self.has_running_statistics = false;
        self
    }

    /// Creates the layer with gamma 1, beta 0, running mean 0 and running variance 1.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no channels, epsilon is negative or not finite, or momentum
    /// is not in `[0, 1]`.
    pub fn build(self) -> Result<BatchNorm> {
        let Settings {
            channels,
            epsilon,
            momentum,
            ..
        } = self.settings;
        if channels == 0 {
            let reason = "expected at least one channel, found 0";
            return Err(Error::argument("batch_norm", reason));
        }
        Interval::AtLeast0.check("batch_norm", "epsilon", epsilon)?;
        Interval::Share.check("batch_norm", "momentum", momentum.unwrap_or(0.0))?;
        let filled = |value: f64| Tensor::full([channels], value, DType::F32);
        let param = |value| {
            Ok::<_, Error>(if self.affine {
                Some(Param::new(&filled(value)?))
            } else {
                None
            })
        };
        let buffer = |value| {
            Ok::<_, Error>(if self.has_running_statistics {
                Some(Buffer::new(&filled(value)?))
            } else {
                None
            })
        };
        Ok(BatchNorm {
            weight: param(1.0)?,
            bias: param(0.0)?,
            running_mean: buffer(0.0)?,
            running_var: buffer(1.0)?,
            num_batches_tracked: self.has_running_statistics.then(Counter::default),
            settings: self.settings,
        })
    }
}

//! Group normalization, and instance normalization, which has a group for each channel.

use cotangent_core::module::{Buffer, Counter, Layer, Param, Pass};
use cotangent_core::{DType, Error, Interval, Result, Tensor};
use cotangent_macros::Module;

/// Group normalization: `y = (x - mean) / √(variance + epsilon) · gamma + beta`.
///
/// Mean and biased variance are those of a group of neighbouring channels of one sample, gamma and
/// beta belong to the channels. Input and output (samples, channels, …). The result does not depend
/// on the rest of the batch, so training and inference are the same.
///
/// The default epsilon is 1e-5, as in PyTorch's `GroupNorm` (Keras: 1e-3). The parameters have
/// PyTorch's names: `weight` (gamma) and `bias` (beta), both (channels).
///
/// Source: Wu, He 2018, Group Normalization.
///
/// ```
/// use cotangent::prelude::*;
///
/// let norm = GroupNorm::new(2, 4)?;
/// let images = Tensor::zeros([8, 4, 5, 5], DType::F32)?;
/// assert_eq!(norm.predict(&images)?.shape(), [8, 4, 5, 5]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "GroupNormalization")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct GroupNorm {
    /// Gamma, (channels).
    pub weight: Option<Param>,
    /// Beta, (channels).
    pub bias: Option<Param>,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    channels: usize,
    #[module(skip)]
    epsilon: f64,
}

impl GroupNorm {
    /// Creates a layer that divides `channels` channels into `groups` groups, with PyTorch's
    /// defaults.
    ///
    /// # Errors
    /// Returns the errors of [`GroupNormBuilder::build`].
    pub fn new(groups: usize, channels: usize) -> Result<Self> {
        Self::builder(groups, channels).build()
    }

    /// Returns a builder for the options.
    pub fn builder(groups: usize, channels: usize) -> GroupNormBuilder {
        GroupNormBuilder {
            groups,
            channels,
            epsilon: 1e-5,
            affine: true,
        }
    }
}

impl Layer for GroupNorm {
    /// # Errors
    /// [`Error::Shape`] if axis 1 of the input is not as long as the number of channels, and the
    /// errors of [`Tensor::group_norm`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        check("group_norm", x, self.channels)?;
        let gamma = self.weight.as_ref().map(|weight| weight.read(pass));
        let beta = self.bias.as_ref().map(|bias| bias.read(pass));
        x.group_norm(self.groups, gamma.as_ref(), beta.as_ref(), self.epsilon)
    }
}

/// Checks the number of channels of an input.
fn check(op: &'static str, x: &Tensor, channels: usize) -> Result<()> {
    match x.shape() {
        [_, found, ..] if *found == channels => Ok(()),
        _ => {
            let reason = format!("expected input (samples, {channels}, …), one axis of channels");
            Err(Error::shape(op, reason, &[x.shape()]))
        }
    }
}

/// Creates gamma or beta.
fn coefficient(exists: bool, channels: usize, value: f64) -> Result<Option<Param>> {
    let value = exists.then(|| Tensor::full([channels], value, DType::F32));
    Ok(value.transpose()?.map(|value| Param::new(&value)))
}

/// A builder of [`GroupNorm`] layers.
#[derive(Clone, Debug)]
#[must_use]
pub struct GroupNormBuilder {
    groups: usize,
    channels: usize,
    epsilon: f64,
    affine: bool,
}

impl GroupNormBuilder {
    /// Sets the number added to the variance, at least 0. Default: 1e-5 (Keras: 1e-3).
    #[doc(alias = "eps")]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Leaves out gamma and beta.
    #[doc(alias = "affine")]
    pub fn no_affine(mut self) -> Self {
        self.affine = false;
        self
    }

    /// Creates the layer with gamma 1 and beta 0.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no groups or no channels, if the groups do not divide the
    /// channels, or if epsilon is negative or not finite.
    pub fn build(self) -> Result<GroupNorm> {
        let Self {
            groups,
            channels,
            epsilon,
            affine,
        } = self;
        if groups == 0 || channels == 0 || !channels.is_multiple_of(groups) {
            let reason = format!(
                "expected a number of channels that can be divided into the groups, found \
                 {channels} channels and {groups} groups"
            );
            return Err(Error::argument("group_norm", reason));
        }
        Interval::AtLeast0.check("group_norm", "epsilon", epsilon)?;
        Ok(GroupNorm {
            weight: coefficient(affine, channels, 1.0)?,
            bias: coefficient(affine, channels, 0.0)?,
            groups,
            channels,
            epsilon,
        })
    }
}

/// Instance normalization: each channel of each sample is normalized by its own mean and variance.
///
/// Input and output (samples, channels, …). `y = (x - mean) / √(variance + epsilon)`, by default
/// without gamma and beta, as in PyTorch; [`InstanceNormBuilder::affine`] adds them. This one layer
/// replaces PyTorch's `InstanceNorm1d`, `InstanceNorm2d` and `InstanceNorm3d`. The default epsilon
/// is 1e-5.
///
/// With [running statistics](InstanceNormBuilder::running_statistics), training moves them towards
/// the statistics of each batch, the mean over its samples, and inference uses them in place of
/// those of the sample. They do not change in a [frozen](cotangent_core::module::Frozen) layer, and
/// the parameters and buffers have the names and the meaning of those of
/// [`BatchNorm`](crate::BatchNorm).
///
/// Source: Ulyanov, Vedaldi, Lempitsky 2016, Instance Normalization: The Missing Ingredient for
/// Fast Stylization.
///
/// ```
/// use cotangent::prelude::*;
///
/// let norm = InstanceNorm::builder(2).epsilon(0.0).build()?;
/// let x = Tensor::from([[1.0f32, 3.0], [-20.0, 20.0]]).reshape([1, 2, 2])?;
/// assert_eq!(norm.predict(&x)?.to_vec::<f32>()?, [-1.0, 1.0, -1.0, 1.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "InstanceNorm1d")]
#[doc(alias = "InstanceNorm2d")]
#[doc(alias = "InstanceNorm3d")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct InstanceNorm {
    /// Gamma, (channels).
    pub weight: Option<Param>,
    /// Beta, (channels).
    pub bias: Option<Param>,
    /// The running mean, (channels).
    pub running_mean: Option<Buffer>,
    /// The running variance, (channels).
    pub running_var: Option<Buffer>,
    /// An entry of PyTorch's states. As there, it stays 0.
    pub num_batches_tracked: Option<Counter>,
    #[module(skip)]
    channels: usize,
    #[module(skip)]
    epsilon: f64,
    #[module(skip)]
    momentum: f64,
}

impl InstanceNorm {
    /// Creates a layer for `channels` channels with PyTorch's defaults.
    ///
    /// # Errors
    /// Returns the errors of [`InstanceNormBuilder::build`].
    pub fn new(channels: usize) -> Result<Self> {
        Self::builder(channels).build()
    }

    /// Returns a builder for the options.
    pub fn builder(channels: usize) -> InstanceNormBuilder {
        InstanceNormBuilder {
            channels,
            epsilon: 1e-5,
            momentum: 0.1,
            affine: false,
            has_running_statistics: false,
        }
    }

    /// Moves the running statistics towards the means over the samples of mean and unbiased
    /// variance, if these are finite.
    fn update_running_statistics(&self, x: &Tensor, pass: &Pass) -> Result<()> {
        let (Some(mean), Some(var)) = (&self.running_mean, &self.running_var) else {
            return Ok(());
        };
        let x = x.detach().flatten_from(2)?;
        if x.shape()[0] == 0 {
            return Ok(());
        }
        let statistics = [
            x.mean_over(2)?.mean_over(0)?,
            x.var_over(2, 1.0)?.mean_over(0)?,
        ];
        if !pass.allows_nonfinite() {
            for (name, statistic) in ["mean", "variance"].into_iter().zip(&statistics) {
                let values = statistic.to_f64_vec();
                let Some(channel) = values.iter().position(|value| !value.is_finite()) else {
                    continue;
                };
                // A checked pass that has found the cause reports it, with its place in the model.
                if pass.check().is_err() {
                    return Ok(());
                }
                let what = format!("the batch's {name} of channel {channel}");
                return Err(Error::non_finite("instance_norm", what, values[channel]));
            }
        }
        mean.blend(1.0 - self.momentum, &statistics[0], self.momentum)?;
        var.blend(1.0 - self.momentum, &statistics[1], self.momentum)
    }
}

impl Layer for InstanceNorm {
    /// # Errors
    /// [`Error::Shape`] if axis 1 of the input is not as long as the number of channels, and the
    /// errors of [`Tensor::instance_norm`]; [`Error::NonFinite`] if running statistics would become
    /// infinite or NaN, unless the pass [allows it](Pass::allow_nonfinite).
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        check("instance_norm", x, self.channels)?;
        let gamma = self.weight.as_ref().map(|weight| weight.read(pass));
        let beta = self.bias.as_ref().map(|bias| bias.read(pass));
        let (gamma, beta) = (gamma.as_ref(), beta.as_ref());
        let buffers = [&self.running_mean, &self.running_var];
        let frozen = buffers.into_iter().flatten().any(Buffer::is_frozen);
        let trains = pass.is_training() && !pass.is_frozen() && !frozen;
        if let (false, Some(mean), Some(var)) = (trains, &self.running_mean, &self.running_var) {
            return x.batch_norm_with(&mean.value(), &var.value(), gamma, beta, self.epsilon);
        }
        let is_shared = pass.all_reduce().is_some_and(|all| all.shares_model());
        if trains && is_shared && self.running_mean.is_some() {
            let reason = "shards that are computed at the same time cannot have running statistics \
                          of their own: leave them out, or compute the shards one by one";
            return Err(Error::argument("instance_norm", reason));
        }
        let y = x.instance_norm(gamma, beta, self.epsilon)?;
        if trains && pass.moves_statistics() {
            self.update_running_statistics(x, pass)?;
        }
        Ok(y)
    }
}

/// A builder of [`InstanceNorm`] layers.
#[derive(Clone, Debug)]
#[must_use]
pub struct InstanceNormBuilder {
    channels: usize,
    epsilon: f64,
    momentum: f64,
    affine: bool,
    has_running_statistics: bool,
}

impl InstanceNormBuilder {
    /// Sets the number added to the variance, at least 0. Default: 1e-5.
    #[doc(alias = "eps")]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Adds gamma and beta.
    pub fn affine(mut self) -> Self {
        self.affine = true;
        self
    }

    /// Adds running statistics. PyTorch: `track_running_stats=True`.
    #[doc(alias = "track_running_stats")]
    pub fn running_statistics(mut self) -> Self {
        self.has_running_statistics = true;
        self
    }

    /// Sets the weight of the new value in the running statistics, in `[0, 1]`. Default: 0.1.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Creates the layer with gamma 1, beta 0, running mean 0 and running variance 1, if it has
    /// them.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no channels, epsilon is negative or not finite, or momentum
    /// is not in `[0, 1]`.
    pub fn build(self) -> Result<InstanceNorm> {
        let channels = self.channels;
        if channels == 0 {
            let reason = "expected at least one channel, found 0";
            return Err(Error::argument("instance_norm", reason));
        }
        Interval::AtLeast0.check("instance_norm", "epsilon", self.epsilon)?;
        Interval::Share.check("instance_norm", "momentum", self.momentum)?;
        let buffer = |value| {
            let value = self
                .has_running_statistics
                .then(|| Tensor::full([channels], value, DType::F32));
            Ok::<_, Error>(value.transpose()?.map(|value| Buffer::new(&value)))
        };
        Ok(InstanceNorm {
            weight: coefficient(self.affine, channels, 1.0)?,
            bias: coefficient(self.affine, channels, 0.0)?,
            running_mean: buffer(0.0)?,
            running_var: buffer(1.0)?,
            num_batches_tracked: self.has_running_statistics.then(Counter::default),
            channels,
            epsilon: self.epsilon,
            momentum: self.momentum,
        })
    }
}

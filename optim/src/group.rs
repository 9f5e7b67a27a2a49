//! Parameter groups: other settings for some of a model's parameters.

use crate::settings::{Settings, at_least_0};
use cotangent_core::Result;
use cotangent_core::module::{Matcher, Pattern};

/// Settings for the parameters whose paths a pattern means, given to an optimizer by
/// [`add_group`](crate::Optimizer::add_group).
///
/// A parameter that several groups mean gets the product of their factors and the last of their
/// weight decays. PyTorch's groups have learning rates of their own; a factor here, so that one
/// schedule serves all.
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Group, Optimizer, Sgd};
///
/// let mut net = (Param::new(&Tensor::from([1.0f32])), Param::new(&Tensor::from([1.0f32])));
/// let mut optimizer = Sgd::new(0.1).weight_decay(0.5).build()?;
/// optimizer.add_group(Group::of("1")?.learning_rate_factor(0.1)?.weight_decay(0.0)?);
/// let pass = Pass::train(0);
/// let grads = net.0.read(&pass).add(&net.1.read(&pass))?.sum().backward()?;
/// optimizer.step(&mut net, grads)?;
/// assert_eq!((net.0.value().item()?, net.1.value().item()?), (0.85f32.into(), 0.99f32.into()));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Group {
    pub(crate) paths: Matcher,
    learning_rate_factor: f64,
    weight_decay: Option<f64>,
    frozen: bool,
}

impl Group {
    /// The group of the parameters whose paths the pattern means.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a regular expression is malformed.
    pub fn of(pattern: impl Pattern) -> Result<Self> {
        Ok(Self {
            paths: pattern.matcher()?,
            learning_rate_factor: 1.0,
            weight_decay: None,
            frozen: false,
        })
    }

    /// The learning rate is the optimizer's times `factor`.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless it is finite and at least 0.
    pub fn learning_rate_factor(mut self, factor: f64) -> Result<Self> {
        at_least_0("learning rate factor", factor)?;
        self.learning_rate_factor = factor;
        Ok(self)
    }

    /// The weight decay, in place of the optimizer's.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless it is finite and at least 0.
    pub fn weight_decay(mut self, weight_decay: f64) -> Result<Self> {
        at_least_0("weight decay", weight_decay)?;
        self.weight_decay = Some(weight_decay);
        Ok(self)
    }

    /// The optimizer does not touch these parameters, nor their state. Their gradients are computed
    /// all the same: `freeze_where` of the model saves that too.
    pub fn frozen(mut self) -> Self {
        self.frozen = true;
        self
    }

    /// What the group makes of the settings; none if it is frozen.
    pub(crate) fn adjust(&self, settings: Settings) -> Option<Settings> {
        (!self.frozen).then(|| Settings {
            learning_rate: settings.learning_rate * self.learning_rate_factor,
            weight_decay: self.weight_decay.unwrap_or(settings.weight_decay),
            ..settings
        })
    }
}

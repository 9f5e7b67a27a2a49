//! Parameter groups: settings for a part of the parameters.

use crate::settings::{Settings, at_least_0};
use cotangent_core::kernel::{Real, Update};
use cotangent_core::module::{Matcher, Pattern};
use cotangent_core::{Result, Tensor};

/// Settings for the parameters whose paths match a pattern. Add it to an optimizer by
/// [`add_group`](crate::Optimizer::add_group).
///
/// A parameter in several groups has the product of their learning rate factors and the last of
/// their weight decays. PyTorch's groups have a learning rate each; here it is a factor, so that
/// one schedule changes all groups.
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
    lazy_rows: bool,
    maximize: bool,
}

impl Group {
    /// Creates the group of the parameters whose paths match the pattern.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a regular expression is malformed.
    pub fn of(pattern: impl Pattern) -> Result<Self> {
        Ok(Self {
            paths: pattern.matcher()?,
            learning_rate_factor: 1.0,
            weight_decay: None,
            frozen: false,
            lazy_rows: false,
            maximize: false,
        })
    }

    /// Sets the learning rate to that of the optimizer times `factor`.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless it is finite and at least 0.
    pub fn learning_rate_factor(mut self, factor: f64) -> Result<Self> {
        at_least_0("learning rate factor", factor)?;
        self.learning_rate_factor = factor;
        Ok(self)
    }

    /// Sets the weight decay, which replaces that of the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless it is finite and at least 0.
    pub fn weight_decay(mut self, weight_decay: f64) -> Result<Self> {
        at_least_0("weight decay", weight_decay)?;
        self.weight_decay = Some(weight_decay);
        Ok(self)
    }

    /// Freezes the group: the optimizer changes neither these parameters nor their state. Backward
    /// still computes their gradients; `freeze_where` of the model saves that time too.
    pub fn frozen(mut self) -> Self {
        self.frozen = true;
        self
    }

    /// Skips rows whose gradient is 0 throughout: they keep their values and their state, without
    /// momentum, decay of averages and weight decay. For embeddings: a step then visits only the
    /// rows that the gradient [stores](cotangent_core::Tensor::sparse_rows), also with optimizers
    /// whose formula moves rows without a gradient.
    ///
    /// It is another algorithm. [`Adam`](crate::Adam) becomes PyTorch's `SparseAdam`, with these
    /// differences: ε is added to the root of the corrected v, as in Adam; and a row that was used
    /// but whose gradient is exactly 0 is skipped too, so that it does not matter whether a
    /// gradient is stored as rows or as a whole table. As in PyTorch, t counts the steps of the
    /// parameter, not those of the row.
    ///
    /// The rows of a vector are its elements. LAMB, Adafactor and Muon update whole parameters:
    /// their step returns an error if a parameter is in such a group.
    ///
    /// ```
    /// use cotangent::{Indices, Tensor, module::{Param, Pass}};
    /// use cotangent::optim::{Adam, Group, Optimizer};
    ///
    /// let mut table = Param::new(&Tensor::ones([1000, 2], cotangent::DType::F32)?);
    /// let mut optimizer = Adam::new(0.1).build()?;
    /// optimizer.add_group(Group::of("")?.lazy_rows());
    /// for rows in [[1, 2], [2, 3]] {
    ///     let taken = table.read(&Pass::train(0)).embedding(&Indices::from(rows))?;
    ///     optimizer.step(&mut table, taken.sum().backward()?)?;
    /// }
    /// // Row 1 was used in the first step alone, and Adam's momentum has not moved it since.
    /// let values = table.value().narrow(0, 1, 2)?;
    /// assert_eq!(format!("{values:.1}"), "[[0.9 0.9]\n [0.8 0.8]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "SparseAdam")]
    #[doc(alias = "sparse")]
    pub fn lazy_rows(mut self) -> Self {
        self.lazy_rows = true;
        self
    }

    /// Maximizes the loss over the group: each step begins with `g = -g`, before weight decay,
    /// which still shrinks the parameters. The pattern `.*` is the whole model.
    ///
    /// ```
    /// use cotangent::{Tensor, module::{Param, Pass}};
    /// use cotangent::optim::{Group, Optimizer, Sgd};
    ///
    /// // A saddle: the smallest value over the first parameter, the largest over the second.
    /// let mut net = (Param::new(&Tensor::from(2.0f64)), Param::new(&Tensor::from(1.0f64)));
    /// let mut optimizer = Sgd::new(0.1).build()?;
    /// optimizer.add_group(Group::of("1")?.maximize());
    /// for _ in 0..100 {
    ///     let pass = Pass::train(0);
    ///     let (x, y) = (net.0.read(&pass), net.1.read(&pass));
    ///     let loss = x.square().add(&x.mul(&y)?)?.sub(&y.square())?;
    ///     optimizer.step(&mut net, loss.backward()?)?;
    /// }
    /// assert!(net.0.value().item()?.abs() < 1e-6);
    /// assert!(net.1.value().item()?.abs() < 1e-6);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn maximize(mut self) -> Self {
        self.maximize = true;
        self
    }

    /// Returns whether steps of a parameter in the group begin with `g = -g`.
    pub(crate) fn maximizes(&self) -> bool {
        self.maximize
    }

    /// Returns whether steps of a parameter in the group skip rows without a gradient.
    pub(crate) fn has_lazy_rows(&self) -> bool {
        self.lazy_rows
    }

    /// Returns the settings of a parameter in the group; none if the group is frozen.
    pub(crate) fn adjust(&self, settings: Settings) -> Option<Settings> {
        (!self.frozen).then(|| Settings {
            learning_rate: settings.learning_rate * self.learning_rate_factor,
            weight_decay: self.weight_decay.unwrap_or(settings.weight_decay),
            ..settings
        })
    }
}

/// Returns the gradient of the negative loss.
pub(crate) fn negated(mut gradient: Tensor) -> Result<Tensor> {
    if let Some(mut rows) = gradient.sparse_rows() {
        rows.values.map_in_place(Negate, [])?;
        return Tensor::from_sparse_rows(&rows, gradient.shape());
    }
    gradient.map_in_place(Negate, [])?;
    Ok(gradient)
}

/// The formula `g := 0 - g`, which does not create the zero -0.
#[derive(Clone, Copy)]
struct Negate;

impl Update<1, 0> for Negate {
    #[inline(always)]
    fn apply<T: Real>(self, [g]: [T; 1], []: [T; 0]) -> [T; 1] {
        [g.zero() - g]
    }
}

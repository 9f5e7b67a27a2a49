//! Muon: momentum whose singular values are set to about 1.

use crate::adam::Adam;
use crate::algorithm::{Algorithm, ParamState, ParamStep, one_by_one};
use crate::clip::{root, scaled};
use crate::descend::Descend;
use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::settings::{Settings, at_least_0, check_range};
use crate::stepper::Stepper;
use cotangent_core::kernel::{Real, Update};
use cotangent_core::module::{Matcher, Pattern};
use cotangent_core::{Result, Tensor};

/// Muon. For matrices `m = μ m + (1 - μ) g`; `w -= η λ w; w -= η s NS(μ m + (1 - μ) g)`. NS sets
/// all singular values to between about 0.7 and 1.2: it starts from `X / ‖X‖` and makes five
/// Newton-Schulz iterations `X := a X + (b A + c A²) X` with `A = X Xᵀ`. The factor s depends on
/// the [shape](MuonScale) (Jordan et al. 2024, Muon: An optimizer for hidden layers in neural
/// networks). All other parameters are updated by AdamW with the same learning rate and weight
/// decay, as in Keras.
///
/// Muon is for the weights of hidden layers. Embeddings and the output layer are matrices too, but
/// its authors use AdamW for them: [`exclude`](Self::exclude) them.
///
/// The state of a matrix has one number for each element. Each step needs memory for a few more
/// tensors of its shape and computes fifteen matrix products.
///
/// PyTorch's `Muon` accepts matrices only. It iterates in bfloat16, this in the parameter's dtype,
/// so that results differ by up to some percent of a step. PyTorch's default scale is
/// [`MuonScale::Original`]. Keras adds ε to the norm; PyTorch and this crate take the larger of the
/// two.
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Muon, Optimizer};
///
/// let weight = Param::new(&Tensor::from([[5.0f32, -3.0], [1.0, 2.0]]));
/// let mut net = (weight, Param::new(&Tensor::from([1.0f32])));
/// let mut optimizer = Muon::new(0.1).build()?;
/// for _ in 0..100 {
///     let pass = Pass::train(0);
///     let loss = net.0.read(&pass).square().sum().add(&net.1.read(&pass).square().sum())?;
///     optimizer.step(&mut net, loss.backward()?)?;
/// }
/// assert!(net.0.value().square().sum().item()? < 1.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// The momentum in the settings is μ. AdamW's β₁ is set by [`adam_betas`](Self::adam_betas).
#[derive(Clone, Debug)]
#[must_use]
pub struct Muon {
    settings: Settings,
    nesterov: bool,
    iterations: usize,
    epsilon: f64,
    scale: MuonScale,
    excluded: Vec<Matcher>,
    adam: Adam,
    adam_beta1: f64,
    adam_factor: f64,
}

/// The factor s of [`Muon`]'s step, which depends on the shape (n, m) of the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MuonScale {
    /// 0.2 √max(n, m). Steps are about as large as AdamW's, so that both can have the same learning
    /// rate (Liu et al. 2025, Muon is Scalable for LLM Training). PyTorch: `match_rms_adamw`.
    #[default]
    MatchRmsAdamW,
    /// √max(1, n / m), the factor of Muon's authors. PyTorch: `original`.
    Original,
    /// √(n / m) (Bernstein 2025, Deriving Muon). PyTorch: `spectral_unclamped`.
    SpectralUnclamped,
}

impl MuonScale {
    fn factor(self, rows: usize, columns: usize) -> f64 {
        let (n, m) = (rows as f64, columns as f64);
        match self {
            Self::MatchRmsAdamW => 0.2 * n.max(m).sqrt(),
            Self::Original => (n / m).max(1.0).sqrt(),
            Self::SpectralUnclamped => (n / m).sqrt(),
        }
    }
}

impl Muon {
    /// Creates Muon with learning rate η (1e-3 is usual), μ 0.95, Nesterov's look ahead, 5
    /// iterations, ε 1e-7 and λ 0.1. AdamW has β₁ 0.9, β₂ 0.999, ε 1e-8 and the same learning rate
    /// and weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings {
                weight_decay: 0.1,
                ..Settings::new(learning_rate).momentum(0.95)
            },
            nesterov: true,
            iterations: 5,
            epsilon: 1e-7,
            scale: MuonScale::default(),
            excluded: Vec::new(),
            adam: Adam::new(learning_rate).decoupled_weight_decay(),
            adam_beta1: 0.9,
            adam_factor: 1.0,
        }
    }

    /// Sets the momentum μ, in `[0, 1)`.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.settings.momentum = momentum;
        self
    }

    /// Applies NS to m itself, without Nesterov's look ahead.
    pub fn without_nesterov(mut self) -> Self {
        self.nesterov = false;
        self
    }

    /// Sets the number of Newton-Schulz iterations of a step, below 100.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// Sets ε, at least 0: before the iterations a matrix is divided by its norm, or by ε if that
    /// is larger.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets how the step depends on the shape of a matrix.
    pub fn scale(mut self, scale: MuonScale) -> Self {
        self.scale = scale;
        self
    }

    /// Sets the decoupled weight decay λ, at least 0.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.weight_decay = weight_decay;
        self
    }

    /// Updates the matrices whose paths match the pattern by AdamW. A pattern that matches no
    /// parameter of the model is an error of the first step.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a regular expression is malformed.
    pub fn exclude(mut self, pattern: impl Pattern) -> Result<Self> {
        self.excluded.push(pattern.matcher()?);
        Ok(self)
    }

    /// Sets AdamW's β₁ and β₂, each in `[0, 1)`.
    pub fn adam_betas(mut self, beta1: f64, beta2: f64) -> Self {
        self.adam = self.adam.betas(beta1, beta2);
        self.adam_beta1 = beta1;
        self
    }

    /// Sets AdamW's ε, at least 0.
    pub fn adam_epsilon(mut self, epsilon: f64) -> Self {
        self.adam = self.adam.epsilon(epsilon);
        self
    }

    /// Sets AdamW's learning rate to η times `factor`, at least 0.
    pub fn adam_learning_rate_factor(mut self, factor: f64) -> Self {
        self.adam_factor = factor;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        let iterations = self.iterations as f64;
        check_range(
            "the number of iterations",
            iterations,
            iterations < 100.0,
            "below 100",
        )?;
        at_least_0("ε", self.epsilon)?;
        at_least_0("AdamW's learning rate factor", self.adam_factor)?;
        self.adam.check()?;
        let settings = self.settings;
        Ok(Box::new(Stepper::new(self, settings)?))
    }

    /// Returns whether Muon updates the parameter, and not AdamW.
    fn takes(&self, path: &str, value: &Tensor) -> bool {
        value.rank() == 2 && !self.excluded.iter().any(|paths| paths.matches(path))
    }

    fn rest(&self) -> Elementwise<Adam, 2> {
        Elementwise(self.adam)
    }

    fn update_matrix(&self, at: &mut ParamStep<'_>) -> Result<()> {
        let (eta, mu) = (at.settings.learning_rate, at.settings.momentum);
        let &[rows, columns] = at.param.shape() else {
            return Ok(());
        };
        if at.param.value().is_empty() {
            return Ok(());
        }
        let [m] = at.state.tensors_mut()?;
        let toward = |m: &Tensor| m.mul_scalar(mu).add(&at.gradient.mul_scalar(1.0 - mu));
        let moved = toward(m)?;
        let direction = if self.nesterov {
            toward(&moved)?
        } else {
            moved.clone()
        };
        let direction = orthogonalized(&direction, self.iterations, self.epsilon)?;
        let descend = Descend {
            shrink: 1.0 - eta * at.settings.weight_decay,
            size: eta * self.scale.factor(rows, columns),
        };
        descend.apply_to(at, &direction)?;
        let [m] = at.state.tensors_mut()?;
        *m = moved;
        Ok(())
    }
}

/// Returns a matrix with the same singular vectors and singular values of about 1.
fn orthogonalized(x: &Tensor, iterations: usize, epsilon: f64) -> Result<Tensor> {
    let (a, b, c) = (3.4445, -4.775, 2.0315);
    // The products are smaller if there are fewer rows than columns.
    let tall = x.shape()[0] > x.shape()[1];
    let turned = |x: &Tensor| {
        if tall {
            x.transpose(0, 1)
        } else {
            Ok(x.clone())
        }
    };
    let norm = root(x.sum_of_squares(), x)?.max(epsilon);
    let mut x = scaled(turned(x)?, norm.recip());
    for _ in 0..iterations {
        let gram = x.matmul(&x.transpose(0, 1)?)?;
        let mut factor = gram.matmul(&gram)?;
        factor.map_in_place(Weighted { own: c, other: b }, [&gram])?;
        let mut next = factor.matmul(&x)?;
        next.map_in_place(Weighted { own: 1.0, other: a }, [&x])?;
        x = next;
    }
    turned(&x)
}

/// The formula `x := own x + other y`.
#[derive(Clone, Copy)]
struct Weighted {
    own: f64,
    other: f64,
}

impl Update<1, 1> for Weighted {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], [y]: [T; 1]) -> [T; 1] {
        [x * self.own + y * self.other]
    }
}

impl Algorithm for Muon {
    fn name(&self) -> &'static str {
        "Muon"
    }

    fn state_names(&self) -> Vec<Vec<&'static str>> {
        let mut names = self.rest().state_names();
        names.push(vec!["momentum"]);
        names
    }

    fn init(&self, path: &str, value: &Tensor) -> Result<ParamState> {
        if self.takes(path, value) {
            ParamState::zeros_like(["momentum"], value)
        } else {
            self.rest().init(path, value)
        }
    }

    fn update(&self, step: &mut ParamStep<'_>) -> Result<()> {
        if self.takes(step.path, step.param.value()) {
            return self.update_matrix(step);
        }
        step.settings.momentum = self.adam_beta1;
        step.settings.learning_rate *= self.adam_factor;
        self.rest().update(step)
    }

    /// Updates the parameters of AdamW in one sweep.
    fn update_all(&self, steps: Vec<ParamStep<'_>>) -> Result<()> {
        let (matrices, mut others): (Vec<_>, Vec<_>) = steps
            .into_iter()
            .partition(|step| self.takes(step.path, step.param.value()));
        for step in &mut others {
            step.settings.momentum = self.adam_beta1;
            step.settings.learning_rate *= self.adam_factor;
        }
        self.rest().update_all(others)?;
        one_by_one(matrices, |step| self.update_matrix(step))
    }

    fn check_paths(&self, paths: &[&str]) -> Result<()> {
        for pattern in &self.excluded {
            if !paths.iter().any(|path| pattern.matches(path)) {
                return Err(pattern.no_match("Muon", "the model's parameters", paths));
            }
        }
        Ok(())
    }
}

//! Adafactor: second moments of rows and columns instead of elements.

use crate::algorithm::{Algorithm, ParamState, ParamStep};
use crate::clip::root;
use crate::descend::Descend;
use crate::optimizer::Optimizer;
use crate::rule::{larger, mean_square};
use crate::settings::{Settings, at_least_0, check_range};
use crate::stepper::Stepper;
use cotangent_core::kernel::{Real, Update};
use cotangent_core::{Axes, DType, Norm, Result, Tensor};

/// Adafactor. It averages the mean squares of the gradient's rows and columns:
/// `r = β r + (1 - β) mean_row(g²)` and `c = β c + (1 - β) mean_column(g²)`. Then
/// `v = r c / max(mean(r), ε₁)`, `u = g / max(√v, ε₁)`, `w -= η λ w; w -= α u / max(1, rms(u) / d)`
/// with `β = 1 - t^τ` and `α = max(ε₂, rms(w)) min(η, 1 / √t)` (Shazeer, Stern 2018, Adafactor:
/// Adaptive Learning Rates with Sublinear Memory Cost). The defaults of ε₁ and η are PyTorch's,
/// which differ from the paper's.
///
/// rms is the root of the mean square over all elements of a parameter. The learning rate is
/// relative to that of the parameter, and at most 1 / √t.
///
/// The state of a matrix (n, m) has n + m numbers, where Adam has 2 n m. A parameter of higher rank
/// is a stack of matrices, its last two axes. A vector or a scalar has v for each element. Each
/// step needs memory for one more tensor of the parameter's shape, which is freed before the next
/// parameter is updated.
///
/// If `g²` overflows (in `f32` for gradients from 1.8e19 on), a matrix becomes NaN and a vector no
/// longer changes, as in PyTorch. [`clip`](crate::clip) gradients that can be so large.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Adafactor {
    settings: Settings,
    beta2_decay: f64,
    epsilon1: Option<f64>,
    epsilon2: f64,
    clipping: f64,
}

impl Adafactor {
    /// Creates Adafactor with learning rate η (1e-2 is usual), τ -0.8, the dtype's ε₁, ε₂ 1e-3, d 1
    /// and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate),
            beta2_decay: -0.8,
            epsilon1: None,
            epsilon2: 1e-3,
            clipping: 1.0,
        }
    }

    /// Sets τ, the exponent of the decay of the averages, at most 0.
    pub fn beta2_decay(mut self, exponent: f64) -> Self {
        self.beta2_decay = exponent;
        self
    }

    /// Sets ε₁, at least 0: gradients are divided by at least this root mean square. The default is
    /// the distance from 1 to the next number of the parameter's dtype.
    pub fn epsilon1(mut self, epsilon: f64) -> Self {
        self.epsilon1 = Some(epsilon);
        self
    }

    /// Sets ε₂, at least 0: the root mean square of a parameter counts as at least this.
    pub fn epsilon2(mut self, epsilon: f64) -> Self {
        self.epsilon2 = epsilon;
        self
    }

    /// Sets d, at least 1: u is scaled down if its root mean square is larger.
    pub fn clipping(mut self, threshold: f64) -> Self {
        self.clipping = threshold;
        self
    }

    /// Sets the decoupled weight decay λ, at least 0. The default is 0.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.weight_decay = weight_decay;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        let tau = self.beta2_decay;
        check_range("τ", tau, tau.is_finite() && tau <= 0.0, "at most 0")?;
        at_least_0("ε₁", self.epsilon1.unwrap_or_default())?;
        at_least_0("ε₂", self.epsilon2)?;
        check_range("d", self.clipping, self.clipping >= 1.0, "at least 1")?;
        Ok(Box::new(Stepper::new(self, self.settings)?))
    }
}

/// Returns the shapes of the means of rows and of columns, whose reduced axes keep length 1; none
/// for vectors and scalars.
fn factors(shape: &[usize]) -> Option<[Vec<usize>; 2]> {
    let [.., _, _] = shape else {
        return None;
    };
    Some([1, 2].map(|from_end| {
        let mut factor = shape.to_vec();
        factor[shape.len() - from_end] = 1;
        factor
    }))
}

/// Returns the root of the mean square of all elements.
fn root_mean_square(x: &Tensor) -> Result<f64> {
    Ok(root(x.sum_of_squares(), x)? / (x.len() as f64).sqrt())
}

impl Algorithm for Adafactor {
    fn name(&self) -> &'static str {
        "Adafactor"
    }

    fn state_names(&self) -> Vec<Vec<&'static str>> {
        vec![vec!["row", "column"], vec!["v"]]
    }

    fn init(&self, _path: &str, value: &Tensor) -> Result<ParamState> {
        let Some([row, column]) = factors(value.shape()) else {
            return ParamState::zeros_like(["v"], value);
        };
        Ok(ParamState::from([
            ("row", Tensor::zeros(row, value.dtype())?),
            ("column", Tensor::zeros(column, value.dtype())?),
        ]))
    }

    fn update(&self, at: &mut ParamStep<'_>) -> Result<()> {
        let (value, g) = (at.param.value(), at.gradient);
        if value.is_empty() {
            return Ok(());
        }
        let (t, eta) = (at.number as f64, at.settings.learning_rate);
        let taken = t.powf(self.beta2_decay);
        let epsilon1 = self.epsilon1.unwrap_or(match value.dtype() {
            DType::F32 => f64::from(f32::EPSILON),
            _ => f64::EPSILON,
        });
        let alpha = self.epsilon2.max(root_mean_square(value)?) * eta.min(t.sqrt().recip());
        let moved = |mean: &Tensor, axis: isize| {
            let root = g.norm_over(Axes::keep(axis), Norm::L2)?;
            let count = g.shape()[(g.rank() as isize + axis) as usize];
            let new = root.square().mul_scalar(taken / count as f64);
            mean.mul_scalar(1.0 - taken).add(&new)
        };
        let (mut u, new) = if g.rank() < 2 {
            let [v] = at.state.tensors_mut()?;
            let mut v = v.clone();
            let beta = 1.0 - taken;
            v.map_in_place(MeanSquare { beta }, [g])?;
            (v.clone(), vec![v])
        } else {
            let [row, column] = at.state.tensors_mut()?;
            let (row, column) = (moved(row, -1)?, moved(column, -2)?);
            let mut mean = row.mean_over(Axes::keep(-2))?;
            mean.map_in_place(AtLeast(epsilon1), [])?;
            (row.div(&mean)?.mul(&column)?, vec![row, column])
        };
        let least = epsilon1 * epsilon1;
        u.map_in_place(OverRoot { least }, [g])?;
        let clip = (root_mean_square(&u)? / self.clipping).max(1.0);
        let descend = Descend {
            shrink: 1.0 - eta * at.settings.weight_decay,
            size: alpha / clip,
        };
        descend.apply_to(at, &u)?;
        for ((_, state), new) in at.state.tensors.iter_mut().zip(new) {
            *state = new;
        }
        Ok(())
    }
}

/// The formula `v := β v + (1 - β) g²`.
#[derive(Clone, Copy)]
struct MeanSquare {
    beta: f64,
}

impl Update<1, 1> for MeanSquare {
    #[inline(always)]
    fn apply<T: Real>(self, [v]: [T; 1], [g]: [T; 1]) -> [T; 1] {
        [mean_square(v, g, self.beta)]
    }
}

/// The formula `x := max(x, least)`, which keeps NaN.
#[derive(Clone, Copy)]
struct AtLeast(f64);

impl Update<1, 0> for AtLeast {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], []: [T; 0]) -> [T; 1] {
        [larger(x, x.constant(self.0))]
    }
}

/// The formula `v := g / √max(v, least)`.
#[derive(Clone, Copy)]
struct OverRoot {
    least: f64,
}

impl Update<1, 1> for OverRoot {
    #[inline(always)]
    fn apply<T: Real>(self, [v]: [T; 1], [g]: [T; 1]) -> [T; 1] {
        [g / larger(v, v.constant(self.least)).sqrt()]
    }
}

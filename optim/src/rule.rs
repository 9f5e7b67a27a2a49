//! Optimizers as a formula for one element.

use crate::settings::Settings;
use cotangent_core::kernel::Real;
use std::fmt::Debug;

/// The numbers that a [`Rule`] needs for its step on one parameter.
#[derive(Clone, Copy, Debug)]
pub struct StepInfo {
    /// The number of the parameter's step, from 1.
    pub number: u64,
    /// The settings of the optimizer, adjusted by the parameter's groups.
    pub settings: Settings,
    /// The parameter's [carried number](Rule::CARRY), which [`Rule::prepare`] may change; 1 if
    /// there is none.
    pub carry: f64,
    /// Numbers that [`Rule::prepare`] computes once for all elements, such as bias corrections.
    pub shared: [f64; 3],
}

/// The formula of an optimizer with `N` numbers of state per element. It is all that a custom
/// optimizer has to define, if no element depends on another; else implement
/// [`Algorithm`](crate::Algorithm).
///
/// ```
/// use cotangent::kernel::Real;
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Elementwise, Optimizer, Rule, Settings, StepInfo, Stepper};
///
/// /// m = μ m + (1 - μ) g; w -= η m / (1 + |m|)
/// #[derive(Clone, Copy, Debug)]
/// struct Bounded;
///
/// impl Rule<1> for Bounded {
///     const NAME: &'static str = "Bounded";
///     const STATE: [&'static str; 1] = ["average"];
///
///     #[inline(always)]
///     fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m]: [T; 1]) -> (T, [T; 1]) {
///         let m = m * at.settings.momentum + g * (1.0 - at.settings.momentum);
///         (w - m / (m.abs() + 1.0) * at.settings.learning_rate, [m])
///     }
/// }
///
/// let mut w = Param::new(&Tensor::from([5.0f32, -3.0]));
/// let settings = Settings { momentum: 0.5, ..Settings::new(0.1) };
/// let mut optimizer = Stepper::new(Elementwise(Bounded), settings)?;
/// for _ in 0..200 {
///     let grads = w.read(&Pass::train(0)).square().sum().backward()?;
///     optimizer.step(&mut w, grads)?;
/// }
/// assert!(w.value().square().sum().item()? < 0.01);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub trait Rule<const N: usize>: Copy + Debug + Send + Sync + 'static {
    /// The name in saved state. State with another name is not loaded.
    const NAME: &'static str;

    /// The names of the state tensors, under which they are saved.
    const STATE: [&'static str; N];

    /// The name of a number that each parameter has besides, such as NAdam's product of momenta. It
    /// is saved with the state. [`StepInfo::carry`] is its value, 1 before the first step.
    const CARRY: Option<&'static str> = None;

    /// Returns the initial values of the state.
    fn initial(&self) -> [f64; N] {
        [0.0; N]
    }

    /// Computes the numbers that all elements share, once for each parameter and step: sets
    /// `shared`, and `carry` if the rule has one.
    fn prepare(&self, _at: &mut StepInfo) {}

    /// Returns whether a gradient of 0 changes neither the parameter nor the state of an element,
    /// in any finite state that the rule can reach. A step then visits only the rows that are
    /// stored if a gradient [stores few](cotangent_core::Tensor::sparse_rows). The default is
    /// false.
    fn keeps_at_zero(&self, _at: &StepInfo) -> bool {
        false
    }

    /// Returns the new parameter and state of an element, from parameter `w`, gradient `g` and
    /// state.
    ///
    /// Mark it `#[inline(always)]`: code that is not inlined is not vectorized. If it panics, some
    /// elements have made the step and others have not; shapes have not changed.
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, state: [T; N]) -> (T, [T; N]);
}

/// Computes `β v + (1 - β) g²`, without the square alone, which would overflow earlier.
#[inline(always)]
pub(crate) fn mean_square<T: Real>(v: T, g: T, beta: f64) -> T {
    v * beta + g * (1.0 - beta) * g
}

/// Returns the larger number, or NaN if one of them is NaN.
#[inline(always)]
pub(crate) fn larger<T: Real>(a: T, b: T) -> T {
    T::select(a.lt(b), b, T::select(b.equals(b), a, b))
}

/// Computes `g + λ w`.
#[inline(always)]
pub(crate) fn decayed<T: Real>(at: StepInfo, w: T, g: T) -> T {
    if at.settings.weight_decay == 0.0 {
        g
    } else {
        g + w * at.settings.weight_decay
    }
}

/// Computes `w - η λ w`.
#[inline(always)]
pub(crate) fn shrunk<T: Real>(at: StepInfo, w: T) -> T {
    if at.settings.weight_decay == 0.0 {
        w
    } else {
        w * (1.0 - at.settings.learning_rate * at.settings.weight_decay)
    }
}

/// Returns parameter and gradient with the weight decay applied to the parameter if `decoupled`,
/// else to the gradient.
#[inline(always)]
pub(crate) fn regularized<T: Real>(at: StepInfo, decoupled: bool, w: T, g: T) -> (T, T) {
    if decoupled {
        (shrunk(at, w), g)
    } else {
        (w, decayed(at, w, g))
    }
}

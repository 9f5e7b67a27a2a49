//! Gradient descent with momentum, plain and Nesterov's.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed};
use crate::settings::{Settings, setters, share};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// Gradient descent with momentum: `b = g` in the first step, then `b = μ b + (1 - τ) g`;
/// `w -= η b` (Polyak 1964, Some methods of speeding up the convergence of iteration methods).
///
/// The learning rate is applied to the buffer, as in PyTorch. Keras applies it to the gradient,
/// which gives the same steps if the learning rate is constant.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Momentum {
    settings: Settings,
    dampening: f64,
}

impl Momentum {
    /// Creates the optimizer with learning rate η, momentum μ 0.9, dampening τ 0 and no weight
    /// decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
            dampening: 0.0,
        }
    }

    setters!(momentum);
    setters!(weight_decay);

    /// Sets the dampening τ, in `[0, 1]`.
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        share("dampening", self.dampening)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<1> for Momentum {
    const NAME: &'static str = "Momentum";
    const STATE: [&'static str; 1] = ["momentum"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [b]: [T; 1]) -> (T, [T; 1]) {
        let g = decayed(at, w, g);
        let b = if at.number == 1 {
            g
        } else {
            b * at.settings.momentum + g * (1.0 - self.dampening)
        };
        (w - b * at.settings.learning_rate, [b])
    }
}

/// Gradient descent with Nesterov's momentum: `b = μ b + g`; `w -= η (g + μ b)` (Nesterov 1983, A
/// method for solving the convex programming problem with convergence rate O(1/k²)).
///
/// Textbooks write it with a look ahead: `m := β m - η ∇J(w + β m); w := w + m`. With `ŵ = w + β m`
/// and `m = -η b`, both forms give the same iterates if η is constant. The parameter here is ŵ, the
/// point at which the gradient is taken.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Nesterov {
    settings: Settings,
}

impl Nesterov {
    /// Creates the optimizer with learning rate η, momentum μ 0.9 and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
        }
    }

    setters!(momentum);
    setters!(weight_decay);

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<1> for Nesterov {
    const NAME: &'static str = "Nesterov";
    const STATE: [&'static str; 1] = ["momentum"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [b]: [T; 1]) -> (T, [T; 1]) {
        let mu = at.settings.momentum;
        let g = decayed(at, w, g);
        let b = b * mu + g;
        (w - (g + b * mu) * at.settings.learning_rate, [b])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cotangent_core::module::{Param, Pass};
    use cotangent_core::{DType, Tensor};

    /// The curvatures c of J(w) = Σ c w² / 2 + Σ w⁴ / 4.
    const CURVATURES: [f64; 3] = [1.0, 10.0, 0.1];

    fn gradient(w: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|i| CURVATURES[i] * w[i] + w[i].powi(3))
    }

    #[test]
    fn the_lookahead_form_gives_the_same_iterates() -> Result<()> {
        let (eta, beta) = (0.02, 0.9);
        let start = [1.0, -0.5, 2.0];
        let mut w = Param::new(&Tensor::from(start));
        let mut optimizer = Nesterov::new(eta).momentum(beta).build()?;
        let (mut book_w, mut book_m) = (start, [0.0; 3]);
        let curvatures = Tensor::from(CURVATURES);
        for _ in 0..100 {
            let x = w.read(&Pass::train(0));
            let loss = curvatures.mul(&x.square())?.sum() * 0.5 + x.square().square().sum() * 0.25;
            optimizer.step(&mut w, loss.backward()?)?;
            let ahead = std::array::from_fn(|i| book_w[i] + beta * book_m[i]);
            let g = gradient(ahead);
            for i in 0..3 {
                book_m[i] = beta * book_m[i] - eta * g[i];
                book_w[i] += book_m[i];
                let ahead = book_w[i] + beta * book_m[i];
                let ours = w.value().to_f64_vec()[i];
                assert!(
                    (ours - ahead).abs() <= 1e-12 * ahead.abs().max(1.0),
                    "{ours} {ahead}"
                );
            }
        }
        assert_eq!(w.value().dtype(), DType::F64);
        Ok(())
    }
}

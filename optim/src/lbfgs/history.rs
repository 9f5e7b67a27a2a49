//! The inverse Hessian of L-BFGS, by the last changes of the parameters and the gradient.

use cotangent_core::kernel::{Real, Update};
use cotangent_core::{Result, Tensor};
use std::collections::VecDeque;

/// The last pairs of changes, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pairs: VecDeque<Pair>,
}

/// A change of the parameters, that of the gradient, and the reciprocal of their scalar product.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub s: Tensor,
    pub y: Tensor,
    rho: f64,
    /// The scale of the first approximation of the inverse Hessian, `s y / y y`.
    scale: f64,
}

impl Pair {
    /// Returns a pair; none if the curvature along it is not positive, up to rounding.
    pub fn new(s: Tensor, y: Tensor) -> Result<Option<Self>> {
        let (curvature, square) = (dot(&s, &y)?, dot(&y, &y)?);
        let (rho, scale) = (curvature.recip(), curvature / square);
        let is_positive = curvature > f64::EPSILON * square && rho.is_finite();
        let pair = Self { s, y, rho, scale };
        Ok((is_positive && scale.is_finite()).then_some(pair))
    }
}

impl History {
    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub fn clear(&mut self) {
        self.pairs.clear();
    }

    /// Adds a pair, and drops the oldest ones beyond `size`.
    pub fn push(&mut self, pair: Pair, size: usize) {
        self.pairs.push_back(pair);
        while self.pairs.len() > size {
            self.pairs.pop_front();
        }
    }

    /// Returns the direction `-H g`, where H is the approximation of the inverse Hessian (Nocedal,
    /// Wright 2006, Numerical Optimization, algorithm 7.4); without pairs `-g`.
    pub fn direction(&self, gradient: &Tensor) -> Result<Tensor> {
        let mut d = gradient.neg();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let alpha = pair.rho * dot(&pair.s, &d)?;
            add(&mut d, -alpha, &pair.y)?;
            alphas.push(alpha);
        }
        if let Some(newest) = self.pairs.back() {
            d = d.scaled_in_place(newest.scale);
        }
        for (pair, alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = pair.rho * dot(&pair.y, &d)?;
            add(&mut d, alpha - beta, &pair.s)?;
        }
        Ok(d)
    }
}

/// Returns the scalar product of two vectors, summed in an order that depends on their length
/// alone.
pub(super) fn dot(a: &Tensor, b: &Tensor) -> Result<f64> {
    a.dot(b)?.item()
}

/// Returns the largest absolute value, NaN if there is one.
pub(super) fn largest(x: &Tensor) -> Result<f64> {
    x.abs().max()?.item()
}

/// Computes `x += factor y`.
pub(super) fn add(x: &mut Tensor, factor: f64, y: &Tensor) -> Result<()> {
    x.map_in_place(AddScaled(factor), [y])
}

#[derive(Clone, Copy)]
struct AddScaled(f64);

impl Update<1, 1> for AddScaled {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], [y]: [T; 1]) -> [T; 1] {
        [x + y * self.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_pairs_as_axes_are_the_inverse_of_a_quadratic_function() -> Result<()> {
        // Conjugate steps on Σ hᵢ xᵢ² / 2, which are the axes.
        let h = [4.0f64, 0.5, 10.0];
        let mut history = History::default();
        for axis in 0..3 {
            let (mut s, mut y) = ([0.0; 3], [0.0; 3]);
            (s[axis], y[axis]) = (0.1, 0.1 * h[axis]);
            let pair = Pair::new(Tensor::from(s), Tensor::from(y))?;
            history.push(pair.expect("the curvature is positive"), 3);
        }
        let direction = history.direction(&Tensor::from([4.0f64, 1.0, -20.0]))?;
        for (found, expected) in direction.to_f64_vec().into_iter().zip([-1.0, -2.0, 2.0]) {
            assert!((found - expected).abs() < 1e-12, "{direction}");
        }
        // A history of two has lost the first axis.
        let third = history.pairs[2].clone();
        history.push(third, 2);
        assert_eq!(history.pairs().count(), 2);
        Ok(())
    }

    #[test]
    fn pairs_without_positive_curvature_are_refused() -> Result<()> {
        for (s, y) in [
            (1.0, -1.0),
            (0.0, 1.0),
            (1.0, 0.0),
            (f64::NAN, 1.0),
            (1e-200, 1e-200),
        ] {
            let pair = Pair::new(Tensor::from([s]), Tensor::from([y]))?;
            assert!(pair.is_none(), "{s} {y}");
        }
        Ok(())
    }
}

//! Products whose partial products may leave the range of `f64`, and their derivatives of any
//! order. Partial products have an exponent of any size, and each result is rounded once.

use crate::kernel::float::Float;
use crate::kernel::reduce::scan::{Lines, scan};
use crate::kernel::threads::parallel::{self, GRAIN};

/// A number `value` · 2^(600 `shift`): an `f64` whose exponent has no limits.
#[derive(Clone, Copy, Debug)]
struct Scaled {
    /// Between [`LOW`] and [`HIGH`] in magnitude, or 0, infinite or NaN.
    value: f64,
    /// The exponent, in units of 2^600.
    shift: i64,
}

/// 2^-500. The product of two numbers between this and [`HIGH`] is within the range of `f64`.
const LOW: f64 = f64::from_bits((1023 - 500) << 52);
/// 2^500.
const HIGH: f64 = f64::from_bits((1023 + 500) << 52);
/// 2^600 and its reciprocal.
const UP: f64 = f64::from_bits((1023 + 600) << 52);
const DOWN: f64 = f64::from_bits((1023 - 600) << 52);

impl Scaled {
    const ZERO: Self = Self {
        value: 0.0,
        shift: 0,
    };
    const ONE: Self = Self {
        value: 1.0,
        shift: 0,
    };

    fn new(value: f64) -> Self {
        Self { value, shift: 0 }.renormalized()
    }

    /// Returns the same number with `value` between the limits, unless it is 0, infinite or NaN.
    fn renormalized(self) -> Self {
        let Self { value, shift } = self;
        let size = value.abs();
        if size >= HIGH {
            let value = value * DOWN;
            Self {
                value,
                shift: shift + 1,
            }
        } else if size < LOW && size > 0.0 {
            let value = value * UP;
            Self {
                value,
                shift: shift - 1,
            }
        } else {
            self
        }
    }

    fn times(self, other: Self) -> Self {
        let value = self.value * other.value;
        let shift = self.shift + other.shift;
        Self { value, shift }.renormalized()
    }

    /// Multiplies by any number. This takes a single multiplication while the result is between the
    /// limits.
    #[inline(always)]
    fn times_number(self, x: f64) -> Self {
        let value = self.value * x;
        if (LOW..HIGH).contains(&value.abs()) {
            let shift = self.shift;
            return Self { value, shift };
        }
        self.times_rescaled(x)
    }

    #[cold]
    fn times_rescaled(self, x: f64) -> Self {
        self.times(Self::new(x))
    }

    fn plus(self, other: Self) -> Self {
        if self.shift == other.shift {
            let value = self.value + other.value;
            let shift = self.shift;
            return Self { value, shift }.renormalized();
        }
        if self.value == 0.0 {
            return other;
        }
        if other.value == 0.0 {
            return self;
        }
        let (large, small) = if self.shift > other.shift {
            (self, other)
        } else {
            (other, self)
        };
        let value = large.value + shifted(small.value, small.shift - large.shift);
        let shift = large.shift;
        Self { value, shift }.renormalized()
    }

    /// Rounds once, to 0 or infinity if the number is out of the range of `F`.
    fn to_float<F: Float>(self) -> F {
        F::from_f64(if self.shift == 0 {
            self.value
        } else {
            shifted(self.value, self.shift)
        })
    }
}

/// Returns `value` · 2^(600 `shift`). Three multiplications leave the range of `f64` for every
/// `value`, and multiplication keeps infinity infinite.
fn shifted(value: f64, shift: i64) -> f64 {
    let factor = if shift > 0 { UP } else { DOWN };
    (0..shift.unsigned_abs().min(3)).fold(value, |value, _| value * factor)
}

/// Computes the product of each row of `len` consecutive elements.
pub(crate) fn rows<F: Float>(xs: &[F], len: usize, out: &mut [F]) {
    if len >= GRAIN {
        for (row, out) in xs.chunks_exact(len).zip(out) {
            let parts = parallel::collect(len, GRAIN, &|range| of_slice(&row[range]));
            *out = parts
                .into_iter()
                .fold(Scaled::ONE, Scaled::times)
                .to_float();
        }
        return;
    }
    parallel::chunks_mut(out, (GRAIN / len.max(1)).max(1), &|start, out| {
        for (i, out) in (start..).zip(out) {
            *out = of_slice(&xs[i * len..(i + 1) * len]).to_float();
        }
    });
}

/// Accumulators that run side by side, to hide latency.
const LANES: usize = 8;

fn of_slice<F: Float>(xs: &[F]) -> Scaled {
    let mut parts = [Scaled::ONE; LANES];
    let mut multiply = |xs: &[F]| {
        for (part, x) in parts.iter_mut().zip(xs) {
            *part = part.times_number(Float::to_f64(*x));
        }
    };
    let chunks = xs.chunks_exact(LANES);
    let rest = chunks.remainder();
    chunks.for_each(&mut multiply);
    multiply(rest);
    parts.into_iter().fold(Scaled::ONE, Scaled::times)
}

/// The factors xᵢ + Σ cₐᵢ εₐ of each line. Each direction cₐ comes
/// with a variable εₐ whose square is 0. The coefficient of ε₁ ε₂ … in a product of factors is the
/// derivative of the product of the xᵢ along the directions c₁, c₂, ….
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a, F> {
    pub xs: &'a [F],
    pub directions: &'a [&'a [F]],
    pub lines: Lines<'a>,
}

impl<F: Float> Factors<'_, F> {
    /// Multiplies a polynomial, which is a product of `count` factors, by factor number `i`. Bit a
    /// of a coefficient's index tells whether εₐ belongs to it.
    #[inline(always)]
    fn multiply(&self, polynomial: &mut [Scaled], i: usize, count: usize) {
        let x = self.xs[i].to_f64();
        // From the highest index down, because a coefficient needs the old values of those below
        // it.
        for place in (0..polynomial.len()).rev() {
            let mut sum = coefficient(polynomial, place, count)
                .map_or(Scaled::ZERO, |scaled| scaled.times_number(x));
            for (a, direction) in self.directions.iter().enumerate() {
                if place >> a & 1 == 1
                    && let Some(below) = coefficient(polynomial, place ^ (1 << a), count)
                {
                    sum = sum.plus(below.times_number(direction[i].to_f64()));
                }
            }
            polynomial[place] = sum;
        }
    }

    /// Computes `out[i]`, the derivative of x₀ · … · xᵢ along all directions.
    pub(crate) fn running(&self, out: &mut [F]) {
        if self.directions.is_empty() {
            self.running_from([Scaled::ONE], out);
        } else {
            self.running_from(self.polynomial(Scaled::ONE), out);
        }
    }

    fn running_from<P: Polynomial>(&self, one: P, out: &mut [F]) {
        scan(false, self.lines, one, out, &|product, i, [count, _]| {
            let product = product.as_mut();
            self.multiply(product, i, count);
            coefficient(product, product.len() - 1, count + 1)
                .unwrap_or(Scaled::ZERO)
                .to_float()
        });
    }

    /// Computes `out[i]`, the derivative with respect to xᵢ of Σₖ gₖ rₖ, where r is the result of
    /// [`running`](Self::running). It uses no quotient: it multiplies the product of the factors
    /// before i by the sum over those after it.
    pub(crate) fn pullback(&self, gs: &[F], out: &mut [F]) {
        if self.directions.is_empty() {
            self.pullback_from([Scaled::ONE], [Scaled::ZERO], gs, out);
        } else {
            let [one, zero] = [Scaled::ONE, Scaled::ZERO].map(|first| self.polynomial(first));
            self.pullback_from(one, zero, gs, out);
        }
    }

    fn pullback_from<P: Polynomial>(&self, one: P, zero: P, gs: &[F], out: &mut [F]) {
        let mut before = vec![one.clone(); self.xs.len()];
        scan(
            false,
            self.lines,
            one,
            &mut before,
            &|product, i, [count, _]| {
                let before = product.clone();
                self.multiply(product.as_mut(), i, count);
                before
            },
        );
        // Σₖ gₖ xᵢ₊₁ · … · xₖ over k ≥ i, whose first term is gᵢ itself.
        scan(true, self.lines, zero, out, &|behind, i, [count, len]| {
            let (before, behind) = (before[i].as_ref(), behind.as_mut());
            behind[0] = behind[0].plus(Scaled::new(gs[i].to_f64()));
            let all = behind.len() - 1;
            let mut sum = Scaled::ZERO;
            for place in 0..=all {
                if let Some(first) = coefficient(before, place, len - 1 - count)
                    && let Some(second) = coefficient(behind, all ^ place, count)
                {
                    sum = sum.plus(first.times(second));
                }
            }
            self.multiply(behind, i, count);
            sum.to_float()
        });
    }

    /// Returns a constant polynomial.
    fn polynomial(&self, constant: Scaled) -> Vec<Scaled> {
        let mut polynomial = vec![Scaled::ZERO; 1 << self.directions.len()];
        polynomial[0] = constant;
        polynomial
    }
}

/// Returns a coefficient of a product of `count` factors, or `None` if there are fewer factors than
/// variables. That coefficient is 0, and must not be multiplied by an infinite factor.
#[inline(always)]
fn coefficient(polynomial: &[Scaled], place: usize, count: usize) -> Option<Scaled> {
    (place.count_ones() as usize <= count).then(|| polynomial[place])
}

/// The coefficients of a polynomial. A single coefficient is an array, which needs no allocation.
trait Polynomial: AsRef<[Scaled]> + AsMut<[Scaled]> + Clone + Send + Sync {}
impl<P: AsRef<[Scaled]> + AsMut<[Scaled]> + Clone + Send + Sync> Polynomial for P {}

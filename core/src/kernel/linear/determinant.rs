//! Determinants and cofactors of single matrices, with exponents of any size on the way.

use super::decompose::{Done, Fault, Lu, Real, identity, scale, wide, zeros};

/// A matrix with rows and columns that are scaled by powers of two, and its determinant, which may
/// be out of the range.
struct Scaled {
    lu: Lu<f64>,
    /// The exponents of the powers of two by which rows and columns are divided.
    rows: Vec<f64>,
    columns: Vec<f64>,
    /// The determinant is `factor` times 2^`exponent`.
    factor: f64,
    exponent: f64,
}

impl Scaled {
    fn new<F: Real>(a: &[F], n: usize) -> Result<Self, Fault> {
        // High, so that small elements of the same row keep their digits.
        const LARGEST: f64 = 400.0;
        let mut values = zeros::<f64>(a.len())?;
        values.iter_mut().zip(a).for_each(|(y, &x)| *y = wide(x));
        let [mut rows, mut columns] = [zeros::<f64>(n)?, zeros::<f64>(n)?];
        for (exponents, [line, next]) in [(&mut rows, [n, 1]), (&mut columns, [1, n])] {
            for (i, exponent) in exponents.iter_mut().enumerate() {
                let places = (0..n).map(|j| i * line + j * next);
                let largest = places
                    .clone()
                    .fold(0.0, |most: f64, place| most.max(values[place].abs()));
                if largest > 0.0 {
                    *exponent = largest.log2().floor() - LARGEST;
                }
                for place in places {
                    scale(&mut values[place..=place], -*exponent as i32);
                }
            }
        }
        let lu = Lu::new(&values, n)?;
        let mut factor = if lu.swaps % 2 == 0 { 1.0 } else { -1.0 };
        let mut exponent = rows.iter().chain(&columns).sum::<f64>();
        exponent += n as f64 * f64::from(lu.excess);
        let is_singular = lu.is_singular();
        if is_singular {
            factor = 0.0;
        }
        for mut pivot in lu.pivots().filter(|_| !is_singular) {
            let size = pivot.abs().log2().floor();
            scale(std::slice::from_mut(&mut pivot), -size as i32);
            factor *= pivot / 2.0;
            exponent += size + 1.0;
            if factor.abs() < 0.5 {
                factor *= 2.0;
                exponent -= 1.0;
            }
        }
        Ok(Self {
            lu,
            rows,
            columns,
            factor,
            exponent,
        })
    }
}

/// Computes x 2^exponent, in steps, since the power may be out of the range although the result is
/// not.
fn times_power(x: f64, exponent: f64) -> f64 {
    let exponent = exponent.clamp(-3000.0, 3000.0);
    let step = (exponent / 3.0).trunc();
    x * step.exp2() * step.exp2() * (exponent - 2.0 * step).exp2()
}

/// Computes the determinant of a (n, n).
pub(crate) fn determinant<F: Real>(a: &[F], n: usize, out: &mut [F]) -> Done {
    let scaled = Scaled::new(a, n)?;
    out[0] = F::from_f64(times_power(scaled.factor, scaled.exponent));
    Ok(())
}

/// Computes the sign of the determinant of a (n, n), and the logarithm of its size.
pub(crate) fn log_determinant<F: Real>(a: &[F], n: usize, out: &mut [F]) -> Done {
    let Scaled {
        factor, exponent, ..
    } = Scaled::new(a, n)?;
    let sign = if factor == 0.0 { 0.0 } else { factor.signum() };
    let log = factor.abs().ln() + exponent * std::f64::consts::LN_2;
    out.copy_from_slice(&[F::from_f64(sign), F::from_f64(log)]);
    Ok(())
}

/// Computes the cofactors of a (n, n), the elements of det(a) a⁻ᵀ. Neither factor needs to be in
/// the range.
pub(crate) fn cofactors<F: Real>(a: &[F], n: usize, out: &mut [F]) -> Done {
    let scaled = Scaled::new(a, n)?;
    let mut inverse = zeros::<f64>(a.len())?;
    identity(&mut inverse, n);
    scaled.lu.solve(&mut inverse, n)?;
    for (i, row) in out.chunks_exact_mut(n).enumerate() {
        for (j, out) in row.iter_mut().enumerate() {
            let exponent = scaled.exponent - scaled.rows[i] - scaled.columns[j];
            let x = scaled.factor * inverse[j * n + i];
            *out = F::from_f64(times_power(x, exponent));
        }
    }
    Ok(())
}

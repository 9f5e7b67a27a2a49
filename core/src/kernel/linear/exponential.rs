//! The exponential of single matrices in row-major order.

use super::decompose::{Done, Real, product, solve, wide, zeros};

/// The coefficients of the Padé approximant of order 13, divided by the first.
const PADE: [f64; 14] = [
    1.0,
    32382376266240000.0 / 64764752532480000.0,
    7771770303897600.0 / 64764752532480000.0,
    1187353796428800.0 / 64764752532480000.0,
    129060195264000.0 / 64764752532480000.0,
    10559470521600.0 / 64764752532480000.0,
    670442572800.0 / 64764752532480000.0,
    33522128640.0 / 64764752532480000.0,
    1323241920.0 / 64764752532480000.0,
    40840800.0 / 64764752532480000.0,
    960960.0 / 64764752532480000.0,
    16380.0 / 64764752532480000.0,
    182.0 / 64764752532480000.0,
    1.0 / 64764752532480000.0,
];

/// The norm up to which the approximant has all digits of `f64`.
const PADE_NORM: f64 = 5.371920351148152;

/// Computes the exponential of a (n, n) by the Padé approximant of order 13, with scaling and
/// squaring: Higham, 2005, "The scaling and squaring method for the matrix exponential revisited".
pub(crate) fn exponential<F: Real>(a: &[F], n: usize, out: &mut [F]) -> Done {
    let column = |j: usize| a[j..].iter().step_by(n).map(|&x| wide(x).abs()).sum();
    let norm = (0..n).map(column).fold(0.0f64, f64::max);
    // No finite matrix needs more squarings.
    let squarings = (norm / PADE_NORM).log2().ceil().clamp(0.0, 1100.0) as i32;
    let product = |a: &[F], b: &[F], out: &mut [F]| product(a, b, n, out);
    let len = n * n;
    let (mut a1, mut a2, mut a4, mut a6) = (zeros(len)?, zeros(len)?, zeros(len)?, zeros(len)?);
    let (mut even, mut odd, mut sums) = (zeros(len)?, zeros(len)?, zeros(len)?);
    let half = 0.5f64.powi(squarings / 2);
    let rest = 0.5f64.powi(squarings - squarings / 2);
    for (scaled, x) in a1.iter_mut().zip(a) {
        *scaled = F::from_f64(wide(*x) * half * rest);
    }
    product(&a1, &a1, &mut a2);
    product(&a2, &a2, &mut a4);
    product(&a4, &a2, &mut a6);
    // Adds c₀ I + c₂ a² + c₄ a⁴ + c₆ a⁶ with the coefficients from `first` on.
    let add = |first: usize, constant: bool, out: &mut [F]| {
        let step = |i: usize| F::from_f64(PADE[first + 2 * i]);
        let base = usize::from(constant);
        for (((x, &a2), &a4), &a6) in out.iter_mut().zip(&a2).zip(&a4).zip(&a6) {
            *x += step(base) * a2 + step(base + 1) * a4 + step(base + 2) * a6;
        }
        if constant {
            for x in out.iter_mut().step_by(n + 1) {
                *x += step(0);
            }
        }
    };
    add(8, false, &mut sums);
    product(&a6, &sums, &mut even);
    add(0, true, &mut even);
    sums.fill(F::from_f64(0.0));
    add(9, false, &mut sums);
    product(&a6, &sums, &mut odd);
    add(1, true, &mut odd);
    sums.copy_from_slice(&odd);
    product(&a1, &sums, &mut odd);
    for ((sum, even), &odd) in out.iter_mut().zip(&mut even).zip(&odd) {
        *sum = *even + odd;
        *even -= odd;
    }
    sums.copy_from_slice(out);
    solve(&even, &sums, n, n, out)?;
    for _ in 0..squarings {
        sums.copy_from_slice(out);
        product(&sums, &sums, out);
    }
    Ok(())
}

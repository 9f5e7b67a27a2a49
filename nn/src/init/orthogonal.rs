//! Random matrices with orthonormal rows or columns.

use super::draw::{DEPENDENT, OP};
use cotangent_core::random::Rng;
use cotangent_core::{DType, Error, Result, Tensor};

/// The number of partial sums in a scalar product, equal on all machines. The order of summation
/// decides the rounding, and the same seed must give the same bits.
const LANES: usize = 8;

/// Draws rows or columns, whichever are fewer, from a normal distribution and makes them
/// orthonormal one after another.
///
/// The result is the Q of the QR decomposition of a normal matrix whose R has a positive diagonal.
/// Without positive signs, some orthogonal matrices would be more likely than others (Mezzadri
/// 2007, How to generate random matrices from the classical compact groups).
pub(super) fn draw(shape: &[usize], gain: f64, rng: &mut (impl Rng + ?Sized)) -> Result<Tensor> {
    let &[rows, _, ..] = shape else {
        return Err(Error::argument(
            OP,
            format!("expected two axes or more for an orthogonal weight, found shape {shape:?}"),
        ));
    };
    // This checks that memory can hold as many elements.
    let normal = Tensor::normal(shape, 0.0, 1.0, DType::F64, rng)?;
    let columns = normal.len().checked_div(rows).unwrap_or(0);
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors = normal.to_vec::<f64>()?;
    drop(normal);
    for i in 0..count {
        let (before, rest) = vectors.split_at_mut(i * length);
        orthonormalize(&mut rest[..length], before)?;
    }
    for value in &mut vectors {
        *value *= gain;
    }
    let matrix = Tensor::from_vec(vectors, [count, length])?;
    let matrix = if rows > columns {
        matrix.transpose(0, 1)?
    } else {
        matrix
    };
    matrix.to_dtype(DType::F32).reshape(shape)
}

/// Subtracts from `vector` its projections on those `before`, which are orthonormal, and scales it
/// to length 1. If little remains, the rounding errors of the subtraction matter, and it is
/// repeated (Daniel, Gragg, Kaufman, Stewart 1976, Reorthogonalization and stable algorithms for
/// updating the Gram-Schmidt QR factorization).
fn orthonormalize(vector: &mut [f64], before: &[f64]) -> Result<()> {
    let drawn = dot(vector, vector).sqrt();
    let mut length = drawn;
    loop {
        for other in before.chunks_exact(vector.len()) {
            let shared = dot(vector, other);
            for (x, y) in vector.iter_mut().zip(other) {
                *x -= shared * y;
            }
        }
        let left = dot(vector, vector).sqrt();
        let done = left > length / 2.0;
        length = left;
        if done {
            break;
        }
        // Normal draws never reach this. Draws of a generator that repeats itself do.
        if length.is_nan() || length <= 1e-13 * drawn {
            return Err(Error::argument(OP, DEPENDENT));
        }
    }
    for x in vector {
        *x /= length;
    }
    Ok(())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let ((a, rest_of_a), (b, rest_of_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    let rest = rest_of_a.iter().zip(rest_of_b).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).sum()
}

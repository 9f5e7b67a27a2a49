//! Linear systems, factorizations, eigenvalues, singular values and the matrix exponential, for
//! batches of matrices. Derivatives are written as operations on tensors, so that they can be
//! differentiated again. Their formulas are from Giles, 2008, "Collected matrix derivative results
//! for forward and reverse mode algorithmic differentiation", and Walter and Lehmann, 2010,
//! "Algorithmic differentiation of linear algebra functions with application in optimum
//! experimental design".

mod cholesky;
mod determinant;
mod eigen;
mod exponential;
mod least_squares;
mod pseudo_inverse;
mod qr;
mod singular;
mod systems;

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float as _;
use crate::kernel::linear::decompose::{Fault, Real};
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::tensor::{Array, DType, Element, Shape, with_dtype};
use std::sync::{Mutex, PoisonError};

/// A function of the number of a matrix, which writes its result.
type Kernel<'a, F> = dyn Fn(usize, &mut [F]) -> Result<(), Fault> + Sync + 'a;
/// A function of a matrix, which writes its result.
type KernelOf<'a, F> = dyn Fn(&[F], &mut [F]) -> Result<(), Fault> + Sync + 'a;

/// Computes a result of shape `tail` for each matrix of the shape `front`, with about `work`
/// multiplications each.
fn each<F: Real + Element>(
    op: &'static str,
    front: &[usize],
    tail: &[usize],
    work: usize,
    kernel: &Kernel<F>,
) -> Result<Array> {
    let shape: Shape = front.iter().chain(tail).copied().collect();
    shape.reserve(op, F::DTYPE)?;
    if shape.contains(&0) {
        return Ok(Array::full(F::DTYPE, shape, 0.0));
    }
    let len = tail.iter().product::<usize>();
    let count = front.iter().product();
    let matrices = (GRAIN / work.max(1)).max(1);
    let first: Mutex<Option<(usize, Fault)>> = Mutex::new(None);
    let results = Array::build::<F>(shape, |out| {
        parallel::chunks_mut(out, matrices.saturating_mul(len), &|start, out| {
            for (i, out) in (start / len..).zip(out.chunks_exact_mut(len)) {
                if let Err(fault) = kernel(i, out) {
                    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.is_none_or(|(before, _)| i < before) {
                        *first = Some((i, fault));
                    }
                    break;
                }
            }
        });
    });
    match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((i, fault)) => {
            let reason = format!("{} {}", named(i, count), text(fault));
            Err(Error::argument(op, reason))
        }
        None => Ok(results),
    }
}

/// Returns `the matrix`, or its number if there are several.
fn named(i: usize, count: usize) -> String {
    if count == 1 {
        "the matrix".to_owned()
    } else {
        format!("matrix {i} of {count}")
    }
}

fn text(fault: Fault) -> String {
    match fault {
        Fault::Memory => "needs a copy for which there is no memory".to_owned(),
        Fault::Singular => "is singular".to_owned(),
        Fault::NotPositiveDefinite(order) => {
            format!("is not positive definite: its leading minor of order {order} is not positive")
        }
        Fault::NoConvergence => "has a decomposition that did not converge".to_owned(),
    }
}

/// Calls `kernel` with each matrix of `x` (…, m, n), and returns the results of shape `tail`.
fn each_of<F: Real + Element>(
    op: &'static str,
    x: &Tensor,
    tail: &[usize],
    kernel: &KernelOf<F>,
) -> Result<Array> {
    let (front, [m, n]) = split(x);
    let work = m.saturating_mul(n).saturating_mul(m.min(n));
    let xs = &*x.array().contiguous::<F>();
    each(op, front, tail, work, &|i, out| {
        kernel(&xs[i * m * n..(i + 1) * m * n], out)
    })
}

/// Returns the leading axes, and the lengths of the last two.
fn split(x: &Tensor) -> (&[usize], [usize; 2]) {
    let (front, matrix) = x.shape().split_at(x.rank() - 2);
    (front, [matrix[0], matrix[1]])
}

/// Returns the shape of one of several results.
fn shape_of(front: &[usize], tail: &[usize]) -> Shape {
    front.iter().chain(tail).copied().collect()
}

/// Splits the last axis into tensors (…, part…).
fn unpack<const N: usize>(packed: &Tensor, parts: [&[usize]; N]) -> Result<[Tensor; N]> {
    let front = &packed.shape()[..packed.rank() - 1];
    let mut start = 0;
    let mut found = parts.map(|_| packed.clone());
    for (found, part) in found.iter_mut().zip(parts) {
        let len = part.iter().product::<usize>();
        let values = packed.narrow(-1, start, len)?;
        *found = values.reshape(shape_of(front, part))?;
        start += len;
    }
    Ok(found)
}

fn transposed(x: &Tensor) -> Result<Tensor> {
    x.transpose(-2, -1)
}

/// Returns the distance from 1 to the next number.
fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(f32::EPSILON),
        DType::F64 => f64::EPSILON,
    }
}

/// Returns an error of `op` if two neighbours of the sorted values (…, n) differ by no more than
/// their rounding errors. The derivatives of vectors divide by the difference.
fn expect_apart(op: &'static str, values: &Tensor, what: &str) -> Result<()> {
    if let Some((i, count)) = repeated(values) {
        let reason = format!(
            "{} has repeated {what}, for which the gradient of the vectors is not defined",
            named(i, count)
        );
        return Err(Error::argument(op, reason));
    }
    Ok(())
}

/// Returns the number of the first matrix with repeated values, and that of all matrices.
fn repeated(values: &Tensor) -> Option<(usize, usize)> {
    let n = values.shape().last().copied().unwrap_or(0);
    let numbers = values.to_f64_vec();
    let rows = numbers.chunks_exact(n.max(1));
    let count = rows.len();
    for (i, row) in rows.enumerate() {
        let largest = row.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let least = n as f64 * epsilon(values.dtype()) * largest;
        if row
            .windows(2)
            .any(|pair| (pair[1] - pair[0]).abs() <= least)
        {
            return Some((i, count));
        }
    }
    None
}

/// Returns an error unless all diagonals of the triangles are above rounding errors.
fn expect_full_rank(op: &'static str, r: &Tensor, longest: usize) -> Result<()> {
    let k = r.shape()[r.rank() - 1];
    let diagonals = r.detach().diagonal(0)?.to_f64_vec();
    let rows = diagonals.chunks_exact(k.max(1));
    let count = rows.len();
    for (i, row) in rows.enumerate() {
        let largest = row.iter().fold(0.0f64, |most, &x| most.max(x));
        let least = longest as f64 * epsilon(r.dtype()) * largest;
        if row.iter().any(|&x| x <= least) {
            let reason = format!("{} does not have full rank", named(i, count));
            return Err(Error::argument(op, reason));
        }
    }
    Ok(())
}

/// Returns whether an element is not 0.
fn is_used(cotangent: &Tensor) -> bool {
    cotangent.to_f64_vec().iter().any(|&x| x != 0.0)
}

impl Tensor {
    /// Returns an error unless the last two axes are square matrices of finite elements.
    fn expect_square(&self, op: &'static str) -> Result<usize> {
        self.expect_finite_matrices(op)?;
        let (_, [m, n]) = split(self);
        if m != n {
            let reason = format!("expected square matrices, found {m} rows and {n} columns");
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        Ok(n)
    }

    /// Returns an error unless there are at least two axes, and all elements are finite.
    fn expect_finite_matrices(&self, op: &'static str) -> Result<()> {
        self.expect_matrices(op)?;
        // There may be no matrices, but of any size.
        Shape::from(split(self).1).checked_len(op)?;
        self.expect_finite(op)
    }

    fn expect_finite(&self, op: &'static str) -> Result<()> {
        let found = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            xs.iter().find(|x| !x.is_finite()).map(|x| x.to_f64())
        });
        found.map_or(Ok(()), |x| Err(Error::non_finite(op, "an element", x)))
    }
}

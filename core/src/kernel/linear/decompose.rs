//! Factorizations and solutions of single matrices in row-major order. All calls of `faer` are
//! here. They run on one thread, so that the bits do not depend on the number of threads.

use crate::kernel::Float;
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::cholesky::llt::factor as cholesky_factor;
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::householder;
use faer::linalg::lu::partial_pivoting::{factor as lu_factor, solve as lu_solve};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor as qr_factor;
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::perm::PermRef;
use faer::traits::RealField;
use faer::{Accum, Conj, MatMut, MatRef, Par, Spec};

/// A number of matrices.
pub(crate) trait Real: Float + RealField {}

impl Real for f32 {}
impl Real for f64 {}

/// The reason why there is no result for a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no memory for a copy.
    Memory,
    /// A pivot or an element of the diagonal is 0.
    Singular,
    /// The leading minor of this order is not positive.
    NotPositiveDefinite(usize),
    /// An iteration did not converge.
    NoConvergence,
}

pub(super) type Done = Result<(), Fault>;

/// Converts to `f64`.
pub(super) fn wide<F: Real>(x: F) -> f64 {
    Float::to_f64(x)
}

pub(super) fn zeros<F: Real>(len: usize) -> Result<Vec<F>, Fault> {
    let mut values = Vec::new();
    let room = values.try_reserve_exact(len);
    room.map_err(|_| Fault::Memory)?;
    values.resize(len, F::from_f64(0.0));
    Ok(values)
}

fn memory(needed: StackReq) -> Result<MemBuffer, Fault> {
    MemBuffer::try_new(needed).map_err(|_| Fault::Memory)
}

/// Copies a matrix with `columns` columns in column-major order.
fn by_columns<F: Real>(a: &[F], rows: usize, columns: usize) -> Result<Vec<F>, Fault> {
    let mut copy = zeros(a.len())?;
    for (i, row) in a.chunks_exact(columns.max(1)).enumerate() {
        for (j, &x) in row.iter().enumerate() {
            copy[j * rows + i] = x;
        }
    }
    Ok(copy)
}

/// Returns the exponent of the power of two by which a matrix must be divided so that its elements
/// are safely within the range of F, and their squares too, or only their reciprocals. It is 0 for
/// most matrices. The division rounds nothing but elements that become subnormal.
fn excess<F: Real>(a: &[F], squares: bool) -> i32 {
    let largest = a.iter().fold(0.0f64, |most, &x| most.max(wide(x).abs()));
    if largest == 0.0 {
        return 0;
    }
    let (exponent, top) = (largest.log2() as i32, wide(F::max_value()).log2() as i32);
    let high = if squares { top / 8 } else { top - 28 };
    exponent - exponent.clamp(-top / 8, high)
}

/// Multiplies by a power of two.
pub(super) fn scale<F: Real>(xs: &mut [F], exponent: i32) {
    if exponent != 0 {
        let half = 2f64.powi(exponent / 2);
        let rest = 2f64.powi(exponent - exponent / 2);
        for x in xs {
            *x = F::from_f64(wide(*x) * half * rest);
        }
    }
}

/// Returns (a + aᵀ) / 2 for a square matrix.
fn symmetric_part<F: Real>(a: &[F], n: usize) -> Result<Vec<F>, Fault> {
    let half = F::from_f64(0.5);
    let mut symmetric = zeros(a.len())?;
    for i in 0..n {
        for j in 0..n {
            symmetric[i * n + j] = half * a[i * n + j] + half * a[j * n + i];
        }
    }
    Ok(symmetric)
}

/// A matrix with permuted rows, divided by 2^`excess`, as the product of a lower and an upper
/// triangle.
pub(super) struct Lu<F> {
    values: Vec<F>,
    pub excess: i32,
    forward: Vec<usize>,
    back: Vec<usize>,
    pub swaps: usize,
    n: usize,
}

impl<F: Real> Lu<F> {
    /// Factorizes a (n, n).
    pub fn new(a: &[F], n: usize) -> Result<Self, Fault> {
        let (mut values, excess) = (by_columns(a, n, n)?, excess(a, false));
        scale(&mut values, -excess);
        let mut forward = Vec::new();
        let room = forward.try_reserve_exact(n);
        room.map_err(|_| Fault::Memory)?;
        forward.resize(n, 0);
        let mut back = forward.clone();
        let needed = lu_factor::lu_in_place_scratch::<usize, F>(n, n, Par::Seq, Spec::default());
        let (info, _) = lu_factor::lu_in_place(
            MatMut::from_column_major_slice_mut(&mut values, n, n),
            &mut forward,
            &mut back,
            Par::Seq,
            MemStack::new(&mut memory(needed)?),
            Spec::default(),
        );
        Ok(Self {
            values,
            excess,
            forward,
            back,
            swaps: info.transposition_count,
            n,
        })
    }

    /// Returns the diagonal of the upper triangle, of the matrix times 2^-`excess`.
    pub fn pivots(&self) -> impl Iterator<Item = F> {
        self.values.iter().step_by(self.n + 1).copied()
    }

    /// Returns whether a pivot is 0.
    pub fn is_singular(&self) -> bool {
        self.pivots().any(|pivot| pivot == F::from_f64(0.0))
    }

    /// Replaces b (n, columns) by the solution of a x = b.
    pub fn solve(&self, b: &mut [F], columns: usize) -> Done {
        if self.is_singular() {
            return Err(Fault::Singular);
        }
        let (n, of_b) = (self.n, excess(b, false));
        scale(b, -of_b);
        let needed = lu_solve::solve_in_place_scratch::<usize, F>(n, columns, Par::Seq);
        let values = MatRef::from_column_major_slice(&self.values, n, n);
        lu_solve::solve_in_place(
            values,
            values,
            PermRef::new_checked(&self.forward, &self.back, n),
            MatMut::from_row_major_slice_mut(b, n, columns),
            Par::Seq,
            MemStack::new(&mut memory(needed)?),
        );
        scale(b, of_b - self.excess);
        Ok(())
    }
}

/// Solves a x = b for a (n, n) and b (n, columns).
pub(crate) fn solve<F: Real>(a: &[F], b: &[F], n: usize, columns: usize, x: &mut [F]) -> Done {
    x.copy_from_slice(b);
    Lu::new(a, n)?.solve(x, columns)
}

/// Solves a x = b for a triangle a (n, n), whose other elements are not read, and b (n, columns).
pub(crate) fn solve_triangular<F: Real>(
    a: &[F],
    b: &[F],
    [n, columns]: [usize; 2],
    upper: bool,
    x: &mut [F],
) -> Done {
    if a.iter().step_by(n + 1).any(|&x| x == F::from_f64(0.0)) {
        return Err(Fault::Singular);
    }
    x.copy_from_slice(b);
    let ([of_a, of_b], mut scaled) = ([a, b].map(|x| excess(x, false)), Vec::new());
    if of_a != 0 {
        scaled = zeros(a.len())?;
        scaled.copy_from_slice(a);
        scale(&mut scaled, -of_a);
    }
    scale(x, -of_b);
    let a = if of_a == 0 { a } else { &scaled };
    let a = MatRef::from_row_major_slice(a, n, n);
    let target = MatMut::from_row_major_slice_mut(x, n, columns);
    if upper {
        solve_upper_triangular_in_place(a, target, Par::Seq);
    } else {
        solve_lower_triangular_in_place(a, target, Par::Seq);
    }
    scale(x, of_b - of_a);
    Ok(())
}

/// Writes the identity to a matrix (n, n).
pub(super) fn identity<F: Real>(out: &mut [F], n: usize) {
    out.fill(F::from_f64(0.0));
    for x in out.iter_mut().step_by(n + 1) {
        *x = F::from_f64(1.0);
    }
}

/// Computes the inverse of a (n, n).
pub(crate) fn inverse<F: Real>(a: &[F], n: usize, out: &mut [F]) -> Done {
    identity(out, n);
    Lu::new(a, n)?.solve(out, n)
}

/// Computes the lower triangle l with l lᵀ = a, for the symmetric part of a (n, n).
pub(crate) fn cholesky<F: Real>(a: &[F], n: usize, out: &mut [F]) -> Done {
    let mut l = symmetric_part(a, n)?;
    let needed = cholesky_factor::cholesky_in_place_scratch::<F>(n, Par::Seq, Spec::default());
    let factored = cholesky_factor::cholesky_in_place(
        MatMut::from_column_major_slice_mut(&mut l, n, n),
        cholesky_factor::LltRegularization::default(),
        Par::Seq,
        MemStack::new(&mut memory(needed)?),
        Spec::default(),
    );
    if let Err(cholesky_factor::LltError::NonPositivePivot { index }) = factored {
        return Err(Fault::NotPositiveDefinite(index + 1));
    }
    for (i, row) in out.chunks_exact_mut(n).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = if j <= i {
                l[j * n + i]
            } else {
                F::from_f64(0.0)
            };
        }
    }
    Ok(())
}

/// Computes a = q r for a (m, n) with m ≥ n, where the diagonal of r is not negative. Writes qᵀ
/// (n, m), then r (n, n).
pub(crate) fn qr<F: Real>(a: &[F], [m, n]: [usize; 2], out: &mut [F]) -> Done {
    let (zero, mut values) = (F::from_f64(0.0), by_columns(a, m, n)?);
    let excess = excess(a, false);
    scale(&mut values, -excess);
    let block = qr_factor::recommended_block_size::<F>(m, n);
    let mut factors = zeros(block * n)?;
    let needed = StackReq::any_of(&[
        qr_factor::qr_in_place_scratch::<F>(m, n, block, Par::Seq, Spec::default()),
        householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<F>(
            m, block, n,
        ),
    ]);
    let mut memory = memory(needed)?;
    qr_factor::qr_in_place(
        MatMut::from_column_major_slice_mut(&mut values, m, n),
        MatMut::from_column_major_slice_mut(&mut factors, block, n),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    );
    let (q, r) = out.split_at_mut(n * m);
    q.fill(zero);
    for (j, column) in q.chunks_exact_mut(m.max(1)).enumerate() {
        column[j] = F::from_f64(1.0);
    }
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        MatRef::from_column_major_slice(&values, m, n),
        MatRef::from_column_major_slice(&factors, block, n),
        Conj::No,
        MatMut::from_column_major_slice_mut(q, m, n),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    for i in 0..n {
        let flipped = values[i * m + i] < zero;
        for j in 0..n {
            let x = if j < i { zero } else { values[j * m + i] };
            r[i * n + j] = if flipped { zero - x } else { x };
        }
        if flipped {
            for x in &mut q[i * m..][..m] {
                *x = zero - *x;
            }
        }
    }
    scale(r, excess);
    Ok(())
}

/// Computes the eigenvalues of the symmetric part of a (n, n), ascending. Writes them, then the
/// eigenvectors as rows (n, n).
pub(crate) fn eigen<F: Real>(a: &[F], n: usize, out: &mut [F]) -> Done {
    let (mut a, excess) = (symmetric_part(a, n)?, excess(a, true));
    scale(&mut a, -excess);
    let compute = ComputeEigenvectors::Yes;
    let needed = evd::self_adjoint_evd_scratch::<F>(n, compute, Par::Seq, Spec::default());
    let (values, vectors) = out.split_at_mut(n);
    let computed = evd::self_adjoint_evd(
        MatRef::from_column_major_slice(&a, n, n),
        DiagMut::from_slice_mut(values),
        Some(MatMut::from_column_major_slice_mut(vectors, n, n)),
        Par::Seq,
        MemStack::new(&mut memory(needed)?),
        Spec::default(),
    );
    scale(values, excess);
    computed.map_err(|_| Fault::NoConvergence)
}

/// Computes a = u diag(s) vᵀ for a (m, n) and k = min(m, n), with s descending. Writes uᵀ (k, m),
/// then s, then vᵀ (k, n).
pub(crate) fn singular<F: Real>(a: &[F], [m, n]: [usize; 2], out: &mut [F]) -> Done {
    let (k, compute) = (m.min(n), ComputeSvdVectors::Thin);
    let (mut a, excess) = (by_columns(a, m, n)?, excess(a, true));
    scale(&mut a, -excess);
    let needed = svd::svd_scratch::<F>(m, n, compute, compute, Par::Seq, Spec::default());
    let (u, rest) = out.split_at_mut(k * m);
    let (s, v) = rest.split_at_mut(k);
    let computed = svd::svd(
        MatRef::from_column_major_slice(&a, m, n),
        DiagMut::from_slice_mut(s),
        Some(MatMut::from_column_major_slice_mut(u, m, k)),
        Some(MatMut::from_column_major_slice_mut(v, n, k)),
        Par::Seq,
        MemStack::new(&mut memory(needed)?),
        Spec::default(),
    );
    scale(s, excess);
    computed.map_err(|_| Fault::NoConvergence)
}

/// Computes the pseudo-inverse (n, m) of a (m, n). Singular values of at most `tolerance` times the
/// largest count as 0.
pub(crate) fn pseudo_inverse<F: Real>(
    a: &[F],
    [m, n]: [usize; 2],
    tolerance: f64,
    out: &mut [F],
) -> Done {
    let k = m.min(n);
    let mut parts = zeros(k * (m + 1 + n))?;
    singular(a, [m, n], &mut parts)?;
    let (u, rest) = parts.split_at_mut(k * m);
    let (s, v) = rest.split_at(k);
    let least = tolerance * s.first().map_or(0.0, |&s| wide(s));
    for (u, s) in u.chunks_exact_mut(m.max(1)).zip(s) {
        let kept = wide(*s) > least;
        for x in u {
            *x = if kept { *x / *s } else { F::from_f64(0.0) };
        }
    }
    matmul(
        MatMut::from_row_major_slice_mut(out, n, m),
        Accum::Replace,
        MatRef::from_column_major_slice(v, n, k),
        MatRef::from_row_major_slice(u, k, m),
        F::from_f64(1.0),
        Par::Seq,
    );
    Ok(())
}

/// Computes a b for square matrices (n, n).
pub(super) fn product<F: Real>(a: &[F], b: &[F], n: usize, out: &mut [F]) {
    matmul(
        MatMut::from_row_major_slice_mut(out, n, n),
        Accum::Replace,
        MatRef::from_row_major_slice(a, n, n),
        MatRef::from_row_major_slice(b, n, n),
        F::from_f64(1.0),
        Par::Seq,
    );
}

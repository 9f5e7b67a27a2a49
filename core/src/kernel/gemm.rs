//! Matrix products, through `matrixmultiply` unless they are thin: any strides, so transposes are never
//! copied.

use super::real::Float;
use super::thin;

/// A matrix operand: element `(i, j)` is `data[offset + i * row_stride + j * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, F> {
    pub data: &'a [F],
    pub offset: usize,
    pub row_stride: isize,
    pub column_stride: isize,
}

impl<'a, F> Matrix<'a, F> {
    /// The same memory read as the transposed matrix.
    pub(crate) fn transposed(self) -> Self {
        Self {
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Whether every element of a `rows` x `columns` matrix lies inside `data`.
    fn fits(&self, rows: usize, columns: usize) -> bool {
        if rows == 0 || columns == 0 {
            return true;
        }
        let mut low = self.offset as i128;
        let mut high = low;
        for (len, stride) in [(rows, self.row_stride), (columns, self.column_stride)] {
            let reach = (len - 1) as i128 * stride as i128;
            low += reach.min(0);
            high += reach.max(0);
        }
        low >= 0 && high < self.data.len() as i128
    }
}

/// `c = a b + beta c` with `a` (m, k), `b` (k, n) and `c` (m, n) gapless and row-major.
///
/// With `beta == 0` the old contents of `c` do not matter (not even NaN).
///
/// # Panics
/// If an operand's strides lead out of its slice: the caller's layout is wrong.
pub(crate) fn gemm<F: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, F>,
    b: Matrix<'_, F>,
    beta: F,
    c: &mut [F],
) {
    assert!(
        a.fits(m, k) && b.fits(k, n) && c.len() == m * n,
        "gemm: a layout leads out of its memory"
    );
    // A product with one column is the transpose of one with one row.
    let thin = thin::product([m, k, n], a, b, beta, c)
        || n == 1 && thin::product([1, k, m], b.transposed(), a.transposed(), beta, c);
    if thin {
        return;
    }
    // SAFETY: `fits` has checked that every element of `a` and `b` lies inside their slices; `c`
    // has exactly m * n elements, is written row-major, and does not alias (it is `&mut`).
    unsafe {
        F::raw_gemm(
            m,
            k,
            n,
            F::one(),
            a.data.as_ptr().wrapping_add(a.offset),
            a.row_stride,
            a.column_stride,
            b.data.as_ptr().wrapping_add(b.offset),
            b.row_stride,
            b.column_stride,
            beta,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// The types that have a matrix product.
pub trait Gemm: Sized {
    /// `c = alpha a b + beta c` by pointer and stride.
    ///
    /// # Safety
    /// Every element that the sizes and strides reach must be valid for reads (`a`, `b`) or for
    /// reads and writes (`c`), and `c` must not overlap `a` or `b`.
    #[allow(clippy::too_many_arguments)]
    unsafe fn raw_gemm(
        m: usize,
        k: usize,
        n: usize,
        alpha: Self,
        a: *const Self,
        rsa: isize,
        csa: isize,
        b: *const Self,
        rsb: isize,
        csb: isize,
        beta: Self,
        c: *mut Self,
        rsc: isize,
        csc: isize,
    );
}

macro_rules! impl_gemm {
    ($float:ty, $function:path) => {
        impl Gemm for $float {
            #[inline]
            unsafe fn raw_gemm(
                m: usize,
                k: usize,
                n: usize,
                alpha: Self,
                a: *const Self,
                rsa: isize,
                csa: isize,
                b: *const Self,
                rsb: isize,
                csb: isize,
                beta: Self,
                c: *mut Self,
                rsc: isize,
                csc: isize,
            ) {
                // SAFETY: the caller's promise is exactly what the function asks for.
                unsafe { $function(m, k, n, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    };
}

impl_gemm!(f32, matrixmultiply::sgemm);
impl_gemm!(f64, matrixmultiply::dgemm);

//! Matrix products by the crate `matrixmultiply`, for all sizes and strides and every processor.

/// A type with a general matrix product.
pub trait Gemm: Sized {
    /// Computes `c = alpha a b + beta c` on pointers and strides.
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
                // SAFETY: the caller guarantees exactly what the function requires.
                unsafe { $function(m, k, n, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    };
}

impl_gemm!(f32, matrixmultiply::sgemm);
impl_gemm!(f64, matrixmultiply::dgemm);

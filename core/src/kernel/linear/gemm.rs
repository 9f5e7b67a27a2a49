//! The matrix product. It selects the implementation by the sizes and the processor.

use crate::kernel::float::Float;
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::linear::{thin, tile};

/// Computes `c = a b + beta c` with `a` (m, k), `b` (k, n) and `c` (m, n) gapless and row-major.
///
/// If `beta == 0`, the old contents of `c` are ignored, even NaN.
///
/// # Panics
/// If the strides of an operand lead out of its slice: then the caller's layout is wrong.
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
    if thin || tile::product([m, k, n], a, b, beta, c) {
        return;
    }
    // SAFETY: `fits` has checked that every element of `a` and `b` lies inside their slices. `c`
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns numbers whose products are exact in any order of summation, so that all
    /// implementations give equal results.
    fn whole_numbers<F: Float>(len: usize, seed: usize) -> Vec<F> {
        (0..len)
            .map(|i| F::from_f64(((i * 7 + seed * 13) % 11) as f64 - 5.0))
            .collect()
    }

    /// Returns the strides of a matrix stored by rows, by columns, and with gaps.
    fn strides(layout: usize, rows: usize, columns: usize) -> (usize, usize) {
        [(columns, 1), (1, rows), (2 * columns + 1, 2), (3, 3 * rows)][layout]
    }

    fn check<F: Float>(sizes: [usize; 3], layouts: [usize; 2], beta: f64) {
        let [m, k, n] = sizes;
        let (a_strides, b_strides) = (strides(layouts[0], m, k), strides(layouts[1], k, n));
        let values = |(row, column): (usize, usize), rows: usize, columns: usize, seed| {
            whole_numbers::<F>(5 + (rows - 1) * row + (columns - 1) * column + 1, seed)
        };
        let (a, b) = (values(a_strides, m, k, 1), values(b_strides, k, n, 2));
        let matrix = |data, (row, column): (usize, usize)| Matrix {
            data,
            offset: 5,
            row_stride: row as isize,
            column_stride: column as isize,
        };
        let before = whole_numbers::<F>(m * n, 3);
        let mut found = before.clone();
        let (a_matrix, b_matrix) = (matrix(&a[..], a_strides), matrix(&b[..], b_strides));
        gemm(sizes, a_matrix, b_matrix, F::from_f64(beta), &mut found);
        for i in 0..m {
            for j in 0..n {
                let mut expected = beta * before[i * n + j].to_f64();
                for l in 0..k {
                    expected += a[5 + i * a_strides.0 + l * a_strides.1].to_f64()
                        * b[5 + l * b_strides.0 + j * b_strides.1].to_f64();
                }
                let found = found[i * n + j].to_f64();
                assert_eq!(found, expected, "{sizes:?} {layouts:?} {beta} ({i}, {j})");
            }
        }
    }

    #[test]
    fn products_match_the_definition() {
        let mut seed = 12345u64;
        let mut draw = |below: usize| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 33) as usize % below
        };
        let mut sizes = vec![
            [1, 784, 300],
            [32, 784, 10],
            [300, 32, 77],
            [70, 300, 130],
            [90, 1030, 49],
        ];
        for _ in 0..400 {
            let most = [3, 9, 40, 150][draw(4)];
            sizes.push([1 + draw(most), 1 + draw(2 * most), 1 + draw(most)]);
        }
        // Long sums over the samples of a batch, as in the gradient of a weight.
        for sizes in [[70, 700, 50], [16, 256, 33], [15, 600, 5], [33, 1030, 100]] {
            check::<f32>(sizes, [1, 0], 0.0);
            check::<f64>(sizes, [1, 0], 1.0);
        }
        for sizes in sizes {
            let layouts = [draw(4), draw(4)];
            let beta = [0.0, 1.0, 2.0][draw(3)];
            check::<f32>(sizes, layouts, beta);
            check::<f64>(sizes, layouts, beta);
        }
    }

    #[test]
    fn beta_of_zero_ignores_old_contents() {
        for m in [1, 3, 9, 33, 100] {
            let ones = vec![1.0f32; m * 300];
            let of_ones = |row_stride, column_stride| Matrix {
                data: &ones[..],
                offset: 0,
                row_stride,
                column_stride,
            };
            let mut found = vec![f32::NAN; m * m];
            gemm(
                [m, 300, m],
                of_ones(300, 1),
                of_ones(1, 300),
                0.0,
                &mut found,
            );
            assert!(found.iter().all(|&x| x == 300.0), "{m}");
        }
    }
}

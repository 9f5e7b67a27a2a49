//! Accuracy of sums of many `f32` numbers.

use super::reference::indices;
use cotangent::{DType, Result, Tensor};

/// Returns the largest error of a pairwise sum over `n` elements with blocks of 32: each element
/// takes part in at most log2(n) + 27 additions, each with a relative error of half an epsilon.
fn pairwise_bound(n: usize, sum_of_sizes: f64) -> f64 {
    let additions = (n as f64).log2().max(0.0) + 28.0;
    additions * 0.5 * f64::from(f32::EPSILON) * sum_of_sizes
}

fn within_bound(what: &str, found: &[f64], columns: &[Vec<f64>]) {
    assert_eq!(found.len(), columns.len(), "{what}");
    for (found, column) in found.iter().zip(columns) {
        let (exact, sizes) = (
            column.iter().sum::<f64>(),
            column.iter().map(|x| x.abs()).sum(),
        );
        let error = (found - exact).abs();
        let bound = pairwise_bound(column.len(), sizes);
        assert!(
            error <= bound,
            "{what}: a sum over {} is off by {error:e}, the bound is {bound:e}",
            column.len()
        );
    }
}

/// Sums over rows, columns and all elements are within the bound of pairwise summation. Adding 0.1
/// one by one exceeds the bound, so the test can fail.
#[test]
fn sums_are_as_accurate_as_pairwise_summation() -> Result<()> {
    for n in [1usize, 31, 33, 1023, 1025, 5000, 65_536, 65_537, 300_007] {
        for scale in [0.0, 1.0] {
            let element =
                |i: usize| f64::from((0.1 + scale * ((i * 7919 % 1009) as f64 - 500.0)) as f32);
            for width in [1usize, 3] {
                let elements: Vec<f64> = (0..n * width).map(element).collect();
                let rows: Vec<Vec<f64>> = elements.chunks(n).map(<[f64]>::to_vec).collect();
                let columns: Vec<Vec<f64>> = (0..width)
                    .map(|c| elements.iter().skip(c).step_by(width).copied().collect())
                    .collect();
                let x = Tensor::from_vec(elements.clone(), [n * width])?.to_dtype(DType::F32);
                within_bound("all", &x.sum().to_f64_vec(), &[elements]);
                within_bound(
                    "rows",
                    &x.reshape([width, n])?.sum_over(1)?.to_f64_vec(),
                    &rows,
                );
                within_bound(
                    "columns",
                    &x.reshape([n, width])?.sum_over(0)?.to_f64_vec(),
                    &columns,
                );
                let strided = x.reshape([n, width])?.transpose(0, 1)?;
                within_bound("strided rows", &strided.sum_over(1)?.to_f64_vec(), &columns);
            }
        }
    }
    let one_by_one = (0..300_007).fold(0f32, |sum, _| sum + 0.1);
    let exact = 300_007.0 * f64::from(0.1f32);
    assert!((f64::from(one_by_one) - exact).abs() > pairwise_bound(300_007, exact));
    Ok(())
}

/// The variance of 10,000 plus noise in `f32` keeps its digits: it is not a difference of squares.
#[test]
fn batch_statistics_do_not_cancel() -> Result<()> {
    let (samples, channels, inner) = (700, 3, 11);
    let elements: Vec<f64> = (0..samples * channels * inner)
        .map(|i| f64::from((1e4 + (i * 7919 % 1009) as f64 / 1009.0) as f32))
        .collect();
    for inner_axis in [true, false] {
        let shape = if inner_axis {
            vec![samples, channels, inner]
        } else {
            vec![samples * inner, channels]
        };
        let x = Tensor::from_vec(elements.clone(), &shape[..])?.to_dtype(DType::F32);
        let (_, statistics) = x.batch_norm(None, None, 1e-5)?;
        for channel in 0..channels {
            let of_channel: Vec<f64> = indices(&shape)
                .iter()
                .zip(&elements)
                .filter(|(index, _)| index[1] == channel)
                .map(|(_, &element)| element)
                .collect();
            let count = of_channel.len() as f64;
            let mean = of_channel.iter().sum::<f64>() / count;
            let variance = of_channel.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            assert_eq!(statistics.count, of_channel.len());
            assert!(
                (statistics.mean.to_f64_vec()[channel] - mean).abs()
                    <= 1e4 * f64::from(f32::EPSILON)
            );
            assert!((statistics.variance.to_f64_vec()[channel] / variance - 1.0).abs() < 1e-5);
        }
    }
    Ok(())
}

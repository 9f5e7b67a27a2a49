//! Pooling, upsampling, pixel shuffle, unfolding and folding.

use super::Domain::Signed;
use super::Entry;
use super::drawn::Arguments;
use super::golden::{Golden, Operands, golden};
use super::reductions::apart;
use cotangent::{Indices, Result, Tensor, Windows};

/// Rows of a golden file: the name, the call, PyTorch's expression, the cases.
macro_rules! rows {
    ($($name:literal |$x:ident| $call:expr, $torch:literal, $cases:literal;)*) => {
        vec![$(golden("pooling", $name, |$x: &Operands| $call).torch($torch, $cases)),*]
    };
}

/// Requires exact results, and gradients that are exact up to the order of sums.
fn copies(rows: Vec<Golden>) -> Vec<Golden> {
    rows.into_iter().map(Golden::copies).collect()
}

fn sums(rows: Vec<Golden>) -> Vec<Golden> {
    rows.into_iter().map(Golden::sums).collect()
}

/// Returns one place for each element: `place` of its number along the last axis.
fn places(x: &Tensor, place: fn(usize) -> usize) -> Result<Indices> {
    let last = x.shape().last().copied().unwrap_or(1).max(1);
    let places: Indices = (0..x.len()).map(|i| place(i % last)).collect();
    places.reshape(x.shape())
}

/// Adds leading axes of length 1 to a tensor with fewer axes than an image.
fn image(x: &Tensor, dimensions: usize) -> Result<Tensor> {
    let missing = (dimensions + 2).saturating_sub(x.rank());
    x.reshape([&vec![1; missing][..], x.shape()].concat())
}

fn lengths<const D: usize>(p: &Arguments) -> [usize; D] {
    std::array::from_fn(|i| p.sizes.get(i).copied().unwrap_or(1 + i))
}

fn windows<const D: usize>(p: &Arguments) -> Windows<D> {
    let mut windows = Windows::new(lengths(p));
    if p.flag {
        windows = windows.stride(p.size).padding(p.seed as usize % 3);
    }
    match p.seed / 3 % 6 {
        0 => windows.ceil_mode(),
        1 => windows.dilation(p.other_size),
        2 => windows.divisor(p.number),
        3 => windows.exclude_padding(),
        _ => windows,
    }
}

/// Pooling, upsampling, pixel shuffle, unfolding and folding.
pub fn pooling() -> Vec<Entry> {
    operations! { [m, k, n]
        max_pool {
            check "max_pool", Signed: (m, k, n + 3) => (m, k, n.div_ceil(2) + 1),
                |x| apart(&x[0])?.max_pool([2]);
            check "max_pool of overlapping windows with padding", Signed:
                (m, 2, 3, n + 2) => (m, 2, 3, n + 1),
                |x| apart(&x[0])?.max_pool(Windows::new([3, 2]).stride(1).padding([1, 0]));
            check "max_pool of dilated windows beyond the end", Signed:
                (m, k, n + 4) => (m, k, n / 2 + 2),
                |x| apart(&x[0])?.max_pool(Windows::new([2]).dilation(2).ceil_mode());
            check "max_pool of pairs", Signed: (m, 2, 5, n + 3) => (m, 2, 2, n.div_ceil(2) + 1),
                |x| apart(&x[0])?.max_pool([2, 2]);
            check "max_pool of volumes", Signed: (m, 1, 2, 3, n + 1) => (m, 1, 1, 1, n + 1),
                |x| apart(&x[0])?.max_pool([2, 2, 1]);
            golden copies(rows! {
                "max_pool([2])" |x| x[0].max_pool([2]), "F.max_pool1d(x, 2)",
                    "images(1) + odd_images(1)";
                "max_pool([3] by 1)" |x| x[0].max_pool(Windows::new([3]).stride(1)),
                    "F.max_pool1d(x, 3, 1)", "images(1) + odd_images(1)";
                "max_pool([4] by 3, 2 around, 2 apart)"
                    |x| x[0].max_pool(Windows::new([4]).stride(3).padding(2).dilation(2)),
                    "F.max_pool1d(x, 4, 3, 2, 2)", "images(1)";
                "max_pool([3] by 2, ceil)"
                    |x| x[0].max_pool(Windows::new([3]).stride(2).ceil_mode()),
                    "F.max_pool1d(x, 3, 2, ceil_mode=True)", "images(1)";
                "max_pool([2, 2])" |x| x[0].max_pool([2, 2]), "F.max_pool2d(x, 2)",
                    "images(2) + odd_images(2) + wide_images(2)";
                "max_pool([3, 3] by 2, 1 around)"
                    |x| x[0].max_pool(Windows::new([3, 3]).stride(2).padding(1)),
                    "F.max_pool2d(x, 3, 2, 1)", "images(2) + odd_images(2) + wide_images(2)";
                "max_pool([3, 2] by [1, 3], [1, 0] around)"
                    |x| x[0].max_pool(Windows::new([3, 2]).stride([1, 3]).padding([1, 0])),
                    "F.max_pool2d(x, (3, 2), (1, 3), (1, 0))", "images(2) + wide_images(2)";
                "max_pool([2, 2] by 3, [2, 1] apart, ceil)"
                    |x| x[0].max_pool(Windows::new([2, 2]).stride(3).dilation([2, 1]).ceil_mode()),
                    "F.max_pool2d(x, 2, 3, 0, (2, 1), True)", "images(2)";
                "max_pool([3, 3] by 2, 1 around, ceil)"
                    |x| x[0].max_pool(Windows::new([3, 3]).stride(2).padding(1).ceil_mode()),
                    "F.max_pool2d(x, 3, 2, 1, ceil_mode=True)", "images(2) + wide_images(2)";
                "max_pool([2, 2, 2])" |x| x[0].max_pool([2, 2, 2]), "F.max_pool3d(x, 2)",
                    "images(3) + odd_images(3)";
                "max_pool([3, 2, 3] by [2, 1, 1], [1, 0, 1] around)" |x| x[0].max_pool(
                    Windows::new([3, 2, 3]).stride([2, 1, 1]).padding([1, 0, 1])),
                    "F.max_pool3d(x, (3, 2, 3), (2, 1, 1), (1, 0, 1))", "images(3)";
                "max_pool([2, 2, 2] by 1, 2 apart, ceil)" |x| x[0].max_pool(
                    Windows::new([2, 2, 2]).stride(1).dilation(2).ceil_mode()),
                    "F.max_pool3d(x, 2, 1, 0, 2, True)", "images(3)";
            });
            draw 1 Same |x, p| x[0].max_pool(Windows::new([p.size]).stride(p.other_size)
                .padding(p.seed as usize % 3).dilation(p.seed as usize / 3 % 3).ceil_mode());
            draw 1 Same |x, p| x[0].max_pool(windows::<1>(p));
            draw 1 Same |x, p| image(&x[0], 2)?.max_pool(windows::<2>(p));
            draw 1 Same |x, p| image(&x[0], 3)?.max_pool(windows::<3>(p));
        }
        max_pool_with_indices {
            check "max_pool_with_indices", Signed: (m, k, n + 3) => (m, k, n + 2),
                |x| Ok(apart(&x[0])?.max_pool_with_indices(Windows::new([2]).stride(1))?.0);
            golden copies(rows! {
                "max_pool_with_indices([2])" |x| x.placed(x[0].max_pool_with_indices([2])),
                    "F.max_pool1d(x, 2)",
                    "placed_images(1, lambda x: F.max_pool1d(x, 2, return_indices=True))";
                "max_pool_with_indices([3, 3] by 2, 1 around)" |x| x.placed(
                    x[0].max_pool_with_indices(Windows::new([3, 3]).stride(2).padding(1))),
                    "F.max_pool2d(x, 3, 2, 1)",
                    "placed_images(2, lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True))";
                "max_pool_with_indices([2, 2, 2] by 1, 2 apart)" |x| x.placed(
                    x[0].max_pool_with_indices(Windows::new([2, 2, 2]).stride(1).dilation(2))),
                    "F.max_pool3d(x, 2, 1, 0, 2)",
                    "placed_images(3, lambda x: F.max_pool3d(x, 2, 1, 0, 2, return_indices=True))";
            });
            draw 1 Same |x, p| x[0].max_pool_with_indices(windows::<1>(p));
            draw 1 Same |x, p| x[0].max_pool_with_indices(windows::<2>(p));
        }
        max_unpool {
            check "max_unpool", Signed: (m, k, n + 1) => (m, k, 2 * n + 3),
                |x| x[0].max_unpool(&places(&x[0], |i| 2 * i + 1)?, [2 * x[0].shape()[2] + 1]);
            check "max_unpool of several to one place", Signed: (m, k, 2, n) => (m, k, 1, n + 1),
                |x| x[0].max_unpool(&places(&x[0], |i| i / 2)?, [1, x[0].shape()[3] + 1]);
            golden copies(rows! {
                "max_unpool([9])" |x| x[0].max_unpool(x.indices(), [9]),
                    "max_unpool(x, indices, 2, [9])",
                    "pooled(1, lambda x: F.max_pool1d(x, 2, return_indices=True))";
                "max_unpool([7, 6])" |x| x[0].max_unpool(x.indices(), [7, 6]),
                    "max_unpool(x, indices, (3, 2), [7, 6])",
                    "pooled(2, lambda x: F.max_pool2d(x, (3, 2), return_indices=True))";
                "max_unpool([5, 4, 6])" |x| x[0].max_unpool(x.indices(), [5, 4, 6]),
                    "max_unpool(x, indices, 2, [5, 4, 6])",
                    "pooled(3, lambda x: F.max_pool3d(x, 2, return_indices=True))";
            });
            draw 1 Same |x, p| x[0].max_unpool(&p.indices, lengths::<1>(p));
            draw 1 Same |x, p| x[0].max_unpool(&p.indices, lengths::<2>(p));
        }
        avg_pool {
            check "avg_pool", Signed: (m, k, n + 3) => (m, k, n.div_ceil(2) + 1),
                |x| x[0].avg_pool([2]);
            check "avg_pool of overlapping windows with padding", Signed:
                (m, 2, 3, n + 2) => (m, 2, 3, n + 1),
                |x| x[0].avg_pool(Windows::new([3, 2]).stride(1).padding([1, 0]).exclude_padding());
            check "avg_pool beyond the end", Signed:
                (m, k, n + 4) => (m, k, (n + 1).div_ceil(2) + 2),
                |x| x[0].avg_pool(Windows::new([3]).stride(2).padding(1).ceil_mode());
            check "avg_pool of volumes", Signed: (m, 1, 2, 3, n + 1) => (m, 1, 1, 1, n + 1),
                |x| x[0].avg_pool(Windows::new([2, 2, 1]).divisor(3.0));
            golden sums(rows! {
                "avg_pool([2])" |x| x[0].avg_pool([2]), "F.avg_pool1d(x, 2)", "images(1)";
                "avg_pool([3] by 2, 1 around, ceil)"
                    |x| x[0].avg_pool(Windows::new([3]).stride(2).padding(1).ceil_mode()),
                    "F.avg_pool1d(x, 3, 2, 1, ceil_mode=True)", "images(1)";
                "avg_pool([4] by 3, 2 around, without padding)"
                    |x| x[0].avg_pool(Windows::new([4]).stride(3).padding(2).exclude_padding()),
                    "F.avg_pool1d(x, 4, 3, 2, count_include_pad=False)", "images(1)";
                "avg_pool([2, 2])" |x| x[0].avg_pool([2, 2]), "F.avg_pool2d(x, 2)",
                    "images(2) + wide_images(2)";
                "avg_pool([3, 3] by 2, 1 around)"
                    |x| x[0].avg_pool(Windows::new([3, 3]).stride(2).padding(1)),
                    "F.avg_pool2d(x, 3, 2, 1)", "images(2) + wide_images(2)";
                "avg_pool([3, 2] by [2, 1], 1 around, ceil, without padding)" |x| x[0].avg_pool(
                    Windows::new([3, 2]).stride([2, 1]).padding(1).ceil_mode().exclude_padding()),
                    "F.avg_pool2d(x, (3, 2), (2, 1), 1, True, False)", "images(2)";
                "avg_pool([2, 3] by 2, 1 around, ceil)"
                    |x| x[0].avg_pool(Windows::new([2, 3]).stride(2).padding(1).ceil_mode()),
                    "F.avg_pool2d(x, (2, 3), 2, 1, True)", "images(2)";
                "avg_pool([2, 3] by 1, over 5)"
                    |x| x[0].avg_pool(Windows::new([2, 3]).stride(1).divisor(5.0)),
                    "F.avg_pool2d(x, (2, 3), 1, divisor_override=5)", "images(2)";
                "avg_pool([2, 2, 2])" |x| x[0].avg_pool([2, 2, 2]), "F.avg_pool3d(x, 2)",
                    "images(3)";
                "avg_pool([3, 2, 3] by [2, 1, 2], [1, 0, 1] around, ceil, without padding)"
                    |x| x[0].avg_pool(Windows::new([3, 2, 3]).stride([2, 1, 2]).padding([1, 0, 1])
                        .ceil_mode().exclude_padding()),
                    "F.avg_pool3d(x, (3, 2, 3), (2, 1, 2), (1, 0, 1), True, False)", "images(3)";
                "avg_pool([2, 2, 2] by 1, over 3)"
                    |x| x[0].avg_pool(Windows::new([2, 2, 2]).stride(1).divisor(3.0)),
                    "F.avg_pool3d(x, 2, 1, divisor_override=3)", "images(3)";
            });
            draw 1 Same |x, p| x[0].avg_pool(Windows::new([2]).divisor(p.number));
            draw 1 Same |x, p| x[0].avg_pool(Windows::new([p.size]).padding(1).exclude_padding());
            draw 1 Same |x, p| x[0].avg_pool(windows::<1>(p));
            draw 1 Same |x, p| image(&x[0], 2)?.avg_pool(windows::<2>(p));
            draw 1 Same |x, p| image(&x[0], 3)?.avg_pool(windows::<3>(p));
        }
        adaptive_max_pool {
            check "adaptive_max_pool", Signed: (m, k, n + 5) => (m, k, 3),
                |x| apart(&x[0])?.adaptive_max_pool([3]);
            check "adaptive_max_pool of planes", Signed: (m, 2, 5, n + 1) => (m, 2, 2, 3),
                |x| apart(&x[0])?.adaptive_max_pool([2, 3]);
            golden copies(rows! {
                "adaptive_max_pool([4])" |x| x[0].adaptive_max_pool([4]),
                    "F.adaptive_max_pool1d(x, 4)", "images(1) + odd_images(1)";
                "adaptive_max_pool([3])" |x| x[0].adaptive_max_pool([3]),
                    "F.adaptive_max_pool1d(x, 3)", "images(1)";
                "adaptive_max_pool([3, 4])" |x| x[0].adaptive_max_pool([3, 4]),
                    "F.adaptive_max_pool2d(x, (3, 4))", "images(2) + odd_images(2)";
                "adaptive_max_pool([9, 8])" |x| x[0].adaptive_max_pool([9, 8]),
                    "F.adaptive_max_pool2d(x, (9, 8))", "images(2)";
                "adaptive_max_pool([1, 1])" |x| x[0].adaptive_max_pool([1, 1]),
                    "F.adaptive_max_pool2d(x, 1)", "images(2) + wide_images(2)";
                "adaptive_max_pool([2, 3, 4])" |x| x[0].adaptive_max_pool([2, 3, 4]),
                    "F.adaptive_max_pool3d(x, (2, 3, 4))", "images(3)";
            });
            draw 1 Same |x, p| x[0].adaptive_max_pool(lengths::<1>(p));
            draw 1 Same |x, p| x[0].adaptive_max_pool(lengths::<2>(p));
        }
        adaptive_max_pool_with_indices {
            check "adaptive_max_pool_with_indices", Signed: (m, k, n + 5) => (m, k, 4),
                |x| Ok(apart(&x[0])?.adaptive_max_pool_with_indices([4])?.0);
            golden copies(rows! {
                "adaptive_max_pool_with_indices([3, 4])"
                    |x| x.placed(x[0].adaptive_max_pool_with_indices([3, 4])),
                    "F.adaptive_max_pool2d(x, (3, 4))",
                    "placed_images(2, lambda x: F.adaptive_max_pool2d(x, (3, 4), True))";
            });
            draw 1 Same |x, p| x[0].adaptive_max_pool_with_indices(lengths::<1>(p));
            draw 1 Same |x, p| x[0].adaptive_max_pool_with_indices(lengths::<2>(p));
        }
        global_max_pool {
            check "global_max_pool", Signed: (m, k, n + 2) => (m, k),
                |x| apart(&x[0])?.global_max_pool();
            check "global_max_pool of planes", Signed: (m, 2, 3, n + 1) => (m, 2),
                |x| apart(&x[0])?.global_max_pool();
            golden copies(rows! {
                "global_max_pool over 1" |x| x[0].global_max_pool(), "x.amax(2)", "images(1)";
                "global_max_pool over 2" |x| x[0].global_max_pool(), "x.amax((2, 3))",
                    "images(2) + wide_images(2)";
                "global_max_pool over 3" |x| x[0].global_max_pool(), "x.amax((2, 3, 4))",
                    "images(3)";
            });
            draw 1 Same |x, p| x[0].global_max_pool();
        }
        adaptive_avg_pool {
            check "adaptive_avg_pool", Signed: (m, k, n + 5) => (m, k, 3),
                |x| x[0].adaptive_avg_pool([3]);
            check "adaptive_avg_pool of planes", Signed: (m, 2, 5, n + 1) => (m, 2, 2, 3),
                |x| x[0].adaptive_avg_pool([2, 3]);
            golden sums(rows! {
                "adaptive_avg_pool([4])" |x| x[0].adaptive_avg_pool([4]),
                    "F.adaptive_avg_pool1d(x, 4)", "images(1)";
                "adaptive_avg_pool([3, 4])" |x| x[0].adaptive_avg_pool([3, 4]),
                    "F.adaptive_avg_pool2d(x, (3, 4))", "images(2)";
                "adaptive_avg_pool([9, 8])" |x| x[0].adaptive_avg_pool([9, 8]),
                    "F.adaptive_avg_pool2d(x, (9, 8))", "images(2)";
                "adaptive_avg_pool([1, 1])" |x| x[0].adaptive_avg_pool([1, 1]),
                    "F.adaptive_avg_pool2d(x, 1)", "images(2) + wide_images(2)";
                "adaptive_avg_pool([2, 3, 4])" |x| x[0].adaptive_avg_pool([2, 3, 4]),
                    "F.adaptive_avg_pool3d(x, (2, 3, 4))", "images(3)";
            });
            draw 1 Same |x, p| x[0].adaptive_avg_pool(lengths::<1>(p));
            draw 1 Same |x, p| x[0].adaptive_avg_pool(lengths::<2>(p));
        }
        global_avg_pool {
            check "global_avg_pool", Signed: (m, k, n + 2) => (m, k), |x| x[0].global_avg_pool();
            check "global_avg_pool of planes", Signed: (m, 2, 3, n + 1) => (m, 2),
                |x| x[0].global_avg_pool();
            golden sums(rows! {
                "global_avg_pool over 1" |x| x[0].global_avg_pool(), "x.mean(2)", "images(1)";
                "global_avg_pool over 2" |x| x[0].global_avg_pool(), "x.mean((2, 3))",
                    "images(2) + wide_images(2)";
                "global_avg_pool over 3" |x| x[0].global_avg_pool(), "x.mean((2, 3, 4))",
                    "images(3)";
            });
            draw 1 Close |x, p| x[0].global_avg_pool();
        }
        upsample_nearest {
            check "upsample_nearest", Signed: (m, k, n + 2) => (m, k, 5),
                |x| x[0].upsample_nearest([5]);
            check "upsample_nearest to fewer", Signed: (m, 2, 5, n + 1) => (m, 2, 3, 7),
                |x| x[0].upsample_nearest([3, 7]);
            golden copies(rows! {
                "upsample_nearest([18])" |x| x[0].upsample_nearest([18]),
                    "F.interpolate(x, 18)", "images(1)";
                "upsample_nearest([13])" |x| x[0].upsample_nearest([13]),
                    "F.interpolate(x, 13)", "images(1)";
                "upsample_nearest([14, 12])" |x| x[0].upsample_nearest([14, 12]),
                    "F.interpolate(x, scale_factor=2)", "images(2)";
                "upsample_nearest([5, 11])" |x| x[0].upsample_nearest([5, 11]),
                    "F.interpolate(x, (5, 11))", "images(2)";
                "upsample_nearest([10, 12, 6])" |x| x[0].upsample_nearest([10, 12, 6]),
                    "F.interpolate(x, scale_factor=(2, 3, 1))", "images(3)";
            });
            draw 1 Same |x, p| x[0].upsample_nearest(lengths::<1>(p));
            draw 1 Same |x, p| x[0].upsample_nearest(lengths::<2>(p));
        }
        upsample_linear {
            check "upsample_linear", Signed: (m, k, n + 2) => (m, k, 5),
                |x| x[0].upsample_linear([5], false);
            check "upsample_linear between the corners", Signed: (m, 2, 5, n + 1) => (m, 2, 3, 7),
                |x| x[0].upsample_linear([3, 7], true);
            golden sums(rows! {
                "upsample_linear([18])" |x| x[0].upsample_linear([18], false),
                    "F.interpolate(x, 18, mode='linear')", "images(1)";
                "upsample_linear([13], aligned)" |x| x[0].upsample_linear([13], true),
                    "F.interpolate(x, 13, mode='linear', align_corners=True)", "images(1)";
                "upsample_linear([1], aligned)" |x| x[0].upsample_linear([1], true),
                    "F.interpolate(x, 1, mode='linear', align_corners=True)", "images(1)";
                "upsample_linear([14, 12])" |x| x[0].upsample_linear([14, 12], false),
                    "F.interpolate(x, scale_factor=2, mode='bilinear')", "images(2)";
                "upsample_linear([5, 11])" |x| x[0].upsample_linear([5, 11], false),
                    "F.interpolate(x, (5, 11), mode='bilinear')", "images(2)";
                "upsample_linear([5, 11], aligned)" |x| x[0].upsample_linear([5, 11], true),
                    "F.interpolate(x, (5, 11), mode='bilinear', align_corners=True)", "images(2)";
                "upsample_linear([7, 6])" |x| x[0].upsample_linear([7, 6], false),
                    "F.interpolate(x, (7, 6), mode='bilinear')", "images(2)";
                "upsample_linear([10, 12, 5])" |x| x[0].upsample_linear([10, 12, 5], false),
                    "F.interpolate(x, (10, 12, 5), mode='trilinear')", "images(3)";
                "upsample_linear([3, 7, 8], aligned)" |x| x[0].upsample_linear([3, 7, 8], true),
                    "F.interpolate(x, (3, 7, 8), mode='trilinear', align_corners=True)",
                    "images(3)";
            });
            draw 1 Same |x, p| x[0].upsample_linear(lengths::<1>(p), p.flag);
            draw 1 Same |x, p| x[0].upsample_linear(lengths::<2>(p), p.flag);
        }
        pixel_shuffle {
            check "pixel_shuffle", Signed: (m, 2 * k, n + 1) => (m, k, 2 * n + 2),
                |x| x[0].pixel_shuffle(2);
            check "pixel_shuffle of planes", Signed: (m, 4, 2, n) => (m, 1, 4, 2 * n),
                |x| x[0].pixel_shuffle(2);
            golden golden("pooling", "pixel_shuffle(3) over 1", |x| x[0].pixel_shuffle(3))
                .torch("x.reshape(2, 2, 3, 5).transpose(2, 3).reshape(2, 2, 15)",
                    "case('images', Random(OPERATION).normal(2, 6, 5))").moves();
            golden golden("pooling", "pixel_shuffle(2) over 2", |x| x[0].pixel_shuffle(2))
                .torch("F.pixel_shuffle(x, 2)",
                    "case('images', Random(OPERATION).normal(2, 12, 2, 3))").moves();
            golden golden("pooling", "pixel_shuffle(2) over 3", |x| x[0].pixel_shuffle(2))
                .torch("x.reshape(2, 1, 2, 2, 2, 2, 3, 1).permute(0, 1, 5, 2, 6, 3, 7, 4)\
                        .reshape(2, 1, 4, 6, 2)",
                    "case('images', Random(OPERATION).normal(2, 8, 2, 3, 1))").moves();
            draw 1 Same |x, p| x[0].pixel_shuffle(p.size);
        }
        pixel_unshuffle {
            check "pixel_unshuffle", Signed: (m, k, 2 * n + 2) => (m, 2 * k, n + 1),
                |x| x[0].pixel_unshuffle(2);
            check "pixel_unshuffle of planes", Signed: (m, 1, 4, 2 * n) => (m, 4, 2, n),
                |x| x[0].pixel_unshuffle(2);
            golden golden("pooling", "pixel_unshuffle(2) over 2", |x| x[0].pixel_unshuffle(2))
                .torch("F.pixel_unshuffle(x, 2)",
                    "case('images', Random(OPERATION).normal(2, 3, 4, 6))").moves();
            draw 1 Same |x, p| x[0].pixel_unshuffle(p.size);
        }
        unfold {
            check "unfold", Signed: (m, k, n + 3) => (m, 2 * k, n + 2), |x| x[0].unfold([2]);
            check "unfold with padding", Signed: (m, 2, 3, n + 2) => (m, 8, 2 * (n / 2 + 2)),
                |x| x[0].unfold(Windows::new([2, 2]).stride(2).padding(1));
            golden copies(rows! {
                "unfold([3])" |x| x[0].unfold([3]), "F.unfold(x.unsqueeze(2), (1, 3))", "images(1)";
                "unfold([2] by 3, 4 around, 2 apart)"
                    |x| x[0].unfold(Windows::new([2]).stride(3).padding(4).dilation(2)),
                    "F.unfold(x.unsqueeze(2), (1, 2), (1, 2), (0, 4), (1, 3))", "images(1)";
                "unfold([3, 3], 1 around)" |x| x[0].unfold(Windows::new([3, 3]).padding(1)),
                    "F.unfold(x, 3, padding=1)", "images(2)";
                "unfold([2, 3] by [2, 1], [0, 2] around, [3, 2] apart)" |x| x[0].unfold(
                    Windows::new([2, 3]).stride([2, 1]).padding([0, 2]).dilation([3, 2])),
                    "F.unfold(x, (2, 3), (3, 2), (0, 2), (2, 1))", "images(2)";
                "unfold([2, 2, 2], 1 around)" |x| x[0].unfold(Windows::new([2, 2, 2]).padding(1)),
                    "F.pad(x, (1,) * 6).unfold(2, 2, 1).unfold(3, 2, 1).unfold(4, 2, 1)\
                     .permute(0, 1, 5, 6, 7, 2, 3, 4).reshape(len(x), 8 * x.shape[1], -1)",
                    "images(3)";
            });
            draw 1 Same |x, p| x[0].unfold(windows::<1>(p));
            draw 1 Same |x, p| image(&x[0], 2)?.unfold(windows::<2>(p));
            draw 1 Same |x, p| image(&x[0], 3)?.unfold(windows::<3>(p));
        }
        fold {
            check "fold", Signed: (m, 2 * k, n + 2) => (m, k, n + 3),
                |x| x[0].fold([x[0].shape()[2] + 1], [2]);
            check "fold of planes", Signed: (m, 8, 2 * (n + 1)) => (m, 2, 3, n + 2),
                |x| x[0].fold([3, x[0].shape()[2] / 2 + 1], [2, 2]);
            golden sums(rows! {
                "fold([9], [3])" |x| x[0].fold([9], [3]),
                    "F.fold(x, (1, 9), (1, 3)).squeeze(2)",
                    "case('columns', Random(OPERATION).normal(2, 6, 7))";
                "fold([7, 6], [3, 2] by 2, 1 around)"
                    |x| x[0].fold([7, 6], Windows::new([3, 2]).stride(2).padding(1)),
                    "F.fold(x, (7, 6), (3, 2), stride=2, padding=1)",
                    "case('columns', Random(OPERATION).normal(2, 12, 16))";
                "fold([7, 6], [2, 3], [3, 2] apart)"
                    |x| x[0].fold([7, 6], Windows::new([2, 3]).dilation([3, 2])),
                    "F.fold(x, (7, 6), (2, 3), dilation=(3, 2))",
                    "case('columns', Random(OPERATION).normal(2, 6, 8))";
            });
            draw 1 Same |x, p| x[0].fold(lengths::<1>(p), [p.seed as usize % 3]);
        }
    }
}

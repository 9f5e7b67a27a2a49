//! Convolutions and transposed convolutions.

use super::Domain::Signed;
use super::Entry;
use super::drawn::Arguments;
use super::golden::{Golden, Operands, golden};
use cotangent::{Convolution, Indices, PaddingMode, Result, Tensor};

/// Rows of golden values: the name, the call with the optional bias `bias`, PyTorch's expression,
/// the cases.
macro_rules! rows {
    ($($name:literal |$x:ident, $bias:ident| $call:expr, $torch:literal, $cases:literal;)*) => {
        vec![$(
            row($name, |$x| {
                let $bias = $x.tensors.get(2);
                $call
            })
            .torch($torch, $cases)
        ),*]
    };
}

fn row(name: &str, run: fn(&Operands) -> Result<Tensor>) -> Golden {
    golden("convolution", name, run).sums().unsigned_zeros()
}

fn one() -> Convolution<1> {
    Convolution::new()
}

fn two() -> Convolution<2> {
    Convolution::new()
}

fn three() -> Convolution<3> {
    Convolution::new()
}

/// Returns drawn options for an input.
fn drawn<const D: usize>(x: &Tensor, p: &Arguments) -> Convolution<D> {
    let mut options = Convolution::new();
    if p.flag {
        options = options.stride(p.size).padding(p.other_size);
    }
    options = match p.seed % 8 {
        0 => options.dilation(p.size),
        1 => options.padding(p.size).padding_mode(PaddingMode::Reflect),
        2 => options.padding(p.size).padding_mode(PaddingMode::Replicate),
        3 => options.padding(p.size).padding_mode(PaddingMode::Circular),
        4 => options.same(),
        5 => options.same_strided(),
        6 => options.output_padding(p.other_size),
        _ => options,
    };
    match p.seed / 8 % 4 {
        0 => options.groups(p.other_size),
        1 => options.groups(x.shape().get(1).copied().unwrap_or(1)),
        _ => options,
    }
}

/// Adds leading axes of length 1 to a tensor with fewer axes than an image.
fn image(x: &Tensor, dimensions: usize) -> Result<Tensor> {
    let missing = (dimensions + 2).saturating_sub(x.rank());
    x.reshape([&vec![1; missing][..], x.shape()].concat())
}

/// Returns a weight of this shape from the elements of a tensor, in turn.
fn weight(elements: &Tensor, shape: Vec<usize>) -> Result<Tensor> {
    let len = shape.iter().fold(1usize, |len, &n| len.saturating_mul(n));
    if elements.is_empty() || len > 1000 {
        return image(elements, shape.len() - 2);
    }
    let indices: Indices = (0..len).map(|i| i % elements.len()).collect();
    elements.flatten().index_select(0, &indices)?.reshape(shape)
}

fn drawn_conv<const D: usize>(x: &[Tensor], p: &Arguments) -> Result<Tensor> {
    let (image, options) = (image(&x[0], D)?, drawn::<D>(&x[0], p));
    let groups = options.group_count();
    let channels = image.shape()[1];
    let shape = [
        groups.saturating_mul(2),
        channels.checked_div(groups).unwrap_or(1),
    ];
    let shape = [&shape[..], &[2, 3, 1][3 - D..]].concat();
    let bias = p.flag.then_some(&x[2]);
    image.conv(&weight(&x[1], shape)?, bias, options)
}

fn drawn_transpose<const D: usize>(x: &[Tensor], p: &Arguments) -> Result<Tensor> {
    let (image, options) = (image(&x[0], D)?, drawn::<D>(&x[0], p));
    let shape = [&[image.shape()[1], 2], &[2, 3, 1][3 - D..]].concat();
    let bias = p.flag.then_some(&x[2]);
    image.conv_transpose(&weight(&x[1], shape)?, bias, options)
}

/// Convolutions and transposed convolutions.
pub fn convolution() -> Vec<Entry> {
    operations! { [m, k, n]
        conv {
            check "conv", Signed: (m, k, n + 2) (3, k, 2) (3) => (m, 3, n + 1),
                |x| x[0].conv(&x[1], Some(&x[2]), one()), refused if k == 0;
            check "conv of planes with stride and padding", Signed:
                (m, 2, 3, n + 2) (3, 2, 2, 3) => (m, 3, 2, n + 2),
                |x| x[0].conv(&x[1], None, two().stride([2, 1]).padding(1));
            check "conv of volumes", Signed: (m, 1, 2, 3, n + 1) (2, 1, 2, 2, 1) (2)
                => (m, 2, 1, 2, n + 1),
                |x| x[0].conv(&x[1], Some(&x[2]), three());
            check "conv in groups, dilated", Signed: (m, 4, n + 4) (6, 2, 2) (6) => (m, 6, n + 1),
                |x| x[0].conv(&x[1], Some(&x[2]), one().groups(2).dilation(3));
            check "conv of each channel, same", Signed: (m, 3, n + 3) (3, 1, 4) => (m, 3, n + 3),
                |x| x[0].conv(&x[1], None, one().groups(3).same());
            check "conv of points", Signed: (m, k, 2, n + 1) (2, k, 1, 1) => (m, 2, 2, n + 1),
                |x| x[0].conv(&x[1], None, two()), refused if k == 0;
            check "conv, same with stride", Signed: (m, k, n + 3) (2, k, 3)
                => (m, 2, (n + 3).div_ceil(2)),
                |x| x[0].conv(&x[1], None, one().stride(2).same_strided()), refused if k == 0;
            check "conv of a reflected input", Signed: (m, 2, n + 3) (2, 2, 4) => (m, 2, n + 3),
                |x| x[0].conv(&x[1], None, one().same().padding_mode(PaddingMode::Reflect));
            golden rows! {
                "conv1d" |x, bias| x[0].conv(&x[1], bias, one()), "F.conv1d(*operands)",
                    "convolved(5, [3]) + broad(37, [3])";
                "conv1d by 2, 2 around, 2 apart"
                    |x, bias| x[0].conv(&x[1], bias, one().stride(2).padding(2).dilation(2)),
                    "F.conv1d(*operands, stride=2, padding=2, dilation=2)", "convolved(3, [3])";
                "conv1d, same" |x, bias| x[0].conv(&x[1], bias, one().same()),
                    "F.conv1d(*operands, padding='same')",
                    "convolved(3, [4]) + broad(9, [5])";
                "conv1d, same, 3 apart" |x, bias| x[0].conv(&x[1], bias, one().same().dilation(3)),
                    "F.conv1d(*operands, padding='same', dilation=3)", "convolved(3, [4])";
                "conv1d in 2 groups" |x, bias| x[0].conv(&x[1], bias, one().groups(2)),
                    "F.conv1d(*operands, groups=2)", "convolved(6, [3], groups=2)";
                "conv1d of each channel by 3"
                    |x, bias| x[0].conv(&x[1], bias, one().groups(4).stride(3)),
                    "F.conv1d(*operands, groups=4, stride=3)", "convolved(8, [2], groups=4)";
                "conv1d, circular" |x, bias| x[0].conv(&x[1], bias,
                    one().padding(3).padding_mode(PaddingMode::Circular)),
                    "F.conv1d(F.pad(x, (3, 3), mode='circular'), *operands[1:])",
                    "convolved(3, [4])";
                "conv2d" |x, bias| x[0].conv(&x[1], bias, two()), "F.conv2d(*operands)",
                    "convolved(5, [3, 2]) + broad(19, [3, 3])";
                "conv2d of points" |x, bias| x[0].conv(&x[1], bias, two()), "F.conv2d(*operands)",
                    "convolved(5, [1, 1]) + broad(19, [1, 1])";
                "conv2d of points by 2" |x, bias| x[0].conv(&x[1], bias, two().stride(2)),
                    "F.conv2d(*operands, stride=2)", "convolved(5, [1, 1])";
                "conv2d by [2, 1], [1, 2] around"
                    |x, bias| x[0].conv(&x[1], bias, two().stride([2, 1]).padding([1, 2])),
                    "F.conv2d(*operands, stride=(2, 1), padding=(1, 2))",
                    "convolved(3, [3, 2]) + broad(5, [3, 3])";
                "conv2d by [3, 4]" |x, bias| x[0].conv(&x[1], bias, two().stride([3, 4])),
                    "F.conv2d(*operands, stride=(3, 4))", "convolved(3, [2, 1]) + broad(2, [2, 3])";
                "conv2d, [2, 3] apart, 2 around"
                    |x, bias| x[0].conv(&x[1], bias, two().dilation([2, 3]).padding(2)),
                    "F.conv2d(*operands, dilation=(2, 3), padding=2)", "convolved(3, [3, 2])";
                "conv2d, same" |x, bias| x[0].conv(&x[1], bias, two().same()),
                    "F.conv2d(*operands, padding='same')",
                    "convolved(3, [3, 4]) + broad(17, [3, 3])";
                "conv2d by [3, 2], same with stride" |x, bias|
                    x[0].conv(&x[1], bias, two().stride([3, 2]).same_strided()),
                    "F.conv2d(F.pad(x, (1, 1, 0, 1)), *operands[1:], stride=(3, 2))",
                    "convolved(3, [2, 4])";
                "conv2d in 2 groups" |x, bias| x[0].conv(&x[1], bias, two().groups(2)),
                    "F.conv2d(*operands, groups=2)", "convolved(6, [2, 3], groups=2)";
                "conv2d of each channel"
                    |x, bias| x[0].conv(&x[1], bias, two().groups(4).padding(1)),
                    "F.conv2d(*operands, groups=4, padding=1)", "convolved(4, [3, 3], groups=4)";
                "conv2d, reflect" |x, bias| x[0].conv(&x[1], bias,
                    two().padding([2, 1]).stride(2).padding_mode(PaddingMode::Reflect)),
                    "F.conv2d(F.pad(x, (1, 1, 2, 2), mode='reflect'), *operands[1:], stride=2)",
                    "convolved(3, [3, 2])";
                "conv2d, replicate, same" |x, bias| x[0].conv(&x[1], bias,
                    two().same().padding_mode(PaddingMode::Replicate)),
                    "F.conv2d(F.pad(x, (1, 2, 1, 1), mode='replicate'), *operands[1:])",
                    "convolved(3, [3, 4])";
                "conv3d" |x, bias| x[0].conv(&x[1], bias, three()), "F.conv3d(*operands)",
                    "convolved(3, [2, 3, 2]) + broad(3, [2, 1, 3])";
                "conv3d by [2, 1, 3], 1 around"
                    |x, bias| x[0].conv(&x[1], bias, three().stride([2, 1, 3]).padding(1)),
                    "F.conv3d(*operands, stride=(2, 1, 3), padding=1)", "convolved(2, [2, 3, 2])";
                "conv3d, same, [1, 2, 1] apart"
                    |x, bias| x[0].conv(&x[1], bias, three().same().dilation([1, 2, 1])),
                    "F.conv3d(*operands, padding='same', dilation=(1, 2, 1))",
                    "convolved(2, [2, 3, 2])";
                "conv3d in 2 groups" |x, bias| x[0].conv(&x[1], bias, three().groups(2)),
                    "F.conv3d(*operands, groups=2)", "convolved(4, [2, 2, 2], groups=2)";
                "conv3d of each channel" |x, bias| x[0].conv(&x[1], bias, three().groups(4)),
                    "F.conv3d(*operands, groups=4)", "convolved(4, [2, 2, 2], groups=4)";
            };
            draw 3 Same |x, p| drawn_conv::<1>(x, p);
            draw 3 Same |x, p| drawn_conv::<2>(x, p);
            draw 3 Same |x, p| drawn_conv::<3>(x, p);
            draw 3 Same |x, p| {
                let image = image(&x[0], 1)?;
                let groups = if p.flag { p.size } else { image.shape()[1] };
                let weight = weight(&x[1], vec![image.shape()[1], 1, 2])?;
                image.conv(&weight, None, one().same().groups(groups))
            };
            draw 3 Same |x, p| x[0].conv(&x[1], None, one().stride(p.size).same_strided());
            draw 3 Same |x, p| image(&x[0], 2)?.conv(&image(&x[1], 2)?, None, two()
                .dilation(p.size).padding(p.other_size).padding_mode(PaddingMode::Circular));
        }
        conv_transpose {
            check "conv_transpose", Signed: (m, k, n + 1) (k, 3, 2) (3) => (m, 3, n + 2),
                |x| x[0].conv_transpose(&x[1], Some(&x[2]), one()), refused if k == 0;
            check "conv_transpose of planes with stride and padding", Signed:
                (m, 2, 2, n + 1) (2, 3, 3, 3) => (m, 3, 4, 2 * n + 2),
                |x| x[0].conv_transpose(&x[1], None, two().stride(2).padding(1).output_padding(1));
            check "conv_transpose of volumes", Signed: (m, 1, 2, 1, n + 1) (1, 2, 1, 2, 2) (2)
                => (m, 2, 2, 2, n + 2),
                |x| x[0].conv_transpose(&x[1], Some(&x[2]), three());
            check "conv_transpose in groups, dilated", Signed: (m, 4, n + 1) (4, 1, 2) (2)
                => (m, 2, n + 4),
                |x| x[0].conv_transpose(&x[1], Some(&x[2]), one().groups(2).dilation(3));
            golden rows! {
                "conv_transpose1d" |x, bias| x[0].conv_transpose(&x[1], bias, one()),
                    "F.conv_transpose1d(*operands)",
                    "transposed(5, [3]) + broad(9, [3], transposed=True)";
                "conv_transpose1d by 3, 1 around, 2 apart, 2 more" |x, bias| x[0].conv_transpose(
                    &x[1], bias, one().stride(3).padding(1).dilation(2).output_padding(2)),
                    "F.conv_transpose1d(*operands, stride=3, padding=1, dilation=2,
                        output_padding=2)", "transposed(3, [3])";
                "conv_transpose1d by 4 with gaps"
                    |x, bias| x[0].conv_transpose(&x[1], bias, one().stride(4)),
                    "F.conv_transpose1d(*operands, stride=4)", "transposed(3, [2])";
                "conv_transpose1d in 2 groups"
                    |x, bias| x[0].conv_transpose(&x[1], bias, one().groups(2)),
                    "F.conv_transpose1d(*operands, groups=2)", "transposed(6, [3], groups=2)";
                "conv_transpose2d" |x, bias| x[0].conv_transpose(&x[1], bias, two()),
                    "F.conv_transpose2d(*operands)",
                    "transposed(5, [3, 2]) + broad(9, [3, 3], transposed=True)";
                "conv_transpose2d by 2, 1 around, 1 more" |x, bias| x[0].conv_transpose(
                    &x[1], bias, two().stride(2).padding(1).output_padding(1)),
                    "F.conv_transpose2d(*operands, stride=2, padding=1, output_padding=1)",
                    "transposed(3, [3, 3]) + broad(4, [4, 4], transposed=True)";
                "conv_transpose2d by [2, 3], [1, 0] around, [2, 1] apart, [0, 2] more"
                    |x, bias| x[0].conv_transpose(&x[1], bias, two().stride([2, 3])
                        .padding([1, 0]).dilation([2, 1]).output_padding([0, 2])),
                    "F.conv_transpose2d(*operands, stride=(2, 3), padding=(1, 0),
                        dilation=(2, 1), output_padding=(0, 2))", "transposed(3, [2, 3])";
                "conv_transpose2d of each channel by 2"
                    |x, bias| x[0].conv_transpose(&x[1], bias, two().groups(4).stride(2)),
                    "F.conv_transpose2d(*operands, groups=4, stride=2)",
                    "transposed(4, [2, 3], groups=4)";
                "conv_transpose3d" |x, bias| x[0].conv_transpose(&x[1], bias, three()),
                    "F.conv_transpose3d(*operands)", "transposed(2, [2, 3, 2])";
                "conv_transpose3d by [2, 1, 2], 1 around in 2 groups" |x, bias|
                    x[0].conv_transpose(&x[1], bias,
                        three().stride([2, 1, 2]).padding(1).groups(2)),
                    "F.conv_transpose3d(*operands, stride=(2, 1, 2), padding=1, groups=2)",
                    "transposed(4, [2, 3, 2], groups=2)";
            };
            draw 3 Same |x, p| drawn_transpose::<1>(x, p);
            draw 3 Same |x, p| drawn_transpose::<2>(x, p);
            draw 3 Same |x, p| drawn_transpose::<3>(x, p);
            draw 3 Same |x, p| {
                let image = image(&x[0], 1)?;
                let weight = weight(&x[1], vec![image.shape()[1], 1, 2])?;
                let options = one().stride(p.size).output_padding(p.other_size);
                image.conv_transpose(&weight, None, options)
            };
        }
    }
}

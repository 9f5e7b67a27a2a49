//! The convolutions of the cases from PyTorch.

use crate::layers::{Row, Subject, layer};
use cotangent::nn::*;
use cotangent::prelude::{ChaCha8Rng, PaddingMode, Result, SeedableRng};

fn conv<const D: usize>(
    out: usize,
    kernel: usize,
    options: impl FnOnce(ConvBuilder<D, Conv<D>>) -> ConvBuilder<D, Conv<D>>,
) -> Result<Box<dyn Subject>> {
    let builder = options(Conv::builder(4, out, kernel));
    layer(builder.build(&mut ChaCha8Rng::seed_from_u64(0)))
}

fn transposed<const D: usize>(
    out: usize,
    kernel: usize,
    options: impl FnOnce(ConvBuilder<D, ConvTranspose<D>>) -> ConvBuilder<D, ConvTranspose<D>>,
) -> Result<Box<dyn Subject>> {
    let builder = options(ConvTranspose::builder(4, out, kernel));
    layer(builder.build(&mut ChaCha8Rng::seed_from_u64(0)))
}

/// The rows for $d spatial axes.
macro_rules! of_dimensions {
    ($d:literal, $name:literal) => {
        of_dimensions! { $d, $name;
            "conv": conv(6, 3, |c| c);
            "conv, stride": conv(6, 3, |c| c.stride(2).padding(1).no_bias());
            "conv, dilation": conv(3, 2, |c| c.padding(2).dilation(3));
            "conv, same": conv(3, 3, |c| c.same());
            "conv, same even": conv(3, 4, |c| c.same());
            "conv, same strided": conv(3, 3, |c| c.stride(2).same_strided());
            "conv, same strided even": conv(3, 2, |c| c.stride(3).same_strided());
            "conv, groups": conv(6, 2, |c| c.groups(2));
            "conv, depthwise": conv(8, 3, |c| c.padding(1).groups(4));
            "conv, reflect": conv(3, 3, |c| c.padding(2).padding_mode(PaddingMode::Reflect));
            "conv, replicate": conv(3, 3, |c| {
                c.padding(3).stride(2).padding_mode(PaddingMode::Replicate)
            });
            "conv, circular": conv(3, 3, |c| c.padding(2).padding_mode(PaddingMode::Circular));
            "conv, same reflect": conv(3, 4, |c| c.same().padding_mode(PaddingMode::Reflect));
            "conv, same replicate": conv(3, 4, |c| c.same().padding_mode(PaddingMode::Replicate));
            "conv, same circular": conv(3, 4, |c| c.same().padding_mode(PaddingMode::Circular));
            "conv_transpose": transposed(3, 3, |c| c);
            "conv_transpose, stride": transposed(3, 3, |c| c.stride(2).padding(1).no_bias());
            "conv_transpose, output padding":
                transposed(3, 3, |c| c.stride(2).padding(1).output_padding(1));
            "conv_transpose, groups": transposed(6, 2, |c| c.stride(3).groups(2).dilation(2));
            "conv_transpose, depthwise": transposed(4, 2, |c| c.stride(2).groups(4));
        }
    };
    ($d:literal, $name:literal;
        $($case:literal: $kind:ident($out:literal, $len:literal, $set:expr);)*) => {
        [$((concat!($case, ", ", $name), |_| $kind::<$d>($out, $len, $set)),)*]
    };
}

pub fn convolutional() -> Vec<Row> {
    let rows: [Row; 20] = of_dimensions!(1, "1d");
    let planes: [Row; 20] = of_dimensions!(2, "2d");
    let volumes: [Row; 20] = of_dimensions!(3, "3d");
    [rows, planes, volumes].concat()
}

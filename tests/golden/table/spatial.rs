//! The layers of the cases from PyTorch whose inputs have spatial axes.

use crate::layers::{Row, layer};
use cotangent::Windows;
use cotangent::nn::*;

/// The rows of the layers that exist for each number of spatial axes, $d.
macro_rules! of_dimensions {
    ($d:literal, $name:literal, $lengths:expr) => {{
        let rows: [Row; 17] = [
            (concat!("max_pool, ", $name), |_| {
                layer(Ok(MaxPool::<$d>::new(2)))
            }),
            (concat!("max_pool, options, ", $name), |_| {
                let pool = MaxPool::<$d>::new(3).stride(2).padding(1).ceil_mode();
                layer(Ok(pool))
            }),
            (concat!("max_pool, dilation, ", $name), |_| {
                layer(Ok(MaxPool::<$d>::new(2).stride(1).dilation(2)))
            }),
            (concat!("avg_pool, ", $name), |_| {
                layer(Ok(AvgPool::<$d>::new(2)))
            }),
            (concat!("avg_pool, options, ", $name), |_| {
                let pool = AvgPool::<$d>::new(3).stride(2).padding(1).ceil_mode();
                layer(Ok(pool.exclude_padding()))
            }),
            (concat!("adaptive_max_pool, ", $name), |_| {
                layer(Ok(AdaptiveMaxPool::<$d>::new($lengths)))
            }),
            (concat!("adaptive_avg_pool, ", $name), |_| {
                layer(Ok(AdaptiveAvgPool::<$d>::new($lengths)))
            }),
            (concat!("global_max_pool, ", $name), |_| {
                layer(Ok(GlobalMaxPool))
            }),
            (concat!("global_avg_pool, ", $name), |_| {
                layer(Ok(GlobalAvgPool))
            }),
            (concat!("upsample, ", $name), |_| {
                layer(Ok(Upsample::<$d>::by(2)))
            }),
            (concat!("upsample, lengths, ", $name), |_| {
                layer(Ok(Upsample::<$d>::to($lengths)))
            }),
            (concat!("upsample, linear, ", $name), |_| {
                layer(Ok(Upsample::<$d>::by(3).linear()))
            }),
            (concat!("upsample, corners, ", $name), |_| {
                layer(Ok(Upsample::<$d>::to($lengths).align_corners()))
            }),
            (concat!("channel_dropout, predicting, ", $name), |_| {
                layer(ChannelDropout::new(0.4))
            }),
            (concat!("channel_dropout of nothing, ", $name), |_| {
                layer(ChannelDropout::new(0.0))
            }),
            (concat!("instance_norm, ", $name), |_| {
                layer(InstanceNorm::new(2))
            }),
            (concat!("instance_norm, affine, ", $name), |_| {
                layer(InstanceNorm::builder(2).affine().epsilon(0.01).build())
            }),
        ];
        rows
    }};
}

const OTHERS: &[Row] = &[
    ("avg_pool, divisor, 2d", |_| {
        layer(Ok(AvgPool2d::new(2).stride(1).divisor(3.0)))
    }),
    ("avg_pool, divisor, 3d", |_| {
        layer(Ok(AvgPool3d::new(2).stride(1).divisor(3.0)))
    }),
    ("pixel_shuffle", |_| layer(Ok(PixelShuffle::new(2)))),
    ("pixel_unshuffle", |_| layer(Ok(PixelUnshuffle::new(2)))),
    ("unfold", |_| layer(Ok(Unfold::new(columns())))),
    ("fold", |_| layer(Ok(Fold::new([4, 6], columns())))),
    ("group_norm", |_| layer(GroupNorm::new(3, 6))),
    ("group_norm, samples", |_| layer(GroupNorm::new(2, 6))),
    ("group_norm, no affine", |_| {
        layer(GroupNorm::builder(2, 6).no_affine().build())
    }),
    ("group_norm, epsilon 0.01", |_| {
        layer(GroupNorm::builder(1, 6).epsilon(0.01).build())
    }),
    ("group_norm, offset", |_| layer(GroupNorm::new(2, 4))),
    ("instance_norm, running statistics", |_| {
        layer(
            InstanceNorm::builder(3)
                .affine()
                .running_statistics()
                .build(),
        )
    }),
    ("instance_norm, momentum 0.3", |_| {
        let builder = InstanceNorm::builder(3).momentum(0.3);
        layer(builder.running_statistics().build())
    }),
];

fn columns() -> Windows<2> {
    Windows::new([2, 3]).padding(1).stride(2)
}

pub fn spatial() -> Vec<Row> {
    let mut rows = OTHERS.to_vec();
    rows.extend(of_dimensions!(1, "1d", [4]));
    rows.extend(of_dimensions!(2, "2d", [4, 3]));
    rows.extend(of_dimensions!(3, "3d", [4, 3, 5]));
    rows
}

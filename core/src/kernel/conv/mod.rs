//! Convolutions in one to three dimensions, without a matrix of windows (im2col) in memory.
//!
//! Three maps are closed under differentiation: the convolution of an input with weights
//! ([`sums::convolve`]), its transpose ([`sums::transpose`]), and the gradient of the weights
//! ([`weights::gradient`]). In all of them a task copies the planes that it reads into padded ones,
//! where every element of a window is a shift of the whole plane ([`planes`]): then tiles of the
//! result stay in registers as in a matrix product (Dukhan 2019, The Indirect Convolution
//! Algorithm; Georganas et al. 2018, Anatomy of High-Performance Deep Learning Convolutions on SIMD
//! Architectures). Sums over 3×3 taps in `f32` take fewer products ([`winograd`]).

mod copies;
mod planes;
pub(crate) mod sums;
mod tile;
mod vectors;
pub(crate) mod weights;
mod winograd;

/// A spatial axis: `len` elements of the input, `outputs` windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub len: usize,
    pub outputs: usize,
    pub taps: usize,
    pub stride: usize,
    /// The zeros before the first element. Those after the last follow from `outputs`.
    pub padding: usize,
    pub dilation: usize,
}

impl Axis {
    /// The axis of an image with fewer than three axes.
    pub(crate) const MISSING: Self = Self {
        len: 1,
        outputs: 1,
        taps: 1,
        stride: 1,
        padding: 0,
        dilation: 1,
    };
}

/// The sizes of a convolution: input (batch, groups · inputs, …), weights (groups · outputs,
/// inputs, taps…), result (batch, groups · outputs, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub batch: usize,
    pub groups: usize,
    /// Channels of a group.
    pub inputs: usize,
    /// Channels of a group.
    pub outputs: usize,
    pub axes: [Axis; 3],
}

impl Geometry {
    /// Returns the number of elements of an input channel of one sample.
    pub(crate) fn pixels(&self) -> usize {
        self.axes.iter().map(|axis| axis.len).product()
    }

    /// Returns the number of elements of an output channel of one sample.
    pub(crate) fn results(&self) -> usize {
        self.axes.iter().map(|axis| axis.outputs).product()
    }

    /// Returns the number of elements of a window.
    pub(crate) fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.taps).product()
    }

    /// Returns the multiplications of one of the three maps, at most `usize::MAX`.
    pub(crate) fn multiplications(&self) -> usize {
        [
            self.results(),
            self.taps(),
            self.inputs,
            self.outputs,
            self.groups,
        ]
        .iter()
        .fold(self.batch, |product, &n| product.saturating_mul(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator of small numbers, so that sums of products are exact in any order.
    struct Draws(u64);

    impl Draws {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) as usize % n
        }

        fn numbers<F: crate::kernel::float::Float>(&mut self, len: usize) -> Vec<F> {
            (0..len)
                .map(|_| F::from_f64(self.below(7) as f64 - 3.0))
                .collect()
        }

        /// Draws an axis of at least one output.
        fn axis(&mut self, most: usize) -> Axis {
            let (taps, dilation) = (1 + self.below(4), 1 + self.below(3));
            let (stride, padding) = (1 + self.below(4), self.below(5));
            let reach = (taps - 1) * dilation + 1;
            let len = (1 + self.below(most))
                .max(reach.saturating_sub(2 * padding))
                .max(1);
            let outputs = (len + 2 * padding - reach) / stride + 1;
            Axis {
                len,
                outputs,
                taps,
                stride,
                padding,
                dilation,
            }
        }
    }

    /// Calls `product(image, weight, result)` with the places of the operands of every product.
    fn products(geometry: &Geometry, product: &mut dyn FnMut(usize, usize, usize)) {
        let each = |lengths: [usize; 3]| {
            let [z, y, x] = lengths;
            (0..z * y * x).map(move |i| [i / (y * x), i / x % y, i % x])
        };
        let (pixels, results, taps) = (geometry.pixels(), geometry.results(), geometry.taps());
        for image in 0..geometry.batch * geometry.groups {
            let group = image % geometry.groups;
            for output in 0..geometry.outputs {
                for input in 0..geometry.inputs {
                    let weight =
                        ((group * geometry.outputs + output) * geometry.inputs + input) * taps;
                    for (o, at) in each(geometry.axes.map(|axis| axis.outputs)).enumerate() {
                        for (k, tap) in each(geometry.axes.map(|axis| axis.taps)).enumerate() {
                            let mut pixel = Some(0);
                            for (i, axis) in geometry.axes.iter().enumerate() {
                                let place = at[i] * axis.stride + tap[i] * axis.dilation;
                                let place =
                                    place.checked_sub(axis.padding).filter(|&p| p < axis.len);
                                pixel = pixel
                                    .zip(place)
                                    .map(|(pixel, place)| pixel * axis.len + place);
                            }
                            if let Some(pixel) = pixel {
                                product(
                                    (image * geometry.inputs + input) * pixels + pixel,
                                    weight + k,
                                    (image * geometry.outputs + output) * results + o,
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// Checks that the results are equal to the sums of all products.
    fn check<F: crate::kernel::float::Float>(geometry: &Geometry, draws: &mut Draws) {
        for (map, [found, expected]) in results::<F>(geometry, draws).iter().enumerate() {
            assert_eq!(found, expected, "map {map} of {geometry:?}");
        }
    }

    /// Checks that the results differ from the sums of all products by at most `bound` times their
    /// root mean square.
    fn check_within(bound: f64, geometry: &Geometry, draws: &mut Draws) {
        for (map, [found, expected]) in results::<f32>(geometry, draws).iter().enumerate() {
            let squares = expected.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
            let rms = (squares / expected.len() as f64).sqrt();
            for (&found, &expected) in found.iter().zip(expected) {
                let error = (f64::from(found) - f64::from(expected)).abs();
                assert!(
                    error <= bound * rms,
                    "map {map} of {geometry:?}: {error} of {rms}"
                );
            }
        }
    }

    /// Returns the results of the three maps, and the sums of all products, which are exact.
    fn results<F: crate::kernel::float::Float>(
        geometry: &Geometry,
        draws: &mut Draws,
    ) -> Vec<[Vec<F>; 2]> {
        let images = geometry.batch * geometry.groups;
        let x: Vec<F> = draws.numbers(images * geometry.inputs * geometry.pixels());
        let w: Vec<F> =
            draws.numbers(geometry.groups * geometry.outputs * geometry.inputs * geometry.taps());
        let g: Vec<F> = draws.numbers(images * geometry.outputs * geometry.results());
        let bias: Vec<F> = draws.numbers(geometry.groups * geometry.outputs.max(geometry.inputs));
        let channel = |place: usize, plane: usize, channels: usize| {
            place / plane % (geometry.groups * channels)
        };
        let mut expected = [
            vec![F::zero(); g.len()],
            vec![F::zero(); x.len()],
            vec![F::zero(); w.len()],
        ];
        for (i, y) in expected[0].iter_mut().enumerate() {
            *y = bias[channel(i, geometry.results(), geometry.outputs)];
        }
        for (i, y) in expected[1].iter_mut().enumerate() {
            *y = bias[channel(i, geometry.pixels(), geometry.inputs)];
        }
        products(geometry, &mut |image, weight, result| {
            expected[0][result] += x[image] * w[weight];
            expected[1][image] += g[result] * w[weight];
            expected[2][weight] += x[image] * g[result];
        });
        let mut found = expected
            .each_ref()
            .map(|values| vec![F::nan(); values.len()]);
        sums::convolve(
            geometry,
            &x,
            &w,
            Some(&bias[..geometry.groups * geometry.outputs]),
            &mut found[0],
        );
        sums::transpose(
            geometry,
            &g,
            &w,
            Some(&bias[..geometry.groups * geometry.inputs]),
            &mut found[1],
        );
        weights::gradient(geometry, &x, &g, &mut found[2]);
        let pairs = found.into_iter().zip(expected);
        pairs.map(|(found, expected)| [found, expected]).collect()
    }

    #[test]
    fn random_sizes_agree_with_sums_over_every_index() {
        let mut draws = Draws(1);
        for round in 0..400 {
            let dimensions = 1 + draws.below(3);
            let most = [60, 20, 7][dimensions - 1];
            let mut axes = [Axis::MISSING; 3];
            for axis in &mut axes[3 - dimensions..] {
                *axis = draws.axis(most);
            }
            let geometry = Geometry {
                batch: 1 + draws.below(4),
                groups: [1, 1, 2, 3][draws.below(4)],
                inputs: [1, 2, 5, 9][draws.below(4)],
                outputs: [1, 3, 8, 19, 53][draws.below(5)],
                axes,
            };
            if round % 2 == 0 {
                check::<f32>(&geometry, &mut draws);
            } else {
                check::<f64>(&geometry, &mut draws);
            }
        }
    }

    #[test]
    fn many_channels_are_added_in_several_blocks() {
        let axis = |len, taps, padding| Axis {
            len,
            outputs: len + 2 * padding + 1 - taps,
            taps,
            padding,
            ..Axis::MISSING
        };
        let geometry = Geometry {
            batch: 2,
            groups: 1,
            inputs: 130,
            outputs: 67,
            axes: [Axis::MISSING, axis(7, 3, 1), axis(7, 3, 1)],
        };
        check::<f32>(&geometry, &mut Draws(2));
        check::<f64>(&geometry, &mut Draws(3));
    }

    #[test]
    fn minimal_filtering_agrees_with_sums_over_every_index() {
        let mut draws = Draws(4);
        for _ in 0..60 {
            let mut axis = || {
                let padding = draws.below(3);
                let len = 3 + draws.below(20);
                Axis {
                    len,
                    outputs: len + 2 * padding - 2,
                    taps: 3,
                    padding,
                    ..Axis::MISSING
                }
            };
            let axes = [Axis::MISSING, axis(), axis()];
            let geometry = Geometry {
                batch: 1 + draws.below(2),
                groups: 1 + draws.below(2),
                inputs: 12 + draws.below(30),
                outputs: 12 + draws.below(60),
                axes,
            };
            check::<f32>(&geometry, &mut draws);
        }
    }

    #[test]
    fn tiles_of_16_outputs_agree_with_sums_over_every_index() {
        let mut draws = Draws(5);
        let mut tested = 0;
        while tested < 8 {
            let mut axis = || {
                let padding = draws.below(3);
                let len = [4, 7, 8, 11, 12, 16, 19, 24][draws.below(8)] + 2 - 2 * padding;
                Axis {
                    len: len.max(1),
                    outputs: (len.max(1) + 2 * padding).saturating_sub(2),
                    taps: 3,
                    padding,
                    ..Axis::MISSING
                }
            };
            let axes = [Axis::MISSING, axis(), axis()];
            let geometry = Geometry {
                batch: 12 + draws.below(9),
                groups: 1 + draws.below(2),
                inputs: 12 + draws.below(30),
                outputs: 12 + draws.below(60),
                axes,
            };
            let plan = planes::Plan::convolution(&geometry);
            let channels = [geometry.inputs, geometry.outputs];
            let sizes =
                winograd::Sizes::of::<f32>(&plan, channels, geometry.groups, geometry.batch);
            if sizes.is_some_and(|sizes| winograd::four::Grid::of::<f32>(&sizes).is_some()) {
                check_within(2e-5, &geometry, &mut draws);
                tested += 1;
            }
        }
    }

    #[test]
    fn planes_wider_than_the_cache_are_cut() {
        let axis = |len| Axis {
            len,
            outputs: len,
            taps: 3,
            padding: 1,
            ..Axis::MISSING
        };
        let geometry = Geometry {
            batch: 16,
            groups: 1,
            inputs: 20,
            outputs: 12,
            axes: [Axis::MISSING, axis(4), axis(130)],
        };
        check_within(2e-5, &geometry, &mut Draws(6));
    }
}

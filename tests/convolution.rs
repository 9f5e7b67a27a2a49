//! Convolutions against loops that compute every term by its index, over random sizes; transposes,
//! padding modes, the layers, and bad input.

use cotangent::prelude::*;
use cotangent::{Error, Spatial};

/// A random convolution.
#[derive(Debug)]
struct Case<const D: usize> {
    batch: usize,
    groups: usize,
    /// Channels of a group, of the input and of the result.
    channels: [usize; 2],
    image: [usize; D],
    kernel: [usize; D],
    stride: [usize; D],
    padding: [usize; D],
    dilation: [usize; D],
}

fn draw<const D: usize>(rng: &mut ChaCha8Rng, of: std::ops::Range<usize>) -> [usize; D] {
    std::array::from_fn(|_| rng.random_range(of.clone()))
}

impl<const D: usize> Case<D> {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        // Ones and primes among them, and rows that are longer than several vector registers.
        let lengths = [1, 2, 3, 5, 7, 8, 11, 16, 37];
        let most = if D == 1 { lengths.len() } else { 6 };
        let channels = [1, 1, 2, 3, 5, 8, 17];
        loop {
            let mut of = |list: &[usize]| list[rng.random_range(0..list.len())];
            let plain = of(&[0, 1]) == 0;
            let many = if D < 3 { channels.len() } else { 4 };
            let mut image = [(); D].map(|()| of(&lengths[..most]));
            if of(&[0, 1, 2, 3]) == 0 {
                image[D - 1] = 53;
            }
            let case = Self {
                batch: of(&[1, 2, 3]),
                groups: of(&[1, 1, 1, 2, 3]),
                channels: [(); 2].map(|()| of(&channels[..many])),
                image,
                kernel: if of(&[0, 1]) == 0 {
                    [3; D]
                } else {
                    draw(rng, 1..5)
                },
                stride: if plain { [1; D] } else { draw(rng, 1..5) },
                padding: draw(rng, 0..4),
                dilation: if plain { [1; D] } else { draw(rng, 1..4) },
            };
            let fits = |axis: usize| case.reach(axis) < case.image[axis] + 2 * case.padding[axis];
            if (0..D).all(fits) {
                return case;
            }
        }
    }

    /// Returns the distance from the first to the last element of a window.
    fn reach(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1)
    }

    fn outputs(&self) -> [usize; D] {
        std::array::from_fn(|axis| {
            let padded = self.image[axis] + 2 * self.padding[axis];
            (padded - self.reach(axis) - 1) / self.stride[axis] + 1
        })
    }

    fn options(&self) -> Convolution<D> {
        let options = Convolution::new().stride(self.stride).padding(self.padding);
        options.dilation(self.dilation).groups(self.groups)
    }

    /// Returns the shapes of the input, the weight, the bias and the result.
    fn shapes(&self) -> [Vec<usize>; 4] {
        let [inputs, outputs] = self.channels;
        let all = [self.groups * inputs, self.groups * outputs];
        [
            [&[self.batch, all[0]][..], &self.image].concat(),
            [&[all[1], inputs][..], &self.kernel].concat(),
            vec![all[1]],
            [&[self.batch, all[1]][..], &self.outputs()].concat(),
        ]
    }

    /// Calls `term` with the places in input, weight and result of every product of the sums.
    fn each_term(&self, mut term: impl FnMut(usize, usize, usize)) {
        let ([inputs, outputs], [x, w, _, y]) = (self.channels, self.shapes());
        for out in indices(self.outputs()) {
            for tap in indices(self.kernel) {
                let place = |axis: usize| {
                    let place = out[axis] * self.stride[axis] + tap[axis] * self.dilation[axis];
                    let place = place.checked_sub(self.padding[axis])?;
                    (place < self.image[axis]).then_some(place)
                };
                let places: Option<Vec<usize>> = (0..D).map(place).collect();
                let Some(places) = places else { continue };
                for n in 0..self.batch {
                    for group in 0..self.groups {
                        for i in 0..inputs {
                            for o in group * outputs..(group + 1) * outputs {
                                let from = [&[n, group * inputs + i][..], &places].concat();
                                let by = [&[o, i][..], &tap].concat();
                                let to = [&[n, o][..], &out].concat();
                                term(place_of(&x, &from), place_of(&w, &by), place_of(&y, &to));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns all indices of an array with these lengths.
fn indices<const D: usize>(lengths: [usize; D]) -> Vec<[usize; D]> {
    let mut all = vec![[0; D]];
    for axis in 0..D {
        let longer = |index: &[usize; D]| {
            let index = *index;
            (0..lengths[axis]).map(move |i| {
                let mut index = index;
                index[axis] = i;
                index
            })
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// Returns the place of an index in an array of this shape.
fn place_of(shape: &[usize], index: &[usize]) -> usize {
    let axes = shape.iter().zip(index);
    axes.fold(0, |place, (len, i)| place * len + i)
}

/// Draws whole numbers, with which sums in `f64` are exact.
fn whole(shape: &[usize], rng: &mut ChaCha8Rng) -> Result<Tensor> {
    Tensor::from_fn(shape, DType::F64, || f64::from(rng.random_range(-4..5)))
}

fn check_exact<const D: usize>(seed: u64) -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..60 {
        let case = Case::<D>::draw(rng);
        let [x, w, b, y] = case.shapes();
        let [x, w, b] = [whole(&x, rng)?, whole(&w, rng)?, whole(&b, rng)?];
        let g = whole(&y, rng)?;
        let [xs, ws, bs, gs] = [&x, &w, &b, &g].map(Tensor::to_f64_vec);
        let pixels = case.outputs().iter().product::<usize>();
        let mut ys: Vec<f64> = (0..gs.len()).map(|i| bs[i / pixels % bs.len()]).collect();
        let [mut dx, mut dw] = [vec![0.0; xs.len()], vec![0.0; ws.len()]];
        case.each_term(|i, k, o| {
            ys[o] += xs[i] * ws[k];
            dx[i] += gs[o] * ws[k];
            dw[k] += gs[o] * xs[i];
        });
        let [x, w, b] = [x.tracked(), w.tracked(), b.tracked()];
        let found = x.conv(&w, Some(&b), case.options())?;
        assert_eq!(found.shape(), y, "{case:?}");
        assert_eq!(found.to_f64_vec(), ys, "{case:?}");
        let gradients = found.backward_with(&g)?;
        let gradient = |x: &Tensor| gradients.get(x).map(Tensor::to_f64_vec);
        assert_eq!(gradient(&x), Some(dx.clone()), "by the input, {case:?}");
        assert_eq!(gradient(&w), Some(dw), "by the weight, {case:?}");
        let sums = g.sum_over(
            (0..g.rank() as isize)
                .filter(|&axis| axis != 1)
                .collect::<Vec<_>>(),
        )?;
        assert_eq!(
            gradient(&b),
            Some(sums.to_f64_vec()),
            "by the bias, {case:?}"
        );

        // The transpose is the gradient by the input. Elements behind the last window are added.
        let added: [usize; D] = std::array::from_fn(|axis| {
            let padded = case.image[axis] + 2 * case.padding[axis];
            (padded - case.reach(axis) - 1) % case.stride[axis]
        });
        let transposed = g.conv_transpose(&w, None, case.options().output_padding(added))?;
        assert_eq!(transposed.shape(), x.shape(), "{case:?}");
        assert_eq!(transposed.to_f64_vec(), dx, "transposed, {case:?}");
        // ⟨conv(x), g⟩ = ⟨x, conv_transpose(g)⟩
        let inner = |a: &Tensor, b: &Tensor| a.mul(b)?.sum().item();
        let product = x.conv(&w, None, case.options())?;
        assert_eq!(inner(&product, &g)?, inner(&x, &transposed)?, "{case:?}");
    }
    Ok(())
}

#[test]
fn sequences_equal_a_loop_over_indices() -> Result<()> {
    check_exact::<1>(1)
}

#[test]
fn images_equal_a_loop_over_indices() -> Result<()> {
    check_exact::<2>(2)
}

#[test]
fn volumes_equal_a_loop_over_indices() -> Result<()> {
    check_exact::<3>(3)
}

/// In `f32` the error of an element is at most a few roundings of the sum of its terms' sizes.
/// Minimal filtering, which the kernels of 3×3 taps use, multiplies sums of neighbours, so its
/// errors are relative to the largest terms of the tile.
#[test]
fn errors_in_single_precision_are_bounded() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    for _ in 0..60 {
        let case = Case::<2>::draw(rng);
        let [x, w, _, y] = case.shapes();
        let mut normal = |shape: &[usize]| Tensor::normal(shape, 0.0, 1.0, DType::F32, rng);
        let operands = [normal(&x)?, normal(&w)?, normal(&y)?];
        let run = |dtype| -> Result<Vec<Vec<f64>>> {
            let [x, w, g] = [0, 1, 2].map(|i| operands[i].to_dtype(dtype).tracked());
            let y = x.conv(&w, None, case.options())?;
            let gradients = y.backward_with(&g.detach())?;
            let all = [Some(&y), gradients.get(&x), gradients.get(&w)];
            Ok(all.iter().flatten().map(|x| x.to_f64_vec()).collect())
        };
        let (single, double) = (run(DType::F32)?, run(DType::F64)?);
        let terms = case.channels[0].max(case.channels[1]) * case.kernel.iter().product::<usize>();
        let of_weight = case.batch * case.outputs().iter().product::<usize>();
        for (i, (single, double)) in single.iter().zip(&double).enumerate() {
            let terms = if i == 2 { of_weight } else { terms } as f64;
            let bound = 16.0 * f64::from(f32::EPSILON) * terms.sqrt().max(1.0);
            for (single, double) in single.iter().zip(double) {
                let error = (single - double).abs();
                assert!(
                    error <= bound,
                    "{error} > {bound} in result {i} of {case:?}"
                );
            }
        }
    }
    Ok(())
}

/// Batches are computed in tiles of 4×4 outputs. Their elements are multiplied by larger numbers.
#[test]
fn errors_of_batches_in_single_precision_are_bounded() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(9);
    for (channels, len) in [([16, 16], 16), ([40, 24], 11)] {
        let mut normal = |shape: [usize; 4]| Tensor::normal(shape, 0.0, 1.0, DType::F32, rng);
        let x = normal([17, channels[0], len, len])?;
        let w = normal([channels[1], channels[0], 3, 3])?;
        let g = normal([17, channels[1], len, len])?;
        let run = |dtype| -> Result<[Vec<f64>; 3]> {
            let [x, w, g] = [&x, &w, &g].map(|t| t.to_dtype(dtype).tracked());
            let y = x.conv(&w, None, Convolution::<2>::new().padding([1, 1]))?;
            let gradients = y.backward_with(&g.detach())?;
            let gradient = |x| gradients.get(x).map(Tensor::to_f64_vec).unwrap_or_default();
            Ok([y.to_f64_vec(), gradient(&x), gradient(&w)])
        };
        let (single, double) = (run(DType::F32)?, run(DType::F64)?);
        let terms = [9 * channels[0], 9 * channels[1], 17 * len * len];
        for i in 0..3 {
            let bound = 128.0 * f64::from(f32::EPSILON) * (terms[i] as f64).sqrt();
            for (single, double) in single[i].iter().zip(&double[i]) {
                let error = (single - double).abs();
                assert!(error <= bound, "{error} > {bound} in result {i}");
            }
        }
    }
    Ok(())
}

/// TensorFlow's `SAME`: as many results as the length divided by the stride, rounded up, and one
/// more element of padding at the end than at the beginning, if their number is odd.
#[test]
fn same_with_strides_is_tensorflows() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    for _ in 0..200 {
        let [len, stride, kernel, dilation] = draw(rng, 1..12);
        let x = whole(&[2, 2, len], rng)?;
        let w = whole(&[3, 2, kernel], rng)?;
        let outputs = len.div_ceil(stride);
        let read = (outputs - 1) * stride + dilation * (kernel - 1) + 1;
        let total = read.saturating_sub(len);
        let around = [(0, 0), (0, 0), (total / 2, total - total / 2)];
        let options = Convolution::<1>::new().stride(stride).dilation(dilation);
        let y = x.conv(&w, None, options.same_strided())?;
        assert_eq!(y.shape(), [2, 3, outputs]);
        let padded = x.pad(&around, 0.0)?.conv(&w, None, options)?;
        assert_eq!(y.to_f64_vec(), padded.to_f64_vec());
        if stride == 1 {
            let same = x.conv(&w, None, options.same())?;
            assert_eq!(same.to_f64_vec(), y.to_f64_vec());
        }
    }
    Ok(())
}

#[test]
fn padding_modes_pad_first() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(6);
    let modes = [
        PaddingMode::Zeros,
        PaddingMode::Reflect,
        PaddingMode::Replicate,
    ];
    for mode in modes.into_iter().chain([PaddingMode::Circular]) {
        for _ in 0..30 {
            let [height, width] = draw(rng, 4..9);
            let [kernel, padding, stride]: [[usize; 2]; 3] =
                [draw(rng, 1..5), draw(rng, 0..4), draw(rng, 1..4)];
            let x = whole(&[2, 3, height, width], rng)?.tracked();
            let w = whole(&[2, 3, kernel[0], kernel[1]], rng)?;
            let options = Convolution::<2>::new().stride(stride);
            let sides = padding.map(|len| (len, len));
            let around = [&[(0, 0); 2][..], &sides].concat();
            let y = x.conv(&w, None, options.padding(padding).padding_mode(mode))?;
            let padded = x.pad_with(&around, mode)?;
            let expected = padded.conv(&w, None, options)?;
            assert_eq!(y.to_f64_vec(), expected.to_f64_vec(), "{mode:?}");
            let gradient = |y: Tensor| -> Result<Vec<f64>> {
                Ok(grad(&y.square().sum(), &[&x])?[0].to_f64_vec())
            };
            assert_eq!(gradient(y)?, gradient(expected)?, "{mode:?}");
        }
    }
    Ok(())
}

/// Layers of sizes that are split over many tasks have the same bits for any number of threads.
#[test]
fn results_do_not_depend_on_the_number_of_threads() -> anyhow::Result<()> {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let settings: [(&[usize], &[usize], Convolution<2>); 6] = [
        (
            &[3, 8, 28, 28],
            &[16, 8, 3, 3],
            Convolution::new().padding(1),
        ),
        (
            &[3, 8, 28, 28],
            &[16, 8, 3, 3],
            Convolution::new().stride(2),
        ),
        (&[3, 8, 30, 31], &[24, 8, 5, 5], Convolution::new().same()),
        (&[3, 32, 15, 15], &[32, 32, 1, 1], Convolution::new()),
        (
            &[3, 32, 20, 20],
            &[32, 1, 3, 3],
            Convolution::new().groups(32).padding(1),
        ),
        (
            &[70, 2, 9, 9],
            &[3, 2, 3, 3],
            Convolution::new().dilation(2),
        ),
    ];
    for (x, w, options) in settings {
        for dtype in [DType::F32, DType::F64] {
            let rng = &mut ChaCha8Rng::seed_from_u64(7);
            let x = Tensor::normal(x, 0.0, 1.0, dtype, rng)?.tracked();
            let w = Tensor::normal(w, 0.0, 1.0, dtype, rng)?.tracked();
            let mut found = Vec::new();
            for threads in [1, 2, 4] {
                found.push(pool(threads)?.install(|| -> Result<Vec<Vec<f64>>> {
                    let y = x.conv(&w, None, options)?;
                    let gradients = y.square().sum().backward()?;
                    let all = [Some(&y), gradients.get(&x), gradients.get(&w)];
                    Ok(all.iter().flatten().map(|x| x.to_f64_vec()).collect())
                })?);
            }
            assert!(found[0].len() == 3);
            assert!(
                found.iter().all(|other| *other == found[0]),
                "{options:?} {dtype}"
            );
        }
    }
    Ok(())
}

#[test]
fn weights_have_the_fans_of_a_group() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(8);
    let variance = |weight: &Param| weight.value().square().mean().item();
    let he = |groups| {
        Conv2d::builder(64, 128, 3)
            .groups(groups)
            .weight(init::he_normal())
    };
    for groups in [1, 4, 64] {
        let layer = he(groups).build(rng)?;
        assert_eq!(layer.weight.shape(), [128, 64 / groups, 3, 3]);
        let expected = 2.0 / (9.0 * 64.0 / groups as f64);
        let found = variance(&layer.weight)?;
        assert!(
            (found / expected - 1.0).abs() < 0.2,
            "{groups}: {found} {expected}"
        );
        assert!(
            layer
                .bias
                .unwrap()
                .value()
                .to_f64_vec()
                .iter()
                .all(|&b| b == 0.0)
        );
    }
    // The default is Glorot uniform.
    let layer = Conv1d::builder(8, 24, 5).groups(4).build(rng)?;
    let limit = (6.0f64 / (5.0 * (2.0 + 6.0))).sqrt();
    let largest = layer.weight.value().abs().max()?.item()?;
    assert!(
        largest <= limit * (1.0 + 1e-6) && largest > 0.9 * limit,
        "{largest} {limit}"
    );
    let layer = ConvTranspose2d::builder(64, 16, 3)
        .weight(init::he_normal())
        .build(rng)?;
    assert_eq!(layer.weight.shape(), [64, 16, 3, 3]);
    let found = variance(&layer.weight)?;
    assert!((found * 9.0 * 64.0 / 2.0 - 1.0).abs() < 0.1, "{found}");
    Ok(())
}

/// PyTorch takes the second axis of the weight as the fan in, also of transposed convolutions.
#[test]
fn pytorchs_default_has_its_limits() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(9);
    let check = |layer: &dyn Module, fan: f64| {
        for (path, param) in layer.named_params() {
            let largest = param
                .value()
                .abs()
                .to_f64_vec()
                .into_iter()
                .fold(0.0, f64::max);
            let limit = 1.0 / fan.sqrt();
            assert!(
                largest <= limit && largest > 0.9 * limit,
                "{path} {largest} {limit}"
            );
        }
    };
    let conv = Conv2d::builder(8, 64, [3, 2])
        .groups(2)
        .pytorch_default()
        .build(rng)?;
    check(&conv, 4.0 * 6.0);
    let conv = ConvTranspose2d::builder(8, 64, [3, 2])
        .groups(2)
        .pytorch_default()
        .build(rng)?;
    check(&conv, 32.0 * 6.0);
    let without = Conv2d::builder(8, 8, 1)
        .no_bias()
        .pytorch_default()
        .build(rng)?;
    assert!(without.bias.is_none());
    Ok(())
}

#[test]
fn batch_normalizations_fold_into_convolutions() -> Result<()> {
    fn check(
        layer: &impl Layer,
        folded: impl FnOnce(&BatchNorm) -> Result<Box<dyn DynLayer>>,
    ) -> Result<()> {
        let rng = &mut ChaCha8Rng::seed_from_u64(10);
        let norm = BatchNorm::new(6)?;
        let x = Tensor::normal([4, 4, 7, 8], 0.3, 1.5, DType::F32, rng)?;
        for _ in 0..3 {
            let _ = norm.forward(&layer.predict(&x)?, &Pass::train(0))?;
        }
        let two = norm.predict(&layer.predict(&x)?)?;
        let one = folded(&norm)?.predict(&x)?;
        assert_eq!(one.shape(), two.shape());
        let error = one.sub(&two)?.abs().max()?.item()?;
        assert!(error < 1e-5, "{error}");
        Ok(())
    }
    let rng = &mut ChaCha8Rng::seed_from_u64(11);
    let conv = Conv2d::builder(4, 6, 3).groups(2).padding(1).build(rng)?;
    check(&conv, |norm| Ok(Box::new(norm.fold_into(&conv)?)))?;
    let conv = Conv2d::builder(4, 6, 3)
        .no_bias()
        .same()
        .padding_mode(PaddingMode::Circular);
    let conv = conv.build(rng)?;
    check(&conv, |norm| Ok(Box::new(norm.fold_into(&conv)?)))?;
    let conv = ConvTranspose2d::builder(4, 6, 3)
        .groups(2)
        .stride(2)
        .build(rng)?;
    check(&conv, |norm| Ok(Box::new(norm.fold_into(&conv)?)))?;
    let norm = BatchNorm::new(5)?;
    says(norm.fold_into(&conv), &["one channel per output", "(5,)"]);
    says(
        norm.fold_into(&Conv1d::new(5, 1, 3, rng)?),
        &["one channel per output"],
    );
    Ok(())
}

#[test]
fn a_saved_net_predicts_the_same() -> Result<()> {
    let net = |seed| -> Result<Sequential> {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        Ok(Sequential::new()
            .push(Conv2d::builder(1, 4, 3).same().no_bias().build(rng)?)
            .push(BatchNorm::new(4)?)
            .push(Relu)
            .push(MaxPool2d::new(2))
            .push(ConvTranspose2d::builder(4, 2, 2).stride(2).build(rng)?)
            .push(Flatten::new())
            .push(Linear::new(2 * 8 * 8, 10, rng)?))
    };
    let (first, mut second) = (net(1)?, net(2)?);
    let names: Vec<String> = first
        .named_params()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names[0], "0.weight");
    assert_eq!(names[3..], ["4.weight", "4.bias", "6.weight", "6.bias"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net.safetensors");
    first.save(&path)?;
    second.load(&path)?;
    let x = Tensor::normal(
        [3, 1, 8, 8],
        0.0,
        1.0,
        DType::F32,
        &mut ChaCha8Rng::seed_from_u64(3),
    )?;
    assert_eq!(
        first.predict(&x)?.to_f64_vec(),
        second.predict(&x)?.to_f64_vec()
    );

    let summary = first.run_summary(|net, pass| net.forward(&x, pass))?;
    assert_eq!(summary.multiply_adds_of("0"), 3 * 4 * 64 * 9);
    assert_eq!(summary.multiply_adds_of("4"), 3 * 4 * 16 * 2 * 4);
    Ok(())
}

#[test]
fn a_net_of_convolutions_learns_the_digits() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(12);
    let mut net = Sequential::new()
        .push(
            Conv2d::builder(1, 8, 3)
                .same()
                .weight(init::he_normal())
                .build(rng)?,
        )
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(
            Conv2d::builder(8, 16, 3)
                .same()
                .weight(init::he_normal())
                .build(rng)?,
        )
        .push(Relu)
        .push(GlobalAvgPool)
        .push(Linear::new(16, 10, rng)?);
    let digits = digits()?;
    let (x, labels) = (
        digits.inputs().narrow(0, 0, 256)?,
        digits.labels().narrow(0, 0, 256)?,
    );
    let x = x.reshape([256, 1, 8, 8])?;
    let mut optimizer = Adam::new(0.02).build()?;
    let mut losses = Vec::new();
    for step in 0..30 {
        let loss = net
            .forward(&x, &Pass::train(step))?
            .cross_entropy(&labels)?;
        losses.push(loss.item()?);
        optimizer.step(&mut net, loss.backward()?)?;
    }
    let last = losses[losses.len() - 1];
    assert!(last < 0.7 * losses[0], "{losses:?}");
    Ok(())
}

#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T>, parts: &[&str]) {
    let text = match result {
        Ok(value) => panic!("no error: {value:?}"),
        Err(error) => error.to_string(),
    };
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in `{text}`");
    }
}

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32).expect("a small tensor")
}

fn two() -> Convolution<2> {
    Convolution::new()
}

#[test]
fn bad_operands_are_errors_with_all_sizes() {
    let (x, w) = (zeros(&[2, 4, 5, 6]), zeros(&[6, 4, 3, 3]));
    says(
        x.conv(&zeros(&[6, 4, 3, 7]), None, two()),
        &[
            "longer than the padded input",
            "[3, 7]",
            "(2, 4, 5, 6)",
            "(6, 4, 3, 7)",
        ],
    );
    says(
        x.conv(&w, None, two().dilation([1, 3]).padding([0, 0])),
        &["longer", "dilation [1, 3]", "stride [1, 1]"],
    );
    says(
        zeros(&[4, 5, 6]).conv(&w, None, two()),
        &[
            "(batch, channels, height, width)",
            "unsqueeze(0)",
            "(4, 5, 6)",
        ],
    );
    says(
        x.conv(&zeros(&[6, 4, 3]), None, two()),
        &["4 axes", "found 3"],
    );
    says(
        x.conv(&w, None, Convolution::<3>::new()),
        &["depth", "found 4"],
    );
    says(
        x.conv(&zeros(&[6, 3, 3, 3]), None, two()),
        &[
            "(out, in / groups, …)",
            "4 channels",
            "1 group",
            "(6, 3, 3, 3)",
        ],
    );
    says(
        x.conv(&w, None, two().groups(2)),
        &["4 channels", "2 groups"],
    );
    says(
        x.conv(&zeros(&[5, 2, 3, 3]), None, two().groups(2)),
        &["2 groups", "(5, 2, 3, 3)"],
    );
}

#[test]
fn bad_options_are_errors_with_all_sizes() {
    let (x, w) = (zeros(&[2, 4, 5, 6]), zeros(&[6, 4, 3, 3]));
    says(
        x.conv(&w, None, two().groups(0)),
        &["groups must be at least 1"],
    );
    says(
        x.conv(&w, None, two().stride([1, 0])),
        &["stride", "[1, 0]"],
    );
    says(x.conv(&w, None, two().dilation(0)), &["dilation", "[0, 0]"]);
    says(
        x.conv(&w, Some(&zeros(&[5])), two()),
        &["bias of length 6", "(5,)"],
    );
    says(
        x.conv(&w, Some(&zeros(&[1, 6])), two()),
        &["bias of length 6", "(1, 6)"],
    );
    let double = w.to_dtype(DType::F64);
    assert!(matches!(
        x.conv(&double, None, two()),
        Err(Error::DType { .. })
    ));
    says(
        x.conv(&w, None, two().same().stride(2)),
        &["`same`", "[2, 2]", "same_strided"],
    );
    says(
        x.conv(&w, None, two().output_padding(1)),
        &["`output_padding`"],
    );
    says(
        x.conv(&w, None, two().stride(2).output_padding(1)),
        &["conv_transpose"],
    );
    says(
        zeros(&[2, 0, 5, 6]).conv(&zeros(&[6, 0, 3, 3]), None, two()),
        &["not empty"],
    );
    says(
        zeros(&[2, 4, 0, 6]).conv(&w, None, two().padding(3)),
        &["not empty"],
    );
    says(
        x.conv(&zeros(&[6, 4, 0, 3]), None, two()),
        &["a weight that is not empty"],
    );
    says(
        x.conv(
            &w,
            None,
            two().padding([5, 1]).padding_mode(PaddingMode::Reflect),
        ),
        &["at most 4", "Reflect", "axis 2", "[2, 4, 5, 6]"],
    );
    says(
        x.conv(
            &w,
            None,
            two().padding([1, 7]).padding_mode(PaddingMode::Circular),
        ),
        &["at most 6", "Circular", "axis 3"],
    );
    // A batch of nothing is no error.
    let none = zeros(&[0, 4, 5, 6]).conv(&w, None, two());
    assert!(none.is_ok_and(|y| y.shape() == [0, 6, 3, 4]));
}

#[test]
fn bad_operands_of_transposes_are_errors_with_all_sizes() {
    let (x, w) = (zeros(&[2, 4, 5, 6]), zeros(&[4, 3, 3, 3]));
    says(
        x.conv_transpose(&zeros(&[3, 4, 3, 3]), None, two()),
        &["(in, out / groups, …)", "4 channels", "(3, 4, 3, 3)"],
    );
    says(x.conv_transpose(&w, None, two().groups(3)), &["3 groups"]);
    says(
        x.conv_transpose(&w, Some(&zeros(&[3])), two().groups(2)),
        &["bias of length 6", "(3,)"],
    );
    says(
        x.conv_transpose(&w, None, two().stride(2).output_padding([1, 2])),
        &["output padding [1, 2]", "stride [2, 2]", "dilation [1, 1]"],
    );
    says(
        x.conv_transpose(&w, None, two().padding(4)),
        &["nothing is left", "padding [4, 4]", "(2, 4, 5, 6)"],
    );
    says(x.conv_transpose(&w, None, two().same()), &["`same`"]);
    let circular = two().padding_mode(PaddingMode::Circular);
    says(x.conv_transpose(&w, None, circular), &["padding mode"]);
    says(
        zeros(&[4, 5, 6]).conv_transpose(&w, None, two()),
        &["unsqueeze(0)"],
    );
}

/// Sizes beyond memory are errors without an allocation.
#[test]
fn huge_numbers_are_errors() {
    let (x, w) = (zeros(&[2, 4, 5, 6]), zeros(&[4, 4, 3, 3]));
    for huge in [
        usize::MAX,
        usize::MAX / 2,
        usize::MAX / 2 + 1,
        1 << 62,
        1 << 50,
    ] {
        let long = [two().padding(huge), two().padding([1, huge])];
        for options in long {
            says(x.conv(&w, None, options), &["conv"]);
            says(x.conv_transpose(&w, None, options), &["conv_transpose"]);
            let mode = options.padding_mode(PaddingMode::Replicate);
            says(x.conv(&w, None, mode), &["conv"]);
        }
        says(x.conv(&w, None, two().dilation(huge)), &["conv"]);
        says(
            x.conv(&w, None, two().dilation([1, huge]).padding([0, huge])),
            &["conv"],
        );
        says(x.conv(&w, None, two().same().dilation(huge)), &["conv"]);
        says(
            x.conv(&w, None, two().same_strided().dilation(huge)),
            &["conv"],
        );
        says(
            x.conv_transpose(&w, None, two().stride(huge)),
            &["conv_transpose"],
        );
        says(
            x.conv_transpose(&w, None, two().dilation(huge)),
            &["conv_transpose"],
        );
        says(x.conv(&w, None, two().groups(huge)), &["conv", "groups"]);
        says(
            x.conv_transpose(&w, None, two().groups(huge)),
            &["conv_transpose", "groups"],
        );
        let added = two().stride(huge).output_padding(huge - 1);
        says(x.conv_transpose(&w, None, added), &["conv_transpose"]);
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        says(Conv2d::new(huge, 1, 1, rng), &[]);
        says(Conv2d::new(1, 1, huge, rng), &[]);
        says(ConvTranspose3d::new(huge, huge, 1, rng), &[]);
        says(
            Conv2d::builder(huge, huge, 1)
                .groups(huge)
                .pytorch_default()
                .build(rng),
            &[],
        );
        // Only the first window is inside.
        let far = x.conv(&w, None, two().stride(huge));
        assert!(far.is_ok_and(|y| y.shape() == [2, 4, 1, 1]));
    }
}

#[test]
fn bad_options_are_errors_of_build() {
    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    says(
        Conv2d::new(0, 4, 3, rng),
        &["in_channels 0", "out_channels 4"],
    );
    says(Conv1d::new(4, 0, 3, rng), &["out_channels 0"]);
    says(Conv2d::new(4, 4, [3, 0], rng), &["kernel [3, 0]"]);
    says(
        Conv2d::builder(4, 6, 3).groups(0).build(rng),
        &["groups", "at least 1"],
    );
    says(
        Conv2d::builder(4, 6, 3).groups(4).build(rng),
        &["4 groups", "in_channels 4", "6"],
    );
    says(
        ConvTranspose1d::builder(3, 4, 3).groups(2).build(rng),
        &["2 groups"],
    );
    says(
        Conv2d::builder(4, 6, 3).stride([0, 1]).build(rng),
        &["stride", "[0, 1]"],
    );
    says(
        Conv2d::builder(4, 6, 3).dilation(0).build(rng),
        &["dilation"],
    );
    says(
        Conv2d::builder(4, 6, 3).stride(2).same().build(rng),
        &["`same`", "same_strided"],
    );
    says(
        ConvTranspose3d::builder(4, 6, 3)
            .stride(2)
            .output_padding(2)
            .build(rng),
        &["output padding [2, 2, 2]"],
    );
    let four: Spatial<4> = 3.into();
    says(
        cotangent::nn::Conv::new(4, 6, four, rng),
        &["1 to 3 spatial axes", "4"],
    );
    // The place in the model is in the message.
    let net = Sequential::new().push(Conv2d::new(3, 4, 3, rng).expect("a layer"));
    says(
        net.predict(&zeros(&[1, 2, 8, 8])),
        &["conv", "`0`", "2 channels"],
    );
}

//! Pooling, unfolding and upsampling against references that compute every element by its index,
//! over random sizes; and bad input.

use cotangent::prelude::*;
use cotangent::{Error, Spatial};

/// Random windows over random images.
struct Case<const D: usize> {
    image: [usize; D],
    lengths: [usize; D],
    stride: [usize; D],
    padding: [usize; D],
    dilation: [usize; D],
    ceil_mode: bool,
}

fn draw<const D: usize>(rng: &mut ChaCha8Rng, of: std::ops::Range<usize>) -> [usize; D] {
    std::array::from_fn(|_| rng.random_range(of.clone()))
}

impl<const D: usize> Case<D> {
    /// Draws windows that fit, with the padding and the dilation of maxima.
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        // The last axis may be longer than several vector registers.
        let most = if rng.random_range(0..3) == 0 { 45 } else { 9 };
        loop {
            let mut image = draw(rng, 1..9);
            image[D - 1] = rng.random_range(1..most);
            let plain = rng.random_range(0..2) == 0;
            let case = Self {
                image,
                lengths: draw(rng, 1..5),
                stride: draw(rng, 1..5),
                padding: draw(rng, 0..3),
                dilation: if plain { [1; D] } else { draw(rng, 1..4) },
                ceil_mode: rng.random_range(0..3) == 0,
            };
            if (0..D).all(|axis| case.fits(axis)) {
                return case;
            }
        }
    }

    fn extent(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.lengths[axis] - 1) + 1
    }

    fn fits(&self, axis: usize) -> bool {
        self.padding[axis] <= self.extent(axis) / 2
            && self.extent(axis) <= self.image[axis] + 2 * self.padding[axis]
            // A window with all its elements in the padding is an error.
            && (0..self.outputs()[axis]).all(|o| {
                (0..self.lengths[axis]).any(|t| self.place(axis, o, t).is_some())
            })
    }

    fn outputs(&self) -> [usize; D] {
        std::array::from_fn(|axis| {
            let (len, stride) = (self.image[axis], self.stride[axis]);
            // One window after the other, while it ends inside the padded axis, or, in ceil mode,
            // while the one before ends in front of the end and it starts in front of the padding.
            let padded = len + 2 * self.padding[axis];
            let mut count = 0;
            loop {
                let start = count * stride;
                let whole = start + self.extent(axis) <= padded;
                let partial = self.ceil_mode
                    && (count == 0 || start - stride + self.extent(axis) < padded)
                    && start < len + self.padding[axis];
                if !whole && !partial {
                    return count;
                }
                count += 1;
            }
        })
    }

    /// Returns the place of a tap along an axis, unless it is in the padding.
    fn place(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        let place = output * self.stride[axis] + tap * self.dilation[axis];
        let place = place.checked_sub(self.padding[axis])?;
        (place < self.image[axis]).then_some(place)
    }

    fn windows(&self) -> Windows<D> {
        let windows = Windows::new(self.lengths).stride(self.stride);
        let windows = windows.padding(self.padding).dilation(self.dilation);
        if self.ceil_mode {
            windows.ceil_mode()
        } else {
            windows
        }
    }

    /// Returns the places of the taps of each window in the image, in order; `None` for padding.
    fn taps(&self) -> Vec<Vec<Option<usize>>> {
        let all = |lengths: [usize; D]| indices(lengths);
        let taps_of = |output: [usize; D]| {
            let tap = |tap: [usize; D]| {
                (0..D).try_fold(0, |sum, axis| {
                    let place = self.place(axis, output[axis], tap[axis])?;
                    Some(sum * self.image[axis] + place)
                })
            };
            all(self.lengths).into_iter().map(tap).collect()
        };
        all(self.outputs()).into_iter().map(taps_of).collect()
    }

    fn shape(&self, channels: [usize; 2]) -> Vec<usize> {
        [&channels[..], &self.image].concat()
    }
}

/// Returns all indices of an array with these lengths, in row-major order.
fn indices<const D: usize>(lengths: [usize; D]) -> Vec<[usize; D]> {
    let count: usize = lengths.iter().product();
    let index = |mut rest: usize| {
        let mut index = [0; D];
        for axis in (0..D).rev() {
            (index[axis], rest) = (rest % lengths[axis], rest / lengths[axis]);
        }
        index
    };
    (0..count).map(index).collect()
}

const CHANNELS: [usize; 2] = [2, 3];

/// Draws an image: small whole numbers, so that there are ties, or any numbers.
fn image(rng: &mut ChaCha8Rng, shape: &[usize], dtype: DType) -> Result<Tensor> {
    let ties = rng.random_range(0..2) == 0;
    Tensor::from_fn(shape, dtype, || {
        if ties {
            f64::from(rng.random_range(0..4))
        } else {
            f64::from(rng.random::<f32>()) - 0.5
        }
    })
}

fn gradient(y: &Tensor, x: &Tensor, g: &Tensor) -> Result<Vec<f64>> {
    let gradients = y.backward_with(g)?;
    Ok(gradients.get(x).expect("x is tracked").to_f64_vec())
}

fn near(found: &[f64], expected: &[f64], tolerance: f64) -> bool {
    found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(x, y)| (x - y).abs() <= tolerance * y.abs().max(1.0))
}

/// Calls `test` for random cases of one, two and three dimensions, in both dtypes.
fn for_cases(
    one: impl Fn(&mut ChaCha8Rng, &Case<1>, DType) -> Result<()>,
    two: impl Fn(&mut ChaCha8Rng, &Case<2>, DType) -> Result<()>,
    three: impl Fn(&mut ChaCha8Rng, &Case<3>, DType) -> Result<()>,
) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(18);
    for _ in 0..60 {
        for dtype in [DType::F32, DType::F64] {
            let case = Case::draw(&mut rng);
            one(&mut rng, &case, dtype)?;
            let case = Case::draw(&mut rng);
            two(&mut rng, &case, dtype)?;
            let case = Case::draw(&mut rng);
            three(&mut rng, &case, dtype)?;
        }
    }
    Ok(())
}

fn maxima<const D: usize>(rng: &mut ChaCha8Rng, case: &Case<D>, dtype: DType) -> Result<()> {
    let x = image(rng, &case.shape(CHANNELS), dtype)?.tracked();
    let (y, places) = x.max_pool_with_indices(case.windows())?;
    let (xs, taps) = (x.to_f64_vec(), case.taps());
    let inputs: usize = case.image.iter().product();
    let (mut values, mut expected) = (Vec::new(), Vec::new());
    for plane in xs.chunks(inputs) {
        for window in &taps {
            let mut taps = window.iter().flatten();
            let first = *taps.next().expect("a window has an element");
            let place = taps.fold(
                first,
                |best, &i| if plane[i] > plane[best] { i } else { best },
            );
            values.push(plane[place]);
            expected.push(place);
        }
    }
    assert_eq!(y.to_f64_vec(), values, "{:?}", case.windows());
    assert_eq!(places.as_slice(), expected, "{:?}", case.windows());
    assert_eq!(x.max_pool(case.windows())?.to_f64_vec(), values);
    let g = image(rng, y.shape(), dtype)?;
    let mut dx = vec![0.0; xs.len()];
    for (o, (g, place)) in g.to_f64_vec().iter().zip(&expected).enumerate() {
        dx[o / taps.len() * inputs + place] += g;
    }
    let found = gradient(&y, &x, &g)?;
    assert!(near(&found, &dx, 1e-6), "{:?}", case.windows());
    Ok(())
}

#[test]
fn maxima_of_random_windows() -> Result<()> {
    for_cases(maxima::<1>, maxima::<2>, maxima::<3>)
}

/// An option of averages.
type Change<const D: usize> = fn(Windows<D>) -> Windows<D>;

fn averages<const D: usize>(rng: &mut ChaCha8Rng, case: &Case<D>, dtype: DType) -> Result<()> {
    let case = Case {
        dilation: [1; D],
        ..*case
    };
    if !(0..D).all(|axis| case.fits(axis)) {
        return Ok(());
    }
    let x = image(rng, &case.shape(CHANNELS), dtype)?.tracked();
    let (xs, taps) = (x.to_f64_vec(), case.taps());
    let (inputs, outputs) = (case.image.iter().product(), indices(case.outputs()));
    let with_padding = |output: &[usize; D]| -> usize {
        (0..D)
            .map(|axis| {
                let end = case.image[axis] + 2 * case.padding[axis];
                (end - output[axis] * case.stride[axis]).min(case.lengths[axis])
            })
            .product()
    };
    let options: [Change<D>; 3] = [
        |windows| windows,
        Windows::exclude_padding,
        |windows| windows.divisor(2.5),
    ];
    let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-13 };
    for (option, change) in options.into_iter().enumerate() {
        let y = x.avg_pool(change(case.windows()))?;
        let g = image(rng, y.shape(), dtype)?;
        let gs = g.to_f64_vec();
        let (mut values, mut dx) = (Vec::new(), vec![0.0; xs.len()]);
        for (plane, xs) in xs.chunks(inputs).enumerate() {
            for (window, output) in taps.iter().zip(&outputs) {
                let divisor = match option {
                    0 => with_padding(output) as f64,
                    1 => window.iter().flatten().count() as f64,
                    _ => 2.5,
                };
                let g = gs[values.len()] / divisor;
                for &i in window.iter().flatten() {
                    dx[plane * inputs + i] += g;
                }
                let sum: f64 = window.iter().flatten().map(|&i| xs[i]).sum();
                values.push(sum / divisor);
            }
        }
        let text = format!("{:?}", change(case.windows()));
        assert!(near(&y.to_f64_vec(), &values, tolerance), "{text}");
        assert!(near(&gradient(&y, &x, &g)?, &dx, tolerance), "{text}");
    }
    Ok(())
}

#[test]
fn averages_of_random_windows() -> Result<()> {
    for_cases(averages::<1>, averages::<2>, averages::<3>)
}

fn columns<const D: usize>(rng: &mut ChaCha8Rng, case: &Case<D>, dtype: DType) -> Result<()> {
    let case = Case {
        ceil_mode: false,
        ..*case
    };
    if (0..D).any(|axis| case.extent(axis) > case.image[axis] + 2 * case.padding[axis]) {
        return Ok(());
    }
    let x = image(rng, &case.shape(CHANNELS), dtype)?.tracked();
    let y = x.unfold(case.windows())?;
    let (xs, taps) = (x.to_f64_vec(), case.taps());
    let inputs: usize = case.image.iter().product();
    let mut expected = Vec::new();
    for plane in xs.chunks(inputs) {
        for tap in 0..taps[0].len() {
            expected.extend(
                taps.iter()
                    .map(|window| window[tap].map_or(0.0, |i| plane[i])),
            );
        }
    }
    let rows = CHANNELS[1] * taps[0].len();
    assert_eq!(y.shape(), [CHANNELS[0], rows, taps.len()]);
    assert_eq!(y.to_f64_vec(), expected, "{:?}", case.windows());
    // Folding is the transpose: it is also the derivative.
    let g = image(rng, y.shape(), dtype)?;
    let folded = g.fold(case.image, case.windows())?;
    assert_eq!(gradient(&y, &x, &g)?, folded.to_f64_vec());
    let mut dx = vec![0.0; xs.len()];
    let gs = g.to_f64_vec();
    for (row, gs) in gs.chunks(taps.len()).enumerate() {
        let (plane, tap) = (row / taps[0].len(), row % taps[0].len());
        for (window, g) in taps.iter().zip(gs) {
            if let Some(i) = window[tap] {
                dx[plane * inputs + i] += g;
            }
        }
    }
    let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-13 };
    assert!(
        near(&folded.to_f64_vec(), &dx, tolerance),
        "{:?}",
        case.windows()
    );
    Ok(())
}

#[test]
fn columns_of_random_windows() -> Result<()> {
    for_cases(columns::<1>, columns::<2>, columns::<3>)
}

fn parts<const D: usize>(rng: &mut ChaCha8Rng, case: &Case<D>, dtype: DType) -> Result<()> {
    let x = image(rng, &case.shape(CHANNELS), dtype)?.tracked();
    let lengths: [usize; D] = draw(rng, 1..12);
    let (y, places) = x.adaptive_max_pool_with_indices(lengths)?;
    let mean = x.adaptive_avg_pool(lengths)?;
    let xs = x.to_f64_vec();
    let inputs: usize = case.image.iter().product();
    let (mut maxima, mut expected, mut means) = (Vec::new(), Vec::new(), Vec::new());
    for plane in xs.chunks(inputs) {
        for output in indices(lengths) {
            let (start, counts): ([usize; D], [usize; D]) = {
                let start = |axis: usize| output[axis] * case.image[axis] / lengths[axis];
                let end =
                    |axis: usize| ((output[axis] + 1) * case.image[axis]).div_ceil(lengths[axis]);
                let counts = std::array::from_fn(|axis| end(axis) - start(axis));
                (std::array::from_fn(start), counts)
            };
            let window: Vec<usize> = indices(counts)
                .into_iter()
                .map(|i| (0..D).fold(0, |at, axis| at * case.image[axis] + start[axis] + i[axis]))
                .collect();
            let larger = |best: usize, &i: &usize| if plane[i] > plane[best] { i } else { best };
            let place = window.iter().fold(window[0], larger);
            maxima.push(plane[place]);
            expected.push(place);
            let sum: f64 = window.iter().map(|&i| plane[i]).sum();
            means.push(sum / window.len() as f64);
        }
    }
    let text = format!("{:?} to {lengths:?}", case.image);
    assert_eq!(y.to_f64_vec(), maxima, "{text}");
    assert_eq!(places.as_slice(), expected, "{text}");
    let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-13 };
    assert!(near(&mean.to_f64_vec(), &means, tolerance), "{text}");
    // Unpooling puts each maximum back, once.
    let back = y.max_unpool(&places, case.image)?;
    let mut put = vec![0.0; xs.len()];
    for (o, place) in expected.iter().enumerate() {
        put[o / indices(lengths).len() * inputs + place] = maxima[o];
    }
    assert_eq!(back.to_f64_vec(), put, "{text}");
    Ok(())
}

#[test]
fn adaptive_windows_of_random_lengths() -> Result<()> {
    for_cases(parts::<1>, parts::<2>, parts::<3>)
}

fn resized<const D: usize>(rng: &mut ChaCha8Rng, case: &Case<D>, dtype: DType) -> Result<()> {
    let x = image(rng, &case.shape(CHANNELS), dtype)?;
    let lengths: [usize; D] = draw(rng, 1..[14, 10, 6][D - 1]);
    let xs = x.to_f64_vec();
    let inputs: usize = case.image.iter().product();
    let at = |plane: &[f64], i: [usize; D]| {
        plane[(0..D).fold(0, |at, axis| at * case.image[axis] + i[axis])]
    };
    let mut nearest = Vec::new();
    let mut linear = [Vec::new(), Vec::new()];
    for plane in xs.chunks(inputs) {
        for output in indices(lengths) {
            let source =
                std::array::from_fn(|axis| output[axis] * case.image[axis] / lengths[axis]);
            nearest.push(at(plane, source));
            for (aligned, linear) in [false, true].into_iter().zip(&mut linear) {
                // Weights of all elements of each axis: hats around the place.
                let weight = |axis: usize, i: usize| {
                    let (from, to) = (case.image[axis] as f64, lengths[axis] as f64);
                    let o = output[axis] as f64;
                    let place = match aligned {
                        true if to > 1.0 => o * (from - 1.0) / (to - 1.0),
                        true => 0.0,
                        false => ((o + 0.5) * from / to - 0.5).clamp(0.0, from - 1.0),
                    };
                    (1.0 - (place - i as f64).abs()).max(0.0)
                };
                let terms = indices(case.image).into_iter().map(|i| {
                    let weight: f64 = (0..D).map(|axis| weight(axis, i[axis])).product();
                    weight * at(plane, i)
                });
                linear.push(terms.sum::<f64>());
            }
        }
    }
    let text = format!("{:?} to {lengths:?}", case.image);
    assert_eq!(x.upsample_nearest(lengths)?.to_f64_vec(), nearest, "{text}");
    let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-12 };
    for (aligned, linear) in [false, true].into_iter().zip(&linear) {
        let y = x.upsample_linear(lengths, aligned)?;
        assert!(near(&y.to_f64_vec(), linear, tolerance), "{text} {aligned}");
    }
    Ok(())
}

#[test]
fn images_resized_to_random_lengths() -> Result<()> {
    for_cases(resized::<1>, resized::<2>, resized::<3>)
}

/// A vector of windows of 2 × 2, and planes of every width around the length of a block.
#[test]
fn pairs_of_every_width() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for width in 2..40 {
        for height in [2, 5] {
            let case = Case {
                image: [height, width],
                lengths: [2, 2],
                stride: [2, 2],
                padding: [0, 0],
                dilation: [1, 1],
                ceil_mode: false,
            };
            maxima(&mut rng, &case, DType::F32)?;
            maxima(&mut rng, &case, DType::F64)?;
        }
    }
    Ok(())
}

/// The places of the maxima of large windows do not fit into a byte, or into two.
#[test]
fn maxima_of_large_windows() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (image, lengths) in [([20, 40], [16, 17]), ([300, 301], [290, 299])] {
        let case = Case {
            image,
            lengths,
            stride: [3, 2],
            padding: [0, 1],
            dilation: [1, 1],
            ceil_mode: false,
        };
        let mut x = vec![0.0f32; 2 * image[0] * image[1]];
        // Each plane has its maximum near the end of the first window.
        for plane in 0..2 {
            let place = (lengths[0] - 1) * image[1] + lengths[1] - 2 - plane;
            x[plane * image[0] * image[1] + place] = 1.0;
        }
        let x = Tensor::from_vec(x, [1, 2, image[0], image[1]])?.tracked();
        let (y, places) = x.max_pool_with_indices(case.windows())?;
        assert_eq!(y.to_vec::<f32>()?[0], 1.0);
        assert_eq!(
            places.as_slice()[0],
            (lengths[0] - 1) * image[1] + lengths[1] - 2
        );
        let g = Tensor::from_fn(y.shape(), DType::F32, || f64::from(rng.random::<f32>()))?;
        let dx = y.backward_with(&g)?;
        let dx = dx.get(&x).expect("x is tracked").sum().item()?;
        assert!((dx - g.sum().item()?).abs() < 1e-3);
    }
    Ok(())
}

/// NaN is the largest; windows of -∞ have their first element as maximum.
#[test]
fn maxima_of_infinities_and_nan() -> Result<()> {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let xs = vec![1.0, nan, inf, 2.0, -inf, -inf, nan, nan];
    let x = Tensor::from_vec(xs, [1, 1, 8])?.tracked();
    let (y, places) = x.max_pool_with_indices([2])?;
    let ys = y.to_vec::<f64>()?;
    assert!(ys[0].is_nan() && ys[1] == inf && ys[2] == -inf && ys[3].is_nan());
    assert_eq!(places.as_slice(), [1, 2, 4, 7]);
    let padded = x.max_pool(Windows::new([3]).stride(3).padding(1))?;
    let ys = padded.to_vec::<f64>()?;
    assert!(ys[0].is_nan() && ys[1] == inf && ys[2].is_nan());
    Ok(())
}

#[test]
fn unpooling_takes_the_last_of_several() -> Result<()> {
    let x = Tensor::from([1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let x = x.reshape([1, 2, 3])?.tracked();
    let places = Indices::from([1, 0, 1, 2, 2, 2]).reshape([1, 2, 3])?;
    let y = x.max_unpool(&places, [4])?;
    assert_eq!(y.to_vec::<f64>()?, [2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0]);
    let g = Tensor::from([1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let dx = gradient(&y, &x, &g.reshape([1, 2, 4])?)?;
    assert_eq!(dx, [0.0, 1.0, 2.0, 0.0, 0.0, 7.0]);
    Ok(())
}

#[test]
fn pixel_shuffle_is_undone() -> Result<()> {
    for shape in [&[2, 12, 5][..], &[2, 12, 2, 3], &[1, 8, 3, 2, 1]] {
        let x = Tensor::from_fn(shape, DType::F32, {
            let mut next = 0.0;
            move || {
                next += 1.0;
                next
            }
        })?;
        let y = x.pixel_shuffle(2)?;
        assert_eq!(y.shape()[2], 2 * shape[2]);
        assert_eq!(y.pixel_unshuffle(2)?.to_f64_vec(), x.to_f64_vec());
    }
    Ok(())
}

#[test]
fn global_pooling_keeps_batch_and_channels() -> Result<()> {
    for shape in [&[2, 3, 4][..], &[2, 3, 4, 5], &[2, 3, 2, 2, 2]] {
        let x = Tensor::ones(shape, DType::F32)?;
        for y in [x.global_avg_pool()?, x.global_max_pool()?] {
            assert_eq!((y.shape(), y.to_vec::<f32>()?), (&[2, 3][..], vec![1.0; 6]));
        }
    }
    Ok(())
}

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32).expect("a small shape")
}

#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T>, parts: &[&str]) {
    let error = result.expect_err("bad input must be refused");
    assert!(matches!(
        error.root(),
        Error::Shape { .. } | Error::Argument { .. } | Error::Index { .. }
    ));
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

#[test]
fn bad_windows_are_errors() {
    let x = zeros(&[2, 3, 4, 5]);
    let unbatched = ["max_pool", "(3, 4, 5)", "unsqueeze(0)"];
    says(zeros(&[3, 4, 5]).max_pool([2, 2]), &unbatched);
    says(x.max_pool([2]), &["(batch, channels, length)", "4 axes"]);
    says(
        x.max_pool([5, 2]),
        &["longer than the padded input", "[5, 2]", "(2, 3, 4, 5)"],
    );
    says(
        x.max_pool(Windows::new([3, 3]).dilation(3)),
        &["longer", "[3, 3]", "dilation [3, 3]", "(2, 3, 4, 5)"],
    );
    says(x.max_pool([0, 2]), &["at least 1", "[0, 2]"]);
    says(
        x.max_pool(Windows::new([2, 2]).stride([1, 0])),
        &["stride", "[1, 0]"],
    );
    says(
        x.max_pool(Windows::new([2, 2]).dilation(0)),
        &["dilation", "[0, 0]"],
    );
    says(
        x.max_pool(Windows::new([2, 3]).padding(2)),
        &["half", "[2, 2]", "[2, 3]"],
    );
    says(
        x.max_pool(Windows::new([2, 2]).divisor(1.0)),
        &["`divisor`", "avg_pool"],
    );
    says(
        x.max_pool(Windows::new([2, 2]).exclude_padding()),
        &["`exclude_padding`"],
    );
    let dilated = Windows::new([2]).dilation(2).padding(1);
    says(
        zeros(&[1, 1, 1]).max_pool(dilated),
        &["padding altogether", "(1, 1, 1)"],
    );
    says(
        x.avg_pool(Windows::new([2, 2]).dilation(2)),
        &["`dilation`", "max_pool"],
    );
    for divisor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        says(
            x.avg_pool(Windows::new([2, 2]).divisor(divisor)),
            &["divisor"],
        );
    }
    says(x.max_pool([1, 1, 1, 1]), &["1 to 3 spatial axes", "4"]);
    says(x.max_pool::<0>([]), &["1 to 3 spatial axes", "0"]);
    says(
        zeros(&[2, 3, 0]).avg_pool(Windows::new([2]).padding(1)),
        &["not empty", "(2, 3, 0)"],
    );
    for huge in [usize::MAX, usize::MAX / 2, 1 << 62] {
        for windows in [
            Windows::new([huge, 1]),
            Windows::new([1, 1]).padding([huge, 0]),
            Windows::new([2, 2]).dilation([1, huge]),
        ] {
            says(x.max_pool(windows), &["max_pool"]);
            says(x.avg_pool(windows), &["avg_pool"]);
            says(x.unfold(windows), &["unfold"]);
            says(x.fold([4, 4], windows), &["fold"]);
        }
        let far = Windows::new([2, 2]).stride(huge);
        assert!(
            x.max_pool(far.ceil_mode())
                .is_ok_and(|y| y.shape() == [2, 3, 1, 1])
        );
        says(x.adaptive_max_pool([huge, huge]), &["adaptive_max_pool"]);
        says(x.adaptive_avg_pool([huge, huge]), &["adaptive_avg_pool"]);
        says(x.upsample_nearest([huge, 2]), &["upsample_nearest"]);
        says(x.upsample_linear([huge, 2], true), &["upsample_linear"]);
        says(x.pixel_shuffle(huge), &["pixel_shuffle"]);
        says(x.pixel_unshuffle(huge), &["pixel_unshuffle"]);
        says(Upsample2d::by(huge).predict(&x), &["upsample"]);
    }
}

#[test]
fn other_bad_input_is_an_error() {
    let x = zeros(&[2, 3, 4, 5]);
    says(x.adaptive_avg_pool([2, 0]), &["at least 1", "[2, 0]"]);
    says(
        zeros(&[2, 3, 0]).adaptive_max_pool([2]),
        &["not empty", "(2, 3, 0)"],
    );
    says(
        zeros(&[2, 3]).global_avg_pool(),
        &["global_avg_pool", "(2, 3)"],
    );
    says(zeros(&[2, 3, 0]).global_avg_pool(), &["not empty"]);
    says(zeros(&[2, 3, 0]).global_max_pool(), &["not empty"]);
    says(x.unfold(Windows::new([2, 2]).ceil_mode()), &["`ceil_mode`"]);
    says(x.fold([2, 2], [2, 2]), &["columns", "(2, 3, 4, 5)"]);
    says(
        zeros(&[1, 8, 5]).fold([3, 3], [2, 2]),
        &["4 columns", "(1, 8, 5)"],
    );
    says(
        zeros(&[1, 7, 4]).fold([3, 3], [2, 2]),
        &["divided by 4", "(1, 7, 4)"],
    );
    says(x.upsample_nearest([0, 2]), &["at least 1", "[0, 2]"]);
    says(
        x.upsample_linear([4], false),
        &["(batch, channels, length)"],
    );
    says(x.pixel_shuffle(2), &["3 channels", "divided by 4"]);
    says(x.pixel_shuffle(0), &["factor", "0"]);
    says(x.pixel_unshuffle(3), &["divided by 3"]);
    let y = zeros(&[2, 3, 2]);
    let places = |shape: &[usize]| Indices::range(shape.iter().product())?.reshape(shape);
    says(
        places(&[2, 3, 3]).and_then(|i| y.max_unpool(&i, [99])),
        &["(2, 3, 2)", "(2, 3, 3)"],
    );
    says(
        places(&[2, 3, 2]).and_then(|i| y.max_unpool(&i, [11])),
        &["index 11", "11 elements"],
    );
    says(
        x.group_norm(2, None, None, 1e-5),
        &["3 channels", "2 groups", "(2, 3, 4, 5)"],
    );
    says(x.group_norm(0, None, None, 1e-5), &["at least one group"]);
    says(x.group_norm(3, None, None, -1.0), &["epsilon"]);
    says(
        x.group_norm(3, Some(&zeros(&[4])), None, 1e-5),
        &["3 channels", "(4,)"],
    );
    says(
        zeros(&[2, 3]).group_norm(3, None, None, 1e-5),
        &["single value", "(2, 3)"],
    );
    says(
        zeros(&[2, 3, 1]).instance_norm(None, None, 1e-5),
        &["single value"],
    );
    says(
        zeros(&[3]).group_norm(3, None, None, 1e-5),
        &["unsqueeze(0)"],
    );
    says(GroupNorm::new(4, 6), &["6 channels", "4 groups"]);
    says(GroupNorm::new(0, 6), &["0 groups"]);
    says(InstanceNorm::new(0), &["at least one channel"]);
    says(
        InstanceNorm::builder(2).momentum(1.5).build(),
        &["momentum"],
    );
    says(
        InstanceNorm::new(2).and_then(|norm| norm.predict(&x)),
        &["(samples, 2, …)"],
    );
    says(
        zeros(&[2, 3]).channel_dropout(0.5, 1),
        &["three axes", "(2, 3)"],
    );
    says(ChannelDropout::new(1.0), &["channel_dropout", "p"]);
}

#[test]
fn empty_batches_are_pooled() -> Result<()> {
    let x = zeros(&[0, 3, 4, 4]).tracked();
    for y in [
        x.max_pool([2, 2])?,
        x.avg_pool([2, 2])?,
        x.adaptive_max_pool([2, 2])?,
        x.adaptive_avg_pool([2, 2])?,
        x.upsample_linear([2, 2], false)?,
    ] {
        assert_eq!(y.shape(), [0, 3, 2, 2]);
        assert_eq!(gradient(&y, &x, &y.detach())?, [0.0; 0]);
    }
    assert_eq!(x.unfold([2, 2])?.shape(), [0, 12, 9]);
    assert_eq!(x.group_norm(3, None, None, 0.0)?.shape(), [0, 3, 4, 4]);
    Ok(())
}

#[test]
fn one_number_is_for_all_axes() {
    assert_eq!(Spatial::<3>::from(2), Spatial::from([2, 2, 2]));
    assert_eq!(Windows::<2>::from(3), Windows::from([3, 3]));
}

/// Running statistics are those of PyTorch, and stay still in a frozen pass and in inference.
#[test]
fn running_statistics_of_instances() -> Result<()> {
    let norm = InstanceNorm::builder(1).running_statistics().build()?;
    let x = Tensor::from([1.0f32, 3.0, 2.0, 6.0]).reshape([2, 1, 2])?;
    let _ = norm.forward(&x, &Pass::train(0))?;
    let value = |buffer: &Option<Buffer>| buffer.as_ref().map(|b| b.value().item());
    let mean = value(&norm.running_mean).expect("a mean")?;
    let var = value(&norm.running_var).expect("a variance")?;
    // The means are 2 and 4, the unbiased variances 2 and 8.
    assert!(
        (mean - 0.3).abs() < 1e-6 && (var - (0.9 + 0.5)).abs() < 1e-6,
        "{mean} {var}"
    );
    let _ = norm.predict(&x)?;
    let _ = Frozen::new(norm.clone()).forward(&x, &Pass::train(0))?;
    assert_eq!(value(&norm.running_mean).expect("a mean")?, mean);
    let y = norm.predict(&x)?.to_vec::<f32>()?;
    assert!((f64::from(y[0]) - (1.0 - mean) / (var + 1e-5).sqrt()).abs() < 1e-6);
    let bad = Tensor::from([1.0f32, f32::INFINITY]).reshape([1, 1, 2])?;
    let error = norm
        .forward(&bad, &Pass::train(0))
        .expect_err("an infinite mean");
    assert!(error.to_string().contains("mean of channel 0"), "{error}");
    Ok(())
}

#[test]
fn stacks_of_image_layers_have_the_gradients_of_numeric_differences() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let net = Sequential::new()
        .push(Conv2d::builder(2, 4, 3).padding(1).build(rng)?)
        .push(BatchNorm::new(4)?)
        .push(Tanh)
        .push(MaxPool2d::new(2))
        .push(ChannelDropout::new(0.25)?)
        .push(Conv2d::builder(4, 6, 2).groups(2).no_bias().build(rng)?)
        .push(GroupNorm::new(3, 6)?)
        .push(AvgPool2d::new(2))
        .push(Flatten::new())
        .push(Dropout::new(0.1)?)
        .push(Linear::new(6, 3, rng)?);
    let x = Tensor::normal([3, 2, 6, 6], 0.0, 1.0, DType::F64, rng)?;
    let single = net.run_summary(|net, pass| net.forward(&x.to_dtype(DType::F32), pass))?;
    let shapes: Vec<&[usize]> = single.rows.iter().map(|row| &row.shape[..]).collect();
    let expected: [&[usize]; 8] = [
        &[3, 4, 6, 6],
        &[3, 4, 6, 6],
        &[3, 4, 3, 3],
        &[3, 6, 2, 2],
        &[3, 6, 2, 2],
        &[3, 6, 1, 1],
        &[3, 6],
        &[3, 3],
    ];
    assert_eq!(shapes, expected, "{single}");
    let labels = Indices::from([0, 2, 1]);
    let report = gradcheck::module(&net, &[x], |net, x, pass| {
        net.forward(&x[0], pass)?.cross_entropy(&labels)
    })?;
    report.assert_ok();
    Ok(())
}

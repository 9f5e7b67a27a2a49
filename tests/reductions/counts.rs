//! Distinct values and slices, and histograms.

use super::*;

#[test]
fn distinct_values_of_nan_and_zeros() -> Result<()> {
    let nan = f32::NAN;
    let unique = Tensor::from([nan, 1.0, nan, 0.0, -0.0]).unique()?;
    assert_eq!(unique.counts.as_slice(), [2, 1, 1, 1]);
    assert_eq!(unique.inverse.as_slice(), [2, 1, 3, 0, 0]);
    assert_eq!(unique.values.to_f64_vec()[..2], [0.0, 1.0]);
    let none = Tensor::zeros([0, 2], DType::F32)?.unique()?;
    assert_eq!(
        (none.values.shape(), none.inverse.shape()),
        (&[0][..], &[0, 2][..])
    );
    let labels = cotangent::Indices::from([[5, 3], [3, 9]]).unique()?;
    assert_eq!(labels.values.as_slice(), [3, 5, 9]);
    assert_eq!(labels.inverse.as_slice(), [1, 0, 0, 2]);
    Ok(())
}

#[test]
fn distinct_slices_equal_a_search_through_all() -> Result<()> {
    let nan = f64::NAN;
    let x = Tensor::from([
        [1.0, nan, 2.0],
        [0.0, 5.0, 1.0],
        [1.0, nan, 2.0],
        [-0.0, 5.0, 1.0],
        [0.0, 4.0, 9.0],
    ]);
    let unique = x.unique_along(0)?;
    assert_eq!(unique.inverse.as_slice(), [2, 1, 3, 1, 0]);
    assert_eq!(unique.counts.as_slice(), [1, 2, 1, 1]);
    let columns = x.transpose(0, 1)?.unique_along(-1)?;
    assert_eq!(columns.inverse, unique.inverse);
    assert_eq!(columns.values.shape(), [3, 4]);
    // Middle slices of a view, against the slices one by one.
    let labels: Vec<f64> = (0..96).map(|i| f64::from(i * i % 7 / 3)).collect();
    let x = Tensor::from_vec(labels, [2, 24, 2])?.flip(1)?;
    let unique = x.unique_along(1)?;
    let slices = |x: &Tensor| -> Result<Vec<Vec<f64>>> {
        let len = x.shape()[1] as isize;
        (0..len).map(|i| Ok(x.select(1, i)?.to_f64_vec())).collect()
    };
    let mut expected = slices(&x)?;
    assert_eq!(
        slices(&unique.values.index_select(1, &unique.inverse)?)?,
        expected
    );
    expected.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    expected.dedup();
    assert_eq!(slices(&unique.values)?, expected);
    assert_eq!(unique.counts.as_slice().iter().sum::<usize>(), 24);
    // Slices without elements are equal, and there may be no slices.
    let empty = Tensor::zeros([3, 0], DType::F32)?;
    assert_eq!(empty.unique_along(0)?.counts.as_slice(), [3]);
    assert_eq!(empty.unique_along(1)?.values.shape(), [3, 0]);
    let wide = Tensor::zeros([1 << 20, 3, 1 << 20, 0], DType::F32)?;
    assert_eq!(wide.unique_along(1)?.inverse.as_slice(), [0, 0, 0]);
    let error = x.unique_along(3).unwrap_err().to_string();
    assert!(error.starts_with("unique_along: axis 3"), "{error}");
    // So many slices fit in no memory.
    let long = Tensor::zeros([1 << 44, 0], DType::F32)?;
    let error = long.unique_along(0).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    Ok(())
}

#[test]
fn weights_of_histograms() -> Result<()> {
    let x = Tensor::from([f64::NAN, -1.0, 0.25, 1.0, 0.5, 7.0]);
    let weights = Tensor::from([f64::NAN, f64::INFINITY, 1.0, 2.0, 4.0, 8.0]).tracked();
    let bins = Bins::Edges(&[0.0, 0.5, 1.0]);
    let histogram = x.weighted_histogram(bins, &weights)?;
    assert_eq!(histogram.counts.to_f64_vec(), [1.0, 6.0]);
    let weighted = histogram.counts.mul(&Tensor::from([10.0, 20.0]))?;
    let grads = weighted.sum().backward()?;
    let expected = [0.0, 0.0, 10.0, 20.0, 20.0, 0.0];
    assert_eq!(
        grads.get(&weights).expect("a gradient").to_f64_vec(),
        expected
    );
    // Weights of 1 give the counts, and the density has the integral 1.
    let many = Tensor::arange(0.0, 50_000.0, 1.0, DType::F64)?.square();
    let bins = Bins::Edges(&[3.0, 1e4, 2e7, 2e9]);
    let (plain, ones) = (many.histogram(bins)?, many.ones_like()?);
    let weighted = many.weighted_histogram(bins, &ones)?;
    assert_eq!(
        weighted.counts.to_f64_vec(),
        plain.counts.to_tensor(DType::F64).to_f64_vec()
    );
    assert_eq!(
        weighted.density()?.to_f64_vec(),
        plain.density()?.to_f64_vec()
    );
    let widths = Tensor::from([1e4 - 3.0, 2e7 - 1e4, 2e9 - 2e7]);
    assert!((plain.density()?.mul(&widths)?.sum().item()? - 1.0).abs() < 1e-12);
    // The width, or the sum of the weights, is beyond the range of f32; the density is not.
    let far = Tensor::from([-3e38f32, 3e38]);
    let density = far.histogram(Bins::Equal(1))?.density()?.item()?;
    assert!((density / (1.0 / 6e38) - 1.0).abs() < 1e-5, "{density}");
    let heavy = Tensor::from([3e38f32, 3e38]);
    let ends = Tensor::from([0.25f32, 0.75]);
    let heavy = ends.weighted_histogram(Bins::Between(2, 0.0, 1.0), &heavy)?;
    assert_eq!(heavy.density()?.to_f64_vec(), [1.0, 1.0]);
    let none = Tensor::zeros([0], DType::F64)?.histogram(Bins::Equal(2))?;
    assert!(none.density()?.to_f64_vec().iter().all(|x| x.is_nan()));
    let error = x.weighted_histogram(bins, &ones).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let error = x
        .weighted_histogram(bins, &x.to_dtype(DType::F32))
        .unwrap_err();
    assert!(matches!(error, Error::DType { .. }), "{error}");
    let error = x
        .weighted_histogram(Bins::Equal(2), &x)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("weighted_histogram: an element is NaN"),
        "{error}"
    );
    Ok(())
}

#[test]
fn histograms_of_odd_elements_and_bad_bins() -> Result<()> {
    let infinity = f64::INFINITY;
    let x = Tensor::from([f64::NAN, -infinity, infinity, 0.5, 1.0, 0.25]);
    let counts = |bins| Ok::<_, Error>(x.histogram(bins)?.counts.as_slice().to_vec());
    assert_eq!(counts(Bins::Between(2, 0.0, 1.0))?, [1, 2]);
    assert_eq!(counts(Bins::Edges(&[-infinity, 0.0, infinity]))?, [1, 4]);
    // More elements than one task counts, some of them on the edges.
    let many = Tensor::arange(0.0, 200_000.0, 1.0, DType::F32)?;
    assert_eq!(
        many.histogram(Bins::Between(4, 0.0, 2e5))?
            .counts
            .as_slice(),
        [50_000; 4]
    );
    let tenths = many.narrow(0, 0, 101)?.div_scalar(100.0);
    let mut expected = [10; 10];
    expected[9] = 11;
    let counts = tenths
        .to_dtype(DType::F64)
        .histogram(Bins::Between(10, 0.0, 1.0))?;
    assert_eq!(counts.counts.as_slice().iter().sum::<usize>(), 101);
    assert_eq!(
        tenths
            .histogram(Bins::Between(10, 0.0, 1.0))?
            .counts
            .as_slice(),
        expected
    );
    let wide = Tensor::from([-1.7e308, 0.0, 1.7e308]).histogram(Bins::Equal(3))?;
    assert_eq!(wide.counts.as_slice(), [1, 1, 1]);
    for (bins, text) in [
        (Bins::Equal(4), "an element is NaN"),
        (Bins::Between(0, 0.0, 1.0), "at least one bin"),
        (Bins::Between(3, 1.0, 1.0), "found 1 and 1"),
        (Bins::Between(3, 0.0, infinity), "finite"),
        (Bins::Between(usize::MAX, 0.0, 1.0), "too many elements"),
        (Bins::Edges(&[1.0]), "at least 2 edges, found 1"),
        (Bins::Edges(&[0.0, 2.0, 1.0]), "found 2 before 1"),
        (Bins::Edges(&[0.0, f64::NAN]), "edges must increase"),
    ] {
        let error = x.histogram(bins).unwrap_err().to_string();
        assert!(
            error.starts_with("histogram: ") && error.contains(text),
            "{error}"
        );
    }
    let error = x.norm(Norm::P(f64::NAN)).unwrap_err().to_string();
    assert!(error.contains("must not be NaN"), "{error}");
    let x = Tensor::zeros([2, 3], DType::F32)?;
    let error = x
        .cdist(&Tensor::zeros([2, 4], DType::F32)?, Norm::L2)
        .unwrap_err();
    assert!(
        error.to_string().contains("vectors of length 3 and 4"),
        "{error}"
    );
    Ok(())
}

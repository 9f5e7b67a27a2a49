//! Order statistics: ties, NaN, infinities, many levels.

use super::*;

#[test]
fn order_statistics_of_ties_and_nan() -> Result<()> {
    let nan = f64::NAN;
    let x = Tensor::from([2.0, nan, 1.0, 2.0, nan, 2.0]).tracked();
    // All elements that are equal to the median of all share its gradient; over axes one gets it.
    let third = 1.0 / 3.0;
    let shares = [third, 0.0, 0.0, third, 0.0, third];
    assert_eq!(gradient(&x, &x.nanmedian()?)?, shares);
    let one = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(gradient(&x, &x.nanmedian_over(0)?)?, one);
    assert_eq!(gradient(&x, &x.median()?)?, [0.0, 0.5, 0.0, 0.0, 0.5, 0.0]);
    assert_eq!(
        gradient(&x, &x.median_over(0)?)?,
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    );
    let places = |k| Ok::<_, Error>(x.kth_value(0, k)?.1.as_slice()[0]);
    for (k, place) in [2, 0, 3, 5, 1, 4].into_iter().enumerate() {
        assert_eq!(places(k + 1)?, place);
    }
    // Each NaN is a value of its own.
    let (value, place) = Tensor::from([nan, nan, nan, 3.0]).mode(0)?;
    assert_eq!((value.item()?, place.as_slice()), (3.0, &[3][..]));
    let (value, place) = Tensor::from([nan, nan]).mode(0)?;
    assert!(value.item()?.is_nan() && place.as_slice() == [0]);
    Ok(())
}

#[test]
fn quantiles_between_infinities_and_of_many_levels() -> Result<()> {
    let infinity = f64::INFINITY;
    let x = Tensor::from([infinity, infinity, 1.0]);
    assert_eq!(x.quantile(0.75)?.item()?, infinity);
    assert_eq!(x.quantile(0.25)?.item()?, infinity);
    assert_eq!(x.quantile(0.0)?.item()?, 1.0);
    let wide = Tensor::from([-1.7e308, 1.7e308]);
    assert_eq!(wide.quantile(0.5)?.item()?, 0.0);
    // Few levels are selected one by one, many from the sorted line.
    let x = Tensor::from_fn([7, 40], DType::F32, {
        let mut i = 0u32;
        move || {
            i += 1;
            f64::from(i * 37 % 101)
        }
    })?;
    let levels: Vec<f64> = (0..=16).map(|i| f64::from(i) / 16.0).collect();
    let all = x.quantile_over(1, &levels, Interpolation::Linear)?;
    for (i, &q) in levels.iter().enumerate() {
        let one = x.quantile_over(1, &[q], Interpolation::Linear)?;
        assert_eq!(
            one.select(0, 0)?.to_f64_vec(),
            all.select(0, i as isize)?.to_f64_vec()
        );
    }
    for q in [-0.1, 1.5, f64::NAN] {
        let error = x.quantile(q).unwrap_err().to_string();
        assert!(error.contains("quantile: q must be in [0, 1]"), "{error}");
    }
    Ok(())
}

#[test]
fn groups_that_are_all_nan() -> Result<()> {
    let nan = f64::NAN;
    let x = Tensor::from([[nan, nan], [1.0, nan], [2.0, 4.0]]).tracked();
    let mean = x.nanmean_over(1)?;
    assert!(mean.to_f64_vec()[0].is_nan());
    assert_eq!(mean.to_f64_vec()[1..], [1.0, 3.0]);
    assert_eq!(gradient(&x, &mean)?, [0.0, 0.0, 1.0, 0.0, 0.5, 0.5]);
    assert_eq!(x.nansum_over(1)?.to_f64_vec(), [0.0, 1.0, 6.0]);
    let large = Tensor::from([3e38f32, 3e38, f32::NAN]);
    assert_eq!(large.nanmean().item()?, f64::from(3e38f32));
    Ok(())
}

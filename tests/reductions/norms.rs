//! Norms and distances: derivatives at zero, digits at the ends of the range, lists.

use super::*;

/// Returns the gradient of the sum of `f`, and the gradient of that gradient's sum.
fn both_gradients(x: &Tensor, f: &dyn Fn(&Tensor) -> Result<Tensor>) -> Result<[Vec<f64>; 2]> {
    let x = x.tracked();
    let first = Backward::new().create_graph().run(&f(&x)?.sum())?;
    let first = first.get(&x).cloned().unwrap_or_else(|| x.detach());
    let sum = first.mul(&first.detach().add_scalar(1.0))?;
    let second = if sum.is_tracked() {
        gradient(&x, &sum)?
    } else {
        vec![0.0; x.len()]
    };
    Ok([first.to_f64_vec(), second])
}

type Distance = fn(&Tensor, &Tensor, Norm) -> Result<Tensor>;

#[test]
fn norms_and_distances_at_zero_have_derivatives_of_zero() -> Result<()> {
    let zeros = Tensor::zeros([2, 3], DType::F64)?;
    let point = Tensor::from([[0.0, 2.0, 0.0], [1.0, 1.0, 3.0]]);
    for p in [
        0.0,
        0.5,
        1.0,
        1.5,
        2.0,
        3.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -2.0,
    ] {
        let norm = Norm::P(p);
        let [first, second] = both_gradients(&zeros, &|x| x.norm_over(1, norm))?;
        assert_eq!(
            (&first[..], &second[..]),
            (&[0.0; 6][..], &[0.0; 6][..]),
            "{p}"
        );
        let pairs: [Distance; 2] = [|x, y, norm| x.pairwise_distance(y, norm), Tensor::cdist];
        for f in pairs {
            let [first, second] = both_gradients(&point, &|x| f(x, &x.detach(), norm))?;
            assert!(
                first.iter().chain(&second).all(|x| x.is_finite()),
                "{p}: {first:?}"
            );
            let [first, second] = both_gradients(&point, &|x| f(x, x, norm))?;
            assert!(
                first.iter().chain(&second).all(|x| x.is_finite()),
                "{p}: {first:?}"
            );
        }
        // A vector with an element of 0.
        let derivatives = both_gradients(&point, &|x| x.norm_over(1, norm))?;
        assert!(derivatives.iter().flatten().all(|x| x.is_finite()), "{p}");
        assert_eq!(derivatives[0][0], 0.0, "{p}");
    }
    Ok(())
}

#[test]
fn norms_and_distances_keep_their_digits_at_the_ends_of_the_range() -> Result<()> {
    for size in [1e-30, 1e30] {
        let x = Tensor::from([[3.0 * size, 0.0], [0.0, 4.0 * size]]).to_dtype(DType::F32);
        for (norm, expected) in [
            (Norm::L2, 5.0),
            (Norm::P(3.0), 91f64.cbrt()),
            (Norm::P(-1.0), 12.0 / 7.0),
        ] {
            let whole = x.sum_over(0)?.norm(norm)?.item()?;
            assert!((whole / size - expected).abs() < 1e-5, "{norm:?} {whole}");
            let distances = x.cdist(&x, norm)?.to_f64_vec();
            assert!(
                (distances[1] / size - expected).abs() < 1e-5,
                "{norm:?} {distances:?}"
            );
            assert_eq!([distances[0], distances[3]], [0.0, 0.0]);
        }
    }
    // Close vectors far from the origin, more than a tile of them.
    let x = Tensor::from([[1e4f32, 1e4]]);
    let y = Tensor::from_fn([600, 2], DType::F32, || 1e4 + 0.125)?;
    let distances = x.cdist(&y, Norm::L2)?.to_f64_vec();
    let expected = f64::from(0.03125f32.sqrt());
    assert_eq!(distances, [expected; 600]);
    Ok(())
}

#[test]
fn distances_of_lists_equal_those_of_each() -> Result<()> {
    let mut place = 0u32;
    let mut next = move || {
        place += 1;
        f64::from(place * 37 % 101) / 16.0
    };
    // Small lists are computed side by side, large ones one after another.
    for shapes in [[[700, 3, 2], [700, 2, 2]], [[2, 70, 17], [2, 33, 17]]] {
        let [x, y] = shapes.map(|shape| Tensor::from_fn(shape, DType::F64, &mut next));
        let (x, y) = (x?.tracked(), y?.tracked());
        let all = x.cdist(&y, Norm::L2)?;
        let weights = Tensor::from_fn(all.shape(), DType::F64, &mut next)?;
        let gradients = all.backward_with(&weights)?;
        for list in [0, 1, shapes[0][0] as isize - 1] {
            let (a, b) = (x.select(0, list)?.detach(), y.select(0, list)?.detach());
            let (a, b) = (a.tracked(), b.tracked());
            let differences = a.unsqueeze(1)?.sub(&b)?;
            let one = differences.norm_over(-1, Norm::L2)?;
            let found = all.select(0, list)?.to_f64_vec();
            for (found, one) in found.iter().zip(one.to_f64_vec()) {
                assert!((found - one).abs() < 1e-12, "{found} {one}");
            }
            let own = one.backward_with(&weights.select(0, list)?)?;
            for (whole, part) in [(&x, &a), (&y, &b)] {
                let whole = gradients
                    .get(whole)
                    .map(|g| g.select(0, list))
                    .transpose()?;
                let pairs = whole.zip(own.get(part)).expect("both have gradients");
                let difference = pairs.0.sub(pairs.1)?.norm(Norm::LInf)?.item()?;
                assert!(difference < 1e-11, "{difference}");
            }
        }
    }
    Ok(())
}

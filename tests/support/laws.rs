//! Laws that the backward rule of every operation obeys.

use super::harness::{at, ensure, for_each, gradient_of};
use super::operations::{self, Domain, Operation, Sizes, values};
use cotangent::gradcheck::Gradcheck;
use cotangent::{Backward, DType, Error, Leaf, Result, Tensor};

const SIZES: Sizes = [3, 4, 2];

/// Runs the operation on tracked operands; returns the result, the operands and a cotangent.
fn run(operation: &Operation, dtype: DType) -> Result<(Tensor, Vec<Tensor>, Tensor)> {
    let operands = operation.make_operands(SIZES, dtype, 30)?;
    let operands: Vec<Tensor> = operands.iter().map(Tensor::tracked).collect();
    let y = (operation.f)(&operands)?;
    let cotangent = values(y.shape(), Domain::Signed, dtype, 40)?;
    Ok((y, operands, cotangent))
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

/// Returns whether two tensors differ by at most `relative` times their largest element.
fn close(a: &Tensor, b: &Tensor, relative: f64) -> bool {
    let (a_values, b_values) = (a.to_f64_vec(), b.to_f64_vec());
    let size = a_values.iter().fold(1e-3f64, |size, x| size.max(x.abs()));
    a.shape() == b.shape()
        && a_values
            .iter()
            .zip(&b_values)
            .all(|(a, b)| (a - b).abs() <= relative * size)
}

#[test]
fn recorded_and_fused_backward_agree() {
    for_each(&operations::all(), |operation| {
        let (y, operands, cotangent) = run(operation, DType::F64).map_err(at("forward"))?;
        let recorded = Backward::new()
            .create_graph()
            .run_with(&y, &cotangent)
            .map_err(at("recorded"))?;
        let fused = y.backward_with(&cotangent).map_err(at("fused"))?;
        for (i, x) in operands.iter().enumerate() {
            let (Some(recorded), Some(fused)) = (recorded.get(x), fused.get(x)) else {
                return Err(format!("operand {i} has no gradient"));
            };
            ensure(close(recorded, fused, 1e-12), || {
                format!("operand {i}:\n{recorded:?}\n{fused:?}")
            })?;
            ensure(!fused.is_tracked(), || {
                format!("operand {i}: the gradient has a graph")
            })?;
        }
        Ok(())
    });
}

#[test]
fn single_precision_agrees_with_double() {
    for_each(&operations::all(), |operation| {
        let (y, operands, cotangent) = run(operation, DType::F64).map_err(at("double"))?;
        let (single, singles, single_cotangent) =
            run(operation, DType::F32).map_err(at("single"))?;
        ensure(single.dtype() == DType::F32, || {
            "the result is f64".to_owned()
        })?;
        ensure(close(&y, &single, 2e-6), || format!("\n{y:?}\n{single:?}"))?;
        let gradients = y.backward_with(&cotangent).map_err(at("double"))?;
        let single_gradients = single
            .backward_with(&single_cotangent)
            .map_err(at("single"))?;
        for (i, (x, single)) in operands.iter().zip(&singles).enumerate() {
            let (Some(double), Some(single)) = (gradients.get(x), single_gradients.get(single))
            else {
                return Err(format!("operand {i} has no gradient"));
            };
            ensure(single.dtype() == DType::F32, || {
                format!("operand {i}: the gradient is f64")
            })?;
            ensure(close(double, single, 1e-5), || {
                format!("operand {i}:\n{double:?}\n{single:?}")
            })?;
        }
        Ok(())
    });
}

#[test]
fn an_untracked_operand_gets_no_gradient_and_changes_none() {
    for_each(&operations::all(), |operation| {
        let (y, operands, cotangent) = run(operation, DType::F64).map_err(at("all tracked"))?;
        let all = y.backward_with(&cotangent).map_err(at("all tracked"))?;
        for only in 0..operands.len() {
            let one: Vec<Tensor> = operands
                .iter()
                .enumerate()
                .map(|(i, x)| if i == only { x.clone() } else { x.detach() })
                .collect();
            let y = (operation.f)(&one).map_err(at(only))?;
            let gradients = y.backward_with(&cotangent).map_err(at(only))?;
            ensure(gradients.len() == 1, || {
                format!("{} gradients", gradients.len())
            })?;
            let same =
                gradients.get(&operands[only]).map(bits) == all.get(&operands[only]).map(bits);
            ensure(same, || {
                format!("operand {only}: its gradient changes if only this operand is tracked")
            })?;
        }
        let untracked: Vec<Tensor> = operands.iter().map(Tensor::detach).collect();
        let y = (operation.f)(&untracked).map_err(at("untracked"))?;
        ensure(!y.is_tracked(), || "tracked without need".to_owned())?;
        let refused = matches!(y.backward_with(&cotangent), Err(Error::Untracked { .. }));
        ensure(refused, || "backward from an untracked result".to_owned())
    });
}

#[test]
fn a_graph_is_consumed_unless_retained() {
    for_each(&operations::all(), |operation| {
        let (y, operands, cotangent) = run(operation, DType::F64).map_err(at("forward"))?;
        if operands.iter().any(|x| x.leaf_id() == y.leaf_id()) {
            return Ok(()); // The result is the operand itself: there is no node to consume.
        }
        let retained = Backward::new().retain_graph();
        let first = retained.run_with(&y, &cotangent).map_err(at("first"))?;
        let second = retained.run_with(&y, &cotangent).map_err(at("second"))?;
        let third = y.backward_with(&cotangent).map_err(at("third"))?;
        for x in &operands {
            let all = [&first, &second, &third].map(|gradients| gradients.get(x).map(bits));
            ensure(all[0] == all[1] && all[0] == all[2], || {
                "the same backward gives other bits".to_owned()
            })?;
        }
        let fourth = y.backward_with(&cotangent);
        ensure(matches!(fourth, Err(Error::GraphConsumed { .. })), || {
            format!("{fourth:?}")
        })
    });
}

/// Backward is linear in the cotangent.
#[test]
fn a_cotangent_of_zeros_gives_gradients_of_zeros() {
    for_each(&operations::all(), |operation| {
        let (y, operands, cotangent) = run(operation, DType::F64).map_err(at("forward"))?;
        let gradients = y
            .backward_with(&cotangent.mul_scalar(0.0))
            .map_err(at("backward"))?;
        for (i, x) in operands.iter().enumerate() {
            let zero = gradients
                .get(x)
                .is_some_and(|g| g.to_f64_vec().iter().all(|&g| g == 0.0));
            ensure(zero, || format!("operand {i}"))?;
        }
        Ok(())
    });
}

#[test]
fn the_gradients_of_a_tensor_used_many_times_add_up() -> Result<()> {
    let x = values(&[2, 3], Domain::Signed, DType::F64, 50)?.tracked();
    let mut total = x.mul_scalar(1.0);
    for i in 2..=1000 {
        total = total.add(&x.mul_scalar(f64::from(i)))?;
    }
    // One more use, through a view and a broadcast.
    let column = x.transpose(0, 1)?.narrow(0, 1, 1)?.broadcast_to([5, 2])?;
    let loss = total.sum().add(&column.sum())?;
    let gradients = loss.backward()?;
    let sum = 500_500.0;
    let expected = Some(vec![sum, sum + 5.0, sum, sum, sum + 5.0, sum]);
    assert_eq!(gradients.get(&x).map(Tensor::to_f64_vec), expected);
    Ok(())
}

/// A conversion rounds to `f32`; the tolerances allow for it.
#[test]
fn conversions_between_dtypes() -> Result<()> {
    let x = values(&[3, 4], Domain::Signed, DType::F64, 60)?;
    let through_single = |x: &[Tensor]| Ok(x[0].to_dtype(DType::F32).sin().to_dtype(DType::F64));
    let check = Gradcheck::new().tolerances(2e-3, 2e-3);
    check
        .function(std::slice::from_ref(&x), through_single)?
        .assert_ok();
    let cotangent = values(&[3, 4], Domain::Signed, DType::F64, 61)?;
    check
        .function(&[x.clone(), cotangent], gradient_of(through_single))?
        .assert_ok();

    let single = x.to_dtype(DType::F32).tracked();
    let gradients = single.to_dtype(DType::F64).square().sum().backward()?;
    let gradient = gradients.get(&single).expect("a conversion has a gradient");
    assert_eq!(gradient.dtype(), DType::F32);
    assert_eq!(gradient.to_f64_vec(), single.mul_scalar(2.0).to_f64_vec());
    Ok(())
}

//! Compares the gradients of every operation with numeric differences, to second order, for
//! operands of every memory layout.

use cotangent::{Backward, DType, Result, Tensor, transform};
use std::panic::{AssertUnwindSafe, catch_unwind};
use support::forms::Form;
use support::harness::{at, check_twice, ensure, for_each};
use support::operations::Domain::Signed;
use support::operations::{self, Operation, Sizes, values};

mod support {
    pub mod faults;
    pub mod forms;
    pub mod harness;
    pub mod kinks;
    pub mod laws;
    pub mod operations;
    pub mod planted;
}

const SIZES: Sizes = [3, 4, 2];
const EMPTY: [Sizes; 6] = [
    [0, 4, 2],
    [3, 0, 2],
    [3, 4, 0],
    [0, 0, 2],
    [2, 0, 0],
    [0, 0, 0],
];

/// Checks an operation for all layouts: as a function of the tensors whose views are the operands,
/// and as a function of the views.
fn check_forms(operation: &Operation) -> Result<(), String> {
    let shapes = (operation.operands)(SIZES);
    let output = (operation.output)(SIZES);
    let all_views = |form: Form, bases: &[Tensor]| -> Result<Vec<Tensor>> {
        bases
            .iter()
            .zip(&shapes)
            .map(|(base, shape)| form.view(base, shape))
            .collect()
    };
    for form in Form::ALL {
        let bases: Result<Vec<Tensor>> = shapes
            .iter()
            .enumerate()
            .map(|(i, shape)| {
                values(
                    &form.base_shape(shape),
                    operation.domain_of(i),
                    DType::F64,
                    i as u64,
                )
            })
            .collect();
        let bases = bases.map_err(at(form))?;
        let of_bases = |bases: &[Tensor]| (operation.f)(&all_views(form, bases)?);
        ensure(
            of_bases(&bases).map_err(at(form))?.shape() == output,
            || format!("{form:?}: wrong shape"),
        )?;
        if output.contains(&0) {
            continue;
        }
        check_twice(&bases, &output, of_bases).map_err(at((form, "function of the base")))?;
        if form != Form::Contiguous {
            let views = all_views(form, &bases).map_err(at(form))?;
            check_twice(&views, &output, |x| (operation.f)(x))
                .map_err(at((form, "view as a leaf")))?;
        }
    }
    Ok(())
}

#[test]
fn elementwise_functions_in_all_forms() {
    for_each(&operations::checked(operations::elementwise()), check_forms);
}

#[test]
fn binary_functions_in_all_forms() {
    for_each(&operations::checked(operations::binary()), check_forms);
}

#[test]
fn reductions_in_all_forms() {
    for_each(&operations::checked(operations::reductions()), check_forms);
}

#[test]
fn products_in_all_forms() {
    for_each(&operations::checked(operations::linear()), check_forms);
}

#[test]
fn linear_algebra_in_all_forms() {
    for_each(&operations::checked(operations::linalg()), check_forms);
}

#[test]
fn normalizations_in_all_forms() {
    for_each(
        &operations::checked(operations::normalizations()),
        check_forms,
    );
}

#[test]
fn pooling_in_all_forms() {
    for_each(&operations::checked(operations::pooling()), check_forms);
}

#[test]
fn convolutions_in_all_forms() {
    for_each(&operations::checked(operations::convolution()), check_forms);
}

#[test]
fn recurrent_layers_in_all_forms() {
    for_each(&operations::checked(operations::recurrent()), check_forms);
}

#[test]
fn losses_in_all_forms() {
    for_each(&operations::checked(operations::losses()), check_forms);
}

#[test]
fn losses_of_signs_and_margins_in_all_forms() {
    for_each(&operations::checked(operations::hinges()), check_forms);
}

#[test]
fn likelihoods_in_all_forms() {
    for_each(&operations::checked(operations::likelihoods()), check_forms);
}

#[test]
fn shape_operations_in_all_forms() {
    for_each(&operations::checked(operations::shapes()), check_forms);
}

#[test]
fn masks_in_all_forms() {
    for_each(&operations::checked(operations::masks()), check_forms);
}

#[test]
fn indexing_in_all_forms() {
    for_each(&operations::checked(operations::indexing()), check_forms);
}

#[test]
fn attention_in_all_forms() {
    for_each(&operations::checked(operations::attention()), check_forms);
}

/// The derivative along tangents, contracted with a cotangent, is the product of the tangents with
/// the gradients: whether an operation has a derivative of its own, or its transposed gradient is
/// transposed.
#[test]
fn forward_mode_is_the_transpose_of_reverse_mode() {
    for_each(&operations::all(), |operation| {
        let draw = |seed| operation.make_operands(SIZES, DType::F64, seed);
        let (operands, other) = (draw(30).map_err(at("operands"))?, draw(40));
        let all = other.map_err(at("tangents"))?;
        let f = |x: &[Tensor]| (operation.f)(x);
        let cotangent = values(&(operation.output)(SIZES), Signed, DType::F64, 50);
        let cotangent = cotangent.map_err(at("cotangent"))?;
        let (_, pulled) = transform::vjp(f, &operands, &cotangent).map_err(at("vjp"))?;
        let dot = |a: &Tensor, b: &Tensor| {
            let pairs = a.to_f64_vec().into_iter().zip(b.to_f64_vec());
            pairs.map(|(a, b)| a * b).collect::<Vec<f64>>()
        };
        // Along all operands at once, and along each alone.
        for only in std::iter::once(None).chain((0..operands.len()).map(Some)) {
            let tangents: Vec<Tensor> = (all.iter().enumerate())
                .map(|(i, tangent)| match only {
                    Some(only) if only != i => tangent * 0.0,
                    _ => tangent.clone(),
                })
                .collect();
            let (_, pushed) = transform::jvp(f, &operands, &tangents).map_err(at("jvp"))?;
            ensure(pushed.shape() == cotangent.shape(), || {
                format!("a derivative of shape {:?}", pushed.shape())
            })?;
            let forward = dot(&pushed, &cotangent);
            let reverse = tangents.iter().zip(&pulled).map(|(t, g)| dot(t, g));
            let reverse: Vec<f64> = reverse.flatten().collect();
            let scale = forward
                .iter()
                .chain(&reverse)
                .map(|term| term.abs())
                .sum::<f64>();
            let (forward, reverse) = (forward.iter().sum::<f64>(), reverse.iter().sum::<f64>());
            ensure((forward - reverse).abs() <= 1e-12 * scale, || {
                format!("along {only:?}: {forward} forward, {reverse} in reverse")
            })?;
        }
        Ok(())
    });
}

/// Uses one tensor for all operands of the same shape, and multiplies two results, as in `x * x`.
#[test]
fn repeated_operands() {
    for_each(&operations::all(), |operation| {
        let shapes = (operation.operands)(SIZES);
        let output = (operation.output)(SIZES);
        if output.contains(&0) || shapes.iter().flatten().any(|&len| len == 0) {
            return Ok(());
        }
        let first =
            |shape: &Vec<usize>| shapes.iter().position(|other| other == shape).unwrap_or(0);
        let operands = operation
            .make_operands(SIZES, DType::F64, 10)
            .map_err(at("operands"))?;
        check_twice(&operands, &output, |x| {
            let shared: Vec<Tensor> = shapes.iter().map(|shape| x[first(shape)].clone()).collect();
            let (y, again) = ((operation.f)(&shared)?, (operation.f)(&shared)?);
            y.mul(&again)?.mul(&y)
        })
    });
}

#[test]
fn operands_of_one_element() {
    for_each(&operations::all(), |operation| {
        let sizes = [1, 1, 1];
        let operands = operation
            .make_operands(sizes, DType::F64, 20)
            .map_err(at("operands"))?;
        if (operation.refuses)(sizes) {
            return ensure((operation.f)(&operands).is_err(), || {
                "no error, but one is expected".to_owned()
            });
        }
        let output = (operation.output)(sizes);
        if output.contains(&0) {
            Ok(())
        } else {
            check_twice(&operands, &output, |x| (operation.f)(x))
        }
    });
}

/// Operands without elements cause no panic. The output and the gradients have the right shapes;
/// gradients are 0 if the output has no elements.
#[test]
fn empty_operands() {
    for_each(&operations::all(), |operation| {
        for (sizes, form) in EMPTY
            .iter()
            .flat_map(|&sizes| Form::ALL.map(|form| (sizes, form)))
        {
            let place = (sizes, form);
            let run = || -> Result<(Tensor, Vec<Tensor>)> {
                let shapes = (operation.operands)(sizes);
                let operands: Result<Vec<Tensor>> = shapes
                    .iter()
                    .enumerate()
                    .map(|(i, shape)| {
                        let base = values(
                            &form.base_shape(shape),
                            operation.domain_of(i),
                            DType::F64,
                            i as u64,
                        )?;
                        Ok(form.view(&base, shape)?.tracked())
                    })
                    .collect();
                let operands = operands?;
                Ok(((operation.f)(&operands)?, operands))
            };
            let (y, operands) = match catch_unwind(AssertUnwindSafe(run))
                .map_err(|_| format!("{place:?}: panicked"))?
            {
                Err(_) if (operation.refuses)(sizes) => continue,
                result => result.map_err(at(place))?,
            };
            ensure(!(operation.refuses)(sizes), || {
                format!("{place:?}: no error, but one is expected")
            })?;
            ensure(y.shape() == (operation.output)(sizes), || {
                format!("{place:?}: shape {:?}", y.shape())
            })?;
            for create_graph in [false, true] {
                let backward = Backward::new().retain_graph();
                let backward = if create_graph {
                    backward.create_graph()
                } else {
                    backward
                };
                let ones = Tensor::ones(y.shape(), DType::F64).map_err(at(place))?;
                let run = || backward.run_with(&y, &ones);
                let gradients = catch_unwind(AssertUnwindSafe(run))
                    .map_err(|_| format!("{place:?}: backward panicked"))?
                    .map_err(at(place))?;
                for x in &operands {
                    let Some(gradient) = gradients.get(x) else {
                        return Err(format!("{place:?}: no gradient"));
                    };
                    ensure(gradient.shape() == x.shape(), || {
                        format!("{place:?}: gradient {:?}", gradient.shape())
                    })?;
                    let zero = gradient.to_f64_vec().iter().all(|&g| g == 0.0);
                    ensure(!y.is_empty() || zero, || {
                        format!("{place:?}: not zero: {gradient}")
                    })?;
                }
            }
        }
        Ok(())
    });
}

//! Products with Jacobians and Hessians, and the whole matrices.

use super::forward::push;
use crate::autograd::{Backward, Tensor};
use crate::error::{Error, Result};
use crate::tensor::{Array, Shape, refusable, with_dtype};
use std::borrow::Borrow;

/// Computes the value of `f` at `inputs` and, for each input, its vector-Jacobian product with
/// `cotangent`, by reverse mode. PyTorch: `torch.autograd.functional.vjp`.
///
/// The product is zero for inputs on which the value does not depend.
///
/// # Errors
/// Those of `f`, and [`Error::Shape`] or [`Error::DType`] if the cotangent has another shape or
/// dtype than the value.
///
/// ```
/// use cotangent::{Tensor, transform};
/// let x = Tensor::from([1.0f64, 2.0]);
/// let (y, dx) = transform::vjp(|x| Ok(x[0].square()), &[x], &Tensor::from([1.0f64, 10.0]))?;
/// assert_eq!(y.to_vec::<f64>()?, [1.0, 4.0]);
/// assert_eq!(dx[0].to_vec::<f64>()?, [2.0, 40.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn vjp(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[impl Borrow<Tensor>],
    cotangent: &Tensor,
) -> Result<(Tensor, Vec<Tensor>)> {
    let leaves = leaves(inputs);
    let value = f(&leaves)?;
    fits("vjp", "cotangent", cotangent, &value)?;
    let gradients = pull(&Backward::new(), &value, cotangent, &leaves)?;
    Ok((value.detach(), gradients))
}

/// Computes the value of `f` at `inputs` and its Jacobian-vector product: the derivative along
/// `tangents`, one per input and of its shape. PyTorch: `torch.func.jvp`.
///
/// It is computed in forward mode: after `f` the tangents pass through the recorded operations, in
/// the order in which these were computed ([`Op::jvp`](crate::Op::jvp)). One call gives the
/// derivative of all elements of the value along one direction, so that a function of few inputs
/// and many results takes fewer calls than in reverse mode.
///
/// # Errors
/// Those of `f`; [`Error::Argument`] if there is not one tangent per input; [`Error::Shape`] or
/// [`Error::DType`] if one has another shape or dtype than its input.
///
/// ```
/// use cotangent::{Tensor, transform};
/// let x = Tensor::from([1.0f64, 2.0]);
/// let tangent = Tensor::from([1.0f64, 10.0]);
/// let (_, dy) = transform::jvp(|x| Ok(x[0].square().sum()), &[x], &[tangent])?;
/// assert_eq!(dy.item()?, 42.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn jvp(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[impl Borrow<Tensor>],
    tangents: &[impl Borrow<Tensor>],
) -> Result<(Tensor, Tensor)> {
    all_fit("jvp", tangents, inputs)?;
    let leaves = leaves(inputs);
    let value = f(&leaves)?;
    let tangents = tangents.iter().map(|tangent| tangent.borrow().detach());
    let derivative = refusable("jvp", || push(&value, &leaves, tangents))?;
    let derivative = derivative.unwrap_or_else(|| value.constant_like(0.0));
    Ok((value.detach(), derivative))
}

/// Computes the value of `f`, a tensor of one element, at `inputs`, and the product of its Hessian
/// with `vectors`, one per input and of its shape. PyTorch: `torch.autograd.functional.vhp`, which
/// is the same because the Hessian is symmetric.
///
/// # Errors
/// Those of `f`; [`Error::Shape`] if its value does not have one element; [`Error::Argument`] if
/// there is not one vector per input; [`Error::Shape`] or [`Error::DType`] if one has another shape
/// or dtype than its input.
///
/// ```
/// use cotangent::{Tensor, transform};
/// let x = Tensor::from([1.0f64, 2.0]);
/// let cube = |x: &[Tensor]| Ok(x[0].square().mul(&x[0])?.sum());
/// let (_, product) = transform::hvp(cube, &[x], &[Tensor::from([1.0f64, 10.0])])?;
/// assert_eq!(product[0].to_vec::<f64>()?, [6.0, 120.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn hvp(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[impl Borrow<Tensor>],
    vectors: &[impl Borrow<Tensor>],
) -> Result<(Tensor, Vec<Tensor>)> {
    all_fit("hvp", vectors, inputs)?;
    let leaves = leaves(inputs);
    let value = scalar("hvp", f(&leaves)?)?;
    let backward = Backward::new().create_graph();
    let gradients = pull(&backward, &value, &value.constant_like(1.0), &leaves)?;
    let along = contract(&gradients, vectors)?;
    let products = pull(&Backward::new(), &along, &along.constant_like(1.0), &leaves)?;
    Ok((value.detach(), products))
}

/// Computes the derivative of every element of `f` by every element of each input: one tensor per
/// input, of the value's shape followed by the input's. PyTorch:
/// `torch.autograd.functional.jacobian`.
///
/// It runs one backward pass per element of the value.
///
/// # Errors
/// Those of `f`, and [`Error::Shape`] if the result would have more elements than memory can hold.
///
/// ```
/// use cotangent::{Tensor, transform};
/// let x = Tensor::from([1.0f64, 2.0]);
/// let j = transform::jacobian(|x| x[0].matmul(&Tensor::from([[1.0f64, 3.0], [2.0, 4.0]])), &[x])?;
/// assert_eq!(j[0].to_vec::<f64>()?, [1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn jacobian(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[impl Borrow<Tensor>],
) -> Result<Vec<Tensor>> {
    let leaves = leaves(inputs);
    rows("jacobian", &f(&leaves)?, &leaves)
}

/// Computes the second derivatives of `f`, a tensor of one element: for each pair of inputs `i` and
/// `j` the tensor `[i][j]`, of the shape of input `i` followed by that of input `j`. PyTorch:
/// `torch.autograd.functional.hessian`.
///
/// It runs one backward pass per element of the inputs.
///
/// # Errors
/// Those of `f`, and [`Error::Shape`] if its value does not have one element, or if the result
/// would have more elements than memory can hold.
///
/// ```
/// use cotangent::{Tensor, transform};
/// let x = Tensor::from([1.0f64, 2.0]);
/// let product = |x: &[Tensor]| Ok(x[0].narrow(0, 0, 1)?.mul(&x[0].narrow(0, 1, 1)?)?.sum());
/// let h = transform::hessian(product, &[x])?;
/// assert_eq!(h[0][0].to_vec::<f64>()?, [0.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn hessian(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[impl Borrow<Tensor>],
) -> Result<Vec<Vec<Tensor>>> {
    let leaves = leaves(inputs);
    let value = scalar("hessian", f(&leaves)?)?;
    let backward = Backward::new().create_graph();
    let gradients = pull(&backward, &value, &value.constant_like(1.0), &leaves)?;
    gradients
        .iter()
        .map(|gradient| rows("hessian", gradient, &leaves))
        .collect()
}

fn leaves(inputs: &[impl Borrow<Tensor>]) -> Vec<Tensor> {
    inputs
        .iter()
        .map(|input| input.borrow().tracked())
        .collect()
}

/// Computes the gradients with respect to `leaves`, zero for those without one.
fn pull(
    backward: &Backward,
    value: &Tensor,
    cotangent: &Tensor,
    leaves: &[Tensor],
) -> Result<Vec<Tensor>> {
    let gradients = backward.grad_or_none(value, cotangent, leaves)?;
    let zeros = |leaf: &Tensor| leaf.constant_like(0.0);
    let pairs = gradients.into_iter().zip(leaves);
    Ok(pairs
        .map(|(gradient, leaf)| gradient.unwrap_or_else(|| zeros(leaf)))
        .collect())
}

/// Computes Σ a · b over all tensors and elements.
fn contract(a: &[Tensor], b: &[impl Borrow<Tensor>]) -> Result<Tensor> {
    let mut products = (a.iter().zip(b)).map(|(a, b)| Ok(a.mul(&b.borrow().detach())?.sum()));
    let Some(first) = products.next() else {
        return Err(Error::argument("transform", "expected at least one input"));
    };
    products.try_fold(first?, |total: Tensor, product: Result<Tensor>| {
        total.add(&product?)
    })
}

/// Computes the Jacobian of `value` row by row.
fn rows(op: &'static str, value: &Tensor, leaves: &[Tensor]) -> Result<Vec<Tensor>> {
    let shape = |leaf: &Tensor| -> Result<Shape> {
        let shape: Shape = value.shape().iter().chain(leaf.shape()).copied().collect();
        shape.reserve(op, leaf.dtype())?;
        Ok(shape)
    };
    let shapes: Vec<Shape> = leaves.iter().map(shape).collect::<Result<_>>()?;
    let mut rows: Vec<Vec<Tensor>> = vec![Vec::with_capacity(value.len()); leaves.len()];
    let backward = Backward::new().retain_graph();
    for element in 0..value.len() {
        let one_hot = with_dtype!(value.dtype(), F => {
            Array::build::<F>(value.array().shape().clone(), |out| {
                out.fill(0.0);
                out[element] = 1.0;
            })
        });
        let gradients = pull(&backward, value, &one_hot.into(), leaves)?;
        for (rows, gradient) in rows.iter_mut().zip(gradients) {
            rows.push(gradient);
        }
    }
    let all = rows.iter().zip(shapes).zip(leaves);
    Ok(all
        .map(|((rows, shape), leaf)| {
            with_dtype!(leaf.dtype(), F => Tensor::from(Array::build::<F>(shape, |out| {
                for (out, row) in out.chunks_exact_mut(leaf.len().max(1)).zip(rows) {
                    out.copy_from_slice(&row.array().to_vec::<F>());
                }
            })))
        })
        .collect())
}

fn scalar(op: &'static str, value: Tensor) -> Result<Tensor> {
    if value.len() == 1 {
        return Ok(value);
    }
    let reason = format!("expected a value of one element, found {}", value.len());
    Err(Error::shape(op, reason, &[value.shape()]))
}

fn all_fit(
    op: &'static str,
    vectors: &[impl Borrow<Tensor>],
    inputs: &[impl Borrow<Tensor>],
) -> Result<()> {
    if vectors.len() != inputs.len() {
        let (vectors, inputs) = (vectors.len(), inputs.len());
        let reason = format!("expected one vector per input, found {vectors} for {inputs} inputs");
        return Err(Error::argument(op, reason));
    }
    let mut pairs = vectors.iter().zip(inputs);
    pairs.try_for_each(|(vector, input)| fits(op, "vector", vector.borrow(), input.borrow()))
}

fn fits(op: &'static str, what: &str, vector: &Tensor, like: &Tensor) -> Result<()> {
    Tensor::expect_one_dtype(
        op,
        &[("the output or input", Some(like)), (what, Some(vector))],
    )?;
    if vector.shape() == like.shape() {
        return Ok(());
    }
    let reason = format!("the {what} must have the shape of its output or input");
    Err(Error::shape(op, reason, &[vector.shape(), like.shape()]))
}

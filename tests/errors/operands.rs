//! An error about dtypes names the operand that differs, and the layer.

use super::{rng, says, zeros};
use cotangent::prelude::*;

#[test]
fn the_operand_that_differs_is_named() -> Result<()> {
    let (x, double) = (zeros(&[2, 2]), Tensor::zeros([2, 2], DType::F64)?);
    let (v, double_v) = (zeros(&[2]), Tensor::zeros([2], DType::F64)?);
    let right = "the right operand is f64, the left operand is f32; convert with `to_dtype`";
    says(x.add(&double), &["add: ", right]);
    says(x.div(&double), &["div: ", right]);
    says(x.matmul(&double), &["matmul: ", right]);
    says(v.dot(&double_v), &["dot: ", right]);
    says(v.outer(&double_v), &["outer: ", right]);
    says(x.gt(&double), &["gt: ", right]);
    says(
        x.cosine_similarity(&double, 1, 0.0),
        &["cosine_similarity: ", right],
    );
    says(
        double.matmul(&x),
        &["the right operand is f32, the left operand is f64"],
    );

    // One of three operands differs.
    says(
        x.linear(&double, Some(&v)),
        &["linear: weight is f64, input and bias are f32"],
    );
    says(
        x.linear(&x, Some(&double_v)),
        &["bias is f64, input and weight are f32"],
    );
    says(
        double.linear(&x, Some(&v)),
        &["input is f64, weight and bias are f32"],
    );
    says(double.linear(&x, None), &["weight is f32, input is f64"]);
    says(
        double.addmm(&x, &x),
        &["addmm: the summand is f64, a and b are f32"],
    );
    says(
        x.addmm(&x, &double),
        &["b is f64, the summand and a are f32"],
    );
    says(
        x.layer_norm([2], Some(&double_v), Some(&v), 1e-5),
        &["layer_norm: gamma is f64, input and beta are f32"],
    );
    says(
        x.rms_norm([2], Some(&double_v), 1e-5),
        &["gamma is f64, input is f32"],
    );
    says(
        x.batch_norm(Some(&v), Some(&double_v), 1e-5),
        &["batch_norm: beta is f64, input and gamma are f32"],
    );
    says(x.prelu(&double_v), &["prelu: weight is f64, input is f32"]);
    let mask = Mask::from([true, false]);
    says(
        mask.select(&v, &double_v),
        &["select: no is f64, yes is f32"],
    );
    says(
        v.scatter_add(0, &Indices::from([0, 1]), &double_v),
        &["scatter_add: source is f64, this tensor is f32"],
    );

    // One of many operands differs; they are counted from 0.
    says(
        Tensor::cat(&[&x, &x, &double, &x], 0),
        &["cat: tensors[2] is f64, tensors[0], tensors[1] and tensors[3] are f32"],
    );
    says(
        Tensor::stack(&[&double, &x, &x], 0),
        &["stack: tensors[0] is f64, tensors[1] and tensors[2] are f32"],
    );
    says(
        Tensor::cat(&[&x, &x, &x, &x, &x, &double], 0),
        &["tensors[5] is f64, tensors[0], tensors[1], tensors[2] and 2 others are f32"],
    );
    says(
        Tensor::einsum("ij,jk,k->i", &[&x, &double, &v]),
        &["einsum: operands[1] is f64, operands[0] and operands[2] are f32"],
    );
    Ok(())
}

#[test]
fn losses_and_optimizers_name_their_operands() -> Result<()> {
    let (x, double) = (zeros(&[2, 2]), Tensor::zeros([2, 2], DType::F64)?);
    let target = "the target is f64, the prediction is f32";
    says(x.mse_loss(&double), &["mse_loss: ", target]);
    says(x.huber_loss(&double, 1.0), &[target]);
    says(x.kl_div(&double), &["kl_div: ", target]);
    says(
        CrossEntropyLoss::new().loss(&x, &double),
        &["cross_entropy: ", target],
    );
    says(
        BceWithLogitsLoss::new().class_weights(&double).loss(&x, &x),
        &["the weight is f64, the prediction is f32"],
    );
    let weights = Tensor::zeros([2], DType::F64)?;
    let loss = NllLoss::new().class_weights(&weights);
    says(
        loss.loss(&x, &Indices::from([0, 1])),
        &["nll_loss: the class weight is f64, input is f32"],
    );

    let mut net = Linear::new(2, 3, &mut rng())?;
    let mut gradients = net.forward(&x, &Pass::train(0))?.sum().backward()?;
    gradients.insert(&net.weight, Tensor::zeros([3, 2], DType::F64)?);
    says(
        Sgd::new(0.1).build()?.step(&mut net, gradients),
        &["`weight`: optimizer step: the gradient is f64, the parameter is f32"],
    );
    says(
        x.tracked().mul_scalar(2.0).backward_with(&double),
        &["backward: the cotangent is f64, the output is f32"],
    );
    Ok(())
}

#[test]
fn the_layer_of_a_model_is_named_too() -> Result<()> {
    let mut net = Sequential::new()
        .push(Linear::new(2, 2, &mut rng())?)
        .named("norm", LayerNorm::new(2)?)?;
    let double = Tensor::zeros([1, 2], DType::F64)?;
    says(
        net.predict(&double),
        &["`0`: linear: input is f64, weight and bias are f32"],
    );
    for (path, param) in net.named_params_mut() {
        if path.starts_with("0.") || path == "norm.weight" {
            param.convert(DType::F64);
        }
    }
    says(
        net.predict(&double),
        &["`norm`: layer_norm: beta is f32, input and gamma are f64"],
    );
    let error = net.predict(&double).expect_err("mixed");
    assert!(matches!(
        error.root(),
        Error::DType {
            expected: DType::F64,
            found: DType::F32,
            ..
        }
    ));
    Ok(())
}

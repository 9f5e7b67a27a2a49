//! Bad input gets a typed error whose text helps.

use cotangent::prelude::*;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T>, parts: &[&str]) {
    let text = result.expect_err("bad input must be refused").to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32).expect("a small shape")
}

#[test]
fn shapes_that_do_not_fit() -> Result<()> {
    says(
        zeros(&[2, 3]).add(&zeros(&[4])),
        &["add", "(2, 3)", "(4,)", "3 and 4"],
    );
    says(
        zeros(&[2, 3]).matmul(&zeros(&[2, 3])),
        &["matmul", "3 columns", "2 rows"],
    );
    says(
        zeros(&[2, 3]).reshape([4]),
        &["reshape", "6 elements", "(4,)"],
    );
    says(
        zeros(&[2, 3]).sum_axes(&[2]),
        &["sum_axes", "axis 2", "2 axes"],
    );
    says(zeros(&[2, 3]).sum_axes(&[0, -2]), &["sum_axes", "twice"]);
    says(zeros(&[2, 3]).permute(&[0, 0]), &["permute"]);
    says(zeros(&[2, 3]).narrow(1, 2, 2), &["narrow", "4", "3"]);
    says(zeros(&[2]).broadcast_to([3]), &["broadcast_to"]);
    says(
        Tensor::from_vec(vec![1.0f32; 5], [2, 3]),
        &["5 values", "(2, 3)"],
    );
    says(zeros(&[2]).item(), &["item", "found 2"]);
    let linear = Linear::new(64, 100, &mut rng())?;
    says(
        linear.predict(&zeros(&[32, 63])),
        &["63 features", "64", "(32, 63)", "(100, 64)"],
    );
    let net = Sequential::new()
        .push(Linear::new(4, 8, &mut rng())?)
        .push(Linear::new(9, 2, &mut rng())?);
    says(net.predict(&zeros(&[1, 4])), &["`1`", "8 features", "9"]);
    let norm = BatchNorm::new(5)?;
    says(
        norm.predict(&zeros(&[3, 4])),
        &["batch_norm", "(samples, 5", "(3, 4)"],
    );
    says(
        norm.forward(&zeros(&[1, 5]), &Pass::train(0)),
        &["at least 2 values", "found 1"],
    );
    Ok(())
}

#[test]
fn dtypes_that_differ() -> Result<()> {
    let (single, double) = (zeros(&[2]), Tensor::zeros([2], DType::F64)?);
    says(single.add(&double), &["add", "f32", "f64", "to_dtype"]);
    says(single.to_vec::<f64>(), &["to_vec", "f64", "f32"]);
    let linear = Linear::new(2, 2, &mut rng())?;
    says(
        linear.predict(&Tensor::zeros([1, 2], DType::F64)?),
        &["linear", "f32", "f64"],
    );
    Ok(())
}

#[test]
fn labels_and_indices_out_of_range() {
    says(
        zeros(&[2, 3]).cross_entropy(&Indices::from([0, 3])),
        &["cross_entropy", "label 3", "3 classes"],
    );
    says(
        zeros(&[2, 3]).cross_entropy(&Indices::from([0])),
        &["one label per sample", "(2, 3)", "(1,)"],
    );
    says(
        zeros(&[2, 3]).index_select(0, &Indices::from([2])),
        &["index_select", "index 2"],
    );
    says(zeros(&[2, 3]).argmax(5), &["argmax", "axis 5"]);
}

#[test]
fn empty_batches() -> Result<()> {
    says(
        zeros(&[0, 3]).cross_entropy(&Indices::from(vec![])),
        &["no samples"],
    );
    says(
        BatchNorm::new(3)?.forward(&zeros(&[0, 3]), &Pass::train(0)),
        &["found 0"],
    );
    says(zeros(&[2, 0]).argmax(1), &["empty"]);
    // What is well defined works: an empty batch has an empty output, and a gradient of zeros.
    let linear = Linear::new(3, 2, &mut rng())?;
    let y = linear.forward(&zeros(&[0, 3]), &Pass::train(0))?;
    assert_eq!(y.shape(), [0, 2]);
    let grads = y.sum().backward()?;
    assert_eq!(
        grads.get(&linear.weight).map(Tensor::to_f64_vec),
        Some(vec![0.0; 6])
    );
    Ok(())
}

#[test]
fn sizes_that_overflow_are_refused_before_memory_is_asked_for() {
    says(
        Tensor::zeros([usize::MAX, 2], DType::F32),
        &["too many elements"],
    );
    says(
        Tensor::zeros([usize::MAX, usize::MAX, 0, 3], DType::F32),
        &["too many elements"],
    );
    says(
        zeros(&[1]).broadcast_to([usize::MAX, usize::MAX]),
        &["too many elements"],
    );
}

#[test]
fn settings_out_of_range() {
    says(Dropout::new(1.0), &["dropout", "[0, 1)"]);
    says(zeros(&[1]).dropout(-0.1, 0), &["dropout", "-0.1"]);
    says(Sgd::new(f64::NAN).build(), &["learning rate", "NaN"]);
    says(
        Momentum::new(0.1).momentum(1.0).build(),
        &["momentum", "[0, 1)"],
    );
    says(Adam::new(0.1).betas(0.9, 1.5).build(), &["beta2", "1.5"]);
    says(BatchNorm::builder(0).build(), &["at least one channel"]);
    says(
        BatchNorm::builder(1).momentum(2.0).build(),
        &["momentum", "2"],
    );
    says(Linear::new(0, 3, &mut rng()), &["linear", "0 in and 3 out"]);
    says(
        Tensor::normal([1], 0.0, -1.0, DType::F32, &mut rng()),
        &["standard deviation"],
    );
}

#[test]
fn a_gradient_that_does_not_fit_changes_no_parameter() -> Result<()> {
    let mut net = Linear::new(2, 3, &mut rng())?;
    let before = cotangent::module::to_bytes(&net)?;
    let mut grads = net
        .forward(&zeros(&[1, 2]), &Pass::train(0))?
        .sum()
        .backward()?;
    if let Some(bias) = &net.bias {
        grads.insert(bias, zeros(&[4]));
    }
    says(
        Sgd::new(0.1).build()?.step(&mut net, &grads),
        &["`bias`", "(3,)", "(4,)"],
    );
    assert_eq!(cotangent::module::to_bytes(&net)?, before);
    Ok(())
}

//! Bad input returns a typed error with a helpful text.

#[path = "errors/conversions.rs"]
mod conversions;
#[path = "errors/operands.rs"]
mod operands;
#[path = "errors/patterns.rs"]
mod patterns;
#[path = "errors/places.rs"]
mod places;
#[path = "errors/ranges.rs"]
mod ranges;
#[path = "support/wrapped.rs"]
mod wrapped;

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
        zeros(&[2, 3]).sum_over(2),
        &["sum_over", "axis 2", "2 axes"],
    );
    says(zeros(&[2, 3]).sum_over([0, -2]), &["sum_over", "twice"]);
    says(zeros(&[2, 3]).permute([0, 0]), &["permute"]);
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
fn reductions_without_a_defined_result() {
    says(zeros(&[0, 3]).max(), &["max", "no elements", "(0, 3)"]);
    says(zeros(&[0]).min(), &["min", "no elements"]);
    says(zeros(&[2, 0]).max_over(1), &["max_over", "(2, 0)"]);
    says(zeros(&[0, 0]).min_over(-1), &["min_over", "no elements"]);
    says(zeros(&[0]).norm(Norm::LInf), &["norm", "no elements"]);
    says(zeros(&[2, 0]).argmin(1), &["argmin", "empty"]);
    says(zeros(&[2]).max_over([0, 0]), &["max_over", "twice"]);
    says(zeros(&[2]).prod_over(1), &["prod_over", "axis 1"]);
    says(zeros(&[2]).var_over(-2, 1.0), &["var_over", "axis -2"]);
    says(zeros(&[2]).std_over([0, 1], 0.0), &["std_over", "axis 1"]);
    says(zeros(&[2]).norm_over(3, Norm::L2), &["norm_over", "axis 3"]);
    says(
        zeros(&[2]).logsumexp_over(1),
        &["logsumexp_over", "axis 1", "1 axes"],
    );
    says(zeros(&[]).cumsum(1), &["cumsum", "axis 1"]);
    says(zeros(&[2]).cumprod(1), &["cumprod", "axis 1"]);
}

#[test]
fn factors_that_do_not_fit() -> Result<()> {
    says(zeros(&[2]).dot(&zeros(&[3])), &["dot", "(2,)", "(3,)"]);
    says(zeros(&[2, 2]).dot(&zeros(&[2, 2])), &["dot", "vectors"]);
    says(zeros(&[2, 1]).outer(&zeros(&[2])), &["outer", "vectors"]);
    let (a, b) = (zeros(&[2, 3]), zeros(&[3, 4]));
    says(
        zeros(&[4]).addmm(&a, &zeros(&[2, 4])),
        &["addmm", "3 columns", "2 rows"],
    );
    says(zeros(&[3]).addmm(&a, &b), &["addmm", "3 and 4"]);
    says(
        zeros(&[5, 2, 4]).addmm(&a, &b),
        &["addmm", "must broadcast"],
    );
    says(
        zeros(&[4]).addmm(&a, &zeros(&[2, 3, 4])),
        &["addmm", "two matrices"],
    );
    let double = Tensor::zeros([2], DType::F64)?;
    says(zeros(&[2]).dot(&double), &["dot", "f32", "f64"]);
    says(zeros(&[2]).outer(&double), &["outer", "f32", "f64"]);
    says(double.addmm(&a, &b), &["addmm", "f64", "f32"]);
    let huge = zeros(&[1]).broadcast_to([1 << 27])?;
    says(huge.outer(&huge), &["outer", "too many elements"]);
    let column = huge.reshape([1 << 27, 1])?;
    let row = huge.reshape([1, 1 << 27])?;
    says(
        zeros(&[1]).addmm(&column, &row),
        &["addmm", "too many elements"],
    );
    says(
        Tensor::einsum("i,j->ij", &[&huge, &huge]),
        &["einsum", "too many elements"],
    );
    Ok(())
}

#[test]
fn malformed_equations() -> Result<()> {
    let (vector, matrix) = (zeros(&[2]), zeros(&[2, 3]));
    let of_matrix = |equation: &str| Tensor::einsum(equation, &[&matrix]);
    says(of_matrix("i1->i"), &["einsum", "`i1->i`", "unexpected `1`"]);
    says(of_matrix("ij-j"), &["unexpected `-`"]);
    says(of_matrix("ij->j->i"), &["unexpected `-`"]);
    says(of_matrix("ij->i,j"), &["unexpected `,`"]);
    says(of_matrix("i..->i"), &["unexpected `.`"]);
    says(of_matrix("...i...->i"), &["`...` twice"]);
    says(of_matrix("ij->ii"), &["`i` is named twice"]);
    says(of_matrix("ij->ik"), &["`k` is in no operand"]);
    says(of_matrix("i->i"), &["names 1 axes", "has 2", "(2, 3)"]);
    says(of_matrix("ij...k"), &["names 3 axes"]);
    says(of_matrix("ii"), &["`i` has lengths 2 and 3"]);
    says(
        Tensor::einsum("ii", &[&zeros(&[1, 3])]),
        &["axes of one name", "1 and 3"],
    );
    says(of_matrix("ij,j->i"), &["each of 2 terms, found 1"]);
    says(
        Tensor::einsum("", &[] as &[Tensor]),
        &["each of 1 terms, found 0"],
    );
    says(
        Tensor::einsum("ij,j->i", &[&matrix, &vector]),
        &["`j`", "3", "2", "(2, 3)", "(2,)"],
    );
    says(
        Tensor::einsum("...i,...->i", &[&zeros(&[2, 3]), &zeros(&[4])]),
        &["`...`", "2", "4"],
    );
    let double = Tensor::zeros([3], DType::F64)?;
    says(
        Tensor::einsum("ij,j->i", &[&matrix, &double]),
        &["einsum", "f32", "f64"],
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
        &["labels of shape (2,)", "(2, 3)", "(1,)"],
    );
    says(
        zeros(&[2, 3]).index_select(0, &Indices::from([2])),
        &["index_select", "index 2"],
    );
    says(zeros(&[2, 3]).argmax(5), &["argmax", "axis 5"]);
}

/// With broadcasting, a column and a row would silently give a matrix of all differences.
#[test]
fn losses_do_not_broadcast() {
    type Loss = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let (column, row) = (zeros(&[3, 1]), zeros(&[3]));
    let losses: [(&str, Loss); 13] = [
        ("mse_loss", |x, t| x.mse_loss(t)),
        ("l1_loss", |x, t| {
            L1Loss::new().reduction(Reduction::None).loss(x, t)
        }),
        ("huber_loss", |x, t| {
            HuberLoss::new().reduction(Reduction::Sum).loss(x, t)
        }),
        ("bce_with_logits", Tensor::bce_with_logits),
        ("bce_with_logits", |x, t| {
            let loss = BceWithLogitsLoss::new().positive_weight(&zeros(&[1]));
            loss.loss(x, t)
        }),
        ("kl_div", |x, t| {
            KlDivLoss::new().reduction(Reduction::BatchMean).loss(x, t)
        }),
        ("kl_div", |x, t| x.kl_div_log_target(t)),
        ("bce_loss", Tensor::bce_loss),
        ("focal_loss", Tensor::focal_loss),
        ("gaussian_nll_loss", |x, t| x.gaussian_nll_loss(t, t)),
        ("poisson_nll_loss", Tensor::poisson_nll_loss),
        (
            "multilabel_soft_margin_loss",
            Tensor::multilabel_soft_margin_loss,
        ),
        ("cross_entropy", |x, t| {
            CrossEntropyLoss::new().loss(&x.reshape([3, 1])?, t)
        }),
    ];
    for (op, loss) in losses {
        let parts = [op, "does not broadcast", "(3, 1)", "(3,)"];
        says(loss(&column, &row), &parts);
        if op != "cross_entropy" {
            says(loss(&row, &column), &parts);
            says(loss(&row, &zeros(&[1])), &[op, "(3,)", "(1,)"]);
            says(loss(&zeros(&[]), &zeros(&[1])), &[op, "()", "(1,)"]);
        }
        let double = column.to_dtype(DType::F64);
        says(loss(&column, &double), &[op, "f32", "f64"]);
    }
    let (logits, wide) = (zeros(&[2, 3]), zeros(&[4, 2, 3]));
    let wide = [
        BceWithLogitsLoss::new().class_weights(&wide),
        BceWithLogitsLoss::new().positive_weight(&wide),
    ];
    for loss in wide {
        let parts = ["bce_with_logits", "axes", "(4, 2, 3)", "(2, 3)"];
        says(loss.loss(&logits, &logits), &parts);
    }
    let narrow = BceWithLogitsLoss::new().class_weights(&zeros(&[2]));
    says(narrow.loss(&logits, &logits), &["(2,)", "(2, 3)"]);
}

#[test]
fn labels_that_do_not_fit() -> Result<()> {
    // The classes are the last axis; PyTorch's layout gets a hint.
    let logits = zeros(&[2, 3, 4]);
    let rows = ["labels of shape (2, 3)", "row of 4 classes", "(2, 3, 4)"];
    for labels in [Indices::from([0, 1]), Indices::from([[0], [1]])] {
        for loss in [
            logits.cross_entropy(&labels),
            logits.nll_loss(&labels),
            logits.accuracy(&labels).map(Tensor::from),
        ] {
            let text = loss.unwrap_err().to_string();
            assert!(!text.contains("PyTorch"), "{text}");
            assert!(rows.iter().all(|part| text.contains(part)), "{text}");
        }
    }
    let of_pytorch = Indices::from([[0, 1, 2, 0], [0, 1, 2, 0]]);
    says(logits.cross_entropy(&of_pytorch), &["PyTorch", "`permute`"]);
    says(
        zeros(&[3]).cross_entropy(&Indices::from([0])),
        &["labels of shape ()", "(3,)", "(1,)"],
    );
    let labels = Indices::from([0, 1]);
    says(zeros(&[]).nll_loss(&labels), &["last axis", "scalar"]);
    says(zeros(&[2, 0]).nll_loss(&labels), &["no classes", "(2, 0)"]);

    let (logits, beyond) = (zeros(&[2, 3]), Indices::from([255, 7]));
    let ignoring = CrossEntropyLoss::new().ignore_label(255);
    says(ignoring.loss(&logits, &beyond), &["label 7", "3 classes"]);
    let ignoring = NllLoss::new().ignore_label(255);
    says(ignoring.loss(&logits, &beyond), &["label 7", "3 classes"]);
    let probabilities = CrossEntropyLoss::new().ignore_label(255);
    says(
        probabilities.loss(&logits, &logits),
        &["`ignore_label`", "probabilities"],
    );

    let (labels, weights) = (Indices::from([0, 1]), zeros(&[2]));
    let parts = ["one weight for each of 3 classes", "(2,)"];
    says(
        CrossEntropyLoss::new()
            .class_weights(&weights)
            .loss(&logits, &labels),
        &parts,
    );
    says(
        NllLoss::new()
            .class_weights(&weights)
            .loss(&logits, &labels),
        &parts,
    );
    let double = Tensor::zeros([3], DType::F64)?;
    says(
        CrossEntropyLoss::new()
            .class_weights(&double)
            .loss(&logits, &labels),
        &["cross_entropy", "f32", "f64"],
    );
    for smoothing in [-0.1, 1.1, f64::NAN] {
        let loss = CrossEntropyLoss::new().label_smoothing(smoothing);
        says(
            loss.loss(&logits, &labels),
            &["[0, 1]", &smoothing.to_string()],
        );
    }
    for delta in [0.0, -1.0, f64::NAN] {
        let loss = logits.huber_loss(&logits, delta);
        says(loss, &["huber_loss", "above 0", &delta.to_string()]);
    }
    Ok(())
}

#[test]
fn layers_and_angles_that_do_not_fit() {
    let x = zeros(&[2, 3]);
    says(
        x.layer_norm([2], None, None, 1e-5),
        &["layer_norm", "(2,)", "(2, 3)"],
    );
    says(
        x.layer_norm([1, 2, 3], None, None, 1e-5),
        &["(1, 2, 3)", "(2, 3)"],
    );
    says(x.layer_norm([], None, None, 1e-5), &["()", "(2, 3)"]);
    says(
        x.layer_norm([3], Some(&zeros(&[1])), None, 1e-5),
        &["(3,)", "(1,)"],
    );
    says(x.layer_norm([3], None, Some(&x), 1e-5), &["(3,)", "(2, 3)"]);
    says(x.layer_norm([3], None, None, -1.0), &["epsilon", "-1"]);
    let double = zeros(&[3]).to_dtype(DType::F64);
    says(
        x.layer_norm([3], Some(&double), None, 1e-5),
        &["f32", "f64"],
    );

    says(
        x.cosine_similarity(&zeros(&[4]), 1, 1e-8),
        &["(2, 3)", "(4,)"],
    );
    says(
        x.cosine_similarity(&x, 2, 1e-8),
        &["cosine_similarity", "axis 2"],
    );
    says(x.cosine_similarity(&x, 0, f64::NAN), &["epsilon", "NaN"]);
    says(x.cosine_similarity(&double, 1, 1e-8), &["f32", "f64"]);
}

#[test]
fn parts_out_of_range() -> Result<()> {
    let x = zeros(&[2, 3]);
    says(x.slice(1, 0, 4, 1), &["slice", "end 4", "3 elements"]);
    says(
        x.slice(1, -4, None, 1),
        &["slice", "start -4", "3 elements"],
    );
    says(x.slice(1, 3, None, -1), &["slice", "start 3"]);
    says(x.slice(1, None, isize::MAX, 1), &["slice", "end"]);
    says(x.slice(1, isize::MIN, None, 1), &["slice", "start"]);
    says(x.slice(2, None, None, 1), &["slice", "axis 2"]);
    says(x.slice(0, None, None, 0), &["slice", "step"]);
    assert_eq!(x.slice(0, None, None, isize::MIN)?.shape(), [1, 3]);
    assert_eq!(x.slice(0, 1, 1, isize::MAX)?.shape(), [0, 3]);
    says(x.flip([0, -2]), &["flip", "axis 0", "twice"]);
    says(x.flip([2]), &["flip", "axis 2"]);
    says(x.split(0, 0), &["split", "at least 1"]);
    says(
        x.split_sizes(1, &[1, 1]),
        &["split_sizes", "[1, 1]", "(2, 3)"],
    );
    says(x.split_sizes(1, &[usize::MAX, 4]), &["split_sizes"]);
    says(x.chunk(1, 0), &["chunk", "at least one"]);
    assert_eq!(x.chunk(1, usize::MAX)?.len(), 3);
    assert_eq!(x.split(1, usize::MAX)?.len(), 1);
    assert!(zeros(&[]).rows().is_err());
    says(zeros(&[3]).tril(0), &["tril", "two axes", "(3,)"]);
    says(zeros(&[3]).triu(0), &["triu", "two axes"]);
    says(zeros(&[]).diagonal(0), &["diagonal", "two axes"]);
    for offset in [isize::MIN, isize::MAX, 3, -2] {
        assert_eq!(x.diagonal(offset)?.shape(), [0]);
    }
    for offset in [isize::MIN, isize::MAX] {
        assert_eq!(x.tril(offset)?.add(&x.triu(offset)?)?.shape(), [2, 3]);
    }
    says(x.top_k(1, 4), &["top_k", "4", "3"]);
    says(x.top_k(2, 1), &["top_k", "axis 2"]);
    says(zeros(&[]).sort(1, Order::Ascending), &["sort", "axis 1"]);
    Ok(())
}

#[test]
fn pieces_that_do_not_fit() -> Result<()> {
    let (x, double) = (zeros(&[2, 3]), Tensor::zeros([2, 3], DType::F64)?);
    says(Tensor::cat(&[] as &[Tensor], 0), &["cat", "at least one"]);
    says(
        Tensor::stack(&[] as &[Tensor], 0),
        &["stack", "at least one"],
    );
    says(Tensor::cat(&[&x, &double], 0), &["cat", "f32", "f64"]);
    says(Tensor::stack(&[&x, &double], 0), &["stack", "f32", "f64"]);
    says(
        Tensor::cat(&[&x, &zeros(&[3, 3])], 1),
        &["cat", "axis 1", "(2, 3)", "(3, 3)"],
    );
    says(
        Tensor::cat(&[&x, &zeros(&[0])], 0),
        &["cat", "(2, 3)", "(0,)"],
    );
    says(Tensor::cat(&[&zeros(&[])], 0), &["cat", "axis 0"]);
    says(
        Tensor::stack(&[&x, &zeros(&[3])], 0),
        &["stack", "(2, 3)", "(3,)"],
    );
    says(Tensor::stack(&[&x], 3), &["stack", "axis 3"]);
    says(x.pad(&[(1, 1)], 0.0), &["pad", "2 axes", "found 1"]);
    says(
        x.pad(&[(usize::MAX, usize::MAX), (0, 0)], 0.0),
        &["pad", "too many elements"],
    );
    says(x.repeat(&[2]), &["repeat", "2 axes", "found 1"]);
    says(x.repeat(&[usize::MAX, 2]), &["repeat", "too many elements"]);
    let many = zeros(&[1]).broadcast_to([1 << 27, 1])?;
    let picks = Indices::from(vec![0; 1 << 20]);
    says(
        many.index_select(1, &picks),
        &["index_select", "too many elements"],
    );
    let wide = zeros(&[1]).broadcast_to([1, 1 << 27])?;
    let picks = Indices::from_vec(vec![], [0, 1 << 25])?;
    says(wide.embedding(&picks), &["embedding", "too many elements"]);
    Ok(())
}

#[test]
fn indices_that_do_not_fit() {
    let x = zeros(&[2, 3]);
    let ones = |shape: &[usize]| {
        Indices::from_vec(vec![1; shape.iter().product()], shape).expect("they fill it")
    };
    says(x.gather(1, &ones(&[2])), &["gather", "(2, 3)", "(2,)"]);
    says(
        x.gather(1, &ones(&[3, 3])),
        &["gather", "axis 1", "(2, 3)", "(3, 3)"],
    );
    says(
        x.gather(1, &Indices::from([[3]])),
        &["gather", "index 3", "3 elements"],
    );
    says(x.gather(2, &ones(&[2, 3])), &["gather", "axis 2"]);
    says(
        x.scatter_add(1, &ones(&[2]), &x),
        &["scatter_add", "(2, 3)", "(2,)"],
    );
    says(
        x.scatter_add(0, &ones(&[3, 3]), &x),
        &["scatter_add", "source", "(3, 3)", "(2, 3)"],
    );
    says(
        x.scatter_add(0, &ones(&[2, 3]), &zeros(&[6])),
        &["scatter_add", "source", "(6,)"],
    );
    says(
        x.scatter_add(0, &Indices::from([[2]]), &x),
        &["scatter_add", "index 2", "2 elements"],
    );
    says(
        x.scatter_add(0, &ones(&[1, 1]), &x.to_dtype(DType::F64)),
        &["scatter_add", "f32", "f64"],
    );
    says(
        x.embedding(&Indices::from([2])),
        &["embedding", "row 2", "2 rows"],
    );
    says(
        zeros(&[2]).embedding(&Indices::from([0])),
        &["embedding", "(rows, width)", "(2,)"],
    );
    says(
        Indices::from([3]).one_hot(3, DType::F32),
        &["one_hot", "label 3", "3 classes"],
    );
    says(
        Indices::from([0, 0]).one_hot(usize::MAX, DType::F32),
        &["one_hot", "too many elements"],
    );
    says(
        Indices::from([0, 0]).reshape([3]),
        &["reshape", "2 values", "(3,)"],
    );
    says(Indices::range(usize::MAX), &["range", "too many elements"]);
}

#[test]
fn tensors_that_cannot_be_made() {
    let arange = |start, end, step| Tensor::arange(start, end, step, DType::F32);
    says(arange(0.0, 1.0, 0.0), &["arange", "step"]);
    says(arange(0.0, f64::NAN, 1.0), &["arange", "finite", "NaN"]);
    says(arange(0.0, 1.0, -1.0), &["arange", "towards 1, found -1"]);
    says(arange(0.0, 1.0, 1e-300), &["arange", "too many elements"]);
    says(
        arange(f64::MIN, f64::MAX, 1.0),
        &["arange", "too many elements"],
    );
    says(
        Tensor::linspace(0.0, f64::INFINITY, 3, DType::F32),
        &["linspace", "finite", "inf"],
    );
    says(
        Tensor::linspace(0.0, 1.0, usize::MAX, DType::F32),
        &["linspace", "too many elements"],
    );
    says(
        Tensor::eye(usize::MAX, DType::F32),
        &["eye", "too many elements"],
    );
    says(
        Tensor::try_from(vec![vec![1.0f32], vec![]]),
        &["try_from", "row 1 has 0", "row 0 has 1"],
    );
    says(zeros(&[2]).to_vec2::<f32>(), &["to_vec2", "two axes"]);
    says(zeros(&[2, 2]).to_vec2::<f64>(), &["to_vec2", "f64", "f32"]);
}

#[test]
fn empty_batches() -> Result<()> {
    let none = zeros(&[0, 3]);
    let labels = Indices::from(vec![]);
    for empty in [
        none.cross_entropy(&labels),
        CrossEntropyLoss::new().loss(&none, &none),
        none.nll_loss(&labels),
        none.accuracy(&labels).map(Tensor::from),
        none.mse_loss(&none),
        none.l1_loss(&none),
        none.huber_loss(&none, 1.0),
        none.bce_with_logits(&none),
        none.kl_div(&none),
        MseLoss::new()
            .reduction(Reduction::BatchMean)
            .loss(&none, &none),
    ] {
        says(empty, &["the batch is empty", "(0"]);
    }
    says(
        BatchNorm::new(3)?.forward(&zeros(&[0, 3]), &Pass::train(0)),
        &["found 0"],
    );
    says(zeros(&[2, 0]).argmax(1), &["empty"]);
    // An empty batch has an empty output and a gradient of zeros.
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
    says(Adam::new(0.1).betas(0.9, 1.5).build(), &["β₂", "1.5"]);
    says(BatchNorm::builder(0).build(), &["at least one channel"]);
    says(
        BatchNorm::builder(1).momentum(2.0).build(),
        &["momentum", "2"],
    );
    says(Linear::new(0, 3, &mut rng()), &["linear", "found 0 and 3"]);
    says(
        Tensor::normal([1], 0.0, -1.0, DType::F32, &mut rng()),
        &["standard deviation"],
    );
}

#[test]
fn a_gradient_that_does_not_fit_changes_no_parameter() -> Result<()> {
    let mut net = Linear::new(2, 3, &mut rng())?;
    let before = cotangent::state::to_bytes(&net)?;
    let mut grads = net
        .forward(&zeros(&[1, 2]), &Pass::train(0))?
        .sum()
        .backward()?;
    if let Some(bias) = &net.bias {
        grads.insert(bias, zeros(&[4]));
    }
    says(
        Sgd::new(0.1).build()?.step(&mut net, grads),
        &["`bias`", "(3,)", "(4,)"],
    );
    assert_eq!(cotangent::state::to_bytes(&net)?, before);
    Ok(())
}

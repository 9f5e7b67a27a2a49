//! Losses and layer normalization, compared with two references: the same formula in tensor
//! operations, to 1e-12 and with gradients, and loops over multi-indices for any shape. Also large
//! operands, empty batches, and the names under which a search finds the losses.

use cotangent::prelude::*;
use cotangent::{Backward, Target};
use proptest::prelude::*;
use support::reference::{Naive, number};

mod support {
    #[allow(dead_code)] // Shared with other tests.
    pub mod reference;
}

type Function<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

fn random(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::normal(shape, 0.0, 2.0, DType::F64, &mut rng)
}

/// Compares the results and the gradients of two functions of the same operands.
#[track_caller]
fn same(name: &str, operands: &[Tensor], fused: Function, written_out: Function) -> Result<()> {
    let operands: Vec<Tensor> = operands.iter().map(Tensor::tracked).collect();
    let (fused, expected) = (fused(&operands)?, written_out(&operands)?);
    let close = |part: &str, a: &Tensor, b: &Tensor| {
        assert_eq!(a.shape(), b.shape(), "{name}: {part}");
        for (a, b) in a.to_f64_vec().into_iter().zip(b.to_f64_vec()) {
            let off = (a - b).abs();
            assert!(
                off <= 1e-12 * b.abs().max(1.0),
                "{name}: {part}: {a:e}, expected {b:e}"
            );
        }
    };
    close("result", &fused, &expected);
    let cotangent = random(fused.shape(), 99)?;
    let fused = fused.backward_with(&cotangent)?;
    let expected = expected.backward_with(&cotangent)?;
    for (i, x) in operands.iter().enumerate() {
        let (a, b) = (fused.get(x), expected.get(x));
        close(
            &format!("gradient {i}"),
            a.expect("a gradient"),
            b.expect("a gradient"),
        );
    }
    Ok(())
}

/// Returns 1 at the label of each row, else 0.
fn hot(labels: &Indices, classes: usize) -> Result<Tensor> {
    let mut hot = vec![0.0; labels.len() * classes];
    for (i, &label) in labels.as_slice().iter().enumerate() {
        hot[i * classes + label] = 1.0;
    }
    Tensor::from_vec(hot, [labels.len(), classes])
}

#[test]
fn cross_entropy_is_a_sum_of_log_softmax() -> Result<()> {
    let (samples, classes, smoothing) = (37, 11, 0.3);
    let logits = random(&[samples, classes], 1)?;
    let labels: Indices = (0..samples).map(|i| i * 5 % classes).collect();
    let hot = hot(&labels, classes)?;
    let weights = random(&[classes], 2)?.abs();
    // 1 for each sample that counts, (samples, 1).
    let counted = |ignored: Option<usize>| {
        let counts = |&label: &usize| f64::from(Some(label) != ignored);
        let counts: Vec<f64> = labels.as_slice().iter().map(counts).collect();
        Tensor::from_vec(counts, [samples, 1])
    };
    let negative = |x: &[Tensor]| Ok::<_, Error>(-x[0].log_softmax(1)?);

    same(
        "plain",
        std::slice::from_ref(&logits),
        &|x| x[0].cross_entropy(&labels),
        &|x| Ok(negative(x)?.mul(&hot)?.sum() / samples as f64),
    )?;
    for ignored in [None, Some(4)] {
        let counted = counted(ignored)?;
        for weighted in [false, true] {
            for smoothing in [0.0, smoothing, 1.0] {
                let mut loss = CrossEntropyLoss::new().label_smoothing(smoothing);
                let weights = if weighted {
                    loss = loss.class_weights(&weights);
                    weights.clone()
                } else {
                    Tensor::ones([classes], DType::F64)?
                };
                if let Some(label) = ignored {
                    loss = loss.ignore_label(label);
                }
                let share = smoothing / classes as f64;
                let target = (hot.mul_scalar(1.0 - smoothing) + share)
                    .mul(&weights)?
                    .mul(&counted)?;
                let total = hot.mul(&weights)?.mul(&counted)?.sum().item()?;
                let name = format!("{loss:?}");
                let operand = std::slice::from_ref(&logits);
                let each = |x: &[Tensor]| negative(x)?.mul(&target)?.sum_over(1);
                same(&name, operand, &|x| loss.loss(&x[0], &labels), &|x| {
                    Ok(each(x)?.sum() / total)
                })?;
                let sum = loss.clone().reduction(Reduction::Sum);
                same(&name, operand, &|x| sum.loss(&x[0], &labels), &|x| {
                    Ok(each(x)?.sum())
                })?;
                let none = loss.clone().reduction(Reduction::None);
                same(&name, operand, &|x| none.loss(&x[0], &labels), &each)?;
            }
        }
    }
    let operands = [logits, random(&[samples, classes], 3)?];
    let loss = CrossEntropyLoss::new()
        .class_weights(&weights)
        .label_smoothing(smoothing);
    same(
        "probabilities",
        &operands,
        &|x| loss.loss(&x[0], Target::Probabilities(&x[1])),
        &|x| {
            let target =
                (x[1].mul_scalar(1.0 - smoothing) + smoothing / classes as f64).mul(&weights)?;
            Ok(negative(x)?.mul(&target)?.sum() / samples as f64)
        },
    )
}

#[test]
fn nll_loss_of_log_softmax_is_cross_entropy() -> Result<()> {
    let logits = random(&[23, 3, 5], 4)?;
    let labels: Vec<usize> = (0..69).map(|i| i * 3 % 5).collect();
    let labels = Indices::from_vec(labels, [23, 3])?;
    let weights = random(&[5], 5)?.abs();
    for reduction in [
        Reduction::Mean,
        Reduction::Sum,
        Reduction::BatchMean,
        Reduction::None,
    ] {
        let fused = CrossEntropyLoss::new()
            .class_weights(&weights)
            .ignore_label(2)
            .reduction(reduction);
        let likelihood = NllLoss::new()
            .class_weights(&weights)
            .ignore_label(2)
            .reduction(reduction);
        same(
            &format!("{reduction:?}"),
            std::slice::from_ref(&logits),
            &|x| fused.loss(&x[0], &labels),
            &|x| likelihood.loss(&x[0].log_softmax(-1)?, &labels),
        )?;
    }
    Ok(())
}

#[test]
fn losses_of_elements_follow_their_formulas() -> Result<()> {
    let (x, t, w) = (
        random(&[9, 7], 6)?,
        random(&[9, 7], 7)?.sigmoid(),
        random(&[7], 8)?.abs(),
    );
    let operands = [x, t];
    let none = Reduction::None;
    let squared = MseLoss::new().reduction(none);
    same("mse", &operands, &|x| squared.loss(&x[0], &x[1]), &|x| {
        Ok(x[0].sub(&x[1])?.square())
    })?;
    same(
        "huber",
        &operands,
        &|x| {
            HuberLoss::new()
                .delta(0.8)
                .reduction(none)
                .loss(&x[0], &x[1])
        },
        &|x| {
            let error = x[0].sub(&x[1])?;
            let near = error.clamp(-0.8, 0.8);
            Ok(near.square() * 0.5 + (error.sub(&near)?).abs() * 0.8)
        },
    )?;
    let binary = BceWithLogitsLoss::new()
        .positive_weight(&w)
        .class_weights(&w)
        .reduction(none);
    same("bce", &operands, &|x| binary.loss(&x[0], &x[1]), &|x| {
        let positive = x[0].sigmoid().ln().mul(&x[1])?.mul(&w)?;
        let negative = x[0].neg().sigmoid().ln().mul(&(1.0 - &x[1]))?;
        Ok(-(positive + negative).mul(&w)?)
    })?;
    same(
        "kl",
        &operands,
        &|x| {
            KlDivLoss::new()
                .reduction(Reduction::BatchMean)
                .loss(&x[0], &x[1])
        },
        &|x| Ok(x[1].mul(&x[1].ln().sub(&x[0])?)?.sum() / 9.0),
    )?;
    same(
        "kl of logarithms",
        &operands,
        &|x| {
            KlDivLoss::new()
                .log_target()
                .reduction(none)
                .loss(&x[0], &x[1])
        },
        &|x| x[1].exp().mul(&x[1].sub(&x[0])?),
    )?;
    same(
        "cosine",
        &operands,
        &|x| x[0].cosine_similarity(&x[1], -1, 1e-8),
        &|x| {
            let length = |x: &Tensor| Ok::<_, Error>(x.square().sum_over(1)?.sqrt());
            let dot = x[0].mul(&x[1])?.sum_over(1)?;
            dot.div(&length(&x[0])?.mul(&length(&x[1])?)?)
        },
    )
}

#[test]
fn layer_norm_follows_its_formula() -> Result<()> {
    let operands = [
        random(&[5, 3, 40], 9)?,
        random(&[3, 40], 10)?,
        random(&[3, 40], 11)?,
    ];
    let fused = |x: &[Tensor]| x[0].layer_norm([3, 40], Some(&x[1]), Some(&x[2]), 1e-3);
    same("layer_norm", &operands, &fused, &|x| {
        let centred = x[0].sub(&x[0].mean_over(Axes::keep([1, 2]))?)?;
        let variance = centred.square().mean_over(Axes::keep([1, 2]))?;
        let normalized = centred.mul(&(variance + 1e-3).rsqrt())?;
        normalized.mul(&x[1])?.add(&x[2])
    })
}

#[test]
fn large_numbers_give_finite_losses_and_gradients() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let logits = Tensor::from([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])
            .to_dtype(dtype)
            .tracked();
        let probabilities = Tensor::from([[0.0, 1.0, 0.0], [0.2, 0.3, 0.5]]).to_dtype(dtype);
        let labels = Indices::from([1, 0]);
        let smoothed = CrossEntropyLoss::new().label_smoothing(0.1);
        for loss in [
            logits.cross_entropy(&labels)?,
            smoothed.loss(&logits, &labels)?,
            smoothed.loss(&logits, &probabilities)?,
            logits.bce_with_logits(&probabilities)?,
        ] {
            assert!(loss.item()?.is_finite(), "{loss}");
            let gradients = loss.backward()?;
            let gradient = gradients.get(&logits).expect("a gradient").to_f64_vec();
            assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
        }
    }
    // A small loss keeps its digits.
    let tiny = Tensor::from([-30.0])
        .bce_with_logits(&Tensor::from([0.0]))?
        .item()?;
    assert!(
        (tiny / (-30f64).exp().ln_1p() - 1.0).abs() < 1e-14,
        "{tiny:e}"
    );
    Ok(())
}

/// In single precision an offset that is much larger than the spread loses no further digits.
#[test]
fn layer_norm_removes_a_large_offset_exactly() -> Result<()> {
    let noise = random(&[8, 300], 12)?.to_dtype(DType::F32);
    let single = noise.add_scalar(1e4);
    let (y, expected) = (
        single.layer_norm([300], None, None, 1e-5)?,
        single
            .to_dtype(DType::F64)
            .layer_norm([300], None, None, 1e-5)?,
    );
    for (y, expected) in y.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
        assert!((y - expected).abs() < 2e-6, "{y} instead of {expected}");
    }
    Ok(())
}

/// Sequences have the same losses as their rows in one batch.
#[test]
fn losses_of_sequences_are_those_of_their_rows() -> Result<()> {
    let (batch, time, classes) = (4, 6, 5);
    let logits = random(&[batch, time, classes], 20)?;
    let labels: Vec<usize> = (0..batch * time).map(|i| i * 7 % classes).collect();
    let labels = Indices::from_vec(labels, [batch, time])?;
    let (few, rows) = (&[logits][..], [batch * time, classes]);
    let flat = labels.reshape([batch * time])?;
    let weights = random(&[classes], 21)?.abs();
    let options = CrossEntropyLoss::new()
        .class_weights(&weights)
        .label_smoothing(0.1)
        .ignore_label(3);
    for loss in [CrossEntropyLoss::new(), options] {
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let loss = loss.clone().reduction(reduction);
            same("labels", few, &|x| loss.loss(&x[0], &labels), &|x| {
                loss.loss(&x[0].reshape(rows)?, &flat)
            })?;
        }
        let each = loss.clone().reduction(Reduction::None);
        same("each", few, &|x| each.loss(&x[0], &labels), &|x| {
            each.loss(&x[0].reshape(rows)?, &flat)?
                .reshape([batch, time])
        })?;
        // The mean over the batch of the sums over time.
        let batch_mean = loss.clone().reduction(Reduction::BatchMean);
        same("batch", few, &|x| batch_mean.loss(&x[0], &labels), &|x| {
            Ok(each.loss(&x[0], &labels)?.sum_over(1)?.mean())
        })?;
    }
    let targets = random(&[batch, time, classes], 22)?.softmax(-1)?;
    let soft = [few[0].clone(), targets];
    let each = CrossEntropyLoss::new().reduction(Reduction::None);
    same("soft", &soft, &|x| each.loss(&x[0], &x[1]), &|x| {
        each.loss(&x[0].reshape(rows)?, &x[1].reshape(rows)?)?
            .reshape([batch, time])
    })
}

/// The methods of `Tensor` return the mean of the losses of the types.
#[test]
fn methods_without_options_take_the_mean() -> Result<()> {
    let (x, t) = (random(&[4, 3], 30)?, random(&[4, 3], 31)?.sigmoid());
    let labels = Indices::from([0, 2, 1, 1]);
    let each = Reduction::None;
    let pairs = [
        (
            x.mse_loss(&t)?,
            MseLoss::new().reduction(each).loss(&x, &t)?,
        ),
        (x.l1_loss(&t)?, L1Loss::new().reduction(each).loss(&x, &t)?),
        (
            x.huber_loss(&t, 0.5)?,
            HuberLoss::new().delta(0.5).reduction(each).loss(&x, &t)?,
        ),
        (
            x.huber_loss(&t, 1.0)?,
            HuberLoss::new().reduction(each).loss(&x, &t)?,
        ),
        (
            x.bce_with_logits(&t)?,
            BceWithLogitsLoss::new().reduction(each).loss(&x, &t)?,
        ),
        (
            x.kl_div(&t)?,
            KlDivLoss::new().reduction(each).loss(&x, &t)?,
        ),
        (
            x.kl_div_log_target(&t)?,
            KlDivLoss::new().log_target().reduction(each).loss(&x, &t)?,
        ),
        (
            x.nll_loss(&labels)?,
            NllLoss::new().reduction(each).loss(&x, &labels)?,
        ),
        (
            x.cross_entropy(&labels)?,
            CrossEntropyLoss::new().reduction(each).loss(&x, &labels)?,
        ),
        (
            t.bce_loss(&t)?,
            BceLoss::new().reduction(each).loss(&t, &t)?,
        ),
        (
            x.focal_loss(&t)?,
            FocalLoss::new().reduction(each).loss(&x, &t)?,
        ),
        (
            x.gaussian_nll_loss(&t, &t)?,
            GaussianNllLoss::new().reduction(each).loss(&x, &t, &t)?,
        ),
        (
            x.poisson_nll_loss(&t)?,
            PoissonNllLoss::new().reduction(each).loss(&x, &t)?,
        ),
        (
            x.multi_margin_loss(&labels)?,
            MultiMarginLoss::new().reduction(each).loss(&x, &labels)?,
        ),
        (
            x.multilabel_soft_margin_loss(&t)?,
            MultilabelSoftMarginLoss::new()
                .reduction(each)
                .loss(&x, &t)?,
        ),
        (
            x.triplet_margin_loss(&t, &(&t * 0.5))?,
            TripletMarginLoss::new()
                .reduction(each)
                .loss(&x, &t, &(&t * 0.5))?,
        ),
    ];
    for (i, (mean, losses)) in pairs.iter().enumerate() {
        assert_eq!(mean.shape(), [0usize; 0], "{i}");
        let difference = (mean.item()? - losses.mean().item()?).abs();
        assert!(difference < 1e-15, "{i}: {difference:e}");
    }
    Ok(())
}

/// The weights are broadcast along the last axis.
#[test]
fn class_weights_of_the_binary_loss_are_those_of_the_last_axis() -> Result<()> {
    let (x, t) = (random(&[4, 2, 3], 32)?, random(&[4, 2, 3], 33)?.sigmoid());
    let weights = Tensor::from([0.5, 2.0, 0.0]);
    let loss = BceWithLogitsLoss::new().reduction(Reduction::None);
    let expected = loss.loss(&x, &t)?.mul(&weights)?;
    let found = loss.class_weights(&weights).loss(&x, &t)?;
    assert_eq!(found.to_f64_vec(), expected.to_f64_vec());
    Ok(())
}

/// Rustdoc's search finds the names of functions and types, and their aliases.
#[test]
fn every_loss_is_found_under_loss_and_under_its_name_in_pytorch() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/ops/loss");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).expect("the folder of the losses") {
        let source = std::fs::read_to_string(file.expect("a file").path()).expect("its text");
        let mut aliases: Vec<String> = Vec::new();
        for line in source.lines().map(str::trim) {
            if let Some(alias) = line.strip_prefix("#[doc(alias = \"") {
                aliases.push(alias.trim_end_matches("\")]").to_owned());
            } else if let Some(item) = ["pub fn ", "pub struct "]
                .iter()
                .find_map(|start| line.strip_prefix(start))
            {
                let end = item.find(|c: char| !c.is_alphanumeric() && c != '_');
                let name = item[..end.unwrap_or(item.len())].to_owned();
                found.push((name, std::mem::take(&mut aliases)));
            }
        }
    }
    for name in [
        "mse_loss",
        "l1_loss",
        "huber_loss",
        "kl_div",
        "kl_div_log_target",
        "bce_with_logits",
        "nll_loss",
        "cross_entropy",
        "bce_loss",
        "focal_loss",
        "ctc_loss",
    ] {
        let (_, aliases) = found
            .iter()
            .find(|(found, _)| found == name)
            .unwrap_or_else(|| panic!("there is no {name}"));
        let searched = name.contains("loss") || aliases.iter().any(|alias| alias == "loss");
        assert!(searched, "{name} is not found under `loss`");
    }
    for name in [
        "CrossEntropyLoss",
        "MSELoss",
        "L1Loss",
        "HuberLoss",
        "SmoothL1Loss",
        "NLLLoss",
        "KLDivLoss",
        "BCEWithLogitsLoss",
        "BCELoss",
        "binary_cross_entropy",
        "sigmoid_focal_loss",
        "TripletMarginLoss",
        "MultiMarginLoss",
        "MultiLabelMarginLoss",
        "MultiLabelSoftMarginLoss",
        "GaussianNLLLoss",
        "PoissonNLLLoss",
        "CTCLoss",
        "binary_cross_entropy_with_logits",
        "smooth_l1_loss",
    ] {
        let named = |(found, aliases): &(String, Vec<String>)| {
            found == name || aliases.iter().any(|alias| alias == name)
        };
        assert!(found.iter().any(named), "{name} is not found");
    }
}

/// If no label counts, the mean is NaN and its gradients are 0.
#[test]
fn means_without_a_label_that_counts() -> Result<()> {
    let logits = random(&[2, 3], 13)?.tracked();
    let labels = Indices::from([7, 7]);
    let losses = [
        CrossEntropyLoss::new()
            .ignore_label(7)
            .loss(&logits, &labels)?,
        CrossEntropyLoss::new()
            .ignore_label(7)
            .label_smoothing(0.1)
            .loss(&logits, &labels)?,
        NllLoss::new().ignore_label(7).loss(&logits, &labels)?,
    ];
    for loss in losses {
        assert!(loss.item()?.is_nan());
        let gradients = Backward::new().allow_nonfinite().run(&loss)?;
        assert_eq!(
            gradients.get(&logits).map(Tensor::to_f64_vec),
            Some(vec![0.0; 6])
        );
    }
    Ok(())
}

/// A recorded backward multiplies the weights by a cotangent of 0 if the label is ignored.
#[test]
fn infinite_weights_of_ignored_samples_have_no_gradient() -> Result<()> {
    let logits = random(&[2, 2], 34)?.tracked();
    let loss = CrossEntropyLoss::new()
        .class_weights(&Tensor::from([f64::INFINITY, 1.0]))
        .label_smoothing(0.25)
        .ignore_label(0)
        .reduction(Reduction::Sum);
    for backward in [Backward::new(), Backward::new().create_graph()] {
        let y = loss.loss(&logits, &Indices::from([0, 0]))?;
        assert_eq!(y.item()?, 0.0);
        let gradient = &backward.grad(&y, &[&logits])?[0];
        assert_eq!(gradient.to_f64_vec(), [0.0; 4]);
    }
    Ok(())
}

/// The number of classes allocates nothing if there are no samples.
#[test]
fn empty_batches_of_many_classes() -> Result<()> {
    let logits = Tensor::zeros([0, 1 << 24], DType::F32)?.tracked();
    let none = Indices::from(vec![]);
    let smoothed = CrossEntropyLoss::new().label_smoothing(0.1);
    let smoothed = smoothed.reduction(Reduction::Sum);
    let losses = [
        smoothed.loss(&logits, &none)?,
        smoothed.loss(&logits, &logits)?,
        NllLoss::new()
            .reduction(Reduction::Sum)
            .loss(&logits, &none)?,
        logits.layer_norm([1 << 24], None, None, 1e-5)?.sum(),
    ];
    for loss in losses {
        assert_eq!(loss.item()?, 0.0);
        for backward in [Backward::new(), Backward::new().create_graph()] {
            let backward = backward.allow_nonfinite().retain_graph();
            let gradients = backward.run(&loss)?;
            let gradient = gradients.get(&logits).map(Tensor::shape);
            assert_eq!(gradient, Some(&[0, 1 << 24][..]));
        }
    }
    Ok(())
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0usize), 3 => Just(1usize), 8 => 2usize..5]
}

fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn fail(error: Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

proptest! {
    #![proptest_config(settings())]

    /// Any number of leading axes, and any layout in memory.
    #[test]
    fn labels_belong_to_the_rows_of_the_last_axis(
        classes in 1usize..5,
        outer in prop::collection::vec(length(), 0..4),
        storage in 0u8..4,
        ignored in 0usize..5,
        seed in 0u64..1000,
    ) {
        let shape = [&outer[..], &[classes]].concat();
        let naive = Naive::whole(&shape, seed);
        let logits = naive.tensor(DType::F64, storage).map_err(fail)?;
        let count: usize = outer.iter().product();
        let labels: Vec<usize> = (0..count)
            .map(|i| (i * 7 + seed as usize) % classes)
            .collect();
        let indices = Indices::from_vec(labels.clone(), &outer[..]).map_err(fail)?;
        let at = |index: &[usize], class: usize| {
            let mut at = index.to_vec();
            at.push(class);
            naive.at(&at)
        };
        let expected = Naive::build(&outer, |index| {
            let label = labels[number(&outer, index)];
            let sum: f64 = (0..classes).map(|class| at(index, class).exp()).sum();
            if label == ignored {
                0.0
            } else {
                sum.ln() - at(index, label)
            }
        });
        let loss = CrossEntropyLoss::new()
            .ignore_label(ignored)
            .reduction(Reduction::None);
        let found = loss.loss(&logits, &indices).map_err(fail)?;
        expected
            .differs_by(&found, |x| 1e-14 * (x.abs() + 8.0))
            .map_err(TestCaseError::fail)?;

        let expected = Naive::build(&outer, |index| {
            let label = labels[number(&outer, index)];
            if label == ignored {
                0.0
            } else {
                -at(index, label)
            }
        });
        let loss = NllLoss::new()
            .ignore_label(ignored)
            .reduction(Reduction::None);
        let found = loss.loss(&logits, &indices).map_err(fail)?;
        expected.matches(&found).map_err(TestCaseError::fail)?;

        let right = |row: usize| {
            let xs = &naive.values[row * classes..(row + 1) * classes];
            let first = (0..classes).find(|&c| xs.iter().all(|&x| x <= xs[c]));
            first == Some(labels[row])
        };
        match logits.accuracy(&indices) {
            Ok(found) => {
                let expected = (0..count).filter(|&row| right(row)).count() as f64 / count as f64;
                prop_assert_eq!(found, expected);
            }
            Err(Error::Shape { .. }) => prop_assert_eq!(count, 0),
            Err(error) => return Err(fail(error)),
        }
    }

    /// Any number of normalized axes, and any layout in memory.
    #[test]
    fn layer_norm_normalizes_the_last_axes(
        shape in prop::collection::vec(length(), 1..4),
        axes in 1usize..4,
        storage in 0u8..4,
    ) {
        let axes = axes.min(shape.len());
        let (outer, inner) = shape.split_at(shape.len() - axes);
        let naive = Naive::whole(&shape, 5);
        let len: usize = inner.iter().product();
        let expected = Naive::build(&shape, |index| {
            let row = number(outer, &index[..outer.len()]);
            let row = &naive.values[row * len..(row + 1) * len];
            let mean = row.iter().sum::<f64>() / len as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / len as f64;
            (naive.at(index) - mean) / (variance + 1e-2).sqrt()
        });
        let x = naive.tensor(DType::F64, storage).map_err(fail)?;
        let found = x.layer_norm(inner, None, None, 1e-2).map_err(fail)?;
        expected
            .differs_by(&found, |x| 1e-13 * (x.abs() + 1.0))
            .map_err(TestCaseError::fail)?;
    }
}

#[test]
fn nan_spreads_to_its_row_of_softmax_only() -> Result<()> {
    for columns in [3, 70] {
        for place in [0, columns - 1] {
            let mut row = vec![0.5f32; columns];
            row[place] = f32::NAN;
            row.extend(vec![0.5f32; columns]);
            let x = Tensor::from_vec(row, [2, columns])?;
            for y in [x.softmax(1)?, x.log_softmax(1)?] {
                let y = y.to_f64_vec();
                assert!(y[..columns].iter().all(|y| y.is_nan()), "{y:?}");
                assert!(y[columns..].iter().all(|y| y.is_finite()), "{y:?}");
            }
        }
    }
    Ok(())
}

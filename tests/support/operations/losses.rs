//! Losses, the accuracy and the cosine of an angle.

use super::Domain::Signed;
use super::Entry;
use super::golden::{Difference, Golden, golden};
use cotangent::prelude::*;

/// Losses of classes with options: the name, our options, PyTorch's arguments, the cases.
macro_rules! classified {
    ($name:literal, $behind:literal, $loss:ty, $torch:literal, |$x:ident| $target:expr;
        $($options:literal |$of:ident| $set:expr, $torch_options:literal, $cases:literal;)*) => {
        vec![$(
            golden("losses", concat!($name, $options, $behind), |$x| {
                let $of = <$loss>::new();
                $set.loss(&$x[0], $target)
            })
            .torch(concat!("with_reduction(", $torch, $torch_options, ")"), $cases)
            .sums()
            .unsigned_zeros(),
        )*]
    };
}

/// Changes the row without a reduction, which is the last of four.
pub(super) fn unreduced(mut all: Vec<Golden>, more: fn(Golden) -> Golden) -> Vec<Golden> {
    let last = all.pop().map(more);
    all.into_iter().chain(last).collect()
}

/// Losses of labels, of probabilities and of elements.
#[allow(clippy::too_many_lines)] // A table.
pub fn losses() -> Vec<Entry> {
    operations! { [m, k, n]
        cross_entropy {
            check "cross_entropy", Signed: (m, k) => (), |x| x[0].cross_entropy(&labels(&x[0])),
                refused if m == 0 || k == 0;
            check "cross_entropy of sequences", Signed: (m, k, n) => (),
                |x| x[0].cross_entropy(&labels(&x[0])),
                refused if m == 0 || k == 0 || n == 0;
            check "cross_entropy of one sample", Signed: (k) => (),
                |x| x[0].cross_entropy(&labels(&x[0])),
                refused if k == 0;
            check "cross_entropy, sum", Signed: (m, k) => (),
                |x| CrossEntropyLoss::new().reduction(Reduction::Sum).loss(&x[0], &labels(&x[0])),
                refused if k == 0;
            check "cross_entropy, weights", Signed: (m, k) => (m),
                |x| CrossEntropyLoss::new().class_weights(&weights(&x[0]))
                    .reduction(Reduction::None)
                    .loss(&x[0], &labels(&x[0])),
                refused if k == 0;
            check "cross_entropy, smoothing", Signed: (m, k) => (m),
                |x| CrossEntropyLoss::new().label_smoothing(0.2).reduction(Reduction::None)
                    .loss(&x[0], &labels(&x[0])),
                refused if k == 0;
            check "cross_entropy of sequences, everything", Signed: (m, k, n) => (m, k),
                |x| CrossEntropyLoss::new().class_weights(&weights(&x[0])).label_smoothing(0.2)
                    .ignore_label(0).reduction(Reduction::None).loss(&x[0], &labels(&x[0])),
                refused if n == 0;
            check "cross_entropy, weighted mean", Signed: (m, k) => (),
                |x| CrossEntropyLoss::new().class_weights(&weights(&x[0])).label_smoothing(0.2)
                    .loss(&x[0], &labels(&x[0])),
                refused if m == 0 || k == 0;
            check "cross_entropy of probabilities", Signed: (m, k) (m, k) => (),
                |x| CrossEntropyLoss::new().loss(&x[0], &x[1]), refused if m == 0 || k == 0;
            check "cross_entropy of probabilities of sequences",
                Signed: (m, k, n) (m, k, n) => (m, k),
                |x| Ok(CrossEntropyLoss::new().reduction(Reduction::None)
                    .loss(&x[0], &x[1])? * 0.3),
                refused if n == 0;
            check "cross_entropy of probabilities, everything", Signed: (m, k) (m, k) => (m),
                |x| CrossEntropyLoss::new().class_weights(&weights(&x[0])).label_smoothing(0.2)
                    .reduction(Reduction::None).loss(&x[0], &x[1]),
                refused if k == 0;
            golden classified! { "cross_entropy", "", CrossEntropyLoss,
                "F.cross_entropy, classes_second(x), indices",
                |x| x.indices();
                "" |loss| loss, "", "labelled() + classified('sequences', 'images')";
                "(sum)" |loss| loss.reduction(Reduction::Sum), ", reduction='sum'",
                    "classified() + few_classes()";
                "(batch mean)" |loss| loss.reduction(Reduction::BatchMean),
                    ", reduction='batchmean'", "classified()";
                "(none)" |loss| loss.reduction(Reduction::None), ", reduction='none'",
                    "classified() + few_classes()";
                "(weights)" |loss| loss.class_weights(x.weight()), ", weight=weight",
                    "classified()";
                "(smoothing)" |loss| loss.label_smoothing(0.1), ", label_smoothing=0.1",
                    "classified()";
                "(smoothing 1)" |loss| loss.label_smoothing(1.0), ", label_smoothing=1.0",
                    "classified()";
                "(weights,smoothing)" |loss| loss.class_weights(x.weight()).label_smoothing(0.1),
                    ", weight=weight, label_smoothing=0.1", "classified()";
                "(weights,smoothing,none)"
                    |loss| loss.class_weights(x.weight()).label_smoothing(0.1)
                        .reduction(Reduction::None),
                    ", weight=weight, label_smoothing=0.1, reduction='none'", "classified()";
                "(ignore 3)" |loss| loss.ignore_label(3), ", ignore_index=3",
                    "classified(ignored=3)";
                "(ignore 255)" |loss| loss.ignore_label(255), ", ignore_index=255",
                    "classified(ignored=255)";
                "(weights,ignore 3)" |loss| loss.class_weights(x.weight()).ignore_label(3),
                    ", weight=weight, ignore_index=3", "classified(ignored=3)";
                "(weights,smoothing,ignore 3)"
                    |loss| loss.class_weights(x.weight()).label_smoothing(0.1).ignore_label(3),
                    ", weight=weight, label_smoothing=0.1, ignore_index=3", "classified(ignored=3)";
                "(smoothing,ignore 255,none)"
                    |loss| loss.label_smoothing(0.1).ignore_label(255).reduction(Reduction::None),
                    ", label_smoothing=0.1, ignore_index=255, reduction='none'",
                        "classified(ignored=255)";
            };
            golden classified! { "cross_entropy", " of probabilities", CrossEntropyLoss,
                "F.cross_entropy, classes_second(x), classes_second(y)",
                |x| &x[1];
                "" |loss| loss, "", "classified() + few_classes(probable=True)";
                "(sum)" |loss| loss.reduction(Reduction::Sum), ", reduction='sum'", "classified()";
                "(batch mean)" |loss| loss.reduction(Reduction::BatchMean),
                    ", reduction='batchmean'", "classified()";
                "(none)" |loss| loss.reduction(Reduction::None), ", reduction='none'",
                    "classified() + case('infinite', INFINITE_LOGITS, PROBABILITIES, second=False)";
                "(weights)" |loss| loss.class_weights(x.weight()), ", weight=weight",
                    "classified()";
                "(smoothing)" |loss| loss.label_smoothing(0.1), ", label_smoothing=0.1",
                    "classified()";
                "(smoothing 1)" |loss| loss.label_smoothing(1.0), ", label_smoothing=1.0",
                    "classified()";
                "(weights,smoothing)" |loss| loss.class_weights(x.weight()).label_smoothing(0.1),
                    ", weight=weight, label_smoothing=0.1", "classified()";
                "(weights,smoothing,none)"
                    |loss| loss.class_weights(x.weight()).label_smoothing(0.1)
                        .reduction(Reduction::None),
                    ", weight=weight, label_smoothing=0.1, reduction='none'", "classified()";
            }
            .into_iter()
            .map(|operation| match &operation.name[..] {
                // The derivative by the cotangent is one number, a sum whose terms cancel.
                "cross_entropy(sum) of probabilities" =>
                    operation.loose(&[("samples", 1e-14, 1e-5)]),
                _ => operation,
            })
            .collect::<Vec<_>>();
            golden golden("losses", "linear cross_entropy", |x| {
                x[0].linear(&x[1], Some(&x[2]))?.cross_entropy(x.indices())
            })
            .torch("F.cross_entropy(F.linear(x, y, z), indices)", "net(1)")
            .sums();
            golden golden("losses", "linear tanh linear cross_entropy", |x| {
                let hidden = x[0].linear(&x[1], Some(&x[2]))?.tanh();
                hidden.linear(&x[3], Some(&x[4]))?.cross_entropy(x.indices())
            })
            .torch(
                "F.cross_entropy(F.linear(torch.tanh(F.linear(x, y, z)), *operands[3:]), indices)",
                "net(0)",
            )
            .sums();
            golden golden("losses", "linear batch_norm elu cross_entropy", |x| {
                let hidden = x[0].linear(&x[1], None)?;
                let (normalized, _) = hidden.batch_norm(Some(&x[2]), Some(&x[3]), 1e-5)?;
                normalized.elu(1.0).cross_entropy(x.indices())
            })
            .torch(
                "F.cross_entropy(F.elu(F.batch_norm(F.linear(x, y), None, None, *operands[2:], \
                    training=True)), indices)",
                "net(2)",
            )
            .sums();
            draw 1 Close |x, p| x[0].cross_entropy(&p.labels);
            draw 2 Close |x, p| CrossEntropyLoss::new().class_weights(&x[1])
                .label_smoothing(p.number).ignore_label(p.size).reduction(p.reduction)
                .loss(&x[0], &p.labels);
            draw 1 Close |x, p| CrossEntropyLoss::new().label_smoothing(0.25)
                .reduction(p.reduction).loss(&x[0], &p.labels);
            draw 3 Close |x, p| {
                let loss = CrossEntropyLoss::new().label_smoothing(p.number).reduction(p.reduction);
                let loss = if p.flag { loss.class_weights(&x[2]) } else { loss };
                loss.loss(&x[0], &x[1])
            };
        }
        nll_loss {
            check "nll_loss", Signed: (m, k) => (), |x| x[0].nll_loss(&labels(&x[0])),
                refused if m == 0 || k == 0;
            check "nll_loss of sequences, everything", Signed: (m, k, n) => (m, k),
                |x| NllLoss::new().class_weights(&weights(&x[0])).ignore_label(0)
                    .reduction(Reduction::None).loss(&x[0], &labels(&x[0])),
                refused if n == 0;
            golden classified! { "nll_loss", "", NllLoss, "F.nll_loss, classes_second(x), indices",
                |x| x.indices();
                "" |loss| loss, "", "classified() + few_classes()";
                "(sum)" |loss| loss.reduction(Reduction::Sum), ", reduction='sum'", "classified()";
                "(batch mean)" |loss| loss.reduction(Reduction::BatchMean),
                    ", reduction='batchmean'", "classified()";
                "(none)" |loss| loss.reduction(Reduction::None), ", reduction='none'",
                    "classified() + few_classes()";
                "(weights)" |loss| loss.class_weights(x.weight()), ", weight=weight",
                    "classified()";
                "(ignore 3)" |loss| loss.ignore_label(3), ", ignore_index=3",
                    "classified(ignored=3)";
                "(ignore 255)" |loss| loss.ignore_label(255), ", ignore_index=255",
                    "classified(ignored=255)";
                "(weights,ignore 3)" |loss| loss.class_weights(x.weight()).ignore_label(3),
                    ", weight=weight, ignore_index=3", "classified(ignored=3)";
            };
            draw 1 Close |x, p| x[0].nll_loss(&p.labels);
            draw 2 Close |x, p| {
                let loss = NllLoss::new().ignore_label(p.size).reduction(p.reduction);
                let loss = if p.flag { loss.class_weights(&x[1]) } else { loss };
                loss.loss(&x[0], &p.labels)
            };
        }
        accuracy {
            draw 1 Close |x, p| x[0].accuracy(&p.labels);
            without Check Golden Extreme: "gives a number: `losses` compares it with a loop";
        }
        mse_loss {
            check "mse_loss", Signed: (m, k) (m, k) => (m, k),
                |x| MseLoss::new().reduction(Reduction::None).loss(&x[0], &x[1]);
            check "mse_loss, mean", Signed: (m, k) (m, k) => (), |x| x[0].mse_loss(&x[1]),
                refused if m == 0 || k == 0;
            golden compared!("mse_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].mse_loss(&x[1]),
                    _ => MseLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                },
                "F.mse_loss, x, y", "");
            draw 2 Close |x, p| x[0].mse_loss(&x[1]);
            draw 2 Close |x, p| MseLoss::new().reduction(p.reduction).loss(&x[0], &x[1]);
        }
        l1_loss {
            check "l1_loss", Signed: (m, k) (m, k) => (m, k),
                |x| L1Loss::new().reduction(Reduction::None).loss(&x[0], &x[1]);
            check "l1_loss, mean", Signed: (m, k) (m, k) => (), |x| x[0].l1_loss(&x[1]),
                refused if m == 0 || k == 0;
            check "l1_loss, sum", Signed: (m, k) (m, k) => (),
                |x| L1Loss::new().reduction(Reduction::Sum).loss(&x[0], &x[1]);
            golden compared!("l1_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].l1_loss(&x[1]),
                    _ => L1Loss::new().reduction(reduction).loss(&x[0], &x[1]),
                },
                "F.l1_loss, x, y", "kinks=True");
            draw 2 Close |x, p| x[0].l1_loss(&x[1]);
            draw 2 Close |x, p| L1Loss::new().reduction(p.reduction).loss(&x[0], &x[1]);
        }
        huber_loss {
            check "huber_loss", Signed: (m, k) (m, k) => (m, k),
                |x| HuberLoss::new().delta(0.7).reduction(Reduction::None).loss(&x[0], &x[1]);
            check "huber_loss, mean", Signed: (m, k) (m, k) => (), |x| x[0].huber_loss(&x[1], 0.7),
                refused if m == 0 || k == 0;
            check "huber_loss, batch mean", Signed: (m, k) (m, k) => (),
                |x| HuberLoss::new().delta(1.3).reduction(Reduction::BatchMean).loss(&x[0], &x[1]),
                refused if m == 0;
            golden compared!("huber_loss(1)",
                |x, reduction| HuberLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                "F.huber_loss, x, y, delta=1.0", "kinks=True");
            golden compared!("huber_loss(0.25)",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].huber_loss(&x[1], 0.25),
                    _ => HuberLoss::new().delta(0.25).reduction(reduction).loss(&x[0], &x[1]),
                },
                "F.huber_loss, x, y, delta=0.25", "kinks=True");
            golden compared!("smooth_l1_loss(0.25)",
                |x, reduction| Ok(HuberLoss::new().delta(0.25).reduction(reduction)
                    .loss(&x[0], &x[1])? / 0.25),
                "F.smooth_l1_loss, x, y, beta=0.25", "");
            draw 2 Close |x, p| x[0].huber_loss(&x[1], p.number);
            draw 2 Close |x, p| HuberLoss::new().delta(p.number).reduction(p.reduction)
                .loss(&x[0], &x[1]);
        }
        bce_with_logits {
            check "bce_with_logits", Signed: (m, k) (m, k) => (), |x| x[0].bce_with_logits(&x[1]),
                refused if m == 0 || k == 0;
            check "bce_with_logits, weights", Signed: (m, k) (m, k) => (m, k),
                |x| BceWithLogitsLoss::new().positive_weight(&weights(&x[0]))
                    .class_weights(&Tensor::scalar(0.7).to_dtype(x[0].dtype()))
                    .reduction(Reduction::None)
                    .loss(&x[0], &x[1]);
            golden unreduced(
                compared!("bce_with_logits",
                    |x, reduction| match reduction {
                        Reduction::Mean => x[0].bce_with_logits(&x[1]),
                        _ => BceWithLogitsLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                    },
                    "F.binary_cross_entropy_with_logits, x, y", "[0.0, 1.0, 0.25, 0.5, -0.5, 1.5]"),
                |none| none.differs([Difference {
                    tensor: "output",
                    at: |x| x[0].is_infinite() && x[1] <= 1.0,
                    found: |x, _| {
                        let agrees = x[1] == f64::from(x[0] > 0.0);
                        if agrees { 0.0 } else { x[1] * f64::INFINITY }
                    },
                }]),
            );
            golden golden("losses", "bce_with_logits(positive)", |x| {
                BceWithLogitsLoss::new().positive_weight(x.positive()).loss(&x[0], &x[1])
            })
            .torch("F.binary_cross_entropy_with_logits(x, y, pos_weight=positive)",
                "weighted('given.positive')")
            .sums();
            golden golden("losses", "bce_with_logits(weight)", |x| {
                BceWithLogitsLoss::new().class_weights(x.weight()).loss(&x[0], &x[1])
            })
            .torch("F.binary_cross_entropy_with_logits(x, y, weight=weight)",
                "weighted('given.weight')")
            .sums();
            golden golden("losses", "bce_with_logits(positive,weight,none)", |x| {
                let loss = BceWithLogitsLoss::new().positive_weight(x.positive());
                loss.class_weights(x.weight()).reduction(Reduction::None).loss(&x[0], &x[1])
            })
            .torch(
                "F.binary_cross_entropy_with_logits(x, y, pos_weight=positive, weight=weight, \
                    reduction='none')",
                "weighted('given.positive', 'given.weight') + weighted_special()",
            )
            .sums();
            draw 2 Close |x, p| x[0].bce_with_logits(&x[1]);
            draw 3 Close |x, p| BceWithLogitsLoss::new()
                .positive_weight(&x[2]).class_weights(&x[2]).reduction(p.reduction)
                .loss(&x[0], &x[1]);
        }
        kl_div {
            check "kl_div", Signed: (m, k) (m, k) => (m, k),
                |x| KlDivLoss::new().reduction(Reduction::None).loss(&x[0], &x[1].exp());
            check "kl_div, mean", Signed: (m, k) (m, k) => (), |x| x[0].kl_div(&x[1].exp()),
                refused if m == 0 || k == 0;
            check "kl_div, batch mean", Signed: (m, k) (m, k) => (),
                |x| KlDivLoss::new().reduction(Reduction::BatchMean)
                    .loss(&x[0].log_softmax(1)?, &x[1].softmax(1)?),
                refused if m == 0;
            extreme "kl_div raw", Signed: (m, k) (m, k) => (m, k),
                |x| KlDivLoss::new().reduction(Reduction::None).loss(&x[0], &x[1]);
            golden unreduced(
                compared!("kl_div",
                    |x, reduction| match reduction {
                        Reduction::Mean => x[0].kl_div(&x[1]),
                        _ => KlDivLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                    },
                    "F.kl_div, x, y", "[0.0, 1.0, 0.25, 1e-30, -0.5, NAN]"),
                // For close distributions the difference is smaller than its terms.
                |none| none.loose(&[("spread", 1e-14, 2e-5)]).differs([
                    nothing("output", |x| x[1] == 0.0 && x[0].is_infinite()),
                    nothing("grad.1", |x| x[1] == 0.0 && !x[0].is_nan()),
                ]),
            );
            draw 2 Close |x, p| x[0].kl_div(&x[1]);
            draw 2 Close |x, p| KlDivLoss::new().reduction(p.reduction).loss(&x[0], &x[1]);
        }
        kl_div_log_target {
            check "kl_div_log_target", Signed: (m, k) (m, k) => (m, k),
                |x| KlDivLoss::new().log_target().reduction(Reduction::None).loss(&x[0], &x[1]);
            golden unreduced(
                compared!("kl_div_log_target",
                    |x, reduction| match reduction {
                        Reduction::Mean => x[0].kl_div_log_target(&x[1]),
                        _ => KlDivLoss::new().log_target().reduction(reduction).loss(&x[0], &x[1]),
                    },
                    "F.kl_div, x, y, log_target=True",
                    "[0.0, -0.0, 0.5, -1.0, -2.0, 1e-30, -1e4, -1e30, -INF, NAN]"),
                |none| none.differs([
                    nothing("output", |x| x[1].exp() == 0.0 && !x[0].is_nan()),
                    nothing("grad.1", |x| x[1].exp() == 0.0 && !x[0].is_nan()),
                ]),
            );
            draw 2 Close |x, p| x[0].kl_div_log_target(&x[1]);
            draw 2 Close |x, p| KlDivLoss::new().log_target().reduction(p.reduction)
                .loss(&x[0], &x[1]);
        }
        cosine_similarity {
            check "cosine_similarity", Signed: (m, k) (m, k) => (m),
                |x| x[0].cosine_similarity(&x[1], -1, 1e-8);
            check "cosine_similarity of columns", Signed: (m, k, n) (k, n) => (m, n),
                |x| x[0].cosine_similarity(&x[1], 1, 1e-8);
            check "cosine_similarity, a large epsilon", Signed: (m, k) (m, k) => (m),
                |x| x[0].cosine_similarity(&x[1], 1, 1e3);
            golden golden("losses", "cosine_similarity(0)",
                |x| x[0].cosine_similarity(&x[1], 0, 1e-8))
                .torch("F.cosine_similarity(x, y, dim=0, eps=1e-8)", "cosines(0)")
                .sums()
                // The gradients of short vectors are large, and their terms cancel.
                .loose(&[("stacks", 1e-12, 2e-4)]);
            golden golden("losses", "cosine_similarity(-1)",
                |x| x[0].cosine_similarity(&x[1], -1, 1e-8))
                .torch(
                    "F.cosine_similarity(x, y, dim=-1, eps=1e-8)",
                    "cosines(-1) + case('special', *ANGLES, second=False)",
                )
                .sums()
                // For (∞, 1): the norm is at its limit ∞, where the derivative is 0.
                .differs([nothing("grad.0", |x| *x == [1.0, 1.0])]);
            draw 2 Close |x, p| x[0].cosine_similarity(&x[1], p.axis, p.number);
        }
    }
}

/// Returns a difference whose value is 0.
pub(super) fn nothing(tensor: &'static str, at: fn(&[f64]) -> bool) -> Difference {
    Difference {
        tensor,
        at,
        found: |_, _| 0.0,
    }
}

/// Returns a label for each row of classes.
pub(super) fn labels(logits: &Tensor) -> Indices {
    let mut shape = logits.shape().to_vec();
    let classes = shape.pop().unwrap_or(1).max(1);
    let count = shape.iter().product();
    let labels = (0..count).map(|i| (i * 7 + 1) % classes).collect();
    Indices::from_vec(labels, shape).expect("as many labels as the shape has places")
}

/// Returns a weight for each class.
pub(super) fn weights(logits: &Tensor) -> Tensor {
    let classes = logits.shape()[logits.rank() - 1];
    let weights = (0..classes).map(|i| 0.5 + 0.25 * (i % 5) as f64);
    Tensor::from(&weights.collect::<Vec<_>>()[..]).to_dtype(logits.dtype())
}

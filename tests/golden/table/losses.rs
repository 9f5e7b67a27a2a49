//! Losses, divergences, the cosine of an angle.

use crate::operation::{Operands, Operation, op};
use crate::run::Difference;
use cotangent::prelude::*;
use cotangent::{BinaryCrossEntropy, NllLoss};

/// A loss of the first operand with options, and how exact it must be.
macro_rules! classified {
    ($($suffix:literal |$loss:ident, $x:ident| $options:expr;)*) => {
        vec![$(
            op(concat!("cross_entropy", $suffix), |$x| {
                let $loss = CrossEntropy::new();
                $options.loss(&$x[0], $x.indices())
            })
            .sums()
            .unsigned_zeros(),
        )*]
    };
}

fn cross_entropies() -> Vec<Operation> {
    classified! {
        "" |loss, x| loss;
        "(sum)" |loss, x| loss.reduction(Reduction::Sum);
        "(batch mean)" |loss, x| loss.reduction(Reduction::BatchMean);
        "(none)" |loss, x| loss.reduction(Reduction::None);
        "(weights)" |loss, x| loss.class_weights(x.weight());
        "(smoothing)" |loss, x| loss.label_smoothing(0.1);
        "(smoothing 1)" |loss, x| loss.label_smoothing(1.0);
        "(weights,smoothing)" |loss, x| loss.class_weights(x.weight()).label_smoothing(0.1);
        "(weights,smoothing,none)" |loss, x| loss.class_weights(x.weight()).label_smoothing(0.1)
            .reduction(Reduction::None);
        "(ignore 3)" |loss, x| loss.ignore_label(3);
        "(ignore 255)" |loss, x| loss.ignore_label(255);
        "(weights,ignore 3)" |loss, x| loss.class_weights(x.weight()).ignore_label(3);
        "(weights,smoothing,ignore 3)" |loss, x| loss.class_weights(x.weight())
            .label_smoothing(0.1).ignore_label(3);
        "(smoothing,ignore 255,none)" |loss, x| loss.label_smoothing(0.1).ignore_label(255)
            .reduction(Reduction::None);
    }
}

fn of_probabilities(x: &Operands, loss: &CrossEntropy) -> Result<Tensor> {
    loss.loss(&x[0], &x[1])
}

fn cross_entropies_of_probabilities() -> Vec<Operation> {
    vec![
        op("cross_entropy of probabilities", |x| {
            of_probabilities(x, &CrossEntropy::new())
        }),
        // Its derivative by the cotangent is a single number, a sum whose terms cancel.
        op("cross_entropy(sum) of probabilities", |x| {
            of_probabilities(x, &CrossEntropy::new().reduction(Reduction::Sum))
        })
        .loose(&[("samples", 1e-14, 1e-5)]),
        op("cross_entropy(batch mean) of probabilities", |x| {
            of_probabilities(x, &CrossEntropy::new().reduction(Reduction::BatchMean))
        }),
        op("cross_entropy(none) of probabilities", |x| {
            of_probabilities(x, &CrossEntropy::new().reduction(Reduction::None))
        }),
        op("cross_entropy(weights) of probabilities", |x| {
            of_probabilities(x, &CrossEntropy::new().class_weights(x.weight()))
        }),
        op("cross_entropy(smoothing) of probabilities", |x| {
            of_probabilities(x, &CrossEntropy::new().label_smoothing(0.1))
        }),
        op("cross_entropy(smoothing 1) of probabilities", |x| {
            of_probabilities(x, &CrossEntropy::new().label_smoothing(1.0))
        }),
        op("cross_entropy(weights,smoothing) of probabilities", |x| {
            let loss = CrossEntropy::new().class_weights(x.weight());
            of_probabilities(x, &loss.label_smoothing(0.1))
        }),
        op(
            "cross_entropy(weights,smoothing,none) of probabilities",
            |x| {
                let loss = CrossEntropy::new().class_weights(x.weight());
                of_probabilities(x, &loss.label_smoothing(0.1).reduction(Reduction::None))
            },
        ),
    ]
    .into_iter()
    .map(|operation| operation.sums().unsigned_zeros())
    .collect()
}

fn likelihoods() -> Vec<Operation> {
    vec![
        op("nll_loss", |x| x[0].nll_loss(x.indices())).sums(),
        op("nll_loss(sum)", |x| {
            NllLoss::new()
                .reduction(Reduction::Sum)
                .loss(&x[0], x.indices())
        })
        .sums(),
        op("nll_loss(batch mean)", |x| {
            NllLoss::new()
                .reduction(Reduction::BatchMean)
                .loss(&x[0], x.indices())
        })
        .sums(),
        op("nll_loss(none)", |x| {
            NllLoss::new()
                .reduction(Reduction::None)
                .loss(&x[0], x.indices())
        }),
        op("nll_loss(weights)", |x| {
            NllLoss::new()
                .class_weights(x.weight())
                .loss(&x[0], x.indices())
        })
        .sums(),
        op("nll_loss(ignore 3)", |x| {
            NllLoss::new().ignore_label(3).loss(&x[0], x.indices())
        })
        .sums(),
        op("nll_loss(ignore 255)", |x| {
            NllLoss::new().ignore_label(255).loss(&x[0], x.indices())
        })
        .sums(),
        op("nll_loss(weights,ignore 3)", |x| {
            let loss = NllLoss::new().class_weights(x.weight());
            loss.ignore_label(3).loss(&x[0], x.indices())
        })
        .sums(),
    ]
}

/// A loss of two operands with each reduction.
macro_rules! compared {
    ($($name:literal |$x:ident, $reduction:ident| $call:expr;)*) => {
        vec![$(
            op(concat!($name, " mean"), |$x| { let $reduction = Reduction::Mean; $call }).sums(),
            op(concat!($name, " sum"), |$x| { let $reduction = Reduction::Sum; $call }).sums(),
            op(concat!($name, " batchmean"), |$x| { let $reduction = Reduction::BatchMean; $call }).sums(),
            op(concat!($name, " none"), |$x| { let $reduction = Reduction::None; $call }).unsigned_zeros(),
        )*]
    };
}

fn comparisons() -> Vec<Operation> {
    compared! {
        "mse_loss" |x, reduction| x[0].mse_loss(&x[1], reduction);
        "l1_loss" |x, reduction| x[0].l1_loss(&x[1], reduction);
        "huber_loss(1)" |x, reduction| x[0].huber_loss(&x[1], 1.0, reduction);
        "huber_loss(0.25)" |x, reduction| x[0].huber_loss(&x[1], 0.25, reduction);
        "smooth_l1_loss(0.25)" |x, reduction| Ok(x[0].huber_loss(&x[1], 0.25, reduction)? / 0.25);
        "bce_with_logits" |x, reduction| match reduction {
            Reduction::Mean => x[0].bce_with_logits(&x[1]),
            _ => BinaryCrossEntropy::new().reduction(reduction).loss(&x[0], &x[1]),
        };
        "kl_div" |x, reduction| x[0].kl_div(&x[1], reduction);
        "kl_div_log_target" |x, reduction| x[0].kl_div_log_target(&x[1], reduction);
    }
    .into_iter()
    .map(|operation| match operation.name {
        // Where the two distributions are close, what is subtracted is larger than what is left.
        "kl_div none" => operation.loose(&[("spread", 1e-14, 2e-5)]),
        _ => operation,
    })
    .collect()
}

fn others() -> Vec<Operation> {
    vec![
        op("bce_with_logits(positive)", |x| {
            let loss = BinaryCrossEntropy::new().positive_weight(x.positive());
            loss.loss(&x[0], &x[1])
        }),
        op("bce_with_logits(weight)", |x| {
            let loss = BinaryCrossEntropy::new().weight(x.weight());
            loss.loss(&x[0], &x[1])
        }),
        op("bce_with_logits(positive,weight,none)", |x| {
            let loss = BinaryCrossEntropy::new().positive_weight(x.positive());
            let loss = loss.weight(x.weight()).reduction(Reduction::None);
            loss.loss(&x[0], &x[1])
        }),
        op("cosine_similarity(0)", |x| {
            x[0].cosine_similarity(&x[1], 0, 1e-8)
        })
        // Short vectors have large gradients, of which those of their length cancel.
        .loose(&[("stacks", 1e-12, 2e-4)]),
        op("cosine_similarity(-1)", |x| {
            x[0].cosine_similarity(&x[1], -1, 1e-8)
        }),
        op("linear cross_entropy", |x| {
            x[0].linear(&x[1], Some(&x[2]))?.cross_entropy(x.indices())
        }),
        op("linear tanh linear cross_entropy", |x| {
            let hidden = x[0].linear(&x[1], Some(&x[2]))?.tanh();
            hidden
                .linear(&x[3], Some(&x[4]))?
                .cross_entropy(x.indices())
        }),
        op("linear batch_norm elu cross_entropy", |x| {
            let (hidden, _) =
                x[0].linear(&x[1], None)?
                    .batch_norm(Some(&x[2]), Some(&x[3]), 1e-5)?;
            hidden.elu(1.0).cross_entropy(x.indices())
        }),
    ]
    .into_iter()
    .map(Operation::sums)
    .collect()
}

pub fn losses() -> Vec<Operation> {
    [
        cross_entropies(),
        cross_entropies_of_probabilities(),
        likelihoods(),
        comparisons(),
        others(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where the results are other than PyTorch's, and meant to be.
pub fn loss_differences() -> Vec<Difference> {
    vec![
        // Of (∞, 1): the square of the norm is limited, and does not move at the limit, which is ∞.
        Difference {
            operation: "cosine_similarity(-1)",
            tensor: "grad.0",
            at: |x| *x == [1.0, 1.0],
            found: |_, _| 0.0,
        },
        Difference {
            operation: "bce_with_logits none",
            tensor: "output",
            at: |x| x[0].is_infinite() && x[1] <= 1.0,
            found: |x, _| {
                let agrees = x[1] == f64::from(x[0] > 0.0);
                if agrees { 0.0 } else { x[1] * f64::INFINITY }
            },
        },
        Difference {
            operation: "kl_div none",
            tensor: "output",
            at: |x| x[1] == 0.0 && x[0].is_infinite(),
            found: |_, _| 0.0,
        },
        Difference {
            operation: "kl_div none",
            tensor: "grad.1",
            at: |x| x[1] == 0.0 && !x[0].is_nan(),
            found: |_, _| 0.0,
        },
        Difference {
            operation: "kl_div_log_target none",
            tensor: "output",
            at: |x| x[1].exp() == 0.0 && !x[0].is_nan(),
            found: |_, _| 0.0,
        },
        Difference {
            operation: "kl_div_log_target none",
            tensor: "grad.1",
            at: |x| x[1].exp() == 0.0 && !x[0].is_nan(),
            found: |_, _| 0.0,
        },
    ]
}

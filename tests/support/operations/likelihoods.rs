//! Negative log-likelihoods of probabilities and of numbers, and the focal loss.

use super::Domain::{self, Moved, Signed};
use super::Entry;
use super::golden::{Difference, Operands, golden};
use super::losses::{unreduced, weights};
use cotangent::prelude::*;

/// PyTorch's second derivative adds 1e-12 to p (1 - p), and rounds 1e-12 to single precision.
const BCE: &[(&str, f64, f64)] = &[
    ("spread", 1e-9, 1e-5),
    ("scalar", 1e-9, 1e-5),
    ("one", 1e-9, 1e-5),
    ("row", 1e-9, 1e-5),
    ("special", 1e-8, 1e-5),
];

/// Inside of (0, 1).
const PROBABLE: Domain = Moved(0.2, 0.5);

/// Losses of likelihoods, element by element.
pub fn likelihoods() -> Vec<Entry> {
    operations! { [m, k, n]
        bce_loss {
            check "bce_loss", PROBABLE: (m, k) (m, k) => (), |x| x[0].bce_loss(&x[1]),
                refused if m == 0 || k == 0;
            check "bce_loss, weights", PROBABLE: (m, k) (m, k) => (m, k),
                |x| BceLoss::new().class_weights(&weights(&x[0])).reduction(Reduction::None)
                    .loss(&x[0], &x[1]);
            extreme "bce_loss of clamped numbers", Signed: (m, k) (m, k) => (m, k),
                |x| BceLoss::new().reduction(Reduction::None)
                    .loss(&x[0].nan_to_num(0.5, None, None).clamp(0.0, 1.0), &x[1]);
            golden compared!("bce_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].bce_loss(&x[1]),
                    _ => BceLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                },
                "F.binary_cross_entropy, x, y",
                in "inside(share, share, special=([0.0, 1.0, 0.5, 0.25, 1e-30], [0.0, 1.0, 0.25]))")
                .into_iter()
                .map(|row| match &row.name[..] {
                    "bce_loss none" => row.loose(BCE).differs([Difference {
                        tensor: "grad.1",
                        at: |x| x[0] == 0.0 || x[0] == 1.0,
                        found: |x, g| g * ((-x[0]).ln_1p().max(-100.0) - x[0].ln().max(-100.0)),
                    }]),
                    _ => row.loose(BCE),
                })
                .collect::<Vec<_>>();
            golden golden("losses", "bce_loss(weights)",
                |x| BceLoss::new().class_weights(x.weight()).loss(&x[0], &x[1]))
                .torch("F.binary_cross_entropy(x, y, weight=weight)",
                    "weighted_shares()")
                .sums()
                .loose(BCE);
            draw 2 Close |x, p| x[0].bce_loss(&x[1]);
            draw 3 Close |x, p| BceLoss::new().class_weights(&x[2]).reduction(p.reduction)
                .loss(&x[0].sigmoid(), &x[1]);
        }
        gaussian_nll_loss {
            check "gaussian_nll_loss", Signed: (m, k) (m, k) (m, k) => (),
                |x| x[0].gaussian_nll_loss(&x[1], &x[2].exp()), refused if m == 0 || k == 0;
            check "gaussian_nll_loss, one variance for a row",
                Signed: (m, k) (m, k) (m, 1) => (m, k),
                |x| GaussianNllLoss::new().full().epsilon(1e-3).reduction(Reduction::None)
                    .loss(&x[0], &x[1], &x[2].exp());
            golden compared!("gaussian_nll_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].gaussian_nll_loss(&x[1], &x[2]),
                    _ => GaussianNllLoss::new().reduction(reduction).loss(&x[0], &x[1], &x[2]),
                },
                "F.gaussian_nll_loss, x, y, z", in "variances()");
            golden compared!("gaussian_nll_loss(full)",
                |x, reduction| GaussianNllLoss::new().full().epsilon(0.5).reduction(reduction)
                    .loss(&x[0], &x[1], &x[2]),
                "F.gaussian_nll_loss, x, y, z, full=True, eps=0.5", in "variances()");
            draw 3 Close |x, p| x[0].gaussian_nll_loss(&x[1], &x[2]);
            draw 3 Close |x, p| {
                let loss = GaussianNllLoss::new().epsilon(p.number).reduction(p.reduction);
                let loss = if p.flag { loss.full() } else { loss };
                loss.loss(&x[0], &x[1], &x[2].square())
            };
        }
        poisson_nll_loss {
            check "poisson_nll_loss", Signed: (m, k) (m, k) => (), |x| x[0].poisson_nll_loss(&x[1]),
                refused if m == 0 || k == 0;
            check "poisson_nll_loss of rates, full", Signed: (m, k) (m, k) => (m, k),
                |x| PoissonNllLoss::new().rates().full().reduction(Reduction::None)
                    .loss(&x[0].exp(), &x[1].exp());
            golden unreduced(compared!("poisson_nll_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].poisson_nll_loss(&x[1]),
                    _ => PoissonNllLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                },
                "F.poisson_nll_loss, x, y",
                in "inside(real, positive, special=([0.0, 1.0, -50.0, 50.0], [0.0, 1.0, 3.0]))"),
                // The rate and the count may cancel.
                |none| none.loose(&[("spread", 1e-14, 2e-5)]));
            golden unreduced(compared!("poisson_nll_loss(rates,full)",
                |x, reduction| PoissonNllLoss::new().rates().full().epsilon(1e-3)
                    .reduction(reduction).loss(&x[0], &x[1]),
                "F.poisson_nll_loss, x, y, log_input=False, full=True, eps=1e-3",
                in "inside(positive, positive, special=([0.0, 1.0, 50.0], [0.0, 1.0, 3.0, 1e4]))"),
                |none| none.loose(&[("spread", 1e-14, 2e-5), ("special", 1e-14, 2e-4)])
                    // PyTorch differentiates Stirling's formula at 0, where it is not used.
                    .differs([Difference {
                        tensor: "grad.1",
                        at: |x| x[1] == 0.0,
                        found: |x, g| g * -(x[0] + 1e-3).ln(),
                    }]));
            draw 2 Close |x, p| x[0].poisson_nll_loss(&x[1]);
            draw 2 Close |x, p| {
                let loss = PoissonNllLoss::new().epsilon(p.number).reduction(p.reduction);
                let loss = if p.flag { loss.rates().full() } else { loss };
                loss.loss(&x[0], &x[1])
            };
        }
        ctc_loss {
            check "ctc_loss", Signed: (m, k, n) => (), |x| {
                let (labels, steps, counts) = sequences(&x[0])?;
                x[0].log_softmax(-1)?.ctc_loss(&labels, &steps, &counts)
            }, refused if m == 0 || n == 0;
            check "ctc_loss of other numbers, sum", Signed: (m, k, n) => (), |x| {
                let (labels, steps, counts) = sequences(&x[0])?;
                let loss = CtcLoss::new().blank(0).zero_infinity().reduction(Reduction::Sum);
                loss.loss(&x[0], &labels, &steps, &counts)
            }, refused if n == 0;
            check "ctc_loss of one sequence", Signed: (k, n) => (), |x| {
                let (labels, steps, counts) = sequences(&x[0].unsqueeze(0)?)?;
                x[0].ctc_loss(&labels.reshape([labels.len()])?, &steps, &counts)
            }, refused if n == 0;
            golden compared!("ctc_loss",
                |x, reduction| {
                    let ([steps, counts], labels) = (lengths(x), x.indices());
                    let x = x[0].log_softmax(-1)?;
                    match reduction {
                        Reduction::Mean => x.ctc_loss(labels, &steps, &counts),
                        _ => CtcLoss::new().reduction(reduction).loss(&x, labels, &steps, &counts),
                    }
                },
                "ctc, x, indices, weight", in "sequences()");
            golden compared!("ctc_loss(blank,zero)",
                |x, reduction| {
                    let [steps, counts] = lengths(x);
                    let labels = x.indices().as_slice().iter().map(|label| label - 1);
                    let labels = Indices::from_vec(labels.collect(), x.indices().shape())?;
                    CtcLoss::new().blank(4).zero_infinity().reduction(reduction)
                        .loss(&x[0].log_softmax(-1)?, &labels, &steps, &counts)
                },
                "ctc, x, indices, weight, blank=4, zero_infinity=True", in "sequences()");
            draw 1 Same |x, p| match *x[0].shape() {
                [time, _] => x[0].ctc_loss(&Indices::from([p.size % 3]), &[time], &[1]),
                _ => x[0].ctc_loss(&p.labels, &p.sizes, &[p.size]),
            };
            draw 1 Same |x, p| {
                let loss = CtcLoss::new().blank(p.size % 3).reduction(p.reduction);
                let loss = if p.flag { loss.zero_infinity() } else { loss };
                match *x[0].shape() {
                    [batch, time, _] => {
                        let labels: Indices = (0..batch).map(|i| i % 2).collect();
                        let labels = labels.reshape([batch, 1])?;
                        loss.loss(&x[0], &labels, &vec![time; batch], &vec![1; batch])
                    }
                    _ => loss.loss(&x[0], &p.indices, &p.sizes, &[p.other_size]),
                }
            };
        }
        focal_loss {
            check "focal_loss", Signed: (m, k) (m, k) => (),
                |x| x[0].focal_loss(&x[1].sigmoid()), refused if m == 0 || k == 0;
            check "focal_loss, unbalanced", Signed: (m, k) (m, k) => (m, k),
                |x| FocalLoss::new().unbalanced().reduction(Reduction::None)
                    .loss(&x[0], &x[1].sigmoid());
            check "focal_loss, options", Signed: (m, k) (m, k) => (m, k),
                |x| FocalLoss::new().alpha(0.6).gamma(1.5).reduction(Reduction::None)
                    .loss(&x[0], &x[1].sigmoid());
            golden unreduced(compared!("focal_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].focal_loss(&x[1]),
                    _ => FocalLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                },
                "focal_loss, x, y",
                in "inside(real, share, special=([0.0, 1.0, -3.0, 9.0, -20.0], [0.0, 1.0, 0.25]))"),
                // PyTorch's cross-entropy loses digits of small losses.
                |none| none.loose(&[("special", 1e-6, 1e-5)]));
            golden compared!("focal_loss(0.6,1.5)",
                |x, reduction| FocalLoss::new().alpha(0.6).gamma(1.5).reduction(reduction)
                    .loss(&x[0], &x[1]),
                "focal_loss, x, y, alpha=0.6, gamma=1.5", in "inside(real, share)");
            golden compared!("focal_loss(unbalanced)",
                |x, reduction| FocalLoss::new().unbalanced().gamma(0.0).reduction(reduction)
                    .loss(&x[0], &x[1]),
                "focal_loss, x, y, alpha=-1.0, gamma=0.0", in "inside(real, share)");
            draw 2 Close |x, p| x[0].focal_loss(&x[1]);
            draw 2 Close |x, p| {
                let loss = FocalLoss::new().gamma(p.number).reduction(p.reduction);
                let loss = if p.flag { loss.alpha(p.other_number) } else { loss.unbalanced() };
                loss.loss(&x[0], &x[1])
            };
        }
    }
}

/// Returns labels for log-probabilities (batch, time, classes), and the lengths of both. Each
/// sequence has an alignment.
fn sequences(x: &Tensor) -> Result<(Indices, Vec<usize>, Vec<usize>)> {
    let [batch, time, classes] = *x.shape() else {
        panic!("expected three axes, found {:?}", x.shape())
    };
    let len = if classes > 1 { time / 2 } else { 0 };
    let labels = (0..batch * len).map(|i| 1 + i * 3 % classes.saturating_sub(1).max(1));
    let steps = (0..batch)
        .map(|i| time - usize::from(i % 2 == 1 && time > 2 * len))
        .collect();
    let counts = (0..batch)
        .map(|i| len - usize::from(i % 3 == 1 && len > 0))
        .collect();
    Ok((
        Indices::from_vec(labels.collect(), [batch, len])?,
        steps,
        counts,
    ))
}

/// Returns the numbers of steps and of labels of a golden case.
fn lengths(x: &Operands) -> [Vec<usize>; 2] {
    let pairs = x.weight().to_f64_vec();
    [0, 1].map(|which| {
        pairs
            .iter()
            .skip(which)
            .step_by(2)
            .map(|&len| len as usize)
            .collect()
    })
}

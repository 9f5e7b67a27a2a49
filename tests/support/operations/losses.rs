//! Losses, divergences, the cosine of an angle.

use super::Domain::Signed;
use super::Operation;
use cotangent::prelude::{CrossEntropy, Indices, Reduction, Tensor};
use cotangent::{BinaryCrossEntropy, NllLoss};

/// Losses of labels, of probabilities, of single elements.
pub fn losses() -> Vec<Operation> {
    operations! { [m, k, n]
        "cross_entropy", Signed: (m, k) => (), |x| x[0].cross_entropy(&labels(&x[0])),
            refused if m == 0 || k == 0;
        "cross_entropy of images", Signed: (m, k, n) => (), |x| x[0].cross_entropy(&labels(&x[0])),
            refused if m == 0 || k == 0 || n == 0;
        "cross_entropy, sum", Signed: (m, k) => (),
            |x| CrossEntropy::new().reduction(Reduction::Sum).loss(&x[0], &labels(&x[0])),
            refused if k == 0;
        "cross_entropy, weights", Signed: (m, k) => (m),
            |x| CrossEntropy::new().class_weights(&weights(&x[0])).reduction(Reduction::None)
                .loss(&x[0], &labels(&x[0])),
            refused if k == 0;
        "cross_entropy, smoothing", Signed: (m, k) => (m),
            |x| CrossEntropy::new().label_smoothing(0.2).reduction(Reduction::None)
                .loss(&x[0], &labels(&x[0])),
            refused if k == 0;
        "cross_entropy of images, everything", Signed: (m, k, n) => (m, n),
            |x| CrossEntropy::new().class_weights(&weights(&x[0])).label_smoothing(0.2)
                .ignore_label(0).reduction(Reduction::None).loss(&x[0], &labels(&x[0])),
            refused if k == 0;
        "cross_entropy, weighted mean", Signed: (m, k) => (),
            |x| CrossEntropy::new().class_weights(&weights(&x[0])).label_smoothing(0.2)
                .loss(&x[0], &labels(&x[0])),
            refused if k == 0;
        "cross_entropy of probabilities", Signed: (m, k) (m, k) => (),
            |x| CrossEntropy::new().loss(&x[0], &x[1]), refused if k == 0;
        "cross_entropy of probabilities of images", Signed: (m, k, n) (m, k, n) => (m, n),
            |x| Ok(CrossEntropy::new().reduction(Reduction::None).loss(&x[0], &x[1])? * 0.3),
            refused if k == 0;
        "cross_entropy of probabilities, everything", Signed: (m, k) (m, k) => (m),
            |x| CrossEntropy::new().class_weights(&weights(&x[0])).label_smoothing(0.2)
                .reduction(Reduction::None).loss(&x[0], &x[1]),
            refused if k == 0;
        "nll_loss", Signed: (m, k) => (), |x| x[0].nll_loss(&labels(&x[0])), refused if k == 0;
        "nll_loss of images, everything", Signed: (m, k, n) => (m, n),
            |x| NllLoss::new().class_weights(&weights(&x[0])).ignore_label(0)
                .reduction(Reduction::None).loss(&x[0], &labels(&x[0])),
            refused if k == 0;
        "mse_loss", Signed: (m, k) (m, k) => (m, k), |x| x[0].mse_loss(&x[1], Reduction::None);
        "mse_loss, mean", Signed: (m, k) (m, k) => (), |x| x[0].mse_loss(&x[1], Reduction::Mean);
        "l1_loss", Signed: (m, k) (m, k) => (m, k), |x| x[0].l1_loss(&x[1], Reduction::None);
        "l1_loss, sum", Signed: (m, k) (m, k) => (), |x| x[0].l1_loss(&x[1], Reduction::Sum);
        "huber_loss", Signed: (m, k) (m, k) => (m, k),
            |x| x[0].huber_loss(&x[1], 0.7, Reduction::None);
        "huber_loss, batch mean", Signed: (m, k) (m, k) => (),
            |x| x[0].huber_loss(&x[1], 1.3, Reduction::BatchMean);
        "bce_with_logits", Signed: (m, k) (m, k) => (), |x| x[0].bce_with_logits(&x[1]);
        "bce_with_logits, weights", Signed: (m, k) (m, k) => (m, k),
            |x| BinaryCrossEntropy::new().positive_weight(&weights(&x[0]))
                .weight(&Tensor::scalar(0.7).to_dtype(x[0].dtype())).reduction(Reduction::None)
                .loss(&x[0], &x[1]);
        "kl_div", Signed: (m, k) (m, k) => (m, k), |x| x[0].kl_div(&x[1].exp(), Reduction::None);
        "kl_div, batch mean", Signed: (m, k) (m, k) => (),
            |x| x[0].log_softmax(1)?.kl_div(&x[1].softmax(1)?, Reduction::BatchMean);
        "kl_div_log_target", Signed: (m, k) (m, k) => (m, k),
            |x| x[0].kl_div_log_target(&x[1], Reduction::None);
        "cosine_similarity", Signed: (m, k) (m, k) => (m),
            |x| x[0].cosine_similarity(&x[1], -1, 1e-8);
        "cosine_similarity of columns", Signed: (m, k, n) (k, n) => (m, n),
            |x| x[0].cosine_similarity(&x[1], 1, 1e-8);
        "cosine_similarity, a large epsilon", Signed: (m, k) (m, k) => (m),
            |x| x[0].cosine_similarity(&x[1], 1, 1e3);
    }
}

/// A label for each sample, and each place if there are some.
fn labels(logits: &Tensor) -> Indices {
    let mut shape = logits.shape().to_vec();
    let classes = shape.remove(1).max(1);
    let count = shape.iter().product();
    let labels = (0..count).map(|i| (i * 7 + 1) % classes).collect();
    Indices::from_vec(labels, shape).expect("as many labels as the shape has places")
}

/// A weight for each class.
fn weights(logits: &Tensor) -> Tensor {
    let weights = (0..logits.shape()[1]).map(|i| 0.5 + 0.25 * (i % 5) as f64);
    Tensor::from(&weights.collect::<Vec<_>>()[..]).to_dtype(logits.dtype())
}

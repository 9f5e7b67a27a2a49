//! Losses of signs, orders and margins.

use super::Domain::Signed;
use super::Entry;
use super::golden::golden;
use super::losses::{labels, unreduced, weights};
use cotangent::prelude::*;

/// Losses with a margin.
#[allow(clippy::too_many_lines)] // A table.
pub fn hinges() -> Vec<Entry> {
    operations! { [m, k, n]
        margin_ranking_loss {
            check "margin_ranking_loss", Signed: (m, k) (m, k) => (m, k),
                |x| MarginRankingLoss::new().margin(0.33).reduction(Reduction::None)
                    .loss(&x[0], &x[1], &signs(&x[0])?);
            check "margin_ranking_loss, mean", Signed: (m) (m) => (),
                |x| x[0].margin_ranking_loss(&x[1], &signs(&x[0])?), refused if m == 0;
            golden compared!("margin_ranking_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].margin_ranking_loss(&x[1], x.weight()),
                    _ => MarginRankingLoss::new().reduction(reduction)
                        .loss(&x[0], &x[1], x.weight()),
                },
                "F.margin_ranking_loss, x, y, weight", in "signed(2, kinks=True)");
            golden compared!("margin_ranking_loss(0.5)",
                |x, reduction| MarginRankingLoss::new().margin(0.5).reduction(reduction)
                    .loss(&x[0], &x[1], x.weight()),
                "F.margin_ranking_loss, x, y, weight, margin=0.5", in "signed(2)");
            draw 3 Close |x, p| x[0].margin_ranking_loss(&x[1], &x[2]);
            draw 3 Close |x, p| MarginRankingLoss::new().margin(p.number).reduction(p.reduction)
                .loss(&x[0], &x[1], &x[2]);
        }
        hinge_embedding_loss {
            check "hinge_embedding_loss", Signed: (m, k) => (m, k),
                |x| HingeEmbeddingLoss::new().reduction(Reduction::None)
                    .loss(&x[0], &signs(&x[0])?);
            check "hinge_embedding_loss, mean", Signed: (m, k) => (),
                |x| x[0].hinge_embedding_loss(&signs(&x[0])?), refused if m == 0 || k == 0;
            golden compared!("hinge_embedding_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].hinge_embedding_loss(x.weight()),
                    _ => HingeEmbeddingLoss::new().reduction(reduction).loss(&x[0], x.weight()),
                },
                "F.hinge_embedding_loss, x, weight", in "signed(1, kinks=True)");
            golden compared!("hinge_embedding_loss(0.5)",
                |x, reduction| HingeEmbeddingLoss::new().margin(0.5).reduction(reduction)
                    .loss(&x[0], x.weight()),
                "F.hinge_embedding_loss, x, weight, margin=0.5", in "signed(1)");
            draw 2 Close |x, p| x[0].hinge_embedding_loss(&x[1]);
            draw 2 Close |x, p| HingeEmbeddingLoss::new().margin(p.number).reduction(p.reduction)
                .loss(&x[0], &x[1]);
        }
        cosine_embedding_loss {
            check "cosine_embedding_loss", Signed: (m, k) (m, k) => (m),
                |x| CosineEmbeddingLoss::new().margin(-0.9).reduction(Reduction::None)
                    .loss(&x[0], &x[1], &signs(&x[0].sum_over(1)?)?);
            check "cosine_embedding_loss, mean", Signed: (m, k, n) (m, k, n) => (),
                |x| CosineEmbeddingLoss::new().margin(-0.9)
                    .loss(&x[0], &x[1], &signs(&x[0].sum_over(2)?)?),
                refused if m == 0 || k == 0;
            golden compared!("cosine_embedding_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].cosine_embedding_loss(&x[1], x.weight()),
                    _ => CosineEmbeddingLoss::new().reduction(reduction)
                        .loss(&x[0], &x[1], x.weight()),
                },
                "F.cosine_embedding_loss, x, y, weight", in "signed_vectors()")
                .into_iter()
                // PyTorch adds 1e-12 to the squared norms.
                .map(|row| row.loose(&[("vectors", 1e-11, 1e-5)]))
                .collect::<Vec<_>>();
            golden golden("losses", "cosine_embedding_loss(0.3)",
                |x| CosineEmbeddingLoss::new().margin(0.3).loss(&x[0], &x[1], x.weight()))
                .torch("F.cosine_embedding_loss(x, y, weight, margin=0.3)", "signed_vectors()")
                .sums()
                .loose(&[("vectors", 1e-11, 1e-5)]);
            draw 2 Close |x, p|
                x[0].cosine_embedding_loss(&x[1], &signs(&x[0].sum_over(-1)?)?);
            draw 2 Close |x, p| CosineEmbeddingLoss::new().margin(p.number).reduction(p.reduction)
                .loss(&x[0], &x[1], &signs(&x[0].sum_over(-1)?)?);
        }
        triplet_margin_loss {
            check "triplet_margin_loss", Signed: (m, k) (m, k) (m, k) => (m),
                |x| TripletMarginLoss::new().margin(9.0).reduction(Reduction::None)
                    .loss(&x[0], &x[1], &x[2]);
            check "triplet_margin_loss, mean", Signed: (m, k) (m, k) (m, k) => (),
                |x| TripletMarginLoss::new().margin(9.0).swap().loss(&x[0], &x[1], &x[2]),
                refused if m == 0;
            golden unreduced(compared!("triplet_margin_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].triplet_margin_loss(&x[1], &x[2]),
                    _ => TripletMarginLoss::new().reduction(reduction).loss(&x[0], &x[1], &x[2]),
                },
                "F.triplet_margin_loss, x, y, z", in "triplets()"),
                // The distances may cancel.
                |none| none.loose(&[("rows", 1e-14, 1e-5)]));
            golden compared!("triplet_margin_loss(everything)",
                |x, reduction| TripletMarginLoss::new().margin(0.5).norm(Norm::L1).epsilon(1e-3)
                    .swap().reduction(reduction).loss(&x[0], &x[1], &x[2]),
                "F.triplet_margin_loss, x, y, z, margin=0.5, p=1, eps=1e-3, swap=True",
                in "triplets()");
            draw 3 Close |x, p| x[0].triplet_margin_loss(&x[1], &x[2]);
            draw 3 Close |x, p| {
                let loss = TripletMarginLoss::new().margin(p.number).epsilon(p.other_number);
                let loss = if p.flag { loss.swap() } else { loss };
                loss.norm(p.norm).reduction(p.reduction).loss(&x[0], &x[1], &x[2])
            };
        }
        multi_margin_loss {
            check "multi_margin_loss", Signed: (m, k) => (m),
                |x| MultiMarginLoss::new().margin(0.313).class_weights(&weights(&x[0]))
                    .reduction(Reduction::None).loss(&x[0], &labels(&x[0])),
                refused if k == 0;
            check "multi_margin_loss of sequences, squared", Signed: (m, k, n) => (),
                |x| MultiMarginLoss::new().squared().loss(&x[0], &labels(&x[0])),
                refused if m == 0 || k == 0 || n == 0;
            golden compared!("multi_margin_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].multi_margin_loss(x.indices()),
                    _ => MultiMarginLoss::new().reduction(reduction).loss(&x[0], x.indices()),
                },
                "F.multi_margin_loss, x, indices", in "scored(kinks=True)");
            golden compared!("multi_margin_loss(everything)",
                |x, reduction| MultiMarginLoss::new().squared().margin(0.7)
                    .class_weights(x.weight()).reduction(reduction).loss(&x[0], x.indices()),
                "F.multi_margin_loss, x, indices, p=2, margin=0.7, weight=weight",
                in "scored(weighted=True)");
            draw 1 Close |x, p| x[0].multi_margin_loss(&p.labels);
            draw 2 Close |x, p| MultiMarginLoss::new().margin(p.number).class_weights(&x[1])
                .reduction(p.reduction).loss(&x[0], &p.labels);
            draw 1 Close |x, p| MultiMarginLoss::new().squared().loss(&x[0], &p.labels);
        }
        multilabel_margin_loss {
            check "multilabel_margin_loss", Signed: (m, k) => (m),
                |x| MultilabelMarginLoss::new().reduction(Reduction::None)
                    .loss(&(&x[0] * 0.9), &signs(&x[0])?.gt_scalar(0.0)),
                refused if k == 0;
            check "multilabel_margin_loss, mean", Signed: (m, k) => (),
                |x| (&x[0] * 0.9).multilabel_margin_loss(&signs(&x[0])?.gt_scalar(0.0)),
                refused if m == 0 || k == 0;
            golden compared!("multilabel_margin_loss",
                |x, reduction| {
                    let target = x.weight().gt_scalar(0.0);
                    match reduction {
                        Reduction::Mean => x[0].multilabel_margin_loss(&target),
                        _ => MultilabelMarginLoss::new().reduction(reduction).loss(&x[0], &target),
                    }
                },
                "multilabel_margin_loss, x, weight", in "signed(1, rows=True)");
            draw 1 Close |x, p| x[0].multilabel_margin_loss(&p.mask);
            draw 1 Close |x, p| MultilabelMarginLoss::new().reduction(p.reduction)
                .loss(&x[0], &p.mask);
        }
        multilabel_soft_margin_loss {
            check "multilabel_soft_margin_loss", Signed: (m, k) (m, k) => (m),
                |x| MultilabelSoftMarginLoss::new().class_weights(&weights(&x[0]))
                    .reduction(Reduction::None).loss(&x[0], &x[1]),
                refused if k == 0;
            check "multilabel_soft_margin_loss, mean", Signed: (m, k) (m, k) => (),
                |x| x[0].multilabel_soft_margin_loss(&x[1]), refused if m == 0 || k == 0;
            golden compared!("multilabel_soft_margin_loss",
                |x, reduction| match reduction {
                    Reduction::Mean => x[0].multilabel_soft_margin_loss(&x[1]),
                    _ => MultilabelSoftMarginLoss::new().reduction(reduction).loss(&x[0], &x[1]),
                },
                "F.multilabel_soft_margin_loss, x, y", in "inside(real, share, rows=True)");
            golden golden("losses", "multilabel_soft_margin_loss(weights)",
                |x| MultilabelSoftMarginLoss::new().class_weights(x.weight()).loss(&x[0], &x[1]))
                .torch("F.multilabel_soft_margin_loss(x, y, weight=weight)",
                    "weighted('given.weight')[:1]")
                .sums();
            draw 2 Close |x, p| x[0].multilabel_soft_margin_loss(&x[1]);
            draw 3 Close |x, p| MultilabelSoftMarginLoss::new().class_weights(&x[2])
                .reduction(p.reduction).loss(&x[0], &x[1]);
        }
    }
}

/// Returns 1 and -1 in turn, in the shape of a tensor.
fn signs(x: &Tensor) -> Result<Tensor> {
    let mut sign = 1.0;
    Tensor::from_fn(x.shape(), x.dtype(), || {
        sign = -sign;
        sign
    })
}

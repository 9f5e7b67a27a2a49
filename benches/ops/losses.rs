//! Losses of elements, rows, pairs and sequences, forward and backward.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

type Loss = fn([&Tensor; 3]) -> cotangent::Result<Tensor>;

pub fn cases() -> Vec<Case> {
    const N: usize = 1024;
    // The number of operands that both directions read, and the number of gradients.
    let losses: [(&str, usize, usize, Loss); 10] = [
        ("mse_loss", 2, 1, |[x, y, _]| x.mse_loss(y)),
        ("bce_loss", 2, 1, |[x, y, _]| x.sigmoid().bce_loss(y)),
        ("focal_loss", 2, 1, |[x, y, _]| x.focal_loss(y)),
        ("poisson_nll_loss", 2, 1, |[x, y, _]| x.poisson_nll_loss(y)),
        ("gaussian_nll_loss", 3, 1, |[x, y, z]| {
            x.gaussian_nll_loss(y, &z.square())
        }),
        ("margin_ranking_loss", 3, 1, |[x, y, _]| {
            x.margin_ranking_loss(y, &x.ones_like()?)
        }),
        ("hinge_embedding_loss", 2, 1, |[x, ..]| {
            x.hinge_embedding_loss(&x.ones_like()?)
        }),
        ("triplet_margin_loss", 3, 1, |[x, y, z]| {
            x.triplet_margin_loss(y, z)
        }),
        ("multilabel_soft_margin_loss", 2, 1, |[x, y, _]| {
            x.multilabel_soft_margin_loss(y)
        }),
        ("multi_margin_loss", 1, 1, |[x, ..]| {
            let labels = (0..N).map(|i| i * 7 % N).collect::<Indices>();
            x.multi_margin_loss(&labels)
        }),
    ];
    let mut cases: Vec<Case> = Vec::new();
    for (name, operands, gradients, loss) in losses {
        cases.push(Case::new(
            format!("{name} {N} x {N} forward + backward"),
            Bound::Bytes(4 * N * N * (2 * operands + gradients)),
            move || {
                let x = normal(&[N, N])?.tracked();
                let (y, z) = (normal(&[N, N])?, normal(&[N, N])?);
                Ok(Box::new(move || {
                    loss([&x, &y, &z])?.backward()?;
                    Ok(())
                }))
            },
        ));
    }
    let [batch, time, classes, len] = [32, 200, 64, 40];
    // Each of the 2 len + 1 states takes four exponentials and logarithms at a step, in both
    // directions of time, and once more for the loss alone.
    let operations = 3 * batch * time * (2 * len + 1) * 40;
    cases.push(Case::new(
        format!("ctc_loss {batch} x {time} x {classes} forward + backward"),
        Bound::Operations(operations, 3 * 4 * batch * time * classes),
        move || {
            let x = normal(&[batch, time, classes])?.log_softmax(-1)?.tracked();
            let labels = (0..batch * len).map(|i| 1 + i * 7 % (classes - 1));
            let labels = Indices::from_vec(labels.collect(), [batch, len])?;
            let (steps, counts) = (vec![time; batch], vec![len; batch]);
            Ok(Box::new(move || {
                x.ctc_loss(&labels, &steps, &counts)?.backward()?;
                Ok(())
            }))
        },
    ));
    cases
}

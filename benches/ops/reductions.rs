//! Reductions: sums and extremes, softmax, normalizations, losses.

use crate::{Bound, Case, normal};
use cotangent::nn::BatchNorm;
use cotangent::prelude::*;

type Reduce = fn(&Tensor) -> cotangent::Result<Tensor>;

pub fn cases() -> Vec<Case> {
    let reductions: [(&str, Reduce); 7] = [
        ("sum", |x| Ok(x.sum())),
        ("sum over rows (axis 0)", |x| x.sum_over(0)),
        ("sum over columns (axis 1)", |x| x.sum_over(1)),
        ("variance over axis 0", |x| x.var_over(0, 1.0)),
        ("max over axis 1", |x| x.max_over(1)),
        ("nansum over axis 1", |x| x.nansum_over(1)),
        ("argmax over axis 1", |x| {
            std::hint::black_box(x.argmax(1)?);
            Ok(x.clone())
        }),
    ];
    let mut cases = Vec::new();
    for (size, n) in [("1024 x 1024", 1024), ("4096 x 4096", 4096)] {
        for (name, reduce) in reductions {
            cases.push(Case::new(
                format!("{name} {size}"),
                Bound::Bytes(4 * n * n),
                move || {
                    let x = normal(&[n, n])?;
                    Ok(Box::new(move || {
                        let _ = std::hint::black_box(reduce(&x)?);
                        Ok(())
                    }))
                },
            ));
        }
    }
    // Sorting and exponentials take longer than memory does.
    let others: [(&str, Reduce, usize); 6] = [
        ("median over axis 1", |x| x.median_over(1), 1),
        ("median over axis 0", |x| x.median_over(0), 1),
        ("mode over axis 1", |x| Ok(x.mode(1)?.0), 1),
        ("cumsum along axis 1", |x| x.cumsum(1), 2),
        ("cummax along axis 1", |x| Ok(x.cummax(1)?.0), 4),
        ("logcumsumexp along axis 1", |x| x.logcumsumexp(1), 2),
    ];
    for (name, reduce, passes) in others {
        cases.push(Case::new(
            format!("{name} 1024 x 1024"),
            Bound::Bytes(4 * passes * 1024 * 1024),
            move || {
                let x = normal(&[1024, 1024])?;
                Ok(Box::new(move || {
                    let _ = std::hint::black_box(reduce(&x)?);
                    Ok(())
                }))
            },
        ));
    }
    for (m, k, n) in [(1024, 1024, 3), (1024, 1024, 128)] {
        // A subtraction and a multiply-add for each element of a difference.
        let operations = 3 * m * k * n;
        cases.push(Case::new(
            format!("cdist {m} x {k}, vectors of {n}, forward + backward"),
            Bound::Operations(3 * operations, 4 * (3 * m * k + 2 * (m + k) * n)),
            move || {
                let (x, y) = (normal(&[m, n])?.tracked(), normal(&[k, n])?.tracked());
                let g = normal(&[m, k])?;
                Ok(Box::new(move || {
                    x.cdist(&y, Norm::L2)?.backward_with(&g)?;
                    Ok(())
                }))
            },
        ));
    }
    for [m, n] in [[1024, 1024], [4096, 4096], [65536, 10]] {
        let softmax: Reduce = |x| x.softmax(1);
        cases.extend(both(&format!("softmax {m} x {n}"), [m, n], softmax));
    }
    cases.extend(both("log_softmax 1024 x 1024", [1024, 1024], |x| {
        x.log_softmax(1)
    }));
    cases.extend(normalizations());
    cases
}

/// Returns an operation alone, and with its backward.
fn both(name: &str, shape: [usize; 2], f: Reduce) -> [Case; 2] {
    let bytes = 4 * shape[0] * shape[1];
    [
        Case::new(name, Bound::Bytes(2 * bytes), move || {
            let x = normal(&shape)?;
            Ok(Box::new(move || {
                let _ = std::hint::black_box(f(&x)?);
                Ok(())
            }))
        }),
        Case::new(
            format!("{name} forward + backward"),
            Bound::Bytes(5 * bytes),
            move || {
                let (x, g) = (normal(&shape)?.tracked(), normal(&shape)?);
                Ok(Box::new(move || {
                    f(&x)?.backward_with(&g)?;
                    Ok(())
                }))
            },
        ),
    ]
}

/// Returns the normalization layers, in training, with the gradients of their parameters.
fn normalizations() -> Vec<Case> {
    let mut cases = Vec::new();
    for [m, n] in [[256, 1024], [32, 100], [4096, 1024]] {
        let bytes = 4 * m * n;
        cases.push(Case::new(
            format!("BatchNorm {m} x {n}"),
            Bound::Bytes(2 * bytes),
            move || layer([m, n], BatchNorm::new(n)?, false),
        ));
        // Backward reads the cotangent and the saved input, and writes a gradient.
        let bound = Bound::Bytes(5 * bytes);
        cases.push(Case::new(
            format!("BatchNorm {m} x {n} forward + backward"),
            bound,
            move || layer([m, n], BatchNorm::new(n)?, true),
        ));
        cases.push(Case::new(
            format!("LayerNorm {m} x {n} forward + backward"),
            bound,
            move || layer([m, n], LayerNorm::new(n)?, true),
        ));
    }
    for [m, n] in [[128, 10], [1024, 1024]] {
        // The logits are read twice, and their gradient is written once.
        cases.push(Case::new(
            format!("cross_entropy {m} x {n} forward + backward"),
            Bound::Bytes(3 * 4 * m * n),
            move || {
                let x = normal(&[m, n])?.tracked();
                let labels: Indices = (0..m).map(|i| i * 7 % n).collect::<Vec<_>>().into();
                Ok(Box::new(move || {
                    x.cross_entropy(&labels)?.backward()?;
                    Ok(())
                }))
            },
        ));
    }
    cases
}

fn layer(
    shape: [usize; 2],
    layer: impl Layer + 'static,
    backward: bool,
) -> anyhow::Result<crate::Run> {
    let pass = Pass::train(1);
    let (mut x, g) = (normal(&shape)?, normal(&shape)?);
    if backward {
        x = x.tracked();
    }
    Ok(Box::new(move || {
        let y = layer.forward(&x, &pass)?;
        if backward {
            y.backward_with(&g)?;
        }
        Ok(())
    }))
}

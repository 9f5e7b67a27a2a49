//! Matrix products of several sizes and memory layouts.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

/// The memory layout of an operand.
#[derive(Clone, Copy, Debug)]
enum Lies {
    Contiguous,
    Transposed,
    EverySecond,
}

impl Lies {
    fn operand(self, [rows, columns]: [usize; 2]) -> cotangent::Result<Tensor> {
        match self {
            Self::Contiguous => normal(&[rows, columns]),
            Self::Transposed => normal(&[columns, rows])?.transpose(0, 1),
            Self::EverySecond => normal(&[rows, 2 * columns])?.slice(1, 0, None, 2),
        }
    }
}

pub fn cases() -> Vec<Case> {
    use Lies::{Contiguous, EverySecond, Transposed};
    let mut cases: Vec<Case> = [64, 128, 256, 512, 1024, 2048]
        .map(|n| product(&format!("matmul {n}"), [n, n, n], [Contiguous; 2]))
        .into();
    for (name, lie) in [
        ("transposed x contiguous", [Transposed, Contiguous]),
        ("contiguous x transposed", [Contiguous, Transposed]),
        ("strided x contiguous", [EverySecond, Contiguous]),
        ("contiguous x strided", [Contiguous, EverySecond]),
    ] {
        for n in [128, 1024] {
            cases.push(product(&format!("matmul {n} {name}"), [n, n, n], lie));
        }
    }
    // The products of the textbook's first layer, batch 32 and 128, and of a layer of 100 units:
    // forward, weights' gradient, inputs' gradient.
    for [batch, inputs, outputs] in [[32, 784, 300], [128, 784, 300], [32, 100, 100]] {
        let title = format!("layer {inputs} -> {outputs}, batch {batch}");
        let forward = [Contiguous, Transposed];
        let sizes = [batch, inputs, outputs];
        cases.push(product(&format!("{title}: forward"), sizes, forward));
        let (sizes, lie) = ([outputs, batch, inputs], [Transposed, Contiguous]);
        cases.push(product(&format!("{title}: weights"), sizes, lie));
        let (sizes, lie) = ([batch, outputs, inputs], [Contiguous; 2]);
        cases.push(product(&format!("{title}: inputs"), sizes, lie));
    }
    cases.push(product(
        "layer 784 -> 300, one sample",
        [1, 784, 300],
        [Contiguous, Transposed],
    ));
    cases
}

fn product(name: &str, [m, k, n]: [usize; 3], lie: [Lies; 2]) -> Case {
    let bound = Bound::Operations(2 * m * k * n, 4 * (m * k + k * n + m * n));
    Case::new(name, bound, move || {
        let (a, b) = (lie[0].operand([m, k])?, lie[1].operand([k, n])?);
        Ok(Box::new(move || {
            let _ = std::hint::black_box(a.matmul(&b)?);
            Ok(())
        }))
    })
}

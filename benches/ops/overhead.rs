//! Operations on a few elements, which show the overhead of an operation.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

const LENGTH: usize = 1000;

pub fn cases() -> Vec<Case> {
    let link: fn(&Tensor, &Tensor) -> cotangent::Result<Tensor> = |x, c| x.mul(c);
    let mut cases = Vec::new();
    for (name, tracked, backward) in [
        ("chain of 1,000 scalar products, untracked", false, false),
        ("chain of 1,000 scalar products, forward", true, false),
        (
            "chain of 1,000 scalar products, forward + backward",
            true,
            true,
        ),
    ] {
        let calls = Bound::Calls(LENGTH);
        cases.push(Case::new(name, calls, move || {
            let (x, c) = (Tensor::scalar(1.0f32), Tensor::scalar(1.0001f32));
            let x = if tracked { x.tracked() } else { x };
            Ok(Box::new(move || {
                let mut y = x.clone();
                for _ in 0..LENGTH {
                    y = link(&y, &c)?;
                }
                if backward {
                    y.backward()?;
                }
                Ok(())
            }))
        }));
    }
    cases.push(Case::new(
        "chain of 1,000 x * 1.0001, forward + backward",
        Bound::Calls(LENGTH),
        || {
            let x = Tensor::scalar(1.0f32).tracked();
            Ok(Box::new(move || {
                let mut y = x.clone();
                for _ in 0..LENGTH {
                    y *= 1.0001;
                }
                y.backward()?;
                Ok(())
            }))
        },
    ));
    cases.push(Case::new(
        "100 products of 8 x 8, forward + backward",
        Bound::Calls(100),
        || {
            let (x, w) = (normal(&[8, 8])?.tracked(), normal(&[8, 8])?);
            let w = w.mul_scalar(0.3);
            let g = normal(&[8, 8])?;
            Ok(Box::new(move || {
                let mut y = x.clone();
                for _ in 0..100 {
                    y = y.matmul(&w)?;
                }
                y.backward_with(&g)?;
                Ok(())
            }))
        },
    ));
    cases
}

//! Pooling, upsampling, unfolding and normalizations of images.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

type Image = fn(&Tensor) -> cotangent::Result<Tensor>;

pub fn cases() -> Vec<Case> {
    let images = [64, 64, 24, 24];
    let few = [16, 64, 24, 24];
    let mut cases = Vec::new();
    // The name, the shape, and how many elements the result has for each of the image.
    let operations: [(&str, [usize; 4], f64, Image); 9] = [
        ("max_pool 2 x 2", images, 0.25, |x| x.max_pool([2, 2])),
        ("max_pool 3 x 3 by 2", images, 0.25, |x| {
            x.max_pool(Windows::new([3, 3]).stride(2).padding(1))
        }),
        ("avg_pool 2 x 2", images, 0.25, |x| x.avg_pool([2, 2])),
        ("global_avg_pool", images, 0.0, Tensor::global_avg_pool),
        ("adaptive_avg_pool 7 x 7", images, 0.09, |x| {
            x.adaptive_avg_pool([7, 7])
        }),
        ("upsample_nearest x 2", few, 4.0, |x| {
            x.upsample_nearest([48, 48])
        }),
        ("upsample_linear x 2", few, 4.0, |x| {
            x.upsample_linear([48, 48], false)
        }),
        ("unfold 3 x 3", few, 9.0, |x| {
            x.unfold(Windows::new([3, 3]).padding(1))
        }),
        ("group_norm of 8", images, 1.0, |x| {
            x.group_norm(8, None, None, 1e-5)
        }),
    ];
    for (name, shape, ratio, f) in operations {
        let bytes = 4.0 * shape.iter().product::<usize>() as f64 * (1.0 + ratio);
        let name = format!("{name} of {shape:?}");
        cases.push(Case::new(
            name.clone(),
            Bound::Bytes(bytes as usize),
            move || {
                let x = normal(&shape)?;
                Ok(Box::new(move || {
                    let _ = std::hint::black_box(f(&x)?);
                    Ok(())
                }))
            },
        ));
        cases.push(Case::new(
            format!("{name} forward + backward"),
            Bound::Bytes(2 * bytes as usize),
            move || {
                let x = normal(&shape)?.tracked();
                let g = f(&x)?.detach();
                Ok(Box::new(move || {
                    f(&x)?.backward_with(&g)?;
                    Ok(())
                }))
            },
        ));
    }
    cases
}

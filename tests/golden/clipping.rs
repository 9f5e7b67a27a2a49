//! Compares all kinds of gradient clipping with PyTorch and Optax.

use crate::compare::{Bound, Failures};
use crate::read::File;
use cotangent::optim::clip::{self, Clip};
use cotangent::prelude::*;

/// A kind of clipping, with its name in the golden file.
type Kind = (&'static str, fn(f64) -> Clip);

const KINDS: [Kind; 4] = [
    ("global_norm", clip::global_norm),
    ("norm", clip::norm),
    ("value", clip::value),
    ("adaptive", clip::adaptive),
];

const BOUND: Bound = Bound {
    f64: 1e-12,
    f32: 1e-6,
    floor: 0.0,
    of_tensor: false,
};

pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    for case in file.operations() {
        for (kind, clip) in KINDS {
            for dtype in [DType::F64, DType::F32] {
                if let Err(error) = one(&file, case, (kind, clip), dtype, &mut failures) {
                    failures.add(format!("clipping {case} {kind} {dtype}"), error);
                }
            }
        }
    }
    failures.unread(&file);
    failures.report();
}

fn one(
    file: &File,
    case: &str,
    (kind, clip): Kind,
    dtype: DType,
    failures: &mut Failures,
) -> Result<()> {
    let outputs = file.numbered(&format!("{case}/{kind}/output"));
    if outputs.is_empty() {
        return Ok(());
    }
    let inputs = file.numbered(&format!("{case}/input"));
    let weights = file.numbered(&format!("{case}/weight"));
    // Only adaptive clipping depends on the weights.
    let weights = if weights.is_empty() {
        &inputs
    } else {
        &weights
    };
    let params = weights.iter().map(|w| Param::new(&w.to_dtype(dtype)));
    let params: Vec<_> = params.collect();
    let mut grads = Gradients::default();
    for (param, input) in params.iter().zip(&inputs) {
        grads.insert(param, input.to_dtype(dtype));
    }
    let bound = file.tensor(&format!("{case}/bound")).item()?;
    let norm = Tensor::scalar(clip(bound).apply(&params, &mut grads)?);
    let place = |role: &str| format!("clipping {case} {kind} {role} {dtype}");
    if let Some(expected) = file.get(&format!("{case}/{kind}/norm")) {
        failures.compare(place("norm"), &expected, &norm.to_dtype(dtype), BOUND);
    }
    for (i, (param, output)) in params.iter().zip(&outputs).enumerate() {
        match grads.get(param) {
            Some(found) => failures.compare(place(&i.to_string()), output, found, BOUND),
            None => failures.add(place(&i.to_string()), "the gradient is missing"),
        }
    }
    Ok(())
}

//! The batch normalization layer through training steps and predictions, with its statistics.

use crate::compare::{Bound, Failures};
use crate::read::File;
use cotangent::module::{LeafRef, Walk};
use cotangent::prelude::*;

/// Makes a layer for so many channels.
type Build = fn(usize) -> Result<BatchNorm>;

const LAYERS: &[(&str, Build)] = &[
    ("default", BatchNorm::new),
    ("momentum 0.3", |channels| {
        BatchNorm::builder(channels).momentum(0.3).build()
    }),
    ("cumulative", |channels| {
        BatchNorm::builder(channels).cumulative().build()
    }),
    ("epsilon 0.01", |channels| {
        BatchNorm::builder(channels).epsilon(0.01).build()
    }),
    ("no affine", |channels| {
        BatchNorm::builder(channels).no_affine().build()
    }),
    ("no running statistics", |channels| {
        BatchNorm::builder(channels).no_running_statistics().build()
    }),
    ("offset", BatchNorm::new),
];

pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    for name in file.operations() {
        match LAYERS.iter().find(|(layer, _)| *layer == name) {
            None => failures.add(name, "no entry in the table builds this layer"),
            Some((_, build)) => {
                for dtype in [DType::F64, DType::F32] {
                    if let Err(error) = train_and_predict(&file, name, *build, dtype, &mut failures)
                    {
                        failures.add(format!("{name} {dtype}"), error);
                    }
                }
            }
        }
    }
    for (name, _) in LAYERS
        .iter()
        .filter(|(name, _)| !file.operations().contains(name))
    {
        failures.add(name, "there is no such golden case");
    }
    failures.unread(&file);
    failures.report();
}

fn train_and_predict(
    file: &File,
    name: &str,
    build: Build,
    dtype: DType,
    failures: &mut Failures,
) -> Result<()> {
    // With values of 1e4 a mean is known to the digits that the type has left.
    let (in_f64, in_f32) = if name == "offset" {
        (1e-11, 2e-3)
    } else {
        (1e-12, 1e-5)
    };
    let bound = Bound {
        f64: in_f64,
        f32: in_f32,
        floor: 1.0,
        of_tensor: true,
    };
    let variance = Bound {
        f32: in_f32.min(1e-3),
        floor: 0.0,
        of_tensor: false,
        ..bound
    };
    let channels = file.tensor(&format!("{name}/0/input")).shape()[1];
    let mut layer = build(channels)?;
    layer.convert(dtype);
    for (path, param) in layer.named_params_mut() {
        param.set(&file.tensor(&format!("{name}/start/{path}")).to_dtype(dtype))?;
    }
    for step in file.cases(name).into_iter().filter(|case| *case != "start") {
        let place = |role: &str| format!("layers {name}/{step}/{role} {dtype}");
        let read = |role: &str| file.tensor(&format!("{name}/{step}/{role}"));
        let x = read("input").to_dtype(dtype).tracked();
        let pass = if step.starts_with("predict") {
            Pass::inference().record(true)
        } else {
            Pass::train(0)
        };
        let y = layer.forward(&x, &pass)?;
        failures.compare(place("output"), &read("output"), &y, bound);
        let grads = y.backward_with(&read("cotangent").to_dtype(dtype))?;
        let zeros = Tensor::zeros(x.shape(), dtype)?;
        failures.compare(
            place("grad.input"),
            &read("grad.input"),
            grads.get(&x).unwrap_or(&zeros),
            bound,
        );
        for (path, param) in layer.named_params() {
            let role = format!("grad.{path}");
            match grads.get(param) {
                Some(found) => failures.compare(place(&role), &read(&role), found, bound),
                None => failures.add(place(&role), "there is no gradient"),
            }
        }
        Walk::over(&layer, |path, leaf| match leaf {
            LeafRef::Buffer(buffer) => {
                let bound = if path == "running_var" {
                    variance
                } else {
                    bound
                };
                failures.compare(place(path), &read(path), &buffer.value(), bound);
            }
            LeafRef::Counter(counter) => {
                let expected = file
                    .indices(&format!("{name}/{step}/{path}"))
                    .map(|count| count.as_slice()[0] as u64);
                if expected != Some(counter.get()) {
                    failures.add(
                        place(path),
                        format!("expected {expected:?}, found {}", counter.get()),
                    );
                }
            }
            _ => {}
        });
    }
    Ok(())
}

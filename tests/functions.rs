//! Functions from papers and from PyTorch's functional list, written with `#[elementwise]`: values,
//! gradients and second derivatives equal PyTorch's (`golden/functions.py`), and each passes the
//! check that the macro generates.

#[path = "functions/activations.rs"]
mod activations;
#[path = "functions/losses.rs"]
mod losses;
#[path = "functions/others.rs"]
mod others;

use cotangent::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// A function of the operands with its numbers set.
type Function = fn(&[Tensor]) -> Result<Tensor>;

fn functions() -> BTreeMap<&'static str, Function> {
    let mut all = BTreeMap::new();
    for table in [activations::TABLE, losses::TABLE, others::TABLE] {
        for &(name, f) in table {
            assert!(all.insert(name, f).is_none(), "{name} is there twice");
        }
    }
    all
}

fn numbers(value: &Value) -> Vec<f64> {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    };
    value.as_array().unwrap().iter().map(number).collect()
}

fn tensors(value: &Value) -> Vec<Tensor> {
    let all = value.as_array().unwrap().iter();
    all.map(|value| Tensor::from(numbers(value))).collect()
}

/// Fails unless the numbers agree, relative to their own size or, if that is smaller, to 1.
fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs() / expected.abs().max(1.0);
        let same = found == expected || off <= tolerance;
        assert!(
            same,
            "{what}, element {i}: {found:e}, expected {expected:e}, off by {off:.1e}"
        );
    }
}

#[test]
fn values_and_derivatives_equal_those_of_pytorch() -> Result<()> {
    let golden: Value = serde_json::from_str(include_str!("golden/functions.json")).unwrap();
    let golden = golden.as_object().unwrap();
    let functions = functions();
    let names: Vec<&str> = functions.keys().copied().collect();
    let expected: Vec<&str> = golden.keys().map(String::as_str).collect();
    assert_eq!(names, expected, "run golden/functions.py");
    assert!(names.len() >= 40);
    for (name, f) in functions {
        let row = &golden[name];
        let operands: Vec<Tensor> = tensors(&row["operands"])
            .iter()
            .map(Tensor::tracked)
            .collect();
        let of: Vec<&Tensor> = operands.iter().collect();
        let value = f(&operands)?;
        assert_close(
            &format!("{name}: value"),
            &value.to_f64_vec(),
            &numbers(&row["value"]),
            1e-12,
        );

        let weights = Tensor::from(numbers(&row["weights"]));
        let weighted = || -> Result<Tensor> {
            let value = f(&operands)?;
            Ok(if value.rank() == 0 {
                value
            } else {
                value.mul(&weights)?.sum()
            })
        };
        let plain = grad(&weighted()?, &of)?;
        for (k, (found, expected)) in plain.iter().zip(tensors(&row["gradients"])).enumerate() {
            let what = format!("{name}: gradient of operand {k}");
            assert_close(&what, &found.to_f64_vec(), &expected.to_f64_vec(), 1e-12);
        }

        let gradients = Backward::new().create_graph().run(&weighted()?)?;
        let mut sum = Tensor::from(0.0f64);
        for (k, x) in operands.iter().enumerate() {
            let weights = Tensor::from(numbers(&row["second_weights"][k]));
            sum = sum.add(&gradients.get(x).unwrap().mul(&weights)?.sum())?;
        }
        let second = if sum.is_tracked() {
            sum.backward()?
        } else {
            Gradients::default()
        };
        for (k, expected) in tensors(&row["second"]).iter().enumerate() {
            let what = format!("{name}: second derivative by operand {k}");
            let found = match second.get(&operands[k]) {
                Some(found) => found.to_f64_vec(),
                None => vec![0.0; expected.len()],
            };
            assert_close(&what, &found, &expected.to_f64_vec(), 1e-10);
        }
    }
    Ok(())
}

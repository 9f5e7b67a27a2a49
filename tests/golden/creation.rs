//! Compares `arange`, `linspace` and `eye` with PyTorch.

use crate::compare::{Bound, Failures};
use crate::read::File;
use cotangent::prelude::*;

pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    let make = |operation: &str, case: &str, expected: &Tensor, dtype: DType| {
        let given = file.get(&format!("{operation}/{case}/given"));
        let given = given.map_or(vec![], |given| given.to_f64_vec());
        match (operation, &given[..]) {
            ("arange", &[start, end, step]) => Tensor::arange(start, end, step, dtype),
            ("linspace", &[start, end]) => Tensor::linspace(start, end, expected.len(), dtype),
            ("eye", _) => Tensor::eye(expected.shape(), dtype),
            _ => panic!("no test makes {operation}/{case}"),
        }
    };
    // Numbers near 0 are differences of larger ones and have their absolute error.
    let bound = Bound {
        f64: 4e-16,
        f32: 6e-8,
        floor: 0.0,
        of_tensor: true,
    };
    for operation in file.operations() {
        for case in file.cases(operation) {
            let expected = file.tensor(&format!("{operation}/{case}/output"));
            for dtype in [DType::F64, DType::F32] {
                let place = format!("{operation}/{case} {dtype}");
                match make(operation, case, &expected, dtype) {
                    Ok(found) => failures.compare(place, &expected, &found, bound),
                    Err(error) => failures.add(place, error),
                }
            }
        }
    }
    failures.unread(&file);
    failures.report();
}

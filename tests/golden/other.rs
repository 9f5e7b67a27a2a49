//! Compares conversions between dtypes, `argmax` and `argmin`, which need separate comparisons.

use crate::compare::Failures;
use crate::read::{File, Form};
use cotangent::prelude::*;

pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    for case in file.cases("to_dtype") {
        let read = |role: &str| file.tensor(&format!("to_dtype/{case}/{role}"));
        let (x, y) = (read("input.0").tracked(), read("output"));
        let found = x.to_dtype(y.dtype());
        failures.identical(format!("to_dtype/{case}/output"), &y, &found);
        match found.backward_with(&read("cotangent")) {
            Ok(grads) => failures.identical(
                format!("to_dtype/{case}/grad.0"),
                &read("grad.0"),
                grads.get(&x).unwrap(),
            ),
            Err(error) => failures.add(format!("to_dtype/{case}"), error),
        }
    }
    let places: [fn(&Tensor, isize) -> Result<Indices>; 2] =
        [|x, axis| x.argmax(axis), |x, axis| x.argmin(axis)];
    let named = [("argmax", places[0]), ("argmin", places[1])];
    for ((name, place), axis) in named
        .into_iter()
        .flat_map(|place| [0, 1, -1].map(|axis| (place, axis)))
    {
        let operation = format!("{name}({axis})");
        for case in file.cases(&operation) {
            let expected = file.indices(&format!("{operation}/{case}/indices"));
            let x = file.tensor(&format!("{operation}/{case}/input.0"));
            for (dtype, form) in [DType::F64, DType::F32]
                .into_iter()
                .flat_map(|dtype| Form::ALL.map(|form| (dtype, form)))
            {
                let found = place(&form.lay(&x.to_dtype(dtype)), axis);
                if found.as_ref().ok() != expected.as_ref() {
                    let what = format!("expected {expected:?}, found {found:?}");
                    failures.add(format!("{operation}/{case} {dtype} {form:?}"), what);
                }
            }
        }
    }
    failures.unread(&file);
    failures.report();
}

//! Typical faults in backward rules, planted one by one. A gradient check must find each.

use super::planted::{Rule, failing, planted, signed, square, sum_of_both};
use cotangent::gradcheck::Gradcheck;
use cotangent::{Result, Tensor};

/// A function with a wrong rule for backward, and the inputs whose gradients are wrong.
struct Fault {
    name: &'static str,
    shapes: &'static [&'static [usize]],
    value: fn(&[Tensor]) -> Result<Tensor>,
    rule: Rule,
    wrong: &'static [&'static str],
}

fn x_tanh_x(x: &[Tensor]) -> Result<Tensor> {
    x[0].mul(&x[0].tanh())
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "a dropped term",
        shapes: &[&[3, 4]],
        value: x_tanh_x,
        rule: |x, g| Ok(vec![Some(g.mul(&x[0].tanh())?)]),
        wrong: &["input 0"],
    },
    Fault {
        name: "a wrong sign",
        shapes: &[&[3, 4], &[3, 4]],
        value: |x| x[0].sub(&x[1]),
        rule: |_, g| Ok(vec![Some(g.clone()), Some(g.clone())]),
        wrong: &["input 1"],
    },
    Fault {
        name: "a factor of 1.001",
        shapes: &[&[3, 4]],
        value: square,
        rule: |x, g| Ok(vec![Some(g.mul(&x[0])?.mul_scalar(2.002))]),
        wrong: &["input 0"],
    },
    Fault {
        name: "a factor of 1.00001",
        shapes: &[&[3, 4]],
        value: square,
        rule: |x, g| Ok(vec![Some(g.mul(&x[0])?.mul_scalar(2.00002))]),
        wrong: &["input 0"],
    },
    Fault {
        name: "a broadcast undone by taking the first row",
        shapes: &[&[3, 4], &[4]],
        value: sum_of_both,
        rule: |_, g| Ok(vec![Some(g.clone()), Some(g.narrow(0, 0, 1)?)]),
        wrong: &["input 1"],
    },
    Fault {
        name: "a broadcast undone by a mean",
        shapes: &[&[3, 4], &[4]],
        value: sum_of_both,
        rule: |_, g| Ok(vec![Some(g.clone()), Some(g.mean_over(0)?)]),
        wrong: &["input 1"],
    },
    Fault {
        name: "a broadcast undone along the wrong axis",
        shapes: &[&[4, 4], &[4]],
        value: sum_of_both,
        rule: |_, g| Ok(vec![Some(g.clone()), Some(g.sum_over(1)?)]),
        wrong: &["input 1"],
    },
    Fault {
        name: "no gradient at all",
        shapes: &[&[3, 4], &[3, 4]],
        value: |x| x[0].mul(&x[1]),
        rule: |x, g| Ok(vec![None, Some(g.mul(&x[0])?)]),
        wrong: &["input 0"],
    },
    Fault {
        name: "gradients of zeros",
        shapes: &[&[3, 4]],
        value: |x| Ok(x[0].sin()),
        rule: |_, g| Ok(vec![Some(g.mul_scalar(0.0))]),
        wrong: &["input 0"],
    },
    Fault {
        name: "a transposed gradient",
        shapes: &[&[4, 4]],
        value: square,
        rule: |x, g| Ok(vec![Some(g.mul(&x[0])?.mul_scalar(2.0).transpose(0, 1)?)]),
        wrong: &["input 0"],
    },
    Fault {
        name: "a derivative of the result where it should be of the operand",
        shapes: &[&[3, 4]],
        value: |x| Ok(x[0].sin()),
        rule: |x, g| Ok(vec![Some(g.mul(&x[0].sin().cos())?)]),
        wrong: &["input 0"],
    },
    Fault {
        name: "operands confused",
        shapes: &[&[3, 4], &[3, 4]],
        value: |x| x[0].mul(&x[1]),
        rule: |x, g| Ok(vec![Some(g.mul(&x[0])?), Some(g.mul(&x[1])?)]),
        wrong: &["input 0", "input 1"],
    },
    Fault {
        name: "a cotangent that is ignored",
        shapes: &[&[3, 4]],
        value: square,
        rule: |x, _| Ok(vec![Some(x[0].mul_scalar(2.0))]),
        wrong: &["input 0"],
    },
    Fault {
        name: "a cotangent of a scalar that is ignored",
        shapes: &[&[3, 4]],
        value: |x| Ok(x[0].square().sum()),
        rule: |x, _| Ok(vec![Some(x[0].mul_scalar(2.0))]),
        wrong: &["input 0"],
    },
];

#[test]
fn faults_are_found_element_by_element_and_along_directions() -> Result<()> {
    let mut missed = Vec::new();
    for fault in FAULTS {
        let seeds = (0u64..).zip(fault.shapes);
        let inputs: Vec<Tensor> = seeds
            .map(|(seed, shape)| signed(shape, seed))
            .collect::<Result<_>>()?;
        for (kind, check) in [
            ("elements", Gradcheck::new()),
            ("directions", Gradcheck::new().every_element_up_to(0)),
            (
                "another seed",
                Gradcheck::new().every_element_up_to(0).seed(17),
            ),
        ] {
            let report = check.function(&inputs, |x| planted(x, fault.value, fault.rule))?;
            if failing(&report) != fault.wrong || report.is_ok() {
                missed.push(format!("{} ({kind}):\n{report}", fault.name));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    Ok(())
}

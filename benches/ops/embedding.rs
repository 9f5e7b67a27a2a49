//! One training step of a table of 100,000 rows of 64 elements of which 32 are used: lookup,
//! backward and the optimizer's step. Each case is measured with the gradient as backward stores
//! it, as rows, and as a whole table.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

const ROWS: usize = 100_000;
const WIDTH: usize = 64;
const USED: usize = 32;

/// An optimizer and its options.
struct Step {
    name: &'static str,
    /// The tensors of a row that a step reads or writes.
    tensors: usize,
    /// Whether it visits the rows used alone.
    rows: bool,
    lazy: bool,
    clip: bool,
    build: fn() -> Result<Box<dyn Optimizer>>,
}

const STEPS: [Step; 5] = [
    Step {
        name: "Sgd",
        tensors: 3,
        rows: true,
        lazy: false,
        clip: false,
        build: || Sgd::new(1e-3).build(),
    },
    Step {
        name: "Sgd, clipped",
        tensors: 4,
        rows: true,
        lazy: false,
        clip: true,
        build: || Sgd::new(1e-3).build(),
    },
    Step {
        name: "AdaGrad",
        tensors: 5,
        rows: true,
        lazy: false,
        clip: false,
        build: || AdaGrad::new(1e-3).build(),
    },
    Step {
        name: "Adam, lazy rows",
        tensors: 7,
        rows: true,
        lazy: true,
        clip: false,
        build: || Adam::new(1e-3).build(),
    },
    Step {
        name: "Adam",
        tensors: 7,
        rows: false,
        lazy: false,
        clip: false,
        build: || Adam::new(1e-3).build(),
    },
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for step in STEPS {
        for whole in [false, true] {
            cases.push(case(&step, whole));
        }
    }
    cases
}

fn case(step: &Step, whole: bool) -> Case {
    let &Step {
        name,
        tensors,
        rows,
        lazy,
        clip,
        build,
    } = step;
    let form = if whole { "whole table" } else { "rows" };
    let visited = if rows && !whole { USED } else { ROWS };
    let bound = if visited == USED {
        Bound::Calls(1) // Two kilobytes.
    } else {
        Bound::Bytes(4 * tensors * visited * WIDTH)
    };
    Case::new(format!("embedding, {name}, {form}"), bound, move || {
        let mut table = Param::new(&normal(&[ROWS, WIDTH])?);
        let mut optimizer = build()?;
        if lazy {
            optimizer.add_group(Group::of(".*")?.lazy_rows());
        }
        let indices: Indices = (0..USED).map(|i| i * 7919 % ROWS).collect();
        Ok(Box::new(move || {
            let used = table.read(&Pass::train(0)).embedding(&indices)?;
            let mut gradients = used.square().mean().backward()?;
            if whole {
                // A negative factor does not keep the form.
                gradients.map_in_place(|gradient| gradient.scaled_in_place(-1.0));
            }
            if clip {
                clip::global_norm(1e-3).apply(&table, &mut gradients)?;
            }
            Ok(optimizer.step(&mut table, gradients)?)
        }))
    })
}

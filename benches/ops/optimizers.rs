//! One step over ten million parameters for each optimizer: ten matrices of 1000 x 1000, or one for
//! Muon.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

type Build = fn() -> Result<Box<dyn Optimizer>>;

/// Name, state values per parameter, builder. A new optimizer needs a line here.
const OPTIMIZERS: [(&str, usize, Build); 17] = [
    ("Sgd", 0, || Sgd::new(1e-3).build()),
    ("Momentum", 1, || Momentum::new(1e-3).build()),
    ("Nesterov", 1, || Nesterov::new(1e-3).build()),
    ("Rprop", 2, || Rprop::new(1e-3).build()),
    ("Asgd", 1, || Asgd::new(1e-3).build()),
    ("AdaGrad", 1, || AdaGrad::new(1e-3).build()),
    ("RmsProp", 1, || RmsProp::new(1e-3).build()),
    ("RmsProp (centered, with momentum)", 3, || {
        RmsProp::new(1e-3).centered().momentum(0.9).build()
    }),
    ("Adam", 2, || Adam::new(1e-3).build()),
    ("Adam (AMSGrad)", 3, || Adam::new(1e-3).amsgrad().build()),
    ("AdamW", 2, || AdamW::new(1e-3).build()),
    ("NAdam", 2, || NAdam::new(1e-3).build()),
    ("RAdam", 2, || RAdam::new(1e-3).build()),
    ("AdaMax", 2, || AdaMax::new(1e-3).build()),
    ("AdaDelta", 2, || AdaDelta::new(1.0).build()),
    // It moves half as many bytes again as the bound counts: the step needs norms of a direction
    // that is stored.
    ("Lamb", 2, || Lamb::new(1e-3).build()),
    ("Lion", 1, || Lion::new(1e-4).build()),
];

const SHAPE: [usize; 2] = [1000, 1000];

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = OPTIMIZERS
        .into_iter()
        .map(|(name, state, build)| elementwise(name, 3 + 2 * state, build))
        .collect();
    // It reads parameter and gradient and writes the parameter. Its state is a thousandth of that.
    cases.push(elementwise("Adafactor", 3, || Adafactor::new(1e-3).build()));
    // Five iterations of three products.
    let [rows, columns] = SHAPE;
    let operations = 5 * 3 * 2 * rows * rows * columns;
    let bytes = 4 * 5 * rows * columns;
    let bound = Bound::Operations(operations, bytes);
    cases.push(case("Muon", 1, bound, || Muon::new(1e-3).build()));
    cases
}

/// Creates a step over ten matrices that reads or writes this many tensors of each.
fn elementwise(name: &str, tensors: usize, build: Build) -> Case {
    const MATRICES: usize = 10;
    let bytes = 4 * tensors * MATRICES * SHAPE[0] * SHAPE[1];
    case(name, MATRICES, Bound::Bytes(bytes), build)
}

fn case(name: &str, matrices: usize, bound: Bound, build: Build) -> Case {
    Case::new(
        format!("{name}, {matrices}M parameters"),
        bound,
        move || {
            let mut params = Vec::new();
            let mut gradients = Gradients::default();
            for _ in 0..matrices {
                let param = Param::new(&normal(&SHAPE)?);
                gradients.insert(&param, normal(&SHAPE)?);
                params.push(param);
            }
            let mut optimizer = build()?;
            Ok(Box::new(move || {
                Ok(optimizer.step(&mut params, gradients.clone())?)
            }))
        },
    )
}

//! One step over ten million parameters, for each optimizer: ten matrices of 1000 x 1000.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

type Build = fn() -> Result<Box<dyn Optimizer>>;

/// Name, numbers of state per parameter, builder. A new optimizer is a line here.
const OPTIMIZERS: [(&str, usize, Build); 15] = [
    ("Sgd", 0, || Sgd::new(1e-3).build()),
    ("Momentum", 1, || Momentum::new(1e-3).build()),
    ("Nesterov", 1, || Nesterov::new(1e-3).build()),
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
    // Two sweeps more than the bound counts: the step needs norms of what the first one gives.
    ("Lamb", 2, || Lamb::new(1e-3).build()),
    ("Lion", 1, || Lion::new(1e-4).build()),
];

pub fn cases() -> Vec<Case> {
    const MATRICES: usize = 10;
    const SHAPE: [usize; 2] = [1000, 1000];
    let cases = OPTIMIZERS.map(|(name, state, build)| {
        // Reads parameter, gradient and state; writes parameter and state.
        let bytes = 4 * (3 + 2 * state) * MATRICES * SHAPE[0] * SHAPE[1];
        let bound = Bound::Bytes(bytes);
        Case::new(format!("{name}, 10M parameters"), bound, move || {
            let mut params = Vec::new();
            let mut gradients = Gradients::default();
            for _ in 0..MATRICES {
                let param = Param::new(&normal(&SHAPE)?);
                gradients.insert(&param, normal(&SHAPE)?);
                params.push(param);
            }
            let mut optimizer = build()?;
            Ok(Box::new(move || {
                Ok(optimizer.step(&mut params, &gradients)?)
            }))
        })
    });
    cases.into()
}

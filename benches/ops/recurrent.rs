//! Recurrent layers over batches of sequences. The bound counts the matrix products.

use crate::{Bound, Case, normal};
use cotangent::nn::{Gru, Lstm, Rnn};
use cotangent::prelude::*;

/// Creates the cases of one layer: 32 sequences of 64 steps, 64 features, 256 units.
macro_rules! layers {
    ($($layer:ident $name:literal $gates:literal;)*) => {
        [$(
            (
                $name,
                $gates,
                (|| {
                    let mut rng = ChaCha8Rng::seed_from_u64(1);
                    Ok(Box::new($layer::new(FEATURES, UNITS, &mut rng)?) as Box<dyn Layer>)
                }) as fn() -> Result<Box<dyn Layer>>,
            ),
        )*]
    };
}

const BATCH: usize = 32;
const STEPS: usize = 64;
const FEATURES: usize = 64;
const UNITS: usize = 256;

pub fn cases() -> Vec<Case> {
    let layers = layers! { Lstm "lstm" 4; Gru "gru" 3; Rnn "rnn" 1; };
    let mut cases = Vec::new();
    for (name, gates, layer) in layers {
        let rows = BATCH * STEPS;
        let operations = 2 * rows * (FEATURES + UNITS) * gates * UNITS;
        let bytes = 4 * rows * (FEATURES + (gates + 1) * UNITS);
        let title = format!("{name} {FEATURES} -> {UNITS}, {BATCH} x {STEPS} steps");
        cases.push(Case {
            name: format!("{title}: forward"),
            bound: Bound::Operations(operations, bytes),
            setup: Box::new(move || {
                let (layer, x) = (layer()?, normal(&[BATCH, STEPS, FEATURES])?);
                Ok(Box::new(move || {
                    let _ = layer.predict(&x)?;
                    Ok(())
                }))
            }),
        });
        cases.push(Case {
            name: format!("{title}: forward and backward"),
            bound: Bound::Operations(3 * operations, 3 * bytes),
            setup: Box::new(move || {
                let (layer, x) = (layer()?, normal(&[BATCH, STEPS, FEATURES])?.tracked());
                let cotangent = normal(&[BATCH, STEPS, UNITS])?;
                let pass = Pass::train(1);
                Ok(Box::new(move || {
                    let y = layer.forward(&x, &pass)?;
                    y.backward_with(&cotangent)?;
                    Ok(())
                }))
            }),
        });
    }
    cases
}

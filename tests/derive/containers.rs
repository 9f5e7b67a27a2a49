//! Layers in arrays, tuples and boxes, boxed layers that can be cloned, and unit variants.

#![deny(warnings)]

use cotangent::prelude::*;

#[derive(Clone, Debug, Module, Layer)]
enum Activated {
    Identity,
    Rectified(Relu),
}

#[derive(Clone, Debug, Module, Layer)]
struct Net {
    array: [Linear; 2],
    tuple: (Linear, Relu, Linear),
    boxed: Vec<Box<dyn DynLayer>>,
    activations: [Activated; 2],
    #[module(skip)]
    sizes: Vec<usize>,
    #[module(skip)]
    kind: Kind,
}

/// A custom configuration, which can be skipped although it is a module.
#[derive(Clone, Copy, Debug, Module)]
enum Kind {
    Small,
}

#[test]
fn runs() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut linear = || Linear::new(2, 2, &mut rng);
    let net = Net {
        array: [linear()?, linear()?],
        tuple: (linear()?, Relu, linear()?),
        boxed: vec![Box::new(linear()?), Box::new(Relu)],
        activations: [Activated::Identity, Activated::Rectified(Relu)],
        sizes: vec![2],
        kind: Kind::Small,
    };
    let x = Tensor::from([[1.0f32, 2.0]]);
    let (copy, y) = (net.clone(), net.predict(&x)?);
    assert_eq!(copy.predict(&x)?.to_vec::<f32>()?, y.to_vec::<f32>()?);
    assert_eq!(copy.sizes.len() + copy.kind as usize, 1);
    Ok(())
}

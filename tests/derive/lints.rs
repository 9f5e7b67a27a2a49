//! The impls raise no warnings, and compile under `forbid`.

#![forbid(warnings)]

use cotangent::prelude::*;

/// A documented type.
#[derive(Module, Layer)]
pub struct Net {
    linear: Linear,
    #[module(skip)]
    name: String,
    #[module(skip)]
    width: usize,
}

/// A documented type.
#[derive(Module, Layer)]
pub enum Block {
    /// A documented variant.
    Dense(Linear),
}

#[test]
fn runs() -> Result<()> {
    let net = Net {
        linear: Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(1))?,
        name: "net".to_owned(),
        width: 2,
    };
    assert_eq!(net.linear.weight.value().shape(), [1, net.width]);
    assert_eq!(net.name, "net");
    Ok(())
}

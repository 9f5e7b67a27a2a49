//! A type from a macro argument that is not a module.

use cotangent::prelude::*;

macro_rules! net {
    ($ty:ty) => {
        #[derive(Module)]
        struct Net {
            hidden: Linear,
            extra: $ty,
        }
    };
}

net!(String);

fn main() {}

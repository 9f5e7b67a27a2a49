//! What a macro was given is pointed at where it was given.

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

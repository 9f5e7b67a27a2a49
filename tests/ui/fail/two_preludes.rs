//! Two preludes with one name: the compiler warns, names both, and proposes an import.
#![deny(ambiguous_glob_imports)]

use cotangent::prelude::*;
use other::prelude::*;

mod other {
    pub mod prelude {
        pub struct Linear;
    }
}

fn inputs(_: &Linear) {}

fn main() {}

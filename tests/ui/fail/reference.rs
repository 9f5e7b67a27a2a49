//! A reference where a module is expected.

use cotangent::prelude::*;

fn save(net: &mut dyn Layer) -> Result<Vec<u8>> {
    cotangent::state::to_bytes(&net)
}

fn main() {}

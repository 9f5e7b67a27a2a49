//! Each field is reported for itself.

use cotangent::prelude::*;

#[derive(Module)]
struct Net(Linear, String, #[module(flatten)] std::path::PathBuf);

fn main() {}

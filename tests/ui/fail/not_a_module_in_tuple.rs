//! Two fields that are not modules: each is reported.

use cotangent::prelude::*;

#[derive(Module)]
struct Net(Linear, String, #[module(flatten)] std::path::PathBuf);

fn main() {}

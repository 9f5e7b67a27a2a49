//! Shared pointers, which tie weights in other frameworks.

use cotangent::prelude::*;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Module)]
struct Net {
    embedding: Arc<Param>,
    out: Rc<Linear>,
}

fn main() {}

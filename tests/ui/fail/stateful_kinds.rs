//! Types whose state cannot be derived: an enum, a union.

use cotangent::prelude::*;

#[derive(Stateful)]
enum Phase {
    Warmup(u64),
    Done,
}

#[derive(Stateful)]
union Either {
    count: u64,
    number: f64,
}

fn main() {}

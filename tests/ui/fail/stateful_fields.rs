//! Fields that have no state, and plain values that cannot be saved.

use cotangent::prelude::*;
use std::collections::BTreeMap;

#[derive(Stateful)]
struct Named {
    net: Linear,
    name: String,
}

#[derive(Stateful)]
struct Nested(u64, Vec<Vec<f64>>, (f64, f64));

#[derive(Stateful)]
struct Map {
    counts: BTreeMap<String, u64>,
}

#[derive(Stateful)]
struct Generic<T> {
    inner: T,
}

fn needs_state(_: impl Stateful) {}

fn main() {
    needs_state(Generic { inner: "text".to_owned() });
}

//! A generic module is one only if its fields are.

use cotangent::prelude::*;

#[derive(Module)]
struct Stack<L> {
    layers: Vec<L>,
}

fn visit(_: &impl Module) {}

fn stack(stack: &Stack<String>) {
    visit(stack);
}

fn main() {}

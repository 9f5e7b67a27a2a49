//! A generic type whose field is not a module.

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

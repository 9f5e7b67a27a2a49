//! Options of `#[state(…)]` that do not exist, are misplaced, malformed or given twice.

use cotangent::prelude::*;

#[derive(Stateful)]
struct Misspelt {
    #[state(skipped)]
    name: String,
}

#[derive(Stateful)]
#[state(skip)]
struct OnStruct {
    count: u64,
}

#[derive(Stateful)]
struct OnField(#[state(crate = "cotangent")] u64);

#[derive(Stateful)]
#[state]
struct Bare {
    #[state]
    count: u64,
    #[state = "skip"]
    name: String,
    #[state(skip = true)]
    other: String,
}

#[derive(Stateful)]
#[state(crate = 3)]
struct NotText;

#[derive(Stateful)]
#[state(crate = "a b")]
struct NotPath;

#[derive(Stateful)]
#[state(crate = "cotangent", crate = "cotangent")]
struct Twice {
    #[state(skip)]
    #[state(skip)]
    name: String,
}

fn main() {}

//! Collections that are not for modules.

use cotangent::prelude::*;
use std::collections::{HashMap, HashSet, VecDeque};

#[derive(Module)]
struct Net {
    heads: HashMap<String, Linear>,
    hidden: VecDeque<Linear>,
    seen: HashSet<usize>,
}

fn main() {}

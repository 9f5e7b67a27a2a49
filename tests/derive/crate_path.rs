//! The traits under another path.

#![deny(warnings)]
#![allow(dead_code)]

mod reexport {
    pub(crate) use cotangent as inner;
}

use reexport::inner::prelude::*;

#[derive(Module, Layer)]
#[module(crate = "cotangent")]
struct Relative<L>(L);

#[derive(Module, Layer)]
#[module(crate = "crate::crate_path::reexport::inner")]
struct Reexported<L>(L);

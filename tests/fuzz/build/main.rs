//! Draws functions for `#[elementwise]` and writes each in three forms: the formula, a plain
//! function of numbers with branches, and the same composed of operations on tensors.
//!
//! `COTANGENT_FUZZ_SEED` is the seed (0 if it is not set), `COTANGENT_FUZZ_COUNT` the number of
//! functions (200 if it is not set).

mod draw;
#[path = "../src/plain.rs"]
#[allow(dead_code)]
mod plain;
mod rng;
mod tree;
mod write;

use draw::Draw;
use rng::Rng;
use std::path::Path;

fn main() {
    let setting = |name: &str, default: u64| {
        println!("cargo::rerun-if-env-changed={name}");
        match std::env::var(name) {
            Ok(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("{name}: expected a number, found {text}")),
            Err(_) => default,
        }
    };
    let (seed, count) = (
        setting("COTANGENT_FUZZ_SEED", 0),
        setting("COTANGENT_FUZZ_COUNT", 200),
    );
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/plain.rs");
    let mut functions = Vec::new();
    for k in 0..count {
        let mut rng = Rng(seed
            .wrapping_mul(0x2545_f491_4f6c_dd1d)
            .wrapping_add(k << 20));
        let function = Draw::function(&mut rng, &functions);
        functions.push(function);
    }
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let text = write::all(seed, &functions);
    std::fs::write(Path::new(&out).join("functions.rs"), text).expect("OUT_DIR is writable");
}

//! Mistakes of a newcomer: one short program for each, and the whole text of the error.
//!
//! The 52 mistakes have numbers; 53 and 54 are two more that used to pass without a word. Mistakes
//! that raise no error have a test as well: it shows what the newcomer sees, and the call that
//! finds the mistake.
//!
//! | mistakes | where the test is |
//! |---|---|
//! | 1 to 5, 40, 45: widths, axes, operators | `mistakes/shapes.rs` |
//! | 6 to 8, 36 to 39, 42 to 44, 47: passes, batches, rates | `mistakes/training.rs` |
//! | 9 to 16, 46: labels, targets, dtypes | `mistakes/data.rs` |
//! | 21, 29 to 33, 53, 54: graphs, values that are not finite | `mistakes/gradients.rs` |
//! | 18 to 20, 34, 35, 41: another model, patterns | `mistakes/optimizers.rs` |
//! | 22 to 28, 51: files | `mistakes/state.rs` |
//!
//! The compiler finds the rest, in programs of `ui/fail`:
//!
//! | mistake | program |
//! |---|---|
//! | 17: the same gradients applied twice | `gradients_applied_twice.rs` |
//! | 48: a forgotten `?` | `question_mark_forgotten.rs` |
//! | 49: a forgotten `build` | `build_forgotten.rs` |
//! | 52: two preludes with one name | `two_preludes.rs` |
//! | 54: a parameter that the derive skips | `skip_on_param.rs` |
//!
//! Mistake 50, a copied doc example, compiles: doc tests use the facade, as a user's crate does.
//!
//! `UPDATE_EXPECT=1 cargo test -p cotangent-tests --test mistakes` writes the texts of today.

// Expected texts are as `UPDATE_EXPECT` writes them.
#![allow(clippy::needless_raw_string_hashes)]

#[path = "mistakes/data.rs"]
mod data;
#[path = "mistakes/gradients.rs"]
mod gradients;
#[path = "mistakes/optimizers.rs"]
mod optimizers;
#[path = "mistakes/shapes.rs"]
mod shapes;
#[path = "mistakes/state.rs"]
mod state;
#[path = "mistakes/training.rs"]
mod training;
#[path = "support/wrapped.rs"]
mod wrapped;

use cotangent::prelude::*;
use expect_test::Expect;
use wrapped::wrapped;

/// Runs a program that makes a mistake and compares the text of its error, wrapped at 80 columns.
#[track_caller]
#[allow(clippy::needless_pass_by_value)] // `expect![…]` is a value.
fn says<T>(program: impl FnOnce() -> Result<T>, text: Expect) {
    let Err(error) = program() else {
        panic!("the program with the mistake runs");
    };
    text.assert_eq(&wrapped(&error.to_string()));
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

/// A net from 4 features to 3 classes.
fn net() -> Result<Mlp> {
    Mlp::builder([4, 8, 3]).build(&mut rng())
}

/// Six samples of 4 features, and their labels.
fn batch() -> Result<(Tensor, Indices)> {
    let x = Tensor::uniform([6, 4], -1.0, 1.0, DType::F32, &mut rng())?;
    Ok((x, Indices::from([0, 1, 2, 0, 1, 2])))
}

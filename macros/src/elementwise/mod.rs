//! `#[elementwise]`: differentiates a function of numbers at compile time.
//!
//! `signature` and `options` read the declaration, `lower` turns the body into a graph (`graph`),
//! in which equal subexpressions are one node. `differentiate` adds the cotangents of the operands
//! to the graph, `guard` knows which side of an `if` a node belongs to, `emit` writes programs over
//! a number type, and `expand` the items. `library` is the table of the functions.

mod differentiate;
mod emit;
mod expand;
mod graph;
mod guard;
mod library;
mod lower;
mod options;
mod signature;

pub(crate) use expand::elementwise;

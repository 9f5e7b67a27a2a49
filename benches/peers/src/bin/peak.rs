//! Prints the peak of this machine: the floating-point operations per second of two threads.

#[path = "../../../common/mod.rs"]
mod common;

fn main() -> anyhow::Result<()> {
    common::set_threads(2);
    println!("{}", common::machine::fma_peak()?);
    Ok(())
}

//! Passes the version of the compiler to the HTML report, which shows it.

use std::env::var_os;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Some(compiler) = var_os("RUSTC").filter(|_| var_os("CARGO_FEATURE_FIGURES").is_some())
    else {
        return;
    };
    // Without a version the report leaves it out.
    if let Ok(output) = Command::new(compiler).arg("--version").output()
        && let Ok(version) = String::from_utf8(output.stdout)
    {
        println!("cargo::rustc-env=COTANGENT_RUSTC={}", version.trim());
    }
}

//! Tests of the code that `#[elementwise]` generates.

use super::pretty;

/// Returns the formatted code that replaces the function.
fn expanded(options: &str, function: &str) -> String {
    let (options, function) = (options.parse().unwrap(), syn::parse_str(function).unwrap());
    pretty(crate::elementwise::elementwise(options, function))
}

#[test]
fn scratch() {
    println!(
        "{}",
        expanded(
            "",
            "fn bell(x: Tensor) -> Tensor {
    let x = min(max(x, -100.0), 100.0);
    exp(-(x * x)) }"
        )
    );
}

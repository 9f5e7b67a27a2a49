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
            "check(x = -6.0..6.0, beta = 0.5..2.0)",
            "
        /// Swish.
        pub fn swish(x: Tensor, beta: f64) -> Tensor { x * sigmoid(beta * x) }"
        )
    );
    println!("{}", expanded("", "
        fn two(a: Tensor, b: Tensor, n: i32) -> Mean {
            let l = ln(a);
            let y = if a > 0.5 { l * b } else if b < ALPHA { swish(b, 2.0 * ALPHA) + powi(a, n) } else { 0.0 };
            y * sin(b) }"));
    println!(
        "{}",
        expanded("", "fn sg(x: Tensor) -> Tensor { exp(x) * 2.0 }")
    );
    println!("{}", expanded("", "fn sg(x: Tensor) -> Tensor { exp(x) }"));
}

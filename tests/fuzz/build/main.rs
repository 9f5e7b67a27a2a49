//! Draws formulas of `#[elementwise]` and writes them to `formulas.rs`, each with a generic function
//! that computes the same.
//!
//! `COTANGENT_FUZZ_SEED` selects other formulas, `COTANGENT_FUZZ_COUNT` another number of them.

mod draw;
mod formula;
// The test uses the rest.
#[allow(dead_code)]
#[path = "../functions.rs"]
mod functions;
mod print;

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use draw::Random;
use formula::{Block, Expr, Function, Output};
use print::Parameter;

/// How many of the formulas are written again with a wrong derivative.
const PLANTED: usize = 8;

fn main() {
    let setting = |name: &str, default: u64| -> u64 {
        println!("cargo::rerun-if-env-changed={name}");
        match env::var(name) {
            Ok(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("{name}: expected a number")),
            Err(_) => default,
        }
    };
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=functions.rs");
    let seed = setting("COTANGENT_FUZZ_SEED", 0);
    let count = setting("COTANGENT_FUZZ_COUNT", 200) as usize;

    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut functions: Vec<Function> = Vec::new();
    for _ in 0..count {
        let (function, rest) = draw::function(random, &functions);
        random = rest;
        functions.push(function);
    }
    let mut fits = |i: &usize| {
        let function = &functions[*i];
        let is_plain = function.output == Output::Tensor && function.wholes == 0;
        is_plain && draw::is_sloped(function, &functions, &mut random)
    };
    let skewed: Vec<usize> = (0..count).filter(|i| fits(i)).take(PLANTED).collect();
    for callee in skewed {
        let mut planted = functions[callee].clone();
        planted.planted = true;
        let operands = (0..planted.operands).map(Expr::Operand).collect();
        let numbers = (0..planted.numbers).map(Expr::Number).collect();
        let value = Expr::Call(callee, operands, numbers);
        planted.body = Block {
            lets: vec![],
            value,
        };
        functions.push(planted);
    }

    let mut text = String::new();
    let mut cases = String::new();
    for (index, function) in functions.iter().enumerate() {
        let mut language = print::Language {
            random,
            functions: &functions,
        };
        let mut source = language.function(index, function);
        random = language.random;
        if function.planted {
            // The wrong derivative is that of an identity.
            let call = source.rfind('(').expect("a call");
            let (before, arguments) = source.split_at(call);
            let arguments = arguments.replacen("x0", "cotangent_fuzz::skewed(x0)", 1);
            source = format!("{before}{arguments}");
        }
        write!(text, "#[elementwise]\n{source}\n\n").unwrap();
        text += &print::reference(index, function);
        cases += &case(index, function, &source);
    }
    text += &format!("pub const CASES: &[Case] = &[\n{cases}];\n");
    let folder = env::var("OUT_DIR").expect("cargo sets the variable");
    fs::write(Path::new(&folder).join("formulas.rs"), text).expect("the folder is there");
}

/// Writes what the test needs to know of a function.
fn case(index: usize, function: &Function, source: &str) -> String {
    let mut arguments: Vec<String> = print::parameters(index, function)
        .into_iter()
        .map(|parameter| match parameter {
            Parameter::Operand(i) => format!("&x[{i}]"),
            Parameter::Number(i) => format!("p[{i}]"),
            Parameter::Whole(i) => format!("n[{i}]"),
        })
        .collect();
    let output = match function.output {
        Output::Tensor => "Tensor",
        Output::Sum => "Sum",
        Output::Mean => "Mean",
        Output::SumOver => "SumOver",
        Output::MeanOver => "MeanOver",
    };
    if function.output == Output::SumOver {
        arguments.push("Axes::from(1)".to_owned());
    }
    if function.output == Output::MeanOver {
        arguments.push("Axes::from(0)".to_owned());
    }
    let call = format!("formula{index}({})", arguments.join(", "));
    let fails = function.operands > 1 || !matches!(function.output, Output::Tensor | Output::Sum);
    let call = if fails { call } else { format!("Ok({call})") };
    let Function {
        operands,
        numbers,
        wholes,
        planted,
        ..
    } = function;
    format!(
        "Case {{ source: {source:?}, operands: {operands}, numbers: {numbers}, wholes: {wholes}, \
         output: Output::{output}, planted: {planted}, apply: |x, p, n| {call}, \
         plain: r{index}::<f64>, composed: r{index}::<Whole> }},\n"
    )
}

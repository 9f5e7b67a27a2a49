//! The table of PyTorch's names: written from the expressions of the golden values, so that each
//! row has been run.

use super::operations;
use super::support::operations::{Part, registry};
use super::support::sources::called_in;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// PyTorch's names of functions without golden values, and of those whose values another expression
/// computes.
const NAMED: &[(&str, &str)] = &[
    ("accuracy", ""),
    ("add_scalar", "x + 2"),
    ("alpha_dropout", "F.alpha_dropout"),
    ("arange", "torch.arange"),
    ("argmax", "x.argmax"),
    ("argmin", "x.argmin"),
    ("as_mut_slice", "x.data_ptr"),
    ("at", "x[i, j]"),
    ("backward_with", "x.backward"),
    ("cdist", "torch.cdist"),
    ("channel_dropout", "F.dropout2d"),
    ("copy_to", "x.numpy"),
    ("cross_entropy", "F.cross_entropy"),
    ("ctc_loss", "F.ctc_loss"),
    ("div_scalar", "x / 2"),
    ("dropout", "F.dropout"),
    ("dtype", "x.dtype"),
    ("eq", "x == y"),
    ("eq_scalar", "x == 2"),
    ("eye", "torch.eye"),
    ("flatten", "x.flatten"),
    ("focal_loss", "torchvision.ops.sigmoid_focal_loss"),
    ("from_fn", ""),
    ("from_op", "torch.autograd.Function.apply"),
    ("from_slice", "torch.tensor"),
    ("from_sparse_rows", "torch.sparse_coo_tensor"),
    ("from_vec", "torch.tensor"),
    ("full", "torch.full"),
    ("full_like", "torch.full_like"),
    ("ge", "x >= y"),
    ("ge_scalar", "x >= 2"),
    ("global_avg_pool", "F.adaptive_avg_pool2d"),
    ("global_max_pool", "F.adaptive_max_pool2d"),
    ("gt", "x > y"),
    ("gt_scalar", "x > 2"),
    ("hard_sigmoid", "F.hardsigmoid"),
    ("histogram", "torch.histogram"),
    ("is_empty", "x.numel() == 0"),
    ("is_tracked", "x.requires_grad"),
    ("item", "x.item"),
    ("le", "x <= y"),
    ("le_scalar", "x <= 2"),
    ("len", "x.numel"),
    ("linspace", "torch.linspace"),
    ("lt", "x < y"),
    ("lt_scalar", "x < 2"),
    ("map_in_place", ""),
    ("max_unpool", "F.max_unpool2d"),
    ("mul_scalar", "x * 2"),
    ("multilabel_margin_loss", "F.multilabel_margin_loss"),
    ("multinomial", "x.multinomial"),
    ("ne", "x != y"),
    ("ne_scalar", "x != 2"),
    ("normal", "torch.normal"),
    ("normal_like", "torch.randn_like"),
    ("one_hot", "F.one_hot"),
    ("ones", "torch.ones"),
    ("ones_like", "torch.ones_like"),
    ("pixel_shuffle", "F.pixel_shuffle"),
    ("prod_over", "x.prod"),
    ("rank", "x.dim"),
    ("recurrent", "torch.lstm"),
    ("rotary", ""),
    ("rows", "x.unbind"),
    ("rrelu", "F.rrelu"),
    ("scalar", "torch.tensor"),
    (
        "scaled_dot_product_attention",
        "F.scaled_dot_product_attention",
    ),
    ("scaled_in_place", "x.mul_"),
    ("shape", "x.shape"),
    ("slice", "x[a:b:c]"),
    ("sparse_rows", "x.coalesce"),
    ("sum_of_squares", ""),
    ("to_dtype", "x.to"),
    ("to_f64_vec", "x.tolist"),
    ("to_ndarray", "x.numpy"),
    ("to_vec", "x.tolist"),
    ("to_vec2", "x.tolist"),
    ("uniform", "torch.rand"),
    ("uniform_like", "torch.rand_like"),
    ("unique", "torch.unique"),
    ("unique_along", "torch.unique"),
    ("weighted_histogram", "torch.histogram"),
    ("write_in_place", "x.narrow(0, a, n).copy_"),
    ("zeros", "torch.zeros"),
    ("zeros_like", "torch.zeros_like"),
];

/// Functions that the expressions use besides the operation.
const HELPERS: &[&str] = &[
    "F.pad",
    "torch.cat",
    "torch.ones_like",
    "torch.stack",
    "torch.tensor",
    "x.dim",
    "x.double",
    "x.expand",
    "x.flatten",
    "x.movedim",
    "x.new_ones",
    "x.new_zeros",
    "x.permute",
    "x.reshape",
    "x.squeeze",
    "x.sum",
    "x.transpose",
    "x.unsqueeze",
];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../src/guide")
        .join(path)
}

/// Returns the functions of PyTorch that an expression calls, without [`HELPERS`] unless there are
/// only those.
fn names(expression: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
    let words = expression.split(|letter| !is_part(letter));
    let words = words.map(|word| word.trim_end_matches('.'));
    let of_torch = |word: &&str| {
        ["torch.", "F.", "x."]
            .iter()
            .any(|start| word.starts_with(start))
            && !word.starts_with("torch.float")
            && !["x.shape", "x.dtype", "x.mT"].contains(word)
    };
    let words = words.filter(of_torch).map(str::to_owned);
    let (helpers, names): (BTreeSet<_>, BTreeSet<_>) =
        words.partition(|word| HELPERS.contains(&&word[..]));
    if names.is_empty() { helpers } else { names }
}

/// A row of the table: PyTorch's names, and the golden values or why there are none.
struct Row {
    torch: BTreeSet<String>,
    values: String,
}

/// Returns the rows by function.
fn rows() -> BTreeMap<String, Row> {
    let (mut golden, mut values) = (BTreeMap::new(), BTreeMap::new());
    let entries = registry();
    for entry in &entries {
        let own: &mut Vec<_> = golden.entry(entry.function).or_default();
        own.extend(&entry.golden);
        for (_, reason) in entry
            .without
            .iter()
            .filter(|(part, _)| *part == Part::Golden)
        {
            values.insert(entry.function.to_owned(), (*reason).to_owned());
        }
    }
    for entry in &entries {
        for called in called_in(entry.calls[Part::Golden as usize]) {
            let reason = || format!("is run by those of `{}`", entry.function);
            values.entry(called).or_insert_with(reason);
        }
    }
    let named = |name: &str| NAMED.iter().find(|(function, _)| *function == name);
    let mut rows = BTreeMap::new();
    for (function, golden) in golden {
        let Some(first) = golden.first() else {
            continue;
        };
        let torch = match named(function) {
            Some((_, name)) => BTreeSet::from([(*name).to_owned()]),
            None => golden
                .iter()
                .flat_map(|golden| names(&golden.torch))
                .collect(),
        };
        let mut values = format!("`{}`: `{}`", first.file, first.name);
        if let more @ 1.. = golden.len() - 1 {
            write!(values, " and {more} more").unwrap();
        }
        rows.insert(function.to_owned(), Row { torch, values });
    }
    for (function, name) in NAMED {
        rows.entry((*function).to_owned()).or_insert_with(|| Row {
            torch: BTreeSet::from([(*name).to_owned()]),
            values: values.remove(*function).unwrap_or_default(),
        });
    }
    rows
}

fn methods() -> BTreeSet<String> {
    let listed = std::fs::read_to_string(file("operations.md")).unwrap();
    let names = listed.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_table_of_names_is_written_from_the_golden_values() {
    let rows = rows();
    let listed = std::fs::read_to_string(file("operations.md")).unwrap();
    let mut lines = Vec::new();
    for (function, Row { torch, values }) in &rows {
        let torch: Vec<String> = torch
            .iter()
            .map(|name| match &name[..] {
                "" => "none".to_owned(),
                _ => format!("`{name}`"),
            })
            .collect();
        let link = format!("[`{function}`](crate::Tensor::{function})");
        let here = if listed.contains(&link) {
            link
        } else {
            format!("`{function}`")
        };
        lines.push(format!("| {} | {here} | {values} |\n", torch.join(", ")));
    }
    lines.sort_unstable_by_key(|line| {
        let name = line.trim_start_matches(['|', ' ', '`']);
        let name = ["torch.linalg.", "torch.special.", "torch.", "F.", "x."]
            .iter()
            .find_map(|start| name.strip_prefix(start))
            .unwrap_or(name);
        name.to_lowercase()
    });
    let head = "| PyTorch | here | golden values |\n|---|---|---|\n";
    let expected = head.to_owned() + &lines.concat();
    let path = file("names.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is out of date: UPDATE_EXPECT=1 cargo test --test coverage",
        path.display()
    );
}

#[test]
fn every_method_of_tensor_has_a_name_of_pytorch() {
    let (rows, methods) = (rows(), methods());
    let guide = std::fs::read_to_string(file("pytorch.rs")).unwrap();
    let has_row = |name: &String| {
        rows.contains_key(name) || guide.contains(&format!("crate::Tensor::{name})"))
    };
    let without: Vec<_> = methods.into_iter().filter(|name| !has_row(name)).collect();
    assert!(
        without.is_empty(),
        "without a row in the guide: {without:?}"
    );
}

#[test]
fn every_name_of_pytorch_is_used() {
    let (rows, listed) = (rows(), methods());
    let unnamed = rows.iter().filter(|(_, row)| row.torch.is_empty());
    let unnamed: Vec<_> = unnamed.map(|(function, _)| function).collect();
    assert!(
        unnamed.is_empty(),
        "{unnamed:?} have no name of PyTorch: they belong to `NAMED`"
    );
    let operations = operations();
    for (function, _) in NAMED {
        let is_known = listed.contains(*function) || operations.contains_key(*function);
        assert!(is_known, "there is no {function}");
    }
}

//! `OpKind`, the role of an operation in a net.

use std::fmt;

/// The role of an [operation](crate::Op) in a net, as an [observer](crate::Observer) sees it.
///
/// The signal report of `cotangent-nn` recognizes layers, activations and the loss by it. A custom
/// operation appears there if it returns its kind from [`Op::kind`](crate::Op::kind).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpKind {
    /// Computes each element of the result from the operands' elements in the same place,
    /// broadcast: a logarithm, a power, a difference.
    Elementwise,
    /// Elementwise and nonlinear in the first operand. Other operands are settings, such as the
    /// slopes of a parametric ReLU. The vector-Jacobian product of ones is the derivative by the
    /// first operand.
    Activation,
    /// Elementwise, and adds, scales or selects: a sum, a product, a mask, dropout. The signal of
    /// each operand continues in the result. A difference is [`Elementwise`](Self::Elementwise)
    /// instead, because a loss may begin with one.
    Blend,
    /// Sums products of the operands' elements, as a layer does with its input and its weights: a
    /// matrix product.
    Product,
    /// Sums products of a window of the first operand with filters, at each place: the second axis
    /// of the result has the channels, the axes after it the places.
    Convolution,
    /// Runs a recurrent layer: the first axis of the result is time, the second the batch.
    Recurrence,
    /// Computes means of values, weighted by how well queries match keys. The operands are queries,
    /// keys and values, then masks.
    Attention,
    /// Normalizes the first operand; other operands scale and shift the result.
    Normalization,
    /// Computes one element from many along one or more axes: a sum, a mean, a maximum, or a
    /// cumulative form of these.
    Reduction,
    /// Computes shares that sum to 1 along an axis, or their logarithms.
    Softmax,
    /// Takes elements of the first operand by index, as an embedding does.
    Lookup,
    /// Moves, repeats or omits elements without computing new ones: a view, a slice, padding, a
    /// concatenation.
    Shape,
    /// Compares predictions with targets.
    Loss,
    /// None of the above, or several in one.
    #[default]
    Other,
}

impl OpKind {
    /// All kinds, so that a kind can be found by its name.
    #[doc(hidden)]
    pub const ALL: [Self; 14] = [
        Self::Elementwise,
        Self::Activation,
        Self::Blend,
        Self::Product,
        Self::Convolution,
        Self::Recurrence,
        Self::Attention,
        Self::Normalization,
        Self::Reduction,
        Self::Softmax,
        Self::Lookup,
        Self::Shape,
        Self::Loss,
        Self::Other,
    ];
}

/// The name in lower case, such as `normalization`.
impl fmt::Display for OpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Elementwise => "elementwise",
            Self::Activation => "activation",
            Self::Blend => "blend",
            Self::Product => "product",
            Self::Convolution => "convolution",
            Self::Recurrence => "recurrence",
            Self::Attention => "attention",
            Self::Normalization => "normalization",
            Self::Reduction => "reduction",
            Self::Softmax => "softmax",
            Self::Lookup => "lookup",
            Self::Shape => "shape",
            Self::Loss => "loss",
            Self::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::OpKind;
    use std::path::Path;

    #[test]
    fn the_list_of_kinds_is_complete() {
        let names = include_str!("kind.rs").split("=> \"").skip(1);
        let names: Vec<_> = names.filter_map(|rest| rest.split_once('"')).collect();
        let found = OpKind::ALL.map(|kind| kind.to_string());
        assert!(names.iter().map(|(name, _)| *name).eq(found), "{names:?}");
    }

    /// Calls `f` with the source of each operation of the library and its file.
    fn each_operation(mut f: impl FnMut(&str, &Path)) {
        let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops")];
        let mut count = 0;
        while let Some(path) = open.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).expect("the sources");
                open.extend(entries.map(|entry| entry.expect("a file").path()));
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            for block in text.split("Op for ").skip(1) {
                count += 1;
                f(block.split("\n}\n").next().unwrap_or_default(), &path);
            }
        }
        assert!(count > 20, "{count}");
    }

    /// The default kind is for custom operations. A built-in operation without a kind would be
    /// missing from the signal report without an error.
    #[test]
    fn every_operation_of_the_library_returns_its_kind() {
        let mut without = Vec::new();
        each_operation(|block, path| {
            if !block.contains("fn kind(&self) -> OpKind") {
                let name = block.lines().next().unwrap_or_default();
                without.push(format!("{name} in {}", path.display()));
            }
        });
        assert!(without.is_empty(), "{without:?}");
    }

    /// The default count of 0 would be missing from the summary of a run without an error.
    #[test]
    fn every_operation_with_products_counts_its_multiply_adds() {
        let (mut without, mut count) = (Vec::new(), 0);
        each_operation(|block, path| {
            let kinds = ["Product", "Convolution", "Recurrence", "Attention"]
                .map(|kind| format!("OpKind::{kind}"));
            if kinds.iter().any(|kind| block.contains(kind)) {
                count += 1;
                if !block.contains("fn multiply_adds") {
                    let name = block.lines().next().unwrap_or_default();
                    without.push(format!("{name} in {}", path.display()));
                }
            }
        });
        assert!(count >= 4, "{count}");
        assert!(without.is_empty(), "{without:?}");
    }
}

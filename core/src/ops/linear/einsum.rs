//! Einstein summation: products and sums described by an equation over named axes.
//!
//! The equation is parsed into labels, one per axis. The operands are then combined two at a time,
//! permuted and reshaped so that `matmul` or an elementwise product computes the result.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{Axes, Indices, Shape};
use smallvec::SmallVec;
use std::borrow::Borrow;

const OP: &str = "einsum";

/// The name of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// An axis covered by `...`: its place, counted from the last covered axis.
    Covered(std::cmp::Reverse<usize>),
    Letter(char),
}

/// The labels of one operand, or of the result, as written.
#[derive(Clone, Debug, Default)]
struct Term {
    letters: Vec<char>,
    /// The number of letters in front of `...`.
    ellipsis: Option<usize>,
}

/// # Linear algebra
impl Tensor {
    /// Computes the sum of products that an equation describes: `bij,bjk->bik` multiplies two
    /// stacks of matrices.
    ///
    /// - Each letter (a-z, A-Z) names an axis. Axes of one name have one length, or length 1, which
    ///   is stretched.
    /// - Axes that the result, behind `->`, does not name are summed over.
    /// - If one operand has a name twice, its diagonal is taken.
    /// - `...` covers any further axes. They are broadcast together, and summed over if the result
    ///   has no `...`.
    /// - Without `->` the result has the axes of `...` and then the names that occur once, in
    ///   alphabetical order, capitals first.
    /// - Spaces are ignored. Several operands are multiplied from left to right.
    ///
    /// # Errors
    /// [`Error::Argument`] if the equation is malformed, does not have one term per operand, or has
    /// a result that names an axis twice or one that no operand has; [`Error::Shape`] if the number
    /// of axes or their lengths do not fit; [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let v = Tensor::from([10.0f32, 1.0]);
    /// assert_eq!(Tensor::einsum("ij,j->i", &[&a, &v])?.to_vec::<f32>()?, [12.0, 34.0]);
    /// assert_eq!(Tensor::einsum("ii", &[&a])?.item()?, 5.0);
    /// assert_eq!(Tensor::einsum("ij->ji", &[&a])?.to_vec::<f32>()?, [1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn einsum(equation: &str, operands: &[impl Borrow<Self>]) -> Result<Self> {
        let operands: SmallVec<[&Self; 8]> = operands.iter().map(Borrow::borrow).collect();
        let (terms, result) = parse(equation)?;
        if terms.len() != operands.len() {
            let (expected, found) = (terms.len(), operands.len());
            let reason = format!(
                "`{equation}`: expected an operand for each of {expected} terms, found {found}"
            );
            return Err(Error::argument(OP, reason));
        }
        Tensor::expect_one_dtype_in(OP, "operands", &operands)?;
        let mut named = Vec::new();
        for (term, operand) in terms.iter().zip(operands) {
            named.push(Named::new(equation, operand, term)?);
        }
        let result = match result {
            Some(term) => explicit_result(equation, &term, &named)?,
            None => implicit_result(&terms, &named),
        };
        check_lengths(&named)?;
        let mut rest = named.into_iter();
        let mut product = rest.next().map_or_else(
            || Err(Error::argument(OP, "expected at least one operand")),
            Named::diagonal,
        )?;
        while let Some(next) = rest.next() {
            let later: Vec<Label> = rest
                .as_slice()
                .iter()
                .flat_map(|x| x.labels.clone())
                .collect();
            let wanted = |label: &Label| result.contains(label) || later.contains(label);
            product = product.times(next.diagonal()?, wanted)?;
        }
        product
            .only(|label| result.contains(label))?
            .aligned(&result)
    }
}

/// Parses the terms of the operands, and that of the result if there is an arrow.
fn parse(equation: &str) -> Result<(Vec<Term>, Option<Term>)> {
    let (operands, result) = match equation.split_once("->") {
        Some((operands, result)) => (operands, Some(parse_term(equation, result)?)),
        None => (equation, None),
    };
    let terms = operands.split(',').map(|term| parse_term(equation, term));
    Ok((terms.collect::<Result<_>>()?, result))
}

fn parse_term(equation: &str, text: &str) -> Result<Term> {
    let malformed = |what: String| Error::argument(OP, format!("`{equation}`: {what}"));
    let mut term = Term::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("...") {
            if term.ellipsis.replace(term.letters.len()).is_some() {
                return Err(malformed("one term has `...` twice".to_owned()));
            }
            rest = behind;
            continue;
        }
        match c {
            ' ' => {}
            'a'..='z' | 'A'..='Z' => term.letters.push(c),
            _ => {
                let expected = "expected letters, `,`, `...` and one `->`";
                return Err(malformed(format!("unexpected `{c}`; {expected}")));
            }
        }
        rest = &rest[c.len_utf8()..];
    }
    Ok(term)
}

/// Returns the labels of a term whose `...` covers `covered` axes.
fn labels(term: &Term, covered: usize) -> Vec<Label> {
    let letters =
        |range: std::ops::Range<usize>| term.letters[range].iter().map(|&c| Label::Letter(c));
    let end = term.letters.len();
    let place = term.ellipsis.unwrap_or(end);
    let ellipsis = (0..covered)
        .rev()
        .map(|i| Label::Covered(std::cmp::Reverse(i)));
    letters(0..place)
        .chain(ellipsis)
        .chain(letters(place..end))
        .collect()
}

fn covered(named: &[Named]) -> usize {
    let of_one = |x: &Named| {
        x.labels
            .iter()
            .filter(|label| matches!(label, Label::Covered(_)))
            .count()
    };
    named.iter().map(of_one).max().unwrap_or(0)
}

fn explicit_result(equation: &str, term: &Term, named: &[Named]) -> Result<Vec<Label>> {
    for (i, &letter) in term.letters.iter().enumerate() {
        let refused = |what: &str| {
            let reason = format!("`{equation}`: the result's `{letter}` {what}");
            Err(Error::argument(OP, reason))
        };
        if term.letters[..i].contains(&letter) {
            return refused("is named twice");
        }
        if !named
            .iter()
            .any(|x| x.labels.contains(&Label::Letter(letter)))
        {
            return refused("is in no operand");
        }
    }
    Ok(labels(term, term.ellipsis.map_or(0, |_| covered(named))))
}

/// Returns the axes of `...`, and the letters that occur once, sorted.
fn implicit_result(terms: &[Term], named: &[Named]) -> Vec<Label> {
    let letters = || terms.iter().flat_map(|term| &term.letters).copied();
    let mut once: Vec<char> = letters()
        .filter(|&letter| letters().filter(|&other| other == letter).count() == 1)
        .collect();
    once.sort_unstable();
    let term = Term {
        letters: once,
        ellipsis: Some(0),
    };
    labels(&term, covered(named))
}

/// Returns an error unless all axes of one name have one length or length 1.
fn check_lengths(named: &[Named]) -> Result<()> {
    let axes = || {
        named
            .iter()
            .flat_map(|x| x.labels.iter().zip(x.tensor.shape()))
    };
    for (label, &len) in axes() {
        let other = axes().find(|(other, l)| *other == label && **l != len && **l != 1);
        if let (Some((_, other)), true) = (other, len != 1) {
            let name = match label {
                Label::Letter(letter) => format!("`{letter}`"),
                Label::Covered(_) => "an axis of `...`".to_owned(),
            };
            let shapes: Vec<&[usize]> = named.iter().map(|x| x.tensor.shape()).collect();
            let reason = format!("{name} has lengths {len} and {other}");
            return Err(Error::shape(OP, reason, &shapes));
        }
    }
    Ok(())
}

/// A tensor with named axes.
struct Named {
    tensor: Tensor,
    labels: Vec<Label>,
}

impl Named {
    fn new(equation: &str, tensor: &Tensor, term: &Term) -> Result<Self> {
        let (letters, rank) = (term.letters.len(), tensor.rank());
        if letters > rank || (letters < rank && term.ellipsis.is_none()) {
            let reason = format!("`{equation}` names {letters} axes of an operand that has {rank}");
            return Err(Error::shape(OP, reason, &[tensor.shape()]));
        }
        Ok(Self {
            tensor: tensor.clone(),
            labels: labels(term, rank - letters),
        })
    }

    fn place(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&own| own == label)
    }

    /// Takes the diagonal of axes that have one name, until each name occurs once.
    fn diagonal(self) -> Result<Self> {
        let Self {
            mut tensor,
            mut labels,
        } = self;
        while let Some(second) = (0..labels.len()).find(|&i| labels[..i].contains(&labels[i])) {
            let first = labels
                .iter()
                .position(|&label| label == labels[second])
                .unwrap_or(0);
            let len = tensor.shape()[first];
            if tensor.shape()[second] != len {
                let reason = format!(
                    "axes of one name have lengths {len} and {}",
                    tensor.shape()[second]
                );
                return Err(Error::shape(OP, reason, &[tensor.shape()]));
            }
            // Both axes move to the end and merge; every (len + 1)-th element is on the diagonal.
            let others = (0..labels.len()).filter(|&axis| axis != first && axis != second);
            let order: Vec<usize> = others.chain([first, second]).collect();
            labels = order[..order.len() - 1]
                .iter()
                .map(|&axis| labels[axis])
                .collect();
            tensor = tensor.permuted(&order);
            let front = &tensor.shape()[..order.len() - 2];
            let merged: Shape = front.iter().copied().chain([len * len]).collect();
            let places: Indices = (0..len).map(|i| i * (len + 1)).collect();
            tensor = tensor.reshape(merged)?.index_select(-1, &places)?;
        }
        Ok(Self { tensor, labels })
    }

    /// Sums over all axes that are not `wanted`.
    fn only(self, wanted: impl Fn(&Label) -> bool) -> Result<Self> {
        let gone = (0..self.labels.len()).filter(|&axis| !wanted(&self.labels[axis]));
        let gone: Vec<isize> = gone.map(|axis| axis as isize).collect();
        Ok(Self {
            tensor: self.tensor.sum_over(Axes::from(&gone[..]))?,
            labels: self.labels.into_iter().filter(wanted).collect(),
        })
    }

    /// Returns the tensor with the axes in the order of `labels`; missing axes have length 1.
    fn aligned(&self, labels: &[Label]) -> Result<Tensor> {
        let order: Vec<usize> = labels
            .iter()
            .filter_map(|&label| self.place(label))
            .collect();
        let shape: Shape = labels
            .iter()
            .map(|&label| {
                self.place(label)
                    .map_or(1, |axis| self.tensor.shape()[axis])
            })
            .collect();
        self.tensor.permuted(&order).reshape(shape)
    }

    /// Computes the product, summed over the axes that are not `wanted`.
    fn times(self, other: Self, wanted: impl Fn(&Label) -> bool) -> Result<Self> {
        // Axes that only one operand has and that are not wanted are summed first.
        let (a_labels, b_labels) = (self.labels.clone(), other.labels.clone());
        let a = self.only(|label| wanted(label) || b_labels.contains(label))?;
        let b = other.only(|label| wanted(label) || a_labels.contains(label))?;
        let (mut batch, mut inner, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for label in &a.labels {
            match (b.place(*label), wanted(label)) {
                (None, _) => rows.push(*label),
                (Some(_), true) => batch.push(*label),
                (Some(_), false) => inner.push(*label),
            }
        }
        let mut columns = b.labels.clone();
        columns.retain(|&label| a.place(label).is_none());

        let axis_len = |label: &Label| {
            let of = |x: &Self| x.place(*label).map_or(1, |axis| x.tensor.shape()[axis]);
            if of(&a) == 1 { of(&b) } else { of(&a) }
        };
        let lengths = |labels: &[Label]| labels.iter().map(axis_len).collect::<Vec<_>>();
        let len = |labels: &[Label]| lengths(labels).iter().product::<usize>();
        let labels = [&batch[..], &rows, &columns].concat();
        let shape = Shape::from(lengths(&labels));
        shape.reserve(OP, a.tensor.dtype())?;

        if inner.is_empty() || (rows.is_empty() && columns.is_empty()) {
            let all = [&labels[..], &inner].concat();
            let product = a.aligned(&all)?.mul(&b.aligned(&all)?)?;
            let summed: Vec<isize> = (labels.len()..all.len())
                .map(|axis| axis as isize)
                .collect();
            let tensor = product.sum_over(&summed[..])?;
            return Ok(Self { tensor, labels });
        }
        let matrices = |x: &Self, first: &[Label], second: &[Label]| {
            let all = [&batch[..], first, second].concat();
            let x = x.aligned(&all)?.broadcast_to(lengths(&all))?;
            let stack = (!batch.is_empty()).then(|| len(&batch));
            x.reshape(
                stack
                    .into_iter()
                    .chain([len(first), len(second)])
                    .collect::<Vec<_>>(),
            )
        };
        let product = matrices(&a, &rows, &inner)?.matmul(&matrices(&b, &inner, &columns)?)?;
        Ok(Self {
            tensor: product.reshape(shape)?,
            labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implicit_results_are_sorted() -> Result<()> {
        let x = Tensor::from_vec((0..30).map(f64::from).collect(), [2, 5, 3])?;
        let y = Tensor::einsum("b...A", &[&x])?;
        assert_eq!(y.to_f64_vec(), x.permute([1, 2, 0])?.to_f64_vec());
        assert_eq!(y.shape(), [5, 3, 2]);
        Ok(())
    }

    #[test]
    fn axes_of_length_1_are_stretched() -> Result<()> {
        let (a, b) = (
            Tensor::from([[2.0f64], [3.0]]),
            Tensor::from([[1.0f64], [10.0], [100.0]]),
        );
        assert_eq!(
            Tensor::einsum("ij,jk->ik", &[&a, &b])?.to_f64_vec(),
            [222.0, 333.0]
        );
        let diagonal = Tensor::from([[1.0f64, 7.0], [7.0, 2.0]]);
        let scale = Tensor::from([5.0f64]);
        assert_eq!(
            Tensor::einsum("ii,i->i", &[&diagonal, &scale])?.to_f64_vec(),
            [5.0, 10.0]
        );
        Ok(())
    }
}

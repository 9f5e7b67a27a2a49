//! Compares gradients with the parameters of a model: which have none, and which belong to none.

use super::leaves::named_params;
use super::walk::{LeafRef, Module, Walk};
use crate::autograd::{Gradients, LeafId, Tensor};
use crate::error::{Error, Result};
use crate::tensor::{DType, Shape};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::ControlFlow;

/// The result of [`Gradients::audit`]: parameters without a gradient, and gradients without a
/// parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    params: usize,
    missing: Vec<String>,
    frozen: Vec<String>,
    unknown: Vec<Shape>,
}

impl Audit {
    /// Returns the paths of the parameters that have no gradient and are not frozen: the loss does
    /// not depend on them, or only through a detached tensor.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Returns the paths of the frozen parameters, which get no gradient.
    pub fn frozen(&self) -> &[String] {
        &self.frozen
    }

    /// Returns the shapes of the gradients that belong to no parameter of the model: to an input,
    /// to another model, or to a `Param` in a field that the derive skips.
    pub fn unknown(&self) -> &[Shape] {
        &self.unknown
    }

    /// Returns whether every parameter that is not frozen has a gradient, and every gradient a
    /// parameter.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unknown.is_empty()
    }
}

/// One line, to print in a training loop.
impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [missing, frozen] = [&self.missing, &self.frozen].map(|paths| listed(paths, "`"));
        let trained = self.params - self.frozen.len();
        if self.missing.is_empty() {
            let verb = if trained == 1 { "has" } else { "have" };
            write!(f, "{} {verb} a gradient", count(trained, "parameter"))?;
        } else {
            let of = count(trained, "parameter");
            write!(
                f,
                "no gradient for {} of {of}: {missing}",
                self.missing.len()
            )?;
        }
        if !self.frozen.is_empty() {
            write!(f, "; {} frozen: {frozen}", self.frozen.len())?;
        }
        if !self.unknown.is_empty() {
            let verb = if self.unknown.len() == 1 {
                "belongs"
            } else {
                "belong"
            };
            let gradients = count(self.unknown.len(), "gradient");
            let shapes = listed(&self.unknown, "");
            write!(f, "; {gradients} {verb} to no parameter: {shapes}")?;
        }
        Ok(())
    }
}

fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// The first items, and how many there are besides: a line stays readable for any model.
fn listed(items: &[impl fmt::Display], quote: &str) -> String {
    const MOST: usize = 8;
    let shown = items.iter().take(MOST);
    let shown: Vec<String> = shown.map(|item| format!("{quote}{item}{quote}")).collect();
    match items.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Gradients {
    /// Compares the gradients with the parameters of a model.
    ///
    /// ```
    /// use cotangent::module::{Param, Pass};
    /// use cotangent::Tensor;
    /// let net = (Param::new(&Tensor::from([1.0f32, 2.0])), Param::new(&Tensor::from([3.0f32])));
    /// let pass = Pass::train(0);
    /// // The second parameter is detached from the loss.
    /// let grads = net.0.read(&pass).mul(&net.1.read(&pass).detach())?.sum().backward()?;
    /// let audit = grads.audit(&net);
    /// assert!(!audit.is_complete());
    /// assert_eq!(audit.to_string(), "no gradient for 1 of 2 parameters: `1`");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn audit(&self, model: &(impl Module + ?Sized)) -> Audit {
        let params = named_params(model);
        let ids: BTreeSet<LeafId> = params.iter().map(|(_, param)| param.id()).collect();
        let mut audit = Audit {
            params: params.len(),
            ..Audit::default()
        };
        for (path, param) in params {
            if param.is_frozen() {
                audit.frozen.push(path);
            } else if self.get(param).is_none() {
                audit.missing.push(path);
            }
        }
        let unknown = self.iter().filter(|(id, _)| !ids.contains(id));
        audit.unknown = unknown
            .map(|(_, gradient)| gradient.shape().into())
            .collect();
        audit
    }

    /// Returns an error unless at least one of the gradients belongs to a parameter of the model.
    /// Optimizers and clipping call it: gradients of another model would change nothing.
    ///
    /// The search stops at the first parameter that has a gradient.
    ///
    /// # Errors
    /// [`Error::Argument`], which says what model the gradients may belong to.
    pub fn expect_of(&self, op: &'static str, model: &(impl Module + ?Sized)) -> Result<()> {
        let mut found = false;
        Walk::until(model, &mut |_, leaf| match leaf {
            LeafRef::Param(param) if self.get(param).is_some() => {
                found = true;
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        if found {
            Ok(())
        } else {
            Err(Error::argument(op, self.foreign(model)))
        }
    }

    /// The reason why no gradient belongs to a parameter of the model.
    fn foreign(&self, model: &(impl Module + ?Sized)) -> String {
        if self.is_empty() {
            return "no gradient at all: every parameter is frozen or detached from the loss"
                .to_owned();
        }
        // Forms and not names, which gradients do not have.
        let mut forms: HashMap<(DType, Vec<usize>), usize> = HashMap::new();
        let form = |tensor: &Tensor| (tensor.dtype(), tensor.shape().to_vec());
        for (_, param) in named_params(model) {
            *forms.entry(form(param.value())).or_default() += 1;
        }
        let fits = self.iter().all(|(_, gradient)| {
            let left = forms.get_mut(&form(gradient)).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_some()
        });
        let whose = if fits {
            "they are those of a clone of this model, or of the model that it was cloned from: \
             a clone has parameters of its own"
        } else {
            "they are those of another model"
        };
        format!("no gradient belongs to a parameter of the model; {whose}")
    }
}

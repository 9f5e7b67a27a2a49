//! The saved state of L-BFGS.

use super::Lbfgs;
use super::history::{History, Pair};
use crate::state::{Mismatches, check_writer, insert_writer};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{DType, Result, Tensor};
use std::collections::BTreeMap;

/// The entries are `algorithm.Lbfgs`, the number of parameters that the state is of; `len.PATH`,
/// the number of elements of each; the vectors `previous.x` and `previous.gradient`; and the pairs
/// of changes, `pair.0.s`, `pair.0.y` and so on, the oldest first. Vectors have the dtype `f64` and
/// contain the parameters in the order of their paths.
///
/// Options are not part of the state. Pairs beyond the size of the history are dropped.
impl Stateful for Lbfgs {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        let Some((x, gradient)) = &self.previous else {
            insert_writer(&mut all, "Lbfgs", 0);
            return Ok(all);
        };
        insert_writer(&mut all, "Lbfgs", self.lengths.len());
        for (path, len) in &self.lengths {
            all.insert(&format!("len.{path}"), Entry::Count(*len));
        }
        all.insert("previous.x", Entry::Tensor(x.clone()));
        all.insert("previous.gradient", Entry::Tensor(gradient.clone()));
        for (i, pair) in self.history.pairs().enumerate() {
            all.insert(&format!("pair.{i}.s"), Entry::Tensor(pair.s.clone()));
            all.insert(&format!("pair.{i}.y"), Entry::Tensor(pair.y.clone()));
        }
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        check_writer(state, "Lbfgs")?;
        let mut wrong = Mismatches::default();
        let mut lengths = BTreeMap::new();
        for (path, _) in state.part("len").iter() {
            let len = wrong.take(state.count(&format!("len.{path}")));
            lengths.insert(path.to_owned(), len.unwrap_or_default());
        }
        let count = wrong.take(state.count("algorithm.Lbfgs"));
        if count.is_some_and(|count| count != lengths.len() as u64) {
            let found = lengths.len();
            wrong.add(format!(
                "`algorithm.Lbfgs`: expected {found}, the number of `len.*`"
            ));
        }
        let len = lengths
            .values()
            .fold(0, |sum: u64, len| sum.saturating_add(*len));
        let mut vector = |name: &str| -> Option<Tensor> {
            let tensor = wrong.take(state.tensor(name))?;
            if tensor.dtype() == DType::F64 && tensor.rank() == 1 && tensor.len() as u64 == len {
                return Some(tensor.clone());
            }
            wrong.add(format!("`{name}`: expected {len} elements of dtype F64"));
            None
        };
        let mut previous = None;
        if !lengths.is_empty() {
            previous = vector("previous.x").zip(vector("previous.gradient"));
        }
        let pairs = state.part("pair");
        let mut vectors = Vec::new();
        while 2 * vectors.len() < pairs.len() {
            let name = |part| format!("pair.{}.{part}", vectors.len());
            let (s, y) = (vector(&name("s")), vector(&name("y")));
            vectors.push(s.zip(y));
        }
        let mut history = History::default();
        for (i, pair) in vectors.iter().enumerate() {
            let Some((s, y)) = pair else {
                continue;
            };
            match wrong.take(Pair::new(s.clone(), y.clone())) {
                Some(Some(pair)) => history.push(pair, self.options.history_size),
                Some(None) => wrong.add(format!("`pair.{i}`: the curvature is not positive")),
                None => {}
            }
        }
        wrong.only(state, |name| {
            let of_pair = |name: &str| {
                let (number, part) = name.split_once('.')?;
                let number: usize = number.parse().ok()?;
                Some(number < vectors.len() && ["s", "y"].contains(&part))
            };
            let previous = ["previous.x", "previous.gradient"].contains(&name);
            name == "algorithm.Lbfgs"
                || name.starts_with("len.")
                || (previous && !lengths.is_empty())
                || name.strip_prefix("pair.").and_then(of_pair) == Some(true)
        });
        wrong.finish()?;
        (self.history, self.previous, self.lengths) = (history, previous, lengths);
        self.ids = None;
        Ok(())
    }
}

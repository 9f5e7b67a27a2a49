//! Data sets made of others: changed, selected, joined.

use cotangent_core::Result as CoreResult;
use cotangent_core::random::ChaCha8Rng;

use crate::dataset::{Dataset, stack_of};
use crate::error::{Error, Result};
use crate::key::{Key, occurrences};
use crate::sample::Sample;

/// A data set whose samples a function changes; see [`Dataset::map`].
#[derive(Clone, Debug)]
pub struct Map<D, F> {
    pub(crate) dataset: D,
    pub(crate) f: F,
}

impl<D, S, F> Dataset for Map<D, F>
where
    D: Dataset,
    S: Sample,
    F: Fn(D::Sample) -> CoreResult<S> + Send + Sync,
{
    type Sample = S;

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, position: usize) -> CoreResult<S> {
        (self.f)(self.dataset.get(position)?)
    }

    fn draw(&self, position: usize, key: Key) -> CoreResult<S> {
        (self.f)(self.dataset.draw(position, key)?)
    }
}

/// A data set whose samples a function changes at random; see [`Dataset::augment`].
#[derive(Clone, Debug)]
pub struct Augment<D, F> {
    pub(crate) dataset: D,
    pub(crate) f: F,
}

impl<D, F> Dataset for Augment<D, F>
where
    D: Dataset,
    F: Fn(D::Sample, &mut ChaCha8Rng) -> CoreResult<D::Sample> + Send + Sync,
{
    type Sample = D::Sample;

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, position: usize) -> CoreResult<D::Sample> {
        self.dataset.get(position)
    }

    fn draw(&self, position: usize, key: Key) -> CoreResult<D::Sample> {
        let sample = self.dataset.draw(position, key.child(0))?;
        (self.f)(sample, &mut key.generator(position))
    }
}

/// A view of some samples of a data set; see [`Dataset::subset`].
#[derive(Clone, Debug)]
pub struct Subset<D> {
    dataset: D,
    positions: Vec<usize>,
    /// How often each position occurs before, if any occurs twice.
    occurrences: Vec<u32>,
}

impl<D: Dataset> Subset<D> {
    pub(crate) fn new(dataset: D, positions: Vec<usize>) -> Result<Self> {
        let samples = dataset.len();
        if let Some(&position) = positions.iter().find(|&&position| position >= samples) {
            return Err(Error::SampleOutOfRange { position, samples });
        }
        let occurrences = occurrences(&positions, samples);
        Ok(Self {
            dataset,
            positions,
            occurrences,
        })
    }

    /// Returns the positions in the whole data set.
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }

    fn position(&self, position: usize) -> CoreResult<usize> {
        let samples = self.positions.len();
        let found = self.positions.get(position).copied();
        Ok(found.ok_or(Error::SampleOutOfRange { position, samples })?)
    }

    /// Returns the draw in the whole data set.
    fn whole(&self, (position, key): (usize, Key)) -> CoreResult<(usize, Key)> {
        let before = self.occurrences.get(position);
        let key = before.map_or(key, |&before| key.after(before));
        Ok((self.position(position)?, key))
    }
}

/// An error names the position in the whole data set.
impl<D: Dataset> Dataset for Subset<D> {
    type Sample = D::Sample;

    fn len(&self) -> usize {
        self.positions.len()
    }

    fn get(&self, position: usize) -> CoreResult<D::Sample> {
        self.dataset.get(self.position(position)?)
    }

    fn draw(&self, position: usize, key: Key) -> CoreResult<D::Sample> {
        let (position, key) = self.whole((position, key))?;
        let drawn = self.dataset.draw(position, key);
        drawn.map_err(|error| Error::item(position, error))
    }

    fn batch(&self, draws: &[(usize, Key)]) -> CoreResult<D::Sample> {
        let draws = draws.iter().map(|&draw| self.whole(draw));
        self.dataset.batch(&draws.collect::<CoreResult<Vec<_>>>()?)
    }
}

/// The samples of two data sets, one after the other; see [`Dataset::concat`].
#[derive(Clone, Debug)]
pub struct Concat<A, B> {
    first: A,
    second: B,
}

impl<A: Dataset, B: Dataset<Sample = A::Sample>> Concat<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Dataset, B: Dataset<Sample = A::Sample>> Dataset for Concat<A, B> {
    type Sample = A::Sample;

    fn len(&self) -> usize {
        self.first.len().saturating_add(self.second.len())
    }

    fn get(&self, position: usize) -> CoreResult<A::Sample> {
        match position.checked_sub(self.first.len()) {
            None => self.first.get(position),
            Some(position) => self.second.get(position),
        }
    }

    fn draw(&self, position: usize, key: Key) -> CoreResult<A::Sample> {
        match position.checked_sub(self.first.len()) {
            None => self.first.draw(position, key),
            Some(position) => self.second.draw(position, key.child(1)),
        }
    }

    fn batch(&self, draws: &[(usize, Key)]) -> CoreResult<A::Sample> {
        let first = self.first.len();
        if draws.iter().all(|&(position, _)| position < first) {
            return self.first.batch(draws);
        }
        stack_of(self, draws)
    }
}

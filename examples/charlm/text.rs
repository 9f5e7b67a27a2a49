//! Texts as numbers: the vocabulary, and windows of parallel streams.

use anyhow::{Context, Result, ensure};
use cotangent::prelude::*;
use std::collections::BTreeSet;

/// The different characters of a text, in ascending order. The token of a character is its place.
pub struct Vocabulary(Vec<char>);

impl Vocabulary {
    pub fn of(text: &str) -> Self {
        let characters: BTreeSet<char> = text.chars().collect();
        Self(characters.into_iter().collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn encode(&self, text: &str) -> Result<Vec<usize>> {
        let token = |c: char| {
            let found = self.0.binary_search(&c).ok();
            found.with_context(|| format!("the text does not have the character {c:?}"))
        };
        text.chars().map(token).collect()
    }

    pub fn decode(&self, tokens: &[usize]) -> String {
        tokens.iter().map(|&token| self.0[token]).collect()
    }
}

/// A text cut into equal streams, one for each row of a batch.
///
/// The windows of a stream follow each other, so that a recurrent layer can continue from the state
/// after the window before.
pub struct Streams {
    tokens: Vec<usize>,
    count: usize,
    len: usize,
    steps: usize,
}

/// The characters of a window, and for each the next one: both (streams, time).
pub struct Window {
    pub inputs: Indices,
    pub targets: Indices,
}

impl Streams {
    /// Cuts `tokens` into `count` streams, which are read in windows of `steps` characters.
    pub fn new(tokens: &[usize], count: usize, steps: usize) -> Result<Self> {
        ensure!(
            count > 0 && steps > 0,
            "a window has at least one character"
        );
        // The last character of a stream is only a target.
        let len = tokens.len().saturating_sub(1) / count;
        ensure!(
            len >= steps,
            "expected at least {} characters for {count} streams of {steps}, found {}",
            count * steps + 1,
            tokens.len()
        );
        Ok(Self {
            tokens: tokens.to_vec(),
            count,
            len,
            steps,
        })
    }

    /// Returns the number of characters in a whole window.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Returns the number of whole windows.
    pub fn windows(&self) -> usize {
        self.len / self.steps
    }

    /// Returns the window that begins at a place of the streams, at their end a shorter one.
    pub fn window(&self, start: usize) -> Result<Window> {
        let steps = self.steps.min(self.len - start);
        let cut = |shift: usize| {
            let rows = (0..self.count).map(|stream| stream * self.len + start + shift);
            let tokens = rows.flat_map(|first| &self.tokens[first..first + steps]);
            Indices::from_vec(tokens.copied().collect(), [self.count, steps])
        };
        Ok(Window {
            inputs: cut(0)?,
            targets: cut(1)?,
        })
    }

    /// Returns the whole windows, without the first `skipped` characters of each stream.
    pub fn training(&self, skipped: usize) -> impl Iterator<Item = Result<Window>> {
        let windows = (self.len - skipped) / self.steps;
        (0..windows).map(move |i| self.window(skipped + i * self.steps))
    }

    /// Returns windows of all characters.
    pub fn all(&self) -> impl Iterator<Item = Result<Window>> {
        (0..self.len)
            .step_by(self.steps)
            .map(|start| self.window(start))
    }
}

//! The model: an embedding, layers that read the characters before, and a linear layer.

use cotangent::prelude::*;

/// The sizes of a model.
pub struct Sizes {
    pub characters: usize,
    pub hidden: usize,
    pub layers: usize,
    pub dropout: f64,
    /// The number of heads of a transformer.
    pub heads: usize,
    /// The number of characters in a window.
    pub steps: usize,
}

/// The layers between the embedding and the output. Inputs and outputs are (batch, time, hidden).
pub trait Body: Module + Sized {
    /// The memory of the text so far.
    type State: Default;

    fn new(sizes: &Sizes, rng: &mut ChaCha8Rng) -> Result<Self>;

    /// Reads a window. Gradients do not reach the windows before.
    fn window(&self, x: &Tensor, state: &mut Self::State, pass: &Pass) -> Result<Tensor>;

    /// Reads the next characters of a text.
    fn step(&self, x: &Tensor, state: &mut Self::State, pass: &Pass) -> Result<Tensor> {
        self.window(x, state, pass)
    }

    /// Returns the number of characters that can still be read.
    fn room(&self, _: &Self::State) -> usize {
        usize::MAX
    }
}

impl Body for Lstm {
    type State = Option<LstmState>;

    fn new(sizes: &Sizes, rng: &mut ChaCha8Rng) -> Result<Self> {
        Self::builder(sizes.hidden, sizes.hidden)
            .layers(sizes.layers)
            .dropout(sizes.dropout)
            .forget_bias(1.0)
            .build(rng)
    }

    fn window(&self, x: &Tensor, state: &mut Self::State, pass: &Pass) -> Result<Tensor> {
        let (output, last) = self.run(x, state.as_ref(), pass)?;
        *state = Some(last.detach());
        Ok(output)
    }
}

impl Body for Gru {
    type State = Option<Tensor>;

    fn new(sizes: &Sizes, rng: &mut ChaCha8Rng) -> Result<Self> {
        Self::builder(sizes.hidden, sizes.hidden)
            .layers(sizes.layers)
            .dropout(sizes.dropout)
            .build(rng)
    }

    fn window(&self, x: &Tensor, state: &mut Self::State, pass: &Pass) -> Result<Tensor> {
        let (output, last) = self.run(x, state.as_ref(), pass)?;
        *state = Some(last.detach());
        Ok(output)
    }
}

/// A small transformer as GPT, with sinusoidal positions, whose meaning need not be learnt from a
/// short text. It reads at most a window, and each window by itself.
#[derive(Module, Debug)]
pub struct Transformer {
    positions: SinusoidalPositions,
    layers: Vec<TransformerEncoderLayer>,
    norm: LayerNorm,
    #[module(skip)]
    steps: usize,
}

impl Body for Transformer {
    type State = Vec<KeyValueCache>;

    fn new(sizes: &Sizes, rng: &mut ChaCha8Rng) -> Result<Self> {
        let layer = TransformerEncoderLayer::builder(sizes.hidden, sizes.heads)
            .norm_first()
            .causal()
            .activation(Gelu)
            .dropout(sizes.dropout);
        let layers = (0..sizes.layers).map(|_| layer.clone().build(rng));
        Ok(Self {
            positions: SinusoidalPositions::new(sizes.steps, sizes.hidden)?,
            layers: layers.collect::<Result<_>>()?,
            norm: LayerNorm::new(sizes.hidden)?,
            steps: sizes.steps,
        })
    }

    fn window(&self, x: &Tensor, _: &mut Self::State, pass: &Pass) -> Result<Tensor> {
        let x = self.positions.forward(x, pass)?;
        self.norm.forward(&self.layers.forward(&x, pass)?, pass)
    }

    fn step(&self, x: &Tensor, caches: &mut Self::State, pass: &Pass) -> Result<Tensor> {
        let first = caches.first().map_or(0, KeyValueCache::len);
        caches.resize_with(self.layers.len(), KeyValueCache::new);
        let mut x = self.positions.forward_from(x, first)?;
        for (layer, cache) in self.layers.iter().zip(caches) {
            x = layer.step(&x, cache, pass)?;
        }
        self.norm.forward(&x, pass)
    }

    fn room(&self, caches: &Self::State) -> usize {
        self.steps - caches.first().map_or(0, KeyValueCache::len)
    }
}

/// A language model: logits of the next character.
#[derive(Module, Debug)]
pub struct CharLm<B> {
    embedding: Embedding,
    body: B,
    dropout: Dropout,
    out: Linear,
}

impl<B: Body> CharLm<B> {
    pub fn new(sizes: &Sizes, seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self {
            embedding: Embedding::new(sizes.characters, sizes.hidden, &mut rng)?,
            body: B::new(sizes, &mut rng)?,
            dropout: Dropout::new(sizes.dropout)?,
            out: Linear::new(sizes.hidden, sizes.characters, &mut rng)?,
        })
    }

    /// Computes logits (batch, time, characters) for a window of tokens (batch, time).
    pub fn window(&self, tokens: &Indices, state: &mut B::State, pass: &Pass) -> Result<Tensor> {
        let x = self.embedding.forward(tokens, pass)?;
        let y = self.body.window(&x, state, pass)?;
        self.out.forward(&self.dropout.forward(&y, pass)?, pass)
    }

    /// Draws the `count` characters that follow a text, from the probabilities to the power of 1 /
    /// temperature. At a low temperature the likely characters become likelier.
    pub fn write(
        &self,
        text: &[usize],
        count: usize,
        temperature: f64,
        rng: &mut impl Rng,
    ) -> Result<Vec<usize>> {
        let pass = Pass::inference();
        let mut state = B::State::default();
        let mut tokens = text.to_vec();
        let mut read = 0;
        for _ in 0..count {
            if tokens.len() - read > self.body.room(&state) {
                // Begin again and keep half of what can be read.
                state = B::State::default();
                read = tokens.len() - self.body.room(&state).div_ceil(2);
            }
            let new = Indices::from_vec(tokens[read..].to_vec(), [1, tokens.len() - read])?;
            let x = self.embedding.forward(&new, &pass)?;
            let y = self.body.step(&x, &mut state, &pass)?;
            let last = y.narrow(1, y.shape()[1] - 1, 1)?;
            let logits = self.out.forward(&last, &pass)?;
            read = tokens.len();
            let next = (logits / temperature).softmax(-1)?.multinomial(rng)?;
            tokens.extend(next.as_slice());
        }
        Ok(tokens.split_off(text.len()))
    }
}

//! A character-level recurrent model: truncated backpropagation through time, then sampling.
use cotangent::prelude::*;

const TEXT: &str = "the cat sat on the mat. a dog ran to the red barn. ";
const STREAMS: usize = 8;
const STEPS: usize = 20;

#[derive(Module, Clone, Debug)]
struct Model {
    embedding: Embedding,
    rnn: Rnn,
    out: Linear,
}

impl Model {
    fn new(characters: usize, rng: &mut impl Rng) -> Result<Self> {
        Ok(Self {
            embedding: Embedding::new(characters, 12, rng)?,
            rnn: Rnn::new(12, 64, rng)?,
            out: Linear::new(64, characters, rng)?,
        })
    }

    /// Logits (batch, time, characters) of `text` (batch, time), and the last state.
    fn forward(
        &self,
        text: &Indices,
        state: Option<&Tensor>,
        pass: &Pass,
    ) -> Result<(Tensor, Tensor)> {
        let x = self.embedding.forward(text, pass)?;
        let (states, last) = self.rnn.run(&x, state, pass)?;
        Ok((self.out.forward(&states, pass)?, last))
    }

    /// Continues `start` by `length` characters, drawn from the predicted distribution.
    fn sample(
        &self,
        alphabet: &[char],
        start: &str,
        length: usize,
        rng: &mut impl Rng,
    ) -> Result<String> {
        let pass = Pass::inference();
        let mut text = start.to_string();
        let mut input = encode(alphabet, start).unsqueeze(0)?;
        let mut state = None;
        for _ in 0..length {
            let (logits, last) = self.forward(&input, state.as_ref(), &pass)?;
            let next = logits
                .slice(1, -1, None, 1)?
                .div_scalar(0.7)
                .softmax(-1)?
                .multinomial(rng)?;
            text.push(alphabet[next.as_slice()[0]]);
            (input, state) = (next, Some(last));
        }
        Ok(text)
    }
}

fn encode(alphabet: &[char], text: &str) -> Indices {
    text.chars()
        .map(|c| alphabet.binary_search(&c).expect("a character of the text"))
        .collect()
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut alphabet: Vec<char> = TEXT.chars().collect();
    alphabet.sort_unstable();
    alphabet.dedup();

    // Parallel streams through a long repetition, each (STREAMS, length).
    let corpus = encode(&alphabet, &TEXT.repeat(64));
    let corpus = corpus
        .narrow(0, 0, corpus.len() / STREAMS * STREAMS)?
        .reshape([STREAMS, INFER])?;
    let length = corpus.shape()[1];

    let mut model = Model::new(alphabet.len(), &mut rng)?;
    println!(
        "{} characters, {} parameters",
        alphabet.len(),
        model.param_count()
    );
    let (pass, mut optimizer) = (Pass::train(1), Adam::new(0.005).build()?);
    let (mut first, mut last) = (None, 0.0);
    for epoch in 0..12 {
        let mut state: Option<Tensor> = None;
        let mut losses = Vec::new();
        for start in (0..length - STEPS).step_by(STEPS) {
            let input = corpus.narrow(1, start, STEPS)?;
            let target = corpus.narrow(1, start + 1, STEPS)?;
            let (logits, end) = model.forward(&input, state.as_ref(), &pass)?;
            let loss = logits.cross_entropy(&target)?;
            let mut grads = loss.backward()?;
            clip::global_norm(1.0).apply(&model, &mut grads)?;
            optimizer.step(&mut model, grads)?;
            state = Some(end.detach()); // truncated here
            losses.push(loss.item()?);
        }
        first.get_or_insert(losses[0]);
        last = losses[losses.len() - 1];
        println!("epoch {epoch:2}: {last:.4}");
    }

    let text = model.sample(&alphabet, "the ", 200, &mut rng)?;
    println!("{text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let known = words
        .iter()
        .filter(|word| TEXT.split_whitespace().any(|w| w == **word))
        .count();
    println!("{known} of {} words are the text's", words.len());

    // Backward through several steps and a given state is right.
    let input = corpus.narrow(0, 0, 2)?.narrow(1, 0, 5)?;
    let target = corpus.narrow(0, 0, 2)?.narrow(1, 1, 5)?;
    let state = Tensor::uniform([1, 2, 64], -1.0, 1.0, DType::F32, &mut rng)?;
    let report = gradcheck::module(&model, &[state], |model, x, pass| {
        model
            .forward(&input, Some(&x[0]), pass)?
            .0
            .cross_entropy(&target)
    })?;
    report.assert_ok();
    assert!(first.unwrap_or(0.0) > 2.5 && last < 0.2 && known * 10 >= words.len() * 9);
    Ok(())
}

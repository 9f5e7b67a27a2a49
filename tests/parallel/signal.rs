//! The signal report over ranks: the same bits on all of them, and the report of one process that
//! computes the whole batch.

use super::nets::{Attentive, Convolutional, Recurrent, Synchronized};
use super::steps::data;
use cotangent::data::{Shards, Table};
use cotangent::nn::signal::{Distribution, Report, Signal, Verdict};
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use cotangent::train::{Log, StepRecord};

type Batch = (Tensor, Indices);

/// Returns the report of each step, with every number of it. The last batch has 3 samples: with 4
/// shards one is empty.
fn reports<M: Module>(
    ranks: &Ranks,
    mut net: M,
    data: &Table<Batch>,
    forward: impl Fn(&M, &Tensor, &Pass) -> Result<Tensor>,
) -> Result<Vec<String>> {
    let mut optimizer = Adam::new(1e-2).build()?;
    let batches = Batches::new(data, 20)?.shuffle(3);
    let signal = Signal::of(&net).every(2);
    let pass = Pass::train(5).observed(signal.clone());
    let mut reports = Vec::new();
    for epoch in 0..3 {
        for batch in batches.shards(epoch, ranks.own_shards(), ranks.shards())? {
            let summed = ranks.gradients(&net, &batch?, &pass, |net, (x, y), pass| {
                forward(net, x, pass)?.cross_entropy(y)
            })?;
            optimizer.step(&mut net, summed.gradients)?;
            let report = signal.step_on(&net, |own, add| ranks.combine(own, add))?;
            reports.extend(report.map(|report| format!("{report:?}")));
        }
    }
    Ok(reports)
}

/// Checks that the reports of runs on 1, 2 and 4 ranks with 4 shards have the same bits.
fn same_bits(run: impl Fn(&Ranks) -> Result<Vec<String>> + Sync) {
    let single = run(&Ranks::builder().shards(4).single().unwrap()).unwrap();
    assert!(single.len() > 1);
    for count in [1, 2, 4] {
        let all = Ranks::builder().shards(4).threads(count, &run).unwrap();
        for (rank, reports) in all.iter().enumerate() {
            assert_eq!(*reports, single, "rank {rank} of {count}");
        }
    }
}

#[test]
fn reports_have_the_same_bits_on_any_number_of_ranks() {
    let dense = data(43, &[6]);
    same_bits(|ranks| {
        let net = Mlp::builder([6, 16, 8, 3]).dropout(0.2);
        let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
        reports(ranks, net, &dense, Layer::forward)
    });
    let images = data(43, &[2, 6, 6]);
    same_bits(|ranks| reports(ranks, Convolutional::new()?, &images, Layer::forward));
    let series = data(43, &[5, 4]);
    same_bits(|ranks| reports(ranks, Recurrent::new()?, &series, Layer::forward));
    same_bits(|ranks| reports(ranks, Attentive::new()?, &series, Layer::forward));
}

/// How a batch is computed.
enum Way<'r> {
    Whole,
    Shards(&'r Ranks),
    AtOnce(&'r Ranks),
}

/// Returns the report of one step.
fn step<M: Layer + Module + Sync>(mut net: M, (x, y): &Batch, way: &Way<'_>) -> Result<Report> {
    net.convert(DType::F64);
    let mut optimizer = Sgd::new(0.1).build()?;
    let signal = Signal::of(&net);
    let pass = Pass::train(5).observed(signal.clone());
    let loss = |net: &M, (x, y): &Batch, pass: &Pass| net.forward(x, pass)?.cross_entropy(y);
    let batch = (x.clone(), y.clone());
    let report = match way {
        Way::Whole => {
            let gradients = loss(&net, &batch, &pass)?.backward()?;
            optimizer.step(&mut net, gradients)?;
            signal.step(&net)?
        }
        Way::Shards(ranks) | Way::AtOnce(ranks) => {
            let shards = Shards::split(&batch, ranks.own_shards(), ranks.shards())?;
            let summed = match way {
                Way::AtOnce(_) => ranks.gradients_at_once(&net, &shards, &pass, loss)?,
                // The mean over things of which each sample has two.
                _ => ranks.gradients(&net, &shards, &pass, |net, batch, pass| {
                    let things = 2.0 * batch.0.shape()[0] as f64;
                    Ok((loss(net, batch, pass)?, things))
                })?,
            };
            optimizer.step(&mut net, summed.gradients)?;
            signal.step_on(&net, |own, add| ranks.combine(own, add))?
        }
    };
    report.ok_or_else(|| Error::other("the step is observed"))
}

#[track_caller]
fn near(what: &str, found: Option<f64>, expected: Option<f64>) {
    let size = expected.unwrap_or_default().abs().max(1e-3);
    let is_near = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-9 * size,
        (found, expected) => found == expected,
    };
    assert!(is_near, "{what}: {found:?}, expected {expected:?}");
}

#[track_caller]
fn near_values(what: &str, found: Option<&Distribution>, expected: Option<&Distribution>) {
    let counts = |of: &Distribution| (of.count, of.non_finite);
    assert_eq!(found.map(counts), expected.map(counts), "{what}");
    let numbers = |of: &Distribution| {
        let (bins, largest) = (&of.histogram, of.magnitudes.high);
        let ends = [of.min, of.max, bins.low, bins.high, largest];
        [&[of.mean, of.standard_deviation, of.rms], &ends[..]].concat()
    };
    for (found, expected) in found.iter().zip(expected) {
        for (found, expected) in numbers(found).into_iter().zip(numbers(expected)) {
            near(what, Some(found), Some(expected));
        }
    }
}

/// Compares a report with that of the whole batch.
#[track_caller]
fn near_report(found: &Report, expected: &Report) {
    assert_eq!(found.layers.len(), expected.layers.len());
    near_values("input", found.input.as_ref(), expected.input.as_ref());
    for (left, right) in found.layers.iter().zip(&expected.layers) {
        let name = left.name();
        let same = |of: &cotangent::nn::signal::LayerSignal| {
            let shares = [of.dead, of.saturated].map(|share| share.map(f64::to_bits));
            let row = (of.name(), of.operations.clone(), of.kinds.clone());
            (row, of.shape.clone(), shares, of.inputs.clone())
        };
        assert_eq!(same(left), same(right));
        near_values(&name, Some(&left.activation), Some(&right.activation));
        near_values(&name, left.gradient.as_ref(), right.gradient.as_ref());
        for (found, expected) in [
            (Some(left.spread), Some(right.spread)),
            (left.largest_weight, right.largest_weight),
            (left.per_step, right.per_step),
            (left.through_time, right.through_time),
            (left.result_gradient, right.result_gradient),
            (left.ratio, right.ratio),
            (left.weight_gradient, right.weight_gradient),
            (left.update, right.update),
            (left.drift.map(|d| d.mean), right.drift.map(|d| d.mean)),
            (
                left.drift.map(|d| d.variance),
                right.drift.map(|d| d.variance),
            ),
        ] {
            near(&name, found, expected);
        }
    }
    for (left, right) in found.parameters.iter().zip(&expected.parameters) {
        assert_eq!(left.path, right.path);
        near_values(&left.path, Some(&left.values), Some(&right.values));
        near_values(
            &left.path,
            left.gradients.as_ref(),
            right.gradients.as_ref(),
        );
        near(&left.path, left.update, right.update);
    }
    assert_eq!(found.parameters.len(), expected.parameters.len());
    assert_eq!(found.unused, expected.unused);
    near("factor", found.gradient_factor, expected.gradient_factor);
    let verdicts = |report: &Report| -> Vec<(Verdict, String)> {
        let findings = report.findings.iter();
        findings.map(|f| (f.verdict, f.layer.clone())).collect()
    };
    assert_eq!(verdicts(found), verdicts(expected));
}

fn batch(samples: usize, shape: &[usize]) -> Result<Batch> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let shape: Vec<usize> = [samples].iter().chain(shape).copied().collect();
    let x = Tensor::normal(shape, 0.0, 1.0, DType::F64, &mut rng)?;
    Ok((x, (0..samples).map(|i| i * i % 3).collect()))
}

/// Checks that the report over ranks is that of the whole batch, and returns it.
fn is_whole<M: Layer + Module + Sync>(
    net: impl Fn() -> Result<M> + Sync,
    batch: &Batch,
) -> Result<Report> {
    let expected = step(net()?, batch, &Way::Whole)?;
    for count in [1, 2, 4] {
        let found = Ranks::builder()
            .shards(4)
            .threads(count, |ranks| step(net()?, batch, &Way::Shards(ranks)))?;
        for report in &found {
            near_report(report, &expected);
        }
    }
    Ok(expected)
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

#[test]
fn reports_are_those_of_the_whole_batch() -> Result<()> {
    // 18 samples: shards of 4 and 5; 3 samples: one shard is empty.
    for samples in [18, 3] {
        let net = || Mlp::builder([6, 16, 8, 3]).build(&mut rng());
        let report = is_whole(net, &batch(samples, &[6])?)?;
        assert_eq!(report.layers[0].dead.is_some(), samples > 3);
    }
    let net = || -> Result<Sequential> {
        let net = Sequential::new().push(Conv2d::new(2, 4, 3, &mut rng())?);
        let net = net.push(Relu).push(Flatten::new());
        Ok(net.push(Linear::new(4 * 4 * 4, 3, &mut rng())?))
    };
    let report = is_whole(net, &batch(18, &[2, 6, 6])?)?;
    assert_eq!(report.layers[0].channels, Some(4));
    Ok(())
}

/// A net that reads a sequence step by step, without dropout.
#[derive(Module)]
struct Reader {
    lstm: Lstm,
    attention: MultiHeadAttention,
    head: Linear,
}

impl Reader {
    fn new() -> Result<Self> {
        Ok(Self {
            lstm: Lstm::builder(4, 8).layers(2).build(&mut rng())?,
            attention: MultiHeadAttention::new(8, 2, &mut rng())?,
            head: Linear::new(8, 3, &mut rng())?,
        })
    }
}

impl Layer for Reader {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let steps = self.lstm.forward(x, pass)?;
        let steps = self.attention.forward(&steps, pass)?;
        self.head.forward(&steps.select(1, -1)?, pass)
    }
}

#[test]
fn recurrent_layers_and_attention_are_those_of_the_whole_batch() -> Result<()> {
    let report = is_whole(Reader::new, &batch(18, &[5, 4])?)?;
    let has = |of: fn(&cotangent::nn::signal::LayerSignal) -> bool| report.layers.iter().any(of);
    assert!(has(|layer| layer.per_step.is_some()), "{report}");
    assert!(has(|layer| layer.through_time.is_some()), "{report}");
    assert!(has(|layer| layer.largest_weight.is_some()), "{report}");
    Ok(())
}

#[test]
fn shards_at_once_are_measured_apart() -> Result<()> {
    let data = batch(18, &[6])?;
    let reports = |count| {
        let ranks = Ranks::builder().shards(4);
        ranks.threads(count, |ranks| {
            step(Synchronized::new()?, &data, &Way::AtOnce(ranks))
        })
    };
    let single = reports(1)?;
    assert_eq!(single[0].layers.len(), 5, "{}", single[0]);
    for layer in &single[0].layers {
        assert_eq!((layer.shape[0], layer.nth_use), (18, None));
    }
    for report in reports(2)?.iter().chain(&reports(4)?) {
        assert_eq!(format!("{report:?}"), format!("{:?}", single[0]));
    }
    Ok(())
}

#[test]
fn batches_computed_together_are_one_large_batch() -> Result<()> {
    // Two samples of the second batch, so that two shards have a part of the first one alone.
    let (x, y) = batch(14, &[6])?;
    let net = || Mlp::builder([6, 16, 8, 3]).build(&mut rng());
    let expected = step(net()?, &(x.clone(), y.clone()), &Way::Whole)?;
    let part = |start, len| Ok::<_, Error>((x.narrow(0, start, len)?, y.narrow(0, start, len)?));
    let reports = |count| {
        Ranks::builder().shards(4).threads(count, |ranks| {
            let mut net = net()?;
            net.convert(DType::F64);
            let signal = Signal::of(&net);
            let pass = Pass::train(5).observed(signal.clone());
            let split = |batch| Shards::split(&batch, ranks.own_shards(), ranks.shards());
            let batches = [split(part(0, 12)?)?, split(part(12, 2)?)?];
            let summed = ranks.gradients(&net, &batches, &pass, |net, (x, y), pass| {
                net.forward(x, pass)?.cross_entropy(y)
            })?;
            Sgd::new(0.1).build()?.step(&mut net, summed.gradients)?;
            let report = signal.step_on(&net, |own, add| ranks.combine(own, add))?;
            report.ok_or_else(|| Error::other("the step is observed"))
        })
    };
    let single = reports(1)?;
    for report in reports(2)?.iter().chain(&reports(4)?).chain(&single) {
        near_report(report, &expected);
        assert_eq!(format!("{report:?}"), format!("{:?}", single[0]));
    }
    Ok(())
}

#[test]
fn a_dead_layer_is_found_on_every_rank() -> Result<()> {
    let data = batch(18, &[6])?;
    let net = |dead: bool| -> Result<Mlp> {
        let mut net = Mlp::builder([6, 16, 8, 3]).build(&mut rng())?;
        let params = net.named_params_mut();
        let bias = params.into_iter().find(|(path, _)| path.ends_with("bias"));
        if let (Some((_, bias)), true) = (bias, dead) {
            bias.set(&bias.value().add_scalar(-100.0))?;
        }
        Ok(net)
    };
    for (dead, expected) in [(true, Verdict::Dead), (false, Verdict::Healthy)] {
        let found = Ranks::builder().shards(4).threads(4, |ranks| {
            let report = step(net(dead)?, &data, &Way::Shards(ranks))?;
            Ok((report.verdict(), report.findings))
        })?;
        for (verdict, findings) in &found {
            assert_eq!(*verdict, expected, "{findings:?}");
            assert_eq!(findings, &found[0].1);
        }
    }
    Ok(())
}

#[test]
fn a_unit_that_lives_on_another_rank_is_not_dead() -> Result<()> {
    // The last shard alone has inputs other than 0.
    let mut values = vec![0.0f64; 16 * 4];
    values[12 * 4..].fill(1.0);
    let x = Tensor::from_vec(values, [16, 4])?;
    let data = (x, (0..16).map(|i| i % 2).collect::<Indices>());
    let net = || -> Result<Sequential> {
        let first = Linear::builder(4, 8).weight(init::ones()).no_bias();
        let net = Sequential::new().push(first.build(&mut rng())?).push(Relu);
        Ok(net.push(Linear::new(8, 2, &mut rng())?))
    };
    let found = Ranks::builder().threads(4, |ranks| step(net()?, &data, &Way::Shards(ranks)))?;
    for report in found {
        assert_eq!(report.layers[0].dead, Some(0.0));
        assert_eq!(report.layers[0].activation.max, 4.0);
    }
    Ok(())
}

#[test]
fn several_observers_see_the_shards() -> Result<()> {
    let (net, ranks) = (Mlp::builder([6, 8, 3]).build(&mut rng())?, Ranks::builder());
    let ranks = ranks.shards(4).single()?;
    let signals = [Signal::of(&net), Signal::of(&net)];
    let pass = Pass::train(5).observed(signals[0].clone()).checked(&net);
    let pass = pass.observed(signals[1].clone());
    let batch = Shards::split(&batch(18, &[6])?, 0..4, 4)?;
    ranks.gradients(&net, &batch, &pass, |net, (x, y), pass| {
        net.forward(&x.to_dtype(DType::F32), pass)?.cross_entropy(y)
    })?;
    let [first, second] = signals.map(|signal| signal.step(&net));
    let (first, second) = (first?, second?);
    assert_eq!(first.as_ref().map(|r| r.layers[0].shape[0]), Some(18));
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    Ok(())
}

#[test]
fn a_report_needs_a_backward_pass_on_some_rank() {
    let error = Ranks::builder().threads(2, |ranks| {
        let net = Linear::new(2, 2, &mut rng())?;
        let signal = Signal::of(&net);
        signal.step_on(&net, |own, add| ranks.combine(own, add))
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no backward pass"), "{error}");
}

/// Keeps the reports of a run.
#[derive(Default)]
struct Kept(Vec<String>);

impl Log for &mut Kept {
    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        self.0
            .extend(step.signal.map(|report| format!("{report:?}")));
        Ok(())
    }
}

#[test]
fn fit_reports_on_the_whole_batch() {
    let table = data(43, &[6]);
    same_bits(|ranks| {
        let net = Mlp::builder([6, 16, 3]).build(&mut rng())?;
        let loss = |net: &Mlp, (x, y): &Batch, step: &mut Step<'_>| {
            net.forward(x, step.pass())?.cross_entropy(y)
        };
        let mut task = Supervised::new(net, Adam::new(1e-2).build()?, loss);
        let batches = Batches::new(&table, 20)?;
        let mut kept = Kept::default();
        let fit = Fit::new(2).signal(1).log(&mut kept).ranks(ranks);
        fit.run(&mut task, &batches)?;
        // Rank 0 alone has logs.
        let message = kept.0.join("\n");
        let all = ranks.gather(message.as_bytes())?;
        assert!(all.iter().skip(1).all(Vec::is_empty));
        let lines = String::from_utf8_lossy(&all[0]);
        Ok(lines.lines().map(str::to_owned).collect())
    });
}

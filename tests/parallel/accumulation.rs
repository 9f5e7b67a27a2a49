//! Gradients of several batches, which the ranks exchange once.

use super::nets::Synchronized;
use super::same_bits;
use super::steps::data;
use cotangent::data::Shards;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use cotangent::train::{Checkpoints, Run};
use std::path::Path;

type Batch = (Tensor, Indices);

fn net() -> Result<Mlp> {
    let net = Mlp::builder([6, 8, 3]).batch_norm().dropout(0.2);
    net.build(&mut ChaCha8Rng::seed_from_u64(1))
}

fn loss(net: &Mlp, (x, y): &Batch, pass: &Pass) -> Result<Tensor> {
    net.forward(x, pass)?.cross_entropy(y)
}

#[test]
fn several_batches_have_the_same_bits_and_one_exchange() {
    // Four batches of 20 and one of 18: two steps of two batches, and one of the last.
    let data = data(98, &[6]);
    same_bits(8, &[1, 2, 4, 8], |ranks| {
        let (mut net, pass) = (net()?, Pass::train(5));
        let mut optimizer = Adam::new(1e-2).build()?;
        let batches = Batches::new(&data, 20)?.shuffle(3);
        let mut losses = Vec::new();
        for epoch in 0..2 {
            let epoch = batches.shards(epoch, ranks.own_shards(), ranks.shards())?;
            let epoch: Vec<_> = epoch.collect::<Result<_>>()?;
            for step in epoch.chunks(2) {
                let summed = ranks.gradients(&net, step, &pass, loss)?;
                let rows: usize = step.iter().map(|batch| batch.rows).sum();
                assert_eq!(summed.count, rows as f64);
                losses.push(summed.loss.to_bits());
                optimizer.step(&mut net, summed.gradients)?;
            }
        }
        assert_eq!(ranks.exchanges(), 6);
        Ok((net.state()?.to_bytes()?, losses))
    });
}

#[test]
fn shards_at_once_have_the_same_bits_over_several_batches() {
    let data = data(36, &[6]);
    same_bits(4, &[1, 2, 4], |ranks| {
        let mut net = Synchronized::new()?;
        let mut optimizer = Adam::new(1e-2).build()?;
        let (batches, pass) = (Batches::new(&data, 16)?.shuffle(3), Pass::train(5));
        let mut losses = Vec::new();
        for epoch in 0..2 {
            // Two batches of 16 and one of 4.
            let epoch = batches.shards(epoch, ranks.own_shards(), ranks.shards())?;
            let epoch: Vec<_> = epoch.collect::<Result<_>>()?;
            let loss = |net: &Synchronized, (x, y): &Batch, pass: &Pass| {
                net.forward(x, pass)?.cross_entropy(y)
            };
            let summed = ranks.gradients_at_once(&net, &epoch, &pass, loss)?;
            losses.push(summed.loss.to_bits());
            optimizer.step(&mut net, summed.gradients)?;
        }
        assert_eq!(ranks.exchanges(), 2);
        Ok((net.state()?.to_bytes()?, losses))
    });
}

/// Two weights, of which the second is used by samples above 0 only.
#[derive(Module, Clone)]
struct Branches {
    first: Param,
    second: Param,
}

#[test]
fn gradients_are_those_of_one_large_batch() -> Result<()> {
    // The first batch has shards without samples, and the last one has one sample.
    let all = [-1.0f64, -2.0, 3.0, -4.0, -5.0, 6.0, -7.0, -8.0, 9.0];
    let rows = [3, 5, 1];
    let forward = |net: &Branches, x: &Tensor, pass: &Pass| -> Result<Tensor> {
        let squares = x.mul(&net.first.read(pass))?.square();
        if x.max()?.item()? > 0.0 {
            let second = x.relu().mul(&net.second.read(pass))?;
            return Ok(squares.add(&second)?.mean());
        }
        Ok(squares.mean())
    };
    let param = || Param::new(&Tensor::from([2.0f64]));
    let net = Branches {
        first: param(),
        second: param(),
    };
    let of = |gradients: &Gradients, net: &Branches| -> Result<[f64; 2]> {
        let of = |param: &Param| gradients.get(param).expect("a gradient").item();
        Ok([of(&net.first)?, of(&net.second)?])
    };
    let x = Tensor::from(all).unsqueeze(1)?;
    let expected = of(&forward(&net, &x, &Pass::train(1))?.backward()?, &net)?;
    let mut single = None;
    for count in [1, 2, 4] {
        let found = Ranks::builder().shards(4).threads(count, |ranks| {
            let (net, mut start) = (net.clone(), 0);
            let batches = rows.map(|rows| {
                start += rows;
                let batch = x.narrow(0, start - rows, rows)?;
                Shards::split(&batch, ranks.own_shards(), 4)
            });
            let batches: Vec<_> = batches.into_iter().collect::<Result<_>>()?;
            let summed = ranks.gradients(&net, &batches, &Pass::train(1), forward)?;
            of(&summed.gradients, &net)
        })?;
        for found in found {
            let single = *single.get_or_insert(found);
            assert_eq!(found, single, "{count} ranks");
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
    }
    Ok(())
}

#[test]
fn batches_that_do_not_fit_are_errors() -> Result<()> {
    let ranks = Ranks::builder().shards(2).single()?;
    let (net, pass) = (net()?, Pass::train(1));
    let none: [Shards<Batch>; 0] = [];
    let error = ranks.gradients(&net, &none, &pass, loss).unwrap_err();
    assert!(error.to_string().contains("at least one batch"), "{error}");

    let data = data(20, &[6]);
    let result = Ranks::builder().threads(2, |ranks| {
        let batches = Batches::new(&data, 8 + 2 * ranks.rank())?;
        let mut epoch = batches.shards(0, ranks.own_shards(), ranks.shards())?;
        let batch = epoch.next().expect("a batch")?;
        ranks
            .gradients(&self::net()?, &batch, &pass, loss)
            .map(drop)
    });
    let text = result.unwrap_err().to_string();
    let expected = "ranks have batches of different numbers of samples: [8] and [10]";
    assert!(text.contains(expected), "{text}");
    Ok(())
}

#[test]
fn an_error_names_its_batch() -> Result<()> {
    let data = data(40, &[6]);
    let ranks = Ranks::builder().shards(2).single()?;
    let batches: Vec<_> = Batches::new(&data, 20)?
        .shards(0, 0..2, 2)?
        .collect::<Result<_>>()?;
    let mut calls = 0;
    let result = ranks.gradients(&net()?, &batches, &Pass::train(1), |net, batch, pass| {
        calls += 1;
        match calls {
            2 => Err(Error::other("a planted error")),
            _ => loss(net, batch, pass),
        }
    });
    let text = result.unwrap_err().to_string();
    assert_eq!(text, "batch 2 of 2: a planted error");
    Ok(())
}

/// Trains with three batches for each step of the optimizer: epochs of four batches of 20 and one
/// of 18. Returns the weights, and the history.
fn fit(ranks: &Ranks, folder: &Path, epochs: u64) -> Result<(Vec<u8>, String)> {
    let data = data(98, &[6]);
    let loss = |net: &Mlp, (x, y): &Batch, step: &mut Step<'_>| {
        let logits = net.forward(x, step.pass())?;
        step.score(cotangent::train::metrics::Accuracy::new(), &logits, y)?;
        step.record("number", step.number() as f64);
        logits.cross_entropy(y)
    };
    let mut task = Supervised::new(net()?, Adam::new(1e-2).build()?, loss)
        .clip(clip::global_norm(1.0))
        .accumulate(3);
    let run = Fit::new(epochs)
        // A checkpoint is due after two batches, one of which waits.
        .checkpoints(Checkpoints::new(folder).every_steps(2).keep(100))
        .resume()
        .signal(1)
        .ranks(ranks)
        .run(&mut task, &Batches::new(&data, 20)?.shuffle(3))?;
    let numbers = (0..5).map(|number| f64::from(number) * if number < 4 { 20.0 } else { 18.0 });
    let mean = numbers.sum::<f64>() / 98.0;
    let found = run.history().last("number").expect("a value");
    assert!(
        (found - mean - 5.0 * (epochs - 1) as f64).abs() < 1e-9,
        "{found}"
    );
    let history = format!("{:?}", run.history());
    Ok((task.into_model().state()?.to_bytes()?, history))
}

#[test]
fn fit_exchanges_once_for_each_step_and_resumes_on_other_ranks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let expected = fit(&Ranks::builder().shards(8).single()?, &path("1"), 2)?;
    let saved = |folder: &Path| {
        let names = std::fs::read_dir(folder).unwrap().map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.trim_start_matches("checkpoint-0")
                .trim_end_matches(".safetensors")
                .to_owned()
        });
        let mut names: Vec<_> = names.filter(|name| !name.starts_with("best")).collect();
        names.sort();
        names
    };
    let steps = ["000000003", "000000005", "000000008", "000000010"];
    assert_eq!(saved(&path("1")), steps);
    for count in [2, 4, 8] {
        let folder = path(&count.to_string());
        let builder = Ranks::builder().shards(8);
        let found = builder.threads(count, |ranks| {
            let found = fit(ranks, &folder, 2)?;
            // Two epochs of two steps of the optimizer.
            assert_eq!(ranks.exchanges(), 4);
            Ok(found)
        })?;
        assert!(
            found.iter().all(|found| *found == expected),
            "{count} ranks"
        );
        assert_eq!(saved(&folder), steps);
        // As if it had been killed after the first step.
        for step in &steps[1..] {
            std::fs::remove_file(folder.join(format!("checkpoint-0{step}.safetensors")))?;
        }
        let found = Ranks::builder()
            .shards(8)
            .threads(8 / count, |ranks| fit(ranks, &folder, 2))?;
        assert!(
            found.iter().all(|found| *found == expected),
            "{count} ranks"
        );
    }
    Ok(())
}

#[test]
fn ranks_accumulate_as_one_process_does() -> Result<()> {
    let data = data(50, &[6]);
    let run = |ranks: Option<&Ranks>| -> Result<Vec<f64>> {
        let mut net = Mlp::builder([6, 8, 3]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
        net.convert(DType::F64);
        let loss = |net: &Mlp, (x, y): &Batch, step: &mut Step<'_>| {
            // Each sample counts as often as its label says.
            let labels = y.as_slice();
            let counts: Vec<f64> = labels.iter().map(|&label| label as f64 + 1.0).collect();
            let count: f64 = counts.iter().sum();
            step.weigh(count as usize);
            let y = net.forward(&x.to_dtype(DType::F64), step.pass())?;
            let counts = Tensor::from_vec(counts, [labels.len(), 1])?;
            Ok(y.square().mul(&counts)?.sum().div_scalar(count))
        };
        let mut task = Supervised::new(net, Sgd::new(0.1).build()?, loss).accumulate(2);
        let fit = match ranks {
            Some(ranks) => Fit::new(2).ranks(ranks),
            None => Fit::new(2),
        };
        fit.run(&mut task, &Batches::new(&data, 20)?.shuffle(3))?;
        let model = task.into_model();
        let params = model.params().into_iter();
        Ok(params
            .flat_map(|param| param.value().to_f64_vec())
            .collect())
    };
    let expected = run(None)?;
    for found in Ranks::builder()
        .shards(4)
        .threads(2, |ranks| run(Some(ranks)))?
    {
        let pairs = found.into_iter().zip(&expected);
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(largest < 1e-13, "{largest}");
    }
    Ok(())
}

#[test]
fn a_state_has_no_batches_that_wait() -> Result<()> {
    let data = data(40, &[6]);
    let ranks = Ranks::builder().shards(2).single()?;
    let loss = |net: &Mlp, batch: &Batch, step: &mut Step<'_>| self::loss(net, batch, step.pass());
    let mut task = Supervised::new(net()?, Sgd::new(0.1).build()?, loss).accumulate(2);
    let (mut run, batches) = (Run::new(1), Batches::new(&data, 20)?);
    for (number, batch) in batches.shards(0, 0..2, 2)?.enumerate() {
        run.train_shards(&ranks, &mut task, &batch?)?;
        match task.state() {
            Ok(_) => assert_eq!(number, 1),
            Err(error) => {
                assert_eq!(number, 0);
                let text = error.to_string();
                assert!(text.contains("batches wait for their step"), "{text}");
            }
        }
    }
    Ok(())
}

//! Custom tasks and metrics, and values that are weighted by hand.

use crate::plain::{bytes, net, rows};
use cotangent::prelude::*;
use cotangent::train::{Checkpoints, EpochRecord, Log};
use std::borrow::Cow;

/// A generator and a discriminator, each with its optimizer.
#[derive(Stateful)]
struct Gan {
    generator: Linear,
    discriminator: Mlp,
    optimizers: Both,
    /// Steps of the discriminator for one of the generator.
    turns: u64,
}

#[derive(Stateful)]
struct Both(Box<dyn Optimizer>, Box<dyn Optimizer>);

impl Gan {
    fn new() -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Ok(Self {
            generator: Linear::new(2, 3, &mut rng)?,
            discriminator: Mlp::builder([3, 8, 1]).build(&mut rng)?,
            optimizers: Both(Adam::new(0.01).build()?, RmsProp::new(0.01).build()?),
            turns: 0,
        })
    }
}

impl Task for Gan {
    type Batch = (Tensor, Tensor);

    fn train_step(&mut self, (real, _): &Self::Batch, step: &mut Step<'_>) -> Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(step.pass().next_seed());
        let noise = Tensor::normal([step.samples(), 2], 0.0, 1.0, DType::F32, &mut rng)?;
        let fake = self.generator.forward(&noise, step.pass())?;
        let judge = |x: &Tensor| self.discriminator.forward(x, step.pass());
        // The gradient penalty of Gulrajani et al. 2017, at the real points.
        let x = real.tracked();
        let slopes = Backward::new()
            .create_graph()
            .grad(&judge(&x)?.sum(), &[x])?;
        let slope = slopes[0].square().sum_over(1)?;
        let penalty = slope.mean();
        let loss = judge(&fake.detach())?
            .mean()
            .sub(&judge(real)?.mean())?
            .add(&penalty)?;
        step.record("discriminator_loss", loss.item()?);
        self.optimizers
            .1
            .step(&mut self.discriminator, loss.backward()?)?;
        self.turns += 1;
        if self.turns.is_multiple_of(3) {
            let loss = self.discriminator.forward(&fake, step.pass())?.mean().neg();
            step.record("generator_loss", loss.item()?);
            self.optimizers
                .0
                .step(&mut self.generator, loss.backward()?)?;
        }
        Ok(())
    }
}

#[test]
fn a_task_with_two_optimizers_resumes_to_the_same_bits() -> Result<()> {
    let batches = Batches::new(rows(40, 1)?, 8)?.shuffle(3);
    let mut whole = Gan::new()?;
    let best = || Best::lowest("generator_loss");
    let expected = Fit::new(4).best(best()).run(&mut whole, &batches)?;

    let folder = tempfile::tempdir()?;
    let checkpoints = || Checkpoints::new(folder.path());
    let mut first = Gan::new()?;
    Fit::new(2)
        .best(best())
        .checkpoints(checkpoints())
        .run(&mut first, &batches)?;
    let mut second = Gan::new()?;
    let fit = Fit::new(4).best(best()).checkpoints(checkpoints());
    let run = fit.resume().run(&mut second, &batches)?;
    assert!(bytes(&second)? == bytes(&whole)?);
    assert_eq!(run.history(), expected.history());
    assert_eq!(second.turns, 20);
    Ok(())
}

#[test]
fn a_task_without_validation_says_so() -> Result<()> {
    let batches = Batches::new(rows(40, 1)?, 8)?;
    let fit = Fit::new(1)
        .validate(&batches)
        .best(Best::lowest("generator_loss"));
    let error = fit.run(&mut Gan::new()?, &batches).unwrap_err().to_string();
    assert!(error.contains("implement `validate_step`"), "{error}");
    Ok(())
}

/// The largest error.
#[derive(Clone, Default, Stateful)]
struct MaxError {
    largest: f64,
    seen: Option<u64>,
    #[state(skip)]
    _name: String,
}

impl Metric for MaxError {
    type Target = Tensor;
    fn name(&self) -> Cow<'static, str> {
        "max_error".into()
    }
    fn update(&mut self, outputs: &Tensor, targets: &Tensor) -> Result<()> {
        let largest = outputs.detach().sub(targets)?.abs().max()?.item()?;
        self.largest = self.largest.max(largest);
        *self.seen.get_or_insert_default() += 1;
        Ok(())
    }
    fn value(&self) -> Option<f64> {
        self.seen.map(|_| self.largest)
    }
    fn parts(&self) -> Vec<(String, f64)> {
        vec![("batches".to_owned(), self.seen.unwrap_or(0) as f64)]
    }
}

#[test]
fn a_custom_metric_is_resumed_in_the_middle_of_an_epoch() -> Result<()> {
    let batches = Batches::new(rows(40, 1)?, 8)?.shuffle(3);
    let loss = |net: &Mlp, (x, y): &(Tensor, Tensor), step: &mut Step<'_>| {
        let outputs = net.forward(x, step.pass())?;
        step.score(MaxError::default(), &outputs, y)?;
        outputs.mse_loss(y)
    };
    let task = || Ok::<_, Error>(Supervised::new(net()?, Sgd::new(0.01).build()?, loss));
    let expected = Fit::new(2).run(&mut task()?, &batches)?;
    assert_eq!(expected.history().last("max_error_batches"), Some(5.0));
    // One stop in the middle of an epoch, and one between its last step and its end.
    for steps in [3, 5] {
        let mut first = task()?;
        let mut run = Run::new(0);
        for batch in batches.epoch(0).take(steps) {
            run.train_step(&mut first, &batch?)?;
        }
        let (run, first) = (bytes(&run)?, bytes(&first)?);
        let (mut resumed, mut second) = (Run::new(9), task()?);
        resumed.load_state(&cotangent::state::StateDict::from_bytes(&run)?)?;
        second.load_state(&cotangent::state::StateDict::from_bytes(&first)?)?;
        Fit::new(2).extend(&mut resumed, &mut second, &batches)?;
        assert_eq!(resumed.history(), expected.history(), "{steps} steps");
    }
    Ok(())
}

#[test]
fn metrics_of_one_name_must_have_one_type() -> Result<()> {
    #[derive(Clone)]
    struct Other;
    impl Stateful for Other {
        fn state(&self) -> Result<cotangent::state::StateDict> {
            Ok(cotangent::state::StateDict::new())
        }
        fn load_state(&mut self, _: &cotangent::state::StateDict) -> Result<()> {
            Ok(())
        }
    }
    impl Metric for Other {
        type Target = Tensor;
        fn name(&self) -> Cow<'static, str> {
            "max_error".into()
        }
        fn update(&mut self, _: &Tensor, _: &Tensor) -> Result<()> {
            Ok(())
        }
        fn value(&self) -> Option<f64> {
            None
        }
    }
    let mut meters = cotangent::train::Meters::new();
    let x = Tensor::from([1.0]);
    meters.score(MaxError::default(), &x, &x)?;
    let error = meters.score(Other, &x, &x).unwrap_err().to_string();
    assert!(
        error.contains("different types have the name `max_error`"),
        "{error}"
    );
    Ok(())
}

#[test]
fn values_are_means_over_what_they_are_weighed_by() -> Result<()> {
    let batches = Batches::new(rows(12, 1)?, 8)?;
    let loss = |net: &Mlp, (x, y): &(Tensor, Tensor), step: &mut Step<'_>| {
        step.record("by_samples", step.samples() as f64);
        step.weigh(if step.number() == 0 { 1 } else { 3 });
        step.record("by_hand", step.samples() as f64);
        step.set("last", step.number() as f64);
        assert_eq!(step.epoch(), 0);
        net.forward(x, step.pass())?.mse_loss(y)
    };
    let run = Fit::new(1).run(
        &mut Supervised::new(net()?, Sgd::new(0.01).build()?, loss),
        &batches,
    )?;
    let last = |name| run.history().last(name);
    assert_eq!(last("by_samples"), Some((8.0 * 8.0 + 4.0 * 4.0) / 12.0));
    assert_eq!(last("by_hand"), Some((8.0 + 3.0 * 4.0) / 4.0));
    assert_eq!(last("last"), Some(1.0));
    Ok(())
}

#[test]
fn logs_get_reports_of_observed_steps_and_tables() -> Result<()> {
    #[derive(Default)]
    struct Seen {
        observed: Vec<u64>,
        tables: Vec<String>,
    }
    impl Log for Seen {
        fn step(&mut self, step: &cotangent::train::StepRecord<'_>) -> Result<()> {
            if let Some(report) = step.signal {
                assert_eq!(report.step, step.step);
                self.observed.push(step.step);
            }
            Ok(())
        }
        fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
            assert!(epoch.signal.is_some() && epoch.module.is_some());
            self.tables
                .extend(epoch.tables().into_iter().map(|(name, _)| name));
            Ok(())
        }
    }
    let (train, test) = digits()?.take_per_class(6, 1)?.split_stratified(0.5, 1)?;
    let net = Mlp::builder([64, 8, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    let loss = |net: &Mlp, (x, labels): &(Tensor, Indices), step: &mut Step<'_>| {
        let logits = net.forward(x, step.pass())?;
        step.score(metrics::ConfusionMatrix::new(), &logits, labels)?;
        logits.cross_entropy(labels)
    };
    let task = || Ok::<_, Error>(Supervised::new(net.clone(), Sgd::new(0.1).build()?, loss));
    let (batches, valid) = (Batches::new(train, 8)?, Batches::new(test, 8)?);
    let mut seen = Seen::default();
    let mut observed = task()?;
    Fit::new(2)
        .validate(&valid)
        .signal(3)
        .log(&mut seen)
        .run(&mut observed, &batches)?;
    assert_eq!(seen.observed, [1, 4, 7]);
    assert_eq!(
        seen.tables[..2],
        ["confusion_matrix", "validation_confusion_matrix"]
    );
    let mut plain = task()?;
    Fit::new(2).run(&mut plain, &batches)?;
    assert!(bytes(&plain)? == bytes(&observed)?);
    Ok(())
}

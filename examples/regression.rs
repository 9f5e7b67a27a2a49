//! Predicts the progression of diabetes from ten measurements of 442 patients, with early stopping,
//! and compares the net with a linear regression:
//!
//! ```sh
//! cargo run --release --example regression
//! ```

use cotangent::data::diabetes;
use cotangent::prelude::*;
use metrics::RSquared;

type Rows = (Tensor, Tensor);

fn main() -> Result<()> {
    let patients = diabetes()?;
    // The patients are in no order: of each five, one is for validation and one for the test.
    let part = |chosen: &[usize]| {
        let rows = (0..patients.len()).filter(|row| chosen.contains(&(row % 5)));
        patients.all().select(&rows.collect::<Vec<_>>())
    };
    let (train, valid, test): (Rows, Rows, Rows) = (part(&[2, 3, 4])?, part(&[1])?, part(&[0])?);

    let (inputs, targets) = (Standardizer::fit(&train.0)?, Standardizer::fit(&train.1)?);
    let scaled = |(x, y): &Rows| -> Result<Rows> { Ok((inputs.apply(x)?, targets.apply(y)?)) };
    let (train, valid, test) = (scaled(&train)?, scaled(&valid)?, scaled(&test)?);
    let (batches, validation) = (
        Batches::new(Table::new(train)?, 32)?.shuffle(1),
        Batches::new(Table::new(valid)?, 100)?,
    );

    let mut scores = Vec::new();
    for (name, sizes) in [("linear", vec![10, 1]), ("net", vec![10, 64, 64, 1])] {
        let net = Mlp::builder(sizes).activation(Elu::default()).dropout(0.3);
        let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
        let loss = |net: &Mlp, (x, y): &Rows, step: &mut Step<'_>| {
            let predicted = net.forward(x, step.pass())?;
            step.score(RSquared::new(), &predicted, y)?;
            predicted.mse_loss(y)
        };
        let optimizer = AdamW::new(2e-3).weight_decay(0.1).build()?;
        let mut task = Supervised::new(net, optimizer, loss);
        let run = Fit::new(300)
            .seed(1)
            .validate(&validation)
            .stop_early(20)
            .keep_best()
            .run(&mut task, &batches)?;

        let predicted = task.model().predict(&test.0)?;
        let mut score = RSquared::new();
        score.update(&predicted, &test.1)?;
        let error = targets
            .restore(&predicted)?
            .sub(&targets.restore(&test.1)?)?;
        let r_squared = score.value().unwrap_or(f64::NAN);
        println!(
            "{name:6} {} epochs, best {:?}, test R² {r_squared:.3}, mean error {:.1}",
            run.epoch(),
            run.best().map(|(epoch, _)| epoch),
            error.abs().mean().item()?,
        );
        scores.push(r_squared);
    }
    println!("test R² {:.4}", scores[1]);
    Ok(())
}

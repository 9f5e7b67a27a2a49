//! Each kind of number (epsilon, probability, decay, share) has one range, in all layers that take
//! one.

use super::{says, zeros};
use cotangent::prelude::*;

/// Functions that take a number, with a part of their error.
type Use<'a> = (&'a str, &'a dyn Fn(f64) -> Result<()>);

const NOT_FINITE: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

#[test]
fn an_epsilon_is_finite_and_at_least_0() -> Result<()> {
    let x = zeros(&[3, 2]);
    let uses: [Use<'_>; 14] = [
        ("gaussian_nll_loss", &|e| {
            let loss = GaussianNllLoss::new().epsilon(e);
            loss.loss(&x, &x, &x).map(drop)
        }),
        ("poisson_nll_loss", &|e| {
            let loss = PoissonNllLoss::new().epsilon(e);
            loss.loss(&x, &x).map(drop)
        }),
        ("triplet_margin_loss", &|e| {
            let loss = TripletMarginLoss::new().epsilon(e);
            loss.loss(&x, &x, &x).map(drop)
        }),
        ("layer_norm", &|e| {
            x.layer_norm([2], None, None, e).map(drop)
        }),
        ("rms_norm", &|e| x.rms_norm([2], None, e).map(drop)),
        ("batch_norm", &|e| x.batch_norm(None, None, e).map(drop)),
        ("cosine_similarity", &|e| {
            x.cosine_similarity(&x, 1, e).map(drop)
        }),
        ("batch_norm", &|e| {
            BatchNorm::builder(2).epsilon(e).build().map(drop)
        }),
        ("layer_norm", &|e| {
            LayerNorm::builder([2]).epsilon(e).build().map(drop)
        }),
        ("rms_norm", &|e| {
            RmsNorm::builder([2]).epsilon(e).build().map(drop)
        }),
        ("optimizer", &|e| {
            Adam::new(0.1).epsilon(e).build().map(drop)
        }),
        ("optimizer", &|e| {
            RmsProp::new(0.1).epsilon(e).build().map(drop)
        }),
        ("optimizer", &|e| {
            AdaGrad::new(0.1).epsilon(e).build().map(drop)
        }),
        ("optimizer", &|e| {
            AdaDelta::new(0.1).epsilon(e).build().map(drop)
        }),
    ];
    for (op, set) in uses {
        for e in [0.0, 1e-5, 1e300] {
            set(e)?;
        }
        for e in [-1e-300, -1.0].into_iter().chain(NOT_FINITE) {
            let found = format!("must be finite and at least 0, found {e}");
            says(set(e), &[op, &found]);
        }
    }
    Ok(())
}

#[test]
fn a_probability_and_a_decay_are_below_1() -> Result<()> {
    let x = zeros(&[3, 2]);
    let uses: [Use<'_>; 10] = [
        ("dropout: p", &|p| x.dropout(p, 0).map(drop)),
        ("alpha_dropout: p", &|p| x.alpha_dropout(p, 0).map(drop)),
        ("dropout: p", &|p| Dropout::new(p).map(drop)),
        ("alpha_dropout: p", &|p| AlphaDropout::new(p).map(drop)),
        ("dropout: p", &|p| Pass::train(0).dropout(&x, p).map(drop)),
        ("dropout: p", &|p| {
            Pass::inference().dropout(&x, p).map(drop)
        }),
        ("momentum", &|m| {
            Momentum::new(0.1).momentum(m).build().map(drop)
        }),
        ("β₂", &|b| Adam::new(0.1).betas(0.9, b).build().map(drop)),
        ("momentum (β₁)", &|b| {
            Adam::new(0.1).betas(b, 0.9).build().map(drop)
        }),
        ("factor", &|f| {
            Schedule::reduce_on_plateau().factor(f).build().map(drop)
        }),
    ];
    for (name, set) in uses {
        for p in [0.0, 0.5, 1.0f64.next_down()] {
            set(p)?;
        }
        for p in [-1e-300, 1.0, 2.0].into_iter().chain(NOT_FINITE) {
            let found = format!("must be in [0, 1), found {p}");
            says(set(p), &[name, &found]);
        }
    }
    Ok(())
}

#[test]
fn a_share_may_be_the_whole() -> Result<()> {
    let (x, labels) = (zeros(&[3, 2]), Indices::from([0, 1, 0]));
    let uses: [Use<'_>; 3] = [
        ("label smoothing", &|s| {
            let loss = CrossEntropyLoss::new().label_smoothing(s);
            loss.loss(&x, &labels).map(drop)
        }),
        ("momentum", &|m| {
            BatchNorm::builder(2).momentum(m).build().map(drop)
        }),
        ("dampening", &|d| {
            Momentum::new(0.1).dampening(d).build().map(drop)
        }),
    ];
    for (name, set) in uses {
        for share in [0.0, 0.5, 1.0] {
            set(share)?;
        }
        for share in [-1e-300, 1.0f64.next_up()].into_iter().chain(NOT_FINITE) {
            let found = format!("must be in [0, 1], found {share}");
            says(set(share), &[name, &found]);
        }
    }
    Ok(())
}

#[test]
fn a_bound_may_be_infinite() -> Result<()> {
    let x = zeros(&[2]);
    let mut net = Linear::new(2, 2, &mut super::rng())?;
    let huber = |d| x.huber_loss(&x, d).map(drop);
    let clipped = |net: &Linear, b| {
        let mut gradients = Gradients::default();
        gradients.insert(&net.weight, zeros(&[2, 2]));
        clip::global_norm(b).apply(net, &mut gradients).map(drop)
    };
    for bound in [1e-300, 1.0, f64::INFINITY] {
        huber(bound)?;
        clipped(&net, bound)?;
        regularize::max_norm(bound)?.apply(&mut net)?;
    }
    for bound in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        let found = format!("must be above 0, found {bound}");
        says(huber(bound), &["huber_loss: delta", &found]);
        says(clipped(&net, bound), &["the bound", &found]);
        let max = regularize::max_norm(bound).map(drop);
        says(max, &["max_norm: the bound", &found]);
    }
    Ok(())
}

//! The optimizer of each golden trajectory.

use cotangent::optim::MuonScale;
use cotangent::prelude::*;
use std::any::{type_name, type_name_of_val};

pub struct Row {
    /// The first word of the name of the golden case.
    pub name: &'static str,
    /// The name of the builder's type.
    pub optimizer: fn() -> &'static str,
    pub build: fn() -> Result<Box<dyn Optimizer>>,
}

macro_rules! rows {
    ($($name:literal => $builder:expr;)*) => {
        vec![$(
            Row {
                name: $name,
                optimizer: || type_name_of_val(&$builder),
                build: || $builder.build(),
            }
        ),*]
    };
}

pub fn optimizers() -> Vec<Row> {
    let families = [
        sgd, rprop, asgd, ada_grad, rms_prop, adam, adam_w, n_adam, r_adam, others, adafactor, muon,
    ];
    families.into_iter().flat_map(|family| family()).collect()
}

fn sgd() -> Vec<Row> {
    rows! {
        "sgd(0.25)" => Sgd::new(0.25);
        "sgd(0.1,decay=0.1)" => Sgd::new(0.1).weight_decay(0.1);
        "momentum(0.05)" => Momentum::new(0.05);
        "momentum(0.1,0.8,dampening=0.3)" => Momentum::new(0.1).momentum(0.8).dampening(0.3);
        "momentum(0.05,decay=0.1)" => Momentum::new(0.05).weight_decay(0.1);
        "momentum(0.1,0.5,dampening=1,decay=0.05)" =>
            Momentum::new(0.1).momentum(0.5).dampening(1.0).weight_decay(0.05);
        "momentum(0.1,0.8,dampening=0.3,decay=0.1)" =>
            Momentum::new(0.1).momentum(0.8).dampening(0.3).weight_decay(0.1);
        "nesterov(0.05)" => Nesterov::new(0.05);
        "nesterov(0.1,0.7)" => Nesterov::new(0.1).momentum(0.7);
        "nesterov(0.1,0.7,decay=0.1)" => Nesterov::new(0.1).momentum(0.7).weight_decay(0.1);
    }
}

fn rprop() -> Vec<Row> {
    rows! {
        "rprop(0.01)" => Rprop::new(0.01);
        "rprop(0.01,0.5,1.05)" => Rprop::new(0.01).etas(0.5, 1.05);
        "rprop(0.05,0.6,1.1,1e-3,0.04)" =>
            Rprop::new(0.05).etas(0.6, 1.1).step_sizes(1e-3, 0.04);
        "rprop(0.01,1e-3)" => Rprop::new(0.01).step_sizes(1e-3, 50.0);
    }
}

fn asgd() -> Vec<Row> {
    rows! {
        "asgd(0.1)" => Asgd::new(0.1);
        "asgd(0.2,0.05,0.5,t0=20,decay=0.1)" => Asgd::new(0.2)
            .lambda(0.05)
            .alpha(0.5)
            .t0(20)
            .weight_decay(0.1);
    }
}

fn ada_grad() -> Vec<Row> {
    rows! {
        "ada_grad(0.1)" => AdaGrad::new(0.1);
        "ada_grad(0.01)" => AdaGrad::new(0.01);
        "ada_grad(0.2,rate_decay=0.02)" => AdaGrad::new(0.2).learning_rate_decay(0.02);
        "ada_grad(0.1,1e-2)" => AdaGrad::new(0.1).epsilon(1e-2);
        "ada_grad(0.1,initial=0.1)" => AdaGrad::new(0.1).initial_accumulator(0.1);
        "ada_grad(0.1,decay=0.1)" => AdaGrad::new(0.1).weight_decay(0.1);
        "ada_grad(0.2,1e-3,rate_decay=0.01,initial=0.2,decay=0.1)" => AdaGrad::new(0.2)
            .epsilon(1e-3)
            .learning_rate_decay(0.01)
            .initial_accumulator(0.2)
            .weight_decay(0.1);
        "ada_grad(0.1,inside=1e-2)" => AdaGrad::new(0.1).epsilon(1e-2).epsilon_inside_root();
        "ada_grad(0.1,inside=1e-7,initial=0.1)" => AdaGrad::new(0.1)
            .epsilon(1e-7)
            .epsilon_inside_root()
            .initial_accumulator(0.1);
        "ada_grad(0.1,inside=1e-2,initial=0.2,decay=0.1)" => AdaGrad::new(0.1)
            .epsilon(1e-2)
            .epsilon_inside_root()
            .initial_accumulator(0.2)
            .weight_decay(0.1);
    }
}

fn rms_prop() -> Vec<Row> {
    rows! {
        "rms_prop(0.01)" => RmsProp::new(0.01);
        "rms_prop(0.005,0.9)" => RmsProp::new(0.005).alpha(0.9);
        "rms_prop(0.01,eps=1e-2)" => RmsProp::new(0.01).epsilon(1e-2);
        "rms_prop(0.002,momentum=0.9)" => RmsProp::new(0.002).momentum(0.9);
        "rms_prop(0.01,centered)" => RmsProp::new(0.01).centered();
        "rms_prop(0.01,decay=0.1)" => RmsProp::new(0.01).weight_decay(0.1);
        "rms_prop(0.005,0.95,eps=1e-3,momentum=0.8,centered,decay=0.1)" => RmsProp::new(0.005)
            .alpha(0.95)
            .epsilon(1e-3)
            .momentum(0.8)
            .centered()
            .weight_decay(0.1);
        "rms_prop(0.05,initial=1)" => RmsProp::new(0.05).initial(1.0);
        "rms_prop(0.01,inside=1e-2)" => RmsProp::new(0.01).epsilon(1e-2).epsilon_inside_root();
        "rms_prop(0.005,inside=1e-3,centered)" => RmsProp::new(0.005)
            .epsilon(1e-3)
            .epsilon_inside_root()
            .centered();
        "rms_prop(0.002,0.9,inside=1e-7,momentum=0.5,centered)" => RmsProp::new(0.002)
            .alpha(0.9)
            .epsilon(1e-7)
            .epsilon_inside_root()
            .momentum(0.5)
            .centered();
        "rms_prop(0.002,0.9,inside=1e-10,momentum=0.9,initial=1)" => RmsProp::new(0.002)
            .alpha(0.9)
            .epsilon(1e-10)
            .epsilon_inside_root()
            .momentum(0.9)
            .initial(1.0);
        "rms_prop(0.01,0.95,inside=1e-3,momentum=0.8,centered,initial=0.5,decay=0.1)" =>
            RmsProp::new(0.01)
                .alpha(0.95)
                .epsilon(1e-3)
                .epsilon_inside_root()
                .momentum(0.8)
                .centered()
                .initial(0.5)
                .weight_decay(0.1);
    }
}

fn adam() -> Vec<Row> {
    rows! {
        "adam(0.001)" => Adam::new(0.001);
        "adam(0.02)" => Adam::new(0.02);
        "adam(0.02,0.8,0.99,1e-30)" => Adam::new(0.02).betas(0.8, 0.99).epsilon(1e-30);
        "adam(0.01,0.8,0.99)" => Adam::new(0.01).betas(0.8, 0.99);
        "adam(0.01,0,0.9,1e-1)" => Adam::new(0.01).betas(0.0, 0.9).epsilon(1e-1);
        "adam(0.01,eps=1e-3)" => Adam::new(0.01).epsilon(1e-3);
        "adam(0.02,decay=0.1)" => Adam::new(0.02).weight_decay(0.1);
        "adam(0.02,decoupled=0.1)" => Adam::new(0.02).weight_decay(0.1).decoupled_weight_decay();
        "adam(0.02,amsgrad)" => Adam::new(0.02).amsgrad();
        "adam(0.02,0.8,0.99,1e-3,amsgrad,decay=0.1)" => Adam::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-3)
            .amsgrad()
            .weight_decay(0.1);
        "adam(0.02,inside=1e-8)" => Adam::new(0.02).epsilon_inside_root();
        "adam(0.02,0.8,0.99,inside=1e-2,decay=0.1)" => Adam::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-2)
            .epsilon_inside_root()
            .weight_decay(0.1);
        "adam(0.02,0.8,0.99,inside=1e-2,amsgrad,decay=0.1)" => Adam::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-2)
            .epsilon_inside_root()
            .amsgrad()
            .weight_decay(0.1);
    }
}

fn adam_w() -> Vec<Row> {
    rows! {
        "adam_w(0.02)" => AdamW::new(0.02);
        "adam_w(0.02,decay=0.1)" => AdamW::new(0.02).weight_decay(0.1);
        "adam_w(0.02,0.8,0.99,1e-3)" => AdamW::new(0.02).betas(0.8, 0.99).epsilon(1e-3);
        "adam_w(0.02,0.8,0.99,1e-3,amsgrad,decay=0.1)" => AdamW::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-3)
            .amsgrad()
            .weight_decay(0.1);
        "adam_w(0.02,inside=1e-2)" => AdamW::new(0.02).epsilon(1e-2).epsilon_inside_root();
        "adam_w(0.02,0.8,0.99,inside=1e-2,decay=0.1)" => AdamW::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-2)
            .epsilon_inside_root()
            .weight_decay(0.1);
    }
}

fn n_adam() -> Vec<Row> {
    rows! {
        "n_adam(0.02)" => NAdam::new(0.02);
        "n_adam(0.02,0.8,0.99)" => NAdam::new(0.02).betas(0.8, 0.99);
        "n_adam(0.02,eps=1e-2)" => NAdam::new(0.02).epsilon(1e-2);
        "n_adam(0.02,decay=0.1)" => NAdam::new(0.02).weight_decay(0.1);
        "n_adam(0.02,0.8,0.99,1e-3,decoupled=0.1)" => NAdam::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-3)
            .weight_decay(0.1)
            .decoupled_weight_decay();
        "n_adam(0.02,momentum_decay=0.1)" => NAdam::new(0.02).momentum_decay(0.1);
        "n_adam(0.02,0.8,0.99,1e-3,momentum_decay=0.02,decoupled=0.1)" => NAdam::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-3)
            .momentum_decay(0.02)
            .weight_decay(0.1)
            .decoupled_weight_decay();
        // As in Keras.
        "n_adam(0.02,eps=1e-7,momentum_decay=1)" =>
            NAdam::new(0.02).epsilon(1e-7).momentum_decay(1.0);
    }
}

fn r_adam() -> Vec<Row> {
    rows! {
        "r_adam(0.02)" => RAdam::new(0.02);
        "r_adam(0.02,0.8,0.99)" => RAdam::new(0.02).betas(0.8, 0.99);
        "r_adam(0.02,eps=1e-2)" => RAdam::new(0.02).epsilon(1e-2);
        "r_adam(0.02,decay=0.1)" => RAdam::new(0.02).weight_decay(0.1);
        "r_adam(0.02,0.8,0.99,1e-3,decoupled=0.1)" => RAdam::new(0.02)
            .betas(0.8, 0.99)
            .epsilon(1e-3)
            .weight_decay(0.1)
            .decoupled_weight_decay();
    }
}

fn others() -> Vec<Row> {
    let mut rows = rows! {
        "ada_max(0.02)" => AdaMax::new(0.02);
        "ada_max(0.01,0.8,0.9)" => AdaMax::new(0.01).betas(0.8, 0.9);
        "ada_max(0.02,eps=1e-2)" => AdaMax::new(0.02).epsilon(1e-2);
        "ada_max(0.02,0.8,0.99,1e-3,decay=0.1)" =>
            AdaMax::new(0.02).betas(0.8, 0.99).epsilon(1e-3).weight_decay(0.1);
        "ada_delta(1)" => AdaDelta::new(1.0);
        "ada_delta(1,0.95)" => AdaDelta::new(1.0).rho(0.95);
        "ada_delta(0.25,eps=1e-3)" => AdaDelta::new(0.25).epsilon(1e-3);
        "ada_delta(1,0.95,1e-4)" => AdaDelta::new(1.0).rho(0.95).epsilon(1e-4);
        "ada_delta(0.5,0.95,1e-3,decay=0.1)" =>
            AdaDelta::new(0.5).rho(0.95).epsilon(1e-3).weight_decay(0.1);
        "lamb(0.005)" => Lamb::new(0.005);
        "lamb(0.005,0.8,0.99)" => Lamb::new(0.005).betas(0.8, 0.99);
        "lamb(0.005,eps=1e-2)" => Lamb::new(0.005).epsilon(1e-2);
        "lamb(0.005,0.8,0.99,1e-3,decay=0.1)" =>
            Lamb::new(0.005).betas(0.8, 0.99).epsilon(1e-3).weight_decay(0.1);
        "lion(0.003)" => Lion::new(0.003);
        "lion(0.003,0.8,0.95)" => Lion::new(0.003).betas(0.8, 0.95);
        "lion(0.003,decay=0.1)" => Lion::new(0.003).weight_decay(0.1);
        "lion(0.003,0.8,0.95,decay=0.1)" => Lion::new(0.003).betas(0.8, 0.95).weight_decay(0.1);
    };
    let optimizer = || type_name::<Lookahead<Box<dyn Optimizer>>>();
    rows.push(Row {
        name: "lookahead(5,0.5,sgd(0.25))",
        optimizer,
        build: || Ok(Box::new(Lookahead::new(Sgd::new(0.25).build()?, 5, 0.5)?)),
    });
    rows.push(Row {
        name: "lookahead(6,0.8,adam(0.02,decay=0.1))",
        optimizer,
        build: || {
            let inner = Adam::new(0.02).weight_decay(0.1).build()?;
            Ok(Box::new(Lookahead::new(inner, 6, 0.8)?))
        },
    });
    rows
}

fn adafactor() -> Vec<Row> {
    rows! {
        "adafactor(0.003)" => Adafactor::new(0.003);
        "adafactor(0.003,decay=0.1)" => Adafactor::new(0.003).weight_decay(0.1);
        "adafactor(0.02,-0.5,0.1,0.8,d=2,decay=0.1)" => Adafactor::new(0.02)
            .beta2_decay(-0.5)
            .epsilon1(0.1)
            .epsilon2(0.8)
            .clipping(2.0)
            .weight_decay(0.1);
        "adafactor(1,eps=1)" => Adafactor::new(1.0).epsilon1(1.0);
    }
}

fn muon() -> Vec<Row> {
    let mut rows = rows! {
        "muon(0.002)" => Muon::new(0.002);
        "muon(0.002,original)" => Muon::new(0.002).scale(MuonScale::Original);
        "muon(0.002,spectral,decay=0)" =>
            Muon::new(0.002).scale(MuonScale::SpectralUnclamped).weight_decay(0.0);
        "muon(0.002,0.8,plain,3)" =>
            Muon::new(0.002).momentum(0.8).without_nesterov().iterations(3);
        // As in Optax, whose AdamW has the same epsilon, 0.
        "muon(0.002,0.9,plain,original,adam(eps=0))" => Muon::new(0.002)
            .momentum(0.9)
            .without_nesterov()
            .scale(MuonScale::Original)
            .adam_epsilon(0.0);
        "muon(0.002,0.9,plain,7,adam(eps=0))" => Muon::new(0.002)
            .momentum(0.9)
            .without_nesterov()
            .iterations(7)
            .adam_epsilon(0.0);
    };
    rows.push(Row {
        name: "muon(0.005,eps=0.5,excluded,adam(0.8,0.99,1e-3,0.5))",
        optimizer: type_name::<Muon>,
        build: || {
            Muon::new(0.005)
                .epsilon(0.5)
                .exclude(r"output\..*")?
                .adam_betas(0.8, 0.99)
                .adam_epsilon(1e-3)
                .adam_learning_rate_factor(0.5)
                .build()
        },
    });
    rows
}

//! Labels, targets and dtypes that do not fit.

use super::{batch, net, rng, says};
use cotangent::prelude::*;
use expect_test::expect;

/// Mistake 9.
#[test]
fn a_label_out_of_range() {
    says(
        || {
            let labels = Indices::from([0, 1, 2, 3, 1, 2]);
            net()?.predict(&batch()?.0)?.cross_entropy(&labels)
        },
        expect!["cross_entropy: label 3 at position 3 is out of range for 3 classes"],
    );
}

/// Mistake 10.
#[test]
fn too_few_labels() {
    says(
        || {
            let labels = Indices::from([0, 1, 2]);
            net()?.predict(&batch()?.0)?.cross_entropy(&labels)
        },
        expect![[r#"
            cross_entropy: expected labels of shape (6,), one for each row of 3 classes, the
            last axis (shapes (6, 3) and (3,))"#]],
    );
}

/// Mistake 11.
#[test]
fn labels_in_a_column() {
    says(
        || {
            let labels = Indices::from([[0], [1], [2], [0], [1], [2]]);
            net()?.predict(&batch()?.0)?.cross_entropy(&labels)
        },
        expect![[r#"
            cross_entropy: expected labels of shape (6,), one for each row of 3 classes, the
            last axis (shapes (6, 3) and (6, 1))"#]],
    );
}

/// Mistake 12.
#[test]
fn an_index_beyond_the_embedding_table() {
    says(
        || {
            let embedding = Embedding::new(5, 3, &mut rng())?;
            embedding.forward(&Indices::from([1, 7]), &Pass::train(0))
        },
        expect!["embedding: row 7 at position 1 is out of range for 5 rows of the table"],
    );
}

/// Mistake 13.
#[test]
fn predictions_in_a_column_and_targets_in_a_row() {
    let compare = |loss: fn(&Tensor, &Tensor) -> Result<Tensor>| {
        let net = Linear::new(4, 1, &mut rng())?;
        let targets = Tensor::from([0.0f32, 1.0, 0.0, 1.0, 0.0, 1.0]);
        loss(&net.predict(&batch()?.0)?, &targets)
    };
    says(
        || compare(Tensor::mse_loss),
        expect![[r#"
            mse_loss: a loss does not broadcast: the prediction and the target must have one
            shape (shapes (6, 1) and (6,))"#]],
    );
    says(
        || compare(Tensor::l1_loss),
        expect![[r#"
            l1_loss: a loss does not broadcast: the prediction and the target must have one
            shape (shapes (6, 1) and (6,))"#]],
    );
    says(
        || compare(|x, y| x.huber_loss(y, 1.0)),
        expect![[r#"
            huber_loss: a loss does not broadcast: the prediction and the target must have
            one shape (shapes (6, 1) and (6,))"#]],
    );
    says(
        || compare(Tensor::bce_with_logits),
        expect![[r#"
            bce_with_logits: a loss does not broadcast: the prediction and the target must
            have one shape (shapes (6, 1) and (6,))"#]],
    );
}

/// Mistake 14.
#[test]
fn an_input_of_another_dtype() {
    says(
        || net()?.predict(&batch()?.0.to_dtype(DType::F64)),
        expect![[r#"
            `hidden.0.linear`: linear: input is f64, weight and bias are f32; convert with
            `to_dtype`"#]],
    );
}

/// Mistake 15.
#[test]
fn literals_of_another_dtype() {
    says(
        || net()?.predict(&Tensor::from([[0.1, 0.2, 0.3, 0.4]])),
        expect![[r#"
            `hidden.0.linear`: linear: input is f64, weight and bias are f32; convert with
            `to_dtype`"#]],
    );
    says(
        || batch()?.0.mul(&Tensor::from([2.0])),
        expect!["mul: the right operand is f64, the left operand is f32; convert with `to_dtype`"],
    );
}

/// Mistake 16.
#[test]
fn elements_of_another_type() {
    says(
        || batch()?.0.to_vec::<f64>(),
        expect!["to_vec: expected dtype f64, found f32; convert with `to_dtype`"],
    );
}

/// Mistake 46.
#[test]
fn a_parameter_set_to_another_dtype() {
    says(
        || {
            let mut layer = Linear::new(2, 1, &mut rng())?;
            layer.weight.set(&Tensor::from([[0.5, 0.5]]))
        },
        expect!["Param::set: expected dtype f32, found f64; convert with `to_dtype`"],
    );
}

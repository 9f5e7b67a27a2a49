//! Gradient clipping (Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural
//! networks).

use cotangent_core::{Error, Gradients, Result, Tensor};

/// Scales all gradients by one factor so that the norm of all of them together is at most
/// `max_norm`, and returns the norm before. The factor is `min(1, max_norm / (norm + 1e-6))`, as in
/// PyTorch.
///
/// # Errors
/// [`Error::Argument`] if `max_norm` is not above 0; [`Error::NonFinite`] if the norm is not
/// finite. Then nothing has changed. (PyTorch's default scales by a factor of 0 or NaN instead.)
#[doc(alias = "clip_grad_norm_")]
pub fn global_norm(gradients: &mut Gradients, max_norm: f64) -> Result<f64> {
    check_bound("global_norm", max_norm)?;
    let mut squares = 0.0;
    for (_, gradient) in gradients.iter() {
        squares += gradient.sum_of_squares();
    }
    let norm = squares.sqrt();
    if !norm.is_finite() {
        return Err(Error::NonFinite {
            op: "global_norm",
            what: "the norm of the gradients".to_owned(),
            value: norm,
        });
    }
    let factor = max_norm / (norm + 1e-6);
    if factor < 1.0 {
        gradients.map_in_place(|gradient| gradient.scaled_in_place(factor));
    }
    Ok(norm)
}

/// Limits every element of every gradient to `[-max, max]`. NaN stays NaN.
///
/// # Errors
/// [`Error::Argument`] if `max` is not above 0; then nothing has changed.
#[doc(alias = "clip_grad_value_")]
pub fn value(gradients: &mut Gradients, max: f64) -> Result<()> {
    check_bound("clip value", max)?;
    gradients.map_in_place(|gradient: Tensor| gradient.detach().clamp(-max, max));
    Ok(())
}

fn check_bound(op: &'static str, bound: f64) -> Result<()> {
    if bound > 0.0 {
        Ok(())
    } else {
        Err(Error::Argument {
            op,
            reason: format!("the bound must be above 0, found {bound}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradients(a: &Tensor, b: &Tensor) -> Gradients {
        let mut gradients = Gradients::default();
        gradients.insert(a, Tensor::from([3.0f64, -12.0]));
        gradients.insert(b, Tensor::from([[4.0f64]]));
        gradients
    }

    #[test]
    fn the_global_norm_is_over_all_gradients_and_scales_all_alike() -> Result<()> {
        let (a, b) = (
            Tensor::from([0.0f64; 2]).tracked(),
            Tensor::from([[0.0f64]]).tracked(),
        );
        let mut clipped = gradients(&a, &b);
        assert_eq!(global_norm(&mut clipped, 6.5)?, 13.0);
        let factor = 6.5 / (13.0 + 1e-6);
        assert_eq!(
            clipped.get(&a).map(Tensor::to_f64_vec),
            Some(vec![3.0 * factor, -12.0 * factor])
        );
        assert_eq!(
            clipped.get(&b).map(Tensor::to_f64_vec),
            Some(vec![4.0 * factor])
        );
        let mut small = gradients(&a, &b);
        global_norm(&mut small, 100.0)?;
        assert_eq!(small.get(&b).map(Tensor::to_f64_vec), Some(vec![4.0]));
        Ok(())
    }

    #[test]
    fn values_are_limited_on_both_sides() -> Result<()> {
        let (a, b) = (
            Tensor::from([0.0f64; 2]).tracked(),
            Tensor::from([[0.0f64]]).tracked(),
        );
        let mut clipped = gradients(&a, &b);
        value(&mut clipped, 3.5)?;
        assert_eq!(
            clipped.get(&a).map(Tensor::to_f64_vec),
            Some(vec![3.0, -3.5])
        );
        assert_eq!(clipped.get(&b).map(Tensor::to_f64_vec), Some(vec![3.5]));
        Ok(())
    }

    #[test]
    fn a_norm_that_is_not_finite_is_an_error_and_changes_nothing() {
        let (a, b) = (
            Tensor::from([0.0f64; 2]).tracked(),
            Tensor::from([[0.0f64]]).tracked(),
        );
        let mut broken = gradients(&a, &b);
        broken.insert(&b, Tensor::from([[f64::NAN]]));
        assert!(matches!(
            global_norm(&mut broken, 1.0),
            Err(Error::NonFinite { .. })
        ));
        assert_eq!(
            broken.get(&a).map(Tensor::to_f64_vec),
            Some(vec![3.0, -12.0])
        );
        assert!(global_norm(&mut gradients(&a, &b), 0.0).is_err());
        assert!(value(&mut gradients(&a, &b), f64::NAN).is_err());
    }
}

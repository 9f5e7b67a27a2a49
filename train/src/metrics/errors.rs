//! Mean errors of a regression.

use super::{check_equal, ratio};
use crate::metric::Metric;
use cotangent_core::state::Stateful;
use cotangent_core::{Result, Tensor};
use std::borrow::Cow;

macro_rules! mean_errors {
    ($($(#[$doc:meta])* $name:ident $column:literal $error:expr, $of_mean:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Stateful)]
        #[state(crate = "cotangent_core")]
        pub struct $name {
            sum: f64,
            count: u64,
        }

        impl $name {
            /// Creates the metric.
            pub fn new() -> Self {
                Self::default()
            }
        }

        impl Metric for $name {
            type Target = Tensor;

            fn name(&self) -> Cow<'static, str> {
                $column.into()
            }

            fn update(&mut self, outputs: &Tensor, targets: &Tensor) -> Result<()> {
                check_equal(stringify!($name), outputs, targets)?;
                let (outputs, targets) = (outputs.to_f64_vec(), targets.to_f64_vec());
                let errors = outputs.iter().zip(&targets).map(|(y, t)| ($error)(y - t));
                self.sum += errors.sum::<f64>();
                self.count += outputs.len() as u64;
                Ok(())
            }

            fn merge(&mut self, other: &Self) -> Result<()> {
                self.sum += other.sum;
                self.count += other.count;
                Ok(())
            }

            fn value(&self) -> Option<f64> {
                ratio(self.sum, self.count as f64).map($of_mean)
            }
        }
    )*};
}

mean_errors! {
    /// The mean of the squared errors of all elements. Its name is `mean_squared_error`.
    #[doc(alias = "mse")]
    MeanSquaredError "mean_squared_error" |error: f64| error * error, |mean| mean;
    /// The root of the mean of the squared errors of all elements. Its name is
    /// `root_mean_squared_error`.
    #[doc(alias = "rmse")]
    RootMeanSquaredError "root_mean_squared_error" |error: f64| error * error, f64::sqrt;
    /// The mean of the absolute errors of all elements. Its name is `mean_absolute_error`.
    #[doc(alias = "mae")]
    MeanAbsoluteError "mean_absolute_error" f64::abs, |mean| mean;
}

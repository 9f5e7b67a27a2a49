//! The embedded regression table, so that a first regression needs no download.

use cotangent_core::Tensor;

use crate::csv;
use crate::error::{Error, Result};
use crate::table::Table;

/// The origin and the licence of the files are in `assets/README.md`.
static INPUTS: &[u8] = include_bytes!("../assets/diabetes_data_raw.csv.gz");
static TARGETS: &[u8] = include_bytes!("../assets/diabetes_target.csv.gz");

const PATIENTS: usize = 442;

/// The names of the columns of [`diabetes()`]: age in years, sex (1 or 2), body mass index, average
/// blood pressure, total cholesterol, low-density and high-density lipoproteins, the ratio of total
/// cholesterol to the latter, the logarithm of triglycerides, and blood sugar.
pub const DIABETES_COLUMNS: [&str; 10] = [
    "age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6",
];

/// Returns 442 patients with diabetes: ten measurements each, and how far the disease had
/// progressed a year later, a number from 25 to 346. B. Efron, T. Hastie, I. Johnstone and R.
/// Tibshirani (2004), Least Angle Regression, Annals of Statistics 32.
///
/// Inputs are `f32` of the shape `(442, 10)` with the columns [`DIABETES_COLUMNS`], as they were
/// measured; targets have the shape `(442, 1)`. A [`Standardizer`](crate::Standardizer) scales
/// them. A linear regression explains about half of the variance (R² 0.52 on the whole table).
///
/// scikit-learn distributes the table (`sklearn.datasets.load_diabetes` with `scaled=False`).
///
/// ```
/// use cotangent::data::{DIABETES_COLUMNS, diabetes};
///
/// let table = diabetes()?;
/// let (inputs, targets) = table.all();
/// assert_eq!((inputs.shape(), targets.shape()), (&[442, 10][..], &[442, 1][..]));
/// assert_eq!(DIABETES_COLUMNS[0], "age");
/// assert_eq!(inputs.select(1, 0)?.to_vec::<f32>()?[..3], [59.0, 48.0, 72.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmbeddedData`], only if the build is damaged.
#[doc(alias = "load_diabetes")]
pub fn diabetes() -> Result<Table<(Tensor, Tensor)>> {
    Table::new((
        decode(INPUTS, &DIABETES_COLUMNS)?,
        decode(TARGETS, &["progression"])?,
    ))
}

fn decode(compressed: &[u8], columns: &[&str]) -> Result<Tensor> {
    let damaged = |error: Error| Error::EmbeddedData {
        found: error.to_string(),
    };
    let options = csv::Options::new().delimiter(b' ').header(columns.to_vec());
    let table = options.parse(compressed).map_err(damaged)?;
    if table.len() != PATIENTS {
        let found = format!("{} rows instead of {PATIENTS}", table.len());
        return Err(Error::EmbeddedData { found });
    }
    table.numbers(columns).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_files_are_the_published_ones() {
        let table = diabetes().unwrap();
        let (inputs, targets) = table.all();
        // Sums that pandas computes from the same files.
        let sums = inputs.sum_over(0).unwrap().to_f64_vec();
        assert_eq!(sums[0], 21_445.0);
        assert_eq!(sums[1], 649.0);
        assert_eq!(targets.sum().item().unwrap(), 67_243.0);
        let targets = targets.to_f64_vec();
        assert_eq!(targets[..3], [151.0, 75.0, 141.0]);
        let extremes = targets
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), &x| {
                (low.min(x), high.max(x))
            });
        assert_eq!(extremes, (25.0, 346.0));
    }

    #[test]
    fn damage_is_reported() {
        let message = |bytes: &[u8]| decode(bytes, &["x"]).unwrap_err().to_string();
        assert!(message(&TARGETS[..500]).contains("damaged"));
        assert!(message(b"1\n2\n").contains("2 rows instead of 442"));
        assert!(message(b"x\n".repeat(442).as_slice()).contains("line 1"));
    }
}

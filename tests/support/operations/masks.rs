//! Rows of comparisons and of selection by mask.

use super::Domain::Signed;
use super::Entry;
use cotangent::{Mask, Result};

/// Returns the rows of comparisons and of selection by mask.
pub fn masks() -> Vec<Entry> {
    operations! { [m, k, n]
        lt {
            extreme "lt raw", Signed: (m, k) (m, k) => (m, k),
                |x| Ok(x[0].lt(&x[1])?.to_tensor(x[0].dtype()));
            draw 2 Same |x, p| x[0].lt(&x[1]);
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        le {
            extreme "le raw", Signed: (m, k) (m, k) => (m, k),
                |x| Ok(x[0].le(&x[1])?.to_tensor(x[0].dtype()));
            draw 2 Same |x, p| x[0].le(&x[1]);
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        gt {
            extreme "gt raw", Signed: (m, k) (m, k) => (m, k),
                |x| Ok(x[0].gt(&x[1])?.to_tensor(x[0].dtype()));
            draw 2 Same |x, p| x[0].gt(&x[1]);
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        ge {
            extreme "ge raw", Signed: (m, k) (m, k) => (m, k),
                |x| Ok(x[0].ge(&x[1])?.to_tensor(x[0].dtype()));
            draw 2 Same |x, p| x[0].ge(&x[1]);
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        eq {
            extreme "eq raw", Signed: (m, k) (m, k) => (m, k),
                |x| Ok(x[0].eq(&x[1])?.to_tensor(x[0].dtype()));
            draw 2 Same |x, p| x[0].eq(&x[1]);
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        ne {
            extreme "ne raw", Signed: (m, k) (m, k) => (m, k),
                |x| Ok(x[0].ne(&x[1])?.to_tensor(x[0].dtype()));
            draw 2 Same |x, p| x[0].ne(&x[1]);
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        is_nan {
            extreme "is_nan raw", Signed: (m, k) => (m, k),
                |x| Ok(x[0].is_nan().to_tensor(x[0].dtype()));
            draw 1 Same |x, p| x[0].is_nan();
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        is_infinite {
            extreme "is_infinite raw", Signed: (m, k) => (m, k),
                |x| Ok(x[0].is_infinite().to_tensor(x[0].dtype()));
            draw 1 Same |x, p| x[0].is_infinite();
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        is_finite {
            extreme "is_finite raw", Signed: (m, k) => (m, k),
                |x| Ok(x[0].is_finite().to_tensor(x[0].dtype()));
            draw 1 Same |x, p| x[0].is_finite();
            without Check: "returns truth values";
            without Golden: "returns truth values; `masks.rs` compares them with loops";
        }
        to_tensor {
            draw 0 Same |x, p| p.mask.to_tensor(p.dtype);
            without Check: "takes no tensor";
            without Golden: "copies given truth values";
        }
        masked_fill {
            check "masked_fill", Signed: (m, k) => (m, k),
                |x| x[0].masked_fill(&every_third(&x[0].shape()[1..])?, 0.5);
            draw 1 Same |x, p| x[0].masked_fill(&p.mask, p.number);
            without Golden: "selects given values";
        }
        select {
            check "select", Signed: (m, k) (m, k) => (m, k),
                |x| every_third(x[0].shape())?.select(&x[0], &x[1]);
            check "select of a column and a row", Signed: (m, 1) (k) => (m, k),
                |x| every_third(&[x[0].shape()[0], 1])?.select(&x[0], &x[1]);
            check "select by comparison", Signed: (m, k) (k) => (m, k),
                |x| x[0].lt(&x[1])?.select(&x[0], &x[1]);
            draw 2 Same |x, p| p.mask.select(&x[0], &x[1]);
        }
    }
}

/// Creates a mask that is true at every third element.
fn every_third(shape: &[usize]) -> Result<Mask> {
    Mask::from_vec(
        (0..shape.iter().product()).map(|i| i % 3 == 1).collect(),
        shape,
    )
}

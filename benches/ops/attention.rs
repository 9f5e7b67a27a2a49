//! Attention, layer normalization of its width, and a character generated with a cache. The bound
//! of attention counts the products of the scores that a causal query may see.

use crate::{Bound, Case, Run, normal};
use cotangent::Attention;
use cotangent::nn::{Gelu, KeyValueCache, TransformerEncoderLayer};
use cotangent::prelude::*;

const BATCH: usize = 8;
const HEADS: usize = 8;
const TIME: usize = 256;
const WIDTH: usize = 32;
const SHAPE: [usize; 4] = [BATCH, HEADS, TIME, WIDTH];

pub fn cases() -> Vec<Case> {
    let name = format!("causal attention {BATCH} x {HEADS} x {TIME} x {WIDTH}");
    let seen = BATCH * HEADS * TIME * (TIME + 1) / 2;
    let product = 2 * seen * WIDTH;
    let bytes = 4 * SHAPE.iter().product::<usize>();
    vec![
        Case::new(
            format!("{name}: forward"),
            Bound::Operations(2 * product, 4 * bytes),
            || {
                let x = normal(&SHAPE)?;
                Ok(Box::new(move || {
                    let _ = Attention::new().causal().attend(&x, &x, &x)?;
                    Ok(())
                }))
            },
        ),
        Case::new(
            format!("{name}: forward and backward"),
            Bound::Operations(7 * product, 9 * bytes),
            || {
                let [q, k, v, g] = [
                    normal(&SHAPE)?,
                    normal(&SHAPE)?,
                    normal(&SHAPE)?,
                    normal(&SHAPE)?,
                ];
                let [q, k, v] = [q.tracked(), k.tracked(), v.tracked()];
                Ok(Box::new(move || {
                    let y = Attention::new().causal().attend(&q, &k, &v)?;
                    y.backward_with(&g)?;
                    Ok(())
                }))
            },
        ),
        Case::new(
            "4 transformer layers of width 128, 16 x 128 steps: forward and backward",
            // Each weight is multiplied once forward and twice backward.
            Bound::Operations(6 * 16 * 128 * 4 * 12 * 128 * 128, 4 * 16 * 128 * 128),
            training,
        ),
        Case::new(
            "4 transformer layers of width 128, one position with a cache of up to 128",
            Bound::Bytes(4 * 4 * 12 * 128 * 128),
            generation,
        ),
    ]
}

fn layers() -> Result<Vec<TransformerEncoderLayer>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let layer = TransformerEncoderLayer::builder(128, 4)
        .norm_first()
        .causal()
        .activation(Gelu);
    (0..4).map(|_| layer.clone().build(&mut rng)).collect()
}

fn training() -> anyhow::Result<Run> {
    let (layers, x) = (layers()?, normal(&[16, 128, 128])?.tracked());
    let (cotangent, pass) = (normal(&[16, 128, 128])?, Pass::train(1));
    Ok(Box::new(move || {
        layers.forward(&x, &pass)?.backward_with(&cotangent)?;
        Ok(())
    }))
}

fn generation() -> anyhow::Result<Run> {
    let (layers, x, pass) = (layers()?, normal(&[1, 1, 128])?, Pass::inference());
    let mut caches = vec![KeyValueCache::new(); layers.len()];
    Ok(Box::new(move || {
        if caches[0].len() == 128 {
            caches.iter_mut().for_each(KeyValueCache::clear);
        }
        let mut x = x.clone();
        for (layer, cache) in layers.iter().zip(&mut caches) {
            x = layer.step(&x, cache, &pass)?;
        }
        Ok(())
    }))
}

//! The floor of a training step: its matrix products and one sweep of Adam on preallocated buffers,
//! as fast as `matrixmultiply` and two threads do it.

use crate::nets::Workload;
use cotangent::kernel::{Isa, Kernel, dispatch};
use std::ops::Range;

/// All buffers of a step.
pub struct Floor {
    batch: usize,
    sizes: Vec<usize>,
    /// The range of each layer's weights (outputs x inputs) among the parameters.
    weights: Vec<Range<usize>>,
    params: [Vec<f32>; 4],
    /// The inputs of each layer, and the outputs of the last.
    values: Vec<Vec<f32>>,
    /// The gradients of `values`.
    slopes: Vec<Vec<f32>>,
    threads: usize,
}

impl Floor {
    pub fn of(workload: &Workload) -> Self {
        let mut start = 0;
        let mut weights = Vec::new();
        for pair in workload.sizes.windows(2) {
            let len = pair[0] * pair[1];
            weights.push(start..start + len);
            start += len;
        }
        let mut params = [(); 4].map(|()| vec![0.0; workload.parameters()]);
        for (range, pair) in weights.iter().zip(workload.sizes.windows(2)) {
            // The scale keeps values away from 0 and infinity at any depth.
            let scale = 3f32.sqrt() / (pair[0] as f32).sqrt();
            fill(&mut params[0][range.clone()], scale);
        }
        let mut values: Vec<_> = workload
            .sizes
            .iter()
            .map(|size| vec![0.0; size * workload.batch])
            .collect();
        fill(&mut values[0], 1.7);
        let mut slopes = values.clone();
        let last = slopes.len() - 1;
        fill(&mut slopes[last], 1.7);
        Self {
            batch: workload.batch,
            sizes: workload.sizes.clone(),
            weights,
            params,
            values,
            slopes,
            threads: rayon::current_num_threads(),
        }
    }

    /// Runs all products forward, those of the gradients of weights and inputs, and Adam.
    pub fn step(&mut self) {
        let layers = self.weights.len();
        let batch = self.batch;
        let [w, g, ..] = &mut self.params;
        for layer in 0..layers {
            let [inputs, outputs] = [self.sizes[layer], self.sizes[layer + 1]];
            let (before, after) = self.values.split_at_mut(layer + 1);
            let w = &w[self.weights[layer].clone()];
            product(
                [batch, inputs, outputs],
                (&before[layer], [inputs, 1]),
                (w, [1, inputs]),
                &mut after[0],
            );
        }
        for layer in (0..layers).rev() {
            let [inputs, outputs] = [self.sizes[layer], self.sizes[layer + 1]];
            let (before, after) = self.slopes.split_at_mut(layer + 1);
            let (w, g) = (
                &w[self.weights[layer].clone()],
                &mut g[self.weights[layer].clone()],
            );
            let x = &self.values[layer];
            product(
                [outputs, batch, inputs],
                (&after[0], [1, outputs]),
                (x, [inputs, 1]),
                g,
            );
            if layer > 0 {
                product(
                    [batch, outputs, inputs],
                    (&after[0], [outputs, 1]),
                    (w, [inputs, 1]),
                    &mut before[layer],
                );
            }
        }
        let [w, g, m, v] = &mut self.params;
        adam([w, m, v], g, self.threads);
    }
}

/// Computes `c = a b` for sizes m, k, n and operands with their strides of row and column.
fn product(
    [m, k, n]: [usize; 3],
    (a, [rsa, csa]): (&[f32], [usize; 2]),
    (b, [rsb, csb]): (&[f32], [usize; 2]),
    c: &mut [f32],
) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    // SAFETY: the operands have as many elements as their sizes say, and their strides are those of
    // contiguous matrices of these sizes, transposed or not; `c` is borrowed mutably.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            rsa as isize,
            csa as isize,
            b.as_ptr(),
            rsb as isize,
            csb as isize,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// Sweeps Adam once over all elements, in two halves if there are several threads.
fn adam([w, m, v]: [&mut [f32]; 3], g: &[f32], threads: usize) {
    if threads == 1 {
        dispatch(AdamSweep { w, g, m, v });
        return;
    }
    let half = w.len() / 2;
    let (w, m, v) = (
        w.split_at_mut(half),
        m.split_at_mut(half),
        v.split_at_mut(half),
    );
    let g = g.split_at(half);
    let sweep = |[w, m, v]: [&mut [f32]; 3], g| adam([w, m, v], g, threads.div_ceil(2));
    rayon::join(
        || sweep([w.0, m.0, v.0], g.0),
        || sweep([w.1, m.1, v.1], g.1),
    );
}

struct AdamSweep<'a> {
    w: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl Kernel for AdamSweep<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        // The step is so small that the products keep their size.
        const RATE: f32 = 1e-9;
        let len = self.w.len();
        let (w, g, m, v) = (
            &mut self.w[..len],
            &self.g[..len],
            &mut self.m[..len],
            &mut self.v[..len],
        );
        for i in 0..len {
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.999 * v[i] + 0.001 * (g[i] * g[i]);
            w[i] -= RATE * m[i] / (v[i].sqrt() + 1e-8);
        }
    }
}

/// Fills with numbers in (-scale, scale), the same in each run.
fn fill(values: &mut [f32], scale: f32) {
    let mut state = 1u32;
    for value in values {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = ((state >> 8) as f32 / (1u32 << 23) as f32 - 1.0) * scale;
    }
}

//! Rows of functions that create tensors from numbers, or numbers from tensors.

use super::Entry;
use cotangent::prelude::{ChaCha8Rng, Result, SeedableRng, Tensor};

/// Returns the rows of functions that create tensors from numbers, or numbers from tensors.
pub fn creation() -> Vec<Entry> {
    operations! { [m, k, n]
        from_vec {
            draw 0 Same |x, p| Tensor::from_vec(vec![1.0f32; p.mask.len()], &p.shape[..]);
            without Check Golden Extreme: "copies given values";
        }
        from_slice {
            draw 0 Same |x, p| Tensor::from_slice(&vec![1.0f64; p.mask.len()], &p.shape[..]);
            without Check Golden Extreme: "copies given values";
        }
        scalar {
            draw 0 Same |x, p| Tensor::scalar(p.number);
            without Check Golden Extreme: "copies given values";
        }
        full {
            draw 0 Same |x, p| Tensor::full(&p.shape[..], p.number, p.dtype);
            without Check Golden Extreme: "copies given values";
        }
        zeros {
            draw 0 Same |x, p| Tensor::zeros(&p.sizes[..], p.dtype);
            draw 0 Same |x, p| Tensor::zeros([0, p.size], p.dtype);
            without Check Golden Extreme: "copies given values";
        }
        ones {
            draw 0 Same |x, p| Tensor::ones([p.size, p.other_size], p.dtype);
            without Check Golden Extreme: "copies given values";
        }
        zeros_like {
            draw 1 Same |x, p| x[0].zeros_like();
            without Check Golden Extreme: "is made from a shape and a dtype";
        }
        ones_like {
            draw 1 Same |x, p| x[0].ones_like();
            without Check Golden Extreme: "is made from a shape and a dtype";
        }
        full_like {
            draw 1 Same |x, p| x[0].full_like(p.number);
            without Check Golden Extreme: "is made from a shape and a dtype";
        }
        normal_like {
            draw 1 Same |x, p|
                x[0].normal_like(p.number, p.other_number, &mut ChaCha8Rng::seed_from_u64(p.seed));
            without Check Extreme: "is made from a shape and a dtype";
            without Golden: "draws random numbers, other than PyTorch's";
        }
        uniform_like {
            draw 1 Same |x, p|
                x[0].uniform_like(p.number, p.other_number, &mut ChaCha8Rng::seed_from_u64(p.seed));
            without Check Extreme: "is made from a shape and a dtype";
            without Golden: "draws random numbers, other than PyTorch's";
        }
        normal {
            draw 0 Same |x, p|
                Tensor::normal(&p.shape[..], p.number, p.other_number, p.dtype,
                    &mut ChaCha8Rng::seed_from_u64(p.seed));
            without Check Extreme: "takes no tensor";
            without Golden: "draws other random numbers than PyTorch";
        }
        uniform {
            draw 0 Same |x, p|
                Tensor::uniform(&p.shape[..], p.number, p.other_number, p.dtype,
                    &mut ChaCha8Rng::seed_from_u64(p.seed));
            without Check Extreme: "takes no tensor";
            without Golden: "draws other random numbers than PyTorch";
        }
        from_fn {
            draw 0 Same |x, p| Tensor::from_fn(&p.shape[..], p.dtype, || p.number);
            without Check Golden Extreme: "copies given values";
        }
        arange {
            draw 0 Same |x, p| {
                // A million numbers are valid, but slow.
                let few = ((p.other_number - p.number) / p.third_number).abs() < 1e3;
                let many = ((p.other_number - p.number) / p.third_number).abs() > 1e16;
                if few || many || !p.third_number.is_finite() || p.third_number == 0.0 {
                    Tensor::arange(p.number, p.other_number, p.third_number, p.dtype)?
                } else {
                    Tensor::scalar(0.0f64)
                }
            };
            without Check Extreme: "takes no tensor";
            without Golden: "is tested in `golden/creation.rs`";
        }
        linspace {
            draw 0 Same |x, p| Tensor::linspace(p.number, p.other_number, p.size, p.dtype);
            without Check Extreme: "takes no tensor";
            without Golden: "is tested in `golden/creation.rs`";
        }
        eye {
            draw 0 Same |x, p| Tensor::eye(p.size, p.dtype);
            draw 0 Same |x, p| Tensor::eye(&p.sizes[..], p.dtype);
            without Check Extreme: "takes no tensor";
            without Golden: "is tested in `golden/creation.rs`";
        }
        to_vec2 {
            draw 1 Same |x, p| {
                let rows: Result<Vec<Vec<f32>>> = x[0].to_vec2();
                rows.map(|rows| rows.len())
            };
            without Check Golden Extreme: "returns numbers; its unit tests compare them";
        }
    }
}

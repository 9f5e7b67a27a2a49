//! PyTorch's names and their counterparts here.
//!
//! The [guide](crate::guide::coming_from::pytorch) begins with the usual ones, and has the defaults
//! that differ and the exchange of weights.
//!
//! # Tensors and differentiation
//!
//! | PyTorch | here |
//! |---|---|
//! | `torch.tensor([[1., 2.]])` | [`Tensor::from([[1.0f32, 2.0]])`](crate::Tensor) |
//! | `x.requires_grad_()` | [`x.tracked()`](crate::Tensor::tracked), or a [`Param`](crate::module::Param) in a model |
//! | `x.detach()` | [`x.detach()`](crate::Tensor::detach) |
//! | `loss.backward(); w.grad` | [`let grads = loss.backward()?`](crate::Tensor::backward), then [`grads.get(&w)`](crate::Gradients::get) |
//! | `optimizer.zero_grad()` | nothing: each `backward` returns new gradients |
//! | `torch.autograd.grad(y, xs)` | [`grad`](crate::grad()) |
//! | `create_graph`, `retain_graph` | options of [`Backward`](crate::Backward) |
//! | `with torch.no_grad():` | [`Pass::inference()`](crate::module::Pass::inference), [`Pass::no_grad()`](crate::module::Pass::no_grad), or [`predict`](crate::module::Layer::predict) |
//! | `torch.func.functional_call` | [`Pass::with`](crate::module::Pass::with) |
//! | `torch.func.jvp`, `vjp`, `jacrev`, `hessian` | [`transform`](crate::transform) |
//! | `torch.func.vmap(torch.func.grad(f))` | [`transform::per_sample`](crate::transform::per_sample) |
//! | `torch.utils.checkpoint` | [`Pass::recompute`](crate::module::Pass::recompute) |
//! | `torch.autograd.gradcheck` | [`gradcheck`](crate::gradcheck) |
//! | a pointwise function under `torch.compile` | [`#[elementwise]`](crate::guide::elementwise) |
//! | `torch.autograd.Function` | a custom [`Op`](crate::Op); for a pointwise function [`#[derivative]`](crate::guide::elementwise#squareplus) |
//! | `torch.autograd.detect_anomaly` | [`Pass::checked`](crate::module::Pass::checked) |
//! | `x.view(n, -1)`, `x.reshape` | [`x.reshape([n, INFER])`](crate::Tensor::reshape) |
//! | `x[a:b]`, `x[::k]` | [`x.narrow(0, a, b - a)`](crate::Tensor::narrow), [`x.slice(0, None, None, k)`](crate::Tensor::slice) |
//! | `x.select(1, i)`, `x[:, i]`, `x[:, -1]` | [`x.select(1, i)`](crate::Tensor::select), `x.select(1, -1)` |
//! | `torch.isnan(x)`, `isinf`, `isfinite` | [`x.is_nan()`](crate::Tensor::is_nan), [`is_infinite`](crate::Tensor::is_infinite), [`is_finite`](crate::Tensor::is_finite) |
//! | `torch.lerp(a, b, 0.1)`, `torch.remainder(x, 2)` | the number is a tensor of one element: [`a.lerp(&b, &Tensor::from(0.1f32))`](crate::Tensor::lerp) |
//! | `F.softplus(x, beta, threshold)`, `torch.logit(x, eps)` | [`x.softplus_with(beta, threshold)`](crate::Tensor::softplus_with), [`x.clamp(eps, 1.0 - eps).logit()`](crate::Tensor::logit) |
//! | `torch.where(mask, a, b)` | [`mask.select(&a, &b)`](crate::Mask::select) |
//! | `x[i, j]` of numbers, of lists of them | [`x.at([i, j])`](crate::Tensor::at), [`x.index(&[&i, &j])`](crate::Tensor::index) |
//! | `x[mask]`, `torch.nonzero(mask)` | [`x.masked_select(&mask)`](crate::Tensor::masked_select), [`mask.nonzero()`](crate::Mask::nonzero) |
//! | `x[a:b] = v`, `x[i] = v`, `x[i, j] = v`, `x[mask] = v` | [`slice_scatter`](crate::Tensor::slice_scatter), [`select_scatter`](crate::Tensor::select_scatter), [`index_put`](crate::Tensor::index_put), [`masked_scatter`](crate::Tensor::masked_scatter), which return a new tensor |
//! | `x.roll(shift, dim)`, `x.unfold(dim, size, step)` | [`x.roll(dim, shift)`](crate::Tensor::roll), [`x.sliding_window(dim, size, step)`](crate::Tensor::sliding_window) |
//! | `x[indices]`, `x[mask] = 0` | [`x.index_select(0, &indices)`](crate::Tensor::index_select), [`x.masked_fill(&mask, 0.0)`](crate::Tensor::masked_fill) |
//! | `x * 2`, `2 * x` | `&x * 2.0`, `2.0 * &x`: the number must be a float, and on the left an `f64` |
//! | `torch.diag(x)` of a vector, of a matrix | [`x.diag_embed(0)`](crate::Tensor::diag_embed), [`x.diagonal(0)`](crate::Tensor::diagonal) |
//! | `torch.randperm(n)` | the places of sorted random numbers: `Tensor::uniform([n], 0.0, 1.0, DType::F64, &mut rng)?.sort(0, Order::Ascending)?.1` |
//! | `torch.median(x, dim)` | [`x.median_over(dim)`](crate::Tensor::median_over), or with the place [`x.kth_value(dim, n.div_ceil(2))`](crate::Tensor::kth_value) |
//! | `torch.count_nonzero(x, dim)` | [`x.ne_scalar(0.0).count_over(dim)`](crate::Mask::count_over) |
//! | `torch.linalg.vector_norm(x, p, dim)`, `matrix_norm(x, ord)` | [`x.norm_over(dim, Norm::P(p))`](crate::Norm), [`x.matrix_norm(MatrixNorm::One)`](crate::MatrixNorm) |
//! | `torch.linalg.inv`, `solve`, `cholesky`, `qr`, `eigh`, `svd`, …, `torch.matrix_exp` | `x.inverse()`, the others under the same names (feature `linalg`); `solve_triangular(&b, upper)` |
//! | `torch.cdist(x, y, p)` | [`x.cdist(&y, Norm::L2)`](crate::Tensor::cdist) |
//! | `torch.histc(x, bins, min, max)` | [`x.histogram(Bins::Between(bins, min, max))`](crate::Bins) |
//! | `torch.LongTensor`, `torch.BoolTensor` | [`Indices`](crate::Indices), [`Mask`](crate::Mask) |
//!
//! # Models
//!
//! | PyTorch | here |
//! |---|---|
//! | `class Net(nn.Module)` | a struct with `#[derive(Module)]`; `forward` is [`Layer::compute`](crate::module::Layer::compute) |
//! | `net.train()`, `net.eval()` | [`Pass::train(seed)`](crate::module::Pass::train), [`Pass::inference()`](crate::module::Pass::inference), an argument of each `forward` |
//! | `net.state_dict()`, `load_state_dict` | [`ModuleExt`](crate::ModuleExt): `save`, `load`; [`StateDict`](crate::state::StateDict) |
//! | `copy.deepcopy(net.state_dict())` | `net.clone()`, or [`net.state()`](crate::state::Stateful::state) and `load_state`: [early stopping](crate::guide::recipes#early-stopping) |
//! | `decoder.weight = encoder.weight` | one `Param` that is read in both places: [tied weights](crate::guide::own::networks#tied-weights) |
//! | `strict=False`, renamed keys | [`Loader`](crate::state::Loader) |
//! | `p.requires_grad = False` | [`ModuleExt::freeze_where`](crate::ModuleExt), [`Frozen`](crate::module::Frozen) |
//! | `net.named_parameters()` | [`ModuleExt::named_params`](crate::ModuleExt) |
//! | `nn.ModuleList`, `nn.ModuleDict` | `Vec<L>`, `BTreeMap<String, L>` |
//! | `register_buffer` | [`Buffer`](crate::module::Buffer) |
//! | `nn.Sequential`, `nn.Linear`, … | the same names in [`nn`](crate::nn) |
//! | `nn.Conv2d(3, 16, 3, stride=2, padding=1)` | [`Conv2d::builder(3, 16, 3).stride(2).padding(1)`](crate::nn::ConvBuilder), the same for one and three axes and for [`ConvTranspose2d`](crate::nn::ConvTranspose2d) |
//! | `F.conv2d`, `F.conv_transpose2d` | [`conv`](crate::Tensor::conv), [`conv_transpose`](crate::Tensor::conv_transpose) for any number of axes |
//! | `F.pad(x, (…), mode='reflect')` | [`pad_with`](crate::Tensor::pad_with) |
//! | `nn.MultiheadAttention(batch_first=True)` | [`MultiHeadAttention`](crate::nn::MultiHeadAttention), whose masks are true for keys that take part |
//! | `F.scaled_dot_product_attention` | [`Attention`](crate::Attention), with options |
//! | `nn.init.kaiming_normal_`, `xavier_uniform_` | [`init::he_normal`](crate::nn::init::he_normal), [`init::glorot_uniform`](crate::nn::init::glorot_uniform) |
//! | `nn.CrossEntropyLoss`, … | the methods and builders in [`losses`](crate::guide::lists::losses) |
//!
//! # Training
//!
//! | PyTorch | here |
//! |---|---|
//! | `optim.SGD(momentum=0.9)`, `nesterov=True` | [`Momentum`](crate::optim::Momentum), [`Nesterov`](crate::optim::Nesterov); without momentum [`Sgd`](crate::optim::Sgd) |
//! | `optim.Adam(amsgrad=True)` | [`Adam::new(lr).amsgrad()`](crate::optim::Adam) |
//! | `optim.Rprop`, `optim.ASGD` | [`Rprop`](crate::optim::Rprop), [`Asgd`](crate::optim::Asgd) |
//! | `optim.LBFGS(line_search_fn="strong_wolfe")` | [`Lbfgs`](crate::optim::Lbfgs), whose closure returns loss and gradients |
//! | `maximize=True` | [`Group::of(".*")?.maximize()`](crate::optim::Group::maximize) |
//! | parameter groups | [`Group`](crate::optim::Group) |
//! | `clip_grad_norm_`, `clip_grad_value_` | [`clip::global_norm`](crate::optim::clip::global_norm), [`clip::value`](crate::optim::clip::value) |
//! | `lr_scheduler.*` | [`Schedule`](crate::optim::Schedule) |
//! | `swa_utils.AveragedModel` | [`WeightAverage`](crate::optim::WeightAverage) |
//! | `DataLoader(TensorDataset(x, labels), shuffle=True)` | [`Batches`](crate::data::Batches) of a [`Labeled`](crate::data::Labeled), for class labels |
//! | `DataLoader(TensorDataset(x, targets))` with float targets | `Batches` of a [`Table`](crate::data::Table): [regression in mini-batches](crate::guide::own::data#tensors-in-memory) |
//! | `torch.utils.data.Dataset`, `collate_fn` | the traits [`Dataset`](crate::data::Dataset) and [`Sample`](trait@crate::data::Sample) |
//! | `DataLoader(…, num_workers=2, prefetch_factor=4)` | [`workers`](crate::data::Batches::workers)`(2)`, [`prefetch`](crate::data::Batches::prefetch)`(8)` |
//! | `WeightedRandomSampler`, `Subset`, `ConcatDataset` | [`weighted`](crate::data::Batches::weighted), [`subset`](crate::data::Dataset::subset), [`concat`](crate::data::Dataset::concat) |
//! | `IterableDataset` | [`Stream`](crate::data::Stream) |
//! | `pad_sequence` | [`Sequence`](crate::data::Sequence) |
//! | scikit-learn's `GroupKFold`, `train_test_split` | [`split`](crate::data::split) |
//! | scikit-learn's `StratifiedKFold` | [`Labeled::k_fold`](crate::data::Labeled::k_fold) |
//! | `torch.manual_seed` | [`ChaCha8Rng::seed_from_u64`](crate::random), and the seed of `Pass::train` |
//! | `load_state_dict(torch.load("model.pth"))` | [`load`](crate::ModuleExt::load), also under other names: [`Loader`](crate::state::Loader) |
//! | `torch.save` of model and optimizer | [`save_checkpoint`](crate::state::save_checkpoint) |
//!
//! The replacements of indexing and `randperm`:
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
//! assert_eq!(x.narrow(0, 1, 1)?.to_vec::<f32>()?, [4.0, 5.0, 6.0]);
//! assert_eq!(x.slice(1, None, None, 2)?.to_vec::<f32>()?, [1.0, 3.0, 4.0, 6.0]);
//! assert_eq!(x.select(1, 1)?.to_vec::<f32>()?, [2.0, 5.0]);
//! assert_eq!(x.select(1, -1)?.to_vec::<f32>()?, [3.0, 6.0]);
//! assert_eq!((2.0 * &x).to_vec::<f32>()?, (&x * 2.0).to_vec::<f32>()?);
//!
//! let keys = Tensor::uniform([5], 0.0, 1.0, DType::F64, &mut rng)?;
//! let (_, permutation) = keys.sort(0, Order::Ascending)?;
//! assert_eq!(permutation.to_tensor(DType::F32).sum().item()?, 10.0);
//! # Ok::<(), Error>(())
//! ```

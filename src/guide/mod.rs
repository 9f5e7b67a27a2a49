// The guide, whose pages are in the folder `guide`; operations by kind; the pages of the project.
#![cfg_attr(all(doc, not(doctest)), doc = include_str!("../../docs/embedded/guide/README.md"))]
#![doc = include_str!("../../guide/README.md")]

/// Declares the module of a page. Its path in the folder `guide` is that of the module; the page of
/// a module with others inside is `README.md`.
///
/// The definitions of the page's links and images in the docs come first, since of several
/// definitions of one label Markdown takes the first. Doc tests leave them out, so that they have
/// the page's name and lines.
macro_rules! page {
    ($name:ident, $file:literal $(, { $($inner:item)* })?) => {
        #[cfg_attr(
            all(doc, not(doctest)),
            doc = include_str!(concat!("../../docs/embedded/guide/", $file))
        )]
        #[doc = include_str!(concat!("../../guide/", $file))]
        pub mod $name {
            $($($inner)*)?
        }
    };
}

page!(start, "start.md");
page!(training, "training/README.md", {
    page!(vanishing, "training/vanishing.md");
    page!(initialization, "training/initialization.md");
    page!(activations, "training/activations.md");
    page!(batch_normalization, "training/batch_normalization.md");
    page!(clipping, "training/clipping.md");
    page!(reusing_layers, "training/reusing_layers.md");
    page!(optimizers, "training/optimizers.md");
    page!(schedules, "training/schedules.md");
    page!(regularization, "training/regularization.md");
});
page!(own, "own/README.md", {
    page!(networks, "own/networks.md");
    page!(images_and_text, "own/images_and_text.md");
    page!(layers, "own/layers.md");
    page!(operations, "own/operations.md");
    page!(losses, "own/losses.md");
    page!(optimizers, "own/optimizers.md");
    page!(data, "own/data.md");
    page!(gradients, "own/gradients.md");
    page!(debugging, "own/debugging.md");
});
page!(coming_from, "coming_from/README.md", {
    page!(pytorch, "coming_from/pytorch.md");
    page!(keras, "coming_from/keras.md");
    page!(burn, "coming_from/burn.md");
});

page!(earnest, "earnest/README.md", {
    page!(saving, "earnest/saving.md");
    page!(resuming, "earnest/resuming.md");
    page!(deployment, "earnest/deployment.md");
    page!(speed, "earnest/speed.md");
    page!(determinism, "earnest/determinism.md");
    page!(errors, "earnest/errors.md");
});

page!(lists, "lists/README.md", {
    page!(layers, "lists/layers.md");
    page!(activations, "lists/activations.md");
    page!(losses, "lists/losses.md");
    page!(initializers, "lists/initializers.md");
    page!(optimizers, "lists/optimizers.md");
    page!(schedules, "lists/schedules.md");
    page!(metrics, "lists/metrics.md");
});

page!(gallery, "gallery.md");

pub mod elementwise;

/// The methods of [`Tensor`](crate::Tensor) by kind.
///
/// Losses with their options are in [`lists::losses`], the layers in [`lists::layers`].
///
#[doc = include_str!("operations.md")]
pub mod operations {}

pub mod pytorch;

/// PyTorch's functions and what they are called here, with the golden values that compare them.
///
/// `F` is `torch.nn.functional`, and `x` a tensor. Golden values are in `tests/golden/data`: those
/// of PyTorch, and its gradients, for operands of several shapes and memory layouts. Models,
/// training and idioms are in [`pytorch`].
///
#[doc = include_str!("names.md")]
pub mod names {}

pub mod recipes;

#[doc = include_str!("scaling.md")]
pub mod scaling {}

#[doc = include_str!("../../ARCHITECTURE.md")]
pub mod architecture {}

#[doc = include_str!("../../CHANGELOG.md")]
pub mod changelog {}

#[doc = include_str!("../../benches/NOTES.md")]
pub mod speed {}

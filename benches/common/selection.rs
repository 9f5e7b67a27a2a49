//! The choice of rows on the command line. The programs beside `peers` do not have its library.

/// Options of several benches.
#[derive(clap::Args, Debug)]
pub struct Selection {
    /// Only the rows whose names contain this.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "NAME"
    )]
    pub only: String,
    /// An argument that `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

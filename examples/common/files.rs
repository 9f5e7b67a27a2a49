//! The files that the examples save to.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// Returns the path to save to, and creates its folder.
pub fn save_path(given: Option<PathBuf>, name: &str) -> Result<PathBuf> {
    let path = given.unwrap_or_else(|| PathBuf::from("target").join(name));
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    Ok(path)
}

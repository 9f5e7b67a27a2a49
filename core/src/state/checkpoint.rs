//! Checkpoints: the states of several parts in one file, loaded whole or not at all.

use super::dict::{StateDict, Stateful};
use super::file::{from_file, to_file};
use crate::disk::{read_file, replace_file};
use crate::error::{Error, Result};
use crate::module::check_name;
use std::collections::BTreeSet;
use std::path::Path;

/// Saves the states of several parts to one safetensors file, each under its name. The file is
/// [replaced whole or not at all](crate::replace_file), so that model and optimizer cannot come
/// from different steps.
///
/// ```
/// use cotangent::module::{Counter, Param};
/// use cotangent::state::{load_checkpoint, save_checkpoint};
/// use cotangent::Tensor;
/// # let path = std::env::temp_dir().join(format!("checkpoint-{}", std::process::id()));
/// let (net, epoch) = (Param::new(&Tensor::from([1.0f32, 2.0])), Counter::new(3));
/// save_checkpoint(&path, &[("model", &net), ("epoch", &epoch)])?;
///
/// let (mut net, mut epoch) = (Param::new(&Tensor::from([0.0f32, 0.0])), Counter::new(0));
/// load_checkpoint(&path, &mut [("model", &mut net), ("epoch", &mut epoch)])?;
/// assert_eq!((net.value().to_f64_vec(), epoch.get()), (vec![1.0, 2.0], 3));
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// [`Error::Argument`] if two parts have the same name, or if a name is empty or has a dot in it.
/// [`Error::Io`] if writing fails. [`Error::Format`] if a state cannot be saved. The old file is
/// unchanged then.
pub fn save_checkpoint(path: impl AsRef<Path>, parts: &[(&str, &dyn Stateful)]) -> Result<()> {
    let path = path.as_ref();
    check_names(parts.iter().map(|(name, _)| *name))?;
    let mut all = StateDict::new();
    for (name, part) in parts {
        all.insert_part(name, part.state()?);
    }
    replace_file(path, &to_file(&all, path)?)
}

/// Loads the states of several parts from a file of [`save_checkpoint`]. If one does not fit, or if
/// the file has another part, nothing is loaded.
///
/// # Errors
/// [`Error::Io`] if reading fails. [`Error::Format`] if the file is not a valid safetensors file.
/// [`Error::State`] with all mismatches of the first part that does not fit.
pub fn load_checkpoint(
    path: impl AsRef<Path>,
    parts: &mut [(&str, &mut dyn Stateful)],
) -> Result<()> {
    let path = path.as_ref();
    check_names(parts.iter().map(|(name, _)| *name))?;
    let all = from_file(&read_file(path)?, path)?;
    load_from(&all, path, parts, check_parts)
}

/// Loads the states of several parts from one state that has each under its name, as
/// [`StateDict::insert_part`] adds it. If one does not fit, or if there is another entry, nothing
/// is loaded. `#[derive(Stateful)]` calls it.
///
/// # Errors
/// [`Error::State`] with the mismatches of the first part that does not fit, or with all other
/// entries.
pub fn load_parts(state: &StateDict, parts: &mut [(&str, &mut dyn Stateful)]) -> Result<()> {
    load_from(state, Path::new(""), parts, |state, names, _| {
        let unknown = state
            .iter()
            .filter(|(name, _)| !names.contains(&part_of(name)));
        unknown
            .map(|(name, _)| format!("`{name}`: not expected in this state"))
            .collect()
    })
}

/// Loads the parts if `check` finds no mismatches. `path` is for errors.
fn load_from(
    all: &StateDict,
    path: &Path,
    parts: &mut [(&str, &mut dyn Stateful)],
    check: impl FnOnce(&StateDict, &[&str], &[StateDict]) -> Vec<String>,
) -> Result<()> {
    let in_file = |error| match error {
        Error::State { mismatches, .. } => Error::state(path, mismatches),
        error => error,
    };
    let before: Vec<StateDict> = parts
        .iter()
        .map(|(_, part)| part.state())
        .collect::<Result<_>>()?;
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    let mismatches = check(all, &names, &before);
    if !mismatches.is_empty() {
        return Err(Error::state(path, mismatches));
    }
    for i in 0..parts.len() {
        let (name, part) = &mut parts[i];
        if let Err(error) = part.load_state(&all.part(name)) {
            let error = in_file(error).within(name);
            for ((_, part), state) in parts[..i].iter_mut().zip(&before) {
                part.load_state(state)?;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Returns the name of the part that an entry belongs to.
fn part_of(entry: &str) -> &str {
    entry.split('.').next().unwrap_or_default()
}

/// Returns the mismatches between the parts in a file and those to be loaded, with their names and
/// present states.
fn check_parts(file: &StateDict, names: &[&str], states: &[StateDict]) -> Vec<String> {
    let found: BTreeSet<&str> = file.iter().map(|(name, _)| part_of(name)).collect();
    if !found.is_empty() && !names.iter().any(|name| found.contains(name)) {
        let fits = |state: &&StateDict| state.iter().all(|(name, _)| file.get(name).is_some());
        let mut whole = names
            .iter()
            .zip(states)
            .filter(|(_, state)| !state.is_empty());
        return vec![match whole.find(|(_, state)| fits(state)) {
            Some((name, _)) => format!(
                "the file holds one model, as `save` writes it, and is no checkpoint: call `load` \
                 of the part `{name}`"
            ),
            None => format!(
                "expected the parts {} of a checkpoint, found {} (to load a file of `save`, call \
                 `load`)",
                list(names.iter().copied()),
                list(found.iter().copied()),
            ),
        }];
    }
    let unknown = file.iter().filter_map(|(name, _)| {
        let known = names.contains(&part_of(name));
        (!known).then(|| format!("`{name}`: of a part that is not loaded"))
    });
    let missing = names.iter().zip(states).filter_map(|(name, state)| {
        let missing = !state.is_empty() && !found.contains(name);
        missing.then(|| format!("`{name}`: the file has no such part"))
    });
    unknown.chain(missing).collect()
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.len() {
        0..=4 => names.join(", "),
        all => format!("{} and {} more", names[..3].join(", "), all - 3),
    }
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        check_name("checkpoint", name)?;
        if seen.contains(&name) {
            let reason = format!("two parts have the name `{name}`");
            return Err(Error::argument("checkpoint", reason));
        }
        seen.push(name);
    }
    Ok(())
}

//! Saving and loading the state of a schedule.

use super::{Base, Schedule};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Interval, Result};

/// The entries are `steps`; from the first step on `base.learning_rate` and `base.momentum`; and
/// `plateau.N.factor`, `best`, `bad` and `cooldown` of each plateau, in the order of construction.
impl Stateful for Schedule {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        all.insert("steps", Entry::Count(self.steps));
        if let Some(base) = self.base {
            all.insert_number("base.learning_rate", base.learning_rate);
            all.insert_number("base.momentum", base.momentum);
        }
        for (i, plateau) in self.clone().shape.plateaus().into_iter().enumerate() {
            all.insert_number(&format!("plateau.{i}.factor"), plateau.scale);
            all.insert_number(&format!("plateau.{i}.best"), plateau.best);
            all.insert(&format!("plateau.{i}.bad"), Entry::Count(plateau.bad));
            let cooldown = Entry::Count(plateau.cooldown);
            all.insert(&format!("plateau.{i}.cooldown"), cooldown);
        }
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let mut reader = Reader {
            state,
            mismatches: Vec::new(),
        };
        let mut loaded = self.clone();
        loaded.steps = reader.count("steps");
        loaded.base = (loaded.steps > 0).then(|| Base {
            learning_rate: reader.number("base.learning_rate", Interval::AtLeast0),
            momentum: reader.number("base.momentum", Interval::Below1),
        });
        for (i, plateau) in loaded.shape.plateaus().into_iter().enumerate() {
            let name = |what: &str| format!("plateau.{i}.{what}");
            plateau.scale = reader.number(&name("factor"), Interval::Share);
            plateau.best = reader.read(&name("best"), |x| !x.is_nan());
            plateau.bad = reader.count(&name("bad"));
            plateau.cooldown = reader.count(&name("cooldown"));
        }
        let mut mismatches = reader.mismatches;
        let expected = loaded.state()?;
        let names = state.iter().map(|(name, _)| name);
        let unknown = names.filter(|name| expected.get(name).is_none());
        mismatches.extend(
            unknown.map(|name| format!("`{name}`: not expected in the state of this schedule")),
        );
        if !mismatches.is_empty() {
            return Err(Error::state("", mismatches));
        }
        *self = loaded;
        Ok(())
    }
}

/// Reads a state, and collects entries that are missing or out of range.
struct Reader<'a> {
    state: &'a StateDict,
    mismatches: Vec<String>,
}

impl Reader<'_> {
    fn count(&mut self, name: &str) -> u64 {
        let read = self.state.count(name);
        self.note(read)
    }

    fn number(&mut self, name: &str, range: Interval) -> f64 {
        self.read(name, |number| range.contains(number))
    }

    fn read(&mut self, name: &str, fits: impl Fn(f64) -> bool) -> f64 {
        let read = self.state.number(name);
        let number = self.note(read);
        if !fits(number) {
            self.mismatches
                .push(format!("`{name}`: out of range, found {number}"));
        }
        number
    }

    /// Returns the value, or any value after an error, which is collected.
    fn note<T: Default>(&mut self, read: Result<T>) -> T {
        read.unwrap_or_else(|error| {
            match error {
                Error::State { mismatches, .. } => self.mismatches.extend(mismatches),
                error => self.mismatches.push(error.to_string()),
            }
            T::default()
        })
    }
}

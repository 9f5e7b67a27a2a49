//! Lists of mismatches as text: short ones in full, long ones grouped.

/// How many lines a list has at most, and how many names a line.
const LINES: usize = 8;
const NAMES: usize = 3;

/// Returns the text of an [`Error::State`](super::Error::State) after the name of the file. More
/// than [`LINES`] mismatches are grouped by their reasons.
pub(super) fn text(mismatches: &[String]) -> String {
    if let [only] = mismatches {
        return format!("nothing was loaded: {only}");
    }
    let mut lines = mismatches.to_vec();
    if lines.len() > LINES {
        let mut groups = by_reason(mismatches);
        let rest = groups.split_off(groups.len().min(LINES));
        lines = groups.iter().map(Group::line).collect();
        if !rest.is_empty() {
            let rest: usize = rest.iter().map(|group| group.names.len()).sum();
            lines.push(format!("and {rest} more"));
        }
    }
    let (count, lines) = (mismatches.len(), lines.join("\n  "));
    format!("{count} mismatches, nothing was loaded:\n  {lines}")
}

/// Mismatches with one reason.
struct Group<'a> {
    names: Vec<&'a str>,
    reason: &'a str,
}

impl Group<'_> {
    fn line(&self) -> String {
        let named = &self.names[..self.names.len().min(NAMES)];
        let rest = match self.names.len() - named.len() {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        let names = named.join(", ");
        if self.reason.is_empty() {
            return format!("{names}{rest}");
        }
        format!("{names}{rest}: {}", self.reason)
    }
}

/// Groups mismatches, which begin with a name and a colon, in the order of their first ones.
fn by_reason(mismatches: &[String]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for mismatch in mismatches {
        let (name, reason) = mismatch.split_once(": ").unwrap_or((mismatch, ""));
        match groups.iter_mut().find(|group| group.reason == reason) {
            Some(group) => group.names.push(name),
            None => groups.push(Group {
                names: vec![name],
                reason,
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::text;

    fn missing(names: std::ops::Range<usize>) -> impl Iterator<Item = String> {
        names.map(|i| format!("`{i}`: missing"))
    }

    #[test]
    fn short_lists_are_complete() {
        let mismatches: Vec<String> = missing(0..8).collect();
        assert_eq!(text(&mismatches).lines().count(), 9);
        assert_eq!(
            text(&mismatches[..2]),
            "2 mismatches, nothing was loaded:\n  `0`: missing\n  `1`: missing"
        );
        assert_eq!(text(&mismatches[..1]), "nothing was loaded: `0`: missing");
    }

    #[test]
    fn long_lists_are_grouped_by_reason() {
        let mut mismatches: Vec<String> = missing(0..9).collect();
        mismatches.insert(1, "`a`: unused".to_owned());
        assert_eq!(
            text(&mismatches),
            "10 mismatches, nothing was loaded:\n  `0`, `1`, `2` and 6 more: missing\n  `a`: unused"
        );
        let mut different: Vec<String> = (0..20).map(|i| format!("`{i}`: reason {i}")).collect();
        different.extend(missing(0..5));
        let found = text(&different);
        assert_eq!(found.lines().count(), 10);
        assert!(
            found.ends_with("\n  `7`: reason 7\n  and 17 more"),
            "{found}"
        );
    }
}

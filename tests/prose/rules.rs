//! The rules, and the reading of comments: consecutive lines of a comment are one paragraph, so that
//! a phrase is found across a line break.

/// The longest line, in characters.
const COLUMNS: usize = 100;

/// Sentences do not begin with these, unless they are questions.
const BEGINNINGS: [&str; 4] = ["What ", "Whoever ", "Who ", "That which "];

/// Phrases that have a plainer form.
const PHRASES: [&str; 17] = [
    "as one does",
    "be it",
    "be they",
    "gives up",
    "goes back",
    "going back",
    "hands down",
    "holds everything to its word",
    "holds to its word",
    "is to be had",
    "it may be had",
    "none other",
    "of one's own",
    "so it is in",
    "stands for",
    "the other way round",
    "without further ado",
];

/// How a file marks what is written for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Comments begin with `//`.
    Rust,
    /// Everything is text.
    Markdown,
    /// Comments begin with `#`: shell, Python, TOML.
    Hash,
}

impl Kind {
    /// The kind of a file, by its extension or its first line; none if nobody reads it as text.
    pub fn of(name: &str, text: &str) -> Option<Self> {
        let extension = name
            .rsplit('/')
            .next()?
            .rsplit_once('.')
            .map(|(_, extension)| extension);
        match extension {
            Some("rs") => Some(Self::Rust),
            Some("md") => Some(Self::Markdown),
            Some("py" | "toml" | "sh") => Some(Self::Hash),
            None if text.starts_with("#!") => Some(Self::Hash),
            _ => None,
        }
    }
}

/// The faults of a file, each with the number of its line.
pub fn faults(kind: Kind, text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // Texts of errors as the program prints them, in `expect![[…]]`, cannot be broken.
    let mut printed = false;
    for (i, line) in text.lines().enumerate() {
        printed |= line.contains("expect![[");
        let length = line.chars().count();
        if length > COLUMNS && !printed && !may_be_long(line) {
            let fault = format!("{length} columns, at most {COLUMNS} are allowed");
            found.push((i + 1, fault));
        }
        printed &= !line.contains("]]");
    }
    for (line, paragraph) in paragraphs(kind, text) {
        for sentence in sentences(&paragraph) {
            if let Some(beginning) = BEGINNINGS.iter().find(|&&word| sentence.starts_with(word))
                && !sentence.ends_with('?')
            {
                let beginning = beginning.trim_end();
                found.push((
                    line,
                    format!("a sentence begins with `{beginning}`: {sentence}"),
                ));
            }
        }
        let words = words(&paragraph);
        for phrase in PHRASES {
            if words.contains(&format!(" {phrase} ")) {
                found.push((line, format!("the phrase `{phrase}`")));
            }
        }
    }
    found.sort();
    found
}

/// Whether a line cannot be broken: a row of a table, an address, a definition of a link.
fn may_be_long(line: &str) -> bool {
    let body = line
        .trim_start()
        .trim_start_matches(['/', '!'])
        .trim_start();
    body.starts_with('|') || body.starts_with('[') && body.contains("]: ") || line.contains("://")
}

/// The text in lower case, each word between single spaces.
fn words(text: &str) -> String {
    let plain = text.to_lowercase().replace('’', "'");
    let separator = |c: char| !(c.is_alphanumeric() || c == '\'');
    let words: Vec<&str> = plain
        .split(separator)
        .filter(|word| !word.is_empty())
        .collect();
    format!(" {} ", words.join(" "))
}

/// The sentences of a paragraph, without marks of lists and emphasis in front.
fn sentences(paragraph: &str) -> impl Iterator<Item = &str> {
    let marks = |c: char| c.is_whitespace() || "-*#_>\"".contains(c);
    paragraph
        .split_inclusive(['.', '!', '?', '|'])
        .map(move |sentence| sentence.trim_start_matches(marks).trim_end())
}

/// The paragraphs that people read, each with the number of its first line. In Rust these are
/// comments and, line by line, the code, since it contains the texts of errors.
fn paragraphs(kind: Kind, text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut fenced = false;
    // The mark of the paragraph that the next line may continue.
    let mut open: Option<&str> = None;
    for (i, line) in text.lines().enumerate() {
        let (mark, body) = split(kind, line);
        if body.starts_with("```") && mark != Some("code") {
            fenced = !fenced;
            open = None;
        } else if fenced && mark != Some("code") || body.is_empty() {
            open = None;
        } else if open.is_some() && open == mark && !begins(body) {
            let (_, paragraph) = found.last_mut().expect("a paragraph is open");
            paragraph.push(' ');
            paragraph.push_str(body);
        } else {
            found.push((i + 1, body.to_owned()));
            open = mark.filter(|&mark| mark != "code");
            if mark == Some("code")
                && kind == Kind::Rust
                && let Some((code, comment)) = body.rsplit_once(" // ")
                && code.matches('"').count() % 2 == 0
            {
                found.push((i + 1, comment.to_owned()));
            }
        }
        fenced &= mark != Some("code");
    }
    found
}

/// Whether a line begins a paragraph of its own: an item of a list, a heading, a row of a table.
fn begins(body: &str) -> bool {
    body.starts_with(['-', '*', '#', '|']) || body.starts_with(|c: char| c.is_ascii_digit())
}

/// The mark of a comment and its text. Code has the mark `code`.
fn split(kind: Kind, line: &str) -> (Option<&'static str>, &str) {
    let line = line.trim();
    let marks: &[&str] = match kind {
        Kind::Markdown => return (Some(""), line),
        Kind::Rust => &["///", "//!", "//"],
        Kind::Hash => &["#"],
    };
    for &mark in marks {
        if let Some(body) = line.strip_prefix(mark) {
            // The mark has the life of the program, the line has not.
            let mark = ["///", "//!", "//", "#"]
                .into_iter()
                .find(|&known| known == mark);
            return (mark, body.trim());
        }
    }
    (Some("code"), line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, text: &str) -> Vec<usize> {
        faults(kind, text)
            .into_iter()
            .map(|(line, _)| line)
            .collect()
    }

    #[test]
    fn long_lines_are_faults() {
        let long = "x".repeat(COLUMNS + 1);
        assert_eq!(found(Kind::Rust, &format!("\nlet {long};")), [2]);
        assert_eq!(found(Kind::Markdown, &long), [1]);
        assert!(found(Kind::Markdown, &format!("| {long} |")).is_empty());
        assert!(found(Kind::Rust, &format!("//! | {long} |")).is_empty());
        assert!(found(Kind::Hash, &format!("# see https://{long}")).is_empty());
        assert!(found(Kind::Rust, &"é".repeat(COLUMNS)).is_empty());
        let printed = format!("let text = expect![[r\"\n{long}\n\"]];\n{long}");
        assert_eq!(found(Kind::Rust, &printed), [4]);
    }

    #[test]
    fn beginnings_are_faults_in_every_sentence_of_a_comment() {
        for fault in [
            "/// What a layer returns.",
            "// Short. Who reads this waits.",
            "//! - **What** it is.\n//! That which remains.",
        ] {
            assert!(!found(Kind::Rust, fault).is_empty(), "{fault}");
        }
        assert_eq!(
            found(Kind::Rust, "/// Begins.\n/// What begins a line. Whoever."),
            [1]
        );
        assert_eq!(found(Kind::Markdown, "a\n\nWho writes."), [3]);
        let trailing = "f(); // What it does.\ng(\" // What\");";
        assert_eq!(found(Kind::Rust, trailing), [1]);
        assert_eq!(found(Kind::Hash, "x = 1\n# What it is."), [2]);
    }

    #[test]
    fn phrases_are_found_across_lines_and_in_strings() {
        assert_eq!(found(Kind::Rust, "x();\n/// It gives\n/// up."), [2]);
        assert_eq!(
            found(Kind::Rust, "let text = \"the rule stands for itself\";"),
            [1]
        );
        assert_eq!(
            found(Kind::Markdown, "A layer, **be it**\ndense or not"),
            [1]
        );
    }

    #[test]
    fn plain_text_has_no_faults() {
        for plain in [
            "/// Returns what the layer computes.\n/// Somewhat. Whole.",
            "// What would help?",
            "/// ```\n/// let maybe = it;\n/// ```\n/// Whose.",
            "//! Maybe it gives\n\n//! up.",
        ] {
            assert!(found(Kind::Rust, plain).is_empty(), "{plain}");
        }
    }

    #[test]
    fn kinds_are_told_from_the_name_or_the_first_line() {
        assert_eq!(Kind::of("core/src/lib.rs", ""), Some(Kind::Rust));
        assert_eq!(
            Kind::of(".ci/run", "#!/usr/bin/env bash\n"),
            Some(Kind::Hash)
        );
        assert_eq!(Kind::of("Cargo.lock", "# generated"), None);
        assert_eq!(Kind::of("LICENSE-MIT", "text"), None);
    }
}

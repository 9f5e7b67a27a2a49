//! A page in Markdown, read as CommonMark: its links, the labels that it defines, its headings, its
//! blocks of code and its words.

use pulldown_cmark::{
    BrokenLink, CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd,
};
use std::collections::BTreeMap;

/// The target of a label: `[label]: target "item"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub label: String,
    pub target: String,
    /// The title, which names the item that the docs link to.
    pub item: Option<String>,
}

/// A page as far as the rules need it.
#[derive(Debug, Default)]
pub struct Page {
    /// In the order of the page.
    pub definitions: Vec<Definition>,
    /// The targets of all links and images.
    pub targets: Vec<String>,
    /// The targets that stand in the text, and not in a definition.
    pub in_place: Vec<String>,
    /// The labels that links use, those of the definitions in any case.
    pub used: Vec<String>,
    /// The labels that links use without a definition.
    pub undefined: Vec<String>,
    /// The anchors of the headings.
    pub anchors: Vec<String>,
    /// The information strings of the blocks of code.
    pub fences: Vec<String>,
    /// The columns of the longest line of code.
    pub columns: usize,
    /// The number of words, those of code included, without the definitions.
    pub words: usize,
    /// The code in the last column of each table whose last heading ends with the word `here`,
    /// without that of links.
    pub here: Vec<String>,
    /// The blocks of Rust code.
    pub rust: Vec<String>,
}

impl Page {
    pub fn of(text: &str) -> Self {
        let mut page = Self::default();
        let mut undefined = Vec::new();
        let missing = |link: BrokenLink<'_>| {
            undefined.push(link.reference.to_string());
            None::<(CowStr<'_>, CowStr<'_>)>
        };
        let options = Options::ENABLE_TABLES;
        let mut parser = Parser::new_with_broken_link_callback(text, options, Some(missing));
        let mut definitions: Vec<_> = parser
            .reference_definitions()
            .iter()
            .map(|(label, definition)| (definition.span.start, label, definition))
            .collect();
        definitions.sort_by_key(|&(start, ..)| start);
        for (_, label, definition) in definitions {
            page.definitions.push(Definition {
                label: label.to_owned(),
                target: definition.dest.to_string(),
                item: definition.title.as_ref().map(ToString::to_string),
            });
        }

        let (mut heading, mut code) = (None::<String>, false);
        let (mut table, mut linked) = (Table::default(), false);
        let mut repeated = BTreeMap::<String, usize>::new();
        for event in parser.by_ref() {
            table.read(&event);
            match &event {
                Event::Start(Tag::Link { .. }) => linked = true,
                Event::End(TagEnd::Link) => linked = false,
                Event::Code(text) if table.is_here() && !linked => page.here.push(text.to_string()),
                _ => {}
            }
            match event {
                Event::Start(
                    Tag::Link {
                        link_type,
                        dest_url,
                        id,
                        ..
                    }
                    | Tag::Image {
                        link_type,
                        dest_url,
                        id,
                        ..
                    },
                ) => {
                    page.targets.push(dest_url.to_string());
                    if link_type == LinkType::Inline {
                        page.in_place.push(dest_url.to_string());
                    } else {
                        page.used.push(id.to_string());
                    }
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let times = repeated.entry(anchor.clone()).or_default();
                    *times += 1;
                    page.anchors.push(match *times {
                        1 => anchor,
                        times => format!("{anchor}-{}", times - 1),
                    });
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    code = true;
                    if matches!(&kind, CodeBlockKind::Fenced(info) if &**info == "rust") {
                        page.rust.push(String::new());
                    }
                    page.fences.push(match kind {
                        CodeBlockKind::Fenced(info) => info.to_string(),
                        CodeBlockKind::Indented => "indented".to_owned(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => code = false,
                Event::Text(text) | Event::Code(text) => {
                    page.words += words(&text);
                    if code {
                        let columns = text.lines().map(|line| line.chars().count());
                        page.columns = columns.max().unwrap_or(0).max(page.columns);
                        if page.fences.last().is_some_and(|fence| fence == "rust")
                            && let Some(block) = page.rust.last_mut()
                        {
                            block.push_str(&text);
                        }
                    }
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        drop(parser);
        page.undefined = undefined;
        page
    }

    /// Whether a link uses a label. Labels do not depend on case.
    pub fn uses(&self, label: &str) -> bool {
        let label = label.to_lowercase();
        self.used.iter().any(|used| used.to_lowercase() == label)
    }
}

/// The place in a table.
#[derive(Debug, Default)]
struct Table {
    columns: usize,
    /// The number of the current cell in its row, from 1.
    cell: usize,
    in_head: bool,
    /// The text of the last heading.
    last: String,
}

impl Table {
    fn read(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::Table(columns)) => {
                *self = Self {
                    columns: columns.len(),
                    ..Self::default()
                };
            }
            Event::Start(Tag::TableHead) => (self.in_head, self.cell) = (true, 0),
            Event::End(TagEnd::TableHead) => self.in_head = false,
            Event::Start(Tag::TableRow) => self.cell = 0,
            Event::Start(Tag::TableCell) => self.cell += 1,
            Event::End(TagEnd::Table) => self.columns = 0,
            Event::Text(text) if self.in_head && self.cell == self.columns => {
                self.last.push_str(text);
            }
            _ => {}
        }
    }

    /// Whether this is the last column, and its heading ends with the word `here`.
    fn is_here(&self) -> bool {
        let is_last = self.columns > 0 && self.cell == self.columns;
        is_last && !self.in_head && self.last.split_whitespace().last() == Some("here")
    }
}

/// The anchor that the repository's page and the docs give a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

fn words(text: &str) -> usize {
    let words = text.split_whitespace();
    words
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count()
}

#[test]
fn pages_are_read() {
    let text = "# The `Mlp` net\n\nOne [two][A], ![three](f.svg), [`four`] and [five].\n\n\
                ```rust\nlet six = 7;\n```\n\n# The Mlp net\n\n    eight\n\n\
                [a]: b.md#c \"cotangent::D\"\n[`four`]: e.md\n";
    let page = Page::of(text);
    let definition = |label: &str, target: &str, item: Option<&str>| Definition {
        label: label.to_owned(),
        target: target.to_owned(),
        item: item.map(str::to_owned),
    };
    assert_eq!(
        page.definitions,
        [
            definition("a", "b.md#c", Some("cotangent::D")),
            definition("`four`", "e.md", None),
        ]
    );
    assert_eq!(page.targets, ["b.md#c", "f.svg", "e.md"]);
    assert_eq!(page.in_place, ["f.svg"]);
    assert!(page.uses("a") && page.uses("`four`") && !page.uses("five"));
    assert_eq!(page.undefined, ["five"]);
    assert_eq!(page.anchors, ["the-mlp-net", "the-mlp-net-1"]);
    assert_eq!(page.fences, ["rust", "indented"]);
    assert_eq!((page.columns, page.words), (12, 16));
}

//! Finds which file of a crate uses which. It reads `use` lines and paths from the sources and
//! follows each through re-exports to the file that defines the item. Tests and documentation are
//! ignored.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The names of a path, from the crate's root or as written in the code.
type Names = Vec<String>;

#[derive(Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// The paths that `use` brings into scope, by the name they get.
    imports: BTreeMap<String, Names>,
    /// Paths in the code and in `use` lines, except re-exports of child modules.
    paths: BTreeSet<Names>,
    /// Modules of which any item may be used: `use module::*`, or `module::$name` in a macro.
    globs: BTreeSet<Names>,
}

/// An edge from a file to a file that it uses; paths are relative to `src`.
pub type Edge = (String, String);

/// The modules of a crate.
#[derive(Default)]
pub struct Crate {
    modules: BTreeMap<Names, Module>,
}

impl Crate {
    /// Reads the module tree of `lib.rs` in this folder.
    pub fn read(folder: &Path) -> Self {
        Self::load(&|file| std::fs::read_to_string(folder.join(file)).ok())
    }

    /// Creates a crate from files, given as name and text.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        Self::load(&|file| files.get(file).map(ToString::to_string))
    }

    fn load(text: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut all = Self::default();
        let mut open = vec![Names::new()];
        while let Some(names) = open.pop() {
            let stem = names.join("/");
            let candidates = if names.is_empty() {
                vec!["lib.rs".to_owned()]
            } else {
                vec![format!("{stem}.rs"), format!("{stem}/mod.rs")]
            };
            let found = candidates
                .into_iter()
                .find_map(|file| Some((text(&file)?, file)));
            let (text, file) = found.unwrap_or_else(|| panic!("no file for module {stem}"));
            let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{file}: {e}"));
            all.scan(&names, &file, tokens, &mut open);
        }
        all
    }

    /// Records the uses in the tokens of module `names`. Adds child modules with their own file to
    /// `open`.
    fn scan(&mut self, names: &Names, file: &str, tokens: TokenStream, open: &mut Vec<Names>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is =
            |i: usize, text: &str| tokens.get(i).is_some_and(|token| token.to_string() == text);
        let module = self.modules.entry(names.clone()).or_default();
        file.clone_into(&mut module.file);
        let mut i = 0;
        while i < tokens.len() {
            let (this, next) = (&tokens[i], tokens.get(i + 1));
            match (this.to_string().as_str(), next) {
                ("#", Some(TokenTree::Group(attribute))) => {
                    i += 2;
                    if is_for_tests(&attribute.stream()) {
                        while i < tokens.len() && !ends_item(&tokens[i]) {
                            i += 1;
                        }
                        i += 1;
                    }
                    continue;
                }
                ("pub", Some(TokenTree::Group(group)))
                    if group.delimiter() == Delimiter::Parenthesis =>
                {
                    i += 2;
                    continue;
                }
                ("mod", Some(TokenTree::Ident(name))) => {
                    let module = self.modules.entry(names.clone()).or_default();
                    module.children.insert(name.to_string());
                    let child = [&names[..], &[name.to_string()]].concat();
                    match tokens.get(i + 2) {
                        Some(TokenTree::Group(body)) => {
                            self.scan(&child, file, body.stream(), open);
                        }
                        _ => open.push(child),
                    }
                    i += 3;
                    continue;
                }
                // `use<…>` in a return type is no import.
                ("use", Some(_)) if !is(i + 1, "<") => {
                    let end = (i..tokens.len())
                        .find(|&end| is(end, ";"))
                        .unwrap_or(tokens.len());
                    let public = i > 0 && (is(i - 1, "pub") || i > 1 && is(i - 2, "pub"));
                    let module = self.modules.entry(names.clone()).or_default();
                    module.add_use(&tokens[i + 1..end], &Names::new(), public);
                    i = end;
                    continue;
                }
                _ => {}
            }
            if let TokenTree::Group(group) = this {
                self.scan(names, file, group.stream(), open);
            }
            let inside = i > 0 && is(i - 1, ".") || i > 1 && is(i - 1, ":") && is(i - 2, ":");
            if let (TokenTree::Ident(_), false) = (this, inside) {
                let (path, end) = path(&tokens[i..]);
                let module = self.modules.entry(names.clone()).or_default();
                if is(i + end - 1, ":") && is(i + end, "$") {
                    // The rest of the path is an argument of a macro.
                    module.globs.insert(path);
                } else if path.len() > 1 {
                    module.paths.insert(path);
                }
                i += end;
                continue;
            }
            i += 1;
        }
    }

    /// Returns the edges between different files.
    pub fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (names, module) in &self.modules {
            for path in &module.paths {
                if let Some(file) = self.file_of(names, path)
                    && file != module.file
                {
                    edges.insert((module.file.clone(), file));
                }
            }
        }
        edges
    }

    /// Returns the files that hide which items of some module they use.
    pub fn globs(&self) -> BTreeSet<String> {
        let globs = self.modules.iter().filter(|(names, module)| {
            let mut targets = module.globs.iter();
            targets.any(|path| self.resolve(names, path, 0).is_some())
        });
        globs.map(|(_, module)| module.file.clone()).collect()
    }

    /// Returns the file that defines `path` as written in module `names`. Returns `None` for items
    /// of other crates, and for folders: the items that are used from a folder have their own
    /// paths.
    fn file_of(&self, names: &Names, path: &Names) -> Option<String> {
        let (module, is_module) = self.resolve(names, path, 0)?;
        let found = &self.modules[&module];
        (!is_module || found.children.is_empty()).then(|| found.file.clone())
    }

    /// Returns the module that `path`, written in module `names`, leads to, and whether the path
    /// names the module itself.
    fn resolve(&self, names: &Names, path: &[String], depth: usize) -> Option<(Names, bool)> {
        if depth > 20 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let module = self.modules.get(names)?;
        let start = match first.as_str() {
            "crate" => Names::new(),
            "self" => names.clone(),
            "super" => {
                let (_, parent) = names.split_last()?;
                let mut parent = parent.to_vec();
                let mut rest = rest;
                while let Some(("super", further)) =
                    rest.split_first().map(|(a, b)| (a.as_str(), b))
                {
                    parent.pop();
                    rest = further;
                }
                return self.walk(parent, rest, depth);
            }
            name if module.children.contains(name) => [&names[..], &[name.to_owned()]].concat(),
            name => {
                let import = module.imports.get(name)?;
                let whole = [&import[..], rest].concat();
                return self.resolve(names, &whole, depth + 1);
            }
        };
        self.walk(start, rest, depth)
    }

    /// Follows `path` from a module downwards.
    fn walk(&self, mut names: Names, path: &[String], depth: usize) -> Option<(Names, bool)> {
        for (i, name) in path.iter().enumerate() {
            let module = self.modules.get(&names)?;
            if module.children.contains(name) {
                names.push(name.clone());
            } else if let Some(import) = module.imports.get(name) {
                let whole = [&import[..], &path[i + 1..]].concat();
                return self.resolve(&names, &whole, depth + 1);
            } else {
                return Some((names, false));
            }
        }
        self.modules.contains_key(&names).then_some((names, true))
    }
}

impl Module {
    /// Records the tokens between `use` and `;`, or those in braces after the path `before`.
    fn add_use(&mut self, tokens: &[TokenTree], before: &Names, public: bool) {
        for tree in tokens.split(|token| token.to_string() == ",") {
            let (path, end) = path(tree);
            let mut whole = [&before[..], &path].concat();
            if whole.last().is_some_and(|last| last == "self") && whole.len() > 1 {
                whole.pop();
            }
            match &tree[end.min(tree.len())..] {
                // Nothing after the last comma, or a path of another crate, `::name`.
                _ if whole.is_empty() && !matches!(tree, [TokenTree::Group(_)]) => {}
                [TokenTree::Group(group)] => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.add_use(&inner, &whole, public);
                }
                [star] if star.to_string() == "*" => {
                    self.globs.insert(whole);
                }
                renamed => {
                    let name = renamed
                        .last()
                        .map_or_else(|| whole[whole.len() - 1].clone(), ToString::to_string);
                    let of_child = !matches!(whole[0].as_str(), "crate" | "super");
                    if !(public && of_child) {
                        self.paths.insert(whole.clone());
                    }
                    self.imports.insert(name, whole);
                }
            }
        }
    }
}

/// Returns the path at the beginning of the tokens and its number of tokens. A trailing `::` counts
/// if something other than a name follows it.
fn path(tokens: &[TokenTree]) -> (Names, usize) {
    let mut names = Names::new();
    let mut i = 0;
    while let Some(TokenTree::Ident(name)) = tokens.get(i) {
        names.push(name.to_string());
        i += 1;
        let colons = |i: usize| tokens.get(i).is_some_and(|token| token.to_string() == ":");
        if !(colons(i) && colons(i + 1)) {
            break;
        }
        i += 2;
    }
    (names, i)
}

/// Returns whether an attribute marks its item as a test.
fn is_for_tests(attribute: &TokenStream) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => token.to_string() == ";",
    }
}

//! `cargo xtask layers`, second half: which modules of one crate use each other.
//!
//! Modules of one folder must not use each other in a circle: a reader can then read them in an order, and each can be taken
//! out. Tests do not count, and neither does a re-export itself; a name that is used through a re-export counts as its home.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::Context as _;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// Folders whose modules are looked at, beside the sources of each crate.
const FOLDERS: &[&str] = &["cli/src/workflow"];

/// The commands of the program: what two of them share is a module of its own.
const COMMANDS: &[&str] = &["archive", "delete", "describe", "helm_images", "list", "mirror", "start", "why"];

/// Folder, module, and modules beside it that it must not use.
const FORBIDDEN: &[(&str, &str, &[&str])] = &[
    ("crates/mirror-copy/src", "coordinator", &["archive_builder", "slots", "transfers"]),
    ("crates/mirror-copy/src", "archive_builder", &["coordinator", "transfers"]),
    ("crates/mirror-engine/src", "resources", &["dry_run", "workflow"]),
    ("cli/src/workflow", "archive", COMMANDS),
    ("cli/src/workflow", "delete", COMMANDS),
    ("cli/src/workflow", "describe", COMMANDS),
    ("cli/src/workflow", "helm_images", COMMANDS),
    ("cli/src/workflow", "list", COMMANDS),
    ("cli/src/workflow", "mirror", COMMANDS),
    ("cli/src/workflow", "start", COMMANDS),
    ("cli/src/workflow", "why", COMMANDS),
];

type Names = Vec<String>;

/// Which module uses which, of the modules of one folder, and in which file.
type Arrows = BTreeMap<(String, String), String>;

/// The modules of a folder, and the arrows between them.
struct Folder {
    name: String,
    modules: BTreeSet<String>,
    arrows: Arrows,
}

/// What is wrong, and how many modules there are.
///
/// # Errors
/// When a source cannot be read or parsed.
pub(crate) fn check(root: &Path, crates: &[String]) -> anyhow::Result<(Vec<String>, usize)> {
    let folders = crates.iter().map(|name| format!("{name}/src")).chain(FOLDERS.iter().map(|&name| name.to_owned()));
    let (mut faults, mut modules) = (Vec::new(), 0);
    for name in folders {
        let folder = read(root, &name)?;
        modules += folder.modules.len();
        faults.extend(folder.faults());
    }
    Ok((faults, modules))
}

impl Folder {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (_, from, banned) in FORBIDDEN.iter().filter(|(folder, ..)| *folder == self.name) {
            for ((_, to), file) in self.arrows.iter().filter(|((user, _), _)| user == from) {
                if banned.contains(&to.as_str()) {
                    faults.push(format!("{file}: `{from}` must not use `{to}`"));
                }
            }
        }
        let mut told = BTreeSet::new();
        for module in &self.modules {
            let Some(circle) = self.circle(module) else { continue };
            // Each circle once, by whichever of its modules it was found.
            if told.insert(circle.iter().cloned().collect::<BTreeSet<_>>()) {
                let steps = circle.iter().zip(circle.iter().cycle().skip(1));
                let steps: Vec<String> = steps
                    .map(|(from, to)| format!("`{from}` uses `{to}` in {}", self.arrows[&(from.clone(), to.clone())]))
                    .collect();
                faults.push(format!("{}: a circle of modules: {}", self.name, steps.join(", ")));
            }
        }
        faults
    }

    /// The shortest way from a module back to itself.
    fn circle(&self, start: &str) -> Option<Names> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(at) = open.pop_front() {
            for to in self.arrows.keys().filter(|(from, _)| from == at).map(|(_, to)| to.as_str()) {
                if to == start {
                    let mut way = vec![at.to_owned()];
                    let mut step = at;
                    while step != start {
                        step = came_from[step];
                        way.push(step.to_owned());
                    }
                    way.reverse();
                    return Some(way);
                }
                if to != start && !came_from.contains_key(to) {
                    came_from.insert(to, at);
                    open.push_back(to);
                }
            }
        }
        None
    }
}

/// Reads the modules of a folder of sources.
fn read(root: &Path, name: &str) -> anyhow::Result<Folder> {
    let mut files = Vec::new();
    collect(&root.join(name), &mut Vec::new(), &mut files)?;
    let sources: Vec<(Names, String, String)> = files
        .into_iter()
        .map(|(module, path)| {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok((module, path.strip_prefix(root).unwrap_or(&path).display().to_string(), text))
        })
        .collect::<anyhow::Result<_>>()?;
    // Paths that begin with `crate` begin above a folder that lies below `src`.
    let above = name.split_once("/src/").map(|(_, below)| below.split('/').map(str::to_owned).collect());
    let above: Names = above.unwrap_or_default();
    arrows(name, &above, &sources)
}

/// Finds the source files below a folder, each with its module.
fn collect(folder: &Path, module: &mut Names, files: &mut Vec<(Names, std::path::PathBuf)>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            module.push(stem);
            collect(&path, module, files)?;
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut own = module.clone();
            if !matches!(stem.as_str(), "lib" | "main" | "mod") {
                own.push(stem);
            }
            files.push((own, path));
        }
    }
    Ok(())
}

/// The arrows between the modules of a folder. `above` is the folder's own module; each source has its module below the
/// folder, its name, and its text.
fn arrows(name: &str, above: &[String], sources: &[(Names, String, String)]) -> anyhow::Result<Folder> {
    let mut seen = Vec::new();
    for (module, file, text) in sources {
        let parsed = syn::parse_file(text).with_context(|| format!("cannot parse {file}"))?;
        let mut paths = Paths { module: [above, module.as_slice()].concat(), ..Paths::default() };
        paths.visit_file(&parsed);
        seen.push((module, file, paths));
    }
    let tests: Vec<Names> = seen.iter().flat_map(|(_, _, paths)| paths.tests.iter().cloned()).collect();
    let is_test = |module: &Names| {
        let module = [above, module.as_slice()].concat();
        tests.iter().any(|test| module.starts_with(test))
    };
    let modules: BTreeSet<String> = sources
        .iter()
        .filter(|(module, ..)| !is_test(module))
        .filter_map(|(module, ..)| module.first().cloned())
        .collect();
    // What the folder's own file says that names of its modules are called.
    let mut homes: BTreeMap<String, String> = BTreeMap::new();
    for (module, _, paths) in &seen {
        if module.is_empty() {
            for (alias, path) in &paths.uses {
                let path = path.strip_prefix(above).unwrap_or(path);
                if let Some(home) = path.first().filter(|home| modules.contains(*home)) {
                    homes.insert(alias.clone(), home.clone());
                }
            }
        }
    }
    let mut arrows = Arrows::new();
    for (module, file, paths) in &seen {
        let Some(from) = module.first().filter(|_| !is_test(module)) else { continue };
        let below = paths.found.iter().filter_map(|path| path.strip_prefix(above)?.first());
        for to in below {
            let to = if modules.contains(to) { Some(to) } else { homes.get(to) };
            if let Some(to) = to.filter(|to| *to != from) {
                arrows.entry((from.clone(), to.clone())).or_insert_with(|| (*file).clone());
            }
        }
    }
    Ok(Folder { name: name.to_owned(), modules, arrows })
}

/// The paths in a file that begin with `crate`, `self` or `super`, as paths from the crate's root.
#[derive(Default)]
struct Paths {
    /// The module that is being read.
    module: Names,
    found: Vec<Names>,
    /// Names that `use` brings in, each with its path.
    uses: Vec<(String, Names)>,
    /// Modules that are compiled for tests only.
    tests: Vec<Names>,
}

impl Paths {
    fn add(&mut self, path: &[String]) -> Option<Names> {
        let mut resolved = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return None,
        };
        let first_is_crate = path.first().is_some_and(|first| first == "crate");
        for step in path.iter().skip(usize::from(first_is_crate)) {
            match step.as_str() {
                "self" => {}
                "super" => {
                    resolved.pop();
                }
                name => resolved.push(name.to_owned()),
            }
        }
        self.found.push(resolved.clone());
        Some(resolved)
    }

    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add_use(&name.ident.to_string(), &with(&name.ident)),
            syn::UseTree::Rename(name) => self.add_use(&name.rename.to_string(), &with(&name.ident)),
            syn::UseTree::Glob(_) => self.add_use("*", before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(before, tree)),
        }
    }

    fn add_use(&mut self, alias: &str, path: &[String]) {
        // Without a prefix it begins at the module itself, or is another crate.
        let resolved = self.add(path).unwrap_or_else(|| [self.module.as_slice(), path].concat());
        self.uses.push((alias.to_owned(), resolved));
    }

    /// Paths in the arguments of a macro.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Names = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        let _ = self.add(&std::mem::take(&mut path));
                        path.clear();
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    let _ = self.add(&std::mem::take(&mut path));
                    colons = 0;
                    self.add_tokens(group.stream());
                }
                _ => {
                    let _ = self.add(&std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        let _ = self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        if item.attrs.iter().any(is_for_tests) {
            self.tests.push(self.module.clone());
        } else {
            syn::visit::visit_item_mod(self, item);
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let _ = self.add(&names);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.add_tokens(item.tokens.clone());
        syn::visit::visit_macro(self, item);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(in crate::a)` uses nothing.
    }
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && list.tokens.to_string() == "test"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sources by the module that each is, and the arrows in one line, circles behind them.
    fn check(sources: &[(&str, &str)], expected: &str) {
        let sources: Vec<(Names, String, String)> = sources
            .iter()
            .map(|(module, text)| {
                let names = module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
                (names, format!("{module}.rs"), (*text).to_owned())
            })
            .collect();
        let folder = arrows("src", &[], &sources).unwrap();
        let lines = folder.arrows.keys().map(|(from, to)| format!("{from}->{to}"));
        let told: Vec<String> = lines.chain(folder.faults()).collect();
        assert_eq!(told.join(" "), expected);
    }

    #[test]
    fn what_a_module_uses() {
        check(&[("a", "use crate::b::X;"), ("b", "pub struct X;")], "a->b");
        check(&[("a", "use super::b::{X, c::Y as Z};"), ("b", "")], "a->b");
        check(&[("a::x", "use super::super::b;"), ("a", "mod x;"), ("b", "")], "a->b");
        check(&[("a::x", "use super::y;"), ("a::y", ""), ("b", "")], "");
        check(&[("a", "fn f() -> crate::b::X { crate::c::g() }"), ("b", ""), ("c", "")], "a->b a->c");
        check(&[("a", "fn f() { println!(\"{}\", crate::b::X); }"), ("b", "")], "a->b");
        check(&[("a", "mod x { use super::super::b; }"), ("b", "")], "a->b");
        check(&[("a", "use other::b;"), ("b", "")], "");
        check(&[("a", "pub(in crate::b) struct X;"), ("b", "")], "");
        // Through a name that the root gives.
        check(&[("", "mod a; mod b; pub use b::X;"), ("a", "use crate::X;"), ("b", "")], "a->b");
        check(&[("", "pub use crate::b::X as Y;"), ("a", "use crate::Y;"), ("b", "")], "a->b");
    }

    #[test]
    fn tests_do_not_count() {
        check(&[("a", "#[cfg(test)] mod tests { use crate::b; }"), ("b", "")], "");
        check(&[("a", "#[cfg(test)] mod tests;"), ("a::tests", "use crate::b;"), ("b", "")], "");
        check(&[("a", "#[cfg(unix)] mod x { use crate::b; }"), ("b", "")], "a->b");
    }

    #[test]
    fn circles_are_told_once() {
        check(
            &[("a", "use crate::b;"), ("b", "use crate::a;")],
            "a->b b->a src: a circle of modules: `a` uses `b` in a.rs, `b` uses `a` in b.rs",
        );
        check(
            &[("a", "use crate::b;"), ("b", "use crate::c;"), ("c", "use crate::a;")],
            "a->b b->c c->a src: a circle of modules: `a` uses `b` in a.rs, `b` uses `c` in b.rs, `c` uses `a` in c.rs",
        );
        check(&[("a", "use crate::{b, c};"), ("b", "use crate::c;"), ("c", "")], "a->b a->c b->c");
    }
}

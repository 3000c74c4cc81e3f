//! Templates that know each other by name: parsed, and executed.

mod builtins;
mod eval;
mod exec;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::error::{Error, ErrorKind};
use crate::node::Tree;
use crate::parse;
use crate::quote::quote;
use crate::text::Text;
use crate::value::Value;
use crate::value::context::{Context, RenderError, Running};
use crate::value::function::Functions;
use crate::value::slot::Slot;

/// What a key that a map does not have gives (Go's option `missingkey`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// Nothing, which prints as `<no value>`; fields of nothing are nothing.
    #[default]
    Invalid,
    /// The zero of the map's elements: nil of an `interface {}`, which also prints as `<no value>`, but fields of it are
    /// an error. Helm renders so.
    Zero,
    /// An error. Helm renders so with `--strict`.
    Error,
}

/// A set of templates, with the functions they can call.
///
/// ```
/// use go_template::{Context, Functions, Limits, Map, Templates, Value};
///
/// let mut templates = Templates::new("main", Functions::new());
/// templates.add("page", br#"{{ define "greet" }}Hello {{ . }}!{{ end }}{{ range .names }}{{ template "greet" . }}{{ end }}"#)?;
/// let names = Value::from(vec!["you".into(), Value::from("world")]);
/// let data = Value::from(Map::from_iter([("names", names)]));
/// let text = templates.execute("page", &data, &mut Context::new(Limits::default()))?;
/// assert_eq!(text.to_str(), "Hello you!Hello world!");
/// # Ok::<_, go_template::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Templates {
    set: Rc<Set>,
}

#[derive(Debug)]
struct Set {
    name: String,
    functions: Rc<Functions>,
    missing_key: MissingKey,
    trees: RefCell<HashMap<Text, Rc<Tree>>>,
    /// The set that this one adds to, which does not see what is added.
    base: Option<Templates>,
    /// The tokens of all texts that this set and those that it adds to have parsed.
    tokens: Rc<Cell<u64>>,
}

impl Templates {
    /// An empty set. The `name` is that of Go's first `template.New`, which only one error shows.
    pub fn new(name: impl Into<String>, functions: Functions) -> Self {
        Self::of(name.into(), Rc::new(functions), MissingKey::default(), None)
    }

    fn of(name: String, functions: Rc<Functions>, missing_key: MissingKey, base: Option<Templates>) -> Self {
        let tokens = base.as_ref().map(|base| Rc::clone(&base.set.tokens)).unwrap_or_default();
        Self { set: Rc::new(Set { name, functions, missing_key, trees: RefCell::default(), base, tokens }) }
    }

    /// The same empty set with another rule for keys that a map does not have.
    #[must_use]
    pub fn missing_key(self, missing_key: MissingKey) -> Self {
        Self::of(self.set.name.clone(), Rc::clone(&self.set.functions), missing_key, self.set.base.clone())
    }

    /// A set that has all templates of this one and can get more, which this one does not see.
    fn branch(&self) -> Self {
        Self::of(self.set.name.clone(), Rc::clone(&self.set.functions), self.set.missing_key, Some(self.clone()))
    }

    /// Parses `text` as the template `name`. The text may define more templates. A template replaces an earlier one of the
    /// same name, unless it is empty.
    ///
    /// # Errors
    ///
    /// Go's words for what cannot be parsed. No template is added then.
    pub fn add(&mut self, name: &str, text: &[u8]) -> Result<(), Error> {
        self.parse(name, text).map(drop)
    }

    /// As [`add`](Self::add), and returns the template of the text itself, also when it is empty and replaces none.
    fn parse(&mut self, name: &str, text: &[u8]) -> Result<Rc<Tree>, Error> {
        let functions = &self.set.functions;
        let knows = |name: &str| functions.get(name).is_some() || builtins::has(name);
        let trees = parse::parse(name, text, &knows, &self.set.tokens)?;
        let mut main = None;
        for tree in trees {
            let tree = Rc::new(tree);
            if tree.name == *name {
                main = Some(Rc::clone(&tree));
            }
            if tree.root.is_empty() && self.lookup(tree.name.as_bytes()).is_some() {
                continue;
            }
            self.set.trees.borrow_mut().insert(tree.name.clone(), tree);
        }
        Ok(main.expect("the parser returns the tree of the text itself"))
    }

    /// Executes the template of that name with `data` as its dot, and returns what it writes.
    ///
    /// Deep templates take a deep stack: call this inside [`on_large_stack`](crate::on_large_stack).
    ///
    /// # Errors
    ///
    /// Go's words for what went wrong and where.
    pub fn execute(&self, name: &str, data: &Value, context: &mut Context) -> Result<Text, Error> {
        self.execute_by_name(name.as_bytes(), data, context)
    }

    fn execute_by_name(&self, name: &[u8], data: &Value, context: &mut Context) -> Result<Text, Error> {
        let Some(tree) = self.lookup(name) else {
            return Err(Error::of(
                ErrorKind::Execute,
                format!(
                    "template: no template {} associated with template {}",
                    quote(name),
                    quote(self.set.name.as_bytes())
                ),
            ));
        };
        self.run(&tree, data, context)
    }

    /// Executes a template while those of this set are the ones it can call.
    fn run(&self, tree: &Rc<Tree>, data: &Value, context: &mut Context) -> Result<Text, Error> {
        context.with(Rc::new(self.clone()), |context| {
            let most = context.most_depth();
            context.depth += 1;
            if context.depth > most {
                return Err(Error::limit(format!("template: {}: exceeded maximum template depth ({most})", tree.name)));
            }
            let mut out = Vec::new();
            exec::execute(self, tree, &Slot::of(data.clone()), context, &mut out)?;
            Ok(out.into())
        })
    }

    /// The names of all templates, in order.
    pub fn names(&self) -> Vec<Text> {
        let mut names = self.set.base.as_ref().map_or_else(Vec::new, Self::names);
        names.extend(self.set.trees.borrow().keys().cloned());
        names.sort();
        names.dedup();
        names
    }

    /// The functions that the templates can call.
    pub fn functions(&self) -> &Functions {
        &self.set.functions
    }

    pub(crate) fn lookup(&self, name: &[u8]) -> Option<Rc<Tree>> {
        let own = self.set.trees.borrow().get(name).cloned();
        own.or_else(|| self.set.base.as_ref()?.lookup(name))
    }

    pub(crate) fn when_missing(&self) -> MissingKey {
        self.set.missing_key
    }
}

impl Running for Templates {
    fn execute(&self, name: &[u8], data: &Value, context: &mut Context) -> Result<Text, Error> {
        self.execute_by_name(name, data, context)
    }

    fn render(&self, name: &str, text: &[u8], data: &Value, context: &mut Context) -> Result<Text, RenderError> {
        let mut templates = self.branch();
        let tree = templates.parse(name, text).map_err(RenderError::Parse)?;
        templates.run(&tree, data, context).map_err(RenderError::Execute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::context::Limits;
    use crate::value::function::Function;
    use crate::value::types::Type;

    /// Helm's `tpl`.
    fn functions() -> Functions {
        let mut functions = Functions::new();
        functions.add(
            "tpl",
            Function::new(&[Type::String, Type::Any], |context, args| {
                let text = args[0].as_text().expect("the parameter is a string");
                let text = context.render("main", text.as_bytes(), &args[1]);
                text.map(Value::from).map_err(|error| Error::new(error.to_string()))
            }),
        );
        functions
    }

    #[test]
    fn a_blank_text_rendered_inside_another_gives_nothing_of_the_other() {
        for (text, expected) in [
            (r#"{{ tpl "a{{ tpl \" \" . }}b" . }}"#, "a b"),
            (r#"{{ tpl "a{{ tpl \"\" . }}b" . }}"#, "ab"),
            (r#"{{ tpl "a{{ tpl \"{{ define `x` }}1{{ end }}\" . }}b" . }}"#, "ab"),
            (r#"{{ tpl "{{ define `x` }}1{{ end }}{{ tpl \"{{ template `x` }}\" . }}" . }}"#, "1"),
        ] {
            let mut templates = Templates::new("main", functions());
            templates.add("page", text.as_bytes()).unwrap();
            let text = templates.execute("page", &Value::Nil, &mut Context::new(Limits::default())).unwrap();
            assert_eq!(text.to_str(), expected);
        }
    }
}

//! A chart with those of its subcharts that its values ask for: conditions, tags, aliases and imported values.

// Charts are numbers of this tree's own: only `add` and `aliased` give them, and no chart is ever removed.
#![allow(clippy::indexing_slicing)]

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::rc::Rc;

use go_template::{Context, Limits, Map, Value};

use crate::chart::{Chart, Dependency};
use crate::semver::{Constraint, Version};
use crate::values::{self, Charts};
use crate::yaml::Json;

/// A dependency that `Chart.yaml` names. Charts that are taken twice, under two aliases, share theirs, as in Helm: what
/// the first one changes, the second one sees.
type Shared = Rc<Named>;

/// A dependency of a chart.
#[derive(Debug)]
struct Named {
    dependency: RefCell<Dependency>,
    /// Whether its values were imported: Helm does not import them again under another alias.
    imported: Cell<bool>,
}

impl Named {
    fn new(dependency: &Dependency) -> Shared {
        Rc::new(Self { dependency: RefCell::new(dependency.clone()), imported: Cell::new(false) })
    }

    fn borrow(&self) -> Ref<'_, Dependency> {
        self.dependency.borrow()
    }

    fn borrow_mut(&self) -> RefMut<'_, Dependency> {
        self.dependency.borrow_mut()
    }
}

/// Charts by number; 0 is the root.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    /// The chart as it was loaded.
    pub(crate) chart: &'a Chart,
    /// The name: the alias, if there is one.
    pub(crate) name: String,
    dependencies: Option<Vec<Shared>>,
    values: Map,
    parent: Option<usize>,
    pub(crate) children: Vec<usize>,
}

impl Charts for Tree<'_> {
    fn name(&self, chart: usize) -> &str {
        &self.nodes[chart].name
    }

    fn values(&self, chart: usize) -> &Map {
        &self.nodes[chart].values
    }

    fn children(&self, chart: usize) -> &[usize] {
        &self.nodes[chart].children
    }
}

impl<'a> Tree<'a> {
    /// The charts that `values` ask for.
    ///
    /// # Errors
    ///
    /// Helm's words for values that do not fit.
    pub(crate) fn new(chart: &'a Chart, values: &Map) -> Result<Self, String> {
        let mut tree = Self { nodes: Vec::new() };
        let root = tree.add(chart, None);
        tree.enable(root, values, "")?;
        tree.import_all(root)?;
        Ok(tree)
    }

    pub(crate) fn node(&self, chart: usize) -> &Node<'a> {
        &self.nodes[chart]
    }

    /// The dependencies that are left, as `.Chart.Dependencies` shows them.
    pub(crate) fn dependencies(&self, chart: usize) -> Option<Vec<Dependency>> {
        let dependencies = self.nodes[chart].dependencies.as_ref()?;
        Some(dependencies.iter().map(|dependency| dependency.borrow().clone()).collect())
    }

    /// `parent/charts/child`
    pub(crate) fn path(&self, chart: usize) -> String {
        let node = &self.nodes[chart];
        match node.parent {
            Some(parent) => format!("{}/charts/{}", self.path(parent), node.name),
            None => node.name.clone(),
        }
    }

    /// The charts below one, and the chart itself in front.
    pub(crate) fn all_below(&self, chart: usize) -> Vec<usize> {
        let mut all = vec![chart];
        for child in &self.nodes[chart].children {
            all.extend(self.all_below(*child));
        }
        all
    }

    fn add(&mut self, chart: &'a Chart, parent: Option<usize>) -> usize {
        let number = self.nodes.len();
        let dependencies = chart.metadata.dependencies.as_ref();
        self.nodes.push(Node {
            chart,
            name: chart.metadata.name.clone(),
            dependencies: dependencies.map(|all| all.iter().map(Named::new).collect()),
            values: values::of_chart(chart.values.as_ref()),
            parent,
            children: Vec::new(),
        });
        let children = chart.dependencies.iter().map(|child| self.add(child, Some(number))).collect();
        self.nodes[number].children = children;
        number
    }

    fn set_children(&mut self, chart: usize, children: Vec<usize>) {
        for child in &children {
            self.nodes[*child].parent = Some(chart);
        }
        self.nodes[chart].children = children;
    }

    fn is_compatible(&self, chart: usize, constraint: &str) -> bool {
        match (Constraint::parse(constraint), Version::parse(&self.nodes[chart].chart.metadata.version)) {
            (Ok(constraint), Ok(version)) => constraint.allows(&version),
            _ => false,
        }
    }

    /// Whether a chart is the one that a dependency means.
    fn is_meant(&self, chart: usize, dependency: &Dependency) -> bool {
        self.nodes[chart].name == dependency.name && self.is_compatible(chart, &dependency.version)
    }

    /// A chart under the alias of the dependency that means it. The charts below are the same.
    fn aliased(&mut self, children: &[usize], dependency: &Dependency) -> Option<usize> {
        let chart = children.iter().copied().find(|child| self.is_meant(*child, dependency))?;
        let mut node = self.nodes[chart].clone();
        if !dependency.alias.is_empty() {
            node.name.clone_from(&dependency.alias);
        }
        self.nodes.push(node);
        Some(self.nodes.len() - 1)
    }

    /// `processDependencyEnabled`: drops what conditions and tags turn off.
    fn enable(&mut self, chart: usize, values: &Map, path: &str) -> Result<(), String> {
        let Some(dependencies) = self.nodes[chart].dependencies.clone() else { return Ok(()) };
        let before = self.nodes[chart].children.clone();
        let mut children: Vec<usize> = before
            .iter()
            .copied()
            .filter(|child| !dependencies.iter().any(|dependency| self.is_meant(*child, &dependency.borrow())))
            .collect();
        for dependency in &dependencies {
            let meant = dependency.borrow().clone();
            children.extend(self.aliased(&before, &meant));
            if !meant.alias.is_empty() {
                dependency.borrow_mut().name = meant.alias;
            }
        }
        self.set_children(chart, children);
        for dependency in &dependencies {
            dependency.borrow_mut().enabled = true;
        }
        let all = values::coalesce(self, chart, values)?;
        for dependency in &dependencies {
            let enabled = enabled(&dependency.borrow(), &all, path);
            dependency.borrow_mut().enabled = enabled;
        }
        let off: Vec<String> = dependencies
            .iter()
            .filter(|dependency| !dependency.borrow().enabled)
            .map(|dependency| dependency.borrow().name.clone())
            .collect();
        let children: Vec<usize> = self.nodes[chart]
            .children
            .iter()
            .copied()
            .filter(|child| !off.contains(&self.nodes[*child].name))
            .collect();
        let kept: Vec<Shared> =
            dependencies.into_iter().filter(|dependency| !off.contains(&dependency.borrow().name)).collect();
        for child in &children {
            let path = format!("{path}{}.", self.nodes[*child].name);
            self.enable(*child, &all, &path)?;
        }
        // Helm appends to nil: nothing left is nil again.
        self.nodes[chart].dependencies = (!kept.is_empty()).then_some(kept);
        self.set_children(chart, children);
        Ok(())
    }

    /// `processDependencyImportValues`
    fn import_all(&mut self, chart: usize) -> Result<(), String> {
        for child in self.nodes[chart].children.clone() {
            self.import_all(child)?;
        }
        self.import(chart)
    }

    /// Takes the values that the chart imports from its subcharts.
    fn import(&mut self, chart: usize) -> Result<(), String> {
        let Some(dependencies) = self.nodes[chart].dependencies.clone() else { return Ok(()) };
        let all = values::coalesce(self, chart, &Map::nil(go_template::MAP))?;
        let imported = Map::new();
        for dependency in &dependencies {
            let imports = std::mem::take(&mut dependency.borrow_mut().import_values);
            let done = dependency.imported.replace(true);
            let name = dependency.borrow().name.clone();
            let mut taken = Vec::new();
            for import in imports.into_iter().filter(|_| !done) {
                let (child, parent) = match &import {
                    Json::Map(entries) => {
                        let shown = |key: &str| shown(entries.get(key).map(Json::to_value).unwrap_or_default());
                        (shown("child"), shown("parent"))
                    }
                    Json::Str(name) => (format!("exports.{name}"), ".".to_owned()),
                    _ => continue,
                };
                taken.push(marked(&child, &parent));
                let Ok(table) = values::table(&all, &format!("{name}.{child}")) else { continue };
                let table = if table.is_empty() { Map::new() } else { table };
                values::coalesce_tables(&imported, &nested(&parent, table), false);
            }
            dependency.borrow_mut().import_values = taken;
        }
        let own = values::without_nulls(&all);
        values::coalesce_tables(&own, &imported, false);
        self.nodes[chart].values = own;
        Ok(())
    }
}

/// What Helm leaves in place of an import that it has done.
fn marked(child: &str, parent: &str) -> Json {
    let entry = |key: &str, value: &str| (key.to_owned(), Json::Str(value.to_owned()));
    Json::Map([entry("child", child), entry("parent", parent)].into())
}

fn shown(value: Value) -> String {
    let text = Context::new(Limits::default()).print(&[value]);
    text.map(|text| text.to_string()).unwrap_or_default()
}

/// Whether tags and conditions turn a dependency on.
fn enabled(dependency: &Dependency, values: &Map, path: &str) -> bool {
    let mut enabled = dependency.enabled;
    if let Ok(tags) = values::table(values, "tags") {
        let states: Vec<bool> = dependency
            .tags
            .iter()
            .filter_map(|tag| tags.get(tag))
            .filter_map(|state| match state {
                Value::Bool(state) => Some(state),
                _ => None,
            })
            .collect();
        enabled = states.is_empty() || states.contains(&true);
    }
    let conditions = dependency.condition.trim_matches(crate::gostring::is_space).split(',');
    for condition in conditions.filter(|condition| !condition.is_empty()) {
        if let Ok(Value::Bool(state)) = values::path_value(values, &format!("{path}{condition}")) {
            return state;
        }
    }
    enabled
}

/// `a.b` and a table: the table in a table in a table.
fn nested(path: &str, table: Map) -> Map {
    if path == "." {
        return table;
    }
    path.split('.').rev().fold(table, |inner, key| Map::from_iter([(key, inner)]))
}

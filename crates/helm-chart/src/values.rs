//! Values of charts: paths into them, and how those of a chart, of its parents and of its user become one.
//!
//! Maps are shared here as Helm shares them: what one merge changes, another may see.

use go_template::{Context, Limits, List, MAP, Map, Value};

use crate::yaml::{self, Json, Target};

/// The key of values that all subcharts see.
const GLOBAL: &str = "global";

/// Reads a file of values.
///
/// # Errors
///
/// When the text is no YAML, or no mapping.
pub fn read_values(text: &[u8]) -> Result<Json, yaml::Error> {
    Ok(match yaml::unmarshal(text, &Target::Map(&Target::Any))? {
        Json::Null => Json::Map(std::collections::BTreeMap::new()),
        values => values,
    })
}

/// Lays values over others, as `helm template -f one.yaml -f other.yaml` does: mappings are merged, everything else is
/// replaced.
pub fn merge_values(into: &mut Json, over: Json) {
    match (into, over) {
        (Json::Map(into), Json::Map(over)) => {
            for (key, value) in over {
                match into.get_mut(&key) {
                    Some(present @ Json::Map(_)) if matches!(value, Json::Map(_)) => merge_values(present, value),
                    _ => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, over) => *into = over,
    }
}

/// The values of a chart as a map of its own.
pub(crate) fn of_chart(values: Option<&std::collections::BTreeMap<String, Json>>) -> Map {
    match values {
        None => Map::nil(MAP),
        Some(entries) => entries.iter().map(|(key, value)| (key.as_str(), value.to_value())).collect(),
    }
}

/// A map of its own, down to the last list.
pub(crate) fn copy(map: &Map) -> Map {
    if map.is_nil() {
        return map.clone();
    }
    let copy = Map::typed(map.ty());
    for (key, value) in map.entries() {
        copy.insert(key, copy_value(&value));
    }
    copy
}

fn copy_value(value: &Value) -> Value {
    match value {
        Value::Map(map) => copy(map).into(),
        Value::List(list) if !list.is_nil() => {
            Value::List(List::typed(list.ty(), list.iter().map(copy_value).collect()))
        }
        other => other.clone(),
    }
}

/// The table at the end of a path with dots; the error has Helm's words.
pub(crate) fn table(values: &Map, path: &str) -> Result<Map, String> {
    let mut table = values.clone();
    for name in path.split('.') {
        table = match table.get(name) {
            Some(Value::Map(inner)) => inner,
            _ => return Err(format!("{} is not a table", go_template::quote(name.as_bytes()))),
        };
    }
    Ok(table)
}

/// What stands at the end of a path with dots, unless it is a table.
pub(crate) fn path_value(values: &Map, path: &str) -> Result<Value, String> {
    if path.is_empty() {
        return Err("YAML path cannot be empty".into());
    }
    let (found, key) = match path.rsplit_once('.') {
        None => (Some(values.clone()), path),
        Some((path, key)) => (table(values, path).ok(), key),
    };
    match found.and_then(|table| table.get(key)) {
        Some(value) if !is_table(&value) => Ok(value),
        _ => Err(format!("{} is not a value", go_template::quote(key.as_bytes()))),
    }
}

pub(crate) fn is_table(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

/// A chart whose values are coalesced: its name, its values, and its subcharts.
pub(crate) trait Charts {
    /// The name of a chart: its alias, if it has one.
    fn name(&self, chart: usize) -> &str;
    /// The values that the chart itself brings.
    fn values(&self, chart: usize) -> &Map;
    /// The subcharts.
    fn children(&self, chart: usize) -> &[usize];
}

/// `CoalesceValues`: the values for a chart and all its subcharts. What stands higher wins.
///
/// # Errors
///
/// When something that is no table stands where the values of a subchart belong.
pub(crate) fn coalesce(charts: &dyn Charts, chart: usize, values: &Map) -> Result<Map, String> {
    let values = copy(values);
    let values = if values.is_nil() { Map::new() } else { values.with_type(MAP) };
    coalesce_into(charts, chart, &values)?;
    Ok(values)
}

fn coalesce_into(charts: &dyn Charts, chart: usize, target: &Map) -> Result<(), String> {
    coalesce_own(charts, chart, target);
    for child in charts.children(chart) {
        let name = charts.name(*child);
        let inner = match target.get(name) {
            None => {
                let inner = Map::new();
                target.insert(name, inner.clone());
                inner
            }
            Some(Value::Map(inner)) => inner,
            Some(other) => {
                let shown = Context::new(Limits::default()).printf("%t", &[other]);
                let shown = shown.map(|text| text.to_string()).unwrap_or_default();
                return Err(format!("type mismatch on {name}: {shown}"));
            }
        };
        coalesce_globals(&inner, target);
        coalesce_into(charts, *child, &inner)?;
    }
    Ok(())
}

/// Puts the globals of `source` into `target`; those of the source win.
fn coalesce_globals(target: &Map, source: &Map) {
    let globals_of = |map: &Map| match map.get(GLOBAL) {
        None => Some(Map::new()),
        Some(Value::Map(globals)) => Some(globals),
        // Helm warns, and leaves the globals as they are.
        Some(_) => None,
    };
    let (Some(into), Some(from)) = (globals_of(target), globals_of(source)) else { return };
    for (key, value) in from.entries() {
        match (&value, into.get(&key)) {
            (Value::Map(table), None) => {
                into.insert(key, table.copy());
            }
            (Value::Map(table), Some(Value::Map(present))) => {
                let copy = table.copy();
                coalesce_tables(&copy, &present, true);
                into.insert(key, copy);
            }
            (Value::Map(_), Some(_)) | (_, Some(Value::Map(_))) => {}
            _ => {
                into.insert(key, value);
            }
        }
    }
    target.insert(GLOBAL, into);
}

/// Puts the chart's own values under those that are there already.
fn coalesce_own(charts: &dyn Charts, chart: usize, target: &Map) {
    for (key, value) in copy(charts.values(chart)).entries() {
        match target.get(&key) {
            None => {
                target.insert(key, value);
            }
            // A null takes the default of the chart away.
            Some(Value::Nil) => {
                target.remove(&key);
            }
            Some(Value::Map(present)) => {
                if let Value::Map(own) = value {
                    // The values of a subchart keep their nulls: the subchart itself is coalesced later.
                    let keep =
                        charts.children(chart).iter().any(|child| charts.name(*child).as_bytes() == key.as_bytes());
                    coalesce_tables(&present, &own, keep);
                }
            }
            Some(_) => {}
        }
    }
}

/// `coalesceTables`: puts what `source` has under what `target` has. With `keep`, nulls stay.
pub(crate) fn coalesce_tables(target: &Map, source: &Map, keep: bool) {
    if target.is_nil() || source.is_nil() {
        return;
    }
    let defaults: Vec<_> =
        source.entries().into_iter().filter(|(_, value)| !value.is_nil()).map(|(key, _)| key).collect();
    for (key, value) in target.entries() {
        if value.is_nil() {
            source.insert(key, Value::Nil);
        }
    }
    for (key, value) in source.entries() {
        let present = target.get(&key);
        match (&present, &value) {
            (Some(Value::Nil), _) if !keep && defaults.binary_search(&key).is_ok() => {
                target.remove(&key);
            }
            (None, _) => {
                target.insert(key, value);
            }
            (Some(Value::Map(present)), Value::Map(value)) => coalesce_tables(present, value, keep),
            _ => {}
        }
    }
}

/// A copy without nulls.
pub(crate) fn without_nulls(map: &Map) -> Map {
    let copy = copy(map);
    drop_nulls(&copy);
    copy
}

fn drop_nulls(map: &Map) {
    for (key, value) in map.entries() {
        match value {
            Value::Nil => {
                map.remove(&key);
            }
            Value::Map(inner) => drop_nulls(&inner),
            _ => {}
        }
    }
}

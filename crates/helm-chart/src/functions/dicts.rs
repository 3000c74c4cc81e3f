//! Maps: `dict`, `get`, `set`, `pick`, `dig` and the like.

use go_template::{Context, Error, Function, Functions, List, MAP, Map, Text, Type, Value};

use super::merge::merge;
use super::{list, strval};
use crate::args::{arg, behind, map, text};

/// How deep data may lie that is copied.
const MAX_DEPTH: usize = 2_000;

pub(super) fn add(functions: &mut Functions) {
    const A: &[Type] = &[Type::Any];
    functions.add(
        "dict",
        Function::variadic(A, |context, args| {
            let map = Map::new();
            let mut args = args.iter();
            while let Some(key) = args.next() {
                let key = strval(key, context)?;
                map.insert(key, args.next().cloned().unwrap_or_else(|| "".into()));
            }
            Ok(map.into())
        }),
    );
    functions.add(
        "get",
        Function::new(&[MAP, Type::String], |_, args| Ok(map(args, 0).get(text(args, 1)).unwrap_or_else(|| "".into()))),
    );
    functions.add(
        "set",
        Function::new(&[MAP, Type::String, Type::Any], |_, args| {
            if !map(args, 0).insert(text(args, 1), arg(args, 2).clone()) {
                return Err(Error::new("assignment to entry in nil map"));
            }
            Ok(arg(args, 0).clone())
        }),
    );
    functions.add(
        "unset",
        Function::new(&[MAP, Type::String], |_, args| {
            map(args, 0).remove(text(args, 1));
            Ok(arg(args, 0).clone())
        }),
    );
    functions
        .add("hasKey", Function::new(&[MAP, Type::String], |_, args| Ok(map(args, 0).contains(text(args, 1)).into())));
    functions.add(
        "pluck",
        Function::variadic(&[Type::String, MAP], |_, args| {
            let key = text(args, 0);
            Ok(list(behind(args, 1).iter().filter_map(|map| map.as_map()?.get(&key)).collect()))
        }),
    );
    functions.add(
        "keys",
        Function::variadic(&[MAP], |_, args| {
            let keys: Vec<Text> = args.iter().filter_map(Value::as_map).flat_map(Map::keys).collect();
            Ok(Value::List(List::strings(keys)))
        }),
    );
    functions.add(
        "values",
        Function::new(&[MAP], |_, args| Ok(list(map(args, 0).entries().into_iter().map(|(_, value)| value).collect()))),
    );
    functions.add(
        "pick",
        Function::variadic(&[MAP, Type::String], |_, args| {
            let picked = Map::new();
            for key in behind(args, 1).iter().filter_map(Value::as_text) {
                if let Some(value) = map(args, 0).get(&key) {
                    picked.insert(key, value);
                }
            }
            Ok(picked.into())
        }),
    );
    functions.add(
        "omit",
        Function::variadic(&[MAP, Type::String], |_, args| {
            let rest = Map::new();
            let omitted: Vec<Text> = behind(args, 1).iter().filter_map(Value::as_text).collect();
            for (key, value) in map(args, 0).entries() {
                if !omitted.contains(&key) {
                    rest.insert(key, value);
                }
            }
            Ok(rest.into())
        }),
    );
    for (names, overwrite) in [(["merge", "mustMerge"], false), (["mergeOverwrite", "mustMergeOverwrite"], true)] {
        for name in names {
            functions.add(
                name,
                Function::variadic(&[MAP, MAP], move |context, args| {
                    let mut target = map(args, 0).clone();
                    for source in behind(args, 1).iter().filter_map(Value::as_map) {
                        merge(&mut target, source, overwrite, context)?;
                    }
                    Ok(target.into())
                }),
            );
        }
    }
    for name in ["deepCopy", "mustDeepCopy"] {
        functions.add(
            name,
            Function::new(A, |context, args| match arg(args, 0) {
                // copystructure asks for the type of what it copies; nil has none.
                Value::Nil => Err(Error::new("reflect: call of reflect.Value.Type on zero Value")),
                value => deep_copy(value, context, 0),
            }),
        );
    }
    functions.add("dig", Function::variadic(A, |_, args| dig(args)));
}

/// copystructure's `Copy`: lists and maps are new all the way down, everything else is shared.
pub(crate) fn deep_copy(value: &Value, context: &mut Context, depth: usize) -> Result<Value, Error> {
    context.step(1)?;
    if depth > MAX_DEPTH {
        return Err(Error::limit(format!("values nest deeper than {MAX_DEPTH} levels")));
    }
    Ok(match value {
        Value::List(of) if !of.is_nil() => {
            let items = of.iter().map(|item| deep_copy(item, context, depth + 1)).collect::<Result<_, _>>()?;
            Value::List(List::typed(of.ty(), items))
        }
        Value::Map(of) if !of.is_nil() => {
            let copy = Map::typed(of.ty());
            for (key, value) in of.entries() {
                copy.insert(key, deep_copy(&value, context, depth + 1)?);
            }
            Value::Map(copy)
        }
        other => other.clone(),
    })
}

fn dig(args: &[Value]) -> Result<Value, Error> {
    let [keys @ .., default, root] = args else { return Err(Error::new("dig needs at least three arguments")) };
    if keys.is_empty() {
        return Err(Error::new("dig needs at least three arguments"));
    }
    let as_map = |value: &Value| match value {
        Value::Map(map) if map.ty() == MAP => Ok(map.clone()),
        other => Err(conversion(other, "map[string]interface {}")),
    };
    let mut current = as_map(root)?;
    let mut names = Vec::new();
    for key in keys {
        match key {
            Value::String(name) => names.push(name),
            other => return Err(conversion(other, "string")),
        }
    }
    for (index, name) in names.iter().enumerate() {
        let Some(value) = current.get(name) else { return Ok(default.clone()) };
        if index + 1 == names.len() {
            return Ok(value);
        }
        current = as_map(&value)?;
    }
    Ok(default.clone())
}

/// Go's words for a type assertion that fails.
fn conversion(value: &Value, wanted: &str) -> Error {
    let found = if value.is_nil() { "nil".to_owned() } else { value.type_name() };
    Error::new(format!("interface conversion: interface {{}} is {found}, not {wanted}"))
}

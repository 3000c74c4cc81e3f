//! mergo's `Merge` for maps: what `merge` and `mergeOverwrite` do.

use go_template::{Context, Error, List, Map, Value};

/// How deep maps may lie; mergo itself would run until the stack ends.
const MAX_DEPTH: usize = 2_000;

/// Merges `source` into `target`. What the target has already stays, unless it is empty; `overwrite` turns this round.
/// Maps in both are merged, in place; maps that only the source has are shared afterwards.
///
/// # Errors
///
/// When the run has taken too many steps.
pub(super) fn merge(target: &mut Map, source: &Map, overwrite: bool, context: &mut Context) -> Result<(), Error> {
    if target.is_nil() && !source.is_nil() {
        *target = Map::typed(target.ty());
    }
    merge_into(target, source, overwrite, context, 0)
}

fn merge_into(target: &Map, source: &Map, overwrite: bool, context: &mut Context, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::limit(format!("values nest deeper than {MAX_DEPTH} levels")));
    }
    for (key, value) in source.entries() {
        context.step(1)?;
        let present = target.get(&key);
        if value.is_nil() {
            if overwrite {
                target.insert(key, Value::Nil);
            }
            continue;
        }
        match &value {
            Value::Map(inner) => {
                if let Some(Value::Map(present)) = &present
                    && !present.is_nil()
                {
                    merge_into(present, inner, overwrite, context, depth + 1)?;
                }
            }
            Value::List(_) | Value::Bytes(_) => {
                // mergo looks at the maps here, not at the lists.
                let replaces = !source.is_empty() && (overwrite || target.is_empty());
                let list = match &present {
                    _ if replaces => value.clone(),
                    None | Some(Value::Nil) => Value::List(List::typed(value.ty().expect("a list"), Vec::new())),
                    Some(present) => present.clone(),
                };
                target.insert(key.clone(), list);
            }
            _ => {}
        }
        if let Some(present) = &present
            && !is_empty(present)
        {
            if matches!(value, Value::List(_) | Value::Bytes(_)) {
                continue;
            }
            if matches!((&value, present), (Value::Map(_), Value::Map(_))) {
                continue;
            }
        }
        if overwrite || present.as_ref().is_none_or(is_empty) {
            target.insert(key, value);
        }
    }
    Ok(())
}

/// mergo's `isEmptyValue`.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(_) | Value::Function(_) => false,
        other => !other.truth(),
    }
}

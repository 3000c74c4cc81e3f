//! Lists: `first`, `append`, `uniq`, `concat` and the like.

use go_template::{Context, Error, Function, Functions, LIST, List, Type, Value};

use super::equal::deep_equal;
use super::{cast, is_empty, items, list};
use crate::args::{arg, behind, int};

/// `[][]interface {}`
const CHUNKS: Type = Type::Slice(&LIST);

type Body = fn(&mut Context, &[Value]) -> Result<Value, Error>;

pub(super) fn add(functions: &mut Functions) {
    const A: &[Type] = &[Type::Any];
    const AA: &[Type] = &[Type::Any, Type::Any];
    for name in ["list", "tuple"] {
        functions.add(name, Function::variadic(A, |_, args| Ok(list(args.to_vec()))));
    }
    for (names, params, body) in [
        (["append", "mustAppend"], AA, append as Body),
        (["push", "mustPush"], AA, append),
        (["prepend", "mustPrepend"], AA, prepend),
        (["first", "mustFirst"], A, |_, args| {
            Ok(items_for(arg(args, 0), "find first")?.first().cloned().unwrap_or_default())
        }),
        (["last", "mustLast"], A, |_, args| {
            Ok(items_for(arg(args, 0), "find last")?.last().cloned().unwrap_or_default())
        }),
        (["rest", "mustRest"], A, |_, args| {
            let items = items_for(arg(args, 0), "find rest")?;
            Ok(items.split_first().map_or(Value::List(List::nil(LIST)), |(_, rest)| list(rest.to_vec())))
        }),
        (["initial", "mustInitial"], A, |_, args| {
            let items = items_for(arg(args, 0), "find initial")?;
            Ok(items.split_last().map_or(Value::List(List::nil(LIST)), |(_, rest)| list(rest.to_vec())))
        }),
        (["reverse", "mustReverse"], A, |_, args| {
            let mut items = items_for(arg(args, 0), "find reverse")?;
            items.reverse();
            Ok(list(items))
        }),
        (["uniq", "mustUniq"], A, uniq),
        (["compact", "mustCompact"], A, |_, args| {
            let mut items = items_for(arg(args, 0), "compact")?;
            items.retain(|item| !is_empty(item));
            Ok(list(items))
        }),
        (["has", "mustHas"], AA, |context, args| {
            if arg(args, 1).is_nil() {
                return Ok(false.into());
            }
            contains(&items_for(arg(args, 1), "find has")?, arg(args, 0), context).map(Value::from)
        }),
        (["chunk", "mustChunk"], &[Type::Int, Type::Any], chunk),
    ] {
        for name in names {
            functions.add(name, Function::new(params, body));
        }
    }
    for name in ["without", "mustWithout"] {
        functions.add(
            name,
            Function::variadic(AA, |context, args| {
                let mut kept = Vec::new();
                for item in items_for(arg(args, 0), "find without")? {
                    if !contains(behind(args, 1), &item, context)? {
                        kept.push(item);
                    }
                }
                Ok(list(kept))
            }),
        );
    }
    for name in ["slice", "mustSlice"] {
        functions.add(name, Function::variadic(AA, |_, args| slice(arg(args, 0), behind(args, 1))));
    }
    functions.add("concat", Function::variadic(A, concat));
}

fn items_for(value: &Value, what: &str) -> Result<Vec<Value>, Error> {
    items(value, |kind| format!("Cannot {what} on type {kind}"))
}

fn append(context: &mut Context, args: &[Value]) -> Result<Value, Error> {
    let mut items = items_for(arg(args, 0), "push")?;
    context.charge(items.len() * 16)?;
    items.push(arg(args, 1).clone());
    Ok(list(items))
}

fn prepend(context: &mut Context, args: &[Value]) -> Result<Value, Error> {
    let mut items = items_for(arg(args, 0), "prepend")?;
    context.charge(items.len() * 16)?;
    items.insert(0, arg(args, 1).clone());
    Ok(list(items))
}

fn contains(items: &[Value], wanted: &Value, context: &mut Context) -> Result<bool, Error> {
    for item in items {
        if deep_equal(wanted, item, context)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(context: &mut Context, args: &[Value]) -> Result<Value, Error> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items_for(arg(args, 0), "find uniq")? {
        if !contains(&kept, &item, context)? {
            kept.push(item);
        }
    }
    Ok(list(kept))
}

fn concat(context: &mut Context, args: &[Value]) -> Result<Value, Error> {
    let mut all = Vec::new();
    for arg in args {
        let mut items = items(arg, |kind| format!("Cannot concat type {kind} as list"))?;
        context.charge(items.len() * 16)?;
        all.append(&mut items);
    }
    // Go never makes the slice when there is nothing to put into it.
    Ok(if all.is_empty() { Value::List(List::nil(LIST)) } else { list(all) })
}

fn chunk(context: &mut Context, args: &[Value]) -> Result<Value, Error> {
    let size = int(args, 0);
    let items = items(arg(args, 1), |kind| format!("Cannot chunk type {kind}"))?;
    let outside = || Error::new("runtime error: makeslice: len out of range");
    if size < 0 {
        // Go computes in floating point: a short list gives no chunk, and a list of one item gives itself.
        let length = u64::try_from(items.len()).unwrap_or(u64::MAX);
        return match (length, size.unsigned_abs()) {
            (1, 2..) => Ok(Value::List(List::typed(CHUNKS, vec![list(items)]))),
            (2.., back) if length - 1 <= back => Ok(Value::List(List::typed(CHUNKS, Vec::new()))),
            _ => Err(outside()),
        };
    }
    // Go computes in floating point, and then asks for a slice of an impossible length.
    let size = usize::try_from(size).ok().filter(|size| *size > 0).ok_or_else(outside)?;
    context.charge(items.len() * 16)?;
    Ok(Value::List(List::typed(CHUNKS, items.chunks(size).map(|chunk| list(chunk.to_vec())).collect())))
}

fn slice(value: &Value, indices: &[Value]) -> Result<Value, Error> {
    let items = items(value, |kind| format!("list should be type of slice or array but {kind}"))?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = indices.first().map_or(0, cast::to_int);
    let end = match indices.get(1) {
        Some(end) => cast::to_int(end),
        None => i64::try_from(items.len()).expect("a list in memory"),
    };
    let part = usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| items.get(start..end))
        .ok_or_else(|| Error::new("reflect.Value.Slice: slice index out of bounds"))?;
    Ok(match value {
        Value::List(whole) => Value::List(List::typed(whole.ty(), part.to_vec())),
        _ => Value::Bytes(part.iter().filter_map(|byte| u8::try_from(byte.as_uint()?).ok()).collect()),
    })
}

//! `reflect.DeepEqual`.

use go_template::{Context, Error, Value};

/// Deeper data than this is not compared; Go keeps a list of what it has seen instead.
const MAX_DEPTH: usize = 2_000;

/// Whether two values are deeply equal: the same types all through, and the same content.
///
/// # Errors
///
/// When the run has taken too many steps, or the values are too deep.
pub(super) fn deep_equal(a: &Value, b: &Value, context: &mut Context) -> Result<bool, Error> {
    compare(a, b, context, 0)
}

fn compare(a: &Value, b: &Value, context: &mut Context, depth: usize) -> Result<bool, Error> {
    context.step(1)?;
    if depth > MAX_DEPTH {
        return Err(Error::limit(format!("values nest deeper than {MAX_DEPTH} levels")));
    }
    if a.ty() != b.ty() {
        return Ok(false);
    }
    Ok(match (a.bare(), b.bare()) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        #[expect(clippy::float_cmp, reason = "as Go compares")]
        (Value::Float(a), Value::Float(b)) => a == b,
        #[expect(clippy::float_cmp, reason = "as Go compares")]
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            if a.same(b) {
                return Ok(true);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !compare(a, b, context, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            if a.same(b) {
                return Ok(true);
            }
            for (key, value) in a.entries() {
                match b.get(&key) {
                    Some(other) if compare(&value, &other, context, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Object(a), Value::Object(b)) => {
            if std::rc::Rc::ptr_eq(a, b) {
                return Ok(true);
            }
            let (a, b) = (a.fields(), b.fields());
            for ((_, a), (_, b)) in a.iter().zip(&b) {
                if !compare(a, b, context, depth + 1)? {
                    return Ok(false);
                }
            }
            a.len() == b.len()
        }
        _ => false,
    })
}

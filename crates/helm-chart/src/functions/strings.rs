//! Strings: `trunc`, `indent`, `replace`, `quote` and the like.

use go_template::{Context, Error, Function, Functions, List, Map, STRINGS, Text, Type, Value};

use super::{strings_of, strval};
use crate::args::{arg, int, text};
use crate::gostring;

/// `map[string]string`
const TEXTS: Type = Type::Map(&Type::String);

pub(super) fn add(functions: &mut Functions) {
    const S: &[Type] = &[Type::String];
    const SS: &[Type] = &[Type::String, Type::String];
    const SSS: &[Type] = &[Type::String, Type::String, Type::String];
    const IS: &[Type] = &[Type::Int, Type::String];
    let mut add = |name: &str, function| functions.add(name, function);

    add("hello", Function::new(&[], |_, _| Ok("Hello!".into())));
    add("abbrev", Function::new(IS, |_, args| Ok(abbreviate(&text(args, 1), 0, int(args, 0)).into())));
    add(
        "abbrevboth",
        Function::new(&[Type::Int, Type::Int, Type::String], |_, args| {
            let (left, right) = (int(args, 0), int(args, 1));
            let short = right < 4 || (left > 0 && right < 7);
            Ok(if short { text(args, 2).into() } else { abbreviate(&text(args, 2), left, right).into() })
        }),
    );
    add("trunc", Function::new(IS, |_, args| Ok(truncate(&text(args, 1), int(args, 0)).into())));
    add("trim", Function::new(S, |_, args| Ok(Text::from(gostring::trim_space(text(args, 0).as_bytes())).into())));
    add(
        "substr",
        Function::new(&[Type::Int, Type::Int, Type::String], |_, args| {
            substring(&text(args, 2), int(args, 0), int(args, 1)).map(Value::from)
        }),
    );
    add(
        "repeat",
        Function::new(IS, |context, args| repeated(text(args, 1).as_bytes(), int(args, 0), context).map(Value::from)),
    );
    for name in ["trimall", "trimAll"] {
        add(
            name,
            Function::new(SS, |_, args| {
                let set = text(args, 0).to_str().into_owned();
                let inside = |character| set.contains(character);
                let whole = text(args, 1);
                let part = gostring::trim_end_where(gostring::trim_start_where(whole.as_bytes(), inside), inside);
                Ok(Text::from(part).into())
            }),
        );
    }
    add(
        "trimSuffix",
        Function::new(SS, |_, args| {
            let whole = text(args, 1);
            let part = whole.as_bytes().strip_suffix(text(args, 0).as_bytes()).map(Text::from);
            Ok(part.unwrap_or(whole).into())
        }),
    );
    add(
        "trimPrefix",
        Function::new(SS, |_, args| {
            let whole = text(args, 1);
            let part = whole.as_bytes().strip_prefix(text(args, 0).as_bytes()).map(Text::from);
            Ok(part.unwrap_or(whole).into())
        }),
    );
    add(
        "contains",
        Function::new(SS, |_, args| {
            Ok(gostring::find(text(args, 1).as_bytes(), text(args, 0).as_bytes()).is_some().into())
        }),
    );
    add(
        "hasPrefix",
        Function::new(SS, |_, args| Ok(text(args, 1).as_bytes().starts_with(text(args, 0).as_bytes()).into())),
    );
    add(
        "hasSuffix",
        Function::new(SS, |_, args| Ok(text(args, 1).as_bytes().ends_with(text(args, 0).as_bytes()).into())),
    );
    add(
        "quote",
        Function::variadic(&[Type::Any], |context, args| {
            let mut out: Vec<String> = Vec::new();
            for value in args.iter().filter(|value| !value.is_nil()) {
                out.push(go_template::quote(strval(value, context)?.as_bytes()));
            }
            Ok(out.join(" ").into())
        }),
    );
    add(
        "squote",
        Function::variadic(&[Type::Any], |context, args| {
            let mut out: Vec<Vec<u8>> = Vec::new();
            for value in args.iter().filter(|value| !value.is_nil()) {
                out.push([b"'", context.print(std::slice::from_ref(value))?.as_bytes(), b"'"].concat());
            }
            Ok(Text::from(out.join(&b' ')).into())
        }),
    );
    add(
        "cat",
        Function::variadic(&[Type::Any], |context, args| {
            let mut out: Vec<Vec<u8>> = Vec::new();
            for value in args.iter().filter(|value| !value.is_nil()) {
                out.push(context.print(std::slice::from_ref(value))?.as_bytes().to_vec());
            }
            Ok(Text::from(out.join(&b' ')).into())
        }),
    );
    add("indent", Function::new(IS, |context, args| indented(&text(args, 1), int(args, 0), b"", context)));
    add("nindent", Function::new(IS, |context, args| indented(&text(args, 1), int(args, 0), b"\n", context)));
    add(
        "replace",
        Function::new(SSS, |context, args| {
            let (old, new, source) = (text(args, 0), text(args, 1), text(args, 2));
            let most = if old.is_empty() { source.len() + 1 } else { source.len() / old.len() };
            context.charge(source.len().saturating_add(most.saturating_mul(new.len())))?;
            Ok(Text::from(gostring::replace_all(source.as_bytes(), old.as_bytes(), new.as_bytes())).into())
        }),
    );
    add(
        "plural",
        Function::new(&[Type::String, Type::String, Type::Int], |_, args| {
            Ok(text(args, usize::from(int(args, 2) != 1)).into())
        }),
    );
    add("toString", Function::new(&[Type::Any], |context, args| Ok(strval(arg(args, 0), context)?.into())));
    add(
        "join",
        Function::new(&[Type::String, Type::Any], |context, args| {
            let parts = strings_of(arg(args, 1), context)?;
            let separator = text(args, 0);
            let length: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
            context.charge(length)?;
            let parts: Vec<&[u8]> = parts.iter().map(Text::as_bytes).collect();
            Ok(Text::from(parts.join(separator.as_bytes())).into())
        }),
    );
    add(
        "split",
        Function::new(SS, |context, args| {
            splitting(&text(args, 1), &text(args, 0), context)?;
            Ok(numbered(&gostring::split_n(text(args, 1).as_bytes(), text(args, 0).as_bytes(), -1)))
        }),
    );
    add(
        "splitn",
        Function::new(&[Type::String, Type::Int, Type::String], |context, args| {
            splitting(&text(args, 2), &text(args, 0), context)?;
            Ok(numbered(&gostring::split_n(text(args, 2).as_bytes(), text(args, 0).as_bytes(), int(args, 1))))
        }),
    );
    add(
        "splitList",
        Function::new(SS, |context, args| {
            splitting(&text(args, 1), &text(args, 0), context)?;
            let whole = text(args, 1);
            let parts = gostring::split_n(whole.as_bytes(), text(args, 0).as_bytes(), -1);
            Ok(Value::List(List::strings(parts)))
        }),
    );
    add(
        "toStrings",
        Function::new(&[Type::Any], |context, args| {
            if let Value::List(list) = arg(args, 0)
                && list.ty() == STRINGS
            {
                return Ok(arg(args, 0).clone());
            }
            Ok(Value::List(List::strings(strings_of(arg(args, 0), context)?)))
        }),
    );
    add(
        "sortAlpha",
        Function::new(&[Type::Any], |context, args| {
            let mut parts = match arg(args, 0).to_items() {
                Some(_) => strings_of(arg(args, 0), context)?,
                None => vec![strval(arg(args, 0), context)?],
            };
            parts.sort();
            Ok(Value::List(List::strings(parts)))
        }),
    );
    add(
        "wrap",
        Function::new(IS, |context, args| wrap(&text(args, 1), int(args, 0), &Text::default(), false, context)),
    );
    add(
        "wrapWith",
        Function::new(&[Type::Int, Type::String, Type::String], |context, args| {
            wrap(&text(args, 2), int(args, 0), &text(args, 1), true, context)
        }),
    );
    // Byte by byte, as goutils does: what is not ASCII comes out as Latin-1.
    add(
        "nospace",
        Function::new(S, |_, args| {
            let whole = text(args, 0);
            let blank = |byte: &u8| gostring::is_space(char::from(*byte));
            if !whole.as_bytes().iter().any(blank) {
                return Ok(whole.into());
            }
            let kept: String =
                whole.as_bytes().iter().filter(|byte| !blank(byte)).map(|byte| char::from(*byte)).collect();
            Ok(kept.into())
        }),
    );
    add(
        "initials",
        Function::new(S, |_, args| {
            let mut gap = true;
            let mut out = String::new();
            for byte in text(args, 0).as_bytes() {
                let character = char::from(*byte);
                if gostring::is_space(character) {
                    gap = true;
                } else if gap {
                    out.push(character);
                    gap = false;
                }
            }
            Ok(out.into())
        }),
    );
}

fn abbreviate(text: &Text, offset: i64, width: i64) -> Text {
    let bytes = text.as_bytes();
    let Ok(width) = usize::try_from(width) else { return text.clone() };
    if width < 4 || bytes.len() <= width {
        return text.clone();
    }
    let mut offset = usize::try_from(offset).unwrap_or(0).min(bytes.len());
    if bytes.len() - offset < width - 3 {
        offset = bytes.len() - (width - 3);
    }
    if offset <= 4 {
        return [bytes.get(..width - 3).unwrap_or(bytes), b"..."].concat().into();
    }
    if width < 7 {
        return Text::default();
    }
    if offset + width - 3 < bytes.len() {
        let rest = Text::from(bytes.get(offset..).unwrap_or_default());
        let rest = abbreviate(&rest, 0, i64::try_from(width - 3).expect("it was an int"));
        // A width below four has no short form.
        let rest = if width - 3 < 4 { Text::default() } else { rest };
        return [b"...", rest.as_bytes()].concat().into();
    }
    [b"...", bytes.get(bytes.len() - (width - 3)..).unwrap_or_default()].concat().into()
}

fn truncate(text: &Text, count: i64) -> Text {
    let bytes = text.as_bytes();
    let length = i64::try_from(bytes.len()).expect("a text in memory");
    let at = |index: i64| usize::try_from(index).expect("compared with the length");
    if count < 0 && length.saturating_add(count) > 0 {
        return Text::from(bytes.get(at(length + count)..).unwrap_or_default());
    }
    if count >= 0 && length > count {
        return Text::from(bytes.get(..at(count)).unwrap_or_default());
    }
    text.clone()
}

fn substring(text: &Text, start: i64, end: i64) -> Result<Text, Error> {
    let bytes = text.as_bytes();
    let length = i64::try_from(bytes.len()).expect("a text in memory");
    let outside = |place: String| Err(Error::new(format!("runtime error: slice bounds out of range [{place}")));
    let at = |index: i64| usize::try_from(index).expect("compared with the length");
    if start < 0 {
        if end < 0 {
            return outside(format!(":{end}]"));
        }
        if end > length {
            return outside(format!(":{end}] with length {length}"));
        }
        return Ok(Text::from(bytes.get(..at(end)).unwrap_or_default()));
    }
    if end < 0 || end > length {
        if start > length {
            return outside(format!("{start}:{length}]"));
        }
        return Ok(Text::from(bytes.get(at(start)..).unwrap_or_default()));
    }
    if start > end {
        return outside(format!("{start}:{end}]"));
    }
    Ok(Text::from(bytes.get(at(start)..at(end)).unwrap_or_default()))
}

/// `strings.Repeat`
fn repeated(bytes: &[u8], count: i64, context: &mut Context) -> Result<Text, Error> {
    let count = usize::try_from(count).map_err(|_| Error::new("strings: negative Repeat count"))?;
    let Some(length) = bytes.len().checked_mul(count).filter(|length| i64::try_from(*length).is_ok()) else {
        return Err(Error::new("strings: Repeat output length overflow"));
    };
    context.charge(length)?;
    Ok(bytes.repeat(count).into())
}

fn indented(text: &Text, spaces: i64, before: &[u8], context: &mut Context) -> Result<Value, Error> {
    let pad = repeated(b" ", spaces, context)?;
    let lines = text.as_bytes().split(|byte| *byte == b'\n').count();
    context.charge(lines.saturating_mul(pad.len()).saturating_add(text.len()))?;
    let mut out = Vec::with_capacity(text.len() + lines * pad.len() + 1);
    out.extend_from_slice(before);
    for (index, line) in text.as_bytes().split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(pad.as_bytes());
        out.extend_from_slice(line);
    }
    Ok(Text::from(out).into())
}

/// Announces the parts of a text: each takes memory of its own, however short it is.
fn splitting(text: &Text, separator: &Text, context: &mut Context) -> Result<(), Error> {
    const OF_PART: usize = 96;
    let parts = if separator.is_empty() { text.len() } else { gostring::count(text.as_bytes(), separator.as_bytes()) };
    context.charge(parts.saturating_mul(OF_PART))
}

/// `{_0: ..., _1: ...}`
fn numbered(parts: &[&[u8]]) -> Value {
    let map = Map::typed(TEXTS);
    for (index, part) in parts.iter().enumerate() {
        map.insert(format!("_{index}"), Text::from(*part));
    }
    Value::Map(map)
}

/// goutils' `WrapCustom`.
fn wrap(text: &Text, width: i64, line_break: &Text, long_words: bool, context: &mut Context) -> Result<Value, Error> {
    let bytes = text.as_bytes();
    let line_break: &[u8] = if line_break.is_empty() { b"\n" } else { line_break.as_bytes() };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    context.charge(bytes.len().saturating_add((bytes.len() / width + 1).saturating_mul(line_break.len())))?;
    let mut out = Vec::new();
    let mut rest = bytes;
    while rest.len() > width {
        if let Some(behind) = rest.strip_prefix(b" ") {
            rest = behind;
            continue;
        }
        let blank = |byte: &u8| *byte == b' ';
        let end = match rest.iter().take(width + 1).rposition(blank) {
            None if long_words => Some(width),
            None => rest.iter().skip(width).position(blank).map(|position| width + position),
            found => found,
        };
        let Some((line, behind)) = end.and_then(|end| rest.split_at_checked(end)) else { break };
        out.extend_from_slice(line);
        out.extend_from_slice(line_break);
        rest = behind.strip_prefix(b" ").unwrap_or(behind);
    }
    out.extend_from_slice(rest);
    Ok(Text::from(out).into())
}

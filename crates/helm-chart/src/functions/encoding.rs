//! Base64, Base32, JSON, YAML and TOML.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use go_template::{Context, Error, ErrorKind, Function, Functions, LIST, List, MAP, Map, Text, Type, Value};

use super::toml;
use crate::args::{arg, text};
use crate::json::{self, Style};
use crate::yaml::{self, Json, Target};

pub(super) fn add(functions: &mut Functions) {
    const A: &[Type] = &[Type::Any];
    const S: &[Type] = &[Type::String];
    let mut add = |name: &str, function| functions.add(name, function);

    add("b64enc", Function::new(S, |_, args| Ok(STANDARD.encode(text(args, 0).as_bytes()).into())));
    add(
        "b64dec",
        Function::new(S, |_, args| Ok(decode_base64(text(args, 0).as_bytes()).map_or_else(Value::from, Value::from))),
    );
    add("b32enc", Function::new(S, |_, args| Ok(encode_base32(text(args, 0).as_bytes()).into())));
    add(
        "b32dec",
        Function::new(S, |_, args| Ok(decode_base32(text(args, 0).as_bytes()).map_or_else(Value::from, Value::from))),
    );

    add("toYaml", Function::new(A, |context, args| yaml::to_yaml(arg(args, 0), context).map(Value::from)));
    add(
        "toYamlPretty",
        Function::new(A, |context, args| {
            json::quiet(yaml::marshal_pretty(arg(args, 0), context)).map(|text| yaml::without_line_break(text).into())
        }),
    );
    add(
        "fromYaml",
        Function::new(S, |context, args| {
            reading(&text(args, 0), context)?;
            let data = yaml::unmarshal(text(args, 0).as_bytes(), &Target::Map(&Target::Any));
            Ok(map_of(or_empty(data, Json::Map(BTreeMap::new()))))
        }),
    );
    add(
        "fromYamlArray",
        Function::new(S, |context, args| {
            reading(&text(args, 0), context)?;
            let data = yaml::unmarshal(text(args, 0).as_bytes(), &Target::List(&Target::Any));
            Ok(list_of(or_empty(data, Json::List(Vec::new()))))
        }),
    );

    add(
        "toJson",
        Function::new(A, |context, args| {
            json::quiet(json::marshal(arg(args, 0), Style::PLAIN, context)).map(Value::from)
        }),
    );
    add(
        "toPrettyJson",
        Function::new(A, |context, args| {
            json::quiet(json::marshal(arg(args, 0), Style::PRETTY, context)).map(Value::from)
        }),
    );
    for (name, style) in [
        ("mustToJson", Style::PLAIN),
        ("mustToPrettyJson", Style::PRETTY),
        ("toRawJson", Style::RAW),
        ("mustToRawJson", Style::RAW),
    ] {
        add(
            name,
            Function::new(A, move |context, args| {
                json::marshal(arg(args, 0), style, context).map(Value::from).map_err(loud)
            }),
        );
    }
    add(
        "fromJson",
        Function::new(S, |context, args| {
            reading(&text(args, 0), context)?;
            Ok(map_of(read_json(&text(args, 0), &Target::Map(&Target::Any))))
        }),
    );
    add(
        "fromJsonArray",
        Function::new(S, |context, args| {
            reading(&text(args, 0), context)?;
            Ok(list_of(read_json(&text(args, 0), &Target::List(&Target::Any))))
        }),
    );
    add(
        "mustFromJson",
        Function::new(S, |context, args| {
            reading(&text(args, 0), context)?;
            read_json(&text(args, 0), &Target::Any).map(|data| data.to_value()).map_err(Error::new)
        }),
    );

    add(
        "toToml",
        Function::new(A, |context, args| match toml::write(arg(args, 0), context) {
            Err(error) if error.kind() == ErrorKind::Limit => Err(error),
            Err(error) => Ok(error.message().into()),
            Ok(text) => Ok(text.into()),
        }),
    );
    add(
        "fromToml",
        Function::new(S, |context, args| {
            reading(&text(args, 0), context)?;
            Ok(toml::read(&text(args, 0).to_str()).unwrap_or_else(error_map).into())
        }),
    );
}

/// Announces that a text is read as data: this takes longer than to look at it, and the data may take much more memory than
/// the text.
fn reading(text: &Text, context: &mut Context) -> Result<(), Error> {
    context.step(text.len() as u64 / 8)?;
    context.charge(text.len().saturating_mul(8))
}

fn loud(error: json::Error) -> Error {
    match error {
        json::Error::Limit(error) => error,
        json::Error::Go(message) => Error::new(message),
    }
}

fn read_json(text: &Text, target: &Target) -> Result<Json, String> {
    let data = json::read(text.as_bytes())?;
    yaml::check(&data, target)?;
    Ok(data)
}

fn error_map(error: String) -> Map {
    Map::from_iter([("Error", error)])
}

/// What is read into a map or list that is there already: nothing, and `null`, leave it empty.
fn or_empty(data: Result<Json, yaml::Error>, empty: Json) -> Result<Json, String> {
    match data {
        Ok(Json::Null) => Ok(empty),
        other => other.map_err(|error| error.to_string()),
    }
}

/// A map, with the message under `Error` when something is wrong; `null` is the nil map.
fn map_of(data: Result<Json, String>) -> Value {
    match data {
        Ok(Json::Null) => Value::Map(Map::nil(MAP)),
        Ok(data) => data.to_value(),
        Err(error) => error_map(error).into(),
    }
}

/// A list, or one with the message when something is wrong.
fn list_of(data: Result<Json, String>) -> Value {
    match data {
        Ok(Json::Null) => Value::List(List::nil(LIST)),
        Ok(data) => data.to_value(),
        Err(error) => vec![Value::from(error)].into(),
    }
}

/// `base64.StdEncoding.DecodeString`: line breaks are skipped, and an error tells the byte.
pub(super) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut at = 0;
    loop {
        // Four characters, without line breaks.
        let mut quantum = [0_u8; 4];
        let mut count = 0;
        let mut padded = false;
        while count < 4 {
            let Some(byte) = text.get(at).copied() else {
                if count == 0 {
                    return Ok(out);
                }
                return corrupt(at - count);
            };
            at += 1;
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'\r' | b'\n' => continue,
                b'=' if count >= 2 => {
                    let skip = |mut at: usize| {
                        while matches!(text.get(at), Some(b'\r' | b'\n')) {
                            at += 1;
                        }
                        at
                    };
                    if count == 2 {
                        at = skip(at);
                        match text.get(at) {
                            None => return corrupt(text.len()),
                            Some(b'=') => at += 1,
                            Some(_) => return corrupt(at - 1),
                        }
                    }
                    at = skip(at);
                    if at < text.len() {
                        return corrupt(at);
                    }
                    padded = true;
                    break;
                }
                _ => return corrupt(at - 1),
            };
            if let Some(place) = quantum.get_mut(count) {
                *place = value;
            }
            count += 1;
        }
        let [a, b, c, d] = quantum;
        let bytes = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
        out.extend(bytes.iter().take(count - 1));
        if padded {
            return Ok(out);
        }
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode_base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0; 8];
        for (place, byte) in block.iter_mut().skip(3).zip(chunk) {
            *place = *byte;
        }
        let bits = u64::from_be_bytes(block);
        let characters = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let five = usize::try_from(bits >> (35 - 5 * index) & 31).expect("five bits");
            let character = BASE32.get(five).filter(|_| index < characters);
            out.push(character.map_or('=', |character| char::from(*character)));
        }
    }
    out
}

/// `base32.StdEncoding.DecodeString`
fn decode_base32(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base32 data at input byte {at}"));
    // Line breaks do not count, not even for the place of an error.
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let mut bits = 0_u64;
        let mut count = 0;
        let mut end = false;
        while count < 8 && !end {
            let Some(byte) = text.get(at).copied() else { return corrupt(at - count) };
            at += 1;
            if byte == b'=' && count >= 2 && text.len() - at < 8 {
                let missing = 7 - count;
                if text.len() - at < missing {
                    return corrupt(text.len());
                }
                if let Some(other) = text.iter().skip(at).take(missing).position(|byte| *byte != b'=') {
                    return corrupt(at + other - 1);
                }
                if matches!(count, 1 | 3 | 6) {
                    return corrupt(at - 1);
                }
                end = true;
                at = text.len();
                continue;
            }
            let Some(value) = BASE32.iter().position(|known| *known == byte) else { return corrupt(at - 1) };
            bits |= (value as u64) << (35 - 5 * count);
            count += 1;
        }
        out.extend(bits.to_be_bytes().iter().skip(3).take(count * 5 / 8));
    }
    Ok(out)
}

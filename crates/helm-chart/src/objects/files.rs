//! `.Files`: the files of a chart besides its templates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use go_template::{BYTES, Context, Error, List, Map, Method, Named, Text, Type, Value};

use crate::args::arg;
use crate::chart::File;
use crate::glob::Glob;
use crate::path::base;
use crate::yaml::to_yaml;

/// The type of `.Files`.
static FILES: Named = Named {
    name: "engine.files",
    underlying: Type::Map(&BYTES),
    methods: &[
        Method {
            name: "Get",
            params: &[Type::String],
            variadic: false,
            run: |_, files, args| Ok(Text::from(&*content(files, arg(args, 0))).into()),
        },
        Method {
            name: "GetBytes",
            params: &[Type::String],
            variadic: false,
            run: |_, files, args| Ok(Value::Bytes(content(files, arg(args, 0)))),
        },
        Method {
            name: "Glob",
            params: &[Type::String],
            variadic: false,
            run: |context, files, args| glob(context, files, arg(args, 0)),
        },
        Method {
            name: "AsConfig",
            params: &[],
            variadic: false,
            run: |context, files, _| encoded(context, files, |bytes| Text::from(bytes)),
        },
        Method {
            name: "AsSecrets",
            params: &[],
            variadic: false,
            run: |context, files, _| encoded(context, files, |bytes| STANDARD.encode(bytes).into()),
        },
        Method {
            name: "Lines",
            params: &[Type::String],
            variadic: false,
            run: |_, files, args| {
                let content = content(files, arg(args, 0));
                if content.is_empty() {
                    return Ok(Value::List(List::strings(Vec::<Text>::new())));
                }
                let content = content.strip_suffix(b"\n").unwrap_or(&content);
                Ok(Value::List(List::strings(content.split(|byte| *byte == b'\n'))))
            },
        },
    ],
    string: None,
};

/// `.Files` of a chart.
pub(crate) fn files(files: &[File]) -> Value {
    let map = Map::typed(Type::Named(&FILES));
    for file in files {
        map.insert(file.name.as_str(), Value::Bytes(file.data.as_slice().into()));
    }
    map.into()
}

fn content(files: &Value, name: &Value) -> std::rc::Rc<[u8]> {
    let name = name.as_text().expect("the parameter is a string");
    match files.as_map().and_then(|files| files.get(&name)) {
        Some(Value::Bytes(bytes)) => bytes,
        _ => std::rc::Rc::from([]),
    }
}

fn glob(context: &mut Context, files: &Value, pattern: &Value) -> Result<Value, Error> {
    let pattern = pattern.as_text().expect("the parameter is a string");
    // A pattern that cannot be read stands for all files.
    let glob = Glob::new(&pattern.to_str());
    let found = Map::typed(Type::Named(&FILES));
    for (name, content) in files.as_map().map(Map::entries).unwrap_or_default() {
        context.step(1)?;
        if glob.as_ref().is_none_or(|glob| glob.matches(&name.to_str())) {
            found.insert(name, content);
        }
    }
    Ok(found.into())
}

/// The files by the last part of their names, as YAML.
fn encoded(context: &mut Context, files: &Value, encode: fn(&[u8]) -> Text) -> Result<Value, Error> {
    let files = files.as_map().expect("the receiver is a map");
    if files.is_nil() {
        return Ok("".into());
    }
    let texts = Map::typed(Type::Map(&Type::String));
    for (name, content) in files.entries() {
        if let Value::Bytes(content) = content {
            context.charge(content.len())?;
            texts.insert(base(&name.to_str()), encode(&content));
        }
    }
    to_yaml(&texts.into(), context).map(Value::from)
}

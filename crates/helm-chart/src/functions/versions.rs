//! `semver` and `semverCompare`.

use go_template::{Error, Function, Functions, Type, Value};

use crate::args::text;
use crate::objects;
use crate::semver::{Constraint, Version};

pub(super) fn add(functions: &mut Functions) {
    functions
        .add("semver", Function::new(&[Type::String], |_, args| parse(&text(args, 0).to_str()).map(objects::version)));
    functions.add(
        "semverCompare",
        Function::new(&[Type::String, Type::String], |_, args| {
            let constraint =
                Constraint::parse(&text(args, 0).to_str()).map_err(|error| Error::new(error.to_string()))?;
            Ok(Value::Bool(constraint.allows(&parse(&text(args, 1).to_str())?)))
        }),
    );
}

fn parse(text: &str) -> Result<Version, Error> {
    Version::parse(text).map_err(|error| Error::new(error.to_string()))
}

//! Paths: `base`, `dir`, `clean`, `ext`. The names with `os` are the same, as they are on Linux.

use go_template::{Function, Functions, Type, Value};

use super::text;
use crate::path::{base, clean};

pub(super) fn add(functions: &mut Functions) {
    for (names, body) in [
        (["base", "osBase"], (|path| base(path).into()) as fn(&str) -> Value),
        (["dir", "osDir"], |path| {
            let end = path.rfind('/').map_or(0, |index| index + 1);
            clean(&path[..end]).into()
        }),
        (["clean", "osClean"], |path| clean(path).into()),
        (["ext", "osExt"], |path| {
            let name = &path[path.rfind('/').map_or(0, |index| index + 1)..];
            name.rfind('.').map_or("", |index| &name[index..]).into()
        }),
        (["isAbs", "osIsAbs"], |path| path.starts_with('/').into()),
    ] {
        for name in names {
            functions.add(name, Function::new(&[Type::String], move |_, args| Ok(body(&text(args, 0).to_str()))));
        }
    }
}

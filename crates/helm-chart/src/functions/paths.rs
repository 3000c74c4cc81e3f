//! Paths: `base`, `dir`, `clean`, `ext`. The names with `os` are the same, as they are on Linux.

use go_template::{Function, Functions, Type, Value};

use crate::args::text;
use crate::path::{base, clean};

pub(super) fn add(functions: &mut Functions) {
    for (names, body) in [
        (["base", "osBase"], (|path| base(path).into()) as fn(&str) -> Value),
        (["dir", "osDir"], |path| {
            let folder = path.rfind('/').and_then(|index| path.get(..=index)).unwrap_or_default();
            clean(folder).into()
        }),
        (["clean", "osClean"], |path| clean(path).into()),
        (["ext", "osExt"], |path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            name.rfind('.').and_then(|index| name.get(index..)).unwrap_or_default().into()
        }),
        (["isAbs", "osIsAbs"], |path| path.starts_with('/').into()),
    ] {
        for name in names {
            functions.add(name, Function::new(&[Type::String], move |_, args| Ok(body(&text(args, 0).to_str()))));
        }
    }
}

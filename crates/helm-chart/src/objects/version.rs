//! What `semver` gives: a version with methods.

use std::any::Any;
use std::cmp::Ordering;

use go_template::{Error, Method, Named, Object, Type, Value};

use crate::args::arg;
use crate::semver::Version;

static VERSION_TYPE: Type = Type::Named(&VERSION);

/// A method without arguments.
macro_rules! get {
    ($name:literal, $run:expr) => {
        Method { name: $name, params: &[], variadic: false, run: |_, version, _| Ok($run(of(version)?)) }
    };
}

/// A method that compares with another version.
macro_rules! compare {
    ($name:literal, $run:expr) => {
        Method {
            name: $name,
            params: &[Type::Pointer(&VERSION_TYPE)],
            variadic: false,
            run: |_, version, args| Ok($run(of(version)?.cmp(of(arg(args, 0))?))),
        }
    };
}

/// `semver.Version`
static VERSION: Named = Named {
    name: "semver.Version",
    underlying: Type::Struct,
    methods: &[
        get!("Major", |version: &Version| Value::Uint64(version.major)),
        get!("Minor", |version: &Version| Value::Uint64(version.minor)),
        get!("Patch", |version: &Version| Value::Uint64(version.patch)),
        get!("Prerelease", |version: &Version| Value::from(version.prerelease.as_str())),
        get!("Metadata", |version: &Version| Value::from(version.metadata.as_str())),
        get!("Original", |version: &Version| Value::from(version.original.as_str())),
        get!("String", |version: &Version| Value::from(version.to_string())),
        get!("IncMajor", |version: &Version| plain(version.major.wrapping_add(1), 0, 0, version)),
        get!("IncMinor", |version: &Version| plain(version.major, version.minor.wrapping_add(1), 0, version)),
        get!("IncPatch", |version: &Version| {
            // A version before a release is followed by the release.
            let step = u64::from(version.prerelease.is_empty());
            plain(version.major, version.minor, version.patch.wrapping_add(step), version)
        }),
        Method {
            name: "SetPrerelease",
            params: &[Type::String],
            variadic: false,
            run: |_, version, args| {
                with(of(version)?, |version| &mut version.prerelease, arg(args, 0), "Invalid Prerelease string")
            },
        },
        Method {
            name: "SetMetadata",
            params: &[Type::String],
            variadic: false,
            run: |_, version, args| {
                with(of(version)?, |version| &mut version.metadata, arg(args, 0), "Invalid Metadata string")
            },
        },
        compare!("Compare", |order: Ordering| Value::Int(order as i64)),
        compare!("Equal", |order: Ordering| Value::Bool(order.is_eq())),
        compare!("GreaterThan", |order: Ordering| Value::Bool(order.is_gt())),
        compare!("GreaterThanEqual", |order: Ordering| Value::Bool(order.is_ge())),
        compare!("LessThan", |order: Ordering| Value::Bool(order.is_lt())),
        compare!("LessThanEqual", |order: Ordering| Value::Bool(order.is_le())),
    ],
    string: Some(|value| of(value).map(ToString::to_string).unwrap_or_default().into()),
};

#[derive(Debug)]
struct VersionObject {
    version: Version,
    pointer: bool,
}

/// `*semver.Version`
pub(crate) fn version(version: Version) -> Value {
    Value::object(VersionObject { version, pointer: true })
}

fn of(value: &Value) -> Result<&Version, Error> {
    let object = value.as_object::<VersionObject>();
    object.map(|object| &object.version).ok_or_else(|| Error::new(super::NIL_POINTER))
}

/// A version of numbers, which keeps the letter `v` of the old one.
fn plain(major: u64, minor: u64, patch: u64, old: &Version) -> Value {
    let v = if old.original.starts_with('v') { "v" } else { "" };
    let version = Version {
        major,
        minor,
        patch,
        prerelease: String::new(),
        metadata: String::new(),
        original: format!("{v}{major}.{minor}.{patch}"),
    };
    Value::object(VersionObject { version, pointer: false })
}

fn with(version: &Version, part: fn(&mut Version) -> &mut String, text: &Value, words: &str) -> Result<Value, Error> {
    let text = text.as_text().expect("the parameter is a string").to_str().into_owned();
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if !text.bytes().all(fine) {
        return Err(Error::new(words));
    }
    let mut changed = version.clone();
    *part(&mut changed) = text;
    let v = if version.original.starts_with('v') { "v" } else { "" };
    changed.original = format!("{v}{changed}");
    Ok(Value::object(VersionObject { version: changed, pointer: false }))
}

impl Object for VersionObject {
    fn ty(&self) -> Type {
        if self.pointer { Type::Pointer(&VERSION_TYPE) } else { VERSION_TYPE }
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let version = &self.version;
        vec![
            ("major", Value::Uint64(version.major)),
            ("minor", Value::Uint64(version.minor)),
            ("patch", Value::Uint64(version.patch)),
            ("pre", version.prerelease.as_str().into()),
            ("metadata", version.metadata.as_str().into()),
            ("original", version.original.as_str().into()),
        ]
    }

    fn encode(&self) -> Value {
        self.version.to_string().into()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

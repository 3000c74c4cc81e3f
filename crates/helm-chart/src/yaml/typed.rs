//! Data for a Go type: what `encoding/json` says when a value does not fit.

use super::Json;

/// What a document is read for. `sigs.k8s.io/yaml` looks at the Go type that the data goes to: a number or a truth
/// becomes a string where the type wants a string.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// `interface{}`
    Any,
    /// `string`
    String,
    /// `bool`
    Bool,
    /// `time.Time`
    Time,
    /// A slice.
    List(&'static Target),
    /// A map.
    Map(&'static Target),
    /// A struct.
    Struct(&'static Struct),
    /// A pointer to a struct.
    Pointer(&'static Struct),
    /// A type with a name of its own for another one.
    Named(&'static str, &'static Target),
}

/// A struct of Go.
#[derive(Debug)]
pub(crate) struct Struct {
    /// The name without the package; empty for a struct without a name.
    pub(crate) name: &'static str,
    /// The type as Go prints it.
    pub(crate) ty: &'static str,
    /// The names of the fields in JSON, and their types.
    pub(crate) fields: &'static [(&'static str, Target)],
}

impl Target {
    pub(super) fn is_string(&self) -> bool {
        matches!(self, Self::String)
    }

    pub(super) fn element(&self) -> &Target {
        match self {
            Self::List(element) => element,
            Self::Named(_, target) => target.element(),
            _ => &Self::Any,
        }
    }

    pub(super) fn field(&self, key: &str) -> &Target {
        match self {
            Self::Map(element) => element,
            Self::Struct(of) | Self::Pointer(of) => of.field(key).map_or(&Self::Any, |(_, target)| target),
            _ => &Self::Any,
        }
    }

    /// Whether data is of the kind that the type wants.
    fn takes(&self, data: &Json) -> bool {
        matches!((self, data), (Self::List(_), Json::List(_)) | (Self::Map(_), Json::Map(_)))
    }

    fn ty(&self) -> String {
        match self {
            Self::Any => "interface {}".into(),
            Self::String => "string".into(),
            Self::Bool => "bool".into(),
            Self::Time => "time.Time".into(),
            Self::List(element) => format!("[]{}", element.ty()),
            Self::Map(element) => format!("map[string]{}", element.ty()),
            Self::Struct(of) => of.ty.into(),
            Self::Pointer(of) => format!("*{}", of.ty),
            Self::Named(ty, _) => (*ty).into(),
        }
    }
}

impl Struct {
    /// The field that a key of JSON goes to: the same name, or else the same name in another case.
    pub(crate) fn field(&self, key: &str) -> Option<&'static (&'static str, Target)> {
        let fields = self.fields;
        fields
            .iter()
            .find(|(name, _)| *name == key)
            .or_else(|| fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)))
    }

    /// The values of a field, in the order in which Go would set them: the last one counts.
    pub(crate) fn values<'a>(&'static self, data: &'a Json, name: &str) -> impl Iterator<Item = &'a Json> {
        let entries = if let Json::Map(entries) = data { Some(entries) } else { None };
        let name = name.to_owned();
        entries
            .into_iter()
            .flatten()
            .filter(move |(key, _)| self.field(key).is_some_and(|(field, _)| *field == name))
            .map(|(_, value)| value)
    }
}

/// Says where data does not fit a type. Go goes on after a value of another kind and tells the first one at the end; a time
/// that is none ends everything.
///
/// # Errors
///
/// `json: cannot unmarshal array into Go struct field Metadata.name of type string`
pub(super) fn check(data: &Json, target: &Target) -> Result<(), String> {
    let mut checker = Checker { path: Vec::new(), within: None, first: None };
    checker.check(data, target)?;
    checker.first.map_or(Ok(()), Err)
}

struct Checker {
    path: Vec<&'static str>,
    within: Option<&'static Struct>,
    /// The first value of another kind.
    first: Option<String>,
}

impl Checker {
    fn mismatch(&self, data: &Json, target: &Target) -> String {
        let kind = data.kind();
        let ty = match target {
            // Go looks through the pointer.
            Target::Pointer(of) => of.ty.to_owned(),
            other => other.ty(),
        };
        match self.within {
            Some(within) => {
                let path = self.path.join(".");
                format!("json: cannot unmarshal {kind} into Go struct field {}.{path} of type {ty}", within.name)
            }
            None => format!("json: cannot unmarshal {kind} into Go value of type {ty}"),
        }
    }

    fn check(&mut self, data: &Json, target: &Target) -> Result<(), String> {
        match (target, data) {
            (Target::Any, _) | (Target::String, Json::Str(_)) | (Target::Bool, Json::Bool(_)) | (_, Json::Null) => {
                Ok(())
            }
            (Target::Named(_, inner), _) if inner.takes(data) => self.check(data, inner),
            (Target::Time, Json::Str(text)) => rfc3339(text),
            (Target::Time, _) => Err("Time.UnmarshalJSON: input is not a JSON string".into()),
            (Target::List(element), Json::List(items)) => items.iter().try_for_each(|item| self.check(item, element)),
            (Target::Map(element), Json::Map(entries)) => {
                entries.values().try_for_each(|value| self.check(value, element))
            }
            (Target::Struct(of) | Target::Pointer(of), Json::Map(entries)) => {
                let before = self.within.replace(of);
                for (key, value) in entries {
                    if let Some((name, field)) = of.field(key) {
                        self.path.push(name);
                        self.check(value, field)?;
                        self.path.pop();
                    }
                }
                self.within = before;
                Ok(())
            }
            _ => {
                if self.first.is_none() {
                    self.first = Some(self.mismatch(data, target));
                }
                Ok(())
            }
        }
    }
}

/// Go's words for a text that is no time as RFC 3339 writes it.
fn rfc3339(text: &str) -> Result<(), String> {
    let fail = |rest: &str, wanted: &str| {
        let quote = |text: &str| go_template::quote(text.as_bytes());
        let layout = "2006-01-02T15:04:05Z07:00";
        Err(format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text),
            quote(layout),
            quote(rest),
            quote(wanted)
        ))
    };
    let mut rest = text;
    let out_of_range =
        |what: &str| Err(format!("parsing time {}: {what} out of range", go_template::quote(text.as_bytes())));
    let (mut year, mut month, mut day) = (0, 0, 0);
    for (digits, separator, wanted) in
        [(4, "-", "2006"), (2, "-", "01"), (2, "T", "02"), (2, ":", "15"), (2, ":", "04"), (2, "", "05")]
    {
        let found = rest.split_at_checked(digits).filter(|(head, _)| head.bytes().all(|byte| byte.is_ascii_digit()));
        let Some((head, behind)) = found else { return fail(rest, wanted) };
        let number: u32 = head.parse().expect("digits");
        match wanted {
            "2006" => year = number,
            "01" if !(1..=12).contains(&number) => return out_of_range("month"),
            "01" => month = number,
            "02" => day = number,
            "15" if number > 23 => return out_of_range("hour"),
            "04" if number > 59 => return out_of_range("minute"),
            "05" if number > 59 => return out_of_range("second"),
            _ => {}
        }
        rest = behind;
        match rest.strip_prefix(separator) {
            Some(tail) => rest = tail,
            None => return fail(rest, separator),
        }
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if count > 0 {
            rest = fraction.get(count..).unwrap_or_default();
        }
    }
    let zone = rest.as_bytes();
    match zone {
        b"Z" => {}
        [b'+' | b'-', h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) => {
            if (*h1, *h2) > (b'2', b'4') {
                return out_of_range("time zone offset hour");
            }
            if (*m1, *m2) > (b'6', b'0') {
                return out_of_range("time zone offset minute");
            }
        }
        _ => return fail(rest, "Z07:00"),
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day < 1 || day > days { out_of_range("day") } else { Ok(()) }
}

//! Constraints on versions: `>=1.2, <2 || ~3.1`.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

use super::{Error, Version, compare_prereleases};

/// The most bytes of a constraint.
const MAX_LENGTH: usize = 512;

/// The most alternatives of a constraint.
const MAX_GROUPS: usize = 32;

const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const VERSION: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";

// Go's `\s` knows five characters of ASCII only.
const BLANK: &str = r"[\t\n\f\r ]";

fn compiled(pattern: &str) -> Regex {
    Regex::new(&pattern.replace("OP", OPERATORS).replace("VER", VERSION).replace('_', BLANK))
        .expect("the pattern is fixed")
}

static RANGE: LazyLock<Regex> = LazyLock::new(|| compiled(r"_*(VER)_+-_+(VER)_*"));
static ONE: LazyLock<Regex> = LazyLock::new(|| compiled(r"^_*(OP)_*(VER)_*$"));
static FIND: LazyLock<Regex> = LazyLock::new(|| compiled(r"(OP)_*(VER)"));
static VALID: LazyLock<Regex> = LazyLock::new(|| compiled(r"^(_*(OP)_*(VER)_*)((?:_+|,_*)(OP)_*(VER)_*)*$"));

/// A constraint on versions.
#[derive(Debug, Clone)]
pub struct Constraint {
    /// One of these has to hold; of each all parts.
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    parts: Vec<Part>,
    /// Whether a part names a pre-release: only then are pre-releases looked at.
    prereleases: bool,
}

#[derive(Debug, Clone)]
struct Part {
    operator: String,
    version: Version,
    /// Whether a number is missing or `x`; and which.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    ///
    /// `improper constraint: "..."` and the like.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::new(format!("constraint string is too long (max {MAX_LENGTH} bytes)")));
        }
        let text = rewrite_ranges(text);
        let alternatives: Vec<&str> = text.split("||").collect();
        if alternatives.len() > MAX_GROUPS {
            return Err(Error::new(format!("too many constraint groups (max {MAX_GROUPS})")));
        }
        let groups = alternatives.into_iter().map(Group::parse).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Whether a version satisfies the constraint.
    pub fn allows(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.parts.iter().all(|part| part.allows(version, group.prereleases)))
    }
}

/// `1.2 - 1.4` becomes `>= 1.2, <= 1.4`.
fn rewrite_ranges(text: &str) -> String {
    let mut out = text.to_owned();
    for range in RANGE.captures_iter(text) {
        let group = |index| range.get(index).map_or("", |group| group.as_str());
        out = out.replacen(group(0), &format!(">= {}, <= {} ", group(1), group(11)), 1);
    }
    out
}

fn improper(text: &str) -> Error {
    Error::new(format!("improper constraint: {}", go_template::quote(text.as_bytes())))
}

impl Group {
    fn parse(text: &str) -> Result<Self, Error> {
        if !VALID.is_match(text) {
            return Err(improper(text));
        }
        let mut parts: Vec<Part> =
            FIND.find_iter(text).map(|part| Part::parse(part.as_str())).collect::<Result<_, _>>()?;
        if parts.is_empty() {
            parts.push(Part::parse(text)?);
        }
        let prereleases = parts.iter().any(|part| !part.version.prerelease.is_empty());
        Ok(Self { parts, prereleases })
    }
}

fn is_x(text: &str) -> bool {
    matches!(text, "x" | "X" | "*")
}

impl Part {
    fn parse(text: &str) -> Result<Self, Error> {
        let Some(captures) = ONE.captures(text) else { return Err(improper(text)) };
        let group = |index| captures.get(index).map_or("", |group| group.as_str());
        let (major, minor, patch) = (group(3), group(4), group(5));
        let prerelease = group(6);
        let mut part = Self {
            operator: group(1).to_owned(),
            version: Version::parse("0").expect("this is a version"),
            dirty: true,
            minor_dirty: false,
            patch_dirty: false,
        };
        let unset = |text: &str| text.is_empty() || is_x(text.strip_prefix('.').unwrap_or(text));
        let version = if unset(major) {
            format!("0.0.0{prerelease}")
        } else if unset(minor) {
            part.minor_dirty = true;
            format!("{major}.0.0{prerelease}")
        } else if unset(patch) {
            part.patch_dirty = true;
            format!("{major}{minor}.0{prerelease}")
        } else {
            part.dirty = false;
            group(2).to_owned()
        };
        part.version = Version::parse(&version).map_err(|_| Error::new("constraint parser error"))?;
        Ok(part)
    }

    fn allows(&self, version: &Version, prereleases: bool) -> bool {
        if !version.prerelease.is_empty() && !prereleases {
            return false;
        }
        match self.operator.as_str() {
            "" | "=" if self.dirty => self.tilde(version),
            "" | "=" => *version == self.version,
            "!=" => self.differs(version),
            ">" => self.is_below(version),
            "<" => *version < self.version,
            ">=" | "=>" => *version >= self.version,
            "<=" | "=<" => self.is_not_below(version),
            "~" | "~>" => self.tilde(version),
            _ => self.caret(version),
        }
    }

    fn differs(&self, version: &Version) -> bool {
        if self.dirty {
            if self.version.major != version.major {
                return true;
            }
            if self.version.minor != version.minor && !self.minor_dirty {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if self.version.patch != version.patch && !self.patch_dirty {
                return true;
            }
            if self.patch_dirty {
                return compare_prereleases(&version.prerelease, &self.version.prerelease) != Ordering::Equal;
            }
        }
        *version != self.version
    }

    fn is_below(&self, version: &Version) -> bool {
        if !self.dirty {
            return *version > self.version;
        }
        match version.major.cmp(&self.version.major) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal if self.minor_dirty => false,
            Ordering::Equal if self.patch_dirty => version.minor > self.version.minor,
            Ordering::Equal => *version > self.version,
        }
    }

    fn is_not_below(&self, version: &Version) -> bool {
        if !self.dirty {
            return *version <= self.version;
        }
        version.major < self.version.major
            || (version.major == self.version.major && (version.minor <= self.version.minor || self.minor_dirty))
    }

    fn tilde(&self, version: &Version) -> bool {
        if *version < self.version {
            return false;
        }
        let wanted = &self.version;
        // Without any number, every version will do.
        if (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0) && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        version.major == wanted.major && (version.minor == wanted.minor || self.minor_dirty)
    }

    fn caret(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version < wanted {
            return false;
        }
        if wanted.major > 0 || self.minor_dirty {
            return version.major == wanted.major;
        }
        if version.major > 0 {
            return false;
        }
        if wanted.minor > 0 || self.patch_dirty {
            return version.minor == wanted.minor;
        }
        version.minor == 0 && version.patch == wanted.patch
    }
}

//! A boolean flag as Go's flag package has it: `--flag`, `--flag=true`, `--flag=false`.

use std::str::FromStr;

/// The value of a boolean flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switch(pub bool);

impl FromStr for Switch {
    type Err = ParseSwitchError;

    /// Accepts what Go's `strconv.ParseBool` accepts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self(false)),
            _ => Err(ParseSwitchError),
        }
    }
}

/// The text is no boolean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `true` or `false`")]
pub struct ParseSwitchError;

/// Whether a clap argument holds a [`Switch`].
pub(super) fn is_switch(arg: &clap::Arg) -> bool {
    arg.get_value_parser().type_id() == clap::builder::ValueParser::from(clap::value_parser!(Switch)).type_id()
}

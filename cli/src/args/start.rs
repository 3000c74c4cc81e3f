//! Flags of the commands that help with a configuration: `init`, `schema`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What `init` accepts.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Offer the packages of this catalog image
    #[arg(long, value_name = "IMAGE")]
    pub from_catalog: Option<String>,
    /// Let editors check the file against this JSON Schema
    ///
    /// `oc-mirror schema --out FILE` writes the schema.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<String>,
}

/// What `schema` accepts.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Describe this kind of configuration
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub kind: SchemaKind,
}

/// The kinds of configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SchemaKind {
    /// What to mirror
    #[default]
    ImageSetConfiguration,
    /// What to delete
    DeleteImageSetConfiguration,
}

//! ImageSetConfiguration and DeleteImageSetConfiguration: parse, validate, explain.

mod block;
mod config;
mod decode;
mod diagnostic;
#[expect(dead_code, reason = "the JSON Schema that reads the rest is the next step")]
mod fields;
mod history;
mod parse;
mod span;
mod suggest;
mod version;
mod yaml;

pub use block::BlockedImage;
pub use config::{
    API_VERSION, AdditionalImage, DEFAULT_ARCHIVE_SIZE_GIB, DeleteImageSetConfiguration, Document, Helm, HelmChart,
    HelmRepository, ImageSetConfiguration, Kind, Mirror, OperatorCatalog, Package, PackageChannel, PlatformConfig,
    ReleaseChannel, ReleaseType, Sample, SelectedBundle,
};
pub use diagnostic::{Code, Diagnostic, Severity, Stage};
pub use parse::{Parsed, parse};
pub use span::Span;
pub use version::{ParseVersionError, VersionBound};

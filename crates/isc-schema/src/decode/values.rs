//! Texts with a meaning: versions, paths, tags, images, platforms.

use image_ref::{ImageRef, Platform, Transport, is_valid_path, is_valid_tag};

use super::advice::{image_help, path_help, version_help};
use super::context::{Context, Fields};
use super::path::Path;
use crate::diagnostic::{Code, Diagnostic, Stage};
use crate::fields;
use crate::placeholder;
use crate::version::ParseVersionError;
use crate::yaml::{Node, Resolved, Scalar, Value};
use crate::{Kind, VersionBound};

impl Context<'_> {
    /// An optional version bound.
    pub(super) fn version(
        &mut self,
        fields: &Fields<'_>,
        path: &Path<'_>,
        name: &'static str,
        parse: fn(&str) -> Result<VersionBound, ParseVersionError>,
    ) -> Option<VersionBound> {
        if let Some(node) = fields.get(name)
            && let Value::Scalar(Scalar { text, resolved: Resolved::Integer(_) | Resolved::Float(_), .. }) = &node.value
            && parse(text).is_err()
            && let Ok(bound) = VersionBound::lenient(text)
        {
            // Quoting alone would only lead to the next message.
            let help = format!("a release has three numbers: write `{name}: {}`", bound.version());
            self.wrong_type(node, &path.field(name), "text", Some(help));
            return None;
        }
        let (text, node) = self.text_field(fields, path, name)?;
        if placeholder::is_open_version(text) {
            let lowest = placeholder::lowest_of(text);
            let help = match name {
                "minVersion" => {
                    format!("write all numbers, like `minVersion: {lowest}` for the lowest of them")
                }
                _ => format!("write the highest version that you want, with all numbers, or remove `{name}`"),
            };
            let message = format!("{name} `{text}` leaves a number open");
            self.error_with_help(Code::Placeholder, node, &path.field(name), message, Some(help));
            return None;
        }
        match parse(text) {
            Ok(bound) => Some(bound.at(node.span)),
            Err(error) => {
                let help = Some(version_help(name, text, &error));
                let message = match error {
                    ParseVersionError::Lenient(_) => {
                        format!("{name} \"{text}\" must respect semantic versioning notation")
                    }
                    ParseVersionError::Strict(_) => format!("{error}"),
                };
                self.error_with_help(Code::InvalidValue, node, &path.field(name), message, help);
                None
            }
        }
    }

    /// Says so when no version can be within the bounds.
    pub(super) fn check_range(
        &mut self,
        path: &Path<'_>,
        owner: &str,
        min: Option<&VersionBound>,
        max: Option<&VersionBound>,
    ) {
        let (Some(min), Some(max)) = (min, max) else { return };
        if min.version().cmp_precedence(max.version()).is_gt() {
            let message = format!("{owner}minVersion `{min}` is higher than maxVersion `{max}`");
            let diagnostic = Diagnostic::error(Code::EmptyRange, min.span, path.field("minVersion"), message);
            self.push(diagnostic.width(min.width()).stage(self.stage).help("swap the two, or move one of them"));
        }
    }

    /// An optional path of a repository, by the path grammar (`docs/behaviour/config-cli.md` 1.4). `prefix` begins the
    /// message.
    pub(super) fn repository_path(
        &mut self,
        fields: &Fields<'_>,
        path: &Path<'_>,
        name: &'static str,
        prefix: impl Fn(&str) -> String,
    ) -> Option<String> {
        let (text, node) = self.text_field(fields, path, name)?;
        if is_valid_path(text) {
            return Some(text.to_owned());
        }
        let help = path_help(name, text);
        self.error_with_help(Code::InvalidValue, node, &path.field(name), prefix(text), Some(help));
        None
    }

    /// An optional tag.
    pub(super) fn tag(&mut self, fields: &Fields<'_>, path: &Path<'_>, name: &'static str) -> Option<String> {
        let (text, node) = self.text_field(fields, path, name)?;
        if is_valid_tag(text) {
            return Some(text.to_owned());
        }
        let message = format!("`{text}` is no tag");
        let help = "a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two";
        self.error_with_help(Code::InvalidValue, node, &path.field(name), message, Some(help.to_owned()));
        None
    }

    /// An image reference that must name one image.
    pub(super) fn image(&mut self, text: &str, node: &Node, path: &Path<'_>) -> Option<ImageRef> {
        match ImageRef::parse(text) {
            Ok(image) => Some(image),
            Err(error) => {
                let help = image_help(text, &error);
                self.error_with_help(Code::InvalidValue, node, path, error.to_string(), help);
                None
            }
        }
    }

    /// The stage of mistakes in version bounds: oc-mirror does not check them when it loads what is to be deleted.
    pub(super) fn version_stage(&self) -> Stage {
        match self.kind {
            Kind::ImageSet => Stage::Load,
            Kind::Delete => Stage::Operators,
        }
    }

    /// An image at a registry.
    pub(super) fn registry_image(&mut self, text: &str, node: &Node, path: &Path<'_>) -> Option<ImageRef> {
        let image = self.image(text, node, path)?;
        if *image.transport() == Transport::Docker {
            return self.check_repository(image, node, path);
        }
        let message = format!("`{}` is not possible here, expected an image of a registry", image.transport());
        self.error_with_help(Code::InvalidValue, node, path, message, None);
        None
    }

    /// Refuses what no registry has, such as upper-case paths.
    pub(super) fn check_repository(&mut self, image: ImageRef, node: &Node, path: &Path<'_>) -> Option<ImageRef> {
        let Err(error) = image.repository() else { return Some(image) };
        let lower = image.with_name(&image.name().to_lowercase());
        let help = lower.repository().is_ok().then(|| format!("write `{lower}`"));
        self.error_with_help(Code::InvalidValue, node, path, error.to_string(), help);
        None
    }

    /// `platforms`.
    pub(super) fn platforms(&mut self, fields: &Fields<'_>, path: &Path<'_>, owner: &str) -> Vec<Platform> {
        let decode = |context: &mut Self, node: &Node, path: &Path<'_>| {
            let fields = context.fields(node, path, &fields::PLATFORM_ENTRY)?;
            let mut part = |name: &'static str, called: &str, example: &str| {
                let (span, width) = fields.key(name).map_or((fields.span, fields.width), |key| (key.span, key.width));
                let found = context.text_field(&fields, path, name).map(|(text, _)| text.to_owned());
                if found.is_none() && fields.get(name).is_none_or(|node| node.as_text() == Some("")) {
                    let message = format!("invalid platform for {owner}: platform {called} must not be empty");
                    let verb = if fields.key(name).is_some() { "write" } else { "add" };
                    let diagnostic = Diagnostic::error(Code::MissingField, span, path.field(name), message)
                        .width(width)
                        .stage(context.stage)
                        .help(format!("{verb} `{name}: {example}`"));
                    context.push(diagnostic);
                }
                found
            };
            let os = part("os", "OS", "linux");
            let architecture = part("architecture", "architecture", "amd64");
            Some(Platform::new(os?, architecture?))
        };
        self.list(fields, path, "platforms", "platforms", decode).unwrap_or_default()
    }
}

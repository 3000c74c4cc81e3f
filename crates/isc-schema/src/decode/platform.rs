//! `platform`.

use super::advice::join;
use super::context::{Context, Fields};
use super::path::Path;
use super::unique::{Named, Unique};
use crate::VersionBound;
use crate::config::{Kind, PlatformConfig, ReleaseChannel, ReleaseType};
use crate::diagnostic::{Code, Diagnostic, Stage};
use crate::fields;
use crate::placeholder;
use crate::suggest::nearest;
use crate::yaml::Node;

/// The names the update service knows.
pub(super) const ARCHITECTURES: [&str; 5] = ["amd64", "arm64", "ppc64le", "s390x", "multi"];
/// Other names for them.
const OTHER_NAMES: [(&str, &str); 4] =
    [("x86_64", "amd64"), ("x86-64", "amd64"), ("aarch64", "arm64"), ("ppc64", "ppc64le")];

/// An item of `architectures`.
static ARCHITECTURE: fields::Field = fields::Field {
    name: "architectures",
    shape: fields::Shape::Text(fields::Format::Architecture),
    required: true,
    description: "",
};

pub(super) fn platform(context: &mut Context<'_>, parent: &Fields<'_>, parent_path: &Path<'_>) -> PlatformConfig {
    let Some(node) = parent.get("platform") else { return PlatformConfig::default() };
    let path = parent_path.field("platform");
    let Some(fields) = context.fields(node, &path, &fields::PLATFORM) else { return PlatformConfig::default() };
    context.stage = Stage::Release;
    let graph = context.boolean(&fields, &path, "graph");
    let kube_virt_container = context.boolean(&fields, &path, "kubeVirtContainer");
    let mut names = Unique::default();
    let channels = context
        .list(&fields, &path, "channels", "release channels", |context, node, path| {
            channel(context, node, path, &mut names)
        })
        .unwrap_or_default();
    let architectures = architectures(context, &fields, &path);
    let platforms = context.platforms(&fields, &path, "the release");
    let release = context
        .text_field(&fields, &path, "release")
        .and_then(|(text, node)| context.registry_image(text, node, &path.field("release")));
    let config =
        PlatformConfig { graph, channels, architectures, platforms, release, kube_virt_container, span: node.span };
    sections_together(context, &fields, &path, &config);
    config
}

fn channel<'n>(
    context: &mut Context<'_>,
    node: &'n Node,
    path: &Path<'_>,
    names: &mut Unique<'n>,
) -> Option<ReleaseChannel> {
    let object = &fields::RELEASE_CHANNEL;
    let fields = context.fields(node, path, object)?;
    let name = context.required(&fields, path, "name", object, "stable-4.20");
    if let Some((name, name_node)) = name {
        if placeholder::is_open_version(name) {
            let message = format!("channel `{name}` leaves a number open");
            let help = "write the minor version, like `stable-4.20`".to_owned();
            context.error_with_help(Code::Placeholder, name_node, &path.field("name"), message, Some(help));
        }
        let named = Named { name, node: name_node, item: node };
        names.check(context, named, &path.field("name"), || {
            format!("release channel \"{name}\": duplicate found in configuration")
        });
    }
    let release_type = release_type(context, &fields, path);
    let min_version = context.version(&fields, path, "minVersion", VersionBound::strict);
    let max_version = context.version(&fields, path, "maxVersion", VersionBound::strict);
    let shortest_path = context.boolean(&fields, path, "shortestPath");
    let full = context.boolean(&fields, path, "full");
    let owner = name.map(|(name, _)| format!("release channel \"{name}\": ")).unwrap_or_default();
    context.check_range(path, &owner, min_version.as_ref(), max_version.as_ref());
    Some(ReleaseChannel {
        name: name?.0.to_owned(),
        release_type: release_type?,
        min_version,
        max_version,
        shortest_path,
        full,
        span: node.span,
    })
}

fn release_type(context: &mut Context<'_>, fields: &Fields<'_>, path: &Path<'_>) -> Option<ReleaseType> {
    let Some((text, node)) = context.text_field(fields, path, "type") else { return Some(ReleaseType::default()) };
    match text {
        "ocp" => Some(ReleaseType::Ocp),
        "okd" => Some(ReleaseType::Okd),
        other => {
            let message = format!("`{}` is no release type", other.escape_debug());
            let help = match nearest(other, ["ocp", "okd"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "expected `ocp` (the default) or `okd`".to_owned(),
            };
            let path = path.field("type");
            let diagnostic = Diagnostic::error(Code::InvalidValue, node.span, path, message);
            context.push(diagnostic.width(node.width).help(help));
            None
        }
    }
}

fn architectures(context: &mut Context<'_>, fields: &Fields<'_>, path: &Path<'_>) -> Vec<String> {
    context
        .list(fields, path, "architectures", "architectures", |context, node, path| {
            let text = context.text_item(node, path, &ARCHITECTURE)?;
            if !ARCHITECTURES.contains(&text) {
                let message = format!("unknown architecture `{}`", text.escape_debug());
                let help = match usual_name(text).or_else(|| nearest(text, ARCHITECTURES)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("use {}", join(ARCHITECTURES.iter().map(|name| format!("`{name}`")), "or")),
                };
                let diagnostic = Diagnostic::warning(Code::InvalidValue, node.span, path, message);
                context.push(diagnostic.width(node.width).help(help));
            }
            Some(text.to_owned())
        })
        .unwrap_or_default()
}

/// The name of the update service for an architecture that is better known by another one.
fn usual_name(name: &str) -> Option<&'static str> {
    OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, usual)| *usual)
}

/// What fields of the section say together.
fn sections_together(context: &mut Context<'_>, fields: &Fields<'_>, path: &Path<'_>, config: &PlatformConfig) {
    let Some(key) = fields.key("architectures").filter(|_| !config.architectures.is_empty()) else {
        ignored_channels(context, fields, path, config);
        return;
    };
    let path_here = path.field("architectures");
    let finding = if !config.platforms.is_empty() && context.kind == Kind::ImageSet {
        let message = "platform.platforms and platform.architectures cannot be used together";
        Diagnostic::error(Code::Conflict, key.span, path_here, message).help(
            "keep one of the two: `architectures` chooses the releases of single architectures, `platforms` chooses parts \
             of the multi-architecture release",
        )
    } else if !config.platforms.is_empty() {
        let message = "`architectures` is ignored, because `platforms` is given";
        Diagnostic::warning(Code::Ignored, key.span, path_here, message).help("remove it: it has no effect")
    } else if config.release.is_none() && config.architectures.iter().all(|name| ARCHITECTURES.contains(&&**name)) {
        let message = "platform.architectures is deprecated";
        Diagnostic::warning(Code::Deprecated, key.span, path_here, message).help(if config.architectures == ["amd64"] {
            "remove it: amd64 is the default"
        } else {
            "keep it: nothing else mirrors the same releases; `platforms` chooses parts of the multi-architecture release, \
             which is another image"
        })
    } else {
        ignored_channels(context, fields, path, config);
        return;
    };
    context.push(finding.width(key.width));
    ignored_channels(context, fields, path, config);
}

fn ignored_channels(context: &mut Context<'_>, fields: &Fields<'_>, path: &Path<'_>, config: &PlatformConfig) {
    if let (Some(_), false, Some(key)) = (&config.release, config.channels.is_empty(), fields.key("channels")) {
        let message = "the channels are ignored, because `release` is given";
        let diagnostic = Diagnostic::warning(Code::Ignored, key.span, path.field("channels"), message);
        context.push(diagnostic.width(key.width).help("keep either `release` or `channels`"));
    }
}

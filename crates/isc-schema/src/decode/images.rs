//! `additionalImages`.

use image_ref::{ImageRef, Transport};

use super::context::{Context, Fields};
use super::path::Path;
use crate::config::AdditionalImage;
use crate::diagnostic::{Code, Diagnostic, Stage};
use crate::fields;
use crate::yaml::Node;

/// The rest of containers-transports(5); whether they can be copied is for the transport to say.
const OTHER_TRANSPORTS: [&str; 4] = ["containers-storage", "docker-daemon", "ostree", "sif"];

pub(super) fn additional_images(
    context: &mut Context<'_>,
    parent: &Fields<'_>,
    path: &Path<'_>,
) -> Vec<AdditionalImage> {
    context.stage = Stage::AdditionalImages;
    context.list(parent, path, "additionalImages", "additional images", image).unwrap_or_default()
}

fn image(context: &mut Context<'_>, node: &Node, path: &Path<'_>) -> Option<AdditionalImage> {
    let object = &fields::ADDITIONAL_IMAGE;
    let fields = context.fields(node, path, object)?;
    let written = context.required(&fields, path, "name", object, "registry.example/app:1.0");
    let name = written.and_then(|(text, node)| reference(context, text, node, &path.field("name")));
    let text = written.map_or("", |(text, _)| text);
    let target_repo = context.repository_path(&fields, path, "targetRepo", |repo| {
        format!("invalid targetRepo {} for image {text}", repo.escape_debug())
    });
    let target_tag = context.tag(&fields, path, "targetTag");
    let platforms = context.platforms(&fields, path, text);
    Some(AdditionalImage { name: name?, target_repo, target_tag, platforms, span: node.span })
}

/// A reference without tag and digest means `latest` (design decision; oc-mirror refuses it, its documentation does not).
fn reference(context: &mut Context<'_>, text: &str, node: &Node, path: &Path<'_>) -> Option<ImageRef> {
    if let Ok(image) = ImageRef::parse_name(text)
        && *image.transport() == Transport::Docker
        && image.tag().is_none()
        && image.digest().is_none()
        && image.repository().is_ok()
    {
        let message = format!("`{text}` has no tag and no digest, `latest` is assumed");
        let diagnostic = Diagnostic::warning(Code::Assumed, node.span, path, message).width(node.width);
        context.push(diagnostic.stage(Stage::AdditionalImages).help(format!("write `{text}:latest`, or a digest")));
        return Some(image.with_tag("latest"));
    }
    let image = context.image(text, node, path)?;
    match image.transport() {
        Transport::Docker => context.check_repository(image, node, path),
        Transport::Oci | Transport::OciArchive | Transport::DockerArchive | Transport::Dir => Some(image),
        Transport::Other(scheme) if OTHER_TRANSPORTS.contains(&scheme.as_str()) => Some(image),
        transport => {
            let message = format!("`{transport}` is no transport of images");
            let help = format!("write `{}` for an image of a registry", image.name());
            context.error_with_help(Code::InvalidValue, node, path, message, Some(help));
            None
        }
    }
}

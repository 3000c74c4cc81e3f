//! `operators`.

use image_ref::{ImageRef, Transport};

use super::context::{Context, Fields};
use super::path::Path;
use super::unique::{Named, Unique};
use crate::VersionBound;
use crate::config::{Kind, OperatorCatalog, Package, PackageChannel, SelectedBundle};
use crate::diagnostic::{Code, Diagnostic, Severity, Stage};
use crate::fields;
use crate::yaml::Node;

pub(super) fn operators(context: &mut Context<'_>, parent: &Fields<'_>, path: &Path<'_>) -> Vec<OperatorCatalog> {
    let mut names = Unique::default();
    context
        .list(parent, path, "operators", "operator catalogs", |context, node, path| {
            operator(context, node, path, &mut names)
        })
        .unwrap_or_default()
}

fn operator<'n>(
    context: &mut Context<'_>,
    node: &'n Node,
    path: &Path<'_>,
    names: &mut Unique<'n>,
) -> Option<OperatorCatalog> {
    let object = &fields::OPERATOR;
    context.stage = Stage::Load;
    let fields = context.fields(node, path, object)?;
    let written = context.required(&fields, path, "catalog", object, "registry.example/ns/index:v4.20");
    let catalog = written.and_then(|(text, node)| catalog(context, text, node, &path.field("catalog")));
    let owner = Owner { catalog: written.map(|(text, _)| text), full: context.boolean(&fields, path, "full") };
    let mut package_names = Unique::default();
    let packages = context.list(&fields, path, "packages", "operator packages", |context, node, path| {
        package(context, node, path, &owner, &mut package_names)
    });
    context.stage = Stage::Load;
    let target_catalog = context.repository_path(&fields, path, "targetCatalog", |text| {
        format!("invalid target path component \"{}\"", text.escape_debug())
    });
    let target_tag = context.tag(&fields, path, "targetTag");
    let skip_dependencies = context.boolean(&fields, path, "skipDependencies");
    let target_catalog_source_template = context.string(&fields, path, "targetCatalogSourceTemplate");
    context.stage = Stage::Operators;
    let described = format!("catalog {}", written.map_or("", |(text, _)| text));
    let platforms = context.platforms(&fields, path, &described);
    let (_, catalog_node) = written?;
    let operator = OperatorCatalog {
        catalog: catalog?,
        packages,
        target_catalog,
        target_tag,
        full: owner.full,
        skip_dependencies,
        target_catalog_source_template,
        platforms,
        span: node.span,
    };
    let name = operator.effective_name();
    let named = Named { name: &name, node: catalog_node, item: node };
    names.check(context, named, &path.field("catalog"), || {
        format!("catalog \"{name}\": duplicate found in configuration")
    });
    Some(operator)
}

/// A catalog is a registry reference or an OCI layout on disk.
fn catalog(context: &mut Context<'_>, text: &str, node: &Node, path: &Path<'_>) -> Option<ImageRef> {
    let catalog = context.image(text, node, path)?;
    match catalog.transport() {
        Transport::Oci => return Some(catalog),
        Transport::Docker => {
            // oc-mirror asks the registry, which refuses; by then it collects.
            context.stage = Stage::Operators;
            let catalog = context.check_repository(catalog, node, path);
            context.stage = Stage::Load;
            return catalog;
        }
        _ => {}
    }
    let message = format!("`{}` catalogs are not supported", catalog.transport());
    let help = "a catalog is a registry reference, or `oci://` and the directory of an OCI layout".to_owned();
    context.error_with_help(Code::InvalidValue, node, path, message, Some(help));
    None
}

/// What the messages about a package say of its catalog.
struct Owner<'a> {
    catalog: Option<&'a str>,
    full: bool,
}

impl Owner<'_> {
    /// `catalog "c": operator "p": `, as far as known.
    fn prefix(&self, package: Option<&str>) -> String {
        let catalog = self.catalog.map(|name| format!("catalog \"{name}\": ")).unwrap_or_default();
        let package = package.map(|name| format!("operator \"{name}\": ")).unwrap_or_default();
        catalog + &package
    }
}

fn package<'n>(
    context: &mut Context<'_>,
    node: &'n Node,
    path: &Path<'_>,
    owner: &Owner<'_>,
    names: &mut Unique<'n>,
) -> Option<Package> {
    let object = &fields::PACKAGE;
    let fields = context.fields(node, path, object)?;
    context.stage = Stage::Operators;
    let name = context.required(&fields, path, "name", object, "some-operator");
    if let Some((name, name_node)) = name {
        let named = Named { name, node: name_node, item: node };
        let repeats = names.check_repeated(context, named, &path.field("name"), || {
            format!("{}duplicate package entry \"{name}\"", owner.prefix(None))
        });
        if repeats {
            return None;
        }
    }
    let prefix = owner.prefix(name.map(|(name, _)| name));
    let mut channel_names = Unique::default();
    let channels = context
        .list(&fields, path, "channels", "operator channels", |context, node, path| {
            channel(context, node, path, &prefix, &mut channel_names)
        })
        .unwrap_or_default();
    let mut bundle_names = Unique::default();
    let bundles = context
        .list(&fields, path, "bundles", "selected bundles", |context, node, path| {
            bundle(context, node, path, &prefix, &mut bundle_names)
        })
        .unwrap_or_default();
    context.stage = context.version_stage();
    let min_version = context.version(&fields, path, "minVersion", VersionBound::lenient);
    let max_version = context.version(&fields, path, "maxVersion", VersionBound::lenient);
    context.stage = Stage::Operators;
    context.check_range(path, &prefix, min_version.as_ref(), max_version.as_ref());
    let default_channel = context.string(&fields, path, "defaultChannel");
    let package = Package {
        name: name.map(|(name, _)| name.to_owned()).unwrap_or_default(),
        channels,
        default_channel,
        min_version,
        max_version,
        bundles,
        span: node.span,
    };
    conflicts(context, &package, path, &fields, &prefix, owner.full);
    name.is_some().then_some(package)
}

fn channel<'n>(
    context: &mut Context<'_>,
    node: &'n Node,
    path: &Path<'_>,
    prefix: &str,
    names: &mut Unique<'n>,
) -> Option<PackageChannel> {
    let object = &fields::PACKAGE_CHANNEL;
    let fields = context.fields(node, path, object)?;
    context.stage = Stage::Operators;
    let name = context.required(&fields, path, "name", object, "stable");
    if let Some((name, name_node)) = name {
        let named = Named { name, node: name_node, item: node };
        names.check_to_mirror(context, named, &path.field("name"), || {
            format!("{prefix}duplicate channel entry \"{name}\"")
        });
    }
    context.stage = context.version_stage();
    let min_version = context.version(&fields, path, "minVersion", VersionBound::lenient);
    let max_version = context.version(&fields, path, "maxVersion", VersionBound::lenient);
    context.stage = Stage::Operators;
    let owner = name.map_or_else(|| prefix.to_owned(), |(name, _)| format!("{prefix}channel \"{name}\": "));
    context.check_range(path, &owner, min_version.as_ref(), max_version.as_ref());
    Some(PackageChannel { name: name?.0.to_owned(), min_version, max_version, span: node.span })
}

fn bundle<'n>(
    context: &mut Context<'_>,
    node: &'n Node,
    path: &Path<'_>,
    prefix: &str,
    names: &mut Unique<'n>,
) -> Option<SelectedBundle> {
    let object = &fields::BUNDLE;
    let fields = context.fields(node, path, object)?;
    context.stage = Stage::Operators;
    let (name, name_node) = context.required(&fields, path, "name", object, "some-operator.v1.2.3")?;
    let named = Named { name, node: name_node, item: node };
    names.check_to_mirror(context, named, &path.field("name"), || format!("{prefix}duplicate bundle entry \"{name}\""));
    Some(SelectedBundle { name: name.to_owned(), span: node.span })
}

/// Ways of selecting that exclude each other.
fn conflicts(
    context: &mut Context<'_>,
    package: &Package,
    path: &Path<'_>,
    fields: &Fields<'_>,
    prefix: &str,
    full: bool,
) {
    let span_of = |name: &str| fields.key(name).map_or((fields.span, 1), |key| (key.span, key.width));
    let own_range = package.min_version.as_ref().or(package.max_version.as_ref());
    let channel_range =
        package.channels.iter().find_map(|channel| channel.min_version.as_ref().or(channel.max_version.as_ref()));
    if let (Some(own), Some(channel)) = (own_range, channel_range) {
        let message = format!(
            "{prefix}mixing both filtering by minVersion/maxVersion and filtering by channel minVersion/maxVersion is not \
             allowed"
        );
        let help = format!("the channel has bounds in line {}; keep one of the two places", channel.span.line);
        let mut finding = Diagnostic::error(Code::Conflict, own.span, path, message).width(own.width()).help(help);
        if context.kind == Kind::Delete {
            finding.severity = Severity::Warning;
        }
        context.push(finding);
    }
    if !package.bundles.is_empty() && (!package.channels.is_empty() || own_range.is_some()) {
        let (span, width) = span_of("bundles");
        let message = format!(
            "{prefix}mixing both filtering by bundles and filtering by channels or minVersion/maxVersion is not allowed"
        );
        let help = "`bundles` names exactly what is wanted; remove the channels and bounds, or the bundles";
        context.push(Diagnostic::error(Code::Conflict, span, path.field("bundles"), message).width(width).help(help));
    }
    if !full {
        return;
    }
    if let Some(range) = own_range.or(channel_range) {
        let message = format!("{prefix}`full: true` cannot be mixed with minVersion/maxVersion");
        let help = "`full` means every version; remove `full` from the catalog, or the bounds";
        let diagnostic = Diagnostic::error(Code::Conflict, range.span, path, message).stage(Stage::Operators);
        context.push(diagnostic.width(range.width()).help(help));
    }
    if !package.bundles.is_empty() {
        let (span, width) = span_of("bundles");
        let message = format!("{prefix}`full: true` cannot be mixed with selected bundles");
        let help = "`full` means every bundle; remove `full` from the catalog, or the bundles";
        let diagnostic = Diagnostic::error(Code::Conflict, span, path.field("bundles"), message);
        context.push(diagnostic.width(width).stage(Stage::Operators).help(help));
    }
}

//! The table of all fields: names, types and descriptions.
//!
//! One table serves three readers: the decoder (unknown fields, near names, "belongs elsewhere"), the JSON Schema for
//! editors, and people. The descriptions end up in editors' tooltips.

use crate::placeholder::Strictness;

/// An object of the configuration.
#[derive(Debug)]
pub(crate) struct Object {
    /// Name of the definition in the JSON Schema.
    pub(crate) name: &'static str,
    /// How a message calls it: "a catalog".
    pub(crate) title: &'static str,
    pub(crate) fields: &'static [Field],
}

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) description: &'static str,
}

/// What a field holds.
#[derive(Debug)]
pub(crate) enum Shape {
    Text(Format),
    Boolean,
    /// A whole number, not negative.
    Integer,
    Object(&'static Object),
    List(&'static Shape),
    /// A string, or an object with the same string as `name`.
    TextOrNamed(Format),
    /// A mapping with any content.
    Values,
}

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Any,
    /// Not empty.
    Name,
    /// An image reference.
    Image,
    /// A lenient version of an operator.
    OperatorVersion,
    /// A strict version of a release.
    ReleaseVersion,
    /// A repository path.
    Path,
    Tag,
    Regex,
    Url,
    ReleaseType,
    Architecture,
}

const fn field(name: &'static str, shape: Shape, description: &'static str) -> Field {
    Field { name, shape, required: false, description }
}

const fn required(name: &'static str, shape: Shape, description: &'static str) -> Field {
    Field { name, shape, required: true, description }
}

use Format::{Any, Architecture, Image, Name, OperatorVersion, Path, Regex, ReleaseVersion, Tag, Url};
use Shape::{Boolean, Integer, List, Object as Nested, Text, TextOrNamed, Values};

pub(crate) static IMAGE_SET: Object = Object {
    name: "ImageSetConfiguration",
    title: "an ImageSetConfiguration",
    fields: &[
        required("kind", Text(Any), "Always `ImageSetConfiguration`."),
        field("apiVersion", Text(Any), "`mirror.openshift.io/v2alpha1`."),
        field("archiveSize", Integer, "Size of each archive file in GiB; 500 when absent."),
        required("mirror", Nested(&MIRROR), "What to mirror."),
    ],
};

pub(crate) static DELETE: Object = Object {
    name: "DeleteImageSetConfiguration",
    title: "a DeleteImageSetConfiguration",
    fields: &[
        required("kind", Text(Any), "Always `DeleteImageSetConfiguration`."),
        field("apiVersion", Text(Any), "`mirror.openshift.io/v2alpha1`."),
        required("delete", Nested(&DELETE_CONTENT), "What to delete."),
    ],
};

pub(crate) static MIRROR: Object = Object {
    name: "Mirror",
    title: "the `mirror` section",
    fields: &[
        field("platform", Nested(&PLATFORM), "OpenShift releases and the update graph."),
        field("operators", List(&Nested(&OPERATOR)), "Operator catalogs, and what to take from them."),
        field("additionalImages", List(&Nested(&ADDITIONAL_IMAGE)), "Single images."),
        field("helm", Nested(&HELM), "Helm charts whose images are wanted."),
        field(
            "blockedImages",
            List(&TextOrNamed(Regex)),
            "Regular expressions; an image whose source or destination reference matches one is left out.",
        ),
        field("samples", List(&Nested(&SAMPLE)), "Accepted and ignored."),
    ],
};

pub(crate) static DELETE_CONTENT: Object = Object {
    name: "Delete",
    title: "the `delete` section",
    fields: &[
        field("platform", Nested(&PLATFORM), "OpenShift releases and the update graph."),
        field("operators", List(&Nested(&OPERATOR)), "Operator catalogs, and what to delete of them."),
        field("additionalImages", List(&Nested(&ADDITIONAL_IMAGE)), "Single images."),
        field("helm", Nested(&HELM), "Helm charts whose images are to be deleted."),
        field("samples", List(&Nested(&SAMPLE)), "Accepted and ignored."),
    ],
};

pub(crate) static PLATFORM: Object = Object {
    name: "Platform",
    title: "the `platform` section",
    fields: &[
        field("graph", Boolean, "Build and mirror the update graph image."),
        field("channels", List(&Nested(&RELEASE_CHANNEL)), "Release channels."),
        field("architectures", List(&Text(Architecture)), "Deprecated: use `platforms`. `amd64` when absent."),
        field(
            "platforms",
            List(&Nested(&PLATFORM_ENTRY)),
            "Instances to take from multi-architecture images. Not together with `architectures`.",
        ),
        field("release", Text(Image), "One release payload by tag or digest; channels are ignored then."),
        field("kubeVirtContainer", Boolean, "Add the KubeVirt boot images that the release payload lists."),
    ],
};

pub(crate) static RELEASE_CHANNEL: Object = Object {
    name: "ReleaseChannel",
    title: "a release channel",
    fields: &[
        required("name", Text(Name), "Name of the channel, such as `stable-4.20`; unique in the file."),
        field("type", Text(Format::ReleaseType), "`ocp` (default) or `okd`."),
        field("minVersion", Text(ReleaseVersion), "Lowest release, inclusive."),
        field("maxVersion", Text(ReleaseVersion), "Highest release, inclusive."),
        field("shortestPath", Boolean, "Only the releases on the shortest upgrade path between the bounds."),
        field("full", Boolean, "From the first release of the channel, unless `minVersion` says otherwise."),
    ],
};

pub(crate) static PLATFORM_ENTRY: Object = Object {
    name: "PlatformEntry",
    title: "a platform",
    fields: &[
        required("os", Text(Name), "Operating system, such as `linux`."),
        required("architecture", Text(Name), "CPU architecture, such as `amd64`."),
    ],
};

pub(crate) static OPERATOR: Object = Object {
    name: "OperatorCatalog",
    title: "an operator catalog",
    fields: &[
        required("catalog", Text(Image), "The catalog image, by tag or digest, or `oci://` and a directory."),
        field("packages", List(&Nested(&PACKAGE)), "Operators to take; all when absent."),
        field("targetCatalog", Text(Path), "Another path for the catalog at the destination."),
        field("targetTag", Text(Tag), "Another tag for the catalog at the destination."),
        field("full", Boolean, "Every bundle instead of the heads of channels."),
        field("skipDependencies", Boolean, "Accepted, without effect."),
        field("targetCatalogSourceTemplate", Text(Any), "Path of a `CatalogSource` file to start from."),
        field("platforms", List(&Nested(&PLATFORM_ENTRY)), "Instances to take from multi-architecture images."),
    ],
};

pub(crate) static PACKAGE: Object = Object {
    name: "Package",
    title: "an operator package",
    fields: &[
        required("name", Text(Name), "Name of the operator package; unique in its catalog."),
        field("channels", List(&Nested(&PACKAGE_CHANNEL)), "Channels to take."),
        field("defaultChannel", Text(Any), "Default channel in the mirrored catalog."),
        field("minVersion", Text(OperatorVersion), "Lowest version, inclusive."),
        field("maxVersion", Text(OperatorVersion), "Highest version, inclusive."),
        field(
            "bundles",
            List(&Nested(&BUNDLE)),
            "Exactly these bundles. Not together with channels, `minVersion`, `maxVersion` or `full`.",
        ),
    ],
};

pub(crate) static PACKAGE_CHANNEL: Object = Object {
    name: "PackageChannel",
    title: "an operator channel",
    fields: &[
        required("name", Text(Name), "Name of the channel; unique in its package."),
        field("minVersion", Text(OperatorVersion), "Lowest version, inclusive."),
        field("maxVersion", Text(OperatorVersion), "Highest version, inclusive."),
    ],
};

pub(crate) static BUNDLE: Object = Object {
    name: "SelectedBundle",
    title: "a selected bundle",
    fields: &[required("name", Text(Name), "Name of the bundle as in the catalog, such as `widget.v1.2.3`.")],
};

pub(crate) static ADDITIONAL_IMAGE: Object = Object {
    name: "AdditionalImage",
    title: "an additional image",
    fields: &[
        required("name", Text(Image), "The image, by tag or digest; `latest` when it has neither."),
        field("targetRepo", Text(Path), "Another path at the destination."),
        field("targetTag", Text(Tag), "Another tag at the destination."),
        field("platforms", List(&Nested(&PLATFORM_ENTRY)), "Instances to take from a multi-architecture image."),
    ],
};

pub(crate) static BLOCKED_IMAGE: Object = Object {
    name: "BlockedImage",
    title: "a blocked image",
    fields: &[required("name", Text(Regex), "Regular expression, searched anywhere in the reference.")],
};

pub(crate) static SAMPLE: Object =
    Object { name: "Sample", title: "a sample", fields: &[field("name", Text(Any), "Accepted and ignored.")] };

pub(crate) static HELM: Object = Object {
    name: "Helm",
    title: "the `helm` section",
    fields: &[
        field("repositories", List(&Nested(&REPOSITORY)), "Chart repositories."),
        field("local", List(&Nested(&LOCAL_CHART)), "Charts on disk."),
    ],
};

pub(crate) static REPOSITORY: Object = Object {
    name: "HelmRepository",
    title: "a chart repository",
    fields: &[
        required("name", Text(Name), "Name of the repository."),
        required("url", Text(Url), "URL of the repository."),
        field("charts", List(&Nested(&CHART)), "Charts to take; every version of every chart when absent."),
    ],
};

pub(crate) static CHART: Object = Object {
    name: "HelmChart",
    title: "a chart",
    fields: &[
        required("name", Text(Name), "Name of the chart."),
        field("version", Text(Any), "Version of the chart; the newest when absent."),
        field("path", Text(Any), "Path of the chart on disk."),
        field("imagePaths", List(&Text(Any)), "JSONPath expressions that find further images in the manifests."),
        field("platforms", List(&Nested(&PLATFORM_ENTRY)), "Instances to take from multi-architecture images."),
        field(
            "values",
            Values,
            "Values that the chart is rendered with, over those of the chart and of `valuesFiles`.",
        ),
        field("valuesFiles", List(&Text(Name)), "Files with values, beside this configuration; later files win."),
        field("hooks", Boolean, "Take the images of manifests with a Helm hook, too."),
    ],
};

pub(crate) static LOCAL_CHART: Object = Object {
    name: "LocalHelmChart",
    title: "a chart on disk",
    fields: &[
        field("name", Text(Any), "Name of the chart."),
        field("version", Text(Any), "Version of the chart."),
        required("path", Text(Name), "Path of the chart on disk."),
        field("imagePaths", List(&Text(Any)), "JSONPath expressions that find further images in the manifests."),
        field("platforms", List(&Nested(&PLATFORM_ENTRY)), "Instances to take from multi-architecture images."),
        field(
            "values",
            Values,
            "Values that the chart is rendered with, over those of the chart and of `valuesFiles`.",
        ),
        field("valuesFiles", List(&Text(Name)), "Files with values, beside this configuration; later files win."),
        field("hooks", Boolean, "Take the images of manifests with a Helm hook, too."),
    ],
};

impl Object {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }
}

impl Shape {
    /// The object that this is, or is a list of.
    pub(crate) fn object(&self) -> Option<&'static Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::List(item) => item.object(),
            _ => None,
        }
    }

    /// Which texts of this shape are placeholders. Free text and patterns have braces and angle brackets of their own.
    pub(crate) fn strictness(&self) -> Strictness {
        match self {
            Self::Text(Any | Regex) | Self::TextOrNamed(_) => Strictness::Templates,
            Self::List(item) => item.strictness(),
            _ => Strictness::Any,
        }
    }
}

/// The places below `root` that have a field called `name` of a shape that `fits`, as paths like
/// `mirror.operators[].packages[].minVersion`.
pub(crate) fn places(root: &'static Object, name: &str, fits: &dyn Fn(&Shape) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    collect_places(root, "", name, fits, &mut found);
    found
}

fn collect_places(
    object: &'static Object,
    path: &str,
    name: &str,
    fits: &dyn Fn(&Shape) -> bool,
    found: &mut Vec<String>,
) {
    let dot = if path.is_empty() { "" } else { "." };
    for field in object.fields {
        if field.name.eq_ignore_ascii_case(name) && fits(&field.shape) {
            found.push(format!("{path}{dot}{}", field.name));
        }
        if let Some(nested) = field.shape.object() {
            let list = if matches!(field.shape, List(_)) { "[]" } else { "" };
            collect_places(nested, &format!("{path}{dot}{}{list}", field.name), name, fits, found);
        }
    }
}

/// Every field name below `root`.
pub(crate) fn all_names(root: &'static Object) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    let mut waiting = vec![root];
    while let Some(object) = waiting.pop() {
        for field in object.fields {
            names.push(field.name);
            waiting.extend(field.shape.object());
        }
    }
    names
}

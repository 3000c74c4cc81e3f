//! `.Capabilities`: the cluster that a chart is rendered for.
//!
//! There is no cluster. Helm has defaults for that case, and so has oc-mirror: Kubernetes 1.20, and the interfaces that
//! client-go 0.36 knows.

use go_template::{List, Method, Named, Type, Value};

use crate::args::text;
use crate::shape::{Field, Shape, Struct};

/// The version of Kubernetes that Helm assumes without a cluster.
const KUBE_VERSION: [&str; 3] = ["v1.20.0", "1", "20"];

/// What Helm 3.21 says of itself when it is built into another program.
const HELM_VERSION: [&str; 4] = ["v3.21", "", "", "go1.26"];

/// The interfaces that client-go 0.36 registers, in its order.
const API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha2",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

static VERSION_SET: Named = Named {
    name: "chartutil.VersionSet",
    underlying: Type::Slice(&Type::String),
    methods: &[Method {
        name: "Has",
        params: &[Type::String],
        variadic: false,
        run: |_, set, args| {
            let wanted = text(args, 0);
            let set = set.as_list().expect("the receiver is a slice");
            Ok(set.iter().any(|version| version.as_text().is_some_and(|version| version == wanted)).into())
        },
    }],
    string: None,
};

static KUBE_VERSION_NAME: Named = Named {
    name: "chartutil.KubeVersion",
    underlying: Type::Struct,
    methods: &[
        Method { name: "String", params: &[], variadic: false, run: |_, version, _| Ok(kube_version_of(version)) },
        Method { name: "GitVersion", params: &[], variadic: false, run: |_, version, _| Ok(kube_version_of(version)) },
    ],
    string: None,
};
static KUBE_VERSION_SHAPE: Shape = Shape {
    ty: Type::Named(&KUBE_VERSION_NAME),
    fields: &[Field::always("Version", "Version"), Field::always("Major", "Major"), Field::always("Minor", "Minor")],
    embeds: false,
    shown: Some("Version"),
};

static BUILD_NAME: Named = Named { name: "version.BuildInfo", underlying: Type::Struct, methods: &[], string: None };
static BUILD: Shape = Shape {
    ty: Type::Named(&BUILD_NAME),
    fields: &[
        Field::unless_empty("Version", "version"),
        Field::unless_empty("GitCommit", "git_commit"),
        Field::unless_empty("GitTreeState", "git_tree_state"),
        Field::unless_empty("GoVersion", "go_version"),
    ],
    embeds: false,
    shown: None,
};

static CAPABILITIES_NAME: Named =
    Named { name: "chartutil.Capabilities", underlying: Type::Struct, methods: &[], string: None };
const CAPABILITIES_TYPE: Type = Type::Named(&CAPABILITIES_NAME);
static CAPABILITIES: Shape = Shape {
    ty: Type::Pointer(&CAPABILITIES_TYPE),
    fields: &[
        Field::always("KubeVersion", "KubeVersion"),
        Field::always("APIVersions", "APIVersions"),
        Field::always("HelmVersion", "HelmVersion"),
    ],
    embeds: false,
    shown: None,
};

fn kube_version_of(version: &Value) -> Value {
    let Value::Object(version) = version else { return Value::Nil };
    version.field("Version").unwrap_or_default()
}

/// Helm's default capabilities.
pub(crate) fn capabilities() -> Value {
    let versions = API_VERSIONS.iter().map(|version| Value::from(*version)).collect();
    Struct::value(
        &CAPABILITIES,
        [
            Struct::value(&KUBE_VERSION_SHAPE, KUBE_VERSION.map(Value::from)),
            Value::List(List::typed(Type::Named(&VERSION_SET), versions)),
            Struct::value(&BUILD, HELM_VERSION.map(Value::from)),
        ],
    )
}

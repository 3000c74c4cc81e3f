//! `.Chart`: what `Chart.yaml` says.

use go_template::{LIST, List, MAP, Map, Method, Named, STRINGS, Text, Type, Value};

use crate::args::text;
use crate::chart::{Dependency, Maintainer, Metadata};
use crate::shape::{Field, Shape, Struct};

/// `map[string]string`
const TEXTS: Type = Type::Map(&Type::String);

/// The type of `.Values` and `.Template`.
pub(crate) static VALUES: Named = Named {
    name: "chartutil.Values",
    underlying: MAP,
    methods: &[
        Method {
            name: "AsMap",
            params: &[],
            variadic: false,
            run: |_, values, _| {
                let map = values.as_map().expect("the receiver is a map");
                Ok(if map.is_empty() { Map::new() } else { map.with_type(MAP) }.into())
            },
        },
        Method {
            name: "YAML",
            params: &[],
            variadic: false,
            run: |context, values, _| {
                let text = crate::yaml::marshal(values, context).map_err(|error| match error {
                    crate::json::Error::Limit(error) => error,
                    crate::json::Error::Go(message) => go_template::Error::new(message),
                })?;
                Ok(Text::from(text).into())
            },
        },
        Method {
            name: "Table",
            params: &[Type::String],
            variadic: false,
            run: |_, values, args| {
                let path = text(args, 0);
                let map = values.as_map().expect("the receiver is a map");
                let table = crate::values::table(map, &path.to_str()).map_err(go_template::Error::new)?;
                Ok(table.with_type(Type::Named(&VALUES)).into())
            },
        },
        Method {
            name: "PathValue",
            params: &[Type::String],
            variadic: false,
            run: |_, values, args| {
                let path = text(args, 0);
                let map = values.as_map().expect("the receiver is a map");
                crate::values::path_value(map, &path.to_str()).map_err(go_template::Error::new)
            },
        },
    ],
    string: None,
};

static METADATA_NAME: Named = Named { name: "chart.Metadata", underlying: Type::Struct, methods: &[], string: None };
static METADATA: Shape = Shape {
    ty: Type::Named(&METADATA_NAME),
    fields: &[
        Field::unless_empty("Name", "name"),
        Field::unless_empty("Home", "home"),
        Field::unless_empty("Sources", "sources"),
        Field::unless_empty("Version", "version"),
        Field::unless_empty("Description", "description"),
        Field::unless_empty("Keywords", "keywords"),
        Field::unless_empty("Maintainers", "maintainers"),
        Field::unless_empty("Icon", "icon"),
        Field::unless_empty("APIVersion", "apiVersion"),
        Field::unless_empty("Condition", "condition"),
        Field::unless_empty("Tags", "tags"),
        Field::unless_empty("AppVersion", "appVersion"),
        Field::unless_empty("Deprecated", "deprecated"),
        Field::unless_empty("Annotations", "annotations"),
        Field::unless_empty("KubeVersion", "kubeVersion"),
        Field::unless_empty("Dependencies", "dependencies"),
        Field::unless_empty("Type", "type"),
    ],
    embeds: false,
    shown: None,
};

static CHART_NAME: Named =
    Named { name: "struct { chart.Metadata; IsRoot bool }", underlying: Type::Struct, methods: &[], string: None };
static CHART: Shape = Shape {
    ty: Type::Named(&CHART_NAME),
    fields: &[Field::always("Metadata", "Metadata"), Field::always("IsRoot", "IsRoot")],
    embeds: true,
    shown: None,
};

static MAINTAINER_NAME: Named =
    Named { name: "chart.Maintainer", underlying: Type::Struct, methods: &[], string: None };
const MAINTAINER_TYPE: Type = Type::Named(&MAINTAINER_NAME);
const MAINTAINER_POINTER: Type = Type::Pointer(&MAINTAINER_TYPE);
static MAINTAINER: Shape = Shape {
    ty: MAINTAINER_POINTER,
    fields: &[
        Field::unless_empty("Name", "name"),
        Field::unless_empty("Email", "email"),
        Field::unless_empty("URL", "url"),
    ],
    embeds: false,
    shown: None,
};

static DEPENDENCY_NAME: Named =
    Named { name: "chart.Dependency", underlying: Type::Struct, methods: &[], string: None };
const DEPENDENCY_TYPE: Type = Type::Named(&DEPENDENCY_NAME);
const DEPENDENCY_POINTER: Type = Type::Pointer(&DEPENDENCY_TYPE);
static DEPENDENCY: Shape = Shape {
    ty: DEPENDENCY_POINTER,
    fields: &[
        Field::always("Name", "name"),
        Field::unless_empty("Version", "version"),
        Field::always("Repository", "repository"),
        Field::unless_empty("Condition", "condition"),
        Field::unless_empty("Tags", "tags"),
        Field::unless_empty("Enabled", "enabled"),
        Field::unless_empty("ImportValues", "import-values"),
        Field::unless_empty("Alias", "alias"),
    ],
    embeds: false,
    shown: None,
};

fn texts(items: &[String]) -> Value {
    Value::List(if items.is_empty() { List::nil(STRINGS) } else { List::strings(items) })
}

/// `.Chart` of a chart with this name and these dependencies.
pub(crate) fn chart(metadata: &Metadata, name: &str, dependencies: Option<&[Dependency]>, is_root: bool) -> Value {
    let annotations = match &metadata.annotations {
        None => Map::nil(TEXTS),
        Some(entries) => {
            let map = Map::typed(TEXTS);
            for (key, value) in entries {
                map.insert(key, value.as_str());
            }
            map
        }
    };
    let maintainers: Vec<Value> = metadata.maintainers.iter().map(maintainer).collect();
    let dependencies = match dependencies {
        None => List::nil(Type::Slice(&DEPENDENCY_POINTER)),
        Some(all) => List::typed(Type::Slice(&DEPENDENCY_POINTER), all.iter().map(dependency).collect()),
    };
    let maintainers = match maintainers.as_slice() {
        [] => List::nil(Type::Slice(&MAINTAINER_POINTER)),
        _ => List::typed(Type::Slice(&MAINTAINER_POINTER), maintainers),
    };
    let text = |text: &String| Value::from(text.as_str());
    let metadata = Struct::value(
        &METADATA,
        [
            name.into(),
            text(&metadata.home),
            texts(&metadata.sources),
            text(&metadata.version),
            text(&metadata.description),
            texts(&metadata.keywords),
            Value::List(maintainers),
            text(&metadata.icon),
            text(&metadata.api_version),
            text(&metadata.condition),
            text(&metadata.tags),
            text(&metadata.app_version),
            metadata.deprecated.into(),
            annotations.into(),
            text(&metadata.kube_version),
            Value::List(dependencies),
            text(&metadata.kind),
        ],
    );
    Struct::value(&CHART, [metadata, is_root.into()])
}

fn maintainer(maintainer: &Maintainer) -> Value {
    let Maintainer { name, email, url } = maintainer;
    Struct::value(&MAINTAINER, [name.as_str().into(), email.as_str().into(), url.as_str().into()])
}

fn dependency(dependency: &Dependency) -> Value {
    let imports: Vec<Value> = dependency.import_values.iter().map(crate::yaml::Json::to_value).collect();
    Struct::value(
        &DEPENDENCY,
        [
            dependency.name.as_str().into(),
            dependency.version.as_str().into(),
            dependency.repository.as_str().into(),
            dependency.condition.as_str().into(),
            texts(&dependency.tags),
            dependency.enabled.into(),
            if imports.is_empty() { Value::List(List::nil(LIST)) } else { imports.into() },
            dependency.alias.as_str().into(),
        ],
    )
}

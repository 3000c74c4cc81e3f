//! The images of one Helm chart: those that mirroring finds, and those that it finds only when `imagePaths` or `hooks` say
//! so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use helm_chart::yaml::{self, Json};
use helm_chart::{Chart, ImagePaths, JsonPath, Manifest, Rendered, merge_values, read_values};
use mirror_plan::helm::image_of;
use oci_transport::Client;

use mirror_collect::charts::{
    ChartError, ValuesFault, fetch_package, load_local, pull_artifact, read_values_file, split_artifact,
};
use mirror_job::guard::blocking;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ChartQuery {
    /// A folder, a packaged chart, the address of one (`https://…/app-1.0.0.tgz`), or `oci://host/path/app`.
    pub chart: String,
    /// The version of a chart of a registry; the newest when absent.
    pub version: Option<String>,
    /// Files with values; later ones win.
    pub values: Vec<PathBuf>,
}

impl ChartQuery {
    /// A question about a chart with its own values.
    pub fn new(chart: impl Into<String>) -> Self {
        Self { chart: chart.into(), ..Self::default() }
    }
}

/// The images of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ChartImages {
    /// The name of the chart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The images, each text once, in the order of the manifests.
    pub images: Vec<ChartImage>,
    /// What `imagePaths` would have to hold for all images that a path can reach.
    pub image_paths: Vec<String>,
}

/// An image of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChartImage {
    /// The text that names it.
    pub image: String,
    /// The template that it comes from.
    pub template: String,
    /// What mirroring needs to find it.
    pub needs: Needs,
}

/// What mirroring needs to find an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it is found.
    Nothing,
    /// `hooks: true`.
    Hooks,
    /// This expression in `imagePaths`; with `hooks: true` when it is in a manifest with a hook.
    Path {
        /// The expression.
        path: String,
        /// Whether the manifest has a hook.
        hook: bool,
    },
    /// A line of `additionalImages`: the image is a part of a longer text.
    Line,
    /// Another text: why it can be mirrored by nobody.
    Mending(String),
}

/// Finds the images of a chart.
///
/// # Errors
/// When the chart cannot be had, is none, or does not render with its values.
pub async fn chart_images(client: &Client, query: &ChartQuery) -> Result<ChartImages, ChartError> {
    let source = fetch(client, query).await?;
    let (name, values) = (query.chart.clone(), query.values.clone());
    blocking(move || {
        let chart = match source {
            Some(bytes) => Chart::from_package(&name, &bytes)?,
            None => load_local(&name, Path::new(&name))?,
        };
        let mut all = Json::Map(std::collections::BTreeMap::new());
        for path in values {
            let failed = |why: ValuesFault| ChartError::ValuesFile { path: path.display().to_string(), why };
            let text = read_values_file(&path).map_err(|error| failed(error.into()))?;
            merge_values(&mut all, read_values(&text).map_err(|error| failed(error.into()))?);
        }
        let rendered = chart.render(&all)?;
        let mut found = images_of(&rendered)?;
        found.name.clone_from(&chart.metadata.name);
        found.version.clone_from(&chart.metadata.version);
        Ok(found)
    })
    .await
}

/// The packaged chart, when it is not on this machine.
async fn fetch(client: &Client, query: &ChartQuery) -> Result<Option<Vec<u8>>, ChartError> {
    let chart = query.chart.as_str();
    if let Some(artifact) = chart.strip_prefix("oci://") {
        let (name, tag) = split_artifact(artifact);
        let wanted = query.version.as_deref().or(tag).unwrap_or_default();
        return pull_artifact(client, name, wanted).await.map(|(_, bytes)| Some(bytes));
    }
    if !chart.starts_with("https://") && !chart.starts_with("http://") {
        return Ok(None);
    }
    fetch_package(client, chart).await.map(|bytes| Some(bytes.to_vec()))
}

fn images_of(rendered: &Rendered) -> Result<ChartImages, ChartError> {
    let known = ImagePaths::new([]).map_err(|(path, error)| ChartError::ImagePath { path, error })?;
    let mut answer = ChartImages::default();
    let mut seen = BTreeSet::new();
    let mut add = |answer: &mut ChartImages, image: &str, template: &str, needs: Needs| {
        if seen.insert(image.to_owned()) {
            answer.images.push(ChartImage { image: image.to_owned(), template: template.to_owned(), needs });
        }
    };
    let plain = rendered.images(&known)?;
    let hooks = rendered.hook_images(&known)?;
    for (found, needs) in [(plain, Needs::Nothing), (hooks, Needs::Hooks)] {
        for image in found {
            let needs = image_of(&image.name).err().map_or_else(|| needs.clone(), Needs::Mending);
            add(&mut answer, &image.name, &image.source, needs);
        }
    }
    let manifests = rendered.crds.iter().chain(&rendered.manifests).map(|manifest| (manifest, false));
    let hooks = rendered.hooks.iter().map(|hook| (&hook.manifest, true));
    for (manifest, hook) in manifests.chain(hooks) {
        for place in places(manifest)? {
            let needs = match place.path {
                Some(path) => Needs::Path { path, hook },
                None => Needs::Line,
            };
            add(&mut answer, &place.image, &manifest.path, needs);
        }
    }
    let paths = answer.images.iter().filter_map(|image| match &image.needs {
        Needs::Path { path, .. } => Some(path.clone()),
        _ => None,
    });
    answer.image_paths = paths.collect::<BTreeSet<_>>().into_iter().collect();
    Ok(answer)
}

/// A place where a document seems to name an image.
#[derive(Debug, PartialEq, Eq)]
struct ImageField {
    image: String,
    /// The path that leads there; none when there is none, or the image is a part of a longer text.
    path: Option<String>,
}

fn places(manifest: &Manifest) -> Result<Vec<ImageField>, ChartError> {
    let mut found = Vec::new();
    for document in manifest.text.split("\n---\n") {
        let data = yaml::read(document.as_bytes())
            .map_err(|error| ChartError::Document { template: manifest.path.clone(), error })?;
        // The schema of a custom resource has examples and defaults, and no images of its own.
        if data.get("kind") == Some(&Json::Str("CustomResourceDefinition".to_owned())) {
            continue;
        }
        let first = found.len();
        walk(&data, "", "", &mut found);
        for place in found.iter_mut().skip(first) {
            // Not every key can be written in a path: a path is proposed only when it leads to the image.
            let leads_there = |path: &String| {
                let printed = JsonPath::parse(path).and_then(|path| path.print(&data));
                printed.is_ok_and(|printed| printed.split_whitespace().any(|text| text == place.image))
            };
            place.path = place.path.take().filter(leads_there);
        }
    }
    Ok(found)
}

fn walk(data: &Json, path: &str, key: &str, found: &mut Vec<ImageField>) {
    match data {
        Json::Map(entries) => {
            for (key, value) in entries {
                walk(value, &format!("{path}{}", step(key)), key, found);
            }
        }
        Json::List(items) => {
            for item in items {
                let name = match item.get("name") {
                    Some(Json::Str(name)) if !name.contains(['"', '\\']) => Some(name),
                    _ => None,
                };
                // All items name their images in one way; other values of theirs are told apart by their names.
                let all = item.get("image").is_some();
                let selector = match name {
                    Some(name) if !all => format!("{path}[?(@.name==\"{name}\")]"),
                    _ => format!("{path}[*]"),
                };
                walk(item, &selector, key, found);
            }
        }
        Json::Str(text) if names_image(key, text) => {
            found.push(ImageField { image: text.clone(), path: Some(format!("{{{path}}}")) });
        }
        Json::Str(text) => {
            // `--reloader-image=quay.io/org/reloader:v1`
            let part = text.rsplit_once('=').map(|(_, part)| part.trim_matches(['"', '\'']));
            if let Some(part) = part.filter(|part| names_image("", part)) {
                found.push(ImageField { image: part.to_owned(), path: None });
            }
        }
        _ => {}
    }
}

/// A step of a path to the entry of a mapping. The notation of `kubectl` wants a backslash before dots in a key.
fn step(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '\'');
    if !key.is_empty() && key.chars().all(plain) {
        format!(".{key}")
    } else {
        format!("['{}']", key.replace('.', "\\."))
    }
}

/// Whether a text under this key is most likely an image: one that can be mirrored, with a registry in its name unless the
/// key says that it is an image.
fn names_image(key: &str, text: &str) -> bool {
    let Ok(image) = image_of(text) else { return false };
    let domain = image.domain();
    let has_registry = domain == "localhost" || domain.contains(['.', ':']);
    key.to_ascii_lowercase().ends_with("image") || has_registry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> ChartImages {
        let chart = ("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
        let file = |(name, text): &(&str, &str)| helm_chart::File { name: (*name).into(), data: (*text).into() };
        let chart = Chart::from_files([chart].iter().chain(files).map(file).collect()).unwrap();
        images_of(&chart.render(&Json::Null).unwrap()).unwrap()
    }

    #[test]
    fn images_elsewhere_are_found_with_the_path_that_leads_there() {
        let custom = "
kind: Prometheus
spec:
  image: quay.io/prom/prometheus:v1
  short: nginx:1
  sidecarImage: nginx:1
  endpoint: https://quay.io/a/b:1
  service: web.ns.svc:8080
  config: {'a.b/c': 'quay.io/odd/key:v1'}
  containers:
  - name: reloader
    image: quay.io/known/image:v1
    args: ['--base-image=quay.io/in/args:v1', '--level=info']
    env:
    - {name: RELATED_IMAGE, value: 'quay.io/in/env:v1'}
    - {name: OTHER, value: 'true'}
";
        let cron = "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: \
                    'quay.io/cron/job:v1'}]}}}}}\n";
        let hook = "kind: Job\nmetadata: {annotations: {helm.sh/hook: test}}\nspec: {template: {spec: {containers: [{image: \
                    'quay.io/hook/test:v1'}]}}, other: {image: 'quay.io/hook/other:v1'}}\n";
        let untagged = "kind: Pod\nspec: {containers: [{image: quay.io/un/tagged}]}\n";
        let crd = "kind: CustomResourceDefinition\nspec: {default: 'quay.io/of/schema:v1'}\n";
        let answer = found(&[
            ("templates/a.yaml", custom),
            ("templates/b.yaml", cron),
            ("templates/c.yaml", hook),
            ("templates/d.yaml", untagged),
            ("crds/e.yaml", crd),
        ]);
        let lines: Vec<String> =
            answer.images.iter().map(|image| format!("{} {} {:?}", image.image, image.template, image.needs)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        quay.io/un/tagged app/templates/d.yaml Mending("it has neither tag nor digest; set a tag in the chart's `values`, or add the image to `additionalImages`")
        quay.io/known/image:v1 app/templates/a.yaml Nothing
        quay.io/hook/test:v1 app/templates/c.yaml Hooks
        quay.io/cron/job:v1 app/templates/b.yaml Path { path: "{.spec.jobTemplate.spec.template.spec.containers[*].image}", hook: false }
        quay.io/odd/key:v1 app/templates/a.yaml Path { path: "{.spec.config['a\\.b/c']}", hook: false }
        quay.io/in/args:v1 app/templates/a.yaml Line
        quay.io/in/env:v1 app/templates/a.yaml Path { path: "{.spec.containers[*].env[?(@.name==\"RELATED_IMAGE\")].value}", hook: false }
        quay.io/prom/prometheus:v1 app/templates/a.yaml Path { path: "{.spec.image}", hook: false }
        nginx:1 app/templates/a.yaml Path { path: "{.spec.sidecarImage}", hook: false }
        quay.io/hook/other:v1 app/templates/c.yaml Path { path: "{.spec.other.image}", hook: true }
        "#);
        insta::assert_snapshot!(answer.image_paths.join("\n"), @r#"
        {.spec.config['a\.b/c']}
        {.spec.containers[*].env[?(@.name=="RELATED_IMAGE")].value}
        {.spec.image}
        {.spec.jobTemplate.spec.template.spec.containers[*].image}
        {.spec.other.image}
        {.spec.sidecarImage}
        "#);
    }

    #[test]
    fn a_proposed_path_finds_the_image() {
        let custom = "
kind: Thing
spec:
  image: quay.io/a/one:v1
  'odd.key/x': {image: 'quay.io/a/two:v1'}
  \"it's\": {image: 'quay.io/a/three:v1'}
  items:
  - {name: first, value: 'quay.io/a/four:v1'}
  - {name: second, value: 'text'}
  - {image: 'quay.io/a/five:v1'}
";
        let chart = ("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
        let file = |(name, text): &(&str, &str)| helm_chart::File { name: (*name).into(), data: (*text).into() };
        let chart = Chart::from_files([chart, ("templates/a.yaml", custom)].iter().map(file).collect()).unwrap();
        let rendered = chart.render(&Json::Null).unwrap();
        let answer = images_of(&rendered).unwrap();
        let paths = ImagePaths::new(answer.image_paths.iter().map(String::as_str)).unwrap();
        let mut reached: Vec<String> = rendered.images(&paths).unwrap().into_iter().map(|image| image.name).collect();
        reached.sort();
        let mut wanted: Vec<String> = answer.images.iter().map(|image| image.image.clone()).collect();
        wanted.sort();
        assert_eq!((reached.len(), reached), (5, wanted));
    }
}

//! Images that stand where nobody looks: paths to add to `imagePaths`.

use std::collections::BTreeMap;

use crate::images::{FindError, ImagePaths};
use crate::manifest::Manifest;
use crate::render::Rendered;
use crate::yaml::{self, Json};

/// A path that finds images which the paths so far do not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedPath {
    /// The path, as `imagePaths` takes it: `{.spec.jobTemplate.spec.template.spec.containers[*].image}`.
    pub path: String,
    /// What stands there, each text once.
    pub names: Vec<String>,
    /// The kinds of the resources that have the path, each once: `CronJob`.
    pub kinds: Vec<String>,
}

impl Rendered {
    /// Paths at which texts stand that look like images with a tag or a digest, and that `paths` do not find: in
    /// `CronJob`s and in custom resources. A person has to judge whether they are images.
    ///
    /// # Errors
    ///
    /// As [`images`](Self::images).
    pub fn propose_paths(&self, paths: &ImagePaths) -> Result<Vec<ProposedPath>, FindError> {
        let mut found: BTreeMap<String, ProposedPath> = BTreeMap::new();
        // Resource definitions describe images, they have none.
        for manifest in &self.manifests {
            let known = paths.in_manifest(manifest)?;
            for document in documents(manifest)? {
                let kind = match document.get("kind") {
                    Some(Json::Str(kind)) => kind.clone(),
                    _ => String::new(),
                };
                walk(&document, &mut Vec::new(), &mut |path, name| {
                    if known.iter().any(|image| image.name == name) {
                        return;
                    }
                    let path = format!("{{{}}}", path.concat());
                    let proposed = found.entry(path.clone()).or_insert_with(|| ProposedPath {
                        path,
                        names: Vec::new(),
                        kinds: Vec::new(),
                    });
                    for (list, text) in [(&mut proposed.names, name), (&mut proposed.kinds, &kind)] {
                        if !list.iter().any(|known| known == text) {
                            list.push(text.to_owned());
                        }
                    }
                });
            }
        }
        Ok(found.into_values().collect())
    }
}

fn documents(manifest: &Manifest) -> Result<Vec<Json>, FindError> {
    let read = |text: &str| {
        yaml::read(text.as_bytes()).map_err(|error| FindError::Yaml { source_path: manifest.path.clone(), error })
    };
    manifest.text.split("\n---\n").map(read).collect()
}

/// Calls `found` with the path and the text of everything that looks like an image.
fn walk(data: &Json, path: &mut Vec<String>, found: &mut dyn FnMut(&[String], &str)) {
    match data {
        Json::Map(entries) => {
            for (key, value) in entries {
                path.push(step(key));
                match value {
                    Json::Str(text) if is_named_image(key) && looks_like_image(text) => found(path, text),
                    other => walk(other, path, found),
                }
                path.pop();
            }
        }
        Json::List(items) => {
            path.push("[*]".into());
            for item in items {
                walk(item, path, found);
            }
            path.pop();
        }
        _ => {}
    }
}

/// A key as JSONPath writes it: what would end the key stands behind a backslash.
fn step(key: &str) -> String {
    let mut out = String::from(".");
    for character in key.chars() {
        if !character.is_ascii_alphanumeric() && !matches!(character, '_' | '-' | '/') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// `image`, `sidecarImage`, `image_name`
fn is_named_image(key: &str) -> bool {
    key.to_ascii_lowercase().contains("image")
}

/// Whether a text is a name with a tag or a digest.
fn looks_like_image(text: &str) -> bool {
    let fine = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c) || more.contains(c))
    };
    if let Some((name, digest)) = text.split_once('@') {
        return fine(name, "/:") && digest.contains(':') && fine(digest, ":");
    }
    let Some((name, tag)) = text.rsplit_once(':') else { return false };
    fine(name, "/:") && fine(tag, "") && !name.ends_with(['/', ':']) && !tag.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chart, File};

    fn proposed(template: &str, paths: &[&str]) -> Vec<String> {
        let file = |name: &str, text: &str| File { name: name.into(), data: text.into() };
        let chart =
            vec![file("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"), file("templates/a.yaml", template)];
        let rendered = Chart::from_files(chart).unwrap().render(&Json::Null).unwrap();
        let paths = ImagePaths::new(paths.iter().copied()).unwrap();
        let found = rendered.propose_paths(&paths).unwrap();
        found.iter().map(|one| format!("{} {} {}", one.path, one.names.join(","), one.kinds.join(","))).collect()
    }

    #[test]
    fn images_where_nobody_looks_are_proposed_with_their_path() {
        let job = "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: a/b:1}, {image: 'c@sha256:12'}]}}}}}";
        let path = "{.spec.jobTemplate.spec.template.spec.containers[*].image}";
        assert_eq!(proposed(job, &[]), [format!("{path} a/b:1,c@sha256:12 CronJob")]);
        assert_eq!(proposed(job, &[path]), Vec::<String>::new());
        let custom = "kind: X\nspec: {'a.b': {sidecarImage: 'q.io/x:2'}, image: latest, imagePolicy: 'if: not', imageUrl: 'http://x/'}";
        assert_eq!(proposed(custom, &[]), ["{.spec.a\\.b.sidecarImage} q.io/x:2 X"]);
        assert_eq!(proposed("kind: Pod\nspec: {containers: [{image: a:1}]}", &[]), Vec::<String>::new());
    }

    #[test]
    fn a_proposed_path_finds_what_it_was_proposed_for() {
        let custom = r#"{"kind": "X", "spec": {"a/b": {"a.b": [{"image": "q.io/x:2"}]}}}"#;
        let line = proposed(custom, &[]).remove(0);
        let path = line.rsplitn(3, ' ').last().unwrap().to_owned();
        assert_eq!(proposed(custom, &[&path]), Vec::<String>::new());
    }
}

//! `helm`.

use super::context::{Context, Fields};
use super::path::Path;
use crate::config::{Helm, HelmChart, HelmRepository};
use crate::diagnostic::{Code, Stage};
use crate::fields::{self, Object};
use crate::yaml::Node;

pub(super) fn helm(context: &mut Context<'_>, parent: &Fields<'_>, parent_path: &Path<'_>) -> Helm {
    let Some(node) = parent.get("helm") else { return Helm::default() };
    let path = parent_path.field("helm");
    let Some(fields) = context.fields(node, &path, &fields::HELM) else { return Helm::default() };
    context.stage = Stage::Helm;
    let repositories =
        context.list(&fields, &path, "repositories", "chart repositories", repository).unwrap_or_default();
    let local = context
        .list(&fields, &path, "local", "charts", |context, node, path| {
            chart(context, node, path, &fields::LOCAL_CHART, ("path", "./charts/app"))
        })
        .unwrap_or_default();
    Helm { repositories, local }
}

fn repository(context: &mut Context<'_>, node: &Node, path: &Path<'_>) -> Option<HelmRepository> {
    let object = &fields::REPOSITORY;
    let fields = context.fields(node, path, object)?;
    let name = context.required(&fields, path, "name", object, "podinfo");
    let url = context.required(&fields, path, "url", object, "https://charts.example/stable/");
    if let Some((text, node)) = url
        && !(text.starts_with("https://") || text.starts_with("http://") || text.starts_with("oci://"))
    {
        let message = format!("`{}` is no URL of a chart repository", text.escape_debug());
        let help = match text.split_once("://") {
            None if !text.starts_with('/') => format!("write `https://{text}`"),
            _ => "it begins with `https://`".to_owned(),
        };
        context.error_with_help(Code::InvalidValue, node, &path.field("url"), message, Some(help));
    }
    let charts = context.list(&fields, path, "charts", "charts", |context, node, path| {
        chart(context, node, path, &fields::CHART, ("name", "podinfo"))
    });
    Some(HelmRepository { name: name?.0.to_owned(), url: url?.0.to_owned(), charts, span: node.span })
}

fn chart(
    context: &mut Context<'_>,
    node: &Node,
    path: &Path<'_>,
    object: &'static Object,
    (needed, example): (&'static str, &str),
) -> Option<HelmChart> {
    let fields = context.fields(node, path, object)?;
    let found = context.required(&fields, path, needed, object, example).is_some();
    let optional = |context: &mut Context<'_>, name: &'static str| {
        if name == needed {
            fields.get(name).and_then(|node| node.as_text().map(str::to_owned))
        } else {
            context.string(&fields, path, name)
        }
    };
    let name = optional(context, "name").unwrap_or_default();
    let version = optional(context, "version");
    let chart_path = optional(context, "path");
    let image_paths = context
        .list(&fields, path, "imagePaths", "JSONPath expressions", |context, node, path| {
            context.text(node, path).map(str::to_owned)
        })
        .unwrap_or_default();
    let described =
        format!("chart {}", if name.is_empty() { chart_path.as_deref().unwrap_or_default() } else { &name });
    let platforms = context.platforms(&fields, path, &described);
    let values = fields.get("values").and_then(|node| context.values(node, &path.field("values")));
    let values_files = context
        .list(&fields, path, "valuesFiles", "paths of files", |context, node, path| {
            let text = context.text(node, path)?;
            if text.is_empty() {
                let help = "write the path of a file with values, or remove the item".to_owned();
                context.error_with_help(Code::InvalidValue, node, path, "the path of a file is empty", Some(help));
                return None;
            }
            Some(text.to_owned())
        })
        .unwrap_or_default();
    let hooks = context.boolean(&fields, path, "hooks");
    let span = node.span;
    found.then_some(HelmChart {
        name,
        version,
        path: chart_path,
        image_paths,
        platforms,
        values,
        values_files,
        hooks,
        span,
    })
}

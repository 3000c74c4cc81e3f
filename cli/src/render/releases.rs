//! The releases of a plan as a picture: every update between them is an arc.

use std::fmt::Write as _;

use mirror_plan::ReleaseUpdate;
use plan_document::{Document, ReleaseGraph, ReleaseNode, UpdateChange, WhatChanged};

use super::escape::text;

/// From one release to the next at least, in units of the picture, which are pixels.
const STEP: usize = 108;

/// About the width of a letter.
const LETTER: usize = 7;

/// How high an arc to the next release is, how much higher to each one behind, and how high at most.
const LOW: usize = 26;
const MORE: usize = 15;
const HIGH: usize = 190;

/// A line of text.
const LINE: usize = 15;

/// The section about releases: for each architecture a picture, and the updates as a table.
pub(super) fn releases(page: &mut String, document: &Document) {
    let graphs = ReleaseGraph::all(document);
    if graphs.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Releases</h2>\n<p>An arc leads from a release to a release that clusters can update to. A dashed arc is a conditional \
         update: clusters where one of its known risks applies are not offered this update.</p>\n",
    );
    for graph in &graphs {
        let several = graph.nodes.len() > 1;
        if let Some(architecture) = graph.architecture {
            let _ = writeln!(page, "<h3>{}</h3>", text(architecture));
        }
        let named = |wanted: &dyn Fn(usize, &ReleaseNode<'_>) -> bool| {
            let nodes = graph.nodes.iter().enumerate().filter(|(at, node)| wanted(*at, node));
            nodes.map(|(_, node)| text(node.label)).collect::<Vec<_>>().join(", ")
        };
        let unknown = named(&|_, node| !node.known);
        if !unknown.is_empty() {
            let _ = writeln!(
                page,
                "<p>No update graph was read for {unknown}: the plan does not know the updates from there.</p>"
            );
        }
        let touched = |at: usize| graph.edges.iter().any(|(from, to, _)| *from == at || *to == at);
        let alone = named(&|at, node| node.known && several && !touched(at));
        if !alone.is_empty() {
            let _ = writeln!(page, "<p>No update leads from or to {alone} inside the plan.</p>");
        }
        picture(page, graph);
        table(page, graph);
    }
}

/// An update between releases that changed: a sign, the update, and its condition.
pub fn update_words(change: &UpdateChange) -> (&'static str, String, String) {
    let sign = match change.change {
        WhatChanged::Added => "+",
        WhatChanged::Changed => "~",
        WhatChanged::Removed => "-",
    };
    let of = change.architecture.as_ref().map(|architecture| format!(" ({architecture})")).unwrap_or_default();
    let condition = condition(&change.update, "");
    let condition = if condition.is_empty() { "without condition".to_owned() } else { condition };
    (sign, format!("update {} -> {}{of}", change.from, change.update.to), condition)
}

/// How high an arc over so many releases is.
fn height(over: usize) -> usize {
    (LOW + over.saturating_sub(1) * MORE).min(HIGH)
}

fn picture(page: &mut String, graph: &ReleaseGraph<'_>) {
    let tallest = |up: bool| {
        let arcs = graph.edges.iter().filter(|(from, to, _)| (from < to) == up);
        arcs.map(|(from, to, _)| height(from.abs_diff(*to))).max().unwrap_or_default()
    };
    let lines = graph.nodes.iter().map(|node| node.channels.len()).max().unwrap_or_default() + 1;
    let y = tallest(true) + 24;
    let high = y + tallest(false).max(lines * LINE + 20) + 12;
    // No two labels touch.
    let labels =
        graph.nodes.iter().flat_map(|node| std::iter::once(node.label).chain(node.channels.iter().map(String::as_str)));
    let longest = labels.map(|label| label.chars().count()).max().unwrap_or_default();
    let step = STEP.max(longest.saturating_mul(LETTER).saturating_add(12));
    let wide = graph.nodes.len() * step;
    let x = |node: usize| step / 2 + node * step;
    let name = graph.architecture.map(|architecture| format!(" for {}", text(architecture))).unwrap_or_default();
    let _ = write!(
        page,
        "<div class=w><svg class=f width={wide} height={high} viewBox=\"0 0 {wide} {high}\" role=img aria-label=\"Releases and updates{name}\">"
    );
    for (from, to, update) in &graph.edges {
        let (start, end, over) = (x(*from), x(*to), height(from.abs_diff(*to)));
        // Up and over to a later release; an update to an earlier one goes below.
        let style = if update.conditional { "stroke:var(--warn);stroke-dasharray:6 4" } else { "stroke:var(--a)" };
        let _ = write!(
            page,
            "<path d=\"M{start} {y}A{rx} {over} 0 0 1 {end} {y}\" style=\"fill:none;stroke-width:1.8;{style}\"><title>{}</title></path>",
            text(&format!("{} to {}{}", graph.nodes[*from].label, graph.nodes[*to].label, condition(update, ": "))),
            rx = start.abs_diff(end) / 2,
        );
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        let x = x(at);
        // Every arc arrives straight from above or below.
        for (up, tip, back) in [(true, y - 7, y - 17), (false, y + 7, y + 17)] {
            if graph.edges.iter().any(|(from, to, _)| *to == at && (from < to) == up) {
                let (left, right) = (x - 5, x + 5);
                let _ = write!(page, "<path d=\"M{x} {tip}L{left} {back}L{right} {back}z\" style=\"fill:var(--fg)\"/>");
            }
        }
        let _ = write!(
            page,
            "<circle cx={x} cy={y} r=7 style=\"fill:var(--a)\"/><text x={x} y={} text-anchor=middle style=\"font-weight:600\">{}</text>",
            y + 12 + LINE,
            text(node.label)
        );
        for (line, channel) in node.channels.iter().enumerate() {
            let _ = write!(
                page,
                "<text x={x} y={} text-anchor=middle>{}</text>",
                y + 12 + (line + 2) * LINE,
                text(channel)
            );
        }
    }
    page.push_str("</svg></div>\n");
}

/// The same for whoever reads line by line.
fn table(page: &mut String, graph: &ReleaseGraph<'_>) {
    if graph.edges.is_empty() {
        return;
    }
    let conditional = graph.edges.iter().filter(|(_, _, update)| update.conditional).count();
    let _ = write!(
        page,
        "<details><summary>{} updates, {conditional} of them conditional</summary><div class=w><table><tr><th>from</th><th>to</th>\
         <th>condition</th></tr>",
        graph.edges.len()
    );
    for (from, to, update) in &graph.edges {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            text(graph.nodes[*from].label),
            text(graph.nodes[*to].label),
            text(&condition(update, ""))
        );
    }
    page.push_str("</table></div></details>\n");
}

/// Under which condition an update is offered; nothing for one without condition.
fn condition(update: &ReleaseUpdate, before: &str) -> String {
    match (update.conditional, update.risks.is_empty()) {
        (false, _) => String::new(),
        (true, true) => format!("{before}conditional"),
        (true, false) => format!("{before}conditional: {}", update.risks.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use plan_document::Mode;

    use super::*;

    /// A release: architecture, version, channels, and where clusters can go from there.
    type Row<'a> = (&'a str, &'a str, &'a [&'a str], Option<&'a str>);

    fn plan(rows: &[Row<'_>]) -> Document {
        let mut document = Document::new(Mode::MirrorToMirror, "docker://reg.lan:5000/m");
        for (at, (architecture, version, channels, updates)) in rows.iter().enumerate() {
            let digest = image_ref::Digest::sha256(&format!("{at:064x}")).expect("64 digits");
            let mut release =
                serde_json::json!({"version": version, "architecture": architecture, "channels": channels});
            if let Some(updates) = updates {
                release["updates"] = serde_json::from_str(updates).expect("JSON");
            }
            let image = serde_json::json!({
                "name": format!("openshift/release-images:{at}"), "kind": "ocpRelease", "origin": "o", "named": "q.io/r:1",
                "source": "q.io/r:1", "digest": digest, "why": {"path": "p", "line": 1, "steps": []}, "manifests": [],
                "blobs": [], "attached": [], "release": release,
            });
            document.images.push(serde_json::from_value(image).expect("the image is whole"));
        }
        document
    }

    fn section(document: &Document) -> String {
        let mut page = String::new();
        releases(&mut page, document);
        page
    }

    #[test]
    fn every_update_is_an_arc() {
        let stable: &[&str] = &["stable-4.20"];
        let conditional = r#"[{"to": "4.20.9"}, {"to": "4.20.10", "conditional": true, "risks": ["DiskFire"]}]"#;
        let document = plan(&[
            ("amd64", "4.20.10", stable, Some("[]")),
            ("amd64", "4.20.2", stable, Some(conditional)),
            ("amd64", "4.20.9", &["fast-4.20", "stable-4.20"], Some(r#"[{"to": "4.20.10"}]"#)),
            ("amd64", "4.21.0-rc.1", &["candidate-4.21"], Some("[]")),
            ("s390x", "4.20.2", &[], None),
        ]);
        insta::assert_snapshot!(section(&document).replace("><", ">\n<"));
    }

    #[test]
    fn a_plan_without_releases_has_no_section() {
        assert_eq!(section(&Document::new(Mode::MirrorToDisk, "file:///m")), "");
    }
}

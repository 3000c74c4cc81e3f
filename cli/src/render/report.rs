//! A plan as one page, for the people who approve: HTML with pictures in it, without script and without a request.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mirror_engine::size;
use mirror_plan::{Family, ImageKind};
use plan_document::{Diff, Document, Image};

use super::treemap::{Cell, squarify};

/// How many tiles the picture of sizes has, the rest together in one more.
const TILES: usize = 40;

/// Up to so many changes are shown without a click.
const OPEN: usize = 60;

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#f2f4f7;--line:#c9d1d9;--new:#116329;--gone:#a40e26;--warn:#7a4100;--a:#2f6fb3}\
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#161b22;--line:#3d444d;--new:#56d364;--gone:#ff7b72;--warn:#e3b341;--a:#58a6ff}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:76rem;padding:1rem;font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}\
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;border-bottom:1px solid var(--line)}\
code,.m{font-family:ui-monospace,monospace;font-size:.86em;overflow-wrap:anywhere}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}\
dt{color:var(--warn)}dd{margin:0;overflow-wrap:anywhere}.w{overflow-x:auto}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;padding:.15rem .5rem .15rem 0;vertical-align:top;overflow-wrap:anywhere}tr+tr{border-top:1px solid var(--line)}\
.n{color:var(--new)}.g{color:var(--gone)}.r{white-space:nowrap;text-align:right}svg{width:100%;height:auto;background:var(--soft)}\
svg text{fill:var(--fg);font:12px system-ui,sans-serif}summary{cursor:pointer}@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}";

/// The page of a plan, with what changed since an earlier one.
pub fn html(document: &Document, against: Option<(&Document, &Diff)>) -> String {
    let mut page = String::with_capacity(4096 + document.images.len() * 320);
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    // Without an icon, a browser asks for one.
    page.push_str("<link rel=\"icon\" href=\"data:,\">");
    let _ =
        writeln!(page, "<title>Plan for {}</title><style>{STYLE}</style></head><body>", text(&document.destination));
    head(&mut page, document);
    if let Some((old, diff)) = against {
        changes(&mut page, old, diff);
    }
    warnings(&mut page, document);
    releases(&mut page, document);
    operators(&mut page, document);
    sizes(&mut page, document);
    images(&mut page, document);
    page.push_str("</body></html>\n");
    page
}

fn head(page: &mut String, document: &Document) {
    let totals = document.totals;
    let _ = write!(page, "<h1>Plan for <code>{}</code></h1>\n<dl>", text(&document.destination));
    let signed =
        document.images.iter().filter(|image| image.attached.as_ref().is_some_and(|all| !all.is_empty())).count();
    let rows = [
        ("id", format!("<code>{}</code>", document.id)),
        ("made", format!("{} by {}", text(&document.created), text(&document.tool))),
        ("mode", text(document.mode.as_str())),
        ("images", format!("{}, {signed} of them with signatures or other artifacts", totals.images)),
        ("to transfer at most", format!("{} in {} blobs", size(totals.bytes), totals.blobs)),
        ("shared by images", format!("{} in {} blobs", size(totals.shared_bytes), totals.shared_blobs)),
    ];
    for (name, value) in rows {
        let _ = write!(page, "<dt>{name}</dt><dd>{value}</dd>");
    }
    for catalog in &document.catalogs {
        let _ = write!(page, "<dt>catalog</dt><dd><code>{}</code></dd>", text(&catalog.catalog.to_string()));
    }
    page.push_str("</dl>\n");
}

/// How much two plans differ, in numbers.
pub fn totals(diff: &Diff) -> String {
    format!(
        "{} images added, {} removed, {} changed. New blobs: {}, {}. Blobs no longer needed: {}, {}.",
        diff.added.len(),
        diff.removed.len(),
        diff.changed.len(),
        diff.new_blobs,
        size(diff.new_bytes),
        diff.gone_blobs,
        size(diff.gone_bytes)
    )
}

fn changes(page: &mut String, old: &Document, diff: &Diff) {
    let _ = writeln!(page, "<h2>What is new since {}</h2>", text(&old.created));
    if diff.equal {
        page.push_str("<p>Nothing: the plans are equal.</p>\n");
        return;
    }
    let _ = write!(
        page,
        "<p>{}</p>\n<details{}><summary>Each of them</summary><div class=w><table>",
        totals(diff),
        // A long list is there for whoever asks.
        if diff.added.len() + diff.removed.len() + diff.changed.len() <= OPEN { " open" } else { "" }
    );
    let mut row = |class: &str, sign: &str, name: &str, what: &str, bytes: u64| {
        let _ = write!(
            page,
            "<tr><td class={class}>{sign}</td><td class=m>{}</td><td>{}</td><td class=r>{}</td></tr>",
            text(name),
            text(what),
            size(bytes)
        );
    };
    for entry in &diff.added {
        row("n", "+", &entry.name, &entry.why, entry.bytes);
    }
    for change in &diff.changed {
        let what = if change.old_why == change.new.why {
            change.differences.join(", ")
        } else {
            format!("{} -> {}", change.old_why, change.new.why)
        };
        row("n", "~", &change.new.name, &what, change.new.bytes);
    }
    for entry in &diff.removed {
        row("g", "-", &entry.name, &entry.why, entry.bytes);
    }
    for member in &diff.members {
        row("n", "~", member, "changed", 0);
    }
    page.push_str("</table></div></details>\n");
}

fn warnings(page: &mut String, document: &Document) {
    let mut lines = Vec::new();
    let unread = document.images.iter().filter(|image| image.error.is_some());
    lines.extend(unread.map(|image| format!("{}: {}", image.name, image.error.as_deref().unwrap_or_default())));
    lines.extend(
        document.blocked.iter().map(|one| format!("{} is kept out by blockedImages `{}`", one.origin, one.pattern)),
    );
    if !document.built_blobs.is_empty() {
        let bytes = document.built_blobs.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        lines.push(format!(
            "{} blobs ({}) were built by oc-mirror: rebuilt catalogs, the update graph",
            document.built_blobs.len(),
            size(bytes)
        ));
    }
    if lines.is_empty() {
        return;
    }
    page.push_str("<h2>Worth a look</h2>\n<ul>");
    for line in lines {
        let _ = write!(page, "<li>{}</li>", text(&line));
    }
    page.push_str("</ul>\n");
}

/// Releases from left to right, each channel a row, and the way from one to the next.
fn releases(page: &mut String, document: &Document) {
    let payloads = document.images.iter().filter(|image| image.kind == ImageKind::ReleasePayload);
    let mut channels: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for image in payloads {
        let version = image.name.rsplit_once(':').map_or(image.name.as_str(), |(_, tag)| tag).to_owned();
        // `channel stable-4.20: head of the channel`
        let channel = image.why.steps.iter().find_map(|step| step.strip_prefix("channel "));
        let channel = channel.map(|step| step.split_once(':').map_or(step, |(name, _)| name));
        channels.entry(channel.unwrap_or(&image.why.path).to_owned()).or_default().push(version);
    }
    if channels.is_empty() {
        return;
    }
    for versions in channels.values_mut() {
        versions.sort_by_key(|version| numbers(version));
    }
    let all: BTreeSet<(Vec<u64>, &str)> =
        channels.values().flatten().map(|version| (numbers(version), version.as_str())).collect();
    let columns: Vec<&str> = all.into_iter().map(|(_, version)| version).collect();
    let (step, height) = (140, 40 + channels.len() * 60);
    let width = 200 + columns.len() * step;
    let _ = write!(
        page,
        "<h2>Releases</h2>\n<p>Each row is a channel. A line leads from one release of the plan to the next one. Whether clusters can \
         update along a line, oc-mirror checked when the plan was made, and warned otherwise.</p>\n<div class=w><svg viewBox=\"0 0 {width} {height}\" style=\"min-width:{}px\" role=img aria-label=\"Releases by channel\">",
        width.min(900)
    );
    for (row, (channel, versions)) in channels.iter().enumerate() {
        let y = 40 + row * 60;
        let x = |version: &str| 220 + columns.iter().position(|known| *known == version).unwrap_or(0) * step;
        let _ = write!(page, "<text x=8 y={}>{}</text>", y + 4, text(channel));
        for pair in versions.windows(2) {
            let _ = write!(
                page,
                "<line x1={} y1={y} x2={} y2={y} style=\"stroke:var(--a);stroke-width:3\"/>",
                x(&pair[0]),
                x(&pair[1])
            );
        }
        for version in versions {
            let _ = write!(
                page,
                "<circle cx={0} cy={y} r=7 style=\"fill:var(--a)\"/><text x={0} y={1} text-anchor=middle>{2}</text>",
                x(version),
                y + 24,
                text(version)
            );
        }
    }
    page.push_str("</svg></div>\n");
}

/// The numbers in a version, for sorting.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

fn operators(page: &mut String, document: &Document) {
    // Package, then channel, then bundles.
    let mut packages: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for image in document.images.iter().filter(|image| image.kind == ImageKind::OperatorBundle) {
        let step = |name: &str| image.why.steps.iter().find_map(|step| step.strip_prefix(name));
        let channel = step("channel ").unwrap_or("-");
        for used in &image.operators {
            packages.entry(&used.operator).or_default().entry(channel).or_default().insert(&used.bundle);
        }
    }
    if packages.is_empty() {
        return;
    }
    page.push_str("<h2>Operators</h2>\n<div class=w><table><tr><th>package</th><th>channel</th><th>bundles</th></tr>");
    for (package, channels) in packages {
        for (channel, bundles) in channels {
            let bundles: Vec<String> = bundles.into_iter().map(text).collect();
            let (package, channel) = (text(package), text(channel));
            let _ =
                write!(page, "<tr><td>{package}</td><td>{channel}</td><td class=m>{}</td></tr>", bundles.join(", "));
        }
    }
    page.push_str("</table></div>\n");
}

/// What takes the room: bytes that belong to one operator or one kind alone, and those that images share.
fn sizes(page: &mut String, document: &Document) {
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    for (image, (_, own)) in document.images.iter().zip(document.bytes_of_images()) {
        let bytes = groups.entry(group(image)).or_default();
        *bytes = bytes.saturating_add(own);
    }
    let shared = groups.entry("shared by images".to_owned()).or_default();
    *shared = shared.saturating_add(document.totals.shared_bytes);
    let mut groups: Vec<(String, u64)> = groups.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    groups.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    if groups.is_empty() {
        return;
    }
    if groups.len() > TILES {
        let rest = groups.split_off(TILES);
        let bytes = rest.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        groups.push((format!("{} others", rest.len()), bytes));
    }
    let sizes: Vec<u64> = groups.iter().map(|(_, bytes)| *bytes).collect();
    page.push_str("<h2>What takes the room</h2>\n<svg viewBox=\"0 0 1000 420\" role=img aria-label=\"Bytes by operator and kind\">");
    for ((name, bytes), Cell { x, y, width, height }) in groups.iter().zip(squarify(&sizes, 1000.0, 420.0)) {
        let _ = write!(
            page,
            "<g><title>{0}: {1}</title><rect x={x:.1} y={y:.1} width={width:.1} height={height:.1} \
             style=\"fill:var(--a);fill-opacity:.28;stroke:var(--bg);stroke-width:2\"/>",
            text(name),
            size(*bytes)
        );
        // About seven units a letter; what does not fit stands in the title.
        if width > 60.0 && height > 34.0 {
            let fits = |(at, _): &(usize, char)| (*at as f64) < width / 7.5 - 1.0;
            let shown: String = name.chars().enumerate().take_while(fits).map(|(_, character)| character).collect();
            let _ = write!(
                page,
                "<text x={0:.1} y={1:.1}>{2}</text><text x={0:.1} y={3:.1}>{4}</text>",
                x + 6.0,
                y + 16.0,
                text(&shown),
                y + 31.0,
                size(*bytes)
            );
        }
        page.push_str("</g>");
    }
    page.push_str("</svg>\n");
}

fn group(image: &Image) -> String {
    match image.operators.first() {
        Some(used) => used.operator.clone(),
        None => match image.kind.family() {
            Family::Release => "releases".to_owned(),
            Family::Operator => "operator catalogs".to_owned(),
            Family::Additional => "additional images".to_owned(),
            Family::Helm => "Helm charts".to_owned(),
        },
    }
}

fn images(page: &mut String, document: &Document) {
    let _ = write!(
        page,
        "<h2>Images</h2>\n<details><summary>{} images</summary><div class=w><table><tr><th>name</th><th>kind</th><th>size</th>\
         <th>its own</th><th>digest</th><th>why</th></tr>\n",
        document.images.len()
    );
    for (image, (all, own)) in document.images.iter().zip(document.bytes_of_images()) {
        let digest = image.digest.as_ref().map_or("unknown", |digest| &digest.hex()[..16]);
        let _ = writeln!(
            page,
            "<tr><td class=m>{}<td>{}<td class=r>{}<td class=r>{}<td class=m>{digest}<td>{}",
            text(&image.name),
            image.kind,
            size(all),
            size(own),
            text(image.why.steps.last().unwrap_or(&image.why.path))
        );
    }
    page.push_str("</table></div></details>\n");
}

/// Text that stands for itself in HTML, whatever it says.
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Letters that turn the direction of what follows would let one name look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(escaped, "&#92;u{:x}", u32::from(character));
            }
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use plan_document::Mode;
    use proptest::prelude::*;

    use super::*;

    /// A plan of so many images, with this text wherever a name may stand.
    fn plan(images: usize, name: &str) -> Document {
        let mut document = Document::new(Mode::MirrorToMirror, "docker://reg.lan:5000/m");
        name.clone_into(&mut document.tool);
        for at in 0..images {
            let digest = image_ref::Digest::sha256(&format!("{at:064x}")).expect("64 digits");
            let image = serde_json::json!({
                "name": format!("redhat/some-operator/component-{at}:v{name}"), "kind": "operatorRelatedImage", "origin": name,
                "named": "quay.io/a/b:c", "source": "quay.io/a/b:c", "digest": digest,
                "operators": [{"operator": format!("operator-{}{name}", at % 60), "bundle": name}],
                "why": {"path": "mirror.operators[0]", "line": 3, "steps": [format!("bundle {name}")]},
                "manifests": [], "blobs": [digest], "attached": [],
            });
            document.images.push(serde_json::from_value(image).expect("the image is whole"));
            document.blobs.insert(digest, 1_000_000 + at as u64);
        }
        document.blocked.push(mirror_plan::Blocked { origin: name.to_owned(), pattern: name.to_owned() });
        document.seal().0
    }

    /// Nothing of this runs, loads, or leads anywhere.
    fn is_harmless(page: &str) {
        for forbidden in [
            "<script",
            "<img",
            "<iframe",
            "<a ",
            "src=",
            "url(",
            "@import",
            "http://",
            "https://",
            "onload",
            "javascript:",
        ] {
            assert!(!page.to_lowercase().contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("href=").count(), page.matches("href=\"data:,\"").count());
    }

    #[test]
    fn a_page_stands_alone() {
        let (old, new) = (plan(3, "1.0"), plan(5, "1.0"));
        let diff = Diff::of(&old, &new);
        let page = html(&new, Some((&old, &diff)));
        is_harmless(&page);
        assert!(page.contains("2 images added, 0 removed, 0 changed"));
        assert!(page.contains("default-src 'none'"));
        assert!(html(&new, Some((&new, &Diff::of(&new, &new)))).contains("Nothing: the plans are equal."));
    }

    #[test]
    fn nine_thousand_images_fit() {
        let page = html(&plan(9000, "1.2.3"), None);
        assert!(page.len() <= 3_000_000, "{} bytes", page.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn hostile_names_stay_names(name in "[<>&\"'/=a-z\u{202e}\u{7} ]{0,24}") {
            let hostile = format!("{name}<b onx=1>&\"'</td>");
            let page = html(&plan(2, &hostile), None);
            prop_assert!(!page.contains("<b onx"));
            let shown = ['\u{202e}', '\u{7}'].into_iter().any(|character| page.contains(character));
            prop_assert!(!shown);
        }
    }
}
